//! Widths and choices.

use std::{fs, path::Path};

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::{NodeT, Queryable};
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, load};
use inceptive_format::exact;
use inceptive_gui::model::Model;
use inceptive_results::{Calibration, KernelKind, KindModel, LatencyModel, example::calibration};
use inceptive_store::Store;

use crate::common::{Window, has_sliders, is_designed, is_idle};

/// Opens the tab and waits until the network can be changed.
fn design(files: &[&str]) -> Window {
    open(Window::on(files))
}

fn open(mut window: Window) -> Window {
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    window
}

/// Moves the slider of a value.
fn slide(window: &mut Window, key: &str, value: f64) {
    window.harness.get_by_role_and_label(Role::Slider, key).set_value_accesskit(value);
    window.harness.run();
    window.wait("it is counted again", is_designed);
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
    let place =
        |window: &Window| window.harness.get_by_role_and_label(Role::Slider, "3a.c3").rect().top();
    let before = place(&window);
    slide(&mut window, "3a.c3", 256.0);
    assert!((place(&window) - before).abs() < 1.0, "the slider stays below the pointer");
    slide(&mut window, "input.size", 192.0);
    let (params, macs) = counts(&file, &["3a.c3=256", "input.size=192"]);
    assert!(window.has(&params) && window.has(&macs), "{macs}");
    window.click("Reset 3a.c3");
    window.click("Reset");
    window.wait("it is as before", is_designed);
    assert!(window.says("no changes to googlenet.yaml"));
    assert!(window.has(&counts(&file, &[]).1));
}

#[test]
fn the_tail_of_a_space_is_a_choice_and_constraints_are_judged() {
    let mut window = design(&["googlenet.yaml", "spaces/googlenet-widths.yaml"]);
    window.click("googlenet-widths");
    window.wait("it is counted", has_sliders);
    let space = window.file("spaces/googlenet-widths.yaml");
    assert!(window.has(&counts(&space, &[]).0));
    assert!(window.says("macs <= 1.6G is satisfied"));
    window.click("fc");
    window.wait("it is counted again", is_designed);
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
    assert!(window.says("These settings have errors") && window.says("8x8x8"));
    assert!(window.has(&params) && window.says("Last valid design"));
    slide(&mut window, "sum/b/conv.width", 9.0);
    assert!(!window.says("These settings have errors"));
}

