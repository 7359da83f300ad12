//! What all points of a space cost.

use inceptive_dsl::Constraint;
use inceptive_results::{Counts, Metric, Objective};

use crate::shares::Shares;

/// Which points of a space are surveyed.
#[derive(Clone, Copy, Debug)]
pub enum Points<'p> {
    /// All of them: fewer than 2^63.
    All,
    /// These, each by the positions of its values.
    Listed(&'p [Vec<usize>]),
}

/// What is looked for in a survey.
#[derive(Clone, Copy, Debug)]
pub struct SurveyPlan<'p> {
    /// The points.
    pub points: Points<'p>,
    /// What every network of interest satisfies.
    pub constraints: &'p [Constraint],
    /// The objectives; those that are not counted are not considered.
    pub objectives: &'p [Objective],
    /// How many networks that satisfy the constraints are drawn.
    pub sample: usize,
    /// The seed that they are drawn with.
    pub seed: u64,
    /// Number of threads.
    pub threads: usize,
}

/// What points of a space cost.
#[derive(Clone, Debug)]
pub struct Survey {
    /// How many points were counted.
    pub points: u64,
    /// How many of them are no network, because their values do not fit together.
    pub refused: u64,
    /// How many networks satisfy all constraints.
    pub inside: u64,
    /// Whether all points of the plan were counted; not after a stop.
    pub is_complete: bool,
    /// What each constraint leaves, in their order.
    pub tallies: Vec<Tally>,
    /// The Pareto-optimal networks in the counted objectives, among those that satisfy the constraints, in the order of
    /// the objectives.
    pub front: Vec<FrontPoint>,
    /// Networks that satisfy the constraints, drawn at random, in the order of the space.
    pub sample: Vec<Surveyed>,
    /// For each counted metric, the networks with its lowest and its highest value, among those that satisfy the
    /// constraints.
    pub extremes: Vec<Extremes>,
    /// For each counted metric, how much of its variance over all networks each variable explains.
    pub shares: Vec<Shares>,
}

/// A network of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surveyed {
    /// The positions of its values.
    pub choices: Vec<usize>,
    /// Its counts.
    pub counts: Counts,
}

/// A network on the front of a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrontPoint {
    /// The network; of several with equal objectives, the first one of the space.
    pub network: Surveyed,
    /// How many networks have its values of the objectives, itself included.
    pub equal: u64,
}

/// What a constraint leaves of a space.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many networks satisfy it.
    pub satisfied: u64,
    /// How many networks satisfy all constraints but this one.
    pub only_this_fails: u64,
    /// If no network satisfies it: the one that comes closest, if the constraint is an inequality of numbers.
    pub nearest: Option<Surveyed>,
}

/// The range of a metric.
#[derive(Clone, Debug)]
pub struct Extremes {
    /// The metric.
    pub metric: Metric,
    /// A network with its lowest value.
    pub lowest: Surveyed,
    /// A network with its highest value.
    pub highest: Surveyed,
}
