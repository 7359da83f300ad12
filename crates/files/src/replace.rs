//! Atomic writing of files, protected against overwriting inputs.
//!
//! Three rules hold for every output of this program:
//! - No input is replaced: see [`InputFiles`].
//! - Nothing is written through a link. A relative path may lead through an untrusted folder, so no part of it may be a
//!   link; of an absolute path, which the user or the system chose, only the last part is checked. `/dev/stdout` and the
//!   like may be written to.
//! - A file is written under a temporary name beside its target and renamed, so that a reader sees either the old or
//!   the new content. Temporary files of a killed run are removed by the next one.

#[cfg(unix)]
use std::os::unix::fs::FileTypeExt;
use std::{
    fs::{self, File, FileType, TryLockError},
    io,
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use tempfile::NamedTempFile;

use crate::{InputFiles, UNFINISHED, WriteError, disk::kind, inputs::refused, link::refuse_links};

/// Creates a folder and those around it.
pub fn create_folder(path: &Path) -> Result<(), WriteError> {
    let created = refuse_links(path).and_then(|()| fs::create_dir_all(path));
    created.map_err(|error| {
        let error = in_the_way(path).unwrap_or(error);
        WriteError { path: path.to_owned(), error }
    })
}

/// The file that is in the place of a folder, if there is one: the system's message only says that something exists.
fn in_the_way(folder: &Path) -> Option<io::Error> {
    let file = folder.ancestors().find(|path| path.exists()).filter(|path| !path.is_dir())?;
    let reason = format!("a file `{}` exists where a folder is needed", file.display());
    Some(io::Error::new(io::ErrorKind::NotADirectory, reason))
}

/// Folders of the system whose links refer to open files, such as `/dev/stdout`.
const OPEN_FILES: [&str; 3] = ["/dev", "/dev/fd", "/proc/self/fd"];

/// Replaces a file that is not one of `inputs` by what `write` writes, which need not be in memory as a whole: writes beside it,
/// syncs and renames. Devices such as `/dev/null`, and files that are already open, are written to directly.
///
/// # Errors
/// When the file cannot be written, is an input, a link, or neither a regular file nor such a device, and with the errors of
/// `write`; its content is then unchanged.
pub fn replace_file_with(
    path: &Path,
    inputs: &InputFiles,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), WriteError> {
    let replaced = match is_open_file(path) {
        true => File::create(path).and_then(|file| buffered(&file, write)),
        false => Part::write_with(path, inputs, write).and_then(Part::finish),
    };
    replaced.map_err(|error| WriteError { path: path.to_owned(), error })
}

/// Writes in pieces that are large enough.
fn buffered(file: &File, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffer = io::BufWriter::with_capacity(1 << 16, file);
    write(&mut buffer)?;
    buffer.flush()
}

/// Whether a path refers to a device that takes bytes, or to a file that is already open.
fn is_open_file(path: &Path) -> bool {
    let Ok(about) = fs::symlink_metadata(path) else { return false };
    let is_systems = || OPEN_FILES.iter().any(|folder| path.parent() == Some(Path::new(folder)));
    match about.is_symlink() {
        true => is_systems(),
        false => is_character_device(about.file_type()),
    }
}

#[cfg(unix)]
fn is_character_device(file: FileType) -> bool {
    file.is_char_device()
}

#[cfg(not(unix))]
const fn is_character_device(_: FileType) -> bool {
    false
}

/// Checks that what has a name, if anything, is a regular file. A pipe would wait for its reader, and another device may
/// be a whole disk.
fn expect_regular(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.is_dir() => {
            Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"))
        }
        Ok(about) if !about.is_file() => {
            let reason = format!("it is {}, not a regular file", kind(&about));
            Err(io::Error::new(io::ErrorKind::InvalidInput, reason))
        }
        _ => Ok(()),
    }
}

/// A temporary file beside its target, which it replaces when it is finished. It is locked until then.
struct Part {
    file: NamedTempFile,
    target: PathBuf,
}

impl Part {
    fn write(target: &Path, content: &[u8], inputs: &InputFiles) -> io::Result<Self> {
        Self::write_with(target, inputs, |file| file.write_all(content))
    }

