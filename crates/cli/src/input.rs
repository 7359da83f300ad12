//! Reading the networks that a command line names.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{
    Architecture, Checked, Constraint, Disk, Failure, Loaded, METRICS, Setting, Sources, check,
    load,
};
use inceptive_ir::{Graph, passes};
use inceptive_onnx::{Imported, Matching, Weights, from_onnx};

use crate::output;

/// Settings that every command with an architecture takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    /// Set a parameter, a variable of a space, a top-level value or a step's argument, for example
    /// width=0.75, tail=fc, input.size=192 or 4a.c3=256; may be given several times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Setting>,
}

/// What of the network runs, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeName {
    /// As deployed
    Inference,
    /// With auxiliary heads and dropout
    Training,
}

impl From<ModeName> for Mode {
    fn from(name: ModeName) -> Self {
        match name {
            ModeName::Inference => Self::Inference,
            ModeName::Training => Self::Training,
        }
    }
}

impl Settings {
    /// Checks a file of any kind; with settings, the network that they make of it.
    pub fn check(&self, path: &Path) -> Result<Checked, Failure> {
        match self.set.as_slice() {
            [] => check(&Disk, path),
            set => load(&Disk, path, set).map(|loaded| Checked::Architecture(Box::new(loaded))),
        }
    }

    /// These settings and more.
    pub fn and(&self, more: &[Setting]) -> Self {
        Self { set: self.set.iter().chain(more).cloned().collect() }
    }
}

/// Reads one network, from YAML or ONNX; what is wrong goes to standard error.
pub fn read(path: &Path, settings: &Settings) -> Option<Loaded> {
    if is_onnx(path) {
        return match read_onnx(path, settings) {
            Ok(imported) => Some(described(path, &imported)),
            Err(error) => {
                output::warn(&format!("error: {error:#}"));
                None
            }
        };
    }
    match load(&Disk, path, &settings.set) {
        Ok(loaded) => {
            warn_of_constraints(&loaded.architecture);
            Some(loaded)
        }
        Err(failure) => {
            output::report(&failure);
            None
        }
    }
}

/// Whether a file is ONNX, by its name.
pub fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("onnx"))
}

/// Reads an ONNX file.
pub fn read_onnx(path: &Path, settings: &Settings) -> anyhow::Result<Imported> {
    if !settings.set.is_empty() {
        bail!("`{}`: --set is for YAML files; an ONNX file is fixed", path.display());
    }
    let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    from_onnx(bytes).with_context(|| format!("`{}`", path.display()))
}

/// What is known about a network from an ONNX file. Exporters call every graph the same, so it is named
/// after its file.
fn described(path: &Path, imported: &Imported) -> Loaded {
    let stem = path.file_stem().unwrap_or_default();
    let architecture = Architecture {
        name: stem.to_string_lossy().into_owned(),
        file: path.to_owned(),
        description: None,
        cite: vec![],
        published: vec![],
        graph: imported.graph.clone(),
        point: vec![],
        constraints: vec![],
    };
    Loaded { architecture, sources: Sources::default() }
}

/// A network ready to run: what is deployed of it, with weights.
pub struct Runnable {
    /// What is known about the network; its graph may have parts for training.
    pub loaded: Loaded,
    /// The inference graph.
    pub graph: Graph,
    /// Its weights.
    pub weights: Weights,
}

/// Where weights come from.
#[derive(Args, Clone, Debug)]
pub struct WeightsFrom {
    /// Weights from a safetensors file, by name, or by order and shape
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    weights: Option<PathBuf>,
    /// Seed of random weights, which are used where a file has none
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

impl WeightsFrom {
    /// The seed of what is random.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

/// Reads a network with weights: from `--weights`, from the ONNX file itself, or random ones. Errors in
/// the file itself have been printed when there is no result.
pub fn read_runnable(
    path: &Path,
    settings: &Settings,
    from: &WeightsFrom,
) -> anyhow::Result<Option<Runnable>> {
    let (loaded, own) = if is_onnx(path) {
        let imported = read_onnx(path, settings)?;
        let beside = |location: &str| read_beside(path, location);
        let weights = match from.weights {
            None => Some(imported.weights(beside)?),
            Some(_) => None,
        };
        (described(path, &imported), weights)
    } else {
        match read(path, settings) {
            Some(loaded) => (loaded, None),
            None => return Ok(None),
        }
    };
    let graph = passes::inference(&loaded.architecture.graph)?;
    let weights = match (&from.weights, own) {
        (Some(file), _) => load_weights(file, &graph)?,
        (None, Some(own)) => own,
        (None, None) => Weights::seeded(&graph, from.seed),
    };
    Ok(Some(Runnable { loaded, graph, weights }))
}

fn load_weights(file: &Path, graph: &Graph) -> anyhow::Result<Weights> {
    let bytes = fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let loaded = Weights::from_safetensors(&bytes, graph);
    let (weights, matching) = loaded.with_context(|| format!("`{}`", file.display()))?;
    if matching == Matching::Order {
        output::warn(&format!(
            "note: names in `{}` are not ours; layers of equal shape were matched in the natural order of \
             their names. Compare an output before you trust it.",
            file.display()
        ));
    }
    Ok(weights)
}

/// Reads a file that a model names, from the model's own folder only.
pub fn read_beside(model: &Path, location: &str) -> io::Result<Vec<u8>> {
    let location = Path::new(location);
    if !location.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        let message = "weights can only be in the folder of the model";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    fs::read(model.parent().unwrap_or(Path::new("")).join(location))
}

/// Reads several networks; whether one failed is the second result.
pub fn read_all(paths: &[PathBuf], settings: &Settings) -> (Vec<Loaded>, bool) {
    let loaded: Vec<Loaded> = paths.iter().filter_map(|path| read(path, settings)).collect();
    let failed = loaded.len() < paths.len();
    (loaded, failed)
}

/// A point of a space is shown whatever its constraints say, but never silently.
fn warn_of_constraints(architecture: &Architecture) {
    if architecture.constraints.is_empty() {
        return;
    }
    let cost = Cost::new(&architecture.graph, Mode::Inference);
    for constraint in broken(architecture, &cost) {
        output::warn(&format!(
            "warning: `{}` is outside of the space: not {constraint}",
            architecture.name
        ));
    }
}

/// The constraints that a network does not satisfy.
pub fn broken<'a>(architecture: &'a Architecture, cost: &Cost) -> Vec<&'a Constraint> {
    let counts = |name: &str| metric(name, &architecture.graph, cost);
    let holds = |constraint: &&Constraint| constraint.holds(&counts) == Some(false);
    architecture.constraints.iter().filter(holds).collect()
}

/// A count by the name that constraints use.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts are below 2^53, and constraints are approximate"
)]
fn metric(name: &str, graph: &Graph, cost: &Cost) -> Option<f64> {
    let total = &cost.total;
    debug_assert!(METRICS.contains(&name), "{name}");
    Some(match name {
        "params" => total.params as f64,
        "buffers" => total.buffers as f64,
        "macs" => total.macs as f64,
        "flops" => total.flops as f64,
        "acts" => total.acts as f64,
        "weight_bytes" => total.weight_bytes as f64,
        "activation_bytes" => total.activation_bytes as f64,
        "peak_activation_bytes" => cost.peak.bytes as f64,
        "nodes" => total.nodes as f64,
        "input_size" => f64::from(graph.node(graph.input()).shape.size().height),
        _ => return None,
    })
}
