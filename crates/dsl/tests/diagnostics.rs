//! Every diagnostic as a person reads it: text in, message out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fmt::Write, path::Path};

use inceptive_dsl::{Code, Files, Memory, Setting, Style, check, load};

/// The start of a network of 3x32x32 images.
const HEAD: &str = "name: x\ninput: {channels: 3, size: 32}\n";

/// A mistake: the code that it is reported under first, what it is, and the files, of which the first
/// is checked. `{HEAD}` stands for the start of a network, `{MANY}` for a library of 15,000 blocks.
struct Fixture {
    code: &'static str,
    what: &'static str,
    files: &'static [(&'static str, &'static str)],
}

const fn one(
    code: &'static str,
    what: &'static str,
    file: &'static [(&'static str, &'static str)],
) -> Fixture {
    Fixture { code, what, files: file }
}

const FIXTURES: &[Fixture] = &[
    one("E001", "a file that does not exist", &[]),
    one("E001", "a base that does not exist", &[("n.yaml", "name: x\nextends: gone.yaml\n")]),
    one("E004", "an empty file", &[("n.yaml", "")]),
    one("E004", "comments only", &[("n.yaml", "# nothing\n---\n# at all\n")]),
    one("E005", "a bracket that stays open", &[("n.yaml", "name: x\nbody: [relu\ntail: gap\n")]),
    one("E005", "a tab", &[("n.yaml", "name: x\nbody:\n\t- relu\n")]),
    one("E102", "a list at the top", &[("n.yaml", "- relu\n")]),
    one("E008", "a key twice", &[("n.yaml", "{HEAD}name: y\nbody: [relu]\ntail: []\n")]),
    one("E009", "a tag", &[("n.yaml", "name: !!python/object x\nbody: [relu]\n")]),
    one("E009", "two documents", &[("n.yaml", "name: x\n---\nname: y\n")]),
    one("E009", "a list as a key", &[("n.yaml", "name: x\n? [a, b]\n: 1\n")]),
    one("E101", "an unknown key", &[("n.yaml", "{HEAD}clases: 10\nbody: [relu]\ntail: []\n")]),
    one(
        "E101",
        "an unknown argument",
        &[("n.yaml", "{HEAD}body: [conv: {kernel: 3, widht: 8, width: 8}]\ntail: []\n")],
    ),
    one(
        "E101",
        "an unknown argument of a block",
        &[(
            "n.yaml",
            "{HEAD}blocks: {b: {params: {c3}, steps: [conv: {kernel: 3, width: $c3}]}}\nbody: [b: {c3: 8, c33: 4}]\ntail: []\n",
        )],
    ),
    one(
        "E102",
        "a word for a number",
        &[("n.yaml", "{HEAD}body: [conv: {kernel: 3, width: wide}]\ntail: []\n")],
    ),
    one(
        "E102",
        "a map for a list",
        &[("n.yaml", "{HEAD}body: {conv: {kernel: 3, width: 8}}\ntail: []\n")],
    ),
    one("E102", "a list for a map", &[("n.yaml", "{HEAD}body: [conv: [3, 8]]\ntail: []\n")]),
    one("E103", "no body", &[("n.yaml", "{HEAD}")]),
    one(
        "E103",
        "a missing argument",
        &[("n.yaml", "{HEAD}body: [maxpool: {stride: 3}]\ntail: []\n")],
    ),
    one(
        "E103",
        "an accuracy without a number",
        &[("n.yaml", "{HEAD}published: [{dataset: d, source: s}]\nbody: [relu]\ntail: []\n")],
    ),
    one(
        "E103",
        "a block's parameter",
        &[(
            "n.yaml",
            "{HEAD}blocks: {b: {params: {c3}, steps: [conv: {kernel: 3, width: $c3}]}}\nbody: [b]\ntail: []\n",
        )],
    ),
    one("E103", "no classes for the tail", &[("n.yaml", "{HEAD}body: [relu]\ntail: gap\n")]),
    one(
        "E104",
        "an unknown step",
        &[("n.yaml", "{HEAD}body: [maxpol: {kernel: 3, stride: 1}]\ntail: []\n")],
    ),
    one(
        "E104",
        "the bias of a layer without one",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - conv a: {kernel: 3, width: 8, bias: false}\n  - conv b: {kernel: 3, width: 8}\n  - conv: {kernel: 3, width: 8, share: {weight: b, bias: a}}\ntail: []\n",
        )],
    ),
    one(
        "E101",
        "a tensor that no layer has",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - conv a: {kernel: 3, width: 8}\n  - conv: {kernel: 3, width: 8, share: {wieght: a}}\ntail: []\n",
        )],
    ),
    one(
        "E101",
        "shared tensors by default",
        &[(
            "n.yaml",
            "{HEAD}defaults: {bn: {share: a}}\nbody: [conv a: {kernel: 3, width: 8, norm: bn}]\ntail: []\n",
        )],
    ),
    one(
        "E103",
        "no shared tensors",
        &[("n.yaml", "{HEAD}body: [bn a, bn: {share: {}}]\ntail: []\n")],
    ),
    one(
        "E501",
        "a tensor of another size",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - conv a: {kernel: 3, width: 8}\n  - conv: {kernel: 3, width: 16, share: {weight: a}}\ntail: []\n",
        )],
    ),
    one(
        "E104",
        "words of Keras and PyTorch",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - conv: {filters: 8, kernel_size: 3, strides: 2, padding: same, activation: swish, batch_norm: true}\n  \
             - conv: {kernel: 1, width: 8, act: swish}\n  - max_pool_2d: {pool_size: 2}\n  - flatten\n  - dense: {units: 10}\n  \
             - fc\n  - skip_connect\ntail: []\n",
        )],
    ),
    one(
        "E105",
        "a name without letters",
        &[("n.yaml", "name: \"\"\ninput: {channels: 3, size: 32}\nbody: [relu]\ntail: []\n")],
    ),
    one(
        "E105",
        "a name that looks like another",
        &[("n.yaml", "{HEAD}body: [relu a, relu a\u{200b}]\ntail: []\n")],
    ),
    one(
        "E105",
        "a name that turns the line",
        &[("n.yaml", "{HEAD}body: [\"relu a\\u202Eb\"]\ntail: []\n")],
    ),
    one("E105", "a name with a slash", &[("n.yaml", "{HEAD}body: [relu a/b]\ntail: []\n")]),
    one("E106", "a name twice", &[("n.yaml", "{HEAD}body: [relu a, relu a]\ntail: []\n")]),
    one(
        "E106",
        "a step named like the input",
        &[("n.yaml", "{HEAD}body: [relu input]\ntail: []\n")],
    ),
    one(
        "E106",
        "a step named like the tail",
        &[("n.yaml", "{HEAD}classes: 10\nbody: [group tail: [relu pool]]\ntail: gap\n")],
    ),
    one(
        "E106",
        "a head named like the tail",
        &[(
            "n.yaml",
            "{HEAD}classes: 10\nbody: [relu a]\ntail: gap\nauxiliary: [{name: tail, after: a, steps: [gap pool, flatten]}]\n",
        )],
    ),
    one(
        "E106",
        "a branch named like the join",
        &[("n.yaml", "{HEAD}body: [parallel: {branches: {concat: [relu], b: []}}]\ntail: []\n")],
    ),
    one(
        "E106",
        "a value of a space twice",
        &[
            (
                "n.yaml",
                "space: s\nbase: b.yaml\nvary: {w: {values: [1, 2, 1]}}\nwith: {width_multiplier: $w}\n",
            ),
            ("b.yaml", "{HEAD}body: [relu]\ntail: []\n"),
        ],
    ),
    one(
        "E106",
        "a variable that `with` sets as a parameter",
        &[
            (
                "n.yaml",
                "space: s\nbase: b.yaml\nvary: {w: {values: [1, 2]}}\nwith: {params: {w: $w * 10}}\n",
            ),
            ("b.yaml", "{HEAD}params: {w: 8}\nbody: [conv: {kernel: 3, width: $w}]\ntail: []\n"),
        ],
    ),
    one(
        "E107",
        "two keys in a step",
        &[("n.yaml", "{HEAD}body:\n  - conv: {kernel: 3, width: 8}\n    relu: {}\ntail: []\n")],
    ),
    one("E107", "a number as a step", &[("n.yaml", "{HEAD}body: [3]\ntail: []\n")]),
    one(
        "E108",
        "a width of zero",
        &[("n.yaml", "{HEAD}body: [conv: {kernel: 3, width: 0}]\ntail: []\n")],
    ),
    one(
        "E108",
        "a negative stride",
        &[("n.yaml", "{HEAD}body: [conv: {kernel: 3, width: 8, stride: -1}]\ntail: []\n")],
    ),
    one(
        "E108",
        "a huge width",
        &[(
            "n.yaml",
            "{HEAD}body: [conv: {kernel: 3, width: 99999999999999999999999}]\ntail: []\n",
        )],
    ),
    one(
        "E108",
        "an input without pixels",
        &[("n.yaml", "name: x\ninput: {channels: 3, size: 0}\nbody: [relu]\ntail: []\n")],
    ),
    one(
        "E108",
        "a multiplier of zero",
        &[("n.yaml", "{HEAD}width_multiplier: 0\nbody: [relu]\ntail: []\n")],
    ),
    one(
        "E108",
        "a loss that counts less than nothing",
        &[(
            "n.yaml",
            "{HEAD}body: [relu a]\ntail: []\nauxiliary: [{after: a, weight: -1, steps: [gap]}]\n",
        )],
    ),
    one(
        "E108",
        "an accuracy above 100",
        &[(
            "n.yaml",
            "{HEAD}published: [{dataset: d, top1: 101, crops: 1, models: 1, source: s}]\nbody: [relu]\ntail: []\n",
        )],
    ),
    one(
        "E109",
        "an unknown word",
        &[("n.yaml", "{HEAD}body: [conv: {kernel: 3, width: 8, norm: batch}]\ntail: []\n")],
    ),
    one(
        "E109",
        "an unknown join",
        &[("n.yaml", "{HEAD}body: [parallel: {branches: {a: [], b: []}, join: sum}]\ntail: []\n")],
    ),
    one(
        "E110",
        "a library as a base",
        &[("n.yaml", "name: x\nextends: b.yaml\n"), ("b.yaml", "blocks: {b: {steps: [relu]}}\n")],
    ),
    one(
        "E201",
        "an operator too many",
        &[(
            "n.yaml",
            "{HEAD}params: {w: 8}\nbody: [conv: {kernel: 3, width: $w * * 2}]\ntail: []\n",
        )],
    ),
    one(
        "E202",
        "an unknown variable",
        &[(
            "n.yaml",
            "{HEAD}params: {width: 8}\nbody: [conv: {kernel: 3, width: $widht + $width}]\ntail: []\n",
        )],
    ),
    one(
        "E203",
        "a parameter without value, used by others",
        &[(
            "n.yaml",
            "{HEAD}params: {w: 1 / 0 + $z, v: $w, z: 3}\nblocks: {b: {params: {c, d: $c}, steps: [conv: {kernel: 3, width: $d}]}}\nbody: [conv: {kernel: 3, width: $v}, b: {c: $v // 0}]\ntail: []\n",
        )],
    ),
    one(
        "E203",
        "a division by zero",
        &[("n.yaml", "{HEAD}body: [conv: {kernel: 3, width: $in // 0}]\ntail: []\n")],
    ),
    one(
        "E204",
        "half a channel",
        &[("n.yaml", "{HEAD}body: [conv: {kernel: 3, width: $in * 12.5}]\ntail: []\n")],
    ),
    one(
        "E302",
        "an unused parameter",
        &[("n.yaml", "{HEAD}params: {w: 8}\nbody: [relu]\ntail: []\n")],
    ),
    one(
        "E302",
        "an unused parameter of a block that is not called",
        &[("n.yaml", "{HEAD}blocks: {b: {params: {c}, steps: [relu]}}\nbody: [relu]\ntail: []\n")],
    ),
    one(
        "E303",
        "a block that calls itself",
        &[("n.yaml", "{HEAD}blocks: {b: {steps: [b]}}\nbody: [b]\ntail: []\n")],
    ),
    one(
        "E304",
        "a block called conv",
        &[("n.yaml", "{HEAD}blocks: {conv: {steps: [relu]}}\nbody: [relu]\ntail: []\n")],
    ),
    one(
        "E304",
        "a parameter called from",
        &[(
            "n.yaml",
            "{HEAD}blocks: {b: {params: {from}, steps: [$from]}}\nbody: [relu]\ntail: []\n",
        )],
    ),
    one(
        "E401",
        "an absolute path",
        &[("n.yaml", "{HEAD}use: [/etc/passwd]\nbody: [relu]\ntail: []\n")],
    ),
    one(
        "E402",
        "a circle of three",
        &[
            ("n.yaml", "name: x\nextends: a.yaml\n"),
            ("a.yaml", "name: a\nextends: b.yaml\n"),
            ("b.yaml", "name: b\nextends: n.yaml\n"),
        ],
    ),
    one(
        "E403",
        "four large files",
        &[
            ("n.yaml", "{HEAD}use: [a.yaml, b.yaml, c.yaml, d.yaml]\nbody: [relu]\ntail: []\n"),
            ("a.yaml", "{MANY}"),
            ("b.yaml", "{MANY}"),
            ("c.yaml", "{MANY}"),
            ("d.yaml", "{MANY}"),
        ],
    ),
    one("E402", "a file that extends itself", &[("n.yaml", "name: x\nextends: n.yaml\n")]),
    one(
        "E501",
        "a window larger than its map",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - maxpool: {kernel: 16, stride: 16}\n  - conv: {kernel: 7, width: 8, pad: valid}\ntail: []\n",
        )],
    ),
    one(
        "E501",
        "groups that do not divide",
        &[("n.yaml", "{HEAD}body: [conv: {kernel: 3, width: 8, groups: 2}]\ntail: []\n")],
    ),
    one("E501", "linear on a map", &[("n.yaml", "{HEAD}body: [linear: {width: 8}]\ntail: []\n")]),
    one(
        "E502",
        "sizes that do not concatenate",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - parallel:\n      branches:\n        a: [conv: {kernel: 3, width: 8, stride: 2}]\n        b: [conv: {kernel: 3, width: 8}]\ntail: []\n",
        )],
    ),
    one(
        "E502",
        "a sum of different widths",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - parallel:\n      branches: {main: [conv: {kernel: 3, width: 8}], shortcut: []}\n      join: add\ntail: []\n",
        )],
    ),
    one(
        "E503",
        "a million layers",
        &[("n.yaml", "{HEAD}body: [repeat: {count: 1000000, steps: [relu]}]\ntail: []\n")],
    ),
    one(
        "E503",
        "too much work",
        &[(
            "n.yaml",
            "name: x\ninput: {channels: 1000000, size: 30000}\nbody: [conv: {kernel: 9, width: 1000000}]\ntail: []\n",
        )],
    ),
    one("E504", "nothing", &[("n.yaml", "{HEAD}body: []\ntail: []\n")]),
    one(
        "E505",
        "a head after nothing",
        &[(
            "n.yaml",
            "{HEAD}body: [conv a: {kernel: 3, width: 8}]\ntail: []\nauxiliary: [{after: aa, steps: [gap]}]\n",
        )],
    ),
    one(
        "E505",
        "steps that a step cannot read",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - relu left\n  - silu right: {from: in}\n  - add: {from: [lfet, right]}\n  - relu a: {from: a}\n  \
             - relu b: {from: [c]}\n  - group c: [relu x, relu y]\n  - add: {from: [left, a, b, c/z]}\ntail: []\n",
        )],
    ),
    one(
        "E505",
        "a step outside of the block",
        &[(
            "n.yaml",
            "{HEAD}blocks: {b: {steps: [relu c, add: {from: [c, a]}]}}\nbody: [relu a, b]\ntail: []\n",
        )],
    ),
    one(
        "E101",
        "a number in place of zeros where there are none",
        &[("n.yaml", "{HEAD}body: [pad: {size: 1, mode: edge, value: 2}]\ntail: []\n")],
    ),
    one(
        "E506",
        "results that nothing reads",
        &[(
            "n.yaml",
            "{HEAD}blocks: {cell: {inputs: [h, p], steps: [relu a: {from: h}, silu b: {from: h}, sigmoid c: {from: a}]}}\nbody:\n  \
             - relu x\n  - relu y: {from: in}\n  - cell: {from: [y, y]}\ntail: []\n",
        )],
    ),
    one(
        "E506",
        "a result that nothing reads without a condition",
        &[(
            "n.yaml",
            "{HEAD}params: {p: 1}\nbody: [relu a, silu b: {from: in}, if: {cond: $p == 2, then: [add: {from: [a, b]}]}]\ntail: []\n",
        )],
    ),
    one(
        "E507",
        "more and fewer inputs than are read",
        &[(
            "n.yaml",
            "{HEAD}blocks: {cell: {inputs: [h, p], steps: [add: {from: [h, p]}]}, one: {steps: [relu]}}\nbody:\n  - relu a\n  \
             - conv: {from: [in, a], kernel: 3, width: 8}\n  - cell: {from: a}\n  - cell\n  - one: {from: [a, a]}\n  \
             - repeat: {from: [a, a], count: 2, steps: [relu]}\n  - relu: {from: []}\ntail: []\n",
        )],
    ),
    one("E103", "a join of nothing", &[("n.yaml", "{HEAD}body: [relu, concat]\ntail: []\n")]),
    one(
        "E101",
        "what cannot be scaled",
        &[(
            "n.yaml",
            "{HEAD}body: [relu a, add b: {from: [in, a], scale: {c: 2}}, none: {kernel: 3}, identity: {from: b, kernel: 3}]\ntail: []\n",
        )],
    ),
    one(
        "E106",
        "two nodes of one name",
        &[(
            "n.yaml",
            "{HEAD}body: [group: [relu a, silu a: {from: in}, add: {from: [a, in]}]]\ntail: []\n",
        )],
    ),
    one(
        "E102",
        "what is no name of a step",
        &[("n.yaml", "{HEAD}body: [relu a: {from: {b: 1}}, relu: {from: [true]}]\ntail: []\n")],
    ),
    one(
        "E502",
        "results of a cell that do not fit",
        &[(
            "n.yaml",
            "{HEAD}body:\n  - conv a: {kernel: 3, width: 8, stride: 2}\n  - conv b: {from: in, kernel: 3, width: 8}\n  \
             - concat: {from: [a, b]}\ntail: []\n",
        )],
    ),
    one(
        "E508",
        "nothing but none",
        &[(
            "n.yaml",
            "{HEAD}classes: 2\nparams: {op: none}\nbody: [relu a, $op b, add: {from: b}]\ntail: gap\n",
        )],
    ),
    one(
        "E505",
        "a setting of no step",
        &[(
            "n.yaml",
            "{HEAD}body: [conv a: {kernel: 3, width: 8}]\ntail: []\nset: {b: {width: 4}}\n",
        )],
    ),
    one(
        "E603",
        "a constraint on nothing",
        &[
            (
                "n.yaml",
                "space: s\nbase: b.yaml\nvary: {w: {values: [1, 2]}}\nwith: {width_multiplier: $w}\nconstraints: [parms < 8M]\n",
            ),
            ("b.yaml", "{HEAD}body: [relu]\ntail: []\n"),
        ],
    ),
    one(
        "E501",
        "a point of a space",
        &[
            (
                "n.yaml",
                "space: s\nbase: b.yaml\nvary: {size: {values: [32, 4]}}\nwith: {input: {size: $size}}\n",
            ),
            ("b.yaml", "{HEAD}body: [conv: {kernel: 7, width: 8, pad: valid}]\ntail: []\n"),
        ],
    ),
];

