//! Initial weights of training.

use std::sync::atomic::AtomicBool;

use inceptive_ir::{Graph, Op, Role};
use inceptive_weights::{Weights, node_slots};

/// Random initial weights, the same for a seed on every machine. Kernels are normally distributed with variance 2 / fan-in
/// (He et al. 2015), weights and biases of linear layers uniformly in ±1 / sqrt(fan-in). Biases of convolutions, shifts and
/// running means are 0, scales and running variances 1, slopes of PReLU 0.25.
pub fn initial_weights(graph: &Graph, seed: u64) -> Weights {
    initial_weights_until(graph, seed, &AtomicBool::new(false)).unwrap_or_default()
}

/// The same; `None` soon after `stop` is set.
pub(crate) fn initial_weights_until(
    graph: &Graph,
    seed: u64,
    stop: &AtomicBool,
) -> Option<Weights> {
    let mut weights = Weights::seeded_until(graph, seed, stop)?;
    for (id, node) in graph.nodes() {
        for slot in node_slots(graph, id) {
            let value = match (&node.op, slot.role) {
                (Op::BatchNorm(_), Role::Weight | Role::Variance)
                | (Op::Norm(_) | Op::Scale(_), Role::Weight) => 1.0,
                (Op::BatchNorm(_), Role::Bias | Role::Mean)
                | (Op::Conv(_) | Op::ConvTranspose(_) | Op::Norm(_) | Op::Scale(_), Role::Bias) => {
                    0.0
                }
                // The start of the paper (He et al. 2015, section 2.1).
                (Op::Prelu { .. }, Role::Weight) => 0.25,
                _ => continue,
            };
            let len = slot.len();
            weights.set(slot.path, slot.role, vec![value; len]);
        }
    }
    Some(weights)
}
