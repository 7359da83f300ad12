//! A window on a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use egui_kittest::{Harness, Node, kittest::Queryable};
use inceptive_gui::{App, Options, model::Model};
use tempfile::TempDir;

/// How long anything may take, on a slow machine too.
const PATIENCE: Duration = Duration::from_secs(60);

/// A window on a folder of its own.
pub struct Window {
    pub harness: Harness<'static, App>,
    pub folder: TempDir,
}

/// A file of `architectures/`.
pub fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../architectures").join(name)
}

impl Window {
    /// Opens a folder with copies of these files of `architectures/`, and waits until all are read.
    pub fn on(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let target = folder.path().join("architectures").join(name);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(bundled(name), target).unwrap();
        }
        let options = Options {
            path: Some(folder.path().join("architectures")),
            store: folder.path().join("inceptive.db"),
        };
        let builder = Harness::builder().with_size([1280.0, 800.0]).with_max_steps(50);
        let harness = builder.build_eframe(|cc| App::new(cc, options));
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
            assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
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

    /// Clicks what has a label, and draws until it settles.
    #[track_caller]
    pub fn click(&mut self, label: &str) {
        self.get(label).click();
        self.harness.run();
    }

    /// Names of what is selected, the current one last.
    pub fn selected(&self) -> Vec<String> {
        let stem = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
        self.model().selection.iter().map(|file| stem(file)).collect()
    }
}
