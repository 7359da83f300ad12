//! Keeping texts that are not saved for the next run.

use std::{path::Path, sync::Arc, time::Duration};

use egui::Context;
use web_time::Instant;

use super::App;
use crate::{
    drafts::{Draft, DraftKeeper},
    file::FilePath,
    jobs::{Job, KeepRequest},
    model::{Entry, Message},
};

/// At most the text typed in this time is lost if the computer crashes.
const PAUSE: Duration = Duration::from_millis(500);

/// A file with its text.
type Text = (FilePath, Arc<str>);

/// Where drafts are kept, and which are there.
pub(super) struct Keeping {
    keeper: Arc<DraftKeeper>,
    kept: Vec<Text>,
    /// The version of the written designs that were kept.
    designs: u64,
    at: Instant,
    number: u64,
}

impl App {
    /// Takes a place for drafts in a folder, and drafts that earlier runs left there.
    pub(super) fn keep_in(&mut self, folder: &Path) {
        match DraftKeeper::open(folder) {
            Ok((keeper, drafts)) => {
                let (keeper, at) = (Arc::new(keeper), Instant::now());
                self.restore(drafts);
                let (kept, designs) = (self.drafts(), self.model.kept.version());
                self.keeping = Some(Keeping { keeper, kept, designs, at, number: 0 });
            }
            Err(error) => {
                let text = format!("unsaved changes cannot be kept for the next start: {error}");
                self.model.messages.push(Message::Problem(text));
            }
        }
    }

    fn drafts(&self) -> Vec<Text> {
        let entries = self.model.entries.values();
        let draft = |text: &Arc<str>| Arc::clone(text);
        entries
            .filter_map(|it| Some((Arc::clone(&it.file), it.draft.as_ref().map(draft)?)))
            .collect()
    }

    /// What is kept: written designs, and what is not saved if that is wanted.
    fn to_keep(&self, wants_drafts: bool) -> Arc<[Draft]> {
        let entries = self.model.entries.values().filter(|_| wants_drafts);
        let drafts = entries.filter_map(Entry::to_keep);
        self.model.kept.all().iter().cloned().chain(drafts).collect()
    }

    fn keep_request(&mut self, drafts: Arc<[Draft]>) -> Option<KeepRequest> {
        let keeping = self.keeping.as_mut()?;
        keeping.number += 1;
        Some(KeepRequest { keeper: Arc::clone(&keeping.keeper), number: keeping.number, drafts })
    }

    /// Keeps drafts if they are others than before.
    pub(super) fn keep_drafts(&mut self, ctx: &Context) {
        let (now, designs) = (self.drafts(), self.model.kept.version());
        let Some(keeping) = &mut self.keeping else { return };
        let is_same = |(a, b): (&Text, &Text)| a.0 == b.0 && Arc::ptr_eq(&a.1, &b.1);
        let are_same =
            now.len() == keeping.kept.len() && now.iter().zip(&keeping.kept).all(is_same);
        if are_same && designs == keeping.designs {
            return;
        }
        if keeping.at.elapsed() < PAUSE {
            ctx.request_repaint_after(PAUSE);
            return;
        }
        (keeping.kept, keeping.designs, keeping.at) = (now, designs, Instant::now());
        let drafts = self.to_keep(true);
        if let Some(request) = self.keep_request(drafts) {
            self.start(Job::KeepDrafts(request));
        }
    }

    /// Saves drafts before the window closes, or deletes them if they are to be discarded.
    pub(super) fn keep_at_exit(&mut self) {
        let drafts = self.to_keep(!self.closing.loses_drafts());
        if let Some(request) = self.keep_request(drafts) {
            // The window that could show it is closed.
            let _ = request.keeper.keep(request.number, &request.drafts);
        }
    }
}
