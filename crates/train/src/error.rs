//! Errors of training and evaluation.

use std::fmt;

use inceptive_data::{AugmentError, DataError, ImageShape};
use inceptive_dsl::Setting;
use inceptive_engine::{PlanError, SessionError, StartError};
use inceptive_format::bytes;
use inceptive_ir::{GraphError, Shape};
use inceptive_pytorch::worker::WorkerError;
use inceptive_weights::{FoldError, Missing};

/// A network cannot be trained or evaluated.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The images do not have the shape of the network's input.
    #[error(
        "the network's input is {input}, but the images are {images}; use `--set {}`",
        as_options(&input_settings(*.input, *.images))
    )]
    Images {
        /// The network's input.
        input: Shape,
        /// The shape of the images.
        images: ImageShape,
    },
    /// The network and the data set have different numbers of classes.
    #[error(
        "the network has {network} outputs, but the data set has {data} classes; use `--set classes={data}` if the \
         network has a `tail`"
    )]
    Classes {
        /// Classes of the network.
        network: usize,
        /// Classes of the data set.
        data: usize,
    },
    /// An auxiliary head has another number of outputs.
    #[error(
        "the auxiliary head `{name}` has {outputs} outputs, but the data set has {data} classes"
    )]
    Head {
        /// Its name.
        name: String,
        /// Its outputs.
        outputs: u64,
        /// Classes of the data set.
        data: usize,
    },
    /// There are fewer training images than in a batch.
    #[error("the batch size {batch} is larger than the number of training images, {images}")]
    Batch {
        /// Batch size.
        batch: usize,
        /// Number of training images.
        images: usize,
    },
    /// The loss is NaN or infinite.
    #[error(
        "training diverged: the loss is {loss} at step {step} of epoch {epoch}, with learning rate {rate} ({cause}); \
         try a smaller learning rate, a longer warm-up or `clip`"
    )]
    Diverged {
        /// The epoch, counted from 1.
        epoch: u32,
        /// The step in the epoch, counted from 1.
        step: u64,
        /// The learning rate.
        rate: f32,
        /// The loss.
        loss: f64,
        /// The cause.
        cause: Cause,
    },
    /// It was stopped; finished epochs are kept.
    #[error("stopped")]
    Stopped,
    /// The validation images cannot be held out.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The augmentation does not fit the images.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// The engine cannot train or run the network.
    #[error(transparent)]
    Plan(PlanError),
    /// The engine cannot start.
    #[error(transparent)]
    Start(StartError),
    /// The engine cannot start the evaluation.
    #[error(transparent)]
    Session(SessionError),
    /// The covariances of feature maps exceed the memory limit.
    #[error(
        "the covariances of its feature maps need {} of memory, but only {} is free",
        bytes(*.needed),
        bytes(*.most)
    )]
    Covariances {
        /// Bytes that they need.
        needed: u64,
        /// The limit in bytes.
        most: u64,
    },
    /// Branches of nested joins have too many nodes in common.
    #[error("its branches have more than {most} nodes in total, because each contains many others")]
    Branches {
        /// The limit.
        most: usize,
    },
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
    /// PyTorch does not have the device.
    #[error("PyTorch has no device `{device}` here; it has {}", .devices.join(", "))]
    Device {
        /// The device that was asked for.
        device: String,
        /// The devices that it has.
        devices: Vec<String>,
    },
    /// PyTorch was not found.
    #[error("PyTorch was not found: {0}")]
    NoPyTorch(String),
    /// PyTorch failed, or its process ended.
    #[error("PyTorch failed")]
    PyTorch(#[source] WorkerError),
}

/// Where the first infinite or NaN value occurred.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// In the weights of this layer after the previous step: its gradient overflowed.
    Weights(String),
    /// In the output of this layer.
    Output(String),
    /// In the loss itself: the outputs of all layers are finite.
    Loss,
    /// Unknown: without the checkpoint of the previous epoch, the steps could not be repeated, or there was not enough memory.
    Unknown,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Weights(path) => {
                write!(f, "the gradient of `{path}` overflowed in the previous step")
            }
            Self::Output(path) => write!(f, "the output of `{path}` overflowed"),
            Self::Loss => f.write_str("the outputs of all layers are finite"),
            Self::Unknown => f.write_str("the layer could not be determined"),
        }
    }
}

/// The settings that change a network's input to the shape of such images.
pub(crate) fn input_settings(input: Shape, images: ImageShape) -> Vec<Setting> {
    let setting = |key: &str, value: String| Setting { key: key.to_owned(), value };
    let channels = (input.channels() != images.channels)
        .then(|| setting("input.channels", images.channels.to_string()));
    let size = match images.height == images.width {
        true => images.width.to_string(),
        false => format!("{}x{}", images.height, images.width),
    };
    channels.into_iter().chain([setting("input.size", size)]).collect()
}

/// Settings as command-line options, without the first `--set`.
fn as_options(settings: &[Setting]) -> String {
    let each = settings.iter().map(|Setting { key, value }| format!("{key}={value}"));
    each.collect::<Vec<_>>().join(" --set ")
}

impl From<PlanError> for TrainError {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Stopped => Self::Stopped,
            other => Self::Plan(other),
        }
    }
}

impl From<SessionError> for TrainError {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Stopped(_) => Self::Stopped,
            other => Self::Session(other),
        }
    }
}

impl From<StartError> for TrainError {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Start(SessionError::Stopped(_)) => Self::Stopped,
            other => Self::Start(other),
        }
    }
}

impl From<WorkerError> for TrainError {
    fn from(error: WorkerError) -> Self {
        match error {
            WorkerError::Stopped => Self::Stopped,
            WorkerError::Missing(how) => Self::NoPyTorch(how),
            other => Self::PyTorch(other),
        }
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
