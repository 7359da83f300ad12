//! A reader that follows a store has what one has that reads all of it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;

use std::{fs, path::Path};

use common::{file, measurement};
use inceptive_results::{
    KnownRooflines, Measurement, NodeProfile, Precision, Profile, ProfileRecord,
};
use inceptive_store::{Filter, ForeignMeasurement, Position, Store, Stored, read_timm};
use rusqlite::Connection;

/// What was read, and how far.
#[derive(Default)]
struct Reader {
    measurements: Vec<Stored<Measurement>>,
    profiles: Vec<Stored<ProfileRecord>>,
    foreign: Vec<Stored<ForeignMeasurement>>,
    known: KnownRooflines,
    seen: Position,
}

impl Reader {
    /// Reads what is new; gives whether that was everything, and how many rows were read.
    fn follow(&mut self, path: &Path) -> (bool, usize) {
        let store = Store::open_to_read(path).unwrap();
        let new = store.records_after(&self.seen).unwrap();
        if new.are_all() {
            *self = Self::default();
        }
        let (measurements, profiles) = (new.of().unwrap(), new.of().unwrap());
        let foreign = new.of().unwrap();
        let count = measurements.readable.len() + profiles.readable.len() + foreign.readable.len();
        self.measurements.extend(measurements.readable);
        self.profiles.extend(profiles.readable);
        self.foreign.extend(foreign.readable);
        self.known.extend(&new.rooflines().unwrap());
        self.measurements.iter_mut().for_each(|it| self.known.hold(&mut it.result));
        self.profiles.iter_mut().for_each(|it| self.known.hold(&mut it.result));
        self.seen = new.position().clone();
        let outcome = (new.are_all(), count);
        drop(new);

        let everything = Filter::default();
        assert_eq!(self.measurements, store.records(&everything).unwrap().readable);
        assert_eq!(self.profiles, store.records(&everything).unwrap().readable);
        assert_eq!(self.foreign, store.records(&everything).unwrap().readable);
        outcome
    }
}

fn with_peak(name: &str, peak_gflops: f64) -> Measurement {
    let mut result = measurement(name, 10);
    result.roofline.peak_gflops = peak_gflops;
    result
}

fn profile(peak_gflops: f64) -> ProfileRecord {
    let Measurement { subject, runtime, roofline, machine, .. } = with_peak("p", peak_gflops);
    let node = NodeProfile {
        name: "relu".to_owned(),
        ops: "relu".to_owned(),
        time_ms: 1.0,
        share: 1.0,
        flops: 1,
        moved_bytes: 1,
    };
    let profile = Profile { precision: Precision::Fp32, nodes: vec![node], total_ms: 1.0, runs: 9 };
    ProfileRecord::new(subject, runtime, roofline, &machine, 0, profile)
}

const TABLE: &str = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count\n\
                     resnet50,224,100.5,9.95,1,25.56\n";

