//! Where a training that diverges left the numbers.

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_engine::{Options, Plan, Session};
use inceptive_ir::{Graph, NodeId, passes};
use inceptive_weights::{Weights, slots};

use crate::{
    error::{Cause, TrainError},
    inspect::up_to,
    machine::Machine,
};

/// Finds the cause from weights, before a step, and images.
pub(crate) fn find_cause(
    graph: &Graph,
    weights: &Weights,
    (pixels, batch): (&[f32], usize),
    machine: Machine,
    stop: &AtomicBool,
) -> Result<Cause, TrainError> {
    // Gradients go from the last layer to the first, so the last one with such weights had them first.
    for slot in slots(graph).into_iter().rev() {
        if weights.get(&slot.path, slot.role)?.iter().any(|weight| !weight.is_finite()) {
            return Ok(Cause::Weights(slot.path.to_string()));
        }
    }
    let graph = passes::inference(graph)?;
    let is_finite = |node: NodeId| -> Result<bool, TrainError> {
        let part = up_to(&graph, node)?;
        let Machine { threads, isa, most_bytes } = machine;
        let options = Options { batch, threads, isa, winograd: false, most_bytes };
        let plan = Arc::new(Plan::new(&part, weights, options)?);
        let output = Session::new(plan)?.run(pixels, stop)?.iter().all(|value| value.is_finite());
        Ok(output)
    };
    // From the output back, as long as one of the inputs is not finite either.
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
