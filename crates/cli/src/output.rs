//! How a command ends: what goes to standard output, what to standard error, and the exit code.

use std::{
    io::{self, IsTerminal, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::bail;
use inceptive_dsl::{Failure, Style};
use inceptive_report::replace_file;

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
        Err(error) => match error.downcast_ref::<clap::Error>() {
            Some(usage) => {
                let _ = usage.print();
                ExitCode::from(WRONG_USAGE)
            }
            None => {
                warn(&chain(error.as_ref()));
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

/// An error with its causes, in a line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Messages that hold their cause say it once.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
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
    let plural = if count == 1 { "error" } else { "errors" };
    warn(&format!("\n{count} {plural}; `inceptive explain {}` says more\n", codes[0]));
}

/// Colours only for people: on a terminal, and unless `NO_COLOR` is set.
fn style() -> Style {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted && io::stderr().is_terminal() { Style::Colored } else { Style::Plain }
}
