//! The quality of a measurement, and its problems.

use std::fmt;

use inceptive_format::{counted, percent};
use serde::{Deserialize, Serialize};

use crate::{best::BestRoofline, date::utc_day, roofline::Roofline};

/// Fractions by which the peak may be below the best, for a problem and for a serious one.
const LOW_PEAK: [f64; 2] = [0.10, 0.30];

/// The reliability of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// Nothing speaks against it.
    A,
    /// One thing is not as it should be.
    B,
    /// Differences of a few percent mean nothing.
    C,
    /// An order of magnitude, no more.
    D,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
        })
    }
}

/// Something that speaks against a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it alone makes the measurement doubtful.
    pub is_serious: bool,
    /// The problem.
    #[serde(flatten)]
    pub problem: Problem,
    /// Whether it follows from other results of the machine, and so is not part of this result.
    #[serde(skip)]
    pub is_from_others: bool,
}

impl Finding {
    /// A problem found in the result itself.
    pub const fn new(is_serious: bool, problem: Problem) -> Self {
        Self { is_serious, problem, is_from_others: false }
    }

    /// The problem and its remedy in words; `word` words the remedy.
    pub fn worded(&self, word: impl FnOnce(Remedy) -> &'static str) -> String {
        self.problem.remedy().map_or_else(
            || self.problem.to_string(),
            |remedy| format!("{}; {}", self.problem, word(remedy)),
        )
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.worded(Remedy::text))
    }
}

/// A problem of a measurement. Fractions and relative changes are from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "fields are described with their variants")]
pub enum Problem {
    /// Latency had not settled when the warm-up ended.
    NotSettled,
    /// A single run has no confidence interval.
    SingleRun,
    /// Half the width of the median's 95% interval, over the median.
    WideInterval { share: f64 },
    /// The share of unusually slow runs.
    SlowRuns { share: f64 },
    /// Relative difference of the last third to the first; negative if it was faster.
    Drift { change: f64 },
    /// Cores that the hypervisor gave to others.
    StolenCores { cores: f64 },
    /// Cores that other programs kept busy.
    BusyCores { cores: f64 },
    /// The clock frequency at the start and at the end.
    ClockChanged { from_mhz: f64, to_mhz: f64 },
    /// It computed faster than the measured peak.
    AbovePeak,
    /// The share of subnormal weights.
    Subnormals { share: f64 },
    /// The share of weights that are NaN or infinite.
    NotFinite { share: f64 },
    /// It gave NaN or infinity.
    OutputNotFinite,
    /// It was stopped after this number of runs.
    Stopped { runs: usize },
    /// With so few runs, the spread is uncertain.
    FewRuns { runs: usize },
    /// The machine's peak in GFLOP/s when this was measured, and the highest ever measured on it.
    LowPeak { then: f64, best: f64, best_unix_ms: u64 },
    /// The sentence of an earlier version, remedy included.
    Message(String),
}

impl Problem {
    /// The remedy, if there is one.
    pub const fn remedy(&self) -> Option<Remedy> {
        Some(match self {
            Self::NotSettled | Self::WideInterval { .. } | Self::FewRuns { .. } => {
                Remedy::MeasureLonger
            }
            Self::SingleRun => Remedy::AllowMoreRuns,
            Self::SlowRuns { .. } | Self::AbovePeak => Remedy::StopOtherPrograms,
            Self::Drift { change } if *change < 0.0 => Remedy::WarmUpLonger,
            Self::Drift { .. } => Remedy::CoolDown,
            Self::StolenCores { .. } => Remedy::DedicatedMachine,
            Self::BusyCores { .. } => Remedy::FewerThreads,
            Self::ClockChanged { .. } => Remedy::FixTheClock,
            Self::Subnormals { .. } => Remedy::SetToZero,
            Self::LowPeak { .. } => Remedy::MeasureAgain,
            Self::NotFinite { .. }
            | Self::OutputNotFinite
            | Self::Stopped { .. }
            | Self::Message(_) => return None,
        })
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSettled => f.write_str("latency had not settled after the warm-up"),
            Self::SingleRun => f.write_str("a single run has no confidence interval"),
            Self::WideInterval { share } => {
                write!(f, "the 95% interval is ±{:.1}% of the median", share * 100.0)
            }
            Self::SlowRuns { share } => {
                write!(f, "{} of the runs were unusually slow", percent(*share))
            }
            Self::Drift { change } => {
                let direction = if *change > 0.0 { "slower" } else { "faster" };
                write!(f, "latency drifted: runs became {} {direction}", percent(change.abs()))
            }
            Self::StolenCores { cores } => write!(f, "the hypervisor took {cores:.1} cores"),
            Self::BusyCores { cores } => write!(f, "other programs kept {cores:.1} cores busy"),
            Self::ClockChanged { from_mhz, to_mhz } => {
                write!(f, "the clock changed from {from_mhz:.0} to {to_mhz:.0} MHz")
            }
            Self::AbovePeak => {
                f.write_str("faster than the measured peak, so the peak was measured too low")
            }
            Self::Subnormals { share } => write!(
                f,
                "{:.1}% of the weights are subnormal numbers (below 1.2e-38), which slow down CPUs",
                share * 100.0
            ),
            Self::NotFinite { share } => write!(
                f,
                "{:.1}% of the weights are NaN or infinite, so the outputs are meaningless",
                share * 100.0
            ),
            Self::OutputNotFinite => {
                f.write_str("the output has NaN or infinity, and they may change the time")
            }
            Self::Stopped { runs } => {
                write!(f, "stopped after {}", counted(*runs, "run", "runs"))
            }
            Self::FewRuns { runs } => write!(f, "only {}", counted(*runs, "run", "runs")),
            Self::LowPeak { then, best, best_unix_ms } => write!(
                f,
                "the machine's peak was {then:.0} GFLOP/s, {} below the {best:.0} of {}",
                percent(1.0 - then / best),
                utc_day(*best_unix_ms)
            ),
            Self::Message(text) => f.write_str(text),
        }
    }
}

