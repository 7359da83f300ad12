//! Input that is wrong or hostile, through the program.

use std::{fs, path::PathBuf};

use crate::inceptive;

/// Checks a file with this content; the messages, with the folder's name taken out.
fn check(content: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.yaml");
    fs::write(&file, content).unwrap();
    messages(&file)
}

fn messages(path: &PathBuf) -> String {
    let assert = inceptive("check").arg(path).assert().code(1).stdout("");
    let text = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    let folder = path.parent().unwrap().to_string_lossy().into_owned();
    text.replace(&format!("{folder}/"), "").replace(&folder, ".")
}

#[test]
fn several_mistakes_at_once() {
    insta::assert_snapshot!(check(
        b"name: Broken
input: {channels: 3, size: 32}
clases: 10
body:
  - conv: {kernel: 3, widht: 16}
  - maxpol: {kernel: 2, stride: 2}
  - conv c2: {kernel: 3, width: many}
tail: gap
"
    ));
}

#[test]
fn shapes_that_do_not_fit() {
    insta::assert_snapshot!(check(
        b"name: Broken
input: {channels: 3, size: 32}
body:
  - parallel split:
      branches:
        a: [conv: {kernel: 3, width: 16, stride: 2}]
        b: [conv: {kernel: 3, width: 16}]
tail: []
"
    ));
}

/// Errors of many files are counted, and no file is left out of what is computed.
#[test]
fn errors_of_many_files_are_printed_up_to_a_limit() {
    let folder = tempfile::tempdir().unwrap();
    let broken = "name: B\ninput: {channels: 3, size: 32}\nclases: 1\nbody: [gapp]\n";
    let good = "name: G\ninput: {channels: 3, size: 32}\nbody: [gap]\ntail: []\n";
    for at in 0..300 {
        // An ONNX file has one error.
        let name = if at % 3 == 0 { "onnx" } else { "yaml" };
        fs::write(folder.path().join(format!("b{at:03}.{name}")), broken).unwrap();
    }
    fs::write(folder.path().join("good.yaml"), good).unwrap();
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for arguments in ["check", "cost --json", "report"] {
        let mut command = inceptive(arguments);
        let output = command.args(&files).current_dir(folder.path()).output().unwrap();
        let (said, shown) =
            [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes)).into();
        let count = said.lines().filter(|line| line.starts_with("error")).count();
        assert!((100..110).contains(&count), "{arguments}: {count}");
        let more = 200 * 2 + 100 - count;
        let line = format!(
            "{more} more errors are not shown; run the command on one file to see all of its errors"
        );
        assert!(said.lines().any(|said| said == line), "{arguments}: {line}: {said}");
        assert!(shown.contains("good") || shown.contains('G'), "{arguments}: {shown}");
        assert_eq!(output.status.code(), Some(1));
    }
    let alone = inceptive("check").arg(&files[1]).output().unwrap();
    let alone = String::from_utf8(alone.stderr).unwrap();
    assert!(!alone.contains("not shown"), "{alone}");
}

#[test]
fn a_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!(messages(&folder.path().join("missing.yaml")));
}

#[test]
fn a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("folder.yaml");
    fs::create_dir(&path).unwrap();
    insta::assert_snapshot!(messages(&path));
}

#[test]
fn a_mistyped_file() {
    let assert = inceptive("cost architectures/googlnet.yaml").assert().code(1);
    let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(said.contains("did you mean `architectures/googlenet.yaml`?"), "{said}");
}

#[test]
fn an_unknown_setting() {
    let assert = inceptive("cost architectures/googlenet.yaml --set 4a.c9=256").assert().code(1);
    insta::assert_snapshot!(String::from_utf8(assert.get_output().stderr.clone()).unwrap());
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text =
        check(b"name: \"\\e[31mred\"\ninput: {channels: 3, size: 8}\nbody: [relu \x1b[31m]\n");
    assert!(!text.contains('\u{1b}'), "{text:?}");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("network.yaml");
    fs::write(
        &file,
        "name: \"\\e[31mred\\nline\"\ninput: {channels: 3, size: 8}\nbody: [relu]\ntail: []\n",
    )
    .unwrap();
    for command in ["cost", "show", "check", "cost --by layer"] {
        let output = inceptive(command).arg(&file).assert().get_output().clone();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains('\u{1b}'), "{command}: {text:?}");
    }
}

/// File names are names too.
#[cfg(unix)]
#[test]
fn control_characters_of_file_names_do_not_reach_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("esc\u{1b}[31m\nred\u{202e}.yaml");
    let yaml = "name: x\ninput: {channels: 3, size: 8}\nbody: [relu]\ntail: []\n";
    for (content, code) in [(yaml, 0), ("name: y\n", 1)] {
        fs::write(&file, content).unwrap();
        for command in ["check", "cost", "show", "diff architectures/nin.yaml"] {
            let assert = inceptive(command).arg(&file).assert().code(code);
            let output = assert.get_output();
            let text = String::from_utf8([&output.stdout[..], &output.stderr].concat()).unwrap();
            assert!(!text.contains(['\u{1b}', '\u{202e}']), "{command}: {text:?}");
            assert!(!text.contains("[31m\nred"), "{command}: {text:?}");
        }
    }
}

#[test]
fn errors_that_are_not_shown_are_told_of() {
    let steps = vec!["relux"; 3000].join(", ");
    let text =
        check(format!("name: x\ninput: {{channels: 3, size: 8}}\nbody: [{steps}]\n").as_bytes());
    assert!(text.contains("the first 100 errors, there may be more"), "{text}");
}

#[test]
fn hostile_files_are_refused() {
    let deep = "[".repeat(10_000);
    let bomb: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
    let many = "name: x\ninput: {channels: 3, size: 8}\nbody:\n  - repeat: {count: 1000000, steps: [relu]}\n";
    for content in [
        deep.into_bytes(),
        format!("a0: &a0 x\n{bomb}").into_bytes(),
        many.as_bytes().to_vec(),
        vec![b' '; 100_000_000],
        vec![0xff, 0xfe, 0x00],
        Vec::new(),
    ] {
        let text = check(&content);
        assert!(text.contains("error[E"), "{text}");
    }
}
