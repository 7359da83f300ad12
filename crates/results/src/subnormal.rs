//! Weights so close to zero that processors compute with them slowly.

use serde::{Deserialize, Serialize};

/// How many of a network's weights are subnormal: below 1.2e-38 and not zero. Most processors compute with such
/// numbers many times slower than with others, and some engines take them for zero, so that latency says more about
/// them than about the network. Training with weight decay makes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnormals {
    /// Subnormal weights.
    pub count: u64,
    /// All weights, statistics included.
    pub total: u64,
}

impl Subnormals {
    /// Fewer than this share are not worth a word.
    const FEWEST: f64 = 0.001;

    /// The share of all weights, from 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    pub fn share(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.count as f64 / self.total as f64 }
    }

    /// What is to be known about them, with the remedy; none where there are few.
    pub fn remark(self) -> Option<String> {
        let share = self.share();
        (share > Self::FEWEST).then(|| {
            format!(
                "{:.1}% of the weights are subnormal numbers (below 1.2e-38), which slow down CPUs; set them to \
                 zero in the weights file, and measure again",
                share * 100.0
            )
        })
    }
}
