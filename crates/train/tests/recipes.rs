//! Reading recipes: what is right, every diagnostic, and files that nobody wrote in good faith.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use inceptive_dsl::{Disk, Kind, Memory, Setting, kind};
use inceptive_train::{
    Recipe,
    recipe::{Optimizer, Schedule},
};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};

const LEAST: &str = "name: Least\nepochs: 4\nlearning_rate: 0.1\n";

fn load(text: &str, settings: &[&str]) -> Result<Recipe, String> {
    let files = Memory::default().with("recipe.yaml", text).with("least.yaml", LEAST);
    let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
    let loaded = Recipe::load(&files, Path::new("recipe.yaml"), &settings);
    loaded.map(|(recipe, _)| recipe).map_err(|failure| failure.to_string())
}

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
}

#[test]
fn omitted_keys_have_defaults() {
    let recipe = load(LEAST, &[]).unwrap();
    assert_eq!((recipe.epochs, recipe.batch, recipe.validation), (4, 64, 0.1));
    assert_eq!(recipe.optimizer, Optimizer::Sgd { momentum: 0.9, nesterov: true });
    assert_eq!(recipe.schedule, Schedule::Cosine { r#final: 0.0 });
    assert!(recipe.auxiliary && recipe.clip.is_none() && recipe.average.is_none());
}

/// A word, nothing and an empty map are the same; null is the default.
#[test]
fn a_choice_needs_no_arguments() {
    let choices = ["schedule: one_cycle", "schedule: {one_cycle: }", "schedule: {one_cycle: {}}"];
    for choice in choices {
        let recipe = load(&format!("{LEAST}{choice}\noptimizer: adamw\nclip:\n"), &[]).unwrap();
        let expected = Schedule::OneCycle { peak: 0.3, start: 0.04, r#final: 0.0 };
        assert_eq!(recipe.schedule, expected);
        assert_eq!(recipe.optimizer, Optimizer::AdamW { beta1: 0.9, beta2: 0.999, eps: 1e-8 });
    }
}

#[test]
fn a_recipe_changes_another_one() {
    let step = "{step: {at: [0.4, 0.8], factor: 0.2}}";
    let base =
        format!("{LEAST}description: a\nschedule: {step}\naugment: {{crop: 4, flip: random}}\n");
    let files = Memory::default().with("base.yaml", base);
    let load = |text: &str, settings: &[&str]| {
        let text = format!("name: Changed\nextends: base.yaml\n{text}");
        let files = files.clone().with("changed.yaml", text);
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        Recipe::load(&files, Path::new("changed.yaml"), &settings).unwrap().0
    };
    let same = load("", &[]);
    assert_eq!((same.epochs, same.description), (4, None));
    let deep = load("schedule: {step: {factor: 0.5}}\naugment: {crop: }\n", &[]);
    assert_eq!(deep.schedule, Schedule::Step { at: vec![0.4, 0.8], factor: 0.5 });
    assert_eq!((deep.augment.crop, deep.augment.flip), (0, inceptive_data::Flip::Random));
    let other = load("schedule: {cosine: {final: 0.1}}\n", &[]);
    assert_eq!(other.schedule, Schedule::Cosine { r#final: 0.1 });
    let set = load("", &["schedule.step.factor=0.3", "epochs=9", "augment.flip=none"]);
    assert_eq!(set.schedule, Schedule::Step { at: vec![0.4, 0.8], factor: 0.3 });
    assert_eq!((set.epochs, set.augment.flip), (9, inceptive_data::Flip::None));
    assert_eq!(load("", &["schedule=constant"]).schedule, Schedule::Constant);
}

#[test]
fn messages() {
    let cases = [
        ("many mistakes at once", "name: x\nepoch: 4\nbatch: 0\noptimizer: adam\nclip: much\n"),
        ("missing keys", "description: nothing\nbatch: 8\n"),
        ("fraction", "name: x\nepochs: 1.5\nlearning_rate: 1e-2\n"),
        (
            "unknown argument",
            "name: x\nepochs: 1\nlearning_rate: 0.1\nschedule: {cosine: {end: 0}}\n",
        ),
        ("two choices", "name: x\nepochs: 1\nlearning_rate: 0.1\nschedule: {cosine: , step: }\n"),
        (
            "arguments of a word",
            "name: x\nepochs: 1\nlearning_rate: 0.1\nschedule: {constant: {factor: 1}}\n",
        ),
        (
            "descending",
            "name: x\nepochs: 1\nlearning_rate: 0.1\nschedule: {step: {at: [0.5, 0.2]}}\n",
        ),
        ("empty list", "name: x\nepochs: 1\nlearning_rate: 0.1\nschedule: {step: {at: []}}\n"),
        ("warm-up", "name: x\nepochs: 5\nlearning_rate: 0.1\nwarmup: 5\n"),
        ("rises twice", "name: x\nepochs: 5\nlearning_rate: 0.1\nwarmup: 1\nschedule: one_cycle\n"),
        (
            "words of data",
            "name: x\nepochs: 5\nlearning_rate: 0.1\naugment: {flip: vertical, crop: -1}\n",
        ),
        ("not a number", "name: x\nepochs: 5\nlearning_rate: .nan\nweight_decay: .inf\n"),
        ("empty name", "name: ''\nepochs: 5\nlearning_rate: 1\n"),
        ("base", "name: x\nextends: lest.yaml\n"),
        ("circle", "name: x\nextends: recipe.yaml\n"),
        ("another kind", "name: x\ninput: {channels: 3, size: 8}\nbody: []\n"),
        ("blocks", "blocks: {}\n"),
        ("nothing", ""),
        ("list", "- epochs\n"),
        ("sources", "name: x\nepochs: 5\nlearning_rate: 1\ncite: {a: b}\n"),
    ];
    let all = cases.map(|(title, text)| format!("## {title}\n{}\n", load(text, &[]).unwrap_err()));
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn messages_about_settings() {
    let cases = [
        "epoch=3",
        "optimizer.momentum=0.5",
        "batch=many",
        "schedule.cosine.final=2",
        "extends=least.yaml",
        "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q=1",
        "..=1",
        "batch=[",
    ];
    let all = cases.map(|setting| load(LEAST, &[setting]).unwrap_err());
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn the_shipped_recipes_are_right_and_keep_their_fingerprint_as_json() {
    let mut fingerprints = std::collections::HashSet::new();
    for file in shipped() {
        let loaded = Recipe::load(&Disk, &file, &[]);
        let (recipe, _) = loaded.unwrap_or_else(|failure| panic!("{failure}"));
        let json = serde_json::to_string(&recipe).unwrap();
        let back: Recipe = serde_json::from_str(&json).unwrap();
        assert_eq!(back, recipe);
        assert_eq!(back.fingerprint(), recipe.fingerprint());
        assert!(fingerprints.insert(recipe.fingerprint().to_string()), "{}", file.display());
        let renamed = Recipe { name: "other".to_owned(), description: None, ..recipe.clone() };
        assert_eq!(renamed.fingerprint(), recipe.fingerprint());
        let changed = Recipe { label_smoothing: 0.123, ..recipe.clone() };
        assert_ne!(changed.fingerprint(), recipe.fingerprint());
    }
    assert_eq!(fingerprints.len(), 3);
}

/// What is stored with results must not change its meaning.
#[test]
fn the_fingerprint_is_pinned() {
    let recipe = load(LEAST, &[]).unwrap();
    insta::assert_snapshot!(format!(
        "{}\n{}",
        serde_json::to_string(&recipe).unwrap(),
        recipe.fingerprint()
    ));
}

/// `inceptive check` knows a recipe by any key that networks do not have.
#[test]
fn every_key_makes_a_recipe() {
    let schema = Recipe::json_schema();
    let keys = schema["properties"].as_object().unwrap().keys();
    let shared = ["name", "description", "cite", "auxiliary", "extends"];
    for key in keys.filter(|key| !shared.contains(&key.as_str())) {
        let files = Memory::default().with("r.yaml", format!("name: x\nextends: y\n{key}: 1\n"));
        assert_eq!(kind(&files, Path::new("r.yaml")), Some(Kind::Recipe), "{key}");
    }
}

/// The answer to any text is a recipe that can be used, or diagnostics that can be shown.
fn survives(files: &Memory, settings: &[Setting]) {
    match Recipe::load(files, Path::new("recipe.yaml"), settings) {
        Ok((recipe, _)) => {
            let (first, last) = (recipe.rate(0, 10), recipe.rate(recipe.steps(10) - 1, 10));
            let all = 0.0..=recipe.learning_rate as f32;
            assert!(all.contains(&first) && all.contains(&last), "{recipe:?}");
            let json = serde_json::to_string(&recipe).unwrap();
            assert_eq!(serde_json::from_str::<Recipe>(&json).unwrap(), recipe);
            // What is stored can be read as a file.
            let again = Memory::default().with("recipe.yaml", json);
            let again = Recipe::load(&again, Path::new("recipe.yaml"), &[]);
            assert_eq!(again.unwrap_or_else(|failure| panic!("{failure}")).0, recipe);
        }
        Err(failure) => assert!(!failure.to_string().is_empty()),
    }
}

/// Parts of recipes, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    let keys = "name|extends|epochs|batch|optimizer|sgd|adamw|momentum|nesterov|beta1|learning_rate|schedule|cosine|\
        one_cycle|step|at|factor|peak|final|warmup|clip|average|auxiliary|augment|crop|flip|cutout|padding|cite";
    let values = "1|0|-1|0.5|1e9|1e-300|.nan|true|null|random|[0.5, 0.2]|[]|{}|least.yaml|recipe.yaml|'x'|*a|&a 1|1e400|\u{202e}";
    let keys: Vec<&str> = keys.split('|').collect();
    let values: Vec<&str> = values.split('|').collect();
    let marks = vec![": ", "\n", "\n  ", "{", "}", ", ", ": {", "[", "- "];
    prop_oneof![select(keys), select(values), select(marks)].prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_survived(bytes in any::<Vec<u8>>()) {
        survives(&Memory::default().with("recipe.yaml", bytes), &[]);
    }

    #[test]
    fn any_pieces_are_survived(pieces in vec(piece(), 0..24)) {
        let files = Memory::default().with("least.yaml", LEAST);
        survives(&files.clone().with("recipe.yaml", pieces.concat()), &[]);
        survives(&files.with("recipe.yaml", format!("{LEAST}{}", pieces.concat())), &[]);
    }

    /// A shipped recipe with a part replaced.
    #[test]
    fn edits_are_survived(
        file in select(shipped()), at in any::<Index>(), length in 0_usize..24, pieces in vec(piece(), 0..4),
    ) {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut characters: Vec<char> = text.chars().collect();
        let start = at.index(characters.len());
        let end = (start + length).min(characters.len());
        characters.splice(start..end, pieces.concat().chars());
        let mut files = Memory::default();
        for file in shipped() {
            files = files.with(file.file_name().unwrap(), std::fs::read(&file).unwrap());
        }
        survives(&files.with("recipe.yaml", characters.into_iter().collect::<String>()), &[]);
    }

    #[test]
    fn any_settings_are_survived(pieces in vec((vec(piece(), 1..4), piece()), 1..4)) {
        let settings = pieces.iter().filter_map(|(keys, value)| {
            format!("{}={value}", keys.join(".")).parse().ok()
        });
        let settings: Vec<Setting> = settings.collect();
        survives(&Memory::default().with("recipe.yaml", LEAST), &settings);
    }
}
