//! Spaces of networks by cost.

use askama::{Template, filters::HtmlSafe};

use super::{
    picture::{Picture, Place, at},
    scale::{Scale, float},
    shown::quartiles,
    table::{Cell, Column, Row, Table},
    words::{Name, prose},
};
use crate::cloud::{Cloud, SpaceSample};
use inceptive_draw::chart::{Figure, thinned};
use inceptive_format::{combinations, counted, exact, form, share};
use inceptive_results::{Metric, Objective, Source, Unit};

/// Maximum number of spaces that are shown.
const MOST: usize = 20;

/// The most Pareto-optimal networks that are listed, and variables of each.
const MOST_OF_FRONT: usize = 20;
const MOST_COLUMNS: usize = 12;

/// Maximum number of values of a variable that are named.
const MOST_VALUES: usize = 24;

/// The section about spaces.
#[derive(Template)]
#[template(path = "spaces.html")]
pub(super) struct Spaces {
    all: Vec<Space>,
    left_out: Option<String>,
}

impl HtmlSafe for Spaces {}

struct Space {
    title: Name,
    file: String,
    description: Option<String>,
    notes: Vec<String>,
    figures: Vec<Picture>,
    /// How many networks there are, and how many were counted.
    size: String,
    constraints: Vec<String>,
    /// What part of the points satisfies them.
    inside: Option<String>,
    /// What is looked for, and what of that needs training.
    objectives: Option<String>,
    ranges: Table,
    variables: Table,
    front: Option<Table>,
}

impl Spaces {
    pub fn new(clouds: &[Cloud], figures: &[Figure]) -> Option<Self> {
        let left_out = clouds.len().saturating_sub(MOST);
        (!clouds.is_empty()).then(|| Self {
            all: clouds
                .iter()
                .take(MOST)
                .enumerate()
                .map(|(number, cloud)| Space::new(number, cloud, at(figures, Place::Space(number))))
                .collect(),
            left_out: (left_out > 0).then(|| counted(left_out, "space", "spaces")),
        })
    }
}

impl Space {
    fn new(number: usize, cloud: &Cloud, figures: Vec<Picture>) -> Self {
        Self {
            title: Name::new(&cloud.title),
            file: prose(&cloud.file),
            description: cloud.description.as_deref().map(prose),
            notes: cloud.notes.iter().map(|note| prose(note)).collect(),
            figures,
            size: size(cloud),
            constraints: cloud.constraints.iter().map(|text| prose(text)).collect(),
            inside: inside(cloud),
            objectives: objectives(cloud),
            ranges: ranges(number, cloud),
            variables: variables(number, cloud),
            front: front(number, cloud),
        }
    }
}

fn size(cloud: &Cloud) -> String {
    let size = combinations(cloud.size);
    let points = counted(cloud.points.len(), "was counted", "were counted");
    let how = match cloud.seed {
        Some(seed) => format!("{points}, sampled with seed {seed}"),
        None => "all were counted".to_owned(),
    };
    let failed = match cloud.failed {
        0 => String::new(),
        failed => {
            format!("; {} invalid (shapes do not fit)", counted(failed, "point is", "points are"))
        }
    };
    let networks = form(cloud.size, "network", "networks");
    format!("{size} {networks}; {how}{failed}.")
}

fn inside(cloud: &Cloud) -> Option<String> {
    if cloud.constraints.is_empty() || cloud.points.is_empty() {
        return None;
    }
    let inside = cloud.points.iter().filter(|point| point.is_inside).count();
    let part = share(float(inside as u64) / float(cloud.points.len() as u64));
    Some(format!("{part} of the counted networks satisfy the constraints"))
}

/// The objectives in words.
fn objectives(cloud: &Cloud) -> Option<String> {
    if cloud.objectives.is_empty() {
        return None;
    }
    let list = |is_counted: bool| {
        let of =
            |objective: &&Objective| (objective.metric.source() == Source::Counted) == is_counted;
        let words =
            |objective: &Objective| format!("{} {}", objective.direction, objective.metric.label());
        cloud.objectives.iter().filter(of).map(words).collect::<Vec<_>>().join(", ")
    };
    let (counted, others) = (list(true), list(false));
    Some(match (counted.as_str(), others.as_str()) {
        (counted, "") => format!("Objectives: {counted}."),
        ("", others) => format!("Objectives that need trained or measured networks: {others}."),
        (counted, others) => format!(
            "Objectives: {counted}. Ignored here, as it needs trained or measured networks: {others}."
        ),
    })
}

