//! Files that somebody else made or changed: nothing of theirs runs, and nothing is hidden.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use common::{file, measurement};
use inceptive_results::{Measurement, ProfileRecord, TrainingRun, example::training_run};
use inceptive_store::{Filter, ForeignMeasurement, Position, Store, StoreError, read_timm};
use rusqlite::Connection;

/// A store with two results.
fn store_with_two(folder: &Path) -> PathBuf {
    let path = file(folder);
    let mut store = Store::open(&path).unwrap();
    store.append(&measurement("first", 1)).unwrap();
    store.append(&measurement("second", 2)).unwrap();
    path
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}{suffix}", path.display()))
}

/// All ways to open a store refuse it, and leave it as it is.
fn refused(path: &Path) -> StoreError {
    let before = fs::read(path).unwrap();
    let mut other = Store::open(&path.with_extension("other")).unwrap();
    let merged = other.merge(path).unwrap_err();
    assert!(other.records::<Measurement>(&Filter::default()).unwrap().readable.is_empty());
    let read = Store::open_to_read(path).unwrap_err();
    let written = Store::open(path).unwrap_err();
    assert_eq!(fs::read(path).unwrap(), before);
    assert_eq!(read.to_string(), written.to_string());
    assert_eq!(read.to_string(), merged.to_string());
    written
}

/// What an attack planted: triggers that swallow or delete results, a view that never ends in the place of the table,
/// columns that compute something else, and anything that is not ours at all.
#[test]
fn a_schema_that_is_not_ours_is_refused() {
    for (sql, expected) in [
        (
            "CREATE TRIGGER swallow BEFORE INSERT ON measurement BEGIN SELECT RAISE(IGNORE); END",
            "unexpected trigger `swallow`",
        ),
        (
            "CREATE TRIGGER lose AFTER INSERT ON measurement
             BEGIN INSERT OR REPLACE INTO measurement (id, content, machine, json)
             VALUES (new.id, 'x', 'x', '{}'); END",
            "unexpected trigger `lose`",
        ),
        ("DROP TRIGGER measurement_stays", "the trigger `measurement_stays` is missing"),
        ("DROP INDEX measurement_key", "the index `measurement_key` is missing"),
        (
            "DROP TABLE foreign_measurement;
             CREATE VIEW foreign_measurement AS WITH RECURSIVE loop(n) AS
             (SELECT 1 UNION ALL SELECT n + 1 FROM loop) SELECT n AS id, '{}' AS json FROM loop",
            "unexpected view `foreign_measurement`",
        ),
        (
            "ALTER TABLE measurement ADD COLUMN more TEXT
             GENERATED ALWAYS AS (hex(zeroblob(1000))) VIRTUAL",
            "the table `measurement` has another definition",
        ),
        (
            "CREATE TABLE mine (x, y AS (printf('%.*c', 1000000000, 'x')))",
            "unexpected table `mine`",
        ),
        ("CREATE INDEX mine ON profile (hex(json))", "unexpected index `mine`"),
        ("ANALYZE", "unexpected table `sqlite_stat"),
        ("PRAGMA user_version = 0", "unexpected"),
        ("PRAGMA user_version = 1", "unexpected"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = store_with_two(folder.path());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let error = refused(&path);
        let StoreError::Schema { difference, .. } = &error else { panic!("{sql}: {error:?}") };
        assert!(difference.starts_with(expected), "{sql}: {difference}");
    }
}

/// What is changed while a store is open is seen before the next result goes to it.
#[test]
fn a_schema_that_is_changed_meanwhile_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_with_two(folder.path());
    let mut store = Store::open(&path).unwrap();
    let sql = "CREATE TRIGGER swallow BEFORE INSERT ON measurement BEGIN SELECT RAISE(IGNORE); END";
    Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    let error = store.append(&measurement("third", 3)).unwrap_err();
    assert!(matches!(error, StoreError::Schema { .. }), "{error:?}");
    Connection::open(&path).unwrap().execute_batch("DROP TRIGGER swallow").unwrap();
    assert!(store.append(&measurement("third", 3)).unwrap());
}

