//! The tabs of the window.

use serde::{Deserialize, Serialize};

/// Why something cannot be done in a browser.
pub(crate) const NEEDS_PROGRAM: &str = "needs the installed program";

/// A tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Pane {
    /// The network as a picture.
    Graph,
    /// Its text.
    Source,
    /// Its widths and choices, to be moved.
    Design,
    /// All networks as points.
    Tradeoff,
    /// Selected networks side by side.
    Compare,
    /// Measuring.
    Run,
    /// Training.
    Train,
    /// All networks of a space, and the best of them.
    Explore,
}

impl Pane {
    /// Every tab, from left to right.
    pub const ALL: [Self; 8] = [
        Self::Graph,
        Self::Source,
        Self::Design,
        Self::Tradeoff,
        Self::Compare,
        Self::Run,
        Self::Train,
        Self::Explore,
    ];

    /// Why it is not there in a browser; `None` if it is.
    pub const fn needs_program(self) -> Option<&'static str> {
        match self {
            Self::Graph | Self::Source | Self::Design | Self::Tradeoff | Self::Compare => None,
            Self::Run => Some("Measuring networks needs the installed program."),
            Self::Train => Some("Training networks needs the installed program."),
            Self::Explore => Some("Searching spaces needs the installed program."),
        }
    }

    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Graph => "Graph",
            Self::Source => "Source",
            Self::Design => "Design",
            Self::Tradeoff => "Trade-off",
            Self::Compare => "Compare",
            Self::Run => "Run",
            Self::Train => "Train",
            Self::Explore => "Explore",
        }
    }
}
