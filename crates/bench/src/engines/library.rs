//! Finding the shared libraries of engines.
//!
//! A library runs code as soon as it is loaded, so none is taken from the working folder, which may be a stranger's,
//! unless the user names it.

use std::{
    env, fs,
    io::{self, Read},
    panic::{self, AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf, absolute},
    process::Command,
    time::Duration,
};

use inceptive_files::program;

/// The library to search for.
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
    /// The displayed name of the engine.
    pub title: &'static str,
    /// Functions that the library has to have.
    pub functions: &'static [&'static str],
}

/// Asks Python where packages are, without importing them. `-I` leaves out the working folder and with it the user's
/// own packages, which `pip install` falls back to; they are added here.
const SEARCH_PATH: &str = "import site, sys
own = [] if sys.prefix != sys.base_prefix else [site.getusersitepackages()]
print('\\n'.join(own + sys.path))";

/// The folder in which the interpreter is started: it has no untrusted files.
const NEUTRAL_FOLDER: &str = "/";

/// Maximum number of bytes of a library.
const MAX_BYTES: u64 = 1 << 30;

impl Wanted {
    /// The absolute path of the library: the file that the user names, else the one that the environment variable
    /// names, else one in an installed Python package. The file has all functions that are called.
    ///
    /// # Errors
    /// When there is no library, or the file is something else; the message says what to do.
    pub fn find(&self, named: Option<&Path>) -> Result<PathBuf, String> {
        let path = match (named, env::var_os(self.variable)) {
            (Some(path), _) => absolute(path).map_err(|error| error.to_string())?,
            (None, Some(path)) => self.environment_path(PathBuf::from(path))?,
            (None, None) => self.in_python().ok_or_else(|| self.remedy())?,
        };
        if !path.is_file() {
            return Err(format!("there is no file `{}`", path.display()));
        }
        self.check(&path)?;
        Ok(path)
    }

    fn environment_path(&self, path: PathBuf) -> Result<PathBuf, String> {
        match path.is_absolute() {
            true => Ok(path),
            false => Err(format!(
                "{} is `{}`, which depends on the working folder: name the library by its absolute path",
                self.variable,
                path.display()
            )),
        }
    }

    fn remedy(&self) -> String {
        format!(
            "install it with `python3 -m pip install {}`, or set {} to the path of {}*.so",
            self.package, self.variable, self.stem
        )
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

    /// Checks that a file contains the names of all functions that are called. The bindings load any library, and panic
    /// if a function is missing.
    fn check(&self, path: &Path) -> Result<(), String> {
        let shown = path.display();
        let bytes = read(path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
        match self.functions.iter().find(|function| !holds(&bytes, function)) {
            None => Ok(()),
            Some(function) => Err(format!(
                "`{shown}` is not an {} library: it has no function `{function}`",
                self.title
            )),
        }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    if file.metadata()?.len() > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 GiB"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file contains the name of a function in its string table, where each entry ends with a zero byte.
fn holds(bytes: &[u8], function: &str) -> bool {
    let name = [function.as_bytes(), b"\0"].concat();
    bytes.windows(name.len()).any(|found| found == name)
}

/// Loads a library that has the functions; where the binding panics nevertheless, that is an error, too.
///
/// # Errors
/// When it cannot be loaded.
pub fn load<T>(path: &Path, load: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    // What the library is not goes into the error; the panic of its loader would only repeat it.
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let loaded = catch_unwind(AssertUnwindSafe(load));
    panic::set_hook(hook);
    loaded.unwrap_or_else(|_| Err(format!("`{}` cannot be loaded on this machine", path.display())))
}

/// The folders where Python looks for packages: of an active virtual environment and of the system's Python. None of
/// them is relative or the working folder.
fn search_path() -> Vec<PathBuf> {
    let environment = env::var_os("VIRTUAL_ENV").map(PathBuf::from).filter(|it| it.is_absolute());
    let interpreters = [
        environment.map(|folder| program::command_at(&folder.join("bin/python"))),
        program::command("python3"),
        program::command("python"),
    ];
    let answers: Vec<String> = interpreters.into_iter().flatten().filter_map(ask).collect();
    let working_folder = env::current_dir().and_then(fs::canonicalize).ok();
    let folders = answers.iter().flat_map(|answer| answer.lines()).map(PathBuf::from);
    folders.filter(|folder| is_elsewhere(folder, working_folder.as_deref())).collect()
}

/// Bytes that are read of what an interpreter says.
const MAX_ANSWER: u64 = inceptive_files::MIB;

/// An interpreter that does not answer for so long is left out.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// Asks an interpreter for the folders of its packages.
fn ask(mut interpreter: Command) -> Option<String> {
    interpreter.args(["-I", "-c", SEARCH_PATH]).current_dir(NEUTRAL_FOLDER);
    let answer = program::answer(&mut interpreter, MAX_ANSWER, MAX_WAIT).ok()?;
    String::from_utf8(answer.bytes).ok()
}

/// Whether a folder is named absolutely, and is not the working folder.
fn is_elsewhere(folder: &Path, working_folder: Option<&Path>) -> bool {
    folder.is_absolute()
        && fs::canonicalize(folder).is_ok_and(|folder| Some(&*folder) != working_folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WANTED: Wanted = Wanted {
        variable: "INCEPTIVE_TEST_LIBRARY",
        package: "inceptive_test_package",
        folder: "libs",
        stem: "libtest",
        title: "the test",
        functions: &["test_first", "test_second"],
    };

    #[test]
    fn the_working_folder_holds_no_packages() {
        let here = env::current_dir().and_then(fs::canonicalize).unwrap();
        for folder in ["", ".", "src", "../exec"] {
            assert!(!is_elsewhere(Path::new(folder), Some(&here)), "{folder}");
        }
        assert!(!is_elsewhere(&here, Some(&here)));
        assert!(!is_elsewhere(&here.join("src/.."), Some(&here)));
        assert!(is_elsewhere(Path::new("/"), Some(&here)));
        assert!(!search_path().contains(&here));
        assert!(search_path().iter().all(|folder| folder.is_absolute()));
    }

    #[test]
    fn the_environment_names_libraries_absolutely() {
        let error = WANTED.environment_path("libtest.so".into()).unwrap_err();
        assert!(error.contains("by its absolute path"), "{error}");
        assert!(WANTED.environment_path("/usr/lib/libtest.so".into()).is_ok());
    }

    #[test]
    fn what_has_other_functions_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("libtest.so");
        let missing = WANTED.find(Some(&file)).unwrap_err();
        assert!(missing.contains("there is no file"), "{missing}");
        for (content, function) in [
            (&b"text"[..], "test_first"),
            (b"test_first test_second", "test_first"),
            (b"\0test_first\0test_secondly\0", "test_second"),
        ] {
            fs::write(&file, content).unwrap();
            let error = WANTED.find(Some(&file)).unwrap_err();
            assert!(error.ends_with(&format!("no function `{function}`")), "{error}");
        }
        fs::write(&file, b"\0test_first\0test_second\0").unwrap();
        assert_eq!(WANTED.find(Some(&file)), Ok(file));
    }

    #[test]
    fn a_panic_while_loading_is_an_error() {
        let loaded: Result<(), String> = load(Path::new("/lib.so"), || {
            let none: Option<()> = None;
            none.ok_or("").map_err(str::to_owned).unwrap();
            Ok(())
        });
        assert_eq!(loaded, Err("`/lib.so` cannot be loaded on this machine".to_owned()));
    }
}
