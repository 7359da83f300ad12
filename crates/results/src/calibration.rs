//! Calibrations: models that predict latencies, what they were made from, and how well they predict.

use serde::{Deserialize, Serialize};

use crate::{
    machine::Machine,
    measurement::{NetworkInfo, Runtime},
    plausible::{check_threads, is_amount, is_finish, is_ms, is_seconds},
    record::{Record, Run},
    statistics::Estimate,
};

/// What one kernel of a network computes: a node with those that run as a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KernelShape {
    /// The kind.
    pub kind: KernelKind,
    /// Height and width of the window; 1 if there is none.
    pub window: [u32; 2],
    /// Step of the window.
    pub stride: [u32; 2],
    /// Distance between the positions of the window.
    pub dilation: [u32; 2],
    /// Groups of channels.
    pub groups: u32,
    /// Channels of the first input.
    pub inputs: u32,
    /// Channels of the result.
    pub outputs: u32,
    /// Height and width of the first input.
    pub from: [u32; 2],
    /// Height and width of the result.
    pub to: [u32; 2],
    /// Numbers of all maps that are read.
    pub reads: u64,
    /// Whether an exponential is computed for each number of the result.
    pub has_exponential: bool,
}

/// Kinds of kernels whose times follow different rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KernelKind {
    /// A convolution whose window is one pixel.
    Pointwise,
    /// A convolution with a larger window.
    Conv,
    /// A convolution in groups of several channels.
    Grouped,
    /// A convolution of each channel by itself.
    Depthwise,
    /// A fully connected layer.
    Linear,
    /// Maxima over windows.
    MaxPool,
    /// Means over windows.
    AveragePool,
    /// Maxima or means over whole maps, or over a grid that covers them.
    GlobalPool,
    /// Sums, products and maxima of maps.
    Join,
    /// A function of each number.
    Activation,
    /// Normalisations, and factors of channels.
    Normalise,
    /// A local response normalisation.
    Lrn,
    /// A softmax.
    Softmax,
    /// Maps that are copied to their places, such as those of a concatenation.
    Move,
}

impl KernelShape {
    /// Numbers of the result.
    pub fn writes(&self) -> u64 {
        area(self.to).saturating_mul(u64::from(self.outputs))
    }

    /// Learned numbers of convolutions and fully connected layers, without bias.
    pub fn weights(&self) -> u64 {
        let of_output = match self.kind {
            KernelKind::Linear => area(self.from).saturating_mul(u64::from(self.inputs)),
            KernelKind::Pointwise
            | KernelKind::Conv
            | KernelKind::Grouped
            | KernelKind::Depthwise => {
                area(self.window).saturating_mul(u64::from(self.inputs / self.groups.max(1)))
            }
            _ => 0,
        };
        of_output.saturating_mul(u64::from(self.outputs))
    }

    /// Multiply-accumulates of convolutions and fully connected layers.
    pub fn macs(&self) -> u64 {
        let places = if self.kind == KernelKind::Linear { 1 } else { area(self.to) };
        self.weights().saturating_mul(places)
    }
}

/// Rows times columns.
fn area([height, width]: [u32; 2]) -> u64 {
    u64::from(height) * u64::from(width)
}

/// A kernel and how long it took.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    /// The kernel.
    #[serde(flatten)]
    pub shape: KernelShape,
    /// Median over runs of the whole network, in milliseconds; `None` if the engine does not say.
    pub time_ms: Option<f64>,
}

/// A network that was measured for a calibration: its latency, and the time of each of its kernels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationSample {
    /// The network.
    pub subject: NetworkInfo,
    /// What ran it.
    pub runtime: Runtime,
    /// The machine.
    pub machine: Machine,
    /// The version of this program.
    pub version: String,
    /// When it was finished, in milliseconds since 1970 (UTC).
    pub finished_unix_ms: u64,
    /// Seed of weights and inputs.
    pub seed: u64,
    /// Time that it took to measure, loading included, in seconds.
    pub seconds: f64,
    /// Median latency in milliseconds.
    pub latency_ms: Estimate,
    /// Cores that other programs kept busy, on average.
    pub others_cores: Option<f64>,
    /// Its kernels, in execution order.
    pub kernels: Vec<KernelTime>,
}

