//! ONNX files and weights, through the program.

use std::{fs, path::Path};

use crate::{inceptive, json, root, stdout};

const SMALL: &str = "architectures/squeezenet1_1.yaml --set input.size=64 --set classes=10";

/// Exports a network into a folder.
fn export(folder: &Path, name: &str, arguments: &str) -> std::path::PathBuf {
    let path = folder.join(name);
    inceptive(&format!("export {arguments} -o")).arg(&path).assert().success().stdout("");
    path
}

fn failure(arguments: &str, path: &Path) -> String {
    let assert = inceptive(arguments).arg(path).assert().code(1).stdout("");
    String::from_utf8(assert.get_output().stderr.clone()).unwrap()
}

#[test]
fn onnx_files_stand_wherever_yaml_files_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = export(folder.path(), "small.onnx", SMALL);
    let shown = path.to_str().unwrap();
    let ours = &json(&format!("cost {SMALL} --json"))[0];
    let theirs = &json(&format!("cost {shown} --json"))[0];
    for key in ["params", "macs", "flops", "acts", "input", "peak_activation_bytes"] {
        assert_eq!(ours[key], theirs[key], "{key}");
    }
    assert_eq!(theirs["name"], "small");
    assert!(stdout(&format!("show {shown} --depth 1")).contains("fire2"));
    assert!(stdout(&format!("check {shown}")).contains("architecture, "));
    assert!(stdout(&format!("import {shown}")).contains("written by inceptive"));
    let difference = stdout(&format!("diff {shown} {shown}"));
    assert!(!difference.contains("Modules that differ"), "{difference}");
    let report = folder.path().join("report");
    inceptive(&format!("report {shown} --out")).arg(&report).assert().success();
    assert!(fs::read_to_string(report.join("report.md")).unwrap().contains("small"));
}

#[test]
fn exports_are_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = |name, arguments: &str| fs::read(export(folder.path(), name, arguments)).unwrap();
    let first = bytes("a.onnx", SMALL);
    assert_eq!(first, bytes("b.onnx", SMALL));
    assert_ne!(first, bytes("c.onnx", &format!("{SMALL} --seed 1")));
    assert_ne!(first, bytes("d.onnx", &format!("{SMALL} --batch dynamic")));
}

#[test]
fn weights_travel_by_safetensors() {
    let folder = tempfile::tempdir().unwrap();
    let path = export(folder.path(), "a.onnx", &format!("{SMALL} --seed 7"));
    let weights = folder.path().join("w.safetensors");
    inceptive("import").arg(&path).arg("--save-weights").arg(&weights).assert().success();
    let again = folder.path().join("b.onnx");
    let export = format!("export {SMALL} --weights");
    let wrote = format!("wrote {}\n", again.display());
    inceptive(&export).arg(&weights).arg("-o").arg(&again).assert().success().stderr(wrote);
    assert_eq!(fs::read(&path).unwrap(), fs::read(again).unwrap());

    let other =
        "export architectures/squeezenet1_1.yaml --set input.size=64 -o /dev/null --weights";
    let message = failure(other, &weights);
    assert!(message.contains("[10, 512, 1, 1]") && message.contains("do not fit"), "{message}");
}

/// A file is written again under the name that it had, and one of a later version of ONNX with a remark.
#[test]
fn names_and_versions_of_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let first = export(folder.path(), "a.onnx", SMALL);
    let again = export(folder.path(), "b.onnx", first.to_str().unwrap());
    let imported = stdout(&format!("import {}", again.display()));
    assert!(imported.starts_with("SqueezeNet 1.1, written by"), "{imported}");

    let mut bytes = fs::read(&first).unwrap();
    // The operator set, 17, behind its field's number and length and its own field's number.
    let opset = bytes.windows(4).rposition(|bytes| bytes == [0x42, 2, 0x10, 17]).unwrap();
    bytes[opset + 3] = 99;
    fs::write(&first, bytes).unwrap();
    for command in ["import", "cost", "run", "bench --budget 5ms --threads 1"] {
        let mut command = inceptive(command);
        let assert = command.current_dir(folder.path()).arg(&first).assert();
        let errors = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(errors.contains("operator set 99 is newer than 24"), "{errors}");
    }
}

