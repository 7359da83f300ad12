//! The networks of a report with their texts and results, for the dashboard in a browser.

use std::collections::BTreeMap;

use inceptive_store::LooseRecord;
use serde::{Deserialize, Serialize};

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
