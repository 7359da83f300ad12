//! Reading folders, files and the store; writing reports.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_dsl::{Disk, Files};
use inceptive_jobs::{
    Content, DEFAULT_SAMPLES, Edited, GatherPlan, ReadError, Recipe, StoreQuery, chain, gather,
    inspect, is_onnx, list,
};
use inceptive_report::Findings;
use inceptive_store::Filter;

use super::{Output, Progress, Reporter};
use crate::model::{FilePath, Results};

/// The largest text that is edited, in bytes: larger YAML is refused anyway.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// Networks and spaces to report on.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    /// Their files.
    pub files: Vec<FilePath>,
    /// Where the report goes.
    pub folder: PathBuf,
    /// The results to show.
    pub store: PathBuf,
}

pub(super) fn listed(folder: PathBuf) -> Output {
    let files = list(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "There is no such folder.".to_owned(),
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
    /// Whether the file was not there any more.
    pub is_gone: bool,
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
    let is_gone = !file.exists();
    Output::Read(Reading { file, text, is_gone, draft, result })
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

pub(super) fn report(request: &ReportRequest, report: &Reporter) -> Result<Output, String> {
    let step = |share, activity: &str| {
        report.progress(Progress { share, activity: activity.to_owned() });
    };
    step(0.0, "reading");
    let recipe = Recipe {
        inputs: request.files.iter().map(|file| file.display().to_string()).collect(),
        samples: DEFAULT_SAMPLES,
        store: request.store.clone(),
        out: request.folder.clone(),
        ..Recipe::default()
    };
    let mut gathered = gather(&GatherPlan {
        inputs: request.files.iter().map(|file| file.to_path_buf()).collect(),
        settings: vec![],
        samples: recipe.samples,
        seed: recipe.seed,
    });
    gathered.troubles.iter().for_each(|trouble| report.note(chain(trouble)));
    if gathered.candidates.is_empty() && gathered.clouds.is_empty() {
        return Err("there is no network to report on".to_owned());
    }
    if report.is_stopped() {
        return Err("stopped".to_owned());
    }
    step(0.5, "joining results");
    let query = StoreQuery { path: request.store.clone(), filter: Filter::default() };
    let up_to = match request.store.exists() {
        true => gathered.join(&query, false).map_err(|error| chain(&error))?,
        false => None,
    };
    step(0.7, "drawing");
    let inputs = std::mem::take(&mut gathered.inputs);
    let page = gathered.into_report(&Recipe { up_to, ..recipe });
    let findings = Findings::new(&page.candidates);
    let written = inceptive_report::write(&page, &findings, &request.folder, &inputs);
    written.map(Output::Written).map_err(|error| chain(&error))
}
