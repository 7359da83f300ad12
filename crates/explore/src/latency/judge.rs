//! Judging a model of latencies on networks that it was not fitted to.

use inceptive_results::{
    CalibrationSample, JudgedLatency, KernelShape, LatencyJudgement, LatencyModel,
    statistics::median,
};

use super::predict::predict_latency;
use crate::ranks::rank_correlation;

/// The largest relative error of a good prediction.
const GOOD: f64 = 0.1;

/// Judges a model on networks that were measured; `None` if it can predict none of them.
#[expect(clippy::cast_precision_loss, reason = "few networks")]
pub fn judge_latency(
    model: &LatencyModel,
    samples: &[&CalibrationSample],
) -> Option<LatencyJudgement> {
    let judged = |sample: &&CalibrationSample| {
        let shapes: Vec<KernelShape> = sample.kernels.iter().map(|kernel| kernel.shape).collect();
        Some(JudgedLatency {
            name: sample.subject.name_with_point(),
            file: sample.subject.file.clone(),
            fingerprint: sample.subject.fingerprint.clone(),
            measured_ms: sample.latency_ms.value,
            predicted_ms: predict_latency(model, &shapes).ok()?,
        })
    };
    let all = samples.len();
    let (samples, networks): (Vec<&&CalibrationSample>, Vec<JudgedLatency>) =
        samples.iter().filter_map(|sample| Some((sample, judged(sample)?))).unzip();
    if networks.is_empty() {
        return None;
    }
    let share = |is: &dyn Fn(&JudgedLatency) -> bool| {
        networks.iter().filter(|network| is(network)).count() as f64 / networks.len() as f64
    };
    let errors: Vec<f64> = networks.iter().map(error).collect();
    let measured: Vec<f64> = networks.iter().map(|network| network.measured_ms).collect();
    let correlation = |values: Vec<f64>| rank_correlation(&values, &measured);
    Some(LatencyJudgement {
        refused: (all - networks.len()) as u64,
        within_10_percent: share(&|network| error(network) <= GOOD),
        coverage: share(&|network| {
            let interval = network.predicted_ms;
            (interval.low..=interval.high).contains(&network.measured_ms)
        }),
        median_error: median(&errors),
        mean_error: errors.iter().sum::<f64>() / errors.len() as f64,
        rank_correlation: correlation(networks.iter().map(|it| it.predicted_ms.value).collect()),
        rank_correlation_of_macs: correlation(
            samples.iter().map(|it| it.subject.macs as f64).collect(),
        ),
        rank_correlation_of_acts: correlation(
            samples.iter().map(|it| it.subject.acts as f64).collect(),
        ),
        networks,
    })
}

/// The relative error of a prediction.
fn error(network: &JudgedLatency) -> f64 {
    (network.predicted_ms.value / network.measured_ms - 1.0).abs()
}
