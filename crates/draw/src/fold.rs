//! Folding a module that is taller than wide into columns.
//!
//! The rows of the layout stay as they are; they are cut into columns where no box is, and lines that cross a cut go on
//! at the top of the next column. They keep their order on the way, so that they do not cross each other there.

use std::ops::Range;

use super::{
    geometry::Point,
    inside::{BETWEEN_COLUMNS, Inside, PADDING},
    piece::Piece,
};

/// Room between lines that go from one column to the next, in pixels, and for all of them.
const BETWEEN_LINES: f64 = 7.0;
const MOST_FOR_LINES: f64 = 140.0;

/// Room between a row and the lines that turn below or above it, in pixels.
const TURN: f64 = 10.0;

/// A module that can be folded.
pub(super) struct Foldable<'a> {
    inside: &'a Inside,
    /// From top to bottom; no box reaches from one to the next.
    rows: Vec<Row>,
    /// Lines by the gap below each row: which one, and where it passes. The leftmost is first.
    crossings: Vec<Vec<(usize, f64)>>,
}

/// Boxes between two gaps.
#[derive(Clone, Copy, Debug)]
struct Row {
    top: f64,
    bottom: f64,
    left: f64,
    right: f64,
}

/// Rows one below the other, at their place.
struct Column {
    rows: Range<usize>,
    /// How far it is moved.
    shift: Point,
    right: f64,
}

