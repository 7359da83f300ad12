//! Files in memory, in place of a disk that a browser does not have.
//!
//! Functions and types are called as those of `std` whose place they take. There are no links; a folder is there as long as
//! there is a file in it.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Cursor, Read, Seek, SeekFrom},
    ops::Bound,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// All files, by their absolute paths.
static DISK: Mutex<Disk> = Mutex::new(Disk {
    files: BTreeMap::new(),
    writes: 0,
    changed: BTreeSet::new(),
    written: vec![],
});

struct Disk {
    files: BTreeMap<PathBuf, Content>,
    /// Times that a file was written.
    writes: u64,
    /// Files that were written or removed since somebody looked.
    changed: BTreeSet<PathBuf>,
    /// Files that are to be offered to the user.
    written: Vec<PathBuf>,
}

#[derive(Clone, Debug)]
struct Content {
    bytes: Arc<[u8]>,
    /// Which write it was.
    number: u64,
}

fn disk() -> MutexGuard<'static, Disk> {
    DISK.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Disk {
    fn about(&self, path: &Path) -> io::Result<Metadata> {
        let path = absolute(path)?;
        if let Some(content) = self.files.get(&path) {
            return Ok(Metadata(Some(content.clone())));
        }
        let is_folder = path == Path::new("/") || self.inside(&path).next().is_some();
        if is_folder { Ok(Metadata(None)) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// The files in a folder and those inside it.
    fn inside<'d>(&'d self, folder: &'d Path) -> impl Iterator<Item = &'d Path> {
        let from = self.files.range::<Path, _>((Bound::Excluded(folder), Bound::Unbounded));
        let paths = from.map(|(path, _)| path.as_path());
        paths.take_while(move |path| path.starts_with(folder))
    }

    fn put(&mut self, path: PathBuf, content: Content) {
        self.changed.insert(path.clone());
        self.files.insert(path, content);
    }

    fn remove(&mut self, path: PathBuf) -> io::Result<Content> {
        let content = self.files.remove(&path).ok_or(io::ErrorKind::NotFound)?;
        self.changed.insert(path);
        Ok(content)
    }
}

/// What is known of a file or folder.
#[derive(Clone, Debug)]
pub struct Metadata(Option<Content>);

impl Metadata {
    /// Whether it is a folder.
    pub const fn is_dir(&self) -> bool {
        self.0.is_none()
    }

    /// Whether it is a file.
    pub const fn is_file(&self) -> bool {
        self.0.is_some()
    }

    /// Never: there are none.
    pub const fn is_symlink(&self) -> bool {
        false
    }

    /// Bytes of a file.
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |content| content.bytes.len() as u64)
    }

    /// Whether it is a folder, or a file without content.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A time that is later than those of all files that were written before. A page has no times of files.
    ///
    /// # Errors
    /// Of a folder.
    pub fn modified(&self) -> io::Result<SystemTime> {
        let number = self.0.as_ref().ok_or(io::ErrorKind::Unsupported)?.number;
        Ok(SystemTime::UNIX_EPOCH + Duration::from_millis(number))
    }

    /// The metadata, which say what kind of file it is.
    #[must_use]
    pub fn file_type(&self) -> Self {
        self.clone()
    }
}

/// What is in a folder.
#[derive(Clone, Debug)]
pub struct DirEntry {
    path: PathBuf,
    about: Metadata,
}

impl DirEntry {
    /// Its path: that of the folder as it was given, and its name.
    pub fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Its name.
    pub fn file_name(&self) -> std::ffi::OsString {
        self.path.file_name().unwrap_or_default().to_owned()
    }

    /// What kind of file it is.
    ///
    /// # Errors
    /// None.
    pub fn file_type(&self) -> io::Result<Metadata> {
        Ok(self.about.clone())
    }
}

/// An open file, with the content that it had when it was opened.
#[derive(Debug)]
pub struct File {
    content: Cursor<Arc<[u8]>>,
    about: Metadata,
}

