//! Targets: conditions on counts that designs are kept within.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use inceptive_app::{Inspected, counts_by_name};
use inceptive_dsl::Constraint;

use crate::file::FilePath;

/// Targets by the networks and spaces whose designs they are for.
pub type AllTargets = BTreeMap<FilePath, Targets>;

/// The texts of targets, to be kept for the next run.
pub fn texts(all: &AllTargets) -> BTreeMap<PathBuf, String> {
    let kept = all.iter().filter(|(_, targets)| !targets.text.trim().is_empty());
    kept.map(|(file, targets)| (file.to_path_buf(), targets.text.clone())).collect()
}

/// Targets of an earlier run.
pub fn restored(texts: BTreeMap<PathBuf, String>) -> AllTargets {
    texts.into_iter().map(|(file, text)| (Arc::from(file), Targets::new(text))).collect()
}

/// What designs of a network are kept within.
#[derive(Clone, Debug, PartialEq)]
pub struct Targets {
    /// As it was typed.
    pub text: String,
    /// The conditions, or what is wrong with the text.
    pub conditions: Result<Arc<[Constraint]>, String>,
}

impl Targets {
    /// Reads conditions that are joined by `and`.
    pub fn new(text: String) -> Self {
        let conditions = Constraint::all(&text).map(Arc::from);
        Self { text, conditions }
    }
}

/// The first condition that a change breaks: one that no longer holds, or that is missed by more than before.
pub fn broken<'a>(
    targets: &'a [Constraint],
    before: &Inspected,
    after: &Inspected,
) -> Option<&'a Constraint> {
    fn counts(of: &Inspected) -> impl Fn(&str) -> Option<f64> {
        counts_by_name(&of.architecture.graph, &of.cost)
    }
    let (before, after) = (counts(before), counts(after));
    let is_broken = |target: &&Constraint| {
        if target.holds(&after) != Some(false) {
            return false;
        }
        if target.holds(&before) != Some(false) {
            return true;
        }
        let left =
            |counts: &dyn Fn(&str) -> Option<f64>| target.margin(counts).map(|margin| margin.left);
        left(&after).zip(left(&before)).is_some_and(|(after, before)| after < before)
    };
    targets.iter().find(is_broken)
}
