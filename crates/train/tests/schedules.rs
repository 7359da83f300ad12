//! The learning rate of each step, and what else a recipe says about a step.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use inceptive_train::{Recipe, recipe::Schedule};

const STEPS_PER_EPOCH: u64 = 100;

/// Ten epochs of a hundred steps.
fn recipe(schedule: Schedule, warmup: f64) -> Recipe {
    let text = r#"{"name": "test", "epochs": 10, "learning_rate": 0.5}"#;
    let recipe: Recipe = serde_json::from_str(text).unwrap();
    Recipe { schedule, warmup, ..recipe }
}

fn check(schedule: Schedule, warmup: f64, expected: &[(u64, f32)]) {
    let recipe = recipe(schedule, warmup);
    for &(step, rate) in expected {
        let found = recipe.rate(step, STEPS_PER_EPOCH);
        assert!((found - rate).abs() < 1e-6, "{:?}: {step}: {found}", recipe.schedule);
    }
}

#[test]
fn each_schedule_has_its_rates() {
    check(Schedule::Constant, 0.0, &[(0, 0.5), (999, 0.5), (5000, 0.5)]);
    let cosine = Schedule::Cosine { r#final: 0.1 };
    check(cosine, 0.0, &[(0, 0.5), (500, 0.275), (1000, 0.05)]);
    let one_cycle = Schedule::OneCycle { peak: 0.2, start: 0.04, r#final: 0.01 };
    let rates = [(0, 0.02), (100, 0.26), (200, 0.5), (600, 0.2525), (1000, 0.005), (2000, 0.005)];
    check(one_cycle, 0.0, &rates);
    let step = Schedule::Step { at: vec![0.5, 0.75], factor: 0.1 };
    check(step, 0.0, &[(0, 0.5), (499, 0.5), (500, 0.05), (750, 0.005), (999, 0.005)]);
}

#[test]
fn a_peak_may_be_at_either_end() {
    let cycle = |peak| Schedule::OneCycle { peak, start: 0.0, r#final: 0.0 };
    check(cycle(0.0), 0.0, &[(0, 0.5), (500, 0.25)]);
    check(cycle(1.0), 0.0, &[(0, 0.0), (500, 0.25), (999, 0.4995)]);
}

/// The first step already changes something, and the last one of the warm-up has the schedule's rate.
#[test]
fn the_rate_rises_in_a_line_during_warm_up() {
    let rates = [(0, 0.0025), (99, 0.25), (199, 0.5), (200, 0.5)];
    check(Schedule::Constant, 2.0, &rates);
    check(Schedule::Constant, 0.5, &[(0, 0.01), (49, 0.5), (50, 0.5)]);
    let cosine = Schedule::Cosine { r#final: 0.0 };
    check(cosine, 2.0, &[(99, 0.25 * 0.976_011_3), (500, 0.25)]);
}

#[test]
fn no_steps_have_a_rate_too() {
    let recipe = recipe(Schedule::default(), 1.0);
    assert!((recipe.rate(0, 0) - 0.5).abs() < 1e-6);
    assert!(recipe.rate(u64::MAX, u64::MAX).is_finite());
}

#[test]
fn the_average_starts_fast() {
    let recipe = Recipe { average: Some(0.99), ..recipe(Schedule::default(), 0.0) };
    let decay = |step| recipe.average_decay(step).unwrap();
    assert!((decay(0) - 0.1).abs() < 1e-6 && (decay(8) - 0.5).abs() < 1e-6);
    assert!((decay(10_000) - 0.99).abs() < 1e-6);
}

#[test]
fn a_share_of_images_is_held_out() {
    let recipe = recipe(Schedule::default(), 0.0);
    assert_eq!((recipe.held_out(60_000), recipe.held_out(4), recipe.held_out(0)), (6000, 0, 0));
}
