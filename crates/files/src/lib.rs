//! Reads regular files of limited size, and no others; writes files; finds programs.
//!
//! A device never ends, a pipe waits for its writer, and a file of terabytes fills the memory. All parts of the program
//! open files with this crate, so that none of them can hang or run out of memory. It does not interpret the content of
//! files.

#![forbid(unsafe_code)]

#[cfg(all(test, not(target_family = "wasm")))]
#[path = "browser/disk.rs"]
mod browser_disk;
#[cfg_attr(target_family = "wasm", path = "browser/disk.rs")]
pub mod disk;
mod inputs;
mod link;
#[cfg_attr(target_family = "wasm", path = "browser/lock.rs")]
mod lock;
pub mod program;
mod ranges;
mod rename;
#[cfg_attr(target_family = "wasm", path = "browser/replace.rs")]
mod replace;
mod share;

pub use inputs::{InputFiles, WriteError};
pub use link::{leads_out, refuse_links, untrusted_link};
pub use lock::{lock_file, lock_machine};
pub use ranges::RangeFile;
pub use rename::rename_file;
pub use replace::{create_folder, replace_all, replace_file_with, unfinished};
pub use share::Share;

use std::{
    fmt,
    io::{self, Read},
    path::Path,
};

use disk::{File, Metadata};

/// Present in a folder while its files are replaced. If the program is killed during that, it stays.
pub const UNFINISHED: &str = "UNFINISHED.txt";

/// Bytes of 2^20.
pub const MIB: u64 = 1 << 20;

/// Bytes of 2^30.
pub const GIB: u64 = 1 << 30;

/// Why a file is refused although the system can open it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is a folder.
    #[error("it is a folder")]
    Folder,
    /// It is a pipe, a device or a socket.
    #[error("it is {0}, not a regular file; save its content to a file and use that one")]
    NotRegular(&'static str),
    /// It is larger than the limit.
    #[error("it is larger than the limit of {}", Size(*limit))]
    TooLarge {
        /// Maximum number of bytes that are read.
        limit: u64,
    },
}

impl Refusal {
    /// Why a file was refused; `None` if the system refused it.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).copied()
    }
}

impl From<Refusal> for io::Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::Folder => io::ErrorKind::IsADirectory,
            Refusal::NotRegular(_) => io::ErrorKind::InvalidInput,
            Refusal::TooLarge { .. } => io::ErrorKind::FileTooLarge,
        };
        Self::new(kind, refusal)
    }
}

/// A size for messages: in GiB if it is a whole number of them, else in MiB or bytes.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= GIB && bytes % GIB == 0 => write!(f, "{} GiB", bytes / GIB),
            bytes if bytes >= MIB => write!(f, "{} MiB", bytes / MIB),
            bytes => write!(f, "{bytes} bytes"),
        }
    }
}

/// Replaces a file by a content, as [`replace_file_with`] does.
///
/// # Errors
/// As there.
pub fn replace_file(path: &Path, content: &[u8], inputs: &InputFiles) -> Result<(), WriteError> {
    replace_file_with(path, inputs, |file| file.write_all(content))
}

/// Opens a regular file of at most `limit` bytes for reading. It never blocks, neither on a pipe nor on a device.
///
/// # Errors
/// When the system cannot open it, or with a [`Refusal`].
pub fn open(path: &Path, limit: u64) -> io::Result<File> {
    open_regular(path, limit).map_err(plain)
}

/// An error of the system without its number, where it is a usual one.
fn plain(error: io::Error) -> io::Error {
    match error.kind() {
        kind @ io::ErrorKind::NotFound => io::Error::new(kind, "there is no such file"),
        kind @ io::ErrorKind::PermissionDenied => io::Error::new(kind, "permission denied"),
        _ => error,
    }
}

fn open_regular(path: &Path, limit: u64) -> io::Result<File> {
    // Before it is opened, as opening alone has effects on some devices.
    check(&disk::metadata(path)?, limit)?;
    // By now the name may be that of another file: a pipe is opened without waiting, and detected.
    let file = disk::open(path)?;
    check(&file.metadata()?, limit)?;
    Ok(file)
}

/// Reads a regular file of at most `limit` bytes.
///
/// # Errors
/// When the system cannot read it, or with a [`Refusal`].
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path, limit)?;
    let expected = usize::try_from(file.metadata()?.len()).unwrap_or_default();
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(expected).map_err(|_| io::ErrorKind::OutOfMemory)?;
    // A file may grow while it is read, and files such as those in /proc report no size.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(Refusal::TooLarge { limit }.into());
    }
    Ok(bytes)
}

/// Reads a regular file of at most `limit` bytes as text.
///
/// # Errors
/// When the system cannot read it, with a [`Refusal`], or when it is not UTF-8.
pub fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    let text = String::from_utf8(read(path, limit)?);
    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

fn check(metadata: &Metadata, limit: u64) -> Result<(), Refusal> {
    if metadata.is_dir() {
        Err(Refusal::Folder)
    } else if !metadata.is_file() {
        Err(Refusal::NotRegular(disk::kind(metadata)))
    } else if metadata.len() > limit {
        Err(Refusal::TooLarge { limit })
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;

    use super::*;

    fn refusal(result: io::Result<Vec<u8>>) -> Refusal {
        Refusal::of(&result.unwrap_err()).unwrap()
    }

    #[test]
    fn regular_files_are_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "text").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"text");
        assert_eq!(read_text(&path, 4).unwrap(), "text");
        assert_eq!(refusal(read(&path, 3)), Refusal::TooLarge { limit: 3 });
        assert!(
            read(&folder.path().join("none"), 4).unwrap_err().kind() == io::ErrorKind::NotFound
        );
        fs::write(&path, [0xFF]).unwrap();
        assert_eq!(read_text(&path, 4).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn limits_are_named_in_plain_units() {
        for (limit, text) in [(3, "3 bytes"), (2 * MIB, "2 MiB"), (4 * GIB, "4 GiB")] {
            let message = Refusal::TooLarge { limit }.to_string();
            assert_eq!(message, format!("it is larger than the limit of {text}"));
        }
    }

    /// A file of 1 TiB that takes no room on the disk is refused before anything is read.
    #[test]
    fn sparse_files_are_refused_by_their_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sparse");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert_eq!(refusal(read(&path, GIB)), Refusal::TooLarge { limit: GIB });
    }

    #[test]
    #[cfg(unix)]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(refusal(read(folder.path(), 4)), Refusal::Folder);
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert_eq!(refusal(read(&pipe, 4)), Refusal::NotRegular("a pipe"));
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert_eq!(refusal(read(&socket, 4)), Refusal::NotRegular("a socket"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for device in [Path::new("/dev/zero"), &link] {
            assert_eq!(refusal(read(device, 4)), Refusal::NotRegular("a device"));
        }
    }

    /// Files of the system say that they are empty.
    #[test]
    #[cfg(target_os = "linux")]
    fn files_that_do_not_tell_their_size_are_limited_too() {
        let cpus = Path::new("/proc/cpuinfo");
        assert!(!read(cpus, 64 * MIB).unwrap().is_empty());
        assert_eq!(refusal(read(cpus, 4)), Refusal::TooLarge { limit: 4 });
    }
}
