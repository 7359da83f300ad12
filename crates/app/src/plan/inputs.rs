//! The files that tasks need, copied below one folder so that they still find each other.

use std::{
    collections::BTreeMap,
    env,
    path::{Component, Path, PathBuf},
};

use super::tasks::{Input, sha256};
use crate::error::PlanError;

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
