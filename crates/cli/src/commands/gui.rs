//! `inceptive gui`.

use std::{
    env, io,
    path::PathBuf,
    process::{Command, ExitStatus},
};

use anyhow::{Context, bail};
use clap::Args;
use inceptive_files::program;

use crate::output::Outcome;

/// The dashboard's program, a separate one because it needs desktop libraries.
const PROGRAM: &str = "inceptive-gui";

/// Open the dashboard.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive gui
  inceptive gui my-networks/
  inceptive gui architectures/googlenet.yaml
  inceptive gui --store reports/family/results.db",
    after_help = "The dashboard is a separate program, `inceptive-gui`, searched for next to this one and on the PATH.
`cargo install --path gui` installs it; `cargo run --release -p inceptive-gui` runs it from source."
)]
pub struct Gui {
    /// Folder of networks, or a file; default: architectures/
    path: Option<PathBuf>,
    /// Store of results; default: inceptive.db
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

impl Gui {
    /// Runs the dashboard until it is closed.
    ///
    /// # Errors
    /// When it is not installed or ends with an error.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let Some(command) = Self::beside().or_else(|| program::command(PROGRAM)) else {
            bail!(
                "`{PROGRAM}` was not found next to this program or in an absolute folder of the PATH: install it with \
                 `cargo install --path gui`"
            );
        };
        let status =
            self.start(command).with_context(|| format!("`{PROGRAM}` cannot be started"))?;
        match status.code() {
            Some(0) => Ok(Outcome::default()),
            // It has said why.
            Some(1) => Ok(Outcome { text: String::new(), failed: true }),
            _ => bail!("the dashboard failed: {status}"),
        }
    }

    /// The dashboard in the folder of this program.
    fn beside() -> Option<Command> {
        let own = env::current_exe().ok()?;
        let beside = own.with_file_name(format!("{PROGRAM}{}", env::consts::EXE_SUFFIX));
        beside.is_file().then(|| program::command_at(&beside))
    }

    fn start(&self, mut command: Command) -> io::Result<ExitStatus> {
        if let Some(store) = &self.store {
            command.arg("--store").arg(store);
        }
        command.args(&self.path).status()
    }
}
