//! Runs as records.

use inceptive_results::{
    Machine, Measurement, NetworkInfo, Precision, Roofline, Runtime, statistics::summarize, unix_ms,
};

use crate::{
    bench::{Interference, Protocol, Run},
    engine::{Description, Setup},
    grading::grade_run,
};

/// What ran a network: an engine as it was set up, the precision that it really computed in, and the name of the
/// accelerator, if it was one.
pub fn runtime(
    engine: &str,
    description: &Description,
    setup: &Setup,
    precision: Precision,
    accelerator: Option<String>,
) -> Runtime {
    Runtime {
        engine: engine.to_owned(),
        engine_version: description.version.clone(),
        device: setup.device.clone(),
        precision,
        batch: setup.batch,
        threads: setup.threads,
        isa: description.isa.clone(),
        mode: description.mode.clone(),
        accelerator,
    }
}

/// What is recorded with a run beside its times.
pub struct RunContext<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// How it was measured.
    pub protocol: &'a Protocol,
    /// Whether the engine counts subnormal numbers as zero; `None` where it does not say.
    pub flushes_subnormals: Option<bool>,
}

/// Describes a run.
pub fn measurement(
    subject: NetworkInfo,
    runtime: Runtime,
    roofline: Roofline,
    setting: &RunContext<'_>,
    run: &Run,
) -> Measurement {
    let turns_ms: Vec<Vec<f64>> = run
        .turns
        .iter()
        .map(|turn| turn.iter().map(|time| time.as_secs_f64() * 1e3).collect())
        .collect();
    let latency_ms = summarize(&turns_ms, setting.protocol.seed);
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    let operations = 2.0 * subject.macs as f64 * f64::from(runtime.batch);
    let share_of_peak = runtime
        .is_on_cpu()
        .then(|| operations / latency_ms.median.value / 1e6 / roofline.peak_gflops);
    let (grade, findings) = grade_run(run, &latency_ms, share_of_peak);
    let Interference { others_cores, stolen_cores, clock_mhz } = run.surroundings;
    Measurement {
        subject,
        runtime,
        machine: setting.machine.clone(),
        roofline,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        finished_unix_ms: unix_ms(),
        budget_s: setting.protocol.budget.as_secs_f64(),
        seed: setting.protocol.seed,
        load_ms: run.load.as_secs_f64() * 1e3,
        memory_bytes: run.memory_bytes,
        warm_up_runs: run.warm_up_runs,
        others_cores,
        stolen_cores,
        clock_mhz,
        accelerator: run.accelerator.clone(),
        subnormals: run.subnormals,
        flushes_subnormals: setting.flushes_subnormals,
        turns_ms,
        latency_ms,
        grade,
        findings,
        held: None,
    }
}
