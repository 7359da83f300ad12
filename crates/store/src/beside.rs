//! The files that SQLite keeps beside a store.
//!
//! SQLite treats an invalid write-ahead log as empty, and continues without the results in it. It follows a link with
//! the log's name, and deletes files that a journal names. So these files are checked before SQLite opens them.
//!
//! The format of the log: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::error::StoreError;

/// Maximum size of the log: SQLite restarts it after some MiB, unless a reading program prevents that.
const MAX_LOG_BYTES: u64 = 4 * inceptive_files::GIB;

/// How often a log is read that looks damaged, as another program may just be writing it, and how long to wait.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(20);

/// Checks the files that SQLite keeps beside a store; the store's path has no links.
///
/// # Errors
/// When one of them cannot be used as it is.
pub fn check(store: &Path) -> Result<(), StoreError> {
    for suffix in ["-shm", "-wal", "-journal"] {
        let path = named(store, suffix);
        check_kind(&path).map_err(|reason| StoreError::Log { path, reason })?;
    }
    let path = named(store, "-journal");
    check_journal(&path).map_err(|reason| StoreError::Log { path, reason })?;
    check_log(named(store, "-wal"))
}

/// A file beside a store with content that is not yet in the store.
pub fn unfinished(store: &Path) -> Option<PathBuf> {
    let mut all = ["-wal", "-journal"].into_iter().map(|suffix| named(store, suffix));
    all.find(|path| fs::metadata(path).is_ok_and(|data| data.len() > 0))
}

fn named(store: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(store);
    name.push(suffix);
    PathBuf::from(name)
}

fn check_kind(path: &Path) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(data) if data.is_file() => Ok(()),
        Ok(_) => Err("it is not a regular file".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// How a journal ends that names another one, which is then looked into, and deleted if it names no journal that
/// is still needed.
const NAMES_ANOTHER: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Our changes are of one file each, so that no journal of ours names another.
fn check_journal(path: &Path) -> Result<(), String> {
    let Some(mut file) = open(path)? else { return Ok(()) };
    let mut end = [0; NAMES_ANOTHER.len()];
    let found = file
        .seek(SeekFrom::End(-8))
        .and_then(|_| file.read_exact(&mut end))
        .is_ok_and(|()| end == NAMES_ANOTHER);
    if found { Err("it names another file".to_owned()) } else { Ok(()) }
}

fn open(path: &Path) -> Result<Option<File>, String> {
    match inceptive_files::open(path, MAX_LOG_BYTES) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

fn check_log(path: PathBuf) -> Result<(), StoreError> {
    let mut reason = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        let read = match open(&path) {
            Ok(Some(file)) => damage(BufReader::new(file)).map_err(|error| error.to_string()),
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        match read {
            Ok(None) => return Ok(()),
            Ok(Some(damage)) => damage.clone_into(&mut reason),
            Err(error) => reason = error,
        }
    }
    Err(StoreError::Log { path, reason })
}

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const VERSION: u32 = 3_007_000;

/// The damage of a log: in its header, or in a page before a committed change. An unfinished write of a killed program
/// is at the end, and is not damage.
fn damage(mut log: impl Read) -> io::Result<Option<&'static str>> {
    let mut header = [0; HEADER];
    match fill(&mut log, &mut header)? {
        0 => return Ok(None),
        HEADER => {}
        _ => return Ok(Some("it ends within its header")),
    }
    let magic = word(&header, 0);
    let page = word(&header, 8) as usize;
    let mut sums = Checksum { is_big_endian: magic & 1 == 1, sums: [0, 0] };
    sums.add(&header[..24]);
    let is_header = magic & !1 == MAGIC
        && word(&header, 4) == VERSION
        && page.is_power_of_two()
        && (512..=65_536).contains(&page)
        && sums.sums == [word(&header, 24), word(&header, 28)];
    if !is_header {
        return Ok(Some("its header is damaged"));
    }
    let mut frame = vec![0; FRAME_HEADER + page];
    let mut is_whole = true;
    while fill(&mut log, &mut frame)? == frame.len() {
        // Those of an earlier round through the log have other numbers.
        let is_current = frame[8..16] == header[16..24];
        sums.add(&frame[..8]);
        sums.add(&frame[FRAME_HEADER..]);
        is_whole &= is_current && sums.sums == [word(&frame, 16), word(&frame, 20)];
        let ends_change = word(&frame, 4) != 0;
        if !is_whole && is_current && ends_change {
            return Ok(Some("a page in it is damaged"));
        }
    }
    Ok(None)
}

/// Reads as much as there is.
fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    while count < bytes.len() {
        match from.read(&mut bytes[count..]) {
            Ok(0) => break,
            Ok(more) => count += more,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(count)
}

/// A big-endian number.
fn word(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// The log's running checksum.
struct Checksum {
    is_big_endian: bool,
    sums: [u32; 2],
}

impl Checksum {
    fn add(&mut self, bytes: &[u8]) {
        let number = match self.is_big_endian {
            true => u32::from_be_bytes,
            false => u32::from_le_bytes,
        };
        let (words, _) = bytes.as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        for &[first, second] in pairs {
            let [a, b] = self.sums;
            let a = a.wrapping_add(number(first)).wrapping_add(b);
            self.sums = [a, b.wrapping_add(number(second)).wrapping_add(a)];
        }
    }
}
