//! Predicting latencies with a calibration of a store. A prediction is never given for other conditions than those that were
//! calibrated.

use inceptive_bench::{Description, Setup};
use inceptive_explore::{LatencyRefusal, deployed, kernels, predict_latency};
use inceptive_ir::{Graph, GraphError};
use inceptive_results::{Calibration, Conditions, KernelShape, Machine, Runtime, Value};
use inceptive_store::{Filter, Store, StoreError};

/// Why a latency cannot be predicted.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// There is no calibration for the conditions.
    #[error("no calibration for {wanted} on this machine; `{command}` makes one{}", others(known))]
    NotCalibrated {
        /// The conditions.
        wanted: String,
        /// What the store has calibrations for.
        known: Vec<String>,
        /// The command that calibrates.
        command: String,
    },
    /// The network is unlike those that were measured.
    #[error(
        "{refusal}; `inceptive calibrate` with this file or its space as a target adds what is missing"
    )]
    Unlike {
        /// What is unlike.
        refusal: LatencyRefusal,
    },
    /// The inference graph cannot be derived from the network.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// `; the store has one for A; B`.
fn others(known: &[String]) -> String {
    match known {
        [] => String::new(),
        known => format!("; the store has calibrations for {}", known.join("; ")),
    }
}

/// Predicts latencies under the conditions that were calibrated.
#[derive(Clone, Debug)]
pub struct LatencyPredictor {
    latest: Calibration,
    /// Calibrations for the same conditions with other targets, the latest first.
    earlier: Vec<Calibration>,
}

/// The calibrations of this version of the program for a machine, the latest of each configuration and each list of targets
/// first.
pub fn calibrations_of<'c>(
    calibrations: impl IntoIterator<Item = &'c Calibration>,
    machine: &Machine,
) -> Vec<&'c Calibration> {
    let is_valid = |calibration: &&Calibration| {
        calibration.machine == *machine && calibration.version == env!("CARGO_PKG_VERSION")
    };
    let mut found: Vec<&Calibration> = calibrations.into_iter().filter(is_valid).collect();
    found.sort_by_key(|calibration| std::cmp::Reverse(calibration.finished_unix_ms));
    found
}

impl LatencyPredictor {
    /// The calibrations of a store for an engine as it is set up.
    ///
    /// # Errors
    /// When there is none for exactly these conditions, or the store cannot be read.
    pub fn open(
        store: &Store,
        engine: &str,
        description: &Description,
        setup: &Setup,
        machine: &Machine,
    ) -> Result<Self, PredictError> {
        let found = store.records::<Calibration>(&Filter::default())?;
        let unreadable = found.unreadable.len();
        let all: Vec<Calibration> = found.readable.into_iter().map(|it| it.result).collect();
        let valid = calibrations_of(&all, machine);
        // What precision an engine chooses by itself, and the name of a device, are known after a run.
        let expected = |of: &Runtime| {
            let precision = setup.precision.exactly().unwrap_or(of.precision);
            inceptive_bench::runtime(engine, description, setup, precision, of.accelerator.clone())
        };
        let fitting = valid.iter().filter(|it| it.runtime == expected(&it.runtime));
        let fitting = fitting.rev().map(|&it| it.clone());
        Self::by_conditions(fitting).pop().ok_or_else(|| {
            let precision = setup.precision.exactly().unwrap_or(inceptive_results::Precision::Fp32);
            let wanted = inceptive_bench::runtime(engine, description, setup, precision, None);
            let mut known: Vec<String> = all
                .iter()
                .map(|it| match it.machine == *machine {
                    true => it.runtime.label(),
                    false => format!("{} on another machine", it.runtime.label()),
                })
                .collect();
            known.sort_unstable();
            known.dedup();
            if unreadable > 0 {
                known.push(format!(
                    "{unreadable} that cannot be read, see `inceptive results list`"
                ));
            }
            PredictError::NotCalibrated {
                wanted: wanted.label(),
                known,
                command: format!(
                    "inceptive calibrate --engine {engine} --threads {}",
                    setup.threads
                ),
            }
        })
    }

    /// What predicts with these calibrations, oldest first: one for each machine and configuration.
    pub fn by_conditions(calibrations: impl IntoIterator<Item = Calibration>) -> Vec<Self> {
        let mut all: Vec<Self> = vec![];
        for calibration in calibrations {
            match all.iter_mut().find(|known| known.latest.conditions() == calibration.conditions())
            {
                Some(known) => {
                    known.earlier.insert(0, std::mem::replace(&mut known.latest, calibration))
                }
                None => all.push(Self { latest: calibration, earlier: vec![] }),
            }
        }
        all
    }

    /// Its calibrations, oldest first.
    pub fn into_calibrations(self) -> impl Iterator<Item = Calibration> {
        self.earlier.into_iter().rev().chain([self.latest])
    }

    /// The machine and what runs on it.
    pub(crate) fn conditions(&self) -> Conditions<'_> {
        Conditions { machine: &self.latest.machine, runtime: &self.latest.runtime }
    }

    /// What is predicted.
    pub fn runtime(&self) -> &Runtime {
        &self.latest.runtime
    }

    /// Predicts the latency of a network, in milliseconds, with the latest calibration that knows networks like it.
    ///
    /// # Errors
    /// When the network is unlike those that were measured.
    pub fn predict(&self, graph: &Graph) -> Result<Value, PredictError> {
        let graph = deployed(graph)?;
        let shapes: Vec<KernelShape> = kernels(&graph).iter().map(|kernel| kernel.shape).collect();
        let predict = |calibration: &Calibration| {
            let estimate = predict_latency(&calibration.model, &shapes)?;
            Ok(Value::predicted_latency(calibration, estimate))
        };
        predict(&self.latest).or_else(|refusal| {
            let mut others = self.earlier.iter().filter_map(|earlier| predict(earlier).ok());
            others.next().ok_or(PredictError::Unlike { refusal })
        })
    }
}
