//! Grading measurements.

use inceptive_format::percent;
use inceptive_results::{
    Finding, Grade, Subnormals, beyond, grade,
    statistics::{Summary, median},
};

use crate::bench::Run;

/// Limits, each for a remark and for a serious one.
const SPREAD: [f64; 2] = [0.02, 0.05];
const DRIFT: [f64; 2] = [0.03, 0.10];
const OUTLIERS: [f64; 2] = [0.10, 0.25];
const OTHERS: [f64; 2] = [0.10, 0.50];
const CLOCK: [f64; 2] = [0.03, 0.10];
const SUBNORMAL: [f64; 2] = [0.001, 0.01];

/// Fewer runs than this say little about spread.
const FEW_RUNS: usize = 15;

/// Grades a measurement. `share_of_peak` is how fast it computed, over what the machine can do at best.
pub fn grade_run(run: &Run, latency: &Summary, share_of_peak: f64) -> (Grade, Vec<Finding>) {
    let findings: Vec<Finding> = [
        warm_up(run),
        spread(latency),
        outliers(latency),
        drift(run),
        others(run),
        clock(run),
        runs(run, latency),
        peak(share_of_peak),
        subnormals(run.subnormals),
    ]
    .into_iter()
    .flatten()
    .collect();
    (grade(&findings), findings)
}

fn warm_up(run: &Run) -> Option<Finding> {
    let message = "latency had not settled after the warm-up; measure for longer".to_owned();
    (!run.settled).then_some(Finding::new(false, message))
}

fn spread(latency: &Summary) -> Option<Finding> {
    if !latency.median.has_interval() {
        let message = "a single run has no confidence interval; allow more runs".to_owned();
        return Some(Finding::new(true, message));
    }
    let spread = latency.median.relative_spread();
    beyond(spread, SPREAD, || {
        format!("the 95% interval is ±{:.1}% wide; measure for longer", spread * 100.0)
    })
}

fn outliers(latency: &Summary) -> Option<Finding> {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let share = latency.high_outliers as f64 / latency.count as f64;
    beyond(share, OUTLIERS, || {
        format!("{} of the runs were unusually slow; stop other programs", percent(share))
    })
}

fn drift(run: &Run) -> Option<Finding> {
    let third = run.turns.len() / 3;
    if third < 2 {
        return None;
    }
    let seconds = |turns: &[Vec<std::time::Duration>]| {
        let times: Vec<f64> = turns.iter().flatten().map(|time| time.as_secs_f64()).collect();
        median(&times)
    };
    let (first, last) =
        (seconds(&run.turns[..third]), seconds(&run.turns[run.turns.len() - third..]));
    let change = last / first - 1.0;
    beyond(change.abs(), DRIFT, || {
        let direction = if change > 0.0 { "slower" } else { "faster" };
        format!(
            "latency drifted: runs became {} {direction}; let the CPU cool down",
            percent(change.abs())
        )
    })
}

fn others(run: &Run) -> Option<Finding> {
    let surroundings = &run.surroundings;
    let stolen = surroundings.stolen_cores.unwrap_or(0.0);
    if let Some(finding) = beyond(stolen, OTHERS, || {
        format!("the hypervisor took away {stolen:.1} cores; use a dedicated machine")
    }) {
        return Some(finding);
    }
    let others = surroundings.others_cores.unwrap_or(0.0);
    beyond(others, OTHERS, || {
        format!("other programs kept {others:.1} cores busy; stop them, or use fewer threads")
    })
}

fn clock(run: &Run) -> Option<Finding> {
    let [start, end] = run.surroundings.clock_mhz?;
    let change = (end / start - 1.0).abs();
    beyond(change, CLOCK, || {
        format!(
            "the clock changed from {start:.0} to {end:.0} MHz; set the governor to `performance`"
        )
    })
}

/// Nothing computes faster than the peak, so a higher speed tells that the peak was measured too low.
fn peak(share: f64) -> Option<Finding> {
    let message =
        "faster than the measured peak, so the peak was measured too low; stop other programs";
    (share > 1.0).then(|| Finding::new(false, message.to_owned()))
}

/// The time is that of subnormal numbers, not of the network.
fn subnormals(subnormals: Subnormals) -> Option<Finding> {
    let message = subnormals.remark()?;
    beyond(subnormals.share(), SUBNORMAL, || message)
}

fn runs(run: &Run, latency: &Summary) -> Option<Finding> {
    let few = latency.count < FEW_RUNS;
    let message = match (run.cut_short, few) {
        (true, _) => format!("stopped after {} runs", latency.count),
        (false, true) if latency.count == 1 => "only 1 run".to_owned(),
        (false, true) => format!("only {} runs; measure for longer", latency.count),
        (false, false) => return None,
    };
    Some(Finding::new(few, message))
}
