//! How far a measurement can be trusted, and why not further.

use std::fmt;

use inceptive_format::percent;
use serde::{Deserialize, Serialize};

use crate::{best::BestRoofline, date::utc_day, roofline::Roofline};

/// How far below the best the peak may be, for a remark and for a serious one.
const LOW_PEAK: [f64; 2] = [0.10, 0.30];

/// How far a measurement can be trusted.
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

/// Something that speaks against a measurement, with what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// Whether it alone makes the measurement doubtful.
    pub is_serious: bool,
    /// What was seen and what helps.
    pub message: String,
    /// Whether it follows from what other results say of the machine, and so is no part of this one.
    #[serde(skip)]
    pub is_from_others: bool,
}

impl Finding {
    /// What was seen in the result itself.
    pub const fn new(is_serious: bool, message: String) -> Self {
        Self { is_serious, message, is_from_others: false }
    }
}

/// The grade that follows from remarks.
pub fn grade(findings: &[Finding]) -> Grade {
    let serious = findings.iter().filter(|finding| finding.is_serious).count();
    match (serious, findings.len()) {
        (0, 0) => Grade::A,
        (0, 1) => Grade::B,
        (0 | 1, _) => Grade::C,
        _ => Grade::D,
    }
}

/// Holds a grade against the best that the machine ever showed: a result that was measured under a much lower peak was
/// measured on a machine that was slower than it can be. Gives what it was before where that is not so.
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
    let drop = 1.0 - then / highest;
    let finding = beyond(drop, LOW_PEAK, || {
        format!(
            "the machine's peak was {then:.0} GFLOP/s, {} below the {highest:.0} of {}; stop other programs or \
             let the CPU cool down, and measure again",
            percent(drop),
            utc_day(best.peak_unix_ms)
        )
    })?;
    Some(Finding { is_from_others: true, ..finding })
}

/// A finding if a value passes the first limit, a serious one past the second.
pub fn beyond(value: f64, limits: [f64; 2], message: impl FnOnce() -> String) -> Option<Finding> {
    (value > limits[0]).then(|| Finding::new(value > limits[1], message()))
}
