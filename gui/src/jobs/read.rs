//! Reading folders, files and the store; writing reports.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_dsl::Disk;
use inceptive_jobs::{Edited, candidate, inspect, list, read as read_network};

use super::{Output, Progress, Reporter};
use crate::model::{FilePath, Results};

pub(super) fn listed(folder: PathBuf) -> Output {
    let files = list(&folder).map_err(|error| error.to_string());
    Output::Listed(folder, files)
}

pub(super) fn read(file: FilePath, text: Option<Arc<str>>) -> Output {
    let result = match &text {
        Some(text) => inspect(&Edited { path: file.to_path_buf(), text: Arc::clone(text) }, &file),
        None => inspect(&Disk, &file),
    };
    Output::Read(file, text, result)
}

pub(super) fn results(store: &Path) -> Output {
    Output::Results(Results::read(store))
}

pub(super) fn report(
    files: &[FilePath],
    folder: &Path,
    report: &Reporter,
) -> Result<Output, String> {
    let mut candidates = Vec::new();
    for (at, file) in files.iter().enumerate() {
        if report.is_stopped() {
            break;
        }
        report.progress(Progress {
            share: at as f32 / files.len() as f32,
            activity: format!("reading {}", file.display()),
        });
        match read_network(file, &[]) {
            Ok(loaded) => candidates.push(candidate(loaded.architecture)),
            Err(error) => report.note(super::measure::chain(&error)),
        }
    }
    if candidates.is_empty() {
        return Err("there is no network to report on".to_owned());
    }
    let written = inceptive_report::write(&candidates, folder);
    written.map(Output::Written).map_err(|error| super::measure::chain(&error))
}
