//! Results survive whatever happens to the file.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{fs, path::Path, process::Command, thread};

use common::{file, measurement};
use inceptive_results::{Grade, Measurement, TrainingRun, example::training_run};
use inceptive_store::{
    Filter, ForeignMeasurement, Format, Store, StoreError, StoreState, Table as _, read_timm,
    write, write_timm,
};

#[test]
fn what_is_added_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let result = measurement("googlenet", 12);
    {
        let mut store = Store::open(&path).unwrap();
        assert!(store.append(&result).unwrap());
        assert!(!store.append(&result).unwrap(), "the same result is kept once");
        assert!(store.append(&measurement("xception", 30)).unwrap());
    }
    let store = Store::open_to_read(&path).unwrap();
    let all = store.records::<Measurement>(&Filter::default()).unwrap().readable;
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].id, &all[0].result), (1, &result));
    assert_eq!(store.record::<Measurement>(1).unwrap().unwrap(), result);
    assert!(store.record::<Measurement>(3).unwrap().is_none());
    let filter = Filter { model: Some("XCEP".to_owned()), ..Filter::default() };
    assert_eq!(store.records::<Measurement>(&filter).unwrap().readable.len(), 1);
    let filter = Filter { engine: Some("rten".to_owned()), ..Filter::default() };
    assert!(store.records::<Measurement>(&filter).unwrap().readable.is_empty());
    let filter =
        Filter { machine: Some(inceptive_results::example::machine().id()), ..Filter::default() };
    assert_eq!(store.records::<Measurement>(&filter).unwrap().readable.len(), 2);
}

#[test]
fn results_are_never_changed() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    Store::open(&path).unwrap().append(&measurement("m", 1)).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    for sql in ["DELETE FROM measurement", "UPDATE measurement SET machine = 'other'"] {
        let refused = connection.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("only added"), "{refused}");
    }
    let median: f64 =
        connection.query_row("SELECT median_ms FROM measurement", [], |row| row.get(0)).unwrap();
    assert!((median - 1.0).abs() < 0.1, "columns are read from the JSON");
}

/// Again and again, as only the start, when the file is made, is a race.
#[test]
fn many_programs_open_a_new_file_at_once() {
    for _ in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path());
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| Store::open(&path).unwrap());
            }
        });
    }
}

#[test]
fn four_programs_write_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    thread::scope(|scope| {
        for writer in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let mut store = Store::open(path).unwrap();
                for ms in 1..=25 {
                    assert!(store.append(&measurement(&format!("writer {writer}"), ms)).unwrap());
                }
            });
        }
    });
    let store = Store::open_to_read(&path).unwrap();
    assert_eq!(store.records::<Measurement>(&Filter::default()).unwrap().readable.len(), 100);
}

#[test]
fn stores_are_united_by_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let [a, b] = ["a.db", "b.db"].map(|name| folder.path().join(name));
    let shared = measurement("shared", 5);
    let mut first = Store::open(&a).unwrap();
    first.append(&shared).unwrap();
    let mut second = Store::open(&b).unwrap();
    second.append(&shared).unwrap();
    second.append(&measurement("other", 6)).unwrap();
    let table = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count\n\
                 resnet50,224,100.5,9.95,1,25.56\n";
    second.append_all(&read_timm(table.as_bytes()).unwrap()).unwrap();
    drop(second);
    assert_eq!(first.merge(&b).unwrap().added, 2);
    assert_eq!(first.merge(&b).unwrap().added, 0);
    assert_eq!(first.records::<Measurement>(&Filter::default()).unwrap().readable.len(), 2);
    assert_eq!(
        first.records::<ForeignMeasurement>(&Filter::default()).unwrap().readable[0].result.model,
        "resnet50"
    );
    assert!(first.merge(&folder.path().join("none.db")).is_err());
}

/// One divided by the shortest time is not finite.
#[test]
fn a_rate_that_is_not_finite_is_an_empty_cell() {
    let mut result = measurement("googlenet", 10);
    result.latency_ms.median.value = f64::from_bits(1);
    let mut table = Vec::new();
    write_timm([&result], &[], &mut table).unwrap();
    let table = String::from_utf8(table).unwrap();
    let row: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(row[2..4], ["", "0.0"], "{table}");
}

