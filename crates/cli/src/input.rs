//! Reading the networks that a command line names.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{
    Architecture, Checked, Constraint, Disk, Failure, Loaded, METRICS, Setting, check, load,
};
use inceptive_ir::Graph;

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

/// Reads one network; what is wrong goes to standard error.
pub fn read(path: &Path, settings: &Settings) -> Option<Loaded> {
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
