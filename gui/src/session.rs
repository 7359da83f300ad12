//! What is remembered from one run to the next.

use std::path::PathBuf;

use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use crate::{model::Settings, panels::graph::Remembered, tiles::Pane};

/// Under which name it is kept.
const KEY: &str = "session";

/// What is remembered. Runtime handles, results and texts are not in it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    /// The open folder.
    pub folder: PathBuf,
    /// The selected files.
    pub selection: Vec<PathBuf>,
    /// How tabs are arranged.
    pub tree: Option<Tree<Pane>>,
    /// What the user chose.
    pub settings: Settings,
    /// What was open in graphs, and from where they were seen.
    pub graphs: Remembered,
}

impl Session {
    /// That of the last run; an empty one if there was none, or another version wrote it.
    pub fn load(storage: Option<&dyn eframe::Storage>) -> Self {
        storage.and_then(|storage| eframe::get_value(storage, KEY)).unwrap_or_default()
    }

    pub fn save(&self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, KEY, self);
    }
}
