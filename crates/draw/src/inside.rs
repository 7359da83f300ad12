//! One module, laid out with dagre at the origin.

use std::collections::{BTreeSet, HashSet};

use dagre::{
    EdgeLabel, LayoutOptions, NodeLabel,
    graph::{Graph, GraphOptions},
};

use super::{
    geometry::Point,
    piece::{End, Piece},
    view::{Child, View},
};
use crate::text::{bold_width_px, clean, shortened};

/// Room inside a frame, in pixels; the top holds the module's name.
pub(super) const PADDING: f64 = 14.0;
const HEADER: f64 = 26.0;

/// Room between things, in pixels.
pub(super) const BETWEEN_COLUMNS: f64 = 22.0;
const BETWEEN_ROWS: f64 = 26.0;

/// A module that was laid out, at the origin. Where networks are drawn from left to right, it lies on its side until the
/// complete picture is turned.
#[derive(Clone, Debug, Default)]
pub(super) struct Inside {
    pub width: f64,
    pub height: f64,
    /// Centres of the children, in their order.
    pub children: Vec<Point>,
    /// Horizontal places of the ports, by the block whose result passes.
    pub entries: Vec<(usize, f64)>,
    pub exits: Vec<(usize, f64)>,
    pub lines: Vec<(Piece, Vec<Point>)>,
}

/// Width and height of a block or an inner module.
pub(super) fn size(child: Child, sizes: &[(f64, f64)], insides: &[Inside]) -> (f64, f64) {
    match child {
        Child::Block(block) => sizes[block],
        Child::Module(module) => (insides[module].width, insides[module].height),
    }
}

fn key(end: End) -> String {
    match end {
        End::Child(Child::Block(block)) => format!("b{block}"),
        End::Child(Child::Module(module)) => format!("m{module}"),
        End::Entry(source) => format!("in{source}"),
        End::Exit(source) => format!("out{source}"),
    }
}

/// Lays out one module whose inner modules are laid out already.
pub(super) fn inside(
    view: &View,
    module: usize,
    sizes: &[(f64, f64)],
    insides: &[Inside],
    pieces: &[Piece],
    lies: bool,
) -> Inside {
    let children = &view.modules[module].children;
    let ports: BTreeSet<End> = pieces
        .iter()
        .flat_map(|piece| [piece.from, piece.to])
        .filter(|end| !matches!(end, End::Child(_)))
        .collect();
    let mut graph = Graph::<NodeLabel, EdgeLabel>::with_options(GraphOptions {
        directed: true,
        multigraph: true,
        compound: false,
    });
    for &child in children {
        let (width, height) = size(child, sizes, insides);
        graph.set_node(
            key(End::Child(child)),
            Some(NodeLabel { width, height, ..NodeLabel::default() }),
        );
    }
    for &port in &ports {
        let label = NodeLabel { width: 1.0, height: 1.0, ..NodeLabel::default() };
        graph.set_node(key(port), Some(label));
    }
    for piece in pieces {
        let name = piece.source.to_string();
        graph.set_edge(key(piece.from), key(piece.to), Some(EdgeLabel::default()), Some(&name));
    }
    push_ports_outward(&mut graph, children, &ports, pieces);
    let options = LayoutOptions {
        nodesep: BETWEEN_COLUMNS,
        ranksep: BETWEEN_ROWS,
        tie_keep_first: true,
        ..LayoutOptions::default()
    };
    dagre::layout(&mut graph, Some(options));
    let margins = Margins::new(view, module, &ports, lies);
    let mut inside = read(view, module, &graph, &ports, pieces, (sizes, insides), margins);
    if view.modules[module].parent.is_some() {
        make_room_for_name(&mut inside, bold_width_px(&shown_name(view, module), 12.0), lies);
    }
    inside
}

/// Room between a frame and its content, where lines come from, and at a side.
#[derive(Clone, Copy)]
struct Margins {
    before: f64,
    beside: f64,
}

impl Margins {
    fn new(view: &View, module: usize, ports: &BTreeSet<End>, lies: bool) -> Self {
        let is_root = view.modules[module].parent.is_none();
        let has_entries = ports.iter().any(|port| matches!(port, End::Entry(_)));
        let (before, beside) = match (is_root, lies, has_entries) {
            (true, ..) => (PADDING, PADDING),
            // The name is at a side.
            (false, true, true) => (1.0, HEADER),
            (false, true, false) => (PADDING, HEADER),
            // The row of ports is at the height of the name.
            (false, false, true) => (HEADER - BETWEEN_ROWS / 2.0, PADDING),
            (false, false, false) => (HEADER, PADDING),
        };
        Self { before, beside }
    }
}

