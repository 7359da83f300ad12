//! A file of the open folder, or a design that is not a file yet.

use std::{sync::Arc, time::SystemTime};

use inceptive_app::{Content, Inspected, ReadError, Request};
use inceptive_dsl::{Setting, Space};
use inceptive_files::disk;

use super::Design;
use crate::{
    drafts::{Draft, DraftDesign},
    file::{FilePath, stem},
    jobs::{DesignReading, DesignRequest, Expected, Made, Reading, SaveProblem, Text},
};

/// What the last reading of a file gave.
#[derive(Clone, Debug, Default)]
pub enum State {
    /// It was not read yet.
    #[default]
    Unread,
    /// It is right.
    Good(Content),
    /// Something is wrong with it.
    Wrong(Arc<ReadError>),
    /// It was deleted or moved.
    Gone,
}

/// The content of a file when it was last right.
#[derive(Clone, Debug)]
pub struct Good {
    /// The content.
    pub content: Content,
    /// The text that it was read from; `None` of an ONNX file.
    pub text: Option<Arc<str>>,
}

/// A file of the open folder.
#[derive(Debug)]
pub struct Entry {
    /// The file.
    pub file: FilePath,
    /// What the last reading gave, of the draft if there is one.
    pub state: State,
    /// The network, as it was when the file was last right.
    pub network: Option<Arc<Inspected>>,
    /// The content, as it was when the file was last right.
    pub good: Option<Good>,
    /// When the file was written, as last read.
    pub written: Option<SystemTime>,
    /// The text on the disk as last read; `None` if it is not text, such as an ONNX file.
    pub text: Option<Arc<str>>,
    /// The text in the editor if it is not that on the disk.
    pub draft: Option<Arc<str>>,
    /// The text on the disk that the draft began with.
    pub base: Option<Arc<str>>,
    /// Why the draft could not be saved.
    pub save_problem: Option<SaveProblem>,
    /// Whether the draft was restored from an earlier run and not edited since.
    pub is_restored: bool,
    /// What was set of an ONNX file when it was read last.
    pub settings: Vec<Setting>,
    /// How it is made of another network; `None` if its text is written by hand.
    pub design: Option<Design>,
    /// The design that it was before its text was edited by hand, with its text then.
    left: Option<(Design, Option<Arc<str>>)>,
}

impl Entry {
    /// A file that was not read yet.
    pub(crate) fn new(file: &FilePath) -> Self {
        Self {
            file: Arc::clone(file),
            state: State::Unread,
            network: None,
            good: None,
            written: None,
            text: None,
            draft: None,
            base: None,
            save_problem: None,
            is_restored: false,
            settings: vec![],
            design: None,
            left: None,
        }
    }

    /// A file with a draft of an earlier run, which began with `base`.
    pub(crate) fn restored(file: &FilePath, draft: Arc<str>, base: Option<Arc<str>>) -> Self {
        Self {
            // As far as is known before it is read.
            text: base.clone(),
            draft: Some(draft),
            base,
            is_restored: true,
            ..Self::new(file)
        }
    }

    /// A design that is not written yet. Until it is counted it shows the network that it is made of.
    pub(crate) fn designed(
        file: &FilePath,
        design: Design,
        network: Option<Arc<Inspected>>,
    ) -> Self {
        Self { network, design: Some(design), ..Self::new(file) }
    }

    /// Whether it was never written: it is a design, or a text that was made of one. A file of its name may be there by
    /// now, from another program.
    pub const fn is_new(&self) -> bool {
        let has_text = self.draft.is_some() || self.text.is_none();
        let is_made = self.draft.is_some() || self.design.is_some();
        is_made && has_text && self.base.is_none()
    }

    /// The file with its text in the editor.
    pub(crate) fn edited(&self) -> Text {
        Text { file: Arc::clone(&self.file), text: self.draft.clone() }
    }

    /// The file with the text that was last right.
    pub(crate) fn valid(&self) -> Text {
        match (&self.state, &self.good) {
            (State::Wrong(_), Some(good)) => {
                Text { file: Arc::clone(&self.file), text: good.text.clone() }
            }
            _ => self.edited(),
        }
    }

    /// The network as commands name it once it is written.
    pub fn named(&self) -> Request {
        self.request().unwrap_or_else(|| self.written())
    }

    /// The network in the file on the disk, as commands name it.
    pub fn written(&self) -> Request {
        Request { file: self.file.to_path_buf(), settings: self.settings.clone() }
    }

    /// The network as commands name it: a design that is not written, by its settings. `None` if it has to be written
    /// first.
    pub fn request(&self) -> Option<Request> {
        match &self.design {
            Some(design) if self.draft.is_some() || self.is_new() => {
                let settings = design.settings();
                Some(Request { file: design.from.to_path_buf(), settings })
            }
            _ if self.is_new() => None,
            _ => Some(self.written()),
        }
    }

    /// Its name: that of the network if there is one.
    pub fn name(&self) -> String {
        match (self.space(), &self.network) {
            (Some(space), _) => space.title.clone(),
            (_, Some(network)) => network.architecture.name.clone(),
            _ => stem(&self.file),
        }
    }

