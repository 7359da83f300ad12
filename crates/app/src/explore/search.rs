//! Searching a space under a budget of time.

use std::collections::HashMap;

use inceptive_explore::{Uncertain, by_front_and_crowding, front_probabilities, fronts};
use inceptive_results::{
    Direction, Exploration, ExploredOutcome, Measurement, Metric, Objective, TrainingRun,
};
use inceptive_store::Store;

use super::{
    ExplorePlan,
    accuracies::{Accuracies, Histories, Trained, seed_correlation},
    elsewhere::{Elsewhere, TrainStage},
    latencies::{Latencies, is_precise},
    planning::Search,
};
use crate::{
    error::TaskError,
    exploring::ExploreEvent,
    running::{Found, Running, TaskContext, TaskEvent, TaskOutcome, TaskRecord, now_unix_ms},
    train::train,
};

/// Searches a space. The plan is saved before anything is trained; every run and measurement is saved when it is done.
pub(crate) fn explore(
    plan: &ExplorePlan,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> TaskOutcome {
    let mut running = Running::new(context, store, listen);
    let found = Search::start(plan, None, &mut running).and_then(|search| search.run(&mut running));
    let found = found.unwrap_or_else(|error| {
        running.fail(error);
        Found::default()
    });
    running.finish(found)
}

/// Searches a space whose networks are trained and measured elsewhere, as far as their results are there. Its plan is saved
/// in the store, and at the end what was found.
///
/// # Errors
/// [`TaskError::NotYet`] where results are missing.
pub(crate) fn explore_elsewhere<'p>(
    plan: &'p ExplorePlan,
    elsewhere: &'p mut dyn Elsewhere,
    context: &TaskContext<'_>,
    store: &mut Store,
    listen: &mut dyn FnMut(TaskEvent),
) -> Result<Option<Exploration>, TaskError> {
    let mut running = Running::new(context, store, listen);
    let search = Search::start(plan, Some(elsewhere), &mut running)?;
    Ok(search.run(&mut running)?.exploration)
}

/// A part of a stage of a search.
#[derive(Clone, Copy, Debug)]
struct Step {
    /// The stage, from 0.
    stage: usize,
    /// Which part of how many.
    part: [usize; 2],
}

impl Step {
    /// How many stages are done before it, and what share of a stage it is.
    #[expect(clippy::cast_precision_loss, reason = "few stages and parts")]
    fn progress(self) -> [f64; 2] {
        let [part, parts] = self.part.map(|it| it as f64);
        [self.stage as f64 + part / parts, 1.0 / parts]
    }
}

