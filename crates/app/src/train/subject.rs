//! Networks that are trained.

use inceptive_data::Dataset;
use inceptive_dsl::Loaded;
use inceptive_files::InputFiles;
use inceptive_ir::{Graph, Part, passes};
use inceptive_results::NetworkInfo;
use inceptive_train::expect_fit;

use crate::{
    error::TaskError,
    measured::Request,
    network::{ReadError, read},
    notes::notes_of,
    running::{Running, TaskEvent},
};

/// A network that is trained.
pub(super) struct Subject {
    /// With its auxiliary heads and dropout.
    pub graph: Graph,
    pub info: NetworkInfo,
    pub training_fingerprint: String,
    /// Decides the initial weights, and so the bits of a training.
    pub fingerprint_with_paths: String,
    /// Whether it has auxiliary heads.
    pub has_heads: bool,
    /// Its files.
    pub inputs: InputFiles,
}

impl Subject {
    /// Reads a network, and checks that it fits the data; `None` if it cannot be used, after reporting the error.
    pub fn load(request: &Request, data: &Dataset, running: &mut Running<'_>) -> Option<Self> {
        match Self::read(request, data, running) {
            Ok(subject) => Some(subject),
            Err(error) => {
                running.fail(error);
                None
            }
        }
    }

    fn read(
        request: &Request,
        data: &Dataset,
        running: &mut Running<'_>,
    ) -> Result<Self, TaskError> {
        let Loaded { architecture, sources } = read(&request.file, &request.settings)?;
        let graph = &architecture.graph;
        let label = || architecture.name.clone();
        expect_fit(graph, data).map_err(|error| TaskError::train(label(), error))?;
        let notes = notes_of(&architecture);
        running.tell(TaskEvent::Loaded { network: label(), notes });
        let inference = passes::inference(graph).map_err(ReadError::Graph)?;
        let file = request.file.to_string_lossy();
        let point =
            architecture.point.iter().map(|(key, value)| format!("{key}={value}")).collect();
        Ok(Self {
            info: NetworkInfo::new(&architecture.name, &file, point, &inference),
            training_fingerprint: graph.fingerprint().to_string(),
            fingerprint_with_paths: graph.fingerprint_with_paths().to_string(),
            has_heads: graph.nodes().any(|(_, node)| node.part != Part::Main),
            graph: graph.clone(),
            inputs: InputFiles::of(sources.paths()),
        })
    }
}
