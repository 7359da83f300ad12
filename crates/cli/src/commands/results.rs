//! `inceptive results`.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use inceptive_files::{InputFiles, replace_file};
use inceptive_format::{counted, significant};
use inceptive_results::{Measurement, ProfileRecord, Record};
use inceptive_store::{
    Cell, Column as StoredColumn, Filter, ForeignMeasurement, Format, Rows, Store, StoreError,
    Stored, Table as _, read_timm, write, write_timm,
};
use serde_json::{Map, Value};

use crate::{
    commands::bench::text::{findings, interval, name},
    limited::ROWS,
    output::{self, Outcome},
    table::{Column, Grid},
};

/// List, show, export and merge measured results.
#[derive(Args, Debug)]
#[command(before_help = "Examples:
  inceptive results list
  inceptive results list --model googlenet --engine rten
  inceptive results show 3
  inceptive results export csv -o results.csv
  inceptive results import benchmark-infer.csv
  inceptive results merge inceptive.db laptop.db")]
pub struct Results {
    #[command(subcommand)]
    action: Action,
}

/// What to do with results.
#[derive(Debug, Subcommand)]
enum Action {
    /// List results, one per line
    #[command(before_help = "Example:
  inceptive results list --model googlenet --engine rten")]
    List {
        /// Print one JSON document with the columns of `export csv`
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        from: From,
    },
    /// Show all columns of one result
    #[command(before_help = "Example:
  inceptive results show 3")]
    Show {
        /// The id in the list
        id: i64,
        /// Store of results
        #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
        store: PathBuf,
    },
    /// Write results as a table for other programs
    #[command(before_help = "Example:
  inceptive results export csv -o results.csv")]
    Export {
        /// Output format
        format: Table,
        /// Write to a file instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        from: From,
    },
    /// Import a CSV file written by timm's benchmark.py
    #[command(before_help = "Example:
  inceptive results import benchmark-infer.csv")]
    Import {
        /// The CSV file
        file: PathBuf,
        /// Store of results
        #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
        store: PathBuf,
    },
    /// Add the results of other stores to the first, without duplicates
    #[command(before_help = "Example:
  inceptive results merge inceptive.db laptop.db")]
    Merge {
        /// Store to add to
        into: PathBuf,
        /// Stores to add
        #[arg(required = true)]
        from: Vec<PathBuf>,
    },
}

/// Which results.
#[derive(Args, Debug)]
struct From {
    /// Store of results
    #[arg(long, value_name = "FILE", default_value = "inceptive.db")]
    store: PathBuf,
    /// Only networks with this in their name or file
    #[arg(long, value_name = "TEXT")]
    model: Option<String>,
    /// Only networks with this fingerprint
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
    /// Only this engine
    #[arg(long, value_name = "ENGINE")]
    engine: Option<String>,
    /// Only this machine, by the id that `show` prints
    #[arg(long, value_name = "HEX")]
    machine: Option<String>,
}

/// Tables for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Table {
    /// One row per result
    Csv,
    /// Everything, including the time of every run
    Json,
    /// One row per result, with types; only if built with `--features parquet`
    Parquet,
    /// The table of timm's benchmark.py, including imported rows
    Timm,
}

impl From {
    fn open(self) -> anyhow::Result<(Store, Vec<Stored<Measurement>>)> {
        let Self { store: path, model, fingerprint, engine, machine } = self;
        let store = Store::open_to_read(&path)?;
        let filter = Filter { model, fingerprint, engine, machine, up_to: None };
        let found = readable(store.records::<Measurement>(&filter)?);
        if found.is_empty() {
            let matching = if filter == Filter::default() { "" } else { " that match" };
            output::warn(&format!("note: `{}` has no measurements{matching}", path.display()));
        }
        Ok((store, found))
    }
}

/// The readable rows; prints why the others were left out.
fn readable<T>(rows: Rows<T>) -> Vec<Stored<T>> {
    warn_of(&rows.unreadable);
    rows.readable
}

fn warn_of(unreadable: &[StoreError]) {
    for error in unreadable.iter().filter(|_| ROWS.admit(1)) {
        output::warn(&format!("left out: {error}"));
    }
}

impl Results {
    /// Runs the action.
    ///
    /// # Errors
    /// When a store cannot be read or written.
    pub fn run(self) -> anyhow::Result<Outcome> {
        match self.action {
            Action::List { json: false, from } => list(from),
            Action::List { json: true, from } => list_json(from),
            Action::Show { id, store } => show(id, &store),
            Action::Export { format, output, from } => export(format, output.as_deref(), from),
            Action::Import { file, store } => import(&file, &store),
            Action::Merge { into, from } => merge(&into, &from),
        }
    }
}

