//! `inceptive data`.

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

use crate::{inceptive, root};

/// `inceptive data` with a data folder of its own.
fn data(folder: &Path, arguments: &str) -> Command {
    let mut command = inceptive(&format!("data {arguments}"));
    command.env("INCEPTIVE_DATA", folder);
    command
}

fn stdout(folder: &Path, arguments: &str) -> String {
    let output = data(folder, arguments).assert().success().get_output().clone();
    String::from_utf8(output.stdout).unwrap()
}

fn stderr_of_failure(folder: &Path, arguments: &str, code: i32) -> String {
    let output = data(folder, arguments).assert().code(code).get_output().clone();
    assert!(output.stdout.is_empty(), "{arguments}");
    String::from_utf8(output.stderr).unwrap()
}

/// Four IDX files with 20 training and 10 test images, in the folder of MNIST.
fn mnist(folder: &Path) {
    let folder = folder.join("mnist");
    fs::create_dir_all(&folder).unwrap();
    for (name, count) in [("train", 20_u32), ("t10k", 10)] {
        let images = [0x803, count, 2, 2].map(u32::to_be_bytes).concat();
        let images = [images, vec![51; 4 * count as usize]].concat();
        fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images).unwrap();
        let labels = [0x801, count].map(u32::to_be_bytes).concat();
        let labels = [labels, (0..count as u8).map(|index| index % 10).collect()].concat();
        fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
}

#[test]
fn the_list_says_where_data_sets_are() {
    let folder = tempfile::tempdir().unwrap();
    mnist(folder.path());
    let list = stdout(folder.path(), "list");
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("mnist").ends_with(&folder.path().join("mnist").display().to_string()), "{list}");
    assert!(line("cifar100").ends_with("- (inceptive data get cifar100)"), "{list}");
    assert!(line("shapes").contains("generated"), "{list}");
    let sets: Vec<Value> = serde_json::from_str(&stdout(folder.path(), "list --json")).unwrap();
    let names: Vec<&str> = sets.iter().map(|set| set["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["fashion-mnist", "mnist", "cifar10", "cifar100", "shapes"]);
    assert_eq!(sets[1]["found"], folder.path().join("mnist").display().to_string());
    assert_eq!(sets[2]["found"], Value::Null);
    assert_eq!(sets[2]["shape"], serde_json::json!([3, 32, 32]));
}

#[test]
fn a_data_set_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    mnist(folder.path());
    let text = stdout(folder.path(), "check mnist");
    for part in [
        "20 training, 10 test, 1x2x2",
        "0.2000",
        "t10k-labels-idx1-ubyte",
        "not compressed as published",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let document: Value =
        serde_json::from_str(&stdout(folder.path(), "check mnist --json")).unwrap();
    assert_eq!(document["classes"][3], serde_json::json!({ "name": "3", "train": 2, "test": 1 }));
    assert_eq!(document["mean"], serde_json::json!([0.2]));
    assert_eq!(document["std"], serde_json::json!([0.0]));
    assert_eq!(document["files"].as_array().unwrap().len(), 4);
    let path = folder.path().join("mnist");
    let named = stdout(Path::new("/nowhere"), &format!("check idx={} --json", path.display()));
    let named: Value = serde_json::from_str(&named).unwrap();
    assert_eq!(named["fingerprint"], document["fingerprint"]);
    let other = format!("check fashion-mnist={}", path.display());
    let other = data(Path::new("/nowhere"), &other).assert().code(1).get_output().clone();
    assert!(String::from_utf8(other.stdout).unwrap().contains(", not as published"));
    fs::write(path.join("t10k-images-idx3-ubyte"), [0, 0, 8, 3, 0, 0]).unwrap();
    let error = stderr_of_failure(folder.path(), "check mnist", 1);
    assert!(
        error.ends_with("t10k-images-idx3-ubyte`, byte 6: the file ends after 6 of 16 bytes\n"),
        "{error}"
    );
}

#[test]
fn shapes_need_no_files() {
    let document = stdout(Path::new("/nowhere"), "check shapes:train=20,test=10 --json");
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["name"], "shapes:size=28,channels=1,train=20,test=10,seed=1");
    assert_eq!(document["classes"][9]["name"], "checked ring");
    assert_eq!(document["path"], Value::Null);
}

