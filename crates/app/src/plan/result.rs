//! The files that workers write: one for each task that was done.

use std::{
    collections::BTreeMap,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use inceptive_files::{InputFiles, WriteError, create_folder, refuse_links, replace_file};
use inceptive_results::EpochRecord;
use inceptive_store::LooseRecord;
use serde::{Deserialize, Serialize};

use super::tasks::{OpenPlan, VERSION, sha256, task_id};
use crate::error::PlanError;

/// The folder of results of a plan.
const RESULTS: &str = "results";

/// How the name of a result ends.
const ENDING: &str = ".json";

/// Digits of the identity of a task in the name of its result, and as many of the SHA-256 of its content.
const DIGITS: usize = 32;

/// Digits of the folder of a result: 256 folders, so that none has very many files.
const FOLDER_DIGITS: usize = 2;

/// Maximum size of a result, as of a record of a store.
const MAX_RESULT_BYTES: u64 = 64 * inceptive_files::MIB;

/// What a task found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct TaskResult {
    /// The version of the format.
    inceptive_result: u32,
    /// SHA-256 of the plan.
    plan: String,
    /// The number of the task.
    pub task: usize,
    /// Its records, as a store keeps them.
    pub records: Vec<LooseRecord>,
    /// Of a training that paused: its epochs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub epochs: Vec<EpochRecord>,
}

/// A result with its file.
#[derive(Clone, Debug)]
pub(super) struct ResultFile {
    /// What it identifies.
    pub id: String,
    /// SHA-256 of its content, shortened.
    pub content: String,
    path: PathBuf,
    pub result: TaskResult,
}

/// A file that is no result, although it is where they are.
#[derive(Clone, Debug)]
pub struct BrokenFile {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: String,
}

/// The results of a folder.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// The good ones by their tasks; several where a task ran several times, in the order of their contents.
    pub tasks: BTreeMap<String, Vec<ResultFile>>,
    /// The others.
    pub broken: Vec<BrokenFile>,
}

impl TaskResult {
    pub fn new(
        plan: &str,
        task: usize,
        records: Vec<LooseRecord>,
        epochs: Vec<EpochRecord>,
    ) -> Self {
        Self { inceptive_result: VERSION, plan: plan.to_owned(), task, records, epochs }
    }

    /// Writes it to a file of its own in the folder of a plan, whole or not at all; returns the file. The same result has
    /// the same file.
    pub fn write(&self, plan_folder: &Path) -> Result<PathBuf, PlanError> {
        let id = task_id(&self.plan, self.task);
        let mut content = serde_json::to_string(self).map_err(|error| PlanError::Unreadable {
            file: RESULTS.into(),
            reason: error.to_string(),
        })?;
        content.push('\n');
        let folder = folder_of(plan_folder, &id);
        // The plan may be a stranger's: no folder in it may lead elsewhere.
        refuse_links(&plan_folder.join(RESULTS))
            .map_err(|error| WriteError { path: folder.clone(), error })?;
        create_folder(&folder)?;
        let name = format!("{id}-{}{ENDING}", &sha256(content.as_bytes())[..DIGITS]);
        let path = folder.join(name);
        replace_file(&path, content.as_bytes(), &InputFiles::default())?;
        Ok(path)
    }
}

/// The folder of the results of a task.
fn folder_of(plan_folder: &Path, id: &str) -> PathBuf {
    plan_folder.join(RESULTS).join(&id[..FOLDER_DIGITS])
}

/// Whether a file is one that is being written, or was when its program was killed.
fn is_unfinished(name: &str) -> bool {
    name.starts_with('.')
}

impl Results {
    /// The results of one task of a plan.
    pub fn of_task(plan: &OpenPlan, task: usize) -> Result<Self, PlanError> {
        let mut results = Self::default();
        let id = plan.task_id(task);
        let folder = folder_of(&plan.folder, &id);
        results.read_folder(&folder, |name| name.starts_with(&id))?;
        results.leave_out_foreign(plan);
        Ok(results)
    }

    /// The names of the folders that results are in.
    pub fn folder_names() -> impl Iterator<Item = String> {
        (0..=u8::MAX).map(|number| format!("{number:02x}"))
    }

