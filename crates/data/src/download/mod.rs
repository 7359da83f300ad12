//! Downloading published data sets. Interrupted downloads are resumed, and the checksum of a file is verified before it gets
//! its name.
//!
//! The system's `curl` transfers the bytes: HTTP and TLS would add 25 seconds of CPU time to every first
//! build, for something that most users do once.

mod curl;
mod part;
#[cfg(test)]
mod tests;

use std::{
    fs,
    io::{self, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use inceptive_files::{WriteError, create_folder, program};

use self::{curl::Transfer, part::Part};
use crate::{catalog::KnownSet, dataset::Checksum};

/// Maximum number of bytes that are received in one read.
const CHUNK_BYTES: usize = 1 << 16;

/// Chunks that may wait to be written.
const WAITING_CHUNKS: usize = 16;

/// Time between checks for a stop while nothing is received.
const TICK: Duration = Duration::from_millis(100);

/// A download failed or was stopped.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// The server cannot be reached or sends nothing.
    #[error("`{url}`: {reason}; use --mirror to download from another address")]
    Connection {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
    },
    /// The server does not send the file.
    #[error("`{url}`: the server answered {status}; use --mirror to download from another address")]
    Status {
        /// The address.
        url: String,
        /// Its answer: `404 Not Found`.
        status: String,
    },
    /// The connection ended, or nothing was received for too long.
    #[error(
        "`{url}`: {reason} after {received} of {expected} bytes; run the command again to resume"
    )]
    Cut {
        /// The address.
        url: String,
        /// What happened.
        reason: String,
        /// Bytes that are on the disk.
        received: u64,
        /// Size of the file.
        expected: u64,
    },
    /// It needs a program that the system does not have.
    #[error(
        "`{url}` needs `curl`, which was not found in the absolute folders of PATH; install it, or save the file as `{}` \
         and verify it with `inceptive data check`", target.display()
    )]
    NoCurl {
        /// The address.
        url: String,
        /// The file that it becomes.
        target: PathBuf,
    },
    /// `curl` cannot be run.
    #[error("`{}` cannot be run: {error}", program.display())]
    Curl {
        /// The program.
        program: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// The bytes are not the published ones.
    #[error(
        "`{url}`: the downloaded file is not the published one ({found} instead of {expected}); it was removed"
    )]
    Different {
        /// The address.
        url: String,
        /// Its SHA-256 or size.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// Another file has the name.
    #[error(
        "`{}` exists, but is not the published file; remove it or choose another folder", .0.display()
    )]
    Exists(PathBuf),
    /// Another run downloads the same file.
    #[error("another run is downloading `{}`", .0.display())]
    Busy(PathBuf),
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The caller stopped it.
    #[error("stopped; run the command again to resume")]
    Stopped,
}

/// What a download would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The folder that the files are written to.
    pub folder: PathBuf,
    /// The files.
    pub files: Vec<PlannedFile>,
}

/// A file that is to be downloaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedFile {
    /// Its address.
    pub url: String,
    /// The file that it becomes.
    pub target: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: &'static str,
    /// What is on the disk.
    pub state: FileState,
}

/// How much of a file is on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// All of it, with the right checksum.
    Present,
    /// A file of its name with other content.
    Different,
    /// Its first bytes.
    Partial(u64),
    /// Nothing.
    Missing,
}

/// Progress of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file that is downloaded.
    pub file: &'a PlannedFile,
    /// Bytes of it that are on the disk.
    pub received: u64,
}

impl Plan {
    /// Plans the download of a data set into a folder. `mirror` is the address of another folder with the same files.
    pub fn new(set: &KnownSet, folder: &Path, mirror: Option<&str>) -> Self {
        let address = mirror.unwrap_or(set.address).trim_end_matches('/');
        let plan = |file: &'static crate::KnownFile| {
            let target = folder.join(file.name);
            let state = state_of(&target, file.bytes, file.sha256);
            let url = format!("{address}/{}", file.name);
            PlannedFile { url, target, bytes: file.bytes, sha256: file.sha256, state }
        };
        Self { folder: folder.to_owned(), files: set.files.iter().map(plan).collect() }
    }

    /// Bytes that are still to be downloaded.
    pub fn missing_bytes(&self) -> u64 {
        self.files.iter().map(PlannedFile::missing_bytes).sum()
    }
}

impl PlannedFile {
    /// Bytes of it that are still to be downloaded.
    pub fn missing_bytes(&self) -> u64 {
        match self.state {
            FileState::Present => 0,
            FileState::Partial(received) => self.bytes.saturating_sub(received),
            FileState::Different | FileState::Missing => self.bytes,
        }
    }

    /// The file for its first bytes until it is complete.
    fn part(&self) -> PathBuf {
        part_of(&self.target)
    }
}

