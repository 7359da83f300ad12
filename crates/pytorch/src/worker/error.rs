//! Errors of the worker.

use std::{io, path::PathBuf};

/// The worker cannot do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// No Python with PyTorch was found.
    #[error("{0}")]
    Missing(String),
    /// The interpreter cannot be started.
    #[error("cannot start `{}`", .program.display())]
    Start {
        /// The interpreter.
        program: PathBuf,
        /// What the system says.
        #[source]
        error: io::Error,
    },
    /// It ended by itself, or was ended by others.
    #[error("the PyTorch process ended unexpectedly ({status}){}", line(.said))]
    Ended {
        /// Its exit status, in words.
        status: String,
        /// The last line that it printed.
        said: String,
    },
    /// It does not speak the protocol.
    #[error("the PyTorch process sent an unexpected message: {0}")]
    Protocol(String),
    /// The device has too little memory.
    #[error("the device is out of memory ({0}); try a smaller batch")]
    OutOfMemory(String),
    /// PyTorch refused.
    #[error("{0}")]
    Failed(String),
    /// The caller stopped it; its networks are gone.
    #[error("stopped")]
    Stopped,
}

fn line(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {said}") }
}
