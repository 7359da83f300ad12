//! What trains and evaluates.

use inceptive_engine::Isa;

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Threads; results do not depend on them.
    pub threads: usize,
    /// The instruction set; another one rounds in another way.
    pub isa: Isa,
    /// Memory that may be taken, in bytes.
    pub most_bytes: u64,
}
