//! How well accuracies of networks can be predicted.

use serde::{Deserialize, Serialize};

use crate::{plausible::is_correlation, proxy_score::ScoreJudgement};

/// How well a surrogate ranks networks that it has not seen, and whether it is worth using.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccuracyJudgement {
    /// How many networks it was judged on.
    pub networks: usize,
    /// The rank correlation of predictions and accuracies, cross-validated.
    pub correlation: f64,
    /// The same with the number of parameters in place of predictions.
    pub of_params: f64,
    /// What the correlation of nineteen in twenty random orders stays below.
    pub of_chance: f64,
    /// How many networks are the best tenth.
    pub best: usize,
    /// The rank correlation among the best tenth.
    pub among_best: Option<f64>,
    /// The same of the number of parameters.
    pub of_params_among_best: Option<f64>,
    /// How well scores of untrained networks rank them, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<ScoreJudgement>,
    /// Whether the predictions use the scores too: only if they are better with them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub uses_scores: bool,
}

impl AccuracyJudgement {
    /// Whether the surrogate is used: it ranks better than the number of parameters, and than chance.
    pub fn is_good(&self) -> bool {
        self.correlation > self.of_params && self.correlation > self.of_chance
    }

    /// Whether its numbers are possible.
    ///
    /// # Errors
    /// With the reason if not.
    pub(crate) fn check(&self) -> Result<(), String> {
        is_correlation("correlation", self.correlation)?;
        is_correlation("of_params", self.of_params)?;
        let among = [self.among_best, self.of_params_among_best];
        among.into_iter().flatten().try_for_each(|value| is_correlation("among_best", value))?;
        self.scores.iter().try_for_each(ScoreJudgement::check)
    }
}
