//! Explorations: what a search in a space planned, and what it found.

use serde::{Deserialize, Serialize};

use crate::{
    accuracy_judgement::AccuracyJudgement,
    machine::Machine,
    measurement::NetworkInfo,
    metric::{Direction, Metric, Objective},
    plausible::{is_amount, is_correlation, is_finish, is_seconds},
    proxy_score::ProxyScore,
    record::{Record, Run},
    statistics::Estimate,
};

/// A search in a space of networks under a budget of time: its plan, saved before it starts, and at the end the same with
/// its results. The plan is what a search that was interrupted goes on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exploration {
    /// The space.
    pub space: SpaceInfo,
    /// What was requested.
    pub request: ExplorationRequest,
    /// What counting the space gave.
    pub counted: CountedSpace,
    /// Epochs after which networks are compared, the last of the recipe at the end, each with the number of networks that
    /// are trained until then.
    pub rungs: Vec<[u32; 2]>,
    /// The waves in which networks are chosen and trained for the first rung, if that is not all at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Wave>,
    /// Networks that are trained with all seeds, at most.
    pub finalists: u32,
    /// The time that was expected to be needed, in seconds.
    pub planned_seconds: f64,
    /// The machine.
    pub machine: Machine,
    /// The version of this program.
    pub version: String,
    /// When it was planned, in milliseconds since 1970 (UTC).
    pub planned_unix_ms: u64,
    /// When it was finished, in milliseconds since 1970 (UTC); `None` of a plan.
    pub finished_unix_ms: Option<u64>,
    /// The networks that were chosen, in the order of choice. Those of waves that were not chosen yet may be replaced.
    pub networks: Vec<ExploredNetwork>,
    /// The correlation that two seeds of the same network would have after the first rung, from the spread between the seeds
    /// of the finalists: no prediction exceeds it by much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed_correlation: Option<f64>,
    /// Which of the finalists is wanted. It changes nothing about the search, so it is no part of the request.
    #[serde(default, skip_serializing_if = "Preference::is_empty")]
    pub preference: Preference,
}

/// Networks that are chosen and trained together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wave {
    /// How many.
    pub networks: u32,
    /// How well the accuracies of the networks before it could be predicted; `None` of the first wave, and if too few of them
    /// have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<AccuracyJudgement>,
    /// How many of its networks a surrogate proposed; `None` until they are chosen.
    #[serde(default)]
    pub proposed: Option<u32>,
}

/// Which of the finalists of an exploration is wanted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Preference {
    /// A condition that it satisfies, such as `median_ms < 3`.
    pub condition: Option<String>,
    /// How much metrics weigh, if not all objectives weigh 1.
    #[serde(default)]
    pub weights: Vec<(Metric, f64)>,
}

impl Preference {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.condition.is_none() && self.weights.is_empty()
    }
}

/// The space of an exploration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceInfo {
    /// Its title.
    pub title: String,
    /// Its file, as it was given.
    pub file: String,
    /// SHA-256 of the files that it was read from, in hexadecimal.
    pub fingerprint: String,
    /// Its variables.
    pub variables: Vec<String>,
}

/// What was requested of an exploration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplorationRequest {
    /// Conditions that all networks satisfy: those of the space and those of the request.
    pub conditions: Vec<String>,
    /// The objectives, accuracy included.
    pub objectives: Vec<ObjectiveInfo>,
    /// The data set.
    pub dataset: String,
    /// SHA-256 of its content, in hexadecimal.
    pub dataset_fingerprint: String,
    /// The recipe.
    pub recipe: String,
    /// SHA-256 of the keys of the recipe that affect the training, in hexadecimal.
    pub recipe_fingerprint: String,
    /// Time that it may need, in seconds; `None` if the number of networks was given.
    pub budget_s: Option<f64>,
    /// The number of networks to train, if it was given.
    pub networks: Option<u32>,
    /// Seeds of each finalist.
    pub seeds: u32,
    /// The seed of the choice, and the first seed of training.
    pub seed: u64,
    /// Scores of untrained networks that the surrogate may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scores: Vec<ProxyScore>,
}

/// An objective of an exploration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectiveInfo {
    /// The metric.
    pub metric: Metric,
    /// Whether large values are wanted.
    pub maximize: bool,
}

impl From<Objective> for ObjectiveInfo {
    fn from(Objective { metric, direction }: Objective) -> Self {
        Self { metric, maximize: direction == Direction::Maximize }
    }
}

impl From<ObjectiveInfo> for Objective {
    fn from(ObjectiveInfo { metric, maximize }: ObjectiveInfo) -> Self {
        let direction = if maximize { Direction::Maximize } else { Direction::Minimize };
        Self { metric, direction }
    }
}

