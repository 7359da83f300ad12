//! The disk. In a browser, which has none, it is files in memory with the same names.

use std::path::Path;

pub use std::{
    env::current_dir,
    fs::{
        File, Metadata, canonicalize, hard_link, metadata, read_dir, remove_file, rename,
        symlink_metadata,
    },
    path::absolute,
};

/// Whether there is something at a path.
pub fn exists(path: &Path) -> bool {
    path.exists()
}

/// Whether a path is that of a regular file.
pub fn is_file(path: &Path) -> bool {
    path.is_file()
}

/// Whether a path is that of a folder.
pub fn is_dir(path: &Path) -> bool {
    path.is_dir()
}

/// Opens a file for reading, without waiting for the writer of a pipe.
pub(crate) fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        libc::O_NONBLOCK | libc::O_NOCTTY,
    );
    options.open(path)
}

/// The kind of a file that is not regular, in words.
#[cfg(unix)]
pub(crate) fn kind(about: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    let file = about.file_type();
    if file.is_fifo() {
        "a pipe"
    } else if file.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
pub(crate) fn kind(_: &Metadata) -> &'static str {
    "something else"
}
