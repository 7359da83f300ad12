//! Files by their paths.

use std::{path::Path, sync::Arc};

/// A file by the path that it was found under.
pub type FilePath = Arc<Path>;

/// A file's name without folder and extension, as networks are called where their names are not known.
pub fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