fn part_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn state_of(target: &Path, bytes: u64, sha256: &str) -> FileState {
    if fs::symlink_metadata(target).is_ok() {
        let content = inceptive_files::read(target, bytes);
        let is_right = content.is_ok_and(|content| Checksum::of(&content).to_string() == sha256);
        return if is_right { FileState::Present } else { FileState::Different };
    }
    let part = fs::symlink_metadata(part_of(target)).ok().filter(fs::Metadata::is_file);
    let received = part.map(|about| about.len()).filter(|len| (1..=bytes).contains(len));
    received.map_or(FileState::Missing, FileState::Partial)
}

/// Downloads files.
pub struct Downloader {
    /// The system's `curl`, if there is one.
    curl: Option<PathBuf>,
    /// The longest wait for an answer, and for the next bytes.
    patience: Duration,
}

impl Downloader {
    /// A downloader that gives up when nothing is received for this long.
    pub fn new(patience: Duration) -> Self {
        Self { curl: program::find("curl"), patience }
    }

    /// Downloads what is missing. `watch` is called with the progress, and decides whether to continue. Until a file is
    /// complete and its checksum is verified, its name ends with `.part`.
    ///
    /// # Errors
    /// At the first file that cannot be downloaded.
    pub fn fetch(
        &self,
        plan: &Plan,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), DownloadError> {
        create_folder(&plan.folder)?;
        for file in &plan.files {
            match file.state {
                FileState::Present => {}
                FileState::Different => return Err(DownloadError::Exists(file.target.clone())),
                FileState::Partial(_) | FileState::Missing => self.fetch_file(file, watch)?,
            }
        }
        Ok(())
    }

    fn fetch_file(
        &self,
        file: &PlannedFile,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), DownloadError> {
        let mut part = Part::open(file)?;
        if part.received < file.bytes {
            let received = self.receive(&mut part, watch);
            if received.is_err() && part.received == 0 {
                // There is nothing to resume from; an empty file does no harm if it cannot be removed.
                let _ = fs::remove_file(&part.path);
            }
            received?;
        }
        part.finish()
    }

    /// Writes what is missing to the partial file.
    fn receive(
        &self,
        part: &mut Part<'_>,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), DownloadError> {
        let mut ending = self.run_curl(part, watch)?;
        // To a server that says there is nothing from that byte on, curl answers that all was sent.
        let is_refused = ending.is_range_error() || ending.is_success();
        if is_refused && part.start > 0 && part.received == part.start {
            part.restart()?;
            ending = self.run_curl(part, watch)?;
        }
        if part.received == part.file.bytes {
            return Ok(());
        }
        match ending.status() {
            Some(status) => {
                let (url, status) = (part.file.url.clone(), status.to_owned());
                Err(DownloadError::Status { url, status })
            }
            None if ending.is_success() => Err(part.broken("the transfer ended".to_owned())),
            None => Err(part.broken(ending.reason())),
        }
    }

    fn run_curl(
        &self,
        part: &mut Part<'_>,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<curl::Ending, DownloadError> {
        let PlannedFile { url, target, .. } = part.file;
        let Some(program) = &self.curl else {
            return Err(DownloadError::NoCurl { url: url.clone(), target: target.clone() });
        };
        let failed = |error| DownloadError::Curl { program: program.clone(), error };
        let transfer = Transfer::start(program, url, part.received, self.patience);
        let (transfer, body) = transfer.map_err(failed)?;
        self.write_all(body, part, watch)?;
        transfer.end(self.patience).map_err(failed)
    }

    /// Writes the received bytes to the partial file. Another thread reads them, so that a stop need not wait for a stalled
    /// server; the thread ends with its connection.
    fn write_all(
        &self,
        body: impl Read + Send + 'static,
        part: &mut Part<'_>,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), DownloadError> {
        let (sender, receiver) = sync_channel(WAITING_CHUNKS);
        thread::spawn(move || read_chunks(body, &sender));
        self.write_chunks(&receiver, part, watch)
    }

    fn write_chunks(
        &self,
        receiver: &Receiver<io::Result<Vec<u8>>>,
        part: &mut Part<'_>,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), DownloadError> {
        let mut last = Instant::now();
        loop {
            match receiver.recv_timeout(TICK.min(self.patience)) {
                Ok(Ok(chunk)) => {
                    part.append(&chunk)?;
                    last = Instant::now();
                }
                Ok(Err(error)) => return Err(part.broken(error.to_string())),
                Err(RecvTimeoutError::Timeout) if last.elapsed() >= self.patience => {
                    let time = seconds(self.patience);
                    return Err(part.broken(format!("nothing was received for {time}")));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            part.ask(watch)?;
        }
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn read_chunks(mut body: impl Read, sender: &SyncSender<io::Result<Vec<u8>>>) {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let read = body.read(&mut chunk);
        let is_end = !matches!(read, Ok(1..));
        let sent = match read {
            Ok(0) => Ok(()),
            Ok(count) => {
                chunk.truncate(count);
                sender.send(Ok(chunk))
            }
            Err(error) => sender.send(Err(error)),
        };
        // The receiver is gone when the download was stopped.
        if is_end || sent.is_err() {
            return;
        }
    }
}
