//! The section of one network.

use askama::{Template, filters::HtmlSafe};
use inceptive_results::{ImportedResult, Published};
use inceptive_store::Stored;

use super::{
    UNKNOWN,
    networks::published,
    picture::inline,
    scale::float,
    table::{Cell, Column, Content, Row, Table},
    words::{Name, prose},
};
use crate::{
    candidate::{NetworkCost, NetworkEntry},
    layer::{PartRow, by_part},
    report::Analysis,
    way::BenchConfig,
};
use inceptive_draw::{self, text::xml};
use inceptive_format::{bytes, exact, short_count, significant};

/// Maximum number of modules and branches shown for a network.
const MOST_PARTS: usize = 300;

/// A network, folded away until a reader asks.
#[derive(Template)]
#[template(path = "network.html")]
pub(super) struct Network {
    id: String,
    name: Name,
    /// The most important numbers.
    brief: String,
    description: Option<String>,
    notes: Vec<String>,
    cite: Vec<String>,
    file: String,
    point: String,
    fingerprint: String,
    accuracies: Option<Table>,
    imported: Option<Table>,
    parts: Option<Table>,
    has_times: bool,
    drawing: Option<String>,
}

impl HtmlSafe for Network {}

impl Network {
    pub fn new(candidate: &NetworkEntry, at: usize, findings: &Analysis) -> Self {
        let id = format!("network-{}", at + 1);
        let way = findings.main_way();
        let profiled = findings.profiled.as_ref();
        let profile = profiled.and_then(|way| way.profile_of(candidate));
        let network = candidate.network.as_ref();
        let parts = network.map(|network| by_part(network, profile));
        let subject = &candidate.subject;
        Self {
            name: Name::new(&candidate.name),
            brief: brief(candidate, way),
            description: candidate.description.as_deref().map(prose),
            notes: candidate.notes.iter().map(|note| prose(note)).collect(),
            cite: candidate.cite.iter().map(|cite| prose(cite)).collect(),
            file: prose(&subject.file),
            point: prose(&subject.point.join(", ")),
            fingerprint: prose(&candidate.fingerprint),
            accuracies: accuracies(candidate, &id),
            imported: imported(candidate, &id),
            has_times: profile.is_some(),
            parts: parts.map(|parts| part_table(&parts, &id, &candidate.name)),
            drawing: network.map(|network| drawing(network, &id, &candidate.name)),
            id,
        }
    }
}

fn brief(candidate: &NetworkEntry, way: Option<&BenchConfig>) -> String {
    let subject = &candidate.subject;
    let mut brief =
        format!("{} params · {} MACs", short_count(subject.params), short_count(subject.macs));
    if let Some(top1) = candidate.top1() {
        brief.push_str(&format!(" · {top1:.1}%"));
    }
    if let Some(m) = way.and_then(|way| way.of(candidate)) {
        brief.push_str(&format!(" · {} ms", significant(m.latency_ms.median.value)));
    }
    brief
}

fn drawing(network: &NetworkCost, id: &str, name: &str) -> String {
    let label = format!("The network {} as a graph of modules", super::words::plain_name(name));
    match inceptive_draw::svg(&network.graph, &inceptive_draw::Open::Above(1)) {
        Ok(inceptive_draw::Drawing { text, simplified }) => {
            let note = simplified
                .map_or_else(String::new, |it| format!("<p>{}</p>", xml(&it.to_string())));
            inline(&text, id, &label) + &note
        }
        Err(error) => format!("<p>{}</p>", xml(&error.to_string())),
    }
}

/// All published accuracies, the compared one marked.
fn accuracies(candidate: &NetworkEntry, id: &str) -> Option<Table> {
    let compared = candidate.comparable();
    let row = |accuracy: &Published| {
        let percent = |value: Option<f64>| {
            value.map_or_else(Cell::unknown, |value| published(value, &accuracy.source))
        };
        let note = accuracy.note.as_deref().map_or_else(String::new, prose);
        let resolution = accuracy.resolution;
        let is_compared = compared.is_some_and(|it| std::ptr::eq(it, accuracy));
        Row {
            class: if is_compared { "compared" } else { "" },
            ..Row::new(vec![
                Cell::user(prose(&accuracy.source)),
                Cell::user(prose(&accuracy.dataset)),
                percent(accuracy.top1),
                percent(accuracy.top5),
                resolution.map_or_else(Cell::unknown, |side| {
                    Cell::number(side.to_string(), f64::from(side))
                }),
                Cell::number(accuracy.crops.to_string(), f64::from(accuracy.crops)),
                Cell::number(accuracy.models.to_string(), f64::from(accuracy.models)),
                Cell::text(if is_compared { "yes" } else { "" }),
                Cell::user(note),
            ])
        }
    };
    (!candidate.published.is_empty()).then(|| Table {
        id: format!("{id}-accuracies"),
        label: "Published accuracies".to_owned(),
        columns: vec![
            Column::text("source"),
            Column::text("data set"),
            Column::published("top-1", ""),
            Column::published("top-5", ""),
            Column::number("size", "px", "Crop size in pixels"),
            Column::number("crops", "", "Averaged crops per image"),
            Column::number("models", "", "Averaged networks"),
            Column {
                hint: "Whether this report uses it for comparisons",
                ..Column::text("compared")
            },
            Column::text("note"),
        ],
        rows: candidate.published.iter().map(row).collect(),
        is_sortable: false,
    })
}

