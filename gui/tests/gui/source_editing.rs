//! Undo, and finding and replacing, in texts.

use egui::{Event, Key, Modifiers, Role, vec2};
use egui_kittest::kittest::Queryable;

use crate::common::Window;

const TINY: &str = "name: Tiny
input: {channels: 3, size: 8}
classes: 2
body:
  - conv stem: {kernel: 3, width: 4}
  - conv next: {kernel: 3, width: 8}
tail: gap
";

const OTHER: &str = "name: Other
input: {channels: 3, size: 8}
body:
  - relu
";

fn window() -> Window {
    let mut window = Window::with("tiny.yaml", TINY);
    window.press(Modifiers::COMMAND, Key::Num2);
    window
}

fn text(window: &Window) -> String {
    window.harness.get_by_role(Role::MultilineTextInput).value().unwrap_or_default()
}

fn types(window: &mut Window, text: &str) {
    window.harness.event(Event::Text(text.to_owned()));
    window.harness.run();
}

/// Draws frames for longer than the pause between two steps.
fn pauses(window: &mut Window) {
    window.harness.run_steps(40);
}

fn has_keyboard(window: &Window) -> bool {
    window.harness.get_by_role(Role::MultilineTextInput).is_focused()
}

#[test]
fn moving_the_cursor_is_no_step() {
    let mut window = window();
    types(&mut window, "# a");
    for _ in 0..5 {
        window.press(Modifiers::NONE, Key::ArrowDown);
        pauses(&mut window);
    }
    types(&mut window, "# b");
    pauses(&mut window);
    window.press(Modifiers::NONE, Key::ArrowUp);
    pauses(&mut window);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&window), format!("# a{TINY}"));
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&window), TINY);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&window), TINY, "there is nothing before");
    window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert_eq!(text(&window), format!("# a{TINY}"));
    window.press(Modifiers::COMMAND, Key::Y);
    assert!(text(&window).contains("# b"));
    window.press(Modifiers::COMMAND, Key::Y);
    assert!(text(&window).contains("# b"), "there is nothing after");
}

#[test]
fn every_file_has_its_own_steps() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("architectures")).unwrap();
    for (name, text) in [("tiny.yaml", TINY), ("other.yaml", OTHER)] {
        std::fs::write(folder.path().join("architectures").join(name), text).unwrap();
    }
    let mut window = Window::at(folder);
    window.click("other");
    window.press(Modifiers::COMMAND, Key::Num2);
    types(&mut window, "# other\n");
    pauses(&mut window);
    window.click("tiny");
    window.press(Modifiers::COMMAND, Key::Num2);
    types(&mut window, "# tiny\n");
    pauses(&mut window);
    window.click("other");
    window.press(Modifiers::COMMAND, Key::Num2);
    assert!(text(&window).starts_with("# other"));
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&window), OTHER);
    window.click("tiny");
    window.press(Modifiers::COMMAND, Key::Num2);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&window), TINY);
}

#[test]
fn what_was_reverted_comes_back() {
    let mut window = window();
    types(&mut window, "# mine\n");
    pauses(&mut window);
    window.click("Revert");
    assert_eq!(text(&window), TINY);
    window.press(Modifiers::COMMAND, Key::Num2);
    window.press(Modifiers::COMMAND, Key::Z);
    assert!(text(&window).starts_with("# mine"));
}

#[test]
fn hits_are_counted_and_gone_through() {
    let mut window = window();
    window.press(Modifiers::COMMAND, Key::F);
    assert!(window.get("Find").is_focused());
    types(&mut window, "CONV");
    assert!(window.has("1 of 2"));
    window.press(Modifiers::NONE, Key::Enter);
    assert!(window.has("2 of 2") && window.get("Find").is_focused());
    window.press(Modifiers::NONE, Key::Enter);
    assert!(window.has("1 of 2"), "after the last one comes the first one");
    window.press(Modifiers::SHIFT, Key::Enter);
    assert!(window.has("2 of 2"));
    window.press(Modifiers::NONE, Key::F3);
    assert!(window.has("1 of 2"));
    window.press(Modifiers::SHIFT, Key::F3);
    assert!(window.has("2 of 2"));
    window.click("Aa");
    assert!(window.has("No matches"));
    window.press(Modifiers::COMMAND, Key::F);
    window.press(Modifiers::COMMAND, Key::A);
    types(&mut window, "e");
    assert!(window.says("of "));
    window.click("Word");
    assert!(window.has("No matches"));
    window.press(Modifiers::COMMAND, Key::F);
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.has("Find") && has_keyboard(&window));
    assert_eq!(text(&window), TINY);
}

#[test]
fn hits_are_replaced_one_by_one_or_all_at_once() {
    let mut window = window();
    window.press(Modifiers::COMMAND, Key::H);
    types(&mut window, "kernel: 3");
    window.get("Replace with").focus();
    window.harness.run();
    types(&mut window, "kernel: 5");
    window.click("Replace");
    assert_eq!(text(&window), TINY.replacen("kernel: 3", "kernel: 5", 1));
    assert!(window.has("1 match") || window.has("1 of 1"));
    pauses(&mut window);
    window.click("Replace all");
    assert_eq!(text(&window), TINY.replace("kernel: 3", "kernel: 5"));
    assert!(window.has("No matches"));
    window.press(Modifiers::COMMAND, Key::F);
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::COMMAND, Key::Z);
    assert_eq!(text(&window), TINY.replacen("kernel: 3", "kernel: 5", 1));
}

#[test]
fn the_selection_is_looked_for() {
    let mut window = window();
    window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::ArrowRight);
    window.press(Modifiers::SHIFT, Key::End);
    window.press(Modifiers::COMMAND, Key::F);
    assert_eq!(window.get("Find").value().as_deref(), Some("name: Tiny"));
}

#[test]
fn lines_begin_in_view_where_that_leaves_room_for_a_hit() {
    let mut window = Window::on(&["googlenet.yaml"]);
    window.harness.set_size(vec2(800.0, 500.0));
    window.press(Modifiers::COMMAND, Key::Num2);
    let left = |window: &Window| window.get("Text of the file").rect().left();
    let before = left(&window);
    window.press(Modifiers::COMMAND, Key::F);
    window.fill("Find", "9.2% for GoogLeNet with");
    assert!(left(&window) < before, "it is far to the right");
    window.fill("Find", "kernel: 7");
    assert!((left(&window) - before).abs() < 1.0, "{} and {before}", left(&window));
}
