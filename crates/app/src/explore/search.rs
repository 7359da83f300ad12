//! Searching a space under a budget of time.

use std::{collections::HashMap, ops::ControlFlow};

use inceptive_dsl::Space;
use inceptive_explore::{
    Surveyed, Uncertain, by_front_and_crowding, check_preference, count, counted_cost, diverse,
    front_probabilities, fronts,
};
use inceptive_files::InputFiles;
use inceptive_results::{
    CountedSpace, Direction, Exploration, ExplorationRequest, ExploredOutcome, Measurement, Metric,
    Objective, Preference, Record, Source, SpaceInfo, TrainingRun,
};
use inceptive_store::{Filter, Store};

use super::{
    ExplorePlan,
    accuracies::{Accuracies, Histories, Trained},
    count::{CountRequest, count_space, read_conditions, read_space},
    elsewhere::Elsewhere,
    latencies::{LATENCY_BUDGET, Latencies, is_precise},
    plan::{Candidate, Schedule, TrainingCost, candidate, choose},
};
use crate::{
    error::{ExploreError, LEAST_NETWORKS, TaskError},
    exploring::ExploreEvent,
    running::{Found, Running, TaskContext, TaskEvent, TaskOutcome, TaskRecord, now_unix_ms},
    space::space_fingerprint,
    train::{Basis, basis, speeds, train},
};

/// Networks that satisfy the conditions of which some are chosen.
const POOL: usize = 4096;

/// Networks whose speed in training is measured to plan the search.
const MEASURED: usize = 4;

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

/// A search.
struct Search<'p> {
    plan: &'p ExplorePlan,
    /// Who trains and measures, if this program does not.
    elsewhere: Option<&'p mut dyn Elsewhere>,
    basis: Basis,
    inputs: InputFiles,
    exploration: Exploration,
    candidates: Vec<Candidate>,
    objectives: Vec<Objective>,
}

/// The objectives of a search: those that were asked for, or of the space, or accuracy against multiply-accumulates; always
/// with an accuracy.
fn objectives(plan: &ExplorePlan, space: &Space) -> Vec<Objective> {
    let own = if plan.objectives.is_empty() { &space.objectives } else { &plan.objectives };
    let is_usable = |objective: &&Objective| {
        objective.metric.source() == Source::Counted
            || matches!(objective.metric, Metric::Top1 | Metric::Latency)
    };
    let mut objectives: Vec<Objective> = own.iter().filter(is_usable).copied().collect();
    if !objectives.iter().any(|objective| objective.metric == Metric::Top1) {
        objectives.insert(0, Objective { metric: Metric::Top1, direction: Direction::Maximize });
    }
    if objectives.len() == 1 {
        objectives.push(Objective { metric: Metric::Macs, direction: Direction::Minimize });
    }
    objectives
}

/// Whether the condition on finalists can be read.
fn check(preference: &Preference, space: &Space) -> Result<(), ExploreError> {
    let Some(condition) = &preference.condition else { return Ok(()) };
    let names: Vec<String> = space.variables.iter().map(|it| it.name.clone()).collect();
    check_preference(condition, &names)
        .map_err(|reason| ExploreError::Condition { text: condition.clone(), reason })
}

impl<'p> Search<'p> {
    /// Plans a search, or takes up the plan of one that was interrupted.
    fn start(
        plan: &'p ExplorePlan,
        elsewhere: Option<&'p mut dyn Elsewhere>,
        running: &mut Running<'_>,
    ) -> Result<Self, TaskError> {
        let space = read_space(&plan.space)?;
        let conditions = read_conditions(&plan.conditions)?;
        let objectives = objectives(plan, &space);
        check(&plan.preference, &space)?;
        running.progress(0.0, format!("reading {}", plan.data));
        let basis = basis(&plan.training(vec![], &[plan.seed], None), running)?;
        if basis.validation_images == 0 {
            return Err(ExploreError::NoValidation(basis.recipe.name.clone()).into());
        }
        let all = space.constraints.iter().chain(&conditions);
        let request = ExplorationRequest {
            conditions: all.map(ToString::to_string).collect(),
            objectives: objectives.iter().copied().map(Into::into).collect(),
            dataset: basis.data.clone(),
            dataset_fingerprint: basis.data_fingerprint.clone(),
            recipe: basis.recipe.name.clone(),
            recipe_fingerprint: basis.recipe_fingerprint.clone(),
            budget_s: plan.networks.is_none().then_some(plan.budget.as_secs_f64()),
            networks: plan.networks,
            seeds: plan.seeds,
            seed: plan.seed,
        };
        let info = SpaceInfo {
            title: space.title.clone(),
            file: plan.space.to_string_lossy().into_owned(),
            fingerprint: space_fingerprint(&space)?,
            variables: space.variables.iter().map(|variable| variable.name.clone()).collect(),
        };
        let mut inputs = basis.inputs.clone();
        inputs.extend(&InputFiles::of(space.files.iter()));
        let mut search = Self {
            plan,
            elsewhere,
            inputs,
            exploration: Exploration {
                space: info,
                request,
                counted: CountedSpace {
                    size: space.size().to_string(),
                    points: 0,
                    feasible: 0,
                    complete: false,
                    seconds: 0.0,
                },
                rungs: vec![],
                finalists: 0,
                planned_seconds: 0.0,
                machine: running.context.machine.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                planned_unix_ms: 0,
                finished_unix_ms: None,
                networks: vec![],
                preference: plan.preference.clone(),
            },
            basis,
            candidates: vec![],
            objectives,
        };
        match search.known(running)? {
            Some(known) => search.take_up(known, &space)?,
            None => search.make_plan(&space, conditions, running)?,
        }
        running.tell(TaskEvent::Exploring(ExploreEvent::Planned(Box::new(
            search.exploration.clone(),
        ))));
        Ok(search)
    }

