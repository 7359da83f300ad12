//! What colours stand for, counted for cards and for the scale.

use std::collections::HashMap;

use inceptive_app::Inspected;
use inceptive_draw::{Repeat, modules, steps};
use inceptive_ir::{Graph, NodeId, Path};

use super::shading::Colour;
use crate::model::Model;

/// A quantity of every node of a network.
pub(super) struct Counts<'a> {
    graph: &'a Graph,
    /// By node; 0 where nothing is counted.
    values: Vec<f64>,
    /// Whether the value of several nodes is that of the last one that has any; else it is their sum.
    is_of_last: bool,
}

impl<'a> Counts<'a> {
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn new(colour: Colour, network: &'a Inspected, model: &Model) -> Self {
        let graph = &network.architecture.graph;
        let convention = model.settings.convention();
        let times: HashMap<&str, f64> = match model.results.profile(&network.fingerprint) {
            Some(record) if colour == Colour::Time => {
                let parts = record.profile.nodes.iter();
                parts.map(|part| (part.name.as_str(), part.time_ms)).collect()
            }
            _ => HashMap::new(),
        };
        let cost = |id: NodeId| network.cost.get(id);
        let value = |id: NodeId| match colour {
            Colour::Kind | Colour::NearZero | Colour::Dead | Colour::Lost => 0.0,
            Colour::Params => cost(id).map_or(0, |cost| cost.params) as f64,
            Colour::Compute => {
                cost(id).map_or(0, |cost| convention.rule(graph, cost.id).count) as f64
            }
            Colour::Memory => cost(id).map_or(0, |cost| cost.activation_bytes) as f64,
            Colour::Time => times.get(graph.node(id).path.as_str()).copied().unwrap_or(0.0),
            Colour::ReceptiveField => {
                cost(id).and_then(|cost| cost.receptive_field.longest()).map_or(0.0, f64::from)
            }
        };
        let values = graph.ids().map(value).collect();
        Self { graph, values, is_of_last: colour == Colour::ReceptiveField }
    }

    /// The value of some nodes together; `None` if nothing is counted there.
    pub fn of(&self, nodes: &[NodeId]) -> Option<f64> {
        let mut values = nodes.iter().map(|id| self.values[id.index()]);
        let value = if self.is_of_last { values.next_back().unwrap_or(0.0) } else { values.sum() };
        (value > 0.0).then_some(value)
    }

    /// The least and the largest value of anything that can be a card: steps, modules, and modules that are drawn once
    /// for several. It does not depend on what is open.
    pub fn range(&self, repeats: &[Repeat]) -> (f64, f64) {
        let mut within: HashMap<Path, f64> = HashMap::new();
        let modules = modules(self.graph).into_iter().map(|path| (path, 0.0));
        within.extend(modules);
        for (id, node) in self.graph.nodes().filter(|_| !self.is_of_last) {
            let own = self.values[id.index()];
            let mut inner = Some(node.path.clone());
            while let Some(path) = inner {
                if let Some(sum) = within.get_mut(&path) {
                    *sum += own;
                }
                inner = path.parent();
            }
        }
        let once = repeats
            .iter()
            .map(|repeat| repeat.members.iter().filter_map(|it| within.get(it)).sum());
        let steps: Vec<f64> = steps(self.graph).iter().filter_map(|nodes| self.of(nodes)).collect();
        let least = steps.iter().copied().fold(f64::INFINITY, f64::min);
        let most = steps.iter().copied().chain(within.values().copied()).chain(once);
        (least, most.fold(0.0, f64::max))
    }
}
