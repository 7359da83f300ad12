//! Networks of the list and of the space as one table: columns that conditions name, that the table shows, and that are
//! exported.

use inceptive_dsl::{ColumnName, ColumnType, Table};
use inceptive_results::{Metric, Source, Unit, statistics::Estimate};

use super::{
    cloud::CloudView,
    metric::{AxisMetric, BYTES_PER_MEBIBYTE},
    quantity::{Names, Quantity},
    rows::Rows,
    runs::{RunField, RunRow},
};
use crate::file::stem;

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The name in plots.
    Name,
    /// The title of the network.
    Title,
    /// A count, or the chosen latency.
    Metric(Metric),
    /// An accuracy: top-1 or top-5.
    Accuracy { kind: AccuracyKind, top: u8 },
    /// The latency in the user's own tables.
    ImportedLatency,
    /// A variable of the space.
    Variable(usize),
    /// What only training runs have.
    Run(RunField),
}

/// Where an accuracy comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccuracyKind {
    /// A publication.
    Published,
    /// Training runs.
    Trained,
    /// The user's own tables.
    Imported,
}

impl AccuracyKind {
    const fn label(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Trained => "trained",
            Self::Imported => "imported",
        }
    }
}

/// Names of columns that are not those of metrics.
const ALIASES: [(&str, Field); 12] = [
    ("name", Field::Name),
    ("title", Field::Title),
    ("latency", Field::Metric(Metric::Latency)),
    ("memory", Field::Metric(Metric::ActivationBytes)),
    ("peak_memory", Field::Metric(Metric::PeakActivationBytes)),
    ("published_top1", Field::Accuracy { kind: AccuracyKind::Published, top: 1 }),
    ("published_top5", Field::Accuracy { kind: AccuracyKind::Published, top: 5 }),
    ("trained_top1", Field::Accuracy { kind: AccuracyKind::Trained, top: 1 }),
    ("trained_top5", Field::Accuracy { kind: AccuracyKind::Trained, top: 5 }),
    ("imported_top1", Field::Accuracy { kind: AccuracyKind::Imported, top: 1 }),
    ("imported_top5", Field::Accuracy { kind: AccuracyKind::Imported, top: 5 }),
    ("imported_latency", Field::ImportedLatency),
];

/// Networks of the list, then those of the space, then training runs.
#[derive(Clone, Copy)]
pub struct Data<'a> {
    /// Networks of the list.
    pub rows: &'a Rows,
    /// Networks of a space.
    pub cloud: Option<&'a CloudView>,
}

