//! `inceptive`: explore the design space of Inception-style convolutional networks.

#![forbid(unsafe_code)]

mod commands;
mod input;
mod json;
mod machinery;
mod output;
mod table;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// Explore the design space of Inception-style convolutional networks: from YAML to exact numbers.
#[derive(Debug, Parser)]
#[command(name = "inceptive", version, propagate_version = true, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    output::finish(arguments.command.run())
}