impl Search<'_> {
    fn run(mut self, running: &mut Running<'_>) -> Result<Found, TaskError> {
        let stages = self.exploration.rungs.len() + 2;
        running.plan(stages);
        let mut found = Found { inputs: self.inputs.clone(), ..Found::default() };
        if self.exploration.is_finished() {
            self.prefer(running);
            found.exploration = Some(self.exploration);
            return Ok(found);
        }
        self.exploration.preference = self.plan.preference.clone();
        let rungs = self.exploration.rungs.clone();
        let mut runs: Vec<TrainingRun> = vec![];
        let mut active: Vec<usize> = vec![];
        let waves = self.wave_places();
        for (wave, places) in waves.iter().enumerate() {
            self.choose_wave(wave, running)?;
            let step = Step { stage: 0, part: [wave, waves.len()] };
            let networks: Vec<usize> = places.clone().collect();
            runs.extend(self.train_rung(&networks, step, running)?);
            active.extend(networks);
        }
        for stage in 1..=rungs.len() {
            active.retain(|&at| self.last_accuracy(at).is_some());
            if let Some(&[_, next]) = rungs.get(stage) {
                active = self.best(&active, next as usize, &HashMap::new());
                let step = Step { stage, part: [0, 1] };
                runs.extend(self.train_rung(&active, step, running)?);
            }
        }
        let latencies = match self.elsewhere {
            Some(_) => self.measure_elsewhere(&active)?,
            None => self.latencies().measure(&active, rungs.len(), running)?,
        };
        let finalists = self.best(&active, self.exploration.finalists as usize, &latencies);
        running.tell(TaskEvent::Exploring(ExploreEvent::Finalists(finalists.clone())));
        // What is trained here with the first seed is known by now, and not trained again; elsewhere it is not planned again.
        let known = u64::from(self.elsewhere.is_some());
        let seeds: Vec<u64> = (known..u64::from(self.plan.seeds))
            .map(|seed| self.plan.seed.saturating_add(seed))
            .collect();
        if self.plan.seeds > 1 && !finalists.is_empty() {
            let step = Step { stage: rungs.len() + 1, part: [0, 1] };
            runs.extend(self.train(&finalists, &seeds, None, step, running)?.runs);
        }
        self.conclude(&active, &finalists, &runs, &latencies);
        running.keep(&self.exploration, TaskRecord::Exploration);
        found.training_runs = runs;
        found.exploration = Some(self.exploration);
        Ok(found)
    }

    /// Trains networks up to the epoch of a rung, and notes their validation accuracies.
    fn train_rung(
        &mut self,
        networks: &[usize],
        step: Step,
        running: &mut Running<'_>,
    ) -> Result<Vec<TrainingRun>, TaskError> {
        let (rung, rungs) = (step.stage, &self.exploration.rungs);
        let [epochs, _] = rungs[rung];
        let until = (rung + 1 < rungs.len()).then_some(epochs);
        let count = networks.len();
        running.tell(TaskEvent::Exploring(ExploreEvent::Rung { rung, epochs, networks: count }));
        let trained = self.train(networks, &[self.plan.seed], until, step, running)?;
        for &at in networks {
            let accuracy = trained.accuracy(&self.candidates[at], epochs);
            self.candidates[at].network.rungs.push(accuracy);
        }
        Ok(trained.runs)
    }

    fn latencies(&self) -> Latencies<'_> {
        Latencies {
            plan: self.plan,
            exploration: &self.exploration,
            candidates: &self.candidates,
            decides: self.objectives.iter().any(|it| it.metric == Metric::Latency),
        }
    }

    /// The latencies of networks, measured elsewhere once each.
    fn measure_elsewhere(
        &mut self,
        networks: &[usize],
    ) -> Result<HashMap<usize, Measurement>, TaskError> {
        let requests = networks.iter().map(|&at| self.candidates[at].request.clone()).collect();
        let plan = self.latencies().bench_plan(requests);
        let Some(elsewhere) = &mut self.elsewhere else { return Ok(HashMap::new()) };
        let measured = elsewhere.measure(&plan)?;
        let of = |at: usize| self.candidates[at].network.subject.fingerprint.as_str();
        let latency = |&at: &usize| {
            let found = measured.iter().find(|it| it.subject.fingerprint == of(at))?;
            Some((at, found.clone()))
        };
        Ok(networks.iter().filter_map(latency).collect())
    }

    /// Notes in a finished search that another one of its finalists is wanted.
    fn prefer(&mut self, running: &mut Running<'_>) {
        let is_other = self.exploration.preference != self.plan.preference;
        if is_other && !self.plan.preference.is_empty() {
            self.exploration.preference = self.plan.preference.clone();
            running.keep(&self.exploration, TaskRecord::Exploration);
        }
    }

    fn last_accuracy(&self, at: usize) -> Option<f64> {
        self.candidates[at].network.rungs.last().copied().flatten()
    }

    /// Trains networks, or goes on with it.
    fn train(
        &mut self,
        networks: &[usize],
        seeds: &[u64],
        until: Option<u32>,
        step: Step,
        running: &mut Running<'_>,
    ) -> Result<Trained, TaskError> {
        let requests = networks.iter().map(|&at| self.candidates[at].request.clone()).collect();
        let plan = self.plan.training(requests, seeds, until);
        if let Some(elsewhere) = &mut self.elsewhere {
            let stage = match step.stage < self.exploration.rungs.len() {
                true => TrainStage::Rung(step.stage, step.part[0]),
                false => TrainStage::Seeds,
            };
            let trained = elsewhere.train(&plan, stage)?;
            let name =
                |place: usize| self.candidates[networks[place]].network.subject.name_with_point();
            return Ok(Trained::elsewhere(trained, name));
        }
        let mut histories = Histories::default();
        let [before, share] = step.progress();
        #[expect(clippy::cast_precision_loss, reason = "few networks")]
        let total = (networks.len() * seeds.len()).max(1) as f64 / share;
        let outcome = running.within(|context, store, listen| {
            train(&plan, context, store, &mut |event| match event {
                TaskEvent::Planned(_) => {}
                TaskEvent::Progress { done, activity } => {
                    listen(TaskEvent::Progress { done: before + done / total, activity });
                }
                // What is to be known of a network was said when it was read first.
                TaskEvent::Loaded { .. } if step.stage > 0 => {}
                other => {
                    if let TaskEvent::Training(event) = &other {
                        histories.take_in(event);
                    }
                    listen(other);
                }
            })
        });
        if running.wants_stop() {
            return Err(TaskError::Paused);
        }
        Ok(Trained { histories, runs: outcome.training_runs })
    }

    /// The best of some networks by accuracy and costs, in the order of the list.
    fn best(
        &self,
        among: &[usize],
        most: usize,
        latencies: &HashMap<usize, Measurement>,
    ) -> Vec<usize> {
        let points: Vec<Vec<f64>> =
            among.iter().map(|&at| self.costs(at, latencies.get(&at))).collect();
        let mut kept: Vec<usize> = by_front_and_crowding(&points).into_iter().take(most).collect();
        kept.sort_unstable();
        kept.into_iter().map(|place| among[place]).collect()
    }

    /// The objectives as costs; smaller is better. Until a latency is known, multiply-accumulates take its place; of a doubtful
    /// one, its lower end does.
    #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
    fn costs(&self, at: usize, latency: Option<&Measurement>) -> Vec<f64> {
        let network = &self.candidates[at].network;
        let cost = |Objective { metric, direction }: &Objective| {
            let value = match metric {
                Metric::Top1 => network.rungs.last().copied().flatten().unwrap_or(f64::NAN),
                Metric::Latency => match latency {
                    Some(measured) if is_precise(measured) => measured.latency_ms.median.value,
                    Some(measured) => measured.latency_ms.median.low,
                    None => network.subject.macs as f64,
                },
                other => network.value(*other).unwrap_or(f64::NAN),
            };
            match direction {
                Direction::Minimize => value,
                Direction::Maximize => -value,
            }
        };
        self.objectives.iter().map(cost).collect()
    }

    /// The correlation of two seeds of the same network after the first rung.
    fn seed_correlation(&self, runs: &[TrainingRun]) -> Option<f64> {
        let &[epoch, _] = self.exploration.rungs.first()?;
        let all: Vec<f64> =
            self.candidates.iter().filter_map(|it| it.network.rungs.first().copied()?).collect();
        seed_correlation(&self.candidates, runs, epoch, &all)
    }

    /// Notes what was found.
    fn conclude(
        &mut self,
        active: &[usize],
        finalists: &[usize],
        runs: &[TrainingRun],
        latencies: &HashMap<usize, Measurement>,
    ) {
        let accuracies = Accuracies::new(&self.candidates, runs);
        for &at in active {
            let outcome = accuracies.of(at).map(|(top1, top1_error, seeds)| ExploredOutcome {
                top1,
                top1_error,
                seeds,
                latency_ms: latencies.get(&at).map(|measured| measured.latency_ms.median),
                probability: None,
                on_front: false,
            });
            self.candidates[at].network.outcome = outcome;
        }
        let known: Vec<usize> = finalists
            .iter()
            .copied()
            .filter(|&at| self.candidates[at].network.outcome.is_some())
            .collect();
        let costs: Vec<Vec<Uncertain>> = known
            .iter()
            .map(|&at| {
                self.objectives
                    .iter()
                    .map(|it| accuracies.cost(&self.candidates[at].network, *it))
                    .collect()
            })
            .collect();
        let values: Vec<Vec<f64>> =
            costs.iter().map(|costs| costs.iter().map(|cost| cost.value).collect()).collect();
        let front = fronts(&values).into_iter().next().unwrap_or_default();
        let probabilities = front_probabilities(&costs, self.plan.seed);
        for (place, (&at, probability)) in known.iter().zip(probabilities).enumerate() {
            if let Some(outcome) = &mut self.candidates[at].network.outcome {
                outcome.probability = Some(probability);
                outcome.on_front = front.contains(&place);
            }
        }
        self.exploration.networks = self.candidates.iter().map(|it| it.network.clone()).collect();
        self.exploration.seed_correlation = self.seed_correlation(runs);
        self.exploration.finished_unix_ms = Some(now_unix_ms());
    }
}
