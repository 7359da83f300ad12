//! Steps, and what repeats as blocks with parameters.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use inceptive_ir::{Conv, Op, Shape};

use super::{
    args,
    layers::{Layers, is_written_with_others},
    names::{self, Taken},
    page::{Page, Value},
    tree::{Item, Join},
};

/// Arguments that may be parameters of blocks.
const VARIES: [&str; 8] =
    ["width", "kernel", "stride", "groups", "multiplier", "count", "factor", "size"];

/// Layers that a module has at least to become a block.
const LEAST_LAYERS: usize = 3;

/// Items of a run that is looked for, at most.
const LONGEST_RUN: usize = 10;

/// Runs that become blocks, at most.
const MOST_RUNS: usize = 12;

/// Equal calls behind each other from which on they are a repetition.
const LEAST_REPEATS: usize = 3;

/// The file of a network.
pub(super) fn page(layers: &Layers<'_>, items: Vec<Item>, name: &str) -> Page {
    let input = layers.graph.node(layers.graph.input()).shape;
    let (body, tail) = split_tail(layers, items);
    let classes = tail.iter().rev().find_map(|item| match item {
        Item::Layer(layer) => match layers.op(*layer) {
            Op::Linear(linear) => Some((*layer, linear.out_features)),
            _ => None,
        },
        Item::Join(_) | Item::Cell(_) => None,
    });
    let mut writer = Writer {
        layers,
        conv: usual(layers, |op| matches!(op, Op::Conv(_) | Op::ConvTranspose(_))),
        classes: classes.map(|(layer, _)| layer),
        owners: HashSet::new(),
        paths: RefCell::default(),
    };
    writer.owners = (0..layers.all.len()).filter_map(|layer| writer.owner(layer)).collect();
    let mut entries = vec![
        ("name".to_owned(), Value::Text(name.to_owned())),
        ("input".to_owned(), input_of(input)),
    ];
    if let Some((_, classes)) = classes {
        entries.push(("classes".to_owned(), Value::plain(classes.to_string())));
    }
    let defaults = writer.defaults();
    if !defaults.is_empty() {
        entries.push(("defaults".to_owned(), Value::Map(defaults)));
    }
    let parts = runs(&writer, body);
    let blocks = Blocks::new(&writer, &parts);
    if !blocks.all.is_empty() {
        let all = blocks.all.iter().map(|block| (block.name.clone(), block.value.clone()));
        entries.push(("blocks".to_owned(), Value::Map(all.collect())));
    }
    let steps = List::new(&writer, &blocks, Place::Outermost).parts(&parts);
    entries.push(("body".to_owned(), Value::List(steps)));
    let tail = List::new(&writer, &blocks, Place::Tail).items(&tail);
    entries.push(("tail".to_owned(), Value::List(tail)));
    Page(entries)
}

fn input_of(shape: Shape) -> Value {
    let size = shape.size();
    let mut entries = vec![("channels".to_owned(), Value::plain(shape.channels().to_string()))];
    let text = match size.height == size.width {
        true => size.height.to_string(),
        false => format!("[{}, {}]", size.height, size.width),
    };
    entries.push(("size".to_owned(), Value::plain(text)));
    Value::Map(entries)
}

/// The classifier at the end: everything behind the last map, if a linear layer is among it.
fn split_tail(layers: &Layers<'_>, mut items: Vec<Item>) -> (Vec<Item>, Vec<Item>) {
    let is_of_tail = |item: &Item| match item {
        Item::Layer(layer) => matches!(
            layers.op(*layer),
            Op::Softmax
                | Op::Linear(_)
                | Op::Dropout { .. }
                | Op::Flatten
                | Op::GlobalPool(_)
                | Op::AdaptiveAvgPool { .. }
        ),
        Item::Join(_) | Item::Cell(_) => false,
    };
    let start = items.iter().rposition(|item| !is_of_tail(item)).map_or(0, |last| last + 1);
    let is_linear = |item: &Item| match item {
        Item::Layer(layer) => matches!(layers.op(*layer), Op::Linear(_)),
        Item::Join(_) | Item::Cell(_) => false,
    };
    // The body is not empty.
    match start > 0 && items[start..].iter().any(is_linear) {
        true => {
            let tail = items.split_off(start);
            (items, tail)
        }
        false => (items, Vec::new()),
    }
}

