//! The first bytes of a file that is being downloaded.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    ops::ControlFlow,
    path::PathBuf,
};

use inceptive_files::{InputFiles, WriteError, lock_file, replace_file};

use super::{DownloadError, PlannedFile, Progress};
use crate::dataset::Checksum;

/// The first bytes of a file, locked against other runs.
pub(super) struct Part<'a> {
    pub file: &'a PlannedFile,
    pub path: PathBuf,
    content: File,
    /// The offset at which the current transfer began.
    pub start: u64,
    pub received: u64,
}

impl<'a> Part<'a> {
    pub fn open(file: &'a PlannedFile) -> Result<Self, DownloadError> {
        let path = file.part();
        let failed = |error| WriteError { path: path.clone(), error };
        // Where files cannot be locked, the checksum detects that two runs wrote the same file.
        let Some(content) = lock_file(&path).map_err(failed)? else {
            return Err(DownloadError::Busy(path));
        };
        let received = content.metadata().map_err(failed)?.len();
        let mut part = Self { file, path, content, start: received, received };
        match received > file.bytes {
            true => part.restart()?,
            false => part.seek(received)?,
        }
        Ok(part)
    }

    fn write_error(&self) -> impl Fn(io::Error) -> DownloadError + use<'a> {
        let path = self.path.clone();
        move |error| WriteError { path: path.clone(), error }.into()
    }

    fn seek(&mut self, position: u64) -> Result<(), DownloadError> {
        let failed = self.write_error();
        self.content.seek(SeekFrom::Start(position)).map(drop).map_err(failed)
    }

    pub fn restart(&mut self) -> Result<(), DownloadError> {
        self.content.set_len(0).map_err(self.write_error())?;
        (self.start, self.received) = (0, 0);
        self.seek(0)
    }

    pub fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
        let received = self.received + bytes.len() as u64;
        if received > self.file.bytes {
            let found = format!("more than {} bytes", self.file.bytes);
            return Err(self.refuse(found, format!("{} bytes", self.file.bytes)));
        }
        self.content.write_all(bytes).map_err(self.write_error())?;
        self.received = received;
        Ok(())
    }

    /// Reports the progress, and asks whether to continue.
    pub fn ask(
        &self,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), DownloadError> {
        match watch(&Progress { file: self.file, received: self.received }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(DownloadError::Stopped),
        }
    }

    /// A transfer ended before the end of the file.
    pub fn broken(&self, reason: String) -> DownloadError {
        let (url, received) = (self.file.url.clone(), self.received);
        match received > self.start {
            true => DownloadError::Cut { url, reason, received, expected: self.file.bytes },
            false => DownloadError::Connection { url, reason },
        }
    }

    /// Removes what is not the published file.
    fn refuse(&self, found: String, expected: String) -> DownloadError {
        // If it cannot be removed, the next run detects it again.
        let _ = fs::remove_file(&self.path);
        DownloadError::Different { url: self.file.url.clone(), found, expected }
    }

    /// Checks the whole file and gives it its name. What is checked is what is written.
    pub fn finish(mut self) -> Result<(), DownloadError> {
        self.seek(0)?;
        let mut bytes = Vec::new();
        let content = (&self.content).take(self.file.bytes + 1).read_to_end(&mut bytes);
        content.map_err(self.write_error())?;
        let found = Checksum::of(&bytes).to_string();
        if found != self.file.sha256 {
            return Err(self.refuse(found, self.file.sha256.to_owned()));
        }
        replace_file(&self.file.target, &bytes, &InputFiles::default())?;
        fs::remove_file(&self.path).map_err(self.write_error())
    }
}
