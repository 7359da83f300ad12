//! Whole spaces: counted, filtered, searched.

use std::fs;

use egui::{Key, Modifiers, Pos2, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use inceptive_dsl::{Disk, load};
use inceptive_gui::{
    jobs::{Job, MeasurementBackend},
    model::{Model, Status},
};
use inceptive_results::{
    Exploration,
    example::{exploration, search},
};
use inceptive_store::{Filter, Store};

use crate::{
    common::{Window, has_sliders, is_designed, is_idle},
    run::steady,
};

const BASE: &str = "name: Small\ninput: {channels: 1, size: 16}\nclasses: 10\nbody:\n  - conv stem: {kernel: 3, width: 8, act: relu}\n  \
                    - maxpool pool: {kernel: 2, stride: 2}\n  - conv rest: {kernel: 3, width: 8, act: relu}\ntail: gap\n";

/// 64 networks: the wider one layer is, the more parameters, so that the front is not one network.
const SPACE: &str = "space: Widths\nbase: small.yaml\nvary:\n  stem: {from: 2, to: 16, step: 2, default: 8}\n  rest: \
                     {from: 2, to: 16, step: 2, default: 8}\nwith: {set: {stem: {width: $stem}, rest: {width: $rest}}}\n\
                     constraints: [params < 2K]\nobjectives: [maximize top1, minimize macs]\n";

const DATA: &str = "shapes:size=16,train=200,test=50";

/// A window with the tab in front, on a space.
fn exploring(machinery: &MeasurementBackend) -> Window {
    let folder = tempfile::tempdir().unwrap();
    let architectures = folder.path().join("architectures");
    fs::create_dir_all(&architectures).unwrap();
    fs::write(architectures.join("small.yaml"), BASE).unwrap();
    fs::write(architectures.join("widths.yaml"), SPACE).unwrap();
    let mut window = Window::measuring(folder, machinery);
    window.click("widths");
    window.press(Modifiers::COMMAND, Key::Num8);
    window.wait("choices are known", |model| {
        model.training_choices.is_some() && model.engines.is_some() && is_idle(model)
    });
    window
}

fn count(window: &mut Window) {
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("it is counted", |model| is_idle(model) && model.counted.is_some());
}

/// A window in which the space was counted.
fn counted() -> Window {
    let mut window = exploring(&steady());
    count(&mut window);
    window
}

/// How many rows of the table are on the screen.
fn rows(window: &Window) -> usize {
    let rows = window.harness.query_all_by_label_contains("Network ");
    rows.filter(|node| node.accesskit_node().role() == Role::Button).count()
}

/// Does an action by its name.
fn palette(window: &mut Window, name: &str) {
    window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    window.get("Search actions").type_text(name);
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.harness.run();
}

fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    window.harness.hover_at(from);
    window.harness.run();
    window.harness.drag_at(from);
    window.harness.run();
    window.harness.hover_at(to);
    window.harness.run();
    window.harness.drop_at(to);
    window.harness.run();
}

#[test]
fn a_space_is_counted_with_its_conditions_its_front_and_its_variables() {
    let mut window = exploring(&steady());
    assert!(window.has("64 networks") && window.says("2 to 16, 8 values"));
    assert!(window.says("Count shows what all networks of this space cost."));
    count(&mut window);
    let counted = window.model().counted.clone().unwrap();
    let survey = &counted.counts.survey;
    assert!(window.says("All 64 networks were counted"));
    assert!(window.says(&format!("{} satisfy all conditions.", survey.inside)));
    assert!(window.has("fail only this") && window.says("params < 2K"));
    // What each variable decides.
    assert!(window.has("What decides") && window.has("together"));
    // Accuracy is not known, so parameters are the second cost.
    assert_eq!(counted.counts.objectives.len(), 2);
    assert!(window.has(&format!("Pareto front ({})", counted.front.len())));
    assert!(window.has(&format!("All networks ({})", survey.inside)));
    window.click(&format!("All networks ({})", survey.inside));
    assert!(rows(&window) > 3);

    // More of a cost may be wanted.
    window.fill("Objectives", "macs, maximize params");
    assert!(window.says("count again"));
    count(&mut window);
    let front = window.model().counted.as_ref().unwrap().front.len();
    assert!(front > 3 && window.has(&format!("Pareto front ({front})")));
}

#[test]
fn conditions_that_leave_nothing_are_explained() {
    let mut window = exploring(&steady());
    window.fill("Conditions", "params < 10");
    count(&mut window);
    assert!(window.says("0 satisfy all conditions."));
    assert!(window.says("no network has params < 10; the closest has"));
    assert!(window.says("No network satisfies all conditions"));
}

#[test]
fn mistakes_in_conditions_are_shown_beside_them() {
    let mut window = exploring(&steady());
    window.fill("Conditions", "parms < 10");
    assert!(window.says("there is no count `parms`; did you mean `params`?"));
    window.press(Modifiers::COMMAND, Key::Enter);
    assert!(window.model().jobs.long().next().is_none(), "nothing is counted");
    window.fill("Conditions", "");
    window.fill("Objectives", "macs, maximize speed");
    assert!(window.says("there is no metric `speed`"));
    window.click("Search");
    assert!(window.has("Correct the objectives and conditions above."));
}

