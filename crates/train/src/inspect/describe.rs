//! The results of an inspection, by layer and by branch.

use std::collections::HashMap;

use inceptive_ir::{Graph, NodeId, Op, Path, Role};
use inceptive_results::statistics::Estimate;
use inceptive_weights::Weights;

use super::{
    BranchState, LayerState, NEAR_ZERO_NORM, NEAR_ZERO_WEIGHT,
    branches::{Branch, module, name},
    gradients::Gradients,
    look::MapState,
};
use crate::error::TrainError;

/// The measurements from which layers and branches are described.
pub(super) struct Findings<'a> {
    /// The network with its normalisations.
    pub plain: &'a Graph,
    /// The network with normalisations folded into its layers.
    pub graph: &'a Graph,
    /// The weights of the folded network.
    pub weights: &'a Weights,
    pub gradients: &'a Gradients,
    /// The state of each feature map.
    pub maps: &'a HashMap<NodeId, MapState>,
}

pub(super) fn is_layer(graph: &Graph, id: NodeId) -> bool {
    matches!(graph.node(id).op, Op::Conv(_) | Op::Linear(_))
}

/// The activation after a layer, or the layer itself if it has none.
pub(super) fn after(graph: &Graph, layer: NodeId) -> NodeId {
    let mut id = layer;
    while let Some(next) = graph.only_consumer(id)
        && matches!(graph.node(next).op, Op::Activation(_) | Op::BatchNorm(_))
    {
        id = next;
    }
    id
}

impl Findings<'_> {
    /// Describes a layer.
    pub fn layer(&self, id: NodeId) -> Result<LayerState, TrainError> {
        let node = self.graph.node(id);
        let kernel = self.weights.of(node, Role::Weight)?;
        let of_channel = (kernel.len() / node.shape.channels().max(1) as usize).max(1);
        let square = |numbers: &[f32]| numbers.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
        let norms: Vec<f64> = kernel.chunks(of_channel).map(|row| square(row).sqrt()).collect();
        let largest = norms.iter().copied().fold(0.0, f64::max);
        let share = |norm: f64| if largest > 0.0 { norm / largest } else { 0.0 };
        let norms: Vec<f64> = norms.into_iter().map(share).collect();
        let floor = NEAR_ZERO_WEIGHT * (square(kernel) / kernel.len().max(1) as f64).sqrt();
        let near_zero = kernel.iter().filter(|x| f64::from(x.abs()) <= floor).count();
        // In the unfolded graph, the normalisation follows the layer.
        let norm = self.plain.find(&node.path).and_then(|id| self.plain.only_consumer(id));
        let norm = norm.filter(|id| matches!(self.plain.node(*id).op, Op::BatchNorm(_)));
        let own = [Some(&node.path), norm.map(|id| &self.plain.node(id).path)];
        let gradient = self.gradients.of(own.into_iter().flatten());
        let map = self.maps.get(&after(self.graph, id));
        Ok(LayerState {
            path: node.path.to_string(),
            near_zero_channels: norms.iter().filter(|norm| **norm < NEAR_ZERO_NORM).count(),
            norms,
            near_zero_weights: near_zero as f64 / kernel.len().max(1) as f64,
            weights: kernel.len(),
            dead: map.and_then(|map| map.dead.clone()),
            effective_rank: map.and_then(|map| map.effective_rank),
            gradient: gradient.unwrap_or(0.0),
        })
    }

    /// Describes a branch; `unfolded` is the same branch before normalisations were folded.
    pub fn branch(
        &self,
        branch: &Branch,
        unfolded: &Branch,
        layers: &[LayerState],
        top1_lost: Estimate,
    ) -> BranchState {
        let paths = branch.nodes.iter().filter(|id| is_layer(self.graph, **id));
        let paths: Vec<String> = paths.map(|id| self.graph.node(*id).path.to_string()).collect();
        let own: Vec<&LayerState> =
            layers.iter().filter(|layer| paths.contains(&layer.path)).collect();
        let share = |part: f64, all: usize| (all > 0).then(|| part / all as f64);
        let sum =
            |number: &dyn Fn(&LayerState) -> usize| own.iter().map(|layer| number(layer)).sum();
        let with_relu = |layer: &LayerState| layer.dead.as_ref().map_or(0, |_| layer.norms.len());
        let dead: usize = sum(&|layer| layer.dead.as_ref().map_or(0, Vec::len));
        let near_zero: f64 =
            own.iter().map(|layer| layer.near_zero_weights * layer.weights as f64).sum();
        let near_zero_channels: usize = sum(&|layer| layer.near_zero_channels);
        let nodes: Vec<&Path> =
            unfolded.nodes.iter().map(|id| &self.plain.node(*id).path).collect();
        let map = self.maps.get(&branch.end);
        BranchState {
            module: module(self.graph, branch).to_string(),
            name: name(self.graph, branch).to_string(),
            join: self.graph.node(branch.join).path.to_string(),
            input: branch.input,
            end: self.graph.node(branch.end).path.to_string(),
            channels: self.graph.node(branch.end).shape.channels() as usize,
            near_zero_channels: share(near_zero_channels as f64, sum(&|layer| layer.norms.len())),
            near_zero_weights: share(near_zero, sum(&|layer| layer.weights)),
            dead: share(dead as f64, sum(&with_relu)),
            effective_rank: map.and_then(|map| map.effective_rank),
            gradient: self.gradients.of(nodes.iter().copied()),
            nodes: nodes.into_iter().map(ToString::to_string).collect(),
            layers: paths,
            top1_lost,
        }
    }
}
