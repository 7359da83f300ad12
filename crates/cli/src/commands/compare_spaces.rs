//! `inceptive compare-spaces`.

use std::{num::NonZeroU32, path::PathBuf};

use clap::Args;
use inceptive_app::{
    CompareSpacesPlan, ComparedSpace, NEVER, SpaceComparison, Task, TaskContext, TaskError,
    TrainPlan, read_conditions, read_space,
};
use inceptive_bench::{System, available_memory};
use inceptive_data::DataName;
use inceptive_dsl::Setting;
use inceptive_explore::{Comparison, Step};
use inceptive_format::percent;
use inceptive_results::statistics::Estimate;
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

impl CompareSpaces {
    /// Draws networks, trains them and compares the spaces.
    ///
    /// # Errors
    /// When a space cannot be read, a condition is wrong, or the store cannot be used.
    pub fn run(self) -> anyhow::Result<Outcome> {
        for file in [&self.first, &self.second] {
            match read_space(file) {
                Ok(_) => {}
                Err(TaskError::Read(error)) => {
                    input::report(&error);
                    return Ok(Outcome { text: String::new(), failed: true });
                }
                Err(error) => return Err(error.into()),
            }
        }
        read_conditions(&self.conditions).map_err(output::usage)?;
        let stop = stop_on_interrupt("whole epochs and finished runs are saved")?;
        let mut store = Store::open(&self.store)?;
        let machine = inceptive_bench::this_machine();
        let context = TaskContext {
            engines: &[],
            host: &System::new(),
            machine: &machine,
            roofline: &inceptive_bench::measure_roofline,
            available_bytes: available_memory(),
            stop: &stop,
            wait: &NEVER,
        };
        let watch = TrainWatch::without_again(self.json);
        let threads = self.threads.unwrap_or_else(|| machine.default_threads()).get();
        let task = Task::CompareSpaces(self.plan(threads));
        let outcome = task.run(&context, &mut store, &mut |event| watch.event(&event));
        watch.finish();
        let Some(found) = outcome.space_comparison else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        let text = match self.json {
            true => output::json(&self.document(&found))?,
            false => text(&found),
        };
        Ok(Outcome { text, failed: outcome.failed || found.comparison.is_none() })
    }

    fn plan(&self, threads: u32) -> CompareSpacesPlan {
        CompareSpacesPlan {
            spaces: [self.first.clone(), self.second.clone()],
            conditions: self.conditions.clone(),
            data: self.data.to_string(),
            recipe: self.recipe.clone(),
            recipe_settings: self.recipe_set.clone(),
            networks: self.networks.get(),
            seed: self.seed,
            threads,
            folder: self.out.clone().unwrap_or_else(|| TrainPlan::folder_beside(&self.store)),
        }
    }

    fn document(&self, found: &SpaceComparison) -> Value {
        let space = |space: &ComparedSpace| {
            let step = |step: &Step| {
                json!([step.error, step.share.value, step.share.low, step.share.high])
            };
            json!({
                "space": space.title,
                "file": space.file.to_string_lossy(),
                "drawn": space.drawn,
                "top1": space.accuracies,
                "distribution": space.distribution.iter().map(step).collect::<Vec<_>>(),
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
        let comparison = found.comparison;
        json!({
            "dataset": found.data,
            "recipe": found.recipe,
            "seed": self.seed,
            "spaces": found.spaces.iter().map(space).collect::<Vec<_>>(),
            "mean": comparison.map(|it| of(it.mean, it.first_has_higher_mean)),
            "best_quarter": comparison.map(|it| of(it.best_quarter, it.first_has_better_best)),
        })
    }
}

fn text(found: &SpaceComparison) -> String {
    let shares = SHARES.map(|share| format!("error of the best {}", percent(share)));
    let numbers = ["networks", "mean top-1 %"].map(str::to_owned).into_iter().chain(shares);
    let mut cells = Grid::of_names_and_numbers(vec!["space".to_owned()], numbers.collect());
    for space in &found.spaces {
        let mut row = vec![one_line(&space.title), space.accuracies.len().to_string()];
        row.push(space.mean().map_or_else(String::new, |mean| format!("{mean:.2}")));
        let error =
            |share: f64| space.error_at(share).map_or_else(String::new, |it| format!("{it:.2}%"));
        row.extend(SHARES.map(error));
        cells.row(row);
    }
    let sentences = found.sentences().into_iter().map(|it| format!("\n{}\n", one_line(&it)));
    cells.render() + &sentences.collect::<String>()
}
