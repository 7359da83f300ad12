//! Tables as CSV files.

use std::{path::PathBuf, sync::Arc};

use inceptive_app::error_chain;
use inceptive_files::{InputFiles, replace_file};

use super::Output;

/// A table to be written, not over anything that was read.
#[derive(Clone, Debug)]
pub struct TableRequest {
    /// Where.
    pub path: PathBuf,
    /// The titles of the columns with their cells, each with as many as there are rows.
    pub columns: Arc<[(String, Cells)]>,
    /// All files that were read.
    pub inputs: InputFiles,
}

/// The cells of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Cells {
    /// Numbers; NaN is written as an empty cell.
    Numbers(Vec<f64>),
    /// Texts.
    Texts(Vec<String>),
}

impl Cells {
    fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Texts(texts) => texts.len(),
        }
    }

    fn write(&self, row: usize, text: &mut String) {
        match self {
            Self::Numbers(numbers) if numbers[row].is_nan() => {}
            Self::Numbers(numbers) => text.push_str(&numbers[row].to_string()),
            Self::Texts(texts) => text.push_str(&quoted(&texts[row])),
        }
    }
}

/// A cell by RFC 4180.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}

pub(super) fn write(request: TableRequest) -> Result<Output, String> {
    let TableRequest { path, columns, inputs } = request;
    replace_file(&path, csv(&columns).as_bytes(), &inputs).map_err(|error| error_chain(&error))?;
    Ok(Output::Written(vec![path]))
}

fn csv(columns: &[(String, Cells)]) -> String {
    let titles: Vec<String> = columns.iter().map(|(title, _)| quoted(title)).collect();
    let mut text = titles.join(",");
    text.push('\n');
    let rows = columns.first().map_or(0, |(_, cells)| cells.len());
    for row in 0..rows {
        for (at, (_, cells)) in columns.iter().enumerate() {
            if at > 0 {
                text.push(',');
            }
            cells.write(row, &mut text);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_written_by_the_standard() {
        let texts = ["b, \"c\"", "a"].map(str::to_owned).to_vec();
        let columns = [
            ("name".to_owned(), Cells::Texts(texts)),
            ("top, 1".to_owned(), Cells::Numbers(vec![71.5, f64::NAN])),
        ];
        assert_eq!(csv(&columns), "name,\"top, 1\"\n\"b, \"\"c\"\"\",71.5\na,\n");
    }
}
