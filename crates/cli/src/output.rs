//! The end of a command: standard output, standard error, and the exit code.

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
    str,
};

use inceptive_app::{ReadError, TaskError};
use inceptive_dsl::{Failure, Style};
use inceptive_format::counted;
use inceptive_ir::text;
use inceptive_onnx::ImportError;
use serde::Serialize;

use crate::{limited, table::one_line};

/// Exit code when nothing was wrong.
const SUCCESS: u8 = 0;

/// Exit code when the input is wrong.
const WRONG_INPUT: u8 = 1;

/// Exit code for wrong usage, the same as clap's.
const WRONG_USAGE: u8 = 2;

/// The result of a command.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The result, for standard output.
    pub text: String,
    /// Whether some of the input was wrong or a check failed.
    pub failed: bool,
}

impl Outcome {
    /// A result without failures.
    pub fn new(text: String) -> Self {
        Self { text, failed: false }
    }
}

/// Prints a command's outcome and returns the exit code.
pub fn finish(outcome: anyhow::Result<Outcome>) -> u8 {
    limited::omitted().iter().for_each(|line| warn(line));
    match outcome.and_then(|outcome| print(&outcome.text).map(|()| outcome.failed)) {
        Ok(false) => SUCCESS,
        Ok(true) => WRONG_INPUT,
        Err(failure) => match failure.downcast_ref::<clap::Error>() {
            Some(usage) => {
                let _ = usage.print();
                WRONG_USAGE
            }
            None => {
                error(failure.as_ref());
                WRONG_INPUT
            }
        },
    }
}

/// Prints help, a version or wrong usage, and returns the exit code.
pub fn finish_early(message: &clap::Error) -> u8 {
    match message.print().and_then(|()| io::stdout().flush()) {
        Err(failure) if !message.use_stderr() && failure.kind() != io::ErrorKind::BrokenPipe => {
            error(&failure);
            WRONG_INPUT
        }
        _ if message.use_stderr() => WRONG_USAGE,
        _ => SUCCESS,
    }
}

/// A usage error that is found only when a command runs.
pub fn usage(message: impl std::fmt::Display) -> anyhow::Error {
    clap::Error::raw(clap::error::ErrorKind::InvalidValue, format!("{message}\n")).into()
}

/// Writes to standard output; a reader that went away, as in `| head`, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text::lines(text).as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// The outcome of a command that stopped at an error. Mistakes in a file are printed with their places.
///
/// # Errors
/// Any other error.
pub fn task_failure(error: TaskError) -> anyhow::Result<Outcome> {
    match error {
        TaskError::Read(ReadError::Yaml(failure)) => {
            report(&failure);
            Ok(Outcome { text: String::new(), failed: true })
        }
        other => Err(other.into()),
    }
}

/// Prints an error of one of several inputs, unless there were too many.
pub fn input_error(failure: &dyn std::error::Error) {
    if limited::ERRORS.admit(1) {
        error(failure);
    }
}

/// Prints an error with its causes, and the options that help.
pub fn error(error: &dyn std::error::Error) {
    warn(&format!("error: {}", inceptive_app::error_chain(error)));
    if let Some(options) = helpful_options(error) {
        warn(&format!("help: {options}"));
    }
}

/// The options with which an ONNX file can be read.
fn helpful_options(error: &dyn std::error::Error) -> Option<String> {
    let mut causes = std::iter::successors(error.source(), |&cause| cause.source());
    let error = causes.find_map(|cause| cause.downcast_ref::<ImportError>())?;
    let size = error.open_size().map(|size| format!("--input-size {size}"));
    let cut = error.can_be_cut().then(|| "--cut".to_owned());
    let options: Vec<String> = size.into_iter().chain(cut).collect();
    (!options.is_empty()).then(|| format!("add {}", options.join(" and ")))
}

/// Writes a JSON document to standard output while it is made, so that a large one need not fit in memory.
///
/// # Errors
/// When it cannot be written; a reader that went away is no error.
pub fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    let mut out = HarmlessJson(BufWriter::new(io::stdout().lock()));
    let written = serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from);
    match written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// A JSON document as text, with the line break at its end.
///
/// # Errors
/// When a number or a key cannot be written.
pub fn json(document: &impl Serialize) -> serde_json::Result<String> {
    let document = serde_json::to_string_pretty(document)?;
    Ok(text::json(&document).into_owned() + "\n")
}

/// Escapes control characters in the JSON document written through it; each piece is whole characters.
struct HarmlessJson<W>(W);

impl<W: Write> Write for HarmlessJson<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.write_all(piece).map(|()| piece.len())
    }

    fn write_all(&mut self, piece: &[u8]) -> io::Result<()> {
        match str::from_utf8(piece) {
            Ok(piece) => self.0.write_all(text::json(piece).as_bytes()),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes a line to standard error. A failure to do so cannot be reported, and is ignored.
pub fn warn(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text::lines(text));
}

/// Says on standard error that a file was written.
pub fn wrote(path: &Path) {
    warn(&format!("wrote {}", one_line(&path.to_string_lossy())));
}

/// Writes a line with colours to standard error; text from files in it has been escaped before.
fn warn_coloured(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints all errors of a file, unless there were too many in other files.
pub fn report(failure: &Failure) {
    let count = failure.diagnostics.len();
    if !limited::ERRORS.admit(count) {
        return;
    }
    warn_coloured(&failure.render(style()));
    let mut codes: Vec<&str> = failure.diagnostics.iter().map(|d| d.code.id()).collect();
    codes.sort_unstable();
    codes.dedup();
    let found = match counted(count, "error", "errors") {
        first if failure.is_cut_off() => format!("the first {first}, there may be more"),
        all => all,
    };
    warn(&format!("\n{found}; run `inceptive explain {}` for an explanation\n", codes[0]));
}

/// Colours only for people: on a terminal that has them, and unless `NO_COLOR` is set.
fn style() -> Style {
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    let wanted = !is_dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && io::stderr().is_terminal() { Style::Colored } else { Style::Plain }
}
