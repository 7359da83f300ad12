//! How a network is arranged.

use super::{repeat::Repeats, view::Open};

/// Where a network leads to on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// From top to bottom.
    #[default]
    Down,
    /// From left to right.
    Right,
    /// From top to bottom, in columns from left to right, so that all of it has the shape of a window.
    Columns {
        /// Width of the window, in any unit; at least 1.
        width: u32,
        /// Its height, in the same unit; at least 1.
        height: u32,
    },
}

/// What of a network is drawn, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrangement {
    /// Which modules are open.
    pub open: Open,
    /// Which repeated modules are drawn once.
    pub repeats: Repeats,
    /// The direction.
    pub flow: Flow,
}

impl Arrangement {
    /// From top to bottom, with every repetition.
    pub const fn plain(open: Open) -> Self {
        Self { open, repeats: Repeats::Each, flow: Flow::Down }
    }
}
