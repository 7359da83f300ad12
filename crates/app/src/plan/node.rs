//! Who may use a machine: one task that measures times, or any number of others.

use std::{
    env,
    fs::File,
    io,
    path::PathBuf,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use inceptive_files::{Share, lock_machine};

use crate::{error::PlanError, running::TICK};

/// The lock of a machine, in its own folder of temporary files.
const LOCK: &str = "inceptive-machine.lock";

/// Holds the machine until it is dropped.
pub(super) struct MachineLock {
    _file: File,
}

impl MachineLock {
    /// Waits until the machine is free: of all tasks for one that measures, else of those that measure. `None` after a stop.
    pub fn wait(
        owns_machine: bool,
        stop: &AtomicBool,
        mut waits: impl FnMut(),
    ) -> Result<Option<Self>, PlanError> {
        let path: PathBuf = env::temp_dir().join(LOCK);
        let share = if owns_machine { Share::Alone } else { Share::Together };
        let failed = |error: io::Error| PlanError::Read { path: path.clone(), error };
        let mut has_said = false;
        while !stop.load(Ordering::Relaxed) {
            if let Some(file) = lock_machine(&path, share).map_err(failed)? {
                return Ok(Some(Self { _file: file }));
            }
            if !has_said {
                waits();
                has_said = true;
            }
            thread::sleep(TICK);
        }
        Ok(None)
    }
}
