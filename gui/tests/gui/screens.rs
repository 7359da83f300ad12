//! Pictures of every screen in both themes, on the files and the measurements that come with the program.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --workspace --test gui screens` takes them anew; look at them before they are kept.

use std::{fs, path::PathBuf};

use egui::{Key, Modifiers, Role, Theme, vec2};
use egui_kittest::{
    SnapshotResults,
    kittest::{NodeT, Queryable},
};
use inceptive_app::Inspected;
use inceptive_gui::{Options, jobs::Place, model::Status};
use inceptive_results::{
    EpochRecord, TrainingRun,
    example::{search as found, training_run},
};
use inceptive_store::Store;

use crate::{
    common::{Window, bundled, has_sliders, is_designed, is_idle},
    run::steady,
};

/// What a screen is called and how to come to it.
type Screen = (&'static str, fn(&mut Window));

const SCREENS: [Screen; 23] = [
    ("graph", graph),
    ("graph-heat", heat),
    ("graph-columns", columns),
    ("source", source),
    ("source-beside", beside),
    ("source-complete", complete),
    ("design", design),
    ("design-space", space),
    ("tradeoff", tradeoff),
    ("tradeoff-space", cloud),
    ("tradeoff-table", table),
    ("tradeoff-trained", accuracies),
    ("compare", compare),
    ("compare-graphs", graphs),
    ("run", run),
    ("run-profile", profile),
    ("train", train),
    ("train-result", trained),
    ("explore", explore),
    ("explore-search", search),
    ("shortcuts", shortcuts),
    ("file-menu", file_menu),
    ("file-new", file_new),
];

/// A window on `architectures/` with what was measured for the report on the family.
fn window(theme: Theme) -> Window {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("results.db");
    fs::copy(bundled("../reports/family/results.db"), &store).unwrap();
    // The path is on the screen: it is the same wherever the project lies.
    let path = Some(PathBuf::from("../architectures"));
    let options = Options { path, store, ..Options::default() };
    let mut window = Window::opened(folder, options, &steady(), theme);
    window.click("googlenet-bn");
    window.wait("results are read", |model| !model.results.measurements.is_empty());
    window
}

fn tab(window: &mut Window, key: Key) {
    window.press(Modifiers::COMMAND, key);
    window.wait("it is drawn", is_idle);
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
    window.wait("it is folded", is_idle);
    window.choose("Colour nodes by", "compute");
}

/// A long network in columns, with a box of several operators that was looked for.
fn columns(window: &mut Window) {
    window.get("Search files").focus();
    window.harness.run();
    window.get("Search files").type_text("inception-resnet-v2");
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    tab(window, Key::Num1);
    window.click("Expand all");
    window.wait("all are open", is_idle);
    window.press(Modifiers::NONE, Key::F);
    window.wait("it is folded", is_idle);
    window.press(Modifiers::NONE, Key::Slash);
    window.get("Search nodes").type_text("reduce");
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is found", is_idle);
    window.press(Modifiers::NONE, Key::F);
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

fn beside(window: &mut Window) {
    window.click("bn-inception");
    window.wait("it is laid out", |model| model.last_scene(Place::Graph).is_some());
    window.wait("all is drawn", is_idle);
    tab(window, Key::Num2);
    window.click("Beside graph");
    window.wait("both are there", |model| model.trace.is_some() && is_idle(model));
    window.press(Modifiers::COMMAND, Key::F);
    window.harness.event(egui::Event::Text("double3x3 3a".to_owned()));
    window.harness.run();
    window.press(Modifiers::NONE, Key::Escape);
    window.button("3b").click();
    window.wait("all is drawn", is_idle);
}

fn complete(window: &mut Window) {
    window.click("googlenet");
    tab(window, Key::Num2);
    window.press(Modifiers::COMMAND, Key::H);
    window.harness.event(egui::Event::Text("  - inception 3a: {".to_owned()));
    window.harness.run();
    window.get("Text of the file").focus();
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::Space);
    window.wait("it is checked", is_idle);
}

fn design(window: &mut Window) {
    tab(window, Key::Num3);
    for (width, value) in [("3b.c3", 256.0), ("4a.c3", 96.0)] {
        window.harness.get_by_role_and_label(Role::Slider, width).set_value_accesskit(value);
        window.harness.run();
        window.wait("it is counted", is_designed);
    }
}

/// Selects a network by the first letters of its name; the list is longer than the window.
fn select(window: &mut Window, name: &str) {
    window.press(Modifiers::COMMAND, Key::P);
    window.harness.event(egui::Event::Text(name.to_owned()));
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is selected", is_idle);
}

fn space(window: &mut Window) {
    select(window, "googlenet-widths");
    tab(window, Key::Num3);
    window.wait("it is counted", has_sliders);
}

fn tradeoff(window: &mut Window) {
    tab(window, Key::Num4);
}

fn cloud(window: &mut Window) {
    select(window, "googlenet-widths");
    tradeoff(window);
    window.click("Draw the space");
    window.wait("it is drawn", |model| model.cloud.is_some() && is_idle(model));
    window.choose("y axis", "parameters");
}

/// The networks of a space as points and in the table, with a shortlist.
fn table(window: &mut Window) {
    cloud(window);
    window.choose("colour", "reduce3");
    window.get("Filter networks").focus();
    window.harness.run();
    window.get("Filter networks").type_text("width >= 1 and tail == gap");
    window.harness.run();
    window.click("Plot and table");
    window.click("Scatter");
    let names: Vec<String> = window
        .harness
        .query_all_by_label_contains("Mark ")
        .take(2)
        .filter_map(|node| node.accesskit_node().label())
        .collect();
    names.iter().for_each(|name| window.click(name));
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

/// Four networks, each trained with two seeds, on data with ten classes.
fn runs() -> Vec<TrainingRun> {
    let networks = ["Small Inception", "Small Inception, naive", "Small ResNet", "Plain 3x3"];
    let run = |(at, name): (u32, &str), seed: u64| {
        let mut run = training_run(seed, 0.0);
        let level = f64::from(at) + 0.4 * seed as f64;
        name.clone_into(&mut run.subject.name);
        run.training_fingerprint = format!("{at:032}");
        "shapes:size=28,channels=1,train=10000,test=2000,seed=1".clone_into(&mut run.dataset.label);
        (run.dataset.classes, run.dataset.test_images) = (10, 2000);
        "standard".clone_into(&mut run.recipe.name);
        run.epochs = 24;
        let epoch = |epoch: u32| {
            let fall = (-f64::from(epoch) / (4.0 + level)).exp();
            let wave = 0.12 * (f64::from(epoch) * (2.0 + level)).sin() * fall;
            EpochRecord {
                epoch,
                loss: 0.1 + 2.0 * fall + wave,
                val_top1: Some(96.0 - 2.0 * level - 70.0 * (fall + wave)),
                ..run.history[0]
            }
        };
        run.history = (1..=run.epochs).map(epoch).collect();
        let last = run.history[23];
        (run.train_loss, run.val_top1) = (Some(last.loss), last.val_top1);
        // Each class is taken for the next one, and for the one five places on.
        let wrong = |truth: usize, at: usize| match (10 + at - truth) % 10 {
            1 => truth as u64,
            5 => 3,
            _ => 0,
        };
        let count = |truth: usize, at: usize| match truth == at {
            true => 200 - (0..10).map(|at| wrong(truth, at)).sum::<u64>(),
            false => wrong(truth, at),
        };
        run.confusion = (0..100).map(|cell| count(cell / 10, cell % 10)).collect();
        let right: u64 = (0..10).map(|class| count(class, class)).sum();
        run.test_top1 = Some(right as f64 / 20.0);
        run
    };
    [0, 1].into_iter().flat_map(|seed| (0..).zip(networks).map(move |it| run(it, seed))).collect()
}

fn train(window: &mut Window) {
    let mut store = Store::open(&window.model().store).unwrap();
    store.append_all(&runs()).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.get("Search files").focus();
    window.harness.run();
    window.get("Search files").type_text("resnet20");
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    tab(window, Key::Num7);
    window.wait("runs are read", |model| {
        model.training_choices.is_some() && model.results.training_runs.len() == 8
    });
}

/// Accuracies of the small networks, each trained with three seeds.
fn accuracies(window: &mut Window) {
    let small = window
        .model()
        .networks()
        .filter(|(entry, _)| entry.file.parent().is_some_and(|folder| folder.ends_with("small")));
    let run = |network: &Inspected, seed: u64| {
        let size = (network.cost.total.macs as f64).log10();
        let mut run = training_run(seed, 62.0 + 4.0 * size + 0.4 * seed as f64);
        run.subject.fingerprint.clone_from(&network.fingerprint);
        run.training_fingerprint.clone_from(&network.fingerprint);
        run
    };
    let runs: Vec<TrainingRun> = small
        .flat_map(|(_, network)| (0..3).map(|seed| run(network, seed)).collect::<Vec<_>>())
        .collect();
    Store::open(&window.model().store).unwrap().append_all(&runs).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("runs are read", |model| !model.results.training_runs.is_empty());
    tradeoff(window);
    window.choose("accuracy", "trained: shapes, example");
}

fn trained(window: &mut Window) {
    train(window);
    window
        .harness
        .get_all_by_role_and_label(Role::Link, "Small ResNet width=8")
        .next()
        .unwrap()
        .click();
    window.harness.run();
}

/// All networks of a space, with the front of capacity and compute, and one of them chosen.
fn explore(window: &mut Window) {
    select(window, "small-modules");
    tab(window, Key::Num8);
    window.wait("choices are known", |model| {
        model.training_choices.is_some() && model.engines.is_some() && is_idle(model)
    });
    window.fill("Objectives", "macs, maximize params");
    window.fill("Conditions", "params < 300K");
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("it is counted", |model| model.counted.is_some() && is_idle(model));
    window.button("Network 4").click();
    window.harness.run();
}

/// A search that was finished, with its front and what its variables decide.
fn search(window: &mut Window) {
    let mut found = found();
    "../architectures/spaces/small-modules.yaml".clone_into(&mut found.space.file);
    Store::open(&window.model().store).unwrap().append(&found).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("it is read", |model| !model.results.explorations.is_empty() && is_idle(model));
    select(window, "small-modules");
    tab(window, Key::Num8);
    window.wait("choices are known", |model| {
        model.training_choices.is_some() && model.engines.is_some() && is_idle(model)
    });
    window.click("Search");
    window.wait("it is looked at", |model| model.understood.is_some() && is_idle(model));
}

fn shortcuts(window: &mut Window) {
    window.press(Modifiers::NONE, Key::F1);
}

fn file_menu(window: &mut Window) {
    window.get("googlenet-bn").click_secondary();
    window.harness.run();
    window.button("Export as").click();
    window.harness.run();
}

fn file_new(window: &mut Window) {
    window.press(Modifiers::COMMAND, Key::N);
    window.button("Variant").click();
    window.harness.run();
    window.get("File name").type_text("googlenet");
    window.harness.run();
}

/// The screens in a small window; the widest table of Compare and the palette too.
const SMALL: [Screen; 12] = [
    ("graph", graph),
    ("source", source),
    ("design", design),
    ("tradeoff", tradeoff),
    ("tradeoff-table", table),
    ("compare", compare_three),
    ("compare-graphs", graphs),
    ("run", run),
    ("train", train),
    ("explore", explore),
    ("explore-search", search),
    ("palette", palette),
];

fn compare_three(window: &mut Window) {
    window.get("inception-v3").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    compare(window);
}

fn palette(window: &mut Window) {
    tab(window, Key::Num1);
    window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    window.get("Search actions").type_text("graph");
    window.harness.run();
}

#[test]
fn every_screen_of_a_small_window_looks_as_it_did() {
    let mut results = SnapshotResults::new();
    for (name, come_to) in SMALL {
        let mut window = window(Theme::Dark);
        come_to(&mut window);
        window.harness.set_size(vec2(800.0, 500.0));
        window.wait("it is drawn", is_idle);
        take(&mut window, &format!("{name}-small"), &mut results);
    }
}

/// Compares the window with a picture.
fn take(window: &mut Window, name: &str, results: &mut SnapshotResults) {
    window.harness.remove_cursor();
    window.harness.run();
    // The store is where it happens to be.
    let store = window.harness.query_by_label("Store").map(|field| field.rect());
    // Counting takes the time that it takes.
    let counted = window.harness.query_all_by_label_contains("networks were counted in").next();
    let places = [store, counted.map(|label| label.rect())];
    for place in places.into_iter().flatten() {
        window.harness.mask(place);
    }
    results.add(window.harness.try_snapshot(name));
}

fn compare_all(theme: Theme) {
    let mut results = SnapshotResults::new();
    for (name, come_to) in SCREENS {
        let mut window = window(theme);
        come_to(&mut window);
        assert!(window.model().jobs.long().all(|job| job.status == Status::Done), "{name}");
        let shade = format!("{theme:?}").to_lowercase();
        take(&mut window, &format!("{name}-{shade}"), &mut results);
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
