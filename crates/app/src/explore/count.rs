//! Counting whole spaces.

use std::{collections::HashSet, ops::ControlFlow, path::Path, time::Instant};

use inceptive_dsl::{Checked, Constraint, Disk, Space, check};
use inceptive_explore::{
    EvolutionPlan, Points, Survey, SurveyPlan, Surveyed, evolve, structures, survey,
};
use inceptive_format::exact;
use inceptive_results::{Counts, Metric, Objective};

use crate::{error::ExploreError, network::ReadError, space::drawn};

/// The largest space of which all networks are counted.
pub const MOST_COUNTED: u128 = 100_000_000;

/// The most structures of such a space: a network with one of its own takes about a millisecond.
const MOST_STRUCTURES: u128 = 1_000_000;

/// How many networks of a larger space are drawn: of those with more structures than that, a thirtieth.
const DRAWN: usize = 300_000;
const MANY_STRUCTURES: usize = 30;

/// Networks of a generation, and generations, of the evolution that goes on from the best of them.
const POPULATION: usize = 400;
const GENERATIONS: usize = 250;

/// What is looked for in a space.
#[derive(Clone, Debug)]
pub struct CountRequest {
    /// Conditions that networks satisfy, beside those of the space.
    pub conditions: Vec<Constraint>,
    /// The objectives; of the space, if there are none.
    pub objectives: Vec<Objective>,
    /// How many of the networks that satisfy the conditions are drawn at random.
    pub sample: usize,
    /// The seed that they are drawn with.
    pub seed: u64,
    /// Number of threads.
    pub threads: usize,
}