/// A row that has the name of a result, but says something else, keeps the result out.
#[test]
fn a_result_that_is_not_there_afterwards_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_with_two(folder.path());
    let third = measurement("third", 3);
    let other = folder.path().join("other.db");
    Store::open(&other).unwrap().append(&third).unwrap();
    let sql = "SELECT content FROM measurement";
    let content: String =
        Connection::open(&other).unwrap().query_row(sql, [], |row| row.get(0)).unwrap();
    let sql = "INSERT INTO measurement (content, machine, json) VALUES (?1, 'x', '{}')";
    Connection::open(&path).unwrap().execute(sql, [content]).unwrap();

    let mut store = Store::open(&path).unwrap();
    assert!(matches!(store.append(&third).unwrap_err(), StoreError::NotKept(_)));
    assert!(matches!(store.merge(&other).unwrap_err(), StoreError::NotKept(_)));
    assert!(store.append(&measurement("first", 1)).is_ok());
}

/// Rows are named by what they say, whatever name another file gave them.
#[test]
fn merged_rows_get_their_own_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_with_two(folder.path());
    let renamed = folder.path().join("renamed.db");
    drop(Store::open(&renamed).unwrap());
    let connection = Connection::open(&renamed).unwrap();
    let source = Connection::open(&path).unwrap();
    let json: String = source
        .query_row("SELECT json FROM measurement WHERE id = 1", [], |row| row.get(0))
        .unwrap();
    let sql = "INSERT INTO measurement (content, machine, json) VALUES ('planted', 'planted', ?1)";
    connection.execute(sql, [json]).unwrap();
    drop((connection, source));
    assert_eq!(
        Store::open(&path).unwrap().merge(&renamed).unwrap().added,
        0,
        "it is there already"
    );
}

/// Text that is not JSON, no text, another number than any result has, and a row of 100 MiB.
#[test]
fn unreadable_rows_hide_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_with_two(folder.path());
    let table = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count\n\
                 resnet50,224,100.5,9.95,1,25.56\n";
    Store::open(&path).unwrap().append_all(&read_timm(table.as_bytes()).unwrap()).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "PRAGMA ignore_check_constraints = on;
             INSERT INTO foreign_measurement (content, json) VALUES ('a', 'no JSON');
             INSERT INTO foreign_measurement (content, json) VALUES ('b', CAST(x'22ff22' AS TEXT));
             INSERT INTO foreign_measurement (content, json) VALUES ('c', hex(zeroblob(50000000)));
             INSERT INTO measurement (content, machine, json) VALUES ('d', 'x', CAST(x'7b22ff223a317d' AS TEXT));
             INSERT INTO profile (content, machine, json) VALUES ('e', 'x', '[1]');",
        )
        .unwrap();
    drop(connection);
    break_json(&path);

    let store = Store::open_to_read(&path).unwrap();
    let everything = Filter::default();
    let measurements = store.records::<Measurement>(&everything).unwrap();
    let names: Vec<&str> =
        measurements.readable.iter().map(|it| it.result.subject.name.as_str()).collect();
    assert_eq!((names, measurements.unreadable.len()), (vec!["first"], 2));
    let with_filter = Filter { model: Some("FIRST".to_owned()), ..Filter::default() };
    let found = store.records::<Measurement>(&with_filter).unwrap();
    assert_eq!((found.readable.len(), found.unreadable.len()), (1, 2));
    assert_eq!(store.records::<ProfileRecord>(&everything).unwrap().unreadable.len(), 1);
    let foreign = store.records::<ForeignMeasurement>(&Filter::default()).unwrap();
    assert_eq!((foreign.readable.len(), foreign.unreadable.len()), (1, 3));
    assert!(store.record::<Measurement>(1).unwrap().is_some());
    assert!(store.record::<Measurement>(2).is_err());

    let mut writer = Store::open(&path).unwrap();
    assert!(writer.append(&measurement("third", 3)).unwrap());
    let mut other = Store::open(&folder.path().join("other.db")).unwrap();
    let merged = other.merge(&path).unwrap();
    assert_eq!((merged.added, merged.unreadable.len()), (3, 6));
}