impl File {
    /// Opens a file for reading.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        open(path.as_ref())
    }

    /// What is known of it.
    ///
    /// # Errors
    /// None.
    pub fn metadata(&self) -> io::Result<Metadata> {
        Ok(self.about.clone())
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.content.seek(to)
    }
}

/// The folder that relative paths begin at.
///
/// # Errors
/// None.
pub fn current_dir() -> io::Result<PathBuf> {
    Ok(PathBuf::from("/"))
}

/// The path from the root, without `.` and `..`.
///
/// # Errors
/// None.
pub fn absolute(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let mut whole = PathBuf::from("/");
    for component in path.as_ref().components() {
        match component {
            Component::ParentDir => drop(whole.pop()),
            Component::Normal(name) => whole.push(name),
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    Ok(whole)
}

/// The absolute path of something that is there.
///
/// # Errors
/// When it is not.
pub fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    let whole = absolute(path)?;
    disk().about(&whole)?;
    Ok(whole)
}

/// What is known of a file or folder.
///
/// # Errors
/// When there is none.
pub fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    disk().about(path.as_ref())
}

/// As [`metadata`].
///
/// # Errors
/// When there is none.
pub fn symlink_metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    metadata(path)
}

/// Whether there is something at a path.
pub fn exists(path: &Path) -> bool {
    metadata(path).is_ok()
}

/// Whether a path is that of a file.
pub fn is_file(path: &Path) -> bool {
    metadata(path).is_ok_and(|about| about.is_file())
}

/// Whether a path is that of a folder.
pub fn is_dir(path: &Path) -> bool {
    metadata(path).is_ok_and(|about| about.is_dir())
}

/// What is in a folder.
///
/// # Errors
/// When there is no such folder.
pub fn read_dir(folder: impl AsRef<Path>) -> io::Result<std::vec::IntoIter<io::Result<DirEntry>>> {
    let folder = folder.as_ref();
    let whole = absolute(folder)?;
    let disk = disk();
    if disk.about(&whole)?.is_file() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let mut found: BTreeMap<PathBuf, DirEntry> = BTreeMap::new();
    for path in disk.inside(&whole) {
        let Some(Component::Normal(name)) =
            path.strip_prefix(&whole).ok().and_then(|rest| rest.components().next())
        else {
            continue;
        };
        let about = disk.about(&whole.join(name))?;
        let path = folder.join(name);
        found.entry(path.clone()).or_insert(DirEntry { path, about });
    }
    Ok(found.into_values().map(Ok).collect::<Vec<_>>().into_iter())
}

