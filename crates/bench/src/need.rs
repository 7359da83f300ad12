//! Estimates of the memory that a network needs, made before any of it is allocated.
//!
//! Measured with `VmHWM` of whole runs, of VGG-19 and of networks of large linear layers, at one and many images:
//!
//! | while | copies of the weights | which |
//! |---|---|---|
//! | they are read | 2 | our tensors, and the file that they are read from |
//! | an ONNX file is made | 3 | our tensors, the message, and the bytes that it becomes |
//! | an engine loads it | 4 | our tensors, the ONNX file, the engine's tensors, and those that it rearranges |
//! | it runs | 3 | our tensors, and at most two of the engine |
//!
//! The memory for activations is at most twice their peak: engines allocate it in large pieces and do not reuse it
//! perfectly.

use inceptive_cost::{Cost, Mode};
use inceptive_ir::Graph;

/// Copies of the weights in memory while they are read: ours, and the file that they come from.
const READING: u64 = 2;

/// While an ONNX file is made: ours, the message, and its bytes.
const WRITING: u64 = 3;

/// Copies of the weights that each engine keeps while it runs, in addition to ours.
const KEPT: u64 = 2;

/// Copies of the weights that an engine holds while it loads them, in addition to ours.
const LOADING: u64 = 3;

/// Memory that engines use for activations, as a multiple of their peak.
const RESULTS: u64 = 2;

/// Memory of an engine itself: its code, threads and their scratch memory.
const ENGINE_BYTES: u64 = 64 << 20;

/// The memory that a network needs, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryEstimate {
    weights: u64,
    run: u64,
}

impl MemoryEstimate {
    /// Estimates the memory of a network with its weights, and of a run with this batch size: images, and activations
    /// at their peak.
    pub fn new(graph: &Graph, batch: u32) -> Self {
        let cost = Cost::new(graph, Mode::Inference);
        let input = graph.node(graph.input()).shape.elements() * size_of::<f32>() as u64;
        let image = cost.peak.bytes.saturating_add(input);
        let buffers = cost.total.buffers.saturating_mul(size_of::<f32>() as u64);
        let weights = cost.total.weight_bytes.saturating_add(buffers);
        Self { weights, run: image.saturating_mul(batch.into()) }
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
        self.weights.saturating_mul(WRITING)
    }

    /// Bytes to keep the network on this number of engines while it runs, our weights included.
    pub fn to_keep(&self, engines: usize) -> u64 {
        let engine = self
            .weights
            .saturating_mul(KEPT)
            .saturating_add(self.run.saturating_mul(RESULTS))
            .saturating_add(ENGINE_BYTES);
        engine.saturating_mul(engines as u64).saturating_add(self.weights)
    }

    /// Additional bytes needed temporarily while one engine loads it.
    pub fn to_load(&self) -> u64 {
        self.weights.saturating_mul(LOADING - KEPT)
    }

    /// Bytes to load it on this number of engines one after the other, and run it on all of them.
    pub fn to_run(&self, engines: usize) -> u64 {
        self.to_keep(engines).saturating_add(self.to_load())
    }
}

#[cfg(test)]
impl MemoryEstimate {
    pub(crate) fn of_weights(weights: u64) -> Self {
        Self { weights, run: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inceptive_ir::{Activation, NewNode, Op, Path, Shape};

    #[test]
    fn images_and_results_count_for_each_of_a_batch() {
        let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
        let relu = NewNode::new(Op::Activation(Activation::Relu), Path::new("relu"));
        graph.add(relu, &[graph.input()]).unwrap();
        // The input that we keep, the engine's and the result.
        let run = 3 * (3 * 4 * 4 * 4);
        let results = |batch: u32| MemoryEstimate::new(&graph, batch).to_run(1) - ENGINE_BYTES;
        assert_eq!(results(1), RESULTS * run);
        assert_eq!(results(u32::MAX), RESULTS * run * u64::from(u32::MAX));
    }

    #[test]
    fn each_copy_of_the_weights_counts() {
        let need = MemoryEstimate { weights: 100, run: 10 };
        assert_eq!((need.to_read(), need.to_write(), need.to_load()), (200, 300, 100));
        assert_eq!(need.to_keep(0), 100);
        assert_eq!(need.to_keep(2) - 2 * ENGINE_BYTES, 100 + 2 * (200 + 20));
        assert_eq!(need.to_run(2), need.to_keep(2) + need.to_load());
        let huge = MemoryEstimate { weights: u64::MAX / 2, run: u64::MAX };
        assert_eq!(huge.to_run(3), u64::MAX);
    }
}
