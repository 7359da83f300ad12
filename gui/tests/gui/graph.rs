//! The graph.

use std::fs;

use egui::{Key, Modifiers, Role, vec2};
use egui_kittest::kittest::{NodeT, Queryable};
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
    window.fill("Path", &path.display().to_string());
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is written", |model| !model.messages.is_empty());
    assert!(window.has(&format!("wrote {}", path.display())));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("<svg") && text.contains("conv1"));
}

#[test]
fn a_box_shows_its_operators_and_opens_into_them() {
    let mut window = Window::on(&["googlenet-bn.yaml", "googlenet.yaml"]);
    window.click("googlenet-bn");
    window.wait("it is laid out", |model| model.last_scene(Place::Graph).is_some());
    search(&mut window, "3a/1x1/conv");
    assert!(window.has("conv 1x1, 64 + batch norm + ReLU"));
    for name in ["kernel", "stride", "pad", "dilation", "groups", "eps"] {
        assert!(window.has(name), "{name}");
    }
    assert!(window.has("3a/1x1/conv.weight") && window.has("64x192x1x1"));
    assert!(window.has("3a/1x1/conv/bn.running_mean"));
    assert!(window.says("No weights until it is trained"));
    window.press(Modifiers::NONE, Key::Escape);
    window.button("3a/1x1/conv").click();
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is open", is_idle);
    assert!(window.has_button("3a/1x1/conv/bn") && window.has_button("3a/1x1/conv/relu"));
    window.button("3a/1x1/conv/conv").click();
    window.harness.run();
    assert!(window.has("kernel") && !window.has("eps"), "the convolution alone");
    window.button("3a/1x1/conv").click();
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is closed", is_idle);
    assert!(!window.has_button("3a/1x1/conv/bn"));
}

#[test]
fn an_onnx_file_shows_what_it_says_and_statistics_of_its_weights() {
    let folder = crate::common::copies(&[]);
    let inside = folder.path().join("architectures");
    fs::create_dir_all(&inside).unwrap();
    let name = "equal-initializers.onnx";
    let file = crate::common::bundled("../crates/onnx/tests/fixtures").join(name);
    fs::copy(file, inside.join(name)).unwrap();
    let mut window = Window::at(folder);
    window.wait("it is laid out", |model| model.last_scene(Place::Graph).is_some());
    for name in ["IR version", "operators", "Metadata", "fingerprint"] {
        assert!(window.has(name), "{name}");
    }
    assert!(window.says("float32[1,3,16,16]"));
    search(&mut window, "c0");
    window.wait("statistics are there", is_idle);
    for name in ["min", "max", "mean", "std", "zeros", "NaN", "In the ONNX file", "operator"] {
        assert!(window.says(name), "{name}");
    }
    assert!(window.says("c0.weight  float32[8,3,3,3]  constant") && window.says("8x3x3x3 float32"));
    assert!(window.says("first 64 of 216 values"));
    // So that all details are in view.
    window.harness.set_size(vec2(1280.0, 1400.0));
    window.harness.run();
    window.click("All values of c0.weight");
    window.wait("the values are there", is_idle);
    assert!(window.says("8x3x3x3, 216 values") && window.says("[0, 0, 0, 0]"));
    window.harness.get_by_label_contains("[0, 0, 0, 0]").hover();
    for _ in 0..60 {
        window.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Line,
            source: egui::MouseWheelSource::Unknown,
            delta: vec2(0.0, -10.0),
            phase: egui::TouchPhase::Move,
            modifiers: Modifiers::NONE,
        });
        window.harness.run();
    }
    assert!(window.says("[7, 2, 2, 0]"));
    window.click("Save as .npy…");
    let path = window.folder.path().join("c0.npy");
    let field = window.get("Path");
    field.focus();
    window.harness.run();
    window.fill("Path", &path.display().to_string());
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is written", |model| is_idle(model) && !model.messages.is_empty());
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"\x93NUMPY\x01\x00") && bytes.len() == 128 + 4 * 216);
}

fn layout(window: &mut Window, choice: &str) {
    window.harness.get_by_role_and_label(Role::ComboBox, "Layout of the graph").click();
    window.harness.run();
    window.button(choice).click();
    window.wait("it is laid out", is_idle);
}

/// Width and height of the picture.
fn size(window: &Window) -> (f64, f64) {
    let (_, scene) = window.model().last_scene(Place::Graph).unwrap();
    (scene.width, scene.height)
}

