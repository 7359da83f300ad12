//! Compares the search with a surrogate with random choice, on a table of accuracies.
//!
//! ```sh
//! cargo run --release -p inceptive-explore --example table_search -- table.csv [SEEDS]
//! ```
//!
//! The table has columns for the variables first, then `seed`, `accuracy` and `params`, as `scripts/nas_bench_201.py` writes it.
//! An evaluation is one row of a network, drawn at random; the result of a search is the mean over the rows of the network that
//! it found best. The search is for accuracy alone.

#![allow(clippy::unwrap_used, reason = "an example fails by panicking")]
#![allow(clippy::print_stdout, reason = "it prints a table")]

use std::{collections::BTreeMap, ops::ControlFlow};

use inceptive_explore::{Axis, Judgement, Pool, guided};
use rand::{RngExt, SeedableRng, seq::index};
use rand_chacha::ChaCha8Rng;

const BUDGETS: [usize; 4] = [25, 50, 100, 200];

struct Network {
    point: Vec<usize>,
    params: f64,
    accuracies: Vec<f64>,
}

fn read(file: &str) -> (Vec<Axis>, Vec<Network>) {
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
        let network = networks.entry(point.clone());
        let network = network.or_insert(Network { point, params, accuracies: vec![] });
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
    let (axes, networks) = read(&arguments.next().unwrap());
    let seeds: u64 = arguments.next().map_or(50, |seeds| seeds.parse().unwrap());
    let points: Vec<Vec<usize>> = networks.iter().map(|it| it.point.clone()).collect();
    let params: Vec<f64> = networks.iter().map(|it| it.params).collect();
    let pool = Pool { axes: &axes, points: &points, params: &params, costs: &[] };
    let best = networks.iter().map(|it| mean(&it.accuracies)).fold(0.0, f64::max);
    println!(
        "{} networks, the best has {best:.2}%; points below it, over {seeds} seeds\n",
        networks.len()
    );
    println!(
        "| evaluations | search: mean | worst | random choice: mean | worst | better by (95% interval) | better in | chosen by the \
         surrogate | correlation | of parameters | among the best tenth | of parameters |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for budget in BUDGETS {
        let (mut ours, mut chance, mut guided_count) = (vec![], vec![], vec![]);
        let mut judgements: Vec<Judgement> = vec![];
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
        let of = |value: &dyn Fn(&Judgement) -> Option<f64>| {
            mean(&judgements.iter().filter_map(value).collect::<Vec<f64>>())
        };
        let worst = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
        println!(
            "| {budget} | {:.3} | {:.2} | {:.3} | {:.2} | {:.3} ({:.3} to {:.3}) | {wins} of {seeds} | {:.0} | {:.2} | {:.2} | {:.2} | {:.2} |",
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
        );
    }
}
