//! Keys, and the sheet that shows them.

use egui::{
    Align2, Context, Grid, InputState, Key, Modifiers, RichText, ScrollArea, Ui, Vec2,
    ViewportCommand, Window, gui_zoom,
};
use inceptive_cost::Convention;

use crate::{
    actions::{Action, Scope, TABLE, asked, chosen},
    command::{Command, Commands},
    model::Model,
    pane::Pane,
    theme::colors,
};

/// What is done without an action of its own, by place.
const OTHERS: &[(Scope, &str, &str)] = &[
    (Scope::Files, "Enter", "in the search: open the best match"),
    (Scope::Files, "Up, Down", "previous, next file; with Shift, select a range"),
    (Scope::Files, "Ctrl click", "add to or remove from the selection"),
    (Scope::Files, "Shift click", "select a range"),
    (Scope::Tab(Pane::Graph), "wheel, drag", "zoom, pan"),
    (Scope::Tab(Pane::Graph), "arrows", "pan; with a selection, go to the next card"),
    (Scope::Tab(Pane::Graph), "double click", "expand or collapse a module"),
    (Scope::Tab(Pane::Graph), "Enter", "in the search: next match; with Shift, the previous one"),
    (Scope::Tab(Pane::Source), "Tab", "two spaces; accepts a completion"),
];

/// Height for the title of the sheet and some air above and below it.
const AROUND_SHEET: f32 = 80.0;

/// Does what is asked for everywhere in the window, and takes the key that closes the sheet if it is shown.
pub(crate) fn take(ctx: &Context, model: &Model, shows_sheet: bool, commands: &mut Commands) {
    let asks = |action| asked(ctx, action);
    for pane in Pane::ALL {
        if asks(Action::Show(pane)) {
            commands.push(Command::Show(pane));
        }
    }
    if asks(Action::Beside) {
        commands.push(Command::ToggleBeside);
    }
    if asks(Action::Save)
        && let Some(entry) = model.current().filter(|entry| entry.to_save().is_some())
    {
        commands.push(Command::Save { file: entry.file.clone(), overwrite: false });
        // A conflict with another program's changes is shown there. What keeps a design from being written is said in
        // its tab too.
        if entry.design.is_none() {
            commands.push(Command::Show(Pane::Source));
        }
    }
    if asks(Action::Quit) {
        // Like the window's close button, which asks about unsaved changes.
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
    if asks(Action::Reload) {
        commands.push(Command::Reload);
    }
    zoom(ctx);
    jobs_and_messages(ctx, model, commands);
    let is_asked = ctx.memory(|memory| memory.top_modal_layer().is_some());
    let escapes = |input: &mut InputState| input.consume_key(Modifiers::NONE, Key::Escape);
    if shows_sheet && !is_asked && ctx.input_mut(escapes) {
        commands.push(Command::ToggleShortcuts);
    }
    // A question mark is a letter of a text.
    let types = ctx.text_edit_focused() && !ctx.input(|input| input.key_pressed(Key::F1));
    if if types { chosen(ctx, Action::Shortcuts) } else { asks(Action::Shortcuts) } {
        commands.push(Command::ToggleShortcuts);
    }
}

fn zoom(ctx: &Context) {
    if asked(ctx, Action::ZoomIn) {
        gui_zoom::zoom_in(ctx);
    }
    if asked(ctx, Action::ZoomOut) {
        gui_zoom::zoom_out(ctx);
    }
    if asked(ctx, Action::ZoomReset) {
        ctx.set_zoom_factor(1.0);
    }
}

fn jobs_and_messages(ctx: &Context, model: &Model, commands: &mut Commands) {
    if asked(ctx, Action::Cancel)
        && let Some(job) = model.jobs.long().find(|job| job.status.is_active())
    {
        commands.push(Command::Stop(job.id));
    }
    if asked(ctx, Action::ForgetJobs) {
        commands.push(Command::ForgetJobs);
    }
    if asked(ctx, Action::Dismiss) {
        (0..model.messages.len()).for_each(|_| commands.push(Command::Dismiss(0)));
    }
    if asked(ctx, Action::Convention) {
        let all = Convention::ALL;
        let now = all.iter().position(|it| *it == model.settings.convention()).unwrap_or(0);
        commands.push(Command::Count(all[(now + 1) % all.len()]));
    }
}

/// Draws the sheet.
pub(crate) fn sheet(ctx: &Context, is_open: &mut bool) {
    Window::new("Shortcuts")
        .open(is_open)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, Vec2::ZERO)
        .show(ctx, |ui| {
            let height = ctx.content_rect().height() - AROUND_SHEET;
            let scroll = ScrollArea::vertical().max_height(height).min_scrolled_height(height);
            scroll.show(ui, |ui| {
                Grid::new("shortcuts").num_columns(2).spacing([24.0, 2.0]).show(ui, rows);
            });
        });
}

/// Draws what every key does.
fn rows(ui: &mut Ui) {
    let tabs = Pane::ALL.map(Scope::Tab);
    for scope in [Scope::Everywhere, Scope::Files].into_iter().chain(tabs) {
        let actions = TABLE.iter().filter(|spec| spec.scope == scope && !spec.keys.is_empty());
        let actions = actions.map(|spec| (spec.keys_text(), spec.name));
        let others = OTHERS.iter().filter(|(of, ..)| *of == scope);
        let others = others.map(|(_, keys, what)| ((*keys).to_owned(), *what));
        let mut all = actions.chain(others).peekable();
        if all.peek().is_none() {
            continue;
        }
        ui.label(RichText::new(scope.title()).heading().color(colors(ui).accent));
        ui.end_row();
        for (keys, what) in all {
            ui.monospace(keys);
            ui.label(what);
            ui.end_row();
        }
    }
}
