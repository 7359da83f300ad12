//! Widths and choices.

use std::{fs, path::Path};

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, load};
use inceptive_format::exact;

use crate::common::Window;

/// Opens the tab and waits until the network can be changed.
fn design(files: &[&str]) -> Window {
    open(Window::on(files))
}

fn open(mut window: Window) -> Window {
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", |model| model.design.network.is_some());
    window
}

/// Moves the slider of a value.
fn slide(window: &mut Window, key: &str, value: f64) {
    window.harness.get_by_role_and_label(Role::Slider, key).set_value_accesskit(value);
    window.harness.run();
    window.wait("it is counted again", |model| {
        model.design.is_changed() && model.jobs.active().next().is_none()
    });
}

/// The counts of a file with settings, as the library gives them.
fn counts(file: &Path, settings: &[&str]) -> (String, String) {
    let settings: Vec<_> = settings.iter().map(|text| text.parse().unwrap()).collect();
    let loaded = load(&Disk, file, &settings).unwrap();
    let total = Cost::new(&loaded.architecture.graph, Mode::Inference).total;
    (format!("parameters: {}", exact(total.params)), format!("MACs: {}", exact(total.macs)))
}

#[test]
fn a_width_moves_and_the_counts_follow() {
    let mut window = design(&["googlenet.yaml"]);
    let file = window.file("googlenet.yaml");
    let (params, macs) = counts(&file, &[]);
    assert!(window.has(&params) && window.has(&macs));
    slide(&mut window, "3a.c3", 256.0);
    slide(&mut window, "input.size", 192.0);
    let (params, macs) = counts(&file, &["3a.c3=256", "input.size=192"]);
    assert!(window.has(&params) && window.has(&macs), "{macs}");
    window.click("Reset 3a.c3");
    window.click("Reset");
    window.wait("it is as before", |model| !model.design.is_changed());
    assert!(window.has(&counts(&file, &[]).1));
}

#[test]
fn the_tail_of_a_space_is_a_choice_and_constraints_are_judged() {
    let mut window = design(&["googlenet.yaml", "spaces/googlenet-widths.yaml"]);
    window.click("googlenet-widths");
    window.wait("it is counted", |model| {
        model.design.network.is_some() && model.jobs.active().next().is_none()
    });
    let space = window.file("spaces/googlenet-widths.yaml");
    assert!(window.has(&counts(&space, &[]).0));
    assert!(window.says("macs <= 1.6G is satisfied"));
    window.click("fc");
    window.wait("it is counted again", |model| model.design.is_changed());
    let (params, macs) = counts(&space, &["tail=fc"]);
    assert!(window.has(&params) && window.has(&macs));
    assert!(window.says("macs <= 1.6G is violated"));
}

#[test]
fn what_does_not_fit_is_said_and_the_last_numbers_stay() {
    let text = "name: Sum\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - parallel sum:\n      branches:\n        \
                a: [conv: {kernel: 3, width: 8}]\n        b: [conv: {kernel: 1, width: 8}]\n      join: add\ntail: gap\n";
    let mut window = open(Window::with("sum.yaml", text));
    let (params, _) = counts(&window.file("sum.yaml"), &[]);
    slide(&mut window, "sum/a/conv.width", 9.0);
    assert!(window.says("These settings are invalid") && window.says("8x8x8"));
    assert!(window.has(&params) && window.says("Last valid design"));
    slide(&mut window, "sum/b/conv.width", 9.0);
    assert!(!window.says("These settings are invalid"));
}

#[test]
fn a_design_is_saved_as_a_file_that_extends_and_overwrites_only_when_asked() {
    let mut window = design(&["googlenet.yaml"]);
    slide(&mut window, "4a.c3", 256.0);
    slide(&mut window, "width_multiplier", 0.5);
    let wanted = window.model().design.network.as_ref().unwrap().fingerprint.clone();
    window.click("Save as…");
    let file_name = "googlenet-changed.yaml";
    fs::write(window.file(file_name), "name: mine").unwrap();
    window.button("Save").click();
    window.wait("it is refused", |model| model.design.saved.is_some());
    assert!(window.says("exists already"));
    assert_eq!(fs::read_to_string(window.file(file_name)).unwrap(), "name: mine");
    window.click("Replace it");
    let file = window.file(file_name);
    window.wait("it is in the list", |model| {
        model.entries.get(file.as_path()).is_some_and(|entry| entry.network.is_some())
    });
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("extends: googlenet.yaml") && text.contains("c3: 256"), "{text}");
    assert_eq!(window.selected(), ["googlenet-changed"]);
    assert_eq!(window.model().network().unwrap().fingerprint, wanted);
}

#[test]
fn hidden_layers_have_widths_while_the_network_ends_in_them() {
    let mut window = design(&["googlenet-fc.yaml", "googlenet.yaml"]);
    window.click("googlenet-fc");
    window.wait("it is counted", |model| {
        model.design.network.is_some() && model.jobs.active().next().is_none()
    });
    let file = window.file("googlenet-fc.yaml");
    slide(&mut window, "tail/fc2.width", 1024.0);
    let (params, macs) = counts(&file, &["tail/fc2.width=1024"]);
    assert!(window.has(&params) && window.has(&macs));
    // Another end has none, and what was set for the first is forgotten.
    window.click("GAP");
    window.wait("it is counted again", |model| model.jobs.active().next().is_none());
    assert!(!window.has("tail/fc2.width") && window.has("1 change"));
    assert!(!window.says("These settings are invalid"));
    assert!(window.has(&counts(&file, &["tail={gap: {softmax: true}}"]).0));
    window.click("FC");
    window.wait("it is as before", |model| !model.design.is_changed());
    assert!(window.has(&counts(&file, &[]).0));
}

#[test]
fn widths_of_a_head_change_what_is_trained_only() {
    let mut window = design(&["googlenet.yaml"]);
    let (params, _) = counts(&window.file("googlenet.yaml"), &[]);
    let before = window.model().design.network.as_ref().unwrap().training_params.unwrap();
    assert!(window.has("aux1, in training only"));
    slide(&mut window, "aux1/head/fc.width", 512.0);
    // From 4x4x128 to the hidden layer, and from there to the classes; each with biases.
    let after = before - 512 * (4 * 4 * 128 + 1 + 1000);
    assert!(window.has(&params));
    assert!(window.has(&format!("training parameters: {}", exact(after))));
}

#[test]
fn a_head_that_does_not_fit_is_said() {
    let mut window = design(&["googlenet.yaml"]);
    let file = window.file("googlenet.yaml");
    slide(&mut window, "input.size", 64.0);
    assert!(window.has(&counts(&file, &["input.size=64"]).0));
    assert!(window.says("the auxiliary head `aux1` does not fit and is left out"));
    assert!(!window.says("training parameters"));
}
