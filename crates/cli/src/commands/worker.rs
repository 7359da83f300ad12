//! `inceptive worker`.

use std::{num::NonZeroU32, path::PathBuf};

use clap::Args;
use inceptive_app::{
    BrokenFile, Choice, NEVER, PlanError, PlanStatus, Selection, TaskContext, TaskEvent,
    WorkerEvent, WorkerOutcome, WorkerPlan, quoted, work,
};
use inceptive_bench::{System, available_memory};
use inceptive_format::counted;
use serde_json::json;

use crate::{
    commands::{bench::stop_on_interrupt, train::watch::TrainWatch},
    machinery::{ProgramPaths, positive, thread_count},
    output::{self, Outcome},
    table::one_line,
};

/// Do tasks of a plan that `train`, `bench` or `explore` wrote with --plan.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive worker my-plan                    the task that the scheduler names
  inceptive worker my-plan --shards 100       the share of 100 that the scheduler names
  inceptive worker my-plan --shard 1/4        the first of four shares
  inceptive worker my-plan --task 17
  inceptive worker my-plan --status
  inceptive results merge inceptive.db my-plan",
    after_help = "Tasks are numbered from 0. HyperQueue names one in HQ_ENTRY or HQ_TASK_ID, SLURM in SLURM_ARRAY_TASK_ID,
and Kubernetes in JOB_COMPLETION_INDEX. Each task writes a file of its own below `results` in the plan, whole
or not at all, with its SHA-256 in its name; a task that has a result is not done again. A task that measures
latency waits until no other task runs on its machine. A plan names no programs: those of engines are
searched for, or named here. See docs/scaling.md."
)]
pub struct Worker {
    /// The folder of the plan
    #[arg(value_name = "DIR")]
    plan: PathBuf,
    /// Do this task, counted from 0
    #[arg(long, value_name = "N", conflicts_with_all = ["shard", "shards"])]
    task: Option<usize>,
    /// Do one of several equal shares of the tasks, counted from 1, such as 2/8
    #[arg(long, value_name = "I/N", value_parser = shard, conflicts_with = "shards")]
    shard: Option<(usize, usize)>,
    /// Divide the tasks into this number of shares; the scheduler names a share, counted from 0
    #[arg(long, value_name = "N", value_parser = positive)]
    shards: Option<NonZeroU32>,
    /// Number of threads; default: that of the plan, else all cores. A number that a plan of `bench` names stays, and a
    /// task that needs more than this fails
    #[arg(long, value_name = "N", value_parser = thread_count)]
    threads: Option<NonZeroU32>,
    #[command(flatten)]
    programs: ProgramPaths,
    /// Show the tasks that have no result, each with the command that does it; exit code 1 if there are any
    #[arg(long, conflicts_with_all = ["task", "shard", "shards", "threads"])]
    status: bool,
    /// Print the tasks that have no result, one a line, as `hq submit --each-line` takes them
    #[arg(long, conflicts_with_all = ["task", "shard", "shards", "threads", "status"])]
    missing: bool,
    /// With --status: print one JSON document
    #[arg(long, requires = "status", conflicts_with_all = ["task", "shard", "shards", "missing"])]
    json: bool,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let numbers =
        text.split_once('/').and_then(|(shard, of)| Some((shard.parse().ok()?, of.parse().ok()?)));
    let valid = numbers.filter(|(shard, of)| (1..=*of).contains(shard));
    valid.ok_or_else(|| "must be a share, from 1, and their number, such as 2/8".to_owned())
}