#[test]
fn a_download_is_described_before_it_starts() {
    let folder = tempfile::tempdir().unwrap();
    let output = data(folder.path(), "get cifar10 --dry-run").assert().success();
    let text = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(text.starts_with("CIFAR-10: 162.17 MiB to download into "), "{text}");
    assert!(text.contains("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    let error = stderr_of_failure(folder.path(), "get mnist --mirror http://127.0.0.1:1/x/", 1);
    assert!(error.contains("http://127.0.0.1:1/x/train-images-idx3-ubyte.gz`: "), "{error}");
    mnist(folder.path());
    let output = data(folder.path(), "get mnist").assert().success();
    let text = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    assert!(text.ends_with("there is nothing to download\n"), "{text}");
}

#[test]
fn a_download_is_described_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let describe = || -> Value {
        serde_json::from_str(&stdout(folder.path(), "get mnist --dry-run --json")).unwrap()
    };
    let document = describe();
    assert_eq!(document["name"], "mnist");
    assert_eq!(document["folder"], folder.path().join("mnist").display().to_string());
    assert_eq!(document["download_bytes"], 11_594_722);
    assert_eq!(document["files"][3]["state_before"], "missing");
    assert_eq!(document["files"][3]["download_bytes"], 4542);
    let url = "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz";
    assert_eq!(document["files"][3]["url"], url);
    mnist(folder.path());
    let document = describe();
    assert_eq!(
        (&document["download_bytes"], &document["files"]),
        (&0.into(), &Value::Array(vec![]))
    );
}

/// Neither a `curl` in the working folder is started, nor one in a relative folder.
#[test]
#[cfg(unix)]
fn downloads_need_curl_in_an_absolute_folder() {
    let folder = tempfile::tempdir().unwrap();
    let trap = root().join("crates/data/tests/curl");
    let mut command = data(folder.path(), "get mnist --mirror https://silent.example.org");
    let output = command.current_dir(trap).env("PATH", ".:../curl:").assert().code(1);
    let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
    let target = folder.path().join("mnist/train-images-idx3-ubyte.gz").display().to_string();
    assert!(error.contains("install it, or save the file as"), "{error}");
    assert!(error.contains(&target), "{error}");
}

/// An interrupt ends `curl`, and keeps what came.
#[test]
#[cfg(unix)]
fn an_interrupted_download_is_kept() {
    use std::{
        process::{Command, Stdio},
        thread,
        time::{Duration, Instant},
    };
    let folder = tempfile::tempdir().unwrap();
    let sent = folder.path().join("sent/train-images-idx3-ubyte.gz");
    fs::create_dir(folder.path().join("sent")).unwrap();
    fs::write(&sent, vec![7; 150_000]).unwrap();
    let path = root().join("crates/data/tests/curl").display().to_string();
    let path = format!("{path}:{}", std::env::var("PATH").unwrap());
    let child = Command::new(env!("CARGO_BIN_EXE_inceptive"))
        .args(["data", "get", "mnist", "--json", "--mirror"])
        .arg(format!("https://stalled{}/sent", folder.path().display()))
        .env("INCEPTIVE_DATA", folder.path())
        .env("PATH", path)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let part = folder.path().join("mnist/train-images-idx3-ubyte.gz.part");
    let size = || fs::metadata(&part).map_or(0, |about| about.len());
    let asked = Instant::now();
    while size() < 100_000 {
        assert!(asked.elapsed() < Duration::from_secs(20), "nothing comes");
        thread::sleep(Duration::from_millis(20));
    }
    let kill = |signal: &str, process: &str| {
        let mut kill = Command::new("kill");
        kill.args([signal, process]).stderr(Stdio::null()).status().unwrap().success()
    };
    assert!(kill("-INT", &child.id().to_string()));
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(1), Vec::new()), "{error}");
    assert!(error.contains("stopping: downloaded bytes are kept"), "{error}");
    assert!(error.ends_with("stopped; run the command again to resume\n"), "{error}");
    let process = fs::read_to_string(sent.with_extension("gz.process")).unwrap();
    assert!(!kill("-0", process.trim()), "curl goes on");
    assert_eq!(size(), 100_000);
}

#[test]
fn wrong_names_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let error = stderr_of_failure(folder.path(), "check fashion_mnist", 2);
    assert!(error.contains("did you mean `fashion-mnist`?"), "{error}");
    let error = stderr_of_failure(folder.path(), "get shapes", 1);
    assert!(error.contains("cannot be downloaded"), "{error}");
    let error = stderr_of_failure(folder.path(), "check cifar10", 1);
    assert!(error.contains("`inceptive data get cifar10` downloads it"), "{error}");
}
