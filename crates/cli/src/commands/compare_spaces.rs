//! `inceptive compare-spaces`.

use std::{
    num::NonZeroU32,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use clap::Args;
use inceptive_app::{
    CountRequest, NEVER, Request, Task, TaskContext, TaskError, TrainPlan, TrainerName,
    count_space, labels, read_conditions, read_space,
};
use inceptive_bench::{System, available_memory};
use inceptive_data::DataName;
use inceptive_dsl::{Setting, Space};
use inceptive_explore::{Comparison, Step, compare, distribution};
use inceptive_format::percent;
use inceptive_results::{TrainingRun, statistics::Estimate};
use inceptive_store::Store;
use serde_json::{Value, json};

use crate::{
    commands::{bench::stop_on_interrupt, train::watch::TrainWatch},
    input,
    machinery::{positive, thread_count},
    output::{self, Outcome},
    table::{Grid, one_line},
};

/// Errors at which the distributions are shown in text, as shares of the networks.
const SHARES: [f64; 5] = [0.1, 0.25, 0.5, 0.75, 0.9];

/// Compare two spaces of networks by the accuracies of networks drawn at random from each.
#[derive(Args, Debug)]
#[command(
    before_help = "Example:
  inceptive compare-spaces architectures/spaces/small-modules.yaml architectures/spaces/small-kernels.yaml
          --data shapes --networks 16",
    after_help = "The same number of networks is drawn at random from each space, among those that satisfy its
conditions and --where, and trained once with the same data and recipe. The distributions of their
errors are compared (Radosavovic et al. 2020, Designing Network Design Spaces); intervals come from
resampling the networks. Restrict both spaces to the same costs with --where, or the larger networks
win. Ctrl-C stops; the same command continues."
)]
pub struct CompareSpaces {
    /// A space of networks
    #[arg(value_name = "SPACE")]
    first: PathBuf,
    /// Another one
    #[arg(value_name = "SPACE")]
    second: PathBuf,
    /// Data set, such as shapes, fashion-mnist, cifar10 or folder:size=32=PATH; see docs/data.md
    #[arg(long, value_name = "NAME[=PATH]")]
    data: DataName,
    /// Recipe: quick, standard, full or a file
    #[arg(long, value_name = "RECIPE", default_value = "quick")]
    recipe: String,
    /// Set a key of the recipe, such as epochs=8; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    recipe_set: Vec<Setting>,
    /// Number of networks to draw from each space
    #[arg(long, value_name = "N", default_value = "16", value_parser = positive)]
    networks: NonZeroU32,
    /// Only networks that satisfy a condition, such as "macs > 5M and macs < 10M"; can be repeated
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    /// Seed of the draw and of training
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Total number of threads; default: all cores
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Folder of checkpoints and trained weights; default: `trained` beside the store
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    /// Store to save results to
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
}

/// A space with the accuracies of the networks that were drawn.
struct Sampled {
    title: String,
    file: PathBuf,
    requests: Vec<Request>,
    accuracies: Vec<f64>,
}

