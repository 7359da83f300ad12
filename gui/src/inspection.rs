//! Results of inspecting a trained network.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use inceptive_app::{ImagePart, Inspected};
use inceptive_ir::{Graph, NodeId};
use inceptive_results::statistics::Estimate;
use inceptive_train::inspect::{BranchState, InspectionResult, LayerState};

use crate::file::{FilePath, stem};

/// A trained network to inspect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectRequest {
    /// Its file.
    pub file: FilePath,
    /// Values that were set, as `key=value`.
    pub point: Vec<String>,
    /// The file of its weights.
    pub weights: PathBuf,
    /// The data set that it was trained on.
    pub data: String,
    /// The images on which accuracies are measured.
    pub part: ImagePart,
    /// The seed of its training.
    pub seed: u64,
}

/// An inspected network.
#[derive(Debug)]
pub struct Inspection {
    /// The network, its weights and its data.
    pub request: InspectRequest,
    /// Fingerprint of its inference graph.
    fingerprint: String,
    result: InspectionResult,
    /// Indices of layers by path.
    layers: HashMap<String, usize>,
    /// Index of the innermost branch of each node, by the path of the node.
    around: HashMap<String, usize>,
    /// Index of the branch with the largest accuracy loss of each join, by the path of the join.
    joins: HashMap<String, usize>,
}

/// The results for a node, or for all nodes of a module.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// The share of near-zero channels; `None` without layers.
    pub near_zero: Option<f64>,
    /// The share of dead channels; `None` without layers with a ReLU.
    pub dead: Option<f64>,
    /// Top-1 accuracy lost without the branch, in percentage points; of a module, the largest loss of its branches.
    pub lost: Option<Estimate>,
}

impl Inspection {
    /// The results for a network.
    pub(crate) fn new(
        request: InspectRequest,
        fingerprint: String,
        result: InspectionResult,
    ) -> Self {
        let layers = result.layers.iter().zip(0..).map(|(layer, at)| (layer.path.clone(), at));
        let layers = layers.collect();
        let (mut around, mut joins) = (HashMap::new(), HashMap::new());
        let all = &result.branches;
        for (at, branch) in all.iter().enumerate() {
            for node in &branch.nodes {
                let known = around.entry(node.clone()).or_insert(at);
                if branch.nodes.len() < all[*known].nodes.len() {
                    *known = at;
                }
            }
            let known = joins.entry(branch.join.clone()).or_insert(at);
            if branch.top1_lost.value > all[*known].top1_lost.value {
                *known = at;
            }
        }
        Self { request, fingerprint, result, layers, around, joins }
    }

    /// Whether it belongs to the network in a file: its graph is the same or, if it was trained with settings, its file
    /// is the same.
    pub fn is_of(&self, file: &Path, network: &Inspected) -> bool {
        let is_set = !self.request.point.is_empty();
        self.fingerprint == network.fingerprint || is_set && *self.request.file == *file
    }

    /// `seed 0 on shapes, 50 test images`.
    pub fn label(&self) -> String {
        let InspectRequest { data, part, seed, .. } = &self.request;
        let data = data.split([':', '=']).next().unwrap_or_default();
        let images = part.counted(self.result.evaluated);
        format!("seed {seed} on {data}, {images}")
    }

    /// The label after the file name and the settings.
    pub fn title(&self) -> String {
        let set = self.request.point.iter().cloned();
        let parts: Vec<String> =
            [stem(&self.request.file)].into_iter().chain(set).chain([self.label()]).collect();
        parts.join(", ")
    }

    /// The results for a node, or for all nodes of a module.
    pub fn found(&self, graph: &Graph, nodes: &[NodeId], is_module: bool) -> Found {
        let paths = || nodes.iter().map(|&id| graph.node(id).path.as_str());
        let layers: Vec<&LayerState> =
            paths().filter_map(|path| self.result.layers.get(*self.layers.get(path)?)).collect();
        let count = |layers: &[&LayerState], count: &dyn Fn(&LayerState) -> usize| -> usize {
            layers.iter().map(|layer| count(layer)).sum()
        };
        let share = |of: &[&LayerState], part: usize| {
            let channels = count(of, &|layer| layer.norms.len());
            (channels > 0).then(|| part as f64 / channels as f64)
        };
        let near_zero = share(&layers, count(&layers, &|layer| layer.near_zero_channels));
        let with_relu: Vec<&LayerState> =
            layers.into_iter().filter(|layer| layer.dead.is_some()).collect();
        let dead = count(&with_relu, &|layer| layer.dead.as_ref().map_or(0, Vec::len));
        let branch = |at: &usize| self.result.branches.get(*at);
        let inside = paths().filter(|_| is_module).filter_map(|path| self.joins.get(path));
        let loss = |branch: &BranchState| branch.top1_lost;
        let largest =
            inside.filter_map(branch).map(loss).max_by(|a, b| a.value.total_cmp(&b.value));
        let around = || paths().find_map(|path| self.around.get(path)).and_then(branch).map(loss);
        Found { near_zero, dead: share(&with_relu, dead), lost: largest.or_else(around) }
    }
}
