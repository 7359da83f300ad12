//! Evaluating trained networks on a data set, on one or several engines.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    sync::atomic::{AtomicBool, Ordering},
};

use inceptive_bench::{Copies, Engine, EngineError, Model, Setup, allowed_error, available_memory};
use inceptive_data::{
    Augment, AugmentError, Augmenter, ChannelStats, DataError, Dataset, Partition, Split, Views,
};
use inceptive_dsl::Setting;
use inceptive_format::counted;
use inceptive_results::Precision;
use inceptive_train::{
    CheckpointInfo, Evaluation, ImageResult, Images, Intervals, Predictions, TrainError,
    classes_of, expect_fit,
};
use inceptive_weights::FoldError;

use crate::{
    engines::AvailableEngine,
    memory::{OutOfMemory, Purpose, check_memory},
    network::{ReadError, Runnable, WeightSource, read_runnable},
    notes::{Note, notes_of, weight_notes},
};

/// A network to evaluate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluationSource {
    /// Its file.
    pub file: PathBuf,
    /// Settings, as given with `--set`.
    pub settings: Vec<Setting>,
    /// Its weights.
    pub weights: WeightSource,
}

/// The images to evaluate on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImagePart {
    /// The test images.
    #[default]
    Test,
    /// The training images that were held out.
    Validation,
    /// The images that were trained on.
    Train,
}

impl ImagePart {
    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation => "validation",
            Self::Train => "train",
        }
    }

    /// Formats a number of its images: `1 test image`, `360 training images`.
    pub fn counted(self, images: usize) -> String {
        let [one, many] = match self {
            Self::Test => ["test image", "test images"],
            Self::Validation => ["validation image", "validation images"],
            Self::Train => ["training image", "training images"],
        };
        counted(images, one, many)
    }

    /// The split that its images belong to.
    pub(crate) fn split(self, data: &Dataset) -> &Split {
        match self {
            Self::Test => &data.test,
            Self::Validation | Self::Train => &data.train,
        }
    }
}

/// What to evaluate, and how.
#[derive(Clone, Debug)]
pub struct EvaluatePlan {
    /// The networks; the probabilities of several are averaged.
    pub networks: Vec<EvaluationSource>,
    /// The images.
    pub part: ImagePart,
    /// The views of each image.
    pub views: Views,
    /// Batch size, threads, precision and device. The batch size is limited to the number of images.
    pub setup: Setup,
}

/// Networks cannot be evaluated.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A network cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A network does not fit the data set, or cannot be run.
    #[error("`{}`: {error}", file.display())]
    Fit {
        /// Its file.
        file: PathBuf,
        /// The error.
        #[source]
        error: Box<TrainError>,
    },
    /// Normalisations cannot be folded.
    #[error("`{}`: {error}", file.display())]
    Fold {
        /// Its file.
        file: PathBuf,
        /// The error.
        #[source]
        error: Box<FoldError>,
    },
    /// The probabilities do not fit into memory.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// There are no validation images.
    #[error("`{}` has no validation images: {why}; use --split test or --split train", file.display())]
    NoValidation {
        /// The weights.
        file: PathBuf,
        /// Why there are none.
        why: String,
    },
    /// Networks were trained on different images.
    #[error(
        "`{}` and `{}` were trained on different images, so their {} images differ; use --split test",
        first.display(), other.display(), part.name()
    )]
    Parts {
        /// The weights of the first.
        first: PathBuf,
        /// The weights of another.
        other: PathBuf,
        /// The images.
        part: ImagePart,
    },
    /// The data cannot be divided as in training.
    #[error(transparent)]
    Data(#[from] DataError),
    /// Images cannot be normalised.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// It was stopped.
    #[error("stopped")]
    Stopped,
}

/// A network that was evaluated.
#[derive(Clone, Debug, PartialEq)]
pub struct EvaluatedNetwork {
    /// Its name.
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// Its weights: a checkpoint, or the network's own file.
    pub weights: PathBuf,
    /// The statistics that images were normalised with.
    pub stats: ChannelStats,
    /// Number of images that the statistics were computed from.
    pub stats_images: usize,
    /// The training run that the weights come from, if the file records it.
    pub checkpoint: Option<CheckpointInfo>,
}

