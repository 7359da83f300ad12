//! Files by their paths.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_app::is_network;
use inceptive_files::disk;
use serde::{Deserialize, Serialize};

/// A file by the path that it was found under.
pub type FilePath = Arc<Path>;

/// In which order files are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileOrder {
    /// By folder and name.
    #[default]
    Name,
    /// Those with the fewest parameters first.
    Params,
    /// Those with the fewest multiply-accumulates first.
    Macs,
    /// Those that were written last first.
    Newest,
}

/// A file's name without folder and extension, as networks are called where their names are not known.
pub fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file's name without folder.
pub fn file_name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Why a folder cannot be read.
pub(crate) fn folder_problem(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "There is no such folder.".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "Permission denied: this folder cannot be read.".to_owned()
        }
        io::ErrorKind::NotADirectory => "This is not a folder.".to_owned(),
        _ => format!("This folder cannot be read: {error}."),
    }
}

/// Why a folder or a file cannot be opened; `None` if it can.
pub(crate) fn problem_opening(path: &Path) -> Option<String> {
    match (disk::is_file(path), is_network(path)) {
        (true, true) => None,
        (true, false) => Some(format!("{} is not a .yaml, .yml or .onnx file.", path.display())),
        (false, _) if !disk::exists(path) => Some(format!("There is no {}.", path.display())),
        (false, _) => disk::read_dir(path).err().map(|error| folder_problem(&error)),
    }
}

/// Where SQLite writes first.
pub(crate) fn log_of(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}
