//! Making, counting, naming and discarding designs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use inceptive_app::{Content, Inspected, is_onnx};
use inceptive_dsl::{Constraint, Setting};
use inceptive_files::disk;

use super::{Design, Entry, Model};
use crate::{
    changes::Changes,
    drafts::DraftDesign,
    file::{FilePath, stem},
    jobs::{
        DesignRequest, Job, Keep, OriginalRequest, ReadRequest, Reading, StepCosts, StepsRequest,
    },
    targets::Targets,
};

impl Model {
    /// The current network, if it is a design.
    pub fn shown_design(&self) -> Option<&Arc<Inspected>> {
        let entry = self.current().filter(|entry| entry.design.is_some())?;
        entry.network.as_ref()
    }

    /// The network that the current one is made of.
    pub fn base_of_design(&self) -> Option<&Arc<Inspected>> {
        let design = self.current()?.design.as_ref()?;
        let original = self.original.as_ref().filter(|it| it.request.text.file == design.from);
        original?.network.as_ref().ok()
    }

    /// The file whose sliders are shown for an entry: the one that it is made of, or itself.
    pub fn original_of<'a>(&'a self, entry: &'a Entry) -> Option<&'a Entry> {
        match &entry.design {
            Some(design) => self.entries.get(&design.from),
            None => Some(entry),
        }
    }

    /// The request to read a file, or its text in the editor.
    pub(crate) fn read_request(&self, file: &FilePath) -> ReadRequest {
        let entry = self.entries.get(file);
        let own = entry.map_or_else(
            || crate::jobs::Text { file: Arc::clone(file), text: None },
            Entry::edited,
        );
        let from = entry.and_then(|entry| self.entries.get(entry.made_of()?));
        let settings = match is_onnx(file) {
            true => self.onnx.of(file).settings(),
            false => vec![],
        };
        ReadRequest { own, from: from.map(Entry::valid), settings }
    }

    /// Takes in what was read of a file. A text that sliders can make of another network of the list makes it a design, and
    /// so does the text of a design of an earlier run.
    pub(super) fn take_reading(&mut self, mut reading: Reading) {
        let is_there = |from: &FilePath| self.entries.contains_key(from);
        reading.made = reading.made.take().filter(|made| is_there(&made.from));
        let text = reading.text.as_ref().filter(|_| reading.draft.is_none());
        let kept = text.and_then(|text| self.kept.of(&reading.file, text)?.design.clone());
        let kept = kept.map(|DraftDesign { from, name, history }| {
            Design::restored(self.in_folder(from), name, history)
        });
        let kept = kept.filter(|design| is_there(&design.from));
        if let Some(entry) = self.entries.get_mut(&reading.file) {
            entry.take_in(reading, kept);
        }
    }

    /// A whole path as files of the open folder are called.
    pub(crate) fn in_folder(&self, file: PathBuf) -> FilePath {
        let folder = disk::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        let inside = file.strip_prefix(&folder).map(|rest| self.folder.join(rest));
        Arc::from(inside.unwrap_or(file))
    }

    /// The job that looks up what can be set in a network or a space, if that is not known and not being looked up.
    pub(crate) fn wants_original(&self, entry: &Entry, content: &Content) -> Option<Job> {
        let is_known = self.original.as_ref().is_some_and(|it| it.is_about(&entry.file, content));
        let is_asked = self.jobs.active().any(
            |state| matches!(&state.job, Job::Original(it) if it.is_about(&entry.file, content)),
        );
        let request = OriginalRequest { text: entry.valid(), content: content.clone() };
        (!is_known && !is_asked).then_some(Job::Original(request))
    }

    /// What each of these steps of an entry's sliders costs, if that is known; else the job that counts it, unless it is
    /// being counted or the entry itself is.
    pub(crate) fn step_costs(
        &self,
        entry: &Entry,
        from: &Entry,
        steps: Vec<Setting>,
    ) -> (Option<&Arc<StepCosts>>, Option<Job>) {
        let settings = entry.design.as_ref().map(Design::settings).unwrap_or_default();
        let targets = self.targets_of(&from.file);
        let request = StepsRequest { from: from.valid(), settings, steps, targets };
        if let Some((_, costs)) = self.steps.as_ref().filter(|(known, _)| *known == request) {
            return (costs.as_ref(), None);
        }
        let is_busy = self.jobs.active().any(|state| match &state.job {
            Job::Steps(known) => *known == request,
            Job::Design(_) | Job::Original(_) => true,
            _ => false,
        });
        (None, (!is_busy).then_some(Job::Steps(request)))
    }

    /// Jobs that count designs as they are now. The newest settings are asked for when the last answer is there.
    pub(crate) fn wants_designs(&mut self) -> Vec<Job> {
        let mut jobs = Vec::new();
        let files: Vec<FilePath> = self
            .entries
            .values()
            .filter(|it| it.design.is_some())
            .map(|it| Arc::clone(&it.file))
            .collect();
        for file in files {
            let is_busy = self
                .jobs
                .active()
                .any(|state| matches!(&state.job, Job::Design(request) if request.file == file));
            if is_busy {
                continue;
            }
            let Some(request) = self.design_request(&file) else { continue };
            let design = self.entries.get_mut(&file).and_then(|entry| entry.design.as_mut());
            if design.is_some_and(|design| design.ask(&request)) {
                jobs.push(Job::Design(request));
            }
        }
        jobs
    }