/// The result of one network, or of several averaged.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkResult {
    /// The metrics.
    pub evaluation: Evaluation,
    /// Their intervals.
    pub intervals: Intervals,
    /// The result of each image.
    pub results: Vec<ImageResult>,
}

/// The results on an engine.
#[derive(Clone, Debug, PartialEq)]
pub struct OnEngine {
    /// The precision that was used.
    pub precision: Precision,
    /// The result of each network.
    pub networks: Vec<NetworkResult>,
    /// The result of the averaged probabilities; for a single network, its own result.
    pub together: NetworkResult,
    /// The largest difference between a probability and that of the first engine.
    pub difference: f64,
    /// Number of images whose predicted class differs from that of the first engine.
    pub differing: usize,
    /// Whether it agrees with the first engine within rounding error.
    pub agrees: bool,
}

/// For each engine: its name, its version, and its results or its error.
pub type Engines = Vec<(&'static str, String, Result<OnEngine, EngineError>)>;

/// The results of an evaluation.
#[derive(Debug)]
pub struct Evaluated {
    /// The networks.
    pub networks: Vec<EvaluatedNetwork>,
    /// Number of images.
    pub images: usize,
    /// The results.
    pub engines: Engines,
    /// Notes for the user.
    pub notes: Vec<Note>,
}

/// A network that was read, with its model and its images.
struct Member {
    about: EvaluatedNetwork,
    model: Model,
    augmenter: Augmenter,
    indices: Vec<u32>,
}

/// Evaluates networks on each engine. `listen` is called with the progress, from 0 to 1.
///
/// # Errors
/// When a network cannot be read or does not fit the data set, or when it was stopped. The error of a single engine is
/// returned among the results.
pub fn evaluate(
    plan: &EvaluatePlan,
    data: &Dataset,
    engines: &[AvailableEngine],
    stop: &AtomicBool,
    listen: &mut dyn FnMut(f64),
) -> Result<Evaluated, EvaluateError> {
    let mut notes = Vec::new();
    let mut members = Vec::with_capacity(plan.networks.len());
    for source in &plan.networks {
        members.push(Member::read(source, plan, (data, engines, stop), &mut notes)?);
    }
    let Some((first, others)) = members.split_first() else {
        return Ok(Evaluated { networks: vec![], images: 0, engines: vec![], notes });
    };
    expect_same_images(plan.part, first, others)?;
    // Those of each network, their mean, and those of the first engine.
    let (images, kept) = (first.indices.len(), members.len() as u64 + 2);
    let needed = Predictions::bytes(images, data.classes.len()).saturating_mul(kept);
    let what = || {
        format!(
            "a probability for each of {} classes for {}",
            data.classes.len(),
            plan.part.counted(images)
        )
    };
    check_memory(what, needed, available_memory())?;
    let total = engines.len() * members.len();
    let mut run = Run { plan, data, total, done: 0, stop, listen };
    let mut found: Engines = Vec::with_capacity(engines.len());
    let mut reference: Option<(Precision, Predictions)> = None;
    for AvailableEngine { engine, description } in engines {
        run.done = found.len() * members.len();
        let on_engine = match run.engine(engine.as_ref(), &members) {
            Ok((precision, predictions)) => {
                let (known, expected) =
                    reference.get_or_insert_with(|| (precision, Predictions::mean(&predictions)));
                Ok(run.compare((first, &members), (precision, &predictions), (*known, expected)))
            }
            Err(EngineError::Stopped) => return Err(EvaluateError::Stopped),
            Err(error) => Err(error),
        };
        found.push((engine.name(), description.version.clone(), on_engine));
    }
    let images = first.indices.len();
    let networks = members.into_iter().map(|member| member.about).collect();
    Ok(Evaluated { networks, images, engines: found, notes })
}

/// Checks that several networks are evaluated on the same images.
fn expect_same_images(
    part: ImagePart,
    first: &Member,
    others: &[Member],
) -> Result<(), EvaluateError> {
    match others.iter().find(|other| other.indices != first.indices) {
        None => Ok(()),
        Some(other) => Err(EvaluateError::Parts {
            first: first.about.weights.clone(),
            other: other.about.weights.clone(),
            part,
        }),
    }
}

impl Member {
    /// The images that it is evaluated on.
    fn images<'a>(&'a self, part: ImagePart, data: &'a Dataset) -> Images<'a> {
        Images { augmenter: &self.augmenter, split: part.split(data), indices: &self.indices }
    }

    fn read(
        source: &EvaluationSource,
        plan: &EvaluatePlan,
        (data, engines, stop): (&Dataset, &[AvailableEngine], &AtomicBool),
        notes: &mut Vec<Note>,
    ) -> Result<Self, EvaluateError> {
        let EvaluationSource { file, settings, weights: from } = source;
        let copies = Copies::in_turn(engines.iter().map(|found| found.engine.copies()));
        let purpose = Purpose::Run { batch: plan.setup.batch, threads: plan.setup.threads, copies };
        let Runnable { loaded, graph, weights, matching, checkpoint, subnormals, .. } =
            read_runnable(file, settings, from, purpose, stop)?;
        notes.extend(notes_of(&loaded.architecture));
        notes.extend(weight_notes(from, matching, subnormals));
        expect_fit(&graph, data)
            .map_err(|error| EvaluateError::Fit { file: file.clone(), error: Box::new(error) })?;
        let weights_file = from.file.clone().unwrap_or_else(|| file.clone());
        notes.extend(data_note(&weights_file, checkpoint.as_ref(), data));
        let prepared = Prepared::new(checkpoint.as_ref(), data)?;
        let indices = prepared.indices(plan.part, data, (&weights_file, checkpoint.as_ref()))?;
        let Prepared { partition, stats, augmenter } = prepared;
        let stats_images = partition.train.len();
        let name = loaded.architecture.name;
        let model = Model::new(&name, &graph, weights)
            .map_err(|error| EvaluateError::Fold { file: file.clone(), error: Box::new(error) })?;
        let about = EvaluatedNetwork {
            name,
            file: file.clone(),
            weights: weights_file,
            stats,
            stats_images,
            checkpoint,
        };
        Ok(Self { about, model, augmenter, indices })
    }
}

/// A data set, divided and normalised as in training.
pub(crate) struct Prepared {
    pub(crate) partition: Partition,
    pub(crate) stats: ChannelStats,
    pub(crate) augmenter: Augmenter,
}

impl Prepared {
    /// Divided as recorded in the checkpoint; without one, no images are held out.
    pub(crate) fn new(
        checkpoint: Option<&CheckpointInfo>,
        data: &Dataset,
    ) -> Result<Self, EvaluateError> {
        let partition = match trained_on(checkpoint, data) {
            Some(info) => data.hold_out(info.held_out, info.seed)?,
            None => data.hold_out(0, 0)?,
        };
        let stats = data.train.channel_stats(&partition.train);
        let augmenter = Augmenter::new(&Augment::default(), data.shape(), &stats, 0)?;
        Ok(Self { partition, stats, augmenter })
    }

    /// The images of a part, for a file of weights and what it records of its training.
    pub(crate) fn indices(
        &self,
        part: ImagePart,
        data: &Dataset,
        (weights, checkpoint): (&Path, Option<&CheckpointInfo>),
    ) -> Result<Vec<u32>, EvaluateError> {
        match part {
            ImagePart::Test => Ok(data.test.indices()),
            ImagePart::Train => Ok(self.partition.train.clone()),
            ImagePart::Validation if self.partition.validation.is_empty() => {
                Err(EvaluateError::NoValidation {
                    file: weights.to_owned(),
                    why: match (checkpoint, trained_on(checkpoint, data)) {
                        (_, Some(_)) => "no images were held out in its training".to_owned(),
                        (Some(_), None) => {
                            format!("it was trained on another data set than `{}`", data.name)
                        }
                        (None, None) => "it does not record a training run".to_owned(),
                    },
                })
            }
            ImagePart::Validation => Ok(self.partition.validation.clone()),
        }
    }
}

/// The checkpoint, if it was trained on this data set.
fn trained_on<'a>(
    checkpoint: Option<&'a CheckpointInfo>,
    data: &Dataset,
) -> Option<&'a CheckpointInfo> {
    checkpoint.filter(|info| info.data == data.fingerprint().to_string())
}

