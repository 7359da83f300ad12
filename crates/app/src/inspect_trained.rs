//! Inspection of trained networks.

use std::sync::atomic::AtomicBool;

use inceptive_bench::Copies;
use inceptive_data::{Dataset, epoch_order};
use inceptive_dsl::Architecture;
use inceptive_files::InputFiles;
use inceptive_ir::{Graph, GraphError, passes};
use inceptive_train::{
    CheckpointError, CheckpointInfo, Images, Machine, TrainError, expect_fit,
    inspect::{InspectionResult, MAX_RANK_CHANNELS, Subject, inspect},
};
use inceptive_weights::Weights;

use crate::{
    evaluate::{EvaluateError, EvaluationSource, ImagePart, Prepared, data_note},
    memory::Purpose,
    network::{ReadError, Runnable, read_runnable, read_weights},
    notes::{Note, notes_of, weight_notes},
};

/// What to inspect, and how.
#[derive(Clone, Debug)]
pub struct InspectionPlan {
    /// The network.
    pub network: EvaluationSource,
    /// The images on which accuracies are measured.
    pub part: ImagePart,
    /// Maximum number of images for which feature maps are computed.
    pub images: usize,
    /// Threads, instruction set and memory limit.
    pub machine: Machine,
}

/// An inspected network.
#[derive(Debug)]
pub struct InspectedNetwork {
    /// The network.
    pub architecture: Architecture,
    /// The files of the network, the weights and the data set, which no output may replace.
    pub inputs: InputFiles,
    /// The results of the inspection.
    pub result: InspectionResult,
    /// Notes for the user.
    pub notes: Vec<Note>,
}

/// Inspects a trained network. `listen` is called with the progress, from 0 to 1.
///
/// # Errors
/// When the network cannot be read or run, or does not fit the data set, or when it was stopped.
pub fn inspect_trained(
    plan: &InspectionPlan,
    data: &Dataset,
    stop: &AtomicBool,
    listen: &mut dyn FnMut(f64),
) -> Result<InspectedNetwork, EvaluateError> {
    let EvaluationSource { file, settings, weights: from } = &plan.network;
    let wrong =
        |error: TrainError| EvaluateError::Fit { file: file.clone(), error: Box::new(error) };
    let threads = u32::try_from(plan.machine.threads).unwrap_or(u32::MAX);
    let purpose = Purpose::Run { batch: 1, threads, copies: Copies::NATIVE };
    let Runnable { loaded, graph, weights, matching, checkpoint, subnormals, .. } =
        read_runnable(file, settings, from, purpose, stop)?;
    expect_fit(&graph, data).map_err(wrong)?;
    let mut inputs = InputFiles::of(loaded.sources.paths().chain(from.file.as_deref()));
    inputs.extend(data.inputs());
    let architecture = loaded.architecture;
    let mut notes = notes_of(&architecture);
    notes.extend(weight_notes(from, matching, subnormals));
    let weights_file = from.file.as_deref().unwrap_or(file);
    notes.extend(data_note(weights_file, checkpoint.as_ref(), data));
    let prepared = Prepared::new(checkpoint.as_ref(), data)?;
    let indices = prepared.indices(plan.part, data, (weights_file, checkpoint.as_ref()))?;
    let (graph, weights) =
        trained(plan, &architecture.graph, checkpoint.as_ref(), (graph, weights))?;
    let (augmenter, split) = (&prepared.augmenter, plan.part.split(data));
    // Evenly spaced, since a file may be sorted by class.
    let step = indices.len().div_ceil(plan.images.max(1)).max(1);
    let seen: Vec<u32> = indices.iter().copied().step_by(step).collect();
    let order = epoch_order(&prepared.partition.train, 0, 0);
    let subject = Subject {
        graph: &graph,
        weights: &weights,
        seen: Images { augmenter, split, indices: &seen },
        evaluated: Images { augmenter, split, indices: &indices },
        trained: Images { augmenter, split: &data.train, indices: &order },
    };
    let found = inspect(subject, plan.machine, stop, listen);
    let result = found.map_err(|error| match error {
        TrainError::Stopped => EvaluateError::Stopped,
        other => wrong(other),
    })?;
    notes.extend(rank_note(&result));
    Ok(InspectedNetwork { architecture, inputs, result, notes })
}

/// A note if effective ranks are estimates.
fn rank_note(result: &InspectionResult) -> Option<Note> {
    let layers = result.layers.iter().map(|layer| layer.norms.len());
    let widest = layers.chain(result.branches.iter().map(|branch| branch.channels)).max();
    let text = format!(
        "effective ranks of feature maps with more than {MAX_RANK_CHANNELS} channels are estimated from \
         {MAX_RANK_CHANNELS} random sums of their channels"
    );
    (widest > Some(MAX_RANK_CHANNELS)).then_some(Note { is_warning: false, text })
}

/// The trained graph and its weights, including the auxiliary heads if the checkpoint has them.
fn trained(
    plan: &InspectionPlan,
    graph: &Graph,
    checkpoint: Option<&CheckpointInfo>,
    (plain, weights): (Graph, Weights),
) -> Result<(Graph, Weights), EvaluateError> {
    let from = &plan.network.weights;
    let (Some(file), Some(_)) = (&from.file, checkpoint) else { return Ok((plain, weights)) };
    // Dropout would set some gradients to zero.
    let graph = graph.apply(&passes::drop_dropout(graph)).map_err(graph_error)?;
    match read_weights(file, &graph, from.match_by) {
        Ok((weights, ..)) => Ok((graph, weights)),
        // A recipe may train a network without its heads.
        Err(ReadError::Checkpoint { error, .. })
            if matches!(*error, CheckpointError::Missing(_)) =>
        {
            Ok((plain, weights))
        }
        Err(error) => Err(error.into()),
    }
}

fn graph_error(error: GraphError) -> EvaluateError {
    ReadError::Graph(error).into()
}
