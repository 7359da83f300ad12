//! How long it takes to count all networks of a space: four variables of GoogLeNet in steps of 1/16, and its tail.
//!
//! ```sh
//! cargo bench -p inceptive-explore
//! ```

#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::{fs, num::NonZero, ops::ControlFlow, path::Path, thread, time::Instant};

use inceptive_dsl::{Memory, Space, load_space};
use inceptive_explore::{Counted, count};

const SPACE: &str = r#"
space: GoogLeNet
base: googlenet.yaml
vary:
  width: {from: 0.25, to: 2, step: 0.0625, default: 1}
  reduce3: {from: 0.25, to: 2, step: 0.0625, default: 1}
  reduce5: {from: 0.25, to: 2, step: 0.0625, default: 1}
  share: {from: 0.25, to: 2, step: 0.0625, default: 1}
  tail: {values: {gap: gap, fc: {fc: {widths: [4096, 4096]}}}}
with:
  width_multiplier: $width
  blocks:
    inception:
      branches:
        3x3:
          - conv reduce: {kernel: 1, width: "max(8, round_to($reduce3 * $r3, 8))"}
          - conv: {kernel: 3, width: "max(8, round_to($share * $c3, 8))"}
        5x5:
          - conv reduce: {kernel: 1, width: "max(8, round_to($reduce5 * $r5, 8))"}
          - conv: {kernel: 5, width: $c5}
  tail: $tail
constraints: ["macs <= 1.6G"]
"#;

fn point(space: &Space, mut place: usize) -> Vec<usize> {
    let mut point = vec![0; space.variables.len()];
    for (choice, variable) in point.iter_mut().zip(&space.variables).rev() {
        *choice = place % variable.values.len();
        place /= variable.values.len();
    }
    point
}

fn main() {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures/googlenet.yaml");
    let base = fs::read_to_string(base).unwrap();
    let files = Memory::default().with("googlenet.yaml", base).with("space.yaml", SPACE);
    let space = load_space(&files, Path::new("space.yaml")).unwrap();
    let size = usize::try_from(space.size()).unwrap();
    let points: Vec<Vec<usize>> = (0..size).map(|place| point(&space, place)).collect();
    for workers in [1, thread::available_parallelism().map_or(1, NonZero::get)] {
        let start = Instant::now();
        let counted = count(&space, &points, workers, &|_| ControlFlow::Continue(()));
        let seconds = start.elapsed().as_secs_f64();
        let is_inside = |it: &&Counted| it.network.is_some_and(|network| network.is_inside);
        let inside = counted.iter().filter(is_inside).count();
        println!(
            "{workers} threads: {size} networks in {seconds:.2} s, {:.2} us each, {inside} satisfy the constraint",
            1e6 * seconds / counted.len() as f64
        );
    }
}
