//! The report's page in Markdown.

use crate::{
    candidate::{Candidate, PROTOCOL},
    numbers::{bytes, exact},
    text::clean,
};

/// What stands where nothing is known.
const UNKNOWN: &str = "–";

/// The whole page.
pub(crate) fn markdown(candidates: &[Candidate]) -> String {
    let sections = [
        "# Comparison".to_owned(),
        table(candidates),
        legend(),
        "![Published top-1 accuracy against MACs; the area of a ball is its number of parameters]\
         (accuracy-macs.svg)"
            .to_owned(),
        "![Where the parameters are](where-params.svg)".to_owned(),
        "![Where the MACs are](where-macs.svg)".to_owned(),
        sources(candidates),
        "The same numbers for programs: [data.csv](data.csv), [data.json](data.json).".to_owned(),
    ];
    sections.join("\n\n") + "\n"
}

fn legend() -> String {
    format!(
        "Counted from the graph at batch 1 as deployed, without auxiliary heads. MACs: multiply-accumulates \
         of convolutions and linear layers, without bias. FLOPs: 2 x MACs and everything else. \
         Activations: outputs of convolutions and linear layers. Peak memory: 32-bit results that are in \
         memory at once. Field: receptive field of the features before the classifier. Top-1 and top-5: \
         {PROTOCOL}, in percent; {UNKNOWN} where there is none. None of these is a measured latency, and \
         MACs predict latency poorly."
    )
}

/// One row a candidate.
fn table(candidates: &[Candidate]) -> String {
    let mut lines = vec![
        "| network | input | parameters | MACs | FLOPs | activations | peak memory | field | top-1 | top-5 |"
            .to_owned(),
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|".to_owned(),
    ];
    for candidate in candidates {
        let total = &candidate.cost.total;
        let accuracy = candidate.comparable();
        let percent = |value: Option<f64>| {
            value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.1}"))
        };
        let cells = [
            cell(&candidate.name),
            candidate.input.to_string(),
            exact(total.params),
            exact(total.macs),
            exact(total.flops),
            exact(total.acts),
            bytes(candidate.cost.peak.bytes),
            candidate.cost.receptive_field.size.to_string(),
            percent(accuracy.and_then(|accuracy| accuracy.top1)),
            percent(accuracy.and_then(|accuracy| accuracy.top5)),
        ];
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    lines.join("\n")
}

/// Where each accuracy of the table comes from.
fn sources(candidates: &[Candidate]) -> String {
    let mut lines = vec!["Sources of the accuracies:".to_owned(), String::new()];
    for candidate in candidates {
        let Some(accuracy) = candidate.comparable() else { continue };
        let note =
            accuracy.note.as_deref().map_or_else(String::new, |note| format!(" ({})", cell(note)));
        lines.push(format!("- {}: {}{note}", cell(&candidate.name), cell(&accuracy.source)));
    }
    match lines.len() {
        2 => "No accuracies that can be compared are published for these networks.".to_owned(),
        _ => lines.join("\n"),
    }
}

/// Text that cannot break out of a cell or become markup.
fn cell(text: &str) -> String {
    let mut escaped = String::new();
    for character in clean(text).chars() {
        if matches!(
            character,
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '!'
        ) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
