//! Locks, which a browser has none of: nothing here is shared with other programs.

use std::{fs::File, io, path::Path};

use crate::Share;

/// Never a file: what needs locks writes to a disk.
///
/// # Errors
/// Always.
pub fn lock_file(_: &Path) -> io::Result<Option<File>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Never a file: what needs locks writes to a disk.
///
/// # Errors
/// Always.
pub fn lock_machine(_: &Path, _: Share) -> io::Result<Option<File>> {
    Err(io::ErrorKind::Unsupported.into())
}
