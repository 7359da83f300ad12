//! Recommendations for budgets.

use askama::{Template, filters::HtmlSafe};

use super::{
    networks::published,
    scale::float,
    shown::Shown,
    table::{Cell, Column, Content, Row, Table},
    words::{Name, sentence},
};
use crate::{
    candidate::{NetworkEntry, SAMPLING_POINTS},
    picks::Recommendation,
    report::Analysis,
    summary::Summary,
    way::BenchConfig,
};
use inceptive_format::{exact, short_count, significant};

/// The report in sentences, with names as the page shows them.
pub(super) fn shown_summary(candidates: &[NetworkEntry], findings: &Analysis) -> Summary {
    let shown = |text: &String| sentence(text, candidates);
    let Summary { scope, lead, rest } = &findings.summary;
    Summary {
        scope: shown(scope),
        lead: lead.as_ref().map(shown),
        rest: rest.iter().map(shown).collect(),
    }
}

/// The section about budgets.
#[derive(Template)]
#[template(path = "picks.html")]
pub(super) struct Picks {
    table: Table,
    sampling: f64,
    way: Option<String>,
}

impl HtmlSafe for Picks {}

impl Picks {
    pub fn new(candidates: &[NetworkEntry], findings: &Analysis, shown: &Shown) -> Option<Self> {
        if findings.picks.is_empty() {
            return None;
        }
        let way = findings.main_way();
        let rows = findings.picks.iter().map(|pick| row(pick, candidates, way, shown)).collect();
        let mut columns = vec![
            Column::text("budget"),
            Column::text("recommended"),
            Column::published("top-1", ""),
            Column::number("MACs", "", ""),
            Column::number("params", "", ""),
        ];
        if way.is_some() {
            columns.push(Column::number("median", "ms", ""));
        }
        columns.push(Column {
            hint: "Others within the budget with statistically tied accuracy, cheapest first",
            ..Column::text("statistically tied")
        });
        let table = Table {
            id: "picks-table".to_owned(),
            label: "Recommended network for each budget".to_owned(),
            columns,
            rows,
            is_sortable: false,
        };
        Some(Self { table, sampling: SAMPLING_POINTS, way: way.map(BenchConfig::label) })
    }
}

fn row(
    pick: &Recommendation,
    candidates: &[NetworkEntry],
    way: Option<&BenchConfig>,
    shown: &Shown,
) -> Row {
    let best = &candidates[pick.best];
    let subject = &best.subject;
    let link = |&at: &usize| (Name::new(&candidates[at].name), shown.link(at));
    let top1 = best.comparable().and_then(|accuracy| Some((accuracy.top1?, &accuracy.source)));
    let count =
        |count: u64| Cell::number(short_count(count), float(count)).with_title(exact(count));
    let mut cells = vec![
        Cell::text(pick.budget_text.clone()),
        Cell::new(Content::Links(vec![link(&pick.best)])),
        top1.map_or_else(Cell::unknown, |(top1, source)| published(top1, source)),
        count(subject.macs),
        count(subject.params),
    ];
    if let Some(way) = way {
        let ms = way.of(best).map(|m| m.latency_ms.median.value);
        cells.push(ms.map_or_else(Cell::unknown, |ms| Cell::number(significant(ms), ms)));
    }
    cells.push(Cell::new(Content::Links(pick.close.iter().map(link).collect())));
    Row { class: pick_class(pick.what), ..Row::new(cells) }
}

/// Rows of one sort of budget look alike.
fn pick_class(what: &str) -> &'static str {
    match what {
        "MACs" => "by-macs",
        "parameters" => "by-params",
        _ => "by-latency",
    }
}
