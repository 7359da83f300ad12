//! Errors of plans.

use std::{io, ops::Range, path::PathBuf};

use inceptive_files::WriteError;

/// Why a plan cannot be written or used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Another plan is there.
    #[error(
        "`{}` is another plan; choose another folder, or repeat the command that made this one", .0.display()
    )]
    Differs(PathBuf),
    /// The folder has other files.
    #[error("`{}` is a folder with other files, such as `{entry}`; choose a new folder for the plan", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
        /// A file in it.
        entry: String,
    },
    /// The folder may become a class of a data set.
    #[error(
        "cannot write a plan to `{}`: folders in that of `{data}` are classes of the data set; choose another folder", folder.display()
    )]
    InData {
        /// The folder.
        folder: PathBuf,
        /// The data set.
        data: String,
    },
    /// Results of parts of a space do not fit together.
    #[error(
        "task {task} has a result for networks {} to {}, not {} to {}: delete its files in `results`, and do it again", found.start, found.end, planned.start, planned.end
    )]
    Part {
        /// The task.
        task: usize,
        /// The networks that its result is of.
        found: Range<u64>,
        /// Those that it was to count.
        planned: Range<u64>,
    },
    /// There is no plan.
    #[error("`{}` is not a plan: it has no file `plan.json`; `inceptive train`, `bench` and `explore` write one with --plan", .0.display())]
    None(PathBuf),
    /// The plan cannot be understood.
    #[error("`{}` is not a plan that this version can read: {reason}", file.display())]
    Unreadable {
        /// Its file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A copy of an input is missing or was changed.
    #[error("`{}` is not the file that was planned with: it is missing or was changed", .0.display())]
    Input(PathBuf),
    /// A file of the plan refers to one whose content the plan does not list.
    #[error(
        "the plan would read `{}`, which is not one of its inputs; its errors are not shown", .0.display()
    )]
    NotListed(PathBuf),
    /// An input cannot be read.
    #[error("cannot read `{}`", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        #[source]
        error: io::Error,
    },
    /// A task cannot be chosen.
    #[error("{0}")]
    Choice(String),
    /// The space has too many networks.
    #[error("`{space}` has {size} networks; at most {most} can be counted")]
    TooLarge {
        /// The space.
        space: String,
        /// Its networks.
        size: u128,
        /// The most that can be counted.
        most: u64,
    },
    /// The number of tasks is not possible.
    #[error(
        "{tasks} tasks are not possible: the space has {size} networks, and a task counts at most {most}"
    )]
    Tasks {
        /// The tasks.
        tasks: u64,
        /// Networks of the space.
        size: u64,
        /// Most of a task.
        most: u64,
    },
    /// A search without a number of networks.
    #[error(
        "a plan of a search needs --networks: how many networks a time allows depends on the machines"
    )]
    NoNetworks,
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}
