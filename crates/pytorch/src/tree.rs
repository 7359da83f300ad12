//! Units in modules, by their paths.

use std::{collections::HashMap, ops::Range};

use inceptive_ir::Part;

use super::{
    names::{Names, identifier},
    step::Step,
    units::{Unit, Units},
};

/// Modules are nested no deeper; names further inside are joined.
const MAX_DEPTH: usize = 10;

/// The content of a module: its items in an order in which they can run.
#[derive(Clone, Debug)]
pub struct Body {
    /// Which kind of module it is; equal kinds differ in numbers only.
    pub kind: usize,
    /// The items.
    pub items: Vec<Item>,
    /// Channels of its inputs.
    pub inputs: Vec<u32>,
    /// Its result.
    pub output: Source,
}

/// A unit or module inside of a module.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its path inside of the module.
    pub segments: Vec<String>,
    /// Its attribute.
    pub attribute: String,
    /// Its content.
    pub content: Content,
    /// Its inputs, in order.
    pub reads: Vec<Source>,
    /// Channels of its result.
    pub channels: u32,
    /// The unit that is its output.
    pub unit: usize,
}

/// The content of an item.
#[derive(Clone, Debug)]
pub enum Content {
    /// A unit.
    Step(Step),
    /// A module.
    Module(Body),
}

/// Where a value inside of a module comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// Source outside, by the position among the module's inputs.
    Input(usize),
    /// Source an item of the module.
    Item(usize),
}

/// The network.
#[derive(Clone, Debug)]
pub struct Network {
    /// Main network and auxiliary heads; the result is the main network's.
    pub body: Body,
    /// How many items come before the first of an auxiliary head.
    pub main: usize,
    /// Results of the auxiliary heads.
    pub auxiliary: Vec<Source>,
    /// Whether a softmax turns logits into probabilities.
    pub softmax: bool,
    /// Structures of the kinds of modules.
    pub kinds: usize,
}

/// The network in modules. A path prefix is a module if at most one of its values is read outside; otherwise its
/// content belongs to the module around it, and so do nodes under the path of a unit.
pub fn network(units: &Units, input_channels: u32) -> Network {
    let forest = Forest::new(units);
    let mut builder = Builder { units, forest: &forest, input_channels, kinds: HashMap::new() };
    let mut inside = builder.inside(0, &[]);
    let is_auxiliary = |raw: &Raw| units.all[raw.output].part != Part::Main;
    inside.sort_by_key(is_auxiliary);
    let main = inside.iter().filter(|raw| !is_auxiliary(raw)).count();
    let Built { mut body, owners, outside: _ } = builder.body(inside);
    let mut names = Names::default();
    for (at, item) in body.items.iter_mut().enumerate() {
        item.attribute = names.take(&root_attribute(&item.attribute, at >= main));
    }
    let source =
        |unit: &Option<usize>| unit.map_or(Source::Input(0), |unit| Source::Item(owners[&unit]));
    body.inputs = vec![input_channels];
    body.output = source(&units.output);
    let auxiliary = units.auxiliary.iter().map(source).collect();
    Network { body, main, auxiliary, softmax: units.softmax, kinds: builder.kinds.len() }
}

/// Auxiliary heads are recognised in weights files by a prefix, so all of them have it and nothing else has.
fn root_attribute(name: &str, is_auxiliary: bool) -> String {
    let says_so = name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("aux"));
    match (is_auxiliary, says_so) {
        (true, false) => format!("aux_{name}"),
        (false, true) => format!("_{name}"),
        (true, true) | (false, false) => name.to_owned(),
    }
}

/// The units by the segments of their paths.
struct Forest {
    nodes: Vec<TreeNode>,
    /// Units in the order of the tree; a node's are next to each other.
    order: Vec<usize>,
    /// Positions of the units in that order.
    position: Vec<usize>,
    /// Which units read a unit.
    readers: Vec<Vec<usize>>,
}

#[derive(Default)]
struct TreeNode {
    segment: String,
    children: Vec<usize>,
    units: Vec<usize>,
    range: Range<usize>,
}

impl Forest {
    fn new(units: &Units) -> Self {
        let mut nodes = vec![TreeNode::default()];
        let mut known: HashMap<(usize, String), usize> = HashMap::new();
        let mut readers = vec![Vec::new(); units.all.len()];
        for (at, unit) in units.all.iter().enumerate() {
            let mut place = 0;
            for segment in capped(unit) {
                place = *known.entry((place, segment.clone())).or_insert_with(|| {
                    nodes.push(TreeNode { segment, ..TreeNode::default() });
                    let new = nodes.len() - 1;
                    nodes[place].children.push(new);
                    new
                });
            }
            nodes[place].units.push(at);
            unit.reads.iter().flatten().for_each(|&read| readers[read].push(at));
        }
        let count = units.all.len();
        let mut forest = Self { nodes, order: vec![], position: vec![0; count], readers };
        forest.number(0);
        for (position, &unit) in forest.order.iter().enumerate() {
            forest.position[unit] = position;
        }
        forest
    }

    fn number(&mut self, node: usize) {
        let start = self.order.len();
        self.order.extend(&self.nodes[node].units);
        for child in self.nodes[node].children.clone() {
            self.number(child);
        }
        self.nodes[node].range = start..self.order.len();
    }

