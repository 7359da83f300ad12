//! `report.md`: the short form, for pull requests.

use super::{
    UNKNOWN, explored,
    picks::shown_summary,
    shown::Shown,
    training::facts,
    words::{plain_name, prose},
};
use crate::{
    candidate::{NetworkEntry, PROTOCOL, SAMPLING_POINTS},
    explored::Explored,
    picks::Recommendation,
    report::{Analysis, Report},
    summary::Summary,
    training::{MOST_GROUPS, TrainedNetwork, TrainingGroup},
    variants::VariantCost,
    way::BenchConfig,
};
use inceptive_draw::chart::Figure;
use inceptive_explore::wave_sentences;
use inceptive_format::{bytes, counted, decimals, exact, percent_change, short_count, significant};

/// The complete page.
pub(crate) fn markdown(report: &Report, findings: &Analysis, figures: &[Figure]) -> String {
    let candidates = report.candidates.as_slice();
    let shown = Shown::new(candidates, findings);
    let way = findings.main_way();
    let sections = [
        format!("# {}", escaped(&plain_name(&report.title))),
        sentences(candidates, findings),
        picks(candidates, &findings.picks, way),
        training(candidates, &findings.training),
        explorations(&report.explorations),
        networks(candidates, way, &shown),
        variants(candidates, &findings.variants, way),
        pictures(figures),
        method(report, way),
        sources(candidates, &shown),
        format!(
            "## Reproduce this report\n\n{}\n\nThe numbers for other programs: [data.csv](data.csv), \
             [data.json](data.json). \
             The whole report: [index.html](index.html).",
            indented(&report.command)
        ),
    ];
    let written: Vec<String> = sections.into_iter().filter(|text| !text.is_empty()).collect();
    written.join("\n\n") + "\n"
}

fn sentences(candidates: &[NetworkEntry], findings: &Analysis) -> String {
    let Summary { scope, lead, rest } = shown_summary(candidates, findings);
    let mut lines = vec![escaped(&scope)];
    lines.extend(lead.map(|lead| format!("**{}**", escaped(&lead))));
    let facts: Vec<String> = rest.iter().map(|text| format!("- {}", escaped(text))).collect();
    if !facts.is_empty() {
        lines.push(facts.join("\n"));
    }
    lines.join("\n\n")
}

fn picks(
    candidates: &[NetworkEntry],
    picks: &[Recommendation],
    way: Option<&BenchConfig>,
) -> String {
    let name = |at: &usize| escaped(&plain_name(&candidates[*at].name));
    let row = |pick: &Recommendation| {
        let best = &candidates[pick.best];
        let mut cells = vec![
            pick.budget_text.clone(),
            name(&pick.best),
            percent(best.top1()),
            short_count(best.subject.macs),
            short_count(best.subject.params),
        ];
        cells.extend(way.map(|way| median(best, way)));
        cells.push(pick.close.iter().map(name).collect::<Vec<String>>().join(", "));
        cells
    };
    let mut header = vec!["budget", "recommended", "published top-1", "MACs", "parameters"];
    header.extend(way.map(|_| "median ms"));
    header.push("statistically tied");
    section("Recommendations", &header, picks.iter().map(row).collect())
}

/// The finalists of each search.
fn explorations(all: &[Explored]) -> String {
    let section = |explored: &Explored| {
        let (header, rows) = explored::finalists(explored);
        let header: Vec<String> = header.iter().map(|name| escaped(name)).collect();
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        let rows = rows.iter().map(|row| row.iter().map(|cell| escaped(cell)).collect()).collect();
        let title = escaped(&plain_name(&explored.exploration.space.title));
        let found = explored::found(explored).map(|text| escaped(&prose(&text)));
        let table = section(&format!("Exploration: {title}"), &header, rows);
        let waves = wave_sentences(&explored.exploration);
        let waves = waves.iter().map(|text| format!("{}.", escaped(text)));
        let parts = [Some(table), found].into_iter().flatten().chain(waves);
        parts.collect::<Vec<String>>().join("\n\n")
    };
    all.iter().take(MOST_GROUPS).map(section).collect::<Vec<String>>().join("\n\n")
}

/// A row for each candidate that the page has a row for.
fn networks(candidates: &[NetworkEntry], way: Option<&BenchConfig>, shown: &Shown) -> String {
    let row = |&at: &usize| {
        let candidate = &candidates[at];
        let subject = &candidate.subject;
        let peak = candidate.network.as_ref().map(|network| network.cost.peak.bytes);
        let mut cells = vec![
            escaped(&plain_name(&candidate.name)),
            subject.input.map(|side| side.to_string()).join("x"),
            exact(subject.params),
            exact(subject.macs),
            exact(subject.acts),
            peak.map_or_else(|| UNKNOWN.to_owned(), bytes),
            percent(candidate.top1()),
        ];
        cells.extend(way.map(|way| median(candidate, way)));
        cells.extend(way.map(|way| {
            way.of(candidate).map_or_else(String::new, |m| {
                let ends = [m.latency_ms.median.low, m.latency_ms.median.high].map(significant);
                format!("{} to {}", ends[0], ends[1])
            })
        }));
        cells.extend(way.map(|way| {
            way.of(candidate).map_or_else(|| UNKNOWN.to_owned(), |m| m.grade.to_string())
        }));
        cells
    };
    let mut header = vec![
        "network",
        "input",
        "parameters",
        "MACs",
        "activations",
        "peak memory",
        "published top-1",
    ];
    if way.is_some() {
        header.extend(["median ms", "95% interval", "grade"]);
    }
    let mut text = section("Networks", &header, shown.rows.iter().map(row).collect());
    if shown.left_out > 0 {
        let others = counted(shown.left_out, "network", "networks");
        text.push_str(&format!("\n\n{others} more are only in [data.csv](data.csv)."));
    }
    text
}

