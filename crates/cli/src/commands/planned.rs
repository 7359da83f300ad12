//! What commands with `--plan` say.

use std::path::Path;

use inceptive_app::{Programs, WorkerPlan, WrittenPlan};
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
    Ok(Outcome::new(text + &next(folder, programs, tasks, tasks - done)))
}

/// The commands that do the tasks, or that collect their results.
pub fn next(folder: &Path, programs: &Programs, tasks: usize, missing: usize) -> String {
    let folder = folder.display();
    if missing == 0 {
        return format!("\n  inceptive results merge inceptive.db {folder}\n");
    }
    let (last, programs) = (tasks.saturating_sub(1), programs.options());
    format!(
        "\nDo the tasks with one of\n\n  \
           inceptive worker {folder} --shard 1/1{programs}\n  \
           hq submit --array 0-{last} inceptive worker {folder}{programs}\n  \
           sbatch --array 0-{last} deploy/slurm/worker.sh {folder}{programs}\n\n\
         and then\n\n  \
           inceptive results merge inceptive.db {folder}\n"
    )
}