/// The normalisation and the activation that most layers of a kind have, by name.
fn usual(layers: &Layers<'_>, is_of_kind: impl Fn(&Op) -> bool) -> (&'static str, &'static str) {
    let mut counts: HashMap<(&'static str, &'static str), usize> = HashMap::new();
    for layer in (0..layers.all.len()).filter(|&layer| is_of_kind(layers.op(layer))) {
        *counts.entry(behind(layers, layer)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by(|(a, of_a), (b, of_b)| of_b.cmp(of_a).then_with(|| a.cmp(b)));
    counts.first().map_or(("none", "relu"), |(pair, _)| *pair)
}

/// Names of a layer's normalisation and activation.
fn behind(layers: &Layers<'_>, layer: usize) -> (&'static str, &'static str) {
    let of = &layers.all[layer];
    let name = |node| args::word(&layers.graph.node(node).op, None).unwrap_or("none");
    (of.norm.map_or("none", name), of.activation.map_or("none", name))
}

/// How arguments that may vary are written.
enum Slots<'s> {
    /// As they are.
    Plain,
    /// Not at all: texts of equal structure are equal.
    Blank,
    /// As they are, and noted.
    Noted(&'s mut Vec<Slot>),
    /// By the texts of parameters, in the order in which they were noted.
    Named(&'s [Option<String>], &'s mut usize),
}

/// An argument that may vary.
#[derive(Clone, Debug)]
struct Slot {
    key: &'static str,
    value: String,
    /// The innermost branch around it; empty outside of branches.
    branch: String,
}

impl Slots<'_> {
    fn text(&mut self, key: &'static str, value: String, branch: &str) -> String {
        match self {
            Self::Plain => value,
            Self::Blank => "?".to_owned(),
            Self::Noted(all) => {
                all.push(Slot { key, value: value.clone(), branch: branch.to_owned() });
                value
            }
            Self::Named(names, at) => {
                let name = names.get(**at).cloned().flatten();
                **at += 1;
                name.unwrap_or(value)
            }
        }
    }

    fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }
}

/// Writes layers as steps.
struct Writer<'a, 'g> {
    layers: &'a Layers<'g>,
    /// What convolutions have behind them by default.
    conv: (&'static str, &'static str),
    /// The layer that is as wide as there are classes.
    classes: Option<usize>,
    /// Layers whose weights others use too.
    owners: HashSet<usize>,
    /// Their paths, as far as they are written.
    paths: RefCell<HashMap<usize, String>>,
}

impl Writer<'_, '_> {
    fn defaults(&self) -> Vec<(String, Value)> {
        let word = |key: &str, word: &str| (key.to_owned(), Value::plain(word));
        let (norm, act) = self.conv;
        let norm = (norm != "none").then(|| word("norm", norm));
        let act = (act != "relu").then(|| word("act", act));
        let conv: Vec<(String, Value)> = norm.into_iter().chain(act).collect();
        let mut defaults = Vec::new();
        if !conv.is_empty() {
            let is_there = |op: fn(&Op) -> bool| {
                (0..self.layers.all.len()).any(|layer| op(self.layers.op(layer)))
            };
            if is_there(|op| matches!(op, Op::Conv(_))) {
                defaults.push(("conv".to_owned(), Value::Map(conv.clone())));
            }
            if is_there(|op| matches!(op, Op::ConvTranspose(_))) {
                defaults.push(("conv_transpose".to_owned(), Value::Map(conv)));
            }
        }
        let mut common: Vec<_> = self.layers.common.iter().collect();
        common.sort();
        for (word, arguments) in common {
            let own = arguments.iter().map(|(key, value)| ((*key).to_owned(), Value::plain(value)));
            defaults.push(((*word).to_owned(), Value::Map(own.collect())));
        }
        defaults
    }

