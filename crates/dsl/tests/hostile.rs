//! Files that nobody wrote in good faith, or that are no architectures at all. Each gets its diagnostic;
//! nothing panics, and nothing takes long (these tests would time out, not fail).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use inceptive_dsl::{Disk, Failure, Files, Memory, Setting, check, load};

const HEAD: &str = "name: x\ninput: {channels: 3, size: 32}\ntail: []\n";

fn failure(content: impl Into<Vec<u8>>) -> Failure {
    let files = Memory::default().with("n.yaml", content);
    match check(&files, Path::new("n.yaml")) {
        Ok(_) => panic!("accepted"),
        Err(failure) => failure,
    }
}

/// The codes of what is wrong with a file, in order.
fn codes(content: impl Into<Vec<u8>>) -> Vec<&'static str> {
    failure(content).diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect()
}

fn steps(steps: &str) -> String {
    format!("{HEAD}body: [{steps}]\n")
}

fn accepted(content: impl Into<Vec<u8>>) {
    let files = Memory::default().with("n.yaml", content);
    if let Err(failure) = check(&files, Path::new("n.yaml")) {
        panic!("{failure}");
    }
}

#[test]
fn alias_bombs() {
    let lines = |fan: usize| -> String {
        (1..40)
            .map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); fan].join(", ")))
            .collect()
    };
    for fan in [2, 10] {
        assert_eq!(codes(format!("a0: &a0 [x, x]\n{}", lines(fan))), ["E007"], "fan {fan}");
    }
    assert_eq!(codes("a: &a [*a]\n"), ["E005"]);
    assert_eq!(codes("a: *nowhere\n"), ["E005"]);
}

#[test]
fn aliases_in_good_faith() {
    accepted(format!(
        "{HEAD}params: {{w: &w 8}}\nbody: [conv: {{kernel: &k 3, width: $w}}, conv: {{kernel: *k, width: *w}}]\n"
    ));
}

#[test]
fn huge_files() {
    assert_eq!(codes(vec![b' '; 100_000_000]), ["E003"]);
    assert_eq!(codes("- a\n".repeat(200_000)), ["E007"]);
    assert_eq!(codes(format!("name: {}\n", "x".repeat(2_000_000))), ["E003"]);
}

#[test]
fn deep_nesting() {
    for text in [
        "[".repeat(10_000),
        "{a: ".repeat(10_000),
        "- ".repeat(10_000),
        format!("{}{}", "[".repeat(10_000), "]".repeat(10_000)),
        (0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).take(1_000).collect(),
        format!("body: {}", "[{relu: ".repeat(400_000 / 8)),
    ] {
        assert_eq!(codes(text), ["E006"]);
    }
}

#[test]
fn numbers_without_meaning() {
    for (number, code) in [
        ("0", "E108"),
        ("-1", "E108"),
        ("18446744073709551616", "E108"),
        ("99999999999999999999999999", "E108"),
        ("9223372036854775807", "E108"),
        ("1e308", "E108"),
        ("1e999", "E108"),
        (".inf", "E108"),
        ("-.inf", "E108"),
        (".nan", "E108"),
        ("0x7fffffffffffffff", "E108"),
        ("1048577", "E108"),
        ("0.5", "E204"),
    ] {
        for key in ["width", "kernel", "stride", "dilation", "groups"] {
            let step = match key {
                "width" => format!("conv: {{kernel: 3, width: {number}}}"),
                "kernel" => format!("conv: {{kernel: {number}, width: 8}}"),
                _ => format!("conv: {{kernel: 3, width: 8, {key}: {number}}}"),
            };
            assert_eq!(codes(steps(&step)), [code], "{key} {number}");
        }
        let input =
            format!("name: x\ninput: {{channels: 3, size: {number}}}\nbody: [relu]\ntail: []\n");
        assert_eq!(codes(input), [code], "size {number}");
    }
}

