//! Searches in spaces.

use askama::{Template, filters::HtmlSafe};
use inceptive_draw::chart::Figure;
use inceptive_explore::{Importance, judgement_sentence, wave_sentences};
use inceptive_format::{combinations, counted, decimals, exact, percent, significant};
use inceptive_results::{Metric, date::utc_day, statistics::Estimate};

use super::{
    picture::{Picture, Place, at},
    scale::{Scale, float},
    table::{Cell, Column, Row, Table},
    words::{Name, prose},
};
use crate::explored::{Explored, Member};

/// Searches that are shown at most.
const MOST: usize = 20;

/// Networks of a search that are listed at most, and variables of each.
const MOST_NETWORKS: usize = 60;
const MOST_COLUMNS: usize = 12;

/// The section about searches.
#[derive(Template)]
#[template(path = "explored.html")]
pub(super) struct Searches {
    all: Vec<Search>,
    left_out: Option<String>,
}

impl HtmlSafe for Searches {}

struct Search {
    title: Name,
    facts: Vec<(&'static str, String)>,
    found: Option<String>,
    figures: Vec<Picture>,
    table: Table,
    left_out: Option<String>,
    importance: Option<Table>,
    sentences: Vec<String>,
    /// How the networks were chosen.
    waves: Vec<String>,
    surrogate: Option<String>,
}

impl Searches {
    pub fn new(all: &[Explored], figures: &[Figure]) -> Option<Self> {
        let search = |(number, explored): (usize, &Explored)| Search {
            title: Name::new(&explored.exploration.space.title),
            facts: facts(explored),
            found: found(explored).map(|text| prose(&text)),
            figures: at(figures, Place::Exploration(number)),
            table: table(explored, number),
            left_out: left_out(explored.members().len(), MOST_NETWORKS, ["network", "networks"]),
            importance: importance(explored, number),
            sentences: explored.understood.sentences().iter().map(|text| prose(text)).collect(),
            waves: wave_sentences(&explored.exploration),
            surrogate: explored.understood.judgement.as_ref().map(judgement_sentence),
        };
        (!all.is_empty()).then(|| Self {
            all: all.iter().take(MOST).enumerate().map(search).collect(),
            left_out: left_out(all.len(), MOST, ["search", "searches"]),
        })
    }
}

fn left_out(count: usize, most: usize, [one, many]: [&str; 2]) -> Option<String> {
    (count > most).then(|| counted(count - most, one, many))
}

/// What was searched, and how.
pub(super) fn facts(explored: &Explored) -> Vec<(&'static str, String)> {
    let exploration = &explored.exploration;
    let (request, space) = (&exploration.request, &exploration.counted);
    let size =
        space.size.parse().map_or_else(|_| space.size.clone(), |size: u128| combinations(size));
    let how = match space.complete {
        true => "all were counted".to_owned(),
        false => format!("{} were drawn at random and counted", exact(space.points)),
    };
    let counted_networks =
        format!("{size} networks; {how}; {} satisfy the conditions", exact(space.feasible));
    let stages: Vec<String> = exploration
        .rungs
        .iter()
        .map(|[epochs, networks]| format!("{networks} up to epoch {epochs}"))
        .collect();
    let finalists = explored.members().iter().filter(|member| member.is_finalist()).count();
    let seeds = counted(request.seeds as usize, "seed", "seeds");
    let objectives: Vec<String> = explored.objectives().iter().map(ToString::to_string).collect();
    let budget = match (request.budget_s, request.networks) {
        (Some(seconds), _) => format!("{:.0} min", seconds / 60.0),
        (None, Some(networks)) => counted(networks as usize, "network", "networks"),
        (None, None) => String::new(),
    };
    let conditions = match request.conditions.as_slice() {
        [] => "none".to_owned(),
        conditions => prose(&conditions.join(", ")),
    };
    vec![
        ("space", counted_networks),
        ("conditions", conditions),
        ("objectives", objectives.join(", ")),
        ("data", prose(&request.dataset)),
        ("recipe", prose(&request.recipe)),
        ("budget", budget),
        ("trained", format!("{}; {finalists} finalists with {seeds}", stages.join(", "))),
        ("machine", prose(&format!("{} ({})", exploration.machine.cpu, exploration.machine.id()))),
        ("finished", exploration.finished_unix_ms.map_or_else(String::new, utc_day)),
    ]
}

/// What was found, in a sentence.
pub(super) fn found(explored: &Explored) -> Option<String> {
    let members = explored.members();
    let front: Vec<&Member<'_>> = members.iter().filter(|member| member.outcome.on_front).collect();
    let best = front.iter().max_by(|a, b| a.outcome.top1.value.total_cmp(&b.outcome.top1.value))?;
    let networks = counted(front.len(), "network is", "networks are");
    let mut text = format!(
        "{networks} on the front; the most accurate is network {} with {:.2}% ({:.2} to {:.2})",
        best.number(),
        best.outcome.top1.value,
        best.outcome.top1.low,
        best.outcome.top1.high
    );
    let doubtful =
        front.iter().filter(|member| member.outcome.probability.is_some_and(|it| it < 0.9)).count();
    if doubtful > 0 {
        let networks = counted(doubtful, "of them belongs", "of them belong");
        text.push_str(&format!("; {networks} there with a probability below 90%"));
    }
    text.push('.');
    if let Some(found) = explored.recommended() {
        text.push_str(&format!(" Recommended: {}.", found.reason));
    }
    Some(text)
}

/// The networks that were trained with all epochs.
fn table(explored: &Explored, number: usize) -> Table {
    let members = explored.members();
    let kept = &members[..members.len().min(MOST_NETWORKS)];
    let params = Scale::counts(kept.iter().map(|it| it.network.subject.params));
    let macs = Scale::counts(kept.iter().map(|it| it.network.subject.macs));
    let mut columns = vec![Column::number("network", "", "Its number in the search")];
    let variables = &explored.exploration.space.variables;
    columns.extend(variables.iter().take(MOST_COLUMNS).map(|name| Column::text(&prose(name))));
    columns.extend([
        Column::number("params", params.unit, "Learned values"),
        Column::number("MACs", macs.unit, "Multiply-accumulates for one image"),
        Column::number("latency", "ms", "Measured median for one image"),
        Column::trained("test top-1", "Mean over the seeds"),
        Column::number(
            "95% interval",
            "%",
            "Of the mean over the seeds; of one seed, from the spread of the others",
        ),
        Column::number("seeds", "", "Number of trained seeds"),
        Column::text("on the front"),
        Column::number("probability", "", "That it is Pareto-optimal among the finalists"),
    ]);
    let row = |member: &Member<'_>| {
        let Member { network, outcome, .. } = *member;
        let mut cells =
            vec![Cell::number(member.number().to_string(), float(member.number() as u64))];
        cells
            .extend(network.values.iter().take(MOST_COLUMNS).map(|value| Cell::user(prose(value))));
        let count = |scale: &Scale, count: u64| {
            Cell::number(scale.count(count), float(count)).with_title(exact(count))
        };
        cells.extend([
            count(&params, network.subject.params),
            count(&macs, network.subject.macs),
            outcome
                .latency_ms
                .map_or_else(Cell::unknown, |it| Cell::number(significant(it.value), it.value)),
            Cell::number(decimals(outcome.top1.value, 2), outcome.top1.value),
            Cell::number(
                format!("{:.2} to {:.2}", outcome.top1.low, outcome.top1.high),
                outcome.top1.low,
            ),
            Cell::number(outcome.seeds.len().to_string(), float(outcome.seeds.len() as u64)),
            Cell::user(on_front(explored, member)),
            outcome.probability.map_or_else(Cell::unknown, |it| Cell::number(percent(it), it)),
        ]);
        Row::new(cells)
    };
    Table {
        id: format!("exploration-{}-networks", number + 1),
        label: "Networks that were trained with all epochs".to_owned(),
        columns,
        rows: kept.iter().map(row).collect(),
        is_sortable: true,
    }
}

