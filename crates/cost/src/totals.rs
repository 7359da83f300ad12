//! Sums of counts.

use std::{iter::Sum, ops::AddAssign};

/// Counts of several nodes together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Number of nodes, the input included.
    pub nodes: u64,
    /// Learned numbers.
    pub params: u64,
    /// Running statistics of batch normalisation.
    pub buffers: u64,
    /// Multiply-accumulates of convolutions and linear layers.
    pub macs: u64,
    /// Floating-point operations.
    pub flops: u64,
    /// Output elements of convolutions and linear layers.
    pub acts: u64,
    /// Bytes of the learned numbers.
    pub weight_bytes: u64,
    /// Bytes of all results, the input included.
    pub activation_bytes: u64,
    /// Bytes read and written.
    pub moved_bytes: u64,
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.nodes += other.nodes;
        self.params += other.params;
        self.buffers += other.buffers;
        self.macs += other.macs;
        self.flops += other.flops;
        self.acts += other.acts;
        self.weight_bytes += other.weight_bytes;
        self.activation_bytes += other.activation_bytes;
        self.moved_bytes += other.moved_bytes;
    }
}

impl Sum for Totals {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |mut total, part| {
            total += part;
            total
        })
    }
}