/// Rows whose numbers no training run can have, by hand.
#[test]
fn impossible_training_runs_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    Store::open(&path).unwrap().append(&training_run(0, 90.0)).unwrap();
    let whole = serde_json::to_string(&training_run(1, 90.0)).unwrap();
    let changes = [
        ("\"test_top1\":90.0", "\"test_top1\":1e9"),
        ("\"test_top1\":90.0", "\"test_top1\":null"),
        ("\"seconds\":5.0", "\"seconds\":-1"),
        ("\"classes\":2", "\"classes\":4294967295"),
        ("[450,50,50,450]", "[450,50,50]"),
        ("[450,50,50,450]", "[18446744073709551615,1,0,0]"),
        ("\"epoch\":2", "\"epoch\":1"),
        ("\"seed\":1,", "\"seed\":-1,"),
        ("\"params\":1000", "\"params\":1e300"),
    ];
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch("PRAGMA ignore_check_constraints = on").unwrap();
    let mut added = 0;
    for (from, to) in changes {
        assert!(whole.contains(from), "{from}");
        let json = whole.replace(from, to);
        let sql = "INSERT INTO training_run (content, machine, json) VALUES (?1, 'x', ?2)";
        added += connection.execute(sql, [&sha256(&json), &json]).unwrap_or_default();
    }
    drop(connection);
    assert!(added >= changes.len() - 1, "SQLite itself refuses the wrong type of a column");
    let store = Store::open_to_read(&path).unwrap();
    let found = store.records::<TrainingRun>(&Filter::default()).unwrap();
    assert_eq!((found.readable.len(), found.unreadable.len()), (1, added));
    let mut other = Store::open(&folder.path().join("other.db")).unwrap();
    let merged = other.merge(&path).unwrap();
    assert_eq!((merged.added, merged.unreadable.len()), (1, added));
}

/// Rows with a value of another type than its column's, as their text says it, of an earlier version or by hand.
#[test]
fn rows_of_wrong_types_hide_no_others() {
    let types = [
        ("params", "\"x\""),
        ("params", "1e308"),
        ("params", "9223372036854775808"),
        ("macs", "[1]"),
        ("name", "{}"),
    ];
    for (key, value) in types {
        let folder = tempfile::tempdir().unwrap();
        let path = store_with_two(folder.path());
        let connection = Connection::open(&path).unwrap();
        let whole: String = connection
            .query_row("SELECT json FROM measurement WHERE id = 1", [], |row| row.get(0))
            .unwrap();
        let start = whole.find(&format!("\"{key}\":")).unwrap() + key.len() + 3;
        let end = start + whole[start..].find([',', '}']).unwrap();
        let json = format!("{}{value}{}", &whole[..start], &whole[end..]);
        // Where columns are computed from the text, it could not be added with such a value.
        connection
            .execute_batch(
                "PRAGMA writable_schema = on;
                 CREATE TABLE saved AS SELECT sql FROM sqlite_schema WHERE name = 'measurement';
                 UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'measurement';",
            )
            .unwrap();
        drop(connection);
        let connection = Connection::open(&path).unwrap();
        let sql = "INSERT INTO measurement (content, machine, json) VALUES (?1, 'x', ?2)";
        connection.execute(sql, [sha256(&json), json]).unwrap();
        connection
            .execute_batch(
                "PRAGMA writable_schema = on;
                 UPDATE sqlite_schema SET sql = (SELECT sql FROM saved) WHERE name = 'measurement';
                 DROP TABLE saved;",
            )
            .unwrap();
        drop(connection);
        assert_eq!(readable_and_not(&path), (2, 1), "{key}: {value}");
        let mut other = Store::open(&folder.path().join("other.db")).unwrap();
        let merged = other.merge(&path).unwrap();
        assert_eq!((merged.added, merged.unreadable.len()), (2, 1), "{key}: {value}");
        assert!(Store::open(&path).unwrap().append(&measurement("third", 3)).unwrap());
        assert_eq!(readable_and_not(&path), (3, 1), "{key}: {value}");
        Store::open_to_read(&path).unwrap().records_after(&Position::default()).unwrap();
    }
}

