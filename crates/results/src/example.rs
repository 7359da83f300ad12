//! Example records for tests.

use crate::{
    AccuracyJudgement, Calibration, CalibrationSample, CountedNetwork, CountedSpace, DatasetInfo,
    EpochRecord, Exploration, ExplorationRequest, ExploredNetwork, ExploredOutcome, Grade,
    JudgedLatency, KernelKind, KernelShape, KernelTime, KindModel, LatencyJudgement, LatencyModel,
    Machine, Measurement, Metric, NetworkInfo, ObjectiveInfo, Precision, Preference, RecipeInfo,
    Roofline, Runtime, SpaceCount, SpaceInfo, Subnormals, TrainingOutcome, TrainingRun, Wave,
    statistics::{Estimate, summarize},
};

/// A machine that does not exist.
pub fn machine() -> Machine {
    Machine {
        cpu: "Example CPU".to_owned(),
        physical_cores: 2,
        logical_cores: 4,
        isa: vec!["avx2".to_owned(), "fma".to_owned()],
        l1d_bytes: Some(32 << 10),
        l2_bytes: Some(1 << 20),
        l3_bytes: None,
        memory_bytes: 16 << 30,
        os: "Example OS 1".to_owned(),
        kernel: "Example 1.0".to_owned(),
        arch: "x86_64".to_owned(),
        is_virtual: false,
        governor: None,
    }
}

/// A network that does not exist.
pub fn subject() -> NetworkInfo {
    NetworkInfo {
        name: "n".to_owned(),
        file: String::new(),
        point: vec![],
        fingerprint: "f".to_owned(),
        input: [3, 8, 8],
        params: 1,
        macs: 1,
        flops: 1,
        acts: 1,
    }
}

/// An engine that does not exist, at batch 1 on two threads.
pub fn runtime() -> Runtime {
    Runtime {
        engine: "example".to_owned(),
        engine_version: "1.0".to_owned(),
        device: "cpu".to_owned(),
        precision: Precision::Fp32,
        batch: 1,
        threads: 2,
        isa: None,
        mode: None,
        accelerator: None,
    }
}

/// A measurement of a network with these times, turn by turn, in milliseconds.
pub fn measurement(network: NetworkInfo, runtime: Runtime, turns_ms: Vec<Vec<f64>>) -> Measurement {
    Measurement {
        subject: network,
        roofline: Roofline { threads: runtime.threads, peak_gflops: 250.0, bandwidth_gbps: 34.0 },
        runtime,
        machine: machine(),
        version: "1".to_owned(),
        finished_unix_ms: 0,
        budget_s: 1.0,
        seed: 0,
        load_ms: 1.0,
        memory_bytes: None,
        warm_up_runs: 3,
        others_cores: None,
        stolen_cores: None,
        clock_mhz: None,
        accelerator: None,
        subnormals: Subnormals::default(),
        flushes_subnormals: None,
        latency_ms: summarize(&turns_ms, 0),
        turns_ms,
        grade: Grade::A,
        findings: vec![],
        held: None,
    }
}

/// A network with these few facts, which does not exist.
fn network() -> NetworkInfo {
    NetworkInfo {
        name: "example".to_owned(),
        file: "example.yaml".to_owned(),
        point: vec!["width=8".to_owned()],
        fingerprint: "00112233445566778899aabbccddeeff".to_owned(),
        input: [1, 28, 28],
        params: 1000,
        macs: 20_000,
        flops: 41_000,
        acts: 3000,
    }
}

/// A run of two epochs with this top-1 accuracy on 1000 test images of two classes.
pub fn training_run(seed: u64, test_top1: f64) -> TrainingRun {
    let epoch = EpochRecord {
        epoch: 1,
        loss: 0.6,
        train_top1: Some(70.0),
        val_loss: Some(0.5),
        val_top1: Some(80.0),
        learning_rate: 0.1,
        seconds: 2.0,
    };
    TrainingRun {
        subject: network(),
        training_fingerprint: "ffeeddccbbaa99887766554433221100".to_owned(),
        fingerprint_with_paths: None,
        dataset: DatasetInfo {
            label: "shapes:size=28".to_owned(),
            fingerprint: "d".repeat(64),
            classes: 2,
            training_images: 9000,
            validation_images: 1000,
            test_images: 1000,
        },
        recipe: RecipeInfo {
            name: "example".to_owned(),
            fingerprint: "e".repeat(64),
            content: serde_json::json!({ "epochs": 2, "learning_rate": 0.1 }),
        },
        seed,
        epochs: 2,
        batch: 64,
        trainer: "native".to_owned(),
        trainer_version: None,
        device: "cpu".to_owned(),
        accelerator: None,
        threads: 2,
        isa: "avx2".to_owned(),
        auxiliary: false,
        machine: machine(),
        version: "1".to_owned(),
        finished_unix_ms: 0,
        images_per_s: 4500.0,
        seconds: 5.0,
        train_loss: Some(0.4),
        val_loss: Some(0.5),
        val_top1: Some(85.0),
        test_loss: Some(0.45),
        test_top1: Some(test_top1),
        test_top5: Some(99.0),
        confusion: vec![450, 50, 50, 450],
        history: vec![epoch, EpochRecord { epoch: 2, loss: 0.4, ..epoch }],
        checkpoint: Some("checkpoints/example.safetensors".to_owned()),
        outcome: TrainingOutcome::Finished,
    }
}

