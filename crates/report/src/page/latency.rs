//! Latency in every way that networks were run.

use askama::{Template, filters::HtmlSafe};
use inceptive_results::Measurement;

use super::{
    networks::{grade, interval, share_of_peak},
    picture::Picture,
    scale::{Scale, float},
    shown::Shown,
    table::{Cell, Column, Content, Row, Table},
    words::{Name, prose},
};
use crate::{
    candidate::NetworkEntry,
    report::Analysis,
    way::{BenchConfig, WayIndex},
};
use inceptive_format::{bytes, counted, decimals};

/// Maximum number of measurements that are listed.
const MOST: usize = 600;

/// The section about latency.
#[derive(Template)]
#[template(path = "latency.html")]
pub(super) struct Latency {
    figures: Vec<Picture>,
    table: Table,
    left_out: Option<String>,
    way: String,
    /// Networks in the order of their medians, each indistinguishable from the next.
    alike: Vec<Vec<(Name, String)>>,
}

impl HtmlSafe for Latency {}

/// A candidate's measurement in a way.
pub(super) struct Measured<'a> {
    pub candidate: &'a NetworkEntry,
    pub at: usize,
    pub way: &'a BenchConfig,
    pub measurement: &'a Measurement,
}

/// The measurements of candidates with a row, way by way.
pub(super) fn measured<'a>(
    candidates: &'a [NetworkEntry],
    findings: &'a Analysis,
    shown: &Shown,
) -> Vec<Measured<'a>> {
    let ways = WayIndex::new(&findings.ways);
    let mut all: Vec<(usize, Measured<'a>)> = Vec::new();
    for &at in &shown.rows {
        let candidate = &candidates[at];
        for (place, measurement) in ways.measurements(candidate) {
            let way = &findings.ways[place];
            all.push((place, Measured { candidate, at, way, measurement }));
        }
    }
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, measured)| measured).collect()
}

impl Latency {
    pub fn new(
        candidates: &[NetworkEntry],
        findings: &Analysis,
        shown: &Shown,
        figures: Vec<Picture>,
    ) -> Option<Self> {
        let way = findings.main_way()?;
        let all = measured(candidates, findings, shown);
        let left_out = all.len().saturating_sub(MOST);
        let left_out = (left_out > 0).then(|| counted(left_out, "measurement", "measurements"));
        let machines = findings.ways.iter().any(|other| other.machine != way.machine);
        Some(Self {
            figures,
            table: table(&all[..all.len().min(MOST)], machines, shown),
            left_out,
            way: way.label(),
            alike: alike(candidates, way, shown),
        })
    }
}