fn files(fixture: &Fixture) -> Memory {
    let block = |number: usize| format!("b{number}: {{steps: [relu]}}");
    let many = (0..15_000).map(block).collect::<Vec<String>>().join(", ");
    let many = format!("blocks: {{{many}}}");
    let text = |text: &str| text.replace("{HEAD}", HEAD).replace("{MANY}", &many);
    fixture
        .files
        .iter()
        .fold(Memory::default(), |files, (path, yaml)| files.with(*path, text(yaml)))
}

#[test]
fn messages() {
    let (mut page, mut wrong) = (String::new(), Vec::new());
    for fixture in FIXTURES {
        let Err(failure) = check(&files(fixture), Path::new("n.yaml")) else {
            wrong.push(format!("{} is no mistake", fixture.what));
            continue;
        };
        let codes: Vec<&str> = failure.diagnostics.iter().map(|d| d.code.id()).collect();
        if !codes.contains(&fixture.code) {
            wrong.push(format!("{} gives {codes:?}, not {}", fixture.what, fixture.code));
        }
        writeln!(page, "## {}\n\n{}\n", fixture.what, failure.render(Style::Plain)).unwrap();
    }
    assert_eq!(wrong, Vec::<String>::new());
    insta::assert_snapshot!(page);
}

/// Files that are no text, or too much of it: the code, what it is, and the bytes.
fn unusual() -> [(&'static str, &'static str, Vec<u8>); 5] {
    let aliases: String =
        (1..8).map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(8))).collect();
    [
        ("E002", "a picture", b"\x89PNG\r\n\x1a\n".to_vec()),
        ("E003", "two MiB", vec![b'#'; 2 << 20]),
        ("E003", "a name of 5000 letters", format!("name: {}\n", "x".repeat(5000)).into_bytes()),
        ("E006", "70 brackets", format!("name: x\nbody: {}\n", "[".repeat(70)).into_bytes()),
        ("E007", "a billion values", format!("a0: &a0 [x]\n{aliases}").into_bytes()),
    ]
}

