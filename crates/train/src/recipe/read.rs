//! Reading recipes from YAML.

use std::path::Path;

use inceptive_dsl::{
    Failure, Files, Kind, SchemaFile, Setting, Sources, load_by_schema, schema_of,
};

use super::{Recipe, Schedule};

impl Recipe {
    /// Reads a recipe with everything that it extends, and with the settings, such as `schedule.one_cycle.peak=0.2`.
    ///
    /// # Errors
    /// All diagnostics, when the file or a setting is wrong.
    pub fn load(
        files: &dyn Files,
        path: &Path,
        settings: &[Setting],
    ) -> Result<(Self, Sources), Failure> {
        load_by_schema(files, path, settings)
    }

    /// The JSON Schema of recipes, for editors.
    pub fn json_schema() -> serde_json::Value {
        schema_of::<Self>()
    }
}

impl SchemaFile for Recipe {
    const KIND: Kind = Kind::Recipe;

    fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.name.trim().is_empty() {
            problems.push(("name", "the name is empty".to_owned()));
        }
        let epochs = f64::from(self.epochs);
        if self.warmup >= epochs {
            let message =
                format!("the warm-up takes {} of {epochs} epochs; make it shorter", self.warmup);
            problems.push(("warmup", message));
        }
        match &self.schedule {
            Schedule::OneCycle { .. } if self.warmup > 0.0 => {
                let message = "`one_cycle` has a warm-up of its own; remove `warmup`";
                problems.push(("warmup", message.to_owned()));
            }
            Schedule::Step { at, .. } if !at.is_sorted() => {
                let message = "the times are not in ascending order";
                problems.push(("schedule.step.at", message.to_owned()));
            }
            Schedule::Constant
            | Schedule::Cosine { .. }
            | Schedule::OneCycle { .. }
            | Schedule::Step { .. } => {}
        }
        problems
    }
}