/// A result with another peak of the machine, at another time.
fn with_peak(name: &str, peak_gflops: f64, day: u64) -> Measurement {
    let mut result = measurement(name, 10);
    result.roofline.peak_gflops = peak_gflops;
    result.finished_unix_ms = day * 86_400_000;
    result
}

/// Of two runs the second measured a higher peak, and both are shown against it; what each measured stays.
#[test]
fn speeds_are_held_against_the_highest_peak_of_the_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    for result in
        [with_peak("low", 101.0, 1), with_peak("high", 181.0, 2), with_peak("low", 150.0, 3)]
    {
        store.append(&result).unwrap();
    }
    let read = |filter: &Filter| store.records::<Measurement>(filter).unwrap().readable;
    let all = read(&Filter::default());
    let peaks: Vec<f64> = all.iter().map(|it| it.result.roofline.peak_gflops).collect();
    assert_eq!(peaks, [101.0, 181.0, 150.0]);
    let shown = |it: &inceptive_store::Stored<Measurement>| {
        let best = it.result.best_roofline();
        (best.roofline.peak_gflops, best.peak_unix_ms / 86_400_000)
    };
    assert!(all.iter().all(|it| shown(it) == (181.0, 2)));
    let grades: Vec<Grade> = all.iter().map(|it| it.result.grade).collect();
    assert_eq!(grades, [Grade::C, Grade::A, Grade::B]);
    // Also where only some results are wanted, and not before the higher peak was known.
    let low = Filter { model: Some("low".to_owned()), ..Filter::default() };
    assert_eq!(shown(&read(&low)[0]), (181.0, 2));
    let before = Filter { up_to: Some("1+0".parse().unwrap()), ..Filter::default() };
    assert_eq!((shown(&read(&before)[0]), read(&before)[0].result.grade), ((101.0, 1), Grade::A));
    assert_eq!(store.record::<Measurement>(1).unwrap().unwrap().grade, Grade::C);
    // What is read is written as it was measured.
    let mut other = Store::open(&folder.path().join("other.db")).unwrap();
    assert!(other.append(&all[0].result).unwrap());
    assert_eq!(
        other.records::<Measurement>(&Filter::default()).unwrap().readable[0].result.grade,
        Grade::A
    );
    assert_eq!(other.merge(&path).unwrap().added, 2, "the first is there already");

    let mut table = Vec::new();
    write(Format::Csv, &all, &mut table).unwrap();
    let mut reader = csv::Reader::from_reader(table.as_slice());
    let header = reader.headers().unwrap().clone();
    let row = reader.records().next().unwrap().unwrap();
    let cell = |name: &str| row[header.iter().position(|it| it == name).unwrap()].to_owned();
    assert_eq!(
        (cell("peak_gflops"), cell("best_peak_gflops")),
        ("101".to_owned(), "181".to_owned())
    );
    assert_eq!(
        (cell("best_peak_unix_ms"), cell("grade")),
        ("172800000".to_owned(), "C".to_owned())
    );
    assert!(cell("findings").contains("44% below the 181 of 1970-01-03"), "{}", cell("findings"));
}

/// A row that another program, or a version of this one, broke is left out and named; the others are there.
#[test]
fn unreadable_rows_leave_the_others_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    Store::open(&path).unwrap().append(&measurement("first", 1)).unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    for sql in [
        "INSERT INTO measurement (content, machine, json) VALUES ('x', 'y', '{\"seed\": null}')",
        "INSERT INTO foreign_measurement (content, json) VALUES ('x', '{\"model\": \"m\"}')",
    ] {
        connection.execute(sql, []).unwrap();
    }
    let mut store = Store::open(&path).unwrap();
    store.append(&measurement("last", 2)).unwrap();

    let all = store.records::<Measurement>(&Filter::default()).unwrap();
    assert_eq!(all.readable.iter().map(|stored| stored.id).collect::<Vec<_>>(), [1, 3]);
    assert!(all.unreadable[0].to_string().starts_with("measurement 2 of"), "{:?}", all.unreadable);
    assert!(store.record::<Measurement>(2).is_err());
    assert_eq!(
        store.records::<ForeignMeasurement>(&Filter::default()).unwrap().unreadable.len(),
        1
    );

    let mut other = Store::open(&folder.path().join("other.db")).unwrap();
    let merged = other.merge(&path).unwrap();
    assert_eq!((merged.added, merged.unreadable.len()), (2, 2));
    assert!(other.records::<Measurement>(&Filter::default()).unwrap().unreadable.is_empty());
}