/// An exploration that was finished: two networks of a space, one of them on the front.
pub fn exploration() -> Exploration {
    let network = |width: u32, rungs: &[f64]| ExploredNetwork {
        values: vec![width.to_string()],
        subject: NetworkInfo { point: vec![format!("width={width}")], ..network() },
        training_fingerprint: format!("{width:032}"),
        rungs: rungs.iter().copied().map(Some).collect(),
        outcome: None,
    };
    let outcome = ExploredOutcome {
        top1: Estimate { value: 90.0, low: 89.0, high: 91.0 },
        top1_error: 0.5,
        seeds: vec![89.5, 90.5],
        latency_ms: Some(Estimate { value: 2.0, low: 1.9, high: 2.1 }),
        probability: Some(0.9),
        on_front: true,
    };
    let best = ExploredNetwork { outcome: Some(outcome), ..network(8, &[70.0, 80.0]) };
    let objective = |metric, maximize| ObjectiveInfo { metric, maximize };
    Exploration {
        space: SpaceInfo {
            title: "Widths".to_owned(),
            file: "widths.yaml".to_owned(),
            fingerprint: "a".repeat(64),
            variables: vec!["width".to_owned()],
        },
        request: ExplorationRequest {
            conditions: vec!["params < 1M".to_owned()],
            objectives: vec![objective(Metric::Top1, true), objective(Metric::Macs, false)],
            dataset: "shapes:size=28".to_owned(),
            dataset_fingerprint: "d".repeat(64),
            recipe: "quick".to_owned(),
            recipe_fingerprint: "e".repeat(64),
            budget_s: Some(60.0),
            networks: None,
            seeds: 2,
            seed: 0,
            scores: vec![],
        },
        counted: CountedSpace {
            size: "10".to_owned(),
            points: 10,
            feasible: 5,
            complete: true,
            seconds: 0.1,
        },
        rungs: vec![[1, 2], [2, 1]],
        waves: vec![],
        finalists: 1,
        planned_seconds: 50.0,
        machine: machine(),
        version: "1".to_owned(),
        planned_unix_ms: 1_700_000_000_000,
        finished_unix_ms: Some(1_700_000_060_000),
        networks: vec![best, network(4, &[60.0])],
        preference: Preference::default(),
        seed_correlation: None,
    }
}

/// A surrogate that is good enough, judged on 12 networks.
pub fn accuracy_judgement() -> AccuracyJudgement {
    AccuracyJudgement {
        networks: 12,
        correlation: 0.84,
        of_params: 0.62,
        of_chance: 0.496,
        best: 1,
        among_best: None,
        of_params_among_best: None,
        scores: vec![],
        uses_scores: false,
    }
}

/// A search over kinds of modules and widths: 24 networks, of which half and then half go on; the last six have results, and
/// four of them are finalists.
pub fn search() -> Exploration {
    const KINDS: [&str; 3] = ["inception", "plain", "separable"];
    let network = |at: u32| {
        let (kind, width) = (at % 3, 8 + at / 3 * 4);
        let accuracy = |rung: u32| {
            60.0 + f64::from(rung) * 9.0 + f64::from(width) / 4.0 - f64::from(kind) * 2.0
                + f64::from(at * 7 % 5) / 10.0
        };
        let rungs = 1 + u32::from(at.is_multiple_of(2)) + u32::from(at.is_multiple_of(4));
        let is_finalist = at.is_multiple_of(4) && !at.is_multiple_of(12);
        let top1 = accuracy(3) - 1.0;
        let half = if is_finalist { 0.4 } else { 1.2 };
        let seeds = if is_finalist { vec![top1 - 0.2, top1 + 0.2] } else { vec![top1] };
        let latency = f64::from(width) / 10.0 * [1.0, 0.7, 0.8][kind as usize];
        let outcome = at.is_multiple_of(4).then(|| ExploredOutcome {
            top1: Estimate { value: top1, low: top1 - half, high: top1 + half },
            top1_error: half / 2.0,
            seeds,
            latency_ms: Some(Estimate {
                value: latency,
                low: latency * 0.98,
                high: latency * 1.02,
            }),
            probability: is_finalist.then_some(if at == 4 { 0.6 } else { 0.95 }),
            on_front: is_finalist && at != 20,
        });
        let (params, macs) = (u64::from(width) * 1_000, u64::from(width) * 100_000);
        let values = vec![KINDS[kind as usize].to_owned(), width.to_string()];
        let point = vec![format!("kind={}", values[0]), format!("width={width}")];
        ExploredNetwork {
            values,
            subject: NetworkInfo {
                point,
                params,
                macs,
                fingerprint: format!("{at:032}"),
                ..network()
            },
            training_fingerprint: format!("{at:032}"),
            rungs: (0..rungs).map(|rung| Some(accuracy(rung))).collect(),
            outcome,
        }
    };
    let plan = exploration();
    Exploration {
        space: SpaceInfo {
            title: "Kinds and widths".to_owned(),
            variables: vec!["kind".to_owned(), "width".to_owned()],
            ..plan.space
        },
        rungs: vec![[1, 24], [2, 12], [4, 6]],
        waves: vec![
            Wave { networks: 12, judgement: None, proposed: Some(0) },
            Wave { networks: 12, judgement: Some(accuracy_judgement()), proposed: Some(9) },
        ],
        seed_correlation: Some(0.93),
        finalists: 4,
        networks: (0..24).map(network).collect(),
        ..plan
    }
}

