//! What one step of each slider costs.

use std::{collections::HashMap, sync::Arc};

use inceptive_app::{Inspected, design};
use inceptive_dsl::{Constraint, Setting};
use inceptive_results::Metric;

use super::{Output, Reporter, Text};
use crate::targets::broken;

/// The metrics that are shown of a design, from above.
pub const METRICS: [Metric; 6] = [
    Metric::Params,
    Metric::Macs,
    Metric::Flops,
    Metric::Acts,
    Metric::WeightBytes,
    Metric::PeakActivationBytes,
];

/// A value of each of [`METRICS`].
pub type Counts = [u64; METRICS.len()];

/// A network, and values that one setting each would have after one step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepsRequest {
    /// The file that is changed.
    pub from: Text,
    /// Its settings.
    pub settings: Vec<Setting>,
    /// The steps; each is taken alone.
    pub steps: Vec<Setting>,
    /// What no step may break.
    pub targets: Arc<[Constraint]>,
}

/// What steps cost.
#[derive(Clone, Debug)]
pub struct StepCosts {
    /// The counts before any step.
    pub before: Counts,
    /// The counts after the step of a key; not of those that do not fit.
    pub after: HashMap<String, Counts>,
    /// The targets that the steps of keys would break.
    pub broken: HashMap<String, String>,
}

/// Counts a network after each of the steps; gives what is known when it is stopped.
pub(super) fn count(request: StepsRequest, report: &Reporter) -> Output {
    let files = Text::files([&request.from]);
    let counted = |settings: &[Setting]| design(&files, &request.from.file, settings).ok();
    let costs = counted(&request.settings).map(|before| {
        let (mut after, mut locked) = (HashMap::new(), HashMap::new());
        for step in &request.steps {
            if report.is_stopped() {
                break;
            }
            let others = request.settings.iter().filter(|setting| setting.key != step.key);
            let settings: Vec<Setting> = others.chain([step]).cloned().collect();
            if let Some(found) = counted(&settings) {
                after.insert(step.key.clone(), counts(&found));
                if let Some(target) = broken(&request.targets, &before, &found) {
                    locked.insert(step.key.clone(), target.to_string());
                }
            }
        }
        Arc::new(StepCosts { before: counts(&before), after, broken: locked })
    });
    Output::Steps(request, costs)
}

fn counts(network: &Inspected) -> Counts {
    let (graph, cost) = (&network.architecture.graph, &network.cost);
    METRICS.map(|metric| metric.count(graph, cost).unwrap_or(0))
}
