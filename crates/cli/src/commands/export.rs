//! `inceptive export`.

use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, ValueEnum};
use inceptive_onnx::{Batch, Opset, Options, to_onnx};
use inceptive_report::replace_file;

use crate::{
    input::{Runnable, Settings, WeightsFrom, read_runnable},
    output::Outcome,
};

/// Write a network as ONNX.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  inceptive export architectures/googlenet.yaml -o googlenet.onnx
  inceptive export architectures/inception-v3.yaml --weights inception_v3.safetensors -o v3.onnx
  inceptive export architectures/resnet50.yaml --fold-bn --batch dynamic -o resnet50.onnx

What is written is the network as deployed: without auxiliary heads and dropout. Nodes are named by
their paths in the YAML. Weights are random, from --seed, unless a safetensors file gives them.")]
pub struct Export {
    /// An architecture, a space with --set, or an ONNX file
    file: PathBuf,
    /// What to write
    #[arg(long, value_name = "FORMAT", default_value = "onnx")]
    format: Format,
    /// Where to write it
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    weights: WeightsFrom,
    /// Multiply batch normalisations into the layers before them
    #[arg(long)]
    fold_bn: bool,
    /// Version of the ONNX operator set
    #[arg(long, value_name = "N", default_value = "17", value_parser = opset)]
    opset: Opset,
    /// Images at once: a number, or `dynamic` for any
    #[arg(long, value_name = "N", default_value = "1", value_parser = batch)]
    batch: Batch,
    #[command(flatten)]
    settings: Settings,
}

/// What a network is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// An ONNX file with weights
    Onnx,
}

fn opset(text: &str) -> Result<Opset, String> {
    let version = text.parse().ok().and_then(Opset::new);
    version.ok_or_else(|| format!("versions {} to {} can be written", Opset::OLDEST, Opset::NEWEST))
}

fn batch(text: &str) -> Result<Batch, String> {
    match text.parse::<u32>() {
        Ok(0) => Err("at least one image is needed".to_owned()),
        Ok(images) => Ok(Batch::Fixed(images)),
        Err(_) if text == "dynamic" => Ok(Batch::Dynamic),
        Err(_) => Err("a number or `dynamic` is needed".to_owned()),
    }
}

impl Export {
    /// Writes the file.
    ///
    /// # Errors
    /// When weights do not fit or a file cannot be read or written.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let Some(runnable) = read_runnable(&self.file, &self.settings, &self.weights)? else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        let content = match self.format {
            Format::Onnx => self.onnx(runnable)?,
        };
        replace_file(&self.output, &content)?;
        Ok(Outcome::default())
    }

    fn onnx(&self, Runnable { loaded, graph, weights }: Runnable) -> anyhow::Result<Vec<u8>> {
        let (graph, weights) = match self.fold_bn {
            true => weights.fold_batch_norm(&graph)?,
            false => (graph, weights),
        };
        let options =
            Options { name: loaded.architecture.name, opset: self.opset, batch: self.batch };
        to_onnx(&graph, &weights, &options).with_context(|| format!("`{}`", self.file.display()))
    }
}
