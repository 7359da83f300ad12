//! Training networks.
//!
//! A [`Recipe`] says how a network is trained; it is read from a YAML file that `docs/recipes.md` describes. A [`Trainer`]
//! trains a network epoch by epoch on a data set, evaluates it on the validation images, and resumes from checkpoints.
//! Results are bit-identical for any number of threads. [`evaluate()`] measures the accuracy of given weights. This crate
//! defines no layers, reads and writes no files, and prints nothing.

mod backend;
mod cause;
mod checkpoint;
mod error;
mod evaluate;
mod fit;
mod initial;
pub mod inspect;
mod machine;
pub mod recipe;
mod score;
mod trainer;
mod training_free;

pub use backend::{Backend, PyTorch};
pub use checkpoint::{CheckpointError, CheckpointInfo};
pub use error::{Cause, TrainError};
pub use evaluate::{EVALUATION_BATCH, Images, classes_of, evaluate};
pub use fit::{expect_fit, expect_fit_of, settings_to_fit};
pub use initial::initial_weights;
pub use machine::Machine;
pub use recipe::Recipe;
pub use score::{
    CALIBRATION_BINS, CalibrationBin, Confusion, Evaluation, ImageResult, Intervals, Predictions,
    calibration,
};
pub use trainer::{Epoch, Progress, Task, Trainer};
pub use training_free::{ScoreError, proxy_score};
