//! Training steps by network: images a second.
//!
//!     cargo bench -p inceptive-engine --bench training [-- --threads 2] [--batch 64] [--seconds 3] [--isa avx2]
//!         [--steps] [--write FOLDER] [FILE [NAME=VALUE ...] ...]
//!
//! `--write` keeps what another program needs to take the same steps: images, labels and weights, with the gradients of
//! the first step and the losses of the first twenty, as one safetensors file for each network.

#![allow(clippy::expect_used, reason = "a benchmark")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use inceptive_dsl::{Disk, Setting, load};
use inceptive_engine::{Isa, Rates, Rule, TrainOptions, TrainPlan, TrainSession};
use inceptive_ir::Graph;
use inceptive_weights::{Weights, slots, tensors_to_safetensors};

static GO_ON: AtomicBool = AtomicBool::new(false);

struct Arguments {
    threads: usize,
    batch: usize,
    seconds: f64,
    isa: Isa,
    shows_steps: bool,
    write: Option<PathBuf>,
    /// Files with what is set in them.
    networks: Vec<(PathBuf, Vec<Setting>)>,
}

fn arguments() -> Arguments {
    let (threads, batch, seconds, isa) = (1, 64, 2.0, Isa::best());
    let mut read = Arguments {
        threads,
        batch,
        seconds,
        isa,
        shows_steps: false,
        write: None,
        networks: Vec::new(),
    };
    let mut rest = std::env::args().skip(1);
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().expect("a value");
        match argument.as_str() {
            "--threads" => read.threads = value().parse().expect("a number"),
            "--batch" => read.batch = value().parse().expect("a number"),
            "--seconds" => read.seconds = value().parse().expect("a number"),
            "--isa" => read.isa = value().parse().expect("an instruction set"),
            "--steps" => read.shows_steps = true,
            "--write" => read.write = Some(PathBuf::from(value())),
            "--bench" => {}
            _ => match (argument.parse::<Setting>(), read.networks.last_mut()) {
                (Ok(setting), Some((_, settings))) => settings.push(setting),
                _ => read.networks.push((PathBuf::from(argument), Vec::new())),
            },
        }
    }
    if read.networks.is_empty() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let small = ["inception", "residual", "separable"];
        let small = small.map(|name| root.join(format!("benches/networks/{name}.yaml")));
        read.networks = small.into_iter().map(|file| (file, Vec::new())).collect();
        let settings = ["input.size=32", "classes=10"].map(|text| text.parse().expect("a setting"));
        let large = root.join("../../architectures/googlenet-bn.yaml");
        read.networks.push((large, settings.to_vec()));
    }
    read
}

fn main() {
    let arguments = arguments();
    println!("{}, {} threads, batch {}", arguments.isa, arguments.threads, arguments.batch);
    for (file, settings) in &arguments.networks {
        let loaded = load(&Disk, file, settings).expect("a network");
        // Without auxiliary heads, like the network that it is compared with.
        let graph = loaded.architecture.graph;
        let plain = inceptive_ir::passes::drop_auxiliary(&graph);
        let graph = graph.apply(&plain).expect("a network without heads");
        match &arguments.write {
            Some(folder) => write(&graph, &loaded.architecture.name, folder, &arguments),
            None => measure(&graph, &loaded.architecture.name, &arguments),
        }
    }
}

