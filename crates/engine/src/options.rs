//! How a network is to be run, and why it cannot be.

use inceptive_ir::{Path, Size};
use inceptive_kernels::{Invalid, Isa};
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
        "the native engine cannot compute `{node}`: its padding makes a map of {width}x{height} of {of}"
    )]
    Padding {
        /// The node whose result is read.
        node: Path,
        /// Columns with the padding.
        width: usize,
        /// Rows with the padding.
        height: usize,
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
    /// Packed weights, feature maps and scratch need more memory than there may be.
    #[error("it needs {needed} MiB for packed weights and feature maps; {most} MiB are free")]
    Memory {
        /// What it needs.
        needed: u64,
        /// What there may be.
        most: u64,
    },
    /// The network needs more memory than addresses can name.
    #[error("the network is too large for this machine")]
    TooLarge,
}
