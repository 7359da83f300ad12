//! What a report is about.

use inceptive_cost::Cost;
use inceptive_ir::{Graph, Shape};

/// A network with everything that a report says about it.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// The file that it was read from.
    pub file: String,
    /// Its fingerprint.
    pub fingerprint: String,
    /// Shape of its input.
    pub input: Shape,
    /// The network.
    pub graph: Graph,
    /// Its counts, at batch 1 in inference.
    pub cost: Cost,
    /// Published accuracies, in the order of the file.
    pub published: Vec<Accuracy>,
}

/// A published accuracy: a fact with its source, never measured here.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    /// The data set.
    pub dataset: String,
    /// Percent of images whose class is the first guess.
    pub top1: Option<f64>,
    /// Percent of images whose class is among the first five guesses.
    pub top5: Option<f64>,
    /// Crops an image that were averaged.
    pub crops: u32,
    /// Networks that were averaged.
    pub models: u32,
    /// Side of a crop in pixels.
    pub resolution: Option<u32>,
    /// Where the figure was published.
    pub source: String,
    /// What else a reader must know.
    pub note: Option<String>,
}

/// The data set whose accuracies are compared.
pub(crate) const DATASET: &str = "imagenet-1k";

/// Which accuracies are compared, in words for a reader.
pub(crate) const PROTOCOL: &str = "published ImageNet-1k accuracy of one model on one crop at the size that is counted, the first \
     such entry of the file";

impl Candidate {
    /// The accuracy that may stand beside others: ImageNet, one model, one crop, and the resolution at
    /// which the cost is counted; the first such entry that gives a top-1 accuracy.
    pub fn comparable(&self) -> Option<&Accuracy> {
        let side = self.input.size().height;
        self.published.iter().find(|accuracy| {
            accuracy.dataset == DATASET
                && (accuracy.crops, accuracy.models) == (1, 1)
                && accuracy.resolution.is_none_or(|resolution| resolution == side)
                && accuracy.top1.is_some()
        })
    }
}
