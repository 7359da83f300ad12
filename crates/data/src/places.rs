//! Where published data sets are looked for.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use crate::{
    catalog::{Format, KnownSet},
    cifar,
    dataset::Checksum,
    error::FileError,
    idx,
    input::MAX_FILE_BYTES,
};

/// Where Debian's packages put data sets.
const SYSTEM: &str = "/usr/share/datasets";

/// Folders in which a data set is looked for in a folder of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The folder for downloads, which is searched first.
    folder: Option<PathBuf>,
    /// The system's folder.
    system: Vec<PathBuf>,
}

/// A file of a data set, compared with the published one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Checksum,
    /// Whether these are the published bytes; `None` if other bytes may have the same content, because the file is
    /// decompressed or compressed again.
    pub is_published: Option<bool>,
}

impl Places {
    /// The folder that `INCEPTIVE_DATA` names; else `inceptive` in `XDG_DATA_HOME`, or in `~/.local/share`. Then the
    /// system's folder.
    pub fn from_env() -> Self {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        Self { folder: data_folder(variable), system: vec![SYSTEM.into()] }
    }

    /// A folder, and no others.
    pub fn only(folder: &Path) -> Self {
        Self { folder: Some(folder.to_owned()), system: Vec::new() }
    }

    /// Where a data set is downloaded to; `None` if no folder is known.
    pub fn folder_of(&self, set: &KnownSet) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(set.name))
    }

    /// All folders in which a data set is looked for.
    pub fn all(&self, set: &KnownSet) -> Vec<PathBuf> {
        self.folder.iter().chain(&self.system).map(|folder| folder.join(set.name)).collect()
    }

    /// The first folder that has all files of a data set.
    pub fn find(&self, set: &KnownSet) -> Option<PathBuf> {
        self.all(set).into_iter().find(|folder| set.is_in(folder))
    }
}

/// As the XDG Base Directory Specification says: a relative `XDG_DATA_HOME` is ignored.
fn data_folder(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let ours = || variable("INCEPTIVE_DATA").map(PathBuf::from);
    let xdg = || variable("XDG_DATA_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || Some(PathBuf::from(variable("HOME")?).join(".local/share"));
    let windows = || variable("LOCALAPPDATA").map(PathBuf::from);
    ours().or_else(|| Some(xdg().or_else(home).or_else(windows)?.join("inceptive")))
}

impl KnownSet {
    /// Whether a folder has all of its files.
    pub fn is_in(&self, folder: &Path) -> bool {
        match self.format {
            Format::Idx => idx::files(folder).is_ok(),
            Format::Cifar(kind) => folder.is_dir() && cifar::locate(kind, folder).is_ok(),
        }
    }

    /// Compares the files at a path with the published ones.
    ///
    /// # Errors
    /// When one is missing or cannot be read.
    pub fn report_files(&self, path: &Path) -> Result<Vec<FileReport>, FileError> {
        let files: Vec<PathBuf> = match self.format {
            Format::Idx => idx::files(path)?.into(),
            Format::Cifar(kind) => cifar::files(kind, path)?,
        };
        files.into_iter().map(|path| self.report_file(path)).collect()
    }

    fn report_file(&self, path: PathBuf) -> Result<FileReport, FileError> {
        let content = inceptive_files::read(&path, MAX_FILE_BYTES).map_err(FileError::io(&path))?;
        let sha256 = Checksum::of(&content);
        let bytes = content.len() as u64;
        let name = path.file_name().unwrap_or_default();
        let published = self.files.iter().find(|file| *name == *file.name);
        let same_bytes = published.is_some_and(|file| file.sha256 == sha256.to_string());
        // gzip files contain the name and the time of the compressed file.
        let may_be_repacked = published.is_none_or(|file| {
            bytes != file.bytes && Path::new(file.name).extension().is_some_and(|end| end == "gz")
        });
        let is_published = if may_be_repacked { None } else { Some(same_bytes) };
        Ok(FileReport { path, bytes, sha256, is_published })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_follows_the_environment() {
        let check = |variables: &[(&str, &str)], expected: Option<&str>| {
            let found = data_folder(|name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
            });
            assert_eq!(found, expected.map(PathBuf::from), "{variables:?}");
        };
        let home = ("HOME", "/home/a");
        check(&[home], Some("/home/a/.local/share/inceptive"));
        check(&[home, ("XDG_DATA_HOME", "/data")], Some("/data/inceptive"));
        check(&[home, ("XDG_DATA_HOME", "data")], Some("/home/a/.local/share/inceptive"));
        check(&[home, ("INCEPTIVE_DATA", "/sets")], Some("/sets"));
        check(&[], None);
    }
}
