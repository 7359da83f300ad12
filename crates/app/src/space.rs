//! Networks of a space by cost.

use std::{mem, num::NonZero, ops::ControlFlow, thread};

use inceptive_dsl::Space;
use inceptive_explore::Network;
use inceptive_report::{Cloud, SpaceSample};
use rand::{
    RngExt, SeedableRng,
    seq::{SliceRandom, index},
};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::network::ReadError;

/// Which networks of a space are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudPlan {
    /// Maximum number of points counted; a random sample if there are more.
    pub most: usize,
    /// The seed that they are drawn with.
    pub seed: u64,
}

/// Maximum size of a file of a space.
const MOST_BYTES: u64 = inceptive_files::GIB;

/// SHA-256 of the files of a space, each with its length.
pub(crate) fn space_fingerprint(space: &Space) -> Result<String, ReadError> {
    let mut hash = Sha256::new();
    for file in &space.files {
        let bytes = inceptive_files::read(file, MOST_BYTES)
            .map_err(|error| ReadError::File { path: file.clone(), error })?;
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(&bytes);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Counts networks of a space. `goes_on` is called by one thread at a time with the number of networks done, always
/// increasing, and the total; it decides whether to go on. When it stops, the networks counted until then are kept;
/// they are spread over the whole space.
pub fn cloud(
    space: &Space,
    plan: CloudPlan,
    goes_on: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Cloud {
    cloud_on(thread::available_parallelism().map_or(1, NonZero::get), space, plan, goes_on)
}

/// Counts networks of a space on this number of threads.
fn cloud_on(
    workers: usize,
    space: &Space,
    plan: CloudPlan,
    goes_on: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Cloud {
    let CloudPlan { most, seed } = plan;
    let (points, is_drawn) = match usize::try_from(space.size()) {
        Ok(size) if size <= most => {
            let points = (0..size as u128).map(|at| choices(space, at));
            (collected(points, &|| goes_on(0, size)), false)
        }
        _ => (drawn(space, most, seed, &|| goes_on(0, most)), true),
    };
    let counted = counted(workers, space, points, seed, goes_on);
    let sample = |(point, network): &(Vec<usize>, Option<Network>)| {
        let labels = space.variables.iter().zip(point);
        let values = labels.map(|(variable, &choice)| variable.values[choice].label.clone());
        network.map(|Network { counts, is_inside }| SpaceSample {
            values: values.collect(),
            counts,
            is_inside,
        })
    };
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
        objectives: space.objectives.clone(),
        size: space.size(),
        seed: is_drawn.then_some(seed),
        failed: counted.iter().filter(|(_, network)| network.is_none()).count(),
        points: counted.iter().filter_map(sample).collect(),
    }
}

/// Counts points on this number of threads, in the order of the points; all of them, unless it is stopped.
fn counted(
    workers: usize,
    space: &Space,
    points: Vec<Vec<usize>>,
    seed: u64,
    goes_on: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> Vec<(Vec<usize>, Option<Network>)> {
    // In random order, so that the points counted before a stop are spread over the space.
    let mut shuffled = points;
    shuffled.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
    let total = shuffled.len();
    let counted = inceptive_explore::count(space, &shuffled, workers, &|done| goes_on(done, total));
    let mut counted: Vec<(Vec<usize>, Option<Network>)> = counted
        .into_iter()
        .map(|counted| (mem::take(&mut shuffled[counted.place]), counted.network))
        .collect();
    counted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    counted
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

/// Points that are listed between two questions whether to go on.
const LISTED_AT_ONCE: usize = 1 << 14;

/// Points, until it is stopped.
fn collected(
    points: impl Iterator<Item = Vec<usize>>,
    goes_on: &dyn Fn() -> ControlFlow<()>,
) -> Vec<Vec<usize>> {
    let is_due = |at: usize| at > 0 && at.is_multiple_of(LISTED_AT_ONCE);
    let is_wanted = |at: usize| !is_due(at) || goes_on().is_continue();
    points.enumerate().take_while(|(at, _)| is_wanted(*at)).map(|(_, point)| point).collect()
}

/// Different points, in the order of the space; fewer if it is stopped.
pub(crate) fn drawn(
    space: &Space,
    most: usize,
    seed: u64,
    goes_on: &dyn Fn() -> ControlFlow<()>,
) -> Vec<Vec<usize>> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    if let Ok(size) = u32::try_from(space.size()) {
        let mut places = index::sample(&mut rng, size as usize, most.min(size as usize)).into_vec();
        places.sort_unstable();
        return collected(places.into_iter().map(|at| choices(space, at as u128)), goes_on);
    }
    // So many that duplicates are rare.
    let random = |rng: &mut ChaCha8Rng| -> Vec<usize> {
        space.variables.iter().map(|v| rng.random_range(0..v.values.len())).collect()
    };
    let mut points = collected((0..most).map(|_| random(&mut rng)), goes_on);
    points.sort_unstable();
    points.dedup();
    points
}

#[cfg(test)]
mod tests {
    use std::{
        iter, panic,
        path::Path,
        sync::{
            Mutex,
            atomic::{AtomicBool, AtomicUsize, Ordering},
        },
    };

    use super::*;

    const SPACE: &str = "space: S\nbase: base.yaml\nvary:\n  a: {from: 1, to: 100, step: 1}\n  \
                         b: {from: 1, to: 300, step: 1}\nwith: {params: {a: $a, b: $b}}\n";
    const BASE: &str = "name: B\nparams: {a: 1, b: 1}\ninput: {channels: 3, size: 8}\nbody:\n  - conv a: \
                        {kernel: 1, width: $a}\n  - conv b: {kernel: 1, width: $b}\ntail: []\n";

    fn space() -> Space {
        let files = inceptive_dsl::Memory::default().with("s.yaml", SPACE).with("base.yaml", BASE);
        inceptive_dsl::load_space(&files, Path::new("s.yaml")).unwrap()
    }

    #[test]
    fn what_is_counted_before_a_stop_lies_all_over_the_space() {
        let plan = CloudPlan { most: 30_000, seed: 0 };
        let all = cloud(&space(), plan, &|_, _| ControlFlow::Continue(()));
        assert_eq!((all.points.len(), all.failed), (30_000, 0));
        let stops = |done: usize, of: usize| {
            assert_eq!(of, 30_000);
            if done >= 600 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let some = cloud_on(4, &space(), plan, &stops);
        assert!((600..15_000).contains(&some.points.len()), "{}", some.points.len());
        assert_eq!(some.failed, 0, "what was not counted did not fail");
        let widths: Vec<f64> = some.points.iter().map(|it| it.values[0].parse().unwrap()).collect();
        let mean = widths.iter().sum::<f64>() / widths.len() as f64;
        assert!((45.0..55.0).contains(&mean), "{mean}");
        // In the order of the space, like all of them.
        let mut others = all.points.iter();
        assert!(some.points.iter().all(|point| others.any(|other| other == point)));
    }

    #[test]
    fn a_stop_ends_the_listing_of_points() {
        let asked = AtomicUsize::new(0);
        let stops = || match asked.fetch_add(1, Ordering::Relaxed) {
            0..3 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        };
        let listed = collected(iter::repeat(vec![0]), &stops);
        assert_eq!(listed.len(), 4 * LISTED_AT_ONCE);
        assert_eq!(drawn(&space(), 100, 0, &|| ControlFlow::Continue(())).len(), 100);
    }

    #[test]
    fn what_is_told_only_grows() {
        let told = Mutex::new(vec![]);
        let tell = |done: usize, _: usize| {
            told.lock().unwrap().push(done);
            ControlFlow::Continue(())
        };
        cloud_on(8, &space(), CloudPlan { most: 30_000, seed: 0 }, &tell);
        let told = told.into_inner().unwrap();
        assert_eq!(told.last(), Some(&30_000));
        assert!(told.len() > 1 && told.is_sorted(), "{told:?}");
    }

    #[test]
    fn a_thread_that_panics_does_not_lose_networks_silently() {
        let is_first = AtomicBool::new(true);
        let tell = |_: usize, _: usize| {
            assert!(!is_first.swap(false, Ordering::Relaxed), "the first one");
            ControlFlow::Continue(())
        };
        let count = || cloud_on(2, &space(), CloudPlan { most: 100, seed: 0 }, &tell);
        let panic = panic::catch_unwind(panic::AssertUnwindSafe(count)).unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"the first one"));
    }
}