/// A file with several outputs keeps all of them, and every command says which one it runs.
#[test]
fn several_outputs_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("two.onnx");
    fs::copy(root().join("crates/onnx/tests/fixtures/two-outputs.onnx"), &file).unwrap();
    let note = "the network has 2 outputs, `logits`, `aux1`; commands that run it compute the first one, `logits`, alone";
    for command in [
        "import two.onnx",
        "cost two.onnx",
        "show two.onnx",
        "check two.onnx",
        "diff two.onnx two.onnx",
        "run two.onnx",
        "export two.onnx -o again.onnx",
        "bench two.onnx --budget 5ms --threads 1",
        "profile two.onnx",
    ] {
        let assert = inceptive(command).current_dir(folder.path()).assert();
        let output = assert.get_output();
        let errors = String::from_utf8(output.stderr.clone()).unwrap();
        assert!(errors.contains(note), "{command}: {errors}");
    }
    inceptive("report two.onnx --out report").current_dir(folder.path()).assert().success();
    let report = fs::read_to_string(folder.path().join("report/report.md")).unwrap();
    assert!(report.contains("compute the first one"), "{report}");
    // As YAML a network has as many.
    let two = "name: Two\ninput: {channels: 3, size: 8}\nbody:\n  - conv stem: {kernel: 3, width: 4}\n  - conv boxes: {kernel: 1, width: 4}\n  \
               - conv scores: {from: stem, kernel: 1, width: 2}\ntail: []\noutputs: [scores, boxes]\n";
    fs::write(folder.path().join("first.yaml"), two).unwrap();
    for command in ["export first.yaml -o first.onnx", "import first.onnx -o two.yaml"] {
        inceptive(command).current_dir(folder.path()).assert().success();
    }
    for command in
        ["cost", "show", "run", "export -o written.onnx", "bench --budget 5ms --threads 1"]
    {
        let assert = inceptive(command).arg("two.yaml").current_dir(folder.path()).assert();
        let errors = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(errors.contains("the network has 2 outputs"), "{command}: {errors}");
    }
    inceptive("report two.yaml --out written").current_dir(folder.path()).assert().success();
    let report = fs::read_to_string(folder.path().join("written/report.md")).unwrap();
    assert!(report.contains("compute the first one"), "{report}");
}

#[test]
fn shared_weights_are_told() {
    let file = "crates/onnx/tests/fixtures/shared-initializers.onnx";
    let cost = json(&format!("cost {file} --by layer --json"));
    assert_eq!((&cost[0]["params"], &cost[0]["macs"]), (&800.into(), &350_208.into()));
    let layers = cost[0]["layers"].as_array().unwrap();
    let layer = |path: &str| layers.iter().find(|layer| layer["path"] == path).unwrap();
    assert_eq!(layer("c2")["shares"], serde_json::json!(["c1.weight", "c0.bias"]));
    assert_eq!((&layer("c1")["params"], &layer("c2")["params"]), (&576.into(), &0.into()));
    assert!(stdout(&format!("show {file}")).contains("shares c1.weight, c0.bias"));
    let apart = "crates/onnx/tests/fixtures/equal-initializers.onnx";
    let difference = stdout(&format!("diff {apart} {file}"));
    assert!(difference.contains("shares"), "{difference}");
}

/// Names of another program are no guess unless somebody asks for one.
#[test]
fn weights_of_other_names_wait_for_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = "name: a\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv c: {kernel: 3, width: 3}\n  - conv d: {kernel: 3, width: 3}\ntail: gap\n";
    fs::write(path("a.yaml"), text).unwrap();
    fs::write(path("b.yaml"), text.replace("conv c", "conv z").replace("conv d", "conv y"))
        .unwrap();
    let inside = |arguments: &str| {
        let mut command = inceptive(arguments);
        command.current_dir(folder.path());
        command
    };
    inside("export a.yaml -o a.onnx").assert().success();
    inside("import a.onnx --save-weights a.safetensors").assert().success();
    let told = |arguments: &str, code: i32| {
        let assert = inside(arguments).assert().code(code);
        String::from_utf8(assert.get_output().stderr.clone()).unwrap()
    };
    for command in [
        "export b.yaml -o b.onnx",
        "run b.yaml",
        "bench b.yaml --budget 5ms --threads 1",
        "profile b.yaml",
    ] {
        let message = told(&format!("{command} --weights a.safetensors"), 1);
        assert!(message.contains("with --match order"), "{command}: {message}");
        let note = told(&format!("{command} --weights a.safetensors --match order"), 0);
        assert!(note.contains("natural order"), "{command}: {note}");
    }
    assert!(told("export b.yaml -o c.onnx --match order", 2).contains("--weights"));
}

