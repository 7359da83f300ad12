//! `inceptive evaluate`.

use std::{num::NonZeroU32, path::PathBuf};

use anyhow::bail;
use clap::{Args, ValueEnum};
use inceptive_app::{
    EvaluateError, EvaluatePlan, Evaluated, EvaluatedNetwork, EvaluationSource, ImagePart, NEVER,
    NetworkResult, OnEngine, WeightSource, evaluate, is_onnx,
};
use inceptive_bench::{Setup, available_memory};
use inceptive_data::{DataName, Dataset, Places, UnknownViews, Views, load};
use inceptive_format::{decimals, exact};
use inceptive_results::statistics::{CONFIDENCE, Estimate};
use inceptive_train::{CALIBRATION_BINS, EVALUATION_BATCH, Evaluation, calibration};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    input::{self, MatchName, Settings},
    json::number,
    machinery::{EngineArguments, positive, thread_count},
    output::{self, Outcome},
    table::{Column, Grid},
};

/// Maximum number of classes for which the whole confusion matrix is printed.
const MOST_CLASSES: usize = 20;

/// Number of confused pairs of classes that are printed with more classes.
const PAIRS: usize = 20;

/// Evaluate trained networks: accuracy, loss, calibration and confusion matrix.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive evaluate architectures/small/bn.yaml --weights bn.safetensors --data fashion-mnist
  inceptive evaluate my.yaml --weights a.safetensors --weights b.safetensors --data cifar10 --views 10
  inceptive evaluate a.yaml b.yaml --weights a.safetensors --weights b.safetensors --data cifar10
  inceptive evaluate my.yaml --weights my.safetensors --data mnist --engine native,onnxruntime",
    after_help = "Images are normalised as in training: a checkpoint records which images were held out. The
predicted probabilities are averaged over several --weights of one network, or over several
networks with one --weights each. Each metric has a 95% interval, which covers the random choice of
images, not differences between seeds. The exit code is 1 if engines differ by more than rounding
error."
)]
pub struct Evaluate {
    /// Architectures, spaces with --set, or ONNX files
    #[arg(required = true, value_name = "NETWORK")]
    files: Vec<PathBuf>,
    /// Checkpoint or safetensors file with weights; with several, predictions are averaged. Not needed for ONNX files
    #[arg(long, value_name = "FILE")]
    weights: Vec<PathBuf>,
    /// How to match the tensors of --weights to layers
    #[arg(long = "match", value_name = "BY", default_value = "names", requires = "weights")]
    match_by: MatchName,
    /// The data set, see `inceptive data`
    #[arg(long, value_name = "NAME")]
    data: DataName,
    /// The images to evaluate on
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    split: SplitName,
    /// Views of each image to average: 1; 2: with the mirror image; 10: corner and centre crops, and their
    /// mirror images; 144: as in the GoogLeNet paper
    #[arg(long, value_name = "N", default_value = "1", value_parser = views)]
    views: Views,
    /// Batch size
    #[arg(long, value_name = "N", default_value_t = DEFAULT_BATCH, value_parser = positive)]
    batch: NonZeroU32,
    /// Threads; default: all cores
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    #[command(flatten)]
    engine: EngineArguments,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    settings: Settings,
}

/// The batch size of evaluations in training.
const DEFAULT_BATCH: NonZeroU32 = NonZeroU32::MIN.saturating_add(EVALUATION_BATCH as u32 - 1);

/// The images, as the command line names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum SplitName {
    /// The test images
    Test,
    /// The training images that were held out
    Validation,
    /// The images that were trained on
    Train,
}

impl From<SplitName> for ImagePart {
    fn from(name: SplitName) -> Self {
        match name {
            SplitName::Test => Self::Test,
            SplitName::Validation => Self::Validation,
            SplitName::Train => Self::Train,
        }
    }
}

fn views(text: &str) -> Result<Views, UnknownViews> {
    text.parse()
}

