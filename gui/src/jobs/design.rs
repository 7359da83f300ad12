//! Networks with other settings, and networks of a space by cost.

use std::{ops::ControlFlow, sync::Arc};

use inceptive_app::{
    CloudPlan, Content, Inspected, NewFile, OverlayFiles, ReadError, SpacePoints, design,
    error_chain, inspect, save_variant,
};
use inceptive_dsl::{Settables, Setting, Space, settables, variant, variant_of};

use super::{
    Output, Progress, Reporter,
    keep::{Keep, Stopped, stop},
};
use crate::{changes::Changes, file::FilePath};

/// A file whose text may be in an editor.
#[derive(Clone, Debug)]
pub struct Text {
    /// The file.
    pub file: FilePath,
    /// Its text if that is not the one on the disk.
    pub text: Option<Arc<str>>,
}

impl Text {
    /// The disk, with the texts of these files as they are in editors.
    pub(super) fn files<'a>(texts: impl IntoIterator<Item = &'a Self>) -> OverlayFiles {
        let texts = texts.into_iter();
        let edited = texts.filter_map(|it| Some((it.file.to_path_buf(), it.text.clone()?)));
        OverlayFiles { texts: edited.collect() }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        let text = |it: &Self| it.text.as_ref().map(Arc::as_ptr);
        self.file == other.file && text(self) == text(other)
    }
}

/// A network or a space that designs are made of.
#[derive(Clone, Debug)]
pub struct OriginalRequest {
    /// Its file.
    pub text: Text,
    /// The content of the file.
    pub content: Content,
}

impl OriginalRequest {
    /// Whether it is about this reading of a file.
    pub fn is_about(&self, file: &FilePath, content: &Content) -> bool {
        let is_same = match (&self.content, content) {
            (Content::Network(a), Content::Network(b)) => Arc::ptr_eq(a, b),
            (Content::Space(a), Content::Space(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        self.text.file == *file && is_same
    }
}

/// What is known of an original.
#[derive(Debug)]
pub struct OriginalReading {
    /// The network, or why there is none.
    pub network: Result<Arc<Inspected>, String>,
    /// The settable values of a network.
    pub settables: Option<Arc<Settables>>,
}

/// A design to be written and counted.
#[derive(Clone, Debug)]
pub struct DesignRequest {
    /// The file that it is, or will be.
    pub file: FilePath,
    /// The file that it is made of.
    pub from: Text,
    /// The settings.
    pub changes: Changes,
    /// The name of the network.
    pub name: String,
    /// What it is kept within; `None` where the settings are taken as they are.
    pub keep: Option<Keep>,
}

impl DesignRequest {
    /// Whether both make the same network, whatever it is kept within.
    pub fn is_same(&self, other: &Self) -> bool {
        let parts = |it: &Self| (it.file.clone(), it.changes.clone(), it.name.clone());
        self.from == other.from && parts(self) == parts(other)
    }
}

/// A design as a file.
#[derive(Debug)]
pub struct DesignReading {
    /// Its text.
    pub text: Arc<str>,
    /// Its content, or the errors in it.
    pub content: Result<Content, ReadError>,
    /// The setting that a target stopped; the design has its settings.
    pub stopped: Option<Stopped>,
}

/// How a text makes a network of another one by settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The file of the other one.
    pub from: FilePath,
    /// The name of the network.
    pub name: String,
    /// The settings.
    pub changes: Changes,
}

/// A space whose networks are to be counted.
#[derive(Clone, Debug)]
pub struct CloudRequest {
    /// The file.
    pub file: FilePath,
    /// The space as read from its file.
    pub space: Arc<Space>,
    /// Maximum number of networks that are counted.
    pub most: usize,
}

/// Networks of a space by cost.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// The file of the space.
    pub file: FilePath,
    /// What is known of the space, as in reports; its points are in [`Cloud::points`].
    pub counts: inceptive_report::Cloud,
    /// The networks that were counted.
    pub points: SpacePoints,
    /// Whether it was stopped before all were counted.
    pub is_stopped: bool,
}

pub(super) fn original(request: OriginalRequest) -> Output {
    let files = Text::files([&request.text]);
    let file = &request.text.file;
    let network = match &request.content {
        Content::Network(network) => Ok(Arc::clone(network)),
        _ => design(&files, file, &[]).map(Arc::new).map_err(|error| error_chain(&error)),
    };
    let settables = match &request.content {
        Content::Network(_) => settables(&files, file).ok().map(Arc::new),
        _ => None,
    };
    Output::Original(request, OriginalReading { network, settables })
}

/// Writes a design as the text that its file will have, and reads that.
pub(super) fn count(request: DesignRequest) -> Output {
    let DesignRequest { file, from, changes, name, keep } = &request;
    let files = Text::files([from]);
    let stopped = keep.as_ref().and_then(|keep| stop(&files, &from.file, keep, changes));
    let changes = stopped.as_ref().map_or(changes, |stopped| &stopped.changes);
    let written = variant(&files, &from.file, &changes.settings(), name);
    let reading = written.map_err(ReadError::Yaml).map(|variant| {
        let text: Arc<str> = Arc::from(variant.yaml);
        let own = Text { file: Arc::clone(file), text: Some(Arc::clone(&text)) };
        let content = inspect(&Text::files([from, &own]), file, &[]);
        Box::new(DesignReading { text, content, stopped })
    });
    Output::Designed(Box::new(request), reading)
}

/// How the text of a file makes a network of another one, if sliders and choices can make exactly this text.
pub(super) fn made(files: &OverlayFiles, file: &FilePath) -> Option<Made> {
    let found = variant_of(files, file)?;
    let all = settables(files, &found.base).ok()?;
    let can_be_set = |it: &Setting| it.key == "tail" || all.number(&it.key).is_some();
    if !found.settings.iter().all(can_be_set) {
        return None;
    }
    let mut changes = Changes::default();
    for Setting { key, value } in found.settings {
        changes.set(&key, Some(value));
    }
    Some(Made { from: Arc::from(found.base), name: found.name, changes })
}

/// Writes several networks, each as a file of its own.
pub(super) fn save_all(all: Vec<NewFile>) -> Output {
    let save = |new: NewFile| {
        let saved = save_variant(&new);
        (new, saved)
    };
    Output::PointsSaved(all.into_iter().map(save).collect())
}

/// Counts networks of a space, the same ones as a report does.
pub(super) fn cloud(request: &CloudRequest, report: &Reporter) -> Output {
    let plan = CloudPlan { most: request.most, seed: 0 };
    let mut counts = inceptive_app::cloud(&request.space, plan, &|done, of| {
        let share = done as f32 / of as f32;
        report.progress(Progress { share, activity: format!("{done} of {of} networks") });
        if report.is_stopped() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let (file, is_stopped) = (Arc::clone(&request.file), report.is_stopped());
    let points = SpacePoints::take(&mut counts);
    Output::Clouded(Arc::new(Cloud { file, counts, points, is_stopped }))
}
