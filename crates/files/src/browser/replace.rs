//! Writing of files to the memory of the page, protected against overwriting inputs. A file is replaced at once, so none is
//! ever unfinished. What is written is offered to the user as a download: see [`crate::disk::take_written`].

use std::{
    io::{self, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use crate::{InputFiles, WriteError, disk, replace_file};

/// Does nothing: folders are there as soon as there is a file in them.
///
/// # Errors
/// None.
pub fn create_folder(_: &Path) -> Result<(), WriteError> {
    Ok(())
}

/// Replaces a file that is not one of `inputs` by what `write` writes.
///
/// # Errors
/// When it is an input or a folder, or when `write` fails; nothing is changed then.
pub fn replace_file_with(
    path: &Path,
    inputs: &InputFiles,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    inputs.check(path)?;
    let mut content = Vec::new();
    let written = write(&mut content).and_then(|()| disk::write(path, content));
    written.map_err(|error| WriteError { path: path.to_owned(), error })?;
    disk::note_written(path);
    Ok(())
}

/// Never: a folder is replaced at once.
pub fn unfinished(_: &Path) -> Option<Vec<String>> {
    None
}

/// Replaces the files of a folder; removes those that are stale.
///
/// # Errors
/// When one of them is an input or a folder, or as `stale`.
pub fn replace_all(
    folder: &Path,
    files: &[(String, String)],
    stale: impl FnOnce() -> Result<Vec<PathBuf>, WriteError>,
    inputs: &InputFiles,
    _: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Vec<PathBuf>, WriteError> {
    let stale = stale()?;
    stale.iter().try_for_each(|path| inputs.check(path))?;
    let write = |(name, content): &(String, String)| {
        let path = folder.join(name);
        replace_file(&path, content.as_bytes(), inputs)?;
        Ok(path)
    };
    let written = files.iter().map(write).collect::<Result<Vec<_>, WriteError>>()?;
    for path in stale {
        disk::remove_file(&path).map_err(|error| WriteError { path, error })?;
    }
    Ok(written)
}