impl Evaluate {
    /// Evaluates the networks on each engine.
    ///
    /// # Errors
    /// When an engine is not available, or networks, weights and data do not fit together.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let networks = self.networks()?;
        let engines = self.engine.found()?;
        let data = load(&self.data, &Places::from_env(), available_memory(), &NEVER)?;
        let threads =
            self.threads.unwrap_or_else(|| inceptive_bench::this_machine().default_threads());
        let setup = self.engine.setup(self.batch, threads);
        let plan = EvaluatePlan { networks, part: self.split.into(), views: self.views, setup };
        let bar = ShareBar::new();
        let mut listen = |share: f64| bar.show(share);
        let evaluated = evaluate(&plan, &data, &engines, &NEVER, &mut listen);
        bar.finish();
        let evaluated = match evaluated {
            Ok(evaluated) => evaluated,
            Err(EvaluateError::Read(error)) => {
                input::report(&error);
                return Ok(Outcome { text: String::new(), failed: true });
            }
            Err(error) => bail!(error),
        };
        evaluated.notes.iter().for_each(input::print_note);
        let mut failed = false;
        for (engine, _, result) in &evaluated.engines {
            match result {
                Ok(result) if result.together.evaluation.loss.is_nan() => {
                    output::warn(&format!(
                        "error: {engine} outputs NaN for some images, which are counted as wrong; check the weights"
                    ));
                    failed = true;
                }
                Ok(result) => failed |= !result.agrees,
                Err(error) => {
                    output::input_error(error);
                    failed = true;
                }
            }
        }
        let text = match self.json {
            true => output::json(&document(&plan, &data, &evaluated))?,
            false => page(&plan, &data, &evaluated),
        };
        Ok(Outcome { text, failed })
    }

    /// The networks with their weights: one network with several weights, or one network for each.
    fn networks(&self) -> anyhow::Result<Vec<EvaluationSource>> {
        let (files, weights) = (&self.files, &self.weights);
        let source = |file: &PathBuf, weights: Option<&PathBuf>| EvaluationSource {
            file: file.clone(),
            settings: self.settings.all(),
            weights: WeightSource {
                file: weights.cloned(),
                match_by: self.match_by.into(),
                seed: 0,
            },
        };
        match (files.as_slice(), weights.as_slice()) {
            (files, []) if files.iter().all(|file| is_onnx(file)) => {
                Ok(files.iter().map(|file| source(file, None)).collect())
            }
            (_, []) => Err(output::usage("--weights is missing; only ONNX files contain weights")),
            ([file], weights) => {
                Ok(weights.iter().map(|weights| source(file, Some(weights))).collect())
            }
            (files, weights) if files.len() == weights.len() => {
                let pairs = files.iter().zip(weights);
                Ok(pairs.map(|(file, weights)| source(file, Some(weights))).collect())
            }
            (files, weights) => Err(output::usage(format!(
                "{} networks and {} --weights; give one --weights for each network, or only one network",
                files.len(),
                weights.len()
            ))),
        }
    }
}

/// A progress bar on standard error, if that is a terminal.
pub(super) struct ShareBar(ProgressBar);

impl ShareBar {
    const STEPS: f64 = 1000.0;

    pub(super) fn new() -> Self {
        let bar = ProgressBar::new(Self::STEPS as u64);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent}% {eta}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows the progress, from 0 to 1.
    pub(super) fn show(&self, share: f64) {
        self.0.set_position((share * Self::STEPS) as u64);
    }

    /// Removes the bar.
    pub(super) fn finish(self) {
        self.0.finish_and_clear();
    }
}

/// A value and its interval, with this many decimals.
pub(super) fn interval(estimate: Estimate, digits: usize) -> [String; 2] {
    let Estimate { value, low, high } = estimate;
    let interval = match estimate.has_interval() {
        true => format!("{}..{}", decimals(low, digits), decimals(high, digits)),
        false => "-".to_owned(),
    };
    [decimals(value, digits), interval]
}

fn page(plan: &EvaluatePlan, data: &Dataset, evaluated: &Evaluated) -> String {
    let views = match plan.views.count() {
        1 => String::new(),
        count => format!(", {count} views of each"),
    };
    let images = plan.part.counted(evaluated.images);
    let mut text = format!("{}: {images}{views}\n\n", data.name);
    text.push_str(&results(evaluated));
    let finished = evaluated.engines.iter().find_map(|(_, _, result)| result.as_ref().ok());
    if let Some(OnEngine { together, .. }) = finished {
        text.push('\n');
        text.push_str(&confusion(&data.classes, &together.evaluation));
    }
    text
}