/// A changed digit is no result of a measurement, neither to show nor to hold others against.
#[test]
fn a_row_that_was_changed_is_unreadable() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_with_two(folder.path());
    let mut bytes = fs::read(&path).unwrap();
    let name = b"\"peak_gflops\":";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
    assert!(bytes[at].is_ascii_digit());
    bytes[at] = if bytes[at] == b'9' { b'8' } else { b'9' };
    fs::write(&path, bytes).unwrap();
    assert_eq!(readable_and_not(&path), (1, 1));
    let store = Store::open_to_read(&path).unwrap();
    let found = store.records::<Measurement>(&Filter::default()).unwrap();
    let reason = found.unreadable[0].to_string();
    assert!(reason.contains("its SHA-256 is another"), "{reason}");
    let kept = &found.readable[0].result;
    assert_eq!(kept.best_roofline().roofline, kept.roofline);
    let mut other = Store::open(&folder.path().join("other.db")).unwrap();
    let merged = other.merge(&path).unwrap();
    assert_eq!((merged.added, merged.unreadable.len()), (1, 1));
}

/// After the largest number, SQLite draws random ones, and negative ones are no state.
#[test]
fn rows_with_numbers_of_another_program_are_refused() {
    for id in [i64::MAX, i64::MAX - 1, 0, -1, i64::MIN] {
        let folder = tempfile::tempdir().unwrap();
        let path = store_with_two(folder.path());
        let mut opened = Store::open(&path).unwrap();
        Connection::open(&path)
            .unwrap()
            .execute_batch(&format!(
                "PRAGMA ignore_check_constraints = on;
                CREATE TEMP TABLE moved AS SELECT content, machine, json FROM measurement WHERE id = 1;
                INSERT INTO measurement (id, content, machine, json)
                SELECT {id}, upper(content), machine, json FROM moved"
            ))
            .unwrap();
        let added = opened.append(&measurement("third", 3)).unwrap_err();
        drop(opened);
        for error in [refused(&path), added] {
            assert!(
                matches!(&error, StoreError::Number { id: found, .. } if *found == id),
                "{error}"
            );
            assert!(error.to_string().contains("a number that another program gave it"), "{error}");
        }
    }
}

