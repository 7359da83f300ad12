//! An engine that computes nothing and whose time only passes on a [`FakeHost`], for tests of everything
//! that measures.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use inceptive_results::Precision;

use crate::engine::{
    Description, Engine, EngineError, Model, NodeTime, NodeTimings, ProgressFn, Session, Setup,
    share,
};
use crate::host::FakeHost;

/// How long the n-th run of a session takes.
pub type Pace = Rc<dyn Fn(&Model, usize) -> Duration>;

/// The calls of sessions, by model.
pub type Log = Rc<RefCell<Vec<String>>>;

/// The engine.
#[derive(Clone)]
pub struct Mock {
    /// The clock that its runs advance.
    pub host: FakeHost,
    /// How long they take.
    pub pace: Pace,
    /// The name of the model of every run, in order.
    pub log: Log,
    /// The run of each session that fails, if any.
    pub fails_at: Option<usize>,
    /// The instruction set that it reports.
    pub isa: Option<String>,
}

impl Mock {
    /// An engine whose runs take the time that `pace` returns.
    pub fn new(host: &FakeHost, pace: impl Fn(&Model, usize) -> Duration + 'static) -> Self {
        let (host, log) = (host.clone(), Log::default());
        Self { host, pace: Rc::new(pace), log, fails_at: None, isa: None }
    }
}

impl Engine for Mock {
    fn name(&self) -> &'static str {
        "mock"
    }

    fn describe(&self) -> Result<Description, EngineError> {
        Ok(Description {
            version: "1".to_owned(),
            library: None,
            devices: vec!["cpu".to_owned()],
            precisions: vec![Precision::Fp32],
            has_node_times: true,
            isa: self.isa.clone(),
            flushes_subnormals: None,
            mode: None,
        })
    }

    fn compile(
        &self,
        model: &Model,
        _: &Setup,
        _: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(MockSession { engine: self.clone(), model: model.clone(), runs: 0 }))
    }

    /// A millisecond for each node; it can be stopped before each run.
    fn node_times(
        &self,
        model: &Model,
        _: &Setup,
        _: Arc<[f32]>,
        runs: usize,
        _: &AtomicBool,
        listen: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        let time = Duration::from_millis(1);
        let node = |(_, node): (_, &inceptive_ir::Node)| NodeTime {
            name: node.path.to_string(),
            path: Some(node.path.clone()),
            fused: vec![],
            time,
        };
        let done = (0..runs).take_while(|&done| listen(share(done, runs)).is_continue());
        let runs = done.map(|_| model.graph.nodes().skip(1).map(node).collect()).collect();
        Ok(NodeTimings { precision: Precision::Fp32, runs })
    }
}

struct MockSession {
    engine: Mock,
    model: Model,
    runs: usize,
}

impl Session for MockSession {
    fn precision(&self) -> Precision {
        Precision::Fp32
    }

    fn set_input(&mut self, _: Arc<[f32]>) -> Result<(), EngineError> {
        Ok(())
    }

    /// A run ends early if `stop` is set meanwhile.
    fn run(&mut self, stop: &AtomicBool) -> Result<(), EngineError> {
        if self.engine.fails_at == Some(self.runs) {
            return Err(EngineError::Failed { engine: "mock", message: "told to".to_owned() });
        }
        self.engine.log.borrow_mut().push(self.model.name.clone());
        self.engine.host.advance((self.engine.pace)(&self.model, self.runs));
        self.runs += 1;
        if stop.load(Ordering::Relaxed) { Err(EngineError::Stopped) } else { Ok(()) }
    }

    fn output(&mut self) -> Result<Vec<f32>, EngineError> {
        self.run(&AtomicBool::new(false))?;
        Ok(vec![0.0])
    }
}
