//! What people read.

use crate::{inceptive, stdout};

#[test]
fn a_card() {
    insta::assert_snapshot!(stdout("cost architectures/googlenet-bn.yaml"));
}

#[test]
fn a_table() {
    insta::assert_snapshot!(stdout(
        "cost architectures/module-naive.yaml architectures/module-reduced.yaml --convention torch"
    ));
}

#[test]
fn layers() {
    insta::assert_snapshot!(stdout("cost --by layer architectures/module-reduced.yaml"));
}

#[test]
fn modules() {
    insta::assert_snapshot!(stdout("cost --by module architectures/googlenet.yaml"));
}

#[test]
fn branches() {
    insta::assert_snapshot!(stdout("cost --by module --depth 2 architectures/module-reduced.yaml"));
}

#[test]
fn operators() {
    insta::assert_snapshot!(stdout("cost --by op architectures/googlenet.yaml"));
}

#[test]
fn a_reconciliation() {
    let text = stdout("cost --reconcile fvcore,ptflops architectures/squeezenet1_1.yaml");
    insta::assert_snapshot!(text);
}

#[test]
fn a_diff() {
    insta::assert_snapshot!(stdout(
        "diff architectures/module-naive.yaml architectures/module-reduced.yaml"
    ));
}

#[test]
fn nodes_shown() {
    insta::assert_snapshot!(stdout("show architectures/module-reduced.yaml"));
}

#[test]
fn modules_shown() {
    insta::assert_snapshot!(stdout("show --depth 1 architectures/googlenet.yaml"));
}

/// Help that nobody gets is a failure, as other output is.
#[cfg(target_os = "linux")]
#[test]
fn help_on_a_full_disk_fails() {
    for arguments in [&["help"][..], &["--help"], &["--version"], &["cost", "--help"], &["explain"]]
    {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_inceptive"))
            .args(arguments)
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(1), "{arguments:?}: {run:?}");
        assert!(!run.stderr.is_empty(), "{arguments:?}");
    }
}

/// A point of a space as a file of its own.
#[test]
fn a_network_as_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("half.yaml");
    let point = "architectures/spaces/googlenet-widths.yaml --set width=0.5";
    inceptive(&format!("show {point} --format yaml -o")).arg(&file).assert().success();
    let alone = inceptive("cost --json").arg(&file).assert().success().get_output().clone();
    let alone: serde_json::Value = serde_json::from_slice(&alone.stdout).unwrap();
    let space = crate::json(&format!("cost --json {point}"));
    assert_eq!(alone[0]["fingerprint"], space[0]["fingerprint"]);
}

#[test]
fn settings_are_checked() {
    let path = "architectures/densenet121.yaml";
    let plain = stdout(&format!("check {path}"));
    assert_ne!(plain, stdout(&format!("check {path} --set dense1=3")));
    inceptive(&format!("check {path} --set dense=3")).assert().code(1);
}

#[test]
fn checks() {
    insta::assert_snapshot!(stdout(
        "check architectures/googlenet.yaml architectures/blocks/residual.yaml \
         architectures/spaces/inception-v3-scaling.yaml recipes/quick.yaml"
    ));
}

#[test]
fn codes_are_explained() {
    let all = stdout("explain");
    assert!(all.lines().count() > 20, "{all}");
    for line in all.lines() {
        let code = line.split_whitespace().next().unwrap();
        let text = stdout(&format!("explain {code}"));
        assert!(text.starts_with(code) && text.lines().count() >= 3, "{text}");
    }
}

#[test]
fn help_starts_with_examples() {
    for command in [
        "",
        "check",
        "cost",
        "diff",
        "show",
        "report",
        "gui",
        "bench",
        "run",
        "profile",
        "results",
        "results list",
        "data",
        "data list",
        "data get",
        "data check",
        "engines",
        "export",
        "import",
        "schema",
        "explain",
        "completions",
    ] {
        let help = stdout(&format!("{command} --help"));
        let [example, usage] = ["\nExample", "\nUsage:"].map(|heading| help.find(heading).unwrap());
        assert!(example < usage, "{command}: {help}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(stdout(&format!("completions {shell}")).contains("inceptive"), "{shell}");
    }
}

/// Names in scripts with wide letters, and without any letters that move, keep the columns in line.
#[test]
fn columns_line_up_in_every_script() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "
name: 网络 Сеть شبكة
input: {channels: 3, size: 8}
body:
  - conv 卷积: {kernel: 1, width: 4}
  - conv свёртка: {kernel: 1, width: 4}
  - conv e\u{301}: {kernel: 1, width: 4}
tail: []
";
    let file = folder.path().join("network.yaml");
    std::fs::write(&file, yaml).unwrap();
    let output = inceptive("cost --by layer").arg(&file).assert().success().get_output().clone();
    let text = String::from_utf8(output.stdout).unwrap();
    use unicode_width::UnicodeWidthStr;
    let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("layer")).collect();
    let place = |line: &str, word: &str| line[..line.find(word).unwrap()].width();
    let op = place(table[0], "op");
    for row in table.iter().filter(|line| line.contains("4x8x8")) {
        let word = if row.contains("relu") { "relu " } else { "conv " };
        let last = row.match_indices(word).last().unwrap().0;
        assert_eq!(row[..last].width(), op, "{row}");
    }
}

#[test]
fn a_reader_may_leave() {
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_inceptive"))
        .current_dir(crate::root())
        .args(["cost", "--json"])
        .args(crate::architectures())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
