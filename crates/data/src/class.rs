//! Which folders are classes of a folder of images.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Whether `folder` is a class or inside a class of the data set in the folder `list`, or would be once it is created. Also true
/// if it would create `list` itself.
pub(crate) fn is_in_class(folder: &Path, list: &Path) -> bool {
    let place = true_path(folder);
    let Ok(inside) = place.strip_prefix(true_path(list)) else { return false };
    match inside.iter().next() {
        Some(name) => !is_hidden(&name.to_string_lossy()),
        None => !list.exists(),
    }
}

/// The absolute path of a folder; links are resolved in the part of it that exists.
fn true_path(folder: &Path) -> PathBuf {
    let places = folder.ancestors().map(|it| if it == Path::new("") { Path::new(".") } else { it });
    let found = places.zip(folder.ancestors()).find_map(|(place, part)| {
        let rest = folder.strip_prefix(part).ok()?;
        Some(fs::canonicalize(place).ok()?.join(rest))
    });
    found.unwrap_or_else(|| folder.to_owned())
}

/// Whether a name is that of a hidden file or folder, which is never read.
pub(crate) fn is_hidden(name: &str) -> bool {
    name.starts_with('.')
}
