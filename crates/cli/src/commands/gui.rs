//! `inceptive gui`.

use std::{
    env, io,
    path::PathBuf,
    process::{Command, ExitStatus},
};

use anyhow::{Context, bail};
use clap::Args;
use inceptive_bench::program;

use crate::output::Outcome;

/// The program of the dashboard, which is not a part of this one: it needs libraries of the desktop.
const PROGRAM: &str = "inceptive-gui";

/// Open the dashboard.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  inceptive gui
  inceptive gui my-networks/
  inceptive gui architectures/googlenet.yaml
  inceptive gui --store reports/family/results.db

The dashboard is a program of its own, `inceptive-gui`, which is looked for beside this one and on the
PATH. `cargo install --path gui` installs it; `cargo run --release -p inceptive-gui` runs it from the
sources.")]
pub struct Gui {
    /// A folder of networks, or a file; architectures/ without it
    path: Option<PathBuf>,
    /// The store of results; inceptive.db without it
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
                "`{PROGRAM}` is neither beside this program nor in an absolute folder of the PATH: install it with \
                 `cargo install --path gui`"
            );
        };
        let status =
            self.start(command).with_context(|| format!("`{PROGRAM}` cannot be started"))?;
        match status.success() {
            true => Ok(Outcome::default()),
            false => bail!("the dashboard ended with {status}"),
        }
    }

    /// The program beside this one.
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
