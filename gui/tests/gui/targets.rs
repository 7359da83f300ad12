//! Targets that designs are kept within.

use egui::{Key, Modifiers, Role, vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, load};
use inceptive_gui::model::Model;

use crate::common::{Window, has_sliders, is_designed, is_idle};

fn design(file: &str) -> Window {
    let mut window = Window::on(&[file]);
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", has_sliders);
    window
}

fn write(window: &mut Window, field: &str, text: &str) {
    window.fill(field, text);
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is counted", is_idle);
}

fn slide(window: &mut Window, key: &str, value: f64) {
    window.harness.get_by_role_and_label(Role::Slider, key).set_value_accesskit(value);
    window.harness.run();
    window.wait("it is counted again", is_designed);
}

/// The multiply-accumulates of GoogLeNet with a setting.
fn macs(window: &Window, setting: &str) -> u64 {
    let file = window.file("googlenet.yaml");
    let loaded = load(&Disk, &file, &[setting.parse().unwrap()]).unwrap();
    Cost::new(&loaded.architecture.graph, Mode::Inference).total.macs
}

fn value(window: &Window, key: &str) -> f64 {
    window
        .harness
        .get_by_role_and_label(Role::Slider, key)
        .accesskit_node()
        .numeric_value()
        .unwrap()
}

/// Drags a slider with the pointer to a share of its width, in a few frames, each a while after the last.
fn drag(window: &mut Window, key: &str, from: f32, to: f32) {
    let rect = window.harness.get_by_role_and_label(Role::Slider, key).rect();
    let at = |share: f32| rect.lerp_inside(vec2(share, 0.5));
    window.harness.hover_at(at(from));
    window.harness.run();
    window.harness.drag_at(at(from));
    window.harness.run();
    for step in 1..=4 {
        window.harness.hover_at(at(from + (to - from) * step as f32 / 4.0));
        window.harness.run();
    }
    window.harness.drop_at(at(to));
    window.harness.run();
    window.wait("it is counted again", is_designed);
}

#[test]
fn a_size_that_is_dragged_stops_where_a_target_would_be_broken() {
    let mut window = design("googlenet.yaml");
    slide(&mut window, "3a.c1", 70.0);
    write(&mut window, "Targets", "macs <= 1.588G");
    assert!(window.says("macs <= 1.588G is satisfied, 2,769,152 left"));
    for to in [0.9, 0.7, 0.99] {
        drag(&mut window, "input.size", 0.5, to);
        assert_eq!(value(&window, "input.size"), 226.0);
        window.wait("it stays", is_idle);
        assert!(window.says("macs <= 1.588G is satisfied"));
    }
}

#[test]
fn a_width_stops_where_a_target_would_be_broken() {
    let mut window = design("googlenet.yaml");
    write(&mut window, "Targets", "macs <= 1.6G");
    assert!(window.says("macs <= 1.6G is satisfied, 17,328,128 left"));
    let most = (129..=512).rev().find(|c3| macs(&window, &format!("3a.c3={c3}")) <= 1_600_000_000);
    let most = most.unwrap();
    assert!(most > 129, "the case is about a width between");
    slide(&mut window, "3a.c3", 400.0);
    assert_eq!(value(&window, "3a.c3"), f64::from(most));
    assert!(window.says(&format!("3a.c3: {most} at most; 400 would break macs <= 1.6G")));
    let left = 1_600_000_000 - macs(&window, &format!("3a.c3={most}"));
    assert!(window.says(&format!("{} left", inceptive_format::exact(left))));
    // It is locked by now, as is what a step of costs more than is left; it can be moved back.
    assert!(window.says("at max"));
    slide(&mut window, "3a.c3", 500.0);
    assert_eq!(value(&window, "3a.c3"), f64::from(most));
    slide(&mut window, "3a.c3", 100.0);
    assert_eq!(value(&window, "3a.c3"), 100.0);
    // What was stopped is one step.
    window.click("Undo");
    window.wait("it is counted", is_designed);
    assert_eq!(value(&window, "3a.c3"), f64::from(most));
    // Typed numbers are held alike.
    write(&mut window, "3a.c3 as text", "300");
    assert_eq!(value(&window, "3a.c3"), f64::from(most));
    // Without the target everything moves again.
    write(&mut window, "Targets", " ");
    slide(&mut window, "3a.c3", 400.0);
    assert_eq!(value(&window, "3a.c3"), 400.0);
}

