//! Compares searches with a surrogate with choices without one, on a table of accuracies: looking up networks one after the other,
//! and choosing them in waves against choosing all at once by cost and values.
//!
//! ```sh
//! cargo run --release -p inceptive-explore --example table_search -- table.csv [SEEDS [scores.csv]]
//! ```
//!
//! The table has columns for the variables first, then `seed`, `accuracy` and `params`, as `scripts/nas_bench_201.py` writes it.
//! An evaluation is one row of a network, drawn at random; the result of a search is the mean over the rows of the network that
//! it found best. The first search is for accuracy alone, the second for accuracy below limits of the number of parameters.
//! `scores.csv` has the same variables, and training-free scores of all networks, as the example `proxy_scores` of the crate
//! `train` writes it.

#![allow(clippy::unwrap_used, reason = "an example fails by panicking")]
#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    ops::ControlFlow,
};

use inceptive_explore::{Axis, Pool, Proposer, Scored, diverse, guided, spread_order, waves};
use inceptive_results::{AccuracyJudgement, ProxyScore};
use rand::{RngExt, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

const BUDGETS: [usize; 4] = [25, 50, 100, 200];

/// Networks of which some are chosen in waves.
const POOL: usize = 4096;

/// Limits of the number of parameters below which the best network is looked for.
const LIMITS: usize = 20;

struct Network {
    point: Vec<usize>,
    params: f64,
    accuracies: Vec<f64>,
    /// Training-free scores, in the order of `ProxyScore::ALL`; empty without them.
    scores: Vec<f64>,
}

/// Training-free scores by the values of the variables.
fn read_scores(file: &str) -> HashMap<Vec<String>, Vec<f64>> {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let headers = reader.headers().unwrap().clone();
    let columns =
        ProxyScore::ALL.map(|score| headers.iter().position(|it| it == score.id()).unwrap());
    let variables = columns.into_iter().min().unwrap();
    let of = |record: csv::StringRecord| {
        let point = record.iter().take(variables).map(str::to_owned).collect();
        (point, columns.iter().map(|&column| record[column].parse().unwrap()).collect())
    };
    reader.records().map(|record| of(record.unwrap())).collect()
}

/// Those of some networks.
fn scores_of(networks: &[&Network]) -> Vec<Scored> {
    if networks.iter().any(|network| network.scores.is_empty()) {
        return vec![];
    }
    let all = ProxyScore::ALL.iter().enumerate();
    let values = |at: usize| networks.iter().map(|network| network.scores[at]).collect();
    all.map(|(at, &score)| Scored { score, values: values(at) }).collect()
}

fn read(file: &str, scores: &HashMap<Vec<String>, Vec<f64>>) -> (Vec<Axis>, Vec<Network>) {
    let mut reader = csv::Reader::from_path(file).unwrap();
    let headers = reader.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|it| it == name).unwrap();
    let (accuracy, params) = (column("accuracy"), column("params"));
    let variables = column("seed").min(accuracy);
    let mut values: Vec<Vec<String>> = vec![vec![]; variables];
    let mut networks: BTreeMap<Vec<usize>, Network> = BTreeMap::new();
    for record in reader.records() {
        let record = record.unwrap();
        let mut point = vec![];
        for (values, text) in values.iter_mut().zip(&record) {
            let place = values.iter().position(|value| value == text).unwrap_or(values.len());
            if place == values.len() {
                values.push(text.to_owned());
            }
            point.push(place);
        }
        let params = record[params].parse().unwrap();
        let labels: Vec<String> = record.iter().take(variables).map(str::to_owned).collect();
        let scores = scores.get(&labels).cloned().unwrap_or_default();
        let network = networks.entry(point.clone());
        let network = network.or_insert(Network { point, params, accuracies: vec![], scores });
        network.accuracies.push(record[accuracy].parse().unwrap());
    }
    let axes = values.iter().map(|values| Axis::new(values.iter().map(String::as_str))).collect();
    (axes, networks.into_values().collect())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let table = arguments.next().unwrap();
    let seeds: u64 = arguments.next().map_or(50, |seeds| seeds.parse().unwrap());
    let scores = arguments.next().map(|file| read_scores(&file)).unwrap_or_default();
    let (axes, networks) = read(&table, &scores);
    one_after_the_other(&axes, &networks, seeds);
    in_waves(&axes, &networks, seeds);
}

