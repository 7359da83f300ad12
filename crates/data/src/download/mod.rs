//! Downloading published data sets: resumed where it was cut, and checked before a file gets its name.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

use inceptive_files::{InputFiles, WriteError, create_folder, refuse_links, replace_file};
use ureq::{Agent, Body, http::Response};

use crate::{catalog::KnownSet, dataset::Checksum};

/// Bytes that are received at once.
const CHUNK_BYTES: usize = 1 << 16;

/// Chunks that may wait to be written.
const WAITING_CHUNKS: usize = 16;

/// Time between two questions whether to go on, while nothing comes.
const TICK: Duration = Duration::from_millis(100);

/// A download ended before all files were there.
#[derive(Debug, thiserror::Error)]
pub enum DownloadError {
    /// There is no answer.
    #[error("`{url}`: {reason}; use --mirror to download from another address")]
    Connection {
        /// The address.
        url: String,
        /// What the network says.
        reason: String,
    },
    /// The server does not send the file.
    #[error("`{url}`: the server answers {status}; use --mirror to download from another address")]
    Status {
        /// The address.
        url: String,
        /// Its answer: `404 Not Found`.
        status: String,
    },
    /// The connection ended, or nothing came for too long.
    #[error(
        "`{url}`: {reason} after {received} of {expected} bytes; run the command again to go on from there"
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
    /// The bytes are not the published ones.
    #[error(
        "`{url}`: what was downloaded is not the published file ({found} instead of {expected}); it was removed"
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
    #[error("stopped; run the command again to go on from there")]
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

/// How far a download is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress<'a> {
    /// The file that is downloaded.
    pub file: &'a PlannedFile,
    /// Bytes of it that are there.
    pub received: u64,
}

impl Plan {
    /// What has to be downloaded of a data set, into a folder, from its own address or a mirror, which is the address of a
    /// folder with the same files.
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

    /// Where its first bytes are until all are there.
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
    /// The longest wait for an answer, and for the next bytes.
    patience: Duration,
}

impl Downloader {
    /// Gives up where nothing comes for this long.
    pub fn new(patience: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_resolve(Some(patience))
            .timeout_connect(Some(patience))
            .timeout_recv_response(Some(patience))
            .build();
        Self { agent: config.into(), patience }
    }

    /// Downloads what is missing; `watch` is told about every step and asked whether to go on. A file has its name only when
    /// it is complete and its checksum is right; its first bytes are kept until then in a file with `.part` at its end.
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
            let response = self.request(file, &mut part);
            let received = response.and_then(|response| self.receive(response, &mut part, watch));
            if received.is_err() && part.received == 0 {
                // Nothing to go on from; an empty file does no harm if it cannot be removed.
                let _ = fs::remove_file(&part.path);
            }
            received?;
        }
        part.finish()
    }

    /// Asks for the bytes that are missing; from the start, if the server cannot start elsewhere.
    fn request(
        &self,
        file: &PlannedFile,
        part: &mut Part<'_>,
    ) -> Result<Response<Body>, DownloadError> {
        let mut response = self.get(file, part.received)?;
        if response.status() == 416 {
            part.restart()?;
            response = self.get(file, 0)?;
        }
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
        // A server that has another file is found out before all of it was downloaded.
        if let Some(size) = size.and_then(|size| size.parse::<u64>().ok())
            && size != file.bytes
        {
            return Err(part.refuse(format!("{size} bytes"), format!("{} bytes", file.bytes)));
        }
        if !is_partial {
            part.restart()?;
        }
        Ok(response)
    }

    fn get(&self, file: &PlannedFile, start: u64) -> Result<Response<Body>, DownloadError> {
        let mut request = self.agent.get(&file.url);
        if start > 0 {
            request = request.header("Range", format!("bytes={start}-"));
        }
        request.call().map_err(|error| {
            let reason = match error {
                ureq::Error::Timeout(_) => {
                    format!("no answer within {}", seconds(self.patience))
                }
                other => other.to_string(),
            };
            DownloadError::Connection { url: file.url.clone(), reason }
        })
    }

    /// Writes what comes to the partial file. A thread reads, so that neither a stop nor a stalled server waits for it; it
    /// ends with its connection.
    fn receive(
        &self,
        response: Response<Body>,
        part: &mut Part<'_>,
        watch: &mut dyn FnMut(&Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), DownloadError> {
        let (sender, receiver) = sync_channel(WAITING_CHUNKS);
        thread::spawn(move || read_chunks(response.into_body().into_reader(), &sender));
        self.write_chunks(&receiver, part, watch)?;
        match part.received < part.file.bytes {
            true => Err(part.cut("the connection ended".to_owned())),
            false => Ok(()),
        }
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
                Ok(Err(error)) => return Err(part.cut(error.to_string())),
                Err(RecvTimeoutError::Timeout) if last.elapsed() >= self.patience => {
                    return Err(part.cut(format!("nothing came for {}", seconds(self.patience))));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if watch(&Progress { file: part.file, received: part.received }).is_break() {
                return Err(DownloadError::Stopped);
            }
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

/// The first bytes of a file, locked against other runs.
struct Part<'a> {
    file: &'a PlannedFile,
    path: PathBuf,
    content: File,
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
        let mut part = Self { file, path, content, received };
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
        self.received = 0;
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

    fn cut(&self, reason: String) -> DownloadError {
        let (url, received) = (self.file.url.clone(), self.received);
        DownloadError::Cut { url, reason, received, expected: self.file.bytes }
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
        assert!(message.contains("is not the published file"), "{message}");
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
            "`S/images.gz`: the server answers 404 Not Found; use --mirror to download from another address"
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
            "`S/images.gz`: nothing came for 0.4 s after 100000 of 200000 bytes; run the command again to go on from there"
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
}
