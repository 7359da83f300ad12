//! A window on a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use egui::{Key, Modifiers, Role, Theme};
use egui_kittest::{Harness, Node, kittest::Queryable};
use inceptive_gui::{App, Options, jobs::MeasurementBackend, model::Model};
use tempfile::TempDir;

use crate::raster::Raster;

/// A small network.
pub const TINY: &str = "name: Tiny
input: {channels: 3, size: 8}
classes: 2
body:
  - conv stem: {kernel: 3, width: 4}
tail: gap
";

/// How long anything may take, on a slow machine too.
const TIMEOUT: Duration = Duration::from_secs(60);

/// A message bus that is not there, so that no dialog of the system is shown.
pub const NO_BUS: &str = "unix:path=/nowhere/bus";

/// A window on a folder of its own.
pub struct Window {
    pub harness: Harness<'static, App>,
    pub folder: TempDir,
}

/// A file of `architectures/`.
pub fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../architectures").join(name)
}

/// A folder with copies of these files of `architectures/`.
pub fn copies(names: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let target = folder.path().join("architectures").join(name);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(bundled(name), target).unwrap();
    }
    folder
}

/// Whether no job goes on.
pub fn is_idle(model: &Model) -> bool {
    model.jobs.active().next().is_none()
}

/// Whether what can be set is known.
pub fn has_sliders(model: &Model) -> bool {
    model.original.is_some() && is_idle(model)
}

/// Whether the current network is a design, and counted as it is set.
pub fn is_designed(model: &Model) -> bool {
    model.shown_design().is_some() && is_idle(model)
}

impl Window {
    /// Opens a folder with copies of these files of `architectures/`, and waits until all are read.
    pub fn on(names: &[&str]) -> Self {
        Self::at(copies(names))
    }

    /// Opens a folder with one file of this text, and waits until it is read.
    pub fn with(name: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("architectures")).unwrap();
        fs::write(folder.path().join("architectures").join(name), text).unwrap();
        Self::at(folder)
    }

    /// Opens `architectures/` in a folder, and waits until every file is read.
    pub fn at(folder: TempDir) -> Self {
        Self::measuring(folder, &MeasurementBackend::default())
    }

    /// Opens as [`Window::at`] does, and measures with other engines on another machine.
    pub fn measuring(folder: TempDir, machinery: &MeasurementBackend) -> Self {
        let options = Options {
            path: Some(folder.path().join("architectures")),
            selected: None,
            store: folder.path().join("inceptive.db"),
            drafts: Some(folder.path().join("drafts")),
            trash: Some(folder.path().join("trash")),
            bus: Some(NO_BUS.to_owned()),
        };
        Self::opened(folder, options, machinery, Theme::Dark)
    }

    /// Opens what the options name, in a theme.
    pub fn opened(
        folder: TempDir,
        options: Options,
        machinery: &MeasurementBackend,
        theme: Theme,
    ) -> Self {
        let builder = Harness::builder()
            .with_size([1280.0, 800.0])
            .with_max_steps(50)
            .with_theme(theme)
            .renderer(Raster::default());
        let harness = builder.build_eframe(|cc| App::with_machinery(cc, options, machinery));
        let mut window = Self { harness, folder };
        window.wait("every file is read", |model| {
            model.is_listed && model.jobs.active().next().is_none()
        });
        window
    }

    /// A file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("architectures").join(name)
    }

    /// What the window is about.
    pub fn model(&self) -> &Model {
        self.harness.state().model()
    }

    /// Draws frames until something holds and everything has settled.
    #[track_caller]
    pub fn wait(&mut self, what: &str, holds: impl Fn(&Model) -> bool) {
        let start = Instant::now();
        loop {
            self.harness.run();
            if holds(self.model()) {
                self.harness.run();
                return;
            }
            assert!(start.elapsed() < TIMEOUT, "waited in vain until {what}");
            sleep(Duration::from_millis(10));
        }
    }

    /// The thing with a label.
    #[track_caller]
    pub fn get<'a>(&'a self, label: &'a str) -> Node<'a> {
        self.harness.get_by_label(label)
    }

    /// Whether something with a label is on the screen.
    pub fn has(&self, label: &str) -> bool {
        self.harness.query_by_label(label).is_some()
    }

    /// Whether the label of anything on the screen contains a text.
    pub fn says(&self, text: &str) -> bool {
        self.harness.query_all_by_label_contains(text).next().is_some()
    }

    /// Replaces what stands in a field.
    #[track_caller]
    pub fn fill(&mut self, field: &str, text: &str) {
        self.get(field).focus();
        self.harness.run();
        self.press(Modifiers::COMMAND, Key::A);
        self.get(field).type_text(text);
        self.harness.run();
    }

    /// Clicks what has a label, and draws until it settles.
    #[track_caller]
    pub fn click(&mut self, label: &str) {
        self.get(label).click();
        self.harness.run();
    }

    /// Clicks what has a label if it is there.
    pub fn click_if(&mut self, label: &str) {
        if self.has(label) {
            self.click(label);
        }
    }

    /// The button with a label: a card or an open module of a graph, too.
    #[track_caller]
    pub fn button<'a>(&'a self, label: &'a str) -> Node<'a> {
        self.harness.get_by_role_and_label(Role::Button, label)
    }

    /// Whether there is a button with a label.
    pub fn has_button(&self, label: &str) -> bool {
        self.harness.query_by_role_and_label(Role::Button, label).is_some()
    }

    /// Takes an entry of a list that has a label.
    #[track_caller]
    pub fn choose(&mut self, list: &str, entry: &str) {
        self.harness.get_by_role_and_label(Role::ComboBox, list).click();
        self.harness.run();
        self.button(entry).click();
        self.harness.run();
    }

    /// Presses keys together, and draws until it settles.
    pub fn press(&mut self, modifiers: Modifiers, key: Key) {
        self.harness.key_press_modifiers(modifiers, key);
        self.harness.run();
    }

    /// Names of what is selected, the current one last.
    pub fn selected(&self) -> Vec<String> {
        let stem = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
        self.model().selection.iter().map(|file| stem(file)).collect()
    }
}
