//! `inceptive explain`.

use std::fmt::Write;

use clap::Args;
use inceptive_dsl::Code;

use crate::output::Outcome;

/// Explain a diagnostic, or list all of them.
#[derive(Args, Debug)]
#[command(before_help = "Examples:
  inceptive explain E502
  inceptive explain")]
pub struct Explain {
    /// Code of a diagnostic; omit it to list all codes
    code: Option<Code>,
}

impl Explain {
    /// The explanation.
    pub fn run(self) -> Outcome {
        Outcome::new(match self.code {
            Some(code) => format!("{code}: {}\n\n{}\n", code.title(), code.explanation()),
            None => list(),
        })
    }
}

fn list() -> String {
    let mut text = String::new();
    for code in Code::ALL {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{code}  {}", code.title());
    }
    text
}
