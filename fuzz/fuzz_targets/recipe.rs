//! Any bytes as a recipe: the answer is one that can be used and stored, or diagnostics that can be shown.
//!
//! `cargo +nightly fuzz run recipe -- -dict=fuzz/yaml.dict`, after `cargo install cargo-fuzz`;
//! `mkdir -p fuzz/corpus/recipe && cp recipes/*.yaml fuzz/corpus/recipe` gives it a start.

#![no_main]

use std::path::Path;

use inceptive_dsl::{Memory, Style};
use inceptive_train::Recipe;
use libfuzzer_sys::fuzz_target;

const QUICK: &str = include_str!("../../recipes/quick.yaml");

fuzz_target!(|bytes: &[u8]| {
    let files = Memory::default().with("quick.yaml", QUICK).with("fuzz.yaml", bytes);
    match Recipe::load(&files, Path::new("fuzz.yaml"), &[]) {
        Ok((recipe, _)) => {
            let steps = recipe.steps(10);
            let largest = recipe.learning_rate as f32;
            assert!([0, steps / 2, steps - 1].iter().all(|&step| recipe.rate(step, 10) <= largest));
            let json = serde_json::to_string(&recipe).expect("it has text keys and finite numbers");
            assert_eq!(serde_json::from_str::<Recipe>(&json).expect("as written"), recipe);
        }
        Err(failure) => assert!(!failure.render(Style::Plain).is_empty()),
    }
});
