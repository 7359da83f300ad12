//! Figures and pages: a network as a drawing, candidates and spaces as a report.
//!
//! Everything here is drawn from graphs, counts and results that others made; this crate reads no networks,
//! counts nothing and measures nothing. The same input gives the same bytes.
//!
//! | step | file | makes |
//! |---|---|---|
//! | what it is about | `report`, `candidate`, `cloud` | networks with all that is known, points of spaces |
//! | what follows | `way`, `axis`, `layer`, `picks`, `variants`, `summary` | fronts, shares, recommendations, sentences |
//! | ink | `figures`, `drawing` | SVG |
//! | what changed | `snapshot`, `changes` | differences between two reports, thresholds |
//! | pages | `page`, `data` | `index.html`, `report.md`, `data.json`, `data.csv` |

mod axis;
mod candidate;
mod changes;
mod cloud;
mod data;
pub mod drawing;
mod figures;
mod file;
mod layer;
pub mod numbers;
mod page;
mod picks;
mod report;
mod snapshot;
mod summary;
mod text;
mod variants;
mod way;

use std::path::{Path, PathBuf};

pub use axis::{Axis, Pair, front, front_of};
pub use candidate::{Candidate, NetworkCost, PROTOCOL, Variant, density};
pub use changes::{
    Breach, Changes, MalformedThreshold, MetricChange, NetworkChange, NewMetric, NewNetwork,
    Threshold, changes,
};
pub use cloud::{Cloud, CloudPoint};
pub use data::json;
pub use file::{WriteError, replace_file};
pub use layer::{Layer, PartRow, Quantity, by_layer, by_part};
pub use picks::Pick;
pub use report::{Findings, Report};
pub use snapshot::{NotAReport, Snapshot, SnapshotNetwork};
pub use summary::Summary;
pub use text::is_plain;
pub use variants::VariantCost;
pub use way::{Way, batch_and_threads, profiled_ways, ways, ways_of};

/// Writes a report into a folder, which is created: `index.html`, `report.md`, its figures as SVG, `data.csv`
/// and `data.json`. Returns the files.
///
/// Each file is replaced as a whole: after an interruption it is either the old or the new one.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write(
    report: &Report,
    findings: &Findings,
    folder: &Path,
) -> Result<Vec<PathBuf>, WriteError> {
    let figures = figures::all(report, findings);
    let mut files = vec![
        ("index.html".to_owned(), page::html(report, findings, &figures)),
        ("report.md".to_owned(), page::markdown(report, findings, &figures)),
        ("data.csv".to_owned(), data::csv(report, findings)),
        ("data.json".to_owned(), data::json(report, findings)),
    ];
    files.extend(figures.into_iter().map(|figure| (format!("{}.svg", figure.id), figure.svg)));
    file::create_folder(folder)?;
    let mut written = Vec::new();
    for (name, content) in files {
        let path = folder.join(name);
        replace_file(&path, content.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}