#[test]
fn numbers_at_the_border_of_what_is_possible() {
    for (step, code) in [
        ("conv: {kernel: 1048576, width: 8}", "E503"),
        ("conv: {kernel: 1048576, width: 8, pad: valid}", "E501"),
        ("conv: {kernel: 3, width: 8, dilation: 1048576}", "-"),
        ("conv: {kernel: 3, width: 8, stride: 1048576}", "-"),
        ("conv: {kernel: 3, width: 1048576, pad: 1048576}", "E503"),
        ("maxpool: {kernel: 1048575, stride: 1048576, pad: 1048576}", "E501"),
        ("maxpool: {kernel: 1048576, stride: 1048576, pad: 524288}", "-"),
        ("adaptive_avgpool: {size: 1048576}", "E503"),
        ("lrn: {size: 1048576}", "-"),
        ("shuffle: {groups: 1048576}", "E501"),
        ("repeat: {count: 1048576, steps: []}", "E503"),
        ("dropout: {p: 1}", "E501"),
        ("dropout: {p: -1e300}", "E108"),
    ] {
        let files = Memory::default().with("n.yaml", steps(step));
        let code_of = |failure: Failure| failure.diagnostics[0].code.id();
        let found = load(&files, Path::new("n.yaml"), &[]).map_or_else(code_of, |_| "-");
        assert_eq!(found, code, "{step}");
    }
}

#[test]
fn networks_without_end() {
    assert_eq!(codes(steps("repeat: {count: 1000000, steps: [relu]}"))[0], "E503");
    let nested = "repeat: {count: 1000, steps: [repeat: {count: 1000, steps: [repeat: {count: 1000, steps: [relu]}]}]}";
    assert_eq!(codes(steps(nested))[0], "E503");
    let blocks =
        "blocks: {a: {steps: [b, b, b, b]}, b: {steps: [c, c, c, c]}, c: {steps: [a, relu]}}\n";
    let found = codes(format!("{HEAD}{blocks}body: [a]\n"));
    assert_eq!(found, ["E303", "E303", "E303", "E303", "E503"]);
    let doubling: String = (0..31)
        .map(|n| format!("  b{n}: {{steps: [b{0}, b{0}]}}\n", n + 1))
        .chain(["  b31: {steps: [relu]}\n".to_owned()])
        .collect();
    assert_eq!(codes(format!("{HEAD}blocks:\n{doubling}body: [b0]\n"))[0], "E503");
    // Steps that make no nodes count too.
    assert_eq!(
        codes(steps("repeat: {count: 1000000, steps: [if: {cond: false, then: [relu]}]}"))[0],
        "E503"
    );
    let wide = "repeat: {count: 60, steps: [parallel: {branches: {a: [], b: []}}]}";
    assert_eq!(codes(steps(wide))[0], "E503");
}

#[test]
fn text_in_other_encodings() {
    let utf16 = |swap: bool| -> Vec<u8> {
        let units = steps("relu")
            .encode_utf16()
            .map(|unit| if swap { unit.swap_bytes() } else { unit })
            .collect::<Vec<u16>>();
        units.into_iter().flat_map(u16::to_le_bytes).collect()
    };
    for swap in [false, true] {
        assert_eq!(codes(utf16(swap)), ["E005"]);
        let mark: [u8; 2] = if swap { [0xfe, 0xff] } else { [0xff, 0xfe] };
        assert_eq!(codes([&mark[..], &utf16(swap)].concat()), ["E002"]);
    }
    assert_eq!(codes([b'n', b'a', 0xc3, 0x28]), ["E002"]);
    assert_eq!(codes([0x89, b'P', b'N', b'G', 0x0d, 0x0a]), ["E002"]);
    let with_mark = format!("\u{feff}{}", steps("relu"));
    accepted(with_mark);
    accepted(steps("relu").replace('\n', "\r\n"));
    assert_eq!(codes("name: \u{0}\n"), ["E005"]);
}

