//! Peak memory of the feature maps while the network runs.

use std::mem;

use inceptive_ir::{Graph, NodeId, Part};

use crate::{mode::Mode, node::is_view};

/// The moment at which most bytes of results are in memory.
///
/// Nodes run in the graph's order. While a node runs, its inputs, its result and everything that a
/// later node still reads are in memory, the input image included. No result overwrites an input, and
/// a concatenation copies. Weights and scratch memory of an engine are not in it. In training this is
/// the forward pass only, without what the backward pass keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peak {
    /// Bytes of the results in memory.
    pub bytes: u64,
    /// The node that runs then.
    pub at: NodeId,
    /// The results in memory then, in execution order.
    pub live: Vec<NodeId>,
}

/// A node that runs, and the nodes whose results nothing reads after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The node that runs.
    pub node: NodeId,
    /// The nodes whose results are not needed from then on, itself included if nothing reads its result.
    pub ends: Vec<NodeId>,
}

/// The nodes that run, in execution order, with what each is the last to read; the results that [`Peak`] counts.
pub fn moments(graph: &Graph, mode: Mode) -> Vec<Moment> {
    let order = order(graph, mode);
    let last_use = last_uses(graph, &order, mode);
    moments_of(graph, &order, &last_use)
}

fn moments_of(graph: &Graph, order: &[NodeId], last_use: &[usize]) -> Vec<Moment> {
    let mut ends: Vec<Vec<NodeId>> = vec![Vec::new(); graph.len()];
    for &id in order {
        ends[last_use[id.index()]].push(id);
    }
    order.iter().map(|&node| Moment { node, ends: mem::take(&mut ends[node.index()]) }).collect()
}

/// The nodes that run, in execution order.
pub(crate) fn order(graph: &Graph, mode: Mode) -> Vec<NodeId> {
    let runs = |id: &NodeId| mode == Mode::Training || graph.node(*id).part == Part::Main;
    graph.ids().filter(runs).collect()
}

/// Finds the peak over `order`; `bytes` has the size of each node's output by its index.
pub(crate) fn peak(graph: &Graph, order: &[NodeId], bytes: &[u64], mode: Mode) -> Peak {
    let last_use = last_uses(graph, order, mode);
    let (mut live, mut most, mut at) = (0, 0, graph.input());
    for Moment { node, ends } in moments_of(graph, order, &last_use) {
        live += bytes[node.index()];
        if live > most {
            (most, at) = (live, node);
        }
        live -= ends.iter().map(|end| bytes[end.index()]).sum::<u64>();
    }
    let is_live =
        |id: &NodeId| *id <= at && last_use[id.index()] >= at.index() && bytes[id.index()] > 0;
    Peak { bytes: most, at, live: order.iter().copied().filter(is_live).collect() }
}

/// The index of the last node that reads each node's memory; a result of the network is kept.
fn last_uses(graph: &Graph, order: &[NodeId], mode: Mode) -> Vec<usize> {
    let mut owner: Vec<NodeId> = graph.ids().collect();
    let mut last: Vec<usize> = graph.ids().map(NodeId::index).collect();
    for &id in order {
        for input in graph.inputs(id) {
            let memory = owner[input.index()];
            last[memory.index()] = id.index();
            if is_view(&graph.node(id).op, mode) {
                owner[id.index()] = memory;
            }
        }
    }
    let end = order.last().map_or(0, |id| id.index());
    let heads = graph.auxiliary().iter().map(|head| head.output);
    let results = heads.filter(|_| mode == Mode::Training).chain(graph.outputs());
    for result in results {
        last[owner[result.index()].index()] = end;
    }
    last
}