#[test]
fn tables_with_impossible_numbers_are_refused() {
    let read = |rate: &str, time: &str, params: &str, gmacs: &str| {
        let table = format!(
            "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count,infer_gmacs\n\
             \"good,\none\",224,100.5,9.95,1,0.0,\n\
             bad,224,{rate},{time},1,{params},{gmacs}\n"
        );
        read_timm(table.as_bytes()).map_err(|error| error.to_string())
    };
    assert_eq!(read("1", "1", "1", "0").unwrap().len(), 2);
    for (wrong, column) in [
        (read("nan", "1", "1", "1"), "infer_samples_per_sec"),
        (read("0", "1", "1", "1"), "infer_samples_per_sec"),
        (read("1", "-inf", "1", "1"), "infer_step_time"),
        (read("1", "1", "-2", "1"), "param_count"),
        (read("1", "1", "1", "nan"), "infer_gmacs"),
    ] {
        let message = wrong.unwrap_err();
        assert!(
            message.starts_with("line 4: invalid value ") && message.ends_with(column),
            "{message}"
        );
    }
}

/// Refuses to open, and leaves the file as it was.
fn refuses(path: &Path, expected: fn(&StoreError) -> bool) {
    let before = fs::read(path).unwrap();
    for error in [Store::open(path).unwrap_err(), Store::open_to_read(path).unwrap_err()] {
        assert!(expected(&error), "{error:?}");
        assert!(!error.to_string().is_empty());
    }
    assert_eq!(fs::read(path).unwrap(), before);
}

#[test]
fn other_files_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    fs::write(&path, "name: GoogLeNet\ninput: {channels: 3}\n").unwrap();
    refuses(&path, |error| matches!(error, StoreError::NotOurs(_)));

    let other = folder.path().join("other.db");
    rusqlite::Connection::open(&other).unwrap().execute("CREATE TABLE t (x)", []).unwrap();
    refuses(&other, |error| matches!(error, StoreError::NotOurs(_)));

    assert!(matches!(Store::open(folder.path()).unwrap_err(), StoreError::NotOurs(_)));
    let missing = folder.path().join("missing.db");
    assert!(matches!(Store::open_to_read(&missing).unwrap_err(), StoreError::Missing(_)));
    assert!(!missing.exists());
    let nowhere = folder.path().join("no/such/folder.db");
    assert!(matches!(Store::open(&nowhere).unwrap_err(), StoreError::ReadOnly(_)));
}

#[test]
fn newer_stores_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    Store::open(&path).unwrap().append(&measurement("m", 1)).unwrap();
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    refuses(&path, |error| matches!(error, StoreError::Newer { found: 99, .. }));
}

#[test]
fn a_negative_version_is_none_of_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    Store::open(&path).unwrap().append(&measurement("m", 1)).unwrap();
    for version in [-5, i32::MIN] {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", version).unwrap();
        drop(connection);
        refuses(&path, |error| matches!(error, StoreError::NotOurs(_)));
    }
}

#[test]
fn truncated_stores_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    {
        let mut store = Store::open(&path).unwrap();
        for ms in 1..40 {
            store.append(&measurement("m", ms)).unwrap();
        }
    }
    let whole = fs::read(&path).unwrap();
    for share in [0.3, 0.5, 0.9] {
        let cut = folder.path().join("cut.db");
        fs::write(&cut, &whole[..(whole.len() as f64 * share) as usize]).unwrap();
        let error = Store::open(&cut).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{share}: {error:?}");
        assert!(error.to_string().contains(".recover"));
    }
    let mut broken = whole.clone();
    let middle = broken.len() / 2;
    broken[middle..middle + 8192].fill(0xA5);
    let path = folder.path().join("broken.db");
    fs::write(&path, broken).unwrap();
    assert!(matches!(Store::open(&path).unwrap_err(), StoreError::Damaged { .. }));
}

