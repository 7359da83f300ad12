//! Opening, watching, reading and saving.

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use egui::Context;
use inceptive_app::is_network;
use inceptive_files::disk;

use super::App;
use crate::{
    drafts::{Draft, DraftDesign},
    file::{FilePath, log_of, problem_opening},
    jobs::{Expected, Job, SaveRequest},
    model::{Design, Entry, Message},
    watch::{Watch, WatchError},
};

/// How long edits are gathered before a text is checked.
const PAUSE: Duration = Duration::from_millis(100);

impl App {
    pub(super) fn start_watching(&mut self, ctx: &Context) {
        match Watch::new(ctx) {
            Ok(watch) => self.watch = Some(watch),
            Err(error) => self.cannot_watch(&error),
        }
    }

    fn cannot_watch(&mut self, error: &WatchError) {
        let message = format!("cannot watch files for changes ({error}); press F5 to reload");
        let message = Message::Problem(message);
        if !self.model.messages.contains(&message) {
            self.model.messages.push(message);
        }
    }

    /// Opens a folder, or a file in its folder.
    pub(super) fn open(&mut self, path: &Path) {
        // The first folder is opened anyway, and one that is open is read again.
        if *path != *self.model.folder
            && !self.model.folder.as_os_str().is_empty()
            && let Some(problem) = problem_opening(path)
        {
            let text = format!("{}: {problem}", path.display());
            self.model.messages.push(Message::Problem(text));
            return;
        }
        let is_file = disk::is_file(path);
        let folder = match path.parent() {
            Some(folder) if is_file && folder.as_os_str().is_empty() => Path::new("."),
            Some(folder) if is_file => folder,
            _ => path,
        };
        if self.model.folder != folder {
            self.model.folder = folder.to_owned();
            self.model.remember_folder(folder);
            self.model.entries.retain(|_, entry| entry.draft.is_some() || entry.is_new());
            self.model.selection.clear();
            // What is not saved stays on the list.
            let drafts = self.model.entries.keys().filter(|file| !file.starts_with(folder));
            self.model.added = drafts.cloned().collect();
            self.model.is_listed = false;
            // It was of a space of the other folder.
            self.model.cloud = None;
        }
        if is_file {
            self.model.selection = vec![Arc::from(path)];
        }
        self.follow();
        self.start(Job::List(folder.to_owned()));
    }

    /// Takes texts that were not saved in an earlier run.
    pub(super) fn restore(&mut self, drafts: Vec<Draft>) {
        let shown = |file: PathBuf| self.model.in_folder(file);
        let mut restored = Vec::new();
        let is_written =
            |draft: &Draft| draft.design.is_some() && draft.base.as_ref() == Some(&draft.text);
        let (written, drafts): (Vec<Draft>, Vec<Draft>) = drafts.into_iter().partition(is_written);
        for Draft { file, text, base, design } in drafts {
            let file = shown(file);
            let mut entry = Entry::restored(&file, Arc::from(text), base.map(Arc::from));
            entry.design = design.map(|DraftDesign { from, name, history }| {
                Design::restored(shown(from), name, history)
            });
            restored.push(entry);
        }
        for entry in restored {
            // The sliders of a design are those of the network that it is made of.
            let from = entry.design.as_ref().map(|design| Arc::clone(&design.from));
            for file in from.into_iter().chain([Arc::clone(&entry.file)]) {
                if !file.starts_with(&self.model.folder) && !self.model.added.contains(&file) {
                    self.model.added.push(file);
                }
            }
            self.model.entries.insert(Arc::clone(&entry.file), entry);
        }
        written.into_iter().for_each(|design| self.model.kept.keep(design));
        let new = self.model.entries.values().filter(|entry| entry.is_new());
        // They are not found in a folder.
        for file in new.map(|entry| Arc::clone(&entry.file)).collect::<Vec<_>>() {
            self.read(file);
        }
        self.follow();
    }

