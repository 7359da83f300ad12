//! Finding a Python that has PyTorch.

use std::{
    env,
    path::{Path, PathBuf, absolute},
    process::Stdio,
};

use inceptive_files::program;

use super::error::WorkerError;

/// Ends with 0 where PyTorch is installed; importing it would take seconds. `-I` leaves out the user's own packages, which
/// `pip install` falls back to; they are added here.
const HAS_PYTORCH: &str = "import importlib.util, site, sys
sys.path += [] if sys.prefix != sys.base_prefix else [site.getusersitepackages()]
sys.exit(importlib.util.find_spec('torch') is None)";

/// The folder in which interpreters are started: it has no untrusted files.
pub(super) const NEUTRAL_FOLDER: &str = "/";

/// The interpreter that the user names, or else the first one that has PyTorch: of an active virtual environment, or in an
/// absolute entry of `PATH`.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, WorkerError> {
    let Some(named) = named else {
        let missing = || WorkerError::Missing(REMEDY.to_owned());
        return candidates().into_iter().find(|program| has_pytorch(program)).ok_or_else(missing);
    };
    let path = absolute(named);
    let path = path.map_err(|error| WorkerError::Start { program: named.to_owned(), error })?;
    match path.is_file() {
        true => Ok(path),
        false => Err(WorkerError::Missing(format!("there is no file `{}`", path.display()))),
    }
}

pub(super) const REMEDY: &str =
    "install it with `python3 -m pip install torch`, or set --python to a Python that has it";

fn candidates() -> Vec<PathBuf> {
    let environment = env::var_os("VIRTUAL_ENV").map(PathBuf::from).filter(|it| it.is_absolute());
    let found = [
        environment.map(|folder| folder.join("bin/python")),
        program::find("python3"),
        program::find("python"),
    ];
    found.into_iter().flatten().filter(|program| program.is_file()).collect()
}

fn has_pytorch(interpreter: &Path) -> bool {
    let mut command = program::command_at(interpreter);
    command.args(["-I", "-c", HAS_PYTORCH]).current_dir(NEUTRAL_FOLDER);
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