#[test]
fn messages_about_unusual_files() {
    let mut page = String::new();
    for (code, what, bytes) in unusual() {
        let files = Memory::default().with("n.yaml", bytes);
        let failure = check(&files, Path::new("n.yaml")).unwrap_err();
        assert_eq!(failure.diagnostics[0].code.id(), code, "{what}");
        writeln!(page, "## {what}\n\n{failure}\n").unwrap();
    }
    insta::assert_snapshot!(page);
}

/// Settings that are wrong, all of them with their code first, for the network and for the space.
const SETTINGS: &[(&str, &str, &[&str])] = &[
    ("E601", "b.yaml", &["v=3"]),
    ("E601", "b.yaml", &["clases=3"]),
    ("E101", "b.yaml", &["a.widht=3"]),
    ("E505", "b.yaml", &["c.width=3"]),
    ("E505", "b.yaml", &["inptu.size=3"]),
    ("E601", "b.yaml", &["widht=3"]),
    ("E005", "b.yaml", &["w=[1"]),
    ("E108", "b.yaml", &["w=-1"]),
    ("E108", "b.yaml", &["w=99999999999999999999"]),
    ("E102", "b.yaml", &["w=many"]),
    ("E102", "b.yaml", &["w=true"]),
    ("E202", "b.yaml", &["w=$v"]),
    ("E108", "b.yaml", &["input.size=-3", "a.stride=0"]),
    ("E602", "s.yaml", &["w=12"]),
    ("E601", "s.yaml", &["v=12"]),
    ("E110", "l.yaml", &["w=12"]),
];

