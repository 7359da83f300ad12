//! What is known of the points counted so far.

use std::{
    collections::{BTreeMap, BinaryHeap},
    ops::ControlFlow,
};

use inceptive_dsl::Space;
use inceptive_results::{Counts, Direction, Metric, Objective, Source};

use crate::{
    count::count,
    front::Front,
    region::Region,
    shares::ShareSums,
    surveyed::{Extremes, FrontPoint, Points, Survey, SurveyPlan, Surveyed, Tally},
};

/// What is known of the points counted so far. Points are kept by their numbers.
#[derive(Clone, Debug)]
pub(crate) struct Totals<'t> {
    space: &'t Space,
    plan: SurveyPlan<'t>,
    /// Those that are counted.
    objectives: Vec<Objective>,
    points: u64,
    refused: u64,
    inside: u64,
    tallies: Vec<TallySoFar>,
    front: Front,
    /// Those with the lowest numbers of a random order, with these numbers.
    sample: BinaryHeap<(u64, u64)>,
    extremes: Vec<ExtremesSoFar>,
    shares: Vec<ShareSums>,
    key: Vec<u64>,
}

#[derive(Clone, Debug, Default)]
struct TallySoFar {
    satisfied: u64,
    only_this_fails: u64,
    /// How much is missing, and the point.
    nearest: Option<(f64, u64)>,
}

/// The lowest and the highest value of a metric, with the first points that have them.
#[derive(Clone, Copy, Debug)]
struct ExtremesSoFar {
    metric: Metric,
    ends: Option<[(u64, u64); 2]>,
}

impl TallySoFar {
    fn comes_near(&mut self, missing: f64, place: u64) {
        let is_nearer = self
            .nearest
            .is_none_or(|(before, at)| missing.total_cmp(&before).then(place.cmp(&at)).is_lt());
        if is_nearer {
            self.nearest = Some((missing, place));
        }
    }
}

impl ExtremesSoFar {
    fn add(&mut self, [lowest, highest]: [(u64, u64); 2]) {
        let ends = self.ends.get_or_insert([lowest, highest]);
        ends[0] = ends[0].min(lowest);
        let is_higher =
            (highest.0, std::cmp::Reverse(highest.1)) > (ends[1].0, std::cmp::Reverse(ends[1].1));
        if is_higher {
            ends[1] = highest;
        }
    }
}

