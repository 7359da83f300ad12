//! What a report says of a network.

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Architecture, Published};
use inceptive_report::{Accuracy, Candidate};

/// A network as reports show it, counted at batch 1 in inference.
pub fn candidate(architecture: Architecture) -> Candidate {
    let cost = Cost::new(&architecture.graph, Mode::Inference);
    Candidate {
        name: architecture.name,
        file: architecture.file.to_string_lossy().into_owned(),
        fingerprint: architecture.graph.fingerprint().to_string(),
        input: architecture.graph.node(architecture.graph.input()).shape,
        published: architecture.published.into_iter().map(accuracy).collect(),
        graph: architecture.graph,
        cost,
    }
}

fn accuracy(published: Published) -> Accuracy {
    let Published { dataset, top1, top5, crops, models, resolution, source, note } = published;
    Accuracy { dataset, top1, top5, crops, models, resolution, source, note }
}
