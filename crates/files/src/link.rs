//! Links that lead what is written to another place.

use std::{
    fs, io,
    path::{Component, Path, PathBuf},
};

/// Refuses a path that leads through a link which a stranger may have made: any part of a relative path, which may lead
/// through a repository of somebody else, and the last part of an absolute one, which a person or a system chose.
///
/// # Errors
/// When a part is such a link; the message names it and what it leads to.
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
