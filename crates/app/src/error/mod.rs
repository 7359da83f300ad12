//! Errors of tasks.

mod calibrate;
mod explore;
mod input;
mod plan;

use std::{error::Error, path::PathBuf};

use inceptive_bench::EngineError;
use inceptive_bench::UnknownIsa;
use inceptive_data::{DataError, NameError};
use inceptive_files::WriteError;
use inceptive_store::StoreError;
use inceptive_train::{CheckpointError, TrainError};
use inceptive_weights::FoldError;

pub use calibrate::CalibrateError;
pub use explore::ExploreError;
pub(crate) use explore::LEAST_NETWORKS;
pub use input::InputError;
pub use plan::PlanError;

use crate::{memory::OutOfMemory, network::ReadError};

/// An error with one network; the other networks are still processed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Normalisations cannot be folded into its weights.
    #[error("`{}`", file.display())]
    Fold {
        /// Its file.
        file: PathBuf,
        /// The cause.
        #[source]
        error: Box<FoldError>,
    },
    /// It is too large for this machine.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// An engine could not run it.
    #[error("{label}: {error}")]
    Engine {
        /// The network and the engine.
        label: String,
        /// The engine's error.
        #[source]
        error: EngineError,
    },
    /// It was stopped before there was a result.
    #[error("stopped before the first result: {label}")]
    Abandoned {
        /// The network and the engine.
        label: String,
    },
    /// A task was stopped before there was any result.
    #[error("stopped before the first result")]
    Stopped,
    /// A search was stopped.
    #[error("stopped; the same command continues after the last whole epoch")]
    Paused,
    /// A space cannot be explored.
    #[error(transparent)]
    Explore(#[from] ExploreError),
    /// Nothing was calibrated.
    #[error(transparent)]
    Calibrate(#[from] CalibrateError),
    /// A plan cannot be written or used.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A task of a plan ended without a result; its events said why.
    #[error("there is no result")]
    NoResult,
    /// The tasks that a search goes on with are not done yet.
    #[error("the tasks of this stage of the search are not done yet")]
    NotYet,
    /// Its result could not be saved.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A setting in the name of an input is malformed.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The name of the data set is invalid.
    #[error(transparent)]
    DataName(#[from] NameError),
    /// The data set cannot be read.
    #[error(transparent)]
    Data(DataError),
    /// There is no such instruction set.
    #[error(transparent)]
    Isa(#[from] UnknownIsa),
    /// There is no such recipe.
    #[error("unknown recipe `{name}`; use {known}, or a file such as `my-recipe.yaml`")]
    NoRecipe {
        /// The name.
        name: String,
        /// The known names.
        known: String,
    },
    /// A network cannot be trained.
    #[error("{label}: {error}")]
    Train {
        /// The network, and its seed.
        label: String,
        /// The cause.
        #[source]
        error: Box<TrainError>,
    },
    /// A checkpoint cannot be used; training restarts.
    #[error("{label}: the checkpoint cannot be used; training restarts from the first epoch")]
    Restarted {
        /// The network and its seed.
        label: String,
        /// The cause.
        #[source]
        error: Box<CheckpointError>,
    },
    /// A checkpoint cannot be made or resumed.
    #[error("{label}: {error}")]
    Checkpoint {
        /// The network and its seed.
        label: String,
        /// The cause.
        #[source]
        error: Box<CheckpointError>,
    },
    /// Another program trains it.
    #[error("{label}: another program is training it, and will save the result to its own store")]
    Busy {
        /// The network and its seed.
        label: String,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// An output folder is a class of the data set, or would become one.
    #[error(
        "cannot write in `{}`: every folder in `{}` is a class of the data set; choose another folder with {options}",
        folder.display(), classes.display()
    )]
    InClasses {
        /// The output folder.
        folder: PathBuf,
        /// The folder whose subfolders are the classes.
        classes: PathBuf,
        /// The command-line options that choose another folder.
        options: &'static str,
    },
    /// There is no network in a folder.
    #[error(
        "no networks in `{}`: it has no architecture or space (.yaml, .yml) and no ONNX file (.onnx); subfolders \
         are not searched", folder.display()
    )]
    NoNetworks {
        /// The folder.
        folder: PathBuf,
    },
    /// No input contains a network.
    #[error("nothing to report; no report was written")]
    NothingToReport,
    /// A store has no results that match a filter.
    #[error("`{}` has no results{wishes}", store.display())]
    NoResults {
        /// The store.
        store: PathBuf,
        /// The filter, such as ` with engine=rten`; empty for all results.
        wishes: String,
    },
}

impl From<DataError> for TaskError {
    fn from(error: DataError) -> Self {
        match error {
            DataError::Stopped => Self::Stopped,
            other => Self::Data(other),
        }
    }
}

impl TaskError {
    pub(crate) fn train(label: String, error: TrainError) -> Self {
        Self::Train { label, error: Box::new(error) }
    }
}

/// An error with all its causes, in one line.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A cause that the message already contains is not repeated.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
