//! `inceptive run`.

use std::{
    num::NonZeroU32,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, bail};
use clap::Args;
use inceptive_app::{AvailableEngine, Purpose, Runnable};
use inceptive_bench::{
    Copies, Engine, EngineError, Model, Setup, allowed_error, random_input, relative_error,
};
use inceptive_files::{InputFiles, replace_file};
use inceptive_results::Precision;
use inceptive_weights::{Tensor, TensorFile, tensors_to_safetensors};

use crate::{
    input::{Settings, WeightsFrom, read_runnable},
    machinery::{EngineArguments, positive, thread_count},
    output::{self, Outcome},
    table::{Column, Grid},
};

/// Run a network once and compare the outputs of several engines.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive run architectures/googlenet-bn.yaml --engine all
  inceptive run my-network.yaml --weights my.safetensors --match order --input cat.safetensors
  inceptive run architectures/inception-v3.yaml -o outputs.safetensors",
    after_help = "The input is tensor `input` of a safetensors file, batch x channels x height x width, or normally
distributed numbers from --seed. Engines agree if the relative error is below 1e-4 in fp32, or 2e-2
otherwise; the exit code is 1 if an engine fails, differs, or outputs NaN or infinity; the others
are still compared. The file written by -o holds `input` and the output of each engine under the
engine's name."
)]
pub struct Run {
    /// An architecture, a space with --set, or an ONNX file
    file: PathBuf,
    #[command(flatten)]
    engine: EngineArguments,
    /// Batch size
    #[arg(long, value_name = "N", default_value = "1", value_parser = positive)]
    batch: NonZeroU32,
    /// Threads; default: all cores
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Safetensors file with the images as tensor `input`
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Write input and outputs to this safetensors file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    weights: WeightsFrom,
    #[command(flatten)]
    settings: Settings,
}

/// The output of an engine.
struct Given {
    engine: &'static str,
    precision: Precision,
    output: Vec<f32>,
}

/// Number of classes shown.
const TOP: usize = 5;

impl Run {
    /// Runs the network on each engine named; those that fail are reported, and the others continue.
    ///
    /// # Errors
    /// When an engine is not available, or the input or the memory does not fit.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let engines = self.engine.found()?;
        // One engine holds it at a time.
        let batch = self.batch.get();
        let copies = Copies::in_turn(engines.iter().map(|found| found.engine.copies()));
        let threads =
            self.threads.unwrap_or_else(|| inceptive_bench::this_machine().default_threads());
        let purpose = Purpose::Run { batch, threads: threads.get(), copies };
        let runnable = read_runnable(&self.file, &self.settings, &self.weights, purpose);
        let Some(Runnable { loaded, graph, weights, .. }) = runnable else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        let model = Model::new(&loaded.architecture.name, &graph, weights)?;
        let input = match &self.input {
            Some(path) => read_input(path, model.input_shape(batch))?,
            None => random_input(&model, batch, self.weights.seed()),
        };
        let setup = self.engine.setup(self.batch, threads);
        let given = outputs(&engines, &model, &setup, &input);
        if given.is_empty() {
            return Ok(Outcome { text: String::new(), failed: true });
        }
        if let Some(path) = &self.output {
            let sources = loaded.sources.paths();
            let others = [self.input.as_deref(), self.weights.file()].into_iter().flatten();
            let inputs = InputFiles::of(sources.chain(others));
            let content = self.tensors(&model, &input, &given)?;
            replace_file(path, &content, &inputs)?;
        }
        let compared = self.compared(&given);
        let failed = compared.failed || given.len() < engines.len();
        Ok(Outcome { failed, ..compared })
    }

    /// The input and the output of each engine, as safetensors.
    fn tensors(&self, model: &Model, input: &[f32], given: &[Given]) -> anyhow::Result<Vec<u8>> {
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
        Ok(tensors_to_safetensors(&tensors)?)
    }

    /// The output of each engine, and whether all agree with the first.
    fn compared(&self, given: &[Given]) -> Outcome {
        let mut grid = Grid::new(vec![
            Column::Left("engine"),
            Column::Left("precision"),
            Column::Right("relative error"),
            Column::Left("verdict"),
            Column::Left("largest outputs of the first image"),
        ]);
        let mut failed = false;
        for (at, Given { engine, precision, output }) in given.iter().enumerate() {
            let reference = &given[0];
            let error = relative_error(output, &reference.output);
            let agrees = error < allowed_error(*precision, reference.precision);
            failed |= !agrees;
            let verdict = match (at, agrees) {
                (0, true) => "",
                (0, false) => "NOT FINITE",
                (_, true) => "agrees",
                (_, false) => "DIFFERS",
            };
            grid.row(vec![
                (*engine).to_owned(),
                precision.to_string(),
                if at == 0 { "reference".to_owned() } else { format!("{error:.1e}") },
                verdict.to_owned(),
                largest(&output[..output.len() / self.batch.get() as usize]),
            ]);
        }
        Outcome { text: grid.render(), failed }
    }
}

