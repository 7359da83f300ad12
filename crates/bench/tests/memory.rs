//! What the native engine needs for the shipped networks.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use inceptive_bench::Isa;
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, load};
use inceptive_engine::{Options, Plan};
use inceptive_ir::passes;

/// What borders of maps and the methods of convolutions need beside: much for small networks and those with small maps
/// of many channels.
const BESIDE: f64 = (1 << 20) as f64;

/// The limit: 1.3 times weights and peak memory.
fn limit(cost: &Cost) -> f64 {
    1.3 * (cost.total.weight_bytes + cost.peak.bytes) as f64 + BESIDE
}

#[test]
fn a_plan_is_not_much_larger_than_weights_and_peak_memory() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut count = 0;
    for path in paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")) {
        let graph = load(&Disk, &path, &[]).unwrap().architecture.graph;
        let graph = passes::inference(&graph).unwrap();
        let limit = limit(&Cost::new(&graph, Mode::Inference));
        let (folded, _) = passes::fold_batch_norm(&graph);
        let isa = Isa::best();
        let options = Options { batch: 1, threads: 1, isa, winograd: true, most_bytes: u64::MAX };
        let needs = Plan::needs(&graph.apply(&folded).unwrap(), options).unwrap();
        // Beside the output, a copy for who asked for it.
        let held = needs.weights + needs.maps + needs.scratch;
        assert!(held as f64 <= limit, "{}: {needs:?}, limit {limit}", path.display());
        count += 1;
    }
    assert!(count >= 26);
}
