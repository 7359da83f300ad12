//! Reading folders, files and the store; writing reports.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_dsl::{Disk, Files};
use inceptive_jobs::{
    Content, Edited, ReadError, candidate, inspect, is_onnx, list, read as read_network,
};

use super::{Output, Progress, Reporter};
use crate::model::{FilePath, Results};

/// The largest text that is edited, in bytes: larger YAML is refused anyway.
const MOST_BYTES: u64 = 1 << 20;

pub(super) fn listed(folder: PathBuf) -> Output {
    let files = list(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "There is no such folder any more.".to_owned(),
        io::ErrorKind::PermissionDenied => "This folder may not be read.".to_owned(),
        io::ErrorKind::NotADirectory => "This is not a folder.".to_owned(),
        _ => format!("This folder cannot be read: {error}."),
    });
    Output::Listed(folder, files)
}

/// What reading a file gave.
#[derive(Debug)]
pub struct Reading {
    /// The file.
    pub file: FilePath,
    /// The text on the disk; none for what is no text.
    pub text: Option<Arc<str>>,
    /// The text in the editor, which was read instead if there is one.
    pub draft: Option<Arc<str>>,
    /// What is in it.
    pub result: Result<Content, ReadError>,
}

pub(super) fn read(file: FilePath, draft: Option<Arc<str>>) -> Output {
    let text = text_of(&file);
    let result = match draft.as_ref().or(text.as_ref()) {
        Some(text) => inspect(&Edited { path: file.to_path_buf(), text: Arc::clone(text) }, &file),
        None => inspect(&Disk, &file),
    };
    Output::Read(Reading { file, text, draft, result })
}

fn text_of(file: &Path) -> Option<Arc<str>> {
    if is_onnx(file) {
        return None;
    }
    let bytes = Disk.read(file, MOST_BYTES + 1).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    (text.len() as u64 <= MOST_BYTES).then(|| Arc::from(text))
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
