//! The layer whose numbers overflowed first when training diverged.

use std::sync::atomic::AtomicBool;

use inceptive_ir::{Graph, NodeId, passes};
use inceptive_weights::{Weights, slots};

use crate::{
    error::{Cause, TrainError},
    evaluate::session,
    inspect::up_to,
    machine::Machine,
};

/// Finds the cause from the weights before a step and the images of that step.
pub(crate) fn find_cause(
    graph: &Graph,
    weights: &Weights,
    (pixels, batch): (&[f32], usize),
    machine: Machine,
    stop: &AtomicBool,
) -> Result<Cause, TrainError> {
    // The backward pass goes from the last layer to the first, so of all layers with NaN or infinite weights, the last one
    // overflowed first.
    for slot in slots(graph).into_iter().rev() {
        if weights.get(&slot.path, slot.role)?.iter().any(|weight| !weight.is_finite()) {
            return Ok(Cause::Weights(slot.path.to_string()));
        }
    }
    let graph = passes::inference(graph)?;
    let is_finite = |node: NodeId| -> Result<bool, TrainError> {
        let part = up_to(&graph, node)?;
        let mut session = session(&part, weights, batch, machine, stop)?;
        Ok(session.run(pixels, stop)?.iter().all(|value| value.is_finite()))
    };
    // Walks back from the output to the first node that is not finite although all its inputs are.
    let mut found = None;
    let mut candidates = vec![graph.output()];
    while let Some(node) = candidates.pop() {
        if node != graph.input() && !is_finite(node)? {
            found = Some(node);
            candidates = graph.inputs(node);
        }
    }
    Ok(found.map_or(Cause::Loss, |node| Cause::Output(graph.node(node).path.to_string())))
}