    /// The same search in the store: finished, or its plan.
    fn known(&self, running: &Running<'_>) -> Result<Option<Exploration>, TaskError> {
        if self.plan.again {
            return Ok(None);
        }
        let rows = running.store().records::<Exploration>(&Filter::default())?.readable;
        let key = self.exploration.key();
        let same = rows.into_iter().map(|stored| stored.result).filter(|it| it.key() == key);
        Ok(same.max_by_key(|it| (it.is_finished(), it.planned_unix_ms)))
    }

    fn take_up(&mut self, known: Exploration, space: &Space) -> Result<(), TaskError> {
        for network in &known.networks {
            let choice = |(variable, label): (&inceptive_dsl::Variable, &String)| {
                variable.values.iter().position(|value| value.label == *label)
            };
            let choices: Option<Vec<usize>> =
                space.variables.iter().zip(&network.values).map(choice).collect();
            // The files of the space are the same: its values are too.
            let Some(choices) = choices else { continue };
            let counts = inceptive_results::Counts::default();
            self.candidates.push(candidate(space, &Surveyed { choices, counts })?);
        }
        self.exploration = known;
        Ok(())
    }

    /// Counts the space, chooses networks, and saves the plan.
    fn make_plan(
        &mut self,
        space: &Space,
        conditions: Vec<inceptive_dsl::Constraint>,
        running: &mut Running<'_>,
    ) -> Result<(), TaskError> {
        let threads = self.plan.threads.max(1) as usize;
        let request = CountRequest {
            conditions,
            objectives: self.objectives.clone(),
            sample: POOL,
            seed: self.plan.seed,
            threads,
        };
        let stop = running.context.stop;
        running.progress(0.0, format!("counting {}", space.title));
        let counts = count_space(space, &request, &|_, _| match stop
            .load(std::sync::atomic::Ordering::Relaxed)
        {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        if running.wants_stop() {
            return Err(TaskError::Stopped);
        }
        let counted = &mut self.exploration.counted;
        counted.points = counts.survey.points;
        counted.feasible = counts.survey.inside;
        counted.complete = counts.is_complete;
        counted.seconds = counts.seconds;
        running.tell(TaskEvent::Exploring(ExploreEvent::Counted(counted.clone())));
        if counts.survey.inside == 0 {
            let reasons = counts.reasons(space);
            return Err(ExploreError::Nothing { space: space.title.clone(), reasons }.into());
        }
        let mut pool = counts.survey.sample;
        let has_default = put_default_first(space, &counts.conditions, &mut pool);
        let cost = match self.elsewhere {
            Some(_) => self.unknown_cost(),
            None => self.training_cost(space, &pool, running)?,
        };
        let metric = counted_cost(self.objectives.iter().copied());
        let typical = diverse(space, &pool, metric, &[], 64.min(pool.len()));
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let macs = |at: &usize| pool[*at].counts.get(Metric::Macs).unwrap_or_default() as f64;
        #[expect(clippy::cast_precision_loss, reason = "few networks")]
        let mean_macs = typical.iter().map(macs).sum::<f64>() / typical.len().max(1) as f64;
        let budget = self.plan.budget.as_secs_f64();
        let networks = match self.plan.networks {
            Some(networks) => networks as usize,
            None => cost.networks(budget, mean_macs),
        };
        let is_whole = counts.survey.inside < LEAST_NETWORKS as u64;
        if networks < LEAST_NETWORKS && self.plan.networks.is_none() && !is_whole {
            let needed_s = Schedule::least(&cost, mean_macs);
            return Err(ExploreError::Budget { budget_s: budget, networks, needed_s }.into());
        }
        self.candidates = choose(space, &pool, &self.objectives, has_default, networks.max(1))?;
        let schedule = cost.schedule(self.candidates.len(), mean_macs);
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let exploration = &mut self.exploration;
        exploration.rungs =
            schedule.rungs.iter().map(|rung| [rung.epochs, short(rung.networks)]).collect();
        exploration.finalists = short(schedule.finalists);
        exploration.planned_seconds = schedule.seconds;
        exploration.planned_unix_ms = now_unix_ms();
        exploration.networks = self.candidates.iter().map(|it| it.network.clone()).collect();
        match running.keep(exploration, TaskRecord::Exploration) {
            true => Ok(()),
            false => Err(TaskError::Stopped),
        }
    }

    /// Measures how fast some networks are trained.
    fn training_cost(
        &self,
        space: &Space,
        pool: &[Surveyed],
        running: &mut Running<'_>,
    ) -> Result<TrainingCost, TaskError> {
        running.progress(0.0, "measuring the speed of training".to_owned());
        running.wait_for_machine();
        let places = diverse(space, pool, Metric::Macs, &[], MEASURED.min(pool.len()));
        let measured: Vec<Candidate> =
            places.into_iter().map(|at| candidate(space, &pool[at])).collect::<Result<_, _>>()?;
        let requests = measured.into_iter().map(|it| it.request).collect();
        let speeds = speeds(&self.plan.training(requests, &[self.plan.seed], None), running)?;
        let none = || ExploreError::NoneTrains { data: self.basis.data.clone() };
        let (per_image, per_mac) = TrainingCost::fit(&speeds).ok_or_else(none)?;
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let images = self.basis.training_images as f64;
        Ok(TrainingCost {
            per_image,
            per_mac,
            images,
            epochs: self.basis.recipe.epochs,
            seeds: self.plan.seeds,
            latency: LATENCY_BUDGET.as_secs_f64() * 1.5,
        })
    }

    /// What training costs where nothing is known about the machines: only the number of epochs counts.
    fn unknown_cost(&self) -> TrainingCost {
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let images = self.basis.training_images as f64;
        let (epochs, seeds) = (self.basis.recipe.epochs, self.plan.seeds);
        TrainingCost { per_image: 0.0, per_mac: 0.0, images, epochs, seeds, latency: 0.0 }
    }

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
        let mut active: Vec<usize> = (0..self.candidates.len()).collect();
        let rungs = self.exploration.rungs.clone();
        let mut runs: Vec<TrainingRun> = vec![];
        for (stage, &[epochs, _]) in rungs.iter().enumerate() {
            let is_last = stage + 1 == rungs.len();
            let networks = active.len();
            running.tell(TaskEvent::Exploring(ExploreEvent::Rung {
                rung: stage,
                epochs,
                networks,
            }));
            let until = (!is_last).then_some(epochs);
            let trained = self.train(&active, &[self.plan.seed], until, stage, running)?;
            for &at in &active {
                let accuracy = trained.accuracy(&self.candidates[at], epochs);
                self.candidates[at].network.rungs.push(accuracy);
            }
            runs.extend(trained.runs);
            active.retain(|&at| self.last_accuracy(at).is_some());
            if let Some(&[_, next]) = rungs.get(stage + 1) {
                active = self.best(&active, next as usize, &HashMap::new());
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
            runs.extend(self.train(&finalists, &seeds, None, rungs.len() + 1, running)?.runs);
        }
        self.conclude(&active, &finalists, &runs, &latencies);
        running.keep(&self.exploration, TaskRecord::Exploration);
        found.training_runs = runs;
        found.exploration = Some(self.exploration);
        Ok(found)
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
        stage: usize,
        running: &mut Running<'_>,
    ) -> Result<Trained, TaskError> {
        let requests = networks.iter().map(|&at| self.candidates[at].request.clone()).collect();
        let plan = self.plan.training(requests, seeds, until);
        if let Some(elsewhere) = &mut self.elsewhere {
            let rung = Some(stage).filter(|&stage| stage < self.exploration.rungs.len());
            let trained = elsewhere.train(&plan, rung)?;
            let name =
                |place: usize| self.candidates[networks[place]].network.subject.name_with_point();
            return Ok(Trained::elsewhere(trained, name));
        }
        let mut histories = Histories::default();
        #[expect(clippy::cast_precision_loss, reason = "few stages")]
        let (before, total) = (stage as f64, (networks.len() * seeds.len()).max(1) as f64);
        let outcome = running.within(|context, store, listen| {
            train(&plan, context, store, &mut |event| match event {
                TaskEvent::Planned(_) => {}
                TaskEvent::Progress { done, activity } => {
                    listen(TaskEvent::Progress { done: before + done / total, activity });
                }
                // What is to be known of a network was said when it was read first.
                TaskEvent::Loaded { .. } if stage > 0 => {}
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
        self.exploration.finished_unix_ms = Some(now_unix_ms());
    }
}

/// Puts the network of the default values to the front of the pool, if it satisfies the conditions.
fn put_default_first(
    space: &Space,
    conditions: &[inceptive_dsl::Constraint],
    pool: &mut Vec<Surveyed>,
) -> bool {
    let choices = space.defaults();
    let counted = count(space, std::slice::from_ref(&choices), 1, &|_| ControlFlow::Continue(()));
    let Some(network) = counted.first().and_then(|counted| counted.network) else { return false };
    let counts = network.counts;
    let is_inside =
        conditions.iter().all(|it| it.holds(&|name| counts.by_name(name)) != Some(false));
    if is_inside {
        pool.retain(|other| other.choices != choices);
        pool.insert(0, Surveyed { choices, counts });
    }
    is_inside
}