/// The name of a row with this text.
fn sha256(json: &str) -> String {
    let digest = <sha2::Sha256 as sha2::Digest>::digest(json);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn readable_and_not(path: &Path) -> (usize, usize) {
    let store = Store::open_to_read(path).unwrap();
    let found = store.records::<Measurement>(&Filter::default()).unwrap();
    (found.readable.len(), found.unreadable.len())
}

/// Damages the JSON of the second result in the file itself, so that its columns cannot be computed any more.
fn break_json(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let name = b"\"name\":\"second\"";
    let at = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[at] = b'!';
    fs::write(path, bytes).unwrap();
}

#[test]
fn names_are_names_of_files() {
    let folder = tempfile::tempdir().unwrap();
    let foreign = folder.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    let before = fs::read(&foreign).unwrap();
    // Names mean something in the working folder, which the tests of this program share.
    let this = std::env::current_exe().unwrap();
    if std::env::var_os("INCEPTIVE_TEST_NAMES").is_none() {
        let status = Command::new(this)
            .args(["--exact", "names_are_names_of_files"])
            .env("INCEPTIVE_TEST_NAMES", "1")
            .current_dir(folder.path())
            .status();
        assert!(status.unwrap().success());
        assert_eq!(fs::read(&foreign).unwrap(), before);
        return;
    }
    for name in [":memory:", "file:foreign.db", "file:x?mode=memory", "file::memory:", "a?b#c%20"] {
        let path = Path::new(name);
        assert!(matches!(Store::open_to_read(path).unwrap_err(), StoreError::Missing(_)), "{name}");
        Store::open(path).unwrap().append(&measurement("m", 1)).unwrap();
        assert!(path.is_file(), "{name}");
        let kept =
            Store::open_to_read(path).unwrap().records::<Measurement>(&Filter::default()).unwrap();
        assert_eq!(kept.readable.len(), 1, "{name}");
        let mut into = Store::open(Path::new("into.db")).unwrap();
        into.merge(path).unwrap();
        fs::remove_file(path).unwrap();
    }
}

#[test]
#[cfg(unix)]
fn stores_are_regular_files() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let sparse = folder.path().join("sparse.db");
    File::create(&sparse).unwrap().set_len(1 << 42).unwrap();
    let dangling = folder.path().join("dangling.db");
    let target = folder.path().join("target.db");
    std::os::unix::fs::symlink(&target, &dangling).unwrap();
    for path in [Path::new("/dev/zero"), &pipe, &sparse, &dangling] {
        let error = Store::open(path).unwrap_err();
        let is_refused = matches!(error, StoreError::Read { .. } | StoreError::Link { .. });
        assert!(is_refused, "{}: {error:?}", path.display());
        assert!(Store::open_to_read(path).is_err());
    }
    assert!(!target.exists(), "nothing is made where a link points");
    // A link to a store can be read, and is not written through.
    Store::open(&target).unwrap().append(&measurement("m", 1)).unwrap();
    assert_eq!(count(&dangling), 1);
    assert!(matches!(Store::open(&dangling).unwrap_err(), StoreError::Link { .. }));
}

/// A store and its log as a program leaves them that was ended, with the second result in the log only.
fn with_log(folder: &Path) -> PathBuf {
    let path = file(folder);
    Store::open(&path).unwrap().append(&measurement("first", 1)).unwrap();
    let mut store = Store::open(&path).unwrap();
    store.append(&measurement("second", 2)).unwrap();
    store.append(&measurement("third", 3)).unwrap();
    let left = folder.join("left.db");
    fs::copy(&path, &left).unwrap();
    fs::copy(beside(&path, "-wal"), beside(&left, "-wal")).unwrap();
    left
}

fn count(path: &Path) -> usize {
    let store = Store::open_to_read(path).unwrap();
    store.records::<Measurement>(&Filter::default()).unwrap().readable.len()
}

#[test]
fn a_log_that_is_whole_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_log(folder.path());
    assert_eq!(count(&path), 3);
    assert!(Store::open(&path).unwrap().append(&measurement("fourth", 4)).unwrap());
    assert_eq!(count(&path), 4);
}

/// Cut anywhere within a page, a log is one of a program that was ended while it wrote.
#[test]
fn a_log_that_ends_early_holds_what_was_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = with_log(folder.path());
    let log = beside(&path, "-wal");
    let length = fs::metadata(&log).unwrap().len();
    File::options().write(true).open(&log).unwrap().set_len(length - 100).unwrap();
    assert_eq!(count(&path), 2);
}

/// A log whose frames before the last are whole, as a writer leaves it that was killed: whatever it wrote of the last one,
/// and whatever an earlier writer had left behind it.
#[test]
fn a_killed_write_is_no_damage() {
    let frame = 24 + 4096;
    let tails: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        // Its header only.
        |last| last[..24].to_vec(),
        // A part of its page.
        |last| last[..2000].to_vec(),
        // Pages of a change that was not finished, after one whose page was written over.
        |last| {
            let mut unfinished = last;
            unfinished[4..8].fill(0);
            [unfinished.clone(), unfinished].concat()
        },
        // The same, and the header of the page that would have finished it.
        |last| {
            let mut unfinished = last.clone();
            unfinished[4..8].fill(0);
            [&unfinished, &last[..100]].concat()
        },
    ];
    for (at, tail) in tails.into_iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let path = with_log(folder.path());
        let log = beside(&path, "-wal");
        let bytes = fs::read(&log).unwrap();
        let whole = bytes.len() - frame;
        let written = [&bytes[..whole], &tail(bytes[whole..].to_vec())].concat();
        fs::write(&log, written).unwrap();
        assert_eq!(count(&path), 2, "tail {at}");
    }
}

