//! Stacks for networks with long chains of nodes.
//!
//! Engines plan, rewrite and free a network by functions that recurse once for each node of a chain, so they need a
//! stack that grows with the length of the chain, and a stack overflow ends the whole program. All such work runs here
//! on a thread whose stack is large enough; chains that are too long for any stack are refused.

#[cfg(feature = "rten")]
use std::sync::{atomic::Ordering, mpsc};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, atomic::AtomicBool},
    thread,
};

use inceptive_results::Precision;

use crate::engine::{EngineError, Model, Session};

/// Rows that fit a usual stack: those of the deepest networks in use are shorter.
const SHALLOW: usize = 1000;

/// Stack for everything except the chain of nodes: the usual size of a thread's stack.
const BASE_BYTES: usize = 4 << 20;

/// How an engine treats long rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Engine {
    /// Its name.
    pub(super) name: &'static str,
    /// Stack that it takes for each node of a row, at most.
    pub(super) bytes_per_node: usize,
    /// The longest row that it prepares in reasonable time.
    pub(super) longest_row: usize,
}

/// Where an engine works on one network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stack {
    engine: &'static str,
    /// Stack size of a separate thread; `None` if the caller's stack is enough.
    bytes: Option<usize>,
}

impl Engine {
    /// Where a network is worked on.
    ///
    /// # Errors
    /// When a row is too long.
    pub(super) fn stack(self, model: &Model) -> Result<Stack, EngineError> {
        let Self { name, bytes_per_node, longest_row } = self;
        let row = model.onnx_nodes().longest_row;
        if row > longest_row {
            return Err(EngineError::TooDeep { engine: name, row, limit: longest_row });
        }
        let bytes =
            (row > SHALLOW).then(|| row.saturating_mul(bytes_per_node).saturating_add(BASE_BYTES));
        Ok(Stack { engine: name, bytes })
    }
}

impl Stack {
    /// Runs work on a thread with this stack. A panic becomes an error, so that other networks are still processed.
    ///
    /// # Errors
    /// The error of the work, and when there is no memory for the stack.
    pub(super) fn run<T: Send>(
        self,
        work: impl FnOnce() -> Result<T, EngineError> + Send,
    ) -> Result<T, EngineError> {
        let done = match self.bytes {
            None => catch_unwind(AssertUnwindSafe(work)),
            Some(bytes) => thread::scope(|scope| {
                let builder = thread::Builder::new().stack_size(bytes);
                match builder.spawn_scoped(scope, work) {
                    Ok(thread) => thread.join(),
                    Err(error) => Ok(Err(self
                        .failed(format!("no memory for a stack of {} MiB: {error}", bytes >> 20)))),
                }
            }),
        };
        done.unwrap_or_else(|panic| Err(self.failed(message(&*panic))))
    }

    /// Runs work step by step on a thread with this stack. `listen` is called after each step on the caller's thread,
    /// and returns whether to go on; the work stops some steps later.
    ///
    /// # Errors
    /// The error of the work, and when there is no memory for the stack.
    #[cfg(feature = "rten")]
    fn run_in_steps<T: Send>(
        self,
        work: impl FnOnce(&mut dyn FnMut(usize) -> bool) -> Result<T, EngineError> + Send,
        listen: &mut dyn FnMut(usize) -> bool,
    ) -> Result<T, EngineError> {
        let Some(bytes) = self.bytes else { return self.caught(|| work(listen)) };
        let stop = AtomicBool::new(false);
        let (sender, steps) = mpsc::channel();
        let goes_on = &stop;
        thread::scope(|scope| {
            let work = move || {
                // The last steps have no receiver if the caller has returned.
                work(&mut |step| sender.send(step).is_ok() && !goes_on.load(Ordering::Relaxed))
            };
            let spawned = thread::Builder::new().stack_size(bytes).spawn_scoped(scope, work);
            let Ok(thread) = spawned else {
                return Err(self.failed(format!("no memory for a stack of {} MiB", bytes >> 20)));
            };
            for step in steps {
                if !listen(step) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
            thread.join().unwrap_or_else(|panic| Err(self.failed(message(&*panic))))
        })
    }

    /// Works on the caller's thread; a panic is an error like others.
    fn caught<T>(self, work: impl FnOnce() -> Result<T, EngineError>) -> Result<T, EngineError> {
        catch_unwind(AssertUnwindSafe(work))
            .unwrap_or_else(|panic| Err(self.failed(message(&*panic))))
    }

    fn failed(self, message: String) -> EngineError {
        EngineError::Failed { engine: self.engine, message }
    }
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("internal error: {}", text.unwrap_or("unknown"))
}

/// A session that is prepared, run first and freed where its rows fit.
pub(super) struct DeepSession<S: Session + Send> {
    /// There until it is dropped.
    session: Option<S>,
    stack: Stack,
    /// Engines make plans when they run first.
    is_planned: bool,
}

impl<S: Session + Send> DeepSession<S> {
    /// Prepares a session.
    ///
    /// # Errors
    /// When the engine cannot.
    pub(super) fn new(
        stack: Stack,
        prepare: impl FnOnce() -> Result<S, EngineError> + Send,
    ) -> Result<Self, EngineError> {
        Ok(Self { session: Some(stack.run(prepare)?), stack, is_planned: false })
    }

