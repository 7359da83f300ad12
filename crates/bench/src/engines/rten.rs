//! [rten](https://github.com/robertknight/rten): pure Rust, a part of this program.

use std::{
    collections::HashMap,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use inceptive_ir::{Graph, NodeId, Op};
use inceptive_onnx::LrnForm;
use rten::{ModelOptions, RunOptions, ThreadPool, Value, ValueOrView};
use rten_tensor::{NdTensor, NdTensorView, prelude::*};

use inceptive_results::Precision;

use crate::engine::{
    Description, Engine, EngineError, Model, NodeTime, NodeTimes, NodeTimings, ProgressFn, Session,
    Setup, share,
};
use crate::need::Copies;

use super::{
    deep::{self, DeepSession},
    fp32::{Compiled, Fp32Session},
};

pub(super) const NAME: &str = "rten";

/// The version that is built in; a test compares it with the lock file.
const VERSION: &str = "0.27.0";

/// It makes its plans by a walk that calls itself.
const DEEP: deep::Engine =
    deep::Engine { name: NAME, bytes_per_node: 4096, longest_row: 1_000_000 };

/// Runs that do not count before nodes are timed.
const WARM_UP_RUNS: usize = 2;

/// The embedded engine.
#[derive(Clone, Copy, Debug)]
pub struct Rten;

impl Engine for Rten {
    fn name(&self) -> &'static str {
        NAME
    }

    fn describe(&self) -> Result<Description, EngineError> {
        Ok(Description {
            version: VERSION.to_owned(),
            library: None,
            devices: vec!["cpu".to_owned()],
            precisions: vec![Precision::Fp32],
            has_node_times: true,
            isa: None,
            flushes_subnormals: None,
            mode: None,
        })
    }

    fn copies(&self) -> Copies {
        Copies::new(1, 2)
    }

    fn compile(
        &self,
        model: &Model,
        setup: &Setup,
        _: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        setup.precision.expect_fp32(NAME)?;
        let prepare = || RtenModel::new(model, setup);
        Ok(Box::new(DeepSession::new(DEEP.stack(model)?, prepare)?))
    }

    fn node_times(
        &self,
        model: &Model,
        setup: &Setup,
        input: Arc<[f32]>,
        runs: usize,
        _: &AtomicBool,
        listen: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        setup.precision.expect_fp32(NAME)?;
        let prepare = || RtenModel::new(model, setup);
        let mut session = DeepSession::new(DEEP.stack(model)?, prepare)?;
        session.set_input(input)?;
        let mut timed = Vec::with_capacity(runs);
        let nodes = model.graph.len();
        let steps = (WARM_UP_RUNS + runs) * nodes;
        for run in 0..WARM_UP_RUNS + runs {
            let mut next = |node| listen(share(run * nodes + node, steps)).is_continue();
            match session
                .with_steps(|it, next| it.compiled.node_times(&it.input, next), &mut next)?
            {
                Some(times) if run >= WARM_UP_RUNS => timed.push(times),
                Some(_) => {}
                None => break,
            }
        }
        Ok(NodeTimings { precision: session.precision(), runs: timed })
    }
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Failed { engine: NAME, message: error.to_string() }
}

struct RtenModel {
    model: rten::Model,
    graph: Graph,
    options: RunOptions,
    shape: [usize; 4],
}

impl RtenModel {
    fn new(model: &Model, setup: &Setup) -> Result<Fp32Session<Self>, EngineError> {
        let mut options = ModelOptions::with_all_ops();
        options.prepack_weights(true);
        let shape = model.input_shape(setup.batch);
        // It has no local response normalisation of its own.
        let onnx = model.to_onnx(setup.batch, LrnForm::Arithmetic)?;
        let loaded = options.load(onnx).map_err(failed)?;
        let pool = Arc::new(ThreadPool::with_num_threads(setup.threads as usize));
        let compiled = Self {
            shape,
            options: RunOptions::default().with_thread_pool(Some(pool)),
            model: loaded,
            graph: model.graph.clone(),
        };
        Ok(Fp32Session::new(compiled, shape))
    }

    fn first_output(&self, input: &[f32]) -> Result<Value, EngineError> {
        let input = NdTensorView::from_data(self.shape, input);
        self.model.run_one(input.into(), Some(self.options.clone())).map_err(failed)
    }

    /// The engine can only print its times, so each node is run separately on its real inputs. `None` when `goes_on`
    /// stops it; `goes_on` gets the number of the node.
    fn node_times(
        &mut self,
        input: &[f32],
        goes_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Option<NodeTimes>, EngineError> {
        let mut readers: HashMap<NodeId, usize> =
            self.graph.ids().map(|id| (id, self.graph.consumers(id).len())).collect();
        let input = NdTensor::from_data(self.shape, input.to_vec());
        let mut values: HashMap<NodeId, Value> =
            HashMap::from([(self.graph.input(), input.into())]);
        let mut times = Vec::with_capacity(self.graph.len());
        for (id, node) in self.graph.nodes() {
            if matches!(node.op, Op::Input(_)) {
                continue;
            }
            if !goes_on(id.index()) {
                return Ok(None);
            }
            let missing = || EngineError::Lacks {
                engine: NAME,
                what: format!("the value of `{}` is", node.path),
            };
            let target = self.value(id).ok_or_else(missing)?;
            let mut sources: Vec<NodeId> = self.graph.inputs(id);
            sources.sort_unstable();
            sources.dedup();
            let mut inputs: Vec<(rten::NodeId, ValueOrView<'_>)> =
                Vec::with_capacity(sources.len());
            for source in &sources {
                let value = values.get(source).ok_or_else(missing)?;
                inputs.push((self.value(*source).ok_or_else(missing)?, value.as_view().into()));
            }
            let start = Instant::now();
            let result = self.model.run(inputs, &[target], Some(self.options.clone()));
            let time = start.elapsed();
            times.push(NodeTime {
                name: node.path.to_string(),
                path: Some(node.path.clone()),
                fused: vec![],
                time,
            });
            let result = result.map_err(failed)?.pop().ok_or_else(missing)?;
            values.insert(id, result);
            for source in self.graph.inputs(id) {
                let left = readers.entry(source).or_default();
                *left = left.saturating_sub(1);
                if *left == 0 {
                    values.remove(&source);
                }
            }
        }
        Ok(Some(times))
    }

    /// The value of our node in the engine's graph, unless it was merged into another.
    fn value(&self, id: NodeId) -> Option<rten::NodeId> {
        self.model.find_node(self.graph.node(id).path.as_str())
    }
}

impl Compiled for RtenModel {
    fn run(&mut self, input: &[f32], _: &AtomicBool) -> Result<(), EngineError> {
        self.first_output(input).map(drop)
    }

    fn output(&mut self, input: &[f32]) -> Result<Vec<f32>, EngineError> {
        let output: rten_tensor::Tensor<f32> =
            self.first_output(input)?.try_into().map_err(failed)?;
        Ok(output.to_vec())
    }
}
