//! The graph.

use std::fs;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use inceptive_gui::{
    jobs::{Job, Place},
    model::{Model, Status},
};

use crate::common::{Window, is_idle};

fn on(name: &str) -> Window {
    let mut window = Window::on(&[name]);
    window.wait("it is laid out", |model| model.last_scene(Place::Graph).is_some());
    window
}

/// Goes to a node by its path.
fn search(window: &mut Window, text: &str) {
    window.press(Modifiers::NONE, Key::Slash);
    window.get("Search nodes").type_text(text);
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is laid out", is_idle);
}

#[test]
fn a_module_opens_into_its_branches() {
    let mut window = on("googlenet.yaml");
    assert!(window.has_button("3a") && !window.has_button("3a/3x3"));
    window.button("3a").click();
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is laid out again", is_idle);
    assert!(window.has_button("3a/3x3"));
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is closed again", is_idle);
    assert!(!window.has_button("3a/3x3"));
}

#[test]
fn all_modules_open_and_close() {
    let mut window = on("googlenet.yaml");
    window.click("Expand all");
    window.wait("all are open", |model| {
        model.last_scene(Place::Graph).is_some_and(|(_, scene)| scene.cards.len() > 60)
    });
    assert!(window.has_button("3a/3x3/reduce"));
    let [input, fit] = ["input", "Fit"].map(|name| window.button(name).rect());
    assert!(input.top() > fit.bottom() && input.bottom() < 780.0, "{input:?} is not in view");
    assert!(input.left() > fit.left() && input.right() < 960.0, "{input:?} is not in view");
    window.click("Collapse all");
    window.wait("all are closed", is_idle);
    assert!(window.has_button("3a") && !window.has_button("3a/3x3/reduce"));
    window.press(Modifiers::NONE, Key::O);
    window.wait("all are open again", is_idle);
    assert!(window.has_button("3a/3x3/reduce"));
    window.press(Modifiers::NONE, Key::C);
    window.wait("all are closed again", is_idle);
    assert!(!window.has_button("3a/3x3/reduce"));
}

#[test]
fn the_search_opens_what_is_around_a_node_and_goes_there() {
    let mut window = on("googlenet.yaml");
    assert!(!window.has_button("5b/3x3/reduce"));
    search(&mut window, "5b/3x3/reduce");
    let card = window.button("5b/3x3/reduce").rect();
    let middle = window.button("Fit").rect().bottom() + 370.0;
    assert!((card.center().y - middle).abs() < 60.0, "{card:?} is not in the middle");
}

#[test]
fn the_search_begins_empty_and_is_left_with_escape() {
    let mut window = on("googlenet.yaml");
    window.button("3a").click();
    window.harness.run();
    let looks_for = |window: &mut Window, text: &str| {
        window.press(Modifiers::NONE, Key::Slash);
        window.get("Search nodes").type_text(text);
        window.harness.run();
    };
    let wanted = |window: &Window| window.get("Search nodes").value().unwrap_or_default();
    looks_for(&mut window, "no such node");
    let note = window.get("No matches").rect();
    assert!(note.height() < 30.0, "{note:?}");
    window.press(Modifiers::NONE, Key::Escape);
    assert_eq!(wanted(&window), "");
    assert!(!window.get("Search nodes").is_focused());
    let heading = window.harness.query_by_role_and_label(egui::Role::Label, "3a");
    assert!(heading.is_some(), "what is selected stays");
    looks_for(&mut window, "5b/3x3");
    let hit = window.get("5b/3x3/reduce   conv").rect();
    assert!(hit.height() < 30.0, "{hit:?} is a line");
}

#[test]
fn details_show_counts_in_the_chosen_convention() {
    let mut window = on("googlenet.yaml");
    assert!(window.has("6,998,552") && window.has("1,582,671,872"));
    search(&mut window, "3a/3x3/reduce");
    // 192 channels to 96, with a bias: 192 * 96 + 96.
    assert!(window.has("18,528") && window.has("192x28x28"));
    assert!(window.has("14,450,688"), "MACs of 28 * 28 * 192 * 96");
    window.harness.get_by_label_contains("googlenet.yaml:").click();
    window.harness.run();
    assert!(window.has_button("Save"), "the link leads to the source");
}

#[test]
fn arrows_go_from_card_to_card() {
    let mut window = on("alexnet.yaml");
    window.button("conv1").click();
    window.harness.run();
    window.press(Modifiers::NONE, Key::ArrowDown);
    // The heading of the details says what is selected.
    let heading = |window: &Window, name: &str| {
        window.harness.query_by_role_and_label(egui::Role::Label, name).is_some()
    };
    assert!(heading(&window, "pool1"));
    window.press(Modifiers::NONE, Key::ArrowUp);
    assert!(heading(&window, "conv1"));
    window.press(Modifiers::NONE, Key::Escape);
    assert!(heading(&window, "AlexNet"));
}

#[test]
fn the_view_is_exported_as_a_picture() {
    let mut window = on("alexnet.yaml");
    window.click("Export");
    window.click("Everything as SVG…");
    let path = window.folder.path().join("picture.svg");
    assert!(window.get("Path").is_focused());
    window.press(Modifiers::COMMAND, Key::A);
    window.get("Path").type_text(&path.display().to_string());
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is written", |model| !model.messages.is_empty());
    assert!(window.has(&format!("wrote {}", path.display())));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("<svg") && text.contains("conv1"));
}

/// A network of `steps` activations.
fn chain(steps: usize) -> String {
    let mut text = "name: Chain\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n".to_owned();
    for step in 0..steps {
        text.push_str(&format!("  - relu r{step}\n"));
    }
    text + "tail: gap\n"
}

#[test]
fn five_thousand_nodes_open() {
    let mut window = Window::with("chain.yaml", &chain(5_000));
    window.wait("it is laid out", |model| {
        model.last_scene(Place::Graph).is_some_and(|(_, scene)| scene.cards.len() > 5_000)
    });
    assert!(window.has_button("r0"));
    search(&mut window, "r4990");
    assert!(window.has_button("r4990") && !window.has_button("r0"));
}

#[test]
fn of_many_layouts_that_are_asked_for_the_last_one_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("architectures");
    fs::create_dir_all(&inside).unwrap();
    for (name, steps) in [("first", 5), ("large1", 1_000), ("large2", 1_001), ("small", 20)] {
        fs::write(inside.join(format!("{name}.yaml")), chain(steps)).unwrap();
    }
    let mut window = Window::at(folder);
    let running = |model: &Model| {
        let layouts = model.jobs.active().filter(|state| matches!(state.job, Job::Layout(_)));
        layouts.filter(|state| matches!(state.status, Status::Running(_))).count()
    };
    for name in ["large1", "large2", "large1", "large2", "small"] {
        window.click(name);
        assert!(running(window.model()) <= 2, "{name}");
    }
    window.wait("all is done", |model| {
        assert!(running(model) <= 2, "they pile up");
        is_idle(model)
    });
    let (_, scene) = window.model().last_scene(Place::Graph).unwrap();
    assert!((20..100).contains(&scene.cards.len()), "{} cards", scene.cards.len());
    assert!(window.has_button("r0"));
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let mut window = Window::with("chain.yaml", &chain(24_000));
    window.wait("it is read", |model| model.network().is_some() && is_idle(model));
    assert!(window.harness.query_by_label_contains("is too large to draw").is_some());
}
