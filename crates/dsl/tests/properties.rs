//! Whatever a file holds, the answer is a network or diagnostics that can be shown.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use inceptive_dsl::{Checked, Failure, Memory, Setting, Style, check, load, resolve};
use inceptive_ir::Fingerprint;
use proptest::{prelude::*, sample::Index};

/// Small files that use every part of the language.
const SEEDS: [&str; 4] = [
    "name: x\ninput: {channels: 3, size: 32}\nclasses: 10\nparams: {w: 8, tail: gap}\ndefaults: {conv: {norm: bn}}\nblocks:\n  b:\n    params: {c, d: 4}\n    branches: {a: [conv: {kernel: 1x3, width: $c}], s: [if: {cond: $d > 2, then: [conv: {kernel: 1, width: $c}]}]}\n    join: concat\nbody:\n  - repeat r: {count: 2, steps: [conv: {kernel: 3, width: $w * ($i + 1), stride: 2}, maxpool: {kernel: 3, stride: 1}]}\n  - b one: {c: 8}\n  - parallel: {branches: {m: [conv: {kernel: 3, width: 16, act: none}], s: []}, join: add, scale: {m: 0.5}, then: [relu]}\ntail: $tail\nauxiliary: [{after: one, steps: [gap, flatten, linear: {width: $classes}]}]\nset: {one: {c: 8}}\n",
    "name: x\ninput: {channels: 8, size: 16}\nclasses: 4\nparams: {op: none, to: [a, in]}\nblocks:\n  cell:\n    inputs: [h, p]\n    params: {w: 8, s: 1}\n    steps: [conv a: {from: h, kernel: 1, width: $w, stride: $s}, conv b: {from: p, kernel: 1, width: $w, stride: $s}, add: {from: [a, b], scale: {a: 0.5}}]\nbody:\n  - relu a\n  - $op b: {from: in}\n  - add c: {from: [a, b]}\n  - concat d: {from: $to}\n  - group e: [identity f: {from: c}, multiply: {from: [f, a]}]\n  - none g: {from: d}\n  - repeat r: {from: [e/f, e], inputs: [h, p], count: 2, steps: [cell: {from: [h, p], w: 8}]}\n  - cell last: {from: [r, r.p], s: 2}\n  - if: {cond: $in > 4, then: [relu x: {from: last/a}, concat: {from: [x, last, g]}]}\ntail: gap\nset: {last: {w: 16}}\n",
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
    survives_among(&files(text), Path::new("n.yaml"))
}

fn survives_among(files: &Memory, path: &Path) -> bool {
    match check(files, path) {
        Ok(Checked::Architecture(loaded)) => {
            let graph = &loaded.architecture.graph;
            graph.validate().is_ok() && written(files, path) == graph.fingerprint()
        }
        Ok(Checked::Space(_) | Checked::Library(_)) => true,
        Err(failure) => is_sound(&failure),
    }
}

/// The fingerprint of a network that was written as one file and read again.
fn written(files: &Memory, path: &Path) -> Fingerprint {
    let text = resolve(files, path, &[]).unwrap();
    let alone = Memory::default().with("n.yaml", text);
    load(&alone, Path::new("n.yaml"), &[]).unwrap().architecture.graph.fingerprint()
}

/// The shipped files with their paths below the root of the repository.
fn shipped() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    for folder in ["", "/blocks", "/spaces", "/small"].map(|inner| format!("architectures{inner}"))
    {
        for entry in fs::read_dir(root.join(&folder)).unwrap() {
            let name = entry.unwrap().file_name();
            let path = Path::new(&folder).join(name);
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let text = fs::read_to_string(root.join(&path)).unwrap();
                texts.push((path, text));
            }
        }
    }
    texts.sort();
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
        "none",
        "from",
        "[a, b]",
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

/// The text with edits of its lines, or of its words, spaces and marks.
fn edited(text: &str, lines: bool, edits: &[Edit]) -> String {
    let mut pieces = if lines { text.split_inclusive('\n').collect() } else { tokens(text) };
    for edit in edits {
        let count = pieces.len();
        match edit {
            Edit::Delete(at) if count > 1 => {
                pieces.remove(at.index(count));
            }
            Edit::Duplicate(at) => {
                let at = at.index(count);
                pieces.insert(at, pieces[at]);
            }
            Edit::Swap(a, b) => pieces.swap(a.index(count), b.index(count)),
            Edit::Replace(at, word) => pieces[at.index(count)] = word,
            Edit::Delete(_) => {}
        }
    }
    pieces.concat()
}

/// Words, spaces and marks.
fn tokens(text: &str) -> Vec<&str> {
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
    tokens
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
    fn any_edit_of_a_small_file(seed in prop::sample::select(SEEDS.to_vec()), lines: bool, edits in edits()) {
        let text = edited(seed, lines, &edits);
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

    /// The others stand beside it, so that what it extends and uses is found.
    #[test]
    fn any_edit_of_a_shipped_file(at: Index, lines: bool, edits in edits()) {
        let shipped = shipped();
        let (path, text) = at.get(&shipped);
        let text = edited(text, lines, &edits);
        let files = shipped.iter().fold(Memory::default(), |files, (path, text)| files.with(path, text.as_str()));
        prop_assert!(survives_among(&files.with(path, text.clone()), path), "{text}");
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