#[test]
fn messages_about_settings() {
    let network =
        format!("{HEAD}params: {{w: 8}}\nbody: [conv a: {{kernel: 3, width: $w}}]\ntail: []\n");
    let files = Memory::default()
        .with("b.yaml", network)
        .with("s.yaml", "space: s\nbase: b.yaml\nvary: {w: {values: [8, 16]}}\n")
        .with("l.yaml", "blocks: {b: {steps: [relu]}}\n");
    let mut page = String::new();
    for (code, path, texts) in SETTINGS {
        let settings: Vec<Setting> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let failure = load(&files, Path::new(path), &settings).unwrap_err();
        assert_eq!(failure.diagnostics[0].code.id(), *code, "{texts:?}: {failure}");
        writeln!(page, "## {path} {}\n\n{failure}\n", texts.join(" ")).unwrap();
    }
    insta::assert_snapshot!(page);
}

/// All mistakes of a file are reported at once, those of its base and library too.
#[test]
fn several_files_with_several_mistakes() {
    let files = Memory::default()
        .with("n.yaml", "name: x\nextends: base.yaml\nset: {a: {wdth: 4}}\ndefaults: {conv: {act: rleu}}\n")
        .with("base.yaml", "name: y\nuse: [lib.yaml]\ninput: {channels: 3, size: 32}\nbody: [conv a: {kernel: 3, width: 8}, b]\ntail: [softmx]\n")
        .with("lib.yaml", "blocks: {b: {steps: [conv: {kernl: 3, width: 8}]}}\n");
    let failure = check(&files, Path::new("n.yaml")).unwrap_err();
    insta::assert_snapshot!(failure);
}

