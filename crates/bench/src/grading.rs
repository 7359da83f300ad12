//! Grading measurements.

use inceptive_results::{
    Finding, Grade, Problem, beyond, grade,
    statistics::{Summary, median},
};

use crate::bench::Run;

/// Limits, each for a problem and for a serious one.
const SPREAD: [f64; 2] = [0.02, 0.05];
const DRIFT: [f64; 2] = [0.03, 0.10];
const OUTLIERS: [f64; 2] = [0.10, 0.25];
const OTHERS: [f64; 2] = [0.10, 0.50];
const CLOCK: [f64; 2] = [0.03, 0.10];

/// With fewer runs than this, the spread is uncertain.
const FEW_RUNS: usize = 15;

/// Grades a measurement. `share_of_peak` is its arithmetic rate divided by the measured peak of the processor, if it ran
/// there.
pub fn grade_run(
    run: &Run,
    latency: &Summary,
    share_of_peak: Option<f64>,
) -> (Grade, Vec<Finding>) {
    let findings: Vec<Finding> = [
        warm_up(run),
        spread(latency),
        outliers(latency),
        drift(run),
        others(run),
        clock(run),
        runs(run, latency),
        peak(share_of_peak),
        output(run),
    ]
    .into_iter()
    .flatten()
    .chain(run.subnormals.findings())
    .collect();
    (grade(&findings), findings)
}

fn warm_up(run: &Run) -> Option<Finding> {
    (!run.settled).then_some(Finding::new(false, Problem::NotSettled))
}

fn spread(latency: &Summary) -> Option<Finding> {
    if !latency.median.has_interval() {
        return Some(Finding::new(true, Problem::SingleRun));
    }
    let share = latency.median.relative_spread();
    beyond(share, SPREAD, Problem::WideInterval { share })
}

fn outliers(latency: &Summary) -> Option<Finding> {
    #[expect(clippy::cast_precision_loss, reason = "counts are small")]
    let share = latency.high_outliers as f64 / latency.count as f64;
    beyond(share, OUTLIERS, Problem::SlowRuns { share })
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
    beyond(change.abs(), DRIFT, Problem::Drift { change })
}

fn others(run: &Run) -> Option<Finding> {
    let surroundings = &run.surroundings;
    let stolen = surroundings.stolen_cores.unwrap_or(0.0);
    let busy = surroundings.others_cores.unwrap_or(0.0);
    beyond(stolen, OTHERS, Problem::StolenCores { cores: stolen })
        .or_else(|| beyond(busy, OTHERS, Problem::BusyCores { cores: busy }))
}

fn clock(run: &Run) -> Option<Finding> {
    let of_device = run.accelerator.as_ref().map(|accelerator| accelerator.clock_mhz);
    let [from_mhz, to_mhz] = of_device.unwrap_or(run.surroundings.clock_mhz)?;
    let change = (to_mhz / from_mhz - 1.0).abs();
    beyond(change, CLOCK, Problem::ClockChanged { from_mhz, to_mhz })
}

/// Multiplications of a definition for each one that Winograd's method needs, F(4x4, 3x3).
const WINOGRAD: f64 = 4.0;

/// Nothing computes faster than the peak, but engines may need fewer multiplications than are counted. A speed that this
/// does not explain means that the peak was measured too low.
fn peak(share: Option<f64>) -> Option<Finding> {
    (share? > WINOGRAD).then_some(Finding::new(false, Problem::AbovePeak))
}

fn output(run: &Run) -> Option<Finding> {
    let is_finite = run.is_output_finite.unwrap_or(true);
    (!is_finite).then_some(Finding::new(false, Problem::OutputNotFinite))
}

fn runs(run: &Run, latency: &Summary) -> Option<Finding> {
    let (count, few) = (latency.count, latency.count < FEW_RUNS);
    let problem = match (run.cut_short, few) {
        (true, _) => Problem::Stopped { runs: count },
        (false, true) => Problem::FewRuns { runs: count },
        (false, false) => return None,
    };
    Some(Finding::new(few, problem))
}
