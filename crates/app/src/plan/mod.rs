//! Plans: lists of tasks that many machines share, through a folder and nothing else.
//!
//! A plan is a folder: `plan.json` says what is to be done, `inputs/` has copies of the networks and recipes, and
//! `tasks.txt` lists the tasks. A worker does one or several of them and writes a file for each below `results/`, whole or
//! not at all, with the SHA-256 of its content in its name. So no worker waits for another, none shares a file with another,
//! and a file that was cut off is found out. [`merge`] adds the results to a store, each task once.

mod inputs;
mod merge;
mod node;
mod result;
mod search;
mod select;
mod status;
mod tasks;
mod worker;
mod write;

pub use merge::{MergedTasks, broken_result, check_plans, is_plan, merge, merge_file};
pub use result::BrokenFile;
pub use search::{SearchStage, explore_planned};
pub use select::{Choice, Given, Selection};
pub use status::{PlanStatus, united_counts};
pub use tasks::{EngineChoice, MAX_TASKS, Plan, Programs, Work};
pub use worker::{WorkerEvent, WorkerOutcome, WorkerPlan, work};
pub use write::{WrittenPlan, plan_bench, plan_count, plan_training};
