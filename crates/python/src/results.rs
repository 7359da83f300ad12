//! Results in a store.

use std::path::PathBuf;

use inceptive_results::{
    Calibration, CalibrationSample, Exploration, ImportedResult, Measurement, ProfileRecord,
    SpaceCount, TrainingRun,
};
use inceptive_store::{Cell, Filter, Store, StoreError, Stored, Table};
use pyo3::{exceptions::PyValueError, prelude::*};

use crate::{
    error::Problem,
    interrupt::interruptible,
    table::{Column, Columns},
};

/// A table, and why rows are left out of it.
type Found = (Columns, Vec<String>);

/// The results of a kind in a store, as a table; and why some are left out.
#[pyfunction]
pub fn results(
    py: Python<'_>,
    store: PathBuf,
    kind: &str,
    model: Option<String>,
    fingerprint: Option<String>,
    engine: Option<String>,
    machine: Option<String>,
) -> PyResult<Found> {
    let read = match kind {
        "measurements" => read::<Measurement>,
        "profiles" => read::<ProfileRecord>,
        "training-runs" => read::<TrainingRun>,
        "imported" => read::<ImportedResult>,
        "explorations" => read::<Exploration>,
        "calibrations" => read::<Calibration>,
        "calibration-samples" => read::<CalibrationSample>,
        "space-counts" => read::<SpaceCount>,
        other => {
            let message = format!(
                "kind is {other:?}, but must be \"measurements\", \"profiles\", \"training-runs\", \"imported\", \
                 \"explorations\", \"calibrations\", \"calibration-samples\" or \"space-counts\""
            );
            return Err(PyValueError::new_err(message));
        }
    };
    let filter = Filter { model, fingerprint, engine, machine, up_to: None };
    let found =
        interruptible(py, |_| Store::open_to_read(&store).and_then(|it| read(&it, &filter)))?;
    Ok(found.map_err(|error| problem(&error))?)
}

/// Without the options of the command.
fn problem(error: &StoreError) -> Problem {
    match error {
        StoreError::Missing(path) => {
            Problem::said(format!("there is no file `{}`", path.display()))
        }
        StoreError::NotOurs(path) => {
            Problem::said(format!("`{}` is not a results store", path.display()))
        }
        other => Problem::of(other),
    }
}

fn read<R: Table>(store: &Store, filter: &Filter) -> Result<Found, StoreError> {
    let rows = store.records::<R>(filter)?;
    let columns = R::columns();
    let column = |column: &inceptive_store::Column<R>| {
        let cells = rows.readable.iter().map(|stored: &Stored<R>| column.value(stored)).collect();
        (column.name.to_owned(), typed(cells))
    };
    let unreadable = rows.unreadable.iter().map(|error| format!("left out: {error}")).collect();
    Ok((columns.iter().map(column).collect(), unreadable))
}

/// A column of the narrowest kind that holds all cells.
fn typed(cells: Vec<Cell>) -> Column {
    let has = |is: fn(&Cell) -> bool| cells.iter().any(is);
    if has(|cell| matches!(cell, Cell::Text(_))) {
        let text = |cell| match cell {
            Cell::Text(text) => Some(text),
            Cell::Count(count) => Some(count.to_string()),
            Cell::Number(number) => Some(number.to_string()),
            Cell::Absent => None,
        };
        return Column::Text(cells.into_iter().map(text).collect());
    }
    if has(|cell| matches!(cell, Cell::Number(_))) {
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let number = |cell| match cell {
            Cell::Number(number) => Some(number),
            Cell::Count(count) => Some(count as f64),
            Cell::Text(_) | Cell::Absent => None,
        };
        return Column::Number(cells.into_iter().map(number).collect());
    }
    let count = |cell| match cell {
        Cell::Count(count) => Some(count),
        Cell::Text(_) | Cell::Number(_) | Cell::Absent => None,
    };
    Column::Count(cells.into_iter().map(count).collect())
}