    /// The results of a plan in one of these folders.
    pub fn of_folder(plan: &OpenPlan, name: &str) -> Result<Self, PlanError> {
        let mut results = Self::default();
        results.read_folder(&plan.folder.join(RESULTS).join(name), |_| true)?;
        results.leave_out_foreign(plan);
        Ok(results)
    }

    /// Leaves out results of other plans and of tasks that the plan does not have.
    fn leave_out_foreign(&mut self, plan: &OpenPlan) {
        let is_own =
            |it: &ResultFile| it.result.plan == plan.digest && it.result.task < plan.plan.len();
        let foreign = self.tasks.extract_if(.., |_, files| !files.first().is_some_and(is_own));
        let foreign: Vec<ResultFile> = foreign.flat_map(|(_, files)| files).collect();
        for file in foreign {
            self.add_broken(&file.path, "it is not a result of this plan".to_owned());
        }
    }

    /// What is beside these folders, where nothing should be.
    pub fn strays(plan_folder: &Path) -> Result<Vec<BrokenFile>, PlanError> {
        let folder = plan_folder.join(RESULTS);
        let known: Vec<String> = Self::folder_names().collect();
        let is_stray = |name: &String| !known.contains(name) && !is_unfinished(name);
        let broken = |name: String| BrokenFile {
            path: folder.join(name),
            reason: "it is not a result of a task".to_owned(),
        };
        Ok(names(&folder)?.into_iter().filter(is_stray).map(broken).collect())
    }

    /// The results of all tasks of a plan.
    pub fn of_plan(plan: &OpenPlan) -> Result<Self, PlanError> {
        let mut results = Self { broken: Self::strays(&plan.folder)?, ..Self::default() };
        for name in Self::folder_names() {
            results.extend(Self::of_folder(plan, &name)?);
        }
        Ok(results)
    }

    fn read_folder(
        &mut self,
        folder: &Path,
        is_wanted: impl Fn(&str) -> bool,
    ) -> Result<(), PlanError> {
        for name in names(folder)?.iter().filter(|name| is_wanted(name) && !is_unfinished(name)) {
            self.read_file(&folder.join(name));
        }
        Ok(())
    }

    /// Reads a file; one that is not whole is noted.
    pub fn read_file(&mut self, path: &Path) {
        match read(path) {
            Ok(file) => {
                let files = self.tasks.entry(file.id.clone()).or_default();
                // Names, and so contents, are read in order.
                let at = files.partition_point(|other| other.content < file.content);
                if files.get(at).is_none_or(|other| other.content != file.content) {
                    files.insert(at, file);
                }
            }
            Err(reason) => self.add_broken(path, reason),
        }
    }

    fn add_broken(&mut self, path: &Path, reason: String) {
        self.broken.push(BrokenFile { path: path.to_owned(), reason });
    }

    /// The results of both.
    pub fn extend(&mut self, other: Self) {
        self.broken.extend(other.broken);
        for (id, files) in other.tasks {
            let own = self.tasks.entry(id).or_default();
            own.extend(files);
            own.sort_by(|a, b| a.content.cmp(&b.content));
            own.dedup_by(|a, b| a.content == b.content);
        }
    }

    /// The result of a task that counts, whatever the order in which its files were written.
    pub fn get(&self, id: &str) -> Option<&TaskResult> {
        self.tasks.get(id).and_then(|files| files.first()).map(|file| &file.result)
    }
}

/// The names in a folder, in order; none if it is not there.
fn names(folder: &Path) -> Result<Vec<String>, PlanError> {
    let failed = |error| PlanError::Read { path: folder.to_owned(), error };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
        Err(error) => return Err(failed(error)),
    };
    let mut names = vec![];
    for entry in entries {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Reads a result, whose name says what its content has to be.
fn read(path: &Path) -> Result<ResultFile, String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let parts = name.strip_suffix(ENDING).and_then(|stem| stem.split_once('-'));
    let is_digits =
        |text: &str| text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some((id, expected)) = parts.filter(|(id, content)| is_digits(id) && is_digits(content))
    else {
        return Err("it is not a result of a task".to_owned());
    };
    let bytes = inceptive_files::read(path, MAX_RESULT_BYTES).map_err(|error| error.to_string())?;
    if !sha256(&bytes).starts_with(expected) {
        return Err("it was cut off or changed: its SHA-256 is not that of its name".to_owned());
    }
    let result: TaskResult = serde_json::from_slice(&bytes).map_err(|error| error.to_string())?;
    if result.inceptive_result != VERSION {
        return Err(format!("its version is {}, not {VERSION}", result.inceptive_result));
    }
    if task_id(&result.plan, result.task) != id {
        return Err("it is the result of another task than its name says".to_owned());
    }
    if let Some(error) = result.records.iter().find_map(|record| record.check().err()) {
        return Err(error.to_string());
    }
    if result.records.is_empty() && result.epochs.is_empty() {
        return Err("it has no records".to_owned());
    }
    let (id, content, path) = (id.to_owned(), expected.to_owned(), path.to_owned());
    Ok(ResultFile { id, content, path, result })
}

