//! Notes and warnings about networks.

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::Architecture;
use inceptive_results::Subnormals;
use inceptive_weights::{Matching, Naming};
use serde::{Deserialize, Serialize};

use crate::{
    constraints::violated_constraints,
    network::{WeightSource, several_outputs},
};

/// What the user should know about a network that can still be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Whether something that the file demands is not so.
    pub is_warning: bool,
    /// One sentence, with names as they are in the file.
    pub text: String,
}

impl Note {
    const fn plain(text: String) -> Self {
        Self { is_warning: false, text }
    }
}

/// Notes about an architecture: violated constraints, auxiliary heads that do not fit, several outputs, and what was left out of an
/// ONNX file. Notes of a YAML file are its author's and part of the network.
pub fn notes_of(architecture: &Architecture) -> Vec<Note> {
    let mut notes = constraint_notes(architecture);
    notes.extend(architecture.unfit_heads.iter().map(|head| {
        Note::plain(format!("`{}`: {head}; it is only used in training", architecture.name))
    }));
    if crate::network::is_onnx(&architecture.file) {
        notes.extend(architecture.notes.iter().cloned().map(Note::plain));
    } else if let Some(several) = outputs_note(architecture) {
        notes.push(Note::plain(format!("`{}`: {several}", architecture.name)));
    }
    notes
}

/// What is said of the outputs of a YAML file that names several; that of an ONNX file is among its notes.
pub(crate) fn outputs_note(architecture: &Architecture) -> Option<String> {
    let graph = &architecture.graph;
    let outputs = graph.outputs().map(|output| graph.node(output).path.as_str());
    let is_yaml = !crate::network::is_onnx(&architecture.file);
    several_outputs(&outputs.collect::<Vec<_>>()).filter(|_| is_yaml)
}

/// Warnings of violated constraints; a point of a space that violates some can still be used.
fn constraint_notes(architecture: &Architecture) -> Vec<Note> {
    if architecture.constraints.is_empty() {
        return vec![];
    }
    let cost = Cost::new(&architecture.graph, Mode::Inference);
    let violated = violated_constraints(architecture, &cost);
    let note = |constraint| Note {
        is_warning: true,
        text: format!("`{}` violates {constraint}", architecture.name),
    };
    violated.into_iter().map(note).collect()
}

/// Notes about weights: whose names they have, matched by order and not by name, subnormal, or not finite.
pub fn weight_notes(
    source: &WeightSource,
    matching: Option<Matching>,
    subnormals: Subnormals,
) -> Vec<Note> {
    let mut notes = vec![];
    if let Some(file) = &source.file {
        notes.extend(matching_note(&file.to_string_lossy(), matching));
    }
    notes.extend(subnormals.findings().map(|finding| Note::plain(finding.to_string())));
    notes
}

/// How tensors found their places, where they do not have our names.
fn matching_note(file: &str, matching: Option<Matching>) -> Option<Note> {
    let text = match matching? {
        Matching::Names => return None,
        Matching::Known(Naming { source, differs: None }) => {
            format!("`{file}` has the tensor names of {source}")
        }
        Matching::Known(Naming { source, differs: Some(differs) }) => {
            format!("`{file}` has the tensor names of {source}; {differs}")
        }
        Matching::Shapes => {
            format!(
                "`{file}` uses other tensor names; every layer was matched by its shape, which no other layer has"
            )
        }
        Matching::Order => format!(
            "`{file}` uses other tensor names; layers of equal shape were matched in the natural order of their names. \
             Verify the outputs."
        ),
    };
    Some(Note::plain(text))
}
