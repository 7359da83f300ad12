//! Windows bitmaps without compression.

use super::{Decoded, Orientation, Size, ends_early};
use crate::error::Problem;

/// Size of the file's own header.
const FILE_HEADER: usize = 14;

/// Size of the oldest header of an image.
const CORE_HEADER: u32 = 12;

/// No compression.
const PLAIN: u32 = 0;

/// No compression, with masks of the colours.
const MASKS: u32 = 3;

/// The masks of colours that are where they are without masks: red, green, blue.
const USUAL_MASKS: [u32; 3] = [0xFF_0000, 0xFF00, 0xFF];

/// The header.
struct Header {
    size: Size,
    /// The first row is the uppermost one.
    is_top_down: bool,
    /// Bits of a pixel.
    bits: usize,
    /// Where the colours of a palette are.
    palette: usize,
    /// Bytes of a colour of the palette.
    entry: usize,
    /// Where the pixels are.
    pixels: usize,
}

/// Decodes a file to red, green and blue.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, Problem> {
    let Header { size, is_top_down, bits, palette, entry, pixels } = header(bytes)?;
    let row_bytes = (size.width * bits).div_ceil(32) * 4;
    let rows = bytes.get(pixels..).and_then(|rows| rows.get(..row_bytes * size.height));
    let rows = rows.ok_or_else(ends_early)?;
    let palette = bytes.get(palette..).ok_or_else(ends_early)?;
    let colour = |row: &[u8], column: usize| -> Option<[u8; 3]> {
        let bit = column * bits;
        match bits {
            24 | 32 => row[bit / 8..].first_chunk().copied(),
            _ => {
                let index = row[bit / 8] >> (8 - bits - bit % 8) & (u8::MAX >> (8 - bits));
                palette.get(usize::from(index) * entry..)?.first_chunk().copied()
            }
        }
    };
    let mut decoded = Vec::with_capacity(size.bytes());
    for row in 0..size.height {
        let row = if is_top_down { row } else { size.height - 1 - row };
        let row = &rows[row * row_bytes..][..row_bytes];
        for column in 0..size.width {
            let [blue, green, red] = colour(row, column).ok_or_else(ends_early)?;
            decoded.extend([red, green, blue]);
        }
    }
    Ok(Decoded { size, pixels: decoded, orientation: Orientation::UPRIGHT })
}

fn header(bytes: &[u8]) -> Result<Header, Problem> {
    let u16_at = |at: usize| {
        let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.copied().map(u16::from_le_bytes).ok_or_else(ends_early)
    };
    let u32_at = |at: usize| {
        let bytes = bytes.get(at..).and_then(|bytes| bytes.first_chunk());
        bytes.copied().map(u32::from_le_bytes).ok_or_else(ends_early)
    };
    let (pixels, header_size) = (u32_at(10)? as usize, u32_at(FILE_HEADER)?);
    let is_core = header_size == CORE_HEADER;
    let (width, height, bits, compression) = match is_core {
        true => (u16_at(18)?.into(), u16_at(20)?.into(), u16_at(24)?, PLAIN),
        false => (u32_at(18)?, u32_at(22)?.cast_signed(), u16_at(28)?, u32_at(30)?),
    };
    let is_read = match (bits, compression) {
        (1 | 4 | 8 | 24 | 32, PLAIN) => true,
        (32, MASKS) => [u32_at(54)?, u32_at(58)?, u32_at(62)?] == USUAL_MASKS,
        _ => false,
    };
    if !is_read {
        return Err(Problem::Image(format!(
            "it is a BMP file with {bits} bits a pixel and compression {compression}; \
             1, 4, 8, 24 or 32 bits without compression are read"
        )));
    }
    Ok(Header {
        size: Size::new(width, height.unsigned_abs(), 3)?,
        is_top_down: height < 0,
        bits: bits.into(),
        palette: FILE_HEADER.saturating_add(header_size as usize),
        entry: if is_core { 3 } else { 4 },
        pixels,
    })
}
