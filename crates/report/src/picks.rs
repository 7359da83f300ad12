//! Which candidate to take for a budget.

use crate::{
    axis::Axis,
    candidate::{NetworkEntry, SAMPLING_POINTS},
    way::BenchConfig,
};
use inceptive_format::decimals;

/// The best candidate within a budget.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// What the budget is for: `MACs`, `parameters` or `latency`.
    pub what: &'static str,
    /// The budget, in MACs, parameters or milliseconds.
    pub budget: f64,
    /// The budget in words.
    pub budget_text: String,
    /// The candidate with the highest published accuracy that certainly keeps it.
    pub best: usize,
    /// Others within the budget whose accuracy is statistically tied with the best, cheapest first.
    pub close: Vec<usize>,
}

/// Budgets that people ask about.
const GIGA_MACS: [f64; 6] = [0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
const MILLION_PARAMS: [f64; 5] = [2.0, 5.0, 10.0, 25.0, 50.0];
const MILLISECONDS: [f64; 8] = [2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// The best candidate within each round budget that some candidates keep and others do not.
pub fn picks(candidates: &[NetworkEntry], way: Option<&BenchConfig>) -> Vec<Recommendation> {
    let mut picks = Vec::new();
    let budgets = |factor: f64, list: &[f64]| list.iter().map(|x| x * factor).collect::<Vec<f64>>();
    let mut add = |what, axis, budgets: Vec<f64>, text: &dyn Fn(f64) -> String| {
        let all =
            budgets.into_iter().filter_map(|budget| pick(candidates, axis, what, budget, text));
        picks.extend(all.collect::<Vec<Recommendation>>());
    };
    let count = |unit: &'static str| move |budget: f64| format!("{} {unit}", round_count(budget));
    add("MACs", Axis::Macs, budgets(1e9, &GIGA_MACS), &count("MACs"));
    add("parameters", Axis::Params, budgets(1e6, &MILLION_PARAMS), &count("parameters"));
    if let Some(way) = way {
        let text = |budget| format!("{} ms", decimals(budget, 0));
        add("latency", Axis::Latency(way), budgets(1.0, &MILLISECONDS), &text);
    }
    picks
}

/// A round count: `500M`, `2G`.
fn round_count(count: f64) -> String {
    let (size, unit) = if count < 1e9 { (1e6, "M") } else { (1e9, "G") };
    format!("{}{unit}", count / size)
}

/// The best candidate that keeps a budget; `None` if no candidate or every candidate keeps it.
fn pick(
    candidates: &[NetworkEntry],
    axis: Axis<'_>,
    what: &'static str,
    budget: f64,
    text: &dyn Fn(f64) -> String,
) -> Option<Recommendation> {
    let known = candidates
        .iter()
        .enumerate()
        .filter_map(|(at, candidate)| Some((at, candidate.top1()?, axis.cost(candidate)?)));
    let (keeping, others): (Vec<_>, Vec<_>) = known.partition(|(_, _, cost)| cost.high <= budget);
    let best = keeping.iter().max_by(|(_, a_top1, a), (_, b_top1, b)| {
        // Of equal accuracy the cheaper one.
        a_top1.total_cmp(b_top1).then(b.value.total_cmp(&a.value))
    })?;
    if others.is_empty() {
        return None;
    }
    let mut close: Vec<_> = keeping
        .iter()
        .filter(|(at, top1, _)| *at != best.0 && best.1 - top1 < SAMPLING_POINTS)
        .collect();
    close.sort_by(|(_, _, a), (_, _, b)| a.value.total_cmp(&b.value));
    let close = close.into_iter().map(|(at, _, _)| *at).collect();
    Some(Recommendation { what, budget, budget_text: text(budget), best: best.0, close })
}
