//! How the tabs of the window are arranged and drawn.

use egui::{Ui, WidgetText};
use egui_tiles::{Behavior, SimplificationOptions, Tile, TileId, Tree, UiResponse};

use crate::{command::Commands, model::Model, pane::Pane, panels::Panels};

/// All tabs in one place.
pub(crate) fn arranged() -> Tree<Pane> {
    Tree::new_tabs(egui::Id::unique("panes"), Pane::ALL.to_vec())
}

/// A saved arrangement if it has every tab, else the usual one: an earlier version may have had others.
pub(crate) fn restored(saved: Option<Tree<Pane>>) -> Tree<Pane> {
    let has_all =
        |tree: &Tree<Pane>| Pane::ALL.iter().all(|pane| tree.tiles.find_pane(pane).is_some());
    saved.filter(has_all).unwrap_or_else(arranged)
}

/// Brings a tab to the front.
pub(crate) fn show(tree: &mut Tree<Pane>, wanted: Pane) {
    tree.make_active(|_, tile| matches!(tile, Tile::Pane(pane) if *pane == wanted));
}

/// Draws tabs.
pub(crate) struct Screens<'a> {
    pub panels: &'a mut Panels,
    pub model: &'a Model,
    pub commands: &'a mut Commands,
}

impl Behavior<Pane> for Screens<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, _: TileId, pane: &mut Pane) -> UiResponse {
        let Self { panels, model, commands } = self;
        match pane {
            Pane::Graph => panels.graph.ui(ui, model, commands),
            Pane::Source => panels.source.ui(ui, model, commands),
            Pane::Design => panels.design.ui(ui, model, commands),
            Pane::Tradeoff => panels.tradeoff.ui(ui, model, commands),
            Pane::Compare => panels.compare.ui(ui, model, commands),
            Pane::Run => panels.run.ui(ui, model, commands),
            Pane::Train => panels.train.ui(ui, model, commands),
        }
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, pane: &Pane) -> WidgetText {
        let has_draft = self.model.current().is_some_and(|entry| entry.draft.is_some());
        match pane {
            Pane::Source if has_draft => format!("{} •", pane.title()).into(),
            _ => pane.title().into(),
        }
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions { all_panes_must_have_tabs: true, ..SimplificationOptions::default() }
    }
}
