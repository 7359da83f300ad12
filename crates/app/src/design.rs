//! Networks with changed settings: counted interactively, and saved as new files.

use std::path::{Path, PathBuf};

use inceptive_dsl::{Disk, Files, Setting, load, variant};
use inceptive_files::{InputFiles, WriteError, disk, replace_file};
use inceptive_ir::text::is_harmful;

use crate::{
    inspect::{Inspected, OverlayFiles},
    network::ReadError,
};

/// The network of a file, or the point of a space, with settings applied.
///
/// # Errors
/// The errors in the file, or the setting that cannot be applied.
pub fn design(
    files: &dyn Files,
    path: &Path,
    settings: &[Setting],
) -> Result<Inspected, ReadError> {
    Ok(Inspected::new(load(files, path, settings).map_err(ReadError::Yaml)?)?)
}

/// A network to be written as a file that extends the one that it was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// The file that it is made of.
    pub from: PathBuf,
    /// The settings.
    pub settings: Vec<Setting>,
    /// What the network is to be called.
    pub name: String,
    /// The name of its file.
    pub file_name: String,
    /// Whether a file of that name may be replaced.
    pub replaces: bool,
}

/// Why a network was not written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It has no name.
    #[error("give the network a name")]
    Unnamed,
    /// The name of the file leads elsewhere or is none.
    #[error("`{0}` is not a file name, such as wider.yaml")]
    FileName(String),
    /// The file would extend itself.
    #[error("`{0}` cannot extend itself; choose another name")]
    Itself(String),
    /// There is such a file.
    #[error("`{}` exists already", .0.display())]
    Exists(PathBuf),
    /// The file that it is made of, or a setting, is wrong.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The file would describe another network.
    #[error("the file would describe a different network than the one shown; nothing was written")]
    Different,
    /// The system does not take the file.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Writes a network with settings as a new file beside the one that it extends, after checking that the new file
/// describes the same network. Returns the path of the file.
///
/// # Errors
/// The reason why nothing was written.
pub fn save_variant(new: &NewFile) -> Result<PathBuf, SaveError> {
    let name = new.name.trim();
    if name.is_empty() {
        return Err(SaveError::Unnamed);
    }
    let file_name = yaml_file_name(&new.file_name)?;
    let wanted = design(&Disk, &new.from, &new.settings)?;
    let variant = variant(&Disk, &new.from, &new.settings, name).map_err(ReadError::Yaml)?;
    if variant.extends == file_name {
        return Err(SaveError::Itself(file_name));
    }
    let path = variant.folder.join(&file_name);
    if !new.replaces && disk::symlink_metadata(&path).is_ok() {
        return Err(SaveError::Exists(path));
    }
    let text = OverlayFiles::one(path.clone(), variant.yaml.as_str().into());
    let inputs = InputFiles::of(wanted.sources.paths());
    inputs.check(&path)?;
    if design(&text, &path, &[])?.fingerprint != wanted.fingerprint {
        return Err(SaveError::Different);
    }
    replace_file(&path, variant.yaml.as_bytes(), &inputs)?;
    Ok(path)
}

/// The name of a file in one folder; `.yaml` is added where it is missing.
///
/// # Errors
/// When it leads elsewhere or is none.
pub fn yaml_file_name(typed: &str) -> Result<String, SaveError> {
    let name = typed.trim();
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    let whole = if is_yaml { name.to_owned() } else { format!("{name}.yaml") };
    let is_plain = Path::new(&whole).file_name().is_some_and(|part| *part == *whole)
        && !name.is_empty()
        && !name.starts_with(['.', '-'])
        && !name.contains(['/', '\\', '\0'])
        && !name.chars().any(is_harmful);
    if is_plain { Ok(whole) } else { Err(SaveError::FileName(typed.to_owned())) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const BASE: &str = "name: Base\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv stem: {kernel: 3, width: 4}\ntail: gap\n";

    #[test]
    fn a_design_is_written_once_and_never_over_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("base.yaml");
        fs::write(&from, BASE).unwrap();
        let settings = vec!["stem.width=12".parse().unwrap()];
        let wanted = design(&Disk, &from, &settings).unwrap().fingerprint;
        let new = |file_name: &str, replaces| NewFile {
            from: from.clone(),
            settings: settings.clone(),
            name: "Wide".to_owned(),
            file_name: file_name.to_owned(),
            replaces,
        };
        let path = save_variant(&new("wide", false)).unwrap();
        assert_eq!(path, folder.path().join("wide.yaml"));
        assert_eq!(design(&Disk, &path, &[]).unwrap().fingerprint, wanted);
        assert!(matches!(save_variant(&new("wide", false)), Err(SaveError::Exists(_))));
        assert!(save_variant(&new("wide.yaml", true)).is_ok());
        assert!(matches!(save_variant(&new("base", true)), Err(SaveError::Itself(_))));
        for name in ["", "../x", "a/b", ".hidden", ".."] {
            assert!(
                matches!(save_variant(&new(name, true)), Err(SaveError::FileName(_))),
                "{name}"
            );
        }
        let nameless = NewFile { name: " ".to_owned(), ..new("x", false) };
        assert!(matches!(save_variant(&nameless), Err(SaveError::Unnamed)));
    }
}
