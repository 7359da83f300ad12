//! The changes of variants, and their effect on cost.

use askama::{Template, filters::HtmlSafe};
use inceptive_cost::Change;

use super::{
    picture::Picture,
    scale::float,
    table::{Cell, Column, Row, Table},
    words::{Name, code, prose},
};
use crate::{candidate::NetworkEntry, report::Analysis, variants::VariantCost, way::BenchConfig};
use inceptive_format::{bytes, counted, decimals, exact, percent_change, significant};

/// Maximum number of variants that are shown.
const MOST: usize = 40;

/// Maximum number of modules of a variant that are named.
const MOST_MODULES: usize = 24;

/// The section about variants.
#[derive(Template)]
#[template(path = "variants.html")]
pub(super) struct Variants {
    figures: Vec<Picture>,
    all: Vec<Variant>,
    left_out: Option<String>,
}

impl HtmlSafe for Variants {}

struct Variant {
    name: Name,
    base: Name,
    yaml: String,
    table: Table,
    modules: Vec<String>,
    more_modules: Option<String>,
    is_same: bool,
}

impl Variants {
    pub fn new(
        candidates: &[NetworkEntry],
        findings: &Analysis,
        figures: Vec<Picture>,
    ) -> Option<Self> {
        if findings.variants.is_empty() && figures.is_empty() {
            return None;
        }
        let variants = findings.variants.iter().take(MOST).enumerate();
        let left_out = findings.variants.len().saturating_sub(MOST);
        Some(Self {
            figures,
            all: variants
                .map(|(number, cost)| Variant::new(number, cost, candidates, findings.main_way()))
                .collect(),
            left_out: (left_out > 0).then(|| counted(left_out, "variant", "variants")),
        })
    }
}

impl Variant {
    fn new(
        number: usize,
        cost: &VariantCost,
        candidates: &[NetworkEntry],
        way: Option<&BenchConfig>,
    ) -> Self {
        let (base, variant) = (&candidates[cost.base], &candidates[cost.variant]);
        let modules = cost.diff.modules.iter().take(MOST_MODULES).map(|module| {
            let sign = match module.change {
                Change::Removed(_) => "−",
                Change::Added(_) => "+",
                Change::Changed(..) => "",
            };
            format!("{sign}{}", prose(module.path.as_str()))
        });
        let more = cost.diff.modules.len().saturating_sub(MOST_MODULES);
        Self {
            name: Name::new(&variant.name),
            base: Name::new(&base.name),
            yaml: code(variant.variant.as_ref().map_or("", |variant| &variant.yaml)),
            table: table(number, cost, base, variant, way),
            modules: modules.collect(),
            more_modules: (more > 0).then(|| counted(more, "more", "more")),
            is_same: cost.diff.same_structure,
        }
    }
}

fn table(
    number: usize,
    cost: &VariantCost,
    base: &NetworkEntry,
    variant: &NetworkEntry,
    way: Option<&BenchConfig>,
) -> Table {
    let [a, b] = &cost.diff.totals;
    let row = |name: &str, text: fn(u64) -> String, [a, b]: [u64; 2]| {
        let change = match percent_change(a, b) {
            text if text.is_empty() && a == b => Cell::number("same", 0.0),
            text if text.is_empty() => Cell::unknown(),
            text => Cell::number(text, float(b) - float(a)),
        };
        Row::new(vec![
            Cell::text(name),
            Cell::number(text(a), float(a)),
            Cell::number(text(b), float(b)),
            change,
        ])
    };
    let mut rows = vec![
        row("parameters", exact, [a.params, b.params]),
        row("MACs", exact, [a.macs, b.macs]),
        row("activations", exact, [a.acts, b.acts]),
        row("peak memory", bytes, cost.diff.peak_bytes),
    ];
    rows.extend(way.and_then(|way| latency_row(cost, base, variant, way)));
    Table {
        id: format!("variant-{}", number + 1),
        label: format!("Cost of {}", super::words::plain_name(&variant.name)),
        columns: vec![
            Column::text("cost"),
            Column::number("base", "", ""),
            Column::number("variant", "", ""),
            Column::number("change", "", ""),
        ],
        rows,
        is_sortable: false,
    }
}

/// Latencies and their ratio, with the word for ratios that may be 1.
fn latency_row(
    cost: &VariantCost,
    base: &NetworkEntry,
    variant: &NetworkEntry,
    way: &BenchConfig,
) -> Option<Row> {
    let times = cost.latency?;
    let ms = |candidate: &NetworkEntry| {
        let median = way.of(candidate).map(|m| m.latency_ms.median.value);
        median.map_or_else(Cell::unknown, |ms| Cell::number(format!("{} ms", significant(ms)), ms))
    };
    let [value, low, high] = [times.value, times.low, times.high].map(|ratio| decimals(ratio, 2));
    let is_told = times.low > 1.0 || times.high < 1.0;
    let word = if is_told { "" } else { ", indistinguishable" };
    let ratio = Cell::number(format!("{value}× ({low}–{high}){word}"), times.value);
    Some(Row::new(vec![Cell::text("latency"), ms(base), ms(variant), ratio]))
}
