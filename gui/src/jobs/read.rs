//! Reading folders, files and the store; writing reports.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_dsl::Disk;
use inceptive_jobs::{
    DEFAULT_SAMPLES, Edited, GatherPlan, Recipe, StoreQuery, chain, gather, inspect, list,
};
use inceptive_report::Findings;
use inceptive_store::Filter;

use super::{Output, Progress, Reporter};
use crate::model::{FilePath, Results};

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
    let page = gathered.into_report(&Recipe { up_to, ..recipe });
    let findings = Findings::new(&page.candidates);
    let written = inceptive_report::write(&page, &findings, &request.folder);
    written.map(Output::Written).map_err(|error| chain(&error))
}