/// The codes of everything that is wrong with a file, in its order.
fn codes(text: &str) -> Vec<&'static str> {
    let files = Memory::default().with("n.yaml", text);
    match check(&files, Path::new("n.yaml")) {
        Ok(_) => Vec::new(),
        Err(failure) => failure.diagnostics.iter().map(|d| d.code.id()).collect(),
    }
}

/// No error hides one that does not depend on it, and none causes another.
#[test]
fn errors_do_not_hide_each_other() {
    let head = "name: x\ninput: {channels: 3, size: 32}\n";
    for (text, expected) in [
        (
            "name: x\ninput: {channels: 3, size: -32}\nclasses: -10\nbody: [relu]\ntail: gapp\n".to_owned(),
            vec!["E108", "E108", "E109"],
        ),
        (
            "name: x\nclasses: ten\nwidth_multiplier: 0\nbody: [conv a: {kernel: x, width: $w}, maxpool: {stride: 2}, linear: {width: 4}]\ntail: gap\nauxiliary: [{after: b, steps: [gapp]}]\nset: {c: {width: 3}}\npublished: [{dataset: d, top1: 101, source: s}]\n".to_owned(),
            vec!["E103", "E102", "E108", "E102", "E202", "E103", "E505", "E104", "E505", "E108"],
        ),
        // Unreadable classes say nothing about shapes.
        (
            format!("{head}classes: 0\nbody: [conv: {{kernel: 40, width: 4, pad: valid}}]\ntail: gap\n"),
            vec!["E108", "E501"],
        ),
        // What follows a failed step is still looked at, what it may hold is not missed.
        (
            format!("{head}body: [convv a: {{}}, conv b: {{kernel: 0, width: 4}}, $k c, repeat r: {{count: -1, steps: [relux]}}]\ntail: []\nset: {{a: {{width: 1}}, b: {{width: 4}}, c/x: {{width: 1}}, r/1/d: {{width: 1}}, e: {{width: 1}}}}\n"),
            vec!["E104", "E108", "E202", "E108", "E104", "E505"],
        ),
        // Branches, and what comes after them.
        (
            format!("{head}body: [parallel: {{branches: {{a: [relux], b: [relu]}}, join: sum, then: [gapp]}}]\ntail: []\n"),
            vec!["E104", "E109", "E104"],
        ),
        // A block whose argument is wrong is still entered.
        (
            format!("{head}blocks: {{b: {{params: {{c}}, steps: [maxpool: {{kernel: 40, stride: 1, pad: valid}}, conv: {{kernel: 1, width: $c}}]}}}}\nbody: [b: {{c: $d}}]\ntail: []\n"),
            vec!["E501", "E202"],
        ),
        // A shape may follow from the key that was meant; what is inside of others is looked at all the same.
        (
            format!("{head}body: [maxpool: {{kernel: 9, strid: 1}}, conv: {{kernel: 7, width: 8, pad: valid}}]\ntail: []\n"),
            vec!["E101"],
        ),
        (
            format!("{head}body: [depthwise: {{kernel: 40, padd: same, pad: valid}}, conv: {{kernel: 0, width: 8}}]\ntail: []\n"),
            vec!["E101", "E108"],
        ),
        (
            format!("{head}body: [parallel: {{branches: {{a: [relux], b: [relu]}}, joined: add}}]\ntail: []\n"),
            vec!["E104", "E101"],
        ),
        // Hidden layers of a tail are steps; where the tail is not known, neither are they.
        (
            format!("{head}classes: 2\nbody: [relu]\ntail: {{fc: {{widths: [4]}}}}\nset: {{tail/fc1: {{wide: 3}}, tail/fc2: {{width: 3}}}}\n"),
            vec!["E101", "E505"],
        ),
        (
            format!("{head}classes: 2\nbody: [relu]\ntail: fcc\nset: {{tail/fc1: {{width: 3}}}}\n"),
            vec!["E109"],
        ),
        (format!("{head}body: 3\ntail: 3\ndescription: []\nauxiliary: 3\n"), vec!["E102"; 4]),
        (format!("{head}blocks: 3\nbody: [b]\ntail: []\n"), vec!["E102"]),
    ] {
        assert_eq!(codes(&text), expected, "{text}");
    }
}