/// A row for each network on each engine, and one for all networks together.
fn results(evaluated: &Evaluated) -> String {
    let mut columns = vec![
        Column::Left("engine"),
        Column::Left("weights"),
        Column::Right("top-1 %"),
        Column::Left("interval"),
        Column::Right("top-5 %"),
        Column::Left("interval"),
        Column::Right("loss"),
        Column::Left("interval"),
        Column::Right("ECE %"),
        Column::Left("interval"),
    ];
    if evaluated.engines.len() > 1 {
        columns.push(Column::Left("agreement"));
    }
    let mut grid = Grid::new(columns);
    let mut row = |engine: &str, weights: String, result: &NetworkResult, agreement: String| {
        let intervals = result.intervals;
        let numbers = [
            interval(intervals.top1, 2),
            interval(intervals.top5, 2),
            interval(intervals.loss, 4),
            interval(intervals.calibration_error.map(|error| 100.0 * error), 2),
        ];
        let names = [engine.to_owned(), weights];
        grid.row([&names, numbers.as_flattened(), &[agreement]].concat());
    };
    let several = evaluated.networks.len() > 1;
    for (place, (engine, _, result)) in evaluated.engines.iter().enumerate() {
        let Ok(result) = result else { continue };
        let agreement = match (place, result.agrees) {
            (0, true) => String::new(),
            (0, false) => "NOT FINITE".to_owned(),
            (_, true) => format!("agrees ({:.1e})", result.difference),
            (_, false) => {
                let (images, apart) = (exact(result.differing as u64), result.difference);
                format!("DIFFERS by {apart:.1e}; other predicted class for {images} images")
            }
        };
        for (network, own) in evaluated.networks.iter().zip(&result.networks) {
            let agreement = if several { String::new() } else { agreement.clone() };
            row(engine, network.weights.display().to_string(), own, agreement);
        }
        if several {
            row(engine, "together".to_owned(), &result.together, agreement);
        }
    }
    grid.render()
}

/// The confusion matrix, or the most frequently confused pairs if there are many classes.
fn confusion(classes: &[String], evaluation: &Evaluation) -> String {
    let matrix = evaluation.confusion.matrix().filter(|_| classes.len() <= MOST_CLASSES);
    match matrix {
        Some(matrix) => confusion_matrix(classes, &matrix, &evaluation.confusion.unpredicted()),
        None => confused_pairs(classes, evaluation),
    }
}

/// A row for each true class, and a column for each predicted one. If no class is predicted for some images, they have a column too.
fn confusion_matrix(classes: &[String], matrix: &[u64], unpredicted: &[u64]) -> String {
    let count = classes.len();
    let has_none = unpredicted.iter().any(|images| *images > 0);
    let mut grid = Grid::bare(count + 3 + usize::from(has_none));
    let none = has_none.then(|| "none".to_owned());
    let numbers = (0..count).map(|class| class.to_string()).chain(none);
    let head = ["class".to_owned(), String::new()].into_iter().chain(numbers);
    grid.row(head.chain(["right %".to_owned()]).collect());
    let rows = matrix.chunks(count.max(1)).zip(unpredicted);
    for (class, (counts, &none)) in rows.enumerate() {
        let all = counts.iter().sum::<u64>() + none;
        let right = 100.0 * counts[class] as f64 / all.max(1) as f64;
        let none = has_none.then(|| exact(none));
        let counts = counts.iter().map(|count| exact(*count)).chain(none);
        let head = [classes[class].clone(), class.to_string()].into_iter().chain(counts);
        grid.row(head.chain([decimals(right, 1)]).collect());
    }
    format!(
        "Confusion matrix: images of each true class (rows) by predicted class (columns):\n{}",
        grid.render()
    )
}

fn confused_pairs(classes: &[String], evaluation: &Evaluation) -> String {
    let mut pairs: Vec<(usize, usize, u64)> =
        evaluation.confusion.pairs().filter(|(class, taken, _)| class != taken).collect();
    pairs.sort_by_key(|&(class, taken, count)| (std::cmp::Reverse(count), class, taken));
    let mut grid =
        Grid::new(vec![Column::Left("class"), Column::Left("predicted"), Column::Right("images")]);
    for (class, taken, count) in pairs.into_iter().take(PAIRS) {
        grid.row(vec![classes[class].clone(), classes[taken].clone(), exact(count)]);
    }
    let mut text = format!("Most frequently confused classes:\n{}", grid.render());
    let unpredicted: u64 = evaluation.confusion.unpredicted().iter().sum();
    if unpredicted > 0 {
        text.push_str(&format!("Images without a predicted class: {}\n", exact(unpredicted)));
    }
    text
}