#[test]
fn expressions_that_never_end() {
    let width = |expression: &str| steps(&format!("conv: {{kernel: 3, width: \"{expression}\"}}"));
    let nested = |depth: usize| format!("{}$in{}", "(".repeat(depth), ")".repeat(depth));
    let sum = |length: usize| format!("1{}", "+1".repeat(length));
    for (long, short) in [
        (nested(100_000), nested(1_000)),
        (sum(500_000), sum(1_000)),
        (format!("{}$in", "-".repeat(100_000)), format!("{}$in", "-".repeat(1_000))),
        (format!("{}$in", "not ".repeat(100_000)), format!("{}$in", "not ".repeat(1_000))),
    ] {
        assert_eq!(codes(width(&long)), ["E003"]);
        assert_eq!(codes(width(&short)), ["E201"], "{short}");
    }
    assert_eq!(codes(width("$in * 1e300 * 1e300")), ["E108"]);
    assert_eq!(codes(width("max($in, 0 / 0)")), ["E203"]);
    assert_eq!(codes(width("$in // 0.0")), ["E203"]);
}

/// What is short in the file but read ten thousand times.
#[test]
fn steps_that_take_long_again_and_again() {
    let again = |steps: &str| format!("body: [repeat: {{count: 10000, steps: [{steps}]}}]\n");
    let ones = "1, ".repeat(1_300);
    let long = "x".repeat(4_000);
    for (text, expected) in [
        (again(&format!("conv: {{kernel: 1, width: \"max({ones}1)\"}}")), "E503"),
        (again(&long), "E105"),
        (again(&format!("relu {long}")), "E105"),
        (format!("params: {{w: {long}}}\n{}", again("$w")), "E104"),
        (again(&format!("conv: {{kernel: 1, width: 8, norm: {long}}}")), "E109"),
        (again("conf"), "E104"),
        (again("conv: {kernel: $kernel, width: 8}"), "E202"),
        (
            again(&format!("parallel: {{branches: {{a: [], {}}}, join: add}}", branches(9_000))),
            "E503",
        ),
        (
            format!("blocks: {{b: {{params: {{p: [{ones}]}}, steps: [relu $p]}}}}\n{}", again("b")),
            "E105",
        ),
    ] {
        let found = codes(format!("{HEAD}{text}"));
        assert!(found.contains(&expected), "{}: {found:?}", &text[..90]);
        assert!(found.len() <= 3, "{}: {found:?}", &text[..90]);
    }
    let list = format!(
        "blocks: {{b: {{params: {{p}}, steps: [if: {{cond: $p == 1}}]}}}}\n{}",
        again(&format!("b: {{p: [{ones}]}}"))
    );
    assert_eq!(codes(format!("{HEAD}{list}")), ["E503"]);
}

fn branches(count: usize) -> String {
    (0..count).map(|n| format!("b{n}: []")).collect::<Vec<String>>().join(", ")
}

/// A parameter may stand for a list that holds another parameter twice, and so on.
#[test]
fn parameters_that_double() {
    let doubling = |first: &str, next: &dyn Fn(usize) -> String| -> String {
        let next: String = (1..40).map(|n| format!("  p{n}: {}\n", next(n - 1))).collect();
        format!("params:\n  p0: {first}\n{next}")
    };
    let lists = doubling("[1, 2]", &|n| format!("[$p{n}, $p{n}]"));
    accepted(format!("{HEAD}{lists}body: [relu, if: {{cond: $p39 == $p39, then: [relu]}}]\n"));
    let groups = doubling("[relu, relu]", &|n| format!("[group a: $p{n}, group b: $p{n}]"));
    assert_eq!(codes(format!("{HEAD}{groups}body: [group: $p20]\n")), ["E503", "E302"]);
}

