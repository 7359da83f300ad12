//! Starts other programs without running files of the working folder.
//!
//! A relative entry of `PATH` is looked up in the working folder, which may be an untrusted repository. Only absolute
//! entries are searched, and only they are passed on to the programs.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::{self, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// The answer of a program.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its output, up to the limit.
    pub bytes: Vec<u8>,
    /// Whether there was more.
    pub is_cut_off: bool,
    /// Whether it succeeded; also true if its output was cut off at the limit.
    pub is_success: bool,
}

/// Runs a program for at most `deadline`, and reads at most `limit` bytes of its output. It gets no input, and what it
/// writes to its standard error is not shown.
///
/// # Errors
/// When it cannot be started or read, or does not answer in time; it is ended then.
pub fn answer(command: &mut Command, limit: u64, deadline: Duration) -> io::Result<Answer> {
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let out = child.stdout.take();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read =
            out.map_or(Ok(0), |out| out.take(limit.saturating_add(1)).read_to_end(&mut bytes));
        // The result is not awaited after the deadline.
        let _ = sender.send((bytes, read));
    });
    let Ok((mut bytes, read)) = receiver.recv_timeout(deadline) else {
        // It may have ended already.
        let _ = child.kill();
        child.wait()?;
        let message = format!("it did not answer within {:.0} s", deadline.as_secs_f64());
        return Err(io::Error::new(io::ErrorKind::TimedOut, message));
    };
    let is_cut_off = bytes.len() as u64 > limit;
    if is_cut_off || read.is_err() {
        // It may have ended already.
        let _ = child.kill();
    }
    let status = child.wait()?;
    read?;
    bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Answer { bytes, is_cut_off, is_success: is_cut_off || status.success() })
}

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
    fn a_program_that_does_not_answer_is_ended() {
        let start = std::time::Instant::now();
        let sleeping = answer(Command::new("sleep").arg("60"), 10, Duration::from_millis(200));
        assert_eq!(sleeping.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() < Duration::from_secs(30));
        let all = answer(Command::new("echo").arg("hello"), 6, Duration::from_secs(30)).unwrap();
        assert_eq!((all.bytes.as_slice(), all.is_cut_off), (b"hello\n".as_slice(), false));
        let part = answer(Command::new("echo").arg("hello"), 2, Duration::from_secs(30)).unwrap();
        assert!(part.bytes == b"he" && part.is_cut_off && part.is_success);
    }

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
