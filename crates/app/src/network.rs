//! Networks from files of every kind, with weights.

use std::{
    collections::HashSet,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use inceptive_bench::available_memory;
use inceptive_dsl::{Architecture, Disk, Failure, Files, Loaded, Setting, Sources, load};
use inceptive_files::Refusal;
use inceptive_ir::{Graph, GraphError, passes};
use inceptive_onnx::{
    Bytes, ExportError, ImportError, Imported, Opset, ReadOptions, ValuesError, expect_size,
    from_onnx_with,
};
use inceptive_pytorch::to_module;
use inceptive_results::Subnormals;
use inceptive_train::{CheckpointError, CheckpointInfo};
use inceptive_weights::{LoadError, MatchBy, Matching, Weights};
use serde::{Deserialize, Serialize};

use crate::{
    memory::{OutOfMemory, Purpose, check_memory, with_batch},
    model_file::ModelFile,
    onnx_settings::{OnnxSettingError, OpenSettings, read_options},
    placed_model::PlacedModel,
};

/// Why a network cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The YAML is wrong; every mistake has its place in the file.
    #[error("{0}")]
    Yaml(Failure),
    /// The ONNX file cannot be read with the settings.
    #[error("`{}`", path.display())]
    Setting {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        #[source]
        error: OnnxSettingError,
    },
    /// The system cannot open the file.
    #[error("cannot read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// The ONNX file is no network that can be said here.
    #[error("`{}`", path.display())]
    Onnx {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        error: ImportError,
    },
    /// The ONNX file's weights cannot be read.
    #[error("`{}`", path.display())]
    Values {
        /// The file.
        path: PathBuf,
        /// The error.
        #[source]
        error: ValuesError,
    },
    /// The weights do not fit.
    #[error("`{}`", path.display())]
    Weights {
        /// The file of the weights.
        path: PathBuf,
        /// The error.
        #[source]
        error: LoadError,
    },
    /// The weights of a checkpoint do not fit.
    #[error("`{}`", path.display())]
    Checkpoint {
        /// The file of the weights.
        path: PathBuf,
        /// The error.
        #[source]
        error: Box<CheckpointError>,
    },
    /// It does not fit into memory.
    #[error(transparent)]
    Memory(#[from] OutOfMemory),
    /// Its weights do not fit into an ONNX file, which is how it is written and given to engines.
    #[error("`{}`", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// How large it would be.
        #[source]
        error: ExportError,
    },
    /// It is invalid, and its text may be private.
    #[error(
        "`{}` is invalid; its errors are not shown, because it, or a file that it refers to, is outside of the named folder: \
         `inceptive check` shows them",
        .0.display()
    )]
    Outside(PathBuf),
    /// It is invalid, and may be a private file of the user.
    #[error(
        "`{}` is invalid; its errors are not shown, because it leads through a link to another folder: name the target of the link to see them",
        .0.display()
    )]
    Link(PathBuf),
    /// Nobody waits for it any more.
    #[error("stopped")]
    Stopped,
    /// The inference graph cannot be derived from the network.
    #[error(transparent)]
    Graph(#[from] GraphError),
}

impl ReadError {
    /// What can be set so that the file can be read.
    pub fn open_settings(&self) -> OpenSettings {
        match self {
            Self::Onnx { error, .. } => {
                OpenSettings { size: error.open_size(), cut: error.can_be_cut() }
            }
            _ => OpenSettings::default(),
        }
    }
}

/// Whether a file is ONNX, by its name.
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Reads one network, from YAML or ONNX.
///
/// # Errors
/// The errors in the file or the settings.
pub fn read(path: &Path, settings: &[Setting]) -> Result<Loaded, ReadError> {
    if is_onnx(path) {
        let imported = read_onnx(path, settings)?;
        return Ok(described(path, &imported, settings));
    }
    load(&Disk, path, settings).map_err(ReadError::Yaml)
}

/// Reads one network, from YAML or ONNX, through `files`.
///
/// # Errors
/// The errors in the file or the settings.
pub fn read_from(
    files: &dyn Files,
    path: &Path,
    settings: &[Setting],
) -> Result<Loaded, ReadError> {
    if !is_onnx(path) {
        return load(files, path, settings).map_err(ReadError::Yaml);
    }
    let options = options(path, settings)?;
    let limit = MAX_ONNX_BYTES.min(available_memory());
    let bytes = files
        .read(path, limit.saturating_add(1))
        .and_then(|bytes| match bytes.len() as u64 > limit {
            true => Err(Refusal::TooLarge { limit }.into()),
            false => Ok(bytes),
        })
        .map_err(|error| ReadError::File { path: path.to_owned(), error })?;
    let imported = from_onnx_with(bytes, options)
        .map_err(|error| ReadError::Onnx { path: path.to_owned(), error })?;
    Ok(described(path, &imported, settings))
}

