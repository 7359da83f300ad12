//! What repeats, as blocks with parameters.

use std::collections::HashMap;

use inceptive_ir::Op;

use super::{
    args,
    list::{List, Place, input_names},
    names::{self, Taken},
    page::Value,
    runs::Part,
    tree::{Item, Segment},
    writer::{Slot, Slots, Writer},
};

/// Layers that a module has at least to become a block.
pub(super) const LEAST_LAYERS: usize = 3;

/// A block.
pub(super) struct Block {
    pub(super) name: String,
    pub(super) value: Value,
    pub(super) parameters: Vec<Parameter>,
}

/// A parameter of a block: its name, its slots, and its default.
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    /// Position among the values of a call, and what they are divided by.
    pub(super) slot: usize,
    pub(super) default: Option<String>,
}

/// The blocks of a file.
#[derive(Default)]
pub(super) struct Blocks {
    pub(super) all: Vec<Block>,
    by_structure: HashMap<String, usize>,
}

impl Blocks {
    pub(super) fn new(writer: &Writer<'_, '_>, parts: &[Part]) -> Self {
        let mut blocks = Self::default();
        let mut names = Taken::with(&["conv", "linear", "group", "repeat", "if", "parallel"]);
        let all = structures(writer, parts).into_iter().filter(|found| found.written > 1);
        // Cells call blocks of chains.
        let (chains, others): (Vec<_>, Vec<_>) = all.partition(|found| match found.calls[0] {
            [Item::Segment(segment)] => segment.is_chain(writer.layers),
            _ => false,
        });
        for Structure { text, calls, .. } in chains.into_iter().chain(others) {
            let block = writer.block(&calls, &blocks, &mut names);
            blocks.by_structure.insert(text, blocks.all.len());
            blocks.all.push(block);
        }
        blocks
    }

    pub(super) fn of(&self, writer: &Writer<'_, '_>, items: &[Item]) -> Option<&Block> {
        let is_candidate = !self.all.is_empty()
            && (items.len() > 1 || matches!(items, [Item::Join(_) | Item::Segment(_)]))
            && !writer.has_owner(items);
        let at = is_candidate.then(|| self.by_structure.get(&writer.structure(items))).flatten()?;
        self.all.get(*at)
    }
}

impl Block {
    /// The arguments of a call that are not defaults, by the values of all slots.
    pub(super) fn given(&self, values: &[String]) -> Vec<(String, Value)> {
        let given = self.parameters.iter().filter_map(|parameter| {
            let value = &values[parameter.slot];
            let is_default = parameter.default.as_ref() == Some(value);
            (!is_default).then(|| (parameter.name.clone(), Value::plain(value)))
        });
        given.collect()
    }
}

/// Modules that are equal but for their arguments.
struct Structure<'i> {
    text: String,
    calls: Vec<&'i [Item]>,
    /// How many of them are written: what is inside of equal cells is written once.
    written: usize,
}

/// All modules by structure, whatever they are part of: what a block says has to be true of each of them.
fn structures<'i>(writer: &Writer<'_, '_>, parts: &'i [Part]) -> Vec<Structure<'i>> {
    let mut level: Vec<(&[Item], bool)> = parts.iter().map(|part| (part.items(), true)).collect();
    let mut known: HashMap<String, usize> = HashMap::new();
    let mut all: Vec<Structure<'_>> = Vec::new();
    while !level.is_empty() {
        let before = all.len();
        let mut inside: Vec<(&[Item], bool)> = Vec::new();
        for (items, is_written) in level {
            let is_candidate = match items {
                [Item::Join(_) | Item::Segment(_)] => Writer::count(items) >= LEAST_LAYERS,
                [_] => false,
                _ => true,
            };
            if !is_candidate || writer.has_owner(items) {
                inside.push((items, is_written));
                continue;
            }
            let text = writer.structure(items);
            let at = *known.entry(text.clone()).or_insert_with(|| {
                all.push(Structure { text, calls: Vec::new(), written: 0 });
                all.len() - 1
            });
            if let [Item::Segment(_)] = items {
                inside.push((items, is_written && all[at].calls.is_empty()));
            }
            all[at].calls.push(items);
            all[at].written += usize::from(is_written);
        }
        // There may be something inside of what has no equal so far.
        let new = all[before..].iter().filter(|found| found.calls.len() == 1);
        let new = new.filter(|found| !matches!(found.calls[0], [Item::Segment(_)]));
        inside.extend(new.map(|found| (found.calls[0], true)));
        level = inside
            .into_iter()
            .flat_map(|(items, is_written)| parts_of(items, is_written))
            .collect();
    }
    all
}

/// What is inside of items, each with whether it is written.
fn parts_of(items: &[Item], is_written: bool) -> Vec<(&[Item], bool)> {
    let mut parts: Vec<&Item> = Vec::new();
    for item in items {
        match item {
            Item::Layer(_) => {}
            Item::Join(join) => parts.extend(join.branches.iter().flatten()),
            Item::Cell(inside) | Item::Segment(Segment { items: inside, .. }) => {
                parts.extend(inside);
            }
        }
    }
    parts.into_iter().map(|part| (std::slice::from_ref(part), is_written)).collect()
}

impl Writer<'_, '_> {
    pub(super) fn slots(&self, items: &[Item]) -> Vec<Slot> {
        let none = Blocks::default();
        let list = List::new(self, &none, Place::Branch(String::new()));
        let mut slots = Vec::new();
        list.items_with(items, &mut Slots::Noted(&mut slots));
        slots
    }

    /// A block that all of these are.
    fn block(&self, calls: &[&[Item]], blocks: &Blocks, names: &mut Taken) -> Block {
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
        if let [Item::Segment(segment)] = first
            && segment.reads.len() > 1
        {
            let inputs = Value::Plain(format!("[{}]", input_names(segment).join(", ")));
            entries.push(("inputs".to_owned(), inputs));
        }
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
                let list = List::new(self, blocks, Place::Branch(String::new()));
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
            [Item::Segment(segment)] if segment.reads.len() > 1 => "cell",
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
