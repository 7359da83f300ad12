//! A survey of a space says what counting all of its networks says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashSet, ops::ControlFlow, path::Path};

use inceptive_dsl::{Constraint, Memory, Space, load_space};
use inceptive_explore::{
    Counted, EvolutionPlan, Points, Survey, SurveyPlan, count, evolve, survey,
};
use inceptive_results::{Counts, Direction, Metric, Objective};

const BASE: &str = "name: B\nparams: {a: 1, b: 1, k: 1, t: []}\ninput: {channels: 3, size: 8}\nbody:\n  - conv a: \
                    {kernel: $k, width: $a, pad: 1}\n  - parallel m:\n      branches:\n        left: [conv: {kernel: 1, width: $b}]\n        \
                    right: $t\n  - if:\n      cond: $a > 20\n      then: [conv c: {kernel: 3, width: 16}]\n      else: [conv c: \
                    {kernel: 3, width: 8}]\ntail: [gap, flatten, linear: {width: 4}]\n";

const SPACE: &str = "space: S\nbase: base.yaml\nvary:\n  a: {from: 1, to: 40, step: 1}\n  k: {values: [1, 3, 13]}\n  \
                     b: {from: 1, to: 50, step: 1}\n  t: {values: {none: [], pool: [maxpool: {kernel: 2, stride: 2}], \
                     conv: [conv: {kernel: 3, width: $b}]}}\n\
                     with: {params: {a: $a, b: $b, k: $k, t: $t}}\n";

fn space() -> Space {
    let files = Memory::default().with("s.yaml", SPACE).with("base.yaml", BASE);
    load_space(&files, Path::new("s.yaml")).unwrap()
}

fn at(space: &Space, mut place: usize) -> Vec<usize> {
    let mut point = vec![0; space.variables.len()];
    for (choice, variable) in point.iter_mut().zip(&space.variables).rev() {
        *choice = place % variable.values.len();
        place /= variable.values.len();
    }
    point
}

fn minimize(metrics: &[Metric]) -> Vec<Objective> {
    let minimize = |&metric| Objective { metric, direction: Direction::Minimize };
    metrics.iter().map(minimize).collect()
}

fn plan<'p>(
    points: Points<'p>,
    constraints: &'p [Constraint],
    objectives: &'p [Objective],
) -> SurveyPlan<'p> {
    SurveyPlan { points, constraints, objectives, sample: 100, seed: 3, threads: 2 }
}

fn run(space: &Space, plan: SurveyPlan<'_>) -> Survey {
    survey(space, plan, &|_| ControlFlow::Continue(()))
}

/// What is the same whatever the number of threads.
fn text(survey: &Survey) -> String {
    format!("{survey:?}")
}

#[test]
fn it_is_what_counting_all_says() {
    let space = space();
    let points: Vec<Vec<usize>> =
        (0..usize::try_from(space.size()).unwrap()).map(|it| at(&space, it)).collect();
    let counted = count(&space, &points, 2, &|_| ControlFlow::Continue(()));
    let constraints = [
        Constraint::all("macs < 60k and params > 500").unwrap(),
        Constraint::all("acts < 2k").unwrap(),
    ]
    .concat();
    let objectives = minimize(&[Metric::Params, Metric::Macs, Metric::PeakActivationBytes]);
    let found = run(&space, plan(Points::All, &constraints, &objectives));

    let networks: Vec<(&Vec<usize>, Counts)> = counted
        .iter()
        .filter_map(|Counted { place, network }| Some((&points[*place], network.as_ref()?.counts)))
        .collect();
    assert!(networks.len() < points.len(), "some do not fit");
    assert_eq!(found.points as usize, points.len());
    assert_eq!(found.refused as usize, points.len() - networks.len());
    assert!(found.is_complete);
    let holds =
        |counts: &Counts, at: usize| constraints[at].holds(&|name| counts.by_name(name)).unwrap();
    let all = |counts: &Counts| (0..3).all(|at| holds(counts, at));
    let inside: Vec<_> = networks.iter().filter(|(_, counts)| all(counts)).collect();
    assert!(!inside.is_empty());
    assert_eq!(found.inside as usize, inside.len());
    for (at, tally) in found.tallies.iter().enumerate() {
        let satisfied = networks.iter().filter(|(_, counts)| holds(counts, at)).count();
        let only = networks.iter().filter(|(_, counts)| {
            !holds(counts, at) && (0..3).all(|other| other == at || holds(counts, other))
        });
        assert_eq!(
            [tally.satisfied as usize, tally.only_this_fails as usize],
            [satisfied, only.count()]
        );
    }

    let key = |counts: &Counts| {
        [Metric::Params, Metric::Macs, Metric::PeakActivationBytes]
            .map(|it| counts.get(it).unwrap())
    };
    let is_dominated = |own: &Counts| {
        let own = key(own);
        inside.iter().any(|(_, other)| {
            let other = key(other);
            other != own && other.iter().zip(&own).all(|(other, own)| other <= own)
        })
    };
    let mut front: Vec<[u64; 3]> = inside
        .iter()
        .filter(|(_, counts)| !is_dominated(counts))
        .map(|(_, counts)| key(counts))
        .collect();
    front.sort_unstable();
    let equal: u64 = found.front.iter().map(|point| point.equal).sum();
    assert_eq!(equal as usize, front.len());
    front.dedup();
    let own: Vec<[u64; 3]> = found.front.iter().map(|point| key(&point.network.counts)).collect();
    assert_eq!(own, front);

    for extremes in &found.extremes {
        let values = || inside.iter().map(|(_, counts)| counts.get(extremes.metric).unwrap());
        assert_eq!(extremes.lowest.counts.get(extremes.metric), values().min());
        assert_eq!(extremes.highest.counts.get(extremes.metric), values().max());
    }
    assert_eq!(found.sample.len(), 100.min(inside.len()));
    assert!(found.sample.iter().all(|point| inside.iter().any(|(at, _)| **at == point.choices)));
    let params = &found.shares[0];
    assert!(params.of_variables.as_ref().unwrap().iter().sum::<f64>() < 1.0);
}