/// Reads an ONNX file. The values of its tensors are read from it when they are needed, so it must not change meanwhile.
///
/// # Errors
/// The errors in the file; also if there are settings that ONNX files do not have.
pub fn read_onnx(path: &Path, settings: &[Setting]) -> Result<Imported, ReadError> {
    let options = options(path, settings)?;
    let file = ModelFile::open(path, MAX_ONNX_BYTES)
        .map_err(|error| ReadError::File { path: path.to_owned(), error })?;
    inceptive_onnx::read_onnx(Arc::new(PlacedModel::new(file, path)), options)
        .map_err(|error| ReadError::Onnx { path: path.to_owned(), error })
}

/// Reads an ONNX file as a whole, so that it may change or go. Files beside it are read when their values are needed.
///
/// # Errors
/// As [`read_onnx`].
pub(crate) fn read_whole_onnx(path: &Path, settings: &[Setting]) -> Result<Imported, ReadError> {
    let options = options(path, settings)?;
    let model = PlacedModel::new(Bytes::from(bytes(path, MAX_ONNX_BYTES)?), path);
    inceptive_onnx::read_onnx(Arc::new(model), options)
        .map_err(|error| ReadError::Onnx { path: path.to_owned(), error })
}

fn options(path: &Path, settings: &[Setting]) -> Result<ReadOptions, ReadError> {
    read_options(settings).map_err(|error| ReadError::Setting { path: path.to_owned(), error })
}

/// The largest ONNX file: no message of Protocol Buffers may be larger.
const MAX_ONNX_BYTES: u64 = 2 * inceptive_files::GIB;

/// The largest file of weights: 10^9 of them in single precision, five times those of the largest network here.
const MAX_WEIGHTS_BYTES: u64 = 4 * inceptive_files::GIB;

/// A file of limited size, that fits into memory as it is.
fn bytes(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    inceptive_files::read(path, limit.min(available_memory()))
        .map_err(|error| ReadError::File { path: path.to_owned(), error })
}

/// Notes on an ONNX file: an operator set newer than the supported ones, outputs that the network does not include, and
/// tensors that count more than once.
pub fn import_notes(imported: &Imported) -> Vec<String> {
    let known = [opset_note(imported), outputs_note(imported), roles_note(imported)];
    imported.remarks.iter().cloned().chain(known.into_iter().flatten()).collect()
}

fn opset_note(imported: &Imported) -> Option<String> {
    let (found, newest) = (imported.opset, Opset::NEWEST);
    (found > newest.into()).then(|| {
        format!(
            "operator set {found} is newer than {newest}, the newest supported; verify the outputs"
        )
    })
}

/// How many outputs or tensors a note names.
const MOST_NAMED: usize = 5;

/// As "`a`, `b` and 3 more".
fn enumerated<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = match names.len().saturating_sub(MOST_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<String> = names.take(MOST_NAMED).map(|name| format!("`{name}`")).collect();
    named.join(", ") + &more
}

/// A network keeps a tensor for each role and shape, so the parameters of such tensors count more than once.
fn roles_note(imported: &Imported) -> Option<String> {
    let again = &imported.counted_again;
    let named = enumerated(again.iter().map(AsRef::as_ref));
    (!again.is_empty()).then(|| {
        format!(
            "layers use {named} in several roles or shapes; the parameters count once for each role and shape"
        )
    })
}

fn outputs_note(imported: &Imported) -> Option<String> {
    // Those of equal values are one.
    let mut seen = HashSet::new();
    let own = imported.outputs.iter().filter(|output| seen.insert(&output.path));
    let names: Vec<&str> = own.map(|output| output.name.as_str()).collect();
    several_outputs(&names)
}

/// What is said of a network with several outputs.
pub(crate) fn several_outputs(names: &[&str]) -> Option<String> {
    let [first, _, ..] = names else { return None };
    let (count, all) = (names.len(), enumerated(names.iter().copied()));
    Some(format!(
        "the network has {count} outputs, {all}; commands that run it compute the first one, `{first}`, alone"
    ))
}

