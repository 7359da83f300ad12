//! `inceptive schema`.

use anyhow::Context;
use clap::Args;
use inceptive_train::Recipe;

use crate::output::Outcome;

/// Print the JSON Schema of architectures, spaces and libraries of blocks, or of recipes.
#[derive(Args, Debug)]
#[command(
    before_help = "Example, for Visual Studio Code with the YAML extension (.vscode/settings.json):
  inceptive schema > schema.json
  inceptive schema --recipe > recipe-schema.json
  {\"yaml.schemas\": {\"./schema.json\": \"architectures/**/*.yaml\",
                    \"./recipe-schema.json\": \"recipes/*.yaml\"}}"
)]
pub struct SchemaArguments {
    /// Print the schema of recipes instead
    #[arg(long)]
    recipe: bool,
}

impl SchemaArguments {
    /// The schema.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let schema = match self.recipe {
            true => Recipe::json_schema(),
            false => inceptive_dsl::json_schema(),
        };
        let schema = serde_json::to_string_pretty(&schema);
        Ok(Outcome::new(schema.context("the schema cannot be written")? + "\n"))
    }
}