/// A network that does nothing is written, read and counted.
#[test]
fn a_network_without_nodes_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let text = "name: n\ninput: {channels: 3, size: 8}\nbody: [dropout]\ntail: []\n";
    fs::write(folder.path().join("n.yaml"), text).unwrap();
    for command in [
        "export n.yaml -o n.onnx",
        "cost n.onnx",
        "run n.onnx",
        "export n.yaml --format pytorch -o n.py",
    ] {
        inceptive(command).current_dir(folder.path()).assert().success();
    }
}

/// What is read stays as it is, under whatever name it is to be overwritten.
#[test]
#[cfg(unix)]
fn inputs_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let text = "name: a\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv c: {kernel: 3, width: 4}\ntail: gap\n";
    fs::write(path("a.yaml"), text).unwrap();
    std::os::unix::fs::symlink(path("a.yaml"), path("link.yaml")).unwrap();
    let inside = |arguments: &str| {
        let mut command = inceptive(arguments);
        command.current_dir(folder.path());
        command
    };
    inside("export a.yaml -o a.onnx").assert().success();
    inside("run a.yaml -o in.safetensors").assert().success();
    inside("bench a.yaml --budget 5ms --threads 1").assert().success();
    for command in [
        "export a.yaml -o ./a.yaml",
        "export a.yaml --format pytorch -o link.yaml",
        "import a.onnx --save-weights a.onnx",
        "show link.yaml -o a.yaml",
        "run a.yaml --input in.safetensors -o in.safetensors",
        "results export csv -o inceptive.db",
    ] {
        let assert = inside(command).assert().code(1);
        let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(error.contains("not overwritten"), "{command}: {error}");
    }
    assert_eq!(fs::read_to_string(path("a.yaml")).unwrap(), text);
    inside("results list").assert().success();
    // Two outputs of one name, of which only the second would be left.
    for weights in ["b.yaml", "./b.yaml"] {
        let both = format!("import a.onnx -o b.yaml --save-weights {weights}");
        let assert = inside(&both).assert().code(2);
        let error = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
        assert!(error.contains("--output and --save-weights name the same file"), "{error}");
        assert!(!path("b.yaml").exists());
    }
}

#[test]
fn wrong_files_are_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("broken.onnx");
    fs::write(&path, b"name: not ONNX").unwrap();
    assert!(failure("cost", &path).contains("not an ONNX file"));
    let empty = folder.path().join("empty.onnx");
    fs::write(&empty, "").unwrap();
    assert!(failure("cost", &empty).contains("the file is empty"));
    assert!(
        failure("import", &folder.path().join("missing.onnx")).contains("there is no such file")
    );
    let pointer = folder.path().join("pointer.onnx");
    fs::write(&pointer, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n").unwrap();
    assert!(failure("import", &pointer).contains("git lfs pull"));
    let fixture = root().join("crates/onnx/tests/fixtures/googlenet-dynamo.onnx");
    let message = failure("export -o /dev/null", &fixture);
    assert!(message.contains("absent.bin"), "{message}");
    assert!(failure("cost --set width=2", &fixture).contains("works on YAML files only"));
    let open = root().join("crates/onnx/tests/fixtures/open-size-unsupported.onnx");
    let message = failure("cost", &open);
    assert!(message.contains("name the size, such as 224x224; also, these"), "{message}");
    assert!(message.ends_with("\nhelp: add --input-size 224x224 and --cut\n"), "{message}");
    let message = failure("cost --input-size 32", &open);
    assert!(message.ends_with("can be read\nhelp: add --cut\n"), "{message}");
    assert!(failure("cost --input-size wide", &open).contains("`wide` is no size of an input"));
    let shown = inceptive(&format!("show --format yaml {}", fixture.display())).assert().code(0);
    assert!(String::from_utf8_lossy(&shown.get_output().stdout).contains("\nbody:\n"));
    inceptive(&format!("export {SMALL} --opset 3 -o x.onnx")).assert().code(2);
    inceptive(&format!("export {SMALL} --batch 0 -o x.onnx")).assert().code(2);
    inceptive(&format!("export {SMALL} -o no/such/folder/x.onnx")).assert().code(1);
}

