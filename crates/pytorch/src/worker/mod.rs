//! A process in which PyTorch runs and trains networks.
//!
//! Networks are sent as the text of their modules with their weights. The process keeps several, by the numbers that the
//! sender gives them. It ends with this program, and is ended when it is dropped.

mod error;
mod protocol;
mod python;

use std::{
    io::{BufWriter, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use inceptive_files::program;
use serde::{Deserialize, de::DeserializeOwned};

pub use error::WorkerError;
pub use protocol::{
    About, Device, Done, Load, Loaded, Numbers, Optimizer, Part, Ran, Request, Stepped, Train,
};
use protocol::{Message, VERSION};

/// The program of the process.
const PROGRAM: &str = include_str!("worker.py");

/// Time between two looks at whether to stop.
const TICK: Duration = Duration::from_millis(20);

/// Maximum time until the first message: importing PyTorch takes seconds, a minute from a slow disk.
const MAX_START: Duration = Duration::from_secs(300);

/// Maximum time until the last output of a process that has ended is read.
const MAX_LAST_WORDS: Duration = Duration::from_secs(1);

/// Bytes of the last output that are kept for error messages.
const KEPT_OUTPUT: usize = 4096;

/// The process.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    requests: BufWriter<ChildStdin>,
    messages: Receiver<Result<Message, String>>,
    output: Arc<Mutex<Vec<u8>>>,
    /// Reads its output until all that may write to it have ended.
    keeper: JoinHandle<()>,
    about: About,
    python: PathBuf,
    has_ended: bool,
    next_id: u32,
}

/// A reply that is an error.
#[derive(Debug, Deserialize)]
struct Refusal {
    error: String,
    message: String,
}

impl Worker {
    /// Starts it with the Python that is named, or one that has PyTorch.
    ///
    /// # Errors
    /// When there is no PyTorch, the process ends, or it was stopped.
    pub fn start(python: Option<&Path>, stop: &AtomicBool) -> Result<Self, WorkerError> {
        let python = python::find(python)?;
        let mut command = program::command_at(&python);
        command.args(["-I", "-c", PROGRAM]).current_dir(python::NEUTRAL_FOLDER);
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = |error| WorkerError::Start { program: python.clone(), error };
        let mut child = command.spawn().map_err(failed)?;
        let (Some(requests), Some(replies), Some(errors)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(WorkerError::Protocol("no pipes".to_owned()));
        };
        let output = Arc::new(Mutex::new(Vec::new()));
        let (messages, kept) = (receive(replies), Arc::clone(&output));
        let keeper = thread::spawn(move || keep(errors, &kept));
        let about =
            About { protocol: 0, python: String::new(), torch: String::new(), devices: vec![] };
        let requests = BufWriter::new(requests);
        let mut worker = Self {
            child,
            requests,
            messages,
            output,
            keeper,
            about,
            python,
            has_ended: false,
            next_id: 0,
        };
        worker.about = worker.receive(Some(Instant::now() + MAX_START), stop)?.0;
        if worker.about.protocol != VERSION {
            return Err(WorkerError::Protocol(format!("version {}", worker.about.protocol)));
        }
        Ok(worker)
    }

    /// PyTorch and its devices.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// The interpreter.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// Whether it has ended; a new one has to be started.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// A number for a network.
    pub fn new_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Sends a request and waits for the reply. If it is stopped meanwhile, the process is ended.
    ///
    /// # Errors
    /// When PyTorch refuses, the process ends, or it was stopped.
    pub fn call<R: DeserializeOwned>(
        &mut self,
        request: Request<'_>,
        payload: &[Part<'_>],
        stop: &AtomicBool,
    ) -> Result<(R, Vec<f32>), WorkerError> {
        self.call_while(request, payload, stop, || ())
    }

    /// The same; `meanwhile` is called while the process works.
    ///
    /// # Errors
    /// As those of [`Self::call`].
    pub fn call_while<R: DeserializeOwned>(
        &mut self,
        request: Request<'_>,
        payload: &[Part<'_>],
        stop: &AtomicBool,
        meanwhile: impl FnOnce(),
    ) -> Result<(R, Vec<f32>), WorkerError> {
        if self.has_ended {
            return Err(self.ended());
        }
        if protocol::write(request, payload, &mut self.requests).is_err() {
            return Err(self.ended());
        }
        meanwhile();
        self.receive(None, stop)
    }

    fn receive<R: DeserializeOwned>(
        &mut self,
        deadline: Option<Instant>,
        stop: &AtomicBool,
    ) -> Result<(R, Vec<f32>), WorkerError> {
        let message = loop {
            match self.messages.recv_timeout(TICK) {
                Ok(Ok(message)) => break message,
                Ok(Err(error)) => return Err(self.broken(error)),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
                Err(RecvTimeoutError::Timeout) if stop.load(Ordering::Relaxed) => {
                    self.end();
                    return Err(WorkerError::Stopped);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if deadline.is_some_and(|deadline| Instant::now() > deadline) {
                        return Err(self.broken("none, and it did not end either".to_owned()));
                    }
                }
            }
        };
        if let Ok(Refusal { error, message }) = serde_json::from_slice(&message.header) {
            return Err(match error.as_str() {
                "missing" => {
                    self.end();
                    WorkerError::Missing(format!("{message}; {}", python::REMEDY))
                }
                "memory" => WorkerError::OutOfMemory(message),
                "fatal" => {
                    self.end();
                    WorkerError::Failed(message)
                }
                _ => WorkerError::Failed(message),
            });
        }
        match serde_json::from_slice(&message.header) {
            Ok(reply) => Ok((reply, protocol::floats(&message.payload))),
            Err(error) => Err(self.broken(error.to_string())),
        }
    }

    /// Ends the process after a message that cannot be understood.
    fn broken(&mut self, what: String) -> WorkerError {
        self.end();
        WorkerError::Protocol(what)
    }

    fn end(&mut self) {
        self.has_ended = true;
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Why it has ended.
    fn ended(&mut self) -> WorkerError {
        let status = match self.child.try_wait() {
            Ok(None) => {
                // It closes its pipes shortly before it ends.
                thread::sleep(5 * TICK);
                self.child.try_wait()
            }
            other => other,
        };
        let status = match status {
            Ok(Some(status)) => status.to_string(),
            _ => "no exit status".to_owned(),
        };
        self.end();
        // What it said last may not be read yet; a process that it started may keep the pipe open.
        let deadline = Instant::now() + MAX_LAST_WORDS;
        while !self.keeper.is_finished() && Instant::now() < deadline {
            thread::sleep(TICK);
        }
        let output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&output);
        let said = text.lines().rev().map(str::trim).find(|line| !line.is_empty());
        WorkerError::Ended { status, said: said.unwrap_or_default().to_owned() }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}

/// Reads messages on a thread of its own, until the process ends.
fn receive(mut replies: ChildStdout) -> Receiver<Result<Message, String>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        loop {
            let message = match protocol::read(&mut replies) {
                Ok(None) => return,
                Ok(Some(message)) => Ok(message),
                Err(error) => Err(error.to_string()),
            };
            let is_last = message.is_err();
            if sender.send(message).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}

/// Keeps the end of what the process prints.
fn keep(mut errors: ChildStderr, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; KEPT_OUTPUT];
    while let Ok(count) = errors.read(&mut buffer) {
        if count == 0 {
            return;
        }
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..count]);
        let surplus = kept.len().saturating_sub(KEPT_OUTPUT);
        kept.drain(..surplus);
    }
}