/// Adds edges that are not drawn, so that nodes without inputs in this module are below all entries, and nodes without
/// readers in it above all exits.
fn push_ports_outward(
    graph: &mut Graph<NodeLabel, EdgeLabel>,
    children: &[Child],
    ports: &BTreeSet<End>,
    pieces: &[Piece],
) {
    let faint = || EdgeLabel { weight: 0, ..EdgeLabel::default() };
    let ends: HashSet<(End, End)> = pieces.iter().map(|piece| (piece.from, piece.to)).collect();
    let within = ends
        .iter()
        .filter(|(from, to)| matches!(from, End::Child(_)) && matches!(to, End::Child(_)));
    let (are_read, read): (HashSet<End>, HashSet<End>) = within.copied().unzip();
    for &child in children {
        let own = End::Child(child);
        for &port in ports {
            let (from, to) = match port {
                End::Entry(_) if !read.contains(&own) => (port, own),
                End::Exit(_) if !are_read.contains(&own) => (own, port),
                End::Entry(_) | End::Exit(_) | End::Child(_) => continue,
            };
            if !ends.contains(&(from, to)) {
                graph.set_edge(key(from), key(to), Some(faint()), Some("order"));
            }
        }
    }
}

/// Takes the places out of a graph that dagre laid out.
fn read(
    view: &View,
    module: usize,
    graph: &Graph<NodeLabel, EdgeLabel>,
    ports: &BTreeSet<End>,
    pieces: &[Piece],
    (sizes, insides): (&[(f64, f64)], &[Inside]),
    Margins { before, beside }: Margins,
) -> Inside {
    let center = |end: End| {
        let label = graph.node(&key(end));
        let (x, y) =
            label.map_or((0.0, 0.0), |label| (label.x.unwrap_or(0.0), label.y.unwrap_or(0.0)));
        Point { x: x + beside, y: y + before }
    };
    let children: Vec<Point> =
        view.modules[module].children.iter().map(|&child| center(End::Child(child))).collect();
    let mut inside = Inside { children, ..Inside::default() };
    for (&child, at) in view.modules[module].children.iter().zip(&inside.children) {
        let (width, height) = size(child, sizes, insides);
        inside.width = inside.width.max(at.x + width / 2.0 + PADDING);
        inside.height = inside.height.max(at.y + height / 2.0 + PADDING);
    }
    for &port in ports {
        let at = center(port);
        inside.width = inside.width.max(at.x + PADDING);
        match port {
            End::Entry(source) => inside.entries.push((source, at.x)),
            End::Exit(source) => inside.exits.push((source, at.x)),
            End::Child(_) => {}
        }
    }
    let mut drawn: Vec<&Piece> = pieces.iter().collect();
    drawn.sort_unstable();
    for piece in drawn {
        let name = piece.source.to_string();
        let edge = graph.edge(&key(piece.from), &key(piece.to), Some(&name));
        let points = edge.map_or(&[][..], |edge| &edge.points);
        let points: Vec<Point> =
            points.iter().map(|p| Point { x: p.x + beside, y: p.y + before }).collect();
        inside.width = points.iter().fold(inside.width, |width, p| width.max(p.x + PADDING));
        inside.lines.push((*piece, points));
    }
    inside
}

/// Widens a frame so that its name, in the upper left corner, ends before the first line that enters; the content stays
/// in the middle. If it lies on its side, no line enters there.
fn make_room_for_name(inside: &mut Inside, name_width: f64, lies: bool) {
    let name_end = name_width + 2.0 * PADDING;
    if lies {
        inside.height = inside.height.max(name_end);
        return;
    }
    let first_line = inside.entries.iter().fold(f64::INFINITY, |least, &(_, x)| least.min(x));
    let shift = (name_end - first_line).max((name_end - inside.width) / 2.0).max(0.0);
    inside.width += 2.0 * shift;
    inside.children.iter_mut().for_each(|at| at.x += shift);
    inside.entries.iter_mut().chain(&mut inside.exits).for_each(|(_, x)| *x += shift);
    inside.lines.iter_mut().flat_map(|(_, points)| points).for_each(|p| p.x += shift);
}

/// A module's name as its frame shows it.
pub(super) fn shown_name(view: &View, module: usize) -> String {
    shortened(&clean(&view.module_name(module)), 12.0, 240.0).into_owned()
}
