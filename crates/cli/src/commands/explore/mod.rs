//! `inceptive explore`.

mod document;
mod text;

use std::{
    num::NonZeroU32,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use anyhow::Context;
use clap::{Args, builder::NonEmptyStringValueParser};
use inceptive_app::{
    CountRequest, ExplorePlan, MAX_TASKS, NEVER, NewFile, Programs, SearchStage, SpaceCounts,
    TableRequest, Task, TaskContext, TaskError, TrainPlan, WorkerPlan, count_space,
    explore_planned, labels, plan_count, read_conditions, read_space, save_variant, search_table,
    united_counts,
};
use inceptive_bench::{System, available_memory};
use inceptive_data::DataName;
use inceptive_dsl::{Setting, Space, read_objectives};
use inceptive_results::{Exploration, Machine, Metric, Objective, Preference, ProxyScore, Source};
use inceptive_store::Store;

use crate::{
    commands::{
        bench::{budget, stop_on_interrupt, watch::Watch},
        planned,
        train::watch::TrainWatch,
    },
    input,
    machinery::{EngineArguments, positive, thread_count},
    output::{self, Outcome},
};

/// Maximum number of seeds of a finalist.
const MAX_SEEDS: u32 = 100;

/// Networks of the front that are written as files at most.
const MAX_SAVED: usize = 1000;

/// Explore a space of networks: count all of them, and train and measure the best under a budget of time.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive explore architectures/spaces/googlenet-widths.yaml --costs-only
  inceptive explore architectures/spaces/module-kinds.yaml --costs-only --where \"params < 300k\"
  inceptive explore architectures/spaces/small-modules.yaml --data fashion-mnist --budget 30m
  inceptive explore my-space.yaml --data shapes --budget 10m --objectives \"top1, median_ms\" --save best
  inceptive explore my-space.yaml --accuracies table.csv --networks 100
  inceptive explore my-space.yaml --costs-only --plan my-plan --tasks 1000",
    after_help = "All networks of a space with at most 10^8 are counted. Of those that satisfy all conditions,
networks of different cost are trained for part of the recipe, in waves: a surrogate may propose those
of later waves. The better half by accuracy and costs goes on, several times. Latencies of the rest are
measured, the finalists are trained with several seeds, and the front gets probabilities. Ctrl-C stops;
the same command continues after the last whole epoch, with the same result. Networks are compared on
validation images until the end; the front is by test images."
)]
pub struct Explore {
    /// A space of networks
    #[arg(value_name = "SPACE")]
    space: PathBuf,
    /// Only count the networks, and show the Pareto front of the costs; options of the search have no effect then
    #[arg(long)]
    costs_only: bool,
    /// Data set, such as shapes, fashion-mnist, cifar10 or folder:size=32=PATH; see docs/data.md
    #[arg(long, value_name = "NAME[=PATH]", required_unless_present_any = ["costs_only", "accuracies"])]
    data: Option<DataName>,
    /// Take accuracies from a table (CSV) instead of training: a column for each variable, `accuracy`, optionally `seed`
    #[arg(long, value_name = "TABLE", conflicts_with_all = ["data", "costs_only"])]
    accuracies: Option<PathBuf>,
    /// Recipe: quick, standard, full or a file
    #[arg(long, value_name = "RECIPE", default_value = "quick")]
    recipe: String,
    /// Set a key of the recipe, such as epochs=8; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    recipe_set: Vec<Setting>,
    /// Time for the whole search, such as 30m or 2h; it decides how many networks are trained
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = budget)]
    budget: Duration,
    /// Number of networks to train, whatever the time; with --accuracies, how many are looked up (default: all)
    #[arg(long, value_name = "N", value_parser = positive, conflicts_with = "budget")]
    networks: Option<NonZeroU32>,
    /// What is wanted, such as "top1, macs" or "maximize top1, minimize params"; default: the objectives of the space
    #[arg(long, value_name = "LIST", value_parser = read_objectives)]
    objectives: Option<Objectives>,
    /// Only networks that satisfy a condition, such as "params < 1M and macs < 50M"; can be repeated
    #[arg(long = "where", value_name = "CONDITION")]
    conditions: Vec<String>,
    #[command(flatten)]
    engine: EngineArguments,
    /// Seeds that finalists are trained with
    #[arg(long, value_name = "N", default_value = "3", value_parser = seeds)]
    seeds: u32,
    /// Seed of the choice of networks, and first seed of training
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Total number of threads; default: all cores
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Number of training runs at the same time; default: whichever is faster
    #[arg(long, value_name = "N", value_parser = positive)]
    side_by_side: Option<NonZeroU32>,
    /// Train and measure nothing here: write a plan to this folder, for `inceptive worker` on many machines. The same command
    /// goes on when its tasks are done
    #[arg(long, value_name = "DIR", conflicts_with_all = ["accuracies", "again", "out", "side_by_side"])]
    plan: Option<PathBuf>,
    /// Number of tasks of a plan that counts; default: one for a million networks
    #[arg(long, value_name = "N", requires_all = ["plan", "costs_only"], value_parser = tasks)]
    tasks: Option<u64>,
    /// Go on without the tasks of a stage that have no result, such as those that always fail
    #[arg(long, requires_all = ["plan", "data"])]
    without_missing: bool,
    /// Scores of untrained networks that may help to propose networks, if predictions are better with them: naswot, synflow
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with = "costs_only")]
    scores: Vec<ProxyScore>,
    /// Repeat a search that is already in the store; training runs are not repeated
    #[arg(long)]
    again: bool,
    /// Recommend a finalist that satisfies a condition, such as "median_ms < 2" or "top1 > 90 and params < 1M"
    #[arg(long, value_name = "CONDITION", conflicts_with_all = ["costs_only", "accuracies"])]
    recommend: Option<String>,
    /// Recommend a finalist by weights, such as "top1=3, macs=1"; default: 1 for each objective
    #[arg(long, value_name = "LIST", value_parser = weights, conflicts_with_all = ["costs_only", "accuracies"])]
    weights: Option<Weights>,
    /// Write each network of the front as a file that extends the one that the space varies, with this name and a number
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    save: Option<String>,
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