    /// Runs an operation that does not depend on the length of chains.
    ///
    /// # Errors
    /// The error of the operation.
    pub(super) fn with<T>(
        &mut self,
        work: impl FnOnce(&mut S) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        match &mut self.session {
            Some(session) => self.stack.caught(|| work(session)),
            None => Err(self.stack.failed("the session is closed".to_owned())),
        }
    }

    /// Runs an operation step by step along chains, as [`Stack::run_in_steps`] does.
    ///
    /// # Errors
    /// The error of the operation.
    #[cfg(feature = "rten")]
    pub(super) fn with_steps<T: Send>(
        &mut self,
        work: impl FnOnce(&mut S, &mut dyn FnMut(usize) -> bool) -> Result<T, EngineError> + Send,
        listen: &mut dyn FnMut(usize) -> bool,
    ) -> Result<T, EngineError> {
        match &mut self.session {
            Some(session) => self.stack.run_in_steps(|next| work(session, next), listen),
            None => Err(self.stack.failed("the session is closed".to_owned())),
        }
    }

    /// Runs, the first time with a stack that fits.
    fn run_with<T: Send>(
        &mut self,
        run: impl FnOnce(&mut S) -> Result<T, EngineError> + Send,
    ) -> Result<T, EngineError> {
        match &mut self.session {
            Some(session) if !self.is_planned => {
                self.is_planned = true;
                self.stack.run(|| run(session))
            }
            _ => self.with(run),
        }
    }
}

impl<S: Session + Send> Session for DeepSession<S> {
    fn precision(&self) -> Precision {
        self.session.as_ref().map_or(Precision::Fp32, Session::precision)
    }

    fn set_input(&mut self, input: Arc<[f32]>) -> Result<(), EngineError> {
        self.with(|session| session.set_input(input))
    }

    fn run(&mut self, stop: &AtomicBool) -> Result<(), EngineError> {
        self.run_with(|session| session.run(stop))
    }

    fn output(&mut self) -> Result<Vec<f32>, EngineError> {
        self.run_with(Session::output)
    }
}

impl<S: Session + Send> Drop for DeepSession<S> {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let mut slot = Some(session);
        let freed = self.stack.run(|| {
            drop(slot.take());
            Ok(())
        });
        if freed.is_err() {
            // Its memory is lost rather than the program.
            std::mem::forget(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes about a kilobyte of stack for each call.
    fn dive(depth: usize) -> usize {
        let room = std::hint::black_box([depth as u8; 1000]);
        if depth == 0 {
            0
        } else {
            dive(depth - 1) + usize::from(room[depth % 1000] == depth as u8)
        }
    }

    #[test]
    fn work_has_the_stack_that_it_was_promised() {
        let deep = Stack { engine: "test", bytes: Some(2000 * 50_000) };
        assert_eq!(deep.run(|| Ok(dive(50_000))).unwrap(), 50_000);
    }

    #[test]
    fn panics_and_stacks_without_memory_are_errors() {
        for bytes in [None, Some(1 << 20)] {
            let stack = Stack { engine: "test", bytes };
            let error = stack.run::<()>(|| panic!("oh no")).unwrap_err();
            assert_eq!(error.to_string(), "test failed: internal error: oh no");
        }
        let huge = Stack { engine: "test", bytes: Some(usize::MAX / 4) };
        let error = huge.run(|| Ok(())).unwrap_err().to_string();
        assert!(error.starts_with("test failed: no memory for a stack of"), "{error}");
    }
}
