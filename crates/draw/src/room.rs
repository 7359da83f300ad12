//! Limits on the work of a layout.
//!
//! dagre walks along the network recursively, so a deep module needs a deep stack; and it cuts a line into a piece for
//! each row that it passes, so many long lines take minutes.

use std::collections::{HashMap, HashSet};

use inceptive_ir::Path;

use super::{
    piece::{End, Piece},
    view::{Child, View},
};

/// What may be in a picture, in things and in rows that lines pass.
pub(super) const MOST_BLOCKS: usize = 20_000;
pub(super) const MOST_PASSES: usize = 60_000;

/// Bytes of stack for each of them, several times what dagre takes, and for everything else.
const STACK_EACH: usize = 8 << 10;
const STACK_BASE: usize = 16 << 20;

/// The work for a module, or for several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    /// Steps and modules.
    blocks: usize,
    /// Rows that lines pass, added up.
    passes: usize,
}

impl Room {
    /// Things and rows together.
    const fn all(self) -> usize {
        self.blocks + self.passes
    }

    const fn and(self, other: Self) -> Self {
        Self { blocks: self.blocks + other.blocks, passes: self.passes + other.passes }
    }

    /// Checks that it takes no minutes.
    fn check(self, module: &Path) -> Result<(), DrawError> {
        let Self { blocks, passes } = self;
        match blocks > MOST_BLOCKS || passes > MOST_PASSES {
            true => Err(DrawError::TooMany { module: module.clone(), blocks, passes }),
            false => Ok(()),
        }
    }
}

/// The stack for the module that takes most.
///
/// # Errors
/// When one module takes minutes, or all of them together do.
pub(super) fn stack(view: &View, pieces: &[Vec<Piece>]) -> Result<usize, DrawError> {
    let (mut most, mut total) = (0, Room::default());
    for (module, pieces) in pieces.iter().enumerate() {
        let room = room(view, module, pieces);
        room.check(&view.modules[module].path)?;
        total = total.and(room);
        total.check(&Path::root())?;
        most = most.max(room.all());
    }
    Ok(STACK_BASE + most * STACK_EACH)
}

/// A network could not be laid out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DrawError {
    /// A module, or the network, is too large to lay out.
    #[error(
        "{} is too large to draw: {blocks} boxes, and lines that cross {passes} rows; collapse modules or show fewer levels",
        if module.is_root() { "the network".to_owned() } else { format!("`{module}`") }
    )]
    TooMany {
        /// The module.
        module: Path,
        /// Steps and modules right inside.
        blocks: usize,
        /// Rows that lines inside pass, added up.
        passes: usize,
    },
    /// The system cannot start a thread with a stack of this size.
    #[error("not enough memory for the layout of the network: {0}")]
    NoThread(String),
    /// It was stopped.
    #[error("stopped")]
    Stopped,
    /// The layout ended in a mistake of its own.
    #[error("the layout failed")]
    Failed,
}

/// How many lines that are not drawn keep the ports of a module at its borders.
fn lines_outward(children: &[Child], pieces: &[Piece]) -> usize {
    let mut entries = HashSet::new();
    let mut exits = HashSet::new();
    let mut read = HashSet::new();
    let mut are_read = HashSet::new();
    for piece in pieces {
        match (piece.from, piece.to) {
            (End::Child(from), End::Child(to)) => {
                are_read.insert(from);
                read.insert(to);
            }
            (from, to) => {
                entries.extend(Some(from).filter(|end| matches!(end, End::Entry(_))));
                exits.extend(Some(to).filter(|end| matches!(end, End::Exit(_))));
            }
        }
    }
    let below = (children.len() - read.len()).saturating_mul(entries.len());
    below.saturating_add((children.len() - are_read.len()).saturating_mul(exits.len()))
}

/// The work of dagre for a module.
fn room(view: &View, module: usize, pieces: &[Piece]) -> Room {
    let children = &view.modules[module].children;
    let mut readers: HashMap<Child, Vec<Child>> = HashMap::new();
    for piece in pieces {
        if let (End::Child(from), End::Child(to)) = (piece.from, piece.to) {
            readers.entry(from).or_default().push(to);
        }
    }
    // Children are in execution order, so that a row is known before it is read.
    let mut rows: HashMap<Child, usize> = HashMap::new();
    for child in children {
        let below = rows.get(child).copied().unwrap_or(0) + 1;
        for &reader in readers.get(child).into_iter().flatten() {
            let row = rows.entry(reader).or_insert(0);
            *row = below.max(*row);
        }
    }
    let last = rows.values().copied().max().unwrap_or(0) + 1;
    let row = |end: End| match end {
        End::Child(child) => rows.get(&child).copied().unwrap_or(0),
        End::Entry(_) => 0,
        End::Exit(_) => last,
    };
    let passes: usize =
        pieces.iter().map(|piece| row(piece.to).abs_diff(row(piece.from)).max(1)).sum();
    let passes = passes.saturating_add(lines_outward(children, pieces));
    Room { blocks: children.len(), passes }
}