    /// A layer as a step; `given` are arguments before its own.
    fn step(
        &self,
        layer: usize,
        name: Option<&str>,
        given: Vec<(String, Value)>,
        slots: &mut Slots<'_>,
        branch: &str,
    ) -> Value {
        let (graph, of) = (self.layers.graph, &self.layers.all[layer]);
        let node = graph.node(of.main);
        let input = graph.input_shapes(of.main).first().copied();
        let word = args::word(&node.op, input).unwrap_or("group");
        let common = self.layers.common.get(word);
        let own = args::of(graph, of.main);
        let mut arguments = given;
        for (key, value) in &own {
            let is_default = common.is_some_and(|common| common.contains(&(*key, value.clone())));
            if is_default {
                continue;
            }
            let text = match () {
                () if *key == "width" && self.classes == Some(layer) => "$classes".to_owned(),
                () if VARIES.contains(key) => slots.text(key, value.clone(), branch),
                () => value.clone(),
            };
            arguments.push(((*key).to_owned(), Value::Plain(text)));
        }
        // What the file's defaults say and this step does not.
        for (key, _) in common.into_iter().flatten() {
            if !own.iter().any(|(given, _)| given == key) {
                arguments.push(((*key).to_owned(), Value::plain("~")));
            }
        }
        if is_written_with_others(&node.op) {
            arguments.extend(self.behind(layer, slots));
        }
        let key = match name {
            Some(name) if !slots.is_blank() => format!("{word} {name}"),
            Some(_) | None => word.to_owned(),
        };
        match arguments.is_empty() {
            true => Value::Plain(key),
            false => Value::Map(vec![(key, Value::Map(arguments))]),
        }
    }

    /// Bias, normalisation, activation and shared weights of a layer, where they are not the default.
    fn behind(&self, layer: usize, slots: &Slots<'_>) -> Vec<(String, Value)> {
        let op = self.layers.op(layer);
        let (norm, act) = behind(self.layers, layer);
        let (usual_norm, usual_act) = match op {
            Op::Linear(_) => ("none", "none"),
            _ => self.conv,
        };
        let has_bias = match op {
            Op::Conv(conv) => conv.bias,
            Op::ConvTranspose(conv) => conv.bias,
            Op::Linear(linear) => linear.bias,
            _ => false,
        };
        let word = |key: &str, word: &str| (key.to_owned(), Value::plain(word));
        let mut arguments = Vec::new();
        if norm != usual_norm {
            arguments.push(word("norm", norm));
        }
        if act != usual_act {
            arguments.push(word("act", act));
        }
        if has_bias != (norm == "none") {
            arguments.push(word("bias", if has_bias { "true" } else { "false" }));
        }
        if let Some(owner) = self.owner(layer) {
            // A structure with shared weights is equal to itself alone.
            let path = self.paths.borrow().get(&owner).cloned();
            let path = path.filter(|_| !slots.is_blank());
            arguments.push((
                "share".to_owned(),
                Value::Plain(path.unwrap_or_else(|| layer.to_string())),
            ));
        }
        arguments
    }

    /// The layer whose weights a layer uses too.
    fn owner(&self, layer: usize) -> Option<usize> {
        let graph = self.layers.graph;
        let node = self.layers.node(layer);
        let (_, kept) = node.shared.iter().next()?;
        let owner = graph.find(kept)?;
        (owner != self.layers.all[layer].main).then(|| self.layers.layer_of[owner.index()])
    }

    /// Whether one of the layers of items has weights that others use too.
    fn has_owner(&self, items: &[Item]) -> bool {
        if self.owners.is_empty() {
            return false;
        }
        let mut all = Vec::new();
        Self::layers_of(items, &mut all);
        all.into_iter().any(|layer| self.owners.contains(&layer))
    }

    fn count(items: &[Item]) -> usize {
        items
            .iter()
            .map(|item| match item {
                Item::Layer(_) => 1,
                Item::Join(join) => {
                    1 + join.branches.iter().map(|branch| Self::count(branch)).sum::<usize>()
                }
                Item::Cell(layers) => layers.len(),
            })
            .sum()
    }

    /// All layers of items, in the order in which they are written.
    fn layers_of(items: &[Item], all: &mut Vec<usize>) {
        for item in items {
            match item {
                Item::Layer(layer) => all.push(*layer),
                Item::Join(join) => {
                    join.branches.iter().for_each(|branch| Self::layers_of(branch, all));
                    all.push(join.join);
                    all.extend(join.then);
                }
                Item::Cell(layers) => all.extend(layers),
            }
        }
    }

    /// The segments that the paths of items have in common.
    fn segments(&self, items: &[Item]) -> Vec<&str> {
        let mut all = Vec::new();
        Self::layers_of(items, &mut all);
        // A join is often named after what is around it.
        let inner: Vec<usize> = all
            .iter()
            .copied()
            .filter(|&layer| is_written_with_others(self.layers.op(layer)))
            .collect();
        let named = if inner.is_empty() { all } else { inner };
        names::common(named.into_iter().map(|layer| &self.layers.node(layer).path))
    }

