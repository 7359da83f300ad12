//! How a command ends: what goes to standard output, what to standard error, and the exit code.

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::bail;
use inceptive_dsl::{Failure, Style};
use inceptive_report::{numbers::counted, replace_file};
use serde::Serialize;

use crate::table::one_line;

/// Exit code when the input is wrong.
const WRONG_INPUT: u8 = 1;

/// Exit code for wrong usage, as clap has it.
const WRONG_USAGE: u8 = 2;

/// What a command has to say.
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

/// Prints a command's outcome and gives the exit code.
pub fn finish(outcome: anyhow::Result<Outcome>) -> ExitCode {
    match outcome.and_then(|outcome| print(&outcome.text).map(|()| outcome.failed)) {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::from(WRONG_INPUT),
        Err(failure) => match failure.downcast_ref::<clap::Error>() {
            Some(usage) => {
                let _ = usage.print();
                ExitCode::from(WRONG_USAGE)
            }
            None => {
                error(failure.as_ref());
                ExitCode::from(WRONG_INPUT)
            }
        },
    }
}

/// Wrong usage that only shows when a command runs.
pub fn usage(message: impl std::fmt::Display) -> anyhow::Error {
    clap::Error::raw(clap::error::ErrorKind::InvalidValue, format!("{message}\n")).into()
}

/// Writes a file, unless it is one of those that were read: what a user has may be what they have only once.
pub fn write(path: &Path, content: &[u8], inputs: &[&Path]) -> anyhow::Result<()> {
    let resolved = |path: &Path| path.canonicalize().ok();
    let is_input = |input: &&&Path| resolved(path).is_some_and(|it| resolved(input) == Some(it));
    if let Some(input) = inputs.iter().find(is_input) {
        bail!("`{}` is read, and is not overwritten: choose another file", input.display());
    }
    Ok(replace_file(path, content)?)
}

/// Writes to standard output; a reader that went away, as in `| head`, is no error.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints an error with its causes.
pub fn error(error: &dyn std::error::Error) {
    let text = format!("error: {}", inceptive_jobs::chain(error));
    warn(&text.lines().map(one_line).collect::<Vec<String>>().join("\n"));
}

/// Writes a JSON document to standard output while it is made, so that a large one need not fit in memory.
///
/// # Errors
/// When it cannot be written; a reader that went away is no error.
pub fn print_json(document: &impl Serialize) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = serde_json::to_writer_pretty(&mut out, document).map_err(io::Error::from);
    match written.and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a line to standard error. When even that fails, nobody is left to be told.
pub fn warn(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints everything that is wrong with a file.
pub fn report(failure: &Failure) {
    warn(&failure.render(style()));
    let count = failure.diagnostics.len();
    let mut codes: Vec<&str> = failure.diagnostics.iter().map(|d| d.code.id()).collect();
    codes.sort_unstable();
    codes.dedup();
    let found = match counted(count, "error", "errors") {
        first if failure.is_cut_off() => format!("the first {first}, there may be more"),
        all => all,
    };
    warn(&format!("\n{found}; `inceptive explain {}` says more\n", codes[0]));
}

/// Colours only for people: on a terminal that has them, and unless `NO_COLOR` is set.
fn style() -> Style {
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    let wanted = !is_dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && io::stderr().is_terminal() { Style::Colored } else { Style::Plain }
}
