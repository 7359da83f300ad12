//! The buttons and menus above the picture.

use std::{path::Path, sync::Arc};

use egui::{Button, ComboBox, RichText, Ui};
use inceptive_app::Inspected;

use super::{
    Graph,
    canvas::Next,
    keys::Action,
    shading::Colour,
    view::{Layout, View},
};
use crate::{
    actions::{Action as Asked, asked},
    theme::colors,
};

/// Why a colour cannot be chosen.
const NOT_INSPECTED: &str =
    "Known after Inspect: train the network in Train, open the result of the run, press Inspect";

/// Buttons by groups: label, tooltip and action.
const BUTTONS: [&[(&str, &str, Action)]; 2] = [
    &[
        ("Fit", "Fit to window (F)", Action::Fit),
        ("−", "Smaller (-)", Action::Zoom(0.8)),
        ("+", "Larger (+)", Action::Zoom(1.25)),
        ("1:1", "Actual size (0)", Action::ActualSize),
    ],
    &[
        ("Expand all", "Expand every module (O)", Action::OpenAll),
        ("Collapse all", "Collapse every module (C)", Action::CloseAll),
    ],
];

impl Graph {
    pub(super) fn toolbar(
        &mut self,
        ui: &mut Ui,
        file: &Path,
        network: &Arc<Inspected>,
        (is_inspected, has_room): (bool, bool),
        action: &mut Option<Action>,
    ) {
        let graph = &network.architecture.graph;
        ui.add_space(3.0);
        ui.horizontal_wrapped(|ui| {
            ui.add_space(4.0);
            for group in BUTTONS {
                for (text, hint, does) in group {
                    if ui.button(*text).on_hover_text(*hint).clicked() {
                        *action = Some(*does);
                    }
                }
                ui.separator();
            }
            let layout = &mut self.views.layout.clone();
            let view = self.views.of(file, graph);
            let before = view.arrangement(*layout).open;
            match action {
                Some(Action::OpenAll) => view.open_all(graph),
                Some(Action::CloseAll) => view.close_all(),
                _ => {}
            }
            if view.arrangement(*layout).open != before {
                self.continuity.next = Next::Anew;
            }
            if choose_layout(ui, view, layout) {
                self.continuity.next = match layout {
                    Layout::Columns => Next::Whole,
                    Layout::Down | Layout::Right => Next::Anew,
                };
                self.hint = None;
            }
            self.views.layout = *layout;
            choose_colour(ui, &mut self.views.colour, is_inspected);
            if *action == Some(Action::Search) {
                self.search.focus();
            }
            if let Some(path) = self.search.ui(ui, network) {
                self.wanted = Some(path);
            }
            self.export.menu(ui, &crate::file::stem(file));
            self.details(ui, has_room);
            if let Some(text) = self.hint {
                ui.label(RichText::new(text).small().color(colors(ui).weak));
            }
        });
        ui.add_space(2.0);
    }
}

impl Graph {
    /// Shows or hides the details, in a window that has room for them.
    fn details(&mut self, ui: &mut Ui, has_room: bool) {
        let is_shown = has_room && !self.views.hides_details;
        let is_asked = asked(ui.ctx(), Asked::Details);
        let toggle = ui.add_enabled(has_room, Button::selectable(is_shown, "Details"));
        let toggle = toggle.on_disabled_hover_text(
            "No room for details: enlarge the window, or make the list of files narrower",
        );
        if has_room && (toggle.clicked() || is_asked) {
            self.views.hides_details = is_shown;
        }
    }
}

/// A choice of the layout; whether another one was chosen.
fn choose_layout(ui: &mut Ui, view: &mut View, layout: &mut Layout) -> bool {
    let shown = view.layout(*layout);
    let menu = ComboBox::from_id_salt("layout")
        .selected_text(format!("Layout: {}", shown.name()))
        .width(150.0);
    let asks = |choice: &Layout| {
        let action = match choice {
            Layout::Down => Asked::Down,
            Layout::Right => Asked::Right,
            Layout::Columns => Asked::Columns,
        };
        asked(ui.ctx(), action)
    };
    let mut chosen = Layout::ALL.into_iter().find(asks);
    let inner = menu.show_ui(ui, |ui| {
        for choice in Layout::ALL {
            if ui.selectable_label(choice == shown, choice.name()).clicked() {
                chosen = Some(choice);
            }
        }
    });
    if let Some(choice) = chosen {
        (*layout, view.is_folded, view.shape) = (choice, false, None);
    }
    inner.response.on_hover_text("Layout of the graph");
    chosen.is_some_and(|choice| choice != shown)
}

fn choose_colour(ui: &mut Ui, colour: &mut Colour, is_inspected: bool) {
    let menu = ComboBox::from_id_salt("colour")
        .selected_text(format!("Colour: {}", colour.name()))
        .width(190.0)
        .height(300.0);
    let inner = menu.show_ui(ui, |ui| {
        for choice in Colour::ALL {
            let is_known = is_inspected || !choice.is_found();
            let choose = |ui: &mut Ui| ui.selectable_value(colour, choice, choice.name());
            let entry = ui.add_enabled_ui(is_known, choose).inner;
            entry.on_disabled_hover_text(NOT_INSPECTED);
        }
    });
    inner.response.on_hover_text("Colour nodes by");
}