/// The outputs of the engines that finish; the errors of others are printed.
fn outputs(
    engines: &[AvailableEngine],
    model: &Model,
    setup: &Setup,
    input: &Arc<[f32]>,
) -> Vec<Given> {
    let mut given = Vec::with_capacity(engines.len());
    for AvailableEngine { engine, .. } in engines {
        match run_on(engine.as_ref(), model, setup, input) {
            Ok(output) => given.push(output),
            Err(error) => output::input_error(&error),
        }
    }
    given
}

/// Runs a network once on an engine.
fn run_on(
    engine: &dyn Engine,
    model: &Model,
    setup: &Setup,
    input: &Arc<[f32]>,
) -> Result<Given, EngineError> {
    let mut session = engine.compile(model, setup, &AtomicBool::new(false))?;
    session.set_input(Arc::clone(input))?;
    Ok(Given { engine: engine.name(), precision: session.precision(), output: session.output()? })
}

/// The positions of the largest values, with them.
fn largest(output: &[f32]) -> String {
    let top: Vec<String> =
        top(output).into_iter().map(|at| format!("{at}: {:.4}", output[at])).collect();
    top.join(", ")
}

/// The positions of the largest values, the largest first; of equal ones the first. In one pass, since a map may have
/// hundreds of millions.
fn top(output: &[f32]) -> Vec<usize> {
    let mut top = Vec::with_capacity(TOP + 1);
    for (at, value) in output.iter().enumerate() {
        let place = top.partition_point(|&other: &usize| output[other].total_cmp(value).is_ge());
        if place < TOP {
            top.insert(place, at);
            top.truncate(TOP);
        }
    }
    top
}

/// Maximum size of an input file: more than any engine takes in one batch.
const MAX_INPUT_BYTES: u64 = 4 * inceptive_files::GIB;

fn read_input(path: &Path, expected: [usize; 4]) -> anyhow::Result<Arc<[f32]>> {
    let shown = path.display();
    let bytes = inceptive_files::read(path, MAX_INPUT_BYTES)
        .with_context(|| format!("cannot read `{shown}`"))?;
    let file = TensorFile::open(&bytes).with_context(|| format!("`{shown}`"))?;
    let input = file.tensor("input").with_context(|| format!("`{shown}`"))?;
    let Some(Tensor { shape, values }) = input else {
        bail!("`{shown}` has no tensor named `input`")
    };
    if shape != expected {
        bail!(
            "`input` of `{shown}` has shape {shape:?}, but the network takes {expected:?}; see --batch"
        );
    }
    Ok(values.into())
}

#[cfg(test)]
mod tests {
    use inceptive_bench::{FakeHost, PrecisionRequest, engines::mock::Mock};
    use inceptive_ir::{Graph, Shape};
    use inceptive_weights::Weights;

    use super::*;

    /// What finished is kept when another engine refuses, whichever comes first.
    #[test]
    fn an_engine_that_fails_does_not_take_the_output_of_others_away()
    -> Result<(), Box<dyn std::error::Error>> {
        let graph = Graph::new(Shape::map(1, 2, 2), None)?;
        let model = Model::new("m", &graph, Weights::default())?;
        let setup = Setup {
            batch: 1,
            threads: 1,
            precision: PrecisionRequest::Fp32,
            device: "cpu".to_owned(),
        };
        for fails in [[true, false, false], [false, true, false], [true, true, true]] {
            let engines = fails.map(|fails| {
                let mock = Mock::new(&FakeHost::default(), |_, _| std::time::Duration::ZERO);
                let mock = Mock { fails_at: fails.then_some(0), ..mock };
                let description = mock.describe();
                description.map(|it| AvailableEngine { engine: Box::new(mock), description: it })
            });
            let engines: Vec<AvailableEngine> = engines.into_iter().collect::<Result<_, _>>()?;
            let given = outputs(&engines, &model, &setup, &vec![0.0; 4].into());
            assert_eq!(given.len(), fails.iter().filter(|fails| !**fails).count());
        }
        Ok(())
    }

    /// As sorting all of them gives, also for NaN and equal values.
    #[test]
    fn the_largest_outputs_are_those_of_a_stable_sort() {
        let rest = (0..5000_usize).map(|i| (i * 7919 % 613) as f32 - 300.0);
        let special = [f32::NAN, 312.0, -0.0, 0.0, f32::INFINITY, f32::NEG_INFINITY];
        let all: Vec<f32> = rest.chain(special).collect();
        for output in [&all[..], &all[..5000], &all[..3], &[]] {
            let mut order: Vec<usize> = (0..output.len()).collect();
            order.sort_by(|&a, &b| output[b].total_cmp(&output[a]));
            order.truncate(TOP);
            assert_eq!(top(output), order);
        }
    }
}
