//! "Make it again" is true: every page's command makes the same bytes, or refuses and says why.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use inceptive_app::{DEFAULT_SAMPLES, ReproCommand, report_on};
use inceptive_report::Analysis;
use serde_json::Value;

/// Networks of a few thousand operations, a variant, a large and a small space, and a library of blocks.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let nets = folder.path().join("nets");
    fs::create_dir(&nets).unwrap();
    let network = |name: &str, width: u32| {
        format!(
            "name: {name}\nparams: {{a: {width}, b: 4}}\ninput: {{channels: 3, size: 8}}\nclasses: 10\n\
             published: [{{dataset: imagenet-1k, top1: 7{}, crops: 1, models: 1, source: here}}]\n\
             body:\n  - conv first: {{kernel: 3, width: $a}}\n  - conv second: {{kernel: 3, width: $b}}\ntail: gap\n",
            width % 10
        )
    };
    let space = |steps: u32| {
        format!(
            "space: Widths {steps}\nbase: narrow.yaml\nvary:\n  a: {{from: 1, to: {steps}, step: 1}}\n  b: {{values: [2, 3]}}\n"
        )
    };
    for (name, text) in [
        ("narrow.yaml", network("narrow", 8)),
        ("wide.yml", network("wide", 16)),
        (
            "variant.yaml",
            "name: variant\nextends: narrow.yaml\nset: {second: {kernel: 1}}\n".into(),
        ),
        ("large.yaml", space(60)),
        ("small.yaml", space(3)),
        (
            "blocks.yaml",
            "blocks:\n  b: {params: {w}, steps: [conv: {kernel: 1, width: $w}]}\n".into(),
        ),
        (".hidden.yaml", "not a network".into()),
    ] {
        fs::write(nets.join(name), text).unwrap();
    }
    folder
}

