//! Which candidates a page shows when there are many.

use std::collections::HashSet;

use super::{
    scale::{Scale, float},
    table::{Cell, Column, Row, Table},
};
use crate::{
    axis::{Axis, on_front},
    candidate::NetworkEntry,
    report::Analysis,
    way::BenchConfig,
};

/// Maximum number of candidates for which all are shown.
const ALL: usize = 200;

/// Maximum number of candidates that are described.
const DESCRIBED: usize = 40;

/// Candidates by how they are shown.
pub(super) struct Shown {
    /// Those with a row.
    pub rows: Vec<usize>,
    /// Those that are described.
    pub described: Vec<usize>,
    /// How many have no row.
    pub left_out: usize,
    /// Those that none beats, by MACs, parameters and latency.
    pub fronts: [HashSet<usize>; 3],
}

impl Shown {
    /// All candidates if they are few; else those on a front, and the most accurate, of equal accuracy those
    /// with fewest MACs.
    pub fn new(candidates: &[NetworkEntry], findings: &Analysis) -> Self {
        let axes = [Some(Axis::Macs), Some(Axis::Params), findings.main_way().map(Axis::Latency)];
        let fronts =
            axes.map(|axis| axis.map_or_else(HashSet::new, |axis| on_front(candidates, axis)));
        let mut best: Vec<usize> = (0..candidates.len()).collect();
        let is_on_front = |at: &usize| fronts.iter().any(|front| front.contains(at));
        best.sort_by(|a, b| {
            let top1 = |at: usize| candidates[at].top1().unwrap_or(f64::NEG_INFINITY);
            let macs = |at: usize| candidates[at].subject.macs;
            let by_accuracy = top1(*b).total_cmp(&top1(*a));
            is_on_front(b).cmp(&is_on_front(a)).then(by_accuracy).then(macs(*a).cmp(&macs(*b)))
        });
        let on_front = best.iter().take_while(|at| is_on_front(at)).count();
        best.truncate(if candidates.len() > ALL { ALL + on_front } else { ALL });
        let mut described = best.clone();
        described.truncate(DESCRIBED);
        described.sort_unstable();
        let mut rows = best;
        rows.sort_unstable();
        let left_out = candidates.len() - rows.len();
        Self { rows, described, left_out, fronts }
    }

    /// The link to the section of a network.
    pub fn link(&self, at: usize) -> Option<String> {
        self.described.contains(&at).then(|| format!("#network-{}", at + 1))
    }
}

/// Minimum, quartiles and maximum of some numbers; `None` if there are none.
pub(super) fn quartiles(mut values: Vec<f64>) -> Option<[f64; 5]> {
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    // The nearest of the values: a network that there is.
    Some([0, 1, 2, 3, 4].map(|quarter| values[(last * quarter + 2) / 4]))
}

/// Quartiles over all networks, for pages on which not every network has a row.
pub(super) fn quartile_table(candidates: &[NetworkEntry], way: Option<&BenchConfig>) -> Table {
    let of = |value: &dyn Fn(&NetworkEntry) -> Option<f64>| {
        quartiles(candidates.iter().filter_map(value).collect())
    };
    let counts = |name: &str, value: fn(&NetworkEntry) -> u64| {
        let scale = Scale::counts(candidates.iter().map(value));
        let title = format!("{name} {}", scale.unit);
        of(&|candidate| Some(float(value(candidate)))).map(|found| (title, scale, found))
    };
    let ms = |candidate: &NetworkEntry| way?.of(candidate).map(|m| m.latency_ms.median.value);
    let latency =
        of(&ms).map(|found| ("median ms".to_owned(), Scale::times(found.into_iter()), found));
    let lines = [
        counts("params", |candidate| candidate.subject.params),
        counts("MACs", |candidate| candidate.subject.macs),
        latency,
    ];
    let row = |(name, scale, found): (String, Scale, [f64; 5])| {
        let numbers = found.into_iter().map(|value| Cell::number(scale.text(value), value));
        Row::new(std::iter::once(Cell::text(name)).chain(numbers).collect())
    };
    Table {
        id: "quartiles".to_owned(),
        label: "Quartiles over all networks".to_owned(),
        columns: std::iter::once(Column::text("over all networks"))
            .chain(
                ["least", "25%", "median", "75%", "most"].map(|name| Column::number(name, "", "")),
            )
            .collect(),
        rows: lines.into_iter().flatten().map(row).collect(),
        is_sortable: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_values() {
        assert_eq!(quartiles(vec![]), None);
        assert_eq!(quartiles(vec![f64::NAN]), None);
        assert_eq!(quartiles(vec![3.0]), Some([3.0; 5]));
        let values = (0..=100).rev().map(f64::from).collect();
        assert_eq!(quartiles(values), Some([0.0, 25.0, 50.0, 75.0, 100.0]));
    }
}
