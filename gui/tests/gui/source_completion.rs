//! Completion of words, and hints about them.

use egui::{Event, Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;
use inceptive_gui::model::Model;

use crate::common::Window;

const TEXT: &str = "name: Tiny
input: {channels: 3, size: 8}
classes: 2
params: {w: 4}
blocks:
  pair:
    description: Two convolutions
    params: {n, k: 3}
    steps:
      - conv: {kernel: $k, width: 2 * $n}
body:
  - pair a: {n: 4}
  - pair b: {n: 6}
  - conv stem: {kernel: 3, width: \"round_to(3 * $w, 8)\"}
tail: gap
";

fn window() -> Window {
    let mut window = Window::with("tiny.yaml", TEXT);
    window.press(Modifiers::COMMAND, Key::Num2);
    window.wait("it is traced", |model| {
        model.trace.is_some() && model.jobs.active().next().is_none()
    });
    window
}

fn text(window: &Window) -> String {
    window.harness.get_by_role(Role::MultilineTextInput).value().unwrap_or_default()
}

fn types(window: &mut Window, text: &str) {
    for letter in text.chars() {
        window.harness.event(Event::Text(letter.to_string()));
        window.harness.run();
    }
}

/// Moves the cursor behind the first place of a text.
fn go_behind(window: &mut Window, wanted: &str) {
    window.press(Modifiers::COMMAND, Key::F);
    window.press(Modifiers::COMMAND, Key::A);
    window.harness.event(Event::Text(wanted.to_owned()));
    window.harness.run();
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::NONE, Key::ArrowRight);
}

#[test]
fn keys_are_completed_while_typing() {
    let mut window = window();
    go_behind(&mut window, "{kernel: 3, ");
    types(&mut window, "str");
    assert!(window.says("Step of the window"));
    window.press(Modifiers::NONE, Key::Enter);
    types(&mut window, "2, ");
    assert!(text(&window).contains("{kernel: 3, stride: 2, width: "), "{}", text(&window));
    assert!(!window.says("Step of the window"));
    for _ in 0..10 {
        window.press(Modifiers::COMMAND, Key::Z);
    }
    assert_eq!(text(&window), TEXT, "completing is undone like typing");
}

#[test]
fn operators_and_blocks_are_listed_and_gone_through_with_arrows() {
    let mut window = window();
    go_behind(&mut window, "- pair b: {n: 6}");
    window.press(Modifiers::NONE, Key::Enter);
    types(&mut window, "  - pa");
    assert!(window.says("block (n, k: 3): Two") && window.says("Parallel branches"));
    let before = text(&window);
    window.press(Modifiers::NONE, Key::ArrowDown);
    window.press(Modifiers::NONE, Key::ArrowUp);
    assert_eq!(text(&window), before);
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.says("block (n, k: 3)"));
    types(&mut window, "i");
    window.press(Modifiers::NONE, Key::Tab);
    assert!(text(&window).contains("- pair\n"), "{}", text(&window));
    types(&mut window, " c: {");
    window.press(Modifiers::COMMAND, Key::Space);
    assert!(window.says("required") && window.says("default 3"));
    window.press(Modifiers::NONE, Key::ArrowDown);
    window.press(Modifiers::NONE, Key::Enter);
    assert!(text(&window).contains("- pair c: {k: "), "{}", text(&window));
}

#[test]
fn values_and_variables_are_completed() {
    let mut window = window();
    go_behind(&mut window, "{kernel: 3, ");
    types(&mut window, "act: ");
    window.press(Modifiers::COMMAND, Key::Space);
    assert!(window.says("hard_swish") && window.says("silu"));
    types(&mut window, "si");
    window.harness.get_by_label_contains("silu").click();
    window.harness.run();
    types(&mut window, ", width: $");
    assert!(window.says("parameter of the file") && !window.says("parameter of the block"));
    assert!(text(&window).contains("act: silu, width: $"), "{}", text(&window));
    go_behind(&mut window, "width: 2 * $n");
    types(&mut window, " + $");
    assert!(window.says("parameter of the block pair"));
}

#[test]
fn enter_begins_a_line_after_a_whole_word() {
    let mut window = window();
    go_behind(&mut window, "- pair b: {n: 6}");
    window.press(Modifiers::NONE, Key::Enter);
    types(&mut window, "  - relu");
    window.press(Modifiers::NONE, Key::Enter);
    types(&mut window, "  - flatten");
    window.press(Modifiers::NONE, Key::Enter);
    assert!(text(&window).contains("  - relu\n  - flatten\n"), "{}", text(&window));
}

/// Moves the pointer onto the first place of a text, and says what is shown about it.
fn hints_at(window: &mut Window, wanted: &str, hint: &str) -> bool {
    let content = text(window);
    let at = content.find(wanted).unwrap();
    let line = content[..at].matches('\n').count();
    let column = at - content[..at].rfind('\n').map_or(0, |end| end + 1);
    let field = window.harness.get_by_role(Role::MultilineTextInput).rect();
    // Monospace letters: their size is that of the cursor's steps.
    let (width, height) = letter(window);
    let place = egui::vec2((column as f32 + 0.5) * width, (line as f32 + 0.5) * height);
    window.harness.hover_at(field.min + place);
    window.harness.run_steps(30);
    window.says(hint)
}

fn letter(window: &Window) -> (f32, f32) {
    let ctx = &window.harness.ctx;
    let font = egui::TextStyle::Monospace.resolve(&ctx.style_of(ctx.theme()));
    ctx.fonts_mut(|fonts| (fonts.glyph_width(&font, 'x'), fonts.row_height(&font)))
}

#[test]
fn hints_show_the_schema_values_and_parameters() {
    let mut window = window();
    assert!(hints_at(&mut window, "kernel: $k", "Height and width of the kernel"));
    assert!(hints_at(&mut window, "2 * $n", "= 8, 12"));
    assert!(hints_at(&mut window, "round_to(3", "= 16"));
    assert!(hints_at(&mut window, "pair b", "block pair"));
    assert!(window.says("Two convolutions") && window.says("required"));
    assert!(hints_at(&mut window, "conv stem", "A convolution"));
    assert!(hints_at(&mut window, "classes", "Number of classes"));
}

#[test]
fn a_text_of_a_mebibyte_is_typed_in() {
    let line = "  - conv: {kernel: 3, width: 4}  # a step\n";
    let steps = line.repeat((1 << 20) / line.len() - 10);
    let content = format!("name: Long\ninput: {{channels: 3, size: 8}}\nbody:\n{steps}");
    let mut window = Window::with("long.yaml", &content);
    window.press(Modifiers::COMMAND, Key::Num2);
    types(&mut window, "#");
    for _ in 0..5 {
        window.harness.event(Event::Text("x".to_owned()));
        window.harness.step();
    }
    let is_read = |model: &Model| {
        model.current().is_some_and(|entry| {
            entry.draft.as_deref().is_some_and(|text| text.starts_with("#xxxxx"))
        })
    };
    window.wait("it is typed", is_read);
}