/// Nobody calls the block, nothing takes the branch, and both are checked.
#[test]
fn what_never_runs_is_checked() {
    let head = "name: x\ninput: {channels: 3, size: 32}\nparams: {p: 1}\n";
    for (step, expected) in [
        ("conv: {kernel: $q, width: 4}", vec!["E202"]),
        ("conv: {kernel: 3, width: $in + $p + $q}", vec!["E202"]),
        ("conv: {kernel: 3, width: '$in +'}", vec!["E201"]),
        ("conv: {kernel: 3, width: $classes}", vec!["E202"]),
        ("conv: {kernel: 0, width: $p}", vec!["E108"]),
        ("conv: {kernel: 3, width: $in, norm: batch}", vec!["E109"]),
        ("conv: {kernl: 3, kernel: $in_height, width: $in // 2}", vec!["E101"]),
        ("repeat: {count: $p, steps: [conv: {kernel: 1, width: $i * $j}]}", vec!["E202"]),
        ("parallel: {branches: {a: [relux], b: [group: [reluy]]}}", vec!["E104", "E104"]),
        ("$p a: {b: 3}", vec![]),
    ] {
        for text in [
            format!("{head}blocks: {{b: {{steps: [{step}]}}}}\nbody: [group: $p]\n"),
            format!(
                "{head}body: [if: {{cond: $in == 5, then: [{step}]}}, if: {{cond: $p == 1, else: [{step}]}}, relu]\n"
            ),
        ] {
            let text =
                text.replace("[group: $p]", "[if: {cond: $p == 1, then: [relu]}]") + "tail: []\n";
            let found: Vec<&str> = codes(&text);
            let times = if text.contains("blocks") { 1 } else { 2 };
            assert_eq!(found, expected.repeat(times), "{text}");
        }
    }
    assert_eq!(
        codes(
            "blocks: {b: {params: {c, d: $c * $e}, steps: [conv: {kernel: $d, width: $classes}]}}\n"
        ),
        ["E202"]
    );
    // Conditions may exclude each other, and a missing argument may be set by the step's path.
    let either =
        "if: {cond: $p == 1, then: [conv a: {kernel: 1}]}, if: {cond: $p == 2, then: [relu a]}";
    assert_eq!(
        codes(&format!("{head}body: [{either}]\ntail: []\nset: {{a: {{width: 4}}}}\n")),
        Vec::<&str>::new()
    );
}

