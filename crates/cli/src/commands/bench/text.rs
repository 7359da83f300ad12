//! `inceptive bench` for people.

use std::{collections::BTreeSet, fmt::Write};

use inceptive_format::{bytes, counted, share, significant};
use inceptive_report::batch_and_threads;
use inceptive_results::{
    Accelerator, BestRoofline, Comparison, Machine, Measurement, Remedy, Roofline, Runtime,
    Verdict, compare, date::utc_day, statistics::Estimate,
};

use crate::table::{Column, Grid, one_line};

/// Maximum number of indistinguishable pairs that are listed.
const MAX_PAIRS: usize = 10;

/// A table of measurements, with problems of their quality.
pub fn table(measurements: &[Measurement]) -> String {
    let Some(first) = measurements.first() else { return String::new() };
    let mut text = machine(&first.machine);
    for accelerator in accelerators(measurements) {
        text.push_str(&accelerator);
    }
    for best in best_rooflines(measurements) {
        text.push_str(&limits(&best));
    }
    text.push('\n');
    text.push_str(&rows(measurements));
    text.push_str(&findings(measurements));
    text.push_str(&indistinguishable(measurements));
    text
}

/// The machine in a line.
pub fn machine(machine: &Machine) -> String {
    let hypervisor = if machine.is_virtual { ", virtual" } else { "" };
    one_line(&format!(
        "{}, {} cores{hypervisor}, {}, {}",
        machine.cpu,
        machine.physical_cores,
        bytes(machine.memory_bytes),
        machine.os
    )) + "\n"
}

/// Each accelerator in a line.
fn accelerators(measurements: &[Measurement]) -> BTreeSet<String> {
    let all = measurements.iter().filter_map(|m| m.accelerator.as_ref());
    all.map(|Accelerator { name, driver, platform, memory_bytes, clock_mhz: _ }| {
        let driver = driver.as_ref().map(|driver| format!("driver {driver}"));
        let memory = memory_bytes.map(bytes);
        let facts = [Some(name.clone()), platform.clone(), driver, memory];
        one_line(&facts.into_iter().flatten().collect::<Vec<_>>().join(", ")) + "\n"
    })
    .collect()
}

/// The best roofline of the machines for each number of threads, so that all results are compared with the same.
fn best_rooflines(measurements: &[Measurement]) -> Vec<BestRoofline> {
    let mut found: Vec<BestRoofline> = vec![];
    let on_cpu = measurements.iter().filter(|m| m.runtime.is_on_cpu());
    for best in on_cpu.map(Measurement::best_roofline) {
        let threads = best.roofline.threads;
        match found.iter_mut().find(|known| known.roofline.threads == threads) {
            Some(known) => *known = known.best(best),
            None => found.push(best),
        }
    }
    found.sort_by_key(|best| best.roofline.threads);
    found
}

/// The machine's limits in a line, with the days on which they were measured.
pub fn limits(best: &BestRoofline) -> String {
    let Roofline { threads, peak_gflops, bandwidth_gbps } = best.roofline;
    let threads = counted(threads as usize, "thread", "threads");
    let [peak_day, bandwidth_day] = [best.peak_unix_ms, best.bandwidth_unix_ms].map(utc_day);
    let days = match peak_day == bandwidth_day {
        true => peak_day,
        false => format!("{peak_day} and {bandwidth_day}"),
    };
    format!(
        "{threads}: at most {peak_gflops:.0} GFLOP/s in fp32, {bandwidth_gbps:.1} GB/s from memory \
         (measured {days})\n"
    )
}

fn rows(measurements: &[Measurement]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("network"),
        Column::Left("engine"),
        Column::Left("precision"),
        Column::Right("batch"),
        Column::Right("threads"),
        Column::Right("median ms"),
        Column::Right("95% interval"),
        Column::Right("images/s"),
        Column::Right("GFLOP/s"),
        Column::Right("of fp32 peak"),
        Column::Right("memory"),
        Column::Left("grade"),
    ]);
    for m in measurements {
        let median = m.latency_ms.median;
        grid.row(vec![
            m.subject.name_with_point(),
            engine(&m.runtime),
            m.runtime.precision.to_string(),
            m.runtime.batch.to_string(),
            m.runtime.threads.to_string(),
            significant(median.value),
            interval(&median),
            significant(m.images_per_s().value),
            format!("{:.0}", m.gflops().value),
            m.share_of_peak().map_or_else(|| "-".to_owned(), share),
            m.memory_bytes.map_or_else(|| "unknown".to_owned(), bytes),
            m.grade.to_string(),
        ]);
    }
    grid.render()
}

