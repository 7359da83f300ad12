//! Files that are read in parts.

use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::Path,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use crate::disk::File;

/// An open regular file whose parts are read when they are needed, so that it need not fit into memory. It is not mapped
/// into memory: if it becomes shorter, reading fails, but the program goes on.
#[derive(Debug)]
pub struct RangeFile {
    file: Mutex<File>,
    state: State,
}

/// What changes when a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    bytes: u64,
    modified: Option<SystemTime>,
}

impl State {
    fn of(file: &File) -> io::Result<Self> {
        let about = file.metadata()?;
        Ok(Self { bytes: about.len(), modified: about.modified().ok() })
    }
}

impl RangeFile {
    /// Opens a regular file of at most `limit` bytes.
    ///
    /// # Errors
    /// When the system cannot open it, or with a [`crate::Refusal`].
    pub fn open(path: &Path, limit: u64) -> io::Result<Self> {
        let file = crate::open(path, limit)?;
        let state = State::of(&file)?;
        Ok(Self { file: Mutex::new(file), state })
    }

    /// Number of bytes of the file.
    pub const fn bytes(&self) -> u64 {
        self.state.bytes
    }

    /// A part of the file.
    ///
    /// # Errors
    /// When the system cannot read it, when it ends outside of the file, or when the file was written since it was opened.
    pub fn read(&self, range: Range<u64>) -> io::Result<Vec<u8>> {
        let length = range.end.checked_sub(range.start).filter(|_| range.end <= self.state.bytes);
        let length = length.and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        bytes.resize(length, 0);
        // A reader that panicked left nothing but the place in the file.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(range.start))?;
        let read = file.read_exact(&mut bytes);
        match State::of(&file)? == self.state {
            true => read.map(|()| bytes),
            false => Err(io::Error::other("the file was changed while it was read; try again")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;
    use crate::Refusal;

    #[test]
    fn parts_of_a_file_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "0123456789").unwrap();
        let file = RangeFile::open(&path, 10).unwrap();
        assert_eq!(file.bytes(), 10);
        assert_eq!(file.read(2..5).unwrap(), b"234");
        assert_eq!(file.read(0..10).unwrap(), b"0123456789");
        assert_eq!(file.read(4..4).unwrap(), b"");
        #[expect(clippy::reversed_empty_ranges, reason = "what is read must be refused")]
        for outside in [5..11, 11..12, 0..u64::MAX, 5..4] {
            assert_eq!(file.read(outside).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        }
        let error = RangeFile::open(&path, 9).unwrap_err();
        assert_eq!(Refusal::of(&error), Some(Refusal::TooLarge { limit: 9 }));
    }

    #[test]
    fn a_file_that_is_written_meanwhile_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "0123456789").unwrap();
        let file = RangeFile::open(&path, 10).unwrap();
        for content in ["01234", "01234567890"] {
            fs::write(&path, content).unwrap();
            let error = file.read(0..8).unwrap_err().to_string();
            assert!(error.contains("changed while it was read"), "{error}");
        }
        // A file that replaces it under its name is another one.
        fs::write(&path, "0123456789").unwrap();
        let file = RangeFile::open(&path, 10).unwrap();
        fs::write(folder.path().join("other"), "9876543210").unwrap();
        fs::rename(folder.path().join("other"), &path).unwrap();
        assert_eq!(file.read(0..2).unwrap(), b"01");
    }
}
