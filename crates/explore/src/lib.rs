//! Whole spaces of networks.
//!
//! [`count`] counts points of a space: it compiles their networks to sums of products of widths, one for each structure
//! that occurs, and then needs about a microsecond for a point instead of the half a millisecond that reading its YAML
//! takes. The counts are those of [`inceptive_cost::Cost`], and a point is refused where [`inceptive_dsl::Space::network`]
//! refuses it. [`evolve`] searches the front of spaces that are too large. [`survey`] counts all points in constant memory and keeps what matters of them: the Pareto front, what
//! each constraint leaves, extremes, a sample.
//!
//! The rest decides which of them are trained: [`diverse`] chooses, [`rungs`] says for how long,
//! [`by_front_and_crowding`] which go on, and [`front_probabilities`] how likely each is to be Pareto-optimal. [`guided`]
//! searches with the help of a [`Surrogate`], if [`judge`] finds it good enough; a [`Proposer`] does the same for networks that
//! are trained in [`waves`].
//!
//! Of networks that were trained, [`finalists`] compares the last ones and [`recommendation`] chooses among them;
//! [`importances`] says which variables decide, [`effects`] and [`slices`] what a change does, and [`distribution`] and
//! [`compare`] how good a space is as a whole.

mod axes;
mod board;
mod choose;
mod count;
mod distribution;
mod effects;
mod evolve;
mod finalists;
mod front;
mod guided;
mod halving;
mod importance;
mod judged;
mod latency;
mod membership;
mod pareto;
mod pool;
mod program;
mod proposals;
mod ranks;
mod recommendation;
mod region;
mod shares;
mod slices;
mod sums;
mod surrogate;
mod survey;
mod surveyed;
mod terms;
mod totals;
mod understood;
mod waves;

pub use axes::{Axis, axes};
pub use choose::diverse;
pub use count::{Counted, Network, count, structures};
pub use distribution::{Comparison, Step, compare, distribution};
pub use effects::{Effect, effects};
pub use evolve::{EvolutionPlan, evolve};
pub use finalists::{Finalist, finalists, first_cost};
pub use guided::{Evaluated, guided};
pub use halving::{Rung, epochs, rungs};
pub use importance::{Importance, importances};
pub use judged::{judgement_sentence, wave_sentences};
pub use latency::{
    Kernel, LatencyRefusal, deployed, fit_latency, judge_latency, kernels, predict_latency,
};
pub use membership::{Uncertain, front_probabilities};
pub use pareto::{by_front_and_crowding, dominates, fronts, knee, pareto_front};
pub use pool::{Pool, Scored, SurveyedPool};
pub use proposals::Proposer;
pub use ranks::rank_correlation;
pub use recommendation::{Recommendation, check_preference, recommendation};
pub use shares::Shares;
pub use slices::{Interaction, Slice, Slices, slices};
pub use surrogate::{FEWEST_JUDGED, Prediction, Surrogate, judge};
pub use survey::survey;
pub use surveyed::{Extremes, FrontPoint, Points, Survey, SurveyPlan, Surveyed, Tally};
pub use understood::{Observed, Understood, counted_cost};
pub use waves::{spread_order, waves};