fn numbers(count: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from(u16::try_from(state >> 16).unwrap_or(0)) / 32_768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn options(arguments: &Arguments) -> TrainOptions {
    TrainOptions {
        batch: arguments.batch,
        threads: arguments.threads,
        isa: arguments.isa,
        most_bytes: u64::MAX,
        smoothing: 0.0,
        rule: Rule::Sgd { momentum: 0.9, nesterov: false },
        clip: None,
        momentum: 0.1,
        averages: false,
    }
}

/// Writes the first steps of a network.
fn write(graph: &Graph, name: &str, folder: &Path, arguments: &Arguments) {
    let batch = arguments.batch;
    // Without what is drawn at random in each step.
    let plain = inceptive_ir::passes::drop_dropout(graph);
    let graph = &graph.apply(&plain).expect("a network without dropout");
    let weights = Weights::seeded(graph, 1);
    let plan = Arc::new(TrainPlan::new(graph, options(arguments)).expect("a plan"));
    let mut session = TrainSession::new(plan, &weights, &GO_ON).expect("a session");
    let len = usize::try_from(graph.node(graph.input()).shape.elements()).expect("a size");
    let pixels = numbers(batch * len);
    let labels: Vec<u32> = (0..batch).map(|image| u32::try_from(image % 10).unwrap_or(0)).collect();
    let mut losses = Vec::new();
    let mut gradients = Weights::default();
    for steps in 0..20 {
        let rates = Rates { learning: 0.01, decay: 5e-4, average: 0.0, steps };
        let outcome = session.step(&pixels, &labels, rates, steps, &GO_ON).expect("a step");
        #[expect(clippy::cast_possible_truncation, reason = "written in single precision")]
        losses.push(outcome.losses[0] as f32);
        if steps == 0 {
            gradients = session.gradients();
        }
    }
    let labels: Vec<f32> = labels.into_iter().map(|label| f32::from(label as u8)).collect();
    let slots = slots(graph);
    let names: Vec<(String, String)> =
        slots.iter().map(|slot| (format!("weight/{slot}"), format!("gradient/{slot}"))).collect();
    let shapes = [vec![batch, len], vec![batch], vec![losses.len()]];
    let mut tensors = vec![
        ("images", shapes[0].as_slice(), pixels.as_slice()),
        ("labels", shapes[1].as_slice(), labels.as_slice()),
        ("losses", shapes[2].as_slice(), losses.as_slice()),
    ];
    for (slot, (weight, gradient)) in slots.iter().zip(&names) {
        let values = weights.get(&slot.path, slot.role).expect("a weight");
        tensors.push((weight, &slot.shape, values));
        if let Ok(values) = gradients.get(&slot.path, slot.role) {
            tensors.push((gradient, &slot.shape, values));
        }
    }
    let bytes = tensors_to_safetensors(&tensors).expect("tensors");
    let file = folder.join(format!("{name}.safetensors"));
    std::fs::write(&file, bytes).expect("a file");
    println!("wrote {}", file.display());
}

fn measure(graph: &Graph, name: &str, arguments: &Arguments) {
    let batch = arguments.batch;
    let weights = Weights::seeded(graph, 1);
    let plan = Arc::new(TrainPlan::new(graph, options(arguments)).expect("a plan"));
    let bytes = plan.bytes();
    let mut session = TrainSession::new(plan, &weights, &GO_ON).expect("a session");
    let len = usize::try_from(graph.node(graph.input()).shape.elements()).expect("a size");
    let pixels = numbers(batch * len);
    let labels: Vec<u32> = (0..batch).map(|image| u32::try_from(image % 10).unwrap_or(0)).collect();
    let rates = Rates { learning: 0.01, decay: 5e-4, average: 0.0, steps: 0 };
    let mut step = |seed| {
        let start = Instant::now();
        session.step(&pixels, &labels, rates, seed, &GO_ON).expect("a step");
        start.elapsed()
    };
    for seed in 0..3 {
        step(seed);
    }
    let mut times: Vec<Duration> = Vec::new();
    while times.iter().sum::<Duration>().as_secs_f64() < arguments.seconds || times.len() < 5 {
        times.push(step(times.len() as u64));
    }
    times.sort_unstable();
    let rate = |time: Duration| batch as f64 / time.as_secs_f64();
    println!(
        "{name:45} median {:7.0} best {:7.0} images/s, {} MiB",
        rate(times[times.len() / 2]),
        rate(times[0]),
        bytes >> 20
    );
    if arguments.shows_steps {
        show_steps(&mut session, &pixels, &labels, rates);
    }
}

/// Where the time of a step goes, by operator and step; the largest.
fn show_steps(session: &mut TrainSession, pixels: &[f32], labels: &[u32], rates: Rates) {
    let mut steps: Vec<(Duration, &str)> = Vec::new();
    let mut measured: Vec<Vec<Vec<Duration>>> = Vec::new();
    for seed in 0..20 {
        measured.push(session.step_timed(pixels, labels, rates, seed).expect("a step").steps);
    }
    let mut operators: BTreeMap<String, Duration> = BTreeMap::new();
    for (phase, names) in session.phases().iter().enumerate() {
        for (index, name) in names.iter().enumerate() {
            let mut times: Vec<Duration> =
                measured.iter().map(|phases| phases[phase][index]).collect();
            times.sort_unstable();
            let median = times[times.len() / 2];
            steps.push((median, name));
            let operator = name.rsplit_once(' ').map_or(name.as_str(), |(operator, _)| operator);
            *operators.entry(operator.to_owned()).or_default() += median;
        }
    }
    let sum: Duration = steps.iter().map(|(time, _)| *time).sum();
    println!("{:.2} ms in {} phases", sum.as_secs_f64() * 1e3, session.phases().len());
    let mut operators: Vec<(Duration, String)> =
        operators.into_iter().map(|(name, time)| (time, name)).collect();
    operators.sort_unstable_by(|a, b| b.cmp(a));
    steps.sort_unstable_by(|a, b| b.cmp(a));
    let percent = |time: Duration| 100.0 * time.as_secs_f64() / sum.as_secs_f64();
    for (time, name) in operators
        .iter()
        .map(|(time, name)| (*time, name.as_str()))
        .chain(steps.into_iter().take(90))
    {
        println!("{:8.3} ms {:5.1}%  {name}", time.as_secs_f64() * 1e3, percent(time));
    }
}