    fn write_with(
        target: &Path,
        inputs: &InputFiles,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<Self> {
        inputs.allows(target)?;
        refuse_links(target)?;
        expect_regular(target)?;
        let folder = match target.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such folder"));
        }
        // A file is replaced by renaming, which a file that may not be written does not prevent.
        for (path, what) in [(target, "file"), (folder, "folder")] {
            if fs::metadata(path).is_ok_and(|about| about.permissions().readonly()) {
                return refused(format!("the {what} is read-only"));
            }
        }
        remove_stale(folder);
        let mut builder = tempfile::Builder::new();
        readable_by_all(&mut builder);
        let file = builder.prefix(PART_PREFIX).suffix(PART_SUFFIX).tempfile_in(folder)?;
        // Where files cannot be locked, nothing is removed either.
        let _ = file.as_file().try_lock();
        buffered(file.as_file(), write)?;
        file.as_file().sync_all()?;
        Ok(Self { file, target: target.to_owned() })
    }

    fn finish(self) -> io::Result<()> {
        self.file.persist(&self.target).map(drop).map_err(|error| error.error)
    }
}

/// How the names of files start and end that are being written.
const PART_PREFIX: &str = ".inceptive-";
const PART_SUFFIX: &str = ".part";

/// No file that is being written is so old and not locked yet.
const STALE: Duration = Duration::from_secs(60);

/// Removes the temporary files of killed runs in a folder: files with this program's temporary names that no program
/// has locked.
fn remove_stale(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(PART_PREFIX) && name.ends_with(PART_SUFFIX) && is_stale(&entry.path()) {
            // Another run may have removed it just now.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_stale(path: &Path) -> bool {
    let is_old = |about: &fs::Metadata| {
        let age =
            about.modified().ok().and_then(|time| SystemTime::now().duration_since(time).ok());
        age.is_some_and(|age| age > STALE)
    };
    fs::symlink_metadata(path).is_ok_and(|about| about.is_file() && is_old(&about))
        && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

/// How its content starts. The names of the files follow, one a line.
const UNFINISHED_TEXT: &str = "This report mixes files of two runs: the program ended while replacing them.\n\
                               Write the report again.\n";

/// The line before the names.
const UNFINISHED_FILES: &str = "Files of the two runs:\n";

/// Maximum number of bytes of such a note: more than the names of all figures take.
const MAX_NOTE_BYTES: u64 = 16 * crate::MIB;

/// The files of two runs that a folder mixes, because the program ended while it replaced them; `None` if it mixes none.
/// The note about it is recognised by its text, so that a file of the user that happens to have its name means nothing.
pub fn unfinished(folder: &Path) -> Option<Vec<String>> {
    let path = folder.join(UNFINISHED);
    let is_file = fs::symlink_metadata(&path).is_ok_and(|about| about.is_file());
    let note = crate::read_text(&path, MAX_NOTE_BYTES).ok().filter(|_| is_file)?;
    let names = note.strip_prefix(UNFINISHED_TEXT)?.strip_prefix(UNFINISHED_FILES);
    Some(names.unwrap_or_default().lines().map(str::to_owned).collect())
}

/// The note about a folder whose files are replaced by new ones or removed.
fn note_of(files: &[(String, String)], stale: &[PathBuf]) -> String {
    let new = files.iter().map(|(name, _)| name.clone());
    let old =
        stale.iter().filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let names: String = new.chain(old).map(|name| name + "\n").collect();
    [UNFINISHED_TEXT, UNFINISHED_FILES, &names].concat()
}

/// Replaces files of a folder, and removes those that `stale` names, which is asked when no other run writes there. The
/// folder is unchanged until all new files are written; while they are moved into place, a note in the folder says that
/// it mixes files of two runs. While another run moves its files, `wait` is asked again and again whether to go on waiting.
///
/// # Errors
/// When a file cannot be written or is one of `inputs`, or with the error of `stale`, or when `wait` ends it.
pub fn replace_all(
    folder: &Path,
    files: &[(String, String)],
    stale: impl FnOnce() -> Result<Vec<PathBuf>, WriteError>,
    inputs: &InputFiles,
    wait: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Vec<PathBuf>, WriteError> {
    create_folder(folder)?;
    let write = |name: &str, content: &str| {
        let path = folder.join(name);
        let part = Part::write(&path, content.as_bytes(), inputs);
        part.map_err(|error| WriteError { path, error })
    };
    let parts = files.iter().map(|(name, content)| write(name, content));
    let parts = parts.collect::<Result<Vec<Part>, WriteError>>()?;
    // Two runs that move their files into one folder at once would mix them.
    let _lock =
        lock(folder, wait).map_err(|error| WriteError { path: folder.to_owned(), error })?;
    let stale = stale()?;
    stale.iter().try_for_each(|path| inputs.check(path))?;
    finish_all(parts, &stale, write(UNFINISHED, &note_of(files, &stale))?)
}

/// Time between two attempts to lock a folder.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks a folder until the returned file is dropped; waits while another run has it. Where folders cannot be opened or
/// locked, as on some network drives, there is no lock.
fn lock(folder: &Path, wait: &mut dyn FnMut() -> ControlFlow<()>) -> io::Result<Option<File>> {
    let Ok(file) = File::open(folder) else { return Ok(None) };
    // A lock that blocks could not be interrupted.
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(file)),
            Err(TryLockError::Error(_)) => return Ok(None),
            Err(TryLockError::WouldBlock) if wait().is_break() => {
                let reason = "stopped while another run is writing this folder";
                return Err(io::Error::new(io::ErrorKind::Interrupted, reason));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
        }
    }
}

fn finish_all(
    parts: Vec<Part>,
    stale: &[PathBuf],
    unfinished: Part,
) -> Result<Vec<PathBuf>, WriteError> {
    let note = unfinished.target.clone();
    let done = |path: &Path, result: io::Result<()>| {
        result.map_err(|error| WriteError { path: path.to_owned(), error })
    };
    done(&note, unfinished.finish())?;
    let mut written = Vec::with_capacity(parts.len());
    for part in parts {
        let path = part.target.clone();
        done(&path, part.finish())?;
        written.push(path);
    }
    for path in stale {
        // Another run may have removed it just now.
        done(path, fs::remove_file(path).or_else(is_missing))?;
    }
    done(&note, fs::remove_file(&note))?;
    Ok(written)
}

fn is_missing(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// As an ordinary file, less what the user's mask takes away.
#[cfg(unix)]
fn readable_by_all(builder: &mut tempfile::Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o666));
}