    /// Whether a node has two units or more of one part of the network and gives one value, after all that it
    /// reads.
    fn is_module(&self, node: usize, units: &Units) -> bool {
        let range = &self.nodes[node].range;
        let inside = &self.order[range.clone()];
        let is_inside = |unit: &usize| range.contains(&self.position[*unit]);
        let part = |unit: usize| units.all[unit].part;
        let mut outputs = inside.iter().filter(|&&unit| {
            let is_result = units.output == Some(unit) || units.auxiliary.contains(&Some(unit));
            is_result || self.readers[unit].iter().any(|reader| !is_inside(reader))
        });
        let (Some(&output), None) = (outputs.next(), outputs.next()) else { return false };
        let reads = inside.iter().flat_map(|&unit| units.all[unit].reads.iter().flatten());
        inside.len() > 1
            && inside.iter().all(|&unit| part(unit) == part(output) && unit <= output)
            && reads.filter(|read| !is_inside(read)).all(|&read| read < output)
    }

    /// The last unit of a module, which is its output.
    fn output(&self, node: usize) -> Option<usize> {
        self.order[self.nodes[node].range.clone()].iter().copied().max()
    }
}

/// The segments of a unit's path, the last ones joined where they are too many.
fn capped(unit: &Unit) -> Vec<String> {
    let mut segments: Vec<String> = unit.path.segments().map(str::to_owned).collect();
    if segments.len() > MAX_DEPTH {
        let last = segments.split_off(MAX_DEPTH - 1).join("_");
        segments.push(last);
    }
    segments
}

/// An item before its module is built.
struct Raw {
    segments: Vec<String>,
    /// The node of the tree, of a module.
    module: Option<usize>,
    /// The unit that is its output.
    output: usize,
}

/// A module that was built.
struct Built {
    body: Body,
    /// The item that computes the value of a unit.
    owners: HashMap<usize, usize>,
    /// The units that the module reads; none is the network's input.
    outside: Vec<Option<usize>>,
}

struct Builder<'a> {
    units: &'a Units,
    forest: &'a Forest,
    input_channels: u32,
    kinds: HashMap<String, usize>,
}

impl Builder<'_> {
    /// The items of a node of the tree, in an order in which they can run.
    fn inside(&self, node: usize, prefix: &[String]) -> Vec<Raw> {
        let mut inside = Vec::new();
        self.collect(node, prefix, &mut inside);
        inside.sort_by_key(|raw| raw.output);
        inside
    }

    fn collect(&self, node: usize, prefix: &[String], inside: &mut Vec<Raw>) {
        let node = &self.forest.nodes[node];
        let unit = |&output| Raw { segments: prefix.to_vec(), module: None, output };
        inside.extend(node.units.iter().map(unit));
        for &child in &node.children {
            let below = &self.forest.nodes[child];
            let segments = [prefix, std::slice::from_ref(&below.segment)].concat();
            let is_branching = below.units.is_empty() && below.children.len() > 1;
            match self.forest.output(child) {
                Some(output) if is_branching && self.forest.is_module(child, self.units) => {
                    inside.push(Raw { segments, module: Some(child), output });
                }
                _ => self.collect(child, &segments, inside),
            }
        }
    }

    fn body(&mut self, inside: Vec<Raw>) -> Built {
        let mut owners = HashMap::new();
        let mut outside: Vec<Option<usize>> = Vec::new();
        let mut positions: HashMap<Option<usize>, usize> = HashMap::new();
        let mut names = Names::default();
        let mut items = Vec::with_capacity(inside.len());
        for Raw { segments, module, output } in inside {
            let (content, reads) = self.content(module, output);
            let source = |read: Option<usize>| match read.and_then(|unit| owners.get(&unit)) {
                Some(&item) => Source::Item(item),
                None => Source::Input(*positions.entry(read).or_insert_with(|| {
                    outside.push(read);
                    outside.len() - 1
                })),
            };
            let reads = reads.into_iter().map(source).collect();
            let attribute = names.take(&identifier(&segments.join("_")));
            let channels = self.units.all[output].shape.channels();
            owners.insert(output, items.len());
            items.push(Item { segments, attribute, content, reads, channels, unit: output });
        }
        let kind = self.kind(&items);
        let channels = |unit: &Option<usize>| {
            unit.map_or(self.input_channels, |unit| self.units.all[unit].shape.channels())
        };
        let body = Body {
            kind,
            inputs: outside.iter().map(channels).collect(),
            output: items.len().checked_sub(1).map_or(Source::Input(0), Source::Item),
            items,
        };
        Built { body, owners, outside }
    }

    /// A unit or module, with the units that it reads.
    fn content(&mut self, module: Option<usize>, unit: usize) -> (Content, Vec<Option<usize>>) {
        match module {
            Some(node) => {
                let Built { body, outside, .. } = self.body(self.inside(node, &[]));
                (Content::Module(body), outside)
            }
            None => {
                let Unit { step, reads, .. } = &self.units.all[unit];
                (Content::Step(step.clone()), reads.clone())
            }
        }
    }

    /// The kind of a module: equal for modules that differ in numbers only.
    fn kind(&mut self, items: &[Item]) -> usize {
        let structure = |item: &Item| {
            let content = match &item.content {
                Content::Step(step) => step.structure(),
                Content::Module(body) => body.kind.to_string(),
            };
            format!("{:?} {:?} {content};", item.segments, item.reads)
        };
        let next = self.kinds.len();
        *self.kinds.entry(items.iter().map(structure).collect()).or_insert(next)
    }
}
