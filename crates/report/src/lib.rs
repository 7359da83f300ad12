//! Figures and pages: a network as a drawing, candidates and spaces as a report.
//!
//! Everything is made from given graphs, counts and results; this crate reads no networks,
//! counts nothing and measures nothing. The same input gives the same bytes.
//!
//! | step | file | makes |
//! |---|---|---|
//! | inputs | `report`, `candidate`, `cloud`, `explored` | networks with all their data, points of spaces, searches |
//! | analysis | `way`, `value`, `axis`, `layer`, `picks`, `variants`, `training`, `summary` | Pareto fronts, shares, recommendations, sentences |
//! | figures | `figures` | SVG |
//! | changes | `snapshot`, `changes` | differences between two reports, thresholds |
//! | pages | `page`, `data` | `index.html`, `report.md`, `data.json`, `data.csv`, `networks.json` |

mod axis;
mod candidate;
mod changes;
mod cloud;
mod data;
mod explored;
mod figures;
mod layer;
mod networks;
mod page;
mod picks;
mod report;
mod snapshot;
mod summary;
mod training;
mod value;
mod variants;
mod way;

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use inceptive_files::{InputFiles, UNFINISHED, WriteError, replace_all, unfinished};

pub use axis::{Axis, Pair, front, front_of};
pub use candidate::{NetworkCost, NetworkEntry, PROTOCOL, Variant, density};
pub use changes::{
    Breach, Changes, MalformedThreshold, MetricChange, NetworkChange, NewMetric, NewNetwork,
    Threshold, changes,
};
pub use cloud::{Cloud, SpaceSample, space_axes};
pub use data::{json, training_run};
pub use explored::Explored;
pub use layer::{BreakdownMetric, Layer, PartRow, by_layer, by_part};
pub use networks::Networks;
pub use picks::Recommendation;
pub use report::{Analysis, Report};
pub use snapshot::{NotAReport, Snapshot, SnapshotNetwork};
pub use summary::Summary;
pub use training::{TrainedNetwork, TrainingGroup};
pub use variants::VariantCost;
pub use way::{BenchConfig, batch_and_threads, profiled_ways, ways, ways_of};

/// Writes a report into a folder, which is created: `index.html`, `report.md`, its figures as SVG, `data.csv`,
/// `data.json` and `networks.json`. Figures of the report that was there before are removed if this one does not have them. Returns
/// the files.
///
/// Nothing is replaced before all files are whole. A run that is killed while it replaces them leaves a note in the
/// folder, for which [`inceptive_files::unfinished`] looks. While another run writes the folder, `wait` is asked again and
/// again whether to go on waiting.
///
/// # Errors
/// When the folder or a file cannot be written, is one of `inputs`, or is a link, and when `wait` ends it.
pub fn write(
    report: &Report,
    findings: &Analysis,
    folder: &Path,
    inputs: &InputFiles,
    wait: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<Vec<PathBuf>, WriteError> {
    let figures = figures::all(report, findings);
    let mut files = vec![
        ("index.html".to_owned(), page::html(report, findings, &figures)),
        (SHORT_FORM.to_owned(), page::markdown(report, findings, &figures)),
        ("data.csv".to_owned(), data::csv(report, findings)),
        (NUMBERS.to_owned(), data::json(report, findings)),
        ("networks.json".to_owned(), data::networks(report)),
    ];
    files.extend(figures.into_iter().map(|figure| (format!("{}.svg", figure.id), figure.svg)));
    // Each page makes its texts harmless; this also covers any that one may have missed.
    for (_, content) in &mut files {
        *content = inceptive_ir::text::lines(content).into_owned();
    }
    let stale = || {
        refuse_foreign(folder, &files, inputs)?;
        Ok(stale_figures(folder, &files))
    };
    replace_all(folder, &files, stale, inputs, wait)
}

/// Checks that no file in the folder is replaced unless an earlier report wrote it.
fn refuse_foreign(
    folder: &Path,
    files: &[(String, String)],
    inputs: &InputFiles,
) -> Result<(), WriteError> {
    let note = unfinished(folder);
    let foreign_note = note.is_none().then_some(UNFINISHED);
    let is_report = is_report(folder);
    let own = note.unwrap_or_default();
    let foreign = files.iter().map(|(name, _)| name.as_str());
    let foreign = foreign.filter(|name| !is_report && own.iter().all(|own| own != name));
    let mut foreign = foreign.chain(foreign_note).map(|name| folder.join(name));
    let Some(path) = foreign.find(|path| is_file(path)) else { return Ok(()) };
    inputs.check(&path)?;
    let error = io::Error::new(
        io::ErrorKind::AlreadyExists,
        "it exists, and no report wrote it; choose another folder with --out",
    );
    Err(WriteError { path, error })
}

/// Whether a path is a regular file, not a link to one.
fn is_file(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|about| about.is_file())
}

/// Whether a folder holds a report: its numbers say which command wrote them.
fn is_report(folder: &Path) -> bool {
    let mut start = vec![];
    let read = File::open(folder.join(NUMBERS))
        .and_then(|file| file.take(MAX_SHORT_FORM).read_to_end(&mut start));
    let text = String::from_utf8_lossy(&start);
    read.is_ok() && text.starts_with("{\n  \"title\": ") && text.contains("\n  \"command\": \"")
}

/// All numbers of a report.
const NUMBERS: &str = "data.json";

/// The page that names all figures of a report.
const SHORT_FORM: &str = "report.md";

/// Maximum number of bytes of such a page.
const MAX_SHORT_FORM: u64 = 16 << 20;

/// Figures of the report in a folder, or of the two that it mixes, that are none of its new files.
fn stale_figures(folder: &Path, files: &[(String, String)]) -> Vec<PathBuf> {
    let path = folder.join(SHORT_FORM);
    let mut page = String::new();
    let read = match is_file(&path) {
        true => {
            File::open(path).and_then(|file| file.take(MAX_SHORT_FORM).read_to_string(&mut page))
        }
        false => Ok(0),
    };
    // A file that is not text names no figures.
    let page = if read.is_ok() { page.as_str() } else { "" };
    let shown = page.split("](").skip(1).filter_map(|rest| rest.split_once(".svg)"));
    let listed = unfinished(folder).unwrap_or_default();
    let listed = listed.iter().filter_map(|name| name.strip_suffix(".svg"));
    let named: BTreeSet<&str> = shown.map(|(id, _)| id).chain(listed).collect();
    named
        .into_iter()
        .filter(|id| figures::is_id(id))
        .map(|id| format!("{id}.svg"))
        .filter(|name| files.iter().all(|(new, _)| new != name))
        .map(|name| folder.join(name))
        .filter(|path| is_file(path))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_figures_that_the_last_report_had_are_stale() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["latency.svg", "roofline.svg", "space-2.svg", "mine.svg", "density.svg"] {
            fs::write(path(name), "").unwrap();
        }
        let files = vec![("density.svg".to_owned(), String::new())];
        assert!(stale_figures(folder.path(), &files).is_empty());
        let page =
            "![a](latency.svg)\n![b](space-2.svg) ![c](density.svg) ![d](mine.svg) [e](../x.svg)";
        fs::write(path(SHORT_FORM), page).unwrap();
        let stale = stale_figures(folder.path(), &files);
        assert_eq!(stale, [path("latency.svg"), path("space-2.svg")]);
        fs::write(path(SHORT_FORM), b"](latency.svg) \xff").unwrap();
        assert!(stale_figures(folder.path(), &files).is_empty());
    }
}
