//! How much memory a network needs, before any of it is taken.

use inceptive_cost::{Cost, Mode};
use inceptive_ir::Graph;

/// Copies of its weights that a network has in memory at least while it runs: ours and the engine's.
const COPIES_AT_LEAST: u64 = 2;

/// Copies while it is loaded: ours, the ONNX file, the engine's own and what it rearranges.
const COPIES_AT_MOST: u64 = 4;

/// What a network needs on one engine, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    weights: u64,
    run: u64,
}

impl Need {
    /// What a network with its weights needs, and a run of so many images: these, and results at their peak.
    pub fn new(graph: &Graph, batch: u32) -> Self {
        let cost = Cost::new(graph, Mode::Inference);
        let input = graph.node(graph.input()).shape.elements() * size_of::<f32>() as u64;
        let image = cost.peak.bytes.saturating_add(input);
        Self { weights: cost.total.weight_bytes, run: image.saturating_mul(batch.into()) }
    }

    /// Less than this is never enough. Engines take more for what they compute on the way.
    pub fn at_least(&self) -> u64 {
        self.weights.saturating_mul(COPIES_AT_LEAST).saturating_add(self.run)
    }

    /// This is enough, but for what engines take on the way.
    pub(crate) fn at_most(&self) -> u64 {
        self.weights.saturating_mul(COPIES_AT_MOST).saturating_add(self.run)
    }
}

#[cfg(test)]
impl Need {
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
        let image = 3 * 4 * 4 * 4;
        // The input that we keep, the engine's and the result.
        assert_eq!(Need::new(&graph, 1).at_least(), 3 * image);
        assert_eq!(Need::new(&graph, u32::MAX).at_least(), 3 * image * u64::from(u32::MAX));
        let heavy = Need { weights: 10, run: 1 };
        assert_eq!((heavy.at_least(), heavy.at_most()), (21, 41));
    }
}