/// `inceptive` in a folder.
fn run<S: AsRef<OsStr>>(folder: &Path, words: impl IntoIterator<Item = S>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inceptive"));
    command.args(words).current_dir(folder).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `inceptive` with words separated by spaces, which succeeds.
fn done(folder: &Path, words: &str) -> String {
    let output = run(folder, words.split_whitespace());
    assert!(output.status.success(), "{words}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn bench(folder: &Path, store: &str, words: &str) {
    done(folder, &format!("bench --budget 20ms --threads 1 --store {store} {words}"));
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// The command of the report in a folder, as each of its files has it.
fn command(out: &Path) -> String {
    let data: Value = serde_json::from_slice(&fs::read(out.join("data.json")).unwrap()).unwrap();
    let command = data["command"].as_str().unwrap().to_owned();
    let short = fs::read_to_string(out.join("report.md")).unwrap();
    assert!(short.contains(&format!("\n    {command}\n")), "report.md has it whole");
    let page = scraper::Html::parse_document(&fs::read_to_string(out.join("index.html")).unwrap());
    let codes = scraper::Selector::parse("pre code").unwrap();
    let has_it = page.select(&codes).any(|code| code.text().collect::<String>() == command);
    assert!(has_it, "index.html has it whole");
    command
}

/// Runs a command as a shell does.
fn shell(folder: &Path, command: &str) -> Output {
    let script = format!("inceptive() {{ \"$0\" \"$@\"; }}; {command}");
    let mut bash = Command::new("bash");
    bash.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_inceptive"));
    bash.current_dir(folder).output().unwrap()
}

/// Runs the command of the report in `out`, once it is gone: all its files come back as they were. Gives the command.
fn comes_back(folder: &Path, out: &str) -> String {
    let out = folder.join(out);
    let first = files(&out);
    let command = command(&out);
    fs::remove_dir_all(&out).unwrap();
    let output = shell(folder, &command);
    assert!(out.is_dir(), "{command}: {}", text(&output.stderr));
    let again = files(&out);
    assert_eq!(first.keys().collect::<Vec<_>>(), again.keys().collect::<Vec<_>>(), "{command}");
    for (path, content) in &first {
        assert!(again[path] == *content, "{}: {command}", path.display());
    }
    command
}

#[test]
fn results_that_come_later_change_nothing() {
    let folder = folder();
    let folder = folder.path();
    // First there are no results at all, and the store is made later.
    done(folder, "report nets/narrow.yaml nets/wide.yml --store s.db --out none");
    bench(folder, "s.db", "nets/narrow.yaml --batch 1,2");
    assert!(comes_back(folder, "none").contains("--up-to 0+0 "));
    done(folder, "profile nets/narrow.yaml --runs 2 --threads 1 --store s.db");
    done(folder, "report nets --store s.db --out all");
    bench(folder, "s.db", "nets/narrow.yaml nets/wide.yml");
    done(folder, "profile nets/wide.yml --runs 2 --threads 1 --store s.db");
    assert!(comes_back(folder, "all").contains("--up-to 2+1@"));
    // Numbers of earlier versions are of the only store.
    done(folder, "report nets --store s.db --up-to 2 --out numbers");
    assert!(command(&folder.join("numbers")).contains("--up-to 2+2@"));
    comes_back(folder, "numbers");
}

#[test]
fn each_of_several_stores_has_its_own_state() {
    let folder = folder();
    let folder = folder.path();
    bench(folder, "a.db", "nets/narrow.yaml --batch 1,2,4");
    bench(folder, "b.db", "nets/wide.yml nets/variant.yaml");
    done(folder, "report a.db b.db?model=wide --out two");
    done(folder, "report nets/narrow.yaml b.db a.db --store a.db --out three");
    done(folder, "report a.db --store nowhere.db --out one");
    bench(folder, "a.db", "nets/variant.yaml nets/narrow.yaml");
    bench(folder, "b.db", "nets/narrow.yaml");
    bench(folder, "inceptive.db", "nets/narrow.yaml");
    bench(folder, "nowhere.db", "nets/narrow.yaml");
    assert!(comes_back(folder, "two").contains(",2+0@"));
    comes_back(folder, "three");
    comes_back(folder, "one");
    // One number for three stores says nothing.
    let refused = run(folder, "report a.db b.db --up-to 2".split(' '));
    assert_eq!(refused.status.code(), Some(2));
    let error = text(&refused.stderr);
    assert!(
        error.contains("1 state for 3 stores") && error.contains("a.db, b.db, inceptive.db"),
        "{error}"
    );
}

/// Training runs are a part of the state of a store, and leave states of other records as they were.
#[test]
fn training_runs_that_come_later_change_nothing() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("one.yaml"), "name: one\nepochs: 1\nlearning_rate: 0.05\n").unwrap();
    let narrow = fs::read_to_string(folder.join("nets/narrow.yaml")).unwrap();
    fs::write(folder.join("seen.yaml"), narrow.replace("size: 8", "size: 16")).unwrap();
    let train = "train seen.yaml --recipe one.yaml --threads 1 --store s.db \
        --data shapes:size=16,channels=3,train=100,test=40";
    bench(folder, "s.db", "seen.yaml");
    done(folder, "report seen.yaml --store s.db --out before");
    done(folder, &format!("{train} --report first"));
    done(folder, "report s.db --out all");
    done(folder, &format!("{train} --seeds 3 --set a=6 --report set"));
    done(folder, &format!("{train} --seeds 3 --no-report"));
    bench(folder, "s.db", "nets/wide.yml");
    assert!(comes_back(folder, "before").contains("--up-to 1+0@"));
    assert!(comes_back(folder, "first").contains("--up-to 1+0+1@"));
    assert!(comes_back(folder, "all").contains("--up-to 1+0+1@"));
    assert!(comes_back(folder, "set").contains("--set a=6"));
    let page = fs::read_to_string(folder.join("all/report.md")).unwrap();
    assert!(page.contains("## Trained on shapes:size=16"), "{page}");
    // States of two numbers are of before there were training runs.
    done(folder, "report seen.yaml --store s.db --up-to 1+0 --out numbers");
    assert!(!fs::read_to_string(folder.join("numbers/report.md")).unwrap().contains("Trained"));
    comes_back(folder, "numbers");
    // A network that only a store knows.
    fs::remove_file(folder.join("seen.yaml")).unwrap();
    let output = run(folder, "report s.db --out alone".split(' '));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = fs::read_to_string(folder.join("alone/report.md")).unwrap();
    assert!(page.contains("## Trained on shapes:size=16"), "{page}");
    comes_back(folder, "alone");
}

#[test]
fn a_store_that_was_replaced_is_refused() {
    let folder = folder();
    let folder = folder.path();
    bench(folder, "s.db", "nets/narrow.yaml");
    done(folder, "report nets --store s.db --out out");
    let (command, first) = (command(&folder.join("out")), files(&folder.join("out")));
    for replaced in [false, true] {
        for name in ["s.db", "s.db-wal", "s.db-shm"] {
            let _ = fs::remove_file(folder.join(name));
        }
        if replaced {
            bench(folder, "s.db", "nets/narrow.yaml");
        }
        let output = shell(folder, &command);
        assert_eq!(output.status.code(), Some(1));
        let expected = if replaced { "the file was replaced" } else { "no results in" };
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert!(files(&folder.join("out")) == first, "nothing was written");
    }
}

#[test]
fn stores_that_only_have_profiles_or_were_merged_are_reported_on() {
    let folder = folder();
    let folder = folder.path();
    done(folder, "profile nets/narrow.yaml --runs 2 --threads 1 --store p.db");
    done(folder, "report p.db --out profiled");
    let data: Value =
        serde_json::from_slice(&fs::read(folder.join("profiled/data.json")).unwrap()).unwrap();
    assert_eq!(data["candidates"][0]["name"], "narrow");
    assert!(data["candidates"][0]["layers"]["time_ns"].is_object(), "{data}");
    assert!(comes_back(folder, "profiled").contains("--up-to 0+1@"));
    // Merged, what is older comes later.
    bench(folder, "old.db", "nets/narrow.yaml");
    bench(folder, "new.db", "nets/narrow.yaml");
    let newest = done(folder, "results list --json --store new.db");
    done(folder, "results merge new.db old.db");
    done(folder, "report nets/narrow.yaml --store new.db --out merged");
    let data: Value =
        serde_json::from_slice(&fs::read(folder.join("merged/data.json")).unwrap()).unwrap();
    let newest: Value = serde_json::from_str(&newest).unwrap();
    let shown = data["candidates"][0]["measurements"].as_array().unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!(shown[0]["median_ms"], newest["measurements"][0]["median_ms"], "the latest counts");
    comes_back(folder, "merged");
}

#[test]
fn spaces_settings_titles_and_notes_are_kept() {
    let folder = folder();
    let folder = folder.path();
    done(folder, "report nets/large.yaml nets/small.yaml --samples 20 --seed 3 --out spaces");
    comes_back(folder, "spaces");
    done(folder, "report nets/large.yaml nets/narrow.yaml --set a=7 --set input.size=12 --out set");
    assert!(comes_back(folder, "set").contains("--set a=7 --set input.size=12"));
    let title = "-t 'one' \"two\" $HOME `id` \\ \u{1b}[1m\n\u{202e}网络 & <b>";
    let long = "a note ".repeat(1_000);
    fs::copy(folder.join("nets/narrow.yaml"), folder.join("-odd name's.yaml")).unwrap();
    let title = format!("--title={title}");
    let words =
        ["report", &title, "--note=--note", "--note", &long, "--out=-odd out", "--store=-odd.db"];
    let words = [&words[..], &["--", "-odd name's.yaml", "nets"]].concat();
    let output = run(folder, &words);
    assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
    let command = comes_back(folder, "-odd out");
    assert!(!command.contains(['\u{1b}', '\n', '\u{202e}']), "{command}");
}

/// What could not be read is said again; what could not be measured is a note.
#[test]
fn what_failed_fails_again() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("broken.yaml"), "name: broken\nbdy: []\n").unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    let named = "nets/narrow.yaml broken.yaml missing.yaml empty";
    let output = run(folder, format!("report {named} --out some").split(' '));
    assert_eq!(output.status.code(), Some(1));
    comes_back(folder, "some");
    let page = fs::read_to_string(folder.join("some/index.html")).unwrap();
    for message in ["bdy", "missing.yaml", "no networks in"] {
        assert!(page.contains(message), "{message}");
    }
    let measured = "--bench --batch 4000000000,1 --budget 20ms --threads 1";
    let output = run(folder, format!("report {named} {measured} --out measured").split(' '));
    assert_eq!(output.status.code(), Some(1));
    assert!(comes_back(folder, "measured").contains("narrow.yaml` with batch 4000000000"));
}

