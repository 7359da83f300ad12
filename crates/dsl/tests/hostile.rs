//! Files that nobody wrote in good faith, or that are no architectures at all. Each gets its diagnostic;
//! nothing panics, and nothing takes long (these tests would time out, not fail).

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use inceptive_dsl::{Disk, Failure, Files, Memory, check, load};

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
        let codes = codes(text);
        assert!(matches!(codes[..], ["E006" | "E005"]), "{codes:?}");
    }
}

#[test]
fn numbers_without_meaning() {
    for number in [
        "0",
        "-1",
        "18446744073709551616",
        "99999999999999999999999999",
        "9223372036854775807",
        "1e308",
        "1e999",
        ".inf",
        "-.inf",
        ".nan",
        "0x7fffffffffffffff",
        "1048577",
        "0.5",
    ] {
        for key in ["width", "kernel", "stride", "dilation", "groups"] {
            let step = match key {
                "width" => format!("conv: {{kernel: 3, width: {number}}}"),
                "kernel" => format!("conv: {{kernel: {number}, width: 8}}"),
                _ => format!("conv: {{kernel: 3, width: 8, {key}: {number}}}"),
            };
            let found = codes(steps(&step));
            let known = matches!(found[..], ["E108" | "E204" | "E102"]);
            assert!(known, "{key} {number}: {found:?}");
        }
        let input =
            format!("name: x\ninput: {{channels: 3, size: {number}}}\nbody: [relu]\ntail: []\n");
        let found = codes(input);
        assert!(matches!(found[..], ["E108" | "E204" | "E102"]), "size {number}: {found:?}");
    }
}

#[test]
fn numbers_at_the_border_of_what_is_possible() {
    for step in [
        "conv: {kernel: 1048576, width: 8}",
        "conv: {kernel: 3, width: 8, dilation: 1048576}",
        "conv: {kernel: 3, width: 8, stride: 1048576}",
        "conv: {kernel: 3, width: 1048576, pad: 1048576}",
        "maxpool: {kernel: 1048575, stride: 1048576, pad: 1048576}",
        "adaptive_avgpool: {size: 1048576}",
        "lrn: {size: 1048576}",
        "shuffle: {groups: 1048576}",
        "repeat: {count: 1048576, steps: []}",
        "dropout: {p: 1}",
    ] {
        let files = Memory::default().with("n.yaml", steps(step));
        if let Err(failure) = load(&files, Path::new("n.yaml"), &[]) {
            assert!(!failure.diagnostics.is_empty(), "{step}");
        }
    }
}

#[test]
fn networks_without_end() {
    assert_eq!(codes(steps("repeat: {count: 1000000, steps: [relu]}"))[0], "E503");
    let nested = "repeat: {count: 1000, steps: [repeat: {count: 1000, steps: [repeat: {count: 1000, steps: [relu]}]}]}";
    assert_eq!(codes(steps(nested))[0], "E503");
    let blocks =
        "blocks: {a: {steps: [b, b, b, b]}, b: {steps: [c, c, c, c]}, c: {steps: [a, relu]}}\n";
    assert_eq!(codes(format!("{HEAD}{blocks}body: [a]\n"))[0], "E503");
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
    assert_eq!(codes([0xff, 0xfe, b'n', 0]), ["E002"]);
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
    let deep = format!("{}$in{}", "(".repeat(100_000), ")".repeat(100_000));
    assert_eq!(codes(width(&deep)), ["E201"]);
    assert_eq!(codes(width(&format!("{}$in", "-".repeat(100_000)))), ["E201"]);
    assert_eq!(codes(width(&format!("{}$in", "not ".repeat(100_000)))), ["E201"]);
    let long = codes(width(&format!("$in{}", " + 1".repeat(200_000))));
    assert!(matches!(long[..], ["E201" | "E108"]), "{long:?}");
    assert_eq!(codes(width("$in * 1e300 * 1e300"))[0], "E108");
    assert_eq!(codes(width("max($in, 0 / 0)")), ["E203"]);
    assert_eq!(codes(width("$in // 0.0")), ["E203"]);
}

#[test]
fn names_that_would_disturb() {
    let escape = failure("name: \"\\e[31m\"\nbdy: []\n\"\\e]0;title\\a\": 1\n");
    let text = escape.to_string();
    assert!(!text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    let long = format!("relu {}", "x".repeat(200));
    assert_eq!(codes(steps(&long)), ["E105"]);
    assert_eq!(codes(steps("relu a$b")), ["E105"]);
    let right_to_left = failure(steps("\"relu\\u202egnp\""));
    assert!(!right_to_left.to_string().contains('\u{202e}'));
}

#[test]
fn not_yaml_at_all() {
    for text in [
        "%PDF-1.4",
        "@",
        "\"",
        "'",
        "{",
        "}",
        "]",
        "? ",
        ": :",
        "&",
        "*",
        "!",
        "|",
        "---\n...\n---",
        "\t",
    ] {
        let found = codes(text);
        assert!(!found.is_empty(), "{text:?}");
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
    ]);
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
    ]);
    assert_eq!(folder.codes("a.yaml"), ["E402"]);
    assert_eq!(folder.codes("self.yaml"), ["E402"]);
    assert!(!folder.codes("lib.yaml").is_empty());
    let chain: Vec<(String, String)> = (0..40)
        .map(|n| (format!("{n}.yaml"), format!("name: x\nextends: {}.yaml\n", n + 1)))
        .collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|(path, text)| (&**path, &**text)).collect();
    assert_eq!(Folder::new(&chain).codes("0.yaml"), ["E402"]);
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
        ("n.yaml", "w=99999999999999999999", "E005"),
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
    let unused = list(20_000, &|n| format!("p{n}: 1"));
    assert_eq!(
        failure(format!("{HEAD}params: {{{unused}}}\nbody: [relu]\n")).diagnostics.len(),
        100
    );
    let block = format!("blocks: {{b: {{params: {{{unused}}}, steps: [relu]}}}}");
    let calls = "repeat: {count: 30000, steps: [b]}";
    assert!(!codes(format!("{HEAD}{block}\nbody: [{calls}]\n")).is_empty());
}