impl Worker {
    /// Does the tasks, or shows which are missing.
    ///
    /// # Errors
    /// When the plan or its results cannot be read, no task is named, or an engine is not there.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let plan = WorkerPlan::open(&self.plan)?;
        if self.status || self.missing {
            return self.show(&plan);
        }
        let choice = match (self.task, self.shard) {
            (Some(task), _) => Choice::Task(task),
            (None, Some((shard, of))) => Choice::Shard { shard, of },
            (None, None) => Choice::Scheduler(self.shards.map(|shards| shards.get() as usize)),
        };
        let selection = match Selection::new(choice, plan.plan().len()) {
            Err(PlanError::Choice(message)) => return Err(output::usage(message)),
            other => other?,
        };
        let stop = stop_on_interrupt("results that were written stay")?;
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
        // The folder of inputs becomes the working folder.
        let programs = self.programs.absolute()?;
        plan.enter()?;
        let watch = TrainWatch::without_again(false);
        let is_alone = selection.tasks.len() == 1;
        let threads = self.threads.map(NonZeroU32::get);
        let outcome = work(&plan, &selection.tasks, threads, &programs, &context, &mut |event| {
            said(&event, is_alone, &watch);
        });
        watch.finish();
        let outcome = outcome?;
        Ok(Outcome { text: summary(outcome), failed: outcome.failed > 0 || outcome.is_stopped })
    }

    fn show(&self, plan: &WorkerPlan) -> anyhow::Result<Outcome> {
        let status = plan.status()?;
        if !self.json {
            warn_of(&status.broken);
        }
        if self.missing {
            let line = |(number, name): &(usize, String)| format!("{number} {name}\n");
            return Ok(Outcome::new(status.missing.iter().map(line).collect()));
        }
        let folder = quoted(self.plan.as_os_str());
        let command = |number: usize| format!("inceptive worker {folder} --task {number}");
        let failed = !status.missing.is_empty();
        let text = match self.json {
            true => output::json(&document(&status, command))?,
            false => text(&status, command),
        };
        Ok(Outcome { text, failed })
    }
}

/// Warns about files that are no results.
pub fn warn_of(broken: &[BrokenFile]) {
    for BrokenFile { path, reason } in broken {
        let path = path.to_string_lossy();
        output::warn(&format!("warning: `{}` is left out: {reason}", one_line(&path)));
    }
}

fn document(status: &PlanStatus, command: impl Fn(usize) -> String) -> serde_json::Value {
    let missing = status
        .missing
        .iter()
        .map(|(number, name)| json!({ "task": number, "name": name, "command": command(*number) }));
    let broken = status
        .broken
        .iter()
        .map(|it| json!({ "file": it.path.to_string_lossy(), "reason": it.reason }));
    json!({
        "tasks": status.tasks,
        "done": status.done(),
        "repeated": status.repeated,
        "missing": missing.collect::<Vec<_>>(),
        "broken": broken.collect::<Vec<_>>(),
    })
}

fn text(status: &PlanStatus, command: impl Fn(usize) -> String) -> String {
    let mut text =
        format!("{} of {} done\n", status.done(), counted(status.tasks, "task", "tasks"));
    for (number, name) in &status.missing {
        text.push_str(&format!("{}    # {name}\n", command(*number)));
    }
    text
}

fn summary(outcome: WorkerOutcome) -> String {
    let WorkerOutcome { done, known, failed, is_stopped } = outcome;
    let mut text = format!("{} done", counted(done, "task", "tasks"));
    if known > 0 {
        text.push_str(&format!(", {known} had a result already"));
    }
    if failed > 0 {
        text.push_str(&format!(", {failed} failed"));
    }
    if is_stopped {
        text.push_str(", stopped before the last");
    }
    text + "\n"
}

/// Shows what happens: everything of a single task; of many, which begins and which fails.
fn said(event: &WorkerEvent, is_alone: bool, watch: &TrainWatch) {
    match event {
        WorkerEvent::Known { task } if is_alone => {
            output::warn(&format!("task {task} has a result already"));
        }
        WorkerEvent::Known { .. } | WorkerEvent::Written { .. } => {}
        WorkerEvent::Started { task, name } => {
            output::warn(&one_line(&format!("task {task}: {name}")));
        }
        WorkerEvent::Waiting => {
            output::warn("waiting for other tasks on this machine: latencies are measured alone");
        }
        WorkerEvent::Task(event) => match event.as_ref() {
            event @ TaskEvent::Failed(_) => watch.event(event),
            event if is_alone => watch.event(event),
            _ => {}
        },
        WorkerEvent::Failed { task } => {
            output::warn(&format!("task {task} failed; it has no result"))
        }
        WorkerEvent::Broken(broken) => warn_of(std::slice::from_ref(broken)),
    }
}
