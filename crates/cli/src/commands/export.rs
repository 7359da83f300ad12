//! `inceptive export`.

use std::path::PathBuf;

use clap::{
    ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum, error::ErrorKind,
    parser::ValueSource,
};
use inceptive_app::{Exported, OnnxOptions, Purpose, export_onnx, export_pytorch};
use inceptive_files::InputFiles;
use inceptive_onnx::{Batch, Opset, WeightType};

use crate::{
    input::{ModeName, Settings, WeightsFrom, read_for, read_runnable},
    output::{self, Outcome},
};

/// Write a network as ONNX, or as a PyTorch module to train.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive export architectures/googlenet.yaml -o googlenet.onnx
  inceptive export architectures/inception-v3.yaml --weights v3.safetensors --match order -o v3.onnx
  inceptive export architectures/resnet50.yaml --fold-bn --batch dynamic -o resnet50.onnx
  inceptive export architectures/googlenet.yaml --format pytorch -o googlenet.py",
    after_help = "ONNX files hold the deployed network, without auxiliary heads and dropout. Nodes are named by their
paths in the YAML. Weights are random, from --seed, unless --weights names a safetensors file.

PyTorch modules hold the training network, in one file that needs only torch. To use trained weights
here, save the state_dict() with safetensors.torch.save_file and pass the file to --weights."
)]
pub struct Export {
    /// An architecture, a space with --set, or an ONNX file
    file: PathBuf,
    /// Output file
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    target: Fitting,
    #[command(flatten)]
    settings: Settings,
}

/// What to write.
#[derive(Args, Debug)]
struct Target {
    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "onnx")]
    format: Format,
    #[command(flatten)]
    weights: WeightsFrom,
    /// Fold batch normalisations into the layers before them
    #[arg(long)]
    fold_bn: bool,
    /// Version of the ONNX operator set
    #[arg(long, value_name = "N", default_value = "17", value_parser = opset)]
    opset: Opset,
    /// Batch size: a number, or `dynamic` for any
    #[arg(long, value_name = "N", default_value = "1", value_parser = batch)]
    batch: Batch,
    /// Type of the weights in the file; float16 halves the file, float64 doubles it, and the network still computes in float32
    #[arg(long, value_name = "TYPE", default_value = "float32")]
    weight_type: WeightTypeName,
}

/// The type of the weights in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum WeightTypeName {
    /// Single precision
    Float32,
    /// Half precision
    Float16,
    /// Double precision
    Float64,
}

impl From<WeightTypeName> for WeightType {
    fn from(name: WeightTypeName) -> Self {
        match name {
            WeightTypeName::Float32 => Self::Float32,
            WeightTypeName::Float16 => Self::Float16,
            WeightTypeName::Float64 => Self::Float64,
        }
    }
}

/// Arguments for ONNX only: their names in clap and on the command line.
const FOR_ONNX: [(&str, &str); 7] = [
    ("weights", "--weights"),
    ("match_by", "--match"),
    ("seed", "--seed"),
    ("fold_bn", "--fold-bn"),
    ("opset", "--opset"),
    ("batch", "--batch"),
    ("weight_type", "--weight-type"),
];

/// A format without arguments of another format. Clap's conflicts cannot depend on values.
#[derive(Debug)]
struct Fitting(Target);

impl FromArgMatches for Fitting {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Self::from_arg_matches_mut(&mut matches.clone())
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        let is_given = |id| matches.value_source(id) == Some(ValueSource::CommandLine);
        let given = FOR_ONNX.iter().find(|(id, _)| is_given(id));
        let target = Target::from_arg_matches_mut(matches)?;
        match (target.format, given) {
            (Format::Pytorch, Some((_, name))) => {
                let message = format!(
                    "the argument '{name}' cannot be used with '--format pytorch': it applies to ONNX only"
                );
                Err(Error::raw(ErrorKind::ArgumentConflict, message))
            }
            (Format::Pytorch, None) | (Format::Onnx, _) => Ok(Self(target)),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Fitting {
    fn augment_args(command: Command) -> Command {
        Target::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Target::augment_args_for_update(command)
    }
}

/// What a network is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An ONNX file with weights
    Onnx,
    /// A PyTorch module, in Python
    Pytorch,
}

fn opset(text: &str) -> Result<Opset, String> {
    let version = text.parse().ok().and_then(Opset::new);
    version.ok_or_else(|| format!("must be between {} and {}", Opset::OLDEST, Opset::NEWEST))
}

fn batch(text: &str) -> Result<Batch, String> {
    match text.parse::<u32>() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(images) => Ok(Batch::Fixed(images)),
        Err(_) if text == "dynamic" => Ok(Batch::Dynamic),
        Err(_) => Err("must be a number or `dynamic`".to_owned()),
    }
}

impl Export {
    /// Writes the file.
    ///
    /// # Errors
    /// When weights do not fit or a file cannot be read or written.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let exported = match self.target.0.format {
            Format::Onnx => self.onnx()?,
            Format::Pytorch => {
                let loaded = read_for(ModeName::Training, &self.file, &self.settings);
                loaded.map(|loaded| export_pytorch(&loaded)).transpose()?
            }
        };
        let Some(exported) = exported else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        exported.write(&self.output, &InputFiles::default())?;
        output::wrote(&self.output);
        Ok(Outcome::default())
    }

    /// An ONNX file; `None` if the network is invalid, after its errors were printed.
    fn onnx(&self) -> anyhow::Result<Option<Exported>> {
        let Target { format: _, weights, fold_bn, opset, batch, weight_type } = &self.target.0;
        let Some(runnable) = read_runnable(&self.file, &self.settings, weights, Purpose::Export)
        else {
            return Ok(None);
        };
        let options = OnnxOptions {
            folds_batch_norm: *fold_bn,
            opset: *opset,
            batch: *batch,
            weight_type: (*weight_type).into(),
        };
        Ok(Some(export_onnx(runnable, weights.file(), options)?))
    }
}
