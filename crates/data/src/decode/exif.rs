//! The orientation of an image from Exif metadata: tag 0x112 in the first directory of a TIFF file.

/// The orientation of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Orientation(u8);

impl Orientation {
    /// As it is.
    pub const UPRIGHT: Self = Self(1);

    /// The orientation in Exif metadata; upright if they have none, or a wrong one.
    pub fn of_exif(exif: Option<&[u8]>) -> Self {
        let value = exif.and_then(value).filter(|value| (1..=8).contains(value));
        value.and_then(|value| u8::try_from(value).ok()).map_or(Self::UPRIGHT, Self)
    }

    /// Row and column to which a pixel of a square comes.
    pub fn turned(self, row: usize, column: usize, size: usize) -> (usize, usize) {
        let (below, after) = (size - 1 - row, size - 1 - column);
        match self.0 {
            2 => (row, after),
            3 => (below, after),
            4 => (below, column),
            5 => (column, row),
            6 => (column, below),
            7 => (after, below),
            8 => (after, row),
            _ => (row, column),
        }
    }
}

/// The number in the tag.
fn value(exif: &[u8]) -> Option<u16> {
    const TAG: u16 = 0x112;
    const SHORT: u16 = 3;
    let is_little = match exif.first_chunk()? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |bytes: &[u8]| {
        let bytes = *bytes.first_chunk()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let start = *exif[4..].first_chunk()?;
    let start = if is_little { u32::from_le_bytes(start) } else { u32::from_be_bytes(start) };
    let directory = exif.get(usize::try_from(start).ok()?..)?;
    let count = short(directory)?;
    let mut entries = directory[2..].chunks_exact(12).take(count.into());
    let entry =
        entries.find(|entry| short(entry) == Some(TAG) && short(&entry[2..]) == Some(SHORT))?;
    short(&entry[8..])
}
