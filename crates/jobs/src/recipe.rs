//! The command that makes a report again.

use std::{fmt, path::PathBuf};

use inceptive_dsl::Setting;

/// Points of a space that are counted if nobody says how many.
pub const DEFAULT_SAMPLES: usize = 2000;

/// Everything that a report depends on. Shown, it is the command that makes the same report from the results
/// that are stored now, whatever is measured later.
#[derive(Clone, Debug, Default)]
pub struct Recipe {
    /// Files, folders and stores, as the command line takes them.
    pub inputs: Vec<String>,
    /// What is set in each network.
    pub settings: Vec<Setting>,
    /// The title, if it is not made from the inputs.
    pub title: Option<String>,
    /// Remarks for the page's warnings.
    pub notes: Vec<String>,
    /// The most points of a space.
    pub samples: usize,
    /// The seed that they are drawn with.
    pub seed: u64,
    /// The store of results.
    pub store: PathBuf,
    /// The number of its last result; none if it has none.
    pub up_to: Option<i64>,
    /// The folder of the report.
    pub out: PathBuf,
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = vec!["inceptive".to_owned(), "report".to_owned()];
        words.extend(self.inputs.iter().cloned());
        let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
        for Setting { key, value } in &self.settings {
            option("set", format!("{key}={value}"));
        }
        if let Some(title) = &self.title {
            option("title", title.clone());
        }
        self.notes.iter().for_each(|note| option("note", note.clone()));
        if self.samples != DEFAULT_SAMPLES {
            option("samples", self.samples.to_string());
        }
        if self.seed != 0 {
            option("seed", self.seed.to_string());
        }
        option("store", self.store.display().to_string());
        option("up-to", self.up_to.unwrap_or(0).to_string());
        option("out", self.out.display().to_string());
        let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
        f.write_str(&words.join(" "))
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-=+,:@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must_be() {
        let recipe = Recipe {
            inputs: vec!["a b.yaml".to_owned(), "it's.yaml".to_owned()],
            samples: DEFAULT_SAMPLES,
            store: "r.db".into(),
            up_to: Some(7),
            out: "reports/latest".into(),
            ..Recipe::default()
        };
        let expected = r"inceptive report 'a b.yaml' 'it'\''s.yaml' --store r.db --up-to 7 --out reports/latest";
        assert_eq!(recipe.to_string(), expected);
    }
}
