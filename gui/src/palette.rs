//! The command palette: every action by name, with its keys, and the choices of lists; typing filters, Enter does the
//! first that can be done, or the chosen one.

use egui::{
    Button, Context, Id, Key, Modifiers, RichText, Role, ScrollArea, TextEdit, Ui, WidgetInfo,
};

use inceptive_cost::Convention;

use crate::{
    actions::{Action, Scope, Spec, TABLE, asked, choose, latest_action, set_enter_moves},
    command::{Command, Commands},
    format::compute_unit,
    model::Model,
    pane::Pane,
    panels::{question, tradeoff::Tradeoff},
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
    /// The row that Enter does, if the arrow keys went to one: else it is the first that can be done.
    at: Option<usize>,
    /// Whether that row is to be brought into view.
    moved: bool,
}

/// A row.
#[derive(Clone, Debug)]
struct Row {
    title: String,
    does: Does,
    /// What is written at its end: its keys, or why it cannot be done.
    note: String,
    can: bool,
}

/// What a row does.
#[derive(Clone, Debug, PartialEq)]
enum Does {
    Action(&'static Spec),
    Plot(String),
    Count(Convention),
}

impl Does {
    fn ask(self, ctx: &Context, commands: &mut Commands) {
        match self {
            Self::Action(spec) => {
                if let Scope::Tab(pane) = spec.scope {
                    commands.push(Command::Show(pane));
                }
                choose(ctx, spec.action);
            }
            Self::Plot(choice) => commands.push(Command::Plot(choice)),
            Self::Count(convention) => commands.push(Command::Count(convention)),
        }
    }
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
    pub fn ui(
        &mut self,
        ctx: &Context,
        model: &Model,
        tradeoff: &Tradeoff,
        commands: &mut Commands,
    ) {
        if !self.is_open {
            return;
        }
        let found = rows(self.wanted.trim(), latest_action(ctx), model, tradeoff);
        let first = found.iter().position(|row| row.can).unwrap_or(0);
        let done = question(ctx, "palette", WIDTH, |ui| {
            self.keys(ui, first, found.len());
            let enters = ui.input_mut(|input| input.consume_key(Modifiers::NONE, Key::Enter));
            self.field(ui);
            let at = self.at.unwrap_or(first);
            let clicked = self.list(ui, at, &found);
            clicked.or_else(|| found.get(at).filter(|_| enters).cloned())
        });
        let chosen = done.inner.as_ref().filter(|row| row.can);
        if let Some(row) = chosen {
            row.does.clone().ask(ctx, commands);
        }
        if chosen.is_some() || done.should_close() {
            *self = Self::default();
        }
    }

    /// Takes the keys that go through the list.
    fn keys(&mut self, ui: &Ui, first: usize, count: usize) {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let step = isize::from(pressed(Key::ArrowDown)) - isize::from(pressed(Key::ArrowUp));
        if step != 0 {
            let at = self.at.unwrap_or(first).saturating_add_signed(step);
            (self.at, self.moved) = (Some(at.min(count.saturating_sub(1))), true);
        }
    }

    fn field(&mut self, ui: &mut Ui) {
        let id = Id::unique("search actions");
        let field = TextEdit::singleline(&mut self.wanted).id(id).hint_text("Search actions");
        let response = ui.add(field.desired_width(f32::INFINITY));
        response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, "Search actions"));
        if response.changed() {
            (self.at, self.moved) = (None, true);
        }
        if response.enabled() && !response.has_focus() {
            response.request_focus();
        }
    }

    /// Draws the rows; returns one that was clicked.
    fn list(&mut self, ui: &mut Ui, at: usize, found: &[Row]) -> Option<Row> {
        let mut clicked = None;
        let height = HEIGHT.min(ui.ctx().content_rect().height() - AROUND).max(60.0);
        let area = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
        area.auto_shrink(false).show(ui, |ui| {
            if found.is_empty() {
                ui.label(RichText::new("No matches").weak());
            }
            for (index, row) in found.iter().enumerate() {
                let button = Button::selectable(index == at, &row.title)
                    .right_text(RichText::new(&row.note).color(colors(ui).weak))
                    .min_size([ui.available_width(), 0.0].into());
                let response = ui.add_enabled(row.can, button);
                if response.clicked() {
                    clicked = Some(row.clone());
                }
                if index == at && self.moved {
                    response.scroll_to_me(None);
                }
            }
        });
        self.moved = false;
        clicked
    }
}

/// The rows for a text: actions, then choices of lists.
fn rows(text: &str, latest: Option<Action>, model: &Model, tradeoff: &Tradeoff) -> Vec<Row> {
    let actions = found(text, latest).into_iter().map(|spec| {
        let missing = spec.missing(model);
        let note = missing.map_or_else(|| spec.keys_text(), str::to_owned);
        Row { title: title(spec), does: Does::Action(spec), note, can: missing.is_none() }
    });
    let mut rows: Vec<Row> = actions.collect();
    if !text.is_empty() {
        rows.extend(choices(text, model, tradeoff));
    }
    rows
}

/// The choices of lists that contain every word of a text.
fn choices(text: &str, model: &Model, tradeoff: &Tradeoff) -> Vec<Row> {
    let plot = tradeoff.choices(model);
    let plot = plot.map(|name| (format!("{}: {name}", Pane::Tradeoff.title()), Does::Plot(name)));
    let conventions = Convention::ALL.into_iter().map(|convention| {
        (format!("Count compute as {}", compute_unit(convention)), Does::Count(convention))
    });
    let row = |(title, does)| Row { title, does, note: String::new(), can: true };
    plot.chain(conventions).map(row).filter(|row| has_words(&row.title, text)).collect()
}

/// Whether a title contains every word of a text.
fn has_words(title: &str, text: &str) -> bool {
    let (title, text) = (title.to_lowercase(), text.to_lowercase());
    text.split_whitespace().all(|word| title.contains(word))
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
    let matches = |spec: &&Spec| spec.action != Action::Palette && has_words(&title(spec), &text);
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