#[cfg(not(unix))]
fn readable_by_all(_: &mut tempfile::Builder<'_, '_>) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replace_file;

    fn patient() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn none_stale() -> Result<Vec<PathBuf>, WriteError> {
        Ok(vec![])
    }

    fn replace(path: &Path, content: &[u8]) -> Result<(), String> {
        let replaced = replace_file(path, content, &InputFiles::default());
        replaced.map_err(|error| error.error.to_string())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> =
            entries.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(names(folder.path()), ["file"], "nothing is left behind");
    }

    #[test]
    fn what_may_not_be_written_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kept.txt");
        fs::write(&path, "kept").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(replace(&path, b"lost").unwrap_err(), "the file is read-only");
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }

    #[test]
    fn a_folder_in_the_way_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(replace(folder.path(), b"text").unwrap_err(), "it is a folder");
        assert!(replace(&folder.path().join("missing/file"), b"text").is_err());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_file_where_a_folder_is_to_be_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("report");
        fs::write(&file, "text").unwrap();
        for path in [file.clone(), file.join("inside")] {
            let error = create_folder(&path).unwrap_err();
            assert_eq!(error.path, path);
            let reason = format!("a file `{}` exists where a folder is needed", file.display());
            assert_eq!(error.error.to_string(), reason);
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "text");
    }

    #[test]
    fn what_was_read_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["net.yaml", "r.db", "other"] {
            fs::write(path(name), "kept").unwrap();
        }
        let mut inputs = InputFiles::of([path("net.yaml")]);
        inputs.add_store(&path("r.db"));
        fs::create_dir(path("inside")).unwrap();
        for name in
            ["net.yaml", "inside/../net.yaml", "r.db", "r.db-wal", "r.db-shm", "r.db-journal"]
        {
            let error = replace_file(&path(name), b"lost", &inputs).unwrap_err().error;
            assert!(error.to_string().starts_with("it is an input of this command"), "{name}");
        }
        replace_file(&path("other"), b"new", &inputs).unwrap();
        assert_eq!(fs::read_to_string(path("net.yaml")).unwrap(), "kept");
        assert_eq!(fs::read_to_string(path("r.db")).unwrap(), "kept");
        assert_eq!(names(folder.path()), ["inside", "net.yaml", "other", "r.db"]);
        // Nothing is written to a folder of inputs, not even a new file.
        fs::create_dir(path("beside")).unwrap();
        fs::write(path("inside/1.png"), "kept").unwrap();
        inputs.add_folder(&path("inside"));
        for name in ["inside/1.png", "inside/new", "beside/../inside/1.png"] {
            let error = replace_file(&path(name), b"lost", &inputs).unwrap_err().error.to_string();
            assert!(error.ends_with("are inputs of this command; choose another folder"), "{name}");
        }
        replace_file(&path("inside-too"), b"new", &inputs).unwrap();
        assert_eq!(fs::read_to_string(path("inside/1.png")).unwrap(), "kept");
        // Not under another name of its either.
        let all = [("net.yaml".to_owned(), String::new())];
        assert!(replace_all(folder.path(), &all, none_stale, &inputs, &mut patient).is_err());
        assert!(
            replace_all(folder.path(), &[], || Ok(vec![path("net.yaml")]), &inputs, &mut patient)
                .is_err()
        );
        assert_eq!(fs::read_to_string(path("net.yaml")).unwrap(), "kept");
        assert_eq!(unfinished(folder.path()), None);
    }

    /// Each run writes all files of one generation; whichever is last, the folder holds no mixture.
    #[test]
    fn runs_that_write_one_folder_at_once_are_not_mixed() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..20 {
            std::thread::scope(|scope| {
                for run in 0..4 {
                    let folder = folder.path();
                    scope.spawn(move || {
                        let content = format!("{round} {run}");
                        let files: Vec<(String, String)> =
                            (0..12).map(|at| (format!("f{at}"), content.clone())).collect();
                        replace_all(
                            folder,
                            &files,
                            none_stale,
                            &InputFiles::default(),
                            &mut patient,
                        )
                        .unwrap();
                    });
                }
            });
            let content = |at: usize| fs::read_to_string(folder.path().join(format!("f{at}")));
            let first = content(0).unwrap();
            assert!((1..12).all(|at| content(at).unwrap() == first), "round {round}");
            assert_eq!(unfinished(folder.path()), None);
        }
    }

    /// As while a run is suspended that moves its files.
    #[test]
    fn waiting_for_another_run_can_be_ended() {
        let folder = tempfile::tempdir().unwrap();
        let other = File::open(folder.path()).unwrap();
        other.lock().unwrap();
        let files = [("a".to_owned(), String::new())];
        let none = InputFiles::default();
        let mut asked = 0;
        let mut impatient = || {
            asked += 1;
            if asked < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let error = replace_all(folder.path(), &files, none_stale, &none, &mut impatient);
        let WriteError { path, error } = error.unwrap_err();
        assert_eq!(path, folder.path());
        assert_eq!(error.to_string(), "stopped while another run is writing this folder");
        assert!(names(folder.path()).is_empty());
        let mut other = Some(other);
        let mut until_free = || {
            other.take();
            ControlFlow::Continue(())
        };
        replace_all(folder.path(), &files, none_stale, &none, &mut until_free).unwrap();
        assert_eq!(names(folder.path()), ["a"]);
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("target"), b"kept").unwrap();
        fs::create_dir(path("home")).unwrap();
        symlink(path("target"), path("link")).unwrap();
        symlink(path("missing"), path("dangling")).unwrap();
        symlink(path("home"), path("report")).unwrap();
        for name in ["link", "dangling"] {
            let error = replace(&path(name), b"lost").unwrap_err();
            assert!(error.contains("is a link to"), "{name}: {error}");
        }
        let files = [("index.html".to_owned(), "text".to_owned())];
        let none = InputFiles::default();
        let error = replace_all(&path("report"), &files, none_stale, &none, &mut patient)
            .unwrap_err()
            .error
            .to_string();
        assert!(error.contains("is a link to"), "{error}");
        // A link in the folder keeps all of it as it was.
        symlink(path("target"), path("home/data.csv")).unwrap();
        let both = [("a.txt".to_owned(), String::new()), ("data.csv".to_owned(), String::new())];
        let error = replace_all(&path("home"), &both, none_stale, &none, &mut patient).unwrap_err();
        assert_eq!(error.path, path("home/data.csv"));
        assert_eq!(names(&path("home")), ["data.csv"]);
        assert_eq!(fs::read(path("target")).unwrap(), b"kept");
        assert!(!path("missing").exists());
        // Links above an absolute path are the system's or the user's.
        replace(&path("report/above"), b"text").unwrap();
        assert_eq!(fs::read(path("home/above")).unwrap(), b"text");
        replace(Path::new("/dev/null"), b"text").unwrap();
        assert!(fs::symlink_metadata("/dev/null").unwrap().file_type().is_char_device());
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_file_is_refused_at_once_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, expected) in [(&pipe, "a pipe"), (&socket, "a socket")] {
            let expected = format!("it is {expected}, not a regular file");
            assert_eq!(replace(path, b"text").unwrap_err(), expected);
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let files = [("a".to_owned(), "text".to_owned()), (name, "text".to_owned())];
            let error = replace_all(
                folder.path(),
                &files,
                none_stale,
                &InputFiles::default(),
                &mut patient,
            );
            assert_eq!(error.unwrap_err().error.to_string(), expected);
        }
        assert_eq!(names(folder.path()), ["pipe", "socket"]);
    }

    #[test]
    fn parts_of_killed_runs_are_removed_and_those_of_others_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let old = SystemTime::now() - 2 * STALE;
        let part = |name: &str, time: SystemTime| {
            let file = File::create(path(name)).unwrap();
            file.set_modified(time).unwrap();
            file
        };
        drop(part(".inceptive-killed.part", old));
        drop(part(".inceptive-new.part", SystemTime::now()));
        drop(part(".other.part", old));
        let held = part(".inceptive-held.part", old);
        held.lock().unwrap();
        replace(&path("file"), b"text").unwrap();
        let left = [".inceptive-held.part", ".inceptive-new.part", ".other.part", "file"];
        assert_eq!(names(folder.path()), left);
    }

    #[test]
    fn files_of_two_runs_are_marked_until_all_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let files = |content: &str| {
            ["a", "b", "c"].map(|name| (name.to_owned(), content.to_owned())).to_vec()
        };
        let none = InputFiles::default();
        fs::write(path("old.svg"), "").unwrap();
        let stale = [path("old.svg")];
        let written =
            replace_all(folder.path(), &files("one"), || Ok(stale.to_vec()), &none, &mut patient)
                .unwrap();
        assert_eq!(written, ["a", "b", "c"].map(path));
        assert_eq!(names(folder.path()), ["a", "b", "c"], "no note, and no stale file");
        // The run ends when one of three is replaced: something stands in the way of the second by now.
        let part =
            |name: &str, text: &str| Part::write(&path(name), text.as_bytes(), &none).unwrap();
        let note = part(UNFINISHED, &note_of(&files("two"), &[path("gone.svg")]));
        let parts = ["a", "b", "c"].map(|name| part(name, "two")).into();
        fs::remove_file(path("b")).unwrap();
        fs::create_dir(path("b")).unwrap();
        assert_eq!(finish_all(parts, &[], note).unwrap_err().path, path("b"));
        assert_eq!(unfinished(folder.path()).unwrap(), ["a", "b", "c", "gone.svg"]);
        fs::remove_dir(path("b")).unwrap();
        replace_all(folder.path(), &files("three"), none_stale, &none, &mut patient).unwrap();
        assert_eq!(unfinished(folder.path()), None);
        assert_eq!(fs::read_to_string(path("c")).unwrap(), "three");
    }

    #[test]
    fn a_note_is_recognised_by_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join(UNFINISHED);
        for (text, names) in [
            ("", None),
            ("My novel is unfinished.\n", None),
            (UNFINISHED_TEXT, Some(vec![])),
            (&note_of(&[("a".to_owned(), String::new())], &[]), Some(vec!["a".to_owned()])),
        ] {
            fs::write(&note, text).unwrap();
            assert_eq!(unfinished(folder.path()), names, "{text}");
        }
    }
}
