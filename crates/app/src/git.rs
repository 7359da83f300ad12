//! Files as they were at a revision of a git repository.
//!
//! The repository may be untrusted, and its configuration can name programs for git to run. Git is configured to run
//! none of them: see [`SETTINGS`] and [`ENVIRONMENT`].

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    env, io,
    path::{Component, Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use inceptive_dsl::Files;
use inceptive_files::program::{self, Answer};

use crate::{inspect::is_listed, repro_command::quoted};

/// Files at a revision, by paths relative to the working folder.
#[derive(Debug)]
pub struct GitFiles {
    revision: String,
    /// How long git may still take for all files together.
    left: Cell<Duration>,
    /// Files that paths were found to be.
    found: RefCell<HashMap<PathBuf, PathBuf>>,
}

/// Git cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// Git is not there, or cannot be started.
    #[error("git cannot be run")]
    Run(#[source] io::Error),
    /// There is no such revision, or the folder is in no repository.
    #[error(
        "git does not know the revision `{0}`; run this in the repository, and fetch the revision first"
    )]
    Revision(String),
    /// The listing is longer than any folder of networks.
    #[error("`{0}` has too many files")]
    TooManyFiles(String),
    /// The tree of the revision has it, but git does not have its content, and may not fetch it.
    #[error(
        "`{path}` exists at revision `{revision}`, but its content is not in this clone, which is probably a partial one: fetch it \
         with `git show {}`, or clone the repository without --filter", quoted(format!("{revision}:./{path}").as_ref())
    )]
    NotFetched {
        /// The revision.
        revision: String,
        /// The path.
        path: String,
    },
    /// There is no such file or folder at the revision.
    #[error("`{path}` does not exist at revision `{revision}`")]
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
        let arguments = ["rev-parse", "--verify", "--quiet", "--end-of-options", &commit];
        match git(&arguments, MAX_LINE, DEADLINE).map_err(GitError::Run)? {
            Answer { bytes, is_success: true, .. } => {
                let revision = String::from_utf8_lossy(&bytes).trim().to_owned();
                Ok(Self { revision, left: Cell::new(DEADLINE_OF_ALL), found: RefCell::default() })
            }
            _ => Err(GitError::Revision(revision.to_owned())),
        }
    }

    /// The networks, spaces and blocks of a folder, in order, by the same rule as on the disk; `None` if the path is a
    /// file.
    ///
    /// # Errors
    /// When there is nothing at the path, or its content was not fetched.
    pub fn folder(&self, path: &Path) -> Result<Option<Vec<PathBuf>>, GitError> {
        let missing =
            || GitError::Path { revision: self.revision.clone(), path: path.display().to_string() };
        let name = self.name(path).ok_or_else(missing)?;
        let kind = self.git(&["cat-file", "-t", &name], MAX_LINE).map_err(GitError::Run)?;
        match String::from_utf8_lossy(&kind.bytes).trim() {
            "blob" => Ok(None),
            "tree" => {
                let listing =
                    self.git(&["ls-tree", "-z", &name], MAX_LISTING).map_err(GitError::Run)?;
                if listing.is_cut_off {
                    return Err(GitError::TooManyFiles(path.display().to_string()));
                }
                let entries = String::from_utf8_lossy(&listing.bytes).into_owned();
                let mut files: Vec<PathBuf> = entries
                    .split('\0')
                    .filter_map(file_name)
                    .map(|name| path.join(name))
                    .filter(|path| is_listed(path))
                    .collect();
                files.sort();
                Ok(Some(files))
            }
            _ => Err(match self.entry(path).map_err(GitError::Run)? {
                Entry::None => missing(),
                Entry::Mode(_) | Entry::NotFetched => self.not_fetched(path),
            }),
        }
    }

    fn not_fetched(&self, path: &Path) -> GitError {
        let (revision, path) = (self.revision.clone(), path.display().to_string());
        GitError::NotFetched { revision, path }
    }

    /// Runs git, as long as the time for all files is not over.
    fn git(&self, arguments: &[&str], limit: u64) -> io::Result<Answer> {
        let left = self.left.get();
        if left.is_zero() {
            let seconds = DEADLINE_OF_ALL.as_secs();
            let message = format!("it took more than {seconds} s for the files of the revision");
            return Err(io::Error::new(io::ErrorKind::TimedOut, message));
        }
        let start = Instant::now();
        let answer = git(arguments, limit, left.min(DEADLINE));
        self.left.set(left.saturating_sub(start.elapsed()));
        answer
    }

    /// The size of a file, without reading it.
    fn size(&self, name: &str) -> io::Result<Option<u64>> {
        let answer = self.git(&["cat-file", "-s", name], MAX_LINE)?;
        Ok(String::from_utf8_lossy(&answer.bytes).trim().parse().ok())
    }

    /// The file that a path is at the revision: where it leads, if it is a link in the tree. Links to folders are not
    /// followed.
    fn file(&self, path: &Path) -> io::Result<PathBuf> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let start = normal(path.strip_prefix(ROOT).unwrap_or(path)).ok_or_else(missing)?;
        if let Some(found) = self.found.borrow().get(&start) {
            return Ok(found.clone());
        }
        let mut file = start.clone();
        let mut target = None;
        for _ in 0..=MAX_LINKS {
            match self.entry(&file)? {
                Entry::Mode(mode) if mode == LINK => {}
                Entry::Mode(mode) if mode == REGULAR || mode == EXECUTABLE => {
                    self.found.borrow_mut().insert(start, file.clone());
                    return Ok(file);
                }
                Entry::NotFetched => return Err(io::Error::other(self.not_fetched(&file))),
                Entry::Mode(_) | Entry::None => break,
            }
            let name = self.name(&file).ok_or_else(missing)?;
            let content = self.git(&["cat-file", "blob", &name], MAX_TARGET)?;
            if !content.is_success {
                return Err(io::Error::other(self.not_fetched(&file)));
            }
            let text = String::from_utf8_lossy(&content.bytes).into_owned();
            let next = normal(&file.parent().unwrap_or(Path::new("")).join(&text));
            target = Some(text);
            match next {
                Some(next) => file = next,
                None => break,
            }
        }
        Err(target.map_or_else(missing, |target| {
            let message =
                format!("it is a link to `{target}`, which is not a file of the revision");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        }))
    }

    /// The entry of the tree for a path.
    fn entry(&self, path: &Path) -> io::Result<Entry> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let path = format!("./{}", path.to_str().ok_or_else(missing)?);
        let entry = self.git(&["ls-tree", "-z", &self.revision, "--", &path], MAX_LINE)?;
        let text = String::from_utf8_lossy(&entry.bytes).into_owned();
        Ok(match text.split_once(' ') {
            Some((mode, _)) => Entry::Mode(mode.to_owned()),
            None if entry.is_success => Entry::None,
            None => Entry::NotFetched,
        })
    }

    /// How git names a file, relative to the working folder; `None` if it is not below it.
    fn name(&self, path: &Path) -> Option<String> {
        let path = normal(path)?;
        Some(format!("{}:./{}", self.revision, path.to_str()?))
    }
}

