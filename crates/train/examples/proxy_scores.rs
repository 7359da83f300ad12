//! Writes the training-free scores of all networks of a space as CSV, for the example `table_search` of the crate `explore`:
//! `cargo run --release -p inceptive-train --example proxy_scores -- SPACE > scores.csv`.

use std::{
    env,
    error::Error,
    io::{self, Write},
    path::Path,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};

use inceptive_dsl::{Disk, Space, load_space};
use inceptive_engine::Isa;
use inceptive_results::ProxyScore;
use inceptive_train::{Machine, proxy_score};

/// More networks than this are not written.
const MOST: u128 = 1_000_000;

/// Bytes that a network may use.
const MOST_BYTES: u64 = 1 << 30;

fn main() -> Result<(), Box<dyn Error>> {
    let [file] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: proxy_scores SPACE".into());
    };
    let space = load_space(&Disk, Path::new(file)).map_err(|failure| failure.to_string())?;
    if space.size() > MOST {
        return Err(format!("the space has more than {MOST} networks").into());
    }
    let points = points(&space);
    let next = AtomicUsize::new(0);
    let (sender, scored) = mpsc::channel();
    let mut out = io::BufWriter::new(io::stdout().lock());
    let names = space.variables.iter().map(|variable| variable.name.as_str());
    let columns: Vec<&str> = names.chain(ProxyScore::ALL.iter().map(|score| score.id())).collect();
    writeln!(out, "{}", columns.join(","))?;
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism()?.get() {
            let sender = sender.clone();
            let (space, points, next) = (&space, &points, &next);
            scope.spawn(move || {
                while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if sender.send((point, scores(space, point))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (point, scores) in scored {
            let chosen = space.variables.iter().zip(point);
            let labels = chosen.map(|(variable, &at)| variable.values[at].label.clone());
            let scores = scores?.into_iter().map(|score| score.to_string());
            writeln!(out, "{}", labels.chain(scores).collect::<Vec<_>>().join(","))?;
        }
        Ok(())
    })
}

/// The scores of a network, or why it has none.
fn scores(space: &Space, point: &[usize]) -> Result<Vec<f64>, String> {
    let network = space.network(point).map_err(|failure| failure.to_string())?;
    let machine = Machine { threads: 1, isa: Isa::best(), most_bytes: MOST_BYTES };
    let score = |&score| proxy_score(score, &network.graph, 0, machine, &AtomicBool::new(false));
    ProxyScore::ALL.iter().map(score).collect::<Result<_, _>>().map_err(|error| error.to_string())
}

/// All points of a space.
fn points(space: &Space) -> Vec<Vec<usize>> {
    let mut points = vec![vec![]];
    for variable in &space.variables {
        let values = 0..variable.values.len();
        let longer = |point: &Vec<usize>| {
            let point = point.clone();
            values.clone().map(move |at| [point.as_slice(), &[at]].concat())
        };
        points = points.iter().flat_map(longer).collect();
    }
    points
}
