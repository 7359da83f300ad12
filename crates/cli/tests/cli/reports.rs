//! `inceptive report`.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{architectures, inceptive, root};

/// The files of a folder by name.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(path).unwrap())
        })
        .collect()
}

/// `inceptive report` into a folder, with a store that is not there.
fn report(out: &Path) -> assert_cmd::Command {
    let mut command = inceptive("report --store");
    command.arg(out.join("no.db")).arg("--out").arg(out);
    command
}

fn data(out: &Path) -> Value {
    serde_json::from_slice(&fs::read(out.join("data.json")).unwrap()).unwrap()
}

#[test]
fn a_report_has_all_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a/b");
    let run = || {
        report(&out).args(architectures()).assert().success();
        files(&out)
    };
    let first = run();
    for name in ["index.html", "report.md", "data.csv", "data.json", "accuracy-macs.svg"] {
        assert!(first.contains_key(name), "{name}");
    }
    assert!(run() == first, "the same input gives the same bytes");
}

#[test]
fn data_agree_with_the_counts() {
    let folder = tempfile::tempdir().unwrap();
    let path = "architectures/googlenet-bn.yaml";
    report(folder.path()).arg(path).assert().success();
    let csv = fs::read_to_string(folder.path().join("data.csv")).unwrap();
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let header = rows.headers().unwrap().clone();
    let row = rows.records().next().unwrap().unwrap();
    let value =
        |name: &str| row.get(header.iter().position(|known| known == name).unwrap()).unwrap();
    assert_eq!(value("params"), "6624904");
    assert_eq!(value("macs"), "1498376192");
    assert_eq!(value("published_top1"), "69.778");
    let data = data(folder.path());
    let data = &data["candidates"][0];
    let counted = crate::json(&format!("cost --json {path}"));
    for key in ["name", "file", "fingerprint", "input", "params", "macs", "flops", "acts", "nodes"]
    {
        assert_eq!(data[key], counted[0][key], "{key}");
    }
    assert!(data["published"].as_array().unwrap().iter().any(|entry| entry["compared"] == true));
    let modules = data["modules"].as_array().unwrap();
    let outer = modules.iter().filter(|module| module["depth"] == 1);
    let macs: u64 = outer.map(|module| module["macs"].as_u64().unwrap()).sum();
    assert_eq!(macs, 1_498_376_192, "modules add up");
}

/// Accuracies that do not compare (ensembles, many crops, other sizes) stay off the chart.
#[test]
fn only_comparable_accuracies_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let yaml = "
name: Ensemble <b>&\"only\"
input: {channels: 3, size: 224}
classes: 10
published:
  - {dataset: imagenet-1k, top1: 99, crops: 144, models: 7, resolution: 224, source: a}
  - {dataset: imagenet-1k, top1: 98, crops: 1, models: 1, resolution: 299, source: b}
  - {dataset: cifar10, top1: 97, crops: 1, models: 1, resolution: 224, source: c}
body: [conv: {kernel: 3, width: 8, stride: 2}]
tail: gap
";
    let file = folder.path().join("network.yaml");
    fs::write(&file, yaml).unwrap();
    report(folder.path()).arg(&file).assert().success();
    let data = data(folder.path());
    let published = data["candidates"][0]["published"].as_array().unwrap();
    assert!(published.iter().all(|entry| entry["compared"] == false), "{published:?}");
    for (name, content) in files(folder.path()) {
        let text = String::from_utf8_lossy(&content);
        if name.ends_with(".md") || name.ends_with(".html") {
            assert!(!text.contains("Ensemble <b>"), "{name}");
        }
        if name.ends_with(".svg") {
            assert!(roxmltree::Document::parse(&text).is_ok(), "{name}");
        }
    }
}

#[test]
fn a_file_in_the_way_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("out");
    fs::write(&file, "mine").unwrap();
    inceptive("report architectures/nin.yaml --out").arg(&file).assert().code(1);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
}