/// The networks that nothing dominates in the counted objectives.
fn front(number: usize, cloud: &Cloud) -> Option<Table> {
    let front = cloud.front();
    if front.is_empty() {
        return None;
    }
    let kept: Vec<&SpaceSample> =
        thinned(front.len(), MOST_OF_FRONT).map(|at| &cloud.points[front[at]]).collect();
    let others = cloud.counted_objectives().map(|objective| objective.metric);
    let metrics: Vec<(Metric, Scale)> = SpaceSample::metrics()
        .chain(others.filter(|metric| !metric.is_main()))
        .map(|metric| (metric, scale(metric, kept.iter().map(|point| point.count(metric)))))
        .collect();
    let mut columns: Vec<Column> = cloud
        .variables
        .iter()
        .take(MOST_COLUMNS)
        .map(|(name, _)| Column::text(&prose(name)))
        .collect();
    columns.extend(
        metrics.iter().map(|(metric, scale)| Column::number(metric.label(), scale.unit, "")),
    );
    let row = |point: &&SpaceSample| {
        let mut cells: Vec<Cell> =
            point.values.iter().take(MOST_COLUMNS).map(|value| Cell::user(prose(value))).collect();
        cells.extend(metrics.iter().map(|(metric, scale)| {
            let count = float(point.count(*metric));
            Cell::number(scale.text(count), count)
        }));
        Row::new(cells)
    };
    let label = match front.len() {
        count if count > kept.len() => format!(
            "{} of {} Pareto-optimal networks of the space, evenly chosen",
            exact(kept.len() as u64),
            exact(count as u64)
        ),
        _ => "Pareto-optimal networks of the space".to_owned(),
    };
    Some(Table {
        id: format!("space-{}-front", number + 1),
        label,
        columns,
        rows: kept.iter().map(row).collect(),
        is_sortable: true,
    })
}

/// The unit of a metric's column.
fn scale(metric: Metric, values: impl Iterator<Item = u64>) -> Scale {
    match metric.unit() {
        Unit::Bytes => Scale::bytes(values),
        _ => Scale::counts(values),
    }
}

/// What the counted networks cost, and those that satisfy the constraints.
fn ranges(number: usize, cloud: &Cloud) -> Table {
    let of = |metric: Metric, only_inside: bool| {
        let points = cloud.points.iter().filter(|point| !only_inside || point.is_inside);
        quartiles(points.map(|point| float(point.count(metric))).collect())
    };
    let mut rows = Vec::new();
    for metric in SpaceSample::metrics() {
        let title = metric.label();
        let values = cloud.points.iter().map(|point| point.count(metric));
        let scale = scale(metric, values);
        for only_inside in [false, true] {
            if only_inside && cloud.constraints.is_empty() {
                continue;
            }
            let Some(found) = of(metric, only_inside) else { continue };
            let which = if only_inside { "within constraints" } else { "all counted" };
            let numbers = [found[0], found[2], found[4]].map(|it| Cell::number(scale.text(it), it));
            let mut cells =
                vec![Cell::text(format!("{title}, {}", unit(scale))), Cell::text(which)];
            cells.extend(numbers);
            rows.push(Row::new(cells));
        }
    }
    Table {
        id: format!("space-{}-ranges", number + 1),
        label: "Cost of the networks of the space".to_owned(),
        columns: vec![
            Column::text("cost"),
            Column::text("networks"),
            Column::number("least", "", ""),
            Column::number("median", "", ""),
            Column::number("most", "", ""),
        ],
        rows,
        is_sortable: false,
    }
}

fn unit(scale: Scale) -> &'static str {
    if scale.unit.is_empty() { "single" } else { scale.unit }
}

fn variables(number: usize, cloud: &Cloud) -> Table {
    let row = |(name, values): &(String, Vec<String>)| {
        let mut shown: Vec<String> =
            values.iter().take(MOST_VALUES).map(|value| prose(value)).collect();
        if values.len() > MOST_VALUES {
            shown.push("…".to_owned());
        }
        let count = values.len() as u64;
        Row::new(vec![
            Cell::name(name),
            Cell::number(count.to_string(), float(count)),
            Cell::user(shown.join(", ")),
        ])
    };
    Table {
        id: format!("space-{}-variables", number + 1),
        label: "Variables of the space".to_owned(),
        columns: vec![
            Column::text("variable"),
            Column::number("values", "", ""),
            Column::text("which"),
        ],
        rows: cloud.variables.iter().map(row).collect(),
        is_sortable: false,
    }
}
