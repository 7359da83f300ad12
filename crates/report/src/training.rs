//! Trained networks, ranked by test accuracy for each data set and recipe.

use std::{
    collections::{HashMap, HashSet},
    ops::Range,
};

use inceptive_results::{
    DatasetInfo, NetworkFact, RankedNetwork, Ranking, RecipeInfo, TrainedAccuracy, TrainingRun,
    distinct_labels,
};

use crate::{
    axis::{Axis, Pair, front_of},
    candidate::NetworkEntry,
};

/// Maximum number of groups with figures and tables.
pub(crate) const MOST_GROUPS: usize = 12;

/// Maximum number of characters of the name of a data set or a recipe in sentences.
const LONGEST_NAME: usize = 120;

/// Networks that were trained on the same images with the same recipe. Accuracies are only comparable within such a group.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingGroup {
    /// The data set.
    pub dataset: DatasetInfo,
    /// The recipe.
    pub recipe: RecipeInfo,
    /// The networks, the best first.
    pub networks: Vec<TrainedNetwork>,
    /// Ranges of two or more consecutive ranks whose intervals all overlap.
    pub ties: Vec<Range<usize>>,
}

/// A network with its runs in a group.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedNetwork {
    /// Its index among the networks of the report.
    pub at: usize,
    /// The displayed name.
    pub name: String,
    /// Its accuracy over all seeds.
    pub accuracy: TrainedAccuracy,
    /// The indices of its runs.
    runs: Vec<usize>,
}

impl TrainedNetwork {
    /// Its runs, including those that diverged.
    pub fn runs<'c>(
        &self,
        candidates: &'c [NetworkEntry],
    ) -> impl Iterator<Item = &'c TrainingRun> + Clone {
        let all = candidates.get(self.at).map_or(&[][..], |candidate| &candidate.trained);
        self.runs
            .iter()
            .filter_map(|&at| all.get(at))
            .map(|it| &it.result)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

impl TrainingGroup {
    /// `fashion-mnist, recipe quick`.
    pub fn label(&self) -> String {
        let [data, recipe] = [&self.dataset.label, &self.recipe.name].map(|name| cut(name));
        format!("{data}, recipe {recipe}")
    }

    /// Whether some interval is that of a mean over seeds.
    pub fn has_seeds(&self) -> bool {
        self.networks.iter().any(|network| network.accuracy.is_over_seeds())
    }

    /// The networks directly before and after a rank that are indistinguishable from the one at this rank.
    pub fn tied_with(&self, place: usize) -> impl Iterator<Item = &TrainedNetwork> {
        let near = place.saturating_sub(1)..place + 2;
        let is_tied = move |other: &usize| {
            self.ties.iter().any(|it| it.contains(&place) && it.contains(other))
        };
        near.filter(move |other| *other != place && is_tied(other))
            .filter_map(|other| self.networks.get(other))
    }

    /// The indices of the Pareto-optimal networks of the group, ordered by cost: those that no other network dominates in
    /// trained accuracy and cost beyond the intervals.
    pub(crate) fn front(&self, candidates: &[NetworkEntry], axis: Axis<'_>) -> Vec<usize> {
        let pair = |network: &TrainedNetwork| {
            Some([axis.cost(&candidates[network.at])?, network.accuracy.top1?])
        };
        let known = self.networks.iter().enumerate().filter_map(|(at, it)| Some((at, pair(it)?)));
        let (places, points): (Vec<usize>, Vec<Pair>) = known.unzip();
        front_of(&points, [false, true]).into_iter().map(|at| places[at]).collect()
    }

    /// The indices of [`TrainingGroup::front`] as a set.
    pub(crate) fn on_front(&self, candidates: &[NetworkEntry], axis: Axis<'_>) -> HashSet<usize> {
        self.front(candidates, axis).into_iter().collect()
    }
}

