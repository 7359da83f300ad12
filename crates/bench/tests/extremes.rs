//! Sizes and widths that are allowed but that nobody has: whatever can be counted of a network with them is a
//! number, and what is too large is refused.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use inceptive_bench::MemoryEstimate;
use inceptive_cost::{Convention, Cost, Mode, by_module, by_op, diff, reconcile};
use inceptive_dsl::{Disk, Setting, load, settables};
use inceptive_ir::{Graph, passes};
use inceptive_pytorch::to_pytorch;
use proptest::{prelude::*, sample::select};

/// Exact in every reader of JSON.
const EXACT: u64 = 1 << 53;

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    let folders = [folder.join("small"), folder];
    let entries = folders.into_iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let files = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|it| it == "yaml")).collect();
    files.sort();
    files
}

/// Numbers at the edges of types and of what is usual.
fn number() -> impl Strategy<Value = u64> {
    let edges: Vec<u64> = (0..34).flat_map(|bits| [(1 << bits) - 1, 1 << bits]).collect();
    prop_oneof![select(edges), 0_u64..1024]
}

/// What is set: top-level values, and widths by a position among those that the file has.
#[derive(Clone, Debug)]
enum Change {
    Size(u64),
    Height(u64, u64),
    Channels(u64),
    Classes(u64),
    Multiplier(f64),
    Width(usize, u64),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        number().prop_map(Change::Size),
        (number(), number()).prop_map(|(height, width)| Change::Height(height, width)),
        number().prop_map(Change::Channels),
        number().prop_map(Change::Classes),
        select(vec![1e-9, 0.01, 0.3, 7.0, 1000.0, 1024.0]).prop_map(Change::Multiplier),
        (any::<usize>(), number()).prop_map(|(at, width)| Change::Width(at, width)),
    ]
}

impl Change {
    fn setting(&self, keys: &[String]) -> Option<Setting> {
        let (key, value) = match self {
            Self::Size(size) => ("input.size", size.to_string()),
            Self::Height(height, width) => ("input.size", format!("{height}x{width}")),
            Self::Channels(channels) => ("input.channels", channels.to_string()),
            Self::Classes(classes) => ("classes", classes.to_string()),
            Self::Multiplier(multiplier) => ("width_multiplier", multiplier.to_string()),
            Self::Width(at, width) => {
                (keys.get(at % keys.len().max(1))?.as_str(), width.to_string())
            }
        };
        Some(Setting { key: key.to_owned(), value })
    }
}

/// Counts everything that can be counted.
fn count(graph: &Graph, batch: u32) {
    for mode in [Mode::Inference, Mode::Training] {
        let cost = Cost::new(graph, mode);
        for count in [
            cost.total.params,
            cost.total.macs,
            cost.total.flops,
            cost.total.moved_bytes,
            cost.total.activation_bytes,
            cost.peak.bytes,
        ] {
            assert!(count <= EXACT, "{count}");
        }
        assert!(by_module(graph, &cost, 2).iter().all(|it| it.totals.macs <= cost.total.macs));
        assert!(by_op(graph, &cost).iter().all(|it| it.totals.macs <= cost.total.macs));
        if let Ok(scaled) = cost.scaled(batch) {
            assert!(scaled.total.flops <= EXACT);
        }
    }
    for convention in Convention::ALL {
        convention.total(graph);
        reconcile(graph, convention, Convention::ALL[0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_overflows(
        file in select(shipped()),
        changes in proptest::collection::vec(change(), 1..4),
        batch in prop_oneof![Just(1), Just(u32::MAX), any::<u32>()],
    ) {
        let keys: Vec<String> =
            settables(&Disk, &file).unwrap().values.into_iter().map(|it| it.key).collect();
        let settings: Vec<Setting> = changes.iter().filter_map(|it| it.setting(&keys)).collect();
        let whole = load(&Disk, &file, &[]).unwrap().architecture.graph;
        match load(&Disk, &file, &settings) {
            Err(failure) => prop_assert!(!failure.to_string().is_empty()),
            Ok(loaded) => {
                let graph = &loaded.architecture.graph;
                prop_assert_eq!(graph.validate(), Ok(()));
                count(graph, batch);
                diff(&whole, graph, Mode::Training, 1);
                prop_assert!(!to_pytorch(graph, "n").is_empty());
                let deployed = passes::inference(graph).unwrap();
                prop_assert_eq!(deployed.fingerprint().to_string().len(), 32);
                MemoryEstimate::new(&deployed, batch, 1 + batch % 1000, 64 << 30);
            }
        }
    }
}
