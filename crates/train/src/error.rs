//! Why a network is not trained.

use inceptive_data::{AugmentError, DataError, ImageShape};
use inceptive_engine::{PlanError, StartError};
use inceptive_ir::{GraphError, Shape};
use inceptive_weights::{FoldError, Missing};

/// Why a network is not trained or evaluated.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The images have another shape than the network's input.
    #[error("the network reads {input}, but the images are {images}; `--set {}` changes that", settings(*.input, *.images))]
    Images {
        /// What the network reads.
        input: Shape,
        /// The shape of the images.
        images: ImageShape,
    },
    /// The network has another number of classes.
    #[error(
        "the network has {network} classes, but the data have {data}; `--set classes={data}` changes that"
    )]
    Classes {
        /// Classes of the network.
        network: usize,
        /// Classes of the data.
        data: usize,
    },
    /// There are fewer images than in a batch.
    #[error("a batch of {batch} images is larger than the training set of {images}")]
    Batch {
        /// Images of a batch.
        batch: usize,
        /// Images to train on.
        images: usize,
    },
    /// The loss is no number any more.
    #[error(
        "the loss is {loss} at step {step} of epoch {epoch}, with a learning rate of {rate}: a smaller one, a longer \
         warm-up or `clip` may help"
    )]
    Diverged {
        /// The epoch, from 1 on.
        epoch: u32,
        /// The step in the epoch, from 1 on.
        step: u64,
        /// The learning rate.
        rate: f32,
        /// The loss.
        loss: f64,
    },
    /// It was stopped; what was finished before is kept.
    #[error("stopped")]
    Stopped,
    /// The data cannot be divided.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The images cannot be changed so.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// The engine cannot train or run the network.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The engine cannot start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The engine cannot start to evaluate.
    #[error(transparent)]
    Session(#[from] inceptive_engine::SessionError),
    /// The graph cannot be rewritten.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Normalisations cannot be folded.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// Weights are missing.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A step of the engine failed.
    #[error(transparent)]
    Step(inceptive_engine::TrainError),
    /// A run of the engine failed.
    #[error(transparent)]
    Run(inceptive_engine::RunError),
}

/// The settings that make a network read such images.
fn settings(input: Shape, images: ImageShape) -> String {
    let size = match images.height == images.width {
        true => format!("input.size={}", images.width),
        false => format!("input.size={}x{}", images.height, images.width),
    };
    match input.channels() == images.channels {
        true => size,
        false => format!("input.channels={} --set {size}", images.channels),
    }
}

impl From<inceptive_engine::TrainError> for TrainError {
    fn from(error: inceptive_engine::TrainError) -> Self {
        match error {
            inceptive_engine::TrainError::Run(run) => run.into(),
            other @ inceptive_engine::TrainError::Label { .. } => Self::Step(other),
        }
    }
}

impl From<inceptive_engine::RunError> for TrainError {
    fn from(error: inceptive_engine::RunError) -> Self {
        match error {
            inceptive_engine::RunError::Stopped(_) => Self::Stopped,
            other => Self::Run(other),
        }
    }
}
