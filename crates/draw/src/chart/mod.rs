//! The parts that all charts share.
//!
//! Every chart is one SVG document without scripts or fonts of its own: shapes drawn by plotters on white paper in a
//! few colours, and over them one invisible shape of class `hit` for each point or bar, whose title has its
//! details. A page can recolour a chart by the exact colours below.

pub mod axes;
pub mod canvas;
pub mod key;
pub mod labels;
pub mod rows;

use inceptive_format::counted;
use plotters::style::RGBColor;

/// A chart with its title and texts.
#[derive(Clone, Debug)]
pub struct Figure {
    /// A word for it, by which pages and files name it.
    pub id: String,
    /// A short title.
    pub title: String,
    /// The alternative text for screen readers.
    pub alternative: String,
    /// The picture: an SVG document.
    pub svg: String,
}

/// Text and axes.
pub const INK: RGBColor = RGBColor(40, 44, 52);

/// Lines that stay in the background.
pub const FAINT: RGBColor = RGBColor(218, 222, 228);

/// The background colour.
pub const PAPER: RGBColor = RGBColor(255, 255, 255);

// The colours of Okabe and Ito 2008, *Color Universal Design*, which people with any colour vision tell apart.

/// Orange.
pub const ORANGE: RGBColor = RGBColor(230, 159, 0);
/// Sky blue.
pub const SKY: RGBColor = RGBColor(86, 180, 233);
/// Bluish green.
pub const GREEN: RGBColor = RGBColor(0, 158, 115);
/// Yellow.
pub const YELLOW: RGBColor = RGBColor(240, 228, 66);
/// Blue.
pub const BLUE: RGBColor = RGBColor(0, 114, 178);
/// Vermillion.
pub const VERMILLION: RGBColor = RGBColor(213, 94, 0);
/// Reddish purple.
pub const PURPLE: RGBColor = RGBColor(204, 121, 167);

/// Colour of secondary elements.
pub const GREY: RGBColor = RGBColor(153, 153, 153);

/// With more points than this, only those on the Pareto front are labelled.
pub const MOST_NAMED: usize = 40;

/// Maximum number of points in a chart; of more, an even sample is drawn.
pub const MOST_POINTS: usize = 1000;

/// Maximum number of rows in a chart.
pub const MOST_ROWS: usize = 40;

/// Indices of at most `most` of `count` items, evenly spaced.
pub fn thinned(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let kept = count.min(most);
    (0..kept).map(move |at| at * count / kept)
}

/// All points of a chart; of more than `most`, those on the Pareto front and an even sample of the others, at most
/// twice `most`.
pub fn drawn<T>(points: Vec<T>, most: usize, is_on_front: impl Fn(&T) -> bool) -> Vec<T> {
    let kept: Vec<usize> = thinned(points.len(), most).collect();
    let points = points.into_iter().enumerate();
    points
        .filter(|(at, point)| is_on_front(point) || kept.binary_search(at).is_ok())
        .map(|(_, point)| point)
        .take(2 * most)
        .collect()
}

/// The points to label, those on the Pareto front first: all, or only the Pareto front if there are many.
pub fn named<T>(points: &[T], is_on_front: impl Fn(&T) -> bool) -> Vec<&T> {
    let names_all = points.len() <= MOST_NAMED;
    let mut named: Vec<&T> =
        points.iter().filter(|point| names_all || is_on_front(point)).collect();
    named.sort_by_key(|point| !is_on_front(point));
    thinned(named.len(), MOST_NAMED).map(|at| named[at]).collect()
}

/// `1 network`, `2 networks`.
pub fn networks(count: usize) -> String {
    counted(count, "network", "networks")
}