/// A number for each point that looks random (Steele, Lea, Flood 2014, *Fast Splittable Pseudorandom Number Generators*).
fn shuffled(seed: u64, place: u64) -> u64 {
    let mut mixed = place
        .wrapping_add(seed.wrapping_mul(0xd134_2543_de82_ef95))
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl<'t> Totals<'t> {
    pub(crate) fn new(space: &'t Space, plan: SurveyPlan<'t>) -> Self {
        let values = || space.variables.iter().map(|variable| variable.values.len());
        let counted = plan.objectives.iter().copied();
        let main = Metric::costs().filter(|metric| metric.is_main());
        Self {
            space,
            plan,
            objectives: counted.filter(|it| it.metric.source() == Source::Counted).collect(),
            points: 0,
            refused: 0,
            inside: 0,
            tallies: vec![TallySoFar::default(); plan.constraints.len()],
            front: Front::default(),
            sample: BinaryHeap::new(),
            extremes: Metric::costs().map(|metric| ExtremesSoFar { metric, ends: None }).collect(),
            shares: main.map(|metric| ShareSums::new(metric, values())).collect(),
            key: vec![],
        }
    }

    /// A point that is no network.
    pub(crate) fn refused(&mut self) {
        self.points += 1;
        self.refused += 1;
    }

    /// A network, by its number and the positions of its values.
    pub(crate) fn network(&mut self, place: u64, choices: &[usize], counts: &Counts) {
        self.points += 1;
        for shares in &mut self.shares {
            if let Some(value) = counts.get(shares.metric()) {
                shares.add(choices, value);
            }
        }
        if !self.satisfies(place, counts) {
            return;
        }
        self.inside += 1;
        for extremes in &mut self.extremes {
            if let Some(value) = counts.get(extremes.metric) {
                extremes.add([(value, place); 2]);
            }
        }
        self.draw(shuffled(self.plan.seed, place), place);
        if !self.objectives.is_empty() {
            let mut key = std::mem::take(&mut self.key);
            key.clear();
            key.extend(self.objectives.iter().map(|objective| {
                let count = counts.get(objective.metric).unwrap_or_default();
                // Smaller is better, whatever the direction.
                match objective.direction {
                    Direction::Minimize => count,
                    Direction::Maximize => u64::MAX - count,
                }
            }));
            self.front.add(&key, place);
            self.key = key;
        }
    }

    fn satisfies(&mut self, place: u64, counts: &Counts) -> bool {
        let by_name = |name: &str| counts.by_name(name);
        let mut failing = None;
        let mut fails = 0;
        for (at, (constraint, tally)) in
            self.plan.constraints.iter().zip(&mut self.tallies).enumerate()
        {
            if constraint.holds(&by_name) != Some(false) {
                tally.satisfied += 1;
                continue;
            }
            fails += 1;
            failing = Some(at);
            if tally.satisfied == 0
                && let Some(margin) = constraint.margin(&by_name)
            {
                tally.comes_near(-margin.left, place);
            }
        }
        if let (1, Some(at)) = (fails, failing) {
            self.tallies[at].only_this_fails += 1;
        }
        fails == 0
    }

    fn draw(&mut self, order: u64, place: u64) {
        if self.sample.len() < self.plan.sample {
            self.sample.push((order, place));
        } else if let Some(mut last) = self.sample.peek_mut()
            && (order, place) < *last
        {
            *last = (order, place);
        }
    }

    /// What is known of the points of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.points += other.points;
        self.refused += other.refused;
        self.inside += other.inside;
        for (own, other) in self.tallies.iter_mut().zip(other.tallies) {
            own.satisfied += other.satisfied;
            own.only_this_fails += other.only_this_fails;
            if let Some((missing, place)) = other.nearest {
                own.comes_near(missing, place);
            }
        }
        self.front.extend(other.front);
        for (order, place) in other.sample {
            self.draw(order, place);
        }
        for (own, other) in self.extremes.iter_mut().zip(other.extremes) {
            if let Some(ends) = other.ends {
                own.add(ends);
            }
        }
        let both = self.shares.into_iter().zip(&other.shares);
        self.shares = both.map(|(own, other)| own.and(other)).collect();
        self
    }

    /// The survey.
    pub(crate) fn finish(mut self, is_complete: bool) -> Survey {
        let front = std::mem::take(&mut self.front).finish();
        let mut drawn: Vec<u64> = self.sample.iter().map(|&(_, place)| place).collect();
        drawn.sort_unstable();
        for tally in &mut self.tallies {
            // Only of a constraint that nothing satisfies.
            tally.nearest = tally.nearest.filter(|_| tally.satisfied == 0);
        }
        let ends = self.extremes.iter().filter_map(|it| it.ends).flatten().map(|(_, place)| place);
        let nearest = self.tallies.iter().filter_map(|it| it.nearest).map(|(_, place)| place);
        let of_front = front.iter().map(|member| member.place);
        let networks = self.again(of_front.chain(drawn.iter().copied()).chain(ends).chain(nearest));
        let get = |place: u64| networks.get(&place).cloned();
        let extremes = self.extremes.iter().filter_map(|it| {
            let [lowest, highest] = it.ends?;
            Some(Extremes { metric: it.metric, lowest: get(lowest.1)?, highest: get(highest.1)? })
        });
        let tallies = self.tallies.iter().map(|it| Tally {
            satisfied: it.satisfied,
            only_this_fails: it.only_this_fails,
            nearest: it.nearest.and_then(|(_, place)| get(place)),
        });
        let front = front
            .iter()
            .filter_map(|it| Some(FrontPoint { network: get(it.place)?, equal: it.equal }));
        Survey {
            points: self.points,
            refused: self.refused,
            inside: self.inside,
            is_complete,
            tallies: tallies.collect(),
            front: front.collect(),
            sample: drawn.into_iter().filter_map(get).collect(),
            extremes: extremes.collect(),
            shares: self.shares.iter().map(ShareSums::finish).collect(),
        }
    }

    /// Counts some points once more.
    fn again(&self, places: impl Iterator<Item = u64>) -> BTreeMap<u64, Surveyed> {
        let mut places: Vec<u64> = places.collect();
        places.sort_unstable();
        places.dedup();
        let region = Region::all(self.space);
        let point = |&place: &u64| {
            // They were numbers of points before.
            let at = usize::try_from(place).unwrap_or_default();
            match self.plan.points {
                Points::Listed(points) => points[at].clone(),
                Points::All => {
                    let mut point = vec![];
                    region.point(self.space, at, &mut point);
                    point
                }
            }
        };
        let points: Vec<Vec<usize>> = places.iter().map(point).collect();
        let counted = count(self.space, &points, self.plan.threads, &|_| ControlFlow::Continue(()));
        let network = |counted: &crate::Counted| {
            let counts = counted.network?.counts;
            let choices = points[counted.place].clone();
            Some((places[counted.place], Surveyed { choices, counts }))
        };
        counted.iter().filter_map(network).collect()
    }
}