#[test]
fn a_design_is_in_the_list_from_the_first_move_and_its_original_stays() {
    let mut window = design(&["googlenet.yaml"]);
    let file = window.file("googlenet.yaml");
    let text = fs::read_to_string(&file).unwrap();
    slide(&mut window, "4a.c3", 256.0);
    assert_eq!(window.selected(), ["googlenet-design-1"]);
    let (params, _) = counts(&file, &["4a.c3=256"]);
    // Its text is that of the file that it would be.
    window.press(Modifiers::COMMAND, Key::Num2);
    let shown = window.model().current().unwrap().shown_text().unwrap().to_string();
    assert!(shown.contains("extends: googlenet.yaml") && shown.contains("c3: 256"), "{shown}");
    assert!(!window.file("googlenet-design-1.yaml").exists());
    // The original is as it was, and another design of it is another network.
    window.click("googlenet");
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    assert!(window.has(&counts(&file, &[]).0));
    slide(&mut window, "4a.c3", 64.0);
    assert_eq!(window.selected(), ["googlenet-design-2"]);
    window.click("googlenet-design-1");
    window.wait("it is shown", has_sliders);
    assert!(window.has(&params));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_design_lies_beside_its_original_however_the_folder_is_named() {
    let folder = crate::common::copies(&["googlenet.yaml"]);
    // Another way to the same folder.
    let path = folder.path().join("architectures/../architectures");
    let (store, drafts) = (folder.path().join("results.db"), None);
    let options = inceptive_gui::Options {
        path: Some(path),
        store,
        drafts,
        ..inceptive_gui::Options::default()
    };
    let machinery = inceptive_gui::jobs::MeasurementBackend::default();
    let mut window = open(Window::opened(folder, options, &machinery, egui::Theme::Dark));
    slide(&mut window, "4a.c3", 256.0);
    assert!(!window.says("leaves the folder"));
    assert!(window.has(&counts(&window.file("googlenet.yaml"), &["4a.c3=256"]).0));
}

/// A model that takes 7 ms for each kernel of any kind, with an interval of ±10%, for this machine.
fn steady_calibration() -> Calibration {
    let kind = |kind| KindModel { kind, ..calibration().model.kinds[0].clone() };
    let kinds = [
        KernelKind::Pointwise,
        KernelKind::Conv,
        KernelKind::Linear,
        KernelKind::MaxPool,
        KernelKind::GlobalPool,
        KernelKind::Lrn,
        KernelKind::Softmax,
        KernelKind::Move,
    ];
    let kinds = kinds.map(|it| KindModel { terms: vec![7.0], ..kind(it) }).to_vec();
    Calibration {
        machine: inceptive_bench::this_machine(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: LatencyModel { kinds, ..calibration().model },
        ..calibration()
    }
}

#[test]
fn a_predicted_latency_is_called_so_and_follows_the_sliders() {
    let mut window = design(&["googlenet.yaml"]);
    assert!(!window.says("predicted"));
    let store = window.folder.path().join("inceptive.db");
    Store::open(&store).unwrap().append(&steady_calibration()).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("it is read", |model| is_idle(model) && !model.results.predictors.is_empty());
    assert!(window.has("predicted, example, batch 1, 2 threads"));
    let kernels = |settings: &[&str]| {
        let settings: Vec<_> = settings.iter().map(|text| text.parse().unwrap()).collect();
        let file = window.file("googlenet.yaml");
        let graph = load(&Disk, &file, &settings).unwrap().architecture.graph;
        inceptive_explore::kernels(&inceptive_explore::deployed(&graph).unwrap()).len()
    };
    let expected = format!("{:.2} ms", kernels(&[]) as f64 * 7.0);
    assert!(window.says(&expected), "{expected}");
    slide(&mut window, "4a.c3", 256.0);
    assert!(window.has("predicted, example, batch 1, 2 threads"));
}

#[test]
fn what_is_known_of_accuracy_and_latency_is_said_by_its_kind() {
    let mut window = design(&["googlenet.yaml"]);
    assert!(window.has("published"));
    slide(&mut window, "4a.c3", 256.0);
    assert!(window.says("unknown") && window.has("base, published"));
    window.click("Train…");
    assert!(window.says("Start"));
}

#[test]
fn steps_are_undone_and_redone_one_by_one() {
    let mut window = design(&["googlenet.yaml"]);
    let file = window.file("googlenet.yaml");
    slide(&mut window, "3a.c3", 256.0);
    slide(&mut window, "3a.c3", 160.0);
    slide(&mut window, "input.size", 192.0);
    let shows = |window: &mut Window, settings: &[&str]| {
        window.wait("it is counted", is_designed);
        window.has(&counts(&file, settings).1)
    };
    window.press(Modifiers::COMMAND, Key::Z);
    assert!(shows(&mut window, &["3a.c3=160"]));
    window.press(Modifiers::COMMAND, Key::Z);
    assert!(shows(&mut window, &["3a.c3=256"]));
    window.click("Redo");
    assert!(shows(&mut window, &["3a.c3=160"]));
    window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    assert!(shows(&mut window, &["3a.c3=160", "input.size=192"]));
    window.click("Steps");
    window.click("1: 3a.c3 = 256");
    assert!(shows(&mut window, &["3a.c3=256"]));
    // What is done now replaces what was undone.
    slide(&mut window, "3a.c1", 32.0);
    assert!(window.model().current().unwrap().design.as_ref().is_some_and(|it| !it.can_redo()));
}

#[test]
fn a_number_is_taken_exactly_or_refused() {
    let mut window = design(&["googlenet.yaml"]);
    let file = window.file("googlenet.yaml");
    let write = |window: &mut Window, text: &str| {
        window.fill("3a.c3 as text", text);
        window.press(Modifiers::NONE, Key::Enter);
        window.wait("it is counted", is_idle);
    };
    write(&mut window, "37.5");
    assert_eq!(window.selected(), ["googlenet"], "nothing was set");
    // The reason is there, and the keyboard is still in the field.
    assert!(window.says("A whole number from 1"));
    assert!(window.get("3a.c3 as text").accesskit_node().is_focused());
    write(&mut window, "37");
    assert!(window.has(&counts(&file, &["3a.c3=37"]).0));
    write(&mut window, "5000");
    assert!(window.has(&counts(&file, &["3a.c3=5000"]).0), "beyond the end of the slider");
}

#[test]
fn what_a_step_costs_stands_beside_each_slider() {
    let mut window = design(&["googlenet.yaml"]);
    window.wait("steps are counted", |model| model.steps.is_some() && is_idle(model));
    let (_, costs) = window.model().steps.as_ref().unwrap();
    let costs = costs.as_ref().unwrap();
    let file = window.file("googlenet.yaml");
    let macs = |settings: &[&str]| {
        let settings: Vec<_> = settings.iter().map(|text| text.parse().unwrap()).collect();
        let graph = load(&Disk, &file, &settings).unwrap().architecture.graph;
        Cost::new(&graph, Mode::Inference).total.macs
    };
    assert_eq!(costs.before[1], macs(&[]));
    for (key, setting) in [("3a.c1", "3a.c1=65"), ("5b.c5", "5b.c5=129")] {
        assert_eq!(costs.after[key][1], macs(&[setting]), "{key}");
    }
    // The next multiple of eight, not eight more.
    slide(&mut window, "3a.c1", 60.0);
    window.choose("widths in steps of", "8");
    window.wait("steps are counted", |model| {
        let steps = model.steps.as_ref().and_then(|(_, costs)| costs.as_ref());
        is_idle(model) && steps.is_some_and(|it| it.after["3a.c1"][1] == macs(&[]))
    });
    // Other steps leave what is set as it is.
    assert!(window.has(&counts(&file, &["3a.c1=60"]).0));
}

#[test]
fn the_width_that_a_layer_really_has_is_shown() {
    let mut window = design(&["googlenet.yaml"]);
    assert!(!window.says("= 128"));
    slide(&mut window, "width_multiplier", 1.95);
    // 64 x 1.95 is 124.8, and the nearest multiple of eight is 128.
    assert!(window.says("= 128") && window.says("= 376"));
}

#[test]
fn a_design_is_named_duplicated_and_written_with_one_key() {
    let mut window = design(&["googlenet.yaml"]);
    slide(&mut window, "4a.c3", 256.0);
    let wanted = window.model().network().unwrap().fingerprint.clone();
    let name = |window: &mut Window, field: &str, text: &str| {
        window.fill(field, text);
        window.press(Modifiers::NONE, Key::Enter);
        window.wait("it is counted", is_designed);
    };
    name(&mut window, "Name of the design", "Wide");
    name(&mut window, "File of the design", "googlenet");
    assert!(window.says("exists already"));
    name(&mut window, "File of the design", "wide");
    assert_eq!(window.selected(), ["wide"]);
    window.click("Duplicate");
    window.wait("it is counted", is_designed);
    assert_eq!(window.selected(), ["googlenet-design-1"]);
    assert_eq!(window.model().network().unwrap().fingerprint, wanted);
    window.click("wide");
    window.wait("it is shown", is_designed);
    window.press(Modifiers::COMMAND, Key::S);
    let file = window.file("wide.yaml");
    window.wait("it is written", |model| {
        is_idle(model) && model.current().is_some_and(|entry| entry.draft.is_none())
    });
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("name: Wide\nextends: googlenet.yaml\n"), "{text}");
    assert!(load(&Disk, &file, &[]).is_ok());
    assert_eq!(window.model().network().unwrap().fingerprint, wanted);
    // It is still compared with what it was made of, and can be changed further.
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is shown", is_designed);
    assert!(window.says("1 change to googlenet.yaml"));
    slide(&mut window, "4a.c1", 64.0);
    assert_eq!(window.selected(), ["wide"]);
    window.click("Discard…");
    window.button("Discard").click();
    window.wait("it is as it was saved", is_designed);
    assert_eq!(window.model().network().unwrap().fingerprint, wanted);
}

#[test]
fn a_design_writes_over_no_file() {
    let mut window = design(&["googlenet.yaml"]);
    slide(&mut window, "4a.c3", 256.0);
    // It appears after the design was named.
    let file = window.file("googlenet-design-1.yaml");
    fs::create_dir(&file).unwrap();
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is refused", |model| {
        model.current().is_some_and(|entry| entry.save_problem.is_some())
    });
    assert!(window.says("A file of this name exists already"));
    assert!(file.is_dir() && window.model().current().unwrap().draft.is_some());
}

