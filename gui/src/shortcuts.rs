//! Keys, and the sheet that shows them.

use egui::{
    Align2, Context, Grid, Key, KeyboardShortcut, Modifiers, RichText, ScrollArea, Ui, Vec2,
    ViewportCommand, Window,
};

use crate::{
    command::{Command, Commands},
    model::Model,
    pane::Pane,
    theme::colors,
};

/// The shortcuts, grouped by screen.
const SHEET: [(&str, &[(&str, &str)]); 5] = [
    (
        "Everywhere",
        &[
            ("Ctrl 1 … Ctrl 7", "show Graph, Source, Design, Trade-off, Compare, Run, Train"),
            ("Ctrl N", "new network, module, variant, space or recipe"),
            ("Ctrl O", "open a folder or file"),
            ("Ctrl S", "save the text of the current file"),
            ("F5", "reload the folder"),
            ("Ctrl + − 0", "zoom in, zoom out, reset"),
            ("Ctrl Q", "close the window"),
            ("F1 or ?", "these shortcuts; Esc closes them"),
        ],
    ),
    (
        "Files",
        &[
            ("Ctrl P", "search; Enter opens the best match, Esc clears"),
            ("Up, Down", "previous, next file; with Shift, select a range"),
            ("Enter", "show its graph"),
            ("F2, Delete", "rename, move to the trash"),
            ("right click", "menu of the selected files"),
            ("Ctrl A", "select all"),
            ("Ctrl click", "add to or remove from the selection"),
            ("Shift click", "select a range"),
        ],
    ),
    (
        "Graph",
        &[
            ("wheel, + −", "zoom"),
            ("drag, arrows", "pan"),
            ("F, 0", "fit, actual size"),
            ("arrows", "with a selection: go to the next card"),
            ("Enter, double click", "expand or collapse a module or a box of several operators"),
            ("O, C", "expand all, collapse all"),
            ("R", "show repeated modules once or each"),
            ("/", "search nodes; Enter and Shift Enter go through the matches"),
            ("Esc", "clear the selection"),
        ],
    ),
    (
        "Source",
        &[
            ("Ctrl Z, Ctrl Shift Z", "undo, redo"),
            ("Ctrl F, Ctrl H", "find, replace; F3, Shift F3 go to the next, previous match"),
            ("Ctrl Space", "complete; arrows select, Enter accepts, Esc closes"),
            ("Ctrl \\", "text and graph side by side"),
            ("Tab", "two spaces"),
        ],
    ),
    ("Run, Train", &[("Ctrl Enter", "start")]),
];

/// Height for the title of the sheet and some air above and below it.
const AROUND_SHEET: f32 = 80.0;

/// Takes the keys that work everywhere, and the one that closes the sheet if it is shown.
pub(crate) fn take(ctx: &Context, model: &Model, shows_sheet: bool, commands: &mut Commands) {
    let digits = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7];
    let pressed = |modifiers, key| {
        ctx.input_mut(|input| input.consume_shortcut(&KeyboardShortcut::new(modifiers, key)))
    };
    for (key, pane) in digits.into_iter().zip(Pane::ALL) {
        if pressed(Modifiers::COMMAND, key) {
            commands.push(Command::Show(pane));
        }
    }
    if pressed(Modifiers::COMMAND, Key::Backslash) {
        commands.push(Command::ToggleBeside);
    }
    if pressed(Modifiers::COMMAND, Key::S)
        && let Some(entry) = model.current().filter(|entry| entry.to_save().is_some())
    {
        commands.push(Command::Save { file: entry.file.clone(), overwrite: false });
        // A conflict with another program's changes is shown there. What keeps a design from being written is said in
        // its tab too.
        if entry.design.is_none() {
            commands.push(Command::Show(Pane::Source));
        }
    }
    if pressed(Modifiers::COMMAND, Key::Q) {
        // Like the window's close button, which asks about unsaved changes.
        ctx.send_viewport_cmd(ViewportCommand::Close);
    }
    if pressed(Modifiers::NONE, Key::F5) {
        commands.push(Command::Reload);
    }
    let is_asked = ctx.memory(|memory| memory.top_modal_layer().is_some());
    if shows_sheet && !is_asked && pressed(Modifiers::NONE, Key::Escape) {
        commands.push(Command::ToggleShortcuts);
    }
    let types = ctx.egui_wants_keyboard_input();
    if pressed(Modifiers::NONE, Key::F1)
        || (!types
            && (pressed(Modifiers::SHIFT, Key::Questionmark)
                || pressed(Modifiers::NONE, Key::Questionmark)))
    {
        commands.push(Command::ToggleShortcuts);
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
    for (place, keys) in SHEET {
        ui.label(RichText::new(place).heading().color(colors(ui).accent));
        ui.end_row();
        for (key, what) in keys {
            ui.monospace(*key);
            ui.label(*what);
            ui.end_row();
        }
    }
}
