//! Actions of the window, and who asks for them.
//!
//! [`TABLE`] lists every action with its keys. A screen asks with `asked` whether one of its actions is wanted: its keys
//! were pressed, or it was chosen in the command palette. Sheet and palette show the same table.

mod held;
mod table;

use egui::{Context, Event, Id, Key, KeyboardShortcut, Modifiers};

use crate::{
    IN_BROWSER,
    model::Model,
    pane::{NEEDS_PROGRAM, Pane},
};

pub(crate) use held::{Held, set_enter_moves};
pub use table::TABLE;

/// Something that a person can do in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table says what each is")]
pub enum Action {
    Show(Pane),
    Palette,
    Open,
    Save,
    Reload,
    ZoomIn,
    ZoomOut,
    ZoomReset,
    Theme,
    Convention,
    Cancel,
    ForgetJobs,
    Dismiss,
    Shortcuts,
    Quit,
    SearchFiles,
    SelectAll,
    SortByName,
    SortByParams,
    SortByMacs,
    SortByNewest,
    NewFile,
    ChooseFolder,
    ChooseFile,
    RenameFile,
    CopyFiles,
    DeleteFiles,
    ExportOnnx,
    ExportPytorch,
    ExportYaml,
    CopyPath,
    Import,
    Fit,
    Larger,
    Smaller,
    ActualSize,
    Toggle,
    ExpandAll,
    CollapseAll,
    Repeats,
    SearchNodes,
    Deselect,
    Down,
    Right,
    Columns,
    Details,
    ExportSvg,
    ExportPng,
    Undo,
    Redo,
    Find,
    Replace,
    FindNext,
    FindPrevious,
    Complete,
    Beside,
    Revert,
    UndoStep,
    RedoStep,
    Reset,
    Duplicate,
    Discard,
    Plot,
    Table,
    PlotAndTable,
    FitPoints,
    ClearFilters,
    Both,
    Scatter,
    Parallel,
    FitSpace,
    DrawSpace,
    XAxis,
    YAxis,
    PointSize,
    PointColour,
    ExportTable,
    Overview,
    Nodes,
    Text,
    Graphs,
    StartRun,
    Bench,
    Profile,
    Report,
    Latencies,
    Profiles,
    StartTraining,
    Curves,
    Outcome,
    StartExploring,
    Costs,
    Search,
    CompareSpaces,
    OpenPoint,
    SavePoint,
    ClearBox,
    SaveSpace,
}

/// Where an action is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// In the whole window.
    Everywhere,
    /// In the list of files.
    Files,
    /// In a tab, which is brought to the front for it.
    Tab(Pane),
}

impl Scope {
    /// Its title.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Files => "Files",
            Self::Tab(pane) => pane.title(),
        }
    }
}

/// What has to be there before an action can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing.
    Nothing,
    /// A file in the list.
    Files,
    /// A current file.
    File,
    /// A current file with a network.
    Network,
    /// A current file with a text.
    Text,
    /// A current file that is not saved.
    Changes,
    /// A current file that is a design.
    Design,
    /// A current file that is a space.
    Space,
    /// A space whose networks are drawn.
    Drawn,
    /// A network anywhere in the list.
    AnyNetwork,
    /// A space anywhere in the list.
    AnySpace,
    /// Two selected networks.
    TwoNetworks,
    /// A job that runs or waits.
    Running,
    /// A job that is over.
    Finished,
    /// A message.
    Message,
}

