//! The store as users meet it: killed programs, names that mean something to SQLite, rows that cannot be read.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::inceptive;

const TABLE: &str = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count\n\
                     resnet50,224,100.5,9.95,1,25.56\n";

fn run(folder: &Path, arguments: &str) -> (Option<i32>, String) {
    let output = inceptive(arguments).current_dir(folder).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

/// Killed while it makes a store, at any moment: there is none yet, or a whole one.
#[test]
fn killed_while_a_store_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("table.csv"), TABLE).unwrap();
    let mut left = 0;
    for round in 0..200_u64 {
        let store = format!("{round}.db");
        let mut child = Command::new(env!("CARGO_BIN_EXE_inceptive"))
            .args(["results", "import", "table.csv", "--store", &store])
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Once it has made the file, so that most are killed while they fill it.
        for _ in 0..10_000 {
            if folder.join(&store).exists() || child.try_wait().unwrap().is_some() {
                break;
            }
            thread::sleep(Duration::from_micros(50));
        }
        thread::sleep(Duration::from_micros(round % 50 * 100));
        child.kill().unwrap();
        child.wait().unwrap();
        left += u32::from(folder.join(&store).exists());

        let (code, said) = run(folder, &format!("results export timm --store {store}"));
        let is_none = code == Some(1) && said.contains("no results in");
        assert!(code == Some(0) || is_none, "{round}: {said}");
        let (code, said) = run(folder, &format!("results import table.csv --store {store}"));
        assert_eq!(code, Some(0), "{round}: {said}");
        let (code, said) = run(folder, &format!("results export timm --store {store}"));
        assert!(code == Some(0) && said.contains("resnet50"), "{round}: {said}");
    }
    assert!(left > 100, "only {left} were killed after the file was there");
}

#[test]
fn names_of_stores_are_names_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("table.csv"), TABLE).unwrap();
    let foreign = folder.join("foreign.db");
    fs::write(&foreign, "of somebody else").unwrap();
    for name in [":memory:", "file:foreign.db", "file:foreign.db?mode=memory", "file::memory:"] {
        let (code, said) = run(folder, &format!("results import table.csv --store {name}"));
        assert_eq!((code, said.as_str()), (Some(0), "1 of 1 row added\n"), "{name}");
        assert!(folder.join(name).is_file(), "{name}");
        let (_, said) = run(folder, &format!("results export timm --store {name}"));
        assert!(said.contains("resnet50"), "{name}: {said}");
        let (_, said) = run(folder, &format!("results merge into.db {name}"));
        assert!(said.starts_with(&format!("{name}: ")), "{said}");
    }
    assert_eq!(fs::read_to_string(foreign).unwrap(), "of somebody else");
    let (code, said) = run(folder, "results list --store file:none.db");
    assert_eq!(code, Some(1));
    assert!(said.contains("no results in `file:none.db` yet"), "{said}");
}

#[test]
fn a_store_with_more_than_ours_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("table.csv"), TABLE).unwrap();
    run(folder, "results import table.csv");
    let connection = rusqlite::Connection::open(folder.join("inceptive.db")).unwrap();
    let sql = "CREATE TRIGGER swallow BEFORE INSERT ON foreign_measurement
               BEGIN SELECT RAISE(IGNORE); END";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    for command in ["results import table.csv", "results list", "results export timm"] {
        let (code, said) = run(folder, command);
        assert_eq!(code, Some(1), "{command}");
        assert!(said.contains("unexpected trigger `swallow`"), "{command}: {said}");
    }
}

#[test]
fn one_row_that_cannot_be_read_hides_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("table.csv"), TABLE).unwrap();
    run(folder, "results import table.csv");
    let connection = rusqlite::Connection::open(folder.join("inceptive.db")).unwrap();
    let sql = "PRAGMA ignore_check_constraints = on;
               INSERT INTO foreign_measurement (content, json) VALUES ('a', CAST(x'ff' AS TEXT));
               INSERT INTO measurement (content, machine, json) VALUES ('b', 'x', '{}');
               INSERT INTO profile (content, machine, json) VALUES ('c', 'x', '{}')";
    connection.execute_batch(sql).unwrap();
    drop(connection);
    for (command, rows) in [
        ("results list", vec!["measurement 1"]),
        ("results list --json", vec!["measurement 1"]),
        ("results list --engine rten", vec!["measurement 1"]),
        ("results export csv", vec!["measurement 1"]),
        ("results export timm", vec!["measurement 1", "foreign_measurement 2"]),
        ("results merge other.db inceptive.db", vec!["measurement 1", "profile 1"]),
    ] {
        let (code, said) = run(folder, command);
        assert_eq!(code, Some(0), "{command}: {said}");
        for row in rows {
            let expected = format!("left out: {row} of `inceptive.db` cannot be read");
            assert!(said.contains(&expected), "{command}: {said}");
        }
    }
    let (_, said) = run(folder, "results export timm");
    assert!(said.contains("resnet50"), "{said}");
}

