//! Networks of a space by cost.

use std::{num::NonZero, thread};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::Space;
use inceptive_report::{Cloud, CloudPoint};
use rand::{RngExt, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

use crate::constraints::broken;

/// Counts networks of a space: all of them if there are at most `most`, else as many, drawn with a seed.
pub fn cloud(space: &Space, most: usize, seed: u64) -> Cloud {
    let (points, is_drawn) = match usize::try_from(space.size()) {
        Ok(size) if size <= most => {
            ((0..size as u128).map(|at| choices(space, at)).collect(), false)
        }
        _ => (drawn(space, most, seed), true),
    };
    let points: Vec<Vec<usize>> = points;
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let chunk = points.len().div_ceil(workers).max(1);
    let counted: Vec<Option<CloudPoint>> = thread::scope(|scope| {
        let work = |chunk: &[Vec<usize>]| -> Vec<Option<CloudPoint>> {
            chunk.iter().map(|choices| point(space, choices)).collect()
        };
        let workers: Vec<_> =
            points.chunks(chunk).map(|chunk| scope.spawn(move || work(chunk))).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let failed = points.len() - counted.iter().flatten().count();
    let labels = |variable: &inceptive_dsl::Variable| {
        variable.values.iter().map(|choice| choice.label.clone()).collect()
    };
    Cloud {
        title: space.title.clone(),
        file: space.file.to_string_lossy().into_owned(),
        description: space.description.clone(),
        notes: space.notes.clone(),
        variables: space.variables.iter().map(|v| (v.name.clone(), labels(v))).collect(),
        constraints: space.constraints.iter().map(ToString::to_string).collect(),
        size: space.size(),
        seed: is_drawn.then_some(seed),
        failed,
        points: counted.into_iter().flatten().collect(),
    }
}

/// The positions of the values at a place in the space, the last variable changing fastest.
pub fn choices(space: &Space, mut at: u128) -> Vec<usize> {
    let mut choices = vec![0; space.variables.len()];
    for (choice, variable) in choices.iter_mut().zip(&space.variables).rev() {
        let count = variable.values.len() as u128;
        *choice = usize::try_from(at % count).unwrap_or_default();
        at /= count;
    }
    choices
}

/// Different points, in the order of the space.
fn drawn(space: &Space, most: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    if let Ok(size) = u32::try_from(space.size()) {
        let mut places = index::sample(&mut rng, size as usize, most.min(size as usize)).into_vec();
        places.sort_unstable();
        return places.into_iter().map(|at| choices(space, at as u128)).collect();
    }
    // So many that the same one hardly comes twice.
    let random = |rng: &mut ChaCha8Rng| -> Vec<usize> {
        space.variables.iter().map(|v| rng.random_range(0..v.values.len())).collect()
    };
    let mut points: Vec<Vec<usize>> = (0..most).map(|_| random(&mut rng)).collect();
    points.sort_unstable();
    points.dedup();
    points
}

/// A network's counts; none where the values do not fit together.
fn point(space: &Space, choices: &[usize]) -> Option<CloudPoint> {
    let network = space.network(choices).ok()?;
    let cost = Cost::new(&network.graph, Mode::Inference);
    Some(CloudPoint {
        values: network.point.iter().map(|(_, value)| value.clone()).collect(),
        params: cost.total.params,
        macs: cost.total.macs,
        acts: cost.total.acts,
        peak_activation_bytes: cost.peak.bytes,
        is_inside: broken(&network, &cost).is_empty(),
    })
}
