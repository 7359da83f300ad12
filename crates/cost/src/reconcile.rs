//! Why two tools disagree about a network.

use inceptive_ir::{Graph, NodeId, Part};

use crate::convention::{Convention, Rule};

/// Two counts of the same network, and every node that makes a difference between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// The two conventions.
    pub conventions: [Convention; 2],
    /// Their totals.
    pub totals: [u64; 2],
    /// The nodes that they count differently, in execution order.
    pub rows: Vec<Row>,
    /// The same differences by operator and pair of rules, the largest first.
    pub reasons: Vec<Reason>,
}

/// A node that two conventions count differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The node.
    pub id: NodeId,
    /// How each convention counts it.
    pub rules: [Rule; 2],
}

impl Row {
    /// The second count less the first.
    pub fn difference(&self) -> i128 {
        difference(self.rules)
    }
}

/// All nodes of one operator that are counted differently for the same reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The operator's name.
    pub op: &'static str,
    /// How each convention counts it, in words.
    pub rules: [&'static str; 2],
    /// Number of nodes.
    pub nodes: u64,
    /// The second count less the first, over those nodes.
    pub difference: i128,
}

impl Reconciliation {
    /// The second total less the first; the differences of `rows`, and those of `reasons`, add up to it.
    pub fn difference(&self) -> i128 {
        i128::from(self.totals[1]) - i128::from(self.totals[0])
    }
}

fn difference([a, b]: [Rule; 2]) -> i128 {
    i128::from(b.count) - i128::from(a.count)
}

/// Compares two conventions on a network, node by node, at batch 1 with auxiliary heads off.
pub fn reconcile(graph: &Graph, a: Convention, b: Convention) -> Reconciliation {
    let conventions = [a, b];
    let row = |id| Row { id, rules: conventions.map(|convention| convention.rule(graph, id)) };
    let main = graph.nodes().filter(|(_, node)| node.part == Part::Main).map(|(id, _)| id);
    let rows: Vec<Row> = main.map(row).filter(|row| row.difference() != 0).collect();
    Reconciliation {
        conventions,
        totals: conventions.map(|convention| convention.total(graph)),
        reasons: reasons(graph, &rows),
        rows,
    }
}

fn reasons(graph: &Graph, rows: &[Row]) -> Vec<Reason> {
    let mut reasons: Vec<Reason> = Vec::new();
    for row in rows {
        let op = graph.node(row.id).op.name();
        let rules = row.rules.map(|rule| rule.text);
        let place = reasons.iter().position(|reason| reason.op == op && reason.rules == rules);
        let place = place.unwrap_or_else(|| {
            reasons.push(Reason { op, rules, nodes: 0, difference: 0 });
            reasons.len() - 1
        });
        reasons[place].nodes += 1;
        reasons[place].difference += row.difference();
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.difference.abs()));
    reasons
}
