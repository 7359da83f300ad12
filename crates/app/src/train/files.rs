//! The files of a run: its checkpoint, its trained weights, and a lock.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use inceptive_files::{InputFiles, WriteError, create_folder, lock_file, read, replace_file};

use crate::{error::TaskError, network::ReadError};

/// Maximum size of a checkpoint: 10^9 weights in single precision with averages and two optimizer states per weight.
const MAX_CHECKPOINT_BYTES: u64 = 16 * inceptive_files::GIB;

/// Number of digits of each fingerprint in file names.
const DIGITS: usize = 8;

/// Maximum number of characters of a network's name in file names.
const NAME: usize = 60;

/// The files of a run, locked against other programs until this is dropped.
pub(super) struct RunFiles {
    checkpoint: PathBuf,
    weights: PathBuf,
    lock: PathBuf,
    /// Holds the lock.
    _locked: File,
}

/// Identifies a run; its file names are derived from this.
pub(super) struct RunName<'a> {
    pub network: &'a str,
    pub recipe: &'a str,
    pub data: &'a str,
    pub seed: u64,
    /// The instruction set, which decides the last bits.
    pub isa: &'a str,
    /// Fingerprints of network (with paths), recipe and data.
    pub fingerprints: [&'a str; 3],
}

impl RunName<'_> {
    fn stem(&self) -> String {
        let plain = |text: &str| -> String {
            let keep = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
            text.chars().map(keep).take(NAME).collect::<String>().to_ascii_lowercase()
        };
        let [network, recipe, data] =
            self.fingerprints.map(|text| text.get(..DIGITS).unwrap_or(text));
        // The options of a data set are in its fingerprint.
        let set = self.data.split(':').next().unwrap_or_default();
        format!(
            "{}-{network}-{}-{data}-{}-{recipe}-seed{}-{}",
            plain(self.network),
            plain(set),
            plain(self.recipe),
            self.seed,
            self.isa
        )
    }
}

impl RunFiles {
    /// Locks the files of a run in a folder; `None` if another program has locked them.
    ///
    /// # Errors
    /// When one of them is an input or cannot be written.
    pub fn lock(
        folder: &Path,
        name: &RunName<'_>,
        inputs: &InputFiles,
    ) -> Result<Option<Self>, TaskError> {
        create_folder(folder)?;
        let stem = name.stem();
        let [checkpoint, weights, lock] = ["checkpoint", "safetensors", "lock"]
            .map(|ending| folder.join(format!("{stem}.{ending}")));
        [&checkpoint, &weights, &lock].into_iter().try_for_each(|file| inputs.check(file))?;
        let failed = |error: io::Error| TaskError::Write(WriteError { path: lock.clone(), error });
        // On file systems without locks, two programs may do the same work, with the same result.
        let Some(file) = lock_file(&lock).map_err(failed)? else { return Ok(None) };
        Ok(Some(Self { checkpoint, weights, lock, _locked: file }))
    }

    /// Whether a folder has a checkpoint of a run.
    pub fn has_checkpoint(folder: &Path, name: &RunName<'_>) -> bool {
        folder.join(format!("{}.checkpoint", name.stem())).is_file()
    }

    /// The checkpoint, if there is one.
    pub fn read_checkpoint(&self) -> Result<Option<Vec<u8>>, TaskError> {
        match read(&self.checkpoint, MAX_CHECKPOINT_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ReadError::File { path: self.checkpoint.clone(), error }.into()),
        }
    }

    /// Replaces the checkpoint atomically.
    pub fn write_checkpoint(&self, bytes: &[u8]) -> Result<(), WriteError> {
        // `lock` has compared it with the inputs.
        replace_file(&self.checkpoint, bytes, &InputFiles::default())
    }

    /// Replaces the trained weights atomically; returns their path.
    pub fn write_weights(&self, bytes: &[u8]) -> Result<&Path, WriteError> {
        replace_file(&self.weights, bytes, &InputFiles::default())?;
        Ok(&self.weights)
    }

    /// Removes the checkpoint of a run whose result is saved.
    pub fn remove_checkpoint(&self) {
        // A checkpoint that cannot be removed is not used again.
        let _ = fs::remove_file(&self.checkpoint);
    }
}

impl Drop for RunFiles {
    fn drop(&mut self) {
        // An empty lock file that cannot be removed does no harm.
        let _ = fs::remove_file(&self.lock);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_a_run_replaces_an_input() {
        let folder = tempfile::tempdir().unwrap();
        let fingerprints = ["11111111", "22222222", "33333333"];
        let name =
            RunName { network: "n", recipe: "r", data: "d", seed: 0, isa: "avx2", fingerprints };
        for ending in ["checkpoint", "safetensors", "lock"] {
            let file = folder.path().join(format!("{}.{ending}", name.stem()));
            fs::write(&file, "mine").unwrap();
            let locked = RunFiles::lock(folder.path(), &name, &InputFiles::of([&file]));
            assert!(matches!(locked, Err(TaskError::Write(_))), "{ending}");
            assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        }
        let locked = RunFiles::lock(folder.path(), &name, &InputFiles::default());
        assert!(locked.unwrap().is_some());
    }
}
