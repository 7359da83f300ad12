//! Estimates of the memory that a network needs, made before any of it is allocated.
//!
//! Measured with `VmHWM` of whole runs, of VGG-19 and of one to four networks of linear layers with 0.5 to 1.6 GB of
//! weights that take turns. In copies of the weights, ours included:
//!
//! | while | rten 0.27 | ONNX Runtime 1.32 | OpenVINO 2026.4 |
//! |---|---|---|---|
//! | an engine loads them | 2.9 to 3.0 | 3.6 to 4.0 | 4.9 to 5.1 |
//! | each further network is kept | 2.0 | 2.0 | 3.0 |
//!
//! These are our tensors, the ONNX file, the engine's tensors, and those that it rearranges. Results took 1.0 times
//! what is needed at once, of a network of convolutions and of MobileNet v2 with batches of 8 and 32, and engines 30 to
//! 90 MB for themselves.

use inceptive_cost::{Cost, Mode};
use inceptive_engine::{Isa, Options, Plan, PlanError};
use inceptive_ir::{Graph, passes};
use inceptive_onnx::{constant_bytes, intermediate_bytes};

/// Copies of the weights in memory while they are read: ours, and the file that they come from.
const READING: u64 = 2;

/// While an ONNX file is made: ours, and its bytes. A file on the disk is written piece by piece, but weights that are read
/// for it may come from a file in memory.
const WRITING: u64 = 2;

/// The part of results that engines take beside what is needed at once: a quarter, for intermediate values.
const RESULTS_BESIDE: u64 = 4;

/// Memory of an engine itself: its code and threads.
const ENGINE_BYTES: u64 = 64 << 20;

/// Inputs that a session of the native engine keeps: its first one, and the one that is set.
const INPUTS_OF_SESSION: u64 = 2;

/// Copies of the weights that engines have beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// While they run.
    kept: u64,
    /// More for a moment, while one of them loads a network.
    loading: u64,
    /// Those that are counted so.
    engines: u64,
    /// Whether the native engine is one of them, whose plans say what they take.
    has_native: bool,
    /// Whether one has a network after the other.
    in_turn: bool,
}

impl Copies {
    /// Of no engine.
    const NONE: Self = Self { kept: 0, loading: 0, engines: 0, has_native: false, in_turn: false };

    /// Of the native engine.
    pub const NATIVE: Self = Self { has_native: true, ..Self::NONE };

    /// Of one other engine: while it runs, and while it loads, the ONNX file included.
    pub const fn new(kept: u64, loading: u64) -> Self {
        Self { kept, loading: loading.saturating_sub(kept), engines: 1, ..Self::NONE }
    }

    /// Whether one of the engines reads an ONNX file: all but the native one.
    pub const fn needs_file(self) -> bool {
        self.engines > 0
    }

    /// Of engines that have a network at once.
    pub fn together(engines: impl IntoIterator<Item = Self>) -> Self {
        engines.into_iter().fold(Self::NONE, |all, one| Self {
            kept: all.kept + one.kept,
            loading: all.loading.max(one.loading),
            engines: all.engines + one.engines,
            has_native: all.has_native || one.has_native,
            in_turn: false,
        })
    }

    /// Of engines that have a network one after the other: those of the one that has most.
    pub fn in_turn(engines: impl IntoIterator<Item = Self>) -> Self {
        engines.into_iter().fold(Self::NONE, |most, one| {
            let has_native = most.has_native || one.has_native;
            let more = most.kept + most.loading < one.kept + one.loading;
            Self { has_native, in_turn: true, ..if more { one } else { most } }
        })
    }
}

/// The memory that a network needs, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryEstimate {
    weights: u64,
    /// The weights, and the constants that operators are written with in a file.
    file: u64,
    run: u64,
    /// What the native engine takes beside our weights.
    native: u64,
}

/// The part of free memory, as a divisor, below which a network is small: the bound of [`most_of_plan`] is enough for it,
/// and found sooner than a plan of very many nodes.
const SMALL: u64 = 64;

/// What a thread of the native engine takes for itself, at most, of a small network.
const SCRATCH_BYTES: u64 = 4 << 20;

/// Maximum number of packed weights per weight in a small network: Winograd's method has four times as many weights, and
/// blocks of sixteen outputs may be half empty.
const MOST_PACKED: u64 = 8;

/// Maximum number of values in the feature maps of a plan per activation of a small network: a block of sixteen channels
/// may hold only one, and the border may be as large as the map.
const MOST_MAPS: u64 = 32;