#[test]
fn a_design_is_discarded_only_after_a_question() {
    let mut window = design(&["googlenet.yaml"]);
    slide(&mut window, "4a.c3", 256.0);
    window.click("Discard…");
    window.button("Cancel").click();
    window.wait("nothing happened", is_designed);
    window.click("Discard…");
    window.button("Discard").click();
    window.wait("its original is shown", |model| is_idle(model) && model.shown_design().is_none());
    assert_eq!(window.selected(), ["googlenet"]);
    assert!(!window.has("googlenet-design-1"));
}

#[test]
fn a_design_whose_text_is_edited_by_hand_is_a_text_like_any_other() {
    let mut window = design(&["googlenet.yaml"]);
    slide(&mut window, "4a.c3", 256.0);
    window.press(Modifiers::COMMAND, Key::Num2);
    window.get("Text of the file").focus();
    window.harness.run();
    window.press(Modifiers::CTRL | Modifiers::COMMAND, Key::End);
    window.get("Text of the file").type_text("classes: 10\n");
    let file = window.file("googlenet.yaml");
    let settings = ["4a.c3=256", "classes=10"].map(|text| text.parse().unwrap());
    let wanted = load(&Disk, &file, &settings).unwrap().architecture.graph;
    let wanted = Cost::new(&wanted, Mode::Inference).total.params;
    let is_typed = |model: &Model| {
        let params = model.network().map(|network| network.cost.total.params);
        is_idle(model) && params == Some(wanted) && model.shown_design().is_none()
    };
    window.wait("it is counted", is_typed);
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    // A design of an unsaved text.
    slide(&mut window, "4a.c3", 300.0);
    assert_eq!(window.selected(), ["googlenet-design-1-design-1"]);
    let (params, _) = counts(&window.file("googlenet.yaml"), &["4a.c3=300", "classes=10"]);
    assert!(window.has(&params));
}

