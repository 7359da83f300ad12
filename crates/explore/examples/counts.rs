//! Writes what all networks of a space cost as CSV, for other programs:
//! `cargo run --release -p inceptive-explore --example counts -- SPACE > counts.csv`. Values that do not fit together have
//! no counts.

use std::{
    env,
    error::Error,
    io::{self, Write},
    ops::ControlFlow,
    path::Path,
    thread,
};

use inceptive_dsl::{Disk, Space, load_space};
use inceptive_explore::count;
use inceptive_results::Metric;

/// More networks than this are not written.
const MOST: u128 = 10_000_000;

const METRICS: [Metric; 2] = [Metric::Params, Metric::Macs];

fn main() -> Result<(), Box<dyn Error>> {
    let [file] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: counts SPACE".into());
    };
    let space = load_space(&Disk, Path::new(file)).map_err(|failure| failure.to_string())?;
    if space.size() > MOST {
        return Err(format!("the space has more than {MOST} networks").into());
    }
    let points = points(&space);
    let workers = thread::available_parallelism()?.get();
    let counted = count(&space, &points, workers, &|_| ControlFlow::Continue(()));
    let mut out = io::BufWriter::new(io::stdout().lock());
    let names = space.variables.iter().map(|variable| variable.name.as_str());
    let columns: Vec<&str> = names.chain(METRICS.iter().map(|metric| metric.id())).collect();
    writeln!(out, "{}", columns.join(","))?;
    for counted in counted {
        let chosen = space.variables.iter().zip(&points[counted.place]);
        let labels = chosen.map(|(variable, &at)| variable.values[at].label.clone());
        let counts = METRICS.iter().map(|metric| {
            let count = counted.network.and_then(|network| network.counts.get(*metric));
            count.map_or_else(String::new, |count| count.to_string())
        });
        writeln!(out, "{}", labels.chain(counts).collect::<Vec<_>>().join(","))?;
    }
    Ok(())
}

/// All points of a space; the last variable changes first.
fn points(space: &Space) -> Vec<Vec<usize>> {
    let mut points = vec![vec![]];
    for variable in &space.variables {
        let longer = |point: &Vec<usize>, at: usize| {
            let mut longer = point.clone();
            longer.push(at);
            longer
        };
        points = points
            .iter()
            .flat_map(|point| (0..variable.values.len()).map(move |at| longer(point, at)))
            .collect();
    }
    points
}
