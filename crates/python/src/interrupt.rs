//! Long work that ends when the user presses Ctrl-C.

use std::{
    panic::resume_unwind,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use pyo3::prelude::*;

/// How often Python is asked whether there was a signal.
const PATIENCE: Duration = Duration::from_millis(20);

/// Does work in another thread, without Python's lock. When Python has a signal to handle meanwhile and its handler raises
/// an exception, as it does for Ctrl-C, the work is told to stop, and the exception is the result.
///
/// # Errors
/// The exception of a signal's handler.
pub fn interruptible<T: Send>(
    py: Python<'_>,
    work: impl FnOnce(&AtomicBool) -> T + Send,
) -> PyResult<T> {
    let stop = AtomicBool::new(false);
    py.detach(|| {
        thread::scope(|scope| {
            let (is_working, ended) = mpsc::channel::<()>();
            let stop = &stop;
            let worker = scope.spawn(move || {
                // Dropped at the end, also after a panic.
                let _is_working = is_working;
                work(stop)
            });
            let mut signal = Ok(());
            while ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                signal = Python::attach(|py| py.check_signals());
                if signal.is_err() {
                    stop.store(true, Ordering::Relaxed);
                    break;
                }
            }
            let done = worker.join().unwrap_or_else(|panic| resume_unwind(panic));
            signal.map(|()| done)
        })
    })
}
