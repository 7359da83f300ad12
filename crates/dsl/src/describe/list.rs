//! Lists of steps, with names and calls of blocks.

use std::collections::{HashMap, HashSet};

use inceptive_ir::Op;

use super::{
    args,
    blocks::{Block, Blocks},
    layers::is_written_with_others,
    names::{self, Taken},
    page::Value,
    runs::Part,
    tree::{Item, Segment},
    writer::{Slots, Writer},
};

/// Equal calls behind each other from which on they are a repetition.
const LEAST_REPEATS: usize = 3;

/// What the first steps of a list read.
const ENTRY: &str = "in";

/// Where a list of steps stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    Outermost,
    Tail,
    Branch(String),
}

/// A list of steps that is being written.
pub(super) struct List<'a, 'w, 'g> {
    writer: &'w Writer<'a, 'g>,
    blocks: &'w Blocks,
    place: Place,
    taken: Taken,
    /// What the paths of its steps begin with, if it is known.
    pub(super) path: Option<String>,
    /// The name of the step before.
    before: Option<String>,
}

impl<'a, 'w, 'g> List<'a, 'w, 'g> {
    pub(super) fn new(writer: &'w Writer<'a, 'g>, blocks: &'w Blocks, place: Place) -> Self {
        let taken = Taken::with(&["input", "tail", "in"]);
        let path = match &place {
            Place::Outermost => Some(String::new()),
            Place::Tail => Some("tail/".to_owned()),
            Place::Branch(_) => None,
        };
        Self { writer, blocks, place, taken, path, before: Some(ENTRY.to_owned()) }
    }

    /// A name for items in the outermost list, or for those that must have one.
    fn name(&mut self, items: &[Item], word: &str, is_needed: bool) -> Option<String> {
        let segments = self.writer.segments(items);
        let name = match (&self.place, items) {
            // A layer that is in no module has a name of its own, unless that is its operator's.
            (Place::Outermost, [Item::Layer(layer)]) if segments.is_empty() => {
                let node = self.writer.layers.node(*layer);
                let own = Some(node.path.as_str()).filter(|path| names::is_name(path));
                own.filter(|path| !path.starts_with(node.op.name())).map(str::to_owned)
            }
            (Place::Outermost, _) => names::name(&segments, 0),
            (Place::Tail | Place::Branch(_), _) => None,
        };
        let Some(name) = name else {
            return is_needed.then(|| self.taken.take(&format!("{word}_")));
        };
        let name = match name.strip_prefix(word) {
            Some(rest) if names::is_name(rest) => rest,
            _ => &name,
        };
        Some(self.taken.take(name))
    }

    pub(super) fn parts(mut self, parts: &[Part]) -> Vec<Value> {
        let mut steps: Vec<Value> = Vec::new();
        let mut at = 0;
        while at < parts.len() {
            let items = parts[at].items();
            let Some((word, arguments)) = self.call(items) else {
                let next = parts.get(at + 1).and_then(|part| part.items().first());
                steps.extend(self.items_in(items, next, &mut Slots::Plain));
                at += 1;
                continue;
            };
            let same = |part: &&Part| {
                self.call(part.items())
                    .is_some_and(|other| other == (word.clone(), arguments.clone()))
            };
            let count = parts[at..].iter().take_while(same).count();
            let used = if count >= LEAST_REPEATS { count } else { 1 };
            let next = parts.get(at + used).and_then(|part| part.items().first());
            let name = self.name(items, &word, is_cell(next));
            self.before.clone_from(&name);
            at += used;
            if used == 1 {
                steps.push(call_of(&word, name.as_deref(), arguments));
                continue;
            }
            let step = call_of(&word, None, arguments);
            let entries = vec![
                ("count".to_owned(), Value::plain(count.to_string())),
                ("steps".to_owned(), Value::List(vec![step])),
            ];
            let key = match name {
                Some(name) => format!("repeat {name}"),
                None => "repeat".to_owned(),
            };
            steps.push(Value::Map(vec![(key, Value::Map(entries))]));
        }
        steps
    }

