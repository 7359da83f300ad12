//! Two networks and how they differ, found once for each pair.

use std::{collections::HashMap, sync::Arc};

use egui::Color32;
use inceptive_app::Inspected;
use inceptive_cost::{Change, Diff, Mode, diff};
use inceptive_ir::Path;

use super::Compared;
use crate::{file::FilePath, theme::Palette};

/// How something differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    /// Only in the first.
    Removed,
    /// Only in the other.
    Added,
    /// In both, differently.
    Changed,
}

impl Mark {
    pub const ALL: [Self; 3] = [Self::Removed, Self::Added, Self::Changed];

    /// The mark of a change.
    pub const fn of<T>(change: &Change<T>) -> Self {
        match change {
            Change::Removed(_) => Self::Removed,
            Change::Added(_) => Self::Added,
            Change::Changed(..) => Self::Changed,
        }
    }

    /// As a diff marks lines: the colour is never the only carrier.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Removed => "−",
            Self::Added => "+",
            Self::Changed => "~",
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::Added => "added",
            Self::Changed => "changed",
        }
    }

    pub const fn color(self, palette: &Palette) -> Color32 {
        match self {
            Self::Removed => palette.error,
            Self::Added => palette.good,
            Self::Changed => palette.accent,
        }
    }
}

/// One of the two.
pub(super) struct Side {
    pub file: FilePath,
    pub name: String,
    pub network: Arc<Inspected>,
}

impl Side {
    fn new(compared: &Compared<'_>) -> Self {
        Self {
            file: Arc::clone(&compared.file),
            name: compared.name.clone(),
            network: Arc::clone(compared.network),
        }
    }

    fn is(&self, compared: &Compared<'_>) -> bool {
        self.file == compared.file
            && self.name == compared.name
            && Arc::ptr_eq(&self.network, compared.network)
    }

    /// The text of the file itself; `None` for ONNX.
    pub fn written(&self) -> Option<&str> {
        self.network.sources.iter().next().map(|source| &*source.text)
    }
}

/// Two networks and how they differ.
pub(super) struct Pair {
    pub before: Side,
    pub after: Side,
    /// As deployed.
    pub diff: Diff,
    /// Marks of the nodes that differ themselves, parts for training included.
    pub marks: HashMap<Path, Mark>,
}

impl Pair {
    pub fn new(before: &Compared<'_>, after: &Compared<'_>) -> Self {
        let graphs = [before, after].map(|compared| &compared.network.architecture.graph);
        let differs = |mode| diff(graphs[0], graphs[1], mode, 1);
        let marks = differs(Mode::Training).nodes.into_iter().filter(|it| !it.is_consequence());
        Self {
            before: Side::new(before),
            after: Side::new(after),
            diff: differs(Mode::Inference),
            marks: marks.map(|node| (node.path, Mark::of(&node.change))).collect(),
        }
    }

    pub fn is_of(&self, before: &Compared<'_>, after: &Compared<'_>) -> bool {
        self.before.is(before) && self.after.is(after)
    }

    /// A sentence that says that the two are the same, if they are.
    pub fn verdict(&self) -> Option<&'static str> {
        match (self.diff.same_structure, self.diff.nodes.is_empty()) {
            (true, true) => Some("As deployed, both are the same."),
            (true, false) => Some("As deployed, both are the same except for node names."),
            (false, _) => None,
        }
    }
}
