//! The networks of a report with their texts and results, for the dashboard in a browser.

use std::collections::BTreeMap;

use inceptive_ir::text;
use inceptive_results::Record;
use inceptive_store::{LooseRecord, StoreError, Stored};
use serde::{Deserialize, Serialize};

use crate::report::Report;

/// The content of `networks.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Networks {
    /// The files of the networks and spaces, and those that they refer to: paths without `..` and their texts.
    pub files: BTreeMap<String, String>,
    /// The files of the networks, in the order of the report.
    pub networks: Vec<String>,
    /// The results that the report shows, as a store keeps them.
    #[serde(default)]
    pub records: Vec<LooseRecord>,
}

impl Networks {
    /// Those of a report, with its results.
    fn of(report: &Report) -> Self {
        let mut records = Vec::new();
        for candidate in &report.candidates {
            add(&mut records, &candidate.measured);
            add(&mut records, &candidate.profiles);
            add(&mut records, &candidate.imported);
            add(&mut records, &candidate.trained);
        }
        let searches = report.explorations.iter();
        records.extend(searches.filter_map(|it| LooseRecord::new(&it.exploration).ok()));
        Self { records, ..report.networks.clone() }
    }
}

/// Adds results that can be written as text; others are in no store either.
fn add<R: Record>(records: &mut Vec<LooseRecord>, results: &[Stored<R>]) {
    let loose = |stored: &Stored<R>| -> Result<LooseRecord, StoreError> {
        LooseRecord::new(&stored.result)
    };
    records.extend(results.iter().filter_map(|stored| loose(stored).ok()));
}

/// The text of `networks.json`.
pub(crate) fn json(report: &Report) -> String {
    // Texts and numbers can always be written.
    let document = serde_json::to_string(&Networks::of(report)).unwrap_or_default();
    text::json(&format!("{document}\n")).into_owned()
}
