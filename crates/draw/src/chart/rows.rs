//! Charts with one row a candidate.

use std::collections::HashSet;

use plotters::style::text_anchor::HPos;

use super::{
    MOST_ROWS,
    canvas::{Canvas, MARGIN, TEXT},
    networks,
};
use crate::text::{clean, shortened};

/// Where bars begin, right of the names.
pub const LEFT: i32 = 270;

/// From a row to the next, in pixels.
pub const ROW: i32 = 24;

/// Height of a bar, in pixels.
pub const BAR: i32 = 16;

/// The rows to show, in the order given, and how many are left out: those in `preferred` first, then from the
/// beginning.
pub fn shown<T>(
    rows: Vec<T>,
    candidate: impl Fn(&T) -> usize,
    preferred: &HashSet<usize>,
) -> (Vec<T>, usize) {
    let left_out = rows.len().saturating_sub(MOST_ROWS);
    let is_preferred = |row: &T| preferred.contains(&candidate(row));
    let preferred_count = rows.iter().filter(|row| is_preferred(row)).count().min(MOST_ROWS);
    let mut room = [preferred_count, MOST_ROWS - preferred_count];
    let mut take = |row: &T| {
        let room = &mut room[usize::from(!is_preferred(row))];
        let is_taken = *room > 0;
        *room = room.saturating_sub(1);
        is_taken
    };
    (rows.into_iter().filter(|row| take(row)).collect(), left_out)
}

/// The sentence that says how many rows are omitted; empty if none are.
pub fn rest(left_out: usize, front: &str) -> String {
    match left_out {
        0 => String::new(),
        _ => format!(
            " {} more are omitted; Pareto-optimal networks (accuracy and {front}) are shown first.",
            networks(left_out)
        ),
    }
}

/// A name left of the bars, around a height.
pub fn name(canvas: &mut Canvas, name: &str, middle: i32) {
    let name = clean(name);
    let name = shortened(&name, TEXT, f64::from(LEFT - 10 - MARGIN));
    canvas.text(&name, (LEFT - 10, middle), HPos::Right);
}
