//! How a command ends: what goes to standard output, what to standard error, and the exit code.

use std::{
    io::{self, BufWriter, IsTerminal, Write},
    process::ExitCode,
};

use inceptive_dsl::{Failure, Style};
use serde::Serialize;

use crate::table::one_line;

/// Exit code when the input is wrong; clap uses 2 for wrong usage.
const WRONG_INPUT: u8 = 1;

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
        Err(error) => {
            let text = format!("error: {error:#}");
            warn(&text.lines().map(one_line).collect::<Vec<String>>().join("\n"));
            ExitCode::from(WRONG_INPUT)
        }
    }
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
    warn(&one_line(&format!("error: {}", inceptive_jobs::chain(error))));
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
    let found = match count {
        1 => "1 error".to_owned(),
        _ if failure.is_cut_off() => format!("the first {count} errors, there may be more"),
        _ => format!("{count} errors"),
    };
    warn(&format!("\n{found}; `inceptive explain {}` says more\n", codes[0]));
}

/// Colours only for people: on a terminal that has them, and unless `NO_COLOR` is set.
fn style() -> Style {
    let is_dumb = std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
    let wanted = !is_dumb && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && io::stderr().is_terminal() { Style::Colored } else { Style::Plain }
}