/// Chooses networks in waves, as a search does that trains them, and all at once.
fn in_waves(axes: &[Axis], networks: &[Network], seeds: u64) {
    println!(
        "\nmean over {LIMITS} limits of the number of parameters of the best accuracy below each, over {seeds} seeds\n"
    );
    println!(
        "| networks | in waves | all at once | better by (95% interval) | better in | proposed |"
    );
    println!("|--:|--:|--:|--:|--:|--:|");
    for budget in BUDGETS {
        let (mut ours, mut others, mut proposed) = (vec![], vec![], vec![]);
        for seed in 0..seeds {
            let mut rng = ChaCha8Rng::seed_from_u64(1000 + seed);
            let drawn: Vec<&Network> = index::sample(&mut rng, networks.len(), POOL)
                .into_iter()
                .map(|at| &networks[at])
                .collect();
            let points: Vec<Vec<usize>> = drawn.iter().map(|it| it.point.clone()).collect();
            let params: Vec<f64> = drawn.iter().map(|it| it.params).collect();
            let scores = scores_of(&drawn);
            let pool =
                Pool { axes, points: &points, params: &params, costs: &params, scores: &scores };
            let seen: Vec<f64> = drawn
                .iter()
                .map(|it| it.accuracies[rng.random_range(0..it.accuracies.len())])
                .collect();
            let all = diverse(pool, &[], budget);
            let (chosen, count) = chosen_in_waves(pool, &all, &seen, seed);
            ours.push(below_limits(&drawn, &seen, &chosen));
            others.push(below_limits(&drawn, &seen, &all));
            proposed.push(count as f64);
        }
        let better: Vec<f64> = ours.iter().zip(&others).map(|(own, theirs)| own - theirs).collect();
        let interval = inceptive_results::statistics::mean(&better).unwrap();
        println!(
            "| {budget} | {:.2} | {:.2} | {:.2} ({:.2} to {:.2}) | {} of {seeds} | {:.0} |",
            mean(&ours),
            mean(&others),
            interval.value,
            interval.low,
            interval.high,
            better.iter().filter(|&&it| it > 0.0).count(),
            mean(&proposed),
        );
    }
}

/// The networks that are chosen in waves in place of those that are planned, and how many of them were proposed.
fn chosen_in_waves(
    pool: Pool<'_>,
    planned: &[usize],
    seen: &[f64],
    seed: u64,
) -> (Vec<usize>, usize) {
    let proposer = Proposer::new(pool);
    let mut planned = spread_order(planned.len()).into_iter().map(|at| planned[at]);
    let (mut chosen, mut count): (Vec<usize>, usize) = (vec![], 0);
    for (wave, size) in waves(planned.len(), pool.points.len()).into_iter().enumerate() {
        let known: Vec<(usize, f64)> = chosen.iter().map(|&at| (at, seen[at])).collect();
        let is_good = wave > 0
            && proposer.judge(&known, seed).as_ref().is_some_and(AccuracyJudgement::is_good);
        let wanted = if is_good { size - size.div_ceil(5) } else { 0 };
        let end = chosen.len() + size - wanted;
        while chosen.len() < end {
            let next = planned.next().unwrap();
            if !chosen.contains(&next) {
                chosen.push(next);
            }
        }
        let excluded: HashSet<usize> = chosen.iter().copied().collect();
        let mut rng = ChaCha8Rng::seed_from_u64(seed + wave as u64);
        let proposals = proposer.propose(&known, &excluded, false, wanted, &mut rng);
        count += proposals.len();
        chosen.extend(proposals);
    }
    (chosen, count)
}

