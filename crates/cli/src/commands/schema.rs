//! `inceptive schema`.

use anyhow::Context;
use clap::Args;

use crate::output::Outcome;

/// Print the JSON Schema of architectures, spaces and libraries of blocks.
#[derive(Args, Debug)]
#[command(
    before_help = "Example, for Visual Studio Code with the YAML extension (.vscode/settings.json):
  inceptive schema > schema.json
  {\"yaml.schemas\": {\"./schema.json\": \"architectures/**/*.yaml\"}}"
)]
pub struct SchemaArguments {}

impl SchemaArguments {
    /// The schema.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let schema = serde_json::to_string_pretty(&inceptive_dsl::json_schema());
        Ok(Outcome::new(schema.context("the schema cannot be written")? + "\n"))
    }
}
