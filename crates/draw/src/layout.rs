//! The layout of blocks, frames and lines.
//!
//! Each open module is laid out separately with dagre (Gansner et al. 1993, *A Technique for Drawing Directed Graphs*),
//! inner ones first; a module is then one box in the module around it. So a frame contains only its own blocks, and the
//! time for large networks is the sum of the times for their modules. The inputs of a module enter its frame at the
//! top, at one port for each producer; its outputs leave at the bottom. From left to right, everything is laid out with
//! right and down exchanged, and turned at the end.

use std::{io::ErrorKind, thread};

use super::{
    columns::insides,
    flow::Flow,
    geometry::{Point, Rect},
    inside::{Inside, size},
    piece::{End, Piece, pieces_of_modules},
    room::{DrawError, stack},
    view::{Child, View},
};

/// Half the height that a line falls on its way across between two rows, in pixels.
const ACROSS: f64 = 6.0;

/// A line from a producer to a consumer, or a part of it from or to a port in a frame.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// At least two.
    pub points: Vec<Point>,
    /// Whether it ends at a block.
    pub has_arrow: bool,
    /// The block whose result it carries.
    pub source: usize,
    /// Whether it is in, or leads to, an auxiliary head.
    pub is_auxiliary: bool,
}

/// The layout of the complete picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Layout {
    pub width: f64,
    pub height: f64,
    /// One a block, in their order.
    pub cards: Vec<Rect>,
    /// Open modules with their frames, outer ones first.
    pub frames: Vec<(usize, Rect)>,
    pub lines: Vec<Line>,
}

