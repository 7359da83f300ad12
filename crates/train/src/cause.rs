//! The layer whose numbers overflowed first when training diverged.

use std::sync::atomic::AtomicBool;

use inceptive_ir::{Graph, NodeId, passes};
use inceptive_weights::{Weights, slots};

use crate::{
    error::{Cause, TrainError},
    evaluate::{keeping, session},
    machine::Machine,
};

/// Maximum number of images per run, because a run keeps the outputs of all nodes.
const KEPT_IMAGES: usize = 16;

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
    let nodes: Vec<NodeId> = graph.ids().filter(|&id| id != graph.input()).collect();
    let batch_of_run = batch.clamp(1, KEPT_IMAGES);
    let mut session = session(&keeping(&graph, &nodes), weights, batch_of_run, machine, stop)?;
    let mut input = vec![0.0; pixels.len() / batch.max(1) * batch_of_run];
    let mut is_finite = vec![true; nodes.len()];
    for images in pixels.chunks(input.len().max(1)) {
        // Images of the previous run stay behind those of an incomplete last one.
        input[..images.len()].copy_from_slice(images);
        session.run(&input, stop)?;
        for (is_finite, output) in is_finite.iter_mut().zip(session.heads()) {
            *is_finite &= output.iter().all(|value| value.is_finite());
        }
    }
    // The inputs of the first one are finite.
    let first = nodes.iter().zip(is_finite).find(|(_, is_finite)| !is_finite);
    Ok(first.map_or(Cause::Loss, |(&node, _)| Cause::Output(graph.node(node).path.to_string())))
}
