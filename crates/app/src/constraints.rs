//! Whether networks satisfy the constraints of their space.

use inceptive_cost::Cost;
use inceptive_dsl::{Architecture, Constraint};
use inceptive_ir::Graph;
use inceptive_results::Counts;

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
    let counts = Counts::new(graph, cost);
    move |name: &str| counts.by_name(name)
}
