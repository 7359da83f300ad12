//! A result with everything that is needed to understand it.

use inceptive_cost::{Cost, Mode};
use serde::{Deserialize, Serialize};

use crate::{
    accelerator::Accelerator,
    best::BestRoofline,
    date::unix_ms,
    machine::Machine,
    precision::Precision,
    profile::Profile,
    quality::{Finding, Grade, hold_against},
    roofline::Roofline,
    statistics::{Estimate, Summary},
    subnormal::Subnormals,
};

/// The facts about a network that results record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NetworkInfo {
    /// Its name.
    pub name: String,
    /// The file that it was read from.
    pub file: String,
    /// Values that were set, as `key=value`.
    pub point: Vec<String>,
    /// Fingerprint of its inference graph: equal for equal networks.
    pub fingerprint: String,
    /// Channels, height and width of its input.
    pub input: [u32; 3],
    /// Learnable numbers.
    pub params: u64,
    /// Multiply-accumulates of convolutions and linear layers for one image.
    pub macs: u64,
    /// Floating-point operations for one image, of every operator.
    pub flops: u64,
    /// Outputs of convolutions and linear layers for one image.
    pub acts: u64,
}

impl NetworkInfo {
    /// Describes a network. `graph` is the inference graph, before normalisations are folded.
    pub fn new(name: &str, file: &str, point: Vec<String>, graph: &inceptive_ir::Graph) -> Self {
        let total = Cost::new(graph, Mode::Inference).total;
        let shape = graph.node(graph.input()).shape;
        let size = shape.size();
        Self {
            name: name.to_owned(),
            file: file.to_owned(),
            point,
            fingerprint: graph.fingerprint().to_string(),
            input: [shape.channels(), size.height, size.width],
            params: total.params,
            macs: total.macs,
            flops: total.flops,
            acts: total.acts,
        }
    }

    /// The name, followed by the settings that tell points of a space apart: `Inception width=0.5`.
    pub fn name_with_point(&self) -> String {
        let point: Vec<String> = self.point.iter().map(|setting| format!(" {setting}")).collect();
        format!("{}{}", self.name, point.concat())
    }
}

/// What ran a network.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Runtime {
    /// The engine.
    pub engine: String,
    /// Its version.
    pub engine_version: String,
    /// The device.
    pub device: String,
    /// The precision that it computed in.
    pub precision: Precision,
    /// Batch size.
    pub batch: u32,
    /// Threads that computed one run.
    pub threads: u32,
    /// The instruction set that the engine computed with; `None` where it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub isa: Option<String>,
    /// How the engine started the operators of the network, such as `eager`; `None` where there is one way only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The name of the accelerator, such as a GPU; `None` on the processor, and where the engine did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<String>,
}

impl Runtime {
    /// The device as people know it, with the mode: `cuda (NVIDIA H200), eager`.
    pub fn device_and_mode(&self) -> String {
        let accelerator = self.accelerator.as_ref();
        let accelerator = accelerator.map_or_else(String::new, |name| format!(" ({name})"));
        let mode = self.mode.as_ref().map_or_else(String::new, |mode| format!(", {mode}"));
        format!("{}{accelerator}{mode}", self.device)
    }

    /// Whether the processor computed, whose limits are measured.
    pub fn is_on_cpu(&self) -> bool {
        self.device.eq_ignore_ascii_case("cpu")
    }
}

/// The conditions that must be equal for two times to be comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conditions<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// What ran on it.
    pub runtime: &'a Runtime,
}

/// A measured latency. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measurement {
    /// What ran.
    pub subject: NetworkInfo,
    /// What ran it.
    pub runtime: Runtime,
    /// The machine that ran it.
    pub machine: Machine,
    /// The measured limits of that machine with this number of threads.
    pub roofline: Roofline,
    /// The version of this program.
    pub version: String,
    /// When it was finished, in milliseconds since 1970 (UTC).
    pub finished_unix_ms: u64,
    /// Budget in seconds.
    pub budget_s: f64,
    /// Seed of the inputs.
    pub seed: u64,
    /// Time to load and compile.
    pub load_ms: f64,
    /// Growth of the process's memory at most, while it was loaded and ran first.
    pub memory_bytes: Option<u64>,
    /// Runs until times settled, or the budget for that was spent.
    pub warm_up_runs: usize,
    /// Cores that other programs kept busy, on average.
    pub others_cores: Option<f64>,
    /// Average number of cores that the hypervisor took.
    pub stolen_cores: Option<f64>,
    /// Clock at the start and at the end, in MHz.
    pub clock_mhz: Option<[f64; 2]>,
    /// The accelerator that ran it; `None` on the processor, and where the engine did not describe it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accelerator: Option<Accelerator>,
    /// How many of the weights are subnormal; none were counted in results of older versions.
    #[serde(default)]
    pub subnormals: Subnormals,
    /// Whether subnormal numbers counted as zero while it ran; `None` where the engine does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flushes_subnormals: Option<bool>,
    /// Every time, turn by turn.
    pub turns_ms: Vec<Vec<f64>>,
    /// Statistics of the times.
    pub latency_ms: Summary,
    /// Reliability of the result.
    pub grade: Grade,
    /// Why not further.
    pub findings: Vec<Finding>,
    /// The comparison with the highest limits of its machine, if they are higher than its own. Not part of the saved
    /// result.
    #[serde(skip)]
    pub held: Option<Held>,
}

