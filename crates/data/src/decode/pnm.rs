//! Netpbm's bitmaps, greymaps and pixmaps, as text (P1, P2, P3) or as bytes (P4, P5, P6), and its arbitrary maps (P7).

use super::{Decoded, Orientation, Size, ends_early};
use crate::error::Problem;

/// The header.
struct Header {
    width: u32,
    height: u32,
    channels: u32,
    /// The value of white.
    highest: u32,
}

/// Decodes a file.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, Problem> {
    let kind = bytes[1];
    let mut text = Text { bytes, at: 2 };
    let Header { width, height, channels, highest } = match kind {
        b'7' => text.named_header()?,
        _ => text.header(kind)?,
    };
    if !(1..=u16::MAX.into()).contains(&highest) {
        return Err(Problem::Image(format!("its highest value is {highest}, not 1 to 65535")));
    }
    if !(1..=4).contains(&channels) {
        return Err(Problem::Image(format!("it has {channels} channels, not 1 to 4")));
    }
    let size = Size::new(width, height, channels as usize)?;
    // In bitmaps, 1 is black.
    let scaled = |value: u32| (value.min(highest) * 255 + highest / 2) / highest;
    let byte = |value| scaled(value) as u8;
    let bit = |value| 255 - byte(value);
    let pixels = match kind {
        b'1' => (0..size.bytes()).map(|_| text.digit().map(bit)).collect::<Result<_, _>>()?,
        b'2' | b'3' => {
            (0..size.bytes()).map(|_| text.number().map(byte)).collect::<Result<_, _>>()?
        }
        b'4' => {
            let row_bytes = size.width.div_ceil(8);
            let rows = text.rest(row_bytes * size.height)?.chunks_exact(row_bytes);
            let bits =
                |row: &[u8], column: usize| u32::from(row[column / 8] >> (7 - column % 8) & 1);
            rows.flat_map(|row| (0..size.width).map(move |column| bit(bits(row, column)))).collect()
        }
        _ if highest > u8::MAX.into() => {
            let (values, _) = text.rest(2 * size.bytes())?.as_chunks();
            values.iter().map(|&value| byte(u16::from_be_bytes(value).into())).collect()
        }
        _ => text.rest(size.bytes())?.iter().map(|&value| byte(value.into())).collect(),
    };
    Ok(Decoded { size, pixels, orientation: Orientation::UPRIGHT })
}

/// The text of a file.
struct Text<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Text<'a> {
    /// A header of numbers.
    fn header(&mut self, kind: u8) -> Result<Header, Problem> {
        let (width, height) = (self.number()?, self.number()?);
        let highest = if matches!(kind, b'1' | b'4') { 1 } else { self.number()? };
        let channels = if matches!(kind, b'3' | b'6') { 3 } else { 1 };
        Ok(Header { width, height, channels, highest })
    }

    /// A header of names with their numbers.
    fn named_header(&mut self) -> Result<Header, Problem> {
        let names = ["WIDTH", "HEIGHT", "DEPTH", "MAXVAL"];
        let mut values = [None; 4];
        loop {
            let word = self.word()?;
            if word == b"ENDHDR" {
                let [width, height, channels, highest] = values.map(Option::unwrap_or_default);
                return Ok(Header { width, height, channels, highest });
            }
            // Other words are the kind of channels, which follows from their number.
            let Some(index) = names.iter().position(|name| name.as_bytes() == word) else {
                continue;
            };
            if values[index].replace(self.number()?).is_some() {
                return Err(Problem::Image(format!("its header has {} twice", names[index])));
            }
        }
    }

    /// The next word.
    fn word(&mut self) -> Result<&'a [u8], Problem> {
        self.next()?;
        let rest = &self.bytes[self.at - 1..];
        let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        self.at += length - 1;
        Ok(&rest[..length])
    }

    /// The next byte that is neither white space nor in a comment.
    fn next(&mut self) -> Result<u8, Problem> {
        let mut is_comment = false;
        loop {
            let byte = *self.bytes.get(self.at).ok_or_else(ends_early)?;
            self.at += 1;
            match byte {
                b'\n' | b'\r' => is_comment = false,
                b'#' => is_comment = true,
                _ if is_comment || byte.is_ascii_whitespace() => {}
                _ => return Ok(byte),
            }
        }
    }

    /// The next digit.
    fn digit(&mut self) -> Result<u32, Problem> {
        let byte = self.next()?;
        match byte.is_ascii_digit() {
            true => Ok(u32::from(byte - b'0')),
            false => Err(Problem::Image(format!("a number is expected at byte {}", self.at - 1))),
        }
    }

    /// The next number.
    fn number(&mut self) -> Result<u32, Problem> {
        let mut number = Some(self.digit()?);
        let start = self.at - 1;
        while let Some(digit) = self.bytes.get(self.at).filter(|byte| byte.is_ascii_digit()) {
            let shifted = number.and_then(|number| number.checked_mul(10));
            number = shifted.and_then(|number| number.checked_add(u32::from(digit - b'0')));
            self.at += 1;
        }
        let too_large = || format!("the number at byte {start} is above the limit of {}", u32::MAX);
        number.ok_or_else(|| Problem::Image(too_large()))
    }

    /// The bytes after the white space that ends the text.
    fn rest(&self, length: usize) -> Result<&'a [u8], Problem> {
        let rest = self.bytes.get(self.at + 1..).and_then(|rest| rest.get(..length));
        rest.ok_or_else(ends_early)
    }
}
