//! Tables whose columns line up for names in any script.

use inceptive_ir::text;
use unicode_width::UnicodeWidthStr;

/// How a column is aligned.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Names.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// A table with a header and a line under it. Large networks have a hundred thousand rows, so all cells are stored in
/// one text, one after the other.
pub struct Grid {
    columns: Vec<Column>,
    /// Spaces between two cells.
    gap: usize,
    has_header: bool,
    has_total: bool,
    cells: String,
    /// Where each cell ends, row by row.
    ends: Vec<usize>,
    /// The widest cell of each column, but for those wider than any column is.
    widths: Vec<usize>,
}

impl Grid {
    /// An empty table with a header.
    pub fn new(columns: Vec<Column>) -> Self {
        let title = |column: &Column| match column {
            Column::Left(title) | Column::Right(title) => (*title).to_owned(),
        };
        let titles = columns.iter().map(title).collect();
        let mut grid = Self { gap: 3, has_header: true, ..Self::with(columns) };
        grid.row(titles);
        grid
    }

    /// An empty table with a header: columns of names, then columns of numbers.
    pub fn of_names_and_numbers(names: Vec<String>, numbers: Vec<String>) -> Self {
        let left = names.iter().map(|_| Column::Left(""));
        let columns = left.chain(numbers.iter().map(|_| Column::Right(""))).collect();
        let mut grid = Self { gap: 3, has_header: true, ..Self::with(columns) };
        grid.row(names.into_iter().chain(numbers).collect());
        grid
    }

    /// An empty table of names without a header.
    pub fn bare(columns: usize) -> Self {
        Self::with(vec![Column::Left(""); columns])
    }

    fn with(columns: Vec<Column>) -> Self {
        Self {
            gap: 2,
            has_header: false,
            has_total: false,
            cells: String::new(),
            ends: Vec::new(),
            widths: vec![0; columns.len()],
            columns,
        }
    }

    /// Adds a row with a cell for each column; those at its end may be left out.
    pub fn row(&mut self, cells: Vec<String>) {
        let rest = std::iter::repeat_with(String::new);
        for (text, width) in cells.into_iter().chain(rest).zip(&mut self.widths) {
            let text = cut(&text::one_line(&text));
            *width = text.width().min(WIDEST_COLUMN).max(*width);
            self.cells.push_str(&text);
            self.ends.push(self.cells.len());
        }
    }

    /// Adds the last row, set off by a line.
    pub fn total(&mut self, cells: Vec<String>) {
        self.row(cells);
        self.has_total = true;
    }

    /// The table as text, without spaces at the ends of lines.
    pub fn render(self) -> String {
        let rows = self.ends.len() / self.columns.len().max(1);
        let ruler = "-".repeat(self.widths.iter().map(|width| width + self.gap).sum::<usize>() - 1);
        let mut text = String::with_capacity((rows + 2) * (ruler.len() + self.gap + 1));
        let mut start = 0;
        for (row, ends) in self.ends.chunks(self.columns.len().max(1)).enumerate() {
            if (self.has_header && row == 1) || (self.has_total && row + 1 == rows) {
                text.push_str(&ruler);
                text.push('\n');
            }
            for ((&end, column), &width) in ends.iter().zip(&self.columns).zip(&self.widths) {
                let cell = &self.cells[start..end];
                let spaces = width.saturating_sub(cell.width());
                let (before, after) = match column {
                    Column::Left(_) => (0, spaces),
                    Column::Right(_) => (spaces, 0),
                };
                text.extend(std::iter::repeat_n(' ', before));
                text.push_str(cell);
                text.extend(std::iter::repeat_n(' ', after + self.gap));
                start = end;
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }
}

/// The widest column. A cell that is wider moves the rest of its own row only: paths and names are needed whole, and
/// one of them must not make all other rows as wide.
const WIDEST_COLUMN: usize = 120;

/// The longest cell, in characters: a join of thousands has as many inputs to list.
const LONGEST_CELL: usize = 1000;

/// A cell that is not too long to read; one that was cut says so.
fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_CELL) {
        Some((end, _)) => format!("{} ... ({} characters)", &text[..end], text.chars().count()),
        None => text.to_owned(),
    }
}

/// User text on one line, made harmless: see [`text::one_line`].
pub fn one_line(text: &str) -> String {
    text::one_line(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_cell_is_cut_and_says_so() {
        let mut grid = Grid::bare(1);
        grid.row(vec!["\u{e9}".repeat(LONGEST_CELL)]);
        grid.row(vec!["\u{e9}".repeat(40_000)]);
        let text = grid.render();
        let [whole, cut] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert_eq!(whole.chars().count(), LONGEST_CELL);
        assert!(cut.ends_with(" ... (40000 characters)") && cut.len() < 3 * LONGEST_CELL, "{cut}");
    }

    #[test]
    fn a_wide_cell_does_not_widen_the_other_rows() {
        let mut grid = Grid::bare(2);
        let path = "a/".repeat(WIDEST_COLUMN);
        grid.row(vec![path.clone(), "end".to_owned()]);
        grid.row(vec!["b".to_owned(), "end".to_owned()]);
        let text = grid.render();
        let [wide, other] = text.lines().collect::<Vec<_>>()[..] else { panic!("{text}") };
        assert_eq!(wide, format!("{path}  end"));
        assert_eq!(other.len(), WIDEST_COLUMN + 2 + 3);
    }
}