#[cfg(test)]
mod tests {
    use inceptive_results::example::{space_count, training_run};

    use super::{
        super::tasks::{Plan, Work},
        *,
    };

    /// A plan of ten tasks.
    fn plan(folder: &tempfile::TempDir) -> OpenPlan {
        let work = Work::Count {
            space: "space.yaml".into(),
            conditions: vec![],
            objectives: vec![],
            size: 10,
            tasks: 10,
        };
        let plan = Plan { inceptive_plan: VERSION, work, inputs: vec![] };
        OpenPlan { folder: folder.path().to_owned(), plan, digest: "plan".to_owned() }
    }

    fn result(task: usize, top1: f64) -> TaskResult {
        let record = LooseRecord::new(&training_run(0, top1)).unwrap();
        TaskResult::new("plan", task, vec![record], vec![])
    }

    #[test]
    fn a_result_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let written =
            TaskResult::new("plan", 3, vec![LooseRecord::new(&space_count()).unwrap()], vec![]);
        let path = written.write(folder.path()).unwrap();
        assert_eq!(written.write(folder.path()).unwrap(), path, "it is written once");
        let found = Results::of_task(&plan(&folder), 3).unwrap();
        assert_eq!(found.get(&task_id("plan", 3)), Some(&written));
        assert!(Results::of_task(&plan(&folder), 4).unwrap().tasks.is_empty());
    }

    #[test]
    fn whatever_is_cut_off_changed_or_foreign_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let good = result(0, 90.0).write(folder.path()).unwrap();
        let bytes = fs::read(&good).unwrap();
        let place = good.parent().unwrap();
        for length in [0, 1, bytes.len() / 2, bytes.len() - 1] {
            fs::write(&good, &bytes[..length]).unwrap();
            let found = Results::of_plan(&plan(&folder)).unwrap();
            assert!(found.tasks.is_empty(), "{length}");
            assert_eq!(found.broken[0].path, good, "{length}");
        }
        fs::write(&good, &bytes).unwrap();
        fs::write(place.join("notes.txt"), "mine").unwrap();
        fs::write(place.join(".inceptive-x.part"), "half").unwrap();
        // Whole, but under the name of another task.
        let other = result(1, 80.0).write(folder.path()).unwrap();
        let name = other.file_name().unwrap().to_string_lossy().into_owned();
        let disguised = format!("{}{}", task_id("plan", 2), &name[DIGITS..]);
        fs::rename(&other, place.join(&disguised)).unwrap();
        let found = Results::of_plan(&plan(&folder)).unwrap();
        assert_eq!(found.tasks.len(), 1);
        let mut named: Vec<String> = found
            .broken
            .iter()
            .map(|broken| broken.path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        named.sort_unstable();
        let mut expected = vec![disguised, "notes.txt".to_owned()];
        expected.sort_unstable();
        assert_eq!(named, expected);
    }

    #[test]
    fn of_several_results_of_a_task_the_same_counts_in_any_order() {
        let [one, two] = [80.0, 90.0].map(|top1| result(0, top1));
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        one.write(folders[0].path()).unwrap();
        two.write(folders[0].path()).unwrap();
        two.write(folders[1].path()).unwrap();
        one.write(folders[1].path()).unwrap();
        let id = task_id("plan", 0);
        let [first, second] = folders.map(|it| Results::of_plan(&plan(&it)).unwrap());
        assert_eq!(first.tasks[&id].len(), 2);
        assert_eq!(first.get(&id), second.get(&id));
    }
}
