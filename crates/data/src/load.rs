//! Reading a data set by its name.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use inceptive_files::InputFiles;

use crate::{
    catalog::{Format, KnownSet},
    cifar,
    dataset::Dataset,
    error::DataError,
    folder::{self, FolderData},
    idx,
    memory::Memory,
    name::{DataName, Source},
    npz,
    places::Places,
};

/// Reads or generates a data set by its name, if it fits into the memory that is available. It returns early, soon after `stop`
/// is set.
///
/// # Errors
/// When its files are not found, or one of them is wrong; the error names the file and the place in it. Also when both splits
/// together do not fit into memory, or it was stopped.
pub fn load(
    name: &DataName,
    places: &Places,
    available_bytes: u64,
    stop: &AtomicBool,
) -> Result<Dataset, DataError> {
    let loaded = read(name, places, &Memory::new(available_bytes), stop);
    match stop.load(Ordering::Relaxed) {
        true => Err(DataError::Stopped),
        false => loaded,
    }
}

fn read(
    name: &DataName,
    places: &Places,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<Dataset, DataError> {
    let label = name.label();
    match name.source() {
        Source::Shapes(shapes) => shapes.generate(&label, memory, stop),
        Source::Known(set, Some(path)) => load_known(set, path, memory, stop),
        Source::Known(set, None) => match places.find(set) {
            Some(folder) => load_known(set, &folder, memory, stop),
            None => Err(not_found(set, places)),
        },
        Source::Idx(path) => {
            let files = idx::files(path)?;
            let (train, test) = idx::read(&files, None, memory, stop)?;
            let highest = train.labels().iter().chain(test.labels()).max().copied();
            let classes = numbered(highest.map_or(0, |label| usize::from(label) + 1));
            let data = Dataset::new(&label, classes, train, test, stop)?;
            Ok(data.read_from(InputFiles::of(files)))
        }
        Source::Npz(path) => {
            let (train, test, classes) = npz::read(path, memory, stop)?;
            let data = Dataset::new(&label, numbered(classes), train, test, stop)?;
            Ok(data.read_from(InputFiles::of([path])))
        }
        Source::Folder(options, path) => {
            let FolderData { classes, train, test, inputs, class_lists } =
                folder::read(path, *options, memory, stop)?;
            let data = Dataset::new(&label, classes, train, test, stop)?;
            Ok(data.read_from(inputs).with_class_lists(class_lists))
        }
    }
}

/// Names for classes that have none.
fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

fn load_known(
    set: &KnownSet,
    path: &Path,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<Dataset, DataError> {
    let (inputs, (train, test)) = match set.format {
        Format::Idx => {
            let files = idx::files(path)?;
            (InputFiles::of(&files), idx::read(&files, Some(set.classes.len()), memory, stop)?)
        }
        Format::Cifar(kind) => {
            (InputFiles::of(cifar::files(kind, path)?), cifar::read(kind, path, memory, stop)?)
        }
    };
    let classes = set.classes.iter().map(|&class| class.to_owned()).collect();
    Ok(Dataset::new(set.name, classes, train, test, stop)?.read_from(inputs))
}

fn not_found(set: &KnownSet, places: &Places) -> DataError {
    let mebibytes = set.download_bytes().div_ceil(inceptive_files::MIB);
    let download = format!("`inceptive data get {}` downloads it ({mebibytes} MiB)", set.name);
    let package =
        set.debian_package.map(|package| format!(", as does `apt-get install {package}`"));
    let help = download + &package.unwrap_or_default();
    DataError::NotFound { name: set.name.to_owned(), looked_in: places.all(set), help }
}