/// A note if images are not normalised as in training.
pub(crate) fn data_note(
    weights: &Path,
    checkpoint: Option<&CheckpointInfo>,
    data: &Dataset,
) -> Option<Note> {
    let why = match (checkpoint, trained_on(checkpoint, data)) {
        (_, Some(_)) => return None,
        (Some(_), None) => "was trained on another data set",
        (None, None) => "does not record which images it was trained on",
    };
    let text = format!(
        "`{}` {why}; images are normalised with the statistics of all training images of `{}`",
        weights.display(),
        data.name
    );
    Some(Note { is_warning: false, text })
}

/// A running evaluation.
struct Run<'a> {
    plan: &'a EvaluatePlan,
    data: &'a Dataset,
    /// Number of pairs of network and engine: in total, and evaluated so far.
    total: usize,
    done: usize,
    stop: &'a AtomicBool,
    listen: &'a mut dyn FnMut(f64),
}

impl Run<'_> {
    /// The probabilities of each network on an engine.
    fn engine(
        &mut self,
        engine: &dyn Engine,
        members: &[Member],
    ) -> Result<(Precision, Vec<Predictions>), EngineError> {
        let mut precision = Precision::Fp32;
        let mut all = Vec::with_capacity(members.len());
        let Self { plan, data, total, .. } = *self;
        let views = plan.views.of(data.shape());
        for (member, done) in members.iter().zip(self.done..) {
            let images = member.images(plan.part, data);
            let batch = images.batch(plan.setup.batch as usize);
            let setup =
                Setup { batch: u32::try_from(batch).unwrap_or(u32::MAX), ..plan.setup.clone() };
            let mut session = engine.compile(&member.model, &setup, self.stop)?;
            precision = session.precision();
            let run = |pixels: &[f32], share: f64| {
                (self.listen)((done as f64 + share) / total as f64);
                if self.stop.load(Ordering::Relaxed) {
                    return Err(EngineError::Stopped);
                }
                session.set_input(Arc::from(pixels))?;
                session.output()
            };
            all.push(images.predict(&views, batch, &member.model.graph, run)?);
        }
        Ok((precision, all))
    }

    /// The results of an engine, compared with the averaged probabilities of the first engine.
    fn compare(
        &self,
        (one, members): (&Member, &[Member]),
        (precision, predictions): (Precision, &[Predictions]),
        (first, expected): (Precision, &Predictions),
    ) -> OnEngine {
        let together = Predictions::mean(predictions);
        let pairs = together.probabilities().zip(expected.probabilities());
        let largest = |largest: f64, (a, b): (f64, f64)| match (a - b).abs() {
            apart if apart.is_nan() => f64::INFINITY,
            apart => apart.max(largest),
        };
        let difference = pairs.fold(0.0, largest);
        let result = |member: &Member, predictions| {
            let images = member.images(self.plan.part, self.data);
            NetworkResult::new(images.results(predictions), classes_of(&member.model.graph))
        };
        let networks: Vec<NetworkResult> =
            members.iter().zip(predictions).map(|(member, own)| result(member, own)).collect();
        let of_all = match networks.as_slice() {
            [only] => only.clone(),
            _ => result(one, &together),
        };
        let taken = together.predicted().zip(expected.predicted());
        OnEngine {
            precision,
            networks,
            together: of_all,
            difference,
            differing: taken.filter(|(own, other)| own != other).count(),
            agrees: difference < f64::from(allowed_error(precision, first)),
        }
    }
}

impl NetworkResult {
    fn new(results: Vec<ImageResult>, classes: usize) -> Self {
        let evaluation = Evaluation::of(&results, classes);
        let intervals = Intervals::of(&evaluation, &results);
        Self { evaluation, intervals, results }
    }
}