    /// Names of the branches of a join.
    fn branch_names(&self, join: &Join, slots: &Slots<'_>) -> Vec<String> {
        let items = [Item::Join(join.clone())];
        let around = self.segments(&items).len();
        let mut taken = Taken::with(&[join_word(self.layers.op(join.join))]);
        let op = self.layers.op(join.join);
        let empty = if matches!(op, Op::Add { .. }) { "shortcut" } else { "input" };
        let mut names = Vec::new();
        for (position, branch) in join.branches.iter().enumerate() {
            if slots.is_blank() {
                names.push(position.to_string());
                continue;
            }
            let segments = self.segments(branch);
            let own = segments.get(around).copied().map(str::to_owned);
            let own = own.or_else(|| self.stem(branch, around)).filter(|own| names::is_name(own));
            let letter = char::from(b'a' + u8::try_from(position % 26).unwrap_or(0)).to_string();
            let own = own.filter(|own| !own.chars().all(|c| c.is_ascii_digit()));
            let name = match &own {
                _ if branch.is_empty() => empty,
                Some(own) => own,
                _ if matches!(op, Op::Add { .. } | Op::Multiply) && position == 0 => "main",
                _ if matches!(op, Op::Multiply) => "gate",
                _ => &letter,
            };
            names.push(taken.take(name));
        }
        names
    }

    /// What the names of a branch's layers begin with, of those that are beside each other: `branch5x5` of `branch5x5_1` and
    /// `branch5x5_2`.
    fn stem(&self, branch: &[Item], around: usize) -> Option<String> {
        let mut all = Vec::new();
        Self::layers_of(branch, &mut all);
        let is_layer = |layer: &&usize| is_written_with_others(self.layers.op(**layer));
        let mut names = all.iter().filter(is_layer).map(|&layer| {
            self.layers.node(layer).path.as_str().split('/').nth(around).unwrap_or_default()
        });
        let mut stem = names.next()?;
        for name in names {
            let same = stem.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
            stem = stem.get(..same)?;
        }
        let stem = stem.trim_end_matches(|c: char| "_-.".contains(c));
        (stem.len() > 1).then(|| stem.to_owned())
    }

    /// Join, factors and activation of a set of branches, with the branches themselves.
    fn branches(
        &self,
        join: &Join,
        blocks: Option<&Blocks>,
        slots: &mut Slots<'_>,
        path: Option<&str>,
    ) -> Vec<(String, Value)> {
        let names = self.branch_names(join, slots);
        let mut branches = Vec::new();
        for (name, items) in names.iter().zip(&join.branches) {
            let none = Blocks::default();
            let mut list = List::new(self, blocks.unwrap_or(&none), Place::Branch(name.clone()));
            list.path = path.map(|path| format!("{path}{name}/"));
            branches.push((name.clone(), Value::List(list.items_with(items, slots))));
        }
        let mut entries = vec![("branches".to_owned(), Value::Map(branches))];
        let op = self.layers.op(join.join);
        let word = match op {
            Op::Maximum => "max",
            op => join_word(op),
        };
        if word != "concat" {
            entries.push(("join".to_owned(), Value::plain(word)));
        }
        if let Op::Add { scales } = op {
            let factors = names.iter().zip(scales).filter(|(_, scale)| **scale != 1.0);
            let factors: Vec<(String, Value)> = factors
                .map(|(name, scale)| (name.clone(), Value::Plain(args::float(*scale))))
                .collect();
            if !factors.is_empty() {
                entries.push(("scale".to_owned(), Value::Map(factors)));
            }
        }
        if let Some(then) = join.then {
            let step = self.step(then, None, vec![], slots, "");
            entries.push(("then".to_owned(), Value::List(vec![step])));
        }
        entries
    }

    /// Equal for items of equal structure.
    fn structure(&self, items: &[Item]) -> String {
        let none = Blocks::default();
        let list = List::new(self, &none, Place::Branch(String::new()));
        let steps = list.items_with(items, &mut Slots::Blank);
        Page(vec![("steps".to_owned(), Value::List(steps))]).to_string()
    }
}

