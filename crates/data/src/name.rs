//! The names of data sets on the command line: `NAME[:OPTION=VALUE,...][=PATH]`.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::{
    catalog::{CATALOG, KnownSet, known},
    class::is_in_class,
    dataset::ImageShape,
    error::NameError,
    folder::FolderOptions,
    shapes::Shapes,
};

/// Formats that need a path.
const IDX: &str = "idx";
const NPZ: &str = "npz";
const FOLDER: &str = "folder";
/// The generated data set.
const SHAPES: &str = "shapes";

const SHAPES_OPTIONS: &[&str] = &["size", "channels", "train", "test", "seed"];
const FOLDER_OPTIONS: &[&str] = &["size", "channels"];

/// Minimum similarity, from 0 to 1, of a misspelt name to the name that is suggested.
const SIMILAR: f64 = 0.5;

/// A data set as a user names it:
///
/// - `fashion-mnist`, `mnist`, `cifar10`, `cifar100`, looked for in the usual folders, or with `=PATH`;
/// - `idx=FOLDER`, `npz=FILE`, `folder:size=32,channels=3=FOLDER`;
/// - `shapes:size=28,channels=1,train=6000,test=2000,seed=1`, every option with these defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataName(Source);

/// Where the images come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A published data set, at a path if one is given.
    Known(&'static KnownSet, Option<PathBuf>),
    /// A folder of IDX files.
    Idx(PathBuf),
    /// A NumPy archive.
    Npz(PathBuf),
    /// A folder of images.
    Folder(FolderOptions, PathBuf),
    /// Generated.
    Shapes(Shapes),
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Known(a, a_path), Self::Known(b, b_path)) => {
                a.name == b.name && a_path == b_path
            }
            (Self::Idx(a), Self::Idx(b)) | (Self::Npz(a), Self::Npz(b)) => a == b,
            (Self::Folder(a, a_path), Self::Folder(b, b_path)) => a == b && a_path == b_path,
            (Self::Shapes(a), Self::Shapes(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Source {}

impl DataName {
    pub(crate) fn source(&self) -> &Source {
        &self.0
    }

    /// The name with all options, without the path: the name of the [`Dataset`](crate::Dataset).
    pub fn label(&self) -> String {
        match &self.0 {
            Source::Known(set, _) => set.name.to_owned(),
            Source::Idx(_) => IDX.to_owned(),
            Source::Npz(_) => NPZ.to_owned(),
            Source::Folder(FolderOptions { size, channels }, _) => {
                format!("{FOLDER}:size={size},channels={channels}")
            }
            Source::Shapes(Shapes { size, channels, train, test, seed }) => format!(
                "{SHAPES}:size={size},channels={channels},train={train},test={test},seed={seed}"
            ),
        }
    }

    /// The path that was given.
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Source::Known(_, path) => path.as_deref(),
            Source::Idx(path) | Source::Npz(path) | Source::Folder(_, path) => Some(path),
            Source::Shapes(_) => None,
        }
    }

    /// Whether a folder is in a folder of images, or would be once it is created: it could become a class.
    pub fn may_be_class(&self, folder: &Path) -> bool {
        match &self.0 {
            Source::Folder(_, images) => is_in_class(folder, images),
            _ => false,
        }
    }

    /// The shape of its images, as far as it is known without reading them.
    pub fn shape(&self) -> Option<ImageShape> {
        match &self.0 {
            Source::Known(set, _) => Some(set.shape),
            Source::Folder(FolderOptions { size, channels }, _) => {
                Some(ImageShape { channels: *channels, height: *size, width: *size })
            }
            Source::Shapes(shapes) => Some(shapes.shape()),
            Source::Idx(_) | Source::Npz(_) => None,
        }
    }

    /// The names of its classes, as far as they are known without reading it.
    pub fn classes(&self) -> Option<&'static [&'static str]> {
        match &self.0 {
            Source::Known(set, _) => Some(set.classes),
            Source::Shapes(_) => Some(&Shapes::CLASS_NAMES),
            Source::Folder(..) | Source::Idx(_) | Source::Npz(_) => None,
        }
    }

    /// The published data set that it names.
    pub fn known(&self) -> Option<&'static KnownSet> {
        match self.0 {
            Source::Known(set, _) => Some(set),
            _ => None,
        }
    }
}

impl fmt::Display for DataName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())?;
        self.path().map_or(Ok(()), |path| write!(f, "={}", path.display()))
    }
}

impl FromStr for DataName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let end = text.find([':', '=']).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let (options, path) = match rest.strip_prefix(':') {
            Some(rest) => split_options(rest),
            None => (Vec::new(), rest.strip_prefix('=')),
        };
        let path = path.filter(|path| !path.is_empty()).map(PathBuf::from);
        parse(name, &options, path).map(Self)
    }
}

/// An option and its value.
type Assignment<'a> = (&'a str, &'a str);

