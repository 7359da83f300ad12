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
    /// The checkpoint of another trainer that the run goes on from, and its lock.
    continued: Option<(PathBuf, PathBuf, File)>,
    /// Holds the lock.
    _locked: File,
}

/// Identifies a run; its file names are derived from this.
pub(super) struct RunName<'a> {
    pub network: &'a str,
    pub recipe: &'a str,
    pub data: &'a str,
    pub seed: u64,
    /// The instruction set of the native trainer, which decides the last bits, or `pytorch-` and the device.
    pub computed_by: &'a str,
    /// Fingerprints of network (with paths), recipe and data.
    pub fingerprints: [&'a str; 3],
}

/// A text in a file name.
pub(super) fn plain(text: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    text.chars().map(keep).take(NAME).collect::<String>().to_ascii_lowercase()
}

impl RunName<'_> {
    /// What all file names of the run start with, whatever computes it.
    fn start(&self) -> String {
        let [network, recipe, data] =
            self.fingerprints.map(|text| text.get(..DIGITS).unwrap_or(text));
        // The options of a data set are in its fingerprint.
        let set = self.data.split(':').next().unwrap_or_default();
        format!(
            "{}-{network}-{}-{data}-{}-{recipe}-seed{}-",
            plain(self.network),
            plain(set),
            plain(self.recipe),
            self.seed
        )
    }

    fn stem(&self) -> String {
        format!("{}{}", self.start(), self.computed_by)
    }

    /// Whether the run may go on from a checkpoint of another trainer. Instruction sets of the native one are not mixed.
    fn may_follow(&self, computed_by: &str) -> bool {
        let is_pytorch = |name: &str| name.starts_with("pytorch-");
        computed_by != self.computed_by && (is_pytorch(self.computed_by) || is_pytorch(computed_by))
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
        Ok(Some(Self { checkpoint, weights, lock, continued: None, _locked: file }))
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

    /// The latest checkpoint that another trainer has written of the run, if none is at work on it. It is locked, and is
    /// removed with the run's own.
    pub fn read_other_checkpoint(&mut self, folder: &Path, name: &RunName<'_>) -> Option<Vec<u8>> {
        let entries = fs::read_dir(folder).ok()?.flatten();
        let found = entries.filter_map(|entry| {
            let file = entry.file_name().into_string().ok()?;
            let stem = file.strip_suffix(".checkpoint")?;
            let is_other = name.may_follow(stem.strip_prefix(&name.start())?);
            let written = entry.metadata().ok()?.modified().ok()?;
            is_other.then(|| (written, stem.to_owned()))
        });
        let (_, stem) = found.max()?;
        let lock = folder.join(format!("{stem}.lock"));
        let locked = lock_file(&lock).ok()??;
        let checkpoint = folder.join(format!("{stem}.checkpoint"));
        let bytes = read(&checkpoint, MAX_CHECKPOINT_BYTES).ok();
        self.continued = Some((checkpoint, lock, locked));
        bytes
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
        if let Some((checkpoint, ..)) = &self.continued {
            let _ = fs::remove_file(checkpoint);
        }
    }
}

impl Drop for RunFiles {
    fn drop(&mut self) {
        // An empty lock file that cannot be removed does no harm.
        let _ = fs::remove_file(&self.lock);
        if let Some((_, lock, _)) = &self.continued {
            let _ = fs::remove_file(lock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_a_run_replaces_an_input() {
        let folder = tempfile::tempdir().unwrap();
        let fingerprints = ["11111111", "22222222", "33333333"];
        let name = RunName {
            network: "n",
            recipe: "r",
            data: "d",
            seed: 0,
            computed_by: "avx2",
            fingerprints,
        };
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
