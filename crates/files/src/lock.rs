//! Files that are locked against other programs.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::Path,
};

use crate::{Share, check, link::refuse_links};

/// Opens a regular file for reading and writing, creates it if it does not exist, and locks it until it is closed. `None`
/// if another program has locked it. On file systems without locks, it is opened without one.
///
/// # Errors
/// When the system cannot open it, it is a link, or with a [`crate::Refusal`].
pub fn lock_file(path: &Path) -> io::Result<Option<File>> {
    loop {
        refuse_links(path)?;
        if let Ok(about) = fs::symlink_metadata(path) {
            check(&about, u64::MAX)?;
        }
        let mut options = File::options();
        options.read(true).write(true).create(true).truncate(false);
        // By now the name may be that of a pipe: it is opened without waiting, and detected.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW,
        );
        let file = options.open(path)?;
        check(&file.metadata()?, u64::MAX)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Ok(None);
        }
        if has_name(&file, path)? {
            return Ok(Some(file));
        }
    }
}

/// Locks a file that all users of a machine share and that is never removed, until it is closed. `None` while others hold it
/// in a way that does not allow it. A file of another user is locked too.
///
/// # Errors
/// When the system cannot open it, it is a link, or with a [`crate::Refusal`].
pub fn lock_machine(path: &Path, share: Share) -> io::Result<Option<File>> {
    refuse_links(path)?;
    let open = |writes: bool| {
        let mut options = File::options();
        options.read(true).write(writes).create(writes).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::custom_flags(
            &mut options,
            libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW,
        );
        options.open(path)
    };
    let file = match open(true) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => open(false)?,
        other => other?,
    };
    check(&file.metadata()?, u64::MAX)?;
    let locked = match share {
        Share::Alone => file.try_lock(),
        Share::Together => file.try_lock_shared(),
    };
    match locked {
        Err(TryLockError::WouldBlock) => Ok(None),
        // Where there are no locks, it is opened without one.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

/// Whether the path still names the file: the program that held the lock may have removed the file, and another program may
/// have created a new one.
#[cfg(unix)]
fn has_name(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata()?, fs::symlink_metadata(path));
    Ok(named.is_ok_and(|named| (named.dev(), named.ino()) == (open.dev(), open.ino())))
}

/// Always true: an open file cannot be removed.
#[cfg(not(unix))]
fn has_name(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::Refusal;

    #[test]
    fn a_file_is_locked_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = lock_file(&path).unwrap().unwrap();
        assert!(lock_file(&path).unwrap().is_none());
        drop(first);
        assert!(lock_file(&path).unwrap().is_some());
    }

    #[test]
    fn many_share_a_machine_or_one_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let lock = |share| lock_machine(&path, share).unwrap();
        let together = [lock(Share::Together).unwrap(), lock(Share::Together).unwrap()];
        assert!(lock(Share::Alone).is_none());
        drop(together);
        let alone = lock(Share::Alone).unwrap();
        assert!(lock(Share::Together).is_none() && lock(Share::Alone).is_none());
        drop(alone);
        assert!(lock(Share::Together).is_some());
    }

    /// Many threads lock, remove and release the file; no two of them hold the lock at once.
    #[test]
    fn a_file_that_was_removed_is_no_lock() {
        use std::sync::atomic::{AtomicUsize, Ordering};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let inside = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut own = 0;
                    while own < 250 {
                        let Some(file) = lock_file(&path).unwrap() else {
                            std::thread::yield_now();
                            continue;
                        };
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        fs::remove_file(&path).unwrap();
                        drop(file);
                        own += 1;
                    }
                });
            }
        });
    }

    #[test]
    #[cfg(unix)]
    fn pipes_folders_and_links_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let pipe = std::process::Command::new("mkfifo").arg(at("pipe")).status().unwrap();
        assert!(pipe.success());
        fs::create_dir(at("folder")).unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at("link")).unwrap();
        let refusal = |name: &str| Refusal::of(&lock_file(&at(name)).unwrap_err());
        assert_eq!(refusal("pipe"), Some(Refusal::NotRegular("a pipe")));
        assert_eq!(refusal("folder"), Some(Refusal::Folder));
        assert!(lock_file(&at("link")).is_err() && !at("elsewhere").exists());
    }
}
