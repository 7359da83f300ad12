//! What was found inside of a trained network.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use inceptive_app::{ImagePart, Inspected};
use inceptive_format::counted;
use inceptive_ir::{Graph, NodeId};
use inceptive_results::statistics::Estimate;
use inceptive_train::inspect::{Anatomy, BranchState, LayerState};

use crate::file::{FilePath, stem};

/// A trained network to look into.
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
    /// The images that accuracies are of.
    pub part: ImagePart,
    /// The seed of its training.
    pub seed: u64,
}

/// A trained network that was looked into.
#[derive(Debug)]
pub struct Inspection {
    /// The network, its weights and its data.
    pub request: InspectRequest,
    /// Fingerprint of its inference graph.
    fingerprint: String,
    anatomy: Anatomy,
    /// Places of layers, by their paths.
    layers: HashMap<String, usize>,
    /// Places of the innermost branches that nodes are in, by the paths of the nodes.
    around: HashMap<String, usize>,
    /// Places of the branches whose loss is the largest of a join, by the paths of the joins.
    joins: HashMap<String, usize>,
}

/// What was found in a node, or in the nodes of a module together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// The share of channels with almost no weight; `None` without layers.
    pub near_zero: Option<f64>,
    /// The share of channels whose ReLU is never active; `None` without layers that have one.
    pub dead: Option<f64>,
    /// Top-1 accuracy in percentage points that is lost without the branch; the largest of the branches of a module.
    pub lost: Option<Estimate>,
}

impl Inspection {
    /// What was found in a network.
    pub(crate) fn new(request: InspectRequest, fingerprint: String, anatomy: Anatomy) -> Self {
        let layers = anatomy.layers.iter().zip(0..).map(|(layer, at)| (layer.path.clone(), at));
        let layers = layers.collect();
        let (mut around, mut joins) = (HashMap::new(), HashMap::new());
        let all = &anatomy.branches;
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
        Self { request, fingerprint, anatomy, layers, around, joins }
    }

    /// Whether it is about a network as it is in a file: the same network, or if it was trained with settings, one of the
    /// same file.
    pub fn is_of(&self, file: &Path, network: &Inspected) -> bool {
        let is_set = !self.request.point.is_empty();
        self.fingerprint == network.fingerprint || is_set && *self.request.file == *file
    }

    /// `seed 0 on shapes, 50 test images`.
    pub fn label(&self) -> String {
        let InspectRequest { data, part, seed, .. } = &self.request;
        let data = data.split([':', '=']).next().unwrap_or_default();
        let images = match part {
            ImagePart::Test => ["test image", "test images"],
            ImagePart::Validation => ["validation image", "validation images"],
            ImagePart::Train => ["training image", "training images"],
        };
        let images = counted(self.anatomy.evaluated, images[0], images[1]);
        format!("seed {seed} on {data}, {images}")
    }

    /// The label behind the name of the file and what was set.
    pub fn title(&self) -> String {
        let set = self.request.point.iter().cloned();
        let parts: Vec<String> =
            [stem(&self.request.file)].into_iter().chain(set).chain([self.label()]).collect();
        parts.join(", ")
    }

    /// What was found in a node, or in the nodes of a module together.
    pub fn found(&self, graph: &Graph, nodes: &[NodeId], is_module: bool) -> Found {
        let paths = || nodes.iter().map(|&id| graph.node(id).path.as_str());
        let layers: Vec<&LayerState> =
            paths().filter_map(|path| self.anatomy.layers.get(*self.layers.get(path)?)).collect();
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
        let branch = |at: &usize| self.anatomy.branches.get(*at);
        let inside = paths().filter(|_| is_module).filter_map(|path| self.joins.get(path));
        let loss = |branch: &BranchState| branch.top1_lost;
        let largest =
            inside.filter_map(branch).map(loss).max_by(|a, b| a.value.total_cmp(&b.value));
        let around = || paths().find_map(|path| self.around.get(path)).and_then(branch).map(loss);
        Found { near_zero, dead: share(&with_relu, dead), lost: largest.or_else(around) }
    }
}
