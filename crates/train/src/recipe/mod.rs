//! Recipes: how a network is trained.

mod read;
mod schedule;
mod shipped;

use inceptive_data::{Augment, Checksum};
use inceptive_engine::{Rates, Rule};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use schedule::Schedule;
pub use shipped::{shipped, shipped_text};

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// Its name.
    pub name: String,
    /// A description, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The papers or code that it comes from: a text or a list of texts.
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    pub cite: Texts,
    /// Number of passes over the training images.
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: u32,
    /// Images per step; default 64.
    #[serde(default = "default::batch")]
    #[schemars(range(min = 1, max = 65_536))]
    pub batch: u32,
    /// The optimizer, `sgd` or `adamw`, optionally with arguments; default `sgd`.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// The maximum learning rate; the schedule multiplies it by a factor of at most 1.
    #[schemars(range(min = 0, max = 1000))]
    pub learning_rate: f64,
    /// Weight decay of weights, but not of biases and the parameters of normalisations; default 0. With `sgd`, it is added
    /// to the gradients; with `adamw`, weights shrink by this share times the learning rate in each step.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1000))]
    pub weight_decay: f64,
    /// The learning rate schedule: `constant`, `cosine`, `one_cycle` or `step`, the last three optionally with arguments;
    /// default `cosine`.
    #[serde(default)]
    pub schedule: Schedule,
    /// Epochs of linear warm-up: the learning rate rises from zero to the value of the schedule; default 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 100_000))]
    pub warmup: f64,
    /// The share of each target that is distributed equally over all classes; default 0. Szegedy et al. 2015,
    /// arXiv:1512.00567.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub label_smoothing: f64,
    /// Gradient clipping: the maximum norm of all gradients together; no clipping if omitted.
    #[serde(default)]
    #[schemars(range(min = 1e-6, max = 1e6))]
    pub clip: Option<f64>,
    /// The decay of an exponential moving average of the weights, such as 0.999; the averaged weights are evaluated and
    /// saved. If omitted, those of the last step are.
    #[serde(default)]
    #[schemars(range(min = 0, max = 0.999999))]
    pub average: Option<f64>,
    /// Whether the network's auxiliary heads are trained with it; default true.
    #[serde(default = "default::auxiliary")]
    pub auxiliary: bool,
    /// Random augmentation of training images; default none.
    #[serde(default)]
    pub augment: Augment,
    /// The share of the training images that is held out for validation; default 0.1.
    #[serde(default = "default::validation")]
    #[schemars(range(min = 0, max = 0.9))]
    pub validation: f64,
    /// The weight of the current batch when the running statistics of normalisations are updated; default 0.1.
    #[serde(default = "default::norm_momentum")]
    #[schemars(range(min = 0, max = 1))]
    pub norm_momentum: f64,
}

/// The optimizer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum, as PyTorch computes it. Sutskever et al. 2013.
    Sgd {
        /// The factor of the previous update; default 0.9.
        #[serde(default = "default::momentum")]
        #[schemars(range(min = 0, max = 0.9999))]
        momentum: f64,
        /// Whether to use Nesterov momentum; default true.
        #[serde(default = "default::nesterov")]
        nesterov: bool,
    },
    /// Adam with decoupled weight decay. Loshchilov and Hutter 2019, arXiv:1711.05101.
    AdamW {
        /// The decay of the mean of gradients; default 0.9.
        #[serde(default = "default::beta1")]
        #[schemars(range(min = 0, max = 0.999999))]
        beta1: f64,
        /// The decay of the mean of squared gradients; default 0.999.
        #[serde(default = "default::beta2")]
        #[schemars(range(min = 0, max = 0.999999))]
        beta2: f64,
        /// Added to the square root of the mean of squared gradients; default 1e-8.
        #[serde(default = "default::eps")]
        #[schemars(range(min = 1e-12, max = 1))]
        eps: f64,
    },
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::Sgd { momentum: default::momentum(), nesterov: default::nesterov() }
    }
}

impl Optimizer {
    /// Its name, as in recipes.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "sgd",
            Self::AdamW { .. } => "adamw",
        }
    }
}

/// A text or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Texts {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Default for Texts {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Texts {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// The texts.
    pub fn as_slice(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::Several(texts) => texts,
        }
    }
}

/// Default values.
mod default {
    pub(super) fn batch() -> u32 {
        64
    }

    pub(super) fn auxiliary() -> bool {
        true
    }

    pub(super) fn validation() -> f64 {
        0.1
    }

    pub(super) fn norm_momentum() -> f64 {
        0.1
    }

    pub(super) fn momentum() -> f64 {
        0.9
    }

    pub(super) fn nesterov() -> bool {
        true
    }

    pub(super) fn beta1() -> f64 {
        0.9
    }

    pub(super) fn beta2() -> f64 {
        0.999
    }

    pub(super) fn eps() -> f64 {
        1e-8
    }
}

impl Recipe {
    /// Number of steps of the whole training.
    pub fn steps(&self, steps_per_epoch: u64) -> u64 {
        u64::from(self.epochs).saturating_mul(steps_per_epoch)
    }

    /// The learning rate of a step, which is counted from 0.
    pub fn rate(&self, step: u64, steps_per_epoch: u64) -> f32 {
        let share = step as f64 / self.steps(steps_per_epoch).max(1) as f64;
        let warmup_steps = self.warmup * steps_per_epoch as f64;
        let rise = ((step as f64 + 1.0) / warmup_steps.max(1.0)).min(1.0);
        as_f32(self.learning_rate * rise * self.schedule.factor(share))
    }

    /// The learning rate and other factors that the engine uses in a step, which is counted from 0.
    pub fn rates(&self, step: u64, steps_per_epoch: u64) -> Rates {
        Rates {
            learning: self.rate(step, steps_per_epoch),
            decay: as_f32(self.weight_decay),
            average: self.average_decay(step).unwrap_or(0.0),
            steps: step,
        }
    }

    /// The optimizer as the engine's type.
    pub fn rule(&self) -> Rule {
        match self.optimizer {
            Optimizer::Sgd { momentum, nesterov } => {
                Rule::Sgd { momentum: as_f32(momentum), nesterov }
            }
            Optimizer::AdamW { beta1, beta2, eps } => {
                Rule::AdamW { beta1: as_f32(beta1), beta2: as_f32(beta2), eps: as_f32(eps) }
            }
        }
    }

    /// The decay of the average of weights in a step, which is counted from 0. It is at most `(1 + step) / (10 + step)`, as
    /// in TensorFlow, because weights change most at the start.
    pub fn average_decay(&self, step: u64) -> Option<f32> {
        let start = (1.0 + step as f64) / (10.0 + step as f64);
        self.average.map(|decay| as_f32(decay.min(start)))
    }

    /// The number of images that are held out of a training set.
    pub fn held_out(&self, images: usize) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of images"
        )]
        let count = (self.validation * images as f64).round() as usize;
        count.min(images)
    }

    /// SHA-256 of all keys that affect the training: of the canonical JSON without name, description and citations.
    pub fn fingerprint(&self) -> Checksum {
        let decisive =
            Self { name: String::new(), description: None, cite: Texts::default(), ..self.clone() };
        // Writing cannot fail: all keys are text, and all numbers are finite.
        let json = serde_json::to_string(&decisive).unwrap_or_default();
        Checksum::of(json.as_bytes())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the engine computes in single precision")]
fn as_f32(number: f64) -> f32 {
    number as f32
}