#[test]
fn a_box_in_the_plot_filters_the_table() {
    let mut window = counted();
    let inside = window.model().counted.as_ref().unwrap().counts.survey.inside;
    window.click(&format!("All networks ({inside})"));
    let plot = window.get("Plot of costs").rect().shrink(70.0);
    drag(&mut window, plot.left_bottom(), plot.center());
    let text = window.harness.query_all_by_label_contains(" in the box").next();
    let text = text.and_then(|node| node.accesskit_node().value()).unwrap_or_default();
    let shown: u64 = text.split(' ').next().unwrap().parse().unwrap();
    assert!(shown > 0 && shown < inside, "{shown} of {inside}");
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.says(" in the box"));
    // A double click takes it away, too.
    drag(&mut window, plot.left_bottom(), plot.center());
    window.click("Clear box");
    assert!(!window.says(" in the box"));
}

#[test]
fn a_network_of_the_table_becomes_a_file_and_a_design() {
    let mut window = counted();
    assert!(window.says("Click a network in the plot or in the table"));
    palette(&mut window, "Explore: Open the chosen network in Design");
    assert!(window.says("choose a network in Explore first"));
    window.button("Network 1").click();
    window.harness.run();
    assert!(window.has("stem=2, rest=2"));
    palette(&mut window, "Explore: Save the chosen network as YAML");
    assert!(window.has("Save 1 file"));
    window.press(Modifiers::NONE, Key::Escape);
    window.click("Save as YAML…");
    window.fill("File 1", "least.yaml");
    window.click("Save 1 file");
    window.wait("it is written", |model| {
        is_idle(model) && model.entries.keys().any(|file| file.ends_with("least.yaml"))
    });
    let saved = load(&Disk, &window.file("least.yaml"), &[]).unwrap();
    let text = fs::read_to_string(window.file("least.yaml")).unwrap();
    assert!(text.contains("extends: small.yaml"), "{text}");
    let counted = window.model().counted.clone().unwrap();
    let params = counted.front.counts(inceptive_results::Metric::Params).unwrap()[0];
    let cost =
        inceptive_cost::Cost::new(&saved.architecture.graph, inceptive_cost::Mode::Inference);
    assert_eq!(cost.total.params, params);

    window.click("Open in Design");
    window.wait("it is a design", has_sliders);
    assert!(window.model().current().unwrap().design.is_some());
}

fn job(model: &Model) -> Option<&Status> {
    model.jobs.long().find(|job| matches!(job.job, Job::Explore(_))).map(|job| &job.status)
}

#[test]
fn a_search_goes_from_a_click_to_finalists() {
    let mut window = exploring(&steady());
    window.click("Search");
    assert!(window.says("Start a search to train the best networks"));
    window.fill("Data", DATA);
    window.fill("Settings of the recipe", "epochs=2 batch=20");
    window.click("networks");
    window.harness.get_by_role_and_label(Role::SpinButton, "seeds").set_value_accesskit(2.0);
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("networks are trained", |model| {
        model.jobs.long().any(|job| job.search.stage.is_some())
    });
    assert!(window.says("satisfy all conditions"));
    window.wait("it is over", |model| is_idle(model) && job(model).is_some());
    let notes = window.model().jobs.long().next().map(|job| job.notes.clone());
    assert_eq!(job(window.model()), Some(&Status::Done), "{notes:?}");
    let stored = &window.model().results.explorations;
    assert_eq!(
        stored.len(),
        3,
        "the plan, the plan with the networks of its last wave, the results"
    );
    let found = stored[2].result.clone();
    assert!(found.is_finished() && found.networks.len() == 16);
    for text in ["Searches in the store", "Plot of accuracy", "probability", "95% interval"] {
        assert!(window.has(text), "{text}");
    }
    assert!(window.says(", Pareto-optimal"));
    let file = window.folder.path().join("inceptive.db");
    let saved = Store::open_to_read(&file).unwrap().records::<Exploration>(&Filter::default());
    assert_eq!(saved.unwrap().readable.len(), 3);
}

/// The example, as a search in the space of the window.
fn stored_example(window: &mut Window, changes: impl Fn(&mut Exploration)) {
    let mut found = exploration();
    found.space.file = window.file("widths.yaml").display().to_string();
    changes(&mut found);
    let file = window.folder.path().join("inceptive.db");
    Store::open(&file).unwrap().append(&found).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("it is read", |model| is_idle(model) && !model.results.explorations.is_empty());
}

#[test]
fn a_search_of_the_store_is_shown_with_its_front() {
    let mut window = exploring(&steady());
    stored_example(&mut window, |_| {});
    window.click("Search");
    assert!(window.has("shapes, quick, 1 min: 2 networks"));
    for text in ["front", "89.00 to 91.00", "90%", "dropped after 1 epoch"] {
        assert!(window.says(text), "{text}");
    }
    let dot = window.button("Network 1 in the plot, Pareto-optimal");
    dot.click();
    window.harness.run();
    assert!(window.has("width=8") && window.says("test accuracy: 90.00%"));
    // The space has other variables by now.
    window.click("Open in Design");
    assert!(window.says("the space has changed"));
}

