//! Networks with other settings, and networks of a space by cost.

use std::{ops::ControlFlow, sync::Arc};

use inceptive_app::{
    CloudPlan, Content, Inspected, NewFile, OverlayFiles, SpacePoints, design, save_variant,
};
use inceptive_dsl::{Disk, Files, Settables, Setting, Space, settables};

use super::{Output, Progress, Reporter};
use crate::file::FilePath;

/// A network or a point of a space, to be counted.
#[derive(Clone, Debug)]
pub struct DesignRequest {
    /// The file.
    pub file: FilePath,
    /// Its text if that is in an editor.
    pub text: Option<Arc<str>>,
    /// The content of its file.
    pub base: Content,
    /// The settings.
    pub settings: Vec<Setting>,
}

impl DesignRequest {
    /// Whether another request is about the same reading of the same file.
    pub fn is_about(&self, base: &Content) -> bool {
        match (&self.base, base) {
            (Content::Network(a), Content::Network(b)) => Arc::ptr_eq(a, b),
            (Content::Space(a), Content::Space(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl PartialEq for DesignRequest {
    fn eq(&self, other: &Self) -> bool {
        self.is_about(&other.base) && self.settings == other.settings
    }
}

/// What came of a design.
#[derive(Debug)]
pub struct Designed {
    /// The network; why there is none.
    pub network: Result<Arc<Inspected>, String>,
    /// The settable values, if there are no settings.
    pub settables: Option<Arc<Settables>>,
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

pub(super) fn count(request: DesignRequest) -> Output {
    let edited;
    let files: &dyn Files = match &request.text {
        Some(text) => {
            edited = OverlayFiles { path: request.file.to_path_buf(), text: Arc::clone(text) };
            &edited
        }
        None => &Disk,
    };
    let is_plain = request.settings.is_empty();
    let network = match &request.base {
        Content::Network(network) if is_plain => Ok(Arc::clone(network)),
        _ => design(files, &request.file, &request.settings)
            .map(Arc::new)
            .map_err(|error| inceptive_app::error_chain(&error)),
    };
    let is_network = matches!(request.base, Content::Network(_));
    let settables = match is_plain && is_network {
        true => settables(files, &request.file).ok().map(Arc::new),
        false => None,
    };
    Output::Designed(request, Designed { network, settables })
}

pub(super) fn save(new: NewFile) -> Output {
    let saved = save_variant(&new);
    Output::DesignSaved(new, saved)
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
