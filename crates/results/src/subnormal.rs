//! Weights so close to zero that processors compute with them slowly.

use serde::{Deserialize, Serialize};

use crate::quality::{Finding, Problem, beyond};

/// The shares of weights from which they are a problem, and a serious one.
const LIMITS: [f64; 2] = [0.001, 0.01];

/// The number of subnormal weights of a network: below 1.2e-38 and not zero. Most processors compute with such numbers
/// many times slower, and some engines treat them as zero, so they distort the latency. Training with weight decay
/// produces them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnormals {
    /// Subnormal weights.
    pub count: u64,
    /// All weights, statistics included.
    pub total: u64,
}

impl Subnormals {
    /// The share of all weights, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn share(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.count as f64 / self.total as f64 }
    }

    /// The problem that they cause; `None` if there are few.
    pub fn finding(self) -> Option<Finding> {
        let share = self.share();
        beyond(share, LIMITS, Problem::Subnormals { share })
    }
}
