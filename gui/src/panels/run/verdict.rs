//! Whether a network is faster than the network that was selected first.

use inceptive_format::decimals;
use inceptive_results::{Measurement, Verdict, compare, compare_any};

use crate::model::Model;

/// What is known of a measurement, compared with the network that was selected first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The verdict in a word or two, with how many times faster or slower.
    pub words: String,
    /// What it is based on.
    pub reason: &'static str,
}

const TURNS: &str = "Both took turns in one job; by the 95% interval of the ratio of their times.";
const APART: &str = "Measured in different jobs, between which the speed of a machine changes; by whether the 95% \
                     intervals overlap. Measure both in one job for a better comparison.";

/// The fingerprint of the first selected network.
pub(super) fn base(model: &Model) -> Option<&str> {
    let network = model.selected().find_map(|entry| entry.network.as_ref())?;
    Some(&network.fingerprint)
}

/// Compares a measurement with that of the base under the same conditions that was finished nearest to it.
pub(super) fn outcome(result: &Measurement, base: &str, model: &Model) -> Option<Outcome> {
    if result.subject.fingerprint == base {
        let reason = "The network that was selected first.";
        return Some(Outcome { words: "base".to_owned(), reason });
    }
    let of_base = model.results.measurements.iter().map(|stored| &stored.result);
    let of_base = of_base.filter(|it| it.subject.fingerprint == base);
    let same = of_base.filter(|it| it.machine == result.machine && it.runtime == result.runtime);
    let apart = |it: &&Measurement| it.finished_unix_ms.abs_diff(result.finished_unix_ms);
    let nearest = same.min_by_key(apart)?;
    let (verdict, took_turns) = compare_any(result, nearest);
    let reason = if took_turns { TURNS } else { APART };
    let ratio = match took_turns {
        true => compare(result, nearest).ratio.value,
        false => result.latency_ms.median.value / nearest.latency_ms.median.value,
    };
    let times = |factor: f64, word: &str| format!("{}x {word}", decimals(factor, 2));
    let (words, reason) = match verdict {
        Verdict::FirstIsFaster => (times(1.0 / ratio, "faster"), reason),
        Verdict::SecondIsFaster => (times(ratio, "slower"), reason),
        Verdict::Indistinguishable => ("cannot tell".to_owned(), reason),
        Verdict::TooFewTurns => ("cannot tell".to_owned(), "Too few turns: increase the budget."),
    };
    Some(Outcome { words, reason })
}
