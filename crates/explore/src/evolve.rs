//! Searching the Pareto front of costs in spaces that are too large to count.

use std::{collections::HashSet, ops::ControlFlow};

use inceptive_dsl::{Constraint, Space};
use inceptive_results::{Direction, Objective, Source};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{
    axes::{Axis, axes},
    count::count,
    pareto::by_front_and_crowding,
};

/// Probability that a child has values of both parents.
const CROSSOVER: f64 = 0.9;

/// How often a child is made again that was there before.
const ATTEMPTS: usize = 10;

/// What an evolution looks for, and how long.
#[derive(Clone, Copy, Debug)]
pub struct EvolutionPlan<'p> {
    /// What every network of interest satisfies.
    pub constraints: &'p [Constraint],
    /// The objectives; those that are not counted are not considered.
    pub objectives: &'p [Objective],
    /// Networks of a generation.
    pub population: usize,
    /// Generations.
    pub generations: usize,
    /// The seed.
    pub seed: u64,
    /// Number of threads.
    pub threads: usize,
}

/// A point with what counts in the selection.
struct Individual {
    point: Vec<usize>,
    /// How many constraints it fails; more than there are, if it is no network.
    fails: usize,
    /// Smaller is better.
    costs: Vec<f64>,
}

/// Points of a space that NSGA-II counts on its way to the Pareto front of the costs (Deb, Pratap, Agarwal and Meyarivan 2002, *A
/// fast and elitist multiobjective genetic algorithm: NSGA-II*, with their constrained domination): all of them, in the order of
/// counting, each once. `start` is the first generation. Children take each value from one of two parents, then one value on
/// average changes: a number by at most a tenth of its range or to any other, a word to any other. The same seed gives the same
/// points. `goes_on` is asked with the number of points counted.
pub fn evolve(
    space: &Space,
    plan: EvolutionPlan<'_>,
    start: &[Vec<usize>],
    goes_on: &(dyn Fn(usize) -> ControlFlow<()> + Sync),
) -> Vec<Vec<usize>> {
    let axes = axes(space);
    let mut rng = ChaCha8Rng::seed_from_u64(plan.seed);
    let mut seen: HashSet<Vec<usize>> = HashSet::new();
    let mut all: Vec<Vec<usize>> = vec![];
    let mut children: Vec<Vec<usize>> = vec![];
    for point in start.iter().take(plan.population) {
        if seen.insert(point.clone()) {
            children.push(point.clone());
        }
    }
    let mut parents: Vec<Individual> = vec![];
    for _ in 0..=plan.generations {
        while children.len() < plan.population {
            let child = (0..ATTEMPTS)
                .map(|_| child(&axes, &parents, &mut rng))
                .find(|child| !seen.contains(child));
            // So many are equal that the space is exhausted where they are.
            let Some(child) = child else { break };
            seen.insert(child.clone());
            children.push(child);
        }
        if children.is_empty() || goes_on(all.len()).is_break() {
            break;
        }
        all.extend(children.iter().cloned());
        parents.extend(counted(space, plan, std::mem::take(&mut children)));
        parents = selected(parents, plan.population);
    }
    all
}

/// Counts points.
#[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
fn counted(space: &Space, plan: EvolutionPlan<'_>, points: Vec<Vec<usize>>) -> Vec<Individual> {
    let counted = count(space, &points, plan.threads, &|_| ControlFlow::Continue(()));
    let objectives: Vec<Objective> = plan
        .objectives
        .iter()
        .copied()
        .filter(|it| it.metric.source() == Source::Counted)
        .collect();
    let individual = |(point, counted): (Vec<usize>, crate::Counted)| {
        let Some(network) = counted.network else {
            let costs = vec![f64::INFINITY; objectives.len()];
            return Individual { point, fails: plan.constraints.len() + 1, costs };
        };
        let counts = network.counts;
        let fails = |it: &&Constraint| it.holds(&|name| counts.by_name(name)) == Some(false);
        let cost = |Objective { metric, direction }: &Objective| {
            let value = counts.get(*metric).map_or(f64::NAN, |count| count as f64);
            if *direction == Direction::Minimize { value } else { -value }
        };
        Individual {
            point,
            fails: plan.constraints.iter().filter(fails).count(),
            costs: objectives.iter().map(cost).collect(),
        }
    };
    points.into_iter().zip(counted).map(individual).collect()
}

/// The best of a generation and its children, the best first.
fn selected(mut all: Vec<Individual>, most: usize) -> Vec<Individual> {
    all.sort_by_key(|individual| individual.fails);
    let mut order: Vec<usize> = vec![];
    let mut from = 0;
    while from < all.len() && order.len() < most {
        let equal = all[from..].iter().take_while(|it| it.fails == all[from].fails).count();
        let costs: Vec<Vec<f64>> =
            all[from..from + equal].iter().map(|it| it.costs.clone()).collect();
        order.extend(by_front_and_crowding(&costs).into_iter().map(|at| from + at));
        from += equal;
    }
    order.truncate(most);
    let mut kept: Vec<Option<Individual>> = all.into_iter().map(Some).collect();
    order.into_iter().filter_map(|at| kept[at].take()).collect()
}

/// A child of two parents, each the better one of two; a random point where there are no parents.
fn child(axes: &[Axis], parents: &[Individual], rng: &mut ChaCha8Rng) -> Vec<usize> {
    if parents.is_empty() {
        return axes.iter().map(|axis| rng.random_range(0..axis.values)).collect();
    }
    // Parents are sorted, so the better one is the one that comes first.
    let mut parent = || {
        let [one, other] = [0, 1].map(|_| rng.random_range(0..parents.len()));
        &parents[one.min(other)].point
    };
    let (one, other) = (parent(), parent());
    let mixes = rng.random_bool(CROSSOVER);
    let rate = 1.0 / axes.len().max(1) as f64;
    let mut child = vec![];
    for ((axis, &one), &other) in axes.iter().zip(one).zip(other) {
        let value = if mixes && rng.random_bool(0.5) { other } else { one };
        child.push(if rng.random_bool(rate) { mutated(axis, value, rng) } else { value });
    }
    child
}

/// Another value.
fn mutated(axis: &Axis, value: usize, rng: &mut ChaCha8Rng) -> usize {
    if axis.numbers.is_none() || rng.random_bool(0.5) {
        return rng.random_range(0..axis.values);
    }
    let reach = (axis.values / 10).max(1);
    let step = rng.random_range(1..=reach);
    match rng.random_bool(0.5) {
        true => (value + step).min(axis.values - 1),
        false => value.saturating_sub(step),
    }
}
