//! How the tabs of the window are arranged and drawn.

use egui::{Ui, WidgetText};
use egui_tiles::{
    Behavior, Container, SimplificationOptions, Tile, TileId, Tiles, Tree, UiResponse,
};

use crate::{
    IN_BROWSER,
    command::Commands,
    model::Model,
    pane::Pane,
    panels::{Panels, nothing},
};

/// The name of the arrangement.
const PANES: &str = "panes";

/// All tabs in one place.
pub(crate) fn arranged() -> Tree<Pane> {
    Tree::new_tabs(egui::Id::unique(PANES), Pane::ALL.to_vec())
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

/// Whether the text and the graph are not in one place.
pub(crate) fn is_beside(tree: &Tree<Pane>) -> bool {
    let place = |pane| tree.tiles.parent_of(tree.tiles.find_pane(&pane)?);
    place(Pane::Graph) != place(Pane::Source)
}

/// The tab at the front of the place where the graph is.
fn front(tree: &Tree<Pane>) -> Option<Pane> {
    let place = tree.tiles.parent_of(tree.tiles.find_pane(&Pane::Graph)?)?;
    match tree.tiles.get(place)? {
        Tile::Container(Container::Tabs(tabs)) => tree.tiles.get_pane(&tabs.active?).copied(),
        Tile::Container(_) | Tile::Pane(_) => None,
    }
}

/// Puts the text beside the other tabs, with the graph at the front, or back among them: behind the tab that took the
/// place of the graph, if one did.
pub(crate) fn toggle_beside(tree: &mut Tree<Pane>) {
    if is_beside(tree) {
        let other = front(tree).filter(|pane| *pane != Pane::Graph);
        *tree = arranged();
        show(tree, other.unwrap_or(Pane::Source));
        return;
    }
    let mut tiles = Tiles::default();
    let others = Pane::ALL.into_iter().filter(|pane| *pane != Pane::Source);
    let others: Vec<TileId> = others.map(|pane| tiles.insert_pane(pane)).collect();
    let left = tiles.insert_tab_tile(others);
    let source = tiles.insert_pane(Pane::Source);
    let right = tiles.insert_tab_tile(vec![source]);
    let root = tiles.insert_horizontal_tile(vec![left, right]);
    *tree = Tree::new(egui::Id::unique(PANES), root, tiles);
    show(tree, Pane::Graph);
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
        if let Some(text) = pane.needs_program().filter(|_| IN_BROWSER) {
            nothing(ui, text);
            return UiResponse::None;
        }
        match pane {
            Pane::Graph => panels.graph.ui(ui, model, commands),
            Pane::Source => panels.source.ui(ui, model, commands),
            Pane::Design => panels.design.ui(ui, model, commands),
            Pane::Tradeoff => panels.tradeoff.ui(ui, model, commands),
            Pane::Compare => panels.compare.ui(ui, model, commands),
            Pane::Run => panels.run.ui(ui, model, commands),
            Pane::Train => panels.train.ui(ui, model, commands),
            Pane::Explore => panels.explore.ui(ui, model, commands),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_front_stays_there_when_the_text_goes_back() {
        let mut tree = arranged();
        for (shown, expected) in [
            (Pane::Graph, Pane::Source),
            (Pane::Design, Pane::Design),
            (Pane::Tradeoff, Pane::Tradeoff),
        ] {
            toggle_beside(&mut tree);
            assert!(is_beside(&tree));
            show(&mut tree, shown);
            toggle_beside(&mut tree);
            assert!(!is_beside(&tree));
            assert_eq!(front(&tree), Some(expected));
        }
    }
}
