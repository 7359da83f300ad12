//! Folders of images, with a folder for each class.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    thread,
};

use inceptive_files::{InputFiles, MIB};

use crate::{
    class::is_hidden,
    dataset::{ImageShape, Split, SplitKind, limit},
    decode::decode,
    error::{FileError, Problem},
    memory::Memory,
    random::{Purpose, Stream},
    resize,
    stop::{check, zeros},
};

/// Maximum size of an image file.
const MAX_IMAGE_FILE_BYTES: u64 = 256 * MIB;

/// Maximum memory of a thread that decodes an image: the file and its pixels.
const DECODER_BYTES: u64 = MAX_IMAGE_FILE_BYTES + 512 * MIB;

/// Maximum number of images.
const MAX_IMAGES: u64 = 1 << 24;

/// The extensions of files that are read; others are ignored.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "bmp", "ppm", "pgm", "pbm", "pnm"];

/// If the folder has no `test`, one image in this many becomes a test image.
const TEST_SHARE: usize = 5;

/// The shape to which the images of a folder are converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderOptions {
    /// Height and width to which images are resized and cropped.
    pub size: u32,
    /// 1 for grey, 3 for colour.
    pub channels: u32,
}

impl Default for FolderOptions {
    fn default() -> Self {
        Self { size: 32, channels: 3 }
    }
}

/// Images, with the names of the classes and the files that they were read from.
pub(crate) struct FolderData {
    pub classes: Vec<String>,
    pub train: Split,
    pub test: Split,
    pub inputs: InputFiles,
    /// The folders whose subfolders are the classes, or would be if they existed.
    pub class_lists: Vec<PathBuf>,
}

/// A file and its class.
type Item = (PathBuf, u16);

/// Reads a folder that has a folder for each class, or `train` and `test` with such folders. Without `test`, a fixed fifth
/// of the images of each class becomes the test set.
pub(crate) fn read(
    folder: &Path,
    options: FolderOptions,
    memory: &Memory,
    stop: &AtomicBool,
) -> Result<FolderData, FileError> {
    let mut inputs = InputFiles::default();
    let places = [SplitKind::Train, SplitKind::Test].map(|kind| (kind, subfolder(folder, kind)));
    let (class_lists, classes, train, test) = match places {
        [(_, Some(train_place)), (_, Some(test_place))] => {
            let (classes, train) = list(&train_place, SplitKind::Train, &mut inputs, stop)?;
            let (test_classes, test) = list(&test_place, SplitKind::Test, &mut inputs, stop)?;
            same_classes(folder, &classes, &test_classes)?;
            (vec![train_place, test_place], classes, train, test)
        }
        [(_, train), (_, None)] => {
            // A folder `test` would become the test split.
            let absent = train.iter().map(|_| folder.join("test"));
            let place = train.clone().unwrap_or_else(|| folder.to_owned());
            let (classes, all) = list(&place, SplitKind::Train, &mut inputs, stop)?;
            let lists = [place].into_iter().chain(absent).collect();
            let (train, test) = divide(all, classes.len());
            (lists, classes, train, test)
        }
        [(_, None), (_, Some(_))] => {
            return Err(FileError::new(folder, Problem::Missing("train".to_owned())));
        }
    };
    let failed = |problem| FileError::new(folder, problem);
    let images = (train.len() + test.len()) as u64;
    let bytes = shape_of(options).check(images.max(1)).map_err(failed)?;
    memory.take(bytes as u64).map_err(failed)?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let fit = usize::try_from(memory.left() / DECODER_BYTES).unwrap_or(usize::MAX);
    let threads = threads.min(fit.max(1));
    let train = decode_all(folder, &train, options, threads, stop)?;
    let test = decode_all(folder, &test, options, threads, stop)?;
    Ok(FolderData { classes, train, test, inputs, class_lists })
}

fn shape_of(FolderOptions { size, channels }: FolderOptions) -> ImageShape {
    ImageShape { channels, height: size, width: size }
}

fn subfolder(folder: &Path, kind: SplitKind) -> Option<PathBuf> {
    let name = match kind {
        SplitKind::Train => "train",
        SplitKind::Test => "test",
    };
    Some(folder.join(name)).filter(|path| path.is_dir())
}

fn same_classes(folder: &Path, train: &[String], test: &[String]) -> Result<(), FileError> {
    let differ = |class: &String, present: SplitKind, absent: SplitKind| {
        let (present, absent) = (present.name(), absent.name());
        FileError::new(folder, Problem::Classes { class: class.clone(), present, absent })
    };
    // Both are sorted.
    let only_test = test.iter().find(|class| train.binary_search(class).is_err());
    let only_train = train.iter().find(|class| test.binary_search(class).is_err());
    match (only_train, only_test) {
        (Some(class), _) => Err(differ(class, SplitKind::Train, SplitKind::Test)),
        (_, Some(class)) => Err(differ(class, SplitKind::Test, SplitKind::Train)),
        (None, None) => Ok(()),
    }
}