fn join_word(op: &Op) -> &'static str {
    match op {
        Op::Add { .. } => "add",
        Op::Multiply => "multiply",
        Op::Maximum => "maximum",
        _ => "concat",
    }
}

/// A part of the body: an item, or several that repeat elsewhere.
#[derive(Clone, Debug)]
enum Part {
    One(Item),
    Run(Vec<Item>),
}

impl Part {
    fn items(&self) -> &[Item] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Run(items) => items,
        }
    }
}

/// Cuts the body into what repeats and the rest.
fn runs(writer: &Writer<'_, '_>, body: Vec<Item>) -> Vec<Part> {
    let texts: Vec<String> =
        body.iter().map(|item| writer.structure(std::slice::from_ref(item))).collect();
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let tokens: Vec<usize> = texts
        .iter()
        .map(|text| {
            let next = numbers.len();
            *numbers.entry(text.as_str()).or_insert(next)
        })
        .collect();
    let may_be_in_run = |item: &Item| match item {
        Item::Layer(_) => true,
        Item::Join(join) => matches!(writer.layers.op(join.join), Op::Multiply),
        Item::Cell(_) => false,
    };
    let is_conv = |item: &Item| match item {
        Item::Layer(layer) => matches!(writer.layers.op(*layer), Op::Conv(Conv { .. })),
        Item::Join(_) | Item::Cell(_) => false,
    };
    // The run that starts at each item, by its length.
    let mut run_of: Vec<Option<usize>> = vec![None; body.len()];
    let mut is_free: Vec<bool> = body.iter().map(may_be_in_run).collect();
    for _ in 0..MOST_RUNS {
        let mut best: Option<(usize, usize, Vec<usize>)> = None;
        for length in 2..=LONGEST_RUN.min(body.len()) {
            let mut places: HashMap<&[usize], Vec<usize>> = HashMap::new();
            for start in 0..=body.len() - length {
                let window = start..start + length;
                if !is_free[window.clone()].iter().all(|free| *free) {
                    continue;
                }
                let places = places.entry(&tokens[window]).or_default();
                if places.last().is_none_or(|last| last + length <= start) {
                    places.push(start);
                }
            }
            for places in places.into_values().filter(|places| places.len() > 1) {
                let items = &body[places[0]..places[0] + length];
                let convs = items.iter().filter(|item| is_conv(item)).count();
                let saved = (places.len() - 1) * (length - 1);
                let is_worth_it =
                    convs > 1 && Writer::count(items) >= LEAST_LAYERS && saved > length;
                let is_better = best.as_ref().is_none_or(|(most, _, at)| {
                    (saved, std::cmp::Reverse(places[0])) > (*most, std::cmp::Reverse(at[0]))
                });
                if is_worth_it && is_better {
                    best = Some((saved, length, places));
                }
            }
        }
        let Some((_, length, places)) = best else { break };
        for start in places {
            run_of[start] = Some(length);
            is_free[start..start + length].fill(false);
        }
    }
    let mut parts = Vec::new();
    let mut items = body.into_iter();
    let mut at = 0;
    while let Some(item) = items.next() {
        let length = run_of[at].unwrap_or(1);
        let rest = items.by_ref().take(length - 1);
        let all: Vec<Item> = std::iter::once(item).chain(rest).collect();
        parts.push(match <[Item; 1]>::try_from(all) {
            Ok([only]) => Part::One(only),
            Err(all) => Part::Run(all),
        });
        at += length;
    }
    parts
}

/// A block.
struct Block {
    name: String,
    value: Value,
    parameters: Vec<Parameter>,
}

/// A parameter of a block: its name, its slots, and its default.
#[derive(Debug)]
struct Parameter {
    name: String,
    /// Position among the values of a call, and what they are divided by.
    slot: usize,
    default: Option<String>,
}

/// The blocks of a file.
#[derive(Default)]
struct Blocks {
    all: Vec<Block>,
    by_structure: HashMap<String, usize>,
}

