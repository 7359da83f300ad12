//! Counting a space part by part, on many machines.

use std::{collections::HashMap, ops::ControlFlow, ops::Range, time::Instant};

use inceptive_dsl::{Constraint, Space};
use inceptive_explore::{Points, Survey, SurveyPlan, Surveyed, survey};
use inceptive_results::{
    CountedNetwork, Counts, Machine, Metric, Objective, ObjectiveInfo, Source, SpaceCount,
    SpaceInfo,
};

use super::{SpaceCounts, count::labels};
use crate::{
    error::TaskError,
    running::now_unix_ms,
    space::{choices, space_fingerprint},
};

/// Points that are listed at a time.
const LISTED: u64 = 1 << 18;

/// What is counted of a space.
pub(crate) struct PartPlan<'p> {
    pub(crate) space: &'p Space,
    /// Conditions beside those of the space.
    pub(crate) conditions: &'p [Constraint],
    /// The objectives; of the space, if there are none.
    pub(crate) objectives: &'p [Objective],
    pub(crate) threads: usize,
    pub(crate) machine: &'p Machine,
}

/// What was counted of several parts of a space.
struct Sums {
    points: u64,
    refused: u64,
    inside: u64,
    /// For each condition, how many networks satisfy it, and how many fail only this one.
    tallies: Vec<[u64; 2]>,
    /// The networks of the fronts, each with the number of networks with its values of the objectives.
    front: Vec<(Vec<usize>, u64)>,
    /// Other networks of interest.
    others: Vec<Vec<usize>>,
}

impl PartPlan<'_> {
    fn all_conditions(&self) -> Vec<Constraint> {
        [self.space.constraints.clone(), self.conditions.to_vec()].concat()
    }

    fn own_objectives(&self) -> Vec<Objective> {
        match self.objectives {
            [] => self.space.objectives.clone(),
            objectives => objectives.to_vec(),
        }
    }

    fn survey(
        &self,
        points: &[Vec<usize>],
        goes_on: &(dyn Fn(usize) -> ControlFlow<()> + Sync),
    ) -> Survey {
        let (constraints, objectives) = (self.all_conditions(), self.own_objectives());
        let plan = SurveyPlan {
            points: Points::Listed(points),
            constraints: &constraints,
            objectives: &objectives,
            sample: 0,
            seed: 0,
            threads: self.threads,
        };
        survey(self.space, plan, goes_on)
    }

    /// Counts the points of a range. `goes_on` decides whether to go on.
    pub(crate) fn count(
        &self,
        range: Range<u64>,
        goes_on: &(dyn Fn() -> ControlFlow<()> + Sync),
    ) -> Result<SpaceCount, TaskError> {
        let start = Instant::now();
        let mut sums = Sums::new(self.all_conditions().len());
        let mut surveys = 0;
        let mut last = None;
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min(at + LISTED);
            let points: Vec<Vec<usize>> =
                (at..end).map(|place| choices(self.space, u128::from(place))).collect();
            let part = self.survey(&points, &|_| goes_on());
            if !part.is_complete {
                return Err(TaskError::Stopped);
            }
            sums.add_survey(&part);
            surveys += 1;
            last = Some(part);
            at = end;
        }
        // What one survey says needs no second one.
        let counts = match last {
            Some(only) if surveys == 1 => only,
            _ => self.finish(sums),
        };
        let Space { title, file, variables, .. } = self.space;
        let values = |point: &[usize]| labels(self.space, point);
        let front = counts.front.iter().map(|member| CountedNetwork {
            values: values(&member.network.choices),
            counts: by_name(&member.network.counts),
            equal: member.equal,
        });
        Ok(SpaceCount {
            space: SpaceInfo {
                title: title.clone(),
                file: file.to_string_lossy().into_owned(),
                fingerprint: space_fingerprint(self.space)?,
                variables: variables.iter().map(|variable| variable.name.clone()).collect(),
            },
            conditions: self.all_conditions().iter().map(ToString::to_string).collect(),
            objectives: self.own_objectives().into_iter().map(ObjectiveInfo::from).collect(),
            size: u64::try_from(self.space.size()).unwrap_or(u64::MAX),
            first: range.start,
            points: counts.points,
            refused: counts.refused,
            feasible: counts.inside,
            tallies: counts.tallies.iter().map(|it| [it.satisfied, it.only_this_fails]).collect(),
            front: front.collect(),
            others: others(&counts).iter().map(|point| values(point)).collect(),
            machine: self.machine.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seconds: start.elapsed().as_secs_f64(),
            finished_unix_ms: now_unix_ms(),
        })
    }

    /// What parts of the space that do not overlap say together; `None` if a network is not of the space.
    pub(crate) fn unite(&self, parts: &[SpaceCount]) -> Option<SpaceCounts> {
        let start = Instant::now();
        let mut sums = Sums::new(self.all_conditions().len());
        let places: Vec<HashMap<&str, usize>> = self
            .space
            .variables
            .iter()
            .map(|it| {
                it.values.iter().enumerate().map(|(at, it)| (it.label.as_str(), at)).collect()
            })
            .collect();
        let point = |values: &[String]| -> Option<Vec<usize>> {
            let places = places.iter().zip(values);
            places.map(|(places, value)| places.get(value.as_str()).copied()).collect()
        };
        for part in parts {
            sums.add_counts(part, point)?;
        }
        let survey = self.finish(sums);
        let is_complete = u128::from(survey.points) == self.space.size();
        Some(SpaceCounts {
            conditions: self.all_conditions(),
            objectives: self.own_objectives(),
            survey,
            evolved: 0,
            is_complete,
            seconds: parts.iter().map(|part| part.seconds).sum::<f64>()
                + start.elapsed().as_secs_f64(),
        })
    }

    /// Finds the front of all fronts by counting their networks again.
    fn finish(&self, mut sums: Sums) -> Survey {
        sums.front.sort_unstable();
        let mut points: Vec<Vec<usize>> =
            sums.front.iter().map(|(point, _)| point.clone()).collect();
        points.extend(sums.others);
        points.sort_unstable();
        points.dedup();
        let mut found = self.survey(&points, &|_| ControlFlow::Continue(()));
        let counted: Vec<Objective> = self
            .own_objectives()
            .into_iter()
            .filter(|it| it.metric.source() == Source::Counted)
            .collect();
        let key = |network: &Surveyed| -> Vec<Option<u64>> {
            counted.iter().map(|it| network.counts.get(it.metric)).collect()
        };
        let fronts: Vec<Vec<usize>> = sums.front.iter().map(|(point, _)| point.clone()).collect();
        let mut equal: HashMap<Vec<Option<u64>>, u64> = HashMap::new();
        let again = inceptive_explore::count(self.space, &fronts, self.threads, &|_| {
            ControlFlow::Continue(())
        });
        for counted in again {
            let Some(network) = counted.network else { continue };
            let choices = fronts[counted.place].clone();
            let network = Surveyed { choices, counts: network.counts };
            *equal.entry(key(&network)).or_default() += sums.front[counted.place].1;
        }
        for member in &mut found.front {
            member.equal = equal.get(&key(&member.network)).copied().unwrap_or(member.equal);
        }
        found.points = sums.points;
        found.refused = sums.refused;
        found.inside = sums.inside;
        // How much of the variance a variable explains is not known from parts.
        found.shares.clear();
        for (tally, [satisfied, only_this_fails]) in found.tallies.iter_mut().zip(sums.tallies) {
            tally.satisfied = satisfied;
            tally.only_this_fails = only_this_fails;
            tally.nearest = tally.nearest.take().filter(|_| satisfied == 0);
        }
        found
    }
}