/// Measures, then makes the same page from the store by the command that the page gives.
#[test]
fn a_report_is_made_again_from_its_store() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for file in ["module-naive.yaml", "module-reduced.yaml", "blocks/inception.yaml"] {
        let target = folder.join("architectures").join(file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(root().join("architectures").join(file), target).unwrap();
    }
    let run = |arguments: &str| {
        let mut command = inceptive(arguments);
        command.current_dir(folder).assert().success().get_output().stdout.clone()
    };
    let shown = String::from_utf8(run("report --budget 100ms --threads 1")).unwrap();
    assert!(shown.contains("median ms") && shown.contains("reports/latest/index.html"), "{shown}");
    let out = folder.join("reports/latest");
    let first = files(&out);
    let data = data(&out);
    for candidate in data["candidates"].as_array().unwrap() {
        assert_eq!(candidate["measurements"].as_array().unwrap().len(), 1);
        assert!(candidate["layers"]["time_ns"]["conv_kxk"].as_u64().unwrap() > 0);
    }
    // What comes later changes nothing.
    run("bench architectures/module-naive.yaml --budget 100ms --threads 1");
    let command = data["command"].as_str().unwrap().strip_prefix("inceptive ").unwrap();
    run(command);
    assert!(files(&out) == first, "{command}");
    // A store by itself is something to report on, too.
    run("report inceptive.db?model=naive --out other");
    assert_eq!(
        crate::reports::data(&folder.join("other"))["candidates"].as_array().unwrap().len(),
        1
    );
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// The committed examples are what their commands make of the stores beside them.
#[cfg(unix)]
#[test]
fn the_examples_are_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // No link: texts behind one are not published.
    copy(&root().join("architectures"), &folder.join("architectures"));
    for name in ["family", "modules", "explore"] {
        let committed = root().join("reports").join(name);
        let made = folder.join("reports").join(name);
        fs::create_dir_all(&made).unwrap();
        fs::copy(committed.join("results.db"), made.join("results.db")).unwrap();
        let data = data(&committed);
        let command = data["command"].as_str().unwrap();
        let run = Command::new("sh")
            .arg("-c")
            .arg(command.replacen("inceptive", "\"$0\"", 1))
            .arg(env!("CARGO_BIN_EXE_inceptive"))
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        for (file, content) in files(&committed) {
            let is_store = file.starts_with("results.db");
            let same = is_store || fs::read(made.join(&file)).unwrap_or_default() == content;
            assert!(same, "reports/{name}/{file} is not what this makes: {command}");
        }
    }
}

#[test]
fn an_interrupted_report_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut child = Command::new(env!("CARGO_BIN_EXE_inceptive"))
        .args(["report", "architectures/module-reduced.yaml", "architectures/vgg19.yaml"])
        .args(["--bench", "--budget", "60s", "--threads", "1"])
        .arg("--store")
        .arg(folder.path().join("r.db"))
        .arg("--out")
        .arg(&out)
        .current_dir(root())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let asked = Instant::now();
    let status = child.wait().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(50), "it does not go on");
    assert_eq!(status.code(), Some(1));
    let page = fs::read_to_string(out.join("index.html")).unwrap();
    assert!(page.contains("interrupted"), "the page says so");
}

#[test]
fn spaces_become_clouds() {
    let folder = tempfile::tempdir().unwrap();
    let spaces =
        "architectures/spaces/googlenet-widths.yaml architectures/spaces/module-kinds.yaml";
    let shown = report(folder.path())
        .args(spaces.split(' '))
        .args(["--samples", "30", "--seed", "3"])
        .assert()
        .success();
    let shown = String::from_utf8(shown.get_output().stdout.clone()).unwrap();
    assert!(shown.contains("kind=double3x3"), "points of a small space are networks: {shown}");
    let data = data(folder.path());
    let spaces = data["spaces"].as_array().unwrap();
    let points = |at: usize| spaces[at]["points"].as_array().unwrap().len();
    assert_eq!((points(0), points(1)), (30, 6));
    assert_eq!((&spaces[0]["seed"], &spaces[1]["seed"]), (&3.into(), &Value::Null));
}

