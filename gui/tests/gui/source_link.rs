//! The text and the graph, linked both ways.

use egui::{Event, Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use inceptive_gui::jobs::Place;

use crate::common::{Window, is_idle};

/// The text of a network beside its graph.
fn beside(names: &[&str]) -> Window {
    let mut window = Window::on(names);
    window.click(names[0].trim_end_matches(".yaml"));
    window.press(Modifiers::COMMAND, Key::Num2);
    window.click("Beside graph");
    window.wait("both are there", |model| {
        model.last_scene(Place::Graph).is_some() && model.trace.is_some() && is_idle(model)
    });
    window
}

/// Whether the card of a node is lit up.
fn is_lit(window: &Window, name: &str) -> bool {
    window.button(name).accesskit_node().description().is_some()
}

/// Moves the cursor behind the first place of a text.
fn go_to(window: &mut Window, wanted: &str) {
    window.press(Modifiers::COMMAND, Key::F);
    window.press(Modifiers::COMMAND, Key::A);
    window.harness.event(Event::Text(wanted.to_owned()));
    window.harness.run();
    window.press(Modifiers::NONE, Key::Escape);
    window.wait("it is looked at", is_idle);
}

#[test]
fn the_node_of_the_step_at_the_cursor_is_lit_up() {
    let mut window = beside(&["alexnet.yaml"]);
    assert!(!is_lit(&window, "conv2"));
    go_to(&mut window, "conv conv2");
    assert!(is_lit(&window, "conv2") && !is_lit(&window, "conv1"));
    assert!(window.harness.get_by_role(Role::MultilineTextInput).is_focused());
    for _ in 0..20 {
        window.press(Modifiers::NONE, Key::ArrowUp);
    }
    assert!(!is_lit(&window, "conv2"), "no step is at the start of the text");
    go_to(&mut window, "conv conv3");
    window.press(Modifiers::NONE, Key::ArrowRight);
    window.harness.event(Event::Text("3".to_owned()));
    window.wait("it is read", |model| {
        let path = inceptive_ir::Path::new("conv33");
        model.network().is_some_and(|network| network.architecture.graph.find(&path).is_some())
    });
    window.wait("it is laid out and traced", is_idle);
    window.press(Modifiers::NONE, Key::ArrowLeft);
    window.wait("all is done", is_idle);
    assert!(is_lit(&window, "conv33"));
}

#[test]
fn a_step_of_a_block_lights_up_in_all_its_calls() {
    let mut window = beside(&["googlenet.yaml"]);
    go_to(&mut window, "- conv conv2");
    assert!(is_lit(&window, "stem") && !is_lit(&window, "3a"));
    go_to(&mut window, "width: $r3");
    let lit = ["3a", "3b", "4a", "5b"].map(|name| is_lit(&window, name));
    assert!(lit.into_iter().all(|is_lit| is_lit) && !is_lit(&window, "stem"));
    go_to(&mut window, "inception 3a");
    assert!(is_lit(&window, "3a") && !is_lit(&window, "3b"));
}

#[test]
fn the_call_of_the_selected_node_is_shown_with_its_block() {
    let names = ["bn-inception.yaml", "blocks/inception.yaml"];
    let mut window = beside(&names);
    window.button("3b").click();
    window.harness.run();
    assert!(window.has("Selected in the graph:") && window.has("block double3x3"));
    let line_of = |window: &Window, name: &str, text: &str| {
        let content = std::fs::read_to_string(window.file(name)).unwrap();
        content.lines().position(|line| line.contains(text)).unwrap() + 1
    };
    let line = line_of(&window, names[0], "3b:");
    assert!(window.has(&format!("line {line}")), "line {line}");
    assert!(!window.harness.get_by_role(Role::MultilineTextInput).is_focused());
    let line = line_of(&window, names[1], "  double3x3:");
    window.click(&format!("blocks/inception.yaml:{line}"));
    window.wait("the block is shown", is_idle);
    assert_eq!(window.selected(), ["inception"]);
}

#[test]
fn a_node_inside_a_block_leads_to_its_step() {
    let mut window = beside(&["googlenet.yaml"]);
    window.button("3a").click();
    window.harness.run();
    window.press(Modifiers::NONE, Key::Slash);
    window.get("Search nodes").type_text("3a/3x3/reduce");
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is shown", is_idle);
    let text = std::fs::read_to_string(window.file("googlenet.yaml")).unwrap();
    let line = |text_of: &str| text.lines().position(|line| line.contains(text_of)).unwrap() + 1;
    assert!(window.has(&format!("line {}", line("inception 3a"))));
    assert!(window.has("block inception"));
    window.click(&format!("googlenet.yaml:{}", line("width: $r3")));
    window.wait("it is shown", is_idle);
    assert!(is_lit(&window, "3a/3x3/reduce"), "the cursor is in the step");
}

#[test]
fn text_and_graph_go_back_into_one_place() {
    let mut window = Window::on(&["alexnet.yaml"]);
    window.press(Modifiers::COMMAND, Key::Backslash);
    window.wait("both are there", is_idle);
    assert!(window.has_button("Fit") && window.has_button("Save"));
    window.press(Modifiers::COMMAND, Key::Backslash);
    assert!(!window.has_button("Fit") && window.has_button("Save"));
}