/// While the index of the log is there, it tells how long the log was.
#[test]
fn a_log_that_is_shorter_than_its_index_says_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    store.append(&measurement("first", 1)).unwrap();
    store.append(&measurement("second", 2)).unwrap();
    let left = folder.path().join("left.db");
    let leave = |length: usize| {
        fs::copy(&path, &left).unwrap();
        fs::copy(beside(&path, "-shm"), beside(&left, "-shm")).unwrap();
        let log = fs::read(beside(&path, "-wal")).unwrap();
        fs::write(beside(&left, "-wal"), &log[..length.min(log.len())]).unwrap();
        log.len()
    };
    let whole = leave(usize::MAX);
    assert_eq!(count(&left), 2);
    for length in [whole - 1, whole - 4120, 0] {
        leave(length);
        let StoreError::Log { reason, .. } = refused(&left) else { panic!("{length}") };
        assert!(reason.contains("it is shorter than it was"), "{length}: {reason}");
    }
    // A log that was moved away on purpose is not missed.
    leave(whole);
    fs::remove_file(beside(&left, "-wal")).unwrap();
    Store::open(&left).unwrap();
}

#[test]
fn a_log_that_cannot_be_read_is_said() {
    type Damage = fn(&Path, Vec<u8>);
    let damages: [(Damage, &str); 9] = [
        (
            |log, mut bytes| {
                bytes[0] ^= 1;
                fs::write(log, bytes).unwrap()
            },
            "header is damaged",
        ),
        (
            |log, mut bytes| {
                bytes[..32].fill(0);
                fs::write(log, bytes).unwrap()
            },
            "header is damaged",
        ),
        (
            |log, mut bytes| {
                bytes[32 + 24 + 700] ^= 1;
                fs::write(log, bytes).unwrap()
            },
            "page in it is damaged",
        ),
        // Bytes are missing before a change that was finished: a page of them, and some.
        (
            |log, bytes| fs::write(log, [&bytes[..9000], &bytes[9000 + 4096..]].concat()).unwrap(),
            "bytes are missing",
        ),
        (
            |log, bytes| fs::write(log, [&bytes[..100], &bytes[107..]].concat()).unwrap(),
            "bytes are missing",
        ),
        (|log, bytes| fs::write(log, &bytes[..20]).unwrap(), "ends within its header"),
        (
            |log, _| {
                fs::remove_file(log).unwrap();
                fs::create_dir(log).unwrap()
            },
            "not a regular file",
        ),
        (
            |log, _| {
                assert!(
                    Command::new("mkfifo")
                        .arg(log.with_extension("pipe"))
                        .status()
                        .unwrap()
                        .success()
                );
                fs::rename(log.with_extension("pipe"), log).unwrap();
            },
            "not a regular file",
        ),
        (|log, _| fs::hard_link(log, log.with_extension("private")).unwrap(), "another hard link"),
    ];
    for (damage, expected) in damages {
        let folder = tempfile::tempdir().unwrap();
        let path = with_log(folder.path());
        let log = beside(&path, "-wal");
        damage(&log, fs::read(&log).unwrap());
        let error = refused(&path);
        let StoreError::Log { reason, .. } = &error else { panic!("{expected}: {error:?}") };
        assert!(reason.contains(expected), "{expected}: {reason}");
    }
}

