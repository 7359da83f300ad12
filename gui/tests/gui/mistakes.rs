//! Mistakes in a text stop no tab: each shows the last valid network and the first mistake.

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;
use inceptive_gui::model::{Model, State};

use crate::common::{TINY, Window, has_sliders, is_idle};

const SPACE: &str = "space: Widths
base: tiny.yaml
vary:
  width: {values: [4, 8, 12]}
with:
  set: {stem: {width: $width}}
";

const TABS: [Key; 7] =
    [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5, Key::Num6, Key::Num7];

fn is_wrong(model: &Model) -> bool {
    is_idle(model) && model.current().is_some_and(|entry| matches!(entry.state, State::Wrong(_)))
}

/// Writes a text with a mistake into the editor.
fn mistype(window: &mut Window, text: &str) {
    window.press(Modifiers::COMMAND, Key::Num2);
    window.harness.get_by_role(Role::MultilineTextInput).set_text_value_accesskit(text);
    window.wait("the mistake is seen", is_wrong);
}

#[test]
fn every_tab_says_the_first_mistake_with_a_link() {
    let mut window = Window::with("tiny.yaml", TINY);
    mistype(&mut window, &TINY.replace("kernel", "kernl"));
    for tab in TABS {
        window.press(Modifiers::COMMAND, tab);
        window.wait("all is done", is_idle);
        assert!(window.says("unknown key `kernl`"), "{tab:?}");
        if tab != Key::Num2 {
            window.click("line 5");
            assert!(window.has_button("Save"), "the link leads to the source");
        }
    }
    window.press(Modifiers::COMMAND, Key::Num1);
    window.wait("it is laid out", is_idle);
    assert!(window.has_button("stem"), "the last valid network is drawn");
}

#[test]
fn the_controls_of_the_last_valid_network_stay() {
    let mut window = Window::with("tiny.yaml", TINY);
    // Nothing was asked for before the mistake.
    mistype(&mut window, &TINY.replace("tail: gap", "tail: gaq"));
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    assert!(!window.says("Loading settings") && window.says("stem"));
}

#[test]
fn a_space_with_mistakes_is_shown_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("architectures")).unwrap();
    for (name, text) in [("tiny.yaml", TINY), ("widths.yaml", SPACE)] {
        std::fs::write(folder.path().join("architectures").join(name), text).unwrap();
    }
    let mut window = Window::at(folder);
    window.click("widths");
    mistype(&mut window, &SPACE.replace("values", "valuez"));
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    assert!(window.says("showing the last valid version") && window.has("line 4"));
    assert!(window.says("width"), "its variables are there");
    window.press(Modifiers::COMMAND, Key::Num4);
    assert!(window.has_button("Draw the space"));
}

#[test]
fn run_and_train_say_that_jobs_read_what_is_saved() {
    let mut window = Window::with("tiny.yaml", TINY);
    mistype(&mut window, &TINY.replace("kernel", "kernl"));
    let said = |window: &mut Window, text: &str| {
        for key in [Key::Num6, Key::Num7] {
            window.press(Modifiers::COMMAND, key);
            window.wait("it is drawn", is_idle);
            assert!(window.has(text), "{text}");
        }
    };
    said(&mut window, "tiny.yaml has unsaved changes with errors; jobs use the saved file.");
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is saved", |model| is_wrong(model) && model.current().unwrap().draft.is_none());
    said(&mut window, "tiny.yaml has errors: jobs with it fail until they are corrected.");
    window.press(Modifiers::COMMAND, Key::Num2);
    let field = window.harness.get_by_role(Role::MultilineTextInput);
    field.set_text_value_accesskit(TINY);
    window.wait("it is valid", |model| is_idle(model) && !model.current().unwrap().is_wrong());
    said(&mut window, "tiny.yaml has unsaved changes; jobs use the saved file.");
}