    /// Opens folders, and puts files on the list that are elsewhere.
    pub(super) fn add(&mut self, paths: Vec<PathBuf>) {
        let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            paths.into_iter().partition(|path| disk::is_dir(path));
        if let Some(folder) = folders.last() {
            self.open(folder);
        }
        let mut selection = Vec::new();
        for path in files {
            if path.extension().is_some_and(|it| it.eq_ignore_ascii_case("csv")) {
                self.import(path, false);
                continue;
            }
            if !is_network(&path) {
                let text = format!("{} is not a .yaml, .yml, .onnx or .csv file", path.display());
                self.model.messages.push(Message::Problem(text));
                continue;
            }
            let file: FilePath = Arc::from(path);
            if !file.starts_with(&self.model.folder) && !self.model.added.contains(&file) {
                self.model.added.push(Arc::clone(&file));
            }
            selection.push(file);
        }
        if !selection.is_empty() {
            self.model.selection = selection;
            self.follow();
            self.start(Job::List(self.model.folder.clone()));
        }
    }

    pub(super) fn follow(&mut self) {
        let Some(watch) = &mut self.watch else { return };
        let beside = self.model.added.iter().map(|file| &**file).chain([&*self.model.store]);
        if let Err(error) = watch.follow(&self.model.folder, beside)
            && disk::is_dir(&self.model.folder)
        {
            self.cannot_watch(&error);
        }
    }

    /// Reads again what may have changed: the list of files, and every file that was read from one that changed.
    pub(super) fn files_changed(&mut self, paths: Vec<PathBuf>) {
        // A deleted file has no canonical path.
        let canonical = |path: &Path| {
            let found = disk::canonicalize(path).or_else(|_| disk::absolute(path));
            found.unwrap_or_else(|_| path.to_owned())
        };
        let changed: Vec<PathBuf> = paths.iter().map(|path| canonical(path)).collect();
        let has_changed = |path: &Path| changed.contains(&canonical(path));
        if has_changed(&self.model.store) || has_changed(&log_of(&self.model.store)) {
            self.start(self.model.read_results());
        }
        let folder = canonical(&self.model.folder);
        let added = self.model.added.iter().any(|file| has_changed(file));
        let here = |path: &PathBuf| path.starts_with(&folder) || folder.starts_with(path);
        if !added && !changed.iter().any(here) {
            return;
        }
        let affected: Vec<FilePath> = self
            .model
            .entries
            .values()
            .filter(|entry| {
                let sources = entry.network.iter().flat_map(|network| network.sources.iter());
                let mut read = sources.map(|source| source.path.as_path());
                // An invalid file or a space may depend on any file.
                has_changed(&entry.file)
                    || entry.network.is_none()
                    || entry.is_wrong()
                    || read.any(has_changed)
            })
            .map(|entry| Arc::clone(&entry.file))
            .collect();
        self.start(Job::List(self.model.folder.clone()));
        for file in affected {
            if disk::is_file(&file) || self.model.entries.get(&file).is_some_and(Entry::is_new) {
                self.read(file);
            }
        }
    }

    /// Reads a file, or its text in the editor.
    pub(super) fn read(&mut self, file: FilePath) {
        self.start(Job::Read(self.model.read_request(&file)));
    }

    /// Writes the draft of a file if it has one, or restores a deleted file.
    pub(super) fn save_draft(&mut self, file: FilePath, overwrite: bool) {
        let Some(entry) = self.model.entries.get_mut(&file) else { return };
        entry.save_problem = None;
        let Some((text, expected)) = entry.to_save() else { return };
        let text = Arc::clone(text);
        let expected = if overwrite { Expected::Anything } else { expected };
        self.start(Job::Save(SaveRequest { file, text, expected }));
    }

    /// Checks texts that were edited a moment ago.
    pub(super) fn read_edits(&mut self, ctx: &Context) {
        let ready = |(_, first): &(&FilePath, &web_time::Instant)| first.elapsed() >= PAUSE;
        let due: Vec<FilePath> =
            self.edits.iter().filter(ready).map(|(file, _)| Arc::clone(file)).collect();
        for file in due {
            self.edits.remove(&file);
            self.read(file);
        }
        if !self.edits.is_empty() {
            ctx.request_repaint_after(PAUSE);
        }
    }
}

/// `architectures/` in the working folder or around the program, else the folder of the last run, else the working
/// folder.
pub(super) fn default_folder(last: &Path) -> PathBuf {
    let here = Path::new("architectures");
    if disk::is_dir(here) {
        return here.to_owned();
    }
    if disk::is_dir(last) {
        return last.to_owned();
    }
    let program = env::current_exe().unwrap_or_default();
    let around = program.ancestors().map(|folder| folder.join("architectures"));
    around.into_iter().find(|folder| disk::is_dir(folder)).unwrap_or_else(|| PathBuf::from("."))
}
