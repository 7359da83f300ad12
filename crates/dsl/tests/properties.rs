//! Whatever a file holds, the answer is a network or diagnostics that can be shown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use inceptive_dsl::{Checked, Failure, Memory, Setting, Style, check, load};
use proptest::{prelude::*, sample::Index};

/// Small files that use every part of the language.
const SEEDS: [&str; 3] = [
    "name: x\ninput: {channels: 3, size: 32}\nclasses: 10\nparams: {w: 8, tail: gap}\ndefaults: {conv: {norm: bn}}\nblocks:\n  b:\n    params: {c, d: 4}\n    branches: {a: [conv: {kernel: 1x3, width: $c}], s: [if: {cond: $d > 2, then: [conv: {kernel: 1, width: $c}]}]}\n    join: concat\nbody:\n  - repeat r: {count: 2, steps: [conv: {kernel: 3, width: $w * ($i + 1), stride: 2}, maxpool: {kernel: 3, stride: 1}]}\n  - b one: {c: 8}\n  - parallel: {branches: {m: [conv: {kernel: 3, width: 16, act: none}], s: []}, join: add, scale: {m: 0.5}, then: [relu]}\ntail: $tail\nauxiliary: [{after: one, steps: [gap, flatten, linear: {width: $classes}]}]\nset: {one: {c: 8}}\n",
    "space: s\nbase: base.yaml\nvary: {w: {from: 0.5, to: 1, step: 0.25, default: 1}, k: {values: {small: 1, large: 3}}}\nwith: {width_multiplier: $w, set: {c: {kernel: $k}}}\nconstraints: [params < 8M]\nobjectives: [minimize macs]\n",
    "description: blocks\nblocks: {b: {params: {c}, steps: [depthwise: {kernel: 3}, conv: {kernel: 1, width: \"round_to($c, 8)\"}, lrn, dropout: {p: 0.2}]}}\n",
];

const BASE: &str = "name: base\ninput: {channels: 3, size: 32}\nclasses: 10\nbody: [conv c: {kernel: 3, width: 16}]\ntail: gap\n";

fn files(text: impl Into<Vec<u8>>) -> Memory {
    Memory::default().with("base.yaml", BASE).with("n.yaml", text)
}

/// A failure says something, at places that exist, and can be shown in both styles.
fn is_sound(failure: &Failure) -> bool {
    let plain = failure.render(Style::Plain);
    let colored = failure.render(Style::Colored);
    let places = failure
        .diagnostics
        .iter()
        .all(|d| d.position(&failure.sources).is_none_or(|(_, at)| at.line > 0));
    !failure.diagnostics.is_empty()
        && places
        && colored.len() >= plain.len()
        && failure.diagnostics.iter().all(|d| plain.contains(d.code.id()))
}

fn survives(text: impl Into<Vec<u8>>) -> bool {
    match check(&files(text), Path::new("n.yaml")) {
        Ok(Checked::Architecture(loaded)) => loaded.architecture.graph.validate().is_ok(),
        Ok(Checked::Space(_) | Checked::Library(_)) => true,
        Err(failure) => is_sound(&failure),
    }
}

fn shipped() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    let mut texts = Vec::new();
    for folder in [folder.clone(), folder.join("blocks"), folder.join("spaces")] {
        let mut paths: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let yaml = paths
            .iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
        texts.extend(yaml.map(|path| fs::read_to_string(path).unwrap()));
    }
    texts
}

/// An edit as a hurried hand or a broken disk makes it.
#[derive(Clone, Debug)]
enum Edit {
    Delete(Index),
    Duplicate(Index),
    Swap(Index, Index),
    Replace(Index, &'static str),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let words = prop::sample::select(vec![
        "",
        "~",
        "[]",
        "{}",
        "-1",
        "0",
        "1e9",
        "$in",
        "$x",
        "relu",
        "conv",
        "add",
        "true",
        "{",
        "]",
        "\"",
        "&a",
        "*a",
        "\u{1f600}",
        "$in // 2",
        "[relu]",
        "{c: 3}",
        "0.1",
        "1048576",
    ]);
    let edit = prop_oneof![
        any::<Index>().prop_map(Edit::Delete),
        any::<Index>().prop_map(Edit::Duplicate),
        (any::<Index>(), any::<Index>()).prop_map(|(a, b)| Edit::Swap(a, b)),
        (any::<Index>(), words).prop_map(|(at, word)| Edit::Replace(at, word)),
    ];
    prop::collection::vec(edit, 1..4)
}

/// The text cut into words, spaces and marks, edited.
fn edited(text: &str, edits: &[Edit]) -> String {
    let mut tokens: Vec<&str> = Vec::new();
    let mut start = 0;
    let mut previous = None;
    for (at, character) in text.char_indices() {
        let class = (character.is_alphanumeric(), character == ' ');
        let marks = !class.0 && !class.1;
        if previous.is_some_and(|known| known != class || marks) {
            tokens.push(&text[start..at]);
            start = at;
        }
        previous = Some(class);
    }
    tokens.push(&text[start..]);
    for edit in edits {
        let count = tokens.len();
        match edit {
            Edit::Delete(at) if count > 1 => {
                tokens.remove(at.index(count));
            }
            Edit::Duplicate(at) => {
                let at = at.index(count);
                tokens.insert(at, tokens[at]);
            }
            Edit::Swap(a, b) => tokens.swap(a.index(count), b.index(count)),
            Edit::Replace(at, word) => {
                let at = at.index(count);
                tokens[at] = word;
            }
            Edit::Delete(_) => {}
        }
    }
    tokens.concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        prop_assert!(survives(text));
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(survives(bytes));
    }

    #[test]
    fn any_edit_of_a_small_file(seed in prop::sample::select(SEEDS.to_vec()), edits in edits()) {
        let text = edited(seed, &edits);
        prop_assert!(survives(text.clone()), "{text}");
    }

    #[test]
    fn any_setting(
        seed in prop::sample::select(SEEDS.to_vec()),
        key in "(w|k|tail|one|one\\.c|classes|input\\.size|set|[a-z.$/]{1,8})",
        value in "(\\$?[a-z]{1,4}|-?[0-9]{1,20}|[0-9]\\.[0-9]|\\[.{0,4}|\\{.{0,4}|\\PC{1,8})",
    ) {
        if let Ok(setting) = format!("{key}={value}").parse::<Setting>()
            && let Err(failure) = load(&files(seed), Path::new("n.yaml"), &[setting])
        {
            prop_assert!(is_sound(&failure));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_edit_of_a_shipped_file(seed in prop::sample::select(shipped()), edits in edits()) {
        prop_assert!(survives(edited(&seed, &edits)));
    }
}

#[test]
fn the_seeds_are_right() {
    for seed in SEEDS {
        if let Err(failure) = check(&files(seed), Path::new("n.yaml")) {
            panic!("{failure}");
        }
    }
}
