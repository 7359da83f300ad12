//! The report's page in Markdown.

use crate::{
    candidate::{Candidate, PROTOCOL},
    figures::Figure,
    numbers::{bytes, exact},
    report::{Findings, Report},
    text::clean,
};

/// What stands where nothing is known.
const UNKNOWN: &str = "–";

/// The whole page.
pub(crate) fn markdown(report: &Report, findings: &Findings, figures: &[Figure]) -> String {
    let candidates = report.candidates.as_slice();
    let sections = [
        format!("# {}", cell(&report.title)),
        findings.summary.iter().map(|text| cell(text)).collect::<Vec<_>>().join("\n\n"),
        table(candidates),
        legend(),
        figures
            .iter()
            .map(|figure| format!("![{}]({}.svg)", figure.alternative, figure.id))
            .collect::<Vec<_>>()
            .join("\n\n"),
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
        let cost = candidate.network.as_ref().map(|network| &network.cost);
        let accuracy = candidate.comparable();
        let percent = |value: Option<f64>| {
            value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.1}"))
        };
        let cells = [
            cell(&candidate.name),
            candidate.subject.input.map(|side| side.to_string()).join("x"),
            exact(candidate.subject.params),
            exact(candidate.subject.macs),
            exact(candidate.subject.flops),
            exact(candidate.subject.acts),
            cost.map_or_else(|| UNKNOWN.to_owned(), |cost| bytes(cost.peak.bytes)),
            cost.map_or_else(|| UNKNOWN.to_owned(), |cost| cost.receptive_field.size.to_string()),
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

/// The page.
pub(crate) fn html(report: &Report, _: &Findings, _: &[Figure]) -> String {
    format!("<!doctype html><title>{}</title>", crate::text::xml(&report.title))
}
