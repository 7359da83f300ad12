//! Reading the networks that a command line names.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use clap::{Args, ValueEnum};
use inceptive_app::{
    CUT, INPUT_SIZE, Note, Purpose, ReadError, Runnable, WeightSource, notes_of, weight_notes,
};
use inceptive_cost::Mode;
use inceptive_dsl::{Architecture, Checked, Disk, Failure, Loaded, Setting, check, load};
use inceptive_weights::MatchBy;

use crate::{limited::NOTES, output, table::one_line};

/// Settings that every command with an architecture takes.
#[derive(Args, Clone, Debug, Default)]
pub struct Settings {
    /// Set a parameter, a variable of a space, a top-level value or an argument of a step, such as
    /// width=0.75, tail=fc, input.size=192 or 4a.c3=256; can be repeated
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<Setting>,
    /// Height and width of the input of an ONNX file that leaves them open, such as 224 or 640x480
    #[arg(long, value_name = "SIZE")]
    input_size: Option<String>,
    /// Read an ONNX file up to what is not supported, also in the middle of the network
    #[arg(long)]
    cut: bool,
}

/// The mode that a network runs in, as the command line names it.
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
        match self.all().as_slice() {
            [] => check(&Disk, path),
            set => load(&Disk, path, set).map(|loaded| Checked::Architecture(Box::new(loaded))),
        }
    }

    /// These settings and more.
    pub fn and(&self, more: &[Setting]) -> Self {
        Self { set: self.set.iter().chain(more).cloned().collect(), ..self.clone() }
    }

    /// Everything that is set.
    pub fn all(&self) -> Vec<Setting> {
        let setting = |key: &str, value: String| Setting { key: key.to_owned(), value };
        let size = self.input_size.clone().map(|size| setting(INPUT_SIZE, size));
        let cut = self.cut.then(|| setting(CUT, true.to_string()));
        self.set.iter().cloned().chain(size).chain(cut).collect()
    }
}

/// Reads one network from YAML or ONNX; prints errors to standard error.
pub fn read(path: &Path, settings: &Settings) -> Option<Loaded> {
    known(inceptive_app::read(path, &settings.all()))
}

/// Prints why a network cannot be read.
pub fn report(error: &ReadError) {
    match error {
        ReadError::Yaml(failure) => output::report(failure),
        other => output::input_error(other),
    }
}

/// How tensors are matched to layers, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MatchName {
    /// By name; for names of other programs, by kind and shape, if no two layers are alike
    Names,
    /// By name; for names of other programs, in natural order, to layers of the same kind and shape
    Order,
}

impl From<MatchName> for MatchBy {
    fn from(name: MatchName) -> Self {
        match name {
            MatchName::Names => Self::Names,
            MatchName::Order => Self::Order,
        }
    }
}

/// Where weights come from.
#[derive(Args, Clone, Debug)]
pub struct WeightsFrom {
    /// Weights from a safetensors file
    #[arg(long, value_name = "FILE", conflicts_with = "seed")]
    weights: Option<PathBuf>,
    /// How to match the tensors of --weights to layers
    #[arg(long = "match", value_name = "BY", default_value = "names", requires = "weights")]
    match_by: MatchName,
    /// Seed of the random weights that are used if no file provides weights
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

impl WeightsFrom {
    /// The seed of random weights.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The weights file, if one is named.
    pub fn file(&self) -> Option<&Path> {
        self.weights.as_deref()
    }

    /// Where they come from.
    pub fn source(&self) -> WeightSource {
        WeightSource { file: self.weights.clone(), match_by: self.match_by.into(), seed: self.seed }
    }
}

/// Reads a network with weights: from `--weights`, from the ONNX file itself, or random ones. Prints errors to
/// standard error.
pub fn read_runnable(
    path: &Path,
    settings: &Settings,
    from: &WeightsFrom,
    purpose: Purpose,
) -> Option<Runnable> {
    let never = AtomicBool::new(false);
    match inceptive_app::read_runnable(path, &settings.all(), &from.source(), purpose, &never) {
        Ok(runnable) => {
            remark(&runnable.loaded.architecture);
            let notes = weight_notes(&from.source(), runnable.matching, runnable.subnormals);
            notes.iter().for_each(print_note);
            Some(runnable)
        }
        Err(error) => {
            report(&error);
            None
        }
    }
}

/// Reads one network for a mode; in training its auxiliary heads have to fit. Prints errors to standard error.
pub fn read_for(mode: ModeName, path: &Path, settings: &Settings) -> Option<Loaded> {
    if mode == ModeName::Inference {
        return read(path, settings);
    }
    let loaded = inceptive_app::read(path, &settings.all()).and_then(|loaded| {
        loaded.expect_heads().map_err(ReadError::Yaml)?;
        Ok(loaded)
    });
    known(loaded)
}

/// The network, after its notes or the error were printed.
fn known(loaded: Result<Loaded, ReadError>) -> Option<Loaded> {
    match loaded {
        Ok(loaded) => {
            remark(&loaded.architecture);
            Some(loaded)
        }
        Err(error) => {
            report(&error);
            None
        }
    }
}

/// Reads several networks; whether one failed is the second result.
pub fn read_all(mode: ModeName, paths: &[PathBuf], settings: &Settings) -> (Vec<Loaded>, bool) {
    let loaded: Vec<Loaded> =
        paths.iter().filter_map(|path| read_for(mode, path, settings)).collect();
    let failed = loaded.len() < paths.len();
    (loaded, failed)
}

/// Prints warnings and notes about a network before it is shown.
pub fn remark(architecture: &Architecture) {
    notes_of(architecture).iter().for_each(print_note);
}

/// Prints a note or a warning, unless there were too many.
pub fn print_note(note: &Note) {
    if !NOTES.admit(1) {
        return;
    }
    let kind = if note.is_warning { "warning" } else { "note" };
    output::warn(&format!("{kind}: {}", one_line(&note.text)));
}