impl CompareSpaces {
    /// Draws networks, trains them and compares the spaces.
    ///
    /// # Errors
    /// When a space cannot be read, a condition is wrong, or the store cannot be used.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let failed = || Outcome { text: String::new(), failed: true };
        let stop = stop_on_interrupt("whole epochs and finished runs are saved")?;
        let mut spaces = vec![];
        for file in [&self.first, &self.second] {
            let space = match read_space(file) {
                Ok(space) => space,
                Err(TaskError::Read(error)) => {
                    input::report(&error);
                    return Ok(failed());
                }
                Err(error) => return Err(error.into()),
            };
            spaces.push(self.draw(&space, &stop)?);
        }
        let runs = self.train(&spaces, &stop)?;
        let Some((runs, has_failed)) = runs else { return Ok(failed()) };
        for space in &mut spaces {
            space.accuracies = space.known(&runs);
        }
        let [first, second] = spaces.as_slice() else { return Ok(failed()) };
        let comparison = compare(&first.accuracies, &second.accuracies, self.seed);
        let text = match self.json {
            true => output::json(&self.document(&spaces, comparison))?,
            false => self.text(&spaces, comparison),
        };
        Ok(Outcome { text, failed: has_failed || comparison.is_none() })
    }

    fn threads(&self) -> u32 {
        let machine = inceptive_bench::this_machine();
        self.threads.unwrap_or_else(|| machine.default_threads()).get()
    }

    /// Draws networks of a space.
    fn draw(&self, space: &Space, stop: &AtomicBool) -> anyhow::Result<Sampled> {
        let request = CountRequest {
            conditions: read_conditions(&self.conditions).map_err(output::usage)?,
            objectives: vec![],
            sample: self.networks.get() as usize,
            seed: self.seed,
            threads: self.threads() as usize,
        };
        let counts = count_space(space, &request, &|_, _| match stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        if counts.survey.inside == 0 {
            let reasons = counts.reasons(space).join("\n");
            anyhow::bail!("no network of `{}` satisfies all conditions\n{reasons}", space.title);
        }
        let settings = |values: Vec<String>| {
            let names = space.variables.iter().map(|variable| variable.name.clone());
            names.zip(values).map(|(key, value)| Setting { key, value }).collect()
        };
        let request = |network: &inceptive_explore::Surveyed| Request {
            file: space.file.clone(),
            settings: settings(labels(space, &network.choices)),
        };
        Ok(Sampled {
            title: space.title.clone(),
            file: space.file.clone(),
            requests: counts.survey.sample.iter().map(request).collect(),
            accuracies: vec![],
        })
    }

    /// Trains all that were drawn; the runs, and whether something failed. `None` after a stop.
    fn train(
        &self,
        spaces: &[Sampled],
        stop: &AtomicBool,
    ) -> anyhow::Result<Option<(Vec<TrainingRun>, bool)>> {
        let mut store = Store::open(&self.store)?;
        let machine = inceptive_bench::this_machine();
        let context = TaskContext {
            engines: &[],
            host: &System::new(),
            machine: &machine,
            roofline: &inceptive_bench::measure_roofline,
            available_bytes: available_memory(),
            stop,
            wait: &NEVER,
        };
        let watch = TrainWatch::new(self.json);
        let task = Task::Train(TrainPlan {
            requests: spaces.iter().flat_map(|space| space.requests.clone()).collect(),
            data: self.data.to_string(),
            recipe: self.recipe.clone(),
            recipe_settings: self.recipe_set.clone(),
            seeds: vec![self.seed],
            threads: self.threads(),
            side_by_side: None,
            isa: None,
            trainer: TrainerName::Native,
            device: "cpu".to_owned(),
            python: None,
            folder: self.out.clone().unwrap_or_else(|| TrainPlan::folder_beside(&self.store)),
            report: None,
            again: false,
            until: None,
        });
        let outcome = task.run(&context, &mut store, &mut |event| watch.event(&event));
        watch.finish();
        let is_stopped = stop.load(Ordering::Relaxed);
        Ok((!is_stopped).then_some((outcome.training_runs, outcome.failed)))
    }

    fn text(&self, spaces: &[Sampled], comparison: Option<Comparison>) -> String {
        let mut text = String::new();
        let mut titles = vec!["space".to_owned()];
        titles.extend(["networks".to_owned(), "mean top-1 %".to_owned()]);
        let shares = SHARES.map(|share| format!("error of the best {}", percent(share)));
        titles.extend(shares);
        let mut cells = Grid::of_names_and_numbers(titles[..1].to_vec(), titles[1..].to_vec());
        for space in spaces {
            let steps = distribution(&space.errors(), self.seed);
            let mut row = vec![one_line(&space.title), space.accuracies.len().to_string()];
            row.push(mean(&space.accuracies).map_or_else(String::new, |mean| format!("{mean:.2}")));
            row.extend(SHARES.map(|share| error_at(&steps, share)));
            cells.row(row);
        }
        text.push_str(&cells.render());
        let Some(comparison) = comparison else {
            text.push_str(
                "\ntoo few networks were trained to compare the spaces: four of each are needed\n",
            );
            return text;
        };
        let told = |what: &str, estimate: Estimate, share: f64| {
            let [first, second] = [0, 1].map(|at| one_line(&spaces[at].title));
            let (better, difference) = match estimate.value >= 0.0 {
                true => (first, estimate),
                false => (second, estimate.map_reversed(|value| -value)),
            };
            let confidence = Comparison::confidence(share);
            let verdict = match confidence >= 0.95 {
                true => format!("`{better}` is better"),
                false => format!("no difference can be told; `{better}` is ahead"),
            };
            format!(
                "\n{what}: {verdict} by {:.2} points ({:.2} to {:.2}), with a confidence of {}\n",
                difference.value,
                difference.low,
                difference.high,
                percent(confidence)
            )
        };
        text.push_str(&told(
            "Mean of all networks",
            comparison.mean,
            comparison.first_has_higher_mean,
        ));
        text.push_str(&told(
            "Best quarter",
            comparison.best_quarter,
            comparison.first_has_better_best,
        ));
        text
    }

    fn document(&self, spaces: &[Sampled], comparison: Option<Comparison>) -> Value {
        let space = |space: &Sampled| {
            let step = |step: &Step| {
                json!([step.error, step.share.value, step.share.low, step.share.high])
            };
            json!({
                "space": space.title,
                "file": space.file.to_string_lossy(),
                "drawn": space.requests.len(),
                "top1": space.accuracies,
                "distribution": distribution(&space.errors(), self.seed).iter().map(step).collect::<Vec<_>>(),
            })
        };
        let of = |estimate: Estimate, share: f64| {
            json!({
                "difference": estimate.value,
                "interval": [estimate.low, estimate.high],
                "probability_first_is_better": share,
                "confidence": Comparison::confidence(share),
            })
        };
        json!({
            "dataset": self.data.to_string(),
            "recipe": self.recipe,
            "seed": self.seed,
            "spaces": spaces.iter().map(space).collect::<Vec<_>>(),
            "mean": comparison.map(|it| of(it.mean, it.first_has_higher_mean)),
            "best_quarter": comparison.map(|it| of(it.best_quarter, it.first_has_better_best)),
        })
    }
}

impl Sampled {
    /// The accuracies of its networks that were trained to the end.
    fn known(&self, runs: &[TrainingRun]) -> Vec<f64> {
        let is_own = |run: &&TrainingRun| Path::new(&run.subject.file) == self.file;
        runs.iter()
            .filter(is_own)
            .filter(|run| run.is_finished())
            .filter_map(|run| run.test_top1)
            .collect()
    }

    fn errors(&self) -> Vec<f64> {
        self.accuracies.iter().map(|accuracy| 100.0 - accuracy).collect()
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "few networks")]
    let count = values.len() as f64;
    (count > 0.0).then(|| values.iter().sum::<f64>() / count)
}

/// The error that this share of the networks does not exceed.
fn error_at(steps: &[Step], share: f64) -> String {
    let step = steps.iter().find(|step| step.share.value >= share);
    step.map_or_else(String::new, |step| format!("{:.2}%", step.error))
}
