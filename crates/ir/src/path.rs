//! Stable names of nodes: their paths in the architecture.

use std::{fmt, sync::Arc};

/// The path of a node or a module, segments joined by `/`: `4a/3x3/reduce`.
///
/// Paths are built from the names in the YAML, so they stay the same when another part of the network changes; nodes,
/// measurements and weights are matched by path. A node's path may be a prefix of another's: a convolution is at
/// `4a/3x3/reduce`, its normalisation at `4a/3x3/reduce/bn`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Path(Arc<str>);

impl Path {
    /// Maximum number of segments of a node's path.
    pub const MAX_DEPTH: usize = 128;

    /// The path of the network itself, which has no segments.
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// A path from its text.
    pub fn new(text: &str) -> Self {
        Self(Arc::from(text))
    }

    /// The path of `name` inside `self`.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        if self.is_root() { Self::new(name) } else { Self(Arc::from(format!("{self}/{name}"))) }
    }

    /// Whether this is the path of the network itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The text, segments joined by `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, outermost first.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|segment| !segment.is_empty())
    }

    /// The last segment; empty for the root.
    pub fn name(&self) -> &str {
        self.segments().next_back().unwrap_or("")
    }

    /// Number of segments.
    pub fn depth(&self) -> usize {
        self.segments().count()
    }

    /// The first `depth` segments, or all of them when there are fewer.
    #[must_use]
    pub fn truncated(&self, depth: usize) -> Self {
        match self.0.match_indices('/').nth(depth.saturating_sub(1)) {
            _ if depth == 0 => Self::root(),
            Some((end, _)) => Self(Arc::from(&self.0[..end])),
            None => self.clone(),
        }
    }

    /// The path without its last segment; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        match self.0.rfind('/') {
            Some(end) => Some(Self(Arc::from(&self.0[..end]))),
            None if self.is_root() => None,
            None => Some(Self::root()),
        }
    }

    /// Whether `self` is `module` or lies inside of it.
    pub fn is_within(&self, module: &Self) -> bool {
        module.is_root()
            || self
                .0
                .strip_prefix(&*module.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Whether a character is invisible and therefore not allowed in a name: control characters, and those that Unicode
/// calls `Default_Ignorable_Code_Point`, such as direction marks, joiners and zero-width spaces.
pub fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{self}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_at_segments() {
        let path = Path::root().join("4a").join("3x3").join("reduce");
        assert_eq!(path.as_str(), "4a/3x3/reduce");
        assert_eq!(path.depth(), 3);
        assert_eq!(path.name(), "reduce");
        assert_eq!(path.truncated(2).as_str(), "4a/3x3");
        assert_eq!(path.truncated(0), Path::root());
        assert_eq!(path.truncated(9), path);
        assert_eq!(path.parent(), Some(Path::new("4a/3x3")));
        assert_eq!(Path::new("4a").parent(), Some(Path::root()));
        assert_eq!(Path::root().parent(), None);
    }

    #[test]
    fn a_module_holds_whole_segments_only() {
        let module = Path::new("4a/3x3");
        assert!(Path::new("4a/3x3").is_within(&module));
        assert!(Path::new("4a/3x3/reduce").is_within(&module));
        assert!(!Path::new("4a/3x3b").is_within(&module));
        assert!(Path::new("4a").is_within(&Path::root()));
    }
}