impl Sums {
    fn new(conditions: usize) -> Self {
        let tallies = vec![[0, 0]; conditions];
        Self { points: 0, refused: 0, inside: 0, tallies, front: vec![], others: vec![] }
    }

    fn add_survey(&mut self, part: &Survey) {
        self.points += part.points;
        self.refused += part.refused;
        self.inside += part.inside;
        for (sum, tally) in self.tallies.iter_mut().zip(&part.tallies) {
            sum[0] += tally.satisfied;
            sum[1] += tally.only_this_fails;
        }
        let member = |it: &inceptive_explore::FrontPoint| (it.network.choices.clone(), it.equal);
        self.front.extend(part.front.iter().map(member));
        self.others.extend(others(part));
    }

    fn add_counts(
        &mut self,
        part: &SpaceCount,
        point: impl Fn(&[String]) -> Option<Vec<usize>>,
    ) -> Option<()> {
        self.points += part.points;
        self.refused += part.refused;
        self.inside += part.feasible;
        for (sum, tally) in self.tallies.iter_mut().zip(&part.tallies) {
            sum[0] += tally[0];
            sum[1] += tally[1];
        }
        for network in &part.front {
            self.front.push((point(&network.values)?, network.equal));
        }
        for values in &part.others {
            self.others.push(point(values)?);
        }
        Some(())
    }
}

/// Networks of interest beside those of the front.
fn others(survey: &Survey) -> Vec<Vec<usize>> {
    let nearest = survey.tallies.iter().filter_map(|it| it.nearest.as_ref());
    let ends = survey.extremes.iter().flat_map(|it| [&it.lowest, &it.highest]);
    let mut points: Vec<Vec<usize>> = nearest.chain(ends).map(|it| it.choices.clone()).collect();
    points.sort_unstable();
    points.dedup();
    points
}

fn by_name(counts: &Counts) -> std::collections::BTreeMap<String, u64> {
    let of = |metric: Metric| Some((metric.id().to_owned(), counts.get(metric)?));
    Metric::costs().filter_map(of).collect()
}
