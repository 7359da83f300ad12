//! How the learning rate changes during training.

use std::f64::consts::PI;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The learning rate schedule: a factor of the recipe's learning rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Schedule {
    /// The factor is 1.
    Constant,
    /// The factor falls along half a cosine. Loshchilov and Hutter 2017, arXiv:1608.03983.
    Cosine {
        /// The factor at the end; default 0.
        #[serde(default = "zero")]
        #[schemars(range(min = 0, max = 1))]
        r#final: f64,
    },
    /// The factor rises linearly, then falls linearly, as in the fast recipes of DAWNBench and airbench. Smith and Topin
    /// 2017, arXiv:1708.07120.
    OneCycle {
        /// When the factor is 1, as a fraction of training; default 0.3.
        #[serde(default = "peak")]
        #[schemars(range(min = 0, max = 1))]
        peak: f64,
        /// The factor in the first step; default 0.04.
        #[serde(default = "start")]
        #[schemars(range(min = 0, max = 1))]
        start: f64,
        /// The factor at the end; default 0.
        #[serde(default = "zero")]
        #[schemars(range(min = 0, max = 1))]
        r#final: f64,
    },
    /// The learning rate is multiplied by `factor` at each time in `at`. He et al. 2015, arXiv:1512.03385.
    Step {
        /// The times, in ascending order, as fractions of training; default 0.5 and 0.75.
        #[serde(default = "at")]
        #[schemars(length(min = 1, max = 100), inner(range(min = 0, max = 1)))]
        at: Vec<f64>,
        /// The factor; default 0.1.
        #[serde(default = "tenth")]
        #[schemars(range(min = 0, max = 1))]
        factor: f64,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::Cosine { r#final: zero() }
    }
}

fn zero() -> f64 {
    0.0
}

fn peak() -> f64 {
    0.3
}

fn start() -> f64 {
    0.04
}

fn at() -> Vec<f64> {
    vec![0.5, 0.75]
}

fn tenth() -> f64 {
    0.1
}

impl Schedule {
    /// Its name, as in recipes.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Cosine { .. } => "cosine",
            Self::OneCycle { .. } => "one_cycle",
            Self::Step { .. } => "step",
        }
    }

    /// The factor of the learning rate at a fraction of training, which is at least 0 and less than 1.
    pub(super) fn factor(&self, share: f64) -> f64 {
        let line = |from: f64, to: f64, at: f64| from + (to - from) * at;
        match self {
            Self::Constant => 1.0,
            Self::Cosine { r#final } => line(*r#final, 1.0, (1.0 + (PI * share).cos()) / 2.0),
            Self::OneCycle { peak, start, .. } if share < *peak => line(*start, 1.0, share / peak),
            Self::OneCycle { peak, r#final, .. } => {
                line(1.0, *r#final, ((share - peak) / (1.0 - peak)).min(1.0))
            }
            Self::Step { at, factor } => {
                at.iter().filter(|&&at| share >= at).fold(1.0, |rate, _| rate * factor)
            }
        }
    }
}
