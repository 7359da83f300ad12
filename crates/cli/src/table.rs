//! Tables whose columns line up for names in any script.

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// Nothing but a line under the header.
const RULED: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('-').junction('-'));

/// How a column is aligned.
#[derive(Clone, Copy, Debug)]
pub enum Column {
    /// Names.
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// A table with a header and a line under it.
pub struct Grid {
    table: Table,
    columns: Vec<Column>,
    has_total: bool,
}

impl Grid {
    /// An empty table with a header.
    pub fn new(columns: Vec<Column>) -> Self {
        let mut grid = Self { table: plain(RULED), columns, has_total: false };
        let header = grid.columns.iter().map(|column| match column {
            Column::Left(title) => Cell::new(title),
            Column::Right(title) => Cell::new(title).set_alignment(CellAlignment::Right),
        });
        let header: Vec<Cell> = header.collect();
        grid.table.set_header(header);
        grid
    }

    /// An empty table of names without a header.
    pub fn bare(columns: usize) -> Self {
        let columns = vec![Column::Left(""); columns];
        Self { table: plain(TableStyle::new()), columns, has_total: false }
    }

    /// Adds a row with a cell for each column.
    pub fn row(&mut self, cells: Vec<String>) {
        let cells = cells.into_iter().zip(&self.columns).map(|(text, column)| {
            let cell = Cell::new(one_line(&text));
            match column {
                Column::Left(_) => cell,
                Column::Right(_) => cell.set_alignment(CellAlignment::Right),
            }
        });
        self.table.add_row(cells.collect::<Vec<Cell>>());
    }

    /// Adds the last row, set off by a line.
    pub fn total(&mut self, cells: Vec<String>) {
        self.row(cells);
        self.has_total = true;
    }

    /// The table as text, without spaces at the ends of lines.
    pub fn render(&self) -> String {
        let text = self.table.to_string();
        let mut lines: Vec<&str> =
            text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
        if self.has_total {
            // The line under the header is the second one.
            lines.insert(lines.len() - 1, lines[1]);
        }
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }
}

fn plain(style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// Control characters of names must not break lines or colour the terminal.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