#[test]
fn a_design_whose_width_is_typed_stays_a_design() {
    let mut window = design(&["googlenet.yaml"]);
    slide(&mut window, "4a.c3", 256.0);
    window.press(Modifiers::COMMAND, Key::Num2);
    let text =
        |window: &Window| window.model().current().unwrap().shown_text().unwrap().to_string();
    let before = text(&window);
    let type_in = |window: &mut Window, text: &str| {
        let editor = window.harness.get_by_role(Role::MultilineTextInput);
        editor.set_text_value_accesskit(text);
        window.harness.run();
    };
    // Of a mistake too, nothing is lost.
    type_in(&mut window, &before.replace("256", "c3"));
    window.wait("it is wrong", |model| model.current().is_some_and(|it| it.is_wrong()));
    assert_eq!(window.selected(), ["googlenet-design-1"]);
    type_in(&mut window, &before.replace("256", "300"));
    window.wait("it is counted", is_designed);
    let file = window.file("googlenet.yaml");
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", |model| has_sliders(model) && is_designed(model));
    assert!(window.has(&counts(&file, &["4a.c3=300"]).1) && window.says("1 change to"));
    // What was typed is a step.
    window.click("Undo");
    window.wait("it is counted", is_designed);
    assert!(window.has(&counts(&file, &["4a.c3=256"]).1));
    assert_eq!(text(&window), before);
}

#[test]
fn a_move_that_a_target_refuses_leaves_what_was_undone() {
    let mut window = design(&["googlenet.yaml"]);
    slide(&mut window, "4a.c3", 100.0);
    slide(&mut window, "4a.c3", 90.0);
    slide(&mut window, "width_multiplier", 0.5);
    window.press(Modifiers::COMMAND, Key::Z);
    window.wait("it is counted", is_designed);
    window.fill("Targets", "params < 7M");
    window.wait("it is counted", is_designed);
    let macs = window.model().network().unwrap().cost.total.macs;
    window.click("FC");
    window.wait("it is counted", is_designed);
    assert!(window.says("this choice would break params < 7M"));
    assert!(window.model().current().unwrap().design.as_ref().is_some_and(|it| it.can_redo()));
    window.click("Redo");
    window.wait("it is counted", is_designed);
    assert!(window.model().network().unwrap().cost.total.macs < macs / 2);
}

#[test]
fn hidden_layers_have_widths_while_the_network_ends_in_them() {
    let mut window = design(&["googlenet-fc.yaml", "googlenet.yaml"]);
    window.click("googlenet-fc");
    window.wait("it is counted", has_sliders);
    let file = window.file("googlenet-fc.yaml");
    slide(&mut window, "tail/fc2.width", 1024.0);
    let (params, macs) = counts(&file, &["tail/fc2.width=1024"]);
    assert!(window.has(&params) && window.has(&macs));
    // Another end has none, and what was set for the first is forgotten.
    window.click("GAP");
    window.wait("it is counted again", is_designed);
    assert!(!window.has("tail/fc2.width") && window.says("1 change to"));
    assert!(!window.says("These settings have errors"));
    assert!(window.has(&counts(&file, &["tail={gap: {softmax: true}}"]).0));
    window.click("FC");
    window.wait("it is as before", is_designed);
    assert!(window.has(&counts(&file, &[]).0));
}

#[test]
fn widths_of_a_head_change_what_is_trained_only() {
    let mut window = design(&["googlenet.yaml"]);
    let (params, _) = counts(&window.file("googlenet.yaml"), &[]);
    let before = window.model().network().unwrap().training_params.unwrap();
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

#[test]
fn a_design_whose_name_another_program_took_gets_another_one() {
    let mut window = design(&["googlenet.yaml"]);
    slide(&mut window, "4a.c3", 256.0);
    let taken = window.file("googlenet-design-1.yaml");
    let text = "extends: googlenet.yaml\nname: Another\n";
    fs::write(&taken, text).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("the folder is read", is_idle);
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is refused", is_idle);
    assert!(window.says("A file of this name exists already"));
    window.fill("File of the design", "mine.yaml");
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is counted", is_designed);
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is written", is_idle);
    assert!(fs::read_to_string(window.file("mine.yaml")).unwrap().contains("c3: 256"));
    assert_eq!(fs::read_to_string(&taken).unwrap(), text, "the file of the other program");
    assert!(window.has("googlenet-design-1") && window.has("mine"));
}
