//! Counts of a network.

use inceptive_ir::{Graph, NodeId, Size};

use crate::{
    memory::{Peak, order, peak},
    mode::Mode,
    node::{NodeCost, SharedTensors},
    receptive_field::{ReceptiveField, receptive_fields},
    totals::Totals,
};

/// Counts of a network and of each of its nodes.
#[derive(Clone, Debug, PartialEq)]
pub struct Cost {
    /// The nodes that run, in execution order.
    pub nodes: Vec<NodeCost>,
    /// Their sum.
    pub total: Totals,
    /// When most bytes of results are in memory.
    pub peak: Peak,
    /// The last feature map larger than 1x1 on the way to the output, whose receptive field is
    /// [`Cost::receptive_field`].
    pub feature_map: NodeId,
    /// The receptive field of the features that the classifier pools or flattens.
    pub receptive_field: ReceptiveField,
}

/// A batch so large that counts would no longer be exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "with batch size {batch}, counts exceed 2^53, which some programs cannot represent exactly"
)]
pub struct BatchTooLarge {
    /// The batch.
    pub batch: u32,
}

impl Cost {
    /// Counts a network at batch 1.
    pub fn new(graph: &Graph, mode: Mode) -> Self {
        let fields = receptive_fields(graph);
        let order = order(graph, mode);
        let mut counted = SharedTensors::new();
        let count = |&id| NodeCost::new(graph, id, mode, fields[id.index()], &mut counted);
        let nodes: Vec<NodeCost> = order.iter().map(count).collect();
        let mut bytes = vec![0; graph.len()];
        for node in &nodes {
            bytes[node.id.index()] = node.activation_bytes;
        }
        let feature_map = feature_map(graph);
        Self {
            total: nodes.iter().sum(),
            peak: peak(graph, &order, &bytes, mode),
            nodes,
            feature_map,
            receptive_field: fields[feature_map.index()],
        }
    }

    /// The same network for a batch of images: weights are counted and read once.
    ///
    /// # Errors
    /// When a count would exceed 2^53.
    pub fn scaled(self, batch: u32) -> Result<Self, BatchTooLarge> {
        let Totals { flops, moved_bytes, activation_bytes, .. } = self.total;
        let largest = flops.max(moved_bytes).max(activation_bytes).max(self.peak.bytes);
        if u128::from(largest) * u128::from(batch) > 1 << 53 {
            return Err(BatchTooLarge { batch });
        }
        let batch = u64::from(batch);
        let nodes: Vec<NodeCost> = self.nodes.into_iter().map(|node| node.scaled(batch)).collect();
        Ok(Self {
            total: nodes.iter().sum(),
            peak: Peak { bytes: self.peak.bytes * batch, ..self.peak },
            nodes,
            ..self
        })
    }

    /// The counts of a node; `None` if it does not run in this mode.
    pub fn get(&self, id: NodeId) -> Option<&NodeCost> {
        let place = self.nodes.binary_search_by_key(&id, |node| node.id);
        place.ok().map(|place| &self.nodes[place])
    }

    /// FLOPs per byte moved; `None` if nothing moves.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn intensity(&self) -> Option<f64> {
        let Totals { flops, moved_bytes, .. } = self.total;
        (moved_bytes > 0).then(|| flops as f64 / moved_bytes as f64)
    }
}

/// Walks from the output to the input until a map is larger than 1x1.
fn feature_map(graph: &Graph) -> NodeId {
    let mut id = graph.output();
    while graph.node(id).shape.size() == Size::square(1) {
        match graph.inputs(id).first() {
            Some(&input) => id = input,
            None => return graph.output(),
        }
    }
    id
}