#[test]
fn a_network_leads_down_right_or_in_columns() {
    let mut window = on("vgg16.yaml");
    let (width, height) = size(&window);
    assert!(height > 3.0 * width);
    layout(&mut window, "left to right");
    let (width, height) = size(&window);
    assert!(width > 3.0 * height);
    layout(&mut window, "columns");
    let (width, height) = size(&window);
    assert!((0.7..2.5).contains(&(width / height)), "{width} x {height}");
    let (_, scene) = window.model().last_scene(Place::Graph).unwrap();
    let name = scene.cards.last().unwrap().path.to_string();
    let [first, last] = ["input", &name].map(|name| window.button(name).rect());
    assert!(first.right() < last.left(), "all of it is in view");
}

#[test]
fn fit_folds_what_would_be_a_needle() {
    let mut window = Window::with("chain.yaml", &chain(300));
    window.wait("it is laid out", |model| model.last_scene(Place::Graph).is_some());
    assert!(window.says("press F to see all of it"));
    window.press(Modifiers::NONE, Key::F);
    window.wait("it is folded", is_idle);
    let (width, height) = size(&window);
    assert!((0.7..3.0).contains(&(width / height)), "{width} x {height}");
    assert!(window.says("Folded into columns"));
    assert!(window.has_button("r0") && window.has_button("r299"));
    layout(&mut window, "top to bottom");
    assert!(window.has_button("r0") && !window.has_button("r299"));
}

#[test]
fn repeated_modules_are_shown_once_or_each() {
    let mut window = Window::on(&["inception-resnet-v2.yaml", "blocks/inception.yaml"]);
    window.click("inception-resnet-v2");
    window.wait("it is laid out", |model| model.last_scene(Place::Graph).is_some());
    window.click("Expand all");
    window.wait("all are open", is_idle);
    let cards = |window: &Window| window.model().last_scene(Place::Graph).unwrap().1.cards.len();
    let once = cards(&window);
    search(&mut window, "inception-c/1/inception-resnet-c");
    assert!(window.has("inception-c/1 to 9: 9 equal modules"));
    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::NONE, Key::R);
    window.wait("each is shown", is_idle);
    assert!(cards(&window) > once + 50, "{once} and {}", cards(&window));
    window.click("Show once");
    window.wait("one is shown", is_idle);
    assert!(window.has("Show each"));
    // What is in one of the others is shown when it is looked for.
    search(&mut window, "inception-c/7/inception-resnet-c/relu");
    assert!(window.has_button("inception-c/7/inception-resnet-c/relu"));
}

#[test]
fn the_search_steps_through_its_matches() {
    let mut window = on("googlenet.yaml");
    window.press(Modifiers::NONE, Key::Slash);
    window.get("Search nodes").type_text("3x3/reduce");
    window.harness.run();
    assert!(window.has("18 matches"), "a convolution and its activation in nine modules");
    for (modifiers, expected) in [
        (Modifiers::NONE, "1 of 18"),
        (Modifiers::NONE, "2 of 18"),
        (Modifiers::SHIFT, "1 of 18"),
        (Modifiers::SHIFT, "18 of 18"),
        (Modifiers::NONE, "1 of 18"),
    ] {
        window.press(modifiers, Key::Enter);
        window.wait("it is laid out", is_idle);
        assert!(window.has(expected), "{expected}");
    }
    assert!(window.get("Search nodes").is_focused());
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.says(" of 18"));
}

#[test]
fn the_scale_of_colours_stays_when_modules_open() {
    let mut window = on("googlenet.yaml");
    window.harness.get_by_role_and_label(Role::ComboBox, "Colour nodes by").click();
    window.harness.run();
    window.button("params").click();
    window.harness.run();
    let legend = |window: &Window| {
        let nodes = window.harness.query_all_by_label_contains("legend: ");
        nodes.filter_map(|node| node.accesskit_node().value()).next().unwrap_or_default()
    };
    let closed = legend(&window);
    assert!(closed.contains("params, logarithmic scale, ") && closed.contains(" to "), "{closed}");
    window.click("Expand all");
    window.wait("all are open", is_idle);
    assert_eq!(legend(&window), closed);
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

#[test]
fn the_buttons_are_one_row_in_a_window_of_the_usual_size() {
    let window = on("alexnet.yaml");
    let [fit, details] = ["Fit", "Details"].map(|name| window.button(name).rect());
    assert!((fit.center().y - details.center().y).abs() < 2.0, "{fit:?} and {details:?}");
}
