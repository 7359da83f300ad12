//! The `inceptive` command: one file or folder of `commands` per subcommand.
//!
//! A library, so that the compiler starts on it before the crates that it uses are translated to machine code.

#![forbid(unsafe_code)]

mod commands;
mod input;
mod json;
mod limited;
mod machinery;
mod output;
mod table;

use std::{ffi::OsString, sync::LazyLock};

use clap::{CommandFactory, FromArgMatches};

use commands::Arguments;
use inceptive_bench::Isa;

/// Help that starts with what one would type: examples, from `before_help`, come before the usage.
const HELP: &str = "\
{about-with-newline}
{before-help}{usage-heading} {usage}

{all-args}{after-help}";

/// Gives a command and its subcommands, at any depth, the same layout of help.
fn examples_first(command: clap::Command) -> clap::Command {
    command.help_template(HELP).mut_subcommands(examples_first)
}

/// What `--version` prints after the name: the version, and what the native engine can use of this processor. `-V` prints
/// the version alone.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let found = Isa::ALL.into_iter().filter(|isa| isa.is_available()).map(Isa::name);
    format!(
        "{}\ninstruction sets: {} (of this processor, for the native engine; the first is the default)\n\
         other engines: see `inceptive engines`",
        env!("CARGO_PKG_VERSION"),
        found.collect::<Vec<_>>().join(", ")
    )
});

/// Does what arguments ask for, the first of which is the name that the command was started by. Returns the exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let command = examples_first(Arguments::command()).long_version(VERSION.as_str());
    let matches = command.try_get_matches_from(arguments);
    let arguments = matches.and_then(|mut matches| {
        Arguments::from_arg_matches_mut(&mut matches)
            .map_err(|error| error.format(&mut Arguments::command()))
    });
    match arguments {
        Ok(arguments) => output::finish(arguments.command.run()),
        Err(message) => output::finish_early(&message),
    }
}