/// The mean accuracy of the networks that look best below limits of the number of parameters.
fn below_limits(networks: &[&Network], seen: &[f64], chosen: &[usize]) -> f64 {
    let params = || networks.iter().map(|it| it.params);
    let (low, high) = (params().fold(f64::INFINITY, f64::min), params().fold(0.0, f64::max));
    let best = |limit: f64| {
        let below = chosen.iter().filter(|&&at| networks[at].params <= limit);
        let best = below.max_by(|&&a, &&b| seen[a].total_cmp(&seen[b]));
        best.map_or(10.0, |&at| mean(&networks[at].accuracies))
    };
    let limits = (1..=LIMITS).map(|step| low * (high / low).powf(step as f64 / LIMITS as f64));
    mean(&limits.map(best).collect::<Vec<f64>>())
}

fn one_after_the_other(axes: &[Axis], networks: &[Network], seeds: u64) {
    let points: Vec<Vec<usize>> = networks.iter().map(|it| it.point.clone()).collect();
    let params: Vec<f64> = networks.iter().map(|it| it.params).collect();
    let scores = scores_of(&networks.iter().collect::<Vec<_>>());
    let pool = Pool { axes, points: &points, params: &params, costs: &[], scores: &scores };
    let best = networks.iter().map(|it| mean(&it.accuracies)).fold(0.0, f64::max);
    println!(
        "{} networks, the best has {best:.2}%; points below it, over {seeds} seeds\n",
        networks.len()
    );
    println!(
        "| evaluations | search: mean | worst | random choice: mean | worst | better by (95% interval) | better in | chosen by the \
         surrogate | correlation | of parameters | among the best tenth | of parameters | with scores |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for budget in BUDGETS {
        let (mut ours, mut chance, mut guided_count) = (vec![], vec![], vec![]);
        let mut judgements: Vec<AccuracyJudgement> = vec![];
        for seed in 0..seeds {
            let mut rng = ChaCha8Rng::seed_from_u64(1000 + seed);
            let seen: Vec<f64> = networks
                .iter()
                .map(|it| it.accuracies[rng.random_range(0..it.accuracies.len())])
                .collect();
            let regret = |places: &mut dyn Iterator<Item = usize>| {
                let found = places.max_by(|&a, &b| seen[a].total_cmp(&seen[b])).unwrap();
                best - mean(&networks[found].accuracies)
            };
            let found = guided(pool, budget, seed, &mut |at| ControlFlow::Continue(seen[at]));
            ours.push(regret(&mut found.networks.iter().map(|&(at, _)| at)));
            chance.push(regret(&mut index::sample(&mut rng, networks.len(), budget).into_iter()));
            guided_count.push(found.guided as f64);
            judgements.extend(found.judgement);
        }
        let better: Vec<f64> = chance.iter().zip(&ours).map(|(theirs, own)| theirs - own).collect();
        let interval = inceptive_results::statistics::mean(&better).unwrap();
        let wins = better.iter().filter(|&&it| it > 0.0).count();
        let of = |value: &dyn Fn(&AccuracyJudgement) -> Option<f64>| {
            mean(&judgements.iter().filter_map(value).collect::<Vec<f64>>())
        };
        let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        println!(
            "| {budget} | {:.3} | {:.2} | {:.3} | {:.2} | {:.3} ({:.3} to {:.3}) | {wins} of {seeds} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} | {} |",
            mean(&ours),
            worst(&ours),
            mean(&chance),
            worst(&chance),
            interval.value,
            interval.low,
            interval.high,
            mean(&guided_count),
            of(&|it| Some(it.correlation)),
            of(&|it| Some(it.of_params)),
            of(&|it| it.among_best),
            of(&|it| it.of_params_among_best),
            judgements.iter().filter(|it| it.uses_scores).count(),
        );
    }
}