/// Writes a file.
///
/// # Errors
/// When it is a folder, or one of its folders is a file.
pub fn write(path: impl AsRef<Path>, content: impl Into<Vec<u8>>) -> io::Result<()> {
    let path = absolute(path)?;
    let mut disk = disk();
    if disk.about(&path).is_ok_and(|about| about.is_dir()) {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    if path.ancestors().skip(1).any(|folder| disk.files.contains_key(folder)) {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    disk.writes += 1;
    let content = Content { bytes: content.into().into(), number: disk.writes };
    disk.put(path, content);
    Ok(())
}

/// Gives a file a second name.
///
/// # Errors
/// When it is not there, or the name is taken.
pub fn hard_link(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (absolute(from)?, absolute(to)?);
    let mut disk = disk();
    if disk.about(&to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let content = disk.files.get(&from).cloned().ok_or(io::ErrorKind::NotFound)?;
    disk.put(to, content);
    Ok(())
}

/// Gives a file another name, in place of the file that has it.
///
/// # Errors
/// When it is not there.
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let (from, to) = (absolute(from)?, absolute(to)?);
    let mut disk = disk();
    let content = disk.remove(from)?;
    disk.put(to, content);
    Ok(())
}

/// Removes a file.
///
/// # Errors
/// When it is not there.
pub fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    disk().remove(absolute(path)?).map(drop)
}

/// The absolute paths of files that were written or removed since the last call.
pub fn take_changed() -> BTreeSet<PathBuf> {
    std::mem::take(&mut disk().changed)
}

/// Has a file offered to the user.
pub(crate) fn note_written(path: &Path) {
    disk().written.push(path.to_owned());
}

/// The files that were replaced since the last call, for the user to be offered.
pub fn take_written() -> Vec<PathBuf> {
    std::mem::take(&mut disk().written)
}

pub(crate) fn open(path: &Path) -> io::Result<File> {
    let about = metadata(path)?;
    let bytes = about.0.as_ref().ok_or(io::ErrorKind::IsADirectory)?.bytes.clone();
    Ok(File { content: Cursor::new(bytes), about })
}

/// What something is called that is neither a file nor a folder, of which there are none.
pub(crate) const fn kind(_: &Metadata) -> &'static str {
    "something else"
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// The names in a folder.
    fn names(folder: &str) -> Vec<String> {
        let entries = read_dir(folder).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let end = if entry.file_type().unwrap().is_dir() { "/" } else { "" };
            assert_eq!(entry.path(), Path::new(folder).join(entry.file_name()));
            entry.file_name().into_string().unwrap() + end
        });
        entries.collect()
    }

    fn text(path: &str) -> String {
        let mut text = String::new();
        File::open(path).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    /// In one test, as there is one disk.
    #[test]
    fn files_are_written_found_and_renamed() {
        assert!(read_dir("nets").is_err() && !exists(Path::new("nets")));
        write("nets/b.yaml", "b").unwrap();
        write("/nets/spaces/s.yaml", "s").unwrap();
        write("./nets/x/../a.yaml", "a").unwrap();
        write("nets.db", "").unwrap();
        assert_eq!(names("nets"), ["a.yaml", "b.yaml", "spaces/"]);
        assert_eq!(names("."), ["nets/", "nets.db"]);
        assert!(is_dir(Path::new("nets/spaces")) && is_file(Path::new("/nets/a.yaml")));
        assert_eq!(canonicalize("nets/../nets/a.yaml").unwrap(), Path::new("/nets/a.yaml"));
        assert!(canonicalize("nets/c.yaml").is_err());

        assert!(write("nets", "").is_err() && write("nets/a.yaml/b", "").is_err());
        assert!(read_dir("nets/a.yaml").is_err() && open(Path::new("nets")).is_err());

        // What is open stays as it was.
        let before = metadata("nets/a.yaml").unwrap();
        let mut open = open(Path::new("nets/a.yaml")).unwrap();
        write("nets/a.yaml", "changed").unwrap();
        let mut old = String::new();
        open.read_to_string(&mut old).unwrap();
        assert_eq!((old.as_str(), text("nets/a.yaml").as_str()), ("a", "changed"));
        assert!(open.metadata().unwrap().modified().unwrap() == before.modified().unwrap());
        assert!(
            symlink_metadata("nets/a.yaml").unwrap().modified().unwrap()
                > before.modified().unwrap()
        );
        open.seek(SeekFrom::Start(0)).unwrap();

        hard_link("nets/a.yaml", "nets/c.yaml").unwrap();
        assert!(hard_link("nets/a.yaml", "nets/b.yaml").is_err());
        remove_file("nets/a.yaml").unwrap();
        rename("nets/c.yaml", "nets/d.yaml").unwrap();
        assert!(remove_file("nets/a.yaml").is_err() && rename("nets/c.yaml", "e").is_err());
        assert_eq!(names("nets"), ["b.yaml", "d.yaml", "spaces/"]);
        assert_eq!(text("nets/d.yaml"), "changed");

        let changed = take_changed();
        assert_eq!(changed.len(), 6, "{changed:?}");
        assert!(changed.contains(Path::new("/nets/c.yaml")) && take_changed().is_empty());
        note_written(Path::new("nets/d.yaml"));
        assert_eq!(take_written(), [Path::new("nets/d.yaml")]);
        assert!(take_written().is_empty());
        let about = metadata("nets/d.yaml").unwrap();
        assert!(!about.is_empty() && !about.is_symlink() && !about.file_type().is_dir());
        assert_eq!(kind(&about), "something else");
        assert_eq!(current_dir().unwrap(), Path::new("/"));
    }
}