impl Blocks {
    fn new(writer: &Writer<'_, '_>, parts: &[Part]) -> Self {
        let mut blocks = Self::default();
        let mut names = Taken::with(&["conv", "linear", "group", "repeat", "if", "parallel"]);
        let mut level: Vec<&[Item]> = parts.iter().map(Part::items).collect();
        while !level.is_empty() {
            let mut groups: Vec<(String, Vec<&[Item]>)> = Vec::new();
            let mut known: HashMap<String, usize> = HashMap::new();
            for items in level {
                let is_candidate = match items {
                    [Item::Join(_)] => Writer::count(items) >= LEAST_LAYERS,
                    [_] => false,
                    _ => true,
                };
                let structure = match is_candidate {
                    true => writer.structure(items),
                    // Nothing equals it, but there may be something inside.
                    false => format!("{}", groups.len()),
                };
                let group = *known.entry(structure.clone()).or_insert_with(|| {
                    groups.push((structure, Vec::new()));
                    groups.len() - 1
                });
                groups[group].1.push(items);
            }
            let mut next: Vec<&[Item]> = Vec::new();
            for (structure, calls) in groups {
                let has_shared = calls.iter().any(|items| writer.has_owner(items));
                if calls.len() > 1 && !has_shared {
                    let block = writer.block(&calls, &mut names);
                    blocks.by_structure.insert(structure, blocks.all.len());
                    blocks.all.push(block);
                    continue;
                }
                for item in calls.iter().flat_map(|items| items.iter()) {
                    if let Item::Join(join) = item {
                        let inner = join.branches.iter().flatten();
                        next.extend(inner.map(std::slice::from_ref));
                    }
                }
            }
            level = next;
        }
        blocks
    }

    fn of(&self, writer: &Writer<'_, '_>, items: &[Item]) -> Option<&Block> {
        let is_candidate =
            !self.all.is_empty() && (items.len() > 1 || matches!(items, [Item::Join(_)]));
        let at = is_candidate.then(|| self.by_structure.get(&writer.structure(items))).flatten()?;
        self.all.get(*at)
    }
}

impl Writer<'_, '_> {
    fn slots(&self, items: &[Item]) -> Vec<Slot> {
        let none = Blocks::default();
        let list = List::new(self, &none, Place::Branch(String::new()));
        let mut slots = Vec::new();
        list.items_with(items, &mut Slots::Noted(&mut slots));
        slots
    }

    /// A block that all of these are.
    fn block(&self, calls: &[&[Item]], names: &mut Taken) -> Block {
        let first = calls[0];
        let slots = self.slots(first);
        let values: Vec<Vec<String>> = {
            let of_calls: Vec<Vec<Slot>> = calls.iter().map(|items| self.slots(items)).collect();
            let of_slot = |slot: usize| {
                of_calls.iter().map(|slots| slots[slot].value.clone()).collect::<Vec<String>>()
            };
            (0..slots.len()).map(of_slot).collect()
        };
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut taken = Taken::with(&["in", "in_height", "in_width", "classes", "i"]);
        let mut texts: Vec<Option<String>> = vec![None; slots.len()];
        for slot in 0..slots.len() {
            if values[slot].iter().all(|value| *value == values[slot][0]) {
                continue;
            }
            let known = parameters.iter().find_map(|parameter| {
                let multiple = multiple(&values[parameter.slot], &values[slot])?;
                let same_kind = slots[parameter.slot].key == slots[slot].key;
                (multiple == 1 || same_kind).then(|| match multiple {
                    1 => format!("${}", parameter.name),
                    _ => format!("${} * {multiple}", parameter.name),
                })
            });
            texts[slot] = Some(known.unwrap_or_else(|| {
                let is_of_several = (0..slots.len()).any(|other| {
                    slots[other].branch != slots[slot].branch
                        && slots[other].key == slots[slot].key
                        && values[other] == values[slot]
                });
                let name = match is_of_several {
                    true => taken.take(slots[slot].key),
                    false => taken.take(&parameter_name(&slots, slot)),
                };
                // Tables of widths are read by column.
                let default = match slots[slot].key {
                    "width" => None,
                    _ => most_frequent(&values[slot]),
                };
                parameters.push(Parameter { name: name.clone(), slot, default });
                format!("${name}")
            }));
        }
        let mut entries = Vec::new();
        if !parameters.is_empty() {
            let text = |parameter: &Parameter| match &parameter.default {
                Some(default) => format!("{}: {default}", parameter.name),
                None => parameter.name.clone(),
            };
            // Those without a default come first.
            let (with, without): (Vec<&Parameter>, Vec<&Parameter>) =
                parameters.iter().partition(|parameter| parameter.default.is_some());
            let all: Vec<String> = without.into_iter().chain(with).map(text).collect();
            let list = Value::Plain(format!("{{{}}}", all.join(", ")));
            entries.push(("params".to_owned(), list));
        }
        let mut at = 0;
        let mut named = Slots::Named(&texts, &mut at);
        match first {
            [Item::Join(join)] => entries.extend(self.branches(join, None, &mut named, None)),
            items => {
                let none = Blocks::default();
                let list = List::new(self, &none, Place::Branch(String::new()));
                let steps = list.items_with(items, &mut named);
                entries.push(("steps".to_owned(), Value::List(steps)));
            }
        }
        let name = names.take(self.kind(first));
        Block { name, value: Value::Map(entries), parameters }
    }

