//! Whether one candidate is faster than another.

use crate::measurement::Measurement;
use crate::statistics::{Estimate, paired_ratio};

/// What two measurements that took turns say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Latency of the first over that of the second.
    pub ratio: Estimate,
    /// What follows.
    pub verdict: Verdict,
}

/// What an interval of a ratio supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first takes less time.
    FirstIsFaster,
    /// The second takes less time.
    SecondIsFaster,
    /// The interval holds 1.
    Indistinguishable,
}

/// Compares two measurements of one call of [`crate::measure`], turn by turn.
pub fn compare(first: &Measurement, second: &Measurement) -> Comparison {
    let ratio = paired_ratio(&first.turns_ms, &second.turns_ms, first.seed);
    let verdict = if ratio.high < 1.0 {
        Verdict::FirstIsFaster
    } else if ratio.low > 1.0 {
        Verdict::SecondIsFaster
    } else {
        Verdict::Indistinguishable
    };
    Comparison { ratio, verdict }
}
