//! How the numbers were made.

use std::collections::{BTreeSet, HashSet};

use askama::{Template, filters::HtmlSafe};
use inceptive_results::{
    BestRoofline,
    date::{utc, utc_day},
};
use inceptive_results::{Machine, Measurement, Origin, Value, statistics::Estimate};

use super::{
    latency::{Measured, problem_table},
    networks::published,
    shown::Shown,
    table::{Cell, Column, Row, Table},
    words::{code, prose},
};
use crate::{
    candidate::{NetworkEntry, PROTOCOL, SAMPLING_POINTS},
    report::{Analysis, Report},
};
use inceptive_format::{bytes, counted, decimals, significant};

/// Maximum number of warnings that are listed.
const MOST_WARNINGS: usize = 200;

/// The last section.
#[derive(Template)]
#[template(path = "method.html")]
pub(super) struct Method {
    protocol: &'static str,
    sampling: f64,
    /// Whether networks were trained.
    is_trained: bool,
    measuring: Option<Measuring>,
    /// Latencies that nobody measured.
    predicted: Option<Table>,
    sources: Option<Table>,
    problems: Option<Table>,
    warnings: Vec<String>,
    more_warnings: Option<String>,
    command: String,
    version: String,
}

impl HtmlSafe for Method {}

/// What all measurements have in common.
struct Measuring {
    machines: Vec<Vec<(&'static str, String)>>,
    ways: Vec<String>,
    budgets: String,
    seeds: String,
    dates: String,
    versions: String,
}

impl Method {
    pub fn new(
        report: &Report,
        findings: &Analysis,
        shown: &Shown,
        measured: &[Measured<'_>],
    ) -> Self {
        let more = report.warnings.len().saturating_sub(MOST_WARNINGS);
        Self {
            protocol: PROTOCOL,
            sampling: SAMPLING_POINTS,
            is_trained: !findings.training.is_empty(),
            measuring: Measuring::new(&report.candidates, findings),
            predicted: predicted(&report.candidates, shown),
            sources: sources(&report.candidates, shown),
            problems: problem_table(measured),
            warnings: report.warnings.iter().take(MOST_WARNINGS).map(|text| code(text)).collect(),
            more_warnings: (more > 0).then(|| counted(more, "warning", "warnings")),
            command: report.command.clone(),
            version: prose(&report.version),
        }
    }
}

impl Measuring {
    fn new(candidates: &[NetworkEntry], findings: &Analysis) -> Option<Self> {
        let all: Vec<&Measurement> =
            candidates.iter().flat_map(|it| &it.measured).map(|stored| &stored.result).collect();
        let first = all.iter().map(|m| m.finished_unix_ms).min()?;
        let last = all.iter().map(|m| m.finished_unix_ms).max()?;
        let distinct = |text: fn(&Measurement) -> String| {
            let texts: BTreeSet<String> = all.iter().map(|m| text(m)).collect();
            texts.into_iter().collect::<Vec<String>>().join(", ")
        };
        let mut machines: Vec<&Machine> = Vec::new();
        let mut known: HashSet<&Machine> = HashSet::new();
        for way in &findings.ways {
            if known.insert(&way.machine) {
                machines.push(&way.machine);
            }
        }
        Some(Self {
            machines: machines.into_iter().map(facts).collect(),
            ways: findings
                .ways
                .iter()
                .map(|way| {
                    format!("{} ({})", way.label(), counted(way.coverage, "network", "networks"))
                })
                .collect(),
            budgets: distinct(|m| format!("{} s", m.budget_s)),
            seeds: distinct(|m| m.seed.to_string()),
            versions: prose(&distinct(|m| m.version.clone())),
            dates: if utc(first) == utc(last) {
                utc(last)
            } else {
                format!("{} to {}", utc(first), utc(last))
            },
        })
    }
}

/// A machine in words.
fn facts(machine: &Machine) -> Vec<(&'static str, String)> {
    let cache = |size: Option<u64>| size.map_or_else(|| "unknown".to_owned(), bytes);
    let virtual_note = if machine.is_virtual { ", below a hypervisor" } else { "" };
    let caches = [machine.l1d_bytes, machine.l2_bytes, machine.l3_bytes].map(cache).join(", ");
    let mut facts = vec![
        ("processor", format!("{} ({}){virtual_note}", prose(&machine.cpu), prose(&machine.arch))),
        (
            "cores",
            format!("{} physical, {} logical", machine.physical_cores, machine.logical_cores),
        ),
        ("caches L1d, L2, L3", caches),
        ("memory", bytes(machine.memory_bytes)),
        ("instructions", prose(&machine.isa.join(" "))),
        ("system", format!("{}, {}", prose(&machine.os), prose(&machine.kernel))),
    ];
    if let Some(governor) = &machine.governor {
        facts.push(("clock policy", prose(governor)));
    }
    facts.push(("name in data", machine.id()));
    facts
}

/// The sources of the accuracies that are compared.
fn sources(candidates: &[NetworkEntry], shown: &Shown) -> Option<Table> {
    let row = |&at: &usize| {
        let candidate = &candidates[at];
        let accuracy = candidate.comparable()?;
        let source = &accuracy.source;
        Some(Row::new(vec![
            Cell::name(&candidate.name),
            published(accuracy.top1?, source),
            Cell::user(prose(source)),
            Cell::user(accuracy.note.as_deref().map_or_else(String::new, prose)),
        ]))
    };
    let rows: Vec<Row> = shown.rows.iter().filter_map(row).collect();
    (!rows.is_empty()).then(|| Table {
        id: "sources-table".to_owned(),
        label: "Sources of accuracies".to_owned(),
        columns: vec![
            Column::text("network"),
            Column::published("top-1", ""),
            Column::text("source"),
            Column::text("note"),
        ],
        rows,
        is_sortable: false,
    })
}

/// Predicted latencies, each with the model.
fn predicted(candidates: &[NetworkEntry], shown: &Shown) -> Option<Table> {
    let row = |candidate: &NetworkEntry, value: &Value| {
        let Origin::Predicted { model, held_out_error } = &value.origin else { return None };
        let Estimate { value, low, high } = value.estimate;
        Some(Row::new(vec![
            Cell::name(&candidate.name),
            Cell::number(significant(value), value)
                .with_title("predicted, not measured".to_owned()),
            Cell::text(format!("{} to {}", significant(low), significant(high))),
            Cell::number(significant(*held_out_error), *held_out_error),
            Cell::user(prose(model)),
        ]))
    };
    let listed = shown.rows.iter().map(|&at| &candidates[at]);
    let rows: Vec<Row> = listed
        .flat_map(|candidate| candidate.predicted.iter().filter_map(|value| row(candidate, value)))
        .collect();
    (!rows.is_empty()).then(|| Table {
        id: "predicted-table".to_owned(),
        label: "Predicted latencies".to_owned(),
        columns: vec![
            Column::text("network"),
            Column::number("predicted latency", "ms", "Predicted by a model, not measured"),
            Column::text("90% interval"),
            Column::number(
                "error",
                "ms",
                "What the model's mean relative error on networks that it was not fitted to is in ms here",
            ),
            Column::text("predicted for"),
        ],
        rows,
        is_sortable: true,
    })
}

/// The days on which a machine showed its limits: of the peak, and of the bandwidth if that is another.
fn when(best: &BestRoofline) -> String {
    let [peak, bandwidth] = [best.peak_unix_ms, best.bandwidth_unix_ms].map(utc_day);
    if peak == bandwidth { peak } else { format!("{peak}, {bandwidth}") }
}

/// The limits of each machine; `None` without measurements.
pub(super) fn limits(findings: &Analysis) -> Option<Table> {
    let mut known: Vec<(&Machine, BestRoofline)> = Vec::new();
    let mut keys: HashSet<(&Machine, u32)> = HashSet::new();
    for way in findings.ways.iter().filter(|way| way.runtime.is_on_cpu()) {
        if keys.insert((&way.machine, way.best.roofline.threads)) {
            known.push((&way.machine, way.best));
        }
    }
    let row = |(machine, best): &(&Machine, BestRoofline)| {
        let limit = best.roofline;
        Row::new(vec![
            Cell::user(prose(&machine.cpu)),
            Cell::number(limit.threads.to_string(), f64::from(limit.threads)),
            Cell::number(decimals(limit.peak_gflops, 0), limit.peak_gflops),
            Cell::number(decimals(limit.bandwidth_gbps, 1), limit.bandwidth_gbps),
            Cell::number(decimals(limit.ridge(), 1), limit.ridge()),
            Cell::text(when(best)),
        ])
    };
    (!known.is_empty()).then(|| Table {
        id: "limits-table".to_owned(),
        label: "Limits of the machines".to_owned(),
        columns: vec![
            Column::text("machine"),
            Column::number("threads", "", ""),
            Column::number(
                "peak",
                "GFLOP/s",
                "Measured: multiply-adds on registers, counted as two operations",
            ),
            Column::number("bandwidth", "GB/s", "Measured: a = b + s * c over long arrays"),
            Column::number("ridge", "FLOP/byte", "Intensity above which a node is compute bound"),
            Column::text("measured"),
        ],
        rows: known.iter().map(row).collect(),
        is_sortable: false,
    })
}
