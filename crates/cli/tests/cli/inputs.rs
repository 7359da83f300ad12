//! Files that are read are regular files of limited size. Anything else is refused at once: a device never ends, a pipe
//! waits for whoever writes to it, and a file of terabytes fills the memory.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::Path,
    process::Command,
    time::Duration,
};

use crate::inceptive;

/// Longer than any refusal takes, on a machine that does something else too.
const PATIENCE: Duration = Duration::from_secs(60);

const NETWORK: &str = "name: small\ninput: {channels: 3, size: 16}\nclasses: 10\nbody:\n  - conv first: {kernel: 3, width: 8}\ntail: gap\n";

/// A table as timm's `benchmark.py` writes it.
const TABLE: &str = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count\n\
                     resnet50,224,100.5,9.95,1,25.56\n";

/// What no input may be, with what is said of it.
const KINDS: [(&str, &str); 4] = [
    ("device", "it is a device, not a regular file"),
    ("pipe", "it is a pipe, not a regular file"),
    ("folder", "it is a folder"),
    ("sparse", "larger than"),
];

/// Makes one of each kind with such an ending.
fn make_kinds(folder: &Path, ending: &str) {
    let path = |kind: &str| folder.join(format!("{kind}.{ending}"));
    symlink("/dev/zero", path("device")).unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe")).status().unwrap().success());
    fs::create_dir(path("folder")).unwrap();
    File::create(path("sparse")).unwrap().set_len(1 << 42).unwrap();
}

/// What a command that fails says, within the time that it may take.
fn refusal(folder: &Path, arguments: &str) -> String {
    let mut command = inceptive(arguments);
    let assert = command.current_dir(folder).timeout(PATIENCE).assert().code(1);
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

/// Runs commands with each kind in the place of `KIND`.
fn check(ending: &str, commands: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.yaml"), NETWORK).unwrap();
    make_kinds(folder.path(), ending);
    for command in commands {
        for (kind, expected) in KINDS {
            let said =
                refusal(folder.path(), &command.replace("KIND", &format!("{kind}.{ending}")));
            assert!(said.contains(expected), "{command} with a {kind}: {said}");
            assert!(said.contains(&format!("{kind}.{ending}")), "{command} with a {kind}: {said}");
        }
    }
}

#[test]
fn networks_in_yaml() {
    check(
        "yaml",
        &[
            "cost KIND",
            "check KIND",
            "diff small.yaml KIND",
            "bench KIND",
            "export KIND -o out.onnx",
        ],
    );
}

#[test]
fn networks_in_onnx() {
    check("onnx", &["cost KIND", "import KIND", "show KIND", "bench KIND", "run KIND"]);
}

#[test]
fn weights_and_images() {
    check(
        "safetensors",
        &[
            "export small.yaml --weights KIND -o out.onnx",
            "bench small.yaml --weights KIND",
            "run small.yaml --input KIND",
        ],
    );
}

#[test]
fn tables_of_others() {
    check("csv", &["results import KIND"]);
}

/// A folder is no store in other words.
#[test]
fn stores() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.yaml"), NETWORK).unwrap();
    fs::write(folder.path().join("table.csv"), TABLE).unwrap();
    inceptive("results import table.csv --store into.db")
        .current_dir(folder.path())
        .assert()
        .success();
    make_kinds(folder.path(), "db");
    for command in [
        "results list --store KIND",
        "results export csv --store KIND",
        "results merge into.db KIND",
        "results merge KIND into.db",
        "bench small.yaml --store KIND",
        "report small.yaml --store KIND --out page",
    ] {
        for (kind, expected) in KINDS {
            let expected = if kind == "folder" { "is not a results store" } else { expected };
            let name = format!("{kind}.db");
            let mut run = inceptive(&command.replace("KIND", &name));
            let assert = run.current_dir(folder.path()).timeout(PATIENCE).assert();
            let said = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
            // The device is reached by a link, and nothing is written through one.
            let is_refused =
                said.contains(expected) || said.contains("nothing is written through links");
            assert!(is_refused && said.contains(&name), "{command}: {said}");
        }
    }
}

#[test]
fn reports_that_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small.yaml"), NETWORK).unwrap();
    make_kinds(folder.path(), "json");
    for (kind, expected) in KINDS.into_iter().filter(|(kind, _)| *kind != "folder") {
        let said = refusal(folder.path(), &format!("report --diff {kind}.json small.yaml"));
        assert!(said.contains(expected), "{kind}: {said}");
    }
}

/// What a pipe gives has to be saved first; standard input that is a regular file can be read.
#[test]
fn standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let mut piped = inceptive("results import /dev/stdin");
    let assert = piped.current_dir(folder.path()).write_stdin(TABLE).timeout(PATIENCE).assert();
    let said = String::from_utf8(assert.code(1).get_output().stderr.clone()).unwrap();
    assert!(said.contains("it is a pipe, not a regular file; save its content"), "{said}");

    let file = folder.path().join("table.csv");
    fs::write(&file, TABLE).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_inceptive"))
        .args(["results", "import", "/dev/stdin"])
        .current_dir(folder.path())
        .stdin(File::open(&file).unwrap())
        .status();
    assert!(status.unwrap().success());
}