/// SQLite writes to whatever has the log's name, and deletes what a journal names.
#[test]
#[cfg(unix)]
fn files_beside_a_store_reach_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = store_with_two(folder.path());
    let precious = folder.path().join("precious");
    fs::write(&precious, "text").unwrap();
    for suffix in ["-wal", "-shm", "-journal"] {
        std::os::unix::fs::symlink(&precious, beside(&path, suffix)).unwrap();
        assert!(matches!(refused(&path), StoreError::Log { .. }), "{suffix}");
        fs::remove_file(beside(&path, suffix)).unwrap();
    }
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let mut journal = vec![0; 512];
    journal[..8].copy_from_slice(&magic);
    journal.extend_from_slice(precious.to_str().unwrap().as_bytes());
    journal.extend_from_slice(&magic);
    fs::write(beside(&path, "-journal"), journal).unwrap();
    assert!(matches!(refused(&path), StoreError::Log { .. }));
    assert_eq!(fs::read_to_string(&precious).unwrap(), "text");
}

/// Where the log cannot be read as nothing can be written, the store is not read without it.
#[test]
#[cfg(unix)]
fn a_log_on_a_disk_that_cannot_be_written_is_said() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    fs::create_dir(&inside).unwrap();
    let path = with_log(&inside);
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o555)).unwrap();
    let is_root = fs::write(inside.join("probe"), "").is_ok();
    let read = Store::open_to_read(&path);
    fs::set_permissions(&inside, fs::Permissions::from_mode(0o755)).unwrap();
    // Root writes anywhere.
    assert!(is_root || matches!(read.unwrap_err(), StoreError::Log { .. }));
}

/// An earlier version marked a file before it made the tables, and could be ended in between.
#[test]
fn a_file_that_was_only_marked_is_finished() {
    let folder = tempfile::tempdir().unwrap();
    for sql in [
        "PRAGMA application_id = 1229865808",
        "PRAGMA journal_mode = wal; PRAGMA application_id = 1229865808",
        "PRAGMA journal_mode = wal",
    ] {
        let path = file(folder.path());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        assert!(matches!(Store::open_to_read(&path).unwrap_err(), StoreError::Missing(_)), "{sql}");
        assert!(Store::open(&path).unwrap().append(&measurement("m", 1)).unwrap());
        assert_eq!(count(&path), 1);
        fs::remove_file(&path).unwrap();
    }
}

/// What an earlier version wrote is read, and moved on by the first that adds to it.
#[test]
fn earlier_schemas_are_moved_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(include_str!("../src/migrations/1.sql")).unwrap();
    connection
        .execute_batch("PRAGMA application_id = 1229865808; PRAGMA user_version = 1")
        .unwrap();
    drop(connection);
    let store = Store::open_to_read(&path).unwrap();
    assert!(store.records::<ProfileRecord>(&Filter::default()).unwrap().readable.is_empty());
    drop(store);
    Store::open(&path).unwrap().append(&measurement("m", 1)).unwrap();
    let version = |path: &Path| -> i64 {
        let connection = Connection::open(path).unwrap();
        connection.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap()
    };
    let new = folder.path().join("new.db");
    drop(Store::open(&new).unwrap());
    assert_eq!(version(&path), version(&new));
    // One of the version before training runs.
    let third = folder.path().join("third.db");
    let connection = Connection::open(&third).unwrap();
    for step in [
        include_str!("../src/migrations/1.sql"),
        include_str!("../src/migrations/2.sql"),
        include_str!("../src/migrations/3.sql"),
    ] {
        connection.execute_batch(step).unwrap();
    }
    connection
        .execute_batch("PRAGMA application_id = 1229865808; PRAGMA user_version = 3")
        .unwrap();
    drop(connection);
    let store = Store::open_to_read(&third).unwrap();
    assert!(store.records::<TrainingRun>(&Filter::default()).unwrap().readable.is_empty());
    drop(store);
    let mut store = Store::open(&third).unwrap();
    store.append(&training_run(0, 90.0)).unwrap();
    assert_eq!(store.records::<TrainingRun>(&Filter::default()).unwrap().readable.len(), 1);
    assert_eq!(version(&third), version(&new));
}
