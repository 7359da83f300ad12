//! The table of networks.

use askama::{Template, filters::HtmlSafe};

use super::{
    picture::Picture,
    scale::{Scale, float},
    shown::{Shown, quartile_table},
    table::{Cell, Column, Content, Row, Table},
    words::Name,
};
use crate::{
    candidate::{NetworkEntry, PROTOCOL},
    report::Analysis,
    way::BenchConfig,
};
use inceptive_format::{bytes, counted, exact, share};
use inceptive_results::Measurement;

/// The section about all networks.
#[derive(Template)]
#[template(path = "networks.html")]
pub(super) struct Networks {
    table: Table,
    count: String,
    figures: Vec<Picture>,
    protocol: &'static str,
    way: Option<String>,
    has_accuracy: bool,
    left_out: Option<String>,
    quartiles: Option<Table>,
}

impl HtmlSafe for Networks {}

impl Networks {
    pub fn new(
        candidates: &[NetworkEntry],
        findings: &Analysis,
        shown: &Shown,
        figures: Vec<Picture>,
    ) -> Option<Self> {
        let way = findings.main_way();
        let has_accuracy = candidates.iter().any(|candidate| candidate.top1().is_some());
        let left_out = (shown.left_out > 0).then(|| counted(shown.left_out, "network", "networks"));
        (!candidates.is_empty()).then(|| Self {
            table: table(candidates, way, shown, has_accuracy),
            count: counted(shown.rows.len(), "network", "networks"),
            figures,
            protocol: PROTOCOL,
            way: way.map(BenchConfig::label),
            has_accuracy,
            quartiles: left_out.as_ref().map(|_| quartile_table(candidates, way)),
            left_out,
        })
    }
}

/// The scale of each column.
struct Scales {
    params: Scale,
    macs: Scale,
    acts: Scale,
    peak: Scale,
    density: Scale,
    ms: Scale,
    rate: Scale,
}

fn peak_bytes(candidate: &NetworkEntry) -> Option<u64> {
    candidate.network.as_ref().map(|network| network.cost.peak.bytes)
}

impl Scales {
    fn new(rows: &[&NetworkEntry], way: Option<&BenchConfig>) -> Self {
        let all = rows.iter();
        let measured = rows.iter().filter_map(|candidate| way?.of(candidate));
        Self {
            params: Scale::counts(all.clone().map(|candidate| candidate.subject.params)),
            macs: Scale::counts(all.clone().map(|candidate| candidate.subject.macs)),
            acts: Scale::counts(all.clone().map(|candidate| candidate.subject.acts)),
            peak: Scale::bytes(all.clone().filter_map(|candidate| peak_bytes(candidate))),
            density: Scale::plain(all.clone().filter_map(|candidate| candidate.density())),
            ms: Scale::times(measured.clone().map(|m| m.latency_ms.median.value)),
            rate: Scale::plain(measured.map(|m| m.images_per_s().value)),
        }
    }
}

fn table(
    candidates: &[NetworkEntry],
    way: Option<&BenchConfig>,
    shown: &Shown,
    has_accuracy: bool,
) -> Table {
    let listed: Vec<&NetworkEntry> = shown.rows.iter().map(|&at| &candidates[at]).collect();
    let scales = Scales::new(&listed, way);
    let rows = shown.rows.iter().zip(&listed).map(|(&at, candidate)| {
        let links = vec![(Name::new(&candidate.name), shown.link(at))];
        let mut cells = vec![Cell::new(Content::Links(links))];
        cells.extend(counts(candidate, &scales));
        if has_accuracy {
            cells.extend(accuracy(candidate, &scales));
            cells.push(marks(shown, at));
        }
        if let Some(way) = way {
            cells.extend(latency(candidate, way, &scales));
        }
        Row::new(cells)
    });
    Table {
        id: "networks-table".to_owned(),
        label: "Networks with counts, accuracy and latency".to_owned(),
        rows: rows.collect(),
        columns: columns(&scales, has_accuracy, way.is_some()),
        is_sortable: true,
    }
}

fn columns(scales: &Scales, has_accuracy: bool, is_measured: bool) -> Vec<Column> {
    let mut columns = vec![Column::text("network")];
    columns.extend([
        Column::number(
            "input",
            "px",
            "Image size in pixels; channels, height and width unless square with three channels",
        ),
        Column::number("params", scales.params.unit, "Learned values"),
        Column::number(
            "MACs",
            scales.macs.unit,
            "Multiply-accumulates of convolutions and linear layers for one image",
        ),
        Column::number("acts", scales.acts.unit, "Outputs of convolutions and linear layers"),
        Column::number("peak", scales.peak.unit, "Peak memory of feature maps"),
        Column::number("field", "px", "Receptive field of the last feature map larger than 1x1"),
    ]);
    if has_accuracy {
        columns.extend([
            Column::published("top-1", PROTOCOL),
            Column { badge: None, ..Column::published("top-5", PROTOCOL) },
            Column::number("density", "%/M", "Top-1 points per million parameters"),
            Column {
            hint: "Pareto-optimal in accuracy against MACs, parameters or latency: no other network is more \
             accurate at no higher cost",
            ..Column::text("Pareto-optimal")
        },
        ]);
    }
    if is_measured {
        columns.extend([
            Column::number("median", "ms", "Median latency of a batch"),
            Column::number(
                "95%",
                "interval, ms",
                "Interval of the median; networks with overlapping intervals are indistinguishable",
            ),
            Column::number("images", "/s", "Images per second"),
            Column::number(
                "speed",
                "% of peak",
                "Multiply-adds per second relative to the machine's measured peak",
            ),
            Column { hint: "Quality of the measurement, A to D", ..Column::text("grade") },
        ]);
    }
    columns
}

