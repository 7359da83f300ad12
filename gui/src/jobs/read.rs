//! Reading folders and files; writing reports.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use inceptive_app::{
    Content, DEFAULT_SAMPLES, GatherEvent, OverlayFiles, ReadError, ReproCommand, Request,
    error_chain, input_name, inspect, is_onnx, list, report_on,
};
use inceptive_dsl::{Disk, Files, Setting};
use inceptive_files::{InputFiles, disk};
use inceptive_report::Analysis;

use super::{
    Output, Progress, Reporter,
    design::{Made, Text, made},
};
use crate::file::{FilePath, folder_problem};

/// The largest text that is edited, in bytes: larger YAML is refused anyway.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// Networks and spaces to report on.
#[derive(Clone, Debug)]
pub struct ReportRequest {
    /// Their files, with settings.
    pub networks: Vec<Request>,
    /// Where the report goes.
    pub folder: PathBuf,
    /// The results to show.
    pub store: PathBuf,
    /// All files that were read.
    pub inputs: InputFiles,
}

/// A text whose steps are to be found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRequest {
    /// The file.
    pub file: FilePath,
    /// Its text, on the disk or in an editor.
    pub text: Arc<str>,
}

pub(super) fn listed(folder: PathBuf) -> Output {
    let files = list(&folder).map_err(|error| folder_problem(&error));
    Output::Listed(folder, files)
}

/// What reading a file gave.
#[derive(Debug)]
pub struct Reading {
    /// The file.
    pub file: FilePath,
    /// What was set of it, if it is an ONNX file.
    pub settings: Vec<Setting>,
    /// The text on the disk; `None` if it is not text, such as an ONNX file.
    pub text: Option<Arc<str>>,
    /// Whether the file was not there any more.
    pub is_gone: bool,
    /// When the file was written.
    pub written: Option<SystemTime>,
    /// The text in the editor, which was read instead if there is one.
    pub draft: Option<Arc<str>>,
    /// Its content.
    pub result: Result<Content, ReadError>,
    /// How it makes a network of another one, if it is a text that sliders can make.
    pub made: Option<Made>,
}

/// A file to be read, checked and counted.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// The file; its text may be in an editor.
    pub own: Text,
    /// The file that it was made of, which may be in an editor too.
    pub from: Option<Text>,
    /// What is set of it, if it is an ONNX file.
    pub settings: Vec<Setting>,
}

pub(super) fn read(request: ReadRequest) -> Output {
    let ReadRequest { own: Text { file, text: draft }, from, settings } = request;
    let text = text_of(&file);
    // The text is what is shown, also if the file changes now.
    let own = Text { file: Arc::clone(&file), text: draft.clone().or_else(|| text.clone()) };
    let files = Text::files(from.iter().chain([&own]));
    let result = inspect(&files, &file, &settings);
    let extends = own.text.as_ref().is_some_and(|text| text.contains("\nextends:"));
    let made = if extends && result.is_ok() { made(&files, &file) } else { None };
    let is_gone = !disk::exists(&file);
    let written = disk::metadata(&file).and_then(|about| about.modified()).ok();
    Output::Read(Reading { file, settings, text, is_gone, written, draft, result, made })
}

/// Finds where the steps of a network are written.
pub(super) fn trace(request: TraceRequest) -> Output {
    let files = OverlayFiles::one(request.file.to_path_buf(), Arc::clone(&request.text));
    let trace = inceptive_dsl::trace(&files, &request.file).ok().map(Arc::new);
    Output::Traced(request, trace)
}

fn text_of(file: &Path) -> Option<Arc<str>> {
    if is_onnx(file) {
        return None;
    }
    let bytes = Disk.read(file, MOST_BYTES + 1).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    (text.len() as u64 <= MOST_BYTES).then(|| Arc::from(text))
}

pub(super) fn report(request: &ReportRequest, report: &Reporter) -> Result<Output, String> {
    let step = |share: f32, activity: &str| {
        report.progress(Progress { share, activity: activity.to_owned() });
    };
    let command = ReproCommand {
        inputs: request.networks.iter().map(input_name).collect(),
        samples: DEFAULT_SAMPLES,
        store: request.store.clone(),
        out: request.folder.clone(),
        ..ReproCommand::default()
    };
    let files = AtomicUsize::new(0);
    let unless_stopped =
        || if report.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let goes_on = |event: GatherEvent<'_>| {
        let share =
            |done: usize| (done as f32 / request.networks.len().max(1) as f32).min(1.0) * 0.7;
        match event {
            GatherEvent::Reading(file) => {
                let before = files.fetch_add(1, Ordering::Relaxed);
                step(share(before), &format!("reading {}", file.display()));
            }
            GatherEvent::Counting { space, done, of } => {
                let text = format!("counting {space}: {done} of {of} networks");
                step(share(files.load(Ordering::Relaxed)), &text);
            }
        }
        unless_stopped()
    };
    let made = report_on(&command, &goes_on, &mut |trouble| report.note(error_chain(trouble)));
    let Some((page, mut inputs)) = made.map_err(|error| error_chain(&error))? else {
        return Err("stopped".to_owned());
    };
    inputs.extend(&request.inputs);
    step(0.7, "drawing");
    let findings = Analysis::new(&page.candidates);
    if report.is_stopped() {
        return Err("stopped".to_owned());
    }
    let mut wait = || {
        step(0.9, "another run is writing this folder; waiting for it");
        unless_stopped()
    };
    let written = inceptive_report::write(&page, &findings, &request.folder, &inputs, &mut wait);
    written.map(Output::Written).map_err(|error| error_chain(&error))
}