/// What counting a space gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountedSpace {
    /// Networks in the space, as a decimal number: it may be larger than 2^64.
    pub size: String,
    /// How many points were counted.
    pub points: u64,
    /// How many of them satisfy the conditions.
    pub feasible: u64,
    /// Whether all points of the space were counted.
    pub complete: bool,
    /// How long counting took, in seconds.
    pub seconds: f64,
}

/// A network of an exploration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExploredNetwork {
    /// The value of each variable of the space.
    pub values: Vec<String>,
    /// The network.
    pub subject: NetworkInfo,
    /// Fingerprint of the graph that is trained.
    pub training_fingerprint: String,
    /// Its validation accuracy in percent after each rung that it was trained for; `None` where it diverged.
    #[serde(default)]
    pub rungs: Vec<Option<f64>>,
    /// What is known of it at the end, if it was trained with all epochs.
    #[serde(default)]
    pub outcome: Option<ExploredOutcome>,
}

/// What an exploration found about a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExploredOutcome {
    /// Mean top-1 accuracy on the test images over its seeds, in percent.
    pub top1: Estimate,
    /// The standard error of this mean, in percentage points.
    pub top1_error: f64,
    /// Top-1 accuracy of each seed.
    pub seeds: Vec<f64>,
    /// Median latency in milliseconds, if it was measured.
    pub latency_ms: Option<Estimate>,
    /// The probability that it is Pareto-optimal among the finalists; `None` if it is none of them.
    pub probability: Option<f64>,
    /// Whether it is Pareto-optimal by its estimates.
    pub on_front: bool,
}

/// What an exploration goes on with: the same request for the same space.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ExplorationKey<'r> {
    space: &'r str,
    /// The request, as text: it has numbers.
    request: String,
}

impl Exploration {
    /// Whether it has its results.
    pub const fn is_finished(&self) -> bool {
        self.finished_unix_ms.is_some()
    }

    /// The networks on the front.
    pub fn front(&self) -> impl Iterator<Item = (&ExploredNetwork, &ExploredOutcome)> {
        let outcome = |network| Some((network, ExploredNetwork::outcome(network)?));
        self.networks.iter().filter_map(outcome).filter(|(_, outcome)| outcome.on_front)
    }
}

impl ExploredNetwork {
    fn outcome(&self) -> Option<&ExploredOutcome> {
        self.outcome.as_ref()
    }

    /// A value of an objective; `None` where it is not known.
    pub fn value(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Top1 => Some(self.outcome.as_ref()?.top1.value),
            Metric::Latency => Some(self.outcome.as_ref()?.latency_ms?.value),
            #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
            other => other.recorded(&self.subject).map(|count| count as f64),
        }
    }
}

impl Record for Exploration {
    const TABLE: &'static str = "exploration";
    const NAME: &'static str = "exploration";
    const PLURAL: &'static str = "explorations";
    // It is of many networks.
    const IS_OURS: bool = false;
    const IS_SHOWN: bool = true;

    type Key<'r> = ExplorationKey<'r>;

    fn key(&self) -> ExplorationKey<'_> {
        let request = serde_json::to_string(&self.request).unwrap_or_default();
        ExplorationKey { space: &self.space.fingerprint, request }
    }

    fn run(&self) -> Option<Run<'_>> {
        None
    }

    fn check(&self) -> Result<(), String> {
        is_seconds("planned_seconds", self.planned_seconds)?;
        is_seconds("counted.seconds", self.counted.seconds)?;
        is_finish(self.planned_unix_ms)?;
        self.finished_unix_ms.map_or(Ok(()), is_finish)?;
        self.request.budget_s.map_or(Ok(()), |budget| is_seconds("budget_s", budget))?;
        if self.counted.feasible > self.counted.points {
            return Err("more networks are feasible than were counted".to_owned());
        }
        let mut before = 0;
        for &[epochs, _] in &self.rungs {
            if epochs <= before {
                return Err(format!("rungs are at {before} and then {epochs} epochs"));
            }
            before = epochs;
        }
        self.check_waves()?;
        for &(metric, weight) in &self.preference.weights {
            is_amount(metric.id(), weight)?;
        }
        self.networks.iter().try_for_each(|network| self.check_network(network))
    }
}

impl Exploration {
    fn check_waves(&self) -> Result<(), String> {
        let total: u64 = self.waves.iter().map(|wave| u64::from(wave.networks)).sum();
        if !self.waves.is_empty() && total != self.networks.len() as u64 {
            return Err(format!(
                "{total} networks are in waves, {} are planned",
                self.networks.len()
            ));
        }
        for wave in &self.waves {
            if wave.proposed > Some(wave.networks) {
                return Err("more networks were proposed than a wave has".to_owned());
            }
            wave.judgement.as_ref().map_or(Ok(()), AccuracyJudgement::check)?;
        }
        self.seed_correlation.map_or(Ok(()), |value| is_correlation("seed_correlation", value))
    }

