//! The command palette: every action by name, with its keys; typing filters, Enter does the first or the chosen one.

use egui::{
    Button, Context, Id, Key, Modifiers, RichText, Role, ScrollArea, TextEdit, Ui, WidgetInfo,
};

use crate::{
    actions::{Action, Scope, Spec, TABLE, asked, choose, latest_action, set_enter_moves},
    command::{Command, Commands},
    model::Model,
    panels::question,
    theme::colors,
};

/// Its size, in points.
const WIDTH: f32 = 420.0;
const HEIGHT: f32 = 320.0;

/// Room around it in a low window.
const AROUND: f32 = 120.0;

/// The palette.
#[derive(Default)]
pub(crate) struct Palette {
    is_open: bool,
    wanted: String,
    /// The row that Enter does.
    at: usize,
    /// Whether that row is to be brought into view.
    moved: bool,
}

impl Palette {
    /// Opens or closes it if that is asked for, unless a question is open.
    pub fn take_key(&mut self, ctx: &Context) {
        let is_asked = ctx.memory(|memory| memory.top_modal_layer().is_some());
        if (self.is_open || !is_asked) && asked(ctx, Action::Palette) {
            *self = Self { is_open: !self.is_open, ..Self::default() };
        }
        set_enter_moves(ctx, self.is_open);
    }

    /// Draws it if it is open.
    pub fn ui(&mut self, ctx: &Context, model: &Model, commands: &mut Commands) {
        if !self.is_open {
            return;
        }
        let found = found(self.wanted.trim(), latest_action(ctx));
        let done = question(ctx, "palette", WIDTH, |ui| {
            self.keys(ui, found.len());
            let enters = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
            self.field(ui);
            let clicked = self.list(ui, &found, model);
            clicked.or_else(|| found.get(self.at).filter(|_| enters).copied())
        });
        let chosen = done.inner.filter(|spec| spec.need.missing(model).is_none());
        if let Some(spec) = chosen {
            if let Scope::Tab(pane) = spec.scope {
                commands.push(Command::Show(pane));
            }
            choose(ctx, spec.action);
        }
        if chosen.is_some() || done.should_close() {
            *self = Self::default();
        }
    }

    /// Takes the keys that go through the list.
    fn keys(&mut self, ui: &Ui, count: usize) {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let before = self.at;
        if pressed(Key::ArrowDown) {
            self.at += 1;
        }
        if pressed(Key::ArrowUp) {
            self.at = self.at.saturating_sub(1);
        }
        self.at = self.at.min(count.saturating_sub(1));
        self.moved |= self.at != before;
    }

    fn field(&mut self, ui: &mut Ui) {
        let id = Id::unique("search actions");
        let field = TextEdit::singleline(&mut self.wanted).id(id).hint_text("Search actions");
        let response = ui.add(field.desired_width(f32::INFINITY));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Search actions"));
        if response.changed() {
            (self.at, self.moved) = (0, true);
        }
        if response.enabled() && !response.has_focus() {
            response.request_focus();
        }
    }

    /// Draws the actions; returns one that was clicked.
    fn list(
        &mut self,
        ui: &mut Ui,
        found: &[&'static Spec],
        model: &Model,
    ) -> Option<&'static Spec> {
        let mut clicked = None;
        let height = HEIGHT.min(ui.ctx().content_rect().height() - AROUND).max(60.0);
        let area = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
        area.auto_shrink(false).show(ui, |ui| {
            if found.is_empty() {
                ui.label(RichText::new("No matches").weak());
            }
            for (index, spec) in found.iter().enumerate() {
                let missing = spec.need.missing(model);
                let title = title(spec);
                let right = missing.map_or_else(|| spec.keys_text(), str::to_owned);
                let button = Button::selectable(index == self.at, title)
                    .right_text(RichText::new(right).color(colors(ui).weak))
                    .min_size([ui.available_width(), 0.0].into());
                let response = ui.add_enabled(missing.is_none(), button);
                if response.clicked() {
                    clicked = Some(*spec);
                }
                if index == self.at && self.moved {
                    response.scroll_to_me(None);
                }
            }
        });
        self.moved = false;
        clicked
    }
}

/// `Graph: Fit to window`.
fn title(spec: &Spec) -> String {
    match spec.scope {
        Scope::Everywhere | Scope::Files => spec.name.to_owned(),
        Scope::Tab(pane) => format!("{}: {}", pane.title(), spec.name),
    }
}

/// The actions that contain every word of a text: first those that begin with it. Without a text, the latest comes first.
fn found(text: &str, latest: Option<Action>) -> Vec<&'static Spec> {
    let text = text.to_lowercase();
    let rank = |spec: &&Spec| match text.is_empty() {
        true => u8::from(Some(spec.action) != latest),
        false => {
            let (title, name) = (title(spec).to_lowercase(), spec.name.to_lowercase());
            u8::from(title != text)
                + u8::from(!title.starts_with(&text))
                + u8::from(!name.starts_with(&text))
        }
    };
    let matches = |spec: &&Spec| {
        let title = title(spec).to_lowercase();
        spec.action != Action::Palette && text.split_whitespace().all(|word| title.contains(word))
    };
    let mut found: Vec<&Spec> = TABLE.iter().filter(matches).collect();
    found.sort_by_key(rank);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_comes_first() {
        let first = |text| found(text, None)[0].action;
        assert_eq!(first("fit"), Action::Fit);
        assert_eq!(first("run: start"), Action::StartRun);
        assert_eq!(first("start train"), Action::StartTraining);
        assert!(found("no such action", None).is_empty());
        assert_eq!(found("", Some(Action::Replace))[0].action, Action::Replace);
    }
}
