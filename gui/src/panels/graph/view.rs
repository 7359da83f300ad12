//! The open modules of a graph, and the position of its camera.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use inceptive_draw::{Open, modules, worth_opening};
use inceptive_ir::{Graph, Path as NodePath};
use serde::{Deserialize, Serialize};

use super::{camera::Camera, shading::Colour};

/// The open modules of a graph, its selection, and the position of its camera.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct View {
    /// Paths of open modules.
    open: BTreeSet<String>,
    /// None before it was drawn, and to see it from the start again.
    pub camera: Option<Camera>,
    /// The node or module that is selected.
    #[serde(with = "as_text")]
    pub selected: Option<NodePath>,
}

/// A path as its text.
mod as_text {
    use inceptive_ir::Path;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(path: &Option<Path>, to: S) -> Result<S::Ok, S::Error> {
        path.as_ref().map(Path::as_str).serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Path>, D::Error> {
        Ok(Option::<String>::deserialize(from)?.map(|text| Path::new(&text)))
    }
}

impl View {
    /// As much is open as makes a picture.
    fn at_first(graph: &Graph) -> Self {
        let open = worth_opening(graph).iter().map(NodePath::to_string).collect();
        Self { open, ..Self::default() }
    }

    /// The open modules, for a layout.
    pub fn opened(&self) -> Open {
        Open::These(self.open.iter().map(|path| NodePath::new(path)).collect())
    }

    /// Opens a module that is closed, closes one that is open.
    pub fn toggle(&mut self, path: &NodePath) {
        let name = path.to_string();
        if !self.open.remove(&name) {
            self.open.insert(name);
        }
    }

    /// Opens every module around a node or module.
    pub fn open_around(&mut self, path: &NodePath) {
        let around = (1..path.depth()).map(|depth| path.truncated(depth).to_string());
        self.open.extend(around);
    }

    /// Opens every module.
    pub fn open_all(&mut self, graph: &Graph) {
        self.open = modules(graph).iter().map(NodePath::to_string).collect();
    }

    /// Closes every module.
    pub fn close_all(&mut self) {
        self.open.clear();
    }
}

/// Views by file, and how graphs are shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Remembered {
    views: BTreeMap<PathBuf, View>,
    /// The quantity that determines the colours of cards.
    pub(super) colour: Colour,
    /// Whether the panel about the selection is hidden.
    pub(super) hides_details: bool,
}

impl Remembered {
    /// The view of a file.
    pub(super) fn of(&mut self, file: &Path, graph: &Graph) -> &mut View {
        self.views.entry(file.to_owned()).or_insert_with(|| View::at_first(graph))
    }
}