#[test]
fn only_what_is_new_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    let mut reader = Reader::default();
    assert_eq!(reader.follow(&path), (true, 0));
    store.append(&with_peak("a", 100.0)).unwrap();
    assert_eq!(reader.follow(&path), (true, 1));
    assert_eq!(reader.follow(&path), (false, 0));
    // A higher peak counts for what was read before, whatever kind of record shows it.
    store.append(&with_peak("b", 200.0)).unwrap();
    assert_eq!(reader.follow(&path), (false, 1));
    assert_eq!(reader.measurements[0].result.best_roofline().roofline.peak_gflops, 200.0);
    store.append(&profile(300.0)).unwrap();
    store.append_all(&read_timm(TABLE.as_bytes()).unwrap()).unwrap();
    assert_eq!(reader.follow(&path), (false, 2));
    assert_eq!(reader.measurements[0].result.best_roofline().roofline.peak_gflops, 300.0);
    // A lower one does not, and what was known counts for what is new.
    store.append(&with_peak("c", 150.0)).unwrap();
    assert_eq!(reader.follow(&path), (false, 1));
    assert_eq!(reader.measurements[2].result.best_roofline().roofline.peak_gflops, 300.0);

    // What is merged comes behind what is there.
    let other = folder.path().join("other.db");
    let mut second = Store::open(&other).unwrap();
    second.append(&with_peak("a", 100.0)).unwrap();
    second.append(&with_peak("d", 400.0)).unwrap();
    drop(second);
    assert_eq!(store.merge(&other).unwrap().added, 1);
    assert_eq!(reader.follow(&path), (false, 1));
    // A row that cannot be understood is passed once.
    let sql = "INSERT INTO measurement (content, machine, json) VALUES ('x', 'y', '{}')";
    Connection::open(&path).unwrap().execute(sql, []).unwrap();
    let seen = reader.seen.clone();
    assert_eq!(reader.follow(&path), (false, 0));
    let read = Store::open_to_read(&path).unwrap();
    let unreadable = |seen: &Position| {
        read.records_after(seen).unwrap().of::<Measurement>().unwrap().unreadable.len()
    };
    assert_eq!((unreadable(&seen), unreadable(&reader.seen)), (1, 0));
}

/// Removes a row, as no program of ours does.
fn delete(path: &Path, id: i64) {
    let connection = Connection::open(path).unwrap();
    let trigger: String = connection
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'measurement_stays'", [], |row| {
            row.get(0)
        })
        .unwrap();
    let sql = format!(
        "DROP TRIGGER measurement_stays; DELETE FROM measurement WHERE id = {id}; {trigger};"
    );
    connection.execute_batch(&sql).unwrap();
}

#[test]
fn what_does_not_go_on_is_read_from_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    for name in ["a", "b", "c"] {
        store.append(&measurement(name, 1)).unwrap();
    }
    drop(store);
    let mut reader = Reader::default();
    assert_eq!(reader.follow(&path), (true, 3));

    delete(&path, 2);
    assert_eq!(reader.follow(&path), (true, 2), "a row is missing");
    delete(&path, 3);
    assert_eq!(reader.follow(&path), (true, 1), "the last row is missing");
    Store::open(&path).unwrap().append(&measurement("d", 1)).unwrap();
    assert_eq!(reader.follow(&path), (false, 1));
    delete(&path, 2);
    Store::open(&path).unwrap().append(&measurement("e", 1)).unwrap();
    assert_eq!(reader.follow(&path), (true, 2), "another row has its number");

    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    Store::open(&copy).unwrap().append(&measurement("f", 1)).unwrap();
    assert_eq!(reader.follow(&copy), (false, 1), "a copy goes on");

    let other = folder.path().join("other.db");
    let mut replaced = Store::open(&other).unwrap();
    for name in ["x", "y", "z", "w"] {
        replaced.append(&measurement(name, 1)).unwrap();
    }
    drop(replaced);
    fs::rename(&other, &path).unwrap();
    assert_eq!(reader.follow(&path), (true, 4), "another file has its name");
    fs::remove_file(&path).unwrap();
    Store::open(&path).unwrap();
    assert_eq!(reader.follow(&path), (true, 0), "nothing is left");
}

/// What others add while a reader reads comes the next time, wholly.
#[test]
fn a_reader_sees_one_moment() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let mut store = Store::open(&path).unwrap();
    store.append(&with_peak("a", 100.0)).unwrap();
    let reader = Store::open_to_read(&path).unwrap();
    let new = reader.records_after(&Position::default()).unwrap();
    store.append(&with_peak("b", 200.0)).unwrap();
    assert_eq!(new.of::<Measurement>().unwrap().readable.len(), 1);
    let seen = new.position().clone();
    drop(new);
    let new = reader.records_after(&seen).unwrap();
    assert!(!new.are_all());
    let rows = new.of::<Measurement>().unwrap().readable;
    assert_eq!(rows.iter().map(|it| it.id).collect::<Vec<_>>(), [2]);
}