#[test]
fn a_log_that_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("table.csv"), TABLE).unwrap();
    run(folder, "results import table.csv");
    fs::write(folder.join("inceptive.db-wal"), [7; 4096]).unwrap();
    for command in ["results list", "results import table.csv", "results merge new.db inceptive.db"]
    {
        let (code, said) = run(folder, command);
        assert_eq!(code, Some(1), "{command}: {said}");
        assert!(said.contains("inceptive.db-wal` cannot be read: its header is damaged"), "{said}");
    }
}

/// A user's own accuracies: listed, exported, and in the report of the network that they name; the report's command makes
/// it again after more were imported.
#[test]
fn own_results_are_in_lists_and_reports() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let network =
        "name: Tiny\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - relu\ntail: gap\n";
    fs::write(folder.join("tiny.yaml"), network).unwrap();
    fs::write(folder.join("own.csv"), "network,top1,dataset\ntiny,91.25,mine\nother,3,\n").unwrap();
    let (code, said) = run(folder, "results import own.csv");
    assert_eq!((code, said.as_str()), (Some(0), "2 of 2 rows added\n"));
    assert_eq!(run(folder, "results import own.csv").1, "0 of 2 rows added\n");
    let (_, said) = run(folder, "results list --kind imported");
    assert!(said.contains("tiny") && said.contains("91.25") && said.contains("own.csv"), "{said}");
    assert!(run(folder, "results list").1.contains("2 imported results"));
    let (_, said) = run(folder, "results export csv --kind imported");
    assert!(said.contains("1,tiny,,mine,91.25,,,own.csv,"), "{said}");
    let (_, said) = run(folder, "results show 1 --kind imported");
    assert!(said.contains("top1") && said.contains("91.25"), "{said}");

    let (code, said) = run(folder, "report tiny.yaml inceptive.db --out first");
    assert_eq!(code, Some(0), "{said}");
    let data = fs::read_to_string(folder.join("first/data.json")).unwrap();
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    let imported = &data["candidates"][0]["imported"];
    assert_eq!(imported.as_array().unwrap().len(), 1);
    assert_eq!(imported[0]["top1"], 91.25);
    let page = fs::read_to_string(folder.join("first/index.html")).unwrap();
    assert!(page.contains("Imported results") && page.contains("own.csv"));
    let command = data["command"].as_str().unwrap().replacen("inceptive ", "", 1);
    fs::write(folder.join("more.csv"), "network,top1\ntiny,12\n").unwrap();
    run(folder, "results import more.csv");
    run(folder, &command.replace("--out first", "--out second"));
    let again = fs::read_to_string(folder.join("second/data.json")).unwrap();
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["candidates"][0]["imported"], *imported);
}

/// With a fingerprint, a result is of that graph, whatever its file is called now.
#[test]
fn own_results_with_a_fingerprint_are_of_that_network_only() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let network = |channels: u32| {
        format!(
            "name: Tiny\ninput: {{channels: {channels}, size: 8}}\nclasses: 2\nbody:\n  - relu\ntail: gap\n"
        )
    };
    fs::write(folder.join("first.yaml"), network(3)).unwrap();
    let (_, counts) = run(folder, "cost first.yaml --json");
    let counts: serde_json::Value = serde_json::from_str(&counts).unwrap();
    let fingerprint = counts[0]["fingerprint"].as_str().unwrap();
    fs::write(
        folder.join("own.csv"),
        format!("network,top1,fingerprint\nfirst,90,{fingerprint}\n"),
    )
    .unwrap();
    run(folder, "results import own.csv");
    let imported = |name: &str| {
        run(folder, &format!("report {name}.yaml inceptive.db --out {name}"));
        let data = fs::read_to_string(folder.join(name).join("data.json")).unwrap();
        let data: serde_json::Value = serde_json::from_str(&data).unwrap();
        let candidates = data["candidates"].as_array().unwrap();
        let of_file = candidates.iter().find(|it| it["file"] == format!("{name}.yaml")).unwrap();
        of_file["imported"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(imported("first"), 1);
    fs::rename(folder.join("first.yaml"), folder.join("renamed.yaml")).unwrap();
    fs::write(folder.join("first.yaml"), network(1)).unwrap();
    assert_eq!((imported("renamed"), imported("first")), (1, 0));
    fs::write(folder.join("wrong.csv"), "network,top1,fingerprint\nfirst,90,abc\n").unwrap();
    let (code, said) = run(folder, "results import wrong.csv");
    assert_eq!(code, Some(1));
    assert!(said.contains("fingerprint is abc, not 32 digits"), "{said}");
}
