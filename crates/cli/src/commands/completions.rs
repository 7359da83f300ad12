//! `inceptive completions`.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Arguments;
use crate::output::Outcome;

/// Print shell completions.
#[derive(Args, Debug)]
#[command(before_help = "Example:
  inceptive completions bash > ~/.local/share/bash-completion/completions/inceptive")]
pub struct Completions {
    /// Shell
    shell: Shell,
}

impl Completions {
    /// The shell's script.
    pub fn run(self) -> Outcome {
        let mut script = Vec::new();
        generate(self.shell, &mut Arguments::command(), "inceptive", &mut script);
        Outcome::new(String::from_utf8_lossy(&script).into_owned())
    }
}