/// The files of an ONNX model: the model itself, and the files beside it that contain values of its tensors.
pub fn files_of(path: &Path, imported: &Imported) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let beside: Vec<PathBuf> =
        imported.files_beside().map(|location| folder.join(location)).collect();
    [vec![path.to_owned()], beside].concat()
}

/// The files beside an ONNX file that it names, whatever else is wrong with it; none if it cannot be opened.
pub(crate) fn files_beside(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let named =
        ModelFile::open(path, MAX_ONNX_BYTES).map(|file| inceptive_onnx::files_beside(&file));
    named.into_iter().flatten().map(|location| folder.join(location)).collect()
}

/// Describes a network from an ONNX file that was read with settings. Exporters give every graph the same name, so it is
/// named after its file.
pub(crate) fn described(path: &Path, imported: &Imported, settings: &[Setting]) -> Loaded {
    let stem = path.file_stem().unwrap_or_default();
    let architecture = Architecture {
        name: stem.to_string_lossy().into_owned(),
        file: path.to_owned(),
        description: None,
        notes: import_notes(imported),
        extends: None,
        cite: vec![],
        published: vec![],
        graph: imported.graph.clone(),
        unfit_heads: vec![],
        point: settings.iter().map(|set| (set.key.clone(), set.value.clone())).collect(),
        constraints: vec![],
    };
    Loaded { architecture, sources: Sources::of_binaries(files_of(path, imported)) }
}

/// A network ready to run: its inference graph with weights.
pub struct Runnable {
    /// The network as read; its graph may include parts for training.
    pub loaded: Loaded,
    /// The inference graph.
    pub graph: Graph,
    /// Its weights.
    pub weights: Weights,
    /// How weights from another file were matched; `None` if they are the network's own or random.
    pub matching: Option<Matching>,
    /// The training that its weights are of, if they are a checkpoint.
    pub checkpoint: Option<CheckpointInfo>,
    /// The graph's name in an ONNX file.
    pub stored_name: Option<String>,
    /// How many of its weights are subnormal.
    pub subnormals: Subnormals,
}

/// Where weights come from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightSource {
    /// A safetensors file. Without it an ONNX file's own weights are taken, and random ones for YAML.
    pub file: Option<PathBuf>,
    /// How the tensors of that file find their places.
    pub match_by: MatchBy,
    /// Seed of random weights.
    pub seed: u64,
}

/// Reads a network with weights: from the weights file that was named, from the ONNX file itself, or random. A network
/// that needs more memory than `Purpose` allows is refused before any weights are created.
///
/// # Errors
/// The errors in the network or its weights; and soon after `stop` is set.
pub fn read_runnable(
    path: &Path,
    settings: &[Setting],
    from: &WeightSource,
    purpose: Purpose,
    stop: &AtomicBool,
) -> Result<Runnable, ReadError> {
    if !is_onnx(path) {
        return runnable(read(path, settings)?, from, purpose, stop);
    }
    let imported = read_onnx(path, settings)?;
    runnable_onnx(described(path, &imported, settings), &imported, from, purpose, stop)
}

/// A network of an ONNX file with weights: from the weights file that was named, or its own.
///
/// # Errors
/// As [`read_runnable`].
pub(crate) fn runnable_onnx(
    loaded: Loaded,
    imported: &Imported,
    from: &WeightSource,
    purpose: Purpose,
    stop: &AtomicBool,
) -> Result<Runnable, ReadError> {
    let path = &loaded.architecture.file;
    check_size(path, &imported.graph, purpose, available_memory())?;
    check_stop(stop)?;
    let weights = match from.file {
        None => Some(values(path, imported)?),
        Some(_) => None,
    };
    let stored_name = Some(imported.name.clone()).filter(|name| !name.is_empty());
    let graph = passes::inference(&loaded.architecture.graph)?;
    let graph = match purpose {
        Purpose::Export => graph,
        Purpose::Run { .. } => passes::first_output(&graph)?,
    };
    with_weights(loaded, graph, Own { weights, stored_name }, from, stop)
}

