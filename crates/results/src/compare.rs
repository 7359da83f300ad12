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

/// Measurements of one call of `measure` are finished within this time of each other: only saving lies between.
const TOGETHER_MS: u64 = 60_000;

/// Compares two measurements under equal conditions, whenever they were made: turn by turn if they took turns, else by the
/// intervals of their medians. Also returns whether they took turns.
pub fn compare_any(first: &Measurement, second: &Measurement) -> (Verdict, bool) {
    let apart_ms = first.finished_unix_ms.abs_diff(second.finished_unix_ms);
    if apart_ms <= TOGETHER_MS && first.turns_ms.len() == second.turns_ms.len() {
        return (compare(first, second).verdict, true);
    }
    let (a, b) = (first.latency_ms.median, second.latency_ms.median);
    let verdict = if a.high < b.low {
        Verdict::FirstIsFaster
    } else if b.high < a.low {
        Verdict::SecondIsFaster
    } else {
        Verdict::Indistinguishable
    };
    (verdict, false)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    fn measured(turns_ms: Vec<Vec<f64>>, finished_unix_ms: u64) -> Measurement {
        let measurement = example::measurement(example::subject(), example::runtime(), turns_ms);
        Measurement { finished_unix_ms, ..measurement }
    }

    #[test]
    fn measurements_are_compared_by_turns_or_by_their_intervals() {
        let turns = |level: f64| {
            let turn = |at: u32| vec![level + f64::from(at % 3) / 100.0; 5];
            (0..9).map(turn).collect::<Vec<_>>()
        };
        let (fast, slow) = (measured(turns(1.0), 0), measured(turns(2.0), 1000));
        assert_eq!(compare_any(&fast, &slow), (Verdict::FirstIsFaster, true));
        assert_eq!(compare_any(&slow, &fast), (Verdict::SecondIsFaster, true));
        let later = measured(turns(2.0), 1_000_000);
        assert_eq!(compare_any(&fast, &later), (Verdict::FirstIsFaster, false));
        assert_eq!(compare_any(&slow, &later), (Verdict::Indistinguishable, false));
    }
}
