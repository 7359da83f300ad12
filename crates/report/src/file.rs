//! Writing files so that none is ever half-written.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

/// A file or folder could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write `{}`", path.display())]
pub struct WriteError {
    /// The file or folder.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub error: io::Error,
}

/// Creates a folder and those around it.
pub(crate) fn create_folder(path: &Path) -> Result<(), WriteError> {
    fs::create_dir_all(path).map_err(|error| {
        let error = in_the_way(path).unwrap_or(error);
        WriteError { path: path.to_owned(), error }
    })
}

/// That a file stands where a folder is to be, if one does: the system only says that something exists.
fn in_the_way(folder: &Path) -> Option<io::Error> {
    let file = folder.ancestors().find(|path| path.exists()).filter(|path| !path.is_dir())?;
    let reason = format!("the file `{}` is in the way", file.display());
    Some(io::Error::new(io::ErrorKind::NotADirectory, reason))
}

/// Replaces a file: writes beside it, syncs and renames. Devices and pipes are written to directly,
/// and a link stays a link.
///
/// # Errors
/// When the file cannot be written; it is then as it was.
pub fn replace_file(path: &Path, content: &[u8]) -> Result<(), WriteError> {
    replace(path, content).map_err(|error| WriteError { path: path.to_owned(), error })
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|about| !about.is_file() && !about.is_dir()) {
        return fs::write(path, content);
    }
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if !folder.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such folder"));
    }
    // A file is replaced by renaming, which a file that may not be written does not prevent.
    for (path, what) in [(&*target, "file"), (folder, "folder")] {
        if fs::metadata(path).is_ok_and(|about| about.permissions().readonly()) {
            let reason = format!("the {what} is read-only");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
    }
    let mut builder = tempfile::Builder::new();
    readable_by_all(&mut builder);
    let mut file = builder.prefix(".").suffix(".part").tempfile_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    Ok(())
}

/// As an ordinary file, less what the user's mask takes away.
#[cfg(unix)]
fn readable_by_all(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_by_all(_: &mut tempfile::Builder<'_, '_>) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace_file(&path, b"one").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn what_may_not_be_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.txt");
        fs::write(&path, "kept").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        let error = replace_file(&path, b"lost").unwrap_err();
        assert_eq!(error.error.to_string(), "the file is read-only");
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }

    #[test]
    fn a_folder_in_the_way_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = replace_file(folder.path(), b"text").unwrap_err();
        assert!(error.to_string().contains("cannot write"), "{error}");
        assert!(replace_file(&folder.path().join("missing/file"), b"text").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_where_a_folder_is_to_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report");
        fs::write(&file, "text").unwrap();
        for path in [file.clone(), file.join("inside")] {
            let error = create_folder(&path).unwrap_err();
            assert_eq!(error.path, path);
            let reason = format!("the file `{}` is in the way", file.display());
            assert_eq!(error.error.to_string(), reason);
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        fs::write(&target, b"old").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace_file(&link, b"new").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&target).unwrap(), b"new");
    }
}