/// What the tree of a revision has for a path.
enum Entry {
    /// Nothing.
    None,
    /// An entry of a mode.
    Mode(String),
    /// A part of the tree was not fetched.
    NotFetched,
}

/// Modes of regular files and links in a tree.
const REGULAR: &str = "100644";
const EXECUTABLE: &str = "100755";
const LINK: &str = "120000";

/// Maximum number of links that are followed to a file.
const MAX_LINKS: usize = 8;

/// Maximum number of bytes of a link's target.
const MAX_TARGET: u64 = 4 << 10;

/// The name in a line of `git ls-tree`, `MODE TYPE OBJECT<tab>NAME`, unless it is of a folder.
fn file_name(entry: &str) -> Option<&str> {
    let (about, name) = entry.split_once('\t')?;
    about.split(' ').any(|word| word == "blob").then_some(name)
}

/// Maximum number of bytes of an answer that is one word.
const MAX_LINE: u64 = 1 << 10;

/// Time limit for an answer: a repository's configuration may name a pipe without a writer.
const DEADLINE: Duration = Duration::from_secs(10);

/// Time limit for all answers about a revision: each of many files may take nearly as long as one may.
const DEADLINE_OF_ALL: Duration = Duration::from_secs(60);

/// Maximum number of bytes of a folder's listing.
const MAX_LISTING: u64 = 4 << 20;