/// The objectives of a command line.
type Objectives = Vec<Objective>;

/// The weights of a command line.
type Weights = Vec<(Metric, f64)>;

fn weights(text: &str) -> Result<Weights, String> {
    let read = |part: &str| {
        let (name, weight) =
            part.split_once('=').ok_or_else(|| format!("`{}` has no `=`", part.trim()))?;
        let metric: Metric = name.trim().parse().map_err(|error| format!("{error}"))?;
        if metric.source() != Source::Counted && !matches!(metric, Metric::Top1 | Metric::Latency) {
            return Err(format!("a search does not find `{metric}`"));
        }
        let weight = weight.trim();
        let number = weight.parse().ok().filter(|it: &f64| it.is_finite() && *it >= 0.0);
        let number = number.ok_or_else(|| format!("`{weight}` is no weight of 0 or more"))?;
        Ok((metric, number))
    };
    text.split(',').map(read).collect()
}

fn tasks(text: &str) -> Result<u64, String> {
    let count = text.parse().ok().filter(|count| (1..=MAX_TASKS).contains(count));
    count.ok_or_else(|| format!("must be a whole number from 1 to {MAX_TASKS}"))
}

fn seeds(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=MAX_SEEDS).contains(count));
    count.ok_or_else(|| format!("must be a whole number from 1 to {MAX_SEEDS}"))
}

impl Explore {
    /// Counts a space, and searches it unless only costs are wanted.
    ///
    /// # Errors
    /// When the space cannot be read, a condition is wrong, or the store cannot be used.
    pub fn run(self) -> anyhow::Result<Outcome> {
        // Errors in the file were printed with their places.
        let Some(space) = self.read()? else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        if let Some(folder) = &self.plan {
            return match self.costs_only {
                true => self.count_elsewhere(folder),
                false => self.search_elsewhere(&space, folder),
            };
        }
        match &self.accuracies {
            Some(table) => self.search_table(&space, table),
            None if self.costs_only => self.count(&space),
            None => self.search(&space),
        }
    }

    fn machine_threads(&self, machine: &Machine) -> u32 {
        self.threads.unwrap_or_else(|| machine.default_threads()).get()
    }

    /// Each score once, in a fixed order: the same search has the same request.
    fn wanted_scores(&self) -> Vec<ProxyScore> {
        ProxyScore::ALL.into_iter().filter(|score| self.scores.contains(score)).collect()
    }

    fn count(&self, space: &Space) -> anyhow::Result<Outcome> {
        let conditions = read_conditions(&self.conditions).map_err(output::usage)?;
        let machine = inceptive_bench::this_machine();
        let stop = stop_on_interrupt("what was counted until now is shown")?;
        let request = CountRequest {
            conditions,
            objectives: self.objectives.clone().unwrap_or_default(),
            sample: 0,
            seed: self.seed,
            threads: self.machine_threads(&machine) as usize,
        };
        let watch = Watch::new(self.json, true);
        let counts = counted(space, &request, &watch, &stop);
        watch.finish();
        self.show_counts(space, &counts)
    }