#[test]
fn names_that_would_disturb() {
    let escape = failure("name: \"\\e[31m\"\nbdy: []\n\"\\e]0;title\\a\": 1\n");
    let text = escape.to_string();
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    let long = format!("relu {}", "x".repeat(200));
    assert_eq!(codes(steps(&long)), ["E105"]);
    assert_eq!(codes(steps("relu a$b")), ["E105"]);
    for mark in ['\u{202e}', '\u{2066}', '\u{200e}'] {
        let escaped = failure(steps(&format!("\"relu\\u{:04x}gnp\"", u32::from(mark))));
        let raw = failure(steps(&format!("relu{mark}gnp")));
        assert!(!escaped.to_string().contains(mark) && !raw.to_string().contains(mark), "{mark:?}");
    }
}

#[test]
fn not_yaml_at_all() {
    for (text, code) in [
        ("%PDF-1.4", "E005"),
        ("@", "E005"),
        ("\"", "E005"),
        ("'", "E005"),
        ("{", "E005"),
        ("}", "E005"),
        ("]", "E005"),
        ("? ", "E103"),
        (": :", "E005"),
        ("&", "E005"),
        ("*", "E005"),
        ("!", "E009"),
        ("|", "E102"),
        ("---\n...\n---", "E009"),
        ("\t", "E004"),
        ("# a comment", "E004"),
        ("", "E004"),
        ("~", "E004"),
        ("name", "E102"),
    ] {
        assert_eq!(codes(text)[0], code, "{text:?}");
    }
}

/// Nothing that a terminal obeys gets there: not from the text, the file's name or a setting.
#[test]
fn control_characters() {
    for character in ['\0', '\u{7}', '\u{8}', '\u{1b}', '\u{7f}', '\u{9b}'] {
        for text in [steps(&format!("relu{character}[31m")), format!("{HEAD}# {character}[31m\n")] {
            let failure = failure(text);
            assert_eq!(failure.diagnostics[0].code.id(), "E005", "{character:?}");
            assert!(!failure.to_string().contains(character), "{character:?}");
        }
        let name = format!("{character}.yaml");
        let files = Memory::default().with(&name, steps("relux")).with("n.yaml", steps("relu"));
        let named = check(&files, Path::new(&name)).unwrap_err().to_string();
        let setting = format!("a{character}={character}").parse().unwrap();
        let set = load(&files, Path::new("n.yaml"), &[setting]).unwrap_err().to_string();
        assert!(!named.contains(character) && !set.contains(character), "{character:?}");
    }
}

/// A folder of files on disk.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn codes(&self, path: &str) -> Vec<&'static str> {
        match check(&Disk, &self.0.path().join(path)) {
            Ok(_) => Vec::new(),
            Err(failure) => {
                failure.diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect()
            }
        }
    }
}

