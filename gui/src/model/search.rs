//! A search in a space while it runs.

use std::collections::{HashMap, HashSet};

use inceptive_app::{ExploreEvent, TrainingEvent};
use inceptive_results::{CountedSpace, Exploration, ExploredNetwork};

/// What a search does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It trains networks up to the epoch of a rung, by its place.
    Rung(usize),
    /// It measures latencies.
    Measuring,
    /// It trains the finalists with all seeds.
    Finalists,
}

/// How far a search is.
#[derive(Debug, Default)]
pub struct Search {
    /// What counting the space gave.
    pub counted: Option<CountedSpace>,
    /// The plan; with results if the same search was finished before.
    pub plan: Option<Box<Exploration>>,
    /// What it does; `None` until networks are trained.
    pub stage: Option<Stage>,
    /// The finalists, by their places in the plan.
    pub finalists: Vec<usize>,
    /// The network of each run that is trained now; `None` for one with a seed that does not count for rungs.
    runs: Vec<Option<String>>,
    /// Names of the networks that are trained now.
    trained_now: HashSet<String>,
    reached: HashMap<String, Reached>,
}

/// How far a network was trained with the first seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reached {
    /// Finished epochs.
    pub epochs: u32,
    /// Its accuracy on validation images after them, in percent; `None` if it diverged.
    pub top1: Option<f64>,
}

impl Search {
    pub(super) fn take_in(&mut self, event: ExploreEvent) {
        match event {
            ExploreEvent::Counted(counted) => self.counted = Some(counted),
            ExploreEvent::Planned(plan) => {
                self.counted = Some(plan.counted.clone());
                self.plan = Some(plan);
            }
            ExploreEvent::Chosen { plan, .. } => self.plan = Some(plan),
            ExploreEvent::Rung { rung, .. } => self.stage = Some(Stage::Rung(rung)),
            ExploreEvent::Measuring { .. } => self.stage = Some(Stage::Measuring),
            // It is a note of the job.
            ExploreEvent::Doubtful { .. } => {}
            ExploreEvent::Finalists(places) => {
                self.finalists = places;
                self.stage = Some(Stage::Finalists);
            }
        }
    }

    pub(super) fn take_training(&mut self, event: &TrainingEvent) {
        let Some(plan) = &self.plan else { return };
        let (run, epochs) = match event {
            TrainingEvent::Runs(runs) => {
                let seed = plan.request.seed;
                let name = |run: &inceptive_app::PlannedRun| {
                    (run.seed == seed).then(|| run.network.clone())
                };
                self.runs = runs.iter().map(name).collect();
                self.trained_now = runs.iter().map(|run| run.network.clone()).collect();
                return;
            }
            TrainingEvent::Started { run, history } => (*run, history.as_slice()),
            TrainingEvent::Epoch { run, epoch } => (*run, std::slice::from_ref(epoch)),
            _ => return,
        };
        let network = self.runs.get(run).and_then(Option::as_ref);
        if let (Some(network), Some(last)) = (network, epochs.last()) {
            let reached = Reached { epochs: last.epoch, top1: last.val_top1 };
            self.reached.insert(network.clone(), reached);
        }
    }

    /// How far a network was trained.
    pub fn reached(&self, network: &ExploredNetwork) -> Option<Reached> {
        self.reached.get(&network.subject.name_with_point()).copied()
    }

    /// Whether a network is trained now.
    pub fn is_training(&self, network: &ExploredNetwork) -> bool {
        self.trained_now.contains(&network.subject.name_with_point())
    }
}

#[cfg(test)]
mod tests {
    use inceptive_app::{PlannedRun, RunState};
    use inceptive_results::example;
    use inceptive_train::Epoch;

    use super::*;

    fn epoch(epoch: u32, val_top1: f64) -> Epoch {
        Epoch {
            epoch,
            loss: 1.0,
            train_top1: 50.0,
            val_loss: None,
            val_top1: Some(val_top1),
            learning_rate: 0.1,
            validation_seconds: 0.0,
            seconds: 1.0,
            images_per_s: 100.0,
        }
    }

    #[test]
    fn a_search_is_followed_from_its_events() {
        let mut search = Search::default();
        let plan = example::exploration();
        let networks = plan.networks.clone();
        let run = |network: &ExploredNetwork, seed| PlannedRun {
            network: network.subject.name_with_point(),
            file: "widths.yaml".to_owned(),
            seed,
            epochs: 2,
            state: RunState::Waiting,
        };
        // What is trained to measure the speed is not known yet.
        search.take_training(&TrainingEvent::Runs(vec![run(&networks[0], 0)]));
        assert!(!search.is_training(&networks[0]));
        search.take_in(ExploreEvent::Planned(Box::new(plan)));
        search.take_in(ExploreEvent::Rung { rung: 0, epochs: 1, networks: 2 });
        search
            .take_training(&TrainingEvent::Runs(vec![run(&networks[0], 0), run(&networks[1], 0)]));
        search.take_training(&TrainingEvent::Epoch { run: 1, epoch: epoch(1, 60.0) });
        assert!(search.is_training(&networks[0]));
        assert_eq!(search.reached(&networks[0]), None);
        let reached = Reached { epochs: 1, top1: Some(60.0) };
        assert_eq!(
            (search.stage, search.reached(&networks[1])),
            (Some(Stage::Rung(0)), Some(reached))
        );
        // Other seeds do not change what networks are compared by.
        search.take_in(ExploreEvent::Finalists(vec![1]));
        search.take_training(&TrainingEvent::Runs(vec![run(&networks[1], 1)]));
        search.take_training(&TrainingEvent::Epoch { run: 0, epoch: epoch(2, 90.0) });
        assert_eq!(search.reached(&networks[1]), Some(reached));
        assert!(!search.is_training(&networks[0]) && search.is_training(&networks[1]));
    }
}
