//! Cells that repeat: lists of steps that name what they read, cut where only a cell's result is read on, and chains in
//! them.

use std::collections::{BTreeSet, HashMap};

use inceptive_ir::Op;

use super::{
    blocks::LEAST_LAYERS,
    layers::Layers,
    tree::{Item, Segment},
    writer::Writer,
};

/// Results that a cell of a block reads, at most.
const MOST_READ: usize = 4;

/// Lines of a block beside its steps: its name, its inputs, its parameters and the key of its steps.
const BLOCK_LINES: usize = 4;

/// Cuts the cells of a list where that makes the text shorter.
pub(super) fn cut(writer: &Writer<'_, '_>, items: Vec<Item>) -> Vec<Item> {
    let cut = |item: Item| match item {
        Item::Cell(inside) => Item::Cell(shortest(writer, inside)),
        other => other,
    };
    items.into_iter().map(cut).collect()
}

/// The layers of a cell, cut behind the joins for which the text is shortest.
fn shortest(writer: &Writer<'_, '_>, items: Vec<Item>) -> Vec<Item> {
    let mut list = Vec::new();
    Writer::layers_of(&items, &mut list);
    let ends: [fn(&Op) -> bool; 4] = [
        |_| false,
        |op| matches!(op, Op::Concat),
        |op| matches!(op, Op::Add { .. }),
        |op| matches!(op, Op::Concat | Op::Add { .. } | Op::Multiply | Op::Maximum),
    ];
    let cuts = ends.map(|is_end| segments(writer.layers, &list, is_end));
    cuts.into_iter().min_by_key(|items| lines(writer, items)).unwrap_or(items)
}

/// Lines of a cell's text, about: a structure that repeats is written once, with a line for each call.
fn lines(writer: &Writer<'_, '_>, items: &[Item]) -> usize {
    let mut calls: HashMap<String, usize> = HashMap::new();
    let mut lines = 0;
    let mut open: Vec<&Item> = items.iter().collect();
    while let Some(item) = open.pop() {
        let Item::Segment(segment) = item else {
            lines += 1;
            continue;
        };
        let calls = calls.entry(writer.structure(std::slice::from_ref(item))).or_default();
        *calls += 1;
        if *calls == 1 {
            open.extend(&segment.items);
        }
    }
    let repeated = calls.values().filter(|calls| **calls > 1);
    lines + repeated.map(|calls| BLOCK_LINES + calls).sum::<usize>()
}

/// The layers of a list in segments that end with such operators, and with the last layer. What is inside of a segment is
/// read inside of it alone.
fn segments(layers: &Layers<'_>, list: &[usize], is_end: impl Fn(&Op) -> bool) -> Vec<Item> {
    let place: HashMap<usize, usize> = list.iter().enumerate().map(|(at, &it)| (it, at)).collect();
    let last = list.len().saturating_sub(1);
    let mut ends: BTreeSet<usize> =
        (0..list.len()).filter(|&at| at == last || is_end(layers.op(list[at]))).collect();
    // Behind a layer that is no end and is read further on, there is none before its last reader.
    let mut open: Vec<usize> = (0..list.len()).filter(|at| !ends.contains(at)).collect();
    while let Some(at) = open.pop() {
        let readers = layers.readers[list[at]].iter().filter_map(|reader| place.get(reader));
        let until = readers.copied().max().unwrap_or(last);
        let inside: Vec<usize> = ends.range(at..until).copied().collect();
        for end in inside {
            ends.remove(&end);
            open.push(end);
        }
    }
    let mut start = 0;
    let mut items = Vec::new();
    for end in ends {
        let own = &list[start..=end];
        let chained = chains(layers, own);
        let whole = segment(layers, own, chained.clone());
        match own.len() >= LEAST_LAYERS && whole.reads.len() <= MOST_READ && chained.len() > 1 {
            true => items.push(Item::Segment(whole)),
            false => items.extend(chained),
        }
        start = end + 1;
    }
    items
}

/// Layers, with those as a segment that each read the one before alone.
fn chains(layers: &Layers<'_>, list: &[usize]) -> Vec<Item> {
    let follows = |before: usize, layer: usize| {
        layers.reads(layer) == [before] && layers.readers[before] == [layer]
    };
    let starts = |layer: usize| layers.reads(layer).len() == 1;
    let same = |&before: &usize, &layer: &usize| starts(before) && follows(before, layer);
    let mut items = Vec::new();
    for chain in list.chunk_by(same) {
        let plain: Vec<Item> = chain.iter().map(|&layer| Item::Layer(layer)).collect();
        match chain.len() >= LEAST_LAYERS {
            true => items.push(Item::Segment(segment(layers, chain, plain))),
            false => items.extend(plain),
        }
    }
    items
}

/// A segment with the layers outside of it that it reads, in the order in which they are read first.
fn segment(layers: &Layers<'_>, list: &[usize], items: Vec<Item>) -> Segment {
    let inside: BTreeSet<usize> = list.iter().copied().collect();
    let mut reads = Vec::new();
    let mut seen = BTreeSet::new();
    for &read in list.iter().flat_map(|&layer| layers.reads(layer)) {
        if !inside.contains(&read) && seen.insert(read) {
            reads.push(read);
        }
    }
    Segment { items, reads }
}
