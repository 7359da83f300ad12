//! How a command ends: what goes to standard output, what to standard error, and the exit code.

use std::{
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use inceptive_dsl::{Failure, Style};

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
            warn(&format!("error: {error:#}"));
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
    warn(&format!("error: {}", inceptive_jobs::chain(error)));
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