impl<'a> Foldable<'a> {
    /// Finds the rows of a module whose children have these sizes.
    pub fn new(inside: &'a Inside, sizes: &[(f64, f64)]) -> Self {
        let mut boxes: Vec<Row> = inside
            .children
            .iter()
            .zip(sizes)
            .map(|(at, (width, height))| Row {
                top: at.y - height / 2.0,
                bottom: at.y + height / 2.0,
                left: at.x - width / 2.0,
                right: at.x + width / 2.0,
            })
            .collect();
        boxes.sort_by(|a, b| a.top.total_cmp(&b.top));
        let mut rows: Vec<Row> = Vec::new();
        for next in boxes {
            match rows.last_mut() {
                Some(row) if next.top < row.bottom + 1.0 => {
                    row.bottom = row.bottom.max(next.bottom);
                    row.left = row.left.min(next.left);
                    row.right = row.right.max(next.right);
                }
                _ => rows.push(next),
            }
        }
        let mut crossings = vec![Vec::new(); rows.len()];
        for (line, (_, points)) in inside.lines.iter().enumerate() {
            let (Some(first), Some(last)) = (points.first(), points.last()) else { continue };
            let from = rows.partition_point(|row| row.bottom < first.y - 1.0);
            for row in from..rows.len().saturating_sub(1) {
                let gap = middle(&rows, row);
                if gap >= last.y {
                    break;
                }
                if gap > first.y {
                    let x = crossing(points, gap);
                    crossings[row].push((line, x));
                    for row in &mut rows[row..=row + 1] {
                        (row.left, row.right) = (row.left.min(x), row.right.max(x));
                    }
                }
            }
        }
        for crossing in &mut crossings {
            crossing.sort_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0)));
        }
        Self { inside, rows, crossings }
    }

    /// Width and height if no column is taller than `limit`, but for rows that are.
    pub fn size(&self, limit: f64) -> (f64, f64) {
        let columns = self.columns(limit);
        let right = columns.last().map_or(0.0, |column| column.right + column.shift.x);
        let bottoms = columns.iter().map(|column| self.bottom(column));
        (right + PADDING, bottoms.fold(0.0, f64::max) + PADDING)
    }

    /// The limit for columns with which the module fills a window of this shape best.
    pub fn best_limit(&self, width_by_height: f64) -> f64 {
        let tallest = self.rows.iter().map(|row| row.bottom - row.top).fold(0.0, f64::max);
        let (mut low, mut high) = (tallest, self.inside.height);
        let mut best = (f64::INFINITY, high);
        for _ in 0..24 {
            let limit = (low + high) / 2.0;
            let (width, height) = self.size(limit);
            let need = (width / width_by_height).max(height);
            if need < best.0 {
                best = (need, limit);
            }
            match width > height * width_by_height {
                true => low = limit,
                false => high = limit,
            }
        }
        let (width, height) = self.size(self.inside.height);
        if (width / width_by_height).max(height) <= best.0 { self.inside.height } else { best.1 }
    }

    /// The module folded.
    pub fn fold(&self, limit: f64) -> Inside {
        let columns = self.columns(limit);
        if columns.len() < 2 {
            return self.inside.clone();
        }
        let column_of = |y: f64| {
            let row = self.rows.partition_point(|row| row.bottom < y);
            let column = columns.partition_point(|column| column.rows.end <= row);
            &columns[column.min(columns.len() - 1)]
        };
        let children = self.inside.children.iter();
        let (width, height) = self.size(limit);
        let (first, last) = (columns[0].shift.x, columns[columns.len() - 1].shift.x);
        let ports = |ports: &[(usize, f64)], shift: f64| -> Vec<(usize, f64)> {
            ports.iter().map(|&(source, x)| (source, x + shift)).collect()
        };
        let mut lines: Vec<(Piece, Vec<Point>)> =
            self.inside.lines.iter().map(|(piece, _)| (*piece, Vec::new())).collect();
        let mut done = vec![0; lines.len()];
        for pair in columns.windows(2) {
            self.turn(&pair[0], &pair[1], &mut lines, &mut done);
        }
        let originals = self.inside.lines.iter().map(|(_, points)| points);
        for ((points, from), (_, line)) in originals.zip(done).zip(&mut lines) {
            let Some(end) = points.last() else { continue };
            let shift = column_of(end.y).shift;
            line.extend(points[from..].iter().map(|&point| moved(point, shift)));
        }
        Inside {
            width,
            height,
            children: children.map(|&at| moved(at, column_of(at.y).shift)).collect(),
            entries: ports(&self.inside.entries, first),
            exits: ports(&self.inside.exits, last),
            lines,
        }
    }

    /// Leads the lines that cross the gap between two columns from the end of one to the top of the other. `done` says
    /// how many points of each line are in columns before.
    fn turn(
        &self,
        from: &Column,
        to: &Column,
        lines: &mut [(Piece, Vec<Point>)],
        done: &mut [usize],
    ) {
        let row = from.rows.end - 1;
        let crossings = &self.crossings[row];
        let gap = middle(&self.rows, row);
        let step = step(crossings.len());
        let bottom = self.rows[row].bottom + from.shift.y + TURN;
        let top = self.rows[to.rows.start].top + to.shift.y - TURN;
        let gutter = from.right + from.shift.x + BETWEEN_COLUMNS;
        for (place, &(line, x)) in crossings.iter().enumerate() {
            let points = &self.inside.lines[line].1;
            let new = &mut lines[line].1;
            while let Some(point) = points.get(done[line]).filter(|point| point.y <= gap) {
                new.push(moved(*point, from.shift));
                done[line] += 1;
            }
            // The rightmost line turns first, and is the outermost above the next column.
            let (before, after) = ((crossings.len() - 1 - place) as f64, place as f64);
            let (down, up) = (bottom + before * step, top - after * step);
            let across = gutter + before * step;
            new.extend([
                Point { x: x + from.shift.x, y: down },
                Point { x: across, y: down },
                Point { x: across, y: up },
                Point { x: x + to.shift.x, y: up },
            ]);
        }
    }

    /// The columns if none is taller than `limit`.
    fn columns(&self, limit: f64) -> Vec<Column> {
        let mut columns: Vec<Column> = Vec::new();
        let Some(first) = self.rows.first() else { return columns };
        let mut start = 0;
        while start < self.rows.len() {
            let fits = |row: &Row| row.bottom - self.rows[start].top <= limit;
            let more = self.rows[start + 1..].iter().take_while(|row| fits(row)).count();
            let rows = start..start + 1 + more;
            let inner = || self.rows[rows.clone()].iter();
            let left = inner().map(|row| row.left).fold(f64::INFINITY, f64::min);
            let right = inner().map(|row| row.right).fold(0.0, f64::max);
            let shift = match columns.last() {
                None => Point { x: 0.0, y: 0.0 },
                Some(before) => {
                    let lines = room_for(self.crossings[start - 1].len());
                    let gutter = before.right + before.shift.x + 2.0 * BETWEEN_COLUMNS + lines;
                    let top = first.top + TURN + lines;
                    Point { x: gutter - left, y: top - self.rows[start].top }
                }
            };
            start = rows.end;
            columns.push(Column { rows, shift, right });
        }
        columns
    }

    /// The lower end of a column, with the lines that turn below it.
    fn bottom(&self, column: &Column) -> f64 {
        let last = column.rows.end - 1;
        let turns = match column.rows.end < self.rows.len() {
            true => TURN + room_for(self.crossings[last].len()),
            false => 0.0,
        };
        self.rows[last].bottom + column.shift.y + turns
    }
}

fn moved(point: Point, by: Point) -> Point {
    Point { x: point.x + by.x, y: point.y + by.y }
}

/// The middle of the gap below a row.
fn middle(rows: &[Row], row: usize) -> f64 {
    (rows[row].bottom + rows[row + 1].top) / 2.0
}

/// Where a line that goes down is at a height.
fn crossing(points: &[Point], y: f64) -> f64 {
    let next = points.partition_point(|point| point.y < y);
    match (points.get(next.wrapping_sub(1)), points.get(next)) {
        (Some(a), Some(b)) if b.y > a.y => a.x + (b.x - a.x) * (y - a.y) / (b.y - a.y),
        (_, Some(only)) | (Some(only), None) => only.x,
        (None, None) => 0.0,
    }
}

/// Distance of lines that turn together.
fn step(lines: usize) -> f64 {
    (MOST_FOR_LINES / lines.max(1) as f64).min(BETWEEN_LINES)
}

/// The room that they take.
fn room_for(lines: usize) -> f64 {
    lines.saturating_sub(1) as f64 * step(lines)
}
