//! Where the results of units lie: each in a buffer of its own, or as a part of a concatenation that is made in place.

use std::sync::Arc;

use crate::units::{Kind, Unit};

/// The buffer of a unit's result, named by the unit that owns it, and the first block there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) owner: usize,
    pub(crate) block: usize,
}

/// Decides where each unit's result lies, and adds units that copy what cannot be made in its place.
///
/// Concatenations are looked at from the last one to the first, so that one that grows step by step, as in DenseNet,
/// lies in the buffer of the largest.
pub(crate) fn place(units: &mut Vec<Unit>) -> Vec<Place> {
    let mut parents: Vec<Option<Place>> = vec![None; units.len()];
    let mut concats: Vec<usize> =
        (0..units.len()).filter(|unit| matches!(units[*unit].kind, Kind::Concat)).collect();
    concats.sort_unstable_by_key(|unit| std::cmp::Reverse(units[*unit].position));
    for concat in concats {
        if parents[concat].is_none()
            && let Some(place) = inside_of_another(units, &parents, concat)
        {
            parents[concat] = Some(place);
            continue;
        }
        let mut block = 0;
        for index in 0..units[concat].inputs.len() {
            let input = units[concat].inputs[index];
            let blocks = units[input].blocks();
            let is_free = parents[input].is_none() && !matches!(units[input].kind, Kind::Input);
            let place = Place { owner: concat, block };
            if is_free {
                parents[input] = Some(place);
            } else {
                let copy = Unit {
                    kind: Kind::Copy,
                    inputs: vec![input],
                    node: units[concat].node,
                    nodes: vec![units[concat].node],
                    function: inceptive_kernels::activation::Function::Identity,
                    residual: None,
                    factor: 1.0,
                    is_turned: false,
                    position: units[concat].position,
                    segments: Arc::clone(&units[input].segments),
                    size: units[input].size,
                };
                units.push(copy);
                parents.push(Some(place));
                let copy = units.len() - 1;
                units[concat].inputs[index] = copy;
            }
            block += blocks;
        }
    }
    // A parent's place is known before those of what lies in it.
    let mut places: Vec<Option<Place>> = vec![None; units.len()];
    for unit in 0..units.len() {
        resolve(unit, &parents, &mut places);
    }
    let own =
        |(unit, place): (usize, Option<Place>)| place.unwrap_or(Place { owner: unit, block: 0 });
    places.into_iter().enumerate().map(own).collect()
}

/// The place of a concatenation whose inputs lie one behind the other in another one.
fn inside_of_another(units: &[Unit], parents: &[Option<Place>], concat: usize) -> Option<Place> {
    let inputs = &units[concat].inputs;
    let first = parents[*inputs.first()?]?;
    let mut block = first.block;
    for input in inputs {
        if parents[*input] != Some(Place { owner: first.owner, block }) {
            return None;
        }
        block += units[*input].blocks();
    }
    Some(first)
}

/// Follows the parents of a unit up to the owner of a buffer.
fn resolve(unit: usize, parents: &[Option<Place>], places: &mut [Option<Place>]) {
    let mut way = vec![unit];
    let mut at = unit;
    // Up to a unit whose place is known, or that has a buffer of its own.
    let mut place = loop {
        if let Some(known) = places[at] {
            way.pop();
            break known;
        }
        match parents[at] {
            Some(parent) => {
                at = parent.owner;
                way.push(at);
            }
            None => break Place { owner: at, block: 0 },
        }
    };
    while let Some(unit) = way.pop() {
        if let Some(parent) = parents[unit] {
            place = Place { owner: place.owner, block: place.block + parent.block };
        }
        places[unit] = Some(place);
    }
}
