//! Whole spaces of networks.
//!
//! [`count`] counts points of a space: it compiles their networks to sums of products of widths, one for each structure
//! that occurs, and then needs about a microsecond for a point instead of the half a millisecond that reading its YAML
//! takes. The counts are those of [`inceptive_cost::Cost`], and a point is refused where [`inceptive_dsl::Space::network`]
//! refuses it. [`survey`] counts all points in constant memory and keeps what matters of them: the Pareto front, what
//! each constraint leaves, extremes, a sample.
//!
//! The rest decides which of them are trained: [`diverse`] chooses, [`rungs`] says for how long,
//! [`by_front_and_crowding`] which go on, and [`front_probabilities`] how likely each is to be Pareto-optimal.

mod board;
mod choose;
mod count;
mod front;
mod halving;
mod membership;
mod pareto;
mod program;
mod region;
mod shares;
mod sums;
mod survey;
mod terms;
mod totals;

pub use choose::diverse;
pub use count::{Counted, Network, count};
pub use halving::{Rung, epochs, rungs};
pub use membership::{Uncertain, front_probabilities};
pub use pareto::{by_front_and_crowding, dominates, fronts, knee};
pub use shares::Shares;
pub use survey::{Extremes, FrontPoint, Points, Survey, SurveyPlan, Surveyed, Tally, survey};
