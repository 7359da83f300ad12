//! Creating, renaming and removing files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_app::error_chain;
use inceptive_files::{InputFiles, create_folder, disk, rename_file, replace_file};

use super::Output;
use crate::file::{FilePath, file_name};

/// A file to be created.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Where.
    pub file: PathBuf,
    /// Its text.
    pub text: Arc<str>,
}

/// A file to be renamed.
#[derive(Clone, Debug)]
pub struct RenameRequest {
    /// Its path.
    pub from: FilePath,
    /// Its new path.
    pub to: FilePath,
}

/// Files to be moved to the trash.
#[derive(Clone, Debug)]
pub struct TrashRequest {
    /// The files.
    pub files: Vec<FilePath>,
    /// The folder that is the trash; the trash of the system without it.
    pub trash: Option<PathBuf>,
}

/// Writes a new file, and its folder if that is missing; never over another file.
pub(super) fn create(request: CreateRequest) -> Result<Output, String> {
    let CreateRequest { file, text } = request;
    if disk::symlink_metadata(&file).is_ok() {
        return Err("there is a file of this name already".to_owned());
    }
    let folder = file.parent().map_or(Ok(()), create_folder);
    folder
        .and_then(|()| replace_file(&file, text.as_bytes(), &InputFiles::default()))
        .map_err(|error| error_chain(&error))?;
    Ok(Output::Created(file))
}

pub(super) fn rename(request: RenameRequest) -> Result<Output, String> {
    let RenameRequest { from, to } = request;
    rename_file(&from, &to).map_err(|error| error_chain(&error))?;
    Ok(Output::Renamed(from, to))
}

pub(super) fn trash(request: TrashRequest) -> Output {
    let TrashRequest { files, trash } = request;
    let remove = |file: FilePath| {
        let removed = match &trash {
            Some(folder) => move_into(folder, &file),
            None => system_trash(&file),
        };
        (file, removed)
    };
    Output::Trashed(files.into_iter().map(remove).collect())
}

/// Moves a file to the trash of the system.
#[cfg(not(target_family = "wasm"))]
fn system_trash(file: &Path) -> Result<(), String> {
    ::trash::delete(file).map_err(|error| error_chain(&error))
}

#[cfg(target_family = "wasm")]
fn system_trash(_: &Path) -> Result<(), String> {
    Err("a browser has no trash".to_owned())
}

/// Moves a file into a folder, under a name that is free there.
fn move_into(folder: &Path, file: &Path) -> Result<(), String> {
    create_folder(folder).map_err(|error| error_chain(&error))?;
    let name = file_name(file);
    let names = (1_u32..).map(|number| match number {
        1 => name.clone(),
        _ => format!("{number}-{name}"),
    });
    let mut free =
        names.map(|name| folder.join(name)).filter(|to| disk::symlink_metadata(to).is_err());
    let Some(to) = free.next() else { return Ok(()) };
    rename_file(file, &to).map_err(|error| error_chain(&error))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_trash_keeps_files_of_the_same_name() {
        let folder = tempfile::tempdir().unwrap();
        let (file, trash) = (folder.path().join("a.yaml"), folder.path().join("trash"));
        for text in ["first", "second"] {
            fs::write(&file, text).unwrap();
            move_into(&trash, &file).unwrap();
            assert!(!file.exists());
        }
        assert_eq!(fs::read_to_string(trash.join("a.yaml")).unwrap(), "first");
        assert_eq!(fs::read_to_string(trash.join("2-a.yaml")).unwrap(), "second");
        assert!(move_into(&trash, &file).is_err());
    }
}
