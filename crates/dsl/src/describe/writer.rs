//! Layers and joins as steps.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
};

use inceptive_ir::{Op, Role};

use super::{
    args,
    blocks::Blocks,
    layers::{Layers, is_written_with_others},
    list::{List, Place},
    names::{self, Taken},
    page::{Page, Value},
    shared::{Shares, Sharing},
    tree::{Item, Join, Segment},
};
use crate::field::key_of;

/// Arguments that may be parameters of blocks.
const VARIES: [&str; 8] =
    ["width", "kernel", "stride", "groups", "multiplier", "count", "factor", "size"];

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
pub(super) enum Slots<'s> {
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
pub(super) struct Slot {
    pub(super) key: &'static str,
    pub(super) value: String,
    /// The innermost branch around it; empty outside of branches.
    pub(super) branch: String,
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

    /// The texts of arguments that a block takes, given their values; `None` where blocks are not called.
    pub(super) fn all(&mut self, values: Vec<String>) -> Option<Vec<String>> {
        match self {
            Self::Plain => Some(values),
            Self::Blank | Self::Noted(_) => None,
            Self::Named(names, at) => {
                let texts = values.into_iter().map(|value| {
                    let name = names.get(**at).cloned().flatten();
                    **at += 1;
                    name.unwrap_or(value)
                });
                Some(texts.collect())
            }
        }
    }

    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::Blank)
    }
}

/// Writes layers as steps.
pub(super) struct Writer<'a, 'g> {
    pub(super) layers: &'a Layers<'g>,
    /// What convolutions have behind them by default.
    conv: (&'static str, &'static str),
    /// The layer that is as wide as there are classes.
    classes: Option<usize>,
    sharing: Sharing,
    /// Layers that are named elsewhere: those whose tensors others use too, and outputs if there are several.
    pub(super) owners: HashSet<usize>,
    /// Their paths, as far as they are written.
    pub(super) paths: RefCell<HashMap<usize, String>>,
}

impl<'a, 'g> Writer<'a, 'g> {
    /// `classes` is the layer that is as wide as there are classes.
    pub(super) fn new(layers: &'a Layers<'g>, classes: Option<usize>, sharing: Sharing) -> Self {
        let conv = usual(layers, |op| matches!(op, Op::Conv(_) | Op::ConvTranspose(_)));
        let mut owners: HashSet<usize> = sharing.owners().collect();
        if layers.outputs.len() > 1 {
            owners.extend(&layers.outputs);
        }
        Self { layers, conv, classes, sharing, owners, paths: RefCell::default() }
    }

    pub(super) fn defaults(&self) -> Vec<(String, Value)> {
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
    pub(super) fn step(
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
            arguments.extend(self.behind(layer));
        }
        arguments.extend(self.share(layer, slots));
        let key = match name {
            Some(name) if !slots.is_blank() => format!("{word} {name}"),
            Some(_) | None => word.to_owned(),
        };
        match arguments.is_empty() {
            true => Value::Plain(key),
            false => Value::Map(vec![(key, Value::Map(arguments))]),
        }
    }

    /// Bias, normalisation and activation of a layer, where they are not the default.
    fn behind(&self, layer: usize) -> Vec<(String, Value)> {
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
        arguments
    }

    /// The layers whose tensors a layer uses too.
    fn share(&self, layer: usize, slots: &Slots<'_>) -> Option<(String, Value)> {
        let path = |owner: usize| {
            // A structure with shared tensors is equal to itself alone.
            let path = self.paths.borrow().get(&owner).cloned().filter(|_| !slots.is_blank());
            Value::Plain(path.unwrap_or_else(|| layer.to_string()))
        };
        let value = match self.sharing.of(layer)? {
            Shares::All(owner) => path(*owner),
            Shares::Some(tensors) => {
                let entry = |&(role, owner): &(Role, usize)| (key_of(role).to_owned(), path(owner));
                Value::Map(tensors.iter().map(entry).collect())
            }
        };
        Some(("share".to_owned(), value))
    }

    /// Whether one of the layers of items has tensors that others use too.
    pub(super) fn has_owner(&self, items: &[Item]) -> bool {
        if self.owners.is_empty() {
            return false;
        }
        let mut all = Vec::new();
        Self::layers_of(items, &mut all);
        all.into_iter().any(|layer| self.owners.contains(&layer))
    }

    pub(super) fn count(items: &[Item]) -> usize {
        items
            .iter()
            .map(|item| match item {
                Item::Layer(_) => 1,
                Item::Join(join) => {
                    1 + join.branches.iter().map(|branch| Self::count(branch)).sum::<usize>()
                }
                Item::Cell(inside) | Item::Segment(Segment { items: inside, .. }) => {
                    Self::count(inside)
                }
            })
            .sum()
    }

    /// All layers of items, in the order in which they are written.
    pub(super) fn layers_of(items: &[Item], all: &mut Vec<usize>) {
        for item in items {
            match item {
                Item::Layer(layer) => all.push(*layer),
                Item::Join(join) => {
                    join.branches.iter().for_each(|branch| Self::layers_of(branch, all));
                    all.push(join.join);
                    all.extend(join.then);
                }
                Item::Cell(inside) | Item::Segment(Segment { items: inside, .. }) => {
                    Self::layers_of(inside, all);
                }
            }
        }
    }

    /// The segments that the paths of items have in common.
    pub(super) fn segments(&self, items: &[Item]) -> Vec<&str> {
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
    pub(super) fn branches(
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
    pub(super) fn structure(&self, items: &[Item]) -> String {
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
