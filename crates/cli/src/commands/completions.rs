//! `inceptive completions`.

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use crate::{Arguments, output::Outcome};

/// Print completions for a shell.
#[derive(Args, Debug)]
#[command(after_help = "Example:
  inceptive completions bash > ~/.local/share/bash-completion/completions/inceptive")]
pub struct Completions {
    /// The shell
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
