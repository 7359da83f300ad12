//! A file of the open folder.

use std::{path::absolute, sync::Arc};

use inceptive_app::{Content, Inspected, ReadError};
use inceptive_dsl::Space;

use crate::{
    drafts::Draft,
    file::{FilePath, stem},
    jobs::{Reading, SaveProblem},
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
}

impl Entry {
    /// A file that was not read yet.
    pub(crate) fn new(file: &FilePath) -> Self {
        Self {
            file: Arc::clone(file),
            state: State::Unread,
            network: None,
            good: None,
            text: None,
            draft: None,
            base: None,
            save_problem: None,
            is_restored: false,
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

    /// The text to save, and the content that the file must have before: the draft, or else the last text of a deleted
    /// file.
    pub fn to_save(&self) -> Option<(&Arc<str>, Option<&Arc<str>>)> {
        match (&self.draft, &self.text, &self.state) {
            (Some(draft), ..) => Some((draft, self.base.as_ref())),
            // Another file may be there by the time.
            (None, Some(text), State::Gone) => Some((text, Some(text))),
            (None, ..) => None,
        }
    }

    /// The draft, to be kept for the next run.
    pub(crate) fn to_keep(&self) -> Option<Draft> {
        let text = self.draft.as_ref()?.to_string();
        let file = absolute(&self.file).unwrap_or_else(|_| self.file.to_path_buf());
        Some(Draft { file, text, base: self.base.as_ref().map(ToString::to_string) })
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
        self.text = Some(text);
        self.is_restored = false;
    }

    /// Stores the result of reading a text in the editor or the file.
    pub(super) fn take_in(&mut self, reading: Reading) {
        let Reading { text, draft, is_gone, result, .. } = reading;
        if !is_gone {
            self.text = text;
        }
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
                State::Good(content)
            }
            Err(error) => State::Wrong(Arc::new(error)),
        };
        // A folder may have been listed without the file while its text was read. Mistakes of a draft are said first.
        if is_gone && (self.draft.is_none() || !self.is_wrong()) {
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
            let edited = OverlayFiles { path: file.to_path_buf(), text: Arc::clone(&text) };
            let mut entry = Entry::new(&file);
            entry.edit(Some(Arc::clone(&text)));
            let (file, result) = (Arc::clone(&file), inspect(&edited, &file));
            entry.take_in(Reading { file, text: None, is_gone, draft: Some(text), result });
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
