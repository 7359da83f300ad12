//! Training networks.
//!
//! A [`Recipe`] says how a network is trained; it is read from a YAML file that `docs/recipes.md` describes. A [`Trainer`]
//! trains a network epoch by epoch on a data set, evaluates it on the validation images, and resumes from checkpoints.
//! Results are bit-identical for any number of threads. [`evaluate()`] measures the accuracy of given weights. This crate
//! defines no layers, reads and writes no files, and prints nothing.

mod checkpoint;
mod error;
mod evaluate;
mod fit;
mod initial;
mod machine;
pub mod recipe;
mod trainer;

pub use checkpoint::CheckpointError;
pub use error::TrainError;
pub use evaluate::{Evaluation, evaluate};
pub use fit::{check_fit, settings_to_fit};
pub use initial::initial_weights;
pub use machine::Machine;
pub use recipe::Recipe;
pub use trainer::{Epoch, Progress, Task, Trainer};
