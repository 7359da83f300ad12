//! New, renamed and removed files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_files::disk;

use super::{Entry, Message, Model};
use crate::{
    command::{Command, Commands},
    file::{FilePath, file_name},
    jobs::Job,
};

/// Folders that are remembered.
const MOST_RECENT: usize = 10;

impl Model {
    /// Whether there is a file at a path, or one that is not written yet.
    pub fn is_taken(&self, file: &Path) -> bool {
        self.entries.contains_key(file) || disk::symlink_metadata(file).is_ok()
    }

    /// The files that are made of a file: those that extend or use it, spaces of it, and designs.
    pub fn made_of(&self, file: &Path) -> Vec<FilePath> {
        let canonical = |path: &Path| disk::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let wanted = canonical(file);
        let needs = |entry: &&Entry| {
            let network = entry.network.iter().flat_map(|network| network.sources.paths());
            let space = entry.space().into_iter().flat_map(|space| &space.files);
            let design = entry.design.iter().map(|design| &*design.from);
            let mut needed = network.chain(space.map(PathBuf::as_path)).chain(design);
            *entry.file != *file && needed.any(|needed| canonical(needed) == wanted)
        };
        self.entries.values().filter(needs).map(|entry| Arc::clone(&entry.file)).collect()
    }

    /// Puts a file on the list that is not written yet.
    pub(super) fn add_entry(&mut self, entry: Entry) {
        if !entry.file.starts_with(&self.folder) {
            self.added.push(Arc::clone(&entry.file));
        }
        self.entries.insert(Arc::clone(&entry.file), entry);
    }

    /// Puts a text on the list that is not written yet, and selects it.
    pub(crate) fn add_text(&mut self, file: &FilePath, text: Arc<str>) {
        let mut entry = Entry::new(file);
        entry.edit(Some(text));
        self.add_entry(entry);
        self.selection = vec![Arc::clone(file)];
    }

    /// Remembers a folder that was opened.
    pub(crate) fn remember_folder(&mut self, folder: &Path) {
        let folder = disk::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        self.recent.retain(|known| *known != folder);
        self.recent.insert(0, folder);
        self.recent.truncate(MOST_RECENT);
    }

    /// Gives a file of the list another name, with its draft and with the designs that are made of it.
    pub(super) fn move_entry(&mut self, from: &FilePath, to: &FilePath) {
        self.kept.rename(from, to);
        self.onnx.rename(from, to);
        let Some(mut entry) = self.entries.remove(from) else { return };
        entry.file = Arc::clone(to);
        self.entries.insert(Arc::clone(to), entry);
        let designs = self.entries.values_mut().filter_map(|entry| entry.design.as_mut());
        let bases = designs.map(|design| &mut design.from);
        let places = self.selection.iter_mut().chain(&mut self.added).chain(bases);
        places.filter(|known| *known == from).for_each(|known| *known = Arc::clone(to));
    }

    pub(super) fn renamed(&mut self, from: &FilePath, to: &FilePath, commands: &mut Commands) {
        self.move_entry(from, to);
        commands.push(Command::Start(Job::Read(self.read_request(to))));
        commands.push(Command::Start(Job::List(self.folder.clone())));
    }

    /// Takes files off the list that are in the trash; says why others are not.
    pub(super) fn trashed(
        &mut self,
        files: Vec<(FilePath, Result<(), String>)>,
        commands: &mut Commands,
    ) {
        for (file, result) in files {
            let name = file_name(&file);
            let message = match result {
                Ok(()) => {
                    self.forget(&file);
                    self.onnx.forget(&file);
                    Message::Done(format!("moved {name} to the trash"))
                }
                Err(why) => Message::Problem(format!("{name} was not deleted: {why}")),
            };
            self.messages.push(message);
        }
        commands.push(Command::Start(Job::List(self.folder.clone())));
    }

    /// Takes a file off the list.
    pub(super) fn forget(&mut self, file: &FilePath) {
        self.entries.remove(file);
        self.added.retain(|known| known != file);
        self.selection.retain(|known| known != file);
    }
}
