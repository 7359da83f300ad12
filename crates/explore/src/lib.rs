//! Whole spaces of networks.
//!
//! [`count`] counts points of a space: it compiles their networks to sums of products of widths, one for each structure
//! that occurs, and then needs about a microsecond for a point instead of the half a millisecond that reading its YAML
//! takes. The counts are those of [`inceptive_cost::Cost`], and a point is refused where [`inceptive_dsl::Space::network`]
//! refuses it.

mod board;
mod count;
mod front;
mod program;
mod region;
mod shares;
mod sums;
mod survey;
mod terms;
mod totals;

pub use count::{Counted, Network, count};
pub use shares::Shares;
pub use survey::{Extremes, FrontPoint, Points, Survey, SurveyPlan, Surveyed, Tally, survey};
