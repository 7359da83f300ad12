//! Items behind each other that repeat elsewhere.

use std::collections::HashMap;

use inceptive_ir::{Conv, Op};

use super::{blocks::LEAST_LAYERS, tree::Item, writer::Writer};

/// Items of a run that is looked for, at most.
const LONGEST_RUN: usize = 10;

/// Runs that become blocks, at most.
const MOST_RUNS: usize = 12;

/// A part of the body: an item, or several that repeat elsewhere.
#[derive(Clone, Debug)]
pub(super) enum Part {
    One(Item),
    Run(Vec<Item>),
}

impl Part {
    pub(super) fn items(&self) -> &[Item] {
        match self {
            Self::One(item) => std::slice::from_ref(item),
            Self::Run(items) => items,
        }
    }
}

/// Cuts the body into what repeats and the rest.
pub(super) fn runs(writer: &Writer<'_, '_>, body: Vec<Item>) -> Vec<Part> {
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
        Item::Cell(_) | Item::Segment(_) => false,
    };
    let is_conv = |item: &Item| match item {
        Item::Layer(layer) => matches!(writer.layers.op(*layer), Op::Conv(Conv { .. })),
        Item::Join(_) | Item::Cell(_) | Item::Segment(_) => false,
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
