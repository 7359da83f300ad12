//! Adding the results of plans to a store.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use inceptive_store::{LooseRecord, Store, StoreError};

use super::{
    result::{BrokenFile, Results},
    tasks::{OpenPlan, PLAN_FILE},
};
use crate::error::{PlanError, TaskError};

/// Tasks whose results are added together, unless a folder has more.
const MAX_TOGETHER: usize = 1000;

/// What was added to a store.
#[derive(Debug, Default)]
pub struct MergedTasks {
    /// Tasks that have a result.
    pub tasks: usize,
    /// Tasks of the plans.
    pub planned: usize,
    /// Results of tasks that have another one, which counts.
    pub repeated: usize,
    /// Records that the store did not have.
    pub added: usize,
    /// Files that are no results.
    pub broken: Vec<BrokenFile>,
}

/// Whether a path is the folder of a plan, or of the plans of a search.
pub fn is_plan(path: &Path) -> bool {
    !plan_folders(path).is_empty()
}

/// Whether the plans of a folder can be read.
///
/// # Errors
/// What is wrong with the first that cannot.
pub fn check_plans(path: &Path) -> Result<(), PlanError> {
    plan_folders(path).iter().try_for_each(|folder| OpenPlan::read(folder).map(drop))
}

/// The folders of plans: the folder itself, or those in it.
fn plan_folders(path: &Path) -> Vec<PathBuf> {
    if path.join(PLAN_FILE).is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.path()).filter(|it| it.join(PLAN_FILE).is_file()).collect();
    folders.sort_unstable();
    folders
}

/// Adds the results of plans, each task once, however often it ran and however often this is called. Files that are cut off,
/// changed or foreign are left out and named.
///
/// # Errors
/// When a folder cannot be read, or the store cannot be written; what was added before stays.
pub fn merge(store: &mut Store, plans: &[PathBuf]) -> Result<MergedTasks, TaskError> {
    let mut merged = MergedTasks::default();
    let folders: Vec<PathBuf> = plans.iter().flat_map(|path| plan_folders(path)).collect();
    if folders.is_empty() {
        return Err(PlanError::None(plans.first().cloned().unwrap_or_default()).into());
    }
    let mut digests = BTreeSet::new();
    let mut plans = vec![];
    for folder in &folders {
        let open = OpenPlan::read(folder)?;
        if digests.insert(open.digest.clone()) {
            merged.planned += open.plan.len();
        }
        merged.broken.extend(Results::strays(&open.folder)?);
        plans.push(open);
    }
    // Some folders of results after the other, so that those of a very large plan need not fit into memory.
    let mut results = Results::default();
    for part in Results::folder_names() {
        for plan in &plans {
            results.extend(Results::of_folder(plan, &part)?);
        }
        if results.tasks.len() >= MAX_TOGETHER {
            merged.add(store, std::mem::take(&mut results))?;
        }
    }
    merged.add(store, results)?;
    Ok(merged)
}

/// What is wrong with a file that is to be the result of a task.
pub fn broken_result(file: &Path) -> Option<BrokenFile> {
    let mut results = Results::default();
    results.read_file(file);
    results.broken.pop()
}

/// Adds the result of one task from its file.
///
/// # Errors
/// As [`merge`].
pub fn merge_file(store: &mut Store, file: &Path) -> Result<MergedTasks, TaskError> {
    let mut merged = MergedTasks::default();
    let mut results = Results::default();
    results.read_file(file);
    merged.add(store, results)?;
    Ok(merged)
}

impl MergedTasks {
    fn add(&mut self, store: &mut Store, results: Results) -> Result<(), StoreError> {
        let mut new: Vec<&LooseRecord> = vec![];
        for files in results.tasks.values() {
            self.tasks += 1;
            self.repeated += files.len().saturating_sub(1);
            let mut is_known = false;
            for file in files {
                let mut records = file.result.records.iter();
                if !is_known && let Some(first) = records.next() {
                    is_known = store.has_loose(first)?;
                }
            }
            if let (false, Some(file)) = (is_known, files.first()) {
                new.extend(&file.result.records);
            }
        }
        if !new.is_empty() {
            self.added += store.append_loose(new)?;
        }
        self.broken.extend(results.broken);
        Ok(())
    }
}