    /// Whether it has errors or was deleted.
    pub const fn is_wrong(&self) -> bool {
        matches!(self.state, State::Wrong(_) | State::Gone)
    }

    /// The space in the file, as it was when the file was last right.
    pub fn space(&self) -> Option<&Arc<Space>> {
        match &self.good.as_ref()?.content {
            Content::Space(space) => Some(space),
            Content::Network(_) | Content::Library(_) => None,
        }
    }

    /// The text that is shown: the draft, else that on the disk.
    pub fn shown_text(&self) -> Option<&Arc<str>> {
        self.draft.as_ref().or(self.text.as_ref())
    }

    /// The text to save, and what must be at its place before: the draft, or else the last text of a deleted file.
    pub fn to_save(&self) -> Option<(&Arc<str>, Expected)> {
        match (&self.draft, &self.text, &self.state) {
            (Some(draft), ..) => {
                let base = self.base.clone();
                Some((draft, base.map_or(Expected::Nothing, Expected::Text)))
            }
            // Another file may be there by the time.
            (None, Some(text), State::Gone) => Some((text, Expected::Text(Arc::clone(text)))),
            (None, ..) => None,
        }
    }

    /// The draft, to be kept for the next run.
    pub(crate) fn to_keep(&self) -> Option<Draft> {
        Some(self.kept(self.draft.as_ref()?, self.base.as_ref()))
    }

    fn kept(&self, text: &Arc<str>, base: Option<&Arc<str>>) -> Draft {
        let whole = |file: &FilePath| disk::absolute(file).unwrap_or_else(|_| file.to_path_buf());
        let design = self.design.as_ref().map(|design| DraftDesign {
            from: whole(&design.from),
            name: design.name.clone(),
            history: design.history.clone(),
        });
        let base = base.map(ToString::to_string);
        Draft { file: whole(&self.file), text: text.to_string(), base, design }
    }

    /// Whether another program wrote to the file since the draft was begun.
    pub fn changed_elsewhere(&self) -> bool {
        self.draft.is_some() && self.text != self.base
    }

    /// Takes a text instead of that on the disk; none goes back to the disk.
    pub(crate) fn edit(&mut self, text: Option<Arc<str>>) {
        let began = self.draft.is_some();
        self.save_problem = None;
        self.is_restored = false;
        self.draft = text.filter(|text| self.text.as_ref() != Some(text));
        match (began, &self.draft) {
            (_, None) => self.base = None,
            (false, Some(_)) => self.base.clone_from(&self.text),
            (true, Some(_)) => {}
        }
    }

    /// Takes a text that was typed. A design is one again when a text that sliders can make is read.
    pub(crate) fn type_in(&mut self, text: Option<Arc<str>>) {
        if text.is_some() && text.as_ref() == self.shown_text() {
            self.save_problem = None;
            return;
        }
        self.leave_design();
        self.edit(text);
    }

    fn leave_design(&mut self) {
        if let Some(design) = self.design.take() {
            self.left = Some((design, self.shown_text().cloned()));
        }
    }

    /// Makes it a design again if the text that was just read is one that sliders can make, or that of a design that is
    /// known: `kept` has this text by the settings of an earlier run.
    fn recognise(&mut self, made: Option<Made>, kept: Option<Design>) {
        let is_saved = self.draft.is_none();
        let is_other = |design: &Design| is_saved && design.is_saved_otherwise(self.text.as_ref());
        if self.design.as_ref().is_some_and(is_other) {
            // Another program wrote the file.
            self.leave_design();
        }
        if self.design.is_some() || (self.left.is_none() && !is_saved) {
            return;
        }
        let text = self.shown_text().cloned();
        let found = match (self.left.take(), made, kept) {
            (Some((design, known)), ..) if known == text => Some(design),
            (Some((mut design, _)), ..) if is_saved && design.is_saved_as(text.as_ref()) => {
                design.revert();
                Some(design)
            }
            (Some((mut design, _)), Some(made), _) if design.from == made.from => {
                design.take_typed(made);
                Some(design)
            }
            (_, _, Some(kept)) if is_saved => Some(kept),
            (_, Some(made), _) if is_saved => Some(Design::made(made)),
            (left, ..) => {
                self.left = left;
                None
            }
        };
        if let Some(mut design) = found {
            design.is_as_read();
            if let (true, Some(text)) = (is_saved, &text) {
                design.written(text);
            }
            self.design = Some(design);
        }
    }

    /// Goes back to the text on the disk, and to the settings that it has.
    pub(super) fn revert(&mut self) {
        if !self.design.as_mut().is_some_and(Design::revert) {
            self.leave_design();
        }
        self.edit(None);
    }

    /// The file that it is made of, or was before its text was edited by hand.
    pub(super) fn made_of(&self) -> Option<&FilePath> {
        let left = self.left.as_ref().map(|(design, _)| design);
        self.design.as_ref().or(left).map(|design| &design.from)
    }

