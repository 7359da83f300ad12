//! Finding the shared libraries of engines.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// An environment variable that names the file.
    pub variable: &'static str,
    /// The Python package that holds it.
    pub package: &'static str,
    /// The folder inside of the package.
    pub folder: &'static str,
    /// How the file's name starts; a version may follow.
    pub stem: &'static str,
}

/// Asks Python where packages are, without importing them.
const SEARCH_PATH: &str = "import sys; print('\\n'.join(sys.path))";

impl Wanted {
    /// The library: the file that the user names, else what the environment names, else in an installed
    /// Python package.
    ///
    /// # Errors
    /// When there is none, with what to do about it.
    pub fn find(&self, named: Option<&Path>) -> Result<PathBuf, String> {
        let from_environment = || env::var_os(self.variable).map(PathBuf::from);
        match named.map(Path::to_owned).or_else(from_environment) {
            Some(path) if path.is_file() => Ok(path),
            Some(path) => Err(format!("there is no file `{}`", path.display())),
            None => self.in_python().ok_or_else(|| {
                format!(
                    "install it with `python3 -m pip install {}`, or name {}*.so with {}",
                    self.package, self.stem, self.variable
                )
            }),
        }
    }

    fn in_python(&self) -> Option<PathBuf> {
        let mut found: Vec<PathBuf> = search_path()
            .into_iter()
            .filter_map(|folder| fs::read_dir(folder.join(self.package).join(self.folder)).ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
            .filter(|path| self.matches(path))
            .collect();
        found.sort();
        found.pop()
    }

    fn matches(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let rest = name.strip_prefix(self.stem);
        let extensions = [".so", ".dylib", ".dll"];
        rest.is_some_and(|rest| extensions.iter().any(|extension| rest.starts_with(extension)))
    }
}

/// The folders where Python looks for packages: of an active virtual environment and of the system's Python.
fn search_path() -> Vec<PathBuf> {
    let interpreters = [
        env::var_os("VIRTUAL_ENV").map(|folder| PathBuf::from(folder).join("bin/python")),
        Some(PathBuf::from("python3")),
        Some(PathBuf::from("python")),
    ];
    let ask = |interpreter: PathBuf| {
        let output = Command::new(interpreter)
            .args(["-c", SEARCH_PATH])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()
            .ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let answers: Vec<String> = interpreters.into_iter().flatten().filter_map(ask).collect();
    answers.iter().flat_map(|answer| answer.lines()).map(PathBuf::from).collect()
}
