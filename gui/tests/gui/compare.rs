//! Networks side by side.

use std::fs;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use inceptive_gui::jobs::Place;

use crate::common::Window;

/// A window on files, the first of which are selected, with the comparison in front.
fn comparing(files: &[&str], selected: &[&str]) -> Window {
    comparing_in(Window::on(files), selected)
}

fn comparing_in(mut window: Window, selected: &[&str]) -> Window {
    for (at, name) in selected.iter().enumerate() {
        let modifiers = if at == 0 { Modifiers::NONE } else { Modifiers::COMMAND };
        window.get(name).click_modifiers(modifiers);
        window.harness.run();
    }
    window.press(Modifiers::COMMAND, Key::Num5);
    window
}

fn google() -> Window {
    comparing(&["googlenet.yaml", "googlenet-bn.yaml"], &["googlenet", "googlenet-bn"])
}

#[test]
fn one_network_alone_shows_how_to_select_more() {
    let window = comparing(&["googlenet.yaml", "alexnet.yaml"], &["googlenet"]);
    assert!(window.says("Select two or more networks"));
}

#[test]
fn totals_have_differences_to_the_first() {
    let window = google();
    for text in [
        "6,998,552",
        "6,624,904",
        "-373,648",
        "1,582,671,872",
        "1,498,376,192",
        "+1.08 points",
        "3a: 163,696, 155,872",
    ] {
        assert!(window.says(text), "{text}");
    }
}

/// The base is the first selected network, whatever was compared before.
#[test]
fn another_selection_has_another_base() {
    let mut window = comparing(&["googlenet.yaml", "googlenet-bn.yaml"], &["googlenet-bn"]);
    window.press(Modifiers::COMMAND, Key::Num1);
    let mut window = comparing_in(window, &["googlenet", "googlenet-bn"]);
    assert!(window.says("-373,648") && !window.says("+373,648"));
    // One that is added to the others comes last.
    window.press(Modifiers::COMMAND, Key::Num1);
    window.get("googlenet-bn").click();
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::Num5);
    window.get("googlenet").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    assert!(window.says("+373,648"));
}

/// As everywhere: what was published of many crops or models is not compared.
#[test]
fn accuracies_of_other_protocols_are_not_compared() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("architectures");
    fs::create_dir_all(&inside).unwrap();
    for (name, top1, crops) in [("one", 71.5, 1), ("many", 79.25, 144)] {
        let text = format!(
            "name: {name}\ninput: {{channels: 3, size: 8}}\nclasses: 10\nbody: [conv: {{kernel: 1, width: 4}}]\ntail: gap\n\
             published: [{{dataset: imagenet-1k, top1: {top1}, crops: {crops}, models: 1, source: here}}]\n"
        );
        fs::write(inside.join(format!("{name}.yaml")), text).unwrap();
    }
    let mut window = Window::at(folder);
    window.wait("they are read", |model| model.entries.len() == 2 && model.networks().count() == 2);
    let window = comparing_in(window, &["one", "many"]);
    assert!(window.says("71.50%") && !window.says("79.25"));
}

#[test]
fn three_networks_stand_beside_each_other() {
    let mut window =
        comparing(&["alexnet.yaml", "nin.yaml", "vgg16.yaml"], &["nin", "alexnet", "vgg16"]);
    assert!(window.says("with 2 others") && window.says("61,100,840"));
    assert!(window.says("138,357,544") && window.says("7,595,176"));
    window.button("MACs").click();
    window.harness.run();
    assert!(window.says(", –, –"), "modules of one network only");
}

#[test]
fn a_changed_node_leads_to_the_graph() {
    let mut window = google();
    window.click("Nodes");
    for text in ["− 3 removed", "+ 57 added", "~ 59 changed", "-8,224", "-6,422,528"] {
        assert!(window.says(text), "{text}");
    }
    assert!(window.says("kernel: 5x5 -> 3x3") && !window.says("inputs "));
    window.click("58 unchanged, next to changes");
    assert!(window.says("inputs stem/conv1 -> stem/conv1/bn"));
    window.click("58 unchanged, next to changes");
    window.click("~ 59 changed");
    assert!(!window.says("kernel: 5x5 -> 3x3") && window.has("stem/norm1"));
    window.click("~ 59 changed");
    window.get("Filter nodes").focus();
    window.harness.run();
    window.get("Filter nodes").type_text("3a/5x5/conv");
    window.harness.run();
    assert!(!window.has("stem/norm1"));
    window.click("3a/5x5/conv");
    window.wait("it is laid out", |model| model.last_scene(Place::Graph).is_some());
    assert_eq!(window.selected(), ["googlenet", "googlenet-bn"]);
    assert!(!window.has("Filter nodes"), "the graph is in front");
}

#[test]
fn texts_are_compared_with_all_that_they_extend() {
    let mut window = google();
    window.click("Text");
    assert!(window.says("only in googlenet-bn"));
    assert!(window.says("− name: GoogLeNet"));
    window.click("as written");
    assert!(window.says("is a variant of"));
}

#[test]
fn graphs_are_marked_and_move_together() {
    let mut window = google();
    window.click("Graphs");
    window.wait("both are laid out", |model| model.jobs.active().next().is_none());
    for label in ["pool3 in the base: equal", "pool4 in the other: changed"] {
        assert!(window.has_button(label), "{label}");
    }
    window.click("Expand all");
    window.wait("both are open", |model| model.jobs.active().next().is_none());
    window.click("Width");
    window.click("Next");
    let place = |label: &str| window.button(label).rect().center().y;
    let (first, other) =
        (place("stem/conv1 in the base: changed"), place("stem/conv1 in the other: changed"));
    assert!((first - other).abs() < 2.0, "{first} {other}");
    assert!(
        window.harness.query_all_by_label_contains("stem/norm1 in the base: removed").count() > 0
    );
}

#[test]
fn everything_of_wide_graphs_can_be_reached() {
    let branches: String =
        (0..16).map(|at| format!("        b{at}: [conv: {{kernel: 1, width: 8}}]\n")).collect();
    let text = |name: &str, end: &str| {
        format!(
            "name: {name}\ninput: {{channels: 3, size: 8}}\nclasses: 2\nbody:\n  - parallel wide:\n      \
             branches:\n{branches}      join: concat\n{end}tail: gap\n"
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("architectures");
    fs::create_dir_all(&inside).unwrap();
    fs::write(inside.join("a.yaml"), text("A", "")).unwrap();
    fs::write(inside.join("b.yaml"), text("B", "  - relu last\n")).unwrap();
    let mut window = comparing_in(Window::at(folder), &["a", "b"]);
    window.click("Graphs");
    window.wait("both are laid out", |model| model.jobs.active().next().is_none());
    window.click("Expand all");
    window.wait("both are open", |model| model.jobs.active().next().is_none());
    let (left, right) = ("wide/b0/conv in the other: equal", "wide/b15/conv in the other: equal");
    window.click("Width");
    let width = window.button(left).rect().width();
    assert!((window.button(right).rect().width() - width).abs() < 1.0, "neither is cut off");
    for _ in 0..8 {
        window.click("+");
    }
    assert!(!window.has_button(left) && !window.has_button(right));
    window.click("Fit");
    assert!(window.has_button(left) && window.has_button(right));
}
