//! Decoding image files: PNG, JPEG, BMP and PNM.

mod bmp;
mod exif;
mod pnm;

use std::io::Cursor;

use inceptive_files::MIB;
use zune_jpeg::zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions};

pub(crate) use exif::Orientation;

use crate::{dataset::limit, error::Problem};

/// Maximum memory of the pixels of an image.
const MAX_DECODED_BYTES: u64 = 512 * MIB;

/// Maximum height and width of an image.
const MAX_FILE_SIDE: u32 = 1 << 15;

/// The decoded pixels of an image.
pub(crate) struct Decoded {
    pub size: Size,
    /// Row x column x channel.
    pub pixels: Vec<u8>,
    /// The orientation, which is not applied yet.
    pub orientation: Orientation,
}

/// The size of an image, within limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub width: usize,
    pub height: usize,
    /// 1 for grey, 2 with transparency; 3 for colour, 4 with transparency.
    pub channels: usize,
}

impl Size {
    /// Checks the size in a header before memory is allocated.
    fn new(width: u32, height: u32, channels: usize) -> Result<Self, Problem> {
        if width == 0 || height == 0 {
            return Err(Problem::Image("it has no pixels".to_owned()));
        }
        limit("the width", width.into(), MAX_FILE_SIDE.into())?;
        limit("the height", height.into(), MAX_FILE_SIDE.into())?;
        let bytes = u64::from(width) * u64::from(height) * channels as u64;
        limit("the size of the image in bytes", bytes, MAX_DECODED_BYTES)?;
        Ok(Self { width: width as usize, height: height as usize, channels })
    }

    /// Bytes of all pixels.
    fn bytes(self) -> usize {
        self.width * self.height * self.channels
    }
}

/// Decodes a file; its first bytes identify the format.
pub(crate) fn decode(bytes: &[u8]) -> Result<Decoded, Problem> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => png(bytes),
        [0xFF, 0xD8, ..] => jpeg(bytes),
        [b'B', b'M', ..] => bmp::decode(bytes),
        [b'P', b'1'..=b'7', ..] => pnm::decode(bytes),
        _ => Err(Problem::Image("it is not a PNG, JPEG, BMP or PNM file".to_owned())),
    }
}

/// Of 16-bit values, the upper 8 bits are used.
fn png(bytes: &[u8]) -> Result<Decoded, Problem> {
    let failed = |error: png::DecodingError| Problem::Image(error.to_string());
    let limits = png::Limits { bytes: usize::try_from(MAX_DECODED_BYTES).unwrap_or(usize::MAX) };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let (width, height) = decoder.read_header_info().map_err(failed)?.size();
    Size::new(width, height, 1)?;
    let mut reader = decoder.read_info().map_err(failed)?;
    let (colour, _) = reader.output_color_type();
    let size = Size::new(width, height, colour.samples())?;
    let mut pixels = vec![0; size.bytes()];
    reader.next_frame(&mut pixels).map_err(failed)?;
    let orientation = Orientation::of_exif(reader.info().exif_metadata.as_deref());
    Ok(Decoded { size, pixels, orientation })
}

/// CMYK is converted to RGB.
fn jpeg(bytes: &[u8]) -> Result<Decoded, Problem> {
    let failed = |error: zune_jpeg::errors::DecodeErrors| Problem::Image(error.to_string());
    // Small errors in JPEG files are common and not visible.
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::MAX)
        .set_max_height(usize::MAX);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(failed)?;
    let (colours, channels) = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => (ColorSpace::Luma, 1),
        _ => (ColorSpace::RGB, 3),
    };
    let (width, height) = decoder.info().map_or((0, 0), |info| (info.width, info.height));
    let size = Size::new(width.into(), height.into(), channels)?;
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let mut pixels = vec![0; size.bytes()];
    decoder.decode_into(&mut pixels).map_err(failed)?;
    let orientation = Orientation::of_exif(decoder.exif().map(Vec::as_slice));
    Ok(Decoded { size, pixels, orientation })
}

/// A file that ends before its pixels do.
fn ends_early() -> Problem {
    Problem::Image("the file ends early".to_owned())
}