impl Need {
    /// Why it is not there; `None` if it is.
    pub fn missing(self, model: &Model) -> Option<&'static str> {
        let entry = model.current();
        let (is_there, why) = match self {
            Self::Nothing => (true, ""),
            Self::Files => (!model.entries.is_empty(), "no files"),
            Self::File => (entry.is_some(), "no file is selected"),
            Self::Network => (model.network().is_some(), "no network is selected"),
            Self::Text => (
                entry.is_some_and(|entry| entry.shown_text().is_some()),
                "no file with a text is selected",
            ),
            Self::Changes => {
                (entry.is_some_and(|entry| entry.to_save().is_some()), "nothing to save")
            }
            Self::Design => {
                (entry.is_some_and(|entry| entry.design.is_some()), "no design is selected")
            }
            Self::Space => {
                (entry.is_some_and(|entry| entry.space().is_some()), "no space is selected")
            }
            Self::Drawn => (model.cloud.is_some(), "no space is drawn"),
            Self::AnySpace => {
                let mut entries = model.entries.values();
                (entries.any(|entry| entry.space().is_some()), "no spaces in the list")
            }
            Self::AnyNetwork => (model.networks().next().is_some(), "no networks in the list"),
            Self::TwoNetworks => {
                let networks = model.selected().filter(|entry| entry.network.is_some());
                (networks.count() > 1, "needs two selected networks")
            }
            Self::Running => (model.jobs.long().any(|job| job.status.is_active()), "no job runs"),
            Self::Finished => {
                (model.jobs.long().any(|job| !job.status.is_active()), "no job is finished")
            }
            Self::Message => (!model.messages.is_empty(), "no messages"),
        };
        (!is_there).then_some(why)
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spec {
    /// The action.
    pub action: Action,
    /// Where it is done.
    pub scope: Scope,
    /// What it does.
    pub name: &'static str,
    /// The keys that ask for it.
    pub keys: &'static [KeyboardShortcut],
    /// What has to be there before.
    pub need: Need,
    /// Whether it moves the keyboard to another field, so that what is typed next is meant for that one.
    pub moves: bool,
}

impl Spec {
    /// Why it cannot be done; `None` if it can.
    pub fn missing(&self, model: &Model) -> Option<&'static str> {
        let is_of_program = match (self.action, self.scope) {
            (Action::ChooseFolder | Action::Import | Action::Quit, _) => true,
            (_, Scope::Tab(pane)) => pane.needs_program().is_some(),
            _ => false,
        };
        match IN_BROWSER && is_of_program {
            true => Some(NEEDS_PROGRAM),
            false => self.need.missing(model),
        }
    }

    /// Its keys as text: `Ctrl P`; nothing if it has none.
    pub fn keys_text(&self) -> String {
        self.keys.iter().map(|keys| keys_text(*keys)).collect::<Vec<_>>().join(", ")
    }
}

/// The row of an action.
pub fn spec(action: Action) -> Option<&'static Spec> {
    TABLE.iter().find(|spec| spec.action == action)
}

fn keys_text(keys: KeyboardShortcut) -> String {
    let KeyboardShortcut { modifiers, logical_key } = keys;
    let key = match logical_key {
        Key::Plus => "+",
        Key::Equals => "=",
        Key::Minus => "-",
        Key::Slash => "/",
        Key::Backslash => "\\",
        Key::Questionmark => "?",
        Key::Escape => "Esc",
        key => key.name(),
    };
    let parts = [(modifiers.command, "Ctrl"), (modifiers.shift, "Shift")];
    let held = parts.into_iter().filter(|(is_held, _)| *is_held).map(|(_, name)| name);
    held.chain([key]).collect::<Vec<_>>().join(" ")
}

/// Whether an event is the press of these keys, and of no others. Signs may need Shift or Alt on some keyboards.
fn is_press(event: &Event, keys: KeyboardShortcut) -> bool {
    let Event::Key { key, pressed: true, modifiers, .. } = event else { return false };
    let is_sign = matches!(
        keys.logical_key,
        Key::Plus | Key::Equals | Key::Minus | Key::Slash | Key::Backslash | Key::Questionmark
    );
    let only = |modifiers: &Modifiers| (modifiers.shift, modifiers.alt);
    *key == keys.logical_key
        && modifiers.matches_logically(keys.modifiers)
        && (is_sign || only(modifiers) == only(&keys.modifiers))
}

/// A choice of the palette, until this pass.
#[derive(Clone, Copy)]
struct Choice {
    action: Action,
    until: u64,
}

/// Passes within which a choice is taken: its tab has to come to the front first.
const PASSES: u64 = 4;

fn choice() -> Id {
    Id::unique("chosen action")
}

