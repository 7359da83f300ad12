//! Files as they were at a revision of a git repository.

use std::{
    io,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
};

use inceptive_dsl::Files;

use crate::inspect::is_listed;

/// Files at a revision, by paths relative to the working folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitFiles {
    revision: String,
}

/// Git cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// Git is not there, or cannot be started.
    #[error("git cannot be run")]
    Run(#[source] io::Error),
    /// There is no such revision.
    #[error("git knows no revision `{0}` here")]
    Revision(String),
    /// There is no such file or folder at the revision.
    #[error("`{path}` is not there at revision `{revision}`")]
    Path {
        /// The revision.
        revision: String,
        /// The path.
        path: String,
    },
}

impl GitFiles {
    /// The files at a revision, which is looked up once, so that all files are of the same commit.
    ///
    /// # Errors
    /// When git is not there or knows no such revision.
    pub fn at(revision: &str) -> Result<Self, GitError> {
        let commit = format!("{revision}^{{commit}}");
        let output = git(&["rev-parse", "--verify", "--quiet", "--end-of-options", &commit])
            .map_err(GitError::Run)?;
        if !output.status.success() {
            return Err(GitError::Revision(revision.to_owned()));
        }
        Ok(Self { revision: String::from_utf8_lossy(&output.stdout).trim().to_owned() })
    }

    /// The networks, spaces and blocks of a folder, in order, by the same rule as on the disk; none if the path is a
    /// file.
    ///
    /// # Errors
    /// When there is nothing at the path.
    pub fn folder(&self, path: &Path) -> Result<Option<Vec<PathBuf>>, GitError> {
        let missing =
            || GitError::Path { revision: self.revision.clone(), path: path.display().to_string() };
        let name = self.name(path).ok_or_else(missing)?;
        let kind = git(&["cat-file", "-t", &name]).map_err(GitError::Run)?;
        match String::from_utf8_lossy(&kind.stdout).trim() {
            "blob" => Ok(None),
            "tree" => {
                let listing = git(&["ls-tree", "-z", &name]).map_err(GitError::Run)?;
                let entries = String::from_utf8_lossy(&listing.stdout).into_owned();
                let mut files: Vec<PathBuf> = entries
                    .split('\0')
                    .filter_map(file_name)
                    .map(|name| path.join(name))
                    .filter(|path| is_listed(path))
                    .collect();
                files.sort();
                Ok(Some(files))
            }
            _ => Err(missing()),
        }
    }

    /// How git names a file, relative to the working folder; none if it is not below it.
    fn name(&self, path: &Path) -> Option<String> {
        let path = normal(path)?;
        Some(format!("{}:./{}", self.revision, path.to_str()?))
    }
}

/// The name in a line of `git ls-tree`, `MODE TYPE OBJECT<tab>NAME`, unless it is of a folder.
fn file_name(entry: &str) -> Option<&str> {
    let (about, name) = entry.split_once('\t')?;
    about.split(' ').any(|word| word == "blob").then_some(name)
}

fn git(arguments: &[&str]) -> io::Result<std::process::Output> {
    Command::new("git").args(arguments).stdin(Stdio::null()).output()
}

/// The path without `.` and `..`; none if it leads out of the working folder.
fn normal(path: &Path) -> Option<PathBuf> {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => normal.push(name),
            Component::CurDir => {}
            Component::ParentDir => {
                if !normal.pop() {
                    return None;
                }
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(normal)
}

/// Where files stand for those that compare paths; there is nothing above it.
const ROOT: &str = "/";

impl Files for GitFiles {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let path = path.strip_prefix(ROOT).unwrap_or(path);
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let name = self.name(path).ok_or_else(missing)?;
        let output = git(&["cat-file", "blob", &name])?;
        if !output.status.success() {
            return Err(missing());
        }
        let mut bytes = output.stdout;
        bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let path = path.strip_prefix(ROOT).unwrap_or(path);
        let name = self.name(path).ok_or_else(missing)?;
        match git(&["cat-file", "-e", &name])?.status.success() {
            true => Ok(Path::new(ROOT).join(normal(path).ok_or_else(missing)?)),
            false => Err(missing()),
        }
    }

    fn working_folder(&self) -> Option<PathBuf> {
        Some(PathBuf::from(ROOT))
    }
}