    /// What a module is called in the field.
    fn kind(&self, items: &[Item]) -> &'static str {
        let mut all = Vec::new();
        Self::layers_of(items, &mut all);
        let is_depthwise = all.iter().any(|&layer| match self.layers.op(layer) {
            Op::Conv(conv) => {
                let input = self.layers.graph.input_shapes(self.layers.all[layer].main)[0];
                args::is_depthwise(conv, input)
            }
            _ => false,
        });
        match items {
            [Item::Join(join)] => match self.layers.op(join.join) {
                Op::Concat if join.branches.len() > 2 => "inception",
                Op::Concat => "module",
                Op::Add { .. } if is_depthwise => "inverted_residual",
                Op::Add { .. } => "residual",
                Op::Multiply => "excite",
                _ => "module",
            },
            _ if is_depthwise => "separable",
            _ => "block",
        }
    }
}

/// By how much all numbers of the second list are those of the first one.
fn multiple(of: &[String], values: &[String]) -> Option<u64> {
    if of == values {
        return Some(1);
    }
    let numbers = |texts: &[String]| -> Option<Vec<u64>> {
        texts.iter().map(|text| text.parse().ok()).collect()
    };
    let (of, values) = (numbers(of)?, numbers(values)?);
    let (first, value) = (*of.first()?, *values.first()?);
    let multiple = value.checked_div(first).filter(|multiple| (2..=8).contains(multiple))?;
    let fits = |(of, value): (&u64, &u64)| of.checked_mul(multiple) == Some(*value);
    of.iter().zip(&values).all(fits).then_some(multiple)
}

/// The value that more than half of the calls give.
fn most_frequent(values: &[String]) -> Option<String> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    values.iter().for_each(|value| *counts.entry(value).or_default() += 1);
    let (value, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (2 * count > values.len() && values.len() > 2).then(|| value.to_owned())
}

/// What a parameter is called: after its branch, and what it is if it is no width.
fn parameter_name(slots: &[Slot], slot: usize) -> String {
    let Slot { key, branch, .. } = &slots[slot];
    let same = |other: &&Slot| other.key == *key && other.branch == *branch;
    let count = slots.iter().filter(same).count();
    let position = slots[..slot].iter().filter(same).count();
    let is_last = position + 1 == count;
    let text = match (branch.is_empty() || branch == "main", *key) {
        (true, key) => key.to_owned(),
        (false, "width") if is_last => branch.clone(),
        (false, "width") if count == 2 => format!("{branch}_reduce"),
        (false, "width") => format!("{branch}_{}", position + 1),
        (false, key) if count == 1 => format!("{branch}_{key}"),
        (false, key) => format!("{branch}_{key}{}", position + 1),
    };
    names::parameter(&text)
}

/// Where a list of steps stands.
#[derive(Clone, Debug, PartialEq)]
enum Place {
    Outermost,
    Tail,
    Branch(String),
}

/// A list of steps that is being written.
struct List<'a, 'w, 'g> {
    writer: &'w Writer<'a, 'g>,
    blocks: &'w Blocks,
    place: Place,
    taken: Taken,
    /// What the paths of its steps begin with, if it is known.
    path: Option<String>,
    /// The name of the step before.
    before: Option<String>,
}