#[test]
fn paths_that_leave_the_folder() {
    let base = format!("{HEAD}body: [relu]\n");
    let folder = Folder::new(&[
        ("outside.yaml", &base),
        ("in/up.yaml", "name: x\nextends: ../outside.yaml\n"),
        ("in/far.yaml", "name: x\nextends: ../../../../../../../../etc/passwd\n"),
        ("in/absolute.yaml", "name: x\nextends: /etc/passwd\n"),
        ("in/use.yaml", "name: x\nuse: [../outside.yaml]\nbody: [relu]\n"),
        ("in/space.yaml", "space: x\nbase: ../outside.yaml\nvary: {w: {values: [1]}}\n"),
        ("in/beside.yaml", "name: x\nextends: sub/../base.yaml\n"),
        ("in/base.yaml", &base),
        ("in/sub/empty.yaml", ""),
        ("architectures/a.yaml", &base),
        ("architectures/sub/b.yaml", "name: x\nextends: ../a.yaml\n"),
        ("in/spaces/space.yaml", "name: x\nextends: ../base.yaml\n"),
        ("in/spaces/far.yaml", "name: x\nextends: ../../outside.yaml\n"),
    ]);
    assert_eq!(folder.codes("in/spaces/space.yaml"), Vec::<&str>::new());
    assert_eq!(folder.codes("in/spaces/far.yaml").first(), Some(&"E401"));
    for path in ["in/up.yaml", "in/far.yaml", "in/absolute.yaml", "in/use.yaml", "in/space.yaml"] {
        assert_eq!(folder.codes(path).first(), Some(&"E401"), "{path}");
    }
    assert_eq!(folder.codes("in/beside.yaml"), Vec::<&str>::new());
    assert_eq!(folder.codes("architectures/sub/b.yaml"), Vec::<&str>::new());
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder() {
    let base = format!("{HEAD}body: [relu]\n");
    let folder =
        Folder::new(&[("outside.yaml", &base), ("in/link.yaml", "name: x\nextends: base.yaml\n")]);
    let link = folder.0.path().join("in/base.yaml");
    std::os::unix::fs::symlink(folder.0.path().join("outside.yaml"), link).unwrap();
    assert_eq!(folder.codes("in/link.yaml"), ["E401"]);
}

#[test]
fn circles() {
    let folder = Folder::new(&[
        ("a.yaml", "name: a\nextends: b.yaml\n"),
        ("b.yaml", "name: b\nextends: c.yaml\n"),
        ("c.yaml", "name: c\nextends: ./a.yaml\n"),
        ("self.yaml", "name: s\nextends: self.yaml\n"),
        ("lib.yaml", "use: [lib.yaml]\nblocks: {b: {steps: [relu]}}\n"),
        ("uses.yaml", "name: u\nuse: [a.yaml]\nbody: [relu]\n"),
        ("space.yaml", "space: s\nbase: space.yaml\nvary: {w: {values: [1]}}\n"),
    ]);
    assert_eq!(folder.codes("a.yaml"), ["E402"]);
    assert_eq!(folder.codes("self.yaml"), ["E402"]);
    assert_eq!(folder.codes("lib.yaml"), ["E101"]);
    assert_eq!(folder.codes("uses.yaml"), ["E110"]);
    assert_eq!(folder.codes("space.yaml"), ["E402"]);
    let chain: Vec<(String, String)> = (0..40)
        .map(|n| (format!("{n}.yaml"), format!("name: x\nextends: {}.yaml\n", n + 1)))
        .collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|(path, text)| (&**path, &**text)).collect();
    assert_eq!(Folder::new(&chain).codes("0.yaml"), ["E403"]);
}