/// The comparison of a result with the highest limits of its machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// The highest limits ever measured on the machine.
    pub best: BestRoofline,
    /// The grade by the result alone.
    pub measured_grade: Grade,
}

impl Measurement {
    /// Compares it with the highest limits ever measured on its machine, before or after this result: speeds become
    /// percentages of that peak, and the grade is lowered if its own peak was much lower.
    pub fn hold_against(&mut self, best: BestRoofline) {
        if !self.runtime.is_on_cpu() {
            return;
        }
        let measured_grade = self.measured_grade();
        let best = self.measured_roofline().best(best);
        let findings = std::mem::take(&mut self.findings);
        (self.grade, self.findings) =
            hold_against((measured_grade, findings), &self.roofline, &best);
        let is_better = best.roofline != self.roofline;
        self.held = is_better.then_some(Held { best, measured_grade });
    }

    /// The result without this comparison, as it is saved.
    #[must_use]
    pub fn alone(&self) -> Measurement {
        let mut alone = self.clone();
        alone.grade = self.measured_grade();
        alone.findings.retain(|finding| !finding.is_from_others);
        alone.held = None;
        alone
    }

    fn measured_grade(&self) -> Grade {
        self.held.map_or(self.grade, |held| held.measured_grade)
    }

    /// The limits of the machine that were measured with it.
    const fn measured_roofline(&self) -> BestRoofline {
        BestRoofline::measured(self.roofline, self.finished_unix_ms)
    }

    /// The highest known limits of its machine.
    pub fn best_roofline(&self) -> BestRoofline {
        self.held.map_or_else(|| self.measured_roofline(), |held| held.best)
    }

    /// Images in a second.
    pub fn images_per_s(&self) -> Estimate {
        let batch = f64::from(self.runtime.batch);
        self.latency_ms.median.map_reversed(|ms| batch / ms * 1e3)
    }

    /// Arithmetic in 10^9 operations a second: two for each multiply-accumulate, nothing for the rest, so that it
    /// can be compared with the peak.
    pub fn gflops(&self) -> Estimate {
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let operations = 2.0 * self.subject.macs as f64 * f64::from(self.runtime.batch);
        self.latency_ms.median.map_reversed(|ms| operations / ms / 1e6)
    }

    /// Fraction of the highest peak in single precision ever measured on the machine; `None` unless the processor computed.
    pub fn share_of_peak(&self) -> Option<f64> {
        let peak_gflops = self.best_roofline().roofline.peak_gflops;
        self.runtime.is_on_cpu().then(|| self.gflops().value / peak_gflops)
    }
}

/// Where the time of a network goes, with everything that is needed to understand it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileRecord {
    /// What ran.
    pub subject: NetworkInfo,
    /// What ran it.
    pub runtime: Runtime,
    /// The machine that ran it.
    pub machine: Machine,
    /// The measured limits of that machine with this number of threads.
    pub roofline: Roofline,
    /// The version of this program.
    pub version: String,
    /// When it was finished, in milliseconds since 1970 (UTC).
    pub finished_unix_ms: u64,
    /// Seed of the inputs.
    pub seed: u64,
    /// Where the time goes.
    pub profile: Profile,
    /// The highest limits ever measured on its machine, if they are higher than its own. Not part of the saved record.
    #[serde(skip)]
    pub best: Option<BestRoofline>,
}

impl ProfileRecord {
    /// Describes a profile that was just made.
    pub fn new(
        subject: NetworkInfo,
        runtime: Runtime,
        roofline: Roofline,
        machine: &Machine,
        seed: u64,
        profile: Profile,
    ) -> Self {
        Self {
            subject,
            runtime,
            machine: machine.clone(),
            roofline,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            finished_unix_ms: unix_ms(),
            seed,
            profile,
            best: None,
        }
    }

    /// Compares it with the highest limits ever measured on its machine, before or after this profile.
    pub fn hold_against(&mut self, best: BestRoofline) {
        let measured = BestRoofline::measured(self.roofline, self.finished_unix_ms);
        let best = measured.best(best);
        self.best = (best.roofline != self.roofline).then_some(best);
    }

    /// The highest known limits of its machine.
    pub fn best_roofline(&self) -> BestRoofline {
        let measured = BestRoofline::measured(self.roofline, self.finished_unix_ms);
        self.best.unwrap_or(measured)
    }
}
