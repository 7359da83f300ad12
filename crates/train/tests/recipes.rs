//! Reading recipes: what is right, and every diagnostic.

use std::path::{Path, PathBuf};

use inceptive_dsl::{Disk, Memory, Setting};
use inceptive_train::{
    Recipe,
    recipe::{Optimizer, Schedule},
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