impl Data<'_> {
    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.rows.len() + self.points() + self.rows.runs.len()
    }

    /// How many networks of the space there are.
    pub fn points(&self) -> usize {
        self.cloud.map_or(0, |view| view.points().len())
    }

    /// The place of a row among the networks of the space; `None` for one of the list, or a training run.
    pub fn point(&self, row: usize) -> Option<usize> {
        row.checked_sub(self.rows.rows.len()).filter(|at| *at < self.points())
    }

    /// The training run of a row.
    pub fn run(&self, row: usize) -> Option<&RunRow> {
        self.rows.runs.get(row.checked_sub(self.rows.rows.len() + self.points())?)
    }

    /// Every column by its name.
    pub fn columns(&self) -> Vec<(String, Field)> {
        let aliases = ALIASES.iter().map(|&(name, field)| (name.to_owned(), field));
        let metrics = Metric::ALL.into_iter().filter(|metric| metric.source() != Source::Accuracy);
        let metrics = metrics.map(|metric| (metric.id().to_owned(), Field::Metric(metric)));
        let variables = self.cloud.into_iter().flat_map(|view| {
            let variables = view.variables();
            (0..variables.len()).map(|at| (variables.name(at).to_owned(), Field::Variable(at)))
        });
        let has_runs = !self.rows.runs.is_empty();
        let of_runs = RunField::ALL.into_iter().filter(|_| has_runs);
        let of_runs = of_runs.map(|(name, field)| (name.to_owned(), Field::Run(field)));
        aliases.chain(metrics).chain(of_runs).chain(variables).collect()
    }

    /// The columns of the table.
    pub fn shown(&self) -> Vec<Field> {
        let variables = 0..self.cloud.map_or(0, |view| view.variables().len());
        let metrics = [
            Metric::Params,
            Metric::Macs,
            Metric::Flops,
            Metric::Acts,
            Metric::PeakActivationBytes,
        ];
        let has_imported = self.rows.rows.iter().any(|row| row.imported != [None; 3]);
        let mut kinds = vec![AccuracyKind::Published, AccuracyKind::Trained];
        kinds.extend(has_imported.then_some(AccuracyKind::Imported));
        let mut all = vec![Field::Name];
        all.extend(variables.map(Field::Variable));
        all.extend(metrics.map(Field::Metric));
        all.extend(kinds.into_iter().map(|kind| Field::Accuracy { kind, top: 1 }));
        all.push(Field::Metric(Metric::Latency));
        all.extend(has_imported.then_some(Field::ImportedLatency));
        let has_runs = !self.rows.runs.is_empty();
        all.extend(RunField::ALL.into_iter().filter(|_| has_runs).map(|(_, it)| Field::Run(it)));
        all
    }

    /// What the cells of a column hold.
    pub fn holds(&self, field: Field) -> ColumnType {
        match field {
            Field::Name | Field::Title => ColumnType::Text,
            Field::Run(field) if field.is_number() => ColumnType::Number,
            Field::Run(_) => ColumnType::Text,
            Field::Metric(_) | Field::Accuracy { .. } | Field::ImportedLatency => {
                ColumnType::Number
            }
            Field::Variable(variable) => {
                match self.cloud.is_some_and(|view| view.variables().is_numeric(variable)) {
                    true => ColumnType::Number,
                    false => ColumnType::Text,
                }
            }
        }
    }

    /// The title of a column.
    pub fn title(field: Field, names: &Names<'_>) -> String {
        match field {
            Field::Name => "name".to_owned(),
            Field::Title => "title".to_owned(),
            Field::Metric(metric) => names.title(metric.into()),
            Field::Accuracy { kind, top } => format!("{} top-{top} (%)", kind.label()),
            Field::ImportedLatency => "imported latency (ms)".to_owned(),
            Field::Run(field) => field.name().to_owned(),
            Field::Variable(variable) => names.title(Quantity::Variable(variable)),
        }
    }

    /// A number with its interval as axes show it: bytes in MiB.
    fn on_axis(&self, field: Field, row: usize) -> Option<Estimate> {
        if let Some(run) = self.run(row) {
            return match field {
                Field::Metric(metric) => run.count(metric),
                Field::Accuracy { kind: AccuracyKind::Trained, top } => run.accuracy(top),
                Field::Run(field) => run.number(field).map(Estimate::exact),
                _ => None,
            };
        }
        let Some(point) = self.point(row) else {
            let row = &self.rows.rows[row];
            return match field {
                Field::Metric(metric) => row.get(metric),
                Field::Accuracy { kind, top } => {
                    let [top1, top5] = match kind {
                        AccuracyKind::Published => row.published,
                        AccuracyKind::Trained => row.trained,
                        AccuracyKind::Imported => [row.imported[0], row.imported[1]],
                    };
                    if top == 1 { top1 } else { top5 }
                }
                Field::ImportedLatency => row.imported[2],
                Field::Name | Field::Title | Field::Variable(_) | Field::Run(_) => None,
            };
        };
        let view = self.cloud?;
        let value = match field {
            Field::Metric(metric) => metric.on_axis(view.count_of(point, metric)?),
            Field::Variable(variable) => view.value(point, Quantity::Variable(variable))?,
            Field::Name
            | Field::Title
            | Field::Accuracy { .. }
            | Field::ImportedLatency
            | Field::Run(_) => return None,
        };
        Some(Estimate::exact(value))
    }

    /// A number as it is counted or measured, bytes as bytes; NaN if it is not known.
    pub fn value(&self, field: Field, row: usize) -> f64 {
        let value = self.on_axis(field, row).map(|estimate| estimate.value);
        match (field, value) {
            (Field::Metric(metric), Some(value)) if metric.unit() == Unit::Bytes => {
                value * BYTES_PER_MEBIBYTE
            }
            // Axes by powers of ten cannot show it.
            (Field::Metric(metric), None)
                if metric.source() == Source::Counted && row < self.rows.rows.len() =>
            {
                0.0
            }
            (_, value) => value.unwrap_or(f64::NAN),
        }
    }

    /// A text; `None` if it is not known.
    pub fn words(&self, field: Field, row: usize) -> Option<&str> {
        if let Some(run) = self.run(row) {
            return match field {
                Field::Name => Some(&run.name),
                Field::Title => Some(&run.run.subject.name),
                Field::Run(field) => run.words(field),
                _ => None,
            };
        }
        match (field, self.point(row)) {
            (Field::Name, None) => Some(&self.rows.rows[row].name),
            (Field::Title, None) => Some(&self.rows.rows[row].network.architecture.name),
            (Field::Name | Field::Title, Some(_)) => Some(&self.cloud?.cloud().counts.title),
            (Field::Variable(variable), Some(point)) => Some(self.cloud?.label(point, variable)),
            (Field::Variable(_), None)
            | (
                Field::Metric(_) | Field::Accuracy { .. } | Field::ImportedLatency | Field::Run(_),
                _,
            ) => None,
        }
    }

    /// The name of a row: that of its file, or of the space with a number.
    pub fn name(&self, row: usize) -> String {
        if let Some(run) = self.run(row) {
            return run.name.clone();
        }
        match (self.point(row), self.cloud) {
            (Some(point), Some(view)) => format!("{} {}", stem(&view.cloud().file), point + 1),
            _ => self.rows.rows[row].name.clone(),
        }
    }

    /// A cell for people.
    pub fn cell(&self, field: Field, row: usize) -> String {
        let text = |value: Option<Estimate>, metric: Metric| {
            value.map_or_else(
                || "–".to_owned(),
                |value| match value.low < value.high && metric != Metric::Latency {
                    true => format!(
                        "{} ± {:.2}",
                        metric.text(value.value),
                        (value.high - value.low) / 2.0
                    ),
                    false => metric.text(value.value),
                },
            )
        };
        match field {
            Field::Name => self.name(row),
            Field::Title => self.words(field, row).unwrap_or_default().to_owned(),
            Field::Metric(metric) => text(self.on_axis(field, row), metric),
            Field::Accuracy { .. } => text(self.on_axis(field, row), Metric::Top1),
            Field::ImportedLatency => text(self.on_axis(field, row), Metric::Latency),
            Field::Run(field) if field.is_number() => {
                let number = self.run(row).and_then(|run| run.number(field));
                number.map_or_else(|| "–".to_owned(), |number| number.to_string())
            }
            Field::Variable(_) | Field::Run(_) => self.words(field, row).unwrap_or("–").to_owned(),
        }
    }
}

/// The data with the columns that a condition names.
pub struct Named<'a> {
    /// The data.
    pub data: Data<'a>,
    /// Columns by their names.
    pub columns: Vec<(String, Field)>,
}

impl Named<'_> {
    /// The columns as conditions see them.
    pub fn names(&self) -> Vec<ColumnName> {
        let column = |(name, field): &(String, Field)| ColumnName {
            name: name.clone(),
            holds: self.data.holds(*field),
        };
        self.columns.iter().map(column).collect()
    }

    /// Whether a cell has no value.
    pub fn is_unknown(&self, column: usize, row: usize) -> bool {
        let field = self.columns[column].1;
        match self.data.holds(field) {
            ColumnType::Number => self.data.value(field, row).is_nan(),
            ColumnType::Text => self.data.words(field, row).is_none(),
        }
    }
}

impl Table for Named<'_> {
    fn number(&self, column: usize, row: usize) -> f64 {
        self.data.value(self.columns[column].1, row)
    }

    fn text(&self, column: usize, row: usize) -> Option<&str> {
        self.data.words(self.columns[column].1, row)
    }
}
