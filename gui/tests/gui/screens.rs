//! Pictures of every screen in both themes, on the files and the measurements that come with the program.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --workspace --test gui screens` takes them anew; look at them before they are kept.

use std::{fs, path::PathBuf};

use egui::{Key, Modifiers, Role, Theme};
use egui_kittest::{SnapshotResults, kittest::Queryable};
use inceptive_gui::{
    Options,
    jobs::Place,
    model::{Model, Status},
};

use crate::{
    common::{Window, bundled},
    run::steady,
};

/// What a screen is called and how to come to it.
type Screen = (&'static str, fn(&mut Window));

const SCREENS: [Screen; 12] = [
    ("graph", graph),
    ("graph-heat", heat),
    ("source", source),
    ("design", design),
    ("design-space", space),
    ("tradeoff", tradeoff),
    ("tradeoff-space", cloud),
    ("compare", compare),
    ("compare-graphs", graphs),
    ("run", run),
    ("run-profile", profile),
    ("shortcuts", shortcuts),
];

fn is_idle(model: &Model) -> bool {
    model.jobs.active().next().is_none()
}

/// A window on `architectures/` with what was measured for the report on the family.
fn window(theme: Theme) -> Window {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("results.db");
    fs::copy(bundled("../reports/family/results.db"), &store).unwrap();
    // The path is on the screen: it is the same wherever the project lies.
    let options = Options { path: Some(PathBuf::from("../architectures")), store, drafts: None };
    let mut window = Window::opened(folder, options, &steady(), theme);
    window.click("googlenet-bn");
    window.wait("results are read", |model| !model.results.measurements.is_empty());
    window
}

fn tab(window: &mut Window, key: Key) {
    window.press(Modifiers::COMMAND, key);
    window.wait("it is drawn", is_idle);
}

fn choose(window: &mut Window, label: &str, choice: &str) {
    window.harness.get_by_role_and_label(Role::ComboBox, label).click();
    window.harness.run();
    window.button(choice).click();
    window.harness.run();
}

fn graph(window: &mut Window) {
    tab(window, Key::Num1);
    window.wait("it is laid out", |model| model.last_scene(Place::Graph).is_some());
    window.button("3a").click();
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is open", is_idle);
    window.press(Modifiers::NONE, Key::F);
}

fn heat(window: &mut Window) {
    graph(window);
    window.click("Expand all");
    window.wait("all are open", is_idle);
    window.press(Modifiers::NONE, Key::F);
    choose(window, "Colour nodes by", "compute");
}

fn source(window: &mut Window) {
    tab(window, Key::Num2);
    window.get("Text of the file").focus();
    window.harness.run();
    window.press(Modifiers::CTRL | Modifiers::COMMAND, Key::Home);
    window.get("Text of the file").type_text("nonsense: 1\n");
    window.wait("it is checked", |model| {
        is_idle(model) && model.current().is_some_and(|entry| entry.is_wrong())
    });
}

fn design(window: &mut Window) {
    tab(window, Key::Num3);
    for (width, value) in [("3b.c3", 256.0), ("4a.c3", 96.0)] {
        window.harness.get_by_role_and_label(Role::Slider, width).set_value_accesskit(value);
        window.harness.run();
        window.wait("it is counted", |model| model.design.is_changed() && is_idle(model));
    }
}

fn space(window: &mut Window) {
    window.click("googlenet-widths");
    tab(window, Key::Num3);
    window.wait("it is counted", |model| model.design.network.is_some() && is_idle(model));
}

fn tradeoff(window: &mut Window) {
    tab(window, Key::Num4);
}

fn cloud(window: &mut Window) {
    window.click("googlenet-widths");
    tradeoff(window);
    window.click("Draw the space");
    window.wait("it is drawn", |model| model.cloud.is_some() && is_idle(model));
    choose(window, "y axis", "parameters");
}

fn compare(window: &mut Window) {
    window.get("googlenet").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    tab(window, Key::Num5);
}

fn graphs(window: &mut Window) {
    compare(window);
    window.click("Graphs");
    window.wait("both are laid out", is_idle);
    assert!(window.has_button("pool3 in the other: equal"));
}

fn run(window: &mut Window) {
    tab(window, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some() && is_idle(model));
}

fn profile(window: &mut Window) {
    run(window);
    window.click(&format!("Profiles ({})", window.model().results.profiles.len()));
    window.harness.run();
}

fn shortcuts(window: &mut Window) {
    window.press(Modifiers::NONE, Key::F1);
}

fn compare_all(theme: Theme) {
    let mut results = SnapshotResults::new();
    for (name, come_to) in SCREENS {
        let mut window = window(theme);
        come_to(&mut window);
        assert!(window.model().jobs.long().all(|job| job.status == Status::Done), "{name}");
        window.harness.remove_cursor();
        window.harness.run();
        // The store is where it happens to be.
        let store = window.harness.query_by_label("Store").map(|field| field.rect());
        if let Some(place) = store {
            window.harness.mask(place);
        }
        let theme = format!("{theme:?}").to_lowercase();
        results.add(window.harness.try_snapshot(format!("{name}-{theme}")));
    }
}

#[test]
fn every_light_screen_looks_as_it_did() {
    compare_all(Theme::Light);
}

#[test]
fn every_dark_screen_looks_as_it_did() {
    compare_all(Theme::Dark);
}
