//! A file of the open folder.

use std::sync::Arc;

use inceptive_jobs::{Content, Inspected, ReadError};

use super::{FilePath, stem};

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

/// A file of the open folder.
#[derive(Debug)]
pub struct Entry {
    /// The file.
    pub file: FilePath,
    /// What the last reading gave, of the draft if there is one.
    pub state: State,
    /// The network, as it was when the file was last right.
    pub network: Option<Arc<Inspected>>,
    /// The text in the editor if it is not that on the disk.
    pub draft: Option<Arc<str>>,
}

impl Entry {
    /// A file that was not read yet.
    pub(crate) fn new(file: &FilePath) -> Self {
        Self { file: Arc::clone(file), state: State::Unread, network: None, draft: None }
    }

    /// Its name: that of the network if there is one.
    pub fn name(&self) -> String {
        match (&self.state, &self.network) {
            (State::Good(Content::Space(space)), _) => space.title.clone(),
            (_, Some(network)) => network.architecture.name.clone(),
            _ => stem(&self.file),
        }
    }

    /// Whether it has mistakes or is gone.
    pub const fn is_wrong(&self) -> bool {
        matches!(self.state, State::Wrong(_) | State::Gone)
    }

    /// Takes in what a reading gave, of a text in the editor or of the file.
    pub(super) fn take_in(&mut self, text: Option<Arc<str>>, result: Result<Content, ReadError>) {
        // The text may have changed while it was read; another reading is on its way then.
        if text != self.draft {
            return;
        }
        self.state = match result {
            Ok(Content::Network(new)) => {
                // A network that is the same stays the same value, so that nothing is laid out again.
                let network = match self.network.take() {
                    Some(old) if old.is_same(&new) => old,
                    _ => new,
                };
                self.network = Some(Arc::clone(&network));
                State::Good(Content::Network(network))
            }
            Ok(other) => {
                self.network = None;
                State::Good(other)
            }
            Err(error) => State::Wrong(Arc::new(error)),
        };
    }

    /// The file is not there any more. What is known about it stays.
    pub(super) fn vanish(&mut self) {
        self.state = State::Gone;
    }

    /// Whether nothing is known about the file as it is now.
    pub(super) const fn needs_reading(&self) -> bool {
        matches!(self.state, State::Unread | State::Gone)
    }
}
