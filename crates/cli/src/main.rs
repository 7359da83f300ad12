//! `inceptive`: explore the design space of Inception-style convolutional networks.

#![forbid(unsafe_code)]

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    inceptive_cli::run(env::args_os()).into()
}