impl<'a, 'w, 'g> List<'a, 'w, 'g> {
    fn new(writer: &'w Writer<'a, 'g>, blocks: &'w Blocks, place: Place) -> Self {
        let taken = Taken::with(&["input", "tail", "in"]);
        let path = (place == Place::Outermost).then(String::new);
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

    fn parts(mut self, parts: &[Part]) -> Vec<Value> {
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

    fn items(mut self, items: &[Item]) -> Vec<Value> {
        self.items_in(items, None, &mut Slots::Plain)
    }

    fn items_with(mut self, items: &[Item], slots: &mut Slots<'_>) -> Vec<Value> {
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
                    let path = path.map(|(path, name)| format!("{path}{name}/"));
                    let key = match &name {
                        Some(name) if !slots.is_blank() => format!("parallel {name}"),
                        Some(_) | None => "parallel".to_owned(),
                    };
                    let blocks = Some(self.blocks);
                    let entries = self.writer.branches(join, blocks, slots, path.as_deref());
                    steps.push(Value::Map(vec![(key, Value::Map(entries))]));
                    self.before = name;
                }
                Item::Cell(layers) => {
                    let entry = match (position, items.get(position.wrapping_sub(1))) {
                        (_, Some(Item::Layer(layer))) => Some(*layer),
                        (_, Some(Item::Join(join))) => Some(join.then.unwrap_or(join.join)),
                        (_, Some(Item::Cell(layers))) => layers.last().copied(),
                        (_, None) => None,
                    };
                    steps.extend(self.cell(entry, layers, slots));
                }
            }
        }
        steps
    }

    fn layer_name(&mut self, layer: usize, is_needed: bool) -> Option<String> {
        let op = self.writer.layers.op(layer);
        match self.place == Place::Outermost && is_written_with_others(op) || is_needed {
            true => {
                self.name(&[Item::Layer(layer)], "", is_needed).map(|name| match name.as_str() {
                    "_" => op.name().to_owned() + "_",
                    _ => name,
                })
            }
            false => None,
        }
    }

    /// Steps that name what they read.
    fn cell(
        &mut self,
        entry: Option<usize>,
        layers: &[usize],
        slots: &mut Slots<'_>,
    ) -> Vec<Value> {
        let writer = self.writer;
        let before = self.before.clone().unwrap_or_else(|| ENTRY.to_owned());
        let mut names: HashMap<usize, String> = HashMap::new();
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut steps = Vec::new();
        let mut last = entry;
        for &layer in layers {
            let op = writer.layers.op(layer);
            let word = args::word(op, None).unwrap_or("step");
            let number = numbers.entry(word).or_default();
            *number += 1;
            let name = self.taken.take(&format!("{word}{number}"));
            let reads = &writer.layers.all[layer].reads;
            // What is not in the cell is what is before it.
            let source = |read: &usize| names.get(read).unwrap_or(&before).clone();
            let sources: Vec<String> = reads.iter().map(source).collect();
            let mut given = Vec::new();
            let follows = matches!(**reads, [only] if Some(only) == last);
            if !follows {
                let from = match &*sources {
                    [only] => Value::plain(only),
                    all => Value::List(all.iter().map(Value::plain).collect()),
                };
                given.push(("from".to_owned(), from));
            }
            if let Op::Add { scales } = op {
                let factors = sources.iter().zip(scales).filter(|(_, scale)| **scale != 1.0);
                let factors: Vec<(String, Value)> = factors
                    .map(|(source, scale)| (source.clone(), Value::Plain(args::float(*scale))))
                    .collect();
                if !factors.is_empty() {
                    given.push(("scale".to_owned(), Value::Map(factors)));
                }
            }
            if let (true, Some(path)) = (writer.owners.contains(&layer), &self.path) {
                writer.paths.borrow_mut().insert(layer, format!("{path}{name}"));
            }
            let branch = self.branch();
            steps.push(writer.step(layer, Some(&name), given, slots, &branch));
            names.insert(layer, name);
            last = Some(layer);
        }
        self.before = layers.last().and_then(|last| names.remove(last));
        steps
    }

    /// The arguments of a call of a block that are not its defaults.
    fn arguments(&self, block: &Block, items: &[Item]) -> Vec<(String, Value)> {
        let slots = self.writer.slots(items);
        let given = block.parameters.iter().filter_map(|parameter| {
            let value = &slots[parameter.slot].value;
            let is_default = parameter.default.as_ref() == Some(value);
            (!is_default).then(|| (parameter.name.clone(), Value::plain(value)))
        });
        given.collect()
    }
}

fn is_cell(item: Option<&Item>) -> bool {
    matches!(item, Some(Item::Cell(_)))
}

/// What the first steps of a list read.
const ENTRY: &str = "in";

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