/// The networks of a space by what they cost.
#[derive(Clone, Debug)]
pub struct SpaceCounts {
    /// All conditions, those of the space first.
    pub conditions: Vec<Constraint>,
    /// The objectives.
    pub objectives: Vec<Objective>,
    /// What was counted.
    pub survey: Survey,
    /// Networks of a very large space that were counted on the way to the front, beside those of the survey.
    pub evolved: u64,
    /// Whether every network of the space was counted.
    pub is_complete: bool,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// Reads a space.
///
/// # Errors
/// When the file cannot be read, or describes something else.
pub fn read_space(file: &Path) -> Result<Space, crate::TaskError> {
    let what = match check(&Disk, file).map_err(ReadError::Yaml)? {
        Checked::Space(space) => return Ok(*space),
        Checked::Architecture(_) => "a single network",
        Checked::Library(_) => "a library of blocks",
    };
    Err(ExploreError::NotASpace { file: file.to_owned(), what }.into())
}

/// Reads conditions, such as `params < 1M and macs < 100M`.
///
/// # Errors
/// What is wrong with the first that is no condition.
pub fn read_conditions(texts: &[String]) -> Result<Vec<Constraint>, ExploreError> {
    let read = |text: &String| {
        Constraint::all(text)
            .map_err(|reason| ExploreError::Condition { text: text.clone(), reason })
    };
    Ok(texts.iter().map(read).collect::<Result<Vec<_>, _>>()?.concat())
}

/// Counts all networks of a space, or of a very large one as many as are drawn, and those that an evolution from the best of
/// them counts on its way to the front. `goes_on` is called by one thread at a time
/// with the number of points done and their total; it decides whether to go on.
pub fn count_space(
    space: &Space,
    request: &CountRequest,
    goes_on: &(dyn Fn(usize, usize) -> ControlFlow<()> + Sync),
) -> SpaceCounts {
    let conditions = [space.constraints.clone(), request.conditions.clone()].concat();
    let objectives = match request.objectives.as_slice() {
        [] => space.objectives.clone(),
        objectives => objectives.to_vec(),
    };
    let start = Instant::now();
    let structures = structures(space);
    let is_all = space.size() <= MOST_COUNTED && structures <= MOST_STRUCTURES;
    // Where nearly every network has a structure of its own, counting takes a thousand times as long.
    let share = if structures > DRAWN as u128 { MANY_STRUCTURES } else { 1 };
    let generations = GENERATIONS / share;
    let listed = if is_all {
        vec![]
    } else {
        drawn(space, DRAWN / share, request.seed, &|| ControlFlow::Continue(()))
    };
    let (points, total) = match usize::try_from(space.size()) {
        Ok(size) if is_all => (Points::All, size),
        _ => (Points::Listed(&listed), listed.len() + (generations + 1) * POPULATION),
    };
    let plan = SurveyPlan {
        points,
        constraints: &conditions,
        objectives: &objectives,
        sample: request.sample,
        seed: request.seed,
        threads: request.threads,
    };
    let mut survey = survey(space, plan, &|done| goes_on(done, total));
    let evolved = match is_all || !survey.is_complete {
        true => 0,
        false => evolve_front(space, plan, generations, &mut survey, &|done| {
            goes_on(listed.len() + done, total)
        }),
    };
    let is_complete = is_all && survey.is_complete;
    let seconds = start.elapsed().as_secs_f64();
    SpaceCounts { conditions, objectives, survey, evolved, is_complete, seconds }
}

/// Replaces the front of networks that were drawn at random by one that evolution reaches from there; returns how many
/// networks that took.
fn evolve_front(
    space: &Space,
    plan: SurveyPlan<'_>,
    generations: usize,
    survey: &mut Survey,
    goes_on: &(dyn Fn(usize) -> ControlFlow<()> + Sync),
) -> u64 {
    let front = survey.front.iter().map(|it| it.network.choices.clone());
    let front: Vec<Vec<usize>> = front.collect();
    let evolution = EvolutionPlan {
        constraints: plan.constraints,
        objectives: plan.objectives,
        population: POPULATION,
        generations,
        seed: plan.seed,
        threads: plan.threads,
    };
    let reached = evolve(space, evolution, &front[..front.len().min(POPULATION / 2)], goes_on);
    let known: HashSet<&Vec<usize>> = front.iter().collect();
    let new: Vec<Vec<usize>> = reached.into_iter().filter(|point| !known.contains(point)).collect();
    let count = new.len() as u64;
    let points = [front.clone(), new].concat();
    let again = SurveyPlan { points: Points::Listed(&points), ..plan };
    let reached = inceptive_explore::survey(space, again, &|_| ControlFlow::Continue(()));
    if survey.inside == 0 {
        survey.inside = reached.inside;
        survey.sample = reached.sample;
        survey.extremes = reached.extremes;
    }
    survey.front = reached.front;
    count
}

/// The values of a network of a space, as they are written in `--set`.
pub fn labels(space: &Space, choices: &[usize]) -> Vec<String> {
    let all = space.variables.iter().zip(choices);
    all.map(|(variable, &choice)| variable.values[choice].label.clone()).collect()
}

/// The point of a network, such as `width=0.5, tail=gap`.
fn point(space: &Space, network: &Surveyed) -> String {
    let names = space.variables.iter().map(|variable| &variable.name);
    let labels = labels(space, &network.choices);
    let parts: Vec<String> =
        names.zip(labels).map(|(name, label)| format!("{name}={label}")).collect();
    parts.join(", ")
}

impl SpaceCounts {
    /// What each condition leaves, in words, for a reader who finds that nothing is left.
    pub fn reasons(&self, space: &Space) -> Vec<String> {
        let networks = self.survey.points - self.survey.refused;
        if networks == 0 {
            return vec!["the values of no point fit together".to_owned()];
        }
        let conditions = self.conditions.iter().zip(&self.survey.tallies);
        let reason =
            |(condition, tally): (&Constraint, &inceptive_explore::Tally)| match &tally.nearest {
                Some(nearest) => {
                    let has = nearest_value(condition, &nearest.counts);
                    format!(
                        "no network has {condition}; the closest {has}with {}",
                        point(space, nearest)
                    )
                }
                None => format!(
                    "{} of {} networks have {condition}; {} fail only this",
                    exact(tally.satisfied),
                    exact(networks),
                    exact(tally.only_this_fails)
                ),
            };
        conditions.map(reason).collect()
    }
}

/// What a network has of the metric that a condition is about: `has 2,300,000 `.
fn nearest_value(condition: &Constraint, counts: &Counts) -> String {
    let margin = condition.margin(&|name| counts.by_name(name));
    let metric: Option<Metric> = margin.and_then(|margin| margin.metric);
    match metric.and_then(|metric| counts.get(metric)) {
        Some(count) => format!("has {} ", exact(count)),
        None => "is the one ".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fmt::Write,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use inceptive_dsl::{Memory, load_space};

    use super::*;

    /// A space of repetitions, each with up to eight steps.
    fn space(repetitions: usize) -> Space {
        let mut text = "space: S\nbase: a.yaml\nobjectives: [minimize params]\nvary:\n".to_owned();
        for at in 0..repetitions {
            writeln!(text, "  r{at}: {{values: [1, 2, 3, 4, 5, 6, 7, 8]}}").unwrap();
        }
        text.push_str("with:\n  body:\n");
        for at in 0..repetitions {
            writeln!(text, "    - repeat s{at}: {{count: $r{at}, steps: [relu]}}").unwrap();
        }
        let base = "name: A\ninput: {channels: 2, size: 4}\nclasses: 2\nbody: [relu]\ntail: gap\n";
        let files = Memory::default().with("a.yaml", base).with("s.yaml", text.as_str());
        load_space(&files, Path::new("s.yaml")).unwrap()
    }

    /// How many networks are to be counted.
    fn planned(space: &Space) -> usize {
        let seen = AtomicUsize::new(0);
        let request = CountRequest {
            conditions: vec![],
            objectives: vec![],
            sample: 10,
            seed: 0,
            threads: 1,
        };
        let counts = count_space(space, &request, &|_, total| {
            seen.store(total, Ordering::Relaxed);
            ControlFlow::Break(())
        });
        assert!(!counts.is_complete);
        seen.into_inner()
    }

    #[test]
    fn spaces_whose_structures_are_too_many_are_sampled() {
        assert_eq!(planned(&space(6)), 8_usize.pow(6));
        assert_eq!(planned(&space(7)), DRAWN / MANY_STRUCTURES + 9 * POPULATION);
    }
}
