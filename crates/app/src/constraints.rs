//! Whether networks satisfy the constraints of their space.

use inceptive_cost::Cost;
use inceptive_dsl::{Architecture, Constraint};
use inceptive_ir::Graph;
use inceptive_results::Metric;

/// The constraints of a network that it does not satisfy.
pub fn violated_constraints<'a>(
    architecture: &'a Architecture,
    cost: &Cost,
) -> Vec<&'a Constraint> {
    violated(&architecture.constraints, &architecture.graph, cost)
}

/// Those of some constraints that a network does not satisfy.
pub fn violated<'a>(
    constraints: &'a [Constraint],
    graph: &Graph,
    cost: &Cost,
) -> Vec<&'a Constraint> {
    let counts = counts_by_name(graph, cost);
    let holds = |constraint: &&Constraint| constraint.holds(&counts) == Some(false);
    constraints.iter().filter(holds).collect()
}

/// The counts of a network by the ids of metrics, as constraints ask for them.
pub fn counts_by_name(graph: &Graph, cost: &Cost) -> impl Fn(&str) -> Option<f64> {
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts are below 2^53, and constraints are approximate"
    )]
    move |name: &str| {
        let metric: Metric = name.parse().ok()?;
        metric.count(graph, cost).map(|count| count as f64)
    }
}