/// The engine; with its device and mode where there is a choice.
fn engine(runtime: &Runtime) -> String {
    match (runtime.is_on_cpu(), &runtime.mode) {
        (true, None) => runtime.engine.clone(),
        _ => format!("{} on {}", runtime.engine, runtime.device_and_mode()),
    }
}

/// Both ends.
pub fn interval(estimate: &Estimate) -> String {
    if !estimate.has_interval() {
        return "unknown".to_owned();
    }
    format!("{} to {}", significant(estimate.low), significant(estimate.high))
}

/// Problems of the measurements and their remedies, one line per measurement.
pub fn findings(measurements: &[Measurement]) -> String {
    let mut text = String::new();
    for m in measurements.iter().filter(|m| !m.findings.is_empty()) {
        let messages: Vec<String> =
            m.findings.iter().map(|finding| finding.worded(with_options)).collect();
        let place = format!("{} on {}, {}", m.subject.name_with_point(), m.runtime.engine, way(m));
        let line = one_line(&format!("{}: {place}: {}", m.grade, messages.join("; ")));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// The remedy in words, with the options of this command.
const fn with_options(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::MeasureLonger => "raise --budget",
        Remedy::AllowMoreRuns => "raise --runs",
        Remedy::WarmUpLonger => "raise --budget, which warms up for longer, or stop other programs",
        Remedy::FewerThreads => "stop them, or lower --threads",
        other => other.text(),
    }
}

/// Batch and threads.
fn way(measurement: &Measurement) -> String {
    batch_and_threads(measurement.runtime.batch, measurement.runtime.threads)
}

/// Pairs that ran the same way and whose intervals overlap.
fn indistinguishable(measurements: &[Measurement]) -> String {
    let mut pairs = Vec::new();
    for (at, a) in measurements.iter().enumerate() {
        for b in &measurements[at + 1..] {
            let (a_ms, b_ms) = (a.latency_ms.median, b.latency_ms.median);
            let can_tell = a.runtime == b.runtime && a_ms.has_interval() && b_ms.has_interval();
            if can_tell && a_ms.overlaps(&b_ms) {
                let [first, second] = names(a, b);
                pairs.push(format!("{first} and {second} on {}", a.runtime.engine));
            }
        }
    }
    let mut text = String::new();
    for pair in pairs.iter().take(MAX_PAIRS) {
        let _ = writeln!(text, "indistinguishable: {}", one_line(pair));
    }
    if pairs.len() > MAX_PAIRS {
        let more = counted(pairs.len() - MAX_PAIRS, "more pair", "more pairs");
        let _ = writeln!(text, "and {more}");
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

/// The word for a verdict in JSON.
pub const fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::FirstIsFaster => "first is faster",
        Verdict::SecondIsFaster => "second is faster",
        Verdict::Indistinguishable => "indistinguishable",
        Verdict::TooFewTurns => "too few turns to tell",
    }
}

/// Which of two networks is faster, if the difference is significant.
pub fn comparison(first: &Measurement, second: &Measurement) -> String {
    let Comparison { ratio, pairs, verdict } = compare(first, second);
    let [a, b] = names(first, second);
    let verdict = match verdict {
        Verdict::FirstIsFaster => format!("{a} is faster than {b}"),
        Verdict::SecondIsFaster => format!("{b} is faster than {a}"),
        Verdict::Indistinguishable => format!("{a} and {b} are indistinguishable"),
        Verdict::TooFewTurns => {
            let pairs = counted(pairs, "pair", "pairs");
            format!("{pairs} of turns: too few to tell {a} from {b}")
        }
    };
    let interval = match ratio.has_interval() {
        true => format!(", 95% interval {:.3} to {:.3}", ratio.low, ratio.high),
        false => String::new(),
    };
    one_line(&format!(
        "{verdict} on {} ({}): {a} takes {:.3} times as long as {b}{interval}",
        first.runtime.engine,
        way(first),
        ratio.value
    )) + "\n"
}

/// Names that distinguish two networks.
fn names(first: &Measurement, second: &Measurement) -> [String; 2] {
    if first.subject.name_with_point() != second.subject.name_with_point() {
        return [first.subject.name_with_point(), second.subject.name_with_point()];
    }
    if first.subject.file != second.subject.file {
        return [first, second]
            .map(|m| format!("{} ({})", m.subject.name_with_point(), m.subject.file));
    }
    ["first", "second"].map(|place| format!("the {place} {}", first.subject.name_with_point()))
}