#[test]
fn the_caret_stands_under_wide_letters_and_in_windows_files() {
    let files = Memory::default()
        .with("n.yaml", "name: 网络\r\ninput: {channels: 3, size: 32}\r\nbody: [conv 卷积: {kernel: 3, 宽度: 8}]\r\ntail: []\r\n");
    let failure = check(&files, Path::new("n.yaml")).unwrap_err();
    insta::assert_snapshot!(failure);
}

#[test]
fn every_code_has_a_fixture() {
    let covered: BTreeSet<&str> = FIXTURES
        .iter()
        .map(|fixture| fixture.code)
        .chain(unusual().map(|(code, ..)| code))
        .chain(SETTINGS.iter().map(|(code, ..)| *code))
        .collect();
    let all: BTreeSet<&str> = Code::ALL.iter().map(|code| code.id()).collect();
    assert_eq!(covered, all);
}

/// The step of a library that does not fit is shown with the call that it was built for, and with the step
/// that gives its input: three files.
#[test]
fn a_shape_that_does_not_fit_in_a_library() {
    let files = Memory::default()
        .with("n.yaml", "name: x\nextends: base.yaml\nset: {stem: {stride: 16}}\n")
        .with("base.yaml", format!("{HEAD}use: lib.yaml\nbody:\n  - conv stem: {{kernel: 3, width: 8}}\n  - b 3a: {{kernel: 5}}\ntail: []\n"))
        .with("lib.yaml", "blocks:\n  b:\n    params: {kernel}\n    steps:\n      - relu\n      - maxpool: {kernel: $kernel, stride: 1, pad: valid}\n");
    let failure = check(&files, Path::new("n.yaml")).unwrap_err();
    insta::assert_snapshot!(failure);
}

