//! The open modules of a graph, and the position of its camera.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use inceptive_draw::{Arrangement, Flow, Open, Repeats, modules, repeats, worth_opening};
use inceptive_ir::{Graph, Path as NodePath};
use serde::{Deserialize, Serialize};

use super::{camera::Camera, shading::Colour};

/// Where a network leads to on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Layout {
    /// From top to bottom.
    #[default]
    Down,
    /// From left to right.
    Right,
    /// In columns that fill the window.
    Columns,
}

impl Layout {
    pub const ALL: [Self; 3] = [Self::Down, Self::Right, Self::Columns];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Down => "top to bottom",
            Self::Right => "left to right",
            Self::Columns => "columns",
        }
    }
}

/// The open modules of a graph, its selection, and the position of its camera.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct View {
    /// Paths of open modules, and of steps that are drawn as their nodes.
    open: BTreeSet<String>,
    /// Paths of the first of repeated modules that are drawn each by itself.
    each: BTreeSet<String>,
    /// Whether it is in columns because it did not fit into the window otherwise.
    pub is_folded: bool,
    /// Width and height of the window that columns fill; none before they are asked for.
    pub shape: Option<(u32, u32)>,
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

    /// What is drawn, and where to.
    pub fn arrangement(&self, layout: Layout) -> Arrangement {
        let paths =
            |texts: &BTreeSet<String>| texts.iter().map(|text| NodePath::new(text)).collect();
        let (width, height) = self.shape.unwrap_or((1, 1));
        Arrangement {
            open: Open::These(paths(&self.open)),
            repeats: Repeats::OnceExcept(paths(&self.each)),
            flow: match self.layout(layout) {
                Layout::Down => Flow::Down,
                Layout::Right => Flow::Right,
                Layout::Columns => Flow::Columns { width, height },
            },
        }
    }

    /// The layout, if `chosen` is that of all networks.
    pub const fn layout(&self, chosen: Layout) -> Layout {
        if self.is_folded { Layout::Columns } else { chosen }
    }

    /// Draws repeated modules each by itself, or once again.
    pub fn toggle_repeats(&mut self, first: &NodePath) {
        let name = first.to_string();
        if !self.each.remove(&name) {
            self.each.insert(name);
        }
    }

    /// Opens a module that is closed, closes one that is open.
    pub fn toggle(&mut self, path: &NodePath) {
        let name = path.to_string();
        if !self.open.remove(&name) {
            self.open.insert(name);
        }
    }

    /// Opens every module around a node or module, and draws repeated modules each if it is in one of the others.
    pub fn open_around(&mut self, graph: &Graph, path: &NodePath) {
        let around = (1..path.depth()).map(|depth| path.truncated(depth));
        let modules = around.filter(|path| graph.find(path).is_none());
        self.open.extend(modules.map(|path| path.to_string()));
        let is_inside = |module: &NodePath| path.is_within(module);
        let hidden = repeats(graph).into_iter().filter(|it| it.members[1..].iter().any(is_inside));
        self.each.extend(hidden.map(|repeat| repeat.first().to_string()));
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
    /// Where networks lead to.
    pub(super) layout: Layout,
    /// Whether the panel about the selection is hidden.
    pub(super) hides_details: bool,
}

impl Remembered {
    /// The view of a file.
    pub(super) fn of(&mut self, file: &Path, graph: &Graph) -> &mut View {
        self.views.entry(file.to_owned()).or_insert_with(|| View::at_first(graph))
    }
}
