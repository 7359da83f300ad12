//! Editing texts.

use std::fs;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;
use inceptive_gui::model::{Model, State};

use crate::common::{TINY, Window};

const NAME: &str = "tiny.yaml";

fn window() -> Window {
    let mut window = Window::with(NAME, TINY);
    window.press(Modifiers::COMMAND, Key::Num2);
    window
}

/// Whether what is typed goes to the text.
fn has_keyboard(window: &Window) -> bool {
    window.harness.get_by_role(Role::MultilineTextInput).is_focused()
}

/// Replaces the text in the editor.
fn write(window: &mut Window, text: &str) {
    window.harness.get_by_role(Role::MultilineTextInput).set_text_value_accesskit(text);
    window.harness.run();
}

fn is_wrong(model: &Model) -> bool {
    model.current().is_some_and(|entry| matches!(entry.state, State::Wrong(_)))
}

fn is_right(model: &Model) -> bool {
    model.current().is_some_and(|entry| matches!(entry.state, State::Good(_)))
}

fn params(model: &Model) -> u64 {
    model.network().map_or(0, |network| network.cost.total.params)
}

#[test]
fn a_mistake_is_shown_while_typing_and_the_right_text_is_saved() {
    let mut window = window();
    let before = params(window.model());
    write(&mut window, &TINY.replace("kernel", "kernl"));
    window.wait("the mistake is seen", is_wrong);
    assert!(window.harness.query_by_label_contains("did you mean `kernel`").is_some());
    assert!(window.has("tiny.yaml •"));
    window.click("5:17");

    let right = TINY.replace("width: 4", "width: 8");
    write(&mut window, &right);
    window.wait("it is right", is_right);
    assert!(params(window.model()) > before, "a draft's numbers are shown everywhere");
    assert_eq!(fs::read_to_string(window.file(NAME)).unwrap(), TINY, "nothing is written yet");

    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is saved", |model| model.current().is_some_and(|entry| entry.draft.is_none()));
    assert_eq!(fs::read_to_string(window.file(NAME)).unwrap(), right);
}

#[test]
fn the_text_has_the_keyboard_as_soon_as_it_is_shown() {
    let mut window = window();
    assert!(has_keyboard(&window));
    window.harness.event(egui::Event::Text("# new\n".to_owned()));
    window.wait("it is written", |model| {
        model.current().is_some_and(|entry| {
            entry.draft.as_deref().is_some_and(|text| text.starts_with("# new"))
        })
    });
}

#[test]
fn edits_are_undone_and_reverted() {
    let mut window = window();
    let text = |window: &Window| {
        window.harness.get_by_role(Role::MultilineTextInput).value().unwrap_or_default()
    };
    window.harness.get_by_role(Role::MultilineTextInput).focus();
    window.harness.run();
    window.harness.get_by_role(Role::MultilineTextInput).type_text("# new");
    window.harness.run();
    assert!(text(&window).contains("# new"));
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&window), TINY);
    write(&mut window, "name: Other\n");
    window.click("Revert");
    assert_eq!(text(&window), TINY);
    assert!(window.model().current().is_some_and(|entry| entry.draft.is_none()));
}

#[test]
fn what_somebody_else_wrote_is_not_lost_without_asking() {
    let mut window = window();
    let (mine, theirs) = (TINY.replace("Tiny", "Mine"), TINY.replace("Tiny", "Theirs"));
    write(&mut window, &mine);
    fs::write(window.file(NAME), &theirs).unwrap();
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("the question is asked", |model| {
        model.current().is_some_and(|entry| entry.save_problem.is_some())
    });
    assert_eq!(fs::read_to_string(window.file(NAME)).unwrap(), theirs);
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.has_button("Overwrite") && has_keyboard(&window));

    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is asked again", |model| {
        model.current().is_some_and(|entry| entry.save_problem.is_some())
    });
    window.click("Overwrite");
    window.wait("it is saved", |model| model.current().is_some_and(|entry| entry.draft.is_none()));
    assert_eq!(fs::read_to_string(window.file(NAME)).unwrap(), mine);
}

#[test]
fn reloading_takes_what_somebody_else_wrote() {
    let mut window = window();
    let theirs = TINY.replace("Tiny", "Theirs");
    write(&mut window, &TINY.replace("Tiny", "Mine"));
    fs::write(window.file(NAME), &theirs).unwrap();
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("the question is asked", |model| {
        model.current().is_some_and(|entry| entry.save_problem.is_some())
    });
    window.click("Reload");
    window.wait("their text is shown", |model| {
        model.current().is_some_and(|entry| entry.name() == "Theirs" && entry.draft.is_none())
    });
}

#[test]
fn a_read_only_file_keeps_the_text_in_the_window() {
    let mut window = window();
    let mut permissions = fs::metadata(window.file(NAME)).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(window.file(NAME), permissions).unwrap();
    write(&mut window, &TINY.replace("Tiny", "Mine"));
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("the reason is there", |model| {
        model.current().is_some_and(|entry| entry.save_problem.is_some())
    });
    assert!(window.harness.query_by_label_contains("the file is read-only").is_some());
    assert!(window.model().current().is_some_and(|entry| entry.draft.is_some()));
    assert_eq!(fs::read_to_string(window.file(NAME)).unwrap(), TINY);
}

#[test]
fn a_file_that_is_gone_is_written_again_as_it_was() {
    let mut window = window();
    let is_gone =
        |model: &Model| model.current().is_some_and(|entry| matches!(entry.state, State::Gone));
    let by_key = |window: &mut Window| window.press(Modifiers::COMMAND, Key::S);
    let by_click = |window: &mut Window| window.click("Save");
    for save in [by_key as fn(&mut Window), by_click] {
        fs::remove_file(window.file(NAME)).unwrap();
        window.press(Modifiers::NONE, Key::F5);
        window.wait("the loss is seen", is_gone);
        save(&mut window);
        window.wait("it is back", is_right);
        assert!(window.has("1 file"));
        assert_eq!(fs::read_to_string(window.file(NAME)).unwrap(), TINY);
    }
}

#[test]
fn closing_asks_what_to_do_with_what_is_not_saved() {
    let mut window = window();
    let mine = TINY.replace("Tiny", "Mine");
    write(&mut window, &mine);
    let close = |window: &mut Window| {
        let viewports = &mut window.harness.input_mut().viewports;
        let events = &mut viewports.entry(egui::ViewportId::ROOT).or_default().events;
        events.push(egui::ViewportEvent::Close);
        window.harness.step();
        window
            .harness
            .input_mut()
            .viewports
            .entry(egui::ViewportId::ROOT)
            .or_default()
            .events
            .clear();
        window.harness.run();
    };
    close(&mut window);
    assert!(window.has("There are unsaved changes"));
    window.click("Cancel");
    assert!(!window.has("There are unsaved changes"));
    close(&mut window);
    window.click("Save and quit");
    window.wait("it is saved", |model| model.current().is_some_and(|entry| entry.draft.is_none()));
    assert_eq!(fs::read_to_string(window.file(NAME)).unwrap(), mine);
}