/// The disk is full: SQLite is told that the file may not grow.
#[test]
fn a_full_disk_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    store.append(&measurement("m", 1)).unwrap();
    store.limit_pages(12).unwrap();
    let error = (2..500).find_map(|ms| store.append(&measurement("m", ms)).err()).unwrap();
    assert!(matches!(error, StoreError::Full(_)), "{error:?}");
    drop(store);
    let kept =
        Store::open(&path).unwrap().records::<Measurement>(&Filter::default()).unwrap().readable;
    assert_eq!(kept[0].result.latency_ms.count, 30);
}

/// The names of all results in a file.
fn names(path: &Path) -> Vec<String> {
    let all =
        Store::open_to_read(path).unwrap().records::<Measurement>(&Filter::default()).unwrap();
    all.readable.into_iter().map(|stored| stored.result.subject.name).collect()
}

#[test]
fn a_store_that_is_deleted_while_it_is_open_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    store.append(&measurement("before", 1)).unwrap();
    fs::remove_file(&path).unwrap();
    for after in 2..4 {
        assert!(store.append(&measurement("after", after)).unwrap());
    }
    drop(store);
    assert_eq!(names(&path), ["after", "after"]);
}

#[test]
#[cfg(unix)]
fn a_store_that_is_replaced_while_it_is_open_takes_what_follows() {
    let folder = tempfile::tempdir().unwrap();
    let (path, saved) = (file(folder.path()), folder.path().join("saved.db"));
    Store::open(&saved).unwrap().append(&measurement("saved", 1)).unwrap();
    let mut store = Store::open(&path).unwrap();
    for before in 2..5 {
        store.append(&measurement("before", before)).unwrap();
    }
    let moved = folder.path().join("moved.db");
    fs::rename(&path, &moved).unwrap();
    fs::rename(&saved, &path).unwrap();
    for after in 5..7 {
        assert!(store.append(&measurement("after", after)).unwrap());
        // Another program sees it at once, while the store is still open.
        assert!(names(&path).contains(&"after".to_owned()));
    }
    drop(store);
    assert_eq!(names(&path), ["saved", "after", "after"]);
    assert_eq!(names(&moved), ["before", "before", "before"], "nothing was left behind in the log");
}

#[test]
#[cfg(unix)]
fn a_store_goes_on_once_what_took_its_place_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("results");
    fs::create_dir(&inside).unwrap();
    let path = file(&inside);
    let mut store = Store::open(&path).unwrap();
    store.append(&measurement("first", 1)).unwrap();

    // Another file with its name: not ours.
    let aside = folder.path().join("aside.db");
    fs::rename(&path, &aside).unwrap();
    fs::write(&path, "a text").unwrap();
    for _ in 0..2 {
        let error = store.append(&measurement("lost", 2)).unwrap_err();
        assert!(matches!(error, StoreError::NotOurs(_)), "{error}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "a text");
    fs::rename(&aside, &path).unwrap();
    assert!(store.append(&measurement("second", 3)).unwrap());

    // A name of which cannot be said whether it is there.
    let away = folder.path().join("away");
    fs::rename(&inside, &away).unwrap();
    fs::write(&inside, "").unwrap();
    let error = store.append(&measurement("lost", 4)).unwrap_err();
    assert!(matches!(error, StoreError::Read { .. }), "{error}");
    fs::remove_file(&inside).unwrap();
    fs::rename(&away, &inside).unwrap();
    assert!(store.append(&measurement("third", 5)).unwrap());

    // No file, where none can be made; then it is made.
    fs::rename(&inside, &away).unwrap();
    assert!(store.append(&measurement("lost", 6)).is_err());
    fs::create_dir(&inside).unwrap();
    assert!(store.append(&measurement("fourth", 7)).unwrap());
    drop(store);
    assert_eq!(names(&path), ["fourth"]);
    assert_eq!(names(&file(&away)), ["first", "second", "third"]);
}

#[test]
#[cfg(unix)]
fn a_read_only_store_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    Store::open(&path).unwrap().append(&measurement("m", 1)).unwrap();
    let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    set(0o555);
    let read = Store::open_to_read(&path)
        .and_then(|store| store.records::<Measurement>(&Filter::default()));
    let is_root = fs::write(folder.path().join("probe"), "").is_ok();
    let written = Store::open(&path).and_then(|mut store| store.append(&measurement("m", 2)));
    set(0o755);
    assert_eq!(read.unwrap().readable.len(), 1);
    // Root writes anywhere.
    assert!(is_root || matches!(written.unwrap_err(), StoreError::ReadOnly(_)));
}

