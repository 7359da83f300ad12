//! Drawings that are simplified, with a note, if they are too large.

use std::fmt;

use inceptive_ir::{Graph, Path};

use super::{
    room::{MOST_BLOCKS, MOST_PASSES},
    view::{Open, View},
};

/// A drawing as text, with a note if it was simplified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The drawing.
    pub text: String,
    /// Why it shows less than was asked for; `None` if it does not.
    pub simplified: Option<Simplified>,
}

/// A drawing with modules closed because it would be too large otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Simplified {
    /// Boxes that it would have.
    pub blocks: usize,
    /// Lines that it would have.
    pub lines: usize,
    /// Path segments down to which modules are open.
    pub depth: usize,
}

impl fmt::Display for Simplified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, lines, depth } = self;
        write!(f, "the drawing is simplified: {blocks} boxes and {lines} lines are too many; ")?;
        match depth {
            0 => f.write_str("the network is one box"),
            depth => write!(f, "modules are closed as with --depth {depth}"),
        }
    }
}

impl Simplified {
    /// The deepest view of a network that fits, when `view` does not.
    fn new(graph: &Graph, view: &View, fits: &dyn Fn(&View) -> bool) -> Self {
        let (mut depth, mut above) = (0, Path::MAX_DEPTH);
        while depth < above {
            let middle = (depth + above).div_ceil(2);
            match fits(&View::new(graph, &Open::Above(middle))) {
                true => depth = middle,
                false => above = middle - 1,
            }
        }
        Self { blocks: view.blocks.len(), lines: view.edges.len(), depth }
    }
}

/// The view of a network, or where it does not fit, the deepest one that does. `fits` grows worse with depth.
pub(super) fn fitting(
    graph: &Graph,
    open: &Open,
    fits: &dyn Fn(&View) -> bool,
) -> (View, Option<Simplified>) {
    let view = View::new(graph, open);
    if fits(&view) {
        return (view, None);
    }
    let simplified = Simplified::new(graph, &view, fits);
    (View::new(graph, &Open::Above(simplified.depth)), Some(simplified))
}

/// Whether a view is small enough for programs that lay graphs out themselves.
pub(super) fn fits_text(view: &View) -> bool {
    view.blocks.len() <= MOST_BLOCKS && view.edges.len() <= MOST_PASSES
}
