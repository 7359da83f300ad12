//! The state saved from one run to the next.

use std::{collections::BTreeMap, path::PathBuf};

use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use crate::{
    model::Settings,
    onnx_settings::AllOnnxSettings,
    pane::Pane,
    panels::{explore, graph::Remembered, run, tradeoff},
};

/// Under which name it is kept.
const KEY: &str = "session";

/// The saved state. Runtime handles and results are not part of it; drafts are stored separately.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    /// The open folder.
    pub folder: PathBuf,
    /// Folders that were open, the latest first.
    pub recent: Vec<PathBuf>,
    /// The selected files.
    pub selection: Vec<PathBuf>,
    /// How tabs are arranged.
    pub tree: Option<Tree<Pane>>,
    /// What the user chose.
    pub settings: Settings,
    /// The views of graphs.
    pub graphs: Remembered,
    /// The settings of the trade-off plot.
    pub tradeoff: tradeoff::Remembered,
    /// Labels of results, and which are hidden.
    pub run: run::Remembered,
    /// The space that is explored, and what of it is shown.
    pub explore: explore::Remembered,
    /// What designs are kept within, by the files that they are made of.
    pub targets: BTreeMap<PathBuf, String>,
    /// What was set of ONNX files.
    pub onnx: AllOnnxSettings,
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

#[cfg(test)]
pub(crate) mod tests {
    use std::{collections::HashMap, path::Path};

    use egui::ThemePreference;
    use inceptive_cost::Convention;

    use super::*;
    use crate::{onnx_settings::OnnxSettings, tiles::arranged};

    /// An in-memory store for tests.
    #[derive(Default)]
    pub(crate) struct Memory(HashMap<String, String>);

    impl eframe::Storage for Memory {
        fn get_string(&self, key: &str) -> Option<String> {
            self.0.get(key).cloned()
        }

        fn set_string(&mut self, key: &str, value: String) {
            self.0.insert(key.to_owned(), value);
        }

        fn remove_string(&mut self, key: &str) {
            self.0.remove(key);
        }

        fn flush(&mut self) {}
    }

    #[test]
    fn a_session_comes_back_as_it_was() {
        let mut settings = Settings::default();
        settings.theme = ThemePreference::Light;
        settings.count_in(Convention::Thop);
        let mut onnx = AllOnnxSettings::default();
        let set = OnnxSettings { input_size: "640x480".to_owned(), cut: true };
        onnx.set(Path::new("a.onnx"), set);
        let session = Session {
            folder: PathBuf::from("architectures"),
            recent: vec![PathBuf::from("/nets")],
            selection: vec![PathBuf::from("architectures/googlenet.yaml")],
            tree: Some(arranged()),
            settings: settings.clone(),
            graphs: Remembered::default(),
            tradeoff: tradeoff::Remembered::default(),
            run: run::Remembered::default(),
            explore: explore::Remembered::default(),
            targets: BTreeMap::from([(PathBuf::from("a.yaml"), "macs < 1G".to_owned())]),
            onnx,
        };
        let mut storage = Memory::default();
        session.save(&mut storage);
        let back = Session::load(Some(&storage));
        assert_eq!((&back.folder, &back.selection), (&session.folder, &session.selection));
        assert_eq!(back.recent, session.recent);
        assert_eq!((back.settings, back.tree), (settings, session.tree));
        assert_eq!((back.targets, back.onnx), (session.targets, session.onnx));
    }

    #[test]
    fn a_session_of_an_earlier_version_is_taken() {
        #[derive(Serialize)]
        struct View {
            open: Vec<String>,
            camera: Option<()>,
        }
        #[derive(Serialize)]
        struct Graphs {
            views: HashMap<PathBuf, View>,
        }
        #[derive(Serialize)]
        struct Earlier {
            folder: PathBuf,
            graphs: Graphs,
        }
        let view = View { open: vec!["3a".to_owned()], camera: None };
        let graphs = Graphs { views: HashMap::from([(PathBuf::from("a.yaml"), view)]) };
        let mut storage = Memory::default();
        eframe::set_value(&mut storage, KEY, &Earlier { folder: PathBuf::from("nets"), graphs });
        assert_eq!(Session::load(Some(&storage)).folder, PathBuf::from("nets"));
    }

    #[test]
    fn what_another_version_wrote_is_left_alone() {
        let mut storage = Memory::default();
        for text in ["", "(", "(folder: 3)", "[1, 2]"] {
            storage.0.insert(KEY.to_owned(), text.to_owned());
            assert_eq!(Session::load(Some(&storage)).folder, PathBuf::new(), "{text}");
        }
        assert_eq!(Session::load(None).folder, PathBuf::new());
    }
}