#[test]
fn places_are_those_of_an_editor() {
    let files = Memory::default()
        .with("n.yaml", format!("{HEAD}body:\n  - conv: {{kernel: 3, widht: 8}}\ntail: []\n"));
    let failure = check(&files, Path::new("n.yaml")).unwrap_err();
    let unknown = failure.diagnostics.iter().find(|d| d.code.id() == "E101").unwrap();
    let (path, position) = unknown.position(&failure.sources).unwrap();
    assert_eq!((path, position.line, position.column), (Path::new("n.yaml"), 4, 23));
    assert!(files.canonical(Path::new("./n.yaml")).is_ok());
}

/// A head that does not fit where it is put, at a size of the input or of what is set, is left out with what is
/// wrong; what is wrong whatever the sizes are is a mistake of the file.
#[test]
fn heads_that_do_not_fit_are_left_out() {
    let file = |heads: &str| {
        let body = "body: [conv a: {kernel: 3, width: 8}]\ntail: []";
        Memory::default().with("n.yaml", format!("{HEAD}{body}\nauxiliary: [{heads}]\n"))
    };
    let load = |heads: &str, settings: &[&str]| {
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        load(&file(heads), Path::new("n.yaml"), &settings)
    };
    let window = "{name: h, after: a, steps: [conv c: {kernel: 5, width: 4, pad: valid}, gap, flatten, linear: {width: 2}]}";
    let small = "{name: s, after: a, steps: [gap, flatten, linear: {width: 2}]}";
    assert_eq!(load(window, &[]).unwrap().expect_heads().map_err(|it| it.to_string()), Ok(()));

    let both = load(&format!("{window}, {small}"), &["input.size=4"]).unwrap();
    let heads = both.architecture.graph.auxiliary().iter().map(|head| &*head.name);
    assert_eq!(heads.collect::<Vec<_>>(), ["s"]);
    assert_eq!(both.architecture.graph.validate(), Ok(()));
    assert!(both.architecture.graph.nodes().all(|(_, node)| !node.path.as_str().starts_with('h')));
    assert_eq!(
        both.architecture.unfit_heads[0].to_string(),
        "the auxiliary head `h` does not fit and is left out: `h/c`: conv window 5x5 is larger than its input 8x4x4 with padding 0"
    );
    insta::assert_snapshot!("unfit_head", both.expect_heads().unwrap_err());
    // Two heads with one mistake are both left out.
    let twice = format!("{window}, {}", window.replace("name: h", "name: i"));
    assert_eq!(load(&twice, &["input.size=4"]).unwrap().architecture.unfit_heads.len(), 2);
    // So is one whose numbers are computed from the size.
    let computed = "{name: h, after: a, steps: [conv c: {kernel: $in_height - 8, width: 4}, gap]}";
    for (size, unfit) in [("20", 0), ("8", 1), ("4", 1)] {
        let loaded = load(computed, &[&format!("input.size={size}")]).unwrap();
        assert_eq!(loaded.architecture.unfit_heads.len(), unfit, "{size}");
    }

    let code = |heads: &str, settings: &[&str]| {
        load(heads, settings).unwrap_err().diagnostics[0].code.id().to_owned()
    };
    assert_eq!(code(&window.replace("pad", "padd"), &["input.size=4"]), "E101");
    assert_eq!(code(&window.replace("width: 4, ", ""), &["input.size=4"]), "E103");
    assert_eq!(code(&window.replace("kernel: 5", "kernel: 0"), &[]), "E108");
    assert_eq!(code(window, &["h/c.width=0"]), "E108");
    assert_eq!(code(window, &["h/d.width=4"]), "E505");
    assert_eq!(code(&window.replace("after: a", "after: b"), &[]), "E505");
    assert_eq!(code("{name: h, after: a, steps: []}", &[]), "E504");
    let many = "{name: h, after: a, steps: [repeat: {count: 200000, steps: [relu]}, gap]}";
    assert_eq!(code(many, &[]), "E503");
}