/// The names of [`Shown::fronts`].
const FRONTS: [&str; 3] = ["MACs", "params", "ms"];

fn marks(shown: &Shown, at: usize) -> Cell {
    let on = FRONTS.into_iter().zip(&shown.fronts);
    let marks: Vec<&str> =
        on.filter(|(_, front)| front.contains(&at)).map(|(name, _)| name).collect();
    let count = float(marks.len() as u64);
    Cell::new(Content::Marks(marks)).sorted_by(-count)
}

fn counts(candidate: &NetworkEntry, scales: &Scales) -> [Cell; 6] {
    let subject = &candidate.subject;
    let count = |scale: &Scale, count: u64| {
        Cell::number(scale.count(count), float(count)).with_title(exact(count))
    };
    let shape = subject.input.map(|side| side.to_string()).join("×");
    let [channels, height, width] = subject.input;
    let short = if channels == 3 && height == width { height.to_string() } else { shape.clone() };
    let input = Cell::number(short, f64::from(height) * f64::from(width)).with_title(shape);
    let field = candidate.network.as_ref().map(|network| network.cost.receptive_field);
    let field = field.and_then(|field| Some((field, field.size?)));
    let field = field.map_or_else(Cell::unknown, |(field, size)| {
        let text =
            if size.height == size.width { size.height.to_string() } else { size.to_string() };
        let text = if field.is_gated { format!("{text}+") } else { text };
        Cell::number(text, f64::from(size.height)).with_title(field.to_string())
    });
    let peak = peak_bytes(candidate).map_or_else(Cell::unknown, |peak| {
        Cell::number(scales.peak.count(peak), float(peak)).with_title(bytes(peak))
    });
    [
        input,
        count(&scales.params, subject.params),
        count(&scales.macs, subject.macs),
        count(&scales.acts, subject.acts),
        peak,
        field,
    ]
}

fn accuracy(candidate: &NetworkEntry, scales: &Scales) -> [Cell; 3] {
    let comparable = candidate.comparable();
    let percent = |value: Option<f64>| {
        let source = comparable.map_or("", |accuracy| &accuracy.source);
        value.map_or_else(Cell::unknown, |value| published(value, source))
    };
    [
        percent(comparable.and_then(|accuracy| accuracy.top1)),
        percent(comparable.and_then(|accuracy| accuracy.top5)),
        candidate.density().map_or_else(Cell::unknown, |density| {
            Cell::number(scales.density.text(density), density)
        }),
    ]
}

/// A published accuracy, marked as such.
pub(super) fn published(percent: f64, source: &str) -> Cell {
    let content = Content::Published(format!("{percent:.1}"));
    let source = super::words::plain_name(source);
    let cell = Cell { content, ..Cell::number("", percent) };
    cell.with_title(format!("published: {source}"))
}

fn latency(candidate: &NetworkEntry, way: &BenchConfig, scales: &Scales) -> Vec<Cell> {
    let Some(m) = way.of(candidate) else {
        return vec![
            Cell::unknown(),
            Cell::unknown(),
            Cell::unknown(),
            Cell::unknown(),
            Cell::text(super::UNKNOWN),
        ];
    };
    let median = m.latency_ms.median;
    let rate = m.images_per_s().value;
    vec![
        Cell::number(scales.ms.text(median.value), median.value),
        interval(&scales.ms, median),
        Cell::number(scales.rate.text(rate), rate),
        share_of_peak(m),
        grade(m.grade),
    ]
}

/// The speed as a percentage of the processor's peak; unknown on other devices.
pub(super) fn share_of_peak(m: &Measurement) -> Cell {
    let cell = |part| Cell::number(share(part).trim_end_matches('%'), part);
    m.share_of_peak().map_or_else(Cell::unknown, cell)
}

/// Both ends of an interval, sorted by its width relative to the value; unknown where that is not finite.
pub(super) fn interval(scale: &Scale, estimate: inceptive_results::statistics::Estimate) -> Cell {
    let text = format!("{}–{}", scale.text(estimate.low), scale.text(estimate.high));
    let spread = estimate.relative_spread();
    if !spread.is_finite() {
        return Cell::unknown();
    }
    Cell::number(text, spread).with_title(format!("±{:.1}%", spread * 100.0))
}

pub(super) fn grade(grade: inceptive_results::Grade) -> Cell {
    Cell::new(Content::Grade(grade.to_string()))
}
