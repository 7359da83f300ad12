//! Searches whose networks other machines train and measure.

use inceptive_results::{EpochRecord, Measurement, TrainingRun};

use crate::{bench::BenchPlan, error::TaskError, train::TrainPlan};

/// What networks are trained for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TrainStage {
    /// A rung, and the wave in which they were chosen; both from 0.
    Rung(usize, usize),
    /// The other seeds of the finalists.
    Seeds,
}

/// What was trained of a network with a seed.
pub(crate) struct TrainedElsewhere {
    /// The place of the network in the plan.
    pub(crate) network: usize,
    /// The run, if it came to its end.
    pub(crate) run: Option<TrainingRun>,
    /// Its epochs, if it paused.
    pub(crate) epochs: Vec<EpochRecord>,
}

/// Trains and measures the networks of a search.
pub(crate) trait Elsewhere {
    /// What training gave in a stage.
    ///
    /// # Errors
    /// [`TaskError::NotYet`] where it is not done.
    fn train(
        &mut self,
        plan: &TrainPlan,
        stage: TrainStage,
    ) -> Result<Vec<TrainedElsewhere>, TaskError>;

    /// What measuring gave.
    ///
    /// # Errors
    /// [`TaskError::NotYet`] where it is not done.
    fn measure(&mut self, plan: &BenchPlan) -> Result<Vec<Measurement>, TaskError>;
}
