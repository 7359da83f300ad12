//! What commands with `--plan` say.

use std::path::Path;

use inceptive_app::{Plan, Programs, WorkerPlan, WrittenPlan, quoted};
use inceptive_format::counted;
use serde_json::json;

use crate::{
    commands::worker::warn_of,
    output::{self, Outcome},
};

/// What was planned, and how it goes on: with the programs that were named, which a plan does not keep.
pub fn outcome(
    folder: &Path,
    written: &WrittenPlan,
    programs: &Programs,
    is_json: bool,
) -> anyhow::Result<Outcome> {
    let status = WorkerPlan::open(folder)?.status()?;
    warn_of(&status.broken);
    if is_json {
        let document = json!({
            "plan": folder.to_string_lossy(),
            "is_new": written.is_new,
            "tasks": status.tasks,
            "done": status.done(),
        });
        return Ok(Outcome::new(output::json(&document)?));
    }
    let (done, tasks) = (status.done(), status.tasks);
    let text = match written.is_new {
        true => {
            format!("wrote a plan of {} to {}\n", counted(tasks, "task", "tasks"), folder.display())
        }
        false => format!(
            "{} has this plan; {done} of {} done\n",
            folder.display(),
            counted(tasks, "task", "tasks")
        ),
    };
    let merge = format!("  inceptive results merge inceptive.db {}\n", quoted(folder.as_os_str()));
    let next = match tasks - done {
        0 => format!("\n{merge}"),
        _ => format!("{}\nand then\n\n{merge}", workers(folder, &written.plan, programs)),
    };
    Ok(Outcome::new(text + &next))
}

/// Processors of a task that shares its machine with others.
const USUAL_CPUS: u32 = 2;

/// The commands that do the tasks of a plan.
pub fn workers(folder: &Path, plan: &Plan, programs: &Programs) -> String {
    let (folder, programs) = (quoted(folder.as_os_str()), programs.options());
    let last = plan.len().saturating_sub(1);
    // A latency beside other work says nothing.
    let (hq, sbatch, threads) = match plan.owns_machine() {
        true => ("--cpus all".to_owned(), "--exclusive ", String::new()),
        false => (format!("--cpus {USUAL_CPUS}"), "", format!(" --threads {USUAL_CPUS}")),
    };
    format!(
        "\nDo the tasks with one of\n\n  \
           inceptive worker {folder} --shard 1/1{programs}\n  \
           hq submit {hq} --array 0-{last} inceptive worker {folder}{threads}{programs}\n  \
           sbatch {sbatch}--array 0-{last} deploy/slurm/worker.sh {folder}{programs}\n"
    )
}
