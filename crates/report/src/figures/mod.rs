//! Charts of many candidates.
//!
//! Every chart is one SVG document without scripts or fonts of its own: shapes drawn by plotters on white paper in a
//! few colours, and over them one invisible shape of class `hit` for each point or bar, whose title says everything
//! that is known of it. A page can recolour a chart by the exact colours below.
//!
//! | file | makes |
//! |---|---|
//! | `accuracy`, `density` | accuracy against cost, and for each parameter |
//! | `shares` | where parameters, MACs, memory and time are |
//! | `roofline`, `latency` | what was measured |
//! | `space`, `squares`, `modules` | spaces of networks, single modules |
//! | `canvas`, `axes`, `labels`, `key`, `rows`, `facts` | what charts have in common |

mod accuracy;
mod axes;
mod canvas;
mod density;
mod facts;
mod key;
mod labels;
mod latency;
mod modules;
mod roofline;
mod rows;
mod shares;
mod space;
mod squares;

#[cfg(test)]
mod checks;
#[cfg(test)]
mod tests;

use plotters::style::RGBColor;

use crate::{
    axis::Axis,
    layer::Quantity,
    numbers::counted,
    report::{Findings, Report},
};

/// A picture with what to say of it.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// A word for it, by which pages and files name it.
    pub id: String,
    /// What it shows, in a few words.
    pub title: String,
    /// What it shows, for those who do not see it.
    pub alternative: String,
    /// The picture: an SVG document.
    pub svg: String,
}

/// All figures of a report that there are numbers for.
pub(crate) fn all(report: &Report, findings: &Findings) -> Vec<Figure> {
    let candidates = report.candidates.as_slice();
    let way = findings.main_way();
    let axes = [Some(Axis::Macs), Some(Axis::Params), way.map(Axis::Latency)];
    let mut figures: Vec<Option<Figure>> = Vec::new();
    figures.extend(axes.into_iter().flatten().map(|axis| accuracy::chart(candidates, way, axis)));
    figures.push(density::bars(candidates, way));
    figures.extend(
        Quantity::ALL
            .map(|quantity| shares::bars(candidates, findings.profiled.as_ref(), quantity)),
    );
    figures.push(way.and_then(|way| roofline::chart(candidates, way)));
    figures.push(latency::chart(candidates, &findings.ways));
    let clouds = (1..).zip(&report.clouds);
    figures.extend(clouds.map(|(number, cloud)| space::chart(cloud, number, candidates, way)));
    figures.push(modules::bars(candidates, way));
    figures.into_iter().flatten().collect()
}

/// Whether a word is the id of a figure.
pub(crate) fn is_id(word: &str) -> bool {
    const IDS: [&str; 11] = [
        "accuracy-macs",
        "accuracy-params",
        "accuracy-latency",
        "density",
        "where-params",
        "where-macs",
        "where-memory",
        "where-time",
        "roofline",
        "latency",
        "modules",
    ];
    let number = word.strip_prefix("space-").and_then(|number| number.parse::<u32>().ok());
    IDS.contains(&word) || number.is_some()
}

/// Text and axes.
const INK: RGBColor = RGBColor(40, 44, 52);

/// Lines that stay in the background.
const FAINT: RGBColor = RGBColor(218, 222, 228);

/// What everything is drawn on.
const PAPER: RGBColor = RGBColor(255, 255, 255);

/// The colours of Okabe and Ito 2008, *Color Universal Design*, which people with any colour vision tell apart.
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const SKY: RGBColor = RGBColor(86, 180, 233);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const YELLOW: RGBColor = RGBColor(240, 228, 66);
const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILLION: RGBColor = RGBColor(213, 94, 0);
const PURPLE: RGBColor = RGBColor(204, 121, 167);

/// What is there but not the point.
const GREY: RGBColor = RGBColor(153, 153, 153);

/// With more candidates than this only those on the front are named.
const MOST_NAMED: usize = 40;

/// The most points of a chart; of more, some are left out evenly.
const MOST_POINTS: usize = 1000;

/// The most rows of a chart.
const MOST_ROWS: usize = 40;

/// Places of at most `most` of `count` things, evenly spaced.
fn thinned(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let kept = count.min(most);
    (0..kept).map(move |at| at * count / kept)
}

/// All points of a chart, or, of more than `most`, those on the front and others evenly; twice as many at most.
fn drawn<T>(points: Vec<T>, most: usize, is_on_front: impl Fn(&T) -> bool) -> Vec<T> {
    let kept: Vec<usize> = thinned(points.len(), most).collect();
    let points = points.into_iter().enumerate();
    points
        .filter(|(at, point)| is_on_front(point) || kept.binary_search(at).is_ok())
        .map(|(_, point)| point)
        .take(2 * most)
        .collect()
}

/// The points to name, those on the front first: all, or only the front if there are many.
fn named<T>(points: &[T], is_on_front: impl Fn(&T) -> bool) -> Vec<&T> {
    let names_all = points.len() <= MOST_NAMED;
    let mut named: Vec<&T> =
        points.iter().filter(|point| names_all || is_on_front(point)).collect();
    named.sort_by_key(|point| !is_on_front(point));
    thinned(named.len(), MOST_NAMED).map(|at| named[at]).collect()
}

fn networks(count: usize) -> String {
    counted(count, "network", "networks")
}