    fn design_request(&self, file: &FilePath) -> Option<DesignRequest> {
        let design = self.entries.get(file)?.design.as_ref()?;
        let from = self.entries.get(&design.from).map_or_else(
            || crate::jobs::Text { file: Arc::clone(&design.from), text: None },
            Entry::valid,
        );
        let targets = self.targets_of(&design.from);
        let counted = design.counted.clone().filter(|_| !targets.is_empty());
        let keep = counted.map(|from| Keep { targets, from, snap: self.settings.snap });
        let (changes, name) = (design.changes().clone(), design.name.clone());
        Some(DesignRequest { file: Arc::clone(file), from, changes, name, keep })
    }

    /// What designs of a network or a space are kept within.
    pub(crate) fn targets_of(&self, file: &FilePath) -> Arc<[Constraint]> {
        let targets = self.targets.get(file).and_then(|targets| targets.conditions.clone().ok());
        targets.unwrap_or_default()
    }

    /// Takes other targets for the designs of a network or a space.
    pub(crate) fn set_targets(&mut self, of: &FilePath, text: String) {
        self.targets.insert(Arc::clone(of), Targets::new(text));
        let designs = self.entries.values_mut().filter_map(|entry| entry.design.as_mut());
        designs.filter(|design| design.from == *of).for_each(Design::release);
    }

    /// Makes a design of a network or a space, or of what a design is made of; returns its file.
    pub(crate) fn new_design(&mut self, of: &FilePath, changes: Changes) -> Option<FilePath> {
        let entry = self.entries.get(of)?;
        let from = self.original_of(entry).unwrap_or(entry);
        let folder = match from.space() {
            Some(space) => self.inside(space.base_file.parent()?),
            _ => from.file.parent()?.to_owned(),
        };
        let (stem, title) = (stem(&from.file), from.name());
        let (number, file) = (1_u32..)
            .map(|number| (number, folder.join(format!("{stem}-design-{number}.yaml"))))
            .find(|(_, file)| !self.is_taken(file))?;
        let file: FilePath = Arc::from(file);
        let design =
            Design::new(Arc::clone(&from.file), format!("{title} (design {number})"), changes);
        let new = Entry::designed(&file, design, from.network.clone());
        self.add_entry(new);
        Some(file)
    }

    /// A folder by its path in the open one, if it is in there.
    fn inside(&self, folder: &Path) -> PathBuf {
        let (whole, open) = (disk::canonicalize(folder), disk::canonicalize(&self.folder));
        match (&whole, &open) {
            (Ok(whole), Ok(open)) => match whole.strip_prefix(open) {
                Ok(rest) if rest.as_os_str().is_empty() => self.folder.clone(),
                Ok(rest) => self.folder.join(rest),
                Err(_) => whole.clone(),
            },
            _ => folder.to_owned(),
        }
    }

    /// Names the network of a design; a file that is not written is renamed. Returns its file, or why it cannot be named
    /// so.
    pub(crate) fn rename_design(
        &mut self,
        file: &FilePath,
        name: &str,
        file_name: &str,
    ) -> Result<FilePath, String> {
        let name = name.trim();
        if name.is_empty() {
            return Err("Enter a name for the network.".to_owned());
        }
        let Some(entry) = self.entries.get(file) else { return Ok(Arc::clone(file)) };
        let file_name =
            inceptive_app::yaml_file_name(file_name).map_err(|error| error.to_string())?;
        let renamed = file.with_file_name(&file_name);
        let is_moved = renamed != **file;
        if is_moved && !entry.is_new() {
            return Err("The file is written already; only the network can be renamed.".to_owned());
        }
        if is_moved && self.is_taken(&renamed) {
            return Err(format!("{file_name} exists already."));
        }
        let renamed: FilePath = if is_moved { Arc::from(renamed) } else { Arc::clone(file) };
        self.move_entry(file, &renamed);
        let Some(entry) = self.entries.get_mut(&renamed) else { return Ok(renamed) };
        if is_moved {
            // What another program wrote under the old name is not its text.
            (entry.text, entry.save_problem) = (None, None);
        }
        if let Some(design) = &mut entry.design {
            name.clone_into(&mut design.name);
        }
        Ok(renamed)
    }

    /// Forgets what is not saved of a file. One that was never saved is taken off the list, and what it was made of is
    /// selected instead. Returns whether it is to be read again.
    pub(crate) fn discard(&mut self, file: &FilePath) -> bool {
        let Some(entry) = self.entries.get_mut(file) else { return false };
        if !entry.is_new() {
            entry.revert();
            return true;
        }
        let from = entry.design.as_ref().map(|design| Arc::clone(&design.from));
        self.forget(file);
        if self.selection.is_empty() {
            self.selection.extend(from.filter(|from| self.entries.contains_key(from)));
        }
        false
    }
}
