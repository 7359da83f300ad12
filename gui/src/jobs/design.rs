//! Networks with other settings, and networks of a space by cost.

use std::sync::Arc;

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, Files, Settables, Setting, Space, settables};
use inceptive_jobs::{Content, Edited, Inspected, NewFile, broken, design, save_variant};

use super::{Output, Progress, Reporter};
use crate::model::FilePath;

/// A network or a point of a space, to be counted.
#[derive(Clone, Debug)]
pub struct DesignRequest {
    /// The file.
    pub file: FilePath,
    /// Its text if that is in an editor.
    pub text: Option<Arc<str>>,
    /// What was read from it.
    pub base: Content,
    /// What is set.
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
    /// What can be set, if nothing was.
    pub settables: Option<Arc<Settables>>,
}

/// A network of a space with its counts.
#[derive(Clone, Debug)]
pub struct CloudPoint {
    /// The values of the variables.
    pub values: Vec<String>,
    /// Learned numbers.
    pub params: u64,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Outputs of convolutions and linear layers.
    pub acts: u64,
    /// Bytes of results at most.
    pub peak_activation_bytes: u64,
    /// Whether it satisfies the constraints of the space.
    pub is_inside: bool,
}

/// Networks of a space by cost.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// The space.
    pub space: Arc<Space>,
    /// Networks whose values do not fit together.
    pub failed: usize,
    /// The others.
    pub points: Vec<CloudPoint>,
}

pub(super) fn count(request: DesignRequest) -> Output {
    let edited;
    let files: &dyn Files = match &request.text {
        Some(text) => {
            edited = Edited { path: request.file.to_path_buf(), text: Arc::clone(text) };
            &edited
        }
        None => &Disk,
    };
    let is_plain = request.settings.is_empty();
    let network = match &request.base {
        Content::Network(network) if is_plain => Ok(Arc::clone(network)),
        _ => design(files, &request.file, &request.settings)
            .map(Arc::new)
            .map_err(|error| inceptive_jobs::chain(&error)),
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

/// Counts networks of a space: all of them if there are at most `most`, else as many, spread evenly.
pub(super) fn cloud(space: &Arc<Space>, most: usize, report: &Reporter) -> Output {
    let size = space.size();
    let count = usize::try_from(size).map_or(most, |size| size.min(most));
    let mut cloud = Cloud { space: Arc::clone(space), failed: 0, points: vec![] };
    for at in 0..count {
        if report.is_stopped() {
            break;
        }
        if at % 64 == 0 {
            let share = at as f32 / count as f32;
            report.progress(Progress { share, activity: format!("{at} of {count} networks") });
        }
        match point(space, &choices(space, place(at, count, size))) {
            Some(point) => cloud.points.push(point),
            None => cloud.failed += 1,
        }
    }
    Output::Clouded(Arc::new(cloud))
}

/// The n-th of `count` places in a space.
fn place(at: usize, count: usize, size: u128) -> u128 {
    if size == count as u128 {
        return at as u128;
    }
    // Multiples of the golden ratio fill the unit interval evenly (Weyl 1916); here in units of 2^-64.
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let fraction = GOLDEN.wrapping_mul(at as u64 + 1);
    let size = size.min(u128::from(u64::MAX));
    (u128::from(fraction) * size) >> 64
}

/// The positions of the values at a place, the last variable changing fastest.
fn choices(space: &Space, mut at: u128) -> Vec<usize> {
    let mut choices = vec![0; space.variables.len()];
    for (choice, variable) in choices.iter_mut().zip(&space.variables).rev() {
        let count = variable.values.len() as u128;
        *choice = usize::try_from(at % count).unwrap_or_default();
        at /= count;
    }
    choices
}

fn point(space: &Space, choices: &[usize]) -> Option<CloudPoint> {
    let network = space.network(choices).ok()?;
    let cost = Cost::new(&network.graph, Mode::Inference);
    Some(CloudPoint {
        values: network.point.iter().map(|(_, value)| value.clone()).collect(),
        params: cost.total.params,
        macs: cost.total.macs,
        acts: cost.total.acts,
        peak_activation_bytes: cost.peak.bytes,
        is_inside: broken(&network, &cost).is_empty(),
    })
}