/// Lays out a view whose blocks have these sizes (width, height).
///
/// # Errors
/// When a module is too large, memory is short, or it was stopped.
pub(super) fn layout(
    view: &View,
    sizes: &[(f64, f64)],
    flow: Flow,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Layout, DrawError> {
    let own = pieces_of_modules(view);
    let stack = stack(view, &own)?;
    let builder = thread::Builder::new().stack_size(stack);
    let all = || all(view, sizes, &own, flow, is_stopped);
    thread::scope(|scope| match builder.spawn_scoped(scope, all) {
        Ok(thread) => thread.join().map_err(|_| DrawError::Failed)?,
        // A browser has no threads; the stack is what the page was built with.
        Err(error) if error.kind() == ErrorKind::Unsupported => all(),
        Err(error) => Err(DrawError::NoThread(error.to_string())),
    })
}

/// Checks that a view can be laid out in reasonable time.
///
/// # Errors
/// When it cannot.
pub(super) fn has_room(view: &View) -> Result<(), DrawError> {
    stack(view, &pieces_of_modules(view)).map(|_| ())
}

/// Lays out every module, and puts them in their places.
fn all(
    view: &View,
    sizes: &[(f64, f64)],
    own: &[Vec<Piece>],
    flow: Flow,
    is_stopped: &dyn Fn() -> bool,
) -> Result<Layout, DrawError> {
    let lies = flow == Flow::Right;
    let turned: Vec<(f64, f64)>;
    let sizes = match lies {
        true => {
            turned = sizes.iter().map(|&(width, height)| (height, width)).collect();
            &turned
        }
        false => sizes,
    };
    let insides = insides(view, sizes, own, flow, is_stopped)?;
    let mut picture = Layout {
        width: insides[0].width,
        height: insides[0].height,
        cards: vec![Rect { x: 0.0, y: 0.0, width: 0.0, height: 0.0 }; view.blocks.len()],
        ..Layout::default()
    };
    place(view, 0, Point { x: 0.0, y: 0.0 }, sizes, &insides, &mut picture);
    Ok(if lies { picture.turned() } else { picture })
}

impl Layout {
    /// With right and down exchanged.
    fn turned(self) -> Self {
        Self {
            width: self.height,
            height: self.width,
            cards: self.cards.into_iter().map(Rect::turned).collect(),
            frames: self.frames.into_iter().map(|(at, rect)| (at, rect.turned())).collect(),
            lines: self
                .lines
                .into_iter()
                .map(|line| Line {
                    points: line.points.into_iter().map(Point::turned).collect(),
                    ..line
                })
                .collect(),
        }
    }
}

/// Moves a module to its place, then the modules inside.
fn place(
    view: &View,
    module: usize,
    origin: Point,
    sizes: &[(f64, f64)],
    insides: &[Inside],
    picture: &mut Layout,
) {
    let inside = &insides[module];
    let whole = Rect { x: 0.0, y: 0.0, width: inside.width, height: inside.height };
    if view.modules[module].parent.is_some() {
        picture.frames.push((module, whole.moved(origin)));
    }
    for (piece, points) in &inside.lines {
        picture.lines.push(line(view, *piece, points, origin, insides));
    }
    for (&child, center) in view.modules[module].children.iter().zip(&inside.children) {
        let (width, height) = size(child, sizes, insides);
        let corner =
            Point { x: center.x - width / 2.0 + origin.x, y: center.y - height / 2.0 + origin.y };
        match child {
            Child::Block(block) => {
                picture.cards[block] = Rect { x: corner.x, y: corner.y, width, height };
            }
            Child::Module(inner) => place(view, inner, corner, sizes, insides, picture),
        }
    }
}

/// A piece at its place, its ends put onto blocks, ports and frames.
fn line(view: &View, piece: Piece, points: &[Point], origin: Point, insides: &[Inside]) -> Line {
    let inside = &insides[piece.module];
    let mut points: Vec<Point> = points.to_vec();
    let (Some(&first), Some(&last)) = (points.first(), points.last()) else {
        return Line { points, has_arrow: false, source: piece.source, is_auxiliary: false };
    };
    let start = match piece.from {
        End::Child(Child::Module(module)) => {
            let height = insides[module].height;
            port(view, piece, module, insides, &insides[module].exits, height)
        }
        End::Entry(_) => Some(Point { y: 0.0, ..first }),
        End::Child(Child::Block(_)) | End::Exit(_) => None,
    };
    let end = match piece.to {
        End::Child(Child::Module(module)) => {
            port(view, piece, module, insides, &insides[module].entries, 0.0)
        }
        End::Exit(_) => Some(Point { y: inside.height, ..last }),
        End::Child(Child::Block(_)) | End::Entry(_) => None,
    };
    let inner = match (start, end, points.as_slice()) {
        (Some(start), Some(end), &[_, middle, _]) => across(piece.from, start, end, middle.y),
        (_, _, points) => points.get(1..points.len() - 1).unwrap_or(&[]).to_vec(),
    };
    points = [vec![start.unwrap_or(first)], inner, vec![end.unwrap_or(last)]].concat();
    let ends_in_head = match piece.to {
        End::Child(Child::Block(block)) => view.blocks[block].is_auxiliary,
        End::Child(Child::Module(module)) => is_head(view, module),
        End::Entry(_) | End::Exit(_) => is_head(view, piece.module),
    };
    let moved = |p: Point| Point { x: p.x + origin.x, y: p.y + origin.y };
    Line {
        points: points.into_iter().map(moved).collect(),
        has_arrow: matches!(piece.to, End::Child(Child::Block(_))),
        source: piece.source,
        is_auxiliary: ends_in_head || view.blocks[piece.source].is_auxiliary,
    }
}

/// The bends of a line between two ports in neighbouring rows whose gap is around `middle`: straight down next to
/// shorter neighbours, and across between the rows.
fn across(from: End, start: Point, end: Point, middle: f64) -> Vec<Point> {
    let arrive = Point { x: end.x, y: middle + ACROSS };
    match from {
        End::Entry(_) => vec![arrive],
        End::Child(_) | End::Exit(_) => vec![Point { x: start.x, y: middle - ACROSS }, arrive],
    }
}

/// Where a piece meets the frame of an inner module, `below` its upper edge.
fn port(
    view: &View,
    piece: Piece,
    inner: usize,
    insides: &[Inside],
    ports: &[(usize, f64)],
    below: f64,
) -> Option<Point> {
    let center = insides[piece.module].children.get(view.modules[inner].place)?;
    // Ports are sorted by the block whose result passes.
    let port = ports.binary_search_by_key(&piece.source, |(source, _)| *source).ok()?;
    let (_, x) = ports.get(port)?;
    let Inside { width, height, .. } = insides[inner];
    Some(Point { x: center.x - width / 2.0 + x, y: center.y - height / 2.0 + below })
}

/// Whether a module is in an auxiliary head.
pub(super) fn is_head(view: &View, module: usize) -> bool {
    view.modules[module].is_auxiliary
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use inceptive_dsl::{Disk, load};

    use super::{super::view::Open, *};

    const SLACK: f64 = 0.01;

    fn holds(outer: Rect, inner: Rect) -> bool {
        inner.x > outer.x - SLACK
            && inner.y > outer.y - SLACK
            && inner.x + inner.width < outer.x + outer.width + SLACK
            && inner.y + inner.height < outer.y + outer.height + SLACK
    }

    fn touch(a: Rect, b: Rect) -> bool {
        a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
    }

    fn check(name: &str, view: &View, flow: Flow) {
        let sizes = vec![(90.0, 40.0); view.blocks.len()];
        let picture = layout(view, &sizes, flow, &|| false).unwrap();
        let whole = Rect { x: 0.0, y: 0.0, width: picture.width, height: picture.height };
        let frame = |module: usize| {
            let found = picture.frames.iter().find(|(known, _)| *known == module);
            found.map_or(whole, |&(_, rect)| rect)
        };
        for module in 0..view.modules.len() {
            let children: Vec<Rect> = view.modules[module]
                .children
                .iter()
                .map(|child| match *child {
                    Child::Block(block) => picture.cards[block],
                    Child::Module(inner) => frame(inner),
                })
                .collect();
            for (index, &child) in children.iter().enumerate() {
                assert!(holds(frame(module), child), "{name}: {child:?} leaves its frame");
                let apart = children[..index].iter().all(|&other| !touch(child, other));
                assert!(apart, "{name}: {child:?} covers another");
            }
        }
        for line in &picture.lines {
            for point in &line.points {
                let dot = Rect { x: point.x, y: point.y, width: 0.0, height: 0.0 };
                assert!(holds(whole, dot), "{name}: {point:?} is outside");
            }
        }
        // Every block but the input is reached by as many producers as it reads.
        for (block, card) in picture.cards.iter().enumerate() {
            let around = Rect {
                x: card.x - 1.0,
                y: card.y - 1.0,
                width: card.width + 2.0,
                height: card.height + 2.0,
            };
            let ends = picture.lines.iter().filter(|line| line.has_arrow).filter(|line| {
                let end = line.points[line.points.len() - 1];
                holds(around, Rect { x: end.x, y: end.y, width: 0.0, height: 0.0 })
            });
            let mut sources: Vec<usize> = ends.map(|line| line.source).collect();
            sources.sort_unstable();
            let reads: Vec<usize> =
                view.edges.iter().filter(|edge| edge.1 == block).map(|edge| edge.0).collect();
            assert_eq!(sources, reads, "{name}: lines into {}", view.blocks[block].path);
        }
    }

    #[test]
    fn boxes_are_apart_and_lines_arrive_in_every_network() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut drawn = 0;
        for file in files.filter(|file| file.extension().is_some_and(|ext| ext == "yaml")) {
            let graph = load(&Disk, &file, &[]).unwrap().architecture.graph;
            for depth in [Some(0), Some(1), Some(2), Some(3), None] {
                let view = View::new(&graph, &Open::above(depth));
                for flow in [Flow::Down, Flow::Right, Flow::Columns { width: 3, height: 2 }] {
                    check(&format!("{} at {depth:?}, {flow:?}", file.display()), &view, flow);
                    drawn += 1;
                }
            }
        }
        assert!(drawn >= 26 * 15);
    }
}
