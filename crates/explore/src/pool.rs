//! The networks that a search may choose from.

use inceptive_dsl::Space;
use inceptive_results::{Metric, ProxyScore};

use crate::{
    axes::{Axis, axes},
    surveyed::Surveyed,
};

/// The networks that a search may choose from.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'p> {
    /// The variables.
    pub axes: &'p [Axis],
    /// The positions of the values of each network.
    pub points: &'p [Vec<usize>],
    /// Its number of parameters.
    pub params: &'p [f64],
    /// The cost that its accuracy is weighed against; empty if there is none.
    pub costs: &'p [f64],
    /// Scores that it has untrained.
    pub scores: &'p [Scored],
}

/// A score of all networks of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Scored {
    /// Which score.
    pub score: ProxyScore,
    /// That of each network.
    pub values: Vec<f64>,
}

/// Networks of a survey that a search may choose from.
#[derive(Clone, Debug)]
pub struct SurveyedPool {
    axes: Vec<Axis>,
    points: Vec<Vec<usize>>,
    params: Vec<f64>,
    costs: Vec<f64>,
    scores: Vec<Scored>,
}

impl SurveyedPool {
    /// Networks of a space, with a cost that their accuracies are weighed against.
    pub fn new(space: &Space, networks: &[Surveyed], cost: Metric) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let all = |metric: Metric| -> Vec<f64> {
            networks.iter().map(|it| it.counts.get(metric).unwrap_or_default() as f64).collect()
        };
        Self {
            axes: axes(space),
            points: networks.iter().map(|network| network.choices.clone()).collect(),
            params: all(Metric::Params),
            costs: all(cost),
            scores: vec![],
        }
    }

    /// The same networks with scores.
    #[must_use]
    pub fn with_scores(self, scores: Vec<Scored>) -> Self {
        Self { scores, ..self }
    }

    /// The networks.
    pub fn pool(&self) -> Pool<'_> {
        let Self { axes, points, params, costs, scores } = self;
        Pool { axes, points, params, costs, scores }
    }
}