    fn show_counts(&self, space: &Space, counts: &SpaceCounts) -> anyhow::Result<Outcome> {
        let front: Vec<Vec<String>> =
            counts.survey.front.iter().map(|it| labels(space, &it.network.choices)).collect();
        let mut text = match self.json {
            true => output::json(&document::counts(space, counts))?,
            false => text::counts(space, counts),
        };
        text.push_str(&self.save(space, front.iter().map(Vec::as_slice))?);
        Ok(Outcome { text, failed: counts.survey.inside == 0 })
    }

    /// Writes a plan of counting, or shows what its parts say together once all are counted.
    fn count_elsewhere(&self, folder: &Path) -> anyhow::Result<Outcome> {
        let objectives = self.objectives.clone().unwrap_or_default();
        let written =
            match plan_count(&self.space, &self.conditions, &objectives, self.tasks, folder) {
                Ok(written) => written,
                Err(error) => return output::task_failure(error),
            };
        let plan = WorkerPlan::open(folder)?;
        if !plan.status()?.missing.is_empty() {
            return planned::outcome(folder, &written, &Programs::default(), self.json);
        }
        let machine = inceptive_bench::this_machine();
        let threads = self.machine_threads(&machine) as usize;
        match united_counts(&plan, &machine, threads)? {
            Some((space, counts)) => self.show_counts(&space, &counts),
            None => planned::outcome(folder, &written, &Programs::default(), self.json),
        }
    }

    /// Writes the plan of the stage of a search that can be done, or shows its end.
    fn search_elsewhere(&self, space: &Space, folder: &Path) -> anyhow::Result<Outcome> {
        read_conditions(&self.conditions).map_err(output::usage)?;
        let stop = stop_on_interrupt("plans that were written stay")?;
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
        let threads = self.threads.map_or(0, NonZeroU32::get);
        let plan =
            ExplorePlan { threads, latency_threads: threads, ..self.plan_search(&machine, None) };
        let watch = TrainWatch::new(self.json);
        let choice = self.engine.choice();
        let (context, store) = (&context, &mut store);
        let mut listen = |event| watch.event(&event);
        let stage = explore_planned(
            &plan,
            choice,
            self.without_missing,
            folder,
            context,
            store,
            &mut listen,
        );
        watch.finish();
        match stage {
            Ok(SearchStage::Finished(exploration)) => self.show_search(space, &exploration, false),
            Ok(SearchStage::Waiting { folder, tasks, missing, is_new }) => {
                self.show_stage(&folder, tasks, missing, is_new)
            }
            Err(error) => output::task_failure(error),
        }
    }

    /// The plan whose tasks have to be done before the search goes on.
    fn show_stage(
        &self,
        folder: &Path,
        tasks: usize,
        missing: usize,
        is_new: bool,
    ) -> anyhow::Result<Outcome> {
        if self.json {
            let plan = folder.to_string_lossy();
            let done = tasks - missing;
            let document =
                serde_json::json!({ "plan": plan, "is_new": is_new, "tasks": tasks, "done": done });
            return Ok(Outcome::new(output::json(&document)?));
        }
        let of_tasks = counted_tasks(tasks);
        let text = match is_new {
            true => format!("wrote a plan of {of_tasks} to {}\n", folder.display()),
            false => format!("{}: {missing} of {of_tasks} without a result\n", folder.display()),
        };
        let plan = WorkerPlan::open(folder)?;
        let workers = planned::workers(folder, plan.plan(), &self.engine.programs());
        Ok(Outcome::new(format!(
            "{text}{workers}\nThen the same command goes on with the search.\n"
        )))
    }

    fn search(&self, space: &Space) -> anyhow::Result<Outcome> {
        read_conditions(&self.conditions).map_err(output::usage)?;
        let engines = self.engine.found()?;
        let stop = stop_on_interrupt("whole epochs and finished runs are saved")?;
        let mut store = Store::open(&self.store)?;
        let machine = inceptive_bench::this_machine();
        let context = TaskContext {
            engines: &engines,
            host: &System::new(),
            machine: &machine,
            roofline: &inceptive_bench::measure_roofline,
            available_bytes: available_memory(),
            stop: &stop,
            wait: &NEVER,
        };
        let engine = engines.first().map(|engine| engine.engine.name().to_owned());
        let watch = TrainWatch::new(self.json);
        let task = Task::Explore(self.plan_search(&machine, engine));
        let outcome = task.run(&context, &mut store, &mut |event| watch.event(&event));
        watch.finish();
        let Some(exploration) = outcome.exploration else {
            return Ok(Outcome { text: String::new(), failed: true });
        };
        self.show_search(space, &exploration, outcome.failed)
    }

