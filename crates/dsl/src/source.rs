//! The files that a network is read from.

use std::{
    collections::BTreeMap,
    fmt,
    io::{self, Read},
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_files::disk;
use inceptive_ir::Span;

use crate::path::normal;

/// Where files come from: the disk, or memory for editors and tests.
pub trait Files {
    /// The bytes of a file, at most `limit` of them.
    ///
    /// # Errors
    /// When the file cannot be read.
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>>;

    /// The true path of a file, links resolved, so that two names of one file compare equal.
    ///
    /// # Errors
    /// When the file does not exist.
    fn canonical(&self, path: &Path) -> io::Result<PathBuf>;

    /// The names of the files in the folder of a path, for suggestions; none if they are not known.
    fn names_beside(&self, _path: &Path) -> Vec<String> {
        Vec::new()
    }

    /// The folder within which files may refer to each other, in addition to the folder of each file.
    fn working_folder(&self) -> Option<PathBuf>;
}

/// What a text from the command line is called, which is no file.
pub(crate) const COMMAND_LINE: &str = "--set";

/// Maximum number of files in a folder that a mistyped name is compared with.
const MOST_NAMES: usize = 10_000;

/// Files on disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        // The caller reports which file is too large.
        inceptive_files::open(path, u64::MAX)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        disk::canonicalize(path)
    }

    fn names_beside(&self, path: &Path) -> Vec<String> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let entries = disk::read_dir(folder.unwrap_or(Path::new("."))).into_iter().flatten();
        let names =
            entries.take(MOST_NAMES).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort_unstable();
        names
    }

    fn working_folder(&self) -> Option<PathBuf> {
        disk::current_dir().and_then(disk::canonicalize).ok()
    }
}

/// Files in memory, by absolute path.
#[derive(Clone, Debug, Default)]
pub struct Memory(BTreeMap<PathBuf, Vec<u8>>);

impl Memory {
    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, content: impl Into<Vec<u8>>) -> Self {
        self.0.insert(path.into(), content.into());
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let bytes = self.0.get(&self.canonical(path)?);
        let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        let end = usize::try_from(limit).map_or(bytes.len(), |limit| limit.min(bytes.len()));
        Ok(bytes[..end].to_vec())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        let path = normal(path);
        if self.0.contains_key(&path) {
            Ok(path)
        } else {
            Err(io::Error::from(io::ErrorKind::NotFound))
        }
    }

    fn working_folder(&self) -> Option<PathBuf> {
        None
    }
}

/// One file's text.
#[derive(Clone)]
pub struct Source {
    /// The path as it is shown to people.
    pub path: PathBuf,
    /// Its text.
    pub text: Arc<str>,
    line_starts: Arc<[u32]>,
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A place in a file as people name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Source {
    fn new(path: PathBuf, text: &str) -> Self {
        let starts = text.bytes().zip(1..).filter(|&(byte, _)| byte == b'\n').map(|(_, next)| next);
        let line_starts = std::iter::once(0).chain(starts).collect();
        Self { path, text: Arc::from(text), line_starts }
    }

    /// The bytes of the line of a byte.
    pub(crate) fn line_around(&self, byte: u32) -> Range<usize> {
        let line = self.position(byte).line;
        let start = |line: usize| self.line_starts.get(line).map(|&start| start as usize);
        start(line - 1).unwrap_or(0)..start(line).unwrap_or(self.text.len())
    }

    /// Line and column of a byte.
    pub fn position(&self, byte: u32) -> Position {
        let line = self.line_starts.partition_point(|&start| start <= byte).max(1);
        let start = self.line_starts[line - 1] as usize;
        let end = (byte as usize).min(self.text.len());
        let column = self.text.get(start..end).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }
}

/// All files that were read for a network, in the order of reading. A [`Span`]'s `source` is the
/// position among those with text.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    texts: Vec<Source>,
    binaries: Vec<PathBuf>,
}

impl Sources {
    /// Adds a file and returns its number.
    pub(crate) fn add(&mut self, path: PathBuf, text: &str) -> u32 {
        self.texts.push(Source::new(path, text));
        u32::try_from(self.texts.len() - 1).unwrap_or(u32::MAX)
    }

    /// Adds a file that is there, but whose text cannot be used.
    pub(crate) fn add_unreadable(&mut self, path: PathBuf) {
        self.binaries.push(path);
    }

    /// The file that a span lies in.
    pub fn get(&self, source: u32) -> Option<&Source> {
        self.texts.get(source as usize)
    }

    /// `file:line:column` of the start of a span.
    pub fn locate(&self, span: Span) -> Option<(&Path, Position)> {
        let source = self.get(span.source)?;
        Some((&source.path, source.position(span.start)))
    }

    /// The files with text, in the order of reading.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.texts.iter()
    }

    /// Files without usable text: an ONNX model, and those with its weights.
    pub fn of_binaries(paths: Vec<PathBuf>) -> Self {
        Self { texts: Vec::new(), binaries: paths }
    }

    /// The paths of all files.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.texts
            .iter()
            .map(|source| &*source.path)
            .filter(|path| *path != Path::new(COMMAND_LINE))
            .chain(self.binaries.iter().map(|path| &**path))
    }
}