fn latest() -> Id {
    Id::unique("latest action")
}

/// Asks for an action in the next frames, as its keys would.
pub(crate) fn choose(ctx: &Context, action: Action) {
    let until = ctx.cumulative_pass_nr() + PASSES;
    ctx.data_mut(|data| data.insert_temp(choice(), Choice { action, until }));
    ctx.request_repaint();
}

/// Whether an action was chosen in the palette and not taken yet.
pub(crate) fn is_chosen(ctx: &Context, action: Action) -> bool {
    let found = ctx.data(|data| data.get_temp::<Choice>(choice()));
    found.is_some_and(|it| it.action == action && ctx.cumulative_pass_nr() <= it.until)
}

/// Whether an action was chosen in the palette; it is then taken.
pub(crate) fn chosen(ctx: &Context, action: Action) -> bool {
    let is_it = is_chosen(ctx, action);
    if is_it {
        ctx.data_mut(|data| data.remove::<Choice>(choice()));
        note(ctx, action);
    }
    is_it
}

/// Whether the keys of an action were pressed, or it was chosen in the palette; it is then taken.
pub(crate) fn asked(ctx: &Context, action: Action) -> bool {
    // Both are taken.
    chosen(ctx, action) | pressed(ctx, action)
}

/// Whether the keys of an action were pressed; they are then taken.
fn pressed(ctx: &Context, action: Action) -> bool {
    let Some(spec) = spec(action) else { return false };
    // A dialog has the keyboard to itself.
    let is_in_dialog = ctx.memory(|memory| memory.top_modal_layer().is_some());
    if is_in_dialog && action != Action::Palette {
        return false;
    }
    let is_it = |event: &Event| spec.keys.iter().any(|keys| is_press(event, *keys));
    let is_pressed = !spec.keys.is_empty()
        && ctx.input_mut(|input| {
            let before = input.events.len();
            input.events.retain(|event| !is_it(event));
            input.events.len() < before
        });
    if is_pressed {
        note(ctx, action);
    }
    is_pressed
}

fn note(ctx: &Context, action: Action) {
    ctx.data_mut(|data| data.insert_temp(latest(), action));
}

/// The action that was done last, by a key or in the palette.
pub fn latest_action(ctx: &Context) -> Option<Action> {
    ctx.data(|data| data.get_temp(latest()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: Key, modifiers: Modifiers) -> Event {
        Event::Key { key, pressed: true, modifiers, repeat: false, physical_key: None }
    }

    #[test]
    fn shift_makes_another_shortcut_except_for_signs() {
        let undo = KeyboardShortcut::new(Modifiers::COMMAND, Key::Z);
        assert!(is_press(&press(Key::Z, Modifiers::COMMAND), undo));
        assert!(!is_press(&press(Key::Z, Modifiers::COMMAND | Modifiers::SHIFT), undo));
        assert!(!is_press(&press(Key::Z, Modifiers::NONE), undo));
        let larger = KeyboardShortcut::new(Modifiers::NONE, Key::Plus);
        assert!(is_press(&press(Key::Plus, Modifiers::SHIFT), larger));
        assert!(!is_press(&press(Key::Plus, Modifiers::COMMAND), larger));
    }

    #[test]
    fn no_two_actions_of_a_place_share_keys_or_name() {
        for (at, a) in TABLE.iter().enumerate() {
            for b in &TABLE[at + 1..] {
                assert_ne!(a.action, b.action);
                let is_same_place =
                    a.scope == b.scope || [a.scope, b.scope].contains(&Scope::Everywhere);
                let is_shared = a.keys.iter().any(|keys| b.keys.contains(keys));
                assert!(!(is_same_place && is_shared), "{a:?} {b:?}");
                assert!(a.scope != b.scope || a.name != b.name, "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn keys_are_named_as_on_the_keyboard() {
        let text = |action| spec(action).unwrap().keys_text();
        assert_eq!(text(Action::Palette), "Ctrl Shift P");
        assert_eq!(text(Action::Beside), "Ctrl \\");
        assert_eq!(text(Action::Theme), "");
    }
}