/// What latencies are predicted for: nothing else than what was calibrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CalibrationConditions<'r> {
    /// The machine.
    pub machine: &'r Machine,
    /// Engine, version, device, precision, batch size, threads, instruction set and mode.
    pub runtime: &'r Runtime,
    /// The version of this program.
    pub version: &'r str,
}

/// A model that predicts latencies, with its accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The files that networks and spaces were taken from.
    pub targets: Vec<String>,
    /// The seed that networks were drawn with.
    pub seed: u64,
    /// Time that measuring was allowed to take, in seconds.
    pub budget_s: f64,
    /// What is predicted.
    pub runtime: Runtime,
    /// The machine.
    pub machine: Machine,
    /// The version of this program.
    pub version: String,
    /// When it was made, in milliseconds since 1970 (UTC).
    pub finished_unix_ms: u64,
    /// Fingerprints of the networks that the model was fitted to, in order.
    pub fitted: Vec<String>,
    /// Networks that were measured and left out, because other programs disturbed them.
    pub disturbed: u64,
    /// Kernels of these networks with a time.
    pub kernels: u64,
    /// The model.
    pub model: LatencyModel,
    /// How well it predicts networks that it was not fitted to.
    pub judgement: LatencyJudgement,
}

/// A model of latencies: the sum of the times of kernels, corrected for the whole network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyModel {
    /// The model of each kind of kernel that was seen.
    pub kinds: Vec<KindModel>,
    /// Coefficients of the correction of whole networks.
    pub correction: Vec<f64>,
    /// The expected error of a prediction, as a difference of natural logarithms: a constant, and a factor of how unlike the
    /// measured ones the kernels of the network are.
    pub spread: [f64; 2],
    /// Half the width of an interval that holds 90% of latencies, in expected errors.
    pub half_width: f64,
}

/// The time of kernels of a kind: a sum of nonnegative terms, times the exponential of a gaussian process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindModel {
    /// The kind.
    pub kind: KernelKind,
    /// Milliseconds for each unit of each term.
    pub terms: Vec<f64>,
    /// Lengths of the process in each feature; 0 for a feature that does not matter.
    pub lengths: Vec<f64>,
    /// The points that the process remembers, feature by feature, one after the other.
    pub points: Vec<f64>,
    /// The weight of each point.
    pub weights: Vec<f64>,
    /// The smallest and largest value of each feature that was seen.
    pub ranges: Vec<[f64; 2]>,
}

/// How well a model predicts networks that it was not fitted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatencyJudgement {
    /// The networks.
    pub networks: Vec<JudgedLatency>,
    /// How many others it refused to predict, because they are unlike those that it was fitted to.
    pub refused: u64,
    /// Share of networks whose predicted latency is within 10% of the measured one.
    pub within_10_percent: f64,
    /// Share of networks whose measured latency is in the predicted interval, which is meant to hold 90%.
    pub coverage: f64,
    /// Median of the relative errors.
    pub median_error: f64,
    /// Mean of the relative errors.
    pub mean_error: f64,
    /// Spearman's rank correlation of predictions and latencies; `None` for fewer than three networks.
    pub rank_correlation: Option<f64>,
    /// The same of multiply-accumulates.
    pub rank_correlation_of_macs: Option<f64>,
    /// The same of activations.
    pub rank_correlation_of_acts: Option<f64>,
}

/// A network that a model was judged on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgedLatency {
    /// The network, with its point.
    pub name: String,
    /// The file that it was read from.
    pub file: String,
    /// Fingerprint of its inference graph.
    pub fingerprint: String,
    /// The measured latency in milliseconds.
    pub measured_ms: f64,
    /// The predicted latency, with an interval that is meant to hold 90%.
    pub predicted_ms: Estimate,
}

