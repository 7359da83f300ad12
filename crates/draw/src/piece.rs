//! Lines, cut where they cross the frames of modules.

use std::collections::BTreeSet;

use super::view::{Child, View};

/// One end of a line inside a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum End {
    Child(Child),
    /// Where the result of a block enters the module.
    Entry(usize),
    /// Where the result of a block leaves the module.
    Exit(usize),
}

/// A line inside a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    pub module: usize,
    pub from: End,
    pub to: End,
    pub source: usize,
}

/// The pieces of every module, in the order of its children: a child has the same place whether it is open or closed, so
/// that branches keep their order.
pub(super) fn pieces_of_modules(view: &View) -> Vec<Vec<Piece>> {
    let mut own: Vec<Vec<Piece>> = vec![Vec::new(); view.modules.len()];
    for piece in pieces(view) {
        own[piece.module].push(piece);
    }
    let mut places = vec![0; view.blocks.len()];
    for module in &view.modules {
        for (place, child) in module.children.iter().enumerate() {
            if let Child::Block(block) = child {
                places[*block] = place;
            }
        }
    }
    let place = |end: End| match end {
        End::Entry(source) => (0, source),
        End::Child(Child::Block(block)) => (1, places[block]),
        End::Child(Child::Module(module)) => (1, view.modules[module].place),
        End::Exit(source) => (2, source),
    };
    for pieces in &mut own {
        pieces.sort_by_key(|piece| (place(piece.from), place(piece.to), piece.source));
    }
    own
}

/// Cuts every edge where it crosses a frame.
fn pieces(view: &View) -> BTreeSet<Piece> {
    let mut pieces = BTreeSet::new();
    for &(source, target) in &view.edges {
        let (up, down) = (view.modules_around(source), view.modules_around(target));
        let shared = up.iter().zip(&down).take_while(|(a, b)| a == b).count();
        // The child of the module at a level that holds the block.
        let child = |around: &[usize], level: usize, block: usize| match around.get(level + 1) {
            Some(&module) => End::Child(Child::Module(module)),
            None => End::Child(Child::Block(block)),
        };
        for level in shared..up.len() {
            let from = child(&up, level, source);
            pieces.insert(Piece { module: up[level], from, to: End::Exit(source), source });
        }
        let level = shared - 1;
        let (from, to) = (child(&up, level, source), child(&down, level, target));
        pieces.insert(Piece { module: up[level], from, to, source });
        for level in shared..down.len() {
            let to = child(&down, level, target);
            pieces.insert(Piece { module: down[level], from: End::Entry(source), to, source });
        }
    }
    pieces
}
