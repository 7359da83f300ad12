//! Training from the window: networks that learn in a second, on generated images.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;
use inceptive_gui::{
    jobs::{MeasurementBackend, Place},
    model::{JobState, Model, Status},
};

use crate::{
    common::{Window, copies},
    run::{machinery, steady},
};

const DATA: &str = "shapes:size=16,train=200,test=50";

/// A network that reads such images.
const TINY: &str = "name: Tiny
input: {channels: 1, size: 16}
classes: 10
body:
  - conv stem: {kernel: 3, width: 4, act: relu}
  - maxpool pool: {kernel: 2, stride: 2}
tail: gap
";

/// A network with two branches.
const TWO_BRANCHES: &str = "name: Tiny
input: {channels: 1, size: 16}
classes: 10
body:
  - parallel fork:
      branches:
        a: [conv: {kernel: 1, width: 3, act: relu}]
        b: [conv: {kernel: 3, width: 4, act: relu}]
  - maxpool pool: {kernel: 2, stride: 2}
tail: gap
";

/// A window with the train tab in front, on the tiny network and others.
fn training(others: &[&str], machinery: &MeasurementBackend) -> Window {
    training_with(TINY, others, machinery)
}

/// A window as of [`training`], with another text in place of the tiny network.
fn training_with(text: &str, others: &[&str], machinery: &MeasurementBackend) -> Window {
    let folder = copies(others);
    let file = folder.path().join("architectures/tiny.yaml");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    let mut window = Window::measuring(folder, machinery);
    window.click("tiny");
    window.press(Modifiers::COMMAND, Key::Num7);
    window.wait("choices are known", |model| model.training_choices.is_some());
    write(&mut window, "Data", DATA);
    window
}

/// Writes a text into a field, in place of what it holds.
fn write(window: &mut Window, field: &str, text: &str) {
    window.fill(field, text);
}

/// Chooses what the colours of the graph show.
fn choose_colour(window: &mut Window, choice: &str) {
    window.harness.get_by_role_and_label(Role::ComboBox, "Colour nodes by").click();
    window.harness.run();
    window.button(choice).click();
    window.harness.run();
}

fn train(window: &mut Window, settings: &str) {
    write(window, "Settings of the recipe", settings);
    window.press(Modifiers::COMMAND, Key::Enter);
}

fn job(model: &Model, at: usize) -> Option<&JobState> {
    model.jobs.long().nth(at)
}

fn epochs(model: &Model, at: usize) -> usize {
    job(model, at).and_then(|job| job.training.runs.first()).map_or(0, |run| run.epochs.len())
}

fn is_over(model: &Model) -> bool {
    model.jobs.long().next().is_some() && model.jobs.active().next().is_none()
}

#[test]
fn a_training_goes_from_a_click_to_curves_and_a_confusion_matrix() {
    let mut window = training(&[], &steady());
    assert!(window.says("1x16x16 images, 10 classes, generated") && window.says("No runs yet"));
    window.harness.get_by_role_and_label(Role::SpinButton, "seeds").set_value_accesskit(2.0);
    window.harness.run();
    train(&mut window, "epochs=2 batch=20");
    window.wait("both are there", |model| is_over(model) && model.results.training_runs.len() == 2);
    assert_eq!(job(window.model(), 0).unwrap().status, Status::Done);
    assert!(window.has("Curves of training loss: 2 runs") && window.says("2/2"));
    assert!(window.has("Curves of accuracy (%): 2 runs"));

    let link = window.harness.get_all_by_role_and_label(Role::Link, "Tiny").next().unwrap();
    link.click();
    window.harness.run();
    // Both go side by side: either may be the last one, which comes first in the table.
    let run = &window.model().results.training_runs[1].result;
    assert!(window.has(&format!("Confusion matrix of Tiny, seed {}: 10 classes", run.seed)));
    assert!(window.says("of 50 test images") && window.says(" taken for "));
    let weights = run.checkpoint.clone().unwrap();
    assert!(fs::metadata(&weights).unwrap().len() > 0 && window.has(&weights));

    // The store has them: nothing is trained again.
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("it is over", |model| is_over(model) && job(model, 1).is_some());
    assert_eq!(job(window.model(), 1).unwrap().status, Status::Done);
    assert!(window.has("2 of 2 runs are already in the store and not repeated"));
    assert_eq!(window.model().results.training_runs.len(), 2);
    write(&mut window, "Filter runs", "resnet");
    assert!(window.has("No matches"));
}