/// The names of a folder in order, without hidden ones.
fn names(folder: &Path) -> Result<Vec<String>, FileError> {
    let failed = FileError::io(folder);
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(&failed)? {
        let name = entry.map_err(&failed)?.file_name();
        let name = name.into_string().map_err(|name| {
            let error = format!("the name {name:?} in it is not UTF-8");
            failed(std::io::Error::new(std::io::ErrorKind::InvalidData, error))
        })?;
        if !is_hidden(&name) {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// The classes of a folder and the images of each. The folder of each class is added to the inputs, and so are the targets
/// of links in it.
fn list(
    folder: &Path,
    kind: SplitKind,
    inputs: &mut InputFiles,
    stop: &AtomicBool,
) -> Result<(Vec<String>, Vec<Item>), FileError> {
    let classes = names(folder)?.into_iter().filter(|name| folder.join(name).is_dir());
    let classes: Vec<String> = classes.collect();
    if classes.is_empty() {
        return Err(FileError::new(folder, Problem::NoImages));
    }
    let highest = u16::MAX.into();
    limit("the number of classes", classes.len() as u64, highest)
        .map_err(|problem| FileError::new(folder, problem))?;
    let mut items = Vec::new();
    for (label, class) in (0..).zip(&classes) {
        check(stop).map_err(FileError::io(folder))?;
        let place = folder.join(class);
        let files = names(&place)?;
        let images = files.iter().map(|name| place.join(name)).filter(|path| is_image(path));
        let before = items.len();
        items.extend(images.map(|path| (path, label)));
        inputs.add_folder(&place);
        let linked = items[before..].iter().filter(|(path, _)| path.is_symlink());
        linked.for_each(|(path, _)| inputs.add(path));
        if items.len() == before {
            let class = format!("`{class}`");
            return Err(FileError::new(&place, Problem::EmptyClass { class, split: kind.name() }));
        }
    }
    limit("the number of images", items.len() as u64, MAX_IMAGES)
        .map_err(|problem| FileError::new(folder, problem))?;
    Ok((classes, items))
}

fn is_image(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Moves a part of each class to the test set; the only image of a class stays in the training set.
fn divide(items: Vec<Item>, classes: usize) -> (Vec<Item>, Vec<Item>) {
    let mut is_test = vec![false; items.len()];
    let mut of_classes = vec![Vec::new(); classes];
    for (index, &(_, class)) in items.iter().enumerate() {
        of_classes[usize::from(class)].push(index);
    }
    for (class, mut members) in (0..).zip(of_classes) {
        Stream::new(0, Purpose::HoldOut, class, 1).shuffle(&mut members);
        let count = members.len().div_ceil(TEST_SHARE).min(members.len().saturating_sub(1));
        members[..count].iter().for_each(|&index| is_test[index] = true);
    }
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (item, is_test) in items.into_iter().zip(is_test) {
        if is_test { test.push(item) } else { train.push(item) }
    }
    (train, test)
}

/// Decodes images on several threads; the first error in the order of the files is returned.
fn decode_all(
    folder: &Path,
    items: &[Item],
    options: FolderOptions,
    threads: usize,
    stop: &AtomicBool,
) -> Result<Split, FileError> {
    let shape = shape_of(options);
    let failed = |problem| FileError::new(folder, problem);
    let bytes = shape.check(items.len() as u64).map_err(failed)?;
    let mut images = zeros(bytes, stop).map_err(|error| failed(Problem::Io(error)))?;
    let share = items.len().div_ceil(threads).max(1);
    let fill_all = |items: &[Item], images: &mut [u8]| {
        let mut places = images.chunks_exact_mut(shape.pixels());
        items.iter().zip(&mut places).try_for_each(|((path, _), place)| {
            check(stop).map_err(FileError::io(path))?;
            fill(path, options, place)
        })
    };
    thread::scope(|scope| {
        let parts = items.chunks(share).zip(images.chunks_mut(share * shape.pixels()));
        let workers: Vec<_> =
            parts.map(|(items, images)| (items, scope.spawn(|| fill_all(items, images)))).collect();
        workers.into_iter().try_for_each(|(items, worker)| {
            worker.join().unwrap_or_else(|_| {
                let first = items.first().map_or(folder, |(path, _)| path);
                Err(FileError::new(first, Problem::Image("the decoder failed".to_owned())))
            })
        })
    })?;
    let labels = items.iter().map(|&(_, label)| label).collect();
    Split::new(shape, images, labels).map_err(failed)
}

/// Decodes an image, crops its central square and resizes that into `place`, channel x row x column.
fn fill(path: &Path, options: FolderOptions, place: &mut [u8]) -> Result<(), FileError> {
    let bytes = inceptive_files::read(path, MAX_IMAGE_FILE_BYTES).map_err(FileError::io(path))?;
    let image = decode(&bytes).map_err(|problem| FileError::new(path, problem))?;
    resize::fill(&image, options.size as usize, options.channels as usize, place);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Comparing each class with each other one would take minutes.
    #[test]
    fn many_classes_are_read_in_no_time() {
        let classes: Vec<String> = (0..60_000).map(|class| format!("{class:05}")).collect();
        let folder = Path::new("f");
        assert!(same_classes(folder, &classes, &classes).is_ok());
        let told = same_classes(folder, &classes, &classes[..59_999]).unwrap_err().to_string();
        assert!(told.contains("59999"), "{told}");
        let items: Vec<Item> =
            (0..120_000_u32).map(|at| (PathBuf::from(at.to_string()), (at / 2) as u16)).collect();
        let (train, test) = divide(items, 60_000);
        assert_eq!((train.len(), test.len()), (60_000, 60_000));
    }
}
