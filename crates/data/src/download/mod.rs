//! Downloading published data sets. Interrupted downloads are resumed, and the checksum of a file is verified before it gets
//! its name.
//!
//! `https:` is left to the system's `curl`: TLS would add 20 seconds of CPU time to every first build, for something
//! that most users do once.

mod curl;

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use inceptive_files::{InputFiles, WriteError, create_folder, program, refuse_links, replace_file};
use ureq::{Agent, Body, http::Response};

use self::curl::Transfer;
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
    /// `https:` needs a program that the system does not have.
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
    agent: Agent,
    /// The system's `curl`, if there is one.
    curl: Option<PathBuf>,
    /// The longest wait for an answer, and for the next bytes.
    patience: Duration,
}

impl Downloader {
    /// A downloader that gives up when nothing is received for this long.
    pub fn new(patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_resolve(Some(patience))
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .build();
        Self { agent: config.into(), curl: program::find("curl"), patience }
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
        let response = match is_https(&part.file.url) {
            true => None,
            false => self.request(part, watch)?,
        };
        let Some(response) = response else {
            return self.receive_by_curl(part, watch);
        };
        self.write_all(response.into_body().into_reader(), part, watch)?;
        match part.received < part.file.bytes {
            true => Err(part.broken("the connection ended".to_owned())),
            false => Ok(()),
        }
    }

    /// Asks for the bytes that are missing; from the start, if the server cannot start elsewhere. `None` if the server
    /// redirects to `https:`.
    fn request(
        &self,
        part: &mut Part<'_>,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Response<Body>>, DownloadError> {
        let file = part.file;
        let mut response = self.get(part, watch)?;
        if response.as_ref().is_some_and(|response| response.status() == 416) {
            part.restart()?;
            response = self.get(part, watch)?;
        }
        let Some(response) = response else {
            return Ok(None);
        };
        let header = |name: &str| response.headers().get(name)?.to_str().ok();
        let range = header("content-range").and_then(|range| range.strip_prefix("bytes "));
        let range = range.and_then(|range| range.split_once('/'));
        let start = range.and_then(|(span, _)| span.split('-').next()?.parse::<u64>().ok());
        let (size, is_partial) = match response.status().as_u16() {
            200 => (header("content-length"), false),
            206 if start == Some(part.received) => (range.map(|(_, size)| size), true),
            _ => {
                let (url, status) = (file.url.clone(), response.status().to_string());
                return Err(DownloadError::Status { url, status });
            }
        };
        // A different file is detected before all of it was downloaded.
        if let Some(size) = size.and_then(|size| size.parse::<u64>().ok())
            && size != file.bytes
        {
            return Err(part.refuse(format!("{size} bytes"), format!("{} bytes", file.bytes)));
        }
        if !is_partial {
            part.restart()?;
        }
        Ok(Some(response))
    }

    /// The answer of a server, or `None` if it redirects to `https:`. Another thread waits for it, so that a stop need not.
    fn get(
        &self,
        part: &Part<'_>,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Option<Response<Body>>, DownloadError> {
        let mut request = self.agent.get(&part.file.url);
        if part.received > 0 {
            request = request.header("Range", format!("bytes={}-", part.received));
        }
        let (sender, receiver) = sync_channel(1);
        thread::spawn(move || {
            // Nobody waits after a stop.
            let _ = sender.send(request.call());
        });
        let answer = loop {
            match receiver.recv_timeout(TICK) {
                Ok(answer) => break answer,
                Err(RecvTimeoutError::Timeout) => part.ask(watch)?,
                Err(RecvTimeoutError::Disconnected) => break Err(ureq::Error::ConnectionFailed),
            }
        };
        match answer {
            Ok(response) => Ok(Some(response)),
            Err(ureq::Error::TlsRequired) => Ok(None),
            Err(ureq::Error::Timeout(_)) => {
                Err(part.broken(format!("no answer within {}", seconds(self.patience))))
            }
            Err(other) => Err(part.broken(other.to_string())),
        }
    }