    fn show_search(
        &self,
        space: &Space,
        exploration: &Exploration,
        failed: bool,
    ) -> anyhow::Result<Outcome> {
        let mut text = match self.json {
            true => output::json(&document::exploration(exploration))?,
            false => text::exploration(exploration),
        };
        let front = exploration.front().map(|(network, _)| network.values.as_slice());
        text.push_str(&self.save(space, front)?);
        Ok(Outcome { text, failed })
    }

    fn search_table(&self, space: &Space, table: &Path) -> anyhow::Result<Outcome> {
        let stop = stop_on_interrupt("nothing is saved")?;
        let machine = inceptive_bench::this_machine();
        let request = TableRequest {
            table: table.to_owned(),
            conditions: read_conditions(&self.conditions).map_err(output::usage)?,
            objectives: self.objectives.clone().unwrap_or_default(),
            networks: self.networks.map(|networks| networks.get() as usize),
            scores: self.wanted_scores(),
            most_bytes: available_memory(),
            seed: self.seed,
            threads: self.machine_threads(&machine) as usize,
        };
        let watch = Watch::new(self.json, true);
        let found = search_table(space, &request, &stop, &shown_on(&watch, &stop));
        watch.finish();
        let found = found?;
        let mut text = match self.json {
            true => output::json(&document::table(space, &found))?,
            false => text::table(space, &found),
        };
        let front = found.front();
        text.push_str(&self.save(space, front.iter().map(|network| network.values.as_slice()))?);
        Ok(Outcome { text, failed: false })
    }

    fn read(&self) -> anyhow::Result<Option<Space>> {
        match read_space(&self.space) {
            Ok(space) => Ok(Some(space)),
            Err(TaskError::Read(error)) => {
                input::report(&error);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn plan_search(&self, machine: &Machine, engine: Option<String>) -> ExplorePlan {
        let threads = self.machine_threads(machine);
        ExplorePlan {
            space: self.space.clone(),
            conditions: self.conditions.clone(),
            objectives: self.objectives.clone().unwrap_or_default(),
            data: self.data.as_ref().map(ToString::to_string).unwrap_or_default(),
            recipe: self.recipe.clone(),
            recipe_settings: self.recipe_set.clone(),
            budget: self.budget,
            networks: self.networks.map(NonZeroU32::get),
            seeds: self.seeds,
            seed: self.seed,
            threads,
            latency_threads: threads,
            engine,
            side_by_side: self.side_by_side.map(NonZeroU32::get),
            folder: self.out.clone().unwrap_or_else(|| TrainPlan::folder_beside(&self.store)),
            again: self.again,
            scores: self.wanted_scores(),
            preference: Preference {
                condition: self.recommend.clone(),
                weights: self.weights.clone().unwrap_or_default(),
            },
        }
    }

    /// Writes networks of the front as files; says which.
    fn save<'v>(
        &self,
        space: &Space,
        front: impl Iterator<Item = &'v [String]>,
    ) -> anyhow::Result<String> {
        let Some(name) = &self.save else { return Ok(String::new()) };
        let mut said = String::new();
        for (number, values) in (1_usize..=MAX_SAVED).zip(front) {
            let names = space.variables.iter().map(|variable| variable.name.clone());
            let setting = |(key, value): (String, &String)| Setting { key, value: value.clone() };
            let new = NewFile {
                from: self.space.clone(),
                settings: names.zip(values).map(setting).collect(),
                name: format!("{} {number}", space.title),
                file_name: format!("{name}-{number}"),
                replaces: false,
            };
            let path: PathBuf = save_variant(&new)
                .with_context(|| format!("network {number} of the front was not written"))?;
            said.push_str(&written(&path, self.json));
        }
        Ok(said)
    }
}

fn counted_tasks(tasks: usize) -> String {
    inceptive_format::counted(tasks, "task", "tasks")
}

/// A line on a file that was written, on standard error if the text is JSON.
fn written(path: &Path, is_json: bool) -> String {
    let line = format!("wrote {}", path.display());
    if is_json {
        output::warn(&line);
        return String::new();
    }
    format!("{line}\n")
}

fn counted(space: &Space, request: &CountRequest, watch: &Watch, stop: &AtomicBool) -> SpaceCounts {
    count_space(space, request, &shown_on(watch, stop))
}

/// Shows on a bar how many networks of how many are done, until it is interrupted.
fn shown_on(watch: &Watch, stop: &AtomicBool) -> impl Fn(usize, usize) -> ControlFlow<()> + Sync {
    // The bar is moved by the threads that work, one at a time.
    let bar = std::sync::Mutex::new(watch.bar());
    move |done, total| {
        if let Ok(bar) = bar.lock() {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        }
        match stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }
}
