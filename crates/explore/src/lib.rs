//! Whole spaces of networks.
//!
//! [`count`] counts points of a space: it compiles their networks to sums of products of widths, one for each structure
//! that occurs, and then needs about a microsecond for a point instead of the half a millisecond that reading its YAML
//! takes. The counts are those of [`inceptive_cost::Cost`], and a point is refused where [`inceptive_dsl::Space::network`]
//! refuses it.

mod count;
mod program;
mod sums;
mod terms;

pub use count::{Counted, Network, count};