impl Calibration {
    /// What it predicts.
    pub fn conditions(&self) -> CalibrationConditions<'_> {
        CalibrationConditions {
            machine: &self.machine,
            runtime: &self.runtime,
            version: &self.version,
        }
    }
}

impl Runtime {
    /// `native 0.1.0 avx512, fp32, 1 thread`.
    pub fn label(&self) -> String {
        let isa = self.isa.as_ref().map_or_else(String::new, |isa| format!(" {isa}"));
        let device =
            if self.is_on_cpu() { String::new() } else { format!("{}, ", self.device_and_mode()) };
        let threads = match self.threads {
            1 => "1 thread".to_owned(),
            more => format!("{more} threads"),
        };
        format!(
            "{} {}{isa}, {device}{}, {threads}",
            self.engine, self.engine_version, self.precision
        )
    }
}

/// What a newer calibration replaces.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CalibrationKey<'r> {
    conditions: CalibrationConditions<'r>,
    targets: &'r [String],
    seed: u64,
}

impl Record for CalibrationSample {
    const TABLE: &'static str = "calibration_sample";
    const NAME: &'static str = "calibration sample";
    const PLURAL: &'static str = "calibration samples";
    const IS_SHOWN: bool = false;

    type Key<'r> = (CalibrationConditions<'r>, u64);

    fn key(&self) -> Self::Key<'_> {
        let Self { machine, runtime, version, .. } = self;
        (CalibrationConditions { machine, runtime, version }, self.seed)
    }

    fn run(&self) -> Option<Run<'_>> {
        Some(Run {
            subject: &self.subject,
            engine: &self.runtime.engine,
            machine: &self.machine,
            finished_unix_ms: self.finished_unix_ms,
        })
    }

    fn check(&self) -> Result<(), String> {
        check_threads(&self.runtime)?;
        is_finish(self.finished_unix_ms)?;
        is_seconds("seconds", self.seconds)?;
        is_ms("latency_ms", self.latency_ms.value)?;
        self.others_cores.map_or(Ok(()), |cores| is_amount("others_cores", cores))?;
        let times = self.kernels.iter().filter_map(|kernel| kernel.time_ms);
        times.into_iter().try_for_each(|time| is_ms("time_ms of a kernel", time))
    }
}

impl Record for Calibration {
    const TABLE: &'static str = "calibration";
    const NAME: &'static str = "calibration";
    const PLURAL: &'static str = "calibrations";
    // It is of many networks.
    const IS_OURS: bool = false;
    const IS_SHOWN: bool = true;

    type Key<'r> = CalibrationKey<'r>;

    fn key(&self) -> CalibrationKey<'_> {
        CalibrationKey { conditions: self.conditions(), targets: &self.targets, seed: self.seed }
    }

    fn run(&self) -> Option<Run<'_>> {
        None
    }

    fn check(&self) -> Result<(), String> {
        check_threads(&self.runtime)?;
        is_finish(self.finished_unix_ms)?;
        is_seconds("budget_s", self.budget_s)?;
        self.model.check()?;
        let judgement = &self.judgement;
        for (name, share) in
            [("within_10_percent", judgement.within_10_percent), ("coverage", judgement.coverage)]
        {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("{name} is {share:?}"));
            }
        }
        is_amount("median_error", judgement.median_error)?;
        is_amount("mean_error", judgement.mean_error)?;
        judgement.networks.iter().try_for_each(|network| {
            is_ms("measured_ms", network.measured_ms)?;
            let Estimate { value, low, high } = network.predicted_ms;
            is_ms("predicted_ms", value)?;
            match low <= value && value <= high {
                true => Ok(()),
                false => Err(format!("{value} is not between {low} and {high}")),
            }
        })
    }
}

