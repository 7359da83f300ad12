//! The files that tasks need, copied below one folder so that they still find each other.
//!
//! A plan lists them with their SHA-256, and may be a stranger's: whatever else it or its files name is not read.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    path::{Component, Path, PathBuf},
};

use super::tasks::{Input, OpenPlan, Plan, TaskPart, Work, sha256};
use crate::{
    error::{PlanError, TaskError},
    explore::read_space,
    measured::Request,
    network::{ReadError, read},
    train::{recipe_file, recipe_files, shipped_recipe_file},
};

/// Maximum size of an input: that of the largest file of weights.
pub(super) const MAX_INPUT_BYTES: u64 = 4 * inceptive_files::GIB;

/// The content of files by their paths below the folder of inputs.
pub(super) type Contents = BTreeMap<PathBuf, Vec<u8>>;

/// Files that tasks need.
pub(super) struct Inputs {
    /// The folder that all are below.
    root: PathBuf,
    /// Their paths below it.
    files: Vec<PathBuf>,
}

/// A path from the root of the file system, without `.` and `..`, whose links are not followed: files name each other by
/// such paths.
fn absolute(path: &Path) -> PathBuf {
    let from = env::current_dir().unwrap_or_default().join(path);
    let mut plain = PathBuf::new();
    for part in from.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    plain
}

impl Inputs {
    /// Files, relative to the working folder if all are in it, else to the deepest folder that has all.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Self {
        let mut files: Vec<PathBuf> = paths.into_iter().map(|path| absolute(&path)).collect();
        files.sort_unstable();
        files.dedup();
        let mut root = absolute(Path::new("."));
        if !files.iter().all(|file| file.starts_with(&root)) {
            root = files.first().and_then(|file| file.parent()).unwrap_or(&root).to_owned();
            while !files.iter().all(|file| file.starts_with(&root)) && root.pop() {}
        }
        let below = |file: &PathBuf| file.strip_prefix(&root).unwrap_or(file).to_owned();
        Self { files: files.iter().map(below).collect(), root }
    }

    /// The path of one of them below the folder of inputs.
    pub fn path(&self, file: &Path) -> PathBuf {
        let file = absolute(file);
        file.strip_prefix(&self.root).unwrap_or(&file).to_owned()
    }

    /// Reads them: what a plan says of them, and their content by their paths.
    pub fn read(&self) -> Result<(Vec<Input>, Contents), PlanError> {
        let mut contents = Contents::new();
        let mut inputs = vec![];
        for file in &self.files {
            let path = self.root.join(file);
            let content = inceptive_files::read(&path, MAX_INPUT_BYTES)
                .map_err(|error| PlanError::Read { path, error })?;
            inputs.push(Input { path: portable(file), sha256: sha256(&content) });
            contents.insert(file.clone(), content);
        }
        Ok((inputs, contents))
    }
}