    /// The block that items are, with the arguments of a call.
    fn call(&self, items: &[Item]) -> Option<(String, Vec<(String, Value)>)> {
        let block = self.blocks.of(self.writer, items)?;
        Some((block.name.clone(), self.arguments(block, items)))
    }

    pub(super) fn items(mut self, items: &[Item]) -> Vec<Value> {
        self.items_in(items, None, &mut Slots::Plain)
    }

    pub(super) fn items_with(mut self, items: &[Item], slots: &mut Slots<'_>) -> Vec<Value> {
        self.items_in(items, None, slots)
    }

    fn branch(&self) -> String {
        match &self.place {
            Place::Branch(name) => name.clone(),
            Place::Outermost | Place::Tail => String::new(),
        }
    }

    /// Items, with the one behind them.
    fn items_in(
        &mut self,
        items: &[Item],
        next: Option<&Item>,
        slots: &mut Slots<'_>,
    ) -> Vec<Value> {
        let branch = self.branch();
        let mut steps = Vec::new();
        for (position, item) in items.iter().enumerate() {
            let is_needed = is_cell(items.get(position + 1).or(next));
            let own = std::slice::from_ref(item);
            match item {
                Item::Layer(layer) => {
                    let is_owner = self.writer.owners.contains(layer);
                    let name = self.layer_name(*layer, is_needed || is_owner);
                    if let (true, Some(name), Some(path)) = (is_owner, &name, &self.path) {
                        self.writer.paths.borrow_mut().insert(*layer, format!("{path}{name}"));
                    }
                    steps.push(self.writer.step(*layer, name.as_deref(), vec![], slots, &branch));
                    self.before = name;
                }
                Item::Join(join) => {
                    if let (Some((word, arguments)), Slots::Plain) = (self.call(own), &slots) {
                        let name = self.name(own, &word, is_needed);
                        steps.push(call_of(&word, name.as_deref(), arguments));
                        self.before = name;
                        continue;
                    }
                    let is_needed = is_needed || self.writer.has_owner(own);
                    let name = self.name(own, "parallel", is_needed);
                    let path = self.path.clone().zip(name.as_ref());
                    let path = path.map(|(path, name)| format!("{path}{name}"));
                    let end = join.then.unwrap_or(join.join);
                    if let (true, Some(path)) = (self.writer.owners.contains(&end), &path) {
                        self.writer.paths.borrow_mut().insert(end, path.clone());
                    }
                    let path = path.map(|path| path + "/");
                    let key = match &name {
                        Some(name) if !slots.is_blank() => format!("parallel {name}"),
                        Some(_) | None => "parallel".to_owned(),
                    };
                    let blocks = Some(self.blocks);
                    let entries = self.writer.branches(join, blocks, slots, path.as_deref());
                    steps.push(Value::Map(vec![(key, Value::Map(entries))]));
                    self.before = name;
                }
                Item::Cell(inside) => {
                    let before = position.checked_sub(1).and_then(|at| items.get(at));
                    let mut scope = Scope::new(before.map(end_of), self.before.clone());
                    steps.extend(self.cell(inside, &mut scope, slots));
                    self.before = scope.last.and_then(|last| scope.names.remove(&last));
                }
                Item::Segment(segment) if segment.is_chain(self.writer.layers) => {
                    steps.extend(self.items_in(&segment.items, None, slots));
                }
                Item::Segment(segment) => {
                    let mut scope = Scope::new(segment.reads.first().copied(), None);
                    for (&read, name) in segment.reads.iter().zip(input_names(segment)) {
                        scope.names.insert(read, name);
                    }
                    steps.extend(self.cell(&segment.items, &mut scope, slots));
                }
            }
        }
        steps
    }

