//! Links that would redirect an output to another place.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

/// Refuses a path that leads through an untrusted link: any part of a relative path, which may lead through an
/// untrusted repository, and the last part of an absolute one, whose folders the user or the system chose.
///
/// # Errors
/// When a part is such a link; the message names the link and its target.
pub fn refuse_links(path: &Path) -> io::Result<()> {
    let Some(link) = untrusted_link(path) else { return Ok(()) };
    let reason = format!(
        "`{}` is a link to `{}`, and nothing is written through links: remove it, or name its target",
        link.display(),
        fs::read_link(&link)?.display()
    );
    Err(io::Error::new(io::ErrorKind::PermissionDenied, reason))
}

/// Whether a path leads through an untrusted link, as [`refuse_links`] defines it, to a regular file outside of the working
/// folder, or of the file's folder if the path is absolute. Somebody may have made the link to publish a file of the user.
pub fn leads_out(path: &Path) -> bool {
    let base = match path.parent() {
        Some(parent) if path.is_absolute() => parent,
        _ => Path::new("."),
    };
    let is_inside = || Some(fs::canonicalize(path).ok()?.starts_with(fs::canonicalize(base).ok()?));
    fs::metadata(path).is_ok_and(|about| about.is_file())
        && untrusted_link(path).is_some()
        && is_inside() != Some(true)
}

/// The first untrusted link of a path, as [`refuse_links`] defines it.
pub fn untrusted_link(path: &Path) -> Option<PathBuf> {
    let mut part = PathBuf::new();
    path.components().find_map(|component| {
        part.push(component);
        let may_be_strangers = path.is_relative() && matches!(component, Component::Normal(_));
        let is_link = || fs::symlink_metadata(&part).is_ok_and(|about| about.is_symlink());
        ((may_be_strangers || part == path) && is_link()).then(|| part.clone())
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_links_to_other_folders_lead_out() {
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = |name: &str| folder.path().join(name);
        for file in [path("file"), other.path().join("file")] {
            fs::write(file, "").unwrap();
        }
        symlink(path("file"), path("inside")).unwrap();
        symlink(other.path().join("file"), path("outside")).unwrap();
        symlink(other.path().join("missing"), path("broken")).unwrap();
        for (name, leads) in
            [("file", false), ("inside", false), ("outside", true), ("broken", false)]
        {
            assert_eq!(leads_out(&path(name)), leads, "{name}");
        }
        assert!(!leads_out(Path::new("Cargo.toml")));
    }
}