/// A 1x1 convolution.
pub fn kernel(inputs: u32, outputs: u32, side: u32) -> KernelShape {
    KernelShape {
        kind: KernelKind::Pointwise,
        window: [1, 1],
        stride: [1, 1],
        dilation: [1, 1],
        groups: 1,
        inputs,
        outputs,
        from: [side, side],
        to: [side, side],
        reads: u64::from(inputs) * u64::from(side) * u64::from(side),
        has_exponential: false,
    }
}

/// A network with these kernels and this latency in milliseconds, measured for a calibration.
pub fn calibration_sample(kernels: Vec<KernelTime>, latency_ms: f64) -> CalibrationSample {
    CalibrationSample {
        subject: network(),
        runtime: runtime(),
        machine: machine(),
        version: "1".to_owned(),
        finished_unix_ms: 0,
        seed: 0,
        seconds: 1.0,
        latency_ms: Estimate::exact(latency_ms),
        others_cores: None,
        kernels,
    }
}

/// A model that knows 1x1 convolutions: a microsecond and one for each million multiply-accumulates of whole blocks.
pub fn calibration() -> Calibration {
    let kind = KindModel {
        kind: KernelKind::Pointwise,
        terms: vec![1e-3, 1e-3],
        lengths: vec![],
        points: vec![],
        weights: vec![],
        ranges: vec![],
    };
    Calibration {
        targets: vec!["example.yaml".to_owned()],
        seed: 0,
        budget_s: 60.0,
        runtime: runtime(),
        machine: machine(),
        version: "1".to_owned(),
        finished_unix_ms: 0,
        fitted: vec!["f".to_owned()],
        disturbed: 0,
        kernels: 1,
        model: LatencyModel {
            kinds: vec![kind],
            correction: vec![0.0; 3],
            spread: [0.1, 0.0],
            half_width: 1.0,
        },
        judgement: LatencyJudgement {
            networks: vec![JudgedLatency {
                name: "n".to_owned(),
                file: "n.yaml".to_owned(),
                fingerprint: "0".to_owned(),
                measured_ms: 1.0,
                predicted_ms: Estimate { value: 1.05, low: 0.95, high: 1.16 },
            }],
            refused: 0,
            within_10_percent: 1.0,
            coverage: 1.0,
            median_error: 0.05,
            mean_error: 0.05,
            rank_correlation: None,
            rank_correlation_of_macs: None,
            rank_correlation_of_acts: None,
        },
    }
}

/// The count of the first four points of a space with six.
pub fn space_count() -> SpaceCount {
    SpaceCount {
        space: SpaceInfo {
            title: "example".to_owned(),
            file: "space.yaml".to_owned(),
            fingerprint: "a".repeat(64),
            variables: vec!["width".to_owned()],
        },
        conditions: vec!["params < 2000".to_owned()],
        objectives: vec![ObjectiveInfo { metric: Metric::Macs, maximize: false }],
        size: 6,
        first: 0,
        points: 4,
        refused: 1,
        feasible: 2,
        tallies: vec![[2, 1]],
        front: vec![CountedNetwork {
            values: vec!["8".to_owned()],
            counts: [("macs".to_owned(), 20_000)].into(),
            equal: 1,
        }],
        others: vec![vec!["16".to_owned()]],
        machine: machine(),
        version: "1".to_owned(),
        seconds: 0.5,
        finished_unix_ms: 0,
    }
}