/// Maximum number of networks of a data set and recipe with a row.
const MOST_TRAINED: usize = 40;

/// A table for each data set and recipe.
fn training(candidates: &[NetworkEntry], groups: &[TrainingGroup]) -> String {
    let tables = groups.iter().take(MOST_GROUPS).map(|group| trained(candidates, group));
    let mut text = tables.collect::<Vec<String>>().join("\n\n");
    if !text.is_empty() {
        text.push_str(
            "\n\nThe test images were used once, after the last epoch. Intervals are those of the mean over seeds; of one \
             seed, those of the test images. Networks whose intervals overlap are indistinguishable. Trained accuracies are \
             not comparable with published ones, nor with those of other data or recipes.",
        );
    }
    text
}

fn trained(candidates: &[NetworkEntry], group: &TrainingGroup) -> String {
    let two = |value: f64| decimals(value, 2);
    let maybe = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.to_owned());
    let row = |(at, network): (usize, &TrainedNetwork)| {
        let (accuracy, subject) = (&network.accuracy, &candidates[network.at].subject);
        let tied: Vec<String> =
            group.tied_with(at).map(|it| escaped(&plain_name(&it.name))).collect();
        let verdict = match (accuracy.top1, tied.is_empty()) {
            (None, _) => UNKNOWN.to_owned(),
            (_, true) => "distinct".to_owned(),
            (_, false) => format!("indistinguishable from {}", tied.join(", ")),
        };
        vec![
            escaped(&plain_name(&network.name)),
            maybe(accuracy.top1.map(|_| (at + 1).to_string())),
            maybe(accuracy.top1.map(|top1| two(top1.value))),
            maybe(accuracy.top1.map(|top1| format!("{} to {}", two(top1.low), two(top1.high)))),
            maybe(accuracy.range.map(|[low, high]| format!("{} to {}", two(low), two(high)))),
            verdict,
            maybe(accuracy.val_top1.map(two)),
            exact(subject.params),
            exact(subject.macs),
            maybe(accuracy.images_per_s.map(significant)),
            maybe(accuracy.seconds.map(significant)),
            accuracy.seeds.len().to_string(),
            accuracy.diverged.to_string(),
        ]
    };
    let header = [
        "network",
        "rank",
        "test top-1",
        "95% interval",
        "range of seeds",
        "verdict",
        "validation top-1",
        "parameters",
        "MACs",
        "images/s",
        "seconds",
        "seeds",
        "diverged",
    ];
    let rows = group.networks.iter().take(MOST_TRAINED).enumerate().map(row).collect();
    let title = format!("Trained on {}", escaped(&plain_name(&group.label())));
    let facts = facts(group, candidates);
    let facts = facts.iter().map(|(name, fact)| format!("- {name}: {}", escaped(fact)));
    let mut text = section(&title, &header, rows);
    if group.networks.len() > MOST_TRAINED {
        let others = group.networks.len() - MOST_TRAINED;
        let others = counted(others, "network", "networks");
        text.push_str(&format!("\n\n{others} more are only in [data.json](data.json)."));
    }
    format!("{text}\n\n{}", facts.collect::<Vec<String>>().join("\n"))
}

fn variants(
    candidates: &[NetworkEntry],
    variants: &[VariantCost],
    way: Option<&BenchConfig>,
) -> String {
    let row = |cost: &VariantCost| {
        let [a, b] = &cost.diff.totals;
        let change = |a: u64, b: u64| match percent_change(a, b) {
            text if text.is_empty() => "same".to_owned(),
            text => text,
        };
        let mut cells = vec![
            escaped(&plain_name(&candidates[cost.variant].name)),
            escaped(&plain_name(&candidates[cost.base].name)),
            change(a.params, b.params),
            change(a.macs, b.macs),
            change(a.acts, b.acts),
            change(cost.diff.peak_bytes[0], cost.diff.peak_bytes[1]),
        ];
        cells.extend(way.map(|_| {
            cost.latency.map_or_else(
                || UNKNOWN.to_owned(),
                |times| {
                    let [value, low, high] =
                        [times.value, times.low, times.high].map(|ratio| decimals(ratio, 2));
                    let is_told = times.low > 1.0 || times.high < 1.0;
                    let word = if is_told { "" } else { ", indistinguishable" };
                    format!("{value} times ({low} to {high}){word}")
                },
            )
        }));
        cells
    };
    let mut header = vec!["variant", "base", "parameters", "MACs", "activations", "peak memory"];
    header.extend(way.map(|_| "latency"));
    section("Variants", &header, variants.iter().take(40).map(row).collect())
}