impl LatencyModel {
    /// Checks that all of its numbers can be computed with.
    fn check(&self) -> Result<(), String> {
        is_amount("half_width", self.half_width)?;
        self.spread.into_iter().try_for_each(|spread| is_amount("spread", spread))?;
        let is_finite = |numbers: &[f64]| numbers.iter().all(|number| number.is_finite());
        if !is_finite(&self.correction) {
            return Err("a coefficient of the model is not finite".to_owned());
        }
        self.kinds.iter().try_for_each(|kind| {
            let numbers = [&kind.terms, &kind.lengths, &kind.points, &kind.weights];
            let are_finite = numbers.into_iter().all(|numbers| is_finite(numbers));
            if !are_finite || !is_finite(kind.ranges.as_flattened()) {
                return Err("a coefficient of the model is not finite".to_owned());
            }
            let features = kind.lengths.len();
            match kind.points.len() == kind.weights.len().saturating_mul(features) {
                true => Ok(()),
                false => Err("a kind of kernels has points without weights".to_owned()),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{calibration, calibration_sample, kernel};

    #[test]
    fn impossible_calibrations_are_told() {
        let good = calibration();
        assert_eq!(good.check(), Ok(()));
        type Change = fn(&mut Calibration);
        let cases: [(&str, Change); 10] = [
            ("threads is 0", |it| it.runtime.threads = 0),
            ("budget_s is NaN", |it| it.budget_s = f64::NAN),
            ("half_width is -1", |it| it.model.half_width = -1.0),
            ("spread is NaN", |it| it.model.spread[0] = f64::NAN),
            ("coefficient", |it| it.model.correction[0] = f64::NAN),
            ("coefficient", |it| it.model.kinds[0].terms[0] = f64::INFINITY),
            ("points without weights", |it| it.model.kinds[0].points = vec![1.0, 2.0]),
            ("within_10_percent is 1.5", |it| it.judgement.within_10_percent = 1.5),
            ("measured_ms is -1", |it| it.judgement.networks[0].measured_ms = -1.0),
            ("is not between", |it| it.judgement.networks[0].predicted_ms.low = 2.0),
        ];
        for (expected, change) in cases {
            let mut bad = good.clone();
            change(&mut bad);
            let found = bad.check().unwrap_err();
            assert!(found.contains(expected), "{expected}: {found}");
        }
        let time = KernelTime { shape: kernel(16, 16, 8), time_ms: Some(f64::NAN) };
        let bad = calibration_sample(vec![time], 1.0);
        assert!(bad.check().unwrap_err().contains("time_ms of a kernel"));
    }

    #[test]
    fn a_calibration_is_of_its_conditions_alone() {
        let one = calibration();
        type Change = fn(&mut Calibration);
        let changes: [Change; 8] = [
            |it| it.machine.cpu = "another".to_owned(),
            |it| it.version = "2".to_owned(),
            |it| it.runtime.engine = "another".to_owned(),
            |it| it.runtime.engine_version = "2".to_owned(),
            |it| it.runtime.threads = 1,
            |it| it.runtime.batch = 2,
            |it| it.runtime.precision = crate::Precision::Fp16,
            |it| it.runtime.isa = Some("avx2".to_owned()),
        ];
        for change in changes {
            let mut other = calibration();
            change(&mut other);
            assert_ne!(other.conditions(), one.conditions());
            assert_ne!(other.key(), one.key());
        }
        let mut other = calibration();
        other.targets.push("other.yaml".to_owned());
        assert_eq!(other.conditions(), one.conditions());
        assert_ne!(other.key(), one.key());
    }

    #[test]
    fn work_is_counted() {
        let pointwise = kernel(3, 20, 10);
        assert_eq!((pointwise.weights(), pointwise.macs(), pointwise.writes()), (60, 6000, 2000));
        let conv = KernelShape { kind: KernelKind::Conv, window: [3, 3], ..pointwise };
        assert_eq!((conv.weights(), conv.macs()), (540, 54_000));
        let grouped = KernelShape { kind: KernelKind::Depthwise, groups: 3, outputs: 3, ..conv };
        assert_eq!(grouped.weights(), 27);
        let linear = KernelShape { kind: KernelKind::Linear, to: [1, 1], ..pointwise };
        assert_eq!((linear.weights(), linear.macs()), (6000, 6000));
        assert_eq!(KernelShape { kind: KernelKind::MaxPool, ..conv }.macs(), 0);
    }
}