/// The beginning of a name, if it is too long for a sentence.
fn cut(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// All groups, those with most networks first.
pub(crate) fn training(candidates: &[NetworkEntry]) -> Vec<TrainingGroup> {
    let mut groups: Vec<Vec<RunPlace>> = Vec::new();
    let mut known: HashMap<[&str; 2], usize> = HashMap::new();
    for (candidate, entry) in candidates.iter().enumerate() {
        for (at, stored) in entry.trained.iter().enumerate() {
            let run = &stored.result;
            let key = [run.dataset.fingerprint.as_str(), run.recipe.fingerprint.as_str()];
            let group = *known.entry(key).or_insert_with(|| {
                groups.push(vec![]);
                groups.len() - 1
            });
            groups[group].push(RunPlace { candidate, at });
        }
    }
    let group = |runs: Vec<RunPlace>| TrainingGroup::new(candidates, runs);
    let mut groups: Vec<TrainingGroup> = groups.into_iter().map(group).collect();
    groups.sort_by(|a, b| {
        let by_size = b.networks.len().cmp(&a.networks.len());
        let key = |group: &TrainingGroup| {
            [group.label(), group.dataset.fingerprint.clone(), group.recipe.fingerprint.clone()]
        };
        by_size.then_with(|| key(a).cmp(&key(b)))
    });
    groups
}

/// A run of a network of the report, by their indices.
struct RunPlace {
    candidate: usize,
    at: usize,
}

impl TrainingGroup {
    /// From at least one run; all runs are on the same images with the same recipe.
    fn new(candidates: &[NetworkEntry], runs: Vec<RunPlace>) -> Self {
        let run = |it: &RunPlace| &candidates[it.candidate].trained[it.at].result;
        let (dataset, recipe) = (run(&runs[0]).dataset.clone(), run(&runs[0]).recipe.clone());
        let key = |it: &RunPlace| (it.candidate, run(it).training_fingerprint.as_str());
        let Ranking { networks, ties } = Ranking::new(runs, key, run);
        let mut graphs: HashMap<usize, usize> = HashMap::new();
        for network in &networks {
            *graphs.entry(network.runs[0].candidate).or_default() += 1;
        }
        let network = |RankedNetwork { runs, accuracy }: RankedNetwork<RunPlace>| {
            let (at, graph) = key(&runs[0]);
            let candidate = &candidates[at];
            // A network's fingerprint does not include dropout and auxiliary heads, so it can match several trained graphs.
            let is_other = candidate.network.is_some() && candidate.fingerprint != graph;
            let name = match is_other || graphs[&at] > 1 {
                true => format!("{}{}", candidate.name, NetworkFact::Graph(graph)),
                false => candidate.name.clone(),
            };
            let runs = runs.iter().map(|it| it.at).collect();
            TrainedNetwork { at, name, accuracy, runs }
        };
        let mut networks: Vec<TrainedNetwork> = networks.into_iter().map(network).collect();
        let names = networks.iter().map(|network| network.name.clone()).collect();
        let file = |it: &TrainedNetwork| [Some(NetworkFact::File(&candidates[it.at].subject.file))];
        let files: Vec<_> = networks.iter().map(file).collect();
        for (network, name) in networks.iter_mut().zip(distinct_labels(names, &files)) {
            network.name = name;
        }
        Self { dataset, recipe, networks, ties }
    }
}

#[cfg(test)]
mod tests {
    use inceptive_results::example::training_run;
    use inceptive_store::Stored;

    use super::*;

    fn candidate(name: &str, runs: Vec<TrainingRun>) -> NetworkEntry {
        let subject = training_run(0, 90.0).subject;
        let trained = (1..).zip(runs).map(|(id, result)| Stored { id, result }).collect();
        NetworkEntry {
            name: name.to_owned(),
            fingerprint: subject.fingerprint.clone(),
            subject,
            network: None,
            description: None,
            notes: vec![],
            cite: vec![],
            published: vec![],
            variant: None,
            measured: vec![],
            predicted: vec![],
            profiles: vec![],
            imported: vec![],
            trained,
        }
    }

    #[test]
    fn only_runs_of_one_data_set_and_recipe_are_compared() {
        let sharp = |top1: f64| [-0.01, 0.0, 0.01].map(|by| top1 + by);
        let runs = |top1: f64| (0..).zip(sharp(top1)).map(|(seed, it)| training_run(seed, it));
        let mut other_recipe = training_run(0, 99.0);
        other_recipe.recipe.fingerprint = "f".repeat(64);
        let mut other_heads = training_run(0, 50.0);
        other_heads.training_fingerprint = "aabbccddeeff00112233445566778899".to_owned();
        let candidates = [
            candidate("worse", runs(80.0).collect()),
            candidate("best", runs(90.0).chain([other_recipe, other_heads]).collect()),
            candidate("as bad", runs(80.01).collect()),
            candidate("untrained", vec![]),
        ];
        let groups = training(&candidates);
        let names = |group: &TrainingGroup| {
            group.networks.iter().map(|network| network.name.clone()).collect::<Vec<String>>()
        };
        assert_eq!(groups.len(), 2);
        assert_eq!(
            names(&groups[0]),
            ["best (graph ffeedd)", "as bad", "worse", "best (graph aabbcc)"]
        );
        assert_eq!(groups[0].ties, vec![Range { start: 1, end: 3 }]);
        let tied: Vec<&str> = groups[0].tied_with(1).map(|it| it.name.as_str()).collect();
        assert_eq!(tied, ["worse"]);
        assert_eq!(groups[0].tied_with(0).count(), 0);
        assert_eq!(groups[0].front(&candidates, Axis::Macs), [0]);
        assert_eq!(names(&groups[1]), ["best"]);
        assert_eq!(groups[1].networks[0].runs(&candidates).count(), 1);
    }

    #[test]
    fn networks_of_the_same_name_have_their_files() {
        let entry = |name: &str, file: &str| {
            let mut entry = candidate(name, vec![training_run(0, 90.0)]);
            entry.subject.file = file.to_owned();
            entry
        };
        let all = [entry("N", "a.yaml"), entry("N", "b.yaml"), entry("M", "c.yaml")];
        let groups = training(&all);
        let names: Vec<&str> = groups[0].networks.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["N (a.yaml)", "N (b.yaml)", "M"]);
    }
}