/// The report that the dashboard makes is made again by the command line.
#[test]
fn pages_of_the_dashboard_are_made_again() {
    let folder = folder();
    let folder = folder.path();
    bench(folder, "s.db", "nets/narrow.yaml");
    let inside = |name: &str| folder.join(name);
    let command = ReproCommand {
        inputs: vec![inside("nets/narrow.yaml").into(), inside("nets/large.yaml").into()],
        samples: DEFAULT_SAMPLES,
        store: inside("s.db"),
        out: inside("a report"),
        ..ReproCommand::default()
    };
    let report =
        report_on(&command, &|_| ControlFlow::Continue(()), &mut |trouble| panic!("{trouble}"));
    let (report, inputs) = report.unwrap().unwrap();
    inceptive_report::write(
        &report,
        &Analysis::new(&report.candidates),
        &command.out,
        &inputs,
        &mut || ControlFlow::Continue(()),
    )
    .unwrap();
    bench(folder, "s.db", "nets/narrow.yaml nets/wide.yml");
    comes_back(folder, "a report");
}

/// An interrupt ends counting at once, and no page is of a part of a space.
#[test]
#[cfg(unix)]
fn counting_a_space_can_be_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    // Minutes of counting: 100,000 networks of 120 layers.
    let joined =
        |text: &dyn Fn(usize) -> String| (0..120).map(text).collect::<Vec<String>>().join(", ");
    let base = format!(
        "name: B\nparams: {{{}}}\ninput: {{channels: 3, size: 8}}\nbody: [{}]\ntail: []\n",
        joined(&|at| format!("v{at}: 1")),
        joined(&|at| format!("conv c{at}: {{kernel: 1, width: $v{at}}}")),
    );
    let space = format!(
        "space: S\nbase: base.yaml\nvary: {{{}}}\nwith: {{params: {{{}}}}}\n",
        joined(&|at| format!("v{at}: {{values: [1, 2]}}")),
        joined(&|at| format!("v{at}: $v{at}")),
    );
    std::fs::write(folder.path().join("base.yaml"), base).unwrap();
    std::fs::write(folder.path().join("space.yaml"), space).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_inceptive"))
        .args(["report", "--samples", "100000", "--out", "out", "space.yaml"])
        .current_dir(folder.path())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let asked = std::time::Instant::now();
    assert!(!child.wait().unwrap().success());
    assert!(asked.elapsed() < std::time::Duration::from_secs(10));
    assert!(!folder.path().join("out").exists());
}