#[test]
fn a_trained_network_is_inspected_and_its_graph_has_the_colours() {
    let mut window = training_with(TWO_BRANCHES, &[], &steady());
    train(&mut window, "epochs=2 batch=20");
    window.wait("it is there", |model| is_over(model) && model.results.training_runs.len() == 1);
    window.press(Modifiers::COMMAND, Key::Num1);
    window.wait("it is drawn", |model| model.last_scene(Place::Graph).is_some());
    choose_colour(&mut window, "lost accuracy");
    assert!(!window.says("legend: lost accuracy"), "nothing was inspected");

    window.press(Modifiers::NONE, Key::Escape);
    window.press(Modifiers::COMMAND, Key::Num7);
    window.harness.get_all_by_role_and_label(Role::Link, "Tiny").next().unwrap().click();
    window.harness.run();
    window.click("Inspect");
    window.wait("it is inspected", |model| is_over(model) && !model.inspections.is_empty());
    assert_eq!(job(window.model(), 1).unwrap().status, Status::Done);
    assert!(window.has("inspect tiny, seed 0"));
    let weights = window.model().results.training_runs[0].result.checkpoint.clone().unwrap();
    let replaced = window.model().inputs().check(Path::new(&weights));
    assert!(replaced.is_err(), "no picture replaces the weights");

    window.press(Modifiers::COMMAND, Key::Num1);
    choose_colour(&mut window, "near-zero channels");
    assert!(window.says("legend: near-zero channels, seed 0 on shapes, "));
    choose_colour(&mut window, "dead channels");
    assert!(window.says("legend: dead channels, seed 0 on shapes, "));
    choose_colour(&mut window, "lost accuracy");
    assert!(window.says("legend: lost accuracy, seed 0 on shapes, "));
    window.click("Expand all");
    window.wait("it is laid out", is_over);
    window.button("fork/a/conv").hover();
    window.harness.run();
    sleep(Duration::from_millis(600));
    window.harness.run();
    assert!(window.says("lost accuracy: "), "the hover text says it");
    window.button("fork/a/conv").click();
    window.harness.run();
    assert!(window.has("near-zero channels") && window.has("dead channels"));
    assert!(window.says("tiny, seed 0 on shapes, ") && window.says(" points ("));
}