#[test]
fn a_search_of_many_networks_says_what_decides() {
    let mut window = exploring(&steady());
    stored_example(&mut window, |found| {
        let file = found.space.file.clone();
        found.clone_from(&search());
        found.space.file = file;
    });
    window.click("Search");
    window.wait("it is looked at", |model| model.understood.is_some() && is_idle(model));
    assert!(window.has("What decides about accuracy"));
    assert!(window.says("kind, against the mean of its values"));
    assert!(window.has("How the networks were chosen"));
    assert!(window.says("of networks 13 to 24, 9 were proposed by the surrogate"));
    assert!(window.has("Accuracy by values") && window.says("width (columns)"));
}

#[test]
fn a_finalist_is_recommended_for_what_is_wanted() {
    let mut window = exploring(&steady());
    stored_example(&mut window, |found| {
        let file = found.space.file.clone();
        found.clone_from(&search());
        found.space.file = file;
    });
    window.click("Search");
    assert!(window.says("Recommended: network 5 (kind=plain, width=12) is the knee"));
    window.fill("Condition on finalists", "median_ms < 0.1");
    assert!(window.says("none of the 3 networks on the front satisfies"));
    window.fill("Condition on finalists", "speed < 3");
    assert!(!window.says("Recommended"));
    window.fill("Condition on finalists", "top1 > 88");
    assert!(window.says("that satisfies `top1 > 88`"));
    window.click("by weight");
    assert!(window.says("with the weights top-1 accuracy 1, MACs 1"));
    window.harness.get_by_label_contains("Recommended: network").click();
    window.harness.run();
    assert!(window.says("Open in Design"));
}

#[test]
fn two_spaces_are_compared_by_random_networks() {
    let mut window = exploring(&steady());
    let folder = window.folder.path().join("architectures");
    let text = fs::read_to_string(folder.join("widths.yaml")).unwrap();
    fs::write(folder.join("others.yaml"), text.replacen("space: ", "space: Other ", 1)).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("both are read", |model| {
        is_idle(model) && model.entries.values().filter(|it| it.space().is_some()).count() == 2
    });
    window.click("Compare spaces");
    assert!(window.has("Choose another space."));
    window.choose("with", "others.yaml");
    window.fill("Data", DATA);
    window.fill("Settings of the recipe", "epochs=1 batch=20");
    window.harness.get_by_role_and_label(Role::SpinButton, "networks").set_value_accesskit(4.0);
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("they are compared", |model| is_idle(model) && model.space_comparison.is_some());
    // The same networks with the same seeds: nothing can be told.
    assert!(window.says("Mean of all networks: no difference can be told"));
    assert!(window.says("4 of 4"));
}

#[test]
fn a_search_that_was_interrupted_says_how_to_continue() {
    let mut window = exploring(&steady());
    stored_example(&mut window, |found| {
        found.finished_unix_ms = None;
        for network in &mut found.networks {
            network.rungs.clear();
            network.outcome = None;
        }
    });
    window.click("Search");
    assert!(window.says("(not finished)"));
    assert!(window.says("start it again with the same settings to continue"));
    assert!(window.has("No network is trained yet."));
}

#[test]
fn what_sliders_have_set_becomes_a_space() {
    let mut window = exploring(&steady());
    window.click("small");
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it can be set", has_sliders);
    window.harness.get_by_role_and_label(Role::Slider, "stem.width").set_value_accesskit(16.0);
    window.harness.run();
    window.wait("it is counted", is_designed);
    window.click("Save as space…");
    assert!(window.says("Explore counts all combinations") && window.has("9 networks"));
    window.fill("File name", "widths");
    assert!(window.has("widths.yaml exists already."));
    window.fill("File name", "stems");
    window.click("Make space");
    window.wait("it is read", |model| {
        is_idle(model) && model.current().is_some_and(|entry| entry.space().is_some())
    });
    let text = window.model().current().unwrap().shown_text().cloned().unwrap();
    assert!(text.contains("stem_width: {from: 8, to: 16, step: 1, default: 16}"), "{text}");
    // It is explored before it is saved.
    window.press(Modifiers::COMMAND, Key::Num8);
    assert!(window.has("9 networks"));
    count(&mut window);
    assert!(window.says("All 9 networks were counted"));
}

#[test]
fn without_a_space_the_tab_says_what_one_is() {
    let mut window = Window::with("small.yaml", BASE);
    window.press(Modifiers::COMMAND, Key::Num8);
    window.wait("choices are known", |model| model.training_choices.is_some() && is_idle(model));
    assert!(window.says("There is no space in this folder."));
    fs::write(window.file("widths.yaml"), SPACE).unwrap();
    window.wait("it is seen", |model| {
        is_idle(model) && model.entries.values().any(|entry| entry.space().is_some())
    });
    assert!(window.says("Choose a space above"));
    window.choose("space", "widths.yaml");
    assert!(window.has("64 networks"));
}
