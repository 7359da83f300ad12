//! Transfers by the system's `curl`, which has TLS and the system's certificates.

use std::{
    env,
    ffi::OsStr,
    io::{self, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::{Duration, Instant},
};

use inceptive_files::program;

/// Environment variables that `curl` gets: where certificates are, and proxies. No others reach it.
const KEPT: [&str; 13] = [
    "ALL_PROXY",
    "CURL_CA_BUNDLE",
    "HTTPS_PROXY",
    "NO_PROXY",
    "PATH",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "SYSTEMROOT",
    "SystemRoot",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// Maximum number of bytes of its messages that are read.
const MESSAGE_BYTES: u64 = 1 << 12;

/// Time between checks whether it has ended.
const POLL: Duration = Duration::from_millis(10);

/// Exit code after an HTTP status of 400 or more.
const HTTP_ERROR: i32 = 22;

/// Exit codes if the server cannot resume at an offset.
const RANGE_ERRORS: [i32; 2] = [33, 36];

/// A running `curl` that writes a file to a pipe. It is killed when this is dropped.
pub(super) struct Transfer {
    child: Child,
    /// What it writes to standard error.
    messages: Receiver<String>,
}

/// How a transfer ended.
pub(super) struct Ending {
    /// Its exit code; `None` if it did not exit by itself.
    code: Option<i32>,
    /// The line of its messages with the error.
    message: String,
}

impl Transfer {
    /// Starts the transfer at an offset; returns the pipe with the content of the file.
    pub fn start(
        curl: &Path,
        url: &str,
        start: u64,
        patience: Duration,
    ) -> io::Result<(Self, ChildStdout)> {
        let mut child = command(curl, url, start, patience).spawn()?;
        let (body, errors) = (child.stdout.take(), child.stderr.take());
        let (sender, messages) = sync_channel(1);
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = errors.map(|errors| errors.take(MESSAGE_BYTES).read_to_end(&mut bytes));
            // What was read before an error is enough; after a stop, nothing receives the message.
            drop(read);
            let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
        });
        let transfer = Self { child, messages };
        let body = body.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok((transfer, body))
    }

    /// Waits until it has exited, after all of its output was read.
    pub fn end(mut self, patience: Duration) -> io::Result<Ending> {
        let deadline = Instant::now() + patience;
        let status = loop {
            let status = self.child.try_wait()?;
            if status.is_some() || Instant::now() >= deadline {
                break status;
            }
            thread::sleep(POLL);
        };
        let messages = self.messages.recv_timeout(patience).unwrap_or_default();
        // Advice may follow the error.
        let message = messages.lines().find(|line| line.starts_with("curl: ("));
        let message = message.or_else(|| messages.lines().next()).unwrap_or_default().to_owned();
        Ok(Ending { code: status.and_then(|status| status.code()), message })
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ending {
    /// Whether `curl` reported success.
    pub fn is_success(&self) -> bool {
        self.code == Some(0)
    }

    /// The status that the server answered, if it is an error: `404`.
    pub fn status(&self) -> Option<&str> {
        let (_, status) = self.message.split_once("returned error: ")?;
        (self.code == Some(HTTP_ERROR)).then_some(status)
    }

    /// Whether the server cannot resume at the offset.
    pub fn is_range_error(&self) -> bool {
        self.code.is_some_and(|code| RANGE_ERRORS.contains(&code))
            || self.status().is_some_and(|status| status.starts_with("416"))
    }

    /// What went wrong.
    pub fn reason(&self) -> String {
        match (self.message.is_empty(), self.code) {
            (false, _) => self.message.clone(),
            (true, Some(code)) => format!("curl ended with exit code {code}"),
            (true, None) => "curl was ended by a signal".to_owned(),
        }
    }
}

/// The time limits end `curl` even if this program was killed.
fn command(curl: &Path, url: &str, start: u64, patience: Duration) -> Command {
    let mut command = program::command_at(curl);
    for (name, _) in env::vars_os().filter(|(name, _)| !is_kept(name)) {
        command.env_remove(name);
    }
    // The first argument has to be the one that prevents reading of a `.curlrc`.
    command.args(["--disable", "--silent", "--show-error", "--fail", "--globoff", "--no-buffer"]);
    command.args(["--location", "--max-redirs", "10", "--proto", "=https,http"]);
    command.args(["--connect-timeout", &patience.as_secs_f64().to_string()]);
    // Later than this program gives up, which has the better message.
    let whole_seconds = (patience.as_secs_f64().ceil() + 1.0).to_string();
    command.args(["--speed-limit", "1", "--speed-time", &whole_seconds]);
    if start > 0 {
        command.args(["--continue-at", &start.to_string()]);
    }
    command.args(["--url", url]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    apart(&mut command);
    command
}

fn is_kept(name: &OsStr) -> bool {
    KEPT.iter().any(|kept| name == *kept)
}

/// Ctrl-C on a terminal reaches this program alone, which then ends `curl`: otherwise `curl` could end first, and the
/// stop would look like a failure.
#[cfg(unix)]
fn apart(command: &mut Command) {
    std::os::unix::process::CommandExt::process_group(command, 0);
}

#[cfg(not(unix))]
fn apart(_: &mut Command) {}
