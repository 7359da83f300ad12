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
    check_log(store)
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
        Ok(data) if data.is_file() && has_other_names(&data) => {
            Err("it has another hard link: SQLite would also change that file".to_owned())
        }
        Ok(data) if data.is_file() => Ok(()),
        Ok(_) => Err("it is not a regular file".to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(unix)]
fn has_other_names(data: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(data) > 1
}

#[cfg(not(unix))]
fn has_other_names(_data: &fs::Metadata) -> bool {
    false
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

fn check_log(store: &Path) -> Result<(), StoreError> {
    let path = named(store, "-wal");
    let mut reason = String::new();
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            thread::sleep(PAUSE);
        }
        // Before the log, which only grows until it is restarted.
        let index = Index::read(&named(store, "-shm"));
        let read = match open(&path) {
            Ok(Some(file)) => {
                damage(BufReader::new(file), index.as_ref()).map_err(|error| error.to_string())
            }
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

/// The damage of a log: in its header, in a page before a committed change, or missing pages of committed changes. An
/// unfinished write of a killed program is not damage: it is at the end, or before what an earlier one left there.
fn damage(mut log: impl Read, index: Option<&Index>) -> io::Result<Option<&'static str>> {
    let mut header = [0; HEADER];
    match fill(&mut log, &mut header)? {
        0 => return Ok(index.is_some_and(Index::needs_log).then_some(SHORTER)),
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
    let salts = &header[16..24];
    let mut frame = vec![0; FRAME_HEADER + page];
    let mut whole: u32 = 0;
    let read = loop {
        let read = fill(&mut log, &mut frame)?;
        if read < frame.len() {
            break read;
        }
        sums.add(&frame[..8]);
        sums.add(&frame[FRAME_HEADER..]);
        // Those of an earlier round through the log have other salts.
        if frame[8..16] != *salts || sums.sums != [word(&frame, 16), word(&frame, 20)] {
            break read;
        }
        whole = whole.saturating_add(1);
    };
    let index = index.filter(|index| index.salts == *salts);
    if index.is_some_and(|index| index.frames == whole) {
        return Ok(None);
    }
    if holds_change(frame[..read].chain(log), salts, frame.len())? {
        return Ok(Some("a page in it is damaged, or bytes are missing"));
    }
    let is_shorter = index.is_some_and(|index| index.needs_log() && whole < index.frames);
    Ok(is_shorter.then_some(SHORTER))
}

const SHORTER: &str = "it is shorter than it was, and saved results in it are missing";

/// Whether a frame that ends a change is in the rest of a log: at any byte, as bytes may be missing before it. One that
/// the rest ends in is not whole, and was being written.
fn holds_change(mut rest: impl Read, salts: &[u8], frame: usize) -> io::Result<bool> {
    /// Where the salts are in a frame, after the page's number and the size of the store, which is 0 in a frame that ends
    /// no change.
    const SALTS: usize = 8;
    let mut bytes = vec![0; 64 << 10];
    let (mut kept, mut start, mut end_of_first) = (0, 0, None);
    loop {
        let read = fill(&mut rest, &mut bytes[kept..])?;
        let end = kept + read;
        if end_of_first.is_none() {
            let found = bytes[..end]
                .windows(SALTS + salts.len())
                .position(|it| it[SALTS..] == *salts && word(it, 4) != 0);
            end_of_first = found.map(|at| start + at + frame);
        }
        if end_of_first.is_some_and(|needed| start + end >= needed) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        let overlap = end.min(SALTS + salts.len() - 1);
        bytes.copy_within(end - overlap..end, 0);
        (start, kept) = (start + end - overlap, overlap);
    }
}

/// The log's index as the programs left it that have the store open, or had when they were killed.
///
/// Its format: <https://www.sqlite.org/walformat.html#the_wal_index_file_format>.
struct Index {
    /// The salts of the log that it is of.
    salts: [u8; 8],
    /// Frames of committed changes in the log.
    frames: u32,
    /// How many of them were written to the store.
    stored: u32,
}

impl Index {
    /// The index; `None` if there is none, or it is not whole.
    fn read(path: &Path) -> Option<Self> {
        const COPY: usize = 48;
        let mut bytes = [0; 2 * COPY + 4];
        let mut file = open(path).ok().flatten()?;
        file.read_exact(&mut bytes).ok()?;
        let (copy, again) = (&bytes[..COPY], &bytes[COPY..2 * COPY]);
        let number =
            |at: usize| bytes[at..].first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        let mut sums = Checksum { is_big_endian: cfg!(target_endian = "big"), sums: [0, 0] };
        sums.add(&copy[..40]);
        let is_whole = copy == again
            && number(0) == VERSION
            && copy[12] == 1
            && sums.sums == [number(40), number(44)];
        let (frames, stored) = (number(16), number(2 * COPY));
        is_whole.then_some(Self { salts: *copy[32..].first_chunk()?, frames, stored })
    }

    /// Whether changes are in the log only.
    const fn needs_log(&self) -> bool {
        self.stored < self.frames
    }
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
