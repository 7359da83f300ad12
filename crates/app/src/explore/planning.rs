//! The plan of a search: which networks are trained, in which waves.

use std::{
    ops::{ControlFlow, Range},
    sync::atomic::Ordering,
};

use inceptive_dsl::{Constraint, Space};
use inceptive_explore::{
    Scored, Surveyed, SurveyedPool, check_preference, count, counted_cost, diverse, waves,
};
use inceptive_files::InputFiles;
use inceptive_results::{
    CountedSpace, Direction, Exploration, ExplorationRequest, ExploredNetwork, Metric, Objective,
    Preference, Record, Source, SpaceInfo, Wave,
};
use inceptive_store::Filter;

use super::{
    ExplorePlan,
    count::{CountRequest, SpaceCounts, count_space, read_conditions, read_space},
    elsewhere::Elsewhere,
    latencies::LATENCY_BUDGET,
    plan::{Candidate, Schedule, TrainingCost, candidate, choose},
    scores::Scoring,
    waves::{NextWave, spread},
};
use crate::{
    error::{ExploreError, LEAST_NETWORKS, TaskError},
    exploring::ExploreEvent,
    running::{Running, TaskEvent, TaskRecord, now_unix_ms},
    space::space_fingerprint,
    train::{Basis, basis, speeds},
};

/// Networks that satisfy the conditions of which some are chosen.
const POOL: usize = 4096;

/// The same if scores of them are wanted, which take some hundredths of a second each.
const SCORED_POOL: usize = 1024;

/// Networks whose speed in training is measured to plan the search.
const MEASURED: usize = 4;

