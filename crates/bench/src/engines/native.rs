//! The engine of this program: plans of its own kernels.

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_engine::{
    FLUSHES_SUBNORMALS, Isa, Label, Options, Plan, PlanError, RunError, Session as Running,
    SessionError, StepTime,
};
use inceptive_results::Precision;

use crate::engine::{
    Description, Engine, EngineError, Model, NodeTime, NodeTimings, ProgressFn, Session, Setup,
    share,
};
use crate::{machine::available_memory, need::Copies};

use super::fp32::{Compiled, Fp32Session};

pub(super) const NAME: &str = "native";

/// What threads do when they do not compute.
const WAITING: &str = "waiting";

/// Runs that do not count before nodes are timed.
const WARM_UP_RUNS: usize = 2;

/// The native engine.
#[derive(Clone, Copy, Debug)]
pub struct Native {
    isa: Isa,
}

impl Native {
    /// With an instruction set, or the widest of this processor.
    pub fn new(isa: Option<Isa>) -> Self {
        Self { isa: isa.unwrap_or_else(Isa::best) }
    }
}

impl Engine for Native {
    fn name(&self) -> &'static str {
        NAME
    }

    fn describe(&self) -> Result<Description, EngineError> {
        if !self.isa.is_available() {
            let message = format!("this processor does not have {}", self.isa);
            return Err(EngineError::Failed { engine: NAME, message });
        }
        Ok(Description {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            library: None,
            devices: vec!["cpu".to_owned()],
            precisions: vec![Precision::Fp32],
            has_node_times: true,
            isa: Some(self.isa.to_string()),
            flushes_subnormals: Some(FLUSHES_SUBNORMALS),
            mode: None,
        })
    }

    fn copies(&self) -> Copies {
        Copies::NATIVE
    }

    fn compile(
        &self,
        model: &Model,
        setup: &Setup,
        stop: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(prepare(model, setup, self.isa, stop)?))
    }

    fn plan(&self, model: &Model, setup: &Setup) -> Result<String, EngineError> {
        Ok(plan(model, setup, self.isa, &AtomicBool::new(false))?.to_string())
    }

    fn node_times(
        &self,
        model: &Model,
        setup: &Setup,
        input: Arc<[f32]>,
        runs: usize,
        stop: &AtomicBool,
        listen: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        let mut session = match prepare(model, setup, self.isa, stop) {
            Err(EngineError::Stopped) => {
                return Ok(NodeTimings { precision: Precision::Fp32, runs: vec![] });
            }
            prepared => prepared?,
        };
        session.set_input(input)?;
        let mut timed = Vec::with_capacity(runs);
        let steps = WARM_UP_RUNS + runs;
        for run in 0..steps {
            if listen(share(run, steps)).is_break() {
                break;
            }
            let times = match session.compiled.run_timed(&session.input, stop) {
                Err(RunError::Stopped(_)) => break,
                times => times.map_err(failed)?,
            };
            if run < WARM_UP_RUNS {
                continue;
            }
            timed.push(times.into_iter().map(node_time).collect());
        }
        Ok(NodeTimings { precision: session.precision(), runs: timed })
    }
}

/// The time of a step. Several steps of a node, such as the copies that a concatenation needs, have the same name.
fn node_time(step: StepTime) -> NodeTime {
    let StepTime { label, time } = step;
    let Some(Label { nodes, kernel, .. }) = label else {
        return NodeTime { name: WAITING.to_owned(), path: None, fused: vec![], time };
    };
    let mut nodes = nodes.into_iter();
    let path = nodes.next();
    let name = path.as_ref().map_or(kernel, ToString::to_string);
    NodeTime { name, path, fused: nodes.collect(), time }
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Failed { engine: NAME, message: error.to_string() }
}

fn plan(model: &Model, setup: &Setup, isa: Isa, stop: &AtomicBool) -> Result<Plan, EngineError> {
    setup.precision.expect_fp32(NAME)?;
    let options = Options {
        batch: setup.batch as usize,
        threads: setup.threads as usize,
        isa,
        winograd: true,
        most_bytes: available_memory(),
    };
    match Plan::new(&model.graph, model.weights(), options, stop) {
        Err(PlanError::Stopped) => Err(EngineError::Stopped),
        planned => planned.map_err(failed),
    }
}

fn prepare(
    model: &Model,
    setup: &Setup,
    isa: Isa,
    stop: &AtomicBool,
) -> Result<Fp32Session<Running>, EngineError> {
    let plan = Arc::new(plan(model, setup, isa, stop)?);
    let running = match Running::new(plan, stop) {
        Err(SessionError::Stopped(_)) => return Err(EngineError::Stopped),
        started => started.map_err(failed)?,
    };
    Ok(Fp32Session::new(running, model.input_shape(setup.batch)))
}

impl Compiled for Running {
    fn run(&mut self, input: &[f32], stop: &AtomicBool) -> Result<(), EngineError> {
        match Self::run(self, input, stop) {
            Ok(_) => Ok(()),
            Err(RunError::Stopped(_)) => Err(EngineError::Stopped),
            Err(error) => Err(failed(error)),
        }
    }

    fn is_output_finite(&self) -> Option<bool> {
        Some(self.last_output().iter().all(|value| value.is_finite()))
    }

    fn output(&mut self, input: &[f32]) -> Result<Vec<f32>, EngineError> {
        Self::run(self, input, &AtomicBool::new(false)).map(<[f32]>::to_vec).map_err(failed)
    }
}