/// What the user's own tables say.
fn imported(candidate: &NetworkEntry, id: &str) -> Option<Table> {
    let row = |stored: &Stored<ImportedResult>| {
        let ImportedResult { dataset, top1, top5, latency_ms, source, note, .. } = &stored.result;
        let number = |value: Option<f64>| {
            value.map_or_else(Cell::unknown, |value| Cell::number(significant(value), value))
        };
        let words = |text: &Option<String>| text.as_deref().map_or_else(String::new, prose);
        Row::new(vec![
            Cell::user(prose(source)),
            Cell::user(words(dataset)),
            number(*top1),
            number(*top5),
            number(*latency_ms),
            Cell::user(words(note)),
        ])
    };
    (!candidate.imported.is_empty()).then(|| Table {
        id: format!("{id}-imported"),
        label: "Imported results".to_owned(),
        columns: vec![
            Column::text("source"),
            Column::text("data set"),
            Column::number("top-1", "%", "As imported; not compared with other results"),
            Column::number("top-5", "%", "As imported; not compared with other results"),
            Column::number("latency", "ms", "As imported; not compared with other results"),
            Column::text("note"),
        ],
        rows: candidate.imported.iter().map(row).collect(),
        is_sortable: false,
    })
}

/// Modules and branches with their shares.
fn part_table(parts: &[PartRow], id: &str, name: &str) -> Table {
    let sum = |value: fn(&PartRow) -> u64| {
        parts.iter().filter(|part| part.depth == 1).map(value).sum::<u64>()
    };
    type BreakdownMetric = (&'static str, fn(&PartRow) -> u64, fn(u64) -> String);
    let quantities: [BreakdownMetric; 3] = [
        ("params", |part| part.params, short_count),
        ("MACs", |part| part.macs, short_count),
        ("memory", |part| part.activation_bytes, bytes),
    ];
    let sums = quantities.map(|(_, value, _)| sum(value));
    let total_ns: Option<u64> =
        parts.iter().filter(|part| part.depth == 1).map(|part| part.time_ns).sum();
    let row = |part: &PartRow| {
        let mut cells =
            vec![Cell::user(prose(part.path.as_str())), Cell::text(prose(&part.output))];
        for ((_, value, text), sum) in quantities.iter().zip(&sums) {
            let value = value(part);
            cells.push(bar(text(value), value, *sum).with_title(exact(value)));
        }
        if let (Some(ns), Some(total)) = (part.time_ns, total_ns) {
            cells.push(bar(format!("{:.3}", float(ns) / 1e6), ns, total));
        }
        Row { class: if part.depth > 1 { "branch" } else { "" }, ..Row::new(cells) }
    };
    let mut columns = vec![Column::text("module"), Column::text("output")];
    columns.extend(quantities.iter().map(|(title, _, _)| Column::number(title, "", "")));
    if total_ns.is_some() {
        columns.push(Column::number("time", "ms", "Time of its nodes, from the profile"));
    }
    Table {
        id: format!("{id}-parts"),
        label: format!("Modules and branches of {}", super::words::plain_name(name)),
        columns,
        rows: parts.iter().take(MOST_PARTS).map(row).collect(),
        is_sortable: false,
    }
}

/// A number over a bar that shows its share of the whole.
fn bar(text: String, part: u64, whole: u64) -> Cell {
    let percent = if whole == 0 { 0.0 } else { float(part) / float(whole) * 100.0 };
    let text = if part == 0 { UNKNOWN.to_owned() } else { text };
    let content = Content::Bar { text, percent: format!("{percent:.1}") };
    Cell { content, ..Cell::number("", float(part)) }
}