/// Each ONNX file of a report may have a size of its own, and the command at its end makes the same page again.
#[test]
fn onnx_files_of_a_report_have_their_own_settings() {
    let folder = tempfile::tempdir().unwrap();
    let fixtures = root().join("crates/onnx/tests/fixtures");
    for name in ["open-size.onnx", "open-size-unsupported.onnx"] {
        fs::copy(fixtures.join(name), folder.path().join(name)).unwrap();
    }
    fs::copy(root().join("architectures/nin.yaml"), folder.path().join("nin.yaml")).unwrap();
    let report = |out: &str| {
        let mut report = inceptive("report nin.yaml --store none.db --out");
        report.arg(out).args([
            "open-size.onnx?input.size=32x48",
            "open-size-unsupported.onnx?input.size=3x64x64&cut=true",
        ]);
        report.current_dir(folder.path()).assert().success();
        fs::read_to_string(folder.path().join(out).join("report.md")).unwrap()
    };
    let page = report("report");
    assert_eq!(page, report("report"));
    for text in [
        "'open-size.onnx?input.size=32x48' 'open-size-unsupported.onnx?input.size=3x64x64&cut=true'",
        "3x32x48",
        "3x64x64",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let json = fs::read_to_string(folder.path().join("report/data.json")).unwrap();
    assert!(json.contains("\"input.size=32x48\"") && json.contains("\"cut=true\""), "{json}");
    let named = "open-size.onnx?input.size=32x48";
    let shown = inceptive("report --diff").args([named, named]).current_dir(folder.path()).assert();
    shown.success();
    let wrong = inceptive("report open-size.onnx?cut --out no").current_dir(folder.path()).assert();
    let wrong = wrong.code(1);
    let error = String::from_utf8_lossy(&wrong.get_output().stderr).into_owned();
    assert!(error.contains("`open-size.onnx?cut`: `cut` is not KEY=VALUE"), "{error}");
}

/// Weights in another file are read from the model's folder, and from nowhere else.
#[test]
fn other_files_stay_unread() {
    let folder = tempfile::tempdir().unwrap();
    let fixture =
        fs::read(root().join("crates/onnx/tests/fixtures/googlenet-dynamo.onnx")).unwrap();
    let evil: Vec<u8> = {
        let (from, to) = (b"absent.bin", b"../secrets");
        let mut bytes = fixture;
        let places: Vec<usize> =
            (0..bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
        for at in places {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
        bytes
    };
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    fs::write(folder.path().join("secrets"), vec![0; 1 << 20]).unwrap();
    let path = inside.join("evil.onnx");
    fs::write(&path, evil).unwrap();
    let message = failure("export -o /dev/null", &path);
    assert!(message.contains("must be in the folder of the model"), "{message}");
}

/// A file of another program becomes YAML that a person would have written, and the same network with its weights.
#[test]
fn onnx_becomes_yaml() {
    let folder = tempfile::tempdir().unwrap();
    let inside = |name: &str| folder.path().join(name);
    let fixture = root().join("crates/onnx/tests/fixtures/googlenet-traced.onnx");
    let googlenet = inside("googlenet.yaml");
    inceptive("import").arg(&fixture).arg("-o").arg(&googlenet).assert().success();
    let text = fs::read_to_string(&googlenet).unwrap();
    assert!(text.lines().count() < 60, "{text}");
    insta::assert_snapshot!(text);
    let counts = |path: &Path| {
        let counts = json(&format!("cost {} --json", path.display()));
        ["params", "macs", "flops", "acts"].map(|key| counts[0][key].clone())
    };
    assert_eq!(counts(&googlenet), counts(&fixture));

    let onnx = export(folder.path(), "small.onnx", &format!("{SMALL} --seed 3"));
    let (yaml, weights) = (inside("small.yaml"), inside("small.safetensors"));
    let mut import = inceptive("import");
    import.arg(&onnx).arg("-o").arg(&yaml).arg("--save-weights").arg(&weights);
    import.assert().success();
    let own = stdout(&format!("run {} --weights {}", yaml.display(), weights.display()));
    assert_eq!(own, stdout(&format!("run {}", onnx.display())));
    assert!(own.contains("largest outputs"), "{own}");
    // The source is not replaced.
    inceptive("import").arg(&onnx).arg("-o").arg(&onnx).assert().code(1);
}