fn importance(explored: &Explored, number: usize) -> Option<Table> {
    let understood = &explored.understood;
    let importance = understood.importance.as_ref()?;
    let pair = |estimate: Option<Estimate>| match estimate {
        Some(Estimate { value, low, high }) => [
            Cell::number(percent(value), value),
            Cell::number(format!("{} to {}", percent(low), percent(high)), low),
        ],
        None => [Cell::unknown(), Cell::unknown()],
    };
    let row = |(name, importance): (&String, &Importance)| {
        let mut cells = vec![Cell::name(name)];
        cells.extend(pair(Some(importance.overall)));
        cells.extend(pair(importance.among_good));
        Row::new(cells)
    };
    Some(Table {
        id: format!("exploration-{}-importance", number + 1),
        label: "What decides about accuracy".to_owned(),
        columns: vec![
            Column::text("variable"),
            Column::number(
                "of the variance",
                "",
                "Share of the variance of accuracy that it explains by itself",
            ),
            Column::number("95% interval", "", ""),
            Column::number(
                "among the good",
                "",
                "Its part in what tells the best tenth from the better half (PED-ANOVA)",
            ),
            Column::number("95% interval", "", ""),
        ],
        rows: understood.variables.iter().zip(importance).map(row).collect(),
        is_sortable: true,
    })
}

/// Whether a network is on the front, and what else is to be known of its place: `yes, knee`, `yes, tie with 5`.
fn on_front(explored: &Explored, member: &Member<'_>) -> String {
    let front = if member.outcome.on_front { "yes" } else { "no" };
    let knee = if explored.knee() == Some(member.place) { ", knee" } else { "" };
    let tie = explored.tied_with(member.place);
    let tie = tie.map_or_else(String::new, |other| format!(", tie with {}", other + 1));
    format!("{front}{knee}{tie}")
}

/// The columns of the short form, and a row for each finalist.
pub(super) fn finalists(explored: &Explored) -> (Vec<String>, Vec<Vec<String>>) {
    let metric = explored.cost().metric;
    let mut header = vec!["network".to_owned()];
    header
        .extend(explored.exploration.space.variables.iter().take(MOST_COLUMNS).map(|it| prose(it)));
    header.extend([
        metric.label().to_owned(),
        "test top-1".to_owned(),
        "95% interval".to_owned(),
        "on the front".to_owned(),
        "probability".to_owned(),
    ]);
    let row = |member: &Member<'_>| {
        let mut row = vec![member.number().to_string()];
        row.extend(member.network.values.iter().take(MOST_COLUMNS).map(|value| prose(value)));
        let cost: Option<f64> = member.network.value(metric);
        let top1 = member.outcome.top1;
        row.extend([
            cost.map_or_else(String::new, |value| Metric::short(metric, value)),
            format!("{:.2}", top1.value),
            format!("{:.2} to {:.2}", top1.low, top1.high),
            on_front(explored, member),
            member.outcome.probability.map_or_else(String::new, percent),
        ]);
        row
    };
    let members = explored.members();
    let finalists = members.iter().filter(|member| member.is_finalist()).take(MOST_NETWORKS);
    (header, finalists.map(row).collect())
}