/// A repository with a network in two states.
fn repository(folder: &Path) {
    let network = |width: u32| {
        format!(
            "name: N\ninput: {{channels: 3, size: 8}}\nbody: [conv a: {{kernel: 3, width: {width}}}]\ntail: []\n"
        )
    };
    let git = |arguments: &[&str]| {
        let run = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
        assert!(run.status.success(), "{run:?}");
    };
    git(&["init", "-q"]);
    fs::create_dir(folder.join("nets")).unwrap();
    fs::write(folder.join("nets/n.yaml"), network(8)).unwrap();
    fs::write(folder.join("nets/v.yaml"), "name: V\nextends: n.yaml\nset: {a: {kernel: 1}}\n")
        .unwrap();
    git(&["add", "-A"]);
    git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "first"]);
    fs::write(folder.join("nets/n.yaml"), network(9)).unwrap();
}

/// A link in git is a file whose text is its target.
#[cfg(unix)]
#[test]
fn links_of_a_revision_lead_to_files_of_it() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    repository(folder);
    let git = |arguments: &[&str]| {
        let run = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
        assert!(run.status.success(), "{run:?}");
    };
    let commit = |message: &str| {
        git(&["add", "-A"]);
        git(&["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", message]);
    };
    let diff = |from: &str| {
        let mut command = inceptive("report --diff");
        let output = command.current_dir(folder).args([from, "nets"]).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    fs::create_dir(folder.join("real")).unwrap();
    fs::rename(folder.join("nets/n.yaml"), folder.join("real/n.yaml")).unwrap();
    symlink("middle.yaml", folder.join("nets/n.yaml")).unwrap();
    symlink("../real/n.yaml", folder.join("nets/middle.yaml")).unwrap();
    commit("links");
    let (code, text) = diff("HEAD:nets");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("3 of 3 networks are the same"), "{text}");

    for target in ["/etc/hostname", "../../n.yaml", "gone.yaml", "../real", "bad.yaml"] {
        symlink(target, folder.join("nets/bad.yaml")).unwrap();
        commit("bad");
        fs::remove_file(folder.join("nets/bad.yaml")).unwrap();
        let (code, text) = diff("HEAD:nets");
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains(&format!("it is a link to `{target}`")), "{text}");
    }
}