/// A search.
pub(super) struct Search<'p> {
    pub(super) plan: &'p ExplorePlan,
    /// Who trains and measures, if this program does not.
    pub(super) elsewhere: Option<&'p mut dyn Elsewhere>,
    pub(super) basis: Basis,
    pub(super) inputs: InputFiles,
    pub(super) space: Space,
    /// Conditions beside those of the space.
    pub(super) conditions: Vec<Constraint>,
    /// The networks of the space that can be chosen, once it was counted.
    pub(super) pool: Vec<Surveyed>,
    /// The scores of these networks.
    pub(super) scores: Vec<Scored>,
    pub(super) exploration: Exploration,
    pub(super) candidates: Vec<Candidate>,
    pub(super) objectives: Vec<Objective>,
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
    pub(super) fn start(
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
            scores: plan.scores.clone(),
        };
        let info = SpaceInfo {
            title: space.title.clone(),
            file: plan.space.to_string_lossy().into_owned(),
            fingerprint: space_fingerprint(&space)?,
            variables: space.variables.iter().map(|variable| variable.name.clone()).collect(),
        };
        let mut inputs = basis.inputs.clone();
        inputs.extend(&InputFiles::of(space.files.iter()));
        let size = space.size().to_string();
        let mut search = Self {
            plan,
            elsewhere,
            inputs,
            space,
            conditions,
            pool: vec![],
            scores: vec![],
            exploration: Exploration {
                space: info,
                request,
                counted: CountedSpace {
                    size,
                    points: 0,
                    feasible: 0,
                    complete: false,
                    seconds: 0.0,
                },
                rungs: vec![],
                waves: vec![],
                finalists: 0,
                planned_seconds: 0.0,
                machine: running.context.machine.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                planned_unix_ms: 0,
                finished_unix_ms: None,
                networks: vec![],
                preference: plan.preference.clone(),
                seed_correlation: None,
            },
            basis,
            candidates: vec![],
            objectives,
        };
        match search.known(running)? {
            Some(known) => search.take_up(known)?,
            None => search.make_plan(running)?,
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
        let chosen =
            |it: &Exploration| it.waves.iter().filter(|wave| wave.proposed.is_some()).count();
        Ok(same.max_by_key(|it| (it.is_finished(), it.planned_unix_ms, chosen(it))))
    }

    fn take_up(&mut self, known: Exploration) -> Result<(), TaskError> {
        let space = &self.space;
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

    /// Counts the space, and notes the networks of it that can be chosen; whether that of the default values is the first.
    fn count(&mut self, running: &mut Running<'_>) -> Result<(SpaceCounts, bool), TaskError> {
        let request = CountRequest {
            conditions: self.conditions.clone(),
            objectives: self.objectives.clone(),
            sample: if self.plan.scores.is_empty() { POOL } else { SCORED_POOL },
            seed: self.plan.seed,
            threads: self.plan.threads.max(1) as usize,
        };
        let stop = running.context.stop;
        running.progress(0.0, format!("counting {}", self.space.title));
        let mut counts =
            count_space(&self.space, &request, &|_, _| match stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            });
        if running.wants_stop() {
            return Err(TaskError::Stopped);
        }
        self.pool = std::mem::take(&mut counts.survey.sample);
        let has_default = put_default_first(&self.space, &counts.conditions, &mut self.pool);
        Ok((counts, has_default))
    }

    /// Computes the scores of the networks that can be chosen.
    fn score(&mut self, running: &mut Running<'_>) -> Result<(), TaskError> {
        if self.plan.scores.is_empty() {
            return Ok(());
        }
        let scoring = Scoring {
            space: &self.space,
            wanted: &self.plan.scores,
            seed: self.plan.seed,
            threads: self.plan.threads.max(1) as usize,
            most_bytes: running.context.available_bytes,
            stop: running.context.stop,
        };
        let points: Vec<&[usize]> = self.pool.iter().map(|it| it.choices.as_slice()).collect();
        let total = points.len();
        let mut goes_on = |done| {
            running.progress(0.0, format!("scores of {done} of {total} untrained networks"));
            if running.wants_stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.scores = scoring.scores(&points, &mut goes_on)?;
        Ok(())
    }

    /// Counts the space, chooses networks, and saves the plan.
    fn make_plan(&mut self, running: &mut Running<'_>) -> Result<(), TaskError> {
        let (counts, has_default) = self.count(running)?;
        let counted = &mut self.exploration.counted;
        counted.points = counts.survey.points;
        counted.feasible = counts.survey.inside;
        counted.complete = counts.is_complete;
        counted.seconds = counts.seconds;
        running.tell(TaskEvent::Exploring(ExploreEvent::Counted(counted.clone())));
        if counts.survey.inside == 0 {
            let (space, reasons) = (self.space.title.clone(), counts.reasons(&self.space));
            return Err(ExploreError::Nothing { space, reasons }.into());
        }
        let cost = match self.elsewhere {
            Some(_) => self.unknown_cost(),
            None => self.training_cost(running)?,
        };
        let (space, pool) = (&self.space, &self.pool);
        let metric = counted_cost(self.objectives.iter().copied());
        let typical =
            diverse(SurveyedPool::new(space, pool, metric).pool(), &[], 64.min(pool.len()));
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
        self.candidates = choose(space, pool, &self.objectives, has_default, networks.max(1))?;
        self.save_plan(cost.schedule(self.candidates.len(), mean_macs), running)
    }

    /// Divides the networks into waves and saves the plan.
    fn save_plan(
        &mut self,
        schedule: Schedule,
        running: &mut Running<'_>,
    ) -> Result<(), TaskError> {
        let short = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let sizes = waves(self.candidates.len(), self.pool.len());
        if sizes.len() > 1 {
            self.score(running)?;
            self.candidates = spread(std::mem::take(&mut self.candidates));
            let wave = |(at, size)| Wave {
                networks: short(size),
                judgement: None,
                proposed: (at == 0).then_some(0),
            };
            self.exploration.waves = sizes.into_iter().enumerate().map(wave).collect();
        }
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

    /// Chooses the networks of a wave, if that was not done before, and saves the plan with them.
    pub(super) fn choose_wave(
        &mut self,
        at: usize,
        running: &mut Running<'_>,
    ) -> Result<(), TaskError> {
        if self.exploration.waves.get(at).is_none_or(|wave| wave.proposed.is_some()) {
            return Ok(());
        }
        if self.pool.is_empty() {
            self.count(running)?;
            self.score(running)?;
        }
        let before = self.wave_places()[at].start;
        let metric = counted_cost(self.objectives.iter().copied());
        let pool =
            SurveyedPool::new(&self.space, &self.pool, metric).with_scores(self.scores.clone());
        let mut next = NextWave {
            space: &self.space,
            networks: &self.pool,
            pool: &pool,
            candidates: &mut self.candidates,
            before,
            seed: self.plan.seed,
        };
        next.choose(&mut self.exploration.waves[at])?;
        // How far networks were trained is read from their runs again.
        let planned = |it: &Candidate| ExploredNetwork { rungs: vec![], ..it.network.clone() };
        self.exploration.networks = self.candidates.iter().map(planned).collect();
        if !running.keep(&self.exploration, TaskRecord::Exploration) {
            return Err(TaskError::Stopped);
        }
        let plan = Box::new(self.exploration.clone());
        running.tell(TaskEvent::Exploring(ExploreEvent::Chosen { plan, wave: at }));
        Ok(())
    }

    /// The places of the networks of each wave; of a single one if all were chosen at once.
    pub(super) fn wave_places(&self) -> Vec<Range<usize>> {
        let sizes = match self.exploration.waves.as_slice() {
            [] => vec![self.candidates.len()],
            waves => waves.iter().map(|wave| wave.networks as usize).collect(),
        };
        let mut from = 0;
        let places = |size| {
            let start = from;
            from += size;
            start..from
        };
        sizes.into_iter().map(places).collect()
    }

    /// Measures how fast some networks are trained.
    fn training_cost(&self, running: &mut Running<'_>) -> Result<TrainingCost, TaskError> {
        let (space, pool) = (&self.space, &self.pool);
        running.progress(0.0, "measuring the speed of training".to_owned());
        running.wait_for_machine();
        let by_macs = SurveyedPool::new(space, pool, Metric::Macs);
        let places = diverse(by_macs.pool(), &[], MEASURED.min(pool.len()));
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
