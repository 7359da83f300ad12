//! Errors of explorations.

use std::path::PathBuf;

/// Why a space cannot be explored.
#[derive(Debug, thiserror::Error)]
pub enum ExploreError {
    /// The file describes something else.
    #[error("`{}` is {what}, not a space of networks; a space has the key `space` and variables in `vary`", file.display())]
    NotASpace {
        /// The file.
        file: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A condition cannot be read.
    #[error("the condition `{text}`: {reason}")]
    Condition {
        /// The condition.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No network satisfies the conditions.
    #[error("no network of `{space}` satisfies all conditions\n{}", reasons.join("\n"))]
    Nothing {
        /// The title of the space.
        space: String,
        /// What each condition leaves.
        reasons: Vec<String>,
    },
    /// A table of accuracies cannot be used.
    #[error("`{}`: {problem}", file.display())]
    Table {
        /// The table.
        file: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A network has no score that was wanted.
    #[error("the network {network} has no score: {reason}")]
    Score {
        /// The values of its variables.
        network: String,
        /// Why.
        reason: String,
    },
    /// None of the chosen networks can be trained.
    #[error("none of the networks that were chosen can be trained on {data}")]
    NoneTrains {
        /// The data set.
        data: String,
    },
    /// The time is not enough.
    #[error(
        "{} allow {networks} of the {LEAST_NETWORKS} networks that a search needs at least; about {} are needed",
        minutes(*budget_s), minutes(*needed_s)
    )]
    Budget {
        /// The budget in seconds.
        budget_s: f64,
        /// How many networks it allows.
        networks: usize,
        /// What the smallest search needs, in seconds.
        needed_s: f64,
    },
    /// Two spaces are to be compared by too few networks.
    #[error("{0} of each space are too few to compare them: {LEAST_NETWORKS} are needed at least")]
    FewCompared(u32),
    /// The networks cannot be compared before the end.
    #[error(
        "the recipe `{0}` holds out no images for validation, which networks are compared on; set `validation`"
    )]
    NoValidation(String),
}

/// A search that trains fewer networks is none.
pub(crate) const LEAST_NETWORKS: usize = 4;

fn minutes(seconds: f64) -> String {
    if seconds < 120.0 { format!("{seconds:.0} s") } else { format!("{:.0} min", seconds / 60.0) }
}
