//! Weights so close to zero that processors compute with them slowly.

use inceptive_onnx::Weights;
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

    /// Counts them.
    pub fn of(weights: &Weights) -> Self {
        let count = |tensor: &[f32]| tensor.iter().filter(|value| value.is_subnormal()).count();
        let add = |sum: Self, tensor: &[f32]| Self {
            count: sum.count + count(tensor) as u64,
            total: sum.total + tensor.len() as u64,
        };
        weights.tensors().fold(Self::default(), add)
    }

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
                "{:.1}% of the weights are subnormal numbers (below 1.2e-38), which slow processors down; set them \
                 to zero in the weights file, and measure again",
                share * 100.0
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use inceptive_ir::{Path, Role};

    use super::*;

    #[test]
    fn subnormal_weights_are_counted_and_named() {
        let mut weights = Weights::default();
        weights.set(Path::new("a"), Role::Weight, vec![1e-39, 0.0, f32::MIN_POSITIVE, -1e-40, 1.0]);
        weights.set(Path::new("b"), Role::Bias, vec![1e-45; 5]);
        let subnormals = Subnormals::of(&weights);
        assert_eq!(subnormals, Subnormals { count: 7, total: 10 });
        let remark = subnormals.remark().unwrap();
        assert!(remark.starts_with("70.0% of the weights are subnormal"), "{remark}");
        assert_eq!(Subnormals { count: 1, total: 10_000 }.remark(), None);
        assert_eq!(Subnormals::default().remark(), None);
    }
}