#[test]
fn training_waits_while_something_is_measured_and_goes_on_from_whole_epochs() {
    // A measurement that lasts until it is released.
    let (has_begun, is_held) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(true)));
    let held = machinery(None, {
        let (has_begun, is_held) = (Arc::clone(&has_begun), Arc::clone(&is_held));
        move |_, _| {
            has_begun.store(true, Ordering::Relaxed);
            while is_held.load(Ordering::Relaxed) {
                sleep(Duration::from_millis(1));
            }
            Duration::from_millis(20)
        }
    });
    let mut window = training(&[], &held);
    train(&mut window, "epochs=5000 batch=20");
    window.wait("it trains", |model| epochs(model, 0) > 0);
    let (start, first) = (Instant::now(), epochs(window.model(), 0));
    window.wait("it goes on", |model| epochs(model, 0) > first + 2);
    let some_epochs = start.elapsed();
    assert!(window.says("running"));
    train(&mut window, "epochs=5001 batch=20");
    window.wait("another one waits", |model| job(model, 1).is_some());
    assert_eq!(job(window.model(), 1).unwrap().status, Status::Waiting);

    window.press(Modifiers::COMMAND, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some());
    window.click("Start");
    window.wait("it waits", |model| {
        job(model, 0).unwrap().training.waits && has_begun.load(Ordering::Relaxed)
    });
    let before = epochs(window.model(), 0);
    assert!(window.says("waits for a measurement") && window.has("paused"));
    let start = Instant::now();
    while start.elapsed() < 3 * some_epochs {
        sleep(Duration::from_millis(10));
        window.harness.run();
        assert_eq!(epochs(window.model(), 0), before, "nothing is trained meanwhile");
    }
    is_held.store(false, Ordering::Relaxed);
    window.wait("it is measured", |model| model.results.measurements.len() == 1);
    window.wait("training goes on", |model| epochs(model, 0) > before + 1);
    assert!(!job(window.model(), 0).unwrap().training.waits);

    window.press(Modifiers::COMMAND, Key::Num7);
    let title = |model: &Model, at: usize| format!("Stop {}", job(model, at).unwrap().job.title());
    // Both have the same title.
    let stop = title(window.model(), 0);
    window.harness.get_all_by_label(&stop).next().unwrap().click();
    window.harness.run();
    window.wait("the one that waits is off", |model| {
        job(model, 1).unwrap().status == Status::Stopped
    });
    window.click(&stop);
    window.wait("both are off", is_over);
    let trained = epochs(window.model(), 0);
    assert!(window.says("stopped") && window.model().results.training_runs.is_empty());

    train(&mut window, "epochs=5000 batch=20");
    window.wait("it goes on", |model| epochs(model, 3) > 0);
    assert!(epochs(window.model(), 3) >= trained, "whole epochs are kept");
    window.click(&stop);
    window.wait("it is off", is_over);
}

#[test]
fn networks_that_do_not_fit_say_what_would_fit_them() {
    let mut window = training(&["alexnet.yaml"], &steady());
    window.get("alexnet").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    assert!(window.has("AlexNet needs input.channels=1, input.size=16, classes=10"));
    train(&mut window, "epochs=1 batch=20");
    window.wait("it is over", |model| is_over(model) && model.results.training_runs.len() == 1);
    assert_eq!(window.model().results.training_runs[0].result.subject.name, "Tiny");

    // AlexNet's strides leave nothing of such small images.
    window.click("Train them with these settings");
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("it is over", |model| is_over(model) && job(model, 1).is_some());
    assert!(!job(window.model(), 1).unwrap().notes.is_empty());

    window.click("alexnet");
    window.click("Train them with these settings");
    window.get("Start").hover();
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::Enter);
    assert_eq!(window.model().jobs.long().count(), 2, "nothing fits");
}

#[test]
fn networks_of_the_same_name_are_told_apart() {
    let mut window = training(&[], &steady());
    fs::write(window.file("other.yaml"), TINY.replace("width: 4", "width: 5")).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("it is listed", |model| {
        model.entries.len() == 2 && model.jobs.active().next().is_none()
    });
    window.get("other").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    train(&mut window, "epochs=1 batch=20");
    window.wait("both are there", |model| is_over(model) && model.results.training_runs.len() == 2);
    for name in ["tiny.yaml)", "other.yaml)"] {
        assert!(window.says("Tiny (") && window.says(name), "{name}");
    }
}

#[test]
fn odd_input_is_told_and_starts_nothing() {
    let mut window = training(&[], &steady());
    for (data, told) in [
        ("nonsense", "unknown data set `nonsense`"),
        ("shapes:size=3", "a whole number from 16 to 512 is expected"),
        ("folder", "`folder` needs a path"),
    ] {
        write(&mut window, "Data", data);
        assert!(window.says(told), "{data}");
        window.press(Modifiers::COMMAND, Key::Enter);
    }
    write(&mut window, "Data", DATA);
    train(&mut window, "epochs");
    assert_eq!(window.model().jobs.long().count(), 0);
    for (data, settings, told) in [
        ("idx=/nowhere/at/all", "epochs=1", "/nowhere/at/all"),
        (DATA, "epochs=1 batch=100000", "batch"),
        (DATA, "speed=1", "speed"),
    ] {
        write(&mut window, "Data", data);
        window.click_if("Clear finished");
        train(&mut window, settings);
        window.wait("it failed", is_over);
        assert!(window.has("nothing was trained") && window.says(told), "{data} {settings}");
    }
}
