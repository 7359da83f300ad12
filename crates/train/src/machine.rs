//! Threads, instruction set and memory of a training.

use inceptive_engine::Isa;

/// The part of the machine that a training uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Threads; results do not depend on them.
    pub threads: usize,
    /// The instruction set; results depend on it, because rounding differs.
    pub isa: Isa,
    /// Maximum memory, in bytes.
    pub most_bytes: u64,
}
