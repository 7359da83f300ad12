//! A network that is being changed in the window.

use std::{path::PathBuf, sync::Arc};

use inceptive_app::{Content, Inspected, NewFile, SaveError};
use inceptive_dsl::Settables;

use crate::{
    file::FilePath,
    jobs::{DesignRequest, Designed},
};

/// A network that is being changed in the window.
#[derive(Debug, Default)]
pub struct Design {
    /// The last request that was counted.
    pub request: Option<DesignRequest>,
    /// The network without changes.
    pub base: Option<Arc<Inspected>>,
    /// The settable values; `None` for a space, which has variables instead.
    pub settables: Option<Arc<Settables>>,
    /// The network with the changes; while they do not fit, as it was when they did.
    pub network: Option<Arc<Inspected>>,
    /// Why the changes do not fit.
    pub problem: Option<String>,
    /// The last file that was saved, and the outcome.
    pub saved: Option<(NewFile, Result<PathBuf, SaveError>)>,
}

impl Design {
    /// Whether it is about this reading of a file.
    pub fn is_about(&self, base: &Content) -> bool {
        self.request.as_ref().is_some_and(|request| request.is_about(base))
    }

    /// The network of a file with changes; `None` without changes, if they are invalid, or if another file is being
    /// changed.
    pub fn changed(&self, file: &FilePath) -> Option<&Arc<Inspected>> {
        let is_it = self.request.as_ref().is_some_and(|request| request.file == *file);
        let fits = self.problem.is_none();
        self.network.as_ref().filter(|_| is_it && fits && self.is_changed())
    }

    /// Whether something is set.
    pub fn is_changed(&self) -> bool {
        self.request.as_ref().is_some_and(|request| !request.settings.is_empty())
    }

    /// Stores the result of counting.
    pub(super) fn take_in(&mut self, request: DesignRequest, designed: Designed) {
        if !self.is_about(&request.base) {
            *self = Self::default();
        }
        self.problem = match designed.network {
            Ok(network) => {
                if request.settings.is_empty() {
                    self.base = Some(Arc::clone(&network));
                }
                self.network = Some(network);
                None
            }
            Err(problem) => Some(problem),
        };
        if designed.settables.is_some() {
            self.settables = designed.settables;
        }
        self.request = Some(request);
    }
}