/// Each file may be large; all together may not.
#[test]
fn many_large_files() {
    let with = |libraries: usize, library: &dyn Fn(usize) -> String| {
        let names: Vec<String> = (0..libraries).map(|n| format!("{n}.yaml")).collect();
        let text = format!("{HEAD}use: [{}]\nbody: [relu]\n", names.join(", "));
        let files = Memory::default().with("n.yaml", text);
        (0..libraries).fold(files, |files, n| files.with(format!("{n}.yaml"), library(n)))
    };
    let blocks = |count: usize| {
        move |file: usize| {
            let block = |n: usize| format!("f{file}b{n}: {{steps: [relu]}}");
            format!("blocks: {{{}}}\n", (0..count).map(block).collect::<Vec<String>>().join(", "))
        }
    };
    let comment = |_| format!("blocks: {{b: {{steps: [relu]}}}} #{}\n", "x".repeat(900_000));
    for (files, expected) in [
        (with(16, &blocks(19_000)), vec!["E403"]),
        (with(63, &blocks(600)), vec![]),
        (with(66, &blocks(1)), vec!["E403"]),
        (with(6, &comment), vec!["E403"]),
        (with(4, &comment), vec![]),
    ] {
        let found = check(&files, Path::new("n.yaml"));
        let found = found.map_or_else(|failure| failure.diagnostics, |_| Vec::new());
        let found: Vec<&str> = found.iter().map(|diagnostic| diagnostic.code.id()).collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn what_is_no_file() {
    let folder = Folder::new(&[("folder.yaml/inside", "")]);
    assert_eq!(folder.codes("folder.yaml"), ["E001"]);
    assert_eq!(folder.codes("missing.yaml"), ["E001"]);
    assert_eq!(folder.codes("missing/missing.yaml"), ["E001"]);
    if Path::new("/dev/zero").exists() {
        let failure = check(&Disk, Path::new("/dev/zero")).unwrap_err();
        assert_eq!(failure.diagnostics[0].code.id(), "E001");
    }
}

/// A disk that refuses, as files do that belong to somebody else.
struct Refusing;

impl Files for Refusing {
    fn read(&self, _: &Path, _: u64) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::PermissionDenied.into())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn working_folder(&self) -> Option<PathBuf> {
        None
    }
}

#[test]
fn a_file_that_may_not_be_read() {
    let failure = check(&Refusing, Path::new("n.yaml")).unwrap_err();
    assert_eq!(failure.diagnostics[0].code.id(), "E001");
    assert!(failure.to_string().contains("permission"), "{failure}");
}

#[test]
fn settings_that_make_no_sense() {
    let files = Memory::default()
        .with(
            "n.yaml",
            format!("{HEAD}params: {{w: 8}}\nbody: [conv a: {{kernel: 3, width: $w}}]\n"),
        )
        .with("s.yaml", "space: s\nbase: n.yaml\nvary: {w: {values: [8, 16]}}\n");
    for (path, setting, code) in [
        ("n.yaml", "v=1", "E601"),
        ("n.yaml", "w=99999999999999999999", "E108"),
        ("n.yaml", "w=[", "E005"),
        ("n.yaml", "w=#", "E004"),
        ("n.yaml", "w=.nan", "E108"),
        ("n.yaml", "a.width=-1", "E108"),
        ("n.yaml", "b.width=1", "E505"),
        ("n.yaml", "input.size=0", "E108"),
        ("s.yaml", "w=12", "E602"),
        ("s.yaml", "x=12", "E601"),
    ] {
        let failure = load(&files, Path::new(path), &[setting.parse().unwrap()]).unwrap_err();
        assert_eq!(failure.diagnostics[0].code.id(), code, "{setting}: {failure}");
    }
}

/// Settings are no files, of which there may be 64.
#[test]
fn points_of_many_variables() {
    let each = |text: &dyn Fn(usize) -> String| -> String { (0..200).map(text).collect() };
    let params = each(&|n| format!("a{n}: 1, "));
    let steps = each(&|n| format!("  - conv: {{kernel: 1, width: $a{n}}}\n"));
    let vary = each(&|n| format!("  a{n}: {{values: [1, 2]}}\n"));
    let base = format!(
        "name: x\nparams: {{{params}}}\ninput: {{channels: 3, size: 8}}\nbody:\n{steps}tail: []\n"
    );
    let space = format!("space: S\nbase: base.yaml\nvary:\n{vary}");
    let files = Memory::default().with("base.yaml", base).with("s.yaml", space);
    let settings: Vec<Setting> = (0..200).map(|n| format!("a{n}=2").parse().unwrap()).collect();
    let loaded = load(&files, Path::new("s.yaml"), &settings).unwrap();
    let graph = loaded.architecture.graph;
    let widths: Vec<u32> = graph.nodes().skip(1).map(|(_, node)| node.shape.channels()).collect();
    assert_eq!(widths, vec![2; 400]);
}

/// Long lists of everything: work that grows with the square of them would not end.
#[test]
fn long_lists() {
    let list = |count: usize, item: &dyn Fn(usize) -> String| -> String {
        (0..count).map(item).collect::<Vec<String>>().join(", ")
    };
    accepted(steps(&list(40_000, &|_| "relu".to_owned())));
    let branches = list(30_000, &|n| format!("b{n}: []"));
    accepted(steps(&format!("parallel: {{branches: {{{branches}}}}}")));
    let blocks = list(8_000, &|n| format!("b{n}: {{steps: [relu]}}"));
    let calls = list(8_000, &|n| format!("b{n}"));
    accepted(format!("{HEAD}blocks: {{{blocks}}}\nbody: [{calls}]\n"));
    let heads = list(8_000, &|n| format!("{{name: q{n}, after: a, steps: [gap]}}"));
    accepted(format!(
        "{HEAD}body: [relu a, repeat: {{count: 30000, steps: [relu]}}]\nauxiliary: [{heads}]\n"
    ));
    let set = list(19_000, &|n| format!("r/{}/conv: {{width: 5}}", n + 1));
    let repeat = "repeat r: {count: 19000, steps: [conv: {kernel: 1, width: 4}]}";
    accepted(format!("{HEAD}body: [{repeat}]\nset: {{{set}}}\n"));

    let keys = list(49_000, &|n| format!("k{n}: 1"));
    assert_eq!(failure(format!("{{{keys}}}")).diagnostics.len(), 100);
    assert_eq!(failure(steps(&format!("relu: {{{keys}}}"))).diagnostics.len(), 100);
    let none = list(19_000, &|n| format!("s{n}: {{width: 5}}"));
    assert_eq!(
        failure(format!("{HEAD}body: [{repeat}]\nset: {{{none}}}\n")).diagnostics.len(),
        100
    );
    let unused = list(500, &|n| format!("p{n}: 1"));
    assert_eq!(
        failure(format!("{HEAD}params: {{{unused}}}\nbody: [relu]\n")).diagnostics.len(),
        100
    );
    let many = list(20_000, &|n| format!("p{n}: $p{}", n + 1));
    assert_eq!(codes(format!("{HEAD}params: {{{many}}}\nbody: [relu $p0]\n")), ["E007"]);
    let block = format!("blocks: {{b: {{params: {{{many}}}, steps: [relu]}}}}");
    assert!(codes(format!("{HEAD}{block}\nbody: [b]\n")).contains(&"E007"));
    assert_eq!(failure(steps(&list(60_000, &|_| "conf".to_owned()))).diagnostics.len(), 100);
    let heads = list(8_000, &|n| format!("{{name: b{n}, after: x/{n}, steps: [relu]}}"));
    let lost = format!("body: [repeat: {{count: 30000, steps: [relu]}}]\nauxiliary: [{heads}]\n");
    assert_eq!(failure(format!("{HEAD}{lost}")).diagnostics.len(), 100);
}

/// The two parsers read a question mark without a space differently. Found by fuzzing.
#[test]
fn keys_that_are_the_same_to_one_parser_only() {
    assert_eq!(codes("b's: {conv3: ,?conv3: }"), ["E005"]);
    assert_eq!(codes(format!("{HEAD}params: {{conv3: 3, ?conv3: 4}}\n")), ["E005"]);
}

/// A hundred mistakes on a line of a megabyte name their places, and not the line a hundred times.
#[test]
fn mistakes_on_a_line_without_end() {
    let joins = "{parallel: {branches: {a: [], b: []}, join: sum}}, ".repeat(150);
    let text = format!("{HEAD}body: [{joins}] # {}\n", "x".repeat(900_000));
    let text = failure(text).render(inceptive_dsl::Style::Plain);
    assert!(text.contains("--> n.yaml:4:") && text.len() < 100_000, "{}", text.len());
}

#[test]
fn invisible_letters_are_shown() {
    let text = failure(format!("{HEAD}body: [conv: {{kernel: 1, width: 1, x\u{e0041}: 1}}]\n"));
    assert!(!text.render(inceptive_dsl::Style::Plain).contains('\u{e0041}'));
}
