//! Example records for tests.

use crate::{
    Grade, Machine, Measurement, NetworkInfo, Precision, Roofline, Runtime, Subnormals,
    statistics::summarize,
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
        subnormals: Subnormals::default(),
        flushes_subnormals: None,
        latency_ms: summarize(&turns_ms, 0),
        turns_ms,
        grade: Grade::A,
        findings: vec![],
        held: None,
    }
}
