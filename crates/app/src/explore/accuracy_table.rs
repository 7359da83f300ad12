//! Tables of accuracies, as CSV files.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    path::Path,
};

use inceptive_dsl::{Space, Variable};

use crate::error::{ExploreError, TaskError};

/// Maximum size of a table.
const MOST_BYTES: u64 = inceptive_files::GIB;

/// Rows of a table at most.
const MOST_ROWS: usize = 2_000_000;

/// The accuracies of a table by the positions of the values of its networks.
pub(super) fn read(
    space: &Space,
    file: &Path,
) -> Result<BTreeMap<Vec<usize>, Vec<f64>>, TaskError> {
    let problem = |problem: String| ExploreError::Table { file: file.to_owned(), problem };
    let bytes = inceptive_files::read(file, MOST_BYTES)
        .map_err(|error| crate::network::ReadError::File { path: file.to_owned(), error })?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes.as_slice());
    let headers = reader.headers().map_err(|error| problem(error.to_string()))?.clone();
    let columns = Columns::new(space, &headers).map_err(problem)?;
    let mut table: BTreeMap<Vec<usize>, BTreeMap<Option<u64>, f64>> = BTreeMap::new();
    for (row, record) in reader.records().enumerate() {
        let record = record.map_err(|error| problem(error.to_string()))?;
        if row >= MOST_ROWS {
            return Err(problem(format!("it has more than {MOST_ROWS} rows")).into());
        }
        let line = record.position().map_or(0, csv::Position::line);
        let in_line = |reason: String| problem(format!("line {line}: {reason}"));
        let Line { point, seed, accuracy } = columns.line(&record).map_err(in_line)?;
        if table.entry(point).or_default().insert(seed, accuracy).is_some() {
            let reason = match seed {
                Some(seed) => format!("the network has another row with seed `{seed}`"),
                None => {
                    "the network has another row; a column `seed` tells several trainings apart"
                        .to_owned()
                }
            };
            return Err(in_line(reason).into());
        }
    }
    if table.is_empty() {
        return Err(problem("it has no rows".to_owned()).into());
    }
    Ok(table.into_iter().map(|(point, seeds)| (point, seeds.into_values().collect())).collect())
}

/// Where the columns of a table are.
struct Columns<'s> {
    /// Of each variable: itself, its column, and the positions of its values by their labels.
    variables: Vec<(&'s Variable, usize, HashMap<&'s str, usize>)>,
    accuracy: usize,
    seed: Option<usize>,
}

/// What a line says.
struct Line {
    point: Vec<usize>,
    seed: Option<u64>,
    accuracy: f64,
}

impl<'s> Columns<'s> {
    /// The columns by the first row, or what is wrong with it.
    fn new(space: &'s Space, headers: &csv::StringRecord) -> Result<Self, String> {
        let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, header) in headers.iter().enumerate() {
            places.entry(header).or_default().push(at);
        }
        let column = |name: &str| match places.get(name).map(Vec::as_slice) {
            None | Some([]) => Ok(None),
            Some(&[only]) => Ok(Some(only)),
            Some(_) => Err(format!("it has several columns `{name}`")),
        };
        let needed = |name: &str| {
            column(name)?.ok_or_else(|| {
                let all = headers.iter().collect::<Vec<_>>().join(", ");
                format!("it has no column `{name}`; its columns are {all}")
            })
        };
        let variable = |variable: &'s Variable| {
            let labels = variable.values.iter().enumerate();
            let labels = labels.map(|(at, value)| (value.label.as_str(), at)).collect();
            Ok((variable, needed(&variable.name)?, labels))
        };
        Ok(Self {
            variables: space.variables.iter().map(variable).collect::<Result<_, String>>()?,
            accuracy: needed("accuracy")?,
            seed: column("seed")?,
        })
    }

    /// What a line says, or what is wrong with it.
    fn line(&self, record: &csv::StringRecord) -> Result<Line, String> {
        let text = |column: usize| record.get(column).unwrap_or_default();
        let place = |(variable, column, labels): &(&Variable, usize, HashMap<&str, usize>)| {
            let text = text(*column);
            let place = labels.get(text).copied().or_else(|| {
                let number: f64 = text.parse().ok()?;
                variable.values.iter().position(|value| value.number() == Some(number))
            });
            place.ok_or_else(|| {
                format!("`{}` has no value `{}` in the space", variable.name, short(text))
            })
        };
        let accuracy = text(self.accuracy);
        let percentage = accuracy.parse().ok().filter(|it: &f64| (0.0..=100.0).contains(it));
        let seed = self.seed.map(|column| {
            let seed = text(column);
            seed.parse()
                .map_err(|_| format!("the seed `{}` is no whole number of 0 or more", short(seed)))
        });
        Ok(Line {
            point: self.variables.iter().map(place).collect::<Result<_, _>>()?,
            seed: seed.transpose()?,
            accuracy: percentage.ok_or_else(|| {
                format!("the accuracy `{}` is no percentage from 0 to 100", short(accuracy))
            })?,
        })
    }
}

/// Maximum number of characters of a cell that a message quotes.
const MAX_QUOTED: usize = 60;

/// A cell as a message quotes it.
fn short(cell: &str) -> Cow<'_, str> {
    match cell.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", &cell[..end]).into(),
        None => cell.into(),
    }
}