/// A network of a YAML file with weights: from the weights file that was named, or random.
///
/// # Errors
/// As [`read_runnable`].
pub(crate) fn runnable(
    loaded: Loaded,
    from: &WeightSource,
    purpose: Purpose,
    stop: &AtomicBool,
) -> Result<Runnable, ReadError> {
    let graph = passes::inference(&loaded.architecture.graph)?;
    check_size(&loaded.architecture.file, &graph, purpose, available_memory())?;
    with_weights(loaded, graph, Own::default(), from, stop)
}

/// What only an ONNX file has.
#[derive(Default)]
struct Own {
    weights: Option<Weights>,
    stored_name: Option<String>,
}

fn with_weights(
    loaded: Loaded,
    graph: Graph,
    own: Own,
    from: &WeightSource,
    stop: &AtomicBool,
) -> Result<Runnable, ReadError> {
    check_stop(stop)?;
    let (weights, matching, checkpoint) = match (&from.file, own.weights) {
        (Some(file), _) => read_weights(file, &graph, from.match_by)?,
        (None, Some(own)) => (own, None, None),
        (None, None) => {
            let weights = Weights::seeded_until(&graph, from.seed, stop);
            (weights.ok_or(ReadError::Stopped)?, None, None)
        }
    };
    check_stop(stop)?;
    let subnormals = inceptive_bench::count_subnormals(&weights);
    check_stop(stop)?;
    let stored_name = own.stored_name;
    Ok(Runnable { loaded, graph, weights, matching, checkpoint, stored_name, subnormals })
}

fn check_stop(stop: &AtomicBool) -> Result<(), ReadError> {
    if stop.load(Ordering::Relaxed) { Err(ReadError::Stopped) } else { Ok(()) }
}

/// The weights of a safetensors file. Of a checkpoint, these are the ones that training evaluates: averages, where it has
/// any.
pub(crate) fn read_weights(
    file: &Path,
    graph: &Graph,
    match_by: MatchBy,
) -> Result<(Weights, Option<Matching>, Option<CheckpointInfo>), ReadError> {
    let unreadable = |error| ReadError::File { path: file.to_owned(), error };
    let stored = ModelFile::open(file, MAX_WEIGHTS_BYTES).map_err(unreadable)?;
    let wrong = |error| ReadError::Checkpoint { path: file.to_owned(), error: Box::new(error) };
    match CheckpointInfo::read(&stored) {
        Ok(Some(info)) => {
            let weights = info.weights(&stored, graph).map_err(wrong)?;
            Ok((weights, Some(Matching::Names), Some(info)))
        }
        Ok(None) | Err(CheckpointError::Format(_)) => {
            let loaded = match Weights::from_safetensors(&stored, graph, match_by) {
                // Names that become the same in Python are told apart by numbers there.
                Err(error) => {
                    let keys = to_module(graph, "network").keys;
                    Weights::from_safetensors_by_keys(&stored, graph, &keys)
                        .map(|weights| (weights, Matching::Names))
                        .map_err(|_| error)
                }
                Ok(loaded) => Ok(loaded),
            };
            let (weights, matching) =
                loaded.map_err(|error| ReadError::Weights { path: file.to_owned(), error })?;
            Ok((weights, Some(matching), None))
        }
        Err(error) => Err(wrong(error)),
    }
}

/// The weights in an ONNX file and in the files beside it.
///
/// # Errors
/// When they cannot be read.
pub fn own_weights(path: &Path, imported: &Imported) -> Result<Weights, ReadError> {
    check_size(path, &imported.graph, Purpose::Export, available_memory())?;
    values(path, imported)
}

fn values(path: &Path, imported: &Imported) -> Result<Weights, ReadError> {
    imported.weights().map_err(|error| ReadError::Values { path: path.to_owned(), error })
}

/// Checks that a network fits into memory, and into an ONNX file if one is needed.
///
/// # Errors
/// When it does not.
pub(crate) fn check_size(
    path: &Path,
    graph: &Graph,
    purpose: Purpose,
    available: u64,
) -> Result<(), ReadError> {
    if purpose.needs_file() {
        expect_file_size(path, graph)?;
    }
    let what = || with_batch(&path.to_string_lossy(), purpose.batch());
    Ok(check_memory(what, purpose.needed(graph, available), available)?)
}

/// Checks that a network fits into the ONNX file that it becomes on its way to engines.
///
/// # Errors
/// When it does not.
pub(crate) fn expect_file_size(path: &Path, graph: &Graph) -> Result<(), ReadError> {
    expect_size(graph).map_err(|error| ReadError::Size { path: path.to_owned(), error })
}
