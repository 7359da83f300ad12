//! `inceptive run`.

use std::{
    fs,
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail};
use clap::Args;
use inceptive_exec::{Machine, Model, Need, Precision, available_memory, random_input};
use inceptive_jobs::{Found, Runnable, check_memory, with_batch};
use inceptive_onnx::{Tensor, tensor_from_safetensors, tensors_to_safetensors};
use inceptive_report::replace_file;

use crate::{
    input::{Settings, WeightsFrom, read_runnable},
    machinery::{EngineArguments, all_cores, thread_count},
    output::Outcome,
    table::{Column, Grid},
};

/// Run a network once and compare the outputs of engines.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  inceptive run architectures/googlenet-bn.yaml --engine all
  inceptive run architectures/googlenet-bn.yaml --weights googlenet.safetensors --input cat.safetensors
  inceptive run architectures/inception-v3.yaml -o outputs.safetensors

The input is `input` of a safetensors file, batch x channels x height x width, or normally distributed
numbers from --seed. What is written holds `input` and the output of each engine under its name.")]
pub struct Run {
    /// An architecture, a space with --set, or an ONNX file
    file: PathBuf,
    #[command(flatten)]
    engine: EngineArguments,
    /// Images at once
    #[arg(long, value_name = "N", default_value = "1")]
    batch: NonZeroU32,
    /// Threads; all cores without it
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// A safetensors file with the images, as `input`
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Where to write input and outputs, as safetensors
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    weights: WeightsFrom,
    #[command(flatten)]
    settings: Settings,
}

/// What an engine gave.
struct Given {
    engine: &'static str,
    precision: Precision,
    output: Vec<f32>,
}

/// Classes that are named.
const TOP: usize = 5;

impl Run {
    /// Runs the network on each engine that was asked for.
    ///
    /// # Errors
    /// When an engine is not there or fails, or the input does not fit.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let engines = self.engine.found()?;
        let runnable = read_runnable(&self.file, &self.settings, &self.weights);
        let Some(Runnable { loaded, graph, weights, .. }) = runnable else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        let model = Model::new(&loaded.architecture.name, &graph, weights)?;
        let batch = self.batch.get();
        let what = || with_batch(&self.file.to_string_lossy(), batch);
        check_memory(what, &Need::new(&model.graph, batch), available_memory())?;
        let input = match &self.input {
            Some(path) => read_input(path, model.input_shape(batch))?,
            None => random_input(&model, batch, self.weights.seed()),
        };
        let threads = self.threads.unwrap_or_else(|| all_cores(&Machine::read()));
        let mut given = Vec::with_capacity(engines.len());
        for Found { engine, .. } in &engines {
            let mut session = engine.compile(&model, &self.engine.setup(self.batch, threads))?;
            session.set_input(Arc::clone(&input))?;
            let (engine, precision) = (engine.name(), session.precision());
            given.push(Given { engine, precision, output: session.output()? });
        }
        if let Some(path) = &self.output {
            self.write(path, &model, &input, &given)?;
        }
        Ok(Outcome::new(self.table(&given)))
    }

    fn write(
        &self,
        path: &Path,
        model: &Model,
        input: &[f32],
        given: &[Given],
    ) -> anyhow::Result<()> {
        let batch = self.batch.get();
        let shape = model.input_shape(batch);
        let mut tensors: Vec<(&str, &[usize], &[f32])> = vec![("input", &shape, input)];
        let shapes: Vec<[usize; 2]> = given
            .iter()
            .map(|given| [batch as usize, given.output.len() / batch as usize])
            .collect();
        for (given, shape) in given.iter().zip(&shapes) {
            tensors.push((given.engine, shape, &given.output));
        }
        Ok(replace_file(path, &tensors_to_safetensors(&tensors)?)?)
    }

    fn table(&self, given: &[Given]) -> String {
        let mut grid = Grid::new(vec![
            Column::Left("engine"),
            Column::Left("precision"),
            Column::Right("relative error"),
            Column::Left("largest outputs of the first image"),
        ]);
        for Given { engine, precision, output } in given {
            let first = &output[..output.len() / self.batch.get() as usize];
            let error = relative_error(output, &given[0].output);
            grid.row(vec![
                (*engine).to_owned(),
                precision.to_string(),
                if engine == &given[0].engine {
                    "reference".to_owned()
                } else {
                    format!("{error:.1e}")
                },
                largest(first),
            ]);
        }
        grid.render()
    }
}

/// The positions of the largest values, with them.
fn largest(output: &[f32]) -> String {
    let mut order: Vec<usize> = (0..output.len()).collect();
    order.sort_by(|&a, &b| output[b].total_cmp(&output[a]));
    let top: Vec<String> =
        order.iter().take(TOP).map(|&at| format!("{at}: {:.4}", output[at])).collect();
    top.join(", ")
}

/// Largest difference, relative to the largest value.
fn relative_error(a: &[f32], reference: &[f32]) -> f32 {
    let largest = reference.iter().fold(0.0_f32, |largest, x| largest.max(x.abs()));
    a.iter().zip(reference).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

fn read_input(path: &Path, expected: [usize; 4]) -> anyhow::Result<Arc<[f32]>> {
    let shown = path.display();
    let bytes = fs::read(path).with_context(|| format!("cannot read `{shown}`"))?;
    let tensor = tensor_from_safetensors(&bytes, "input").with_context(|| format!("`{shown}`"))?;
    let Some(Tensor { shape, values }) = tensor else {
        bail!("`{shown}` has no numbers named `input`")
    };
    if shape != expected {
        bail!("`input` of `{shown}` is {shape:?}, but the network reads {expected:?}; see --batch");
    }
    Ok(values.into())
}
