//! Whether one candidate is faster than another.

use crate::measurement::Measurement;
use crate::statistics::{Estimate, paired_ratio};

/// Fewer pairs of turns than this support no verdict: of five, all favour the same side by chance more often than
/// in one of twenty cases (2 / 2^5; the sign test).
pub const MIN_PAIRS: usize = 6;

/// The comparison of two measurements that took turns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Latency of the first over that of the second.
    pub ratio: Estimate,
    /// Pairs of turns that it comes from.
    pub pairs: usize,
    /// The conclusion.
    pub verdict: Verdict,
}

/// The conclusion that the interval of a ratio supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first takes less time.
    FirstIsFaster,
    /// The second takes less time.
    SecondIsFaster,
    /// The interval holds 1.
    Indistinguishable,
    /// There are too few pairs of turns for a verdict.
    TooFewTurns,
}

/// Compares two measurements of one call of `measure`, turn by turn.
pub fn compare(first: &Measurement, second: &Measurement) -> Comparison {
    let ratio = paired_ratio(&first.turns_ms, &second.turns_ms, first.seed);
    let pairs = first.turns_ms.len().min(second.turns_ms.len());
    let verdict = if pairs < MIN_PAIRS {
        Verdict::TooFewTurns
    } else if ratio.high < 1.0 {
        Verdict::FirstIsFaster
    } else if ratio.low > 1.0 {
        Verdict::SecondIsFaster
    } else {
        Verdict::Indistinguishable
    };
    Comparison { ratio, pairs, verdict }
}