fn document(plan: &EvaluatePlan, data: &Dataset, evaluated: &Evaluated) -> Value {
    let Setup { batch, threads, device, .. } = &plan.setup;
    let engines = evaluated.engines.iter().map(|(engine, version, result)| {
        let head = json!({ "engine": engine, "version": version });
        merged(
            head,
            match result {
                Ok(result) => engine_json(result, data),
                Err(error) => json!({ "error": error.to_string() }),
            },
        )
    });
    json!({
        "data": data.name,
        "data_fingerprint": data.fingerprint().to_string(),
        "classes": data.classes,
        "split": plan.part.name(),
        "images": evaluated.images,
        "views": plan.views.count(),
        "confidence": CONFIDENCE,
        "batch": batch,
        "threads": threads,
        "device": device,
        "networks": evaluated.networks.iter().map(network_json).collect::<Vec<_>>(),
        "engines": engines.collect::<Vec<_>>(),
    })
}

/// Two objects as one.
fn merged(mut head: Value, rest: Value) -> Value {
    if let (Value::Object(head), Value::Object(rest)) = (&mut head, rest) {
        head.extend(rest);
    }
    head
}

fn network_json(network: &EvaluatedNetwork) -> Value {
    let EvaluatedNetwork { name, file, weights, stats, stats_images, checkpoint } = network;
    let numbers = |values: &[f32]| values.iter().map(|&value| number(value)).collect::<Vec<_>>();
    let training = checkpoint.as_ref().map(|info| {
        // A file of trained weights records neither its epochs nor whether the weights are averages.
        let epochs = (!info.history.is_empty()).then_some(info.history.len());
        json!({
            "network": info.network,
            "data": info.data,
            "recipe": info.recipe,
            "seed": info.seed,
            "held_out": info.held_out,
            "epochs": epochs,
            "averages": epochs.map(|_| info.averages),
        })
    });
    json!({
        "name": name,
        "file": file,
        "weights": weights,
        "mean": numbers(&stats.mean),
        "std": numbers(&stats.std),
        "statistics_of_images": stats_images,
        "training": training,
    })
}

fn engine_json(result: &OnEngine, data: &Dataset) -> Value {
    let OnEngine { precision, networks, together, difference, differing, agrees } = result;
    let networks: Vec<Value> = networks.iter().map(numbers_json).collect();
    let classes = data.classes.len().max(1);
    let confusion = &together.evaluation.confusion;
    let matrix = confusion.matrix();
    let rows: Option<Vec<&[u64]>> = matrix.as_ref().map(|all| all.chunks(classes).collect());
    let bins = calibration(together.results.iter()).into_iter().zip(1_u32..).map(|(bin, upper)| {
        let width = 1.0 / CALIBRATION_BINS as f64;
        let mean = |sum: f64| (bin.images > 0).then(|| sum / bin.images as f64);
        json!({
            "above": f64::from(upper - 1) * width,
            "to": f64::from(upper) * width,
            "images": bin.images,
            "accuracy": mean(bin.right as f64),
            "confidence": mean(bin.confidence),
        })
    });
    let rest = json!({
        "calibration": bins.collect::<Vec<_>>(),
        "confusion": rows,
        "unpredicted": confusion.unpredicted(),
        "networks": networks,
    });
    let head = json!({
        "precision": precision.name(),
        "agrees": agrees,
        "largest_difference": difference,
        "images_of_another_class": differing,
    });
    merged(merged(head, numbers_json(together)), rest)
}

fn numbers_json(result: &NetworkResult) -> Value {
    let NetworkResult { evaluation, intervals, .. } = result;
    json!({
        "top1": intervals.top1,
        "top5": intervals.top5,
        "loss": intervals.loss,
        "calibration_error": intervals.calibration_error,
        "right": evaluation.top1,
        "right_of_five": evaluation.top5,
    })
}
