//! Limits on the work of a layout.
//!
//! dagre walks along the network recursively, so a deep module needs a deep stack; and it cuts a line into a piece for
//! each row that it passes, so many long lines take minutes; and so does a wide row, since the time grows with the square
//! of its width.

use std::collections::{HashMap, HashSet};

use inceptive_ir::Path;

use super::{
    piece::{End, Piece},
    view::{Child, View},
};

/// What may be in a picture, in things and in rows that lines pass.
pub(super) const MOST_BLOCKS: usize = 20_000;
pub(super) const MOST_PASSES: usize = 60_000;

/// The most for the squares of the widths of all rows, added up: as much as one row of this width.
const MOST_SQUARES: usize = MOST_IN_A_ROW * MOST_IN_A_ROW;
const MOST_IN_A_ROW: usize = 1500;

/// Bytes of stack for each of them, several times what dagre takes, and for everything else.
const STACK_EACH: usize = 8 << 10;
const STACK_BASE: usize = 16 << 20;

/// The most of them in one module that dagre walks along in a browser: the stack of a page has a megabyte, which nobody can
/// change, and twice as many would need all of it.
const MOST_IN_A_PAGE: usize = 2_500;

/// The work for a module, or for several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Room {
    /// Steps and modules.
    blocks: usize,
    /// Rows that lines pass, added up.
    passes: usize,
    /// The most steps, modules and lines in one row.
    widest: usize,
    /// The squares of the widths of all rows, added up.
    squares: usize,
}

impl Room {
    /// Things and rows together.
    const fn all(self) -> usize {
        self.blocks + self.passes
    }

    fn and(self, other: Self) -> Self {
        Self {
            blocks: self.blocks + other.blocks,
            passes: self.passes.saturating_add(other.passes),
            widest: self.widest.max(other.widest),
            squares: self.squares.saturating_add(other.squares),
        }
    }

    /// Checks that it takes no minutes.
    fn check(self, module: &Path) -> Result<(), DrawError> {
        let Self { blocks, passes, widest: _, squares } = self;
        match blocks > MOST_BLOCKS || passes > MOST_PASSES || squares > MOST_SQUARES {
            true => Err(self.too_large(module)),
            false => Ok(()),
        }
    }

    fn too_large(self, module: &Path) -> DrawError {
        let Self { blocks, passes, widest, squares: _ } = self;
        DrawError::TooMany { module: module.clone(), blocks, passes, widest }
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
        let path = &view.modules[module].path;
        room.check(path)?;
        if cfg!(target_family = "wasm") && room.all() > MOST_IN_A_PAGE {
            return Err(room.too_large(path));
        }
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
        "{} is too large to draw: {blocks} boxes, lines that cross {passes} rows, and up to {widest} boxes and lines in one row; collapse modules or show fewer levels",
        if module.is_root() { "the network".to_owned() } else { format!("`{module}`") }
    )]
    TooMany {
        /// The module.
        module: Path,
        /// Steps and modules right inside.
        blocks: usize,
        /// Rows that lines inside pass, added up.
        passes: usize,
        /// The most boxes and lines in one row.
        widest: usize,
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
    let spans: Vec<(usize, usize)> = pieces
        .iter()
        .map(|piece| (row(piece.from), row(piece.to)))
        .map(|(from, to)| (from.min(to), from.max(to)))
        .collect();
    let passes: usize = spans.iter().map(|(first, last)| (last - first).max(1)).sum();
    let passes = passes.saturating_add(lines_outward(children, pieces));
    let mut ends: HashSet<End> = children.iter().map(|&child| End::Child(child)).collect();
    ends.extend(pieces.iter().flat_map(|piece| [piece.from, piece.to]));
    let widths = widths(ends.into_iter().map(row), &spans, last);
    let squares = widths.iter().fold(0, |sum: usize, width| sum.saturating_add(width * width));
    let widest = widths.into_iter().max().unwrap_or(0);
    Room { blocks: children.len(), passes, widest, squares }
}

/// How much is in each row up to the last: ends of lines, and lines that pass.
fn widths(ends: impl Iterator<Item = usize>, spans: &[(usize, usize)], last: usize) -> Vec<usize> {
    let mut widths = vec![0; last + 1];
    ends.for_each(|row| widths[row] += 1);
    // Lines that begin to pass at a row, and those that no longer do.
    let (mut begin, mut end) = (vec![0; last + 1], vec![0; last + 1]);
    for &(from, to) in spans.iter().filter(|(from, to)| to - from > 1) {
        begin[from + 1] += 1;
        end[to] += 1;
    }
    let mut passing = 0;
    for (row, width) in widths.iter_mut().enumerate() {
        passing = passing + begin[row] - end[row];
        *width += passing;
    }
    widths
}
