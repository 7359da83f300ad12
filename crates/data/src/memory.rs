//! The memory that a data set may take.

use std::cell::Cell;

use crate::error::Problem;

/// Bytes that are left for a data set.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Cell<u64>);

impl Memory {
    pub const fn new(available_bytes: u64) -> Self {
        Self(Cell::new(available_bytes))
    }

    /// No limit, for data that is already in memory.
    pub const fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    pub fn left(&self) -> u64 {
        self.0.get()
    }

    /// Takes some of it, before it is allocated.
    pub fn take(&self, needed: u64) -> Result<(), Problem> {
        let available = self.left();
        match available.checked_sub(needed) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(Problem::Memory { needed, available }),
        }
    }
}
