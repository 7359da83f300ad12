//! Writing files: texts from the editor and pictures.

use std::{
    io::{self, Cursor},
    path::PathBuf,
    sync::Arc,
};

use egui::ColorImage;
use inceptive_files::{InputFiles, disk, replace_file};

use inceptive_app::error_chain;

use super::{Output, read::MOST_BYTES};
use crate::drafts::{Draft, DraftKeeper};
use crate::file::FilePath;

/// A text for a file.
#[derive(Clone, Debug)]
pub struct SaveRequest {
    /// The file.
    pub file: FilePath,
    /// The new content.
    pub text: Arc<str>,
    /// What must be there before.
    pub expected: Expected,
}

/// What must be at the place of a file before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Anything: it is overwritten.
    Anything,
    /// No file, or one with this text.
    Text(Arc<str>),
    /// No file.
    Nothing,
}

/// Why a text was not saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SaveProblem {
    /// Another program changed the file since it was read.
    Changed,
    /// There is a file of this name already.
    Exists,
    /// It cannot be written; why.
    Failed(String),
}

/// A picture for a file.
#[derive(Clone, Debug)]
pub enum Picture {
    /// The text of an SVG file.
    Svg(String),
    /// Pixels, for a PNG file.
    Png(Arc<ColorImage>),
}

pub(super) fn save(request: SaveRequest) -> Output {
    let result = write_text(&request);
    Output::Saved(request.file, request.text, result)
}

fn write_text(request: &SaveRequest) -> Result<(), SaveProblem> {
    let SaveRequest { file, text, expected } = request;
    if text.len() as u64 > MOST_BYTES {
        // It could not be read again.
        return Err(SaveProblem::Failed("the text is larger than the limit of 1 MiB".to_owned()));
    }
    match expected {
        Expected::Anything => {}
        Expected::Text(expected) => match inceptive_files::read(file, MOST_BYTES) {
            Ok(bytes) if bytes == expected.as_bytes() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            // A file that became unreadable or grew counts as changed.
            _ => return Err(SaveProblem::Changed),
        },
        // Other errors come up when it is written.
        Expected::Nothing if disk::symlink_metadata(file).is_ok() => {
            return Err(SaveProblem::Exists);
        }
        Expected::Nothing => {}
    }
    // The file itself is what was read.
    let written = replace_file(file, text.as_bytes(), &InputFiles::default());
    written.map_err(|error| SaveProblem::Failed(error_chain(&error)))
}

/// Texts that are not saved, to be kept for the next run.
#[derive(Clone, Debug)]
pub struct KeepRequest {
    /// Where.
    pub keeper: Arc<DraftKeeper>,
    /// Later ones have larger numbers.
    pub number: u64,
    /// The texts.
    pub drafts: Arc<[Draft]>,
}

pub(super) fn keep(request: &KeepRequest) -> Result<Output, String> {
    let KeepRequest { keeper, number, drafts } = request;
    keeper.keep(*number, drafts).map_err(|error| error_chain(&error))?;
    Ok(Output::Written(vec![]))
}

/// A picture to be written, not over anything that was read.
#[derive(Clone, Debug)]
pub struct PictureRequest {
    /// Where.
    pub path: PathBuf,
    /// The picture.
    pub picture: Picture,
    /// All files that were read.
    pub inputs: InputFiles,
}

pub(super) fn picture(request: PictureRequest) -> Result<Output, String> {
    let PictureRequest { path, picture, inputs } = request;
    let bytes = match picture {
        Picture::Svg(text) => text.into_bytes(),
        Picture::Png(image) => png(&image).map_err(|error| error_chain(&error))?,
    };
    replace_file(&path, &bytes, &inputs).map_err(|error| error_chain(&error))?;
    Ok(Output::Written(vec![path]))
}

fn png(image: &ColorImage) -> Result<Vec<u8>, png::EncodingError> {
    let [width, height] = image.size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
    let mut bytes = Cursor::new(Vec::new());
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.write_header()?.write_image_data(image.as_raw())?;
    Ok(bytes.into_inner())
}
