//! Differences between two networks as Python values.

use inceptive_cost::{Change, Diff, Totals};
use inceptive_results::Metric;
use pyo3::prelude::*;

use crate::table::{Column, Columns, text};

/// What differs between two networks.
#[derive(IntoPyObject)]
pub struct Difference {
    same_structure: bool,
    before: Vec<(&'static str, u64)>,
    after: Vec<(&'static str, u64)>,
    modules: Columns,
    nodes: Columns,
    heads: Columns,
}

impl From<&Diff> for Difference {
    fn from(diff: &Diff) -> Self {
        let totals = |side: usize| {
            let count = |metric: Metric| match metric {
                Metric::PeakActivationBytes => Some((metric.id(), diff.peak_bytes[side])),
                other => Some((other.id(), other.total(&diff.totals[side])?)),
            };
            Metric::costs().filter_map(count).collect()
        };
        Self {
            same_structure: diff.same_structure,
            before: totals(0),
            after: totals(1),
            modules: modules(diff),
            nodes: nodes(diff),
            heads: heads(diff),
        }
    }
}

/// What a change is called.
const fn word<T>(change: &Change<T>) -> &'static str {
    match change {
        Change::Removed(_) => "removed",
        Change::Added(_) => "added",
        Change::Changed(..) => "changed",
    }
}

/// What is shown of both sides of changes.
struct Rows<'a, T>(Vec<&'a Change<T>>);

impl<T> Rows<'_, T> {
    /// The words for the changes.
    fn words(&self) -> (String, Column) {
        text("change", self.0.iter().map(|change| word(change).to_owned()))
    }

    /// Words about both sides.
    fn texts(&self, name: &str, of: impl Fn(&T) -> String) -> Columns {
        let before = self.0.iter().map(|change| change.before().map(&of)).collect();
        let after = self.0.iter().map(|change| change.after().map(&of)).collect();
        vec![
            (format!("{name}_a"), Column::Text(before)),
            (format!("{name}_b"), Column::Text(after)),
        ]
    }

    /// The counts of both sides.
    fn counts(&self, of: impl Fn(&T) -> Totals) -> Columns {
        let mut columns = vec![];
        for metric in Metric::costs().filter(|&metric| metric.total(&Totals::default()).is_some()) {
            let count = |side: Option<&T>| side.and_then(|side| metric.total(&of(side)));
            let before = self.0.iter().map(|change| count(change.before())).collect();
            let after = self.0.iter().map(|change| count(change.after())).collect();
            columns.push((format!("{metric}_a"), Column::Count(before)));
            columns.push((format!("{metric}_b"), Column::Count(after)));
        }
        columns
    }
}

fn modules(diff: &Diff) -> Columns {
    let rows = Rows(diff.modules.iter().map(|module| &module.change).collect());
    let paths = text("path", diff.modules.iter().map(|module| module.path.to_string()));
    let outputs = rows.texts("output", |module| module.output.to_string());
    let counts = rows.counts(|module| module.totals);
    [vec![paths, rows.words()], outputs, counts].into_iter().flatten().collect()
}

fn nodes(diff: &Diff) -> Columns {
    let rows = Rows(diff.nodes.iter().map(|node| &node.change).collect());
    let paths = text("path", diff.nodes.iter().map(|node| node.path.to_string()));
    let operators = rows.texts("op", |node| node.op.name().to_owned());
    let outputs = rows.texts("output", |node| node.shape.to_string());
    let attributes = rows.texts("attributes", |node| {
        let all = node.op.attributes();
        all.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    });
    let counts = rows.counts(|node| node.totals);
    [vec![paths, rows.words()], operators, outputs, attributes, counts]
        .into_iter()
        .flatten()
        .collect()
}

fn heads(diff: &Diff) -> Columns {
    let rows = Rows(diff.heads.iter().map(|head| &head.change).collect());
    let names = text("head", diff.heads.iter().map(|head| head.name.clone()));
    let counts = rows.counts(|head| head.totals);
    [vec![names, rows.words()], counts].into_iter().flatten().collect()
}