    fn receive_by_curl(
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

fn is_https(url: &str) -> bool {
    url.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("https"))
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

/// The first bytes of a file, locked against other runs.
struct Part<'a> {
    file: &'a PlannedFile,
    path: PathBuf,
    content: File,
    /// The offset at which the current transfer began.
    start: u64,
    received: u64,
}

impl<'a> Part<'a> {
    fn open(file: &'a PlannedFile) -> Result<Self, DownloadError> {
        let path = file.part();
        let failed = |error| WriteError { path: path.clone(), error };
        refuse_links(&path).map_err(failed)?;
        if fs::symlink_metadata(&path).is_ok_and(|about| !about.is_file()) {
            return Err(DownloadError::Exists(path));
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        let content = options.open(&path).map_err(failed)?;
        // Where files cannot be locked, the checksum detects that two runs wrote the same file.
        if let Err(TryLockError::WouldBlock) = content.try_lock() {
            return Err(DownloadError::Busy(path));
        }
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

    fn restart(&mut self) -> Result<(), DownloadError> {
        self.content.set_len(0).map_err(self.write_error())?;
        (self.start, self.received) = (0, 0);
        self.seek(0)
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), DownloadError> {
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
    fn ask(
        &self,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), DownloadError> {
        match watch(&Progress { file: self.file, received: self.received }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(DownloadError::Stopped),
        }
    }

    /// A transfer ended before the end of the file.
    fn broken(&self, reason: String) -> DownloadError {
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
    fn finish(mut self) -> Result<(), DownloadError> {
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

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader},
        net::{TcpListener, TcpStream},
        sync::{Arc, Mutex},
    };

    use super::*;
    use crate::{CATALOG, KnownFile, KnownSet};

    const PATIENCE: Duration = Duration::from_millis(400);

    /// What a server does with a request.
    #[derive(Clone, Copy)]
    enum Behaviour {
        Serve,
        /// Ends the connection after so many bytes, the first time.
        CutAfter(usize),
        /// Sends so many bytes and then nothing.
        StallAfter(usize),
        /// Accepts, and never answers.
        Silent,
        /// Sends everything, whatever was asked for.
        IgnoreRange,
        /// Says that no range fits.
        RefuseRange,
        NotFound,
        /// Sends more than the file has, without saying how much.
        TooMuch,
        /// Has a shorter file of the name.
        Shorter,
        Redirect,
        /// Redirects to an address that needs TLS, which this server does not have.
        RedirectToTls,
    }

    /// A server on loopback; it ends with the test.
    struct Server {
        address: String,
        /// The `Range` of each request.
        ranges: Arc<Mutex<Vec<Option<String>>>>,
    }

    fn serve(content: &[u8], behaviour: Behaviour) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/sets", listener.local_addr().unwrap());
        let ranges = Arc::new(Mutex::new(Vec::new()));
        let (content, log) = (content.to_vec(), Arc::clone(&ranges));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // The client may be gone.
                let _ = answer(&stream, &content, behaviour, &log);
            }
        });
        Server { address, ranges }
    }

