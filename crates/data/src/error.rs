//! Errors of data sets.

use std::{
    io,
    path::{Path, PathBuf},
};

use inceptive_files::MIB;

/// A data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// One of its files is wrong.
    #[error(transparent)]
    File(#[from] FileError),
    /// Its name is wrong.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Its files were not found.
    #[error("data set `{name}` was not found in {}; {help}", places(looked_in))]
    NotFound {
        /// Its name.
        name: String,
        /// Folders in which it was looked for.
        looked_in: Vec<PathBuf>,
        /// How to get it.
        help: String,
    },
    /// Its images and labels are inconsistent.
    #[error("data set `{name}`: {problem}")]
    Set {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: Problem,
    },
    /// It was stopped.
    #[error("stopped")]
    Stopped,
}

fn places(folders: &[PathBuf]) -> String {
    let names: Vec<String> = folders.iter().map(|path| format!("`{}`", path.display())).collect();
    match names.is_empty() {
        true => "any folder (neither INCEPTIVE_DATA nor HOME is set)".to_owned(),
        false => names.join(" or "),
    }
}

/// The name of a data set, or an option in it, is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// There is no such data set.
    #[error("unknown data set `{name}`{}; `inceptive data list` shows all", suggestion(nearest))]
    Unknown {
        /// What was written.
        name: String,
        /// The most similar known name.
        nearest: Option<&'static str>,
    },
    /// The format is not looked for in folders, and needs a path.
    #[error("`{0}` needs a path: `{0}=PATH`")]
    NeedsPath(&'static str),
    /// It is generated, not read from files.
    #[error("`{0}` is generated and takes no path")]
    TakesNoPath(&'static str),
    /// An option that it does not have.
    #[error("`{set}` has no option `{option}`{}; {}", suggestion(nearest), options(known))]
    UnknownOption {
        /// The data set.
        set: &'static str,
        /// What was written.
        option: String,
        /// The most similar option.
        nearest: Option<&'static str>,
        /// Its options.
        known: &'static [&'static str],
    },
    /// An option has two values.
    #[error("the option `{0}` is given twice")]
    Repeated(String),
    /// A value that an option cannot have.
    #[error("`{option}={value}`: {expected} is expected")]
    Value {
        /// The option.
        option: String,
        /// What was written.
        value: String,
        /// What can be written.
        expected: String,
    },
    /// More images than fit into memory.
    #[error("{0}")]
    TooLarge(String),
}

fn suggestion(nearest: &Option<&'static str>) -> String {
    nearest.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

fn options(known: &[&str]) -> String {
    match known.is_empty() {
        true => "it takes no options".to_owned(),
        false => format!("its options are {}", known.join(", ")),
    }
}

/// A file of a data set is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`{}`{}: {problem}", path.display(), offset.map(|at| format!(", byte {at}")).unwrap_or_default())]
pub struct FileError {
    /// The file; a member of an archive has the archive's path before its own.
    pub path: PathBuf,
    /// Where in the file, after decompression, if at one place.
    pub offset: Option<u64>,
    /// What is wrong.
    pub problem: Problem,
}

impl FileError {
    /// A file with a problem as a whole.
    pub(crate) fn new(path: &Path, problem: Problem) -> Self {
        Self { path: path.to_owned(), offset: None, problem }
    }

    /// A file with a problem at an offset.
    pub(crate) fn at(path: &Path, offset: u64, problem: Problem) -> Self {
        Self { path: path.to_owned(), offset: Some(offset), problem }
    }

    /// Makes an error of the system while reading a file into a `FileError`.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |error| Self::new(path, Problem::Io(error))
    }
}

/// What is wrong with a file or a data set.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// The system or the decompression failed.
    #[error("{0}")]
    Io(io::Error),
    /// It is another kind of file.
    #[error("it starts with 0x{found:08x}; {kind} starts with 0x{expected:08x}")]
    Magic {
        /// The first bytes.
        found: u32,
        /// What they should be.
        expected: u32,
        /// The kind of file that was expected.
        kind: &'static str,
    },
    /// It ends early.
    #[error("the file ends after {found} of {expected} bytes")]
    Short {
        /// Its size by its header.
        expected: u64,
        /// Its size.
        found: u64,
    },
    /// It is longer than expected.
    #[error("the file is longer than the {expected} bytes that its header states")]
    Long {
        /// Its size by its header.
        expected: u64,
    },
    /// The last record is incomplete.
    #[error("its size of {found} bytes is not a multiple of the record size, {record} bytes")]
    PartialRecord {
        /// Its size.
        found: u64,
        /// Size of a record.
        record: u64,
    },
    /// A label that no class has.
    #[error("image {image} has label {label}, but there are {classes} classes, numbered from 0")]
    Label {
        /// Index of the image.
        image: usize,
        /// Its label.
        label: u16,
        /// Number of classes.
        classes: usize,
    },
    /// A number that cannot be a label in any data set.
    #[error("image {image} has label {label}; labels are whole numbers from 0 to {}", u16::MAX)]
    LabelRange {
        /// Index of the image.
        image: usize,
        /// Its label.
        label: i128,
    },
    /// Images and labels differ in number.
    #[error("there are {images} images but {labels} labels")]
    Counts {
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },
    /// It exceeds a limit.
    #[error("{what} is {found}, above the limit of {limit}")]
    TooLarge {
        /// The quantity that is too large.
        what: &'static str,
        /// Its value.
        found: u64,
        /// Maximum.
        limit: u64,
    },
    /// It does not fit into the memory that is left.
    #[error("it needs {} MiB of memory, but only {} MiB is free", needed.div_ceil(MIB), available / MIB)]
    Memory {
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are left.
        available: u64,
    },
    /// A size of 0, or no files.
    #[error("it has no images")]
    NoImages,
    /// A class has no images.
    #[error("class {class} has no {split} images")]
    EmptyClass {
        /// Name of the class.
        class: String,
        /// `training` or `test`.
        split: &'static str,
    },
    /// Training and test images differ in shape.
    #[error("training images are {train}, but test images are {test} (channels x height x width)")]
    Shapes {
        /// Shape of the training images.
        train: String,
        /// Shape of the test images.
        test: String,
    },
    /// Training and test folders have different classes.
    #[error("`{class}` is a class of the {present} images but not of the {absent} images")]
    Classes {
        /// Name of the class.
        class: String,
        /// The split that has it.
        present: &'static str,
        /// The split that lacks it.
        absent: &'static str,
    },
    /// An image cannot be decoded.
    #[error("the image cannot be read: {0}")]
    Image(String),
    /// An archive cannot be read.
    #[error("the archive cannot be read: {0}")]
    Archive(String),
    /// A file is not in its folder or archive.
    #[error("`{0}` is missing")]
    Missing(String),
    /// Two files of an archive have the same name, so it is ambiguous which one to read.
    #[error("the archive has two files with the name `{0}`")]
    Duplicate(String),
    /// A NumPy array is not what is expected.
    #[error("{0}")]
    Array(String),
    /// A class would be left without training or validation images.
    #[error(
        "{wanted} of {images} images cannot be held out for validation: each class needs at least one training image and \
         one validation image"
    )]
    HoldOut {
        /// Number of images to hold out.
        wanted: usize,
        /// Number of training images.
        images: usize,
    },
}
