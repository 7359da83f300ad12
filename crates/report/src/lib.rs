//! Figures and pages: a network as a drawing, candidates as tables and charts.
//!
//! Everything here is drawn from graphs and counts that others made; this crate reads no networks and
//! counts nothing. The same input gives the same bytes.

mod candidate;
mod data;
pub mod drawing;
mod figures;
mod file;
pub mod numbers;
mod page;
mod text;

use std::path::{Path, PathBuf};

pub use candidate::{Accuracy, Candidate};
pub use file::{WriteError, replace_file};

/// Writes a report about `candidates` into a folder, which is created: `report.md`, `data.csv`,
/// `data.json`, `accuracy-macs.svg`, `where-params.svg` and `where-macs.svg`. Returns the files.
///
/// Each file is replaced as a whole: after an interruption it is either the old or the new one.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write(candidates: &[Candidate], folder: &Path) -> Result<Vec<PathBuf>, WriteError> {
    let files = [
        ("accuracy-macs.svg", figures::accuracy_macs(candidates)),
        ("where-params.svg", figures::where_params(candidates)),
        ("where-macs.svg", figures::where_macs(candidates)),
        ("data.csv", data::csv(candidates)),
        ("data.json", data::json(candidates)),
        ("report.md", page::markdown(candidates)),
    ];
    file::create_folder(folder)?;
    let mut written = Vec::new();
    for (name, content) in files {
        let path = folder.join(name);
        replace_file(&path, content.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}