/// Settings that override a repository's configuration. Nothing is fetched, and no program that fetches is run: neither
/// for objects that a partial clone lacks, nor by a bare repository that is committed inside of another one. Hooks,
/// file monitors, filters, pagers and programs that ask for passwords are disabled.
const SETTINGS: [&str; 15] = [
    "safe.bareRepository=explicit",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sshCommand=false",
    "core.gitProxy=false",
    "core.askPass=false",
    "core.alternateRefsCommand=false",
    "core.bigFileThreshold=1m",
    "credential.helper=",
    "diff.external=",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.allow=never",
    "protocol.ext.allow=never",
    "protocol.file.allow=never",
];

/// The same for what the environment decides: `GIT_ALLOW_PROTOCOL` overrides the configuration of every protocol, also
/// in versions of git that do not know `GIT_NO_LAZY_FETCH` yet.
const ENVIRONMENT: [(&str, &str); 5] = [
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_PROTOCOL_FROM_USER", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
    ("GIT_OPTIONAL_LOCKS", "0"),
];

/// Variables that name programs or files for git to write; the others say which repository is meant.
const REMOVED: [&str; 8] = [
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_PROXY_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_EDITOR",
];

/// Runs git for at most `deadline`, and reads at most `limit` bytes of its output: a repository may hold a blob of
/// gigabytes.
fn git(arguments: &[&str], limit: u64, deadline: Duration) -> io::Result<Answer> {
    let missing =
        || io::Error::new(io::ErrorKind::NotFound, "not found in the absolute folders of PATH");
    let mut command = program::command("git").ok_or_else(missing)?;
    harmless(&mut command);
    program::answer(command.args(arguments), limit, deadline)
}

/// Prevents git from running programs that a repository names.
fn harmless(command: &mut Command) {
    for variable in REMOVED {
        command.env_remove(variable);
    }
    for (variable, _) in env::vars_os().filter(|(name, _)| is_trace(&name.to_string_lossy())) {
        command.env_remove(variable);
    }
    command.envs(ENVIRONMENT).arg("--no-pager");
    for setting in SETTINGS {
        command.args(["-c", setting]);
    }
}

/// Whether a variable makes git write a trace to a file.
fn is_trace(name: &str) -> bool {
    name.starts_with("GIT_TRACE")
}

/// The path without `.` and `..`; `None` if it leads out of the working folder.
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

/// The root of the paths at a revision, for code that compares paths.
const ROOT: &str = "/";

impl Files for GitFiles {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let file = self.file(path)?;
        let name = self.name(&file).ok_or_else(missing)?;
        // A large file is not read in vain. A few bytes of a pack may unfold to one.
        if self.size(&name)?.is_some_and(|size| size >= limit) {
            let limit = limit.saturating_sub(1);
            return Err(inceptive_files::Refusal::TooLarge { limit }.into());
        }
        match self.git(&["cat-file", "blob", &name], limit)? {
            Answer { bytes, is_success: true, .. } => Ok(bytes),
            // The tree has it.
            _ => Err(io::Error::other(self.not_fetched(&file))),
        }
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(Path::new(ROOT).join(self.file(path)?))
    }

    fn working_folder(&self) -> Option<PathBuf> {
        Some(PathBuf::from(ROOT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_read_than_is_wanted() {
        let whole = git(&["version"], MAX_LINE, DEADLINE).unwrap();
        assert!(whole.is_success && !whole.is_cut_off && whole.bytes.starts_with(b"git version"));
        let part = git(&["version"], 3, DEADLINE).unwrap();
        assert!(part.is_success && part.is_cut_off);
        assert_eq!(part.bytes, b"git");
        let missing = git(&["cat-file", "-e", "no-such-object"], MAX_LINE, DEADLINE).unwrap();
        assert!(!missing.is_success);
    }

    #[test]
    fn the_time_is_limited_for_all_files_together() {
        let left = Cell::new(DEADLINE);
        let files = GitFiles { revision: "HEAD".to_owned(), left, found: RefCell::default() };
        assert!(files.git(&["version"], MAX_LINE).unwrap().is_success);
        let left = files.left.get();
        assert!(left < DEADLINE, "{left:?}");
        files.left.set(Duration::ZERO);
        for error in [
            files.git(&["version"], MAX_LINE).err().unwrap(),
            files.read(Path::new("a.yaml"), 1).unwrap_err(),
            files.canonical(Path::new("a.yaml")).unwrap_err(),
        ] {
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        }
    }
}
