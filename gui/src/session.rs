//! What is remembered from one run to the next.

use std::path::{PathBuf, absolute};

use egui_tiles::Tree;
use serde::{Deserialize, Serialize};

use crate::{
    model::{Entry, Settings},
    panels::{graph::Remembered, tradeoff},
    tiles::Pane,
};

/// Under which names the session and drafts are kept.
const KEY: &str = "session";
const DRAFTS: &str = "drafts";

/// The most that is kept of drafts and the texts that they began with, in bytes.
const MOST_DRAFT_BYTES: usize = 1_000_000;

/// What is remembered. Runtime handles and results are not in it; drafts are kept apart.
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
    /// What was set against what, and how it was drawn.
    pub tradeoff: tradeoff::Remembered,
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

/// A text that was not saved.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// Its file, wherever the program is started next.
    pub file: PathBuf,
    /// The text.
    pub text: String,
    /// The text of the file that it began with.
    pub base: Option<String>,
}

impl Draft {
    fn of(entry: &Entry) -> Option<Self> {
        let text = entry.draft.as_ref()?.to_string();
        let file = absolute(&entry.file).unwrap_or_else(|_| entry.file.to_path_buf());
        Some(Self { file, text, base: entry.base.as_ref().map(ToString::to_string) })
    }

    fn bytes(&self) -> usize {
        self.text.len() + self.base.as_ref().map_or(0, String::len)
    }
}

/// Texts that were not saved.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Drafts(pub Vec<Draft>);

impl Drafts {
    /// Those of these files that there is room for, in their order.
    pub fn of<'a>(entries: impl Iterator<Item = &'a Entry>) -> Self {
        let mut room = MOST_DRAFT_BYTES;
        let fits = |draft: &Draft| match room.checked_sub(draft.bytes()) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        };
        Self(entries.filter_map(Draft::of).filter(fits).collect())
    }

    /// Those of the last run.
    pub fn load(storage: Option<&dyn eframe::Storage>) -> Self {
        storage.and_then(|storage| eframe::get_value(storage, DRAFTS)).unwrap_or_default()
    }

    pub fn save(&self, storage: &mut dyn eframe::Storage) {
        eframe::set_value(storage, DRAFTS, self);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::{collections::HashMap, path::Path, sync::Arc};

    use egui::ThemePreference;
    use inceptive_cost::Convention;

    use super::*;
    use crate::tiles::arranged;

    /// A store that is gone with the test.
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
        let session = Session {
            folder: PathBuf::from("architectures"),
            selection: vec![PathBuf::from("architectures/googlenet.yaml")],
            tree: Some(arranged()),
            settings: settings.clone(),
            graphs: Remembered::default(),
            tradeoff: tradeoff::Remembered::default(),
        };
        let mut storage = Memory::default();
        session.save(&mut storage);
        let back = Session::load(Some(&storage));
        assert_eq!((&back.folder, &back.selection), (&session.folder, &session.selection));
        assert_eq!((back.settings, back.tree), (settings, session.tree));
    }

    #[test]
    fn drafts_come_back_as_far_as_there_is_room() {
        let entry = |name: &str, size: usize| {
            let mut entry = Entry::new(&Arc::from(Path::new(name)));
            entry.edit(Some(Arc::from("x".repeat(size))));
            entry
        };
        let entries = [entry("/a.yaml", 600_000), entry("/b.yaml", 600_000), entry("/c.yaml", 9)];
        let drafts = Drafts::of(entries.iter().chain([&Entry::new(&entries[0].file)]));
        let files: Vec<&Path> = drafts.0.iter().map(|draft| draft.file.as_path()).collect();
        assert_eq!(files, [Path::new("/a.yaml"), Path::new("/c.yaml")]);
        let mut storage = Memory::default();
        drafts.save(&mut storage);
        assert_eq!(Drafts::load(Some(&storage)), drafts);
        storage.0.insert(DRAFTS.to_owned(), "[(file: 3".to_owned());
        assert_eq!(Drafts::load(Some(&storage)), Drafts::default());
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
        assert_eq!(Drafts::load(Some(&storage)), Drafts::default());
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
