//! Starts other programs without running files of the working folder.
//!
//! A relative entry of `PATH` is looked up in the working folder, which may be an untrusted repository. Only absolute
//! entries are searched, and only they are passed on to the programs.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::Command,
};

/// The command to start a program from an absolute entry of `PATH`; `None` if it is not there. The working folder is
/// that of this program.
pub fn command(name: &str) -> Option<Command> {
    find(name).map(|program| command_at(&program))
}

/// The path of a program in an absolute entry of `PATH`; `None` if it is not there.
pub fn find(name: &str) -> Option<PathBuf> {
    find_in(name, &env::var_os("PATH").unwrap_or_default())
}

/// The command to start a program whose absolute path is known.
pub fn command_at(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", absolute_entries(&env::var_os("PATH").unwrap_or_default()));
    command
}

/// The entries of a search path that are looked up in the working folder.
pub fn relative_entries() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).filter(|folder| !folder.is_absolute()).collect()
}

fn find_in(name: &str, path: &OsStr) -> Option<PathBuf> {
    let name = format!("{name}{}", env::consts::EXE_SUFFIX);
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(&name)).find(|program| is_program(program))
}

/// The absolute entries of a search path.
fn absolute_entries(path: &OsStr) -> OsString {
    let folders = env::split_paths(path).filter(|folder| folder.is_absolute());
    // They were split at the separator, so none holds it.
    env::join_paths(folders).unwrap_or_default()
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const EXECUTE: u32 = 0o111;
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & EXECUTE != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn relative_entries_are_neither_searched_nor_passed_on() {
        let folder = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
        for (folder, mode) in [(&first, 0o644), (&second, 0o755)] {
            fs::create_dir(folder).unwrap();
            let program = folder.join("tool");
            fs::write(&program, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(mode)).unwrap();
        }
        let path =
            env::join_paths([Path::new("."), Path::new(""), Path::new("bin"), &first, &second]);
        let path = path.unwrap();
        assert_eq!(
            find_in("tool", &path),
            Some(second.join("tool")),
            "what cannot run is no program"
        );
        assert_eq!(find_in("none", &path), None);
        assert_eq!(absolute_entries(&path), env::join_paths([&first, &second]).unwrap());
        // Tests run in the folder of their crate: this file is found through a relative entry only.
        assert!(Path::new("src/lib.rs").is_file());
        assert_eq!(find_in("lib.rs", OsStr::new("src:.:")), None);
    }
}
