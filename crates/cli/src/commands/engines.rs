//! `inceptive engines`.

use clap::Args;
use inceptive_bench::{Description, EngineError, engines};
use serde_json::{Value, json};

use crate::{
    machinery::LibraryPaths,
    output::{self, Outcome},
    table::{Column, Grid},
};

/// List the inference engines.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:
  inceptive engines
  inceptive engines --onnxruntime /opt/onnxruntime/lib/libonnxruntime.so",
    after_help = "native is built in. The others are found in installed Python packages, or at the path that an
option or environment variable gives."
)]
pub struct Engines {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    libraries: LibraryPaths,
}

impl Engines {
    /// Looks for every engine.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let engines = engines::all(&self.libraries.libraries());
        let described: Vec<(&str, Result<Description, EngineError>)> =
            engines.iter().map(|engine| (engine.name(), engine.describe())).collect();
        let text = if self.json {
            let all: Vec<Value> =
                described.iter().map(|(name, state)| object(name, state)).collect();
            output::json(&all)?
        } else {
            table(&described)
        };
        Ok(Outcome::new(text))
    }
}

fn object(name: &str, state: &Result<Description, EngineError>) -> Value {
    match state {
        Ok(description) => json!({
            "name": name,
            "found": true,
            "version": description.version,
            "library": description.library,
            "devices": description.devices,
            "precisions": description.precisions,
            "node_times": description.has_node_times,
            "isa": description.isa,
        }),
        Err(error) => json!({ "name": name, "found": false, "message": error.to_string() }),
    }
}

fn table(described: &[(&str, Result<Description, EngineError>)]) -> String {
    let mut grid = Grid::new(vec![
        Column::Left("engine"),
        Column::Left("version"),
        Column::Left("devices"),
        Column::Left("precisions"),
        Column::Left("node times"),
        Column::Left("library"),
    ]);
    let mut missing = String::new();
    for (name, state) in described {
        match state {
            Ok(description) => {
                let precisions: Vec<&str> =
                    description.precisions.iter().map(|precision| precision.name()).collect();
                let library = description.library.as_ref();
                grid.row(vec![
                    (*name).to_owned(),
                    description.version.clone(),
                    description.devices.join(", "),
                    precisions.join(", "),
                    if description.has_node_times { "yes" } else { "no" }.to_owned(),
                    library
                        .map_or_else(|| "built in".to_owned(), |path| path.display().to_string()),
                ]);
            }
            Err(error) => {
                let dash = || "-".to_owned();
                grid.row(vec![
                    (*name).to_owned(),
                    "not found".to_owned(),
                    dash(),
                    dash(),
                    dash(),
                    dash(),
                ]);
                missing.push_str(&format!("\n{error}\n"));
            }
        }
    }
    grid.render() + &missing
}