/// The options, and the path after them: each option has one `=`, so another one starts the path.
fn split_options(text: &str) -> (Vec<Assignment<'_>>, Option<&str>) {
    let mut options = Vec::new();
    let mut rest = text;
    loop {
        let (option, after) = rest.split_once('=').unwrap_or((rest, ""));
        let end = after.find([',', '=']).unwrap_or(after.len());
        let (value, after) = after.split_at(end);
        options.push((option, value));
        match after.split_at_checked(1) {
            Some((",", more)) => rest = more,
            Some((_, path)) => return (options, Some(path)),
            None => return (options, None),
        }
    }
}

fn parse(
    name: &str,
    options: &[Assignment<'_>],
    path: Option<PathBuf>,
) -> Result<Source, NameError> {
    let no_options = |set| options_of(set, &[], options, |_, _| Ok(()));
    if let Some(set) = known(name) {
        no_options(set.name)?;
        return Ok(Source::Known(set, path));
    }
    match name {
        IDX => {
            no_options(IDX)?;
            path.map(Source::Idx).ok_or(NameError::NeedsPath(IDX))
        }
        NPZ => {
            no_options(NPZ)?;
            path.map(Source::Npz).ok_or(NameError::NeedsPath(NPZ))
        }
        FOLDER => {
            let chosen = folder_options(options)?;
            path.map(|path| Source::Folder(chosen, path)).ok_or(NameError::NeedsPath(FOLDER))
        }
        SHAPES if path.is_some() => Err(NameError::TakesNoPath(SHAPES)),
        SHAPES => shapes_options(options).map(Source::Shapes),
        _ => {
            let all = CATALOG.iter().map(|set| set.name).chain([IDX, NPZ, FOLDER, SHAPES]);
            Err(NameError::Unknown { name: name.to_owned(), nearest: nearest(name, all) })
        }
    }
}

/// Passes each option to `set_option`. Unknown and repeated options are errors.
fn options_of(
    set: &'static str,
    known: &'static [&'static str],
    options: &[Assignment<'_>],
    mut set_option: impl FnMut(&str, Value<'_>) -> Result<(), NameError>,
) -> Result<(), NameError> {
    options.iter().enumerate().try_for_each(|(index, &(option, text))| {
        let is_repeated = options[..index].iter().any(|(earlier, _)| *earlier == option);
        match known.contains(&option) {
            true if is_repeated => Err(NameError::Repeated(option.to_owned())),
            true => set_option(option, Value { option, text }),
            false => Err(NameError::UnknownOption {
                set,
                option: option.to_owned(),
                nearest: nearest(option, known.iter().copied()),
                known,
            }),
        }
    })
}

/// The value of an option.
struct Value<'a> {
    option: &'a str,
    text: &'a str,
}

impl Value<'_> {
    fn error(&self, expected: String) -> NameError {
        let (option, value) = (self.option.to_owned(), self.text.to_owned());
        NameError::Value { option, value, expected }
    }

    /// A number from `low` to `high`, digits only.
    fn number(&self, low: u64, high: u64) -> Result<u64, NameError> {
        let number = self.text.parse().ok().filter(|number| (low..=high).contains(number));
        number.ok_or_else(|| self.error(format!("a whole number from {low} to {high}")))
    }

    fn count(&self, low: u32, high: u32) -> Result<u32, NameError> {
        self.number(low.into(), high.into()).map(|number| u32::try_from(number).unwrap_or(high))
    }

    fn channels(&self) -> Result<u32, NameError> {
        match self.text {
            "1" => Ok(1),
            "3" => Ok(3),
            _ => Err(self.error("1 (grey) or 3 (colour)".to_owned())),
        }
    }
}

fn folder_options(options: &[Assignment<'_>]) -> Result<FolderOptions, NameError> {
    let mut chosen = FolderOptions::default();
    options_of(FOLDER, FOLDER_OPTIONS, options, |option, value| {
        match option {
            "size" => chosen.size = value.count(1, crate::dataset::MAX_SIDE)?,
            _ => chosen.channels = value.channels()?,
        }
        Ok(())
    })?;
    Ok(chosen)
}

fn shapes_options(options: &[Assignment<'_>]) -> Result<Shapes, NameError> {
    let mut chosen = Shapes::default();
    let (smallest, largest) = Shapes::SIZES;
    options_of(SHAPES, SHAPES_OPTIONS, options, |option, value| {
        match option {
            "size" => chosen.size = value.count(smallest, largest)?,
            "channels" => chosen.channels = value.channels()?,
            "train" => chosen.train = value.count(1, u32::MAX)?,
            "test" => chosen.test = value.count(1, u32::MAX)?,
            _ => chosen.seed = value.number(0, u64::MAX)?,
        }
        Ok(())
    })?;
    chosen.check()?;
    Ok(chosen)
}

/// The most similar of some names, if one is similar at all.
fn nearest(name: &str, all: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    if name.len() > 100 {
        return None;
    }
    let name = name.to_lowercase();
    let scored = all.map(|other| (strsim::normalized_damerau_levenshtein(&name, other), other));
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(score, _)| *score >= SIMILAR).map(|(_, other)| other)
}
