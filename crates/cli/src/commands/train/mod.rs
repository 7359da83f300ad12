//! `inceptive train`.

mod text;
pub mod watch;

use std::{
    num::NonZeroU32,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::Context;
use clap::Args;
use inceptive_app::{
    DEFAULT_SAMPLES, GatherEvent, NEVER, Note, Programs, ReproCommand, Request, Task, TaskContext,
    TrainPlan, TrainerName, plan_training, report_on,
};
use inceptive_bench::{Isa, System, available_memory};
use inceptive_data::DataName;
use inceptive_dsl::Setting;
use inceptive_files::InputFiles;
use inceptive_report::{Analysis, training_run};
use inceptive_results::{Machine, TrainingRun};
use inceptive_store::Store;
use serde_json::{Value, json};

use crate::{
    commands::{bench::stop_on_interrupt, planned, report::waiting},
    input::{self, Settings},
    machinery::{positive, thread_count},
    output::{self, Outcome},
};

use watch::TrainWatch;

/// Maximum number of seeds.
const MAX_SEEDS: u32 = 10_000;

/// The device of the native trainer.
const CPU: &str = "cpu";

/// Train networks on images, and compare their accuracies.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive train architectures/small/*.yaml --data shapes --recipe quick
  inceptive train architectures/small/bn.yaml --data fashion-mnist --recipe standard --seeds 3
  inceptive train architectures/small/naive.yaml architectures/small/reduced.yaml --data cifar10
          --set input.channels=3 --set input.size=32
  inceptive train architectures/small/bn.yaml --data cifar10 --trainer pytorch --device cuda
          --set input.channels=3 --set input.size=32
  inceptive train my-network.yaml --data folder:size=32=my-images --recipe my-recipe.yaml
  inceptive train architectures/small/*.yaml --data fashion-mnist --seeds 10 --plan my-plan",
    after_help = "`shapes` is generated, so it needs no download; `inceptive data list` shows the other data sets.
Ctrl-C stops; the same command resumes after the last whole epoch, with the same result. Runs that
are already in the store are not repeated. Test images are used once, after the last epoch. Trained
weights are safetensors files, which other commands read with --weights. Finally, a report on the
networks with all their results in the store is written, unless --no-report is given."
)]
pub struct Train {
    /// Architectures, spaces with --set, or ONNX files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Data set, such as shapes, fashion-mnist, cifar10 or folder:size=32=PATH; see docs/data.md
    #[arg(long, value_name = "NAME[=PATH]")]
    data: DataName,
    /// Recipe: quick, standard, full or a file
    #[arg(long, value_name = "RECIPE", default_value = "quick")]
    recipe: String,
    /// Set a key of the recipe, such as epochs=10 or optimizer.sgd.momentum=0.95; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    recipe_set: Vec<Setting>,
    /// Number of seeds; every network is trained with each
    #[arg(long, value_name = "N", default_value = "1", value_parser = seeds)]
    seeds: u32,
    /// First seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Total number of threads of all runs; default: all cores
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    /// Number of runs at the same time; default: one run on all threads or one run per thread, whichever is faster for the
    /// first network
    #[arg(long, value_name = "N", value_parser = positive)]
    side_by_side: Option<NonZeroU32>,
    /// What computes the steps: native, or pytorch, which has GPUs
    #[arg(long, value_name = "TRAINER", default_value_t)]
    trainer: TrainerName,
    /// Device of the PyTorch trainer, such as cpu, cuda, cuda:1 or mps; see `inceptive engines`
    #[arg(long, value_name = "DEVICE", default_value = CPU)]
    device: String,
    /// Python with PyTorch; default: the first of $VIRTUAL_ENV, python3 and python that has it
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,
    /// Instruction set of the native trainer: avx512, avx2, neon or portable; default: the widest of this processor. Results differ in their last
    /// bits between instruction sets
    #[arg(long, value_name = "ISA")]
    isa: Option<Isa>,
    /// Train nothing: write a plan of the runs to this folder, for `inceptive worker` on many machines
    #[arg(long, value_name = "DIR", conflicts_with_all = ["again", "out", "side_by_side", "report", "no_report", "store"])]
    plan: Option<PathBuf>,
    /// Repeat runs that are already in the store
    #[arg(long)]
    again: bool,
    /// Folder of checkpoints and trained weights; default: `trained` beside the store
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print one JSON document: an array with an object for each run. No report is written
    #[arg(long)]
    json: bool,
    /// Folder of the report on the networks; files in it are replaced
    #[arg(long, value_name = "DIR", default_value = "reports/training", conflicts_with_all = ["json", "no_report"])]
    report: PathBuf,
    /// Write no report
    #[arg(long)]
    no_report: bool,
    /// Store to save results to
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
    #[command(flatten)]
    settings: Settings,
}

fn seeds(text: &str) -> Result<u32, String> {
    let count = text.parse().ok().filter(|count| (1..=MAX_SEEDS).contains(count));
    count.ok_or_else(|| format!("must be a whole number from 1 to {MAX_SEEDS}"))
}

impl Train {
    /// Trains the networks, saves each run as soon as it ends, and shows the results.
    ///
    /// # Errors
    /// When the store cannot be used.
    pub fn run(self) -> anyhow::Result<Outcome> {
        self.check_trainer()?;
        if let Some(folder) = &self.plan {
            return self.write_plan(folder);
        }
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
        let watch = TrainWatch::new(self.json);
        let task = Task::Train(self.plan(&machine)?);
        let outcome = task.run(&context, &mut store, &mut |event| watch.event(&event));
        watch.finish();
        self.say_other_trainer(&outcome.training_runs);
        let text = match self.json {
            true => {
                let runs: Vec<Value> = outcome.training_runs.iter().map(training_run).collect();
                output::json(&json!(runs))?
            }
            false => text::table(&outcome.training_runs),
        };
        let diverged = outcome.training_runs.iter().any(|run| !run.is_finished());
        let inputs = outcome.inputs;
        let mut outcome = Outcome { text, failed: outcome.failed || diverged };
        if self.has_report() && !outcome.text.is_empty() {
            // Results are shown even if the report cannot be written.
            match self.write_report(&stop, &inputs) {
                Ok(page) => outcome.text.push_str(&format!("\nopen {}\n", page.display())),
                Err(error) => {
                    output::error(error.as_ref());
                    outcome.failed = true;
                }
            }
        }
        Ok(outcome)
    }

    /// Writes a plan of the runs. The number of threads is that of each worker's machine unless it is given.
    fn write_plan(&self, folder: &Path) -> anyhow::Result<Outcome> {
        let machine = inceptive_bench::this_machine();
        let threads = self.threads.map_or(0, NonZeroU32::get);
        let plan = TrainPlan { threads, ..self.plan(&machine)? };
        match plan_training(&plan, folder) {
            Ok(written) => {
                let programs = Programs { python: self.python.clone(), ..Programs::default() };
                planned::outcome(folder, &written, &programs, self.json)
            }
            Err(error) => output::task_failure(error),
        }
    }

    /// Whether a report is written after the training.
    fn has_report(&self) -> bool {
        !self.json && !self.no_report
    }

    /// Refuses options that the trainer does not have.
    fn check_trainer(&self) -> anyhow::Result<()> {
        match self.trainer {
            TrainerName::Native if self.device != CPU => {
                let message = format!(
                    "the native trainer has no device `{}`; use --trainer pytorch",
                    self.device
                );
                Err(output::usage(message))
            }
            TrainerName::Native if self.python.is_some() => {
                Err(output::usage("--python applies to --trainer pytorch only"))
            }
            TrainerName::PyTorch if self.isa.is_some() => {
                Err(output::usage("--isa applies to the native trainer only"))
            }
            TrainerName::Native | TrainerName::PyTorch => Ok(()),
        }
    }

    /// Warns about runs in the store that were trained with another trainer, device or instruction set than requested.
    fn say_other_trainer(&self, runs: &[TrainingRun]) {
        let isa = self.isa.map(Isa::name);
        for run in runs {
            let is_other = run.trainer != self.trainer.name() || run.device != self.device;
            let (other, wanted) = match isa {
                _ if is_other => (
                    format!("{} on {}", run.trainer, run.device),
                    format!("{} on {}", self.trainer, self.device),
                ),
                Some(isa) if run.isa != isa => (run.isa.clone(), isa.to_owned()),
                _ => continue,
            };
            let text = format!(
                "{}, seed {}: already in the store, trained with {other}, not {wanted}; --again repeats it",
                run.subject.name_with_point(),
                run.seed
            );
            input::print_note(&Note { is_warning: true, text });
        }
    }

    /// Writes the report that `inceptive report` writes on the networks; returns its page.
    fn write_report(&self, stop: &AtomicBool, read: &InputFiles) -> anyhow::Result<PathBuf> {
        let command = ReproCommand {
            inputs: self.files.iter().map(Into::into).collect(),
            settings: self.settings.all(),
            samples: DEFAULT_SAMPLES,
            store: self.store.clone(),
            out: self.report.clone(),
            ..ReproCommand::default()
        };
        let failed = || format!("no report was written to `{}`", self.report.display());
        let all = &|_: GatherEvent<'_>| ControlFlow::Continue(());
        // Inputs that cannot be read were reported before training.
        let made = report_on(&command, all, &mut |_| {}).with_context(failed)?;
        let (report, mut inputs) = made.with_context(failed)?;
        inputs.extend(read);
        let findings = Analysis::new(&report.candidates);
        let mut wait = waiting(&self.report, Some(stop));
        inceptive_report::write(&report, &findings, &self.report, &inputs, &mut wait)
            .with_context(failed)?;
        Ok(self.report.join("index.html"))
    }

    fn plan(&self, machine: &Machine) -> anyhow::Result<TrainPlan> {
        let request =
            |file: &PathBuf| Request { file: file.clone(), settings: self.settings.all() };
        let Some(end) = self.seed.checked_add(u64::from(self.seeds)) else {
            return Err(output::usage("--seed is too large"));
        };
        Ok(TrainPlan {
            requests: self.files.iter().map(request).collect(),
            data: self.data.to_string(),
            recipe: self.recipe.clone(),
            recipe_settings: self.recipe_set.clone(),
            seeds: (self.seed..end).collect(),
            threads: self.threads.unwrap_or_else(|| machine.default_threads()).get(),
            side_by_side: self.side_by_side.map(NonZeroU32::get),
            isa: self.isa.map(|isa| isa.name().to_owned()),
            trainer: self.trainer,
            device: self.device.clone(),
            python: self.python.clone(),
            folder: self.out.clone().unwrap_or_else(|| TrainPlan::folder_beside(&self.store)),
            report: self.has_report().then(|| self.report.clone()),
            again: self.again,
            until: None,
        })
    }
}