/// An upper bound of the bytes that a plan of a small network needs.
fn most_of_plan(weights: u64, run: u64, threads: u32) -> u64 {
    let scratch = SCRATCH_BYTES.saturating_mul(threads.into());
    let (weights, maps) = (weights.saturating_mul(MOST_PACKED), run.saturating_mul(MOST_MAPS));
    weights.saturating_add(maps).saturating_add(scratch)
}

/// What a plan of the native engine takes; none where it cannot compute the network, which it says when it is to.
fn plan_bytes(graph: &Graph, batch: u32, threads: u32, most_bytes: u64) -> Option<u64> {
    let inference = passes::inference(graph).ok()?;
    let (folded, _) = passes::fold_batch_norm(&inference);
    let options = Options {
        batch: batch as usize,
        threads: threads as usize,
        isa: Isa::best(),
        winograd: true,
        most_bytes,
    };
    match Plan::needs(&inference.apply(&folded).ok()?, options) {
        Ok(needs) => Some(needs.total()),
        Err(PlanError::Memory { needed, .. }) => Some(needed),
        Err(_) => None,
    }
}

impl MemoryEstimate {
    /// Estimates the memory of a network with its weights, and of a run with this batch size and number of threads: images,
    /// and activations at their peak. `available` is the free memory in bytes.
    pub fn new(graph: &Graph, batch: u32, threads: u32, available: u64) -> Self {
        let cost = Cost::new(graph, Mode::Inference);
        let input = graph.node(graph.input()).shape.elements() * size_of::<f32>() as u64;
        let image = cost.peak.bytes.saturating_add(input);
        let buffers = cost.total.buffers.saturating_mul(size_of::<f32>() as u64);
        let weights = cost.total.weight_bytes.saturating_add(buffers);
        let file = weights.saturating_add(constant_bytes(graph));
        let image = image.saturating_add(intermediate_bytes(graph));
        let run = image.saturating_mul(batch.into());
        let inputs = input.saturating_mul(INPUTS_OF_SESSION).saturating_mul(batch.into());
        let bound = most_of_plan(weights, run, threads);
        let plan = if bound <= available / SMALL {
            bound
        } else if weights.saturating_add(run) <= available {
            plan_bytes(graph, batch, threads, available).unwrap_or(0)
        } else {
            // A plan of what is far too large would itself be large.
            run
        };
        Self { weights, file, run, native: plan.saturating_add(inputs) }
    }

    /// The weights alone, as we keep them.
    pub fn weights(&self) -> u64 {
        self.weights
    }

    /// Enough to read the weights, or make them.
    pub fn to_read(&self) -> u64 {
        self.weights.saturating_mul(READING)
    }

    /// Enough to write an ONNX file.
    pub fn to_write(&self) -> u64 {
        self.file.saturating_mul(WRITING)
    }

    /// Enough to keep the network on engines at once while it runs, our weights included.
    pub fn to_keep(&self, copies: Copies) -> u64 {
        let results = self.run.saturating_add(self.run / RESULTS_BESIDE);
        let engines = results.saturating_add(ENGINE_BYTES).saturating_mul(copies.engines);
        let others = self.file.saturating_mul(copies.kept).saturating_add(engines);
        let native = if copies.has_native { self.native.saturating_add(ENGINE_BYTES) } else { 0 };
        let all = if copies.in_turn { others.max(native) } else { others.saturating_add(native) };
        all.saturating_add(self.weights)
    }

    /// Additional bytes needed temporarily while one engine loads it.
    pub fn to_load(&self, copies: Copies) -> u64 {
        self.file.saturating_mul(copies.loading)
    }

    /// Enough to read it, load it on engines one after the other, and run it on all of them.
    pub fn to_run(&self, copies: Copies) -> u64 {
        self.to_keep(copies).saturating_add(self.to_load(copies)).max(self.to_read())
    }
}

