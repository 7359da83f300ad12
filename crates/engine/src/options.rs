//! How a network is to be run, and why it cannot be.

use inceptive_format::bytes;
use inceptive_ir::{Path, Size};
use inceptive_kernels::{Invalid, Isa, program::Program};
use inceptive_weights::Missing;

/// How a network is to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// Images of a run.
    pub batch: usize,
    /// Threads that compute one run.
    pub threads: usize,
    /// The instruction set.
    pub isa: Isa,
    /// Whether convolutions of 3x3 may be computed by Winograd's method, which rounds a little more.
    pub winograd: bool,
    /// Memory that packed weights, feature maps and scratch may take together, in bytes.
    pub most_bytes: u64,
}

/// Refuses what needs more memory than there may be, in bytes.
pub(crate) fn check_memory(needed: u64, most: u64) -> Result<(), PlanError> {
    if needed > most {
        return Err(PlanError::Memory { needed, most });
    }
    Ok(())
}

/// Bytes of what a program needs beside its feature maps: scratch memory of each thread, and its output.
pub(crate) fn bytes_beside(program: &Program, threads: usize) -> u64 {
    let scratch = (program.scratch_bytes() as u64).saturating_mul(threads as u64);
    scratch.saturating_add((size_of::<f32>() * program.output_len()) as u64)
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A tensor has no values.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The processor lacks the instruction set.
    #[error("this processor does not have {0}")]
    Isa(Isa),
    /// A step does not fit the memory that was planned for it.
    #[error("the plan is not valid: {0}")]
    Invalid(#[from] Invalid),
    /// A window reads so far outside of a map that the zeros around it would take most of the memory.
    #[error(
        "the native engine cannot compute `{node}`: its padding makes a map of {height}x{width} of {of}"
    )]
    Padding {
        /// The node whose result is read.
        node: Path,
        /// Rows with the padding.
        height: usize,
        /// Columns with the padding.
        width: usize,
        /// The size without it.
        of: Size,
    },
    /// A network whose result is a map cannot be trained to tell classes.
    #[error("only networks whose result is a vector of classes can be trained")]
    NoClasses,
    /// Lists of where the channels of concatenations lie would take most of the memory.
    #[error(
        "the native engine cannot compute `{node}`: the lists of the parts of its concatenations are longer than {most} \
         entries; parts with a multiple of 16 channels need none"
    )]
    Parts {
        /// The node whose list is too long.
        node: Path,
        /// Entries of all lists together, at most.
        most: usize,
    },
    /// Packed weights, feature maps and scratch memory exceed the memory limit.
    #[error(
        "it needs {} for packed weights, feature maps and scratch memory, but only {} is free",
        bytes(*.needed),
        bytes(*.most)
    )]
    Memory {
        /// Bytes that it needs.
        needed: u64,
        /// The limit in bytes.
        most: u64,
    },
    /// Nobody waits for the plan any more.
    #[error("stopped")]
    Stopped,
    /// The network needs more memory than addresses can name.
    #[error("the network is too large for this machine")]
    TooLarge,
}

/// What a plan takes, in bytes; known before weights are packed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Packed weights.
    pub weights: u64,
    /// Feature maps, which share memory.
    pub maps: u64,
    /// What all threads need for themselves, at most.
    pub scratch: u64,
    /// The output.
    pub output: u64,
}

impl Needs {
    /// All of it.
    pub fn total(&self) -> u64 {
        let beside = self.scratch.saturating_add(self.output);
        self.weights.saturating_add(self.maps).saturating_add(beside)
    }
}
