//! Networks that are measured.

use std::{path::PathBuf, sync::atomic::AtomicBool};

use inceptive_bench::Model;
use inceptive_dsl::{Architecture, Setting};
use inceptive_results::NetworkInfo;
use inceptive_weights::Matching;
use serde::{Deserialize, Serialize};

use crate::{
    error::TaskError,
    memory::Purpose,
    network::{Runnable, WeightSource, read_runnable},
    notes::{Note, notes_of, weight_notes},
};

/// A network that the user named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its file.
    pub file: PathBuf,
    /// Settings, as given with `--set`.
    pub settings: Vec<Setting>,
}

/// A network to measure, with the facts that its results record.
pub struct Network {
    /// The model that runs.
    pub model: Model,
    /// The facts about the network that results record.
    pub subject: NetworkInfo,
    /// The checked architecture.
    pub architecture: Architecture,
    /// How weights from another file were matched; `None` if they are the network's own or random.
    pub matching: Option<Matching>,
}

impl Network {
    /// Reads it with its weights.
    ///
    /// # Errors
    /// When it cannot be read, or weights do not fit; and soon after `stop` is set.
    pub fn load(
        request: &Request,
        weights: &WeightSource,
        purpose: Purpose,
        stop: &AtomicBool,
    ) -> Result<Self, TaskError> {
        let Runnable { loaded, graph, weights, matching, .. } =
            read_runnable(&request.file, &request.settings, weights, purpose, stop)?;
        let architecture = loaded.architecture;
        let point =
            architecture.point.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let file = request.file.to_string_lossy();
        let subject = NetworkInfo::new(&architecture.name, &file, point, &graph);
        let model = Model::new(&architecture.name, &graph, weights).map_err(|error| {
            TaskError::Fold { file: request.file.clone(), error: Box::new(error) }
        })?;
        Ok(Self { model, subject, architecture, matching })
    }

    /// What the user should know about it before it is measured.
    pub fn notes(&self, weights: &WeightSource) -> Vec<Note> {
        let mut notes = notes_of(&self.architecture);
        notes.extend(weight_notes(weights, self.matching, self.model.subnormals));
        notes
    }
}
