//! The weights that training starts with.

use inceptive_ir::{Graph, Op, Role};
use inceptive_weights::{Weights, node_slots};

/// Random weights as the field starts with them: kernels normal with variance 2 / fan-in (He et al. 2015), matrices and
/// biases of linear layers uniform in ±1 / sqrt(fan-in), biases of convolutions and shifts of normalisations 0, scales and
/// variances 1. The same for a seed on every machine.
pub fn initial_weights(graph: &Graph, seed: u64) -> Weights {
    let mut weights = Weights::seeded(graph, seed);
    for (id, node) in graph.nodes() {
        for slot in node_slots(graph, id) {
            let value = match (&node.op, slot.role) {
                (Op::BatchNorm(_), Role::Weight | Role::Variance) => 1.0,
                (Op::BatchNorm(_), Role::Bias | Role::Mean) | (Op::Conv(_), Role::Bias) => 0.0,
                _ => continue,
            };
            let len = slot.len();
            weights.set(slot.path, slot.role, vec![value; len]);
        }
    }
    weights
}