fn list(from: From) -> anyhow::Result<Outcome> {
    let (store, found) = from.open()?;
    let mut grid = Grid::new(vec![
        Column::Right("id"),
        Column::Left("network"),
        Column::Left("engine"),
        Column::Left("precision"),
        Column::Right("batch"),
        Column::Right("threads"),
        Column::Right("median ms"),
        Column::Right("95% interval"),
        Column::Left("grade"),
        Column::Left("machine"),
    ]);
    for Stored { id, result } in &found {
        let median = result.latency_ms.median;
        grid.row(vec![
            id.to_string(),
            name(result),
            format!("{} {}", result.runtime.engine, result.runtime.engine_version),
            result.runtime.precision.to_string(),
            result.runtime.batch.to_string(),
            result.runtime.threads.to_string(),
            significant(median.value),
            interval(&median),
            result.grade.to_string(),
            format!("{} ({})", result.machine.cpu, result.machine.id()),
        ]);
    }
    let mut text = if found.is_empty() { String::new() } else { grid.render() };
    let profiles = readable(store.records::<ProfileRecord>(&Filter::default())?).len();
    if profiles > 0 {
        let profiles = counted(profiles, ProfileRecord::NAME, ProfileRecord::PLURAL);
        text.push_str(&format!(
            "\nand {profiles}, which `inceptive report` and the dashboard show\n"
        ));
    }
    let foreign = readable(store.records::<ForeignMeasurement>(&Filter::default())?).len();
    if foreign > 0 {
        let rows = counted(foreign, ForeignMeasurement::NAME, ForeignMeasurement::PLURAL);
        text.push_str(&format!("\nand {rows} from timm's tables, see `results export timm`\n"));
    }
    Ok(Outcome::new(text))
}

fn list_json(from: From) -> anyhow::Result<Outcome> {
    let (_, found) = from.open()?;
    let columns = Measurement::columns();
    let object = |stored: &Stored<Measurement>| -> Map<String, Value> {
        let value = |column: &StoredColumn<Measurement>| match column.value(stored) {
            Cell::Text(text) => text.into(),
            Cell::Count(count) => count.into(),
            Cell::Number(number) => number.into(),
            Cell::Absent => Value::Null,
        };
        columns.iter().map(|column| (column.name.to_owned(), value(column))).collect()
    };
    let all: Vec<_> = found.iter().map(object).collect();
    Ok(Outcome::new(output::json(&all)?))
}

fn show(id: i64, store: &Path) -> anyhow::Result<Outcome> {
    let Some(result) = Store::open_to_read(store)?.record::<Measurement>(id)? else {
        bail!("`{}` has no result {id}", store.display());
    };
    let mut grid = Grid::bare(2);
    let stored = Stored { id, result };
    for column in Measurement::columns() {
        let value = match column.value(&stored) {
            Cell::Text(text) => text,
            Cell::Count(count) => count.to_string(),
            Cell::Number(number) => significant(number),
            Cell::Absent => "unknown".to_owned(),
        };
        grid.row(vec![column.name.to_owned(), value]);
    }
    Ok(Outcome::new(grid.render() + &findings(&[stored.result])))
}

fn export(table: Table, output: Option<&Path>, from: From) -> anyhow::Result<Outcome> {
    let input = from.store.clone();
    let (store, found) = from.open()?;
    let mut content = Vec::new();
    match table {
        Table::Csv => write(Format::Csv, &found, &mut content)?,
        Table::Json => write(Format::Json, &found, &mut content)?,
        Table::Parquet => write(Format::Parquet, &found, &mut content)?,
        Table::Timm => {
            let foreign: Vec<_> =
                readable(store.records::<ForeignMeasurement>(&Filter::default())?)
                    .into_iter()
                    .map(|stored| stored.result)
                    .collect();
            write_timm(found.iter().map(|stored| &stored.result), &foreign, &mut content)?;
        }
    }
    match (output, String::from_utf8(content)) {
        (Some(path), text) => {
            let content = text.map_or_else(|error| error.into_bytes(), String::into_bytes);
            let mut inputs = InputFiles::default();
            inputs.add_store(&input);
            replace_file(path, &content, &inputs)?;
            output::wrote(path);
            Ok(Outcome::default())
        }
        (None, Ok(text)) => Ok(Outcome::new(text)),
        (None, Err(_)) => bail!("Parquet is a binary format: name a file with -o"),
    }
}

/// Maximum size of an imported table: half a million networks.
const MAX_TABLE_BYTES: u64 = 64 * inceptive_files::MIB;

fn import(file: &Path, store: &Path) -> anyhow::Result<Outcome> {
    let table = inceptive_files::read(file, MAX_TABLE_BYTES)
        .with_context(|| format!("cannot read `{}`", file.display()))?;
    let rows = read_timm(table.as_slice()).with_context(|| format!("`{}`", file.display()))?;
    let added = Store::open(store)?.append_all(&rows)?;
    let rows = counted(rows.len(), "row", "rows");
    Ok(Outcome::new(format!("{added} of {rows} added\n")))
}

fn merge(into: &Path, from: &[PathBuf]) -> anyhow::Result<Outcome> {
    // Where one of them is missing, no store is made and nothing is added.
    for other in from {
        Store::open_to_read(other)?;
    }
    let mut store = Store::open(into)?;
    let mut text = String::new();
    for other in from {
        let merged = store.merge(other)?;
        warn_of(&merged.unreadable);
        let added = counted(merged.added, "new result", "new results");
        text.push_str(&format!("{}: {added}\n", other.display()));
    }
    Ok(Outcome::new(text))
}