    fn layer_name(&mut self, layer: usize, is_needed: bool) -> Option<String> {
        let op = self.writer.layers.op(layer);
        let may_have = self.place == Place::Outermost && is_written_with_others(op) || is_needed;
        let own = may_have.then(|| self.name(&[Item::Layer(layer)], "", false)).flatten();
        own.or_else(|| is_needed.then(|| self.taken.take(&format!("{}_", op.name()))))
    }

    /// Steps that name what they read. A segment that is a block is a call of it.
    fn cell(&mut self, items: &[Item], scope: &mut Scope, slots: &mut Slots<'_>) -> Vec<Value> {
        let mut steps = Vec::new();
        for item in items {
            match item {
                Item::Layer(layer) => steps.extend(self.cell_layer(*layer, scope, slots)),
                Item::Segment(segment) => match self.cell_call(item, segment, scope, slots) {
                    Some(call) => steps.push(call),
                    None => steps.extend(self.cell(&segment.items, scope, slots)),
                },
                Item::Join(_) | Item::Cell(_) => {
                    steps.extend(self.items_in(std::slice::from_ref(item), None, slots));
                }
            }
        }
        steps
    }

    /// The step of a layer, behind those that it needs.
    fn cell_layer(&mut self, layer: usize, scope: &mut Scope, slots: &mut Slots<'_>) -> Vec<Value> {
        let writer = self.writer;
        let op = writer.layers.op(layer);
        let word = args::word(op, None).unwrap_or("step");
        let number = scope.numbers.entry(word.to_owned()).or_default();
        *number += 1;
        let own = Some(writer.layers.node(layer).path.as_str()).filter(|path| {
            writer.owners.contains(&layer) && names::is_name(path) && !path.starts_with(word)
        });
        let name = self.taken.take(own.unwrap_or(&format!("{word}{number}")));
        let reads = &writer.layers.all[layer].reads;
        let mut sources = scope.sources(reads);
        let mut given = scope.from(reads);
        let mut steps = Vec::new();
        if let Op::Add { scales } = op {
            steps = self.copies(&mut sources, scales);
            if !steps.is_empty() {
                given = vec![("from".to_owned(), names_of(&sources))];
            }
            let factors = sources.iter().zip(scales).filter(|(_, scale)| **scale != 1.0);
            let mut factors: Vec<(String, Value)> = factors
                .map(|(source, scale)| (source.clone(), Value::Plain(args::float(*scale))))
                .collect();
            let mut seen = HashSet::new();
            factors.retain(|(source, _)| seen.insert(source.clone()));
            if !factors.is_empty() {
                given.push(("scale".to_owned(), Value::Map(factors)));
            }
        }
        if let (true, Some(path)) = (writer.owners.contains(&layer), &self.path) {
            writer.paths.borrow_mut().insert(layer, format!("{path}{name}"));
        }
        let branch = self.branch();
        steps.push(writer.step(layer, Some(&name), given, slots, &branch));
        scope.end(layer, name);
        steps
    }

    /// Steps that give a result that a sum reads with several factors another name for each further factor; `sources` gets
    /// these names.
    fn copies(&mut self, sources: &mut [String], scales: &[f32]) -> Vec<Value> {
        let mut known: HashMap<String, Vec<(u32, String)>> = HashMap::new();
        let mut steps = Vec::new();
        for (source, scale) in sources.iter_mut().zip(scales) {
            let names = known.entry(source.clone()).or_default();
            let own = names.iter().find(|(factor, _)| *factor == scale.to_bits());
            if let Some((_, name)) = own {
                source.clone_from(name);
                continue;
            }
            let name = match names.is_empty() {
                true => source.clone(),
                false => {
                    let name = self.taken.take("same");
                    let from = vec![("from".to_owned(), Value::plain(&*source))];
                    steps.push(call_of("identity", Some(&name), from));
                    name
                }
            };
            names.push((scale.to_bits(), name.clone()));
            *source = name;
        }
        steps
    }