#[cfg(test)]
impl MemoryEstimate {
    pub(crate) fn of_weights(weights: u64) -> Self {
        Self { weights, file: weights, run: 0, native: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inceptive_ir::{Activation, BatchNorm, NewNode, Op, Path, Shape, Size};

    const AVAILABLE: u64 = 64 << 30;

    #[test]
    fn images_and_results_count_for_each_of_a_batch() {
        let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
        let relu = NewNode::new(Op::Activation(Activation::Relu), Path::new("relu"));
        graph.add(relu, &[graph.input()]).unwrap();
        // The input that we keep, the engine's and the result, and a quarter of it all.
        let run = 3 * (3 * 4 * 4 * 4) * 5 / 4;
        let copies = Copies::new(1, 2);
        let results = |batch: u32| {
            MemoryEstimate::new(&graph, batch, 1, AVAILABLE).to_run(copies) - ENGINE_BYTES
        };
        assert_eq!(results(1), run);
        assert_eq!(results(u32::MAX), run * u64::from(u32::MAX));
    }

    #[test]
    fn each_copy_of_the_weights_counts() {
        let need = MemoryEstimate { weights: 100, file: 100, run: 40, native: 1000 };
        let (lean, heavy) = (Copies::new(1, 2), Copies::new(2, 4));
        assert_eq!((need.to_read(), need.to_write()), (200, 200));
        assert_eq!((need.to_load(lean), need.to_load(heavy)), (100, 200));
        assert_eq!(need.to_keep(lean) - ENGINE_BYTES, 100 + 100 + 50);
        let both = Copies::together([lean, heavy]);
        assert_eq!(need.to_keep(both) - 2 * ENGINE_BYTES, 100 + 300 + 2 * 50);
        assert_eq!(need.to_run(both), need.to_keep(both) + 200);
        assert_eq!(need.to_run(Copies::in_turn([heavy, lean])), need.to_run(heavy));
        assert_eq!(need.to_run(Copies::in_turn([])), need.to_read());
        // The native engine says itself what it takes.
        let native = need.to_keep(Copies::NATIVE);
        assert_eq!(native - ENGINE_BYTES, 100 + 1000);
        assert_eq!(need.to_keep(Copies::in_turn([Copies::NATIVE, heavy])), native);
        let together = Copies::together([Copies::NATIVE, heavy]);
        assert_eq!(need.to_keep(together), need.to_keep(heavy) + native - 100);
        let half = u64::MAX / 2;
        let huge = MemoryEstimate { weights: half, file: half, run: u64::MAX, native: half };
        assert_eq!(huge.to_run(both), u64::MAX);
    }

    /// What is small is not planned, but a plan takes less than what is said of it.
    #[test]
    fn the_bound_of_a_plan_is_one() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
        for file in ["small/bn.yaml", "small/naive.yaml", "squeezenet1_1.yaml", "mobilenet-v1.yaml"]
        {
            let loaded = inceptive_dsl::load(&inceptive_dsl::Disk, &folder.join(file), &[]);
            let graph = loaded.unwrap().architecture.graph;
            for (batch, threads) in [(1, 1), (1, 4), (4, 2)] {
                let need = MemoryEstimate::new(&graph, batch, threads, AVAILABLE);
                let bound = most_of_plan(need.weights, need.run, threads);
                let plan = plan_bytes(&graph, batch, threads, u64::MAX).unwrap();
                assert!(plan <= bound, "{file}: {plan} of at most {bound}");
            }
        }
    }

    /// The matrices of adaptive pooling are constants of the file, and so are ones and zeros of a normalisation.
    #[test]
    fn constants_that_are_no_weights_count_in_files_and_engines() {
        let mut graph = Graph::new(Shape::map(2, 3, 1000), None).unwrap();
        let pool = Op::AdaptiveAvgPool { output: Size::new(2, 999) };
        let pool = graph.add(NewNode::new(pool, Path::new("p")), &[graph.input()]).unwrap();
        let norm = Op::BatchNorm(BatchNorm { eps: 1e-3, scale: false, center: false });
        graph.add(NewNode::new(norm, Path::new("n")), &[pool]).unwrap();
        let need = MemoryEstimate::new(&graph, 1, 1, AVAILABLE);
        let weights = 4 * (2 + 2);
        assert_eq!(need.weights(), weights);
        let file = weights + 4 * (2 * 3 + 1000 * 999 + 2 + 2);
        assert_eq!((need.to_read(), need.to_write()), (2 * weights, 2 * file));
        assert_eq!(need.to_load(Copies::new(1, 3)), 2 * file);
        // The input twice, the result of the rows, and that of both.
        let run = 4 * 2 * (3 * 1000 + 3 * 1000 + 2 * 1000 + 2 * 999) * 5 / 4;
        assert_eq!(need.to_keep(Copies::new(1, 3)), weights + file + run + ENGINE_BYTES);
    }

    /// One row to many and many columns to one: small matrices, and a large value between them.
    #[test]
    fn what_is_computed_between_two_products_counts() {
        let mut graph = Graph::new(Shape::map(1, 1, 40_000), None).unwrap();
        let pool = Op::AdaptiveAvgPool { output: Size::new(40_000, 1) };
        graph.add(NewNode::new(pool, Path::new("p")), &[graph.input()]).unwrap();
        assert!(
            MemoryEstimate::new(&graph, 1, 1, AVAILABLE).to_run(Copies::new(1, 2))
                > 40_000 * 40_000 * 4
        );
    }
}
