//! `inceptive`: explore the design space of Inception-style convolutional networks.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    inceptive_cli::run()
}