    /// Takes in a design as it was counted, unless it has changed since.
    pub(super) fn take_design(
        &mut self,
        request: &DesignRequest,
        reading: Result<Box<DesignReading>, ReadError>,
    ) {
        if !self.design.as_ref().is_some_and(|design| design.is_about(request)) {
            return;
        }
        match reading {
            Ok(reading) => {
                let DesignReading { text, content: result, stopped } = *reading;
                if let (Some(design), Ok(_)) = (&mut self.design, &result) {
                    design.take_counted(stopped);
                }
                let (is_restored, file) = (self.is_restored, Arc::clone(&self.file));
                self.edit(Some(text));
                if let (Some(design), Some(text), None) =
                    (&mut self.design, &self.text, &self.draft)
                {
                    design.written(text);
                }
                // Counting it again changes nothing.
                self.is_restored = is_restored && self.draft.is_some();
                let (text, draft, written) = (self.text.clone(), self.draft.clone(), self.written);
                let is_gone = false;
                let (made, settings) = (None, vec![]);
                let reading =
                    Reading { file, settings, text, is_gone, written, draft, result, made };
                self.take_in(reading, None);
            }
            Err(error) => self.state = State::Wrong(Arc::new(error)),
        }
    }

    /// Takes in what came of saving a text.
    pub(super) fn saved(&mut self, text: Arc<str>, result: Result<(), SaveProblem>) {
        if let Err(problem) = result {
            self.save_problem = Some(problem);
            return;
        }
        self.save_problem = None;
        // The user may have typed more.
        self.draft = self.draft.take().filter(|draft| *draft != text);
        self.base = self.draft.is_some().then(|| Arc::clone(&text));
        if let Some(design) = self.design.as_mut().filter(|_| self.draft.is_none()) {
            design.written(&text);
        }
        self.text = Some(text);
        self.is_restored = false;
    }

    /// The design that its file on the disk is, with the steps that led to it.
    pub(super) fn saved_design(&self) -> Option<Draft> {
        let design = self.design.as_ref().filter(|_| self.draft.is_none())?;
        let text = self.text.as_ref().filter(|text| design.is_saved_as(Some(text)))?;
        Some(self.kept(text, Some(text)))
    }

    /// Stores the result of reading a text in the editor or the file; `kept` is the design of an earlier run with this
    /// text.
    pub(super) fn take_in(&mut self, reading: Reading, kept: Option<Design>) {
        let Reading { settings, text, draft, is_gone, written, result, made, .. } = reading;
        self.settings = settings;
        if !is_gone {
            self.text = text;
        }
        self.written = written;
        // The text may have changed while it was read; another reading is on its way then.
        if draft != self.draft {
            return;
        }
        if self.draft.is_some() && self.draft == self.text {
            // Another program wrote the same text.
            self.edit(None);
        }
        self.state = match result {
            Ok(content) => {
                let content = match (content, self.network.take()) {
                    // An unchanged network stays the same value, so that it is not laid out again.
                    (Content::Network(new), Some(old)) if old.is_same(&new) => {
                        Content::Network(old)
                    }
                    (content, _) => content,
                };
                if let Content::Network(network) = &content {
                    self.network = Some(Arc::clone(network));
                }
                let text = self.shown_text().cloned();
                self.good = Some(Good { content: content.clone(), text });
                self.recognise(made, kept);
                State::Good(content)
            }
            Err(error) => State::Wrong(Arc::new(error)),
        };
        // A folder may have been listed without the file while its text was read. Mistakes of a draft are said first.
        if is_gone && !self.is_new() && (self.draft.is_none() || !self.is_wrong()) {
            self.vanish();
        }
    }

    /// Marks the file as deleted. Its last known content is kept.
    pub(super) fn vanish(&mut self) {
        self.state = State::Gone;
    }

    /// Whether nothing is known about the file as it is now.
    pub(super) const fn needs_reading(&self) -> bool {
        matches!(self.state, State::Unread | State::Gone)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use inceptive_app::{OverlayFiles, inspect};

    use super::*;

    #[test]
    fn a_file_stays_gone_when_its_draft_was_still_being_read() {
        let file: FilePath = Arc::from(Path::new("/nowhere/tiny.yaml"));
        let read = |text: &str, is_gone| {
            let text: Arc<str> = Arc::from(text);
            let edited = OverlayFiles::one(file.to_path_buf(), Arc::clone(&text));
            let mut entry = Entry { text: Some("".into()), ..Entry::new(&file) };
            entry.edit(Some(Arc::clone(&text)));
            let (file, result) = (Arc::clone(&file), inspect(&edited, &file, &[]));
            let (text, draft, written, made) = (None, Some(text), None, None);
            let settings = vec![];
            let reading = Reading { file, settings, text, is_gone, written, draft, result, made };
            entry.take_in(reading, None);
            entry
        };
        let text =
            "name: Tiny\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - relu\ntail: gap\n";
        assert!(matches!(read(text, false).state, State::Good(_)));
        let gone = read(text, true);
        assert!(matches!(gone.state, State::Gone) && gone.network.is_some());
        assert!(matches!(read("name: {", true).state, State::Wrong(_)));
    }
}