fn table(all: &[Measured<'_>], has_machines: bool, shown: &Shown) -> Table {
    let ms = Scale::times(all.iter().map(|it| it.measurement.latency_ms.median.value));
    let rates = Scale::plain(all.iter().map(|it| it.measurement.images_per_s().value));
    let gflops = Scale::plain(all.iter().map(|it| it.measurement.gflops().value));
    let memory = Scale::bytes(all.iter().filter_map(|it| it.measurement.memory_bytes));
    let row = |(number, it): (usize, &Measured<'_>)| {
        let m = it.measurement;
        let (median, runtime) = (m.latency_ms.median, &m.runtime);
        let (rate, speed) = (m.images_per_s().value, m.gflops().value);
        let engine = format!("{} {}", runtime.engine, runtime.engine_version);
        let mut cells = vec![Cell::new(Content::Links(vec![(
            Name::new(&it.candidate.name),
            shown.link(it.at),
        )]))];
        if has_machines {
            cells.push(Cell::text(m.machine.id()).with_title(prose(&m.machine.cpu)));
        }
        cells.extend([
            Cell::user(prose(&engine)).with_title(it.way.label()),
            Cell::text(format!("{} {}", prose(&runtime.device_and_mode()), runtime.precision)),
            Cell::number(runtime.batch.to_string(), f64::from(runtime.batch)),
            Cell::number(runtime.threads.to_string(), f64::from(runtime.threads)),
            Cell::number(ms.text(median.value), median.value),
            interval(&ms, median),
            Cell::number(rates.text(rate), rate),
            Cell::number(gflops.text(speed), speed),
            share_of_peak(m),
            m.memory_bytes.map_or_else(Cell::unknown, |size| {
                Cell::number(memory.count(size), float(size)).with_title(bytes(size))
            }),
            Cell::number(m.latency_ms.count.to_string(), float(m.latency_ms.count as u64)),
            grade(m.grade),
            problems(number, m),
        ]);
        Row::new(cells)
    };
    let mut columns = vec![Column::text("network")];
    if has_machines {
        columns.push(Column::text("machine"));
    }
    columns.extend([
        Column::text("engine"),
        Column::text("device, precision"),
        Column::number("batch", "", "Batch size"),
        Column::number("threads", "", "Threads per inference"),
        Column::number("median", "ms", "Median latency of a batch"),
        Column::number("95%", "interval, ms", "Bootstrap over turns"),
        Column::number("images", "/s", ""),
        Column::number("GFLOP/s", "", "2 x MACs over the median"),
        Column::number("speed", "% of peak", "Relative to the machine's highest measured peak"),
        Column::number(
            "memory",
            memory.unit,
            "Growth of process memory while loading the network and its first run",
        ),
        Column::number("runs", "", "Number of timed runs"),
        Column::text("grade"),
        Column::text("problems"),
    ]);
    Table {
        id: "latency-table".to_owned(),
        label: "Latency by network, engine, batch and threads".to_owned(),
        columns,
        rows: all.iter().enumerate().map(row).collect(),
        is_sortable: true,
    }
}

/// How many problems there are, with a link to them.
fn problems(number: usize, m: &Measurement) -> Cell {
    if m.findings.is_empty() {
        return Cell::text("none").sorted_by(0.0);
    }
    let messages: Vec<String> =
        m.findings.iter().map(|finding| prose(&finding.to_string())).collect();
    let text = counted(messages.len(), "problem", "problems");
    let content = Content::Link { text, href: format!("#problems-{number}") };
    Cell::new(content).with_title(messages.join("; ")).sorted_by(float(messages.len() as u64))
}

/// Every problem of a measurement, for the last section.
pub(super) fn problem_table(all: &[Measured<'_>]) -> Option<Table> {
    let noted = all.iter().take(MOST).enumerate();
    let rows: Vec<Row> = noted
        .filter(|(_, it)| !it.measurement.findings.is_empty())
        .map(|(number, it)| Row {
            id: Some(format!("problems-{number}")),
            ..Row::new(vec![
                Cell::name(&it.candidate.name),
                Cell::user(it.way.label()),
                grade(it.measurement.grade),
                Cell::new(Content::Lines(
                    it.measurement
                        .findings
                        .iter()
                        .map(|finding| {
                            let serious = if finding.is_serious { "serious: " } else { "" };
                            format!("{serious}{}", prose(&finding.to_string()))
                        })
                        .collect(),
                )),
            ])
        })
        .collect();
    (!rows.is_empty()).then(|| Table {
        id: "problems-table".to_owned(),
        label: "Measurement problems".to_owned(),
        columns: ["network", "configuration", "grade", "problems"].map(Column::text).into(),
        rows,
        is_sortable: false,
    })
}

/// Neighbours in the order of medians whose intervals overlap.
fn alike(
    candidates: &[NetworkEntry],
    way: &BenchConfig,
    shown: &Shown,
) -> Vec<Vec<(Name, String)>> {
    let mut sorted: Vec<(&NetworkEntry, &Measurement)> = shown
        .rows
        .iter()
        .filter_map(|&at| Some((&candidates[at], way.of(&candidates[at])?)))
        .collect();
    sorted
        .sort_by(|(_, a), (_, b)| a.latency_ms.median.value.total_cmp(&b.latency_ms.median.value));
    let overlap = |a: &(&NetworkEntry, &Measurement), b: &(&NetworkEntry, &Measurement)| {
        a.1.latency_ms.median.overlaps(&b.1.latency_ms.median)
    };
    let shown = |(candidate, m): &(&NetworkEntry, &Measurement)| {
        let median = m.latency_ms.median;
        let ms = [median.value, median.low, median.high].map(|ms| decimals(ms, 2));
        (Name::new(&candidate.name), format!("{} ms, {}–{}", ms[0], ms[1], ms[2]))
    };
    sorted
        .chunk_by(overlap)
        .filter(|chunk| chunk.len() > 1)
        .map(|chunk| chunk.iter().map(shown).collect())
        .collect()
}