/// Whether a path leads to a file below a folder, whatever is in that folder: it has names only.
fn is_below(path: &Path) -> bool {
    let mut parts = path.components().peekable();
    parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// A path without a leading `./`.
fn without_dot(path: &Path) -> &Path {
    path.strip_prefix(".").unwrap_or(path)
}

impl Plan {
    /// The files that its tasks begin with: networks, weights, recipes and spaces.
    fn named_files(&self) -> Vec<PathBuf> {
        let of_requests =
            |requests: &[Request]| requests.iter().map(|it| it.file.clone()).collect::<Vec<_>>();
        match &self.work {
            Work::Train(plan) => {
                let mut files = of_requests(&plan.requests);
                files.extend(recipe_file(&plan.recipe));
                files
            }
            Work::Bench { plan, .. } => {
                let mut files = of_requests(&plan.requests);
                files.extend(plan.weights.file.clone());
                files
            }
            Work::Count { space, .. } => vec![space.clone()],
        }
    }

    /// The paths of its inputs.
    fn listed(&self) -> BTreeSet<&Path> {
        self.inputs.iter().map(|input| Path::new(&input.path)).collect()
    }

    /// What is wrong with the paths that it names, before any is opened.
    pub(super) fn path_fault(&self) -> Option<String> {
        if let Some(input) = self.inputs.iter().find(|input| !is_below(Path::new(&input.path))) {
            let path = &input.path;
            return Some(format!("its input `{path}` is not in the folder of its inputs"));
        }
        let listed = self.listed();
        let foreign = self.named_files().into_iter().find(|it| !listed.contains(without_dot(it)));
        foreign.map(|file| format!("`{}` is not one of its inputs", file.display()))
    }
}

impl OpenPlan {
    /// Checks that the inputs are those that were planned with.
    pub fn check_inputs(&self) -> Result<(), PlanError> {
        for Input { path, sha256: expected } in &self.plan.inputs {
            let path = self.inputs().join(path);
            let bytes = inceptive_files::read(&path, MAX_INPUT_BYTES);
            if bytes.map_or(true, |bytes| sha256(&bytes) != *expected) {
                return Err(PlanError::Input(path));
            }
        }
        let Work::Train(plan) = &self.plan.work else { return Ok(()) };
        // A file would be read in place of the recipe of the program.
        let shadow = shipped_recipe_file(&plan.recipe).filter(|it| self.inputs().join(it).exists());
        self.expect_listed(shadow)
    }

    /// Checks that the files of a task refer to inputs only. They are relative to the working folder, which is that of inputs.
    pub fn check_references(&self, part: &TaskPart) -> Result<(), PlanError> {
        let files: Vec<PathBuf> = match (part, &self.plan.work) {
            (TaskPart::Train(plan), _) => {
                // A recipe of the program has no file.
                let file = recipe_file(&plan.recipe).or_else(|| shipped_recipe_file(&plan.recipe));
                let recipe = file.filter(|file| file.exists()).map(|_| {
                    recipe_files(&plan.recipe, &plan.recipe_settings)
                        .unwrap_or_else(|error| opened_by(&error))
                });
                let recipe = recipe.into_iter().flatten();
                plan.requests.iter().flat_map(files_of).chain(recipe).collect()
            }
            (TaskPart::Bench(plan), _) => plan.requests.iter().flat_map(files_of).collect(),
            (TaskPart::Count(_), Work::Count { space, .. }) => {
                read_space(space).map_or_else(|error| opened_by(&error), |space| space.files)
            }
            (TaskPart::Count(_), _) => vec![],
        };
        self.expect_listed(files)
    }

    fn expect_listed(&self, files: impl IntoIterator<Item = PathBuf>) -> Result<(), PlanError> {
        let listed = self.plan.listed();
        match files.into_iter().find(|file| !listed.contains(without_dot(file))) {
            Some(file) => Err(PlanError::NotListed(file)),
            None => Ok(()),
        }
    }
}

/// All files of a network, also if it is wrong: its errors may quote them.
fn files_of(request: &Request) -> Vec<PathBuf> {
    read(&request.file, &request.settings).map_or_else(
        |error| opened_by(&error.into()),
        |loaded| loaded.sources.paths().map(Path::to_owned).collect(),
    )
}

/// The files that were opened before an error.
fn opened_by(error: &TaskError) -> Vec<PathBuf> {
    match error {
        TaskError::Read(ReadError::Yaml(failure)) => {
            failure.sources.paths().map(Path::to_owned).collect()
        }
        _ => vec![],
    }
}

/// A relative path with `/`.
fn portable(path: &Path) -> String {
    let parts = path.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_their_places_to_each_other() {
        let inside = Inputs::new(["a/b/../c.yaml".into(), "./d.yaml".into()]);
        assert_eq!(inside.files, [PathBuf::from("a/c.yaml"), "d.yaml".into()]);
        assert_eq!(inside.path(Path::new("a/c.yaml")), PathBuf::from("a/c.yaml"));
        let outside = Inputs::new(["../x.yaml".into(), "y.yaml".into()]);
        let here = env::current_dir().unwrap();
        let name = PathBuf::from(here.file_name().unwrap());
        assert_eq!(outside.path(Path::new("y.yaml")), name.join("y.yaml"));
        assert_eq!(outside.path(Path::new("../x.yaml")), PathBuf::from("x.yaml"));
    }
}