/// The remedy for a problem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// A larger budget of time.
    MeasureLonger,
    /// A higher limit of runs.
    AllowMoreRuns,
    /// No other programs running.
    StopOtherPrograms,
    /// A longer warm-up, or no other programs running at the start.
    WarmUpLonger,
    /// A cooler processor.
    CoolDown,
    /// A machine without other users.
    DedicatedMachine,
    /// Fewer threads than there are cores, or no other programs.
    FewerThreads,
    /// A fixed clock frequency.
    FixTheClock,
    /// Zeros for the smallest weights.
    SetToZero,
    /// Measure again, because the machine was slow.
    MeasureAgain,
}

impl Remedy {
    /// The remedy in words, without the options of a command.
    pub const fn text(self) -> &'static str {
        match self {
            Self::MeasureLonger => "measure for longer",
            Self::AllowMoreRuns => "allow more runs",
            Self::StopOtherPrograms => "stop other programs",
            Self::WarmUpLonger => {
                "measure for longer, which warms up for longer, or stop other programs"
            }
            Self::CoolDown => "let the CPU cool down",
            Self::DedicatedMachine => "use a dedicated machine",
            Self::FewerThreads => "stop them, or use fewer threads",
            Self::FixTheClock => "set the governor to `performance`",
            Self::SetToZero => "set them to zero in the weights file, and measure again",
            Self::MeasureAgain => "stop other programs or let the CPU cool down, and measure again",
        }
    }
}

/// The grade that follows from problems.
pub fn grade(findings: &[Finding]) -> Grade {
    let serious = findings.iter().filter(|finding| finding.is_serious).count();
    match (serious, findings.len()) {
        (0, 0) => Grade::A,
        (0, 1) => Grade::B,
        (0 | 1, _) => Grade::C,
        _ => Grade::D,
    }
}

/// Compares a grade with the highest limits ever measured on the machine: if the peak measured with the result was much
/// lower, the machine was slower than usual, and the grade is lowered. Otherwise the grade is returned unchanged.
pub fn hold_against(
    measured: (Grade, Vec<Finding>),
    roofline: &Roofline,
    best: &BestRoofline,
) -> (Grade, Vec<Finding>) {
    let (measured_grade, mut findings) = measured;
    findings.retain(|finding| !finding.is_from_others);
    let Some(finding) = low_peak(roofline, best) else { return (measured_grade, findings) };
    findings.push(finding);
    (measured_grade.max(grade(&findings)), findings)
}

fn low_peak(roofline: &Roofline, best: &BestRoofline) -> Option<Finding> {
    let (then, highest) = (roofline.peak_gflops, best.roofline.peak_gflops);
    let problem = Problem::LowPeak { then, best: highest, best_unix_ms: best.peak_unix_ms };
    let finding = beyond(1.0 - then / highest, LOW_PEAK, problem)?;
    Some(Finding { is_from_others: true, ..finding })
}

/// A finding if a value passes the first limit, a serious one past the second.
pub fn beyond(value: f64, limits: [f64; 2], problem: Problem) -> Option<Finding> {
    (value > limits[0]).then(|| Finding::new(value > limits[1], problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Earlier results hold sentences, and keep them when they are written again.
    #[test]
    fn earlier_findings_can_be_read() {
        let text = r#"{"is_serious":true,"message":"only 3 runs; raise --budget"}"#;
        let finding: Finding = serde_json::from_str(text).unwrap();
        assert!(finding.is_serious);
        assert_eq!(finding.to_string(), "only 3 runs; raise --budget");
        assert_eq!(serde_json::to_string(&finding).unwrap(), text);
    }

    #[test]
    fn findings_are_kept_as_facts() {
        for (problem, json, words) in [
            (
                Problem::NotSettled,
                r#"{"is_serious":false,"not_settled":null}"#,
                "latency had not settled after the warm-up; measure for longer",
            ),
            (
                Problem::WideInterval { share: 0.031 },
                r#"{"is_serious":false,"wide_interval":{"share":0.031}}"#,
                "the 95% interval is ±3.1% of the median; measure for longer",
            ),
            (
                Problem::Drift { change: -0.2 },
                r#"{"is_serious":false,"drift":{"change":-0.2}}"#,
                "latency drifted: runs became 20% faster; measure for longer, which warms up for longer, or stop \
                 other programs",
            ),
            (
                Problem::Stopped { runs: 1 },
                r#"{"is_serious":false,"stopped":{"runs":1}}"#,
                "stopped after 1 run",
            ),
        ] {
            let finding = Finding::new(false, problem);
            assert_eq!(serde_json::to_string(&finding).unwrap(), json);
            assert_eq!(serde_json::from_str::<Finding>(json).unwrap(), finding);
            assert_eq!(finding.to_string(), words);
        }
    }
}