#[test]
fn threads_and_lists_change_nothing() {
    let space = space();
    let constraints = Constraint::all("macs < 60k").unwrap();
    let objectives = minimize(&[Metric::Params, Metric::Macs]);
    let all = plan(Points::All, &constraints, &objectives);
    let one = text(&run(&space, SurveyPlan { threads: 1, ..all }));
    assert_eq!(text(&run(&space, SurveyPlan { threads: 3, ..all })), one);
    let points: Vec<Vec<usize>> =
        (0..usize::try_from(space.size()).unwrap()).map(|it| at(&space, it)).collect();
    let listed = run(&space, plan(Points::Listed(&points), &constraints, &objectives));
    assert_eq!(text(&listed), one);
}

#[test]
fn the_nearest_network_is_told_where_none_is_left() {
    let constraints = Constraint::all("params < 10 and macs > 1").unwrap();
    let found = run(&space(), plan(Points::All, &constraints, &[]));
    assert_eq!((found.inside, found.tallies[0].satisfied), (0, 0));
    let nearest = found.tallies[0].nearest.as_ref().unwrap();
    let counted = run(&space(), plan(Points::All, &[], &[]));
    let fewest = counted.extremes.iter().find(|it| it.metric == Metric::Params).unwrap();
    assert_eq!(nearest, &fewest.lowest);
    assert_eq!(found.tallies[1].nearest, None, "networks satisfy it");
    assert!(found.front.is_empty() && found.sample.is_empty() && found.extremes.is_empty());
}

#[test]
fn a_stop_leaves_a_part() {
    let objectives = minimize(&[Metric::Params]);
    let found = survey(&space(), plan(Points::All, &[], &objectives), &|_| ControlFlow::Break(()));
    assert!(!found.is_complete);
    assert!(u128::from(found.points) < space().size());
}

/// The area that a front dominates, in the range of the front of `whole` (Zitzler and Thiele 1999).
fn volume(survey: &Survey, objectives: &[Objective], whole: &Survey) -> f64 {
    let costs = |survey: &Survey| -> Vec<[f64; 2]> {
        let cost = |it: &inceptive_explore::FrontPoint, place: usize| {
            let Objective { metric, direction } = objectives[place];
            let value = it.network.counts.get(metric).unwrap() as f64;
            if direction == Direction::Minimize { value } else { -value }
        };
        survey.front.iter().map(|it| [cost(it, 0), cost(it, 1)]).collect()
    };
    let all = costs(whole);
    let end = |place: usize| {
        let values = || all.iter().map(|it| it[place]);
        let low = values().fold(f64::INFINITY, f64::min);
        (low, (values().fold(f64::NEG_INFINITY, f64::max) - low).max(1.0))
    };
    let ends = [end(0), end(1)];
    let mut scaled: Vec<[f64; 2]> = costs(survey)
        .into_iter()
        .map(|it| [0, 1].map(|place| (it[place] - ends[place].0) / ends[place].1))
        .collect();
    scaled.sort_by(|a, b| a[0].total_cmp(&b[0]));
    // A little beyond the ends, so that these count too.
    let (mut height, mut volume) = (1.1, 0.0);
    for [across, up] in scaled {
        if up < height && across < 1.1 {
            volume += (1.1 - across) * (height - up);
            height = up;
        }
    }
    volume
}

/// Evolution comes near the front that counting all networks finds, with a seventh of the networks.
#[test]
fn evolution_comes_near_the_complete_front() {
    let space = space();
    let objectives = minimize(&[Metric::Params, Metric::PeakActivationBytes]);
    let opposed = [
        Objective { metric: Metric::Params, direction: Direction::Maximize },
        Objective { metric: Metric::Macs, direction: Direction::Minimize },
    ];
    for objectives in [objectives.as_slice(), &opposed] {
        let constraints = Constraint::all("macs > 20k").unwrap();
        let whole = run(&space, plan(Points::All, &constraints, objectives));
        let evolution = EvolutionPlan {
            constraints: &constraints,
            objectives,
            population: 100,
            generations: 25,
            seed: 1,
            threads: 2,
        };
        let points = evolve(&space, evolution, &[], &|_| ControlFlow::Continue(()));
        assert!(points.len() <= 2600);
        let distinct: HashSet<&Vec<usize>> = points.iter().collect();
        assert_eq!(distinct.len(), points.len(), "none is counted twice");
        let found = run(&space, plan(Points::Listed(&points), &constraints, objectives));
        let [of_whole, of_found] =
            [&whole, &found].map(|survey| volume(survey, objectives, &whole));
        println!(
            "{:.2}% of the volume below the front is missed after {} of {} networks",
            100.0 * (1.0 - of_found / of_whole),
            points.len(),
            whole.points
        );
        assert!(of_found / of_whole > 0.98, "{of_found} of {of_whole}");
    }
}