fn pictures(figures: &[Figure]) -> String {
    let picture = |figure: &Figure| {
        format!("![{}]({}.svg)", backslashed(&figure.alternative), backslashed(&figure.id))
    };
    figures.iter().map(picture).collect::<Vec<String>>().join("\n\n")
}

fn method(report: &Report, way: Option<&BenchConfig>) -> String {
    let mut text = format!(
        "## Method\n\nCounted from the graph for one image as deployed, without auxiliary heads. MACs: multiply-accumulates of \
         convolutions and linear layers, without bias. Activations: outputs of convolutions and linear layers. \
         Peak memory: maximum memory of feature maps, as 32-bit floats. Accuracies: {PROTOCOL}, in percent; {UNKNOWN} if \
         there is none; differences below {SAMPLING_POINTS} points are statistical ties. MACs alone do not determine latency."
    );
    if let Some(way) = way {
        text.push_str(&format!(
            " Latency: the median with its 95% interval, on {} with {}; networks whose intervals overlap are \
             indistinguishable.",
            escaped(&prose(&way.machine.cpu)),
            escaped(&way.label())
        ));
    }
    for warning in report.warnings.iter().take(40) {
        text.push_str(&format!("\n\n> {}", escaped(&prose(warning))));
    }
    text
}

/// The source of each accuracy in the table.
fn sources(candidates: &[NetworkEntry], shown: &Shown) -> String {
    let line = |&at: &usize| {
        let candidate = &candidates[at];
        let accuracy = candidate.comparable()?;
        let note = accuracy.note.as_deref();
        let note = note.map_or_else(String::new, |note| format!(" ({})", escaped(&prose(note))));
        let name = escaped(&plain_name(&candidate.name));
        Some(format!("- {name}: {}{note}", escaped(&prose(&accuracy.source))))
    };
    let lines: Vec<String> = shown.rows.iter().filter_map(line).collect();
    match lines.is_empty() {
        true => "No comparable accuracies are published for these networks.".to_owned(),
        false => format!("## Sources of the accuracies\n\n{}", lines.join("\n")),
    }
}

/// A table under a heading; nothing without rows. The first column is text, the others are aligned as numbers.
fn section(title: &str, header: &[&str], rows: Vec<Vec<String>>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let line = |cells: &[String]| format!("| {} |", cells.join(" | "));
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let mut lines = vec![format!("## {title}\n"), line(&header)];
    lines.push(format!("|---|{}", "---:|".repeat(header.len().saturating_sub(1))));
    lines.extend(rows.iter().map(|cells| line(cells)));
    lines.join("\n")
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| format!("{value:.1}"))
}

fn median(candidate: &NetworkEntry, way: &BenchConfig) -> String {
    let m = way.of(candidate);
    m.map_or_else(|| UNKNOWN.to_owned(), |m| significant(m.latency_ms.median.value))
}

/// A block of code that no text can end.
fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<String>>().join("\n")
}

/// Clean text that cannot break out of a cell, nor become markup, a link, a mention or a formula. GitHub looks for those
/// in the text as it is shown, where a backslash does not help: a comment divides it.
fn escaped(text: &str) -> String {
    const DIVISION: &str = "<!-- -->";
    let mut escaped = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let next = &rest[character.len_utf8()..];
        escaped.push_str(&backslashed(&rest[..character.len_utf8()]));
        let is_live = match character {
            '@' | '$' => true,
            ':' => next.starts_with("//"),
            'w' | 'W' => next.starts_with('.') && ends_with_www(&text[..text.len() - next.len()]),
            _ => false,
        };
        if is_live {
            escaped.push_str(DIVISION);
        }
        rest = next;
    }
    escaped
}

/// Whether a text ends with what makes a link of the name after it.
fn ends_with_www(text: &str) -> bool {
    text.len()
        .checked_sub(3)
        .and_then(|at| text.get(at..))
        .is_some_and(|end| end.eq_ignore_ascii_case("www"))
}

/// Clean text that cannot become markup, for where there are no links in text: descriptions of pictures.
fn backslashed(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if matches!(
            character,
            '|' | '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '#' | '!' | '~' | '$'
        ) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_links_mentions_or_formulas() {
        for (name, expected) in [
            ("@user", "@<!-- -->user"),
            ("see http://a.b/c", "see http:<!-- -->//a.b/c"),
            ("WWW.a.b", "WWW<!-- -->.a.b"),
            ("$x$", "\\$<!-- -->x\\$<!-- -->"),
            ("ftp://a é: b, w. c", "ftp:<!-- -->//a é: b, w. c"),
            ("a & b_c", "a \\& b\\_c"),
        ] {
            assert_eq!(escaped(name), expected);
        }
        assert_eq!(backslashed("@user & co"), "@user \\& co");
    }
}