#[test]
fn a_target_that_is_missed_already_lets_a_design_come_nearer() {
    let mut window = design("googlenet.yaml");
    write(&mut window, "Targets", "macs <= 1.5G and params < 7M");
    assert!(window.says("macs <= 1.5G is violated by 82,671,872"));
    assert!(window.says("params < 7M is satisfied"));
    // That is said once, and not beside each slider.
    assert!(window.says("macs <= 1.5G is violated: sliders only move towards it"));
    assert!(!window.says("at max"));
    window.harness.get_by_role_and_label(Role::Slider, "3a.c3").set_value_accesskit(200.0);
    window.harness.run();
    assert_eq!(value(&window, "3a.c3"), 128.0, "farther away");
    assert_eq!(window.selected(), ["googlenet"], "nothing was changed");
    slide(&mut window, "3a.c3", 100.0);
    assert_eq!(value(&window, "3a.c3"), 100.0);
    window.wait("what is left is counted", is_idle);
    slide(&mut window, "width_multiplier", 0.5);
    assert!(window.says("macs <= 1.5G is satisfied"));
    // Back up to where it just holds.
    slide(&mut window, "width_multiplier", 1.0);
    let stopped = value(&window, "width_multiplier");
    assert!((0.9..1.0).contains(&stopped), "{stopped}");
    assert!(window.says("macs <= 1.5G is satisfied"));
}

#[test]
fn what_is_no_target_is_said_and_stops_nothing() {
    let mut window = design("googlenet.yaml");
    write(&mut window, "Targets", "speed < 3");
    assert!(window.says("there is no count `speed`"));
    slide(&mut window, "3a.c3", 200.0);
    assert_eq!(value(&window, "3a.c3"), 200.0);
}

#[test]
fn a_choice_that_breaks_a_target_is_not_taken() {
    let mut window = design("googlenet.yaml");
    write(&mut window, "Targets", "params < 7M");
    window.click("FC");
    window.wait("it is counted", is_designed);
    assert!(window.says("tail: this choice would break params < 7M"));
    assert!(window.says("no changes to googlenet.yaml"));
    assert!(window.says("params < 7M is satisfied"));
}

#[test]
fn what_is_said_of_targets_moves_nothing_below() {
    let mut window = design("googlenet.yaml");
    let place =
        |window: &Window| window.harness.get_by_role_and_label(Role::Slider, "3a.c1").rect();
    let before = place(&window);
    for target in ["speed < 3", "macs <= 1.5G", "macs <= 2G"] {
        write(&mut window, "Targets", target);
        assert_eq!(place(&window), before, "{target}");
    }
}

#[test]
fn the_multiplier_and_the_size_have_costs_and_marks_too() {
    let mut window = design("googlenet.yaml");
    let after = |model: &Model, key: &str| {
        let costs = model.steps.as_ref()?.1.as_ref()?;
        Some((costs.after.get(key)?[1], costs.broken.contains_key(key)))
    };
    window.wait("steps are counted", |model| model.steps.is_some() && is_idle(model));
    let size = macs(&window, "input.size=225");
    assert_eq!(after(window.model(), "input.size"), Some((size, false)));
    let wider = macs(&window, "width_multiplier=1.05");
    assert_eq!(after(window.model(), "width_multiplier"), Some((wider, false)));
    assert!(window.says("next step: MACs"));
    // With a multiplier, the next step is the next one that makes another layer.
    slide(&mut window, "width_multiplier", 0.5);
    window.wait("steps are counted", |model| is_idle(model) && after(model, "3a.c1").is_some());
    let now = window.model().network().unwrap().cost.total.macs;
    assert!(after(window.model(), "3a.c1").unwrap().0 > now);
    write(&mut window, "Targets", &format!("macs <= {now}"));
    window.wait("steps are counted", |model| {
        is_idle(model) && after(model, "input.size").is_some_and(|(_, is_broken)| is_broken)
    });
    assert!(window.says("at max"));
}

#[test]
fn after_a_drag_keys_undo_it_and_not_what_was_typed_before() {
    let mut window = design("googlenet.yaml");
    window.fill("Targets", "macs <= 3G");
    assert!(window.get("Targets").is_focused());
    drag(&mut window, "input.size", 0.5, 0.6);
    assert_ne!(value(&window, "input.size"), 224.0);
    assert!(!window.get("Targets").is_focused());
    window.press(Modifiers::COMMAND, Key::Z);
    window.wait("it is undone", is_designed);
    assert_eq!(value(&window, "input.size"), 224.0);
    assert_eq!(window.get("Targets").value().as_deref(), Some("macs <= 3G"));
}

#[test]
fn a_width_is_free_as_long_as_it_makes_the_same_layer() {
    let mut window = design("googlenet.yaml");
    slide(&mut window, "width_multiplier", 0.45);
    let now = macs(&window, "width_multiplier=0.45");
    write(&mut window, "Targets", &format!("macs <= {now}"));
    assert!(window.says("at max"));
    // 96, 90 and 97 channels become 40.
    slide(&mut window, "3b.c5", 90.0);
    slide(&mut window, "3b.c5", 96.0);
    assert_eq!(value(&window, "3b.c5"), 96.0);
    slide(&mut window, "3b.c5", 300.0);
    assert_eq!(value(&window, "3b.c5"), 97.0);
    assert!(window.has(&format!("MACs: {}", inceptive_format::exact(now))));
}
