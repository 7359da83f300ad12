//! Renaming files.

use std::{io, path::Path};

use crate::{WriteError, disk, link::refuse_links};

/// Renames a file. A file that has the new name already is never replaced.
///
/// # Errors
/// When it cannot be renamed; it then keeps its name.
pub fn rename_file(from: &Path, to: &Path) -> Result<(), WriteError> {
    refuse_links(to)
        .and_then(|()| rename(from, to))
        .map_err(|error| WriteError { path: to.to_owned(), error })
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    // Unlike renaming, this fails where there is a file.
    match disk::hard_link(from, to) {
        Ok(()) => disk::remove_file(from).inspect_err(|_| {
            // The file is still there under its old name.
            let _ = disk::remove_file(to);
        }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(exists()),
        // Not every drive has a second name for a file.
        Err(_) if disk::symlink_metadata(to).is_ok() => Err(exists()),
        Err(_) => disk::rename(from, to),
    }
}

fn exists() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "there is a file of this name already")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_renamed_but_never_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to, other] = ["a", "b", "c"].map(|name| folder.path().join(name));
        fs::write(&from, "text").unwrap();
        fs::write(&other, "other").unwrap();
        let error = rename_file(&from, &other).unwrap_err().error;
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&other).unwrap(), "other");
        rename_file(&from, &to).unwrap();
        assert!(!from.exists());
        assert_eq!(fs::read_to_string(&to).unwrap(), "text");
        assert_eq!(rename_file(&from, &from).unwrap_err().error.kind(), io::ErrorKind::NotFound);
    }
}
