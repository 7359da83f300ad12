//! Where the time of a network goes.

use std::collections::HashMap;

use inceptive_ir::Path;
use serde::{Deserialize, Serialize};

use crate::{precision::Precision, roofline::Roofline};

/// The limit of a node's speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// Arithmetic: its intensity is above the ridge of the roofline.
    Compute,
    /// Memory: its intensity is below.
    Memory,
}

impl Bound {
    /// `compute` or `memory`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Memory => "memory",
        }
    }
}

/// A node or a module with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeProfile {
    /// Its path; for what the engine does for itself, the engine's name of it.
    pub name: String,
    /// The operators that run as one, joined by `+`; empty for what the engine does for itself.
    pub ops: String,
    /// Median over runs, in milliseconds.
    pub time_ms: f64,
    /// Share of the time of all parts.
    pub share: f64,
    /// Floating-point operations of the batch.
    pub flops: u64,
    /// Bytes read and written for the whole batch, weights included. Tensors within a fused row are not counted,
    /// because they stay in registers and caches.
    pub moved_bytes: u64,
}

impl NodeProfile {
    /// Operations in 10^9 a second.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn gflops(&self) -> f64 {
        self.flops as f64 / self.time_ms / 1e6
    }

    /// Its rate as a share of the machine's peak. Engines that need fewer operations than are counted, as Winograd's
    /// method does, can exceed 1. `None` for what does no arithmetic.
    pub fn peak_share(&self, roofline: &Roofline) -> Option<f64> {
        let share = self.gflops() / roofline.peak_gflops;
        (self.flops > 0 && share.is_finite()).then_some(share)
    }

    /// Operations for each byte.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn intensity(&self) -> f64 {
        if self.moved_bytes == 0 { 0.0 } else { self.flops as f64 / self.moved_bytes as f64 }
    }

    /// Whether compute or memory limits it; `None` for steps that the engine adds.
    pub fn bound(&self, roofline: &Roofline) -> Option<Bound> {
        let known = self.moved_bytes > 0;
        let bound =
            if self.intensity() >= roofline.ridge() { Bound::Compute } else { Bound::Memory };
        known.then_some(bound)
    }
}

/// Where the time of a network goes. Nodes that the engine runs as one are one part, with the work of all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The precision that was computed in.
    pub precision: Precision,
    /// Nodes in execution order, and what the engine does for itself after the node before it.
    pub nodes: Vec<NodeProfile>,
    /// Sum of all parts, in milliseconds.
    pub total_ms: f64,
    /// Runs per median.
    pub runs: usize,
}

impl Profile {
    /// The parts by module, `depth` path segments down, in execution order.
    pub fn by_module(&self, depth: usize) -> Vec<NodeProfile> {
        let mut modules: Vec<NodeProfile> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for node in &self.nodes {
            let name = match node.ops.as_str() {
                "" => "(engine)".to_owned(),
                _ => Path::new(&node.name).truncated(depth).to_string(),
            };
            match places.get(&name) {
                Some(&place) => {
                    let module = &mut modules[place];
                    module.time_ms += node.time_ms;
                    module.share += node.share;
                    module.flops += node.flops;
                    module.moved_bytes += node.moved_bytes;
                }
                None => {
                    places.insert(name.clone(), modules.len());
                    modules.push(NodeProfile { name, ops: String::new(), ..node.clone() });
                }
            }
        }
        modules
    }
}