#[test]
fn tables_hold_every_result() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    let (first, second) = (measurement("名前, \"quoted\"", 10), measurement("m", 20));
    store.append(&first).unwrap();
    store.append(&second).unwrap();
    let all = store.records::<Measurement>(&Filter::default()).unwrap().readable;

    let mut text = Vec::new();
    write(Format::Csv, &all, &mut text).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_slice());
    let header = reader.headers().unwrap().clone();
    assert_eq!(header.len(), Measurement::columns().len());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[0][1]), (2, "名前, \"quoted\""));
    let median = header.iter().position(|name| name == "median_ms").unwrap();
    assert_eq!(rows[1][median].parse::<f64>().unwrap(), second.latency_ms.median.value);

    let mut text = Vec::new();
    write(Format::Json, &all, &mut text).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!(json[1]["id"], 2);
    assert_eq!(serde_json::from_value::<Measurement>(json[0].clone()).unwrap(), first);

    let mut bytes = Vec::new();
    let written = write(Format::Parquet, &all, &mut bytes);
    #[cfg(feature = "parquet")]
    written.map(|()| parquet_agrees(&bytes, &all)).unwrap();
    #[cfg(not(feature = "parquet"))]
    assert!(written.unwrap_err().to_string().contains("--features parquet"));

    let mut text = Vec::new();
    write_timm(all.iter().map(|stored| &stored.result), &[], &mut text).unwrap();
    let rows = read_timm(text.as_slice()).unwrap();
    assert_eq!((rows[1].model.as_str(), rows[1].infer_batch_size), ("m", 2));
    assert!((rows[1].infer_step_time - 20.0).abs() < 0.1);
    assert!((rows[1].infer_samples_per_sec - 100.0).abs() < 0.1);
}

#[test]
fn training_runs_are_kept_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    let runs = [training_run(0, 90.0), training_run(u64::MAX, 91.5)];
    assert_eq!(store.append_all(&runs).unwrap(), 2);
    assert!(!store.append(&runs[0]).unwrap(), "the same run is kept once");
    let mut impossible = training_run(3, 90.0);
    impossible.train_loss = Some(f64::NAN);
    let refused = store.append(&impossible).unwrap_err();
    assert!(refused.to_string().contains("train_loss is NaN"), "{refused}");
    assert!(store.state().unwrap().to_string().starts_with("0+0+2@"));

    let all = store.records::<TrainingRun>(&Filter::default()).unwrap().readable;
    assert_eq!(all.iter().map(|stored| &stored.result).collect::<Vec<_>>(), [&runs[0], &runs[1]]);
    let of = |engine: &str| Filter { engine: Some(engine.to_owned()), ..Filter::default() };
    let count = |filter| store.records::<TrainingRun>(&filter).unwrap().readable.len();
    assert_eq!((count(of("native")), count(of("other"))), (2, 0));

    let mut text = Vec::new();
    write(Format::Csv, &all, &mut text).unwrap();
    let columns = TrainingRun::columns().into_iter().map(|column| column.name);
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.lines().next().unwrap(), columns.collect::<Vec<_>>().join(","));
    assert_eq!(text.lines().count(), 3, "{text}");
    let mut text = Vec::new();
    write(Format::Json, &all, &mut text).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
    assert_eq!((&json[1]["id"], &json[0]["history"][1]["loss"]), (&2.into(), &0.4.into()));
    assert_eq!(serde_json::from_value::<TrainingRun>(json[1].clone()).unwrap(), runs[1]);

    let mut other = Store::open(&folder.path().join("other.db")).unwrap();
    assert_eq!(other.merge(&path).unwrap().added, 2);
    let merged = other.records::<TrainingRun>(&Filter::default()).unwrap().readable;
    assert_eq!(merged, all);
}

