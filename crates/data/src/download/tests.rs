use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use super::*;
use crate::{CATALOG, KnownFile, KnownSet};

/// Long enough for a process to start on a busy machine.
const PATIENCE: Duration = Duration::from_secs(2);

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
    let start = range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse::<usize>().ok());
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
    assert!(message.contains("after 150000 of 200000 bytes; run the command again"), "{message}");
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
    assert!(message.contains(": the transfer ended after 7 of 200000 bytes"), "{message}");
    assert_eq!(left, ["images.gz.part"]);
    let (message, left) = failure(Behaviour::TooMuch);
    assert!(message.contains("(more than 200000 bytes instead of 200000 bytes)"), "{message}");
    assert_eq!(left, [""; 0]);
}

#[test]
fn a_missing_file_is_an_error() {
    let (message, _) = failure(Behaviour::NotFound);
    assert_eq!(
        message,
        "`S/images.gz`: the server answered 404; use --mirror to download from another address"
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
        "`S/images.gz`: nothing was received for 2 s after 100000 of 200000 bytes; run the command again to resume"
    );
    assert_eq!(left, ["images.gz.part"]);
    let (message, left) = failure(Behaviour::Silent);
    assert!(message.contains("nothing was received for 2 s"), "{message}");
    assert_eq!(left, [""; 0]);
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
        let mut downloader = Downloader::new(PATIENCE);
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
fn curl_gets_only_what_it_needs() {
    let curl = Curl::new();
    curl.succeed("whole");
    let arguments = curl.log("arguments");
    let address = format!(" --url https://whole{}/images.gz\n", curl.sent.path().display());
    assert!(arguments.starts_with("--disable "), "nothing before it may read a .curlrc");
    assert!(arguments.ends_with(&address), "{arguments}");
    for part in ["--fail ", "--globoff ", "--proto =https,http ", "--speed-time 3 "] {
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
    check("stalled", format!("nothing was received for 2 s after 100000 of 200000 bytes; {again}"));
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
    let mirror = "http://127.0.0.1:1/sets";
    let plan = Plan::new(&set(&content()), folder.path(), Some(mirror));
    let downloader = Downloader { curl: None, patience: PATIENCE };
    let result = downloader.fetch(&plan, &mut |_| ControlFlow::Continue(()));
    let target = folder.path().join("images.gz").display().to_string();
    assert_eq!(
        result.unwrap_err().to_string(),
        format!(
            "`{mirror}/images.gz` needs `curl`, which was not found in the absolute folders of PATH; install it, or save the file as \
             `{target}` and verify it with `inceptive data check`"
        )
    );
    assert_eq!(names(folder.path()), [""; 0]);
}

#[test]
fn a_redirection_to_tls_is_followed() {
    let (message, left) = failure(Behaviour::RedirectToTls);
    assert!(message.contains(": curl: ("), "{message}");
    assert_eq!(left, [""; 0]);
}