    fn check_network(&self, network: &ExploredNetwork) -> Result<(), String> {
        let (values, variables) = (network.values.len(), self.space.variables.len());
        if values != variables {
            return Err(format!("a network has {values} values of {variables} variables"));
        }
        if network.rungs.len() > self.rungs.len() {
            return Err("a network was trained for more rungs than there are".to_owned());
        }
        let is_percent = |value: f64| (0.0..=100.0).contains(&value);
        if network.rungs.iter().flatten().any(|&accuracy| !is_percent(accuracy)) {
            return Err("an accuracy of a rung is not a percentage".to_owned());
        }
        let Some(outcome) = &network.outcome else { return Ok(()) };
        if !is_percent(outcome.top1.value) || !outcome.seeds.iter().all(|&top1| is_percent(top1)) {
            return Err("top1 is not a percentage".to_owned());
        }
        if outcome.seeds.is_empty() {
            return Err("a network has an accuracy and no seeds".to_owned());
        }
        is_amount("top1_error", outcome.top1_error)?;
        for estimate in [Some(outcome.top1), outcome.latency_ms].into_iter().flatten() {
            let Estimate { value, low, high } = estimate;
            if !(low.is_finite() && high.is_finite() && low <= value && value <= high) {
                return Err(format!("{value} is not between {low} and {high}"));
            }
        }
        if let Some(latency) = outcome.latency_ms {
            is_amount("latency_ms", latency.low)?;
        }
        match outcome.probability {
            Some(probability) if !(0.0..=1.0).contains(&probability) => {
                Err(format!("probability is {probability}"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::exploration;

    #[test]
    fn impossible_explorations_are_told() {
        let good = exploration();
        assert_eq!(good.check(), Ok(()));
        // As it was written before there were waves.
        let text = serde_json::to_string(&good).unwrap();
        assert!(!text.contains("waves") && !text.contains("seed_correlation"), "{text}");
        assert_eq!(serde_json::from_str::<Exploration>(&text).unwrap(), good);
        type Change = fn(&mut Exploration);
        let cases: [(&str, Change); 9] = [
            ("more networks are feasible", |it| it.counted.feasible = it.counted.points + 1),
            ("planned_seconds is NaN", |it| it.planned_seconds = f64::NAN),
            ("rungs are at 2 and then 1", |it| it.rungs = vec![[2, 4], [1, 2]]),
            ("a network has 0 values", |it| it.networks[0].values.clear()),
            ("an accuracy of a rung", |it| it.networks[0].rungs = vec![Some(101.0)]),
            ("top1 is not", |it| it.networks[0].outcome.as_mut().unwrap().top1.value = -1.0),
            ("no seeds", |it| it.networks[0].outcome.as_mut().unwrap().seeds.clear()),
            ("macs is -1", |it| it.preference.weights = vec![(Metric::Macs, -1.0)]),
            ("probability is 2", |it| {
                it.networks[0].outcome.as_mut().unwrap().probability = Some(2.0);
            }),
        ];
        for (expected, change) in cases {
            let mut bad = good.clone();
            change(&mut bad);
            let found = bad.check().unwrap_err();
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn waves_add_up() {
        type Change = fn(&mut Exploration);
        let cases: [(&str, Change); 4] = [
            ("25 networks are in waves, 24 are", |it| it.waves[0].networks += 1),
            ("more networks were proposed", |it| it.waves[1].proposed = Some(13)),
            ("correlation is NaN", |it| {
                it.waves[1].judgement.as_mut().unwrap().correlation = f64::NAN;
            }),
            ("seed_correlation is 2", |it| it.seed_correlation = Some(2.0)),
        ];
        let good = crate::example::search();
        assert_eq!(good.check(), Ok(()));
        for (expected, change) in cases {
            let mut bad = good.clone();
            change(&mut bad);
            let found = bad.check().unwrap_err();
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn a_plan_and_its_result_have_one_key() {
        let finished = exploration();
        let plan = Exploration { finished_unix_ms: None, ..exploration() };
        assert_eq!(plan.key(), finished.key());
        let mut other = exploration();
        other.request.seed += 1;
        assert_ne!(other.key(), finished.key());
        assert_eq!(finished.front().count(), 1);
        assert_eq!(finished.networks[0].value(Metric::Top1), Some(90.0));
        assert_eq!(finished.networks[1].value(Metric::Latency), None);
    }
}