    /// A call of the block that a segment is, if it is one.
    fn cell_call(
        &mut self,
        item: &Item,
        segment: &Segment,
        scope: &mut Scope,
        slots: &mut Slots<'_>,
    ) -> Option<Value> {
        let own = std::slice::from_ref(item);
        let block = self.blocks.of(self.writer, own)?;
        let values: Vec<String> = self.writer.slots(own).into_iter().map(|it| it.value).collect();
        let values = slots.all(values)?;
        let name = match self.place {
            Place::Outermost => self.name(own, &block.name, true)?,
            Place::Tail | Place::Branch(_) => {
                // Blocks of a kind are told apart by numbers.
                let kind = block.name.trim_end_matches(|c: char| c.is_ascii_digit());
                let kind = kind.trim_end_matches('_');
                let number = scope.numbers.entry(kind.to_owned()).or_default();
                *number += 1;
                self.taken.take(&format!("{kind}{number}"))
            }
        };
        let mut arguments = scope.from(&segment.reads);
        arguments.extend(block.given(&values));
        scope.end(end_of(item), name.clone());
        Some(call_of(&block.name, Some(&name), arguments))
    }

    /// The arguments of a call of a block that are not its defaults.
    fn arguments(&self, block: &Block, items: &[Item]) -> Vec<(String, Value)> {
        let slots = self.writer.slots(items);
        block.given(&slots.into_iter().map(|slot| slot.value).collect::<Vec<String>>())
    }
}

/// The layers that steps of a cell may read, and how the steps are called.
#[derive(Default)]
struct Scope {
    names: HashMap<usize, String>,
    numbers: HashMap<String, usize>,
    /// What all other layers are called: what is before the cell.
    before: String,
    /// The layer of the step before.
    last: Option<usize>,
}

impl Scope {
    fn new(entry: Option<usize>, before: Option<String>) -> Self {
        let before = before.unwrap_or_else(|| ENTRY.to_owned());
        Self { before, last: entry, ..Self::default() }
    }

    fn sources(&self, reads: &[usize]) -> Vec<String> {
        reads.iter().map(|read| self.names.get(read).unwrap_or(&self.before).clone()).collect()
    }

    /// The key `from`, unless a step reads the one before.
    fn from(&self, reads: &[usize]) -> Vec<(String, Value)> {
        if matches!(*reads, [only] if Some(only) == self.last) {
            return Vec::new();
        }
        let from = match &*self.sources(reads) {
            [only] => Value::plain(only),
            all => names_of(all),
        };
        vec![("from".to_owned(), from)]
    }

    /// Notes the step that a layer is the result of.
    fn end(&mut self, layer: usize, name: String) {
        self.names.insert(layer, name);
        self.last = Some(layer);
    }
}

fn names_of(sources: &[String]) -> Value {
    Value::List(sources.iter().map(Value::plain).collect())
}

/// What a segment's steps call what it reads.
pub(super) fn input_names(segment: &Segment) -> Vec<String> {
    match segment.reads.len() {
        1 => vec![ENTRY.to_owned()],
        count => (1..=count).map(|number| format!("in{number}")).collect(),
    }
}

/// The layer whose result an item's is.
fn end_of(item: &Item) -> usize {
    match item {
        Item::Layer(layer) => *layer,
        Item::Join(join) => join.then.unwrap_or(join.join),
        Item::Cell(inside) | Item::Segment(Segment { items: inside, .. }) => {
            inside.last().map_or(0, end_of)
        }
    }
}

fn is_cell(item: Option<&Item>) -> bool {
    matches!(item, Some(Item::Cell(_)))
}

fn call_of(word: &str, name: Option<&str>, arguments: Vec<(String, Value)>) -> Value {
    let key = match name {
        Some(name) => format!("{word} {name}"),
        None => word.to_owned(),
    };
    match arguments.is_empty() {
        true => Value::Plain(key),
        false => Value::Map(vec![(key, Value::Map(arguments))]),
    }
}
