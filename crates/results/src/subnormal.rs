//! Weights so close to zero that processors compute with them slowly, and weights that are no numbers.

use serde::{Deserialize, Serialize};

use crate::quality::{Finding, Problem, beyond};

/// The shares of weights from which they are a problem, and a serious one.
const LIMITS: [f64; 2] = [0.001, 0.01];

/// The number of subnormal weights of a network: below 1.2e-38 and not zero. Most processors compute with such numbers
/// many times slower, and some engines treat them as zero, so they distort the latency. Training with weight decay
/// produces them. Weights that are not finite are counted with them: the outputs mean nothing then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnormals {
    /// Subnormal weights.
    pub count: u64,
    /// All weights, statistics included.
    pub total: u64,
    /// Weights that are NaN or infinite; none were counted in results of older versions.
    #[serde(default, skip_serializing_if = "is_none")]
    pub not_finite: u64,
}

/// Whether there are none, so that nothing is written of them.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference; on 64 bits only")]
const fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Subnormals {
    /// The share of all weights, from 0 to 1.
    pub fn share(self) -> f64 {
        self.share_of(self.count)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    fn share_of(self, count: u64) -> f64 {
        if self.total == 0 { 0.0 } else { count as f64 / self.total as f64 }
    }

    /// The problems that they cause: none if few are subnormal and all are finite.
    pub fn findings(self) -> impl Iterator<Item = Finding> {
        let (share, not_finite) = (self.share(), self.share_of(self.not_finite));
        let problem = Problem::NotFinite { share: not_finite };
        [
            beyond(share, LIMITS, Problem::Subnormals { share }),
            beyond(not_finite, [0.0, 0.0], problem),
        ]
        .into_iter()
        .flatten()
    }
}