    fn answer(
        mut stream: &TcpStream,
        content: &[u8],
        behaviour: Behaviour,
        log: &Mutex<Vec<Option<String>>>,
    ) -> io::Result<()> {
        let mut range = None;
        let mut lines = BufReader::new(stream).lines();
        let target = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        for line in lines {
            let line = line?.to_lowercase();
            if line.is_empty() {
                break;
            }
            range = range.or_else(|| Some(line.strip_prefix("range: ")?.to_owned()));
        }
        log.lock().unwrap().push(range.clone());
        let start = range.as_deref().and_then(|range| {
            range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok()
        });
        let address = stream.local_addr()?;
        let mut reply = |status: &str, more: &str, body: &[u8]| {
            let head = format!("HTTP/1.1 {status}\r\n{more}Connection: close\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            stream.write_all(body)
        };
        let length = |count: usize| format!("Content-Length: {count}\r\n");
        let mut partial = |body: &[u8]| match start {
            Some(start) => {
                let end = content.len();
                let more = format!("Content-Range: bytes {start}-{}/{end}\r\n", end - 1);
                let body = &body[start.min(body.len())..];
                reply("206 Partial Content", &(more + &length(end - start)), body)
            }
            None => reply("200 OK", &length(content.len()), body),
        };
        match behaviour {
            Behaviour::Redirect if !target.contains("/moved/") => {
                let name = target.split([' ', '/']).rfind(|word| word.ends_with(".gz"));
                let more = format!("Location: /moved/{}\r\n", name.unwrap_or_default());
                reply("302 Found", &(more + &length(0)), b"")
            }
            Behaviour::RedirectToTls => {
                let more = format!("Location: https://{address}/images.gz\r\n");
                reply("302 Found", &(more + &length(0)), b"")
            }
            Behaviour::CutAfter(count) if start.is_none() => partial(&content[..count]),
            Behaviour::StallAfter(count) => {
                partial(&content[..count])?;
                thread::sleep(10 * PATIENCE);
                Ok(())
            }
            Behaviour::Silent => {
                thread::sleep(10 * PATIENCE);
                Ok(())
            }
            Behaviour::Serve | Behaviour::CutAfter(_) | Behaviour::Redirect => partial(content),
            Behaviour::RefuseRange if start.is_some() => {
                reply("416 Range Not Satisfiable", &length(0), b"")
            }
            Behaviour::IgnoreRange | Behaviour::RefuseRange => {
                reply("200 OK", &length(content.len()), content)
            }
            Behaviour::NotFound => reply("404 Not Found", &length(4), b"gone"),
            Behaviour::TooMuch => reply("200 OK", "", &[content, b"more"].concat()),
            Behaviour::Shorter => reply("200 OK", &length(7), b"shorter"),
        }
    }

    /// Bytes that gzip does not make shorter, in more than one chunk.
    fn content() -> Vec<u8> {
        (0..200_000_u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    }

    /// A data set of one file with these bytes.
    fn set(content: &[u8]) -> KnownSet {
        let sha256 = Checksum::of(content).to_string().leak();
        let file = KnownFile { name: "images.gz", bytes: content.len() as u64, sha256 };
        let files = Box::leak(Box::new([file]));
        let KnownSet { name, title, classes, shape, train, test, licence, page, .. } = CATALOG[0];
        let (fingerprint, debian_package, format) = (None, None, CATALOG[0].format);
        let address = "http://127.0.0.1:1/";
        KnownSet {
            name,
            title,
            classes,
            shape,
            train,
            test,
            licence,
            page,
            address,
            files,
            fingerprint,
            debian_package,
            format,
        }
    }

    /// Downloads into a folder; returns the result and the content of the file, if it is there.
    fn fetch(folder: &Path, server: &Server) -> (Result<(), DownloadError>, Option<Vec<u8>>) {
        let plan = Plan::new(&set(&content()), folder, Some(&server.address));
        let result = Downloader::new(PATIENCE).fetch(&plan, &mut |_| ControlFlow::Continue(()));
        (result, fs::read(folder.join("images.gz")).ok())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// What a download from a server ends with, that leaves no file but the partial one.
    fn failure(behaviour: Behaviour) -> (String, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&content(), behaviour);
        let (result, file) = fetch(folder.path(), &server);
        assert_eq!(file, None);
        let message = result.unwrap_err().to_string().replace(&server.address, "S");
        (message, names(folder.path()))
    }

    #[test]
    fn a_file_is_downloaded_whole_from_a_mirror() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a/b");
        for behaviour in [Behaviour::Serve, Behaviour::Redirect] {
            let server = serve(&content(), behaviour);
            let (result, file) = fetch(&target, &server);
            result.unwrap();
            assert_eq!(file.unwrap(), content());
            assert_eq!(names(&target), ["images.gz"]);
            // The second time there is nothing to do.
            let requests = server.ranges.lock().unwrap().len();
            fetch(&target, &server).0.unwrap();
            assert_eq!(server.ranges.lock().unwrap().len(), requests);
            fs::remove_file(target.join("images.gz")).unwrap();
        }
    }

    #[test]
    fn a_cut_download_goes_on_where_it_ended() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&content(), Behaviour::CutAfter(150_000));
        let (result, file) = fetch(folder.path(), &server);
        let message = result.unwrap_err().to_string();
        assert!(
            message.contains("after 150000 of 200000 bytes; run the command again"),
            "{message}"
        );
        assert_eq!((file, names(folder.path())), (None, vec!["images.gz.part".to_owned()]));
        let plan = Plan::new(&set(&content()), folder.path(), Some(&server.address));
        assert_eq!(plan.files[0].state, FileState::Partial(150_000));
        assert_eq!(plan.missing_bytes(), 50_000);
        let mut received = Vec::new();
        let mut watch = |progress: &Progress<'_>| {
            received.push(progress.received);
            ControlFlow::Continue(())
        };
        Downloader::new(PATIENCE).fetch(&plan, &mut watch).unwrap();
        assert!(received[0] > 150_000 && received.last() == Some(&200_000), "{received:?}");
        assert_eq!(fs::read(folder.path().join("images.gz")).unwrap(), content());
        assert_eq!(names(folder.path()), ["images.gz"]);
        assert_eq!(*server.ranges.lock().unwrap(), [None, Some("bytes=150000-".to_owned())]);
    }

    #[test]
    fn servers_that_cannot_resume_send_everything_again() {
        for behaviour in [Behaviour::IgnoreRange, Behaviour::RefuseRange] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("images.gz.part"), [7; 1000]).unwrap();
            let (result, file) = fetch(folder.path(), &serve(&content(), behaviour));
            result.unwrap();
            assert_eq!(file.unwrap(), content());
        }
    }

    #[test]
    fn other_bytes_never_get_the_name() {
        let folder = tempfile::tempdir().unwrap();
        // The first bytes of another file.
        fs::write(folder.path().join("images.gz.part"), [7; 1000]).unwrap();
        let (result, file) = fetch(folder.path(), &serve(&content(), Behaviour::Serve));
        let message = result.unwrap_err().to_string();
        assert!(message.contains("is not the published one"), "{message}");
        assert_eq!((file, names(folder.path())), (None, vec![]));
        let (message, left) = failure(Behaviour::Shorter);
        assert!(message.contains("(7 bytes instead of 200000 bytes)"), "{message}");
        assert_eq!(left, [""; 0]);
        let (message, left) = failure(Behaviour::TooMuch);
        assert!(message.contains("(more than 200000 bytes instead of 200000 bytes)"), "{message}");
        assert_eq!(left, [""; 0]);
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let (message, _) = failure(Behaviour::NotFound);
        assert_eq!(
            message,
            "`S/images.gz`: the server answered 404 Not Found; use --mirror to download from another address"
        );
        let folder = tempfile::tempdir().unwrap();
        let nobody = Server { address: "http://127.0.0.1:1".to_owned(), ranges: Arc::default() };
        let message = fetch(folder.path(), &nobody).0.unwrap_err().to_string();
        assert!(message.starts_with("`http://127.0.0.1:1/images.gz`: "), "{message}");
    }

    #[test]
    fn a_server_that_stalls_is_given_up() {
        let (message, left) = failure(Behaviour::StallAfter(100_000));
        assert_eq!(
            message,
            "`S/images.gz`: nothing was received for 0.4 s after 100000 of 200000 bytes; run the command again to resume"
        );
        assert_eq!(left, ["images.gz.part"]);
        let (message, _) = failure(Behaviour::Silent);
        assert!(message.contains("no answer within 0.4 s"), "{message}");
    }

    #[test]
    fn a_download_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&content(), Behaviour::StallAfter(100_000));
        let plan = Plan::new(&set(&content()), folder.path(), Some(&server.address));
        let result = Downloader::new(PATIENCE).fetch(&plan, &mut |_| ControlFlow::Break(()));
        assert!(matches!(result, Err(DownloadError::Stopped)));
        assert_eq!(names(folder.path()), ["images.gz.part"]);
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&content(), Behaviour::Serve);
        fs::write(folder.path().join("images.gz"), "mine").unwrap();
        let (result, file) = fetch(folder.path(), &server);
        assert!(matches!(result, Err(DownloadError::Exists(_))));
        assert_eq!(file.unwrap(), b"mine");
        fs::remove_file(folder.path().join("images.gz")).unwrap();
        let part = File::create(folder.path().join("images.gz.part")).unwrap();
        part.lock().unwrap();
        assert!(matches!(fetch(folder.path(), &server).0, Err(DownloadError::Busy(_))));
        assert!(server.ranges.lock().unwrap().is_empty());
    }

    #[test]
    #[cfg(unix)]
    fn nothing_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let outside = folder.path().join("outside");
        fs::write(&outside, "mine").unwrap();
        let inside = folder.path().join("set");
        fs::create_dir(&inside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("images.gz.part")).unwrap();
        let server = serve(&content(), Behaviour::Serve);
        assert!(matches!(fetch(&inside, &server).0, Err(DownloadError::Write(_))));
        assert_eq!(fs::read(outside).unwrap(), b"mine");
    }

    #[test]
    fn waiting_for_an_answer_can_be_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&content(), Behaviour::Silent);
        let plan = Plan::new(&set(&content()), folder.path(), Some(&server.address));
        let long = Duration::from_secs(60);
        let result = Downloader::new(long).fetch(&plan, &mut |_| ControlFlow::Break(()));
        assert!(matches!(result, Err(DownloadError::Stopped)));
        assert_eq!(names(folder.path()), [""; 0]);
    }

    /// A folder that a false `curl` sends a file from, and another one that it is downloaded to.
    #[cfg(unix)]
    struct Curl {
        sent: tempfile::TempDir,
        target: tempfile::TempDir,
    }

    #[cfg(unix)]
    impl Curl {
        fn new() -> Self {
            let [sent, target] = [(); 2].map(|()| tempfile::tempdir().unwrap());
            fs::write(sent.path().join("images.gz"), content()).unwrap();
            Self { sent, target }
        }

        /// A download with a `curl` that does what this host says; see `tests/curl/curl`.
        fn fetch(
            &self,
            host: &str,
            watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
        ) -> Result<(), DownloadError> {
            let mirror = format!("https://{host}{}", self.sent.path().display());
            let plan = Plan::new(&set(&content()), self.target.path(), Some(&mirror));
            // Long enough for a shell to start on a busy machine.
            let mut downloader = Downloader::new(Duration::from_secs(2));
            let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/curl/curl");
            downloader.curl = Some(program);
            downloader.fetch(&plan, watch)
        }

        /// Downloads everything.
        fn succeed(&self, host: &str) {
            self.fetch(host, &mut |_| ControlFlow::Continue(())).unwrap();
            assert_eq!(names(self.target.path()), ["images.gz"]);
            assert_eq!(fs::read(self.target.path().join("images.gz")).unwrap(), content());
        }

        /// The message of a download that fails, without the address; its process has ended.
        fn fail(&self, host: &str) -> String {
            let result = self.fetch(host, &mut |_| ControlFlow::Continue(()));
            let address = format!("`https://{host}{}/images.gz`: ", self.sent.path().display());
            assert!(!self.is_running());
            let message = result.unwrap_err().to_string();
            message.strip_prefix(&address).unwrap_or(&message).to_owned()
        }

        /// What `curl` wrote about itself.
        fn log(&self, what: &str) -> String {
            fs::read_to_string(self.sent.path().join(format!("images.gz.{what}"))).unwrap()
        }

        fn is_running(&self) -> bool {
            let process = self.log("process");
            let mut kill = std::process::Command::new("kill");
            let kill = kill.args(["-0", process.trim()]).stderr(std::process::Stdio::null());
            kill.status().unwrap().success()
        }
    }

    #[test]
    #[cfg(unix)]
    fn https_is_left_to_curl() {
        let curl = Curl::new();
        curl.succeed("whole");
        let arguments = curl.log("arguments");
        let address = format!(" --url https://whole{}/images.gz\n", curl.sent.path().display());
        assert!(arguments.starts_with("--disable "), "nothing before it may read a .curlrc");
        assert!(arguments.ends_with(&address), "{arguments}");
        for part in ["--fail ", "--globoff ", "--proto =https,http ", "--speed-time 2 "] {
            assert!(arguments.contains(part), "{arguments}");
        }
        assert!(!arguments.contains("--continue-at"), "{arguments}");
        let environment = curl.log("environment");
        assert!(environment.contains("PATH=/"), "{environment}");
        for name in ["HOME=", "CARGO_MANIFEST_DIR=", "LD_LIBRARY_PATH="] {
            assert!(!environment.lines().any(|line| line.starts_with(name)), "{environment}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn curl_resumes_a_download() {
        let curl = Curl::new();
        let message = curl.fail("cut");
        assert_eq!(
            message,
            "curl: (18) end of response after 150000 of 200000 bytes; run the command again to resume"
        );
        assert_eq!(names(curl.target.path()), ["images.gz.part"]);
        curl.succeed("cut");
        assert!(curl.log("arguments").contains(" --continue-at 150000 "));
        for host in ["no-range", "refused-range", "refused-status"] {
            let curl = Curl::new();
            fs::write(curl.target.path().join("images.gz.part"), [7; 1000]).unwrap();
            curl.succeed(host);
            assert_eq!(curl.log("arguments").lines().count(), 2, "{host}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn failures_of_curl_are_errors() {
        let curl = Curl::new();
        let elsewhere = "use --mirror to download from another address";
        let again = "run the command again to resume";
        let check = |host: &str, expected: String| assert_eq!(curl.fail(host), expected);
        check("missing", format!("the server answered 404; {elsewhere}"));
        check("unknown", format!("curl: (6) Could not resolve host: unknown; {elsewhere}"));
        check("quiet", format!("curl ended with exit code 35; {elsewhere}"));
        check("silent", format!("nothing was received for 2 s; {elsewhere}"));
        assert_eq!(names(curl.target.path()), [""; 0]);
        check(
            "endless",
            "the downloaded file is not the published one (more than 200000 bytes instead of 200000 bytes); it was \
             removed"
                .to_owned(),
        );
        assert_eq!(names(curl.target.path()), [""; 0]);
        check("short", format!("the transfer ended after 7 of 200000 bytes; {again}"));
        fs::remove_file(curl.target.path().join("images.gz.part")).unwrap();
        check(
            "stalled",
            format!("nothing was received for 2 s after 100000 of 200000 bytes; {again}"),
        );
        assert_eq!(names(curl.target.path()), ["images.gz.part"]);
    }

    #[test]
    #[cfg(unix)]
    fn other_bytes_from_curl_never_get_the_name() {
        let curl = Curl::new();
        fs::write(curl.sent.path().join("images.gz"), vec![7; content().len()]).unwrap();
        let message = curl.fail("whole");
        assert!(message.contains("is not the published one"), "{message}");
        assert_eq!(names(curl.target.path()), [""; 0]);
    }

    #[test]
    #[cfg(unix)]
    fn a_stop_ends_curl() {
        let curl = Curl::new();
        let mut watch = |progress: &Progress<'_>| match progress.received {
            100_000 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let result = curl.fetch("stalled", &mut watch);
        assert!(matches!(result, Err(DownloadError::Stopped)));
        assert!(!curl.is_running());
        assert_eq!(names(curl.target.path()), ["images.gz.part"]);
    }

    #[test]
    fn without_curl_the_error_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let server = serve(&content(), Behaviour::RedirectToTls);
        for mirror in ["HTTPS://example.org/sets", &server.address] {
            let plan = Plan::new(&set(&content()), folder.path(), Some(mirror));
            let mut downloader = Downloader::new(PATIENCE);
            downloader.curl = None;
            let result = downloader.fetch(&plan, &mut |_| ControlFlow::Continue(()));
            let target = folder.path().join("images.gz").display().to_string();
            assert_eq!(
                result.unwrap_err().to_string(),
                format!(
                    "`{mirror}/images.gz` needs `curl`, which was not found in the absolute folders of PATH; install it, or \
                     save the file as `{target}` and verify it with `inceptive data check`"
                )
            );
            assert_eq!(names(folder.path()), [""; 0]);
        }
    }

    /// The system's `curl`, where there is one, with a server that needs no TLS.
    #[test]
    fn the_real_curl_does_what_is_expected_of_it() {
        let downloader = Downloader::new(Duration::from_secs(2));
        if downloader.curl.is_none() {
            return;
        }
        let fetch = |behaviour: Behaviour, before: &[u8]| {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join("images.gz.part"), before).unwrap();
            let server = serve(&content(), behaviour);
            let plan = Plan::new(&set(&content()), folder.path(), Some(&server.address));
            let mut part = Part::open(&plan.files[0]).unwrap();
            let result = downloader.receive_by_curl(&mut part, &mut |_| ControlFlow::Continue(()));
            let result = result.and_then(|()| part.finish());
            let message = result.err().map(|error| error.to_string().replace(&server.address, "S"));
            (message.unwrap_or_default(), fs::read(folder.path().join("images.gz")).ok())
        };
        let whole = (String::new(), Some(content()));
        let begun = &content()[..1000];
        assert_eq!(fetch(Behaviour::Serve, b""), whole);
        assert_eq!(fetch(Behaviour::Redirect, b""), whole);
        assert_eq!(fetch(Behaviour::Serve, begun), whole);
        assert_eq!(fetch(Behaviour::IgnoreRange, begun), whole);
        assert_eq!(fetch(Behaviour::RefuseRange, begun), whole);
        let check = |behaviour: Behaviour, expected: &str| {
            let (message, file) = fetch(behaviour, b"");
            assert!(message.starts_with("`S/images.gz`: "), "{message}");
            assert!(message.contains(expected) && file.is_none(), "{message}");
        };
        check(Behaviour::NotFound, ": the server answered 404; use --mirror");
        check(Behaviour::TooMuch, "(more than 200000 bytes instead of 200000 bytes)");
        check(Behaviour::CutAfter(150_000), " after 150000 of 200000 bytes; run the command again");
        check(
            Behaviour::StallAfter(100_000),
            " after 100000 of 200000 bytes; run the command again",
        );
        check(Behaviour::Shorter, ": the transfer ended after 7 of 200000 bytes");
        check(Behaviour::RedirectToTls, ": curl: (");
    }
}