#[test]
fn changes_are_held_against_thresholds() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let diff = |arguments: &[&str]| {
        let mut command = inceptive("report --diff");
        let output = command.current_dir(folder.path()).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = diff(&["HEAD:nets", "nets"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("+12.50%"), "{text}");
    let (code, text) = diff(&["HEAD:nets", "nets", "--fail-if", "macs > +12%"]);
    assert_eq!(code, Some(1));
    assert!(
        text.contains("exceeded: macs > +12%: N went from 13,824 to 15,552 (+12.50%)"),
        "{text}"
    );
    assert_eq!(diff(&["HEAD:nets", "nets", "--fail-if", "macs > +13%"]).0, Some(0));
    let (_, text) = diff(&["HEAD:nets/n.yaml", "HEAD:nets/n.yaml"]);
    assert!(text.contains("1 of 1 network is the same"), "{text}");
    let (_, json) = diff(&["HEAD:nets", "nets", "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["networks"].as_array().unwrap().len(), 2);
    for wrong in
        [["nope:nets", "nets"], ["HEAD:nope", "nets"], ["HEAD:../x", "nets"], ["nets", "gone"]]
    {
        assert_eq!(diff(&wrong).0, Some(1), "{wrong:?}");
    }
    // What is new is held against limits without a sign, for there is nothing to compare it with.
    fs::write(
        folder.path().join("nets/new.yml"),
        "name: New\nextends: n.yaml\nset: {a: {width: 99}}\n",
    )
    .unwrap();
    let (code, text) = diff(&["HEAD:nets", "nets", "--fail-if", "params > 2000"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("exceeded: params > 2000: New is new with 2,772"), "{text}");
    let (_, json) = diff(&["HEAD:nets", "nets", "--json", "--fail-if", "params > 2000"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["added"], serde_json::json!(["New"]));
    assert_eq!(json["broken"][0]["change"]["old"], Value::Null);
    let relative = ["--fail-if", "params > +100%", "--fail-if", "params > +1K"];
    assert_eq!(diff(&[&["HEAD:nets", "nets"], &relative[..]].concat()).0, Some(0));
    fs::remove_file(folder.path().join("nets/new.yml")).unwrap();
    // Two reports are compared by their data.
    for (out, file) in [("old", "nets/n.yaml"), ("new", "nets/v.yaml")] {
        let mut command = inceptive("report");
        command.current_dir(folder.path()).args([file, "--out", out]).assert().success();
    }
    let (code, text) = diff(&["old", "new"]);
    assert_eq!(code, Some(0));
    assert!(text.contains("removed: N") && text.contains("new: V"), "{text}");
}

/// A pool with another kernel has as many parameters and MACs, but the network is another one.
#[test]
fn equal_values_of_changed_networks_are_held_against_thresholds() {
    let folder = tempfile::tempdir().unwrap();
    for (name, pool) in [("old", 2), ("new", 3)] {
        let text = format!(
            "name: N\ninput: {{channels: 3, size: 8}}\nbody: [conv a: {{kernel: 3, width: 8}}, maxpool b: {{kernel: {pool}, stride: 2, pad: same}}]\ntail: []\n"
        );
        fs::create_dir(folder.path().join(name)).unwrap();
        fs::write(folder.path().join(name).join("n.yaml"), text).unwrap();
    }
    let diff = |arguments: &[&str]| {
        let mut command = inceptive("report --diff");
        let output = command.current_dir(folder.path()).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = diff(&["old", "new", "--fail-if", "params > 100"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("exceeded: params > 100: N still has 224"), "{text}");
    for (new, condition, expected) in [
        ("new", "params > 1K", 0),
        ("old", "params > 1", 0),
        // No change is above -1%, of changed and of other networks.
        ("new", "params > -1%", 1),
        ("old", "params > -1%", 1),
        ("old", "params > +0", 0),
    ] {
        let (code, text) = diff(&["old", new, "--fail-if", condition]);
        assert_eq!(code, Some(expected), "{condition}: {text}");
    }
    let (code, text) = diff(&["old", "new", "--fail-if", "top1 < 80"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("not checked: top1 < 80"), "{text}");
    let (code, text) = diff(&["old", "new", "--json", "--fail-if", "top1 < 80"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("\"unchecked\": [\n    \"top1 < 80\""), "{text}");
}

/// What has no effect is refused rather than ignored.
#[test]
fn arguments_of_reports_and_of_comparisons_are_not_mixed() {
    let folder = tempfile::tempdir().unwrap();
    repository(folder.path());
    let refused = |arguments: &str| {
        let mut command = inceptive(&format!("report {arguments}"));
        let output = command.current_dir(folder.path()).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments}: {text}");
        text
    };
    for arguments in ["nets/n.yaml", "nets/n.yaml --out out", "nets --bench", "", "nets --seed 1"] {
        let text = refused(&format!("{arguments} --fail-if params>1"));
        assert!(text.contains("needs --diff"), "{arguments}: {text}");
    }
    for argument in [
        "--out out",
        "--store a.db",
        "--samples 3",
        "--seed 1",
        "--bench",
        "--engine native",
        "--device cpu",
        "--precision fp32",
        "--isa avx2",
        "--batch 2",
        "--threads 1",
        "--budget 2s",
        "--title t",
        "--note n",
        "--set a.width=2",
    ] {
        let text = refused(&format!("--diff HEAD:nets nets {argument}"));
        assert!(text.contains("cannot be used with"), "{argument}: {text}");
    }
    assert!(!folder.path().join("out").exists() && !folder.path().join("reports").exists());
}

/// One rule for what is a network of a folder: in a report, in a comparison, on the disk and in a repository.
#[test]
fn a_folder_has_the_same_networks_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    repository(folder);
    let network = |name: &str| format!("name: {name}\nextends: n.yaml\n");
    for name in ["b.yml", "c.YAML"] {
        fs::write(folder.join("nets").join(name), network(name)).unwrap();
    }
    let library = "blocks:\n  b: {params: {w}, steps: [conv: {kernel: 1, width: $w}]}\n";
    let space = "space: S\nbase: n.yaml\nvary:\n  w: {values: [2, 3]}\nwith: {body: [conv a: {kernel: 3, width: $w}]}\n";
    fs::create_dir(folder.join("nets/inside.yaml")).unwrap();
    for (name, text) in [
        (".hidden.yaml", "x"),
        ("notes.md", "x"),
        ("inside.yaml/n.yaml", "x"),
        ("blocks.yaml", library),
        ("space.yml", space),
    ] {
        fs::write(folder.join("nets").join(name), text).unwrap();
    }
    let run = |words: &str| {
        let mut command = inceptive(words);
        command.current_dir(folder).assert().success().get_output().stdout.clone()
    };
    run("export nets/n.yaml -o nets/d.onnx");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
        let run = git.current_dir(folder).output().unwrap();
        assert!(run.status.success(), "{run:?}");
    };
    git(&["add", "-A"]);
    git(&["commit", "-q", "-m", "second"]);
    run("report nets --out out");
    let data = data(&folder.join("out"));
    let names: Vec<&str> = data["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["b.yml", "c.YAML", "d", "N", "w=2", "w=3", "V"]);
    for [old, new] in [["HEAD:nets", "nets"], ["nets", "HEAD:nets"], ["HEAD:nets", "out"]] {
        let text = String::from_utf8(run(&format!("report --diff {old} {new}"))).unwrap();
        assert_eq!(text, "7 of 7 networks are the same\n", "{old} {new}");
    }
}

/// Networks of a large space are not listed one by one, so they cannot be compared: that is no agreement.
#[test]
fn a_large_space_is_not_compared_in_silence() {
    let folder = tempfile::tempdir().unwrap();
    let space = |last: u32| {
        format!(
            "space: S\nbase: base.yaml\nvary: {{w: {{from: 1, to: {last}}}}}\nwith: {{params: {{w: $w}}}}\n"
        )
    };
    let base = "name: B\nparams: {w: 4}\ninput: {channels: 3, size: 8}\nclasses: 4\nbody: [conv a: {kernel: 3, width: $w}]\ntail: gap\n";
    fs::write(folder.path().join("base.yaml"), base).unwrap();
    for (last, is_told) in [(32, false), (33, true)] {
        fs::write(folder.path().join("s.yaml"), space(last)).unwrap();
        let compared = inceptive("report --diff s.yaml s.yaml").current_dir(folder.path()).assert();
        let output = compared.success();
        let told = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert_eq!(
            told.contains("the networks of the space `S` are not compared"),
            is_told,
            "{told}"
        );
    }
}

/// Nothing to do is an error with a message, and leaves nothing behind.
#[test]
fn a_report_on_nothing_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).unwrap();
    fs::create_dir(folder.join("architectures")).unwrap();
    for (words, message) in [
        ("report empty", "no networks in `empty`"),
        ("report empty --bench", "no networks in `empty`"),
        ("report", "no networks in `architectures`"),
        ("report missing.yaml", "missing.yaml"),
        ("report missing.db", "no results in `missing.db`"),
        ("report --diff empty empty", "no networks in `empty`"),
    ] {
        let output = inceptive(words).current_dir(folder).assert().code(1);
        let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert!(error.contains(message), "{words}: {error}");
        assert!(
            !folder.join("reports").exists() && !folder.join("inceptive.db").exists(),
            "{words}"
        );
    }
    inceptive("report empty --json").current_dir(folder).assert().code(1).stdout("null\n");
}

#[test]
fn a_thousand_networks_are_no_trouble() {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..1000 {
        let yaml =
            format!("name: Network {at}\nextends: base.yaml\nset: {{a: {{width: {}}}}}\n", 8 + at);
        fs::write(folder.path().join(format!("n{at:04}.yaml")), yaml).unwrap();
    }
    let base = "name: Base\ninput: {channels: 3, size: 64}\nbody: [conv a: {kernel: 3, width: 8}]\ntail: gap\nclasses: 10\n";
    fs::write(folder.path().join("base.yaml"), base).unwrap();
    let out = folder.path().join("out");
    report(&out).arg(folder.path()).assert().success();
    assert_eq!(data(&out)["candidates"].as_array().unwrap().len(), 1001);
    let size = fs::metadata(out.join("index.html")).unwrap().len();
    assert!(size < 3 << 20, "{size} bytes");
}
