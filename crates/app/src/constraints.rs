//! Whether networks satisfy the constraints of their space.

use inceptive_cost::Cost;
use inceptive_dsl::{Architecture, Constraint, METRICS};
use inceptive_ir::Graph;

/// The constraints that a network does not satisfy.
pub fn violated_constraints<'a>(
    architecture: &'a Architecture,
    cost: &Cost,
) -> Vec<&'a Constraint> {
    let counts = |name: &str| metric(name, &architecture.graph, cost);
    let holds = |constraint: &&Constraint| constraint.holds(&counts) == Some(false);
    architecture.constraints.iter().filter(holds).collect()
}

/// A count by the name that constraints use.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts are below 2^53, and constraints are approximate"
)]
fn metric(name: &str, graph: &Graph, cost: &Cost) -> Option<f64> {
    let total = &cost.total;
    debug_assert!(METRICS.contains(&name), "{name}");
    Some(match name {
        "params" => total.params as f64,
        "buffers" => total.buffers as f64,
        "macs" => total.macs as f64,
        "flops" => total.flops as f64,
        "acts" => total.acts as f64,
        "weight_bytes" => total.weight_bytes as f64,
        "activation_bytes" => total.activation_bytes as f64,
        "peak_activation_bytes" => cost.peak.bytes as f64,
        "nodes" => total.nodes as f64,
        "input_size" => f64::from(graph.node(graph.input()).shape.size().height),
        _ => return None,
    })
}
