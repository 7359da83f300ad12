//! Tables by column.

use inceptive_cost::Totals;
use inceptive_results::Metric;
use pyo3::{prelude::*, types::PyByteArray};

/// A column of a table; `None` where nothing is known.
#[derive(IntoPyObject)]
pub enum Column {
    /// Words.
    Text(Vec<Option<String>>),
    /// Counts.
    Count(Vec<Option<u64>>),
    /// Numbers.
    Number(Vec<Option<f64>>),
}

/// Columns with their names.
pub type Columns = Vec<(String, Column)>;

/// A column of words.
pub fn text(name: &str, words: impl Iterator<Item = String>) -> (String, Column) {
    (name.to_owned(), Column::Text(words.map(Some).collect()))
}

/// A column for each count, with the totals of each row.
pub fn counts(rows: &[Totals]) -> Columns {
    let column = |metric: Metric| {
        let counts: Vec<Option<u64>> = rows.iter().map(|totals| metric.total(totals)).collect();
        let is_counted = counts.iter().any(Option::is_some);
        is_counted.then(|| (metric.id().to_owned(), Column::Count(counts)))
    };
    Metric::costs().filter_map(column).collect()
}

/// Numbers as an array that NumPy reads without copying, in the byte order of this machine.
///
/// # Errors
/// When there is no memory.
pub fn array<'py, T: Copy, const SIZE: usize>(
    py: Python<'py>,
    numbers: &[T],
    bytes: impl Fn(T) -> [u8; SIZE],
) -> PyResult<Bound<'py, PyByteArray>> {
    PyByteArray::new_with(py, numbers.len() * SIZE, |buffer| {
        for (place, &number) in buffer.chunks_exact_mut(SIZE).zip(numbers) {
            place.copy_from_slice(&bytes(number));
        }
        Ok(())
    })
}