/// What a reader of Parquet sees is what the columns say.
#[cfg(feature = "parquet")]
fn parquet_agrees(bytes: &[u8], all: &[inceptive_store::Stored<Measurement>]) {
    use inceptive_store::Cell;
    use parquet::{
        file::reader::{FileReader, SerializedFileReader},
        record::Field,
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    fs::write(&path, bytes).unwrap();
    let reader = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), all.len());
    for (row, stored) in rows.iter().zip(all) {
        for ((name, field), column) in row.get_column_iter().zip(Measurement::columns()) {
            assert_eq!(name, column.name);
            let same = match (column.value(stored), field) {
                (Cell::Text(text), Field::Str(field)) => text == *field,
                (Cell::Count(count), Field::Long(field)) => i64::try_from(count) == Ok(*field),
                (Cell::Number(number), Field::Double(field)) => number == *field,
                (Cell::Absent, Field::Null) => true,
                _ => false,
            };
            assert!(same, "{name}: {field:?}");
        }
    }
}

/// A program that is killed at a random moment leaves whole results only.
#[test]
#[cfg(unix)]
fn killed_programs_leave_whole_results() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    if let Some(path) = std::env::var_os("INCEPTIVE_TEST_WRITE_TO") {
        let mut store = Store::open(Path::new(&path)).unwrap();
        for ms in 1.. {
            store.append(&measurement("m", ms)).unwrap();
            fs::write(Path::new(&path).with_extension("count"), ms.to_string()).unwrap();
        }
    }
    let this = std::env::current_exe().unwrap();
    for round in 0..6_u64 {
        let mut child = Command::new(&this)
            .args(["--exact", "killed_programs_leave_whole_results"])
            .env("INCEPTIVE_TEST_WRITE_TO", &path)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(std::time::Duration::from_millis(150 + 37 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let promised: usize = fs::read_to_string(path.with_extension("count"))
            .map_or(0, |text| text.parse().unwrap_or(0));
        let kept = Store::open(&path)
            .unwrap()
            .records::<Measurement>(&Filter::default())
            .unwrap()
            .readable;
        assert!(kept.len() >= promised, "{} of {promised}", kept.len());
        for extension in ["db", "db-wal", "db-shm", "count"] {
            let _ = fs::remove_file(path.with_extension(extension));
        }
    }
}

#[test]
fn a_state_names_the_same_results_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.state().unwrap().to_string(), "0+0");
    store.append(&measurement("a", 1)).unwrap();
    store.append(&measurement("b", 2)).unwrap();
    let state = store.state().unwrap();
    assert!(state.to_string().starts_with("2+0@"), "{state}");
    store.append(&measurement("c", 3)).unwrap();
    // What comes later changes nothing.
    assert_ne!(store.state().unwrap(), state);
    assert_eq!(store.state_up_to(&state).unwrap(), state);
    let filter = Filter { up_to: Some(state.clone()), ..Filter::default() };
    assert_eq!(store.records::<Measurement>(&filter).unwrap().readable.len(), 2);
    let plain: StoreState = "2".parse().unwrap();
    assert_eq!(store.state_up_to(&plain).unwrap(), state);
    // A file with other results is told.
    let other = folder.path().join("other.db");
    let mut replaced = Store::open(&other).unwrap();
    for results in 0..3 {
        let refused = replaced.state_up_to(&state).unwrap_err();
        assert!(matches!(refused, StoreError::Changed { .. }), "{results}: {refused}");
        assert!(refused.to_string().contains(&state.to_string()), "{refused}");
        replaced.append(&measurement("a", 5 + results)).unwrap();
    }
}
