//! Refuses work that does not fit into memory, before the system would kill the program.

use inceptive_bench::{Copies, MemoryEstimate};
use inceptive_format::bytes;
use inceptive_ir::Graph;

/// Something is too large for this machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} needs {} of memory, but only {} is free", bytes(*needed), bytes(*available)
)]
pub struct OutOfMemory {
    /// The network with its batch size.
    pub what: String,
    /// Bytes that it needs.
    pub needed: u64,
    /// Bytes that are left.
    pub available: u64,
}

/// Checks that something fits into the memory that is left, [`inceptive_bench::available_memory`] as a rule.
///
/// # Errors
/// When it does not.
pub fn check_memory(
    what: impl FnOnce() -> String,
    needed: u64,
    available: u64,
) -> Result<(), OutOfMemory> {
    match needed <= available {
        true => Ok(()),
        false => Err(OutOfMemory { what: what(), needed, available }),
    }
}

/// What a network is read for; this determines how much memory must be free before its weights are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be written.
    Export,
    /// To be run.
    Run {
        /// Batch size.
        batch: u32,
        /// Threads.
        threads: u32,
        /// What engines have of it.
        copies: Copies,
    },
}

impl Purpose {
    /// Bytes that a network needs for this purpose, if `available` bytes are free.
    pub fn needed(self, graph: &Graph, available: u64) -> u64 {
        match self {
            Self::Export => MemoryEstimate::new(graph, 0, 1, available).to_write(),
            Self::Run { batch, threads, copies } => {
                MemoryEstimate::new(graph, batch, threads, available).to_run(copies)
            }
        }
    }

    /// Whether the network is written as an ONNX file.
    pub(crate) fn needs_file(self) -> bool {
        match self {
            Self::Export => true,
            Self::Run { copies, .. } => copies.needs_file(),
        }
    }

    /// Batch size.
    pub(crate) fn batch(self) -> u32 {
        match self {
            Self::Export => 1,
            Self::Run { batch, .. } => batch,
        }
    }
}

/// The name of a network's file, or of the network, with the batch size.
pub fn with_batch(network: &str, batch: u32) -> String {
    match batch {
        1 => format!("`{network}`"),
        _ => format!("`{network}` with batch {batch}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inceptive_ir::{Linear, NewNode, Op, Path, Shape};

    const AVAILABLE: u64 = 64 << 30;

    /// A linear layer with 2^28 weights: a gibibyte.
    fn heavy() -> Graph {
        let mut graph = Graph::new(Shape::vector(1 << 14), None).unwrap();
        let linear = Op::Linear(Linear { out_features: 1 << 14, bias: false });
        graph.add(NewNode::new(linear, Path::new("fc")), &[graph.input()]).unwrap();
        graph
    }

    #[test]
    fn what_does_not_fit_says_how_much_it_needs() {
        let copies = Copies::new(2, 3);
        let needed = Purpose::Run { batch: 4, threads: 1, copies }.needed(&heavy(), AVAILABLE);
        let check = |available| check_memory(|| with_batch("m", 4), needed, available);
        assert_eq!(check(needed), Ok(()));
        assert_eq!(
            check(3 << 30).unwrap_err().to_string(),
            "`m` with batch 4 needs 4.06 GiB of memory, but only 3.00 GiB is free"
        );
    }

    #[test]
    fn every_copy_that_is_kept_counts() {
        let gibibytes = |purpose: Purpose| purpose.needed(&heavy(), AVAILABLE) >> 30;
        assert_eq!(gibibytes(Purpose::Export), 2);
        let run = |copies| gibibytes(Purpose::Run { batch: 1, threads: 1, copies });
        let (lean, heavy) = (Copies::new(1, 2), Copies::new(2, 4));
        assert_eq!((run(lean), run(heavy)), (3, 5));
        assert_eq!(run(Copies::together([lean, heavy])), 6);
        assert_eq!(run(Copies::together([])), 2);
    }
}
