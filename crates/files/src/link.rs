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
    let mut part = PathBuf::new();
    for component in path.components() {
        part.push(component);
        let may_be_strangers = path.is_relative() && matches!(component, Component::Normal(_));
        if (may_be_strangers || part == path)
            && fs::symlink_metadata(&part).is_ok_and(|about| about.is_symlink())
        {
            let reason = format!(
                "`{}` is a link to `{}`, and nothing is written through links: remove it, or name its target",
                part.display(),
                fs::read_link(&part)?.display()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
    }
    Ok(())
}
