//! Images with labels in memory.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use inceptive_files::{GIB, InputFiles};
use sha2::{Digest, Sha256};

use crate::{
    class::is_in_class,
    error::{DataError, Problem},
    random::{Purpose, Stream},
    stop::{CHUNK, check},
};

/// Maximum number of bytes of all pixels of a data set.
pub const MAX_DATA_BYTES: u64 = 8 * GIB;

/// Maximum height and width of an image.
pub const MAX_SIDE: u32 = 4096;

/// To be changed with the encoding of data sets for their checksum.
const FINGERPRINT_VERSION: &[u8] = b"inceptive data set 1\n";

/// A SHA-256, shown as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Checksum([u8; 32]);

impl Checksum {
    /// The SHA-256 of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The shape of every image of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageShape {
    /// 1 for grey, 3 for red, green and blue.
    pub channels: u32,
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl ImageShape {
    /// Number of values of an image: channels x height x width.
    pub const fn pixels(self) -> usize {
        self.channels as usize * self.plane()
    }

    /// Number of values of a channel: height x width.
    pub const fn plane(self) -> usize {
        self.height as usize * self.width as usize
    }

    /// Checks the height and width from a header against their limits.
    pub(crate) fn sides([height, width]: [u64; 2]) -> Result<[u32; 2], Problem> {
        let side = |what, side| {
            limit(what, side, MAX_SIDE.into())?;
            Ok(u32::try_from(side).unwrap_or(MAX_SIDE))
        };
        Ok([side("the height", height)?, side("the width", width)?])
    }

    /// Checks that a number of images of this shape can be held, before memory is allocated for them; returns their bytes.
    pub(crate) fn check(self, count: u64) -> Result<usize, Problem> {
        if count == 0 || self.channels == 0 || self.height == 0 || self.width == 0 {
            return Err(Problem::NoImages);
        }
        Self::sides([self.height, self.width].map(u64::from))?;
        limit("the number of images", count, u32::MAX.into())?;
        limit("the number of channels", self.channels.into(), 3)?;
        let bytes = count.saturating_mul(self.pixels() as u64);
        limit("the size of all images in bytes", bytes, MAX_DATA_BYTES)?;
        usize::try_from(bytes).map_err(|_| Problem::TooLarge {
            what: "the size of all images in bytes",
            found: bytes,
            limit: usize::MAX as u64,
        })
    }
}

/// Checks a number against its maximum.
pub(crate) fn limit(what: &'static str, found: u64, limit: u64) -> Result<(), Problem> {
    match found > limit {
        true => Err(Problem::TooLarge { what, found, limit }),
        false => Ok(()),
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}x{}", self.channels, self.height, self.width)
    }
}

/// Images of one shape with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    shape: ImageShape,
    images: Vec<u8>,
    labels: Vec<u16>,
}

impl Split {
    /// Images in the order image x channel x height x width, 0 for black, with a label each.
    ///
    /// # Errors
    /// When there are none, too many, or not as many as labels.
    pub fn new(shape: ImageShape, images: Vec<u8>, labels: Vec<u16>) -> Result<Self, Problem> {
        let expected = shape.check(labels.len() as u64)?;
        match images.len() == expected {
            true => Ok(Self { shape, images, labels }),
            false => {
                Err(Problem::Counts { images: images.len() / shape.pixels(), labels: labels.len() })
            }
        }
    }

    /// Number of images, at least 1.
    #[expect(clippy::len_without_is_empty, reason = "a split is never empty")]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The shape of every image.
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// All pixels: image x channel x height x width.
    pub fn images(&self) -> &[u8] {
        &self.images
    }

    /// The class of each image, from 0 on.
    pub fn labels(&self) -> &[u16] {
        &self.labels
    }

    /// The classes of some images.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn labels_of(&self, images: &[u32]) -> Vec<u32> {
        images.iter().map(|image| u32::from(self.labels[*image as usize])).collect()
    }

    /// The pixels of an image, channel x height x width.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn image(&self, index: u32) -> &[u8] {
        let pixels = self.shape.pixels();
        &self.images[index as usize * pixels..][..pixels]
    }

    /// The number of images of each class.
    pub fn class_counts(&self, classes: usize) -> Vec<usize> {
        let mut counts = vec![0; classes];
        for &label in &self.labels {
            if let Some(count) = counts.get_mut(usize::from(label)) {
                *count += 1;
            }
        }
        counts
    }

    /// The indices of all images.
    pub fn indices(&self) -> Vec<u32> {
        (0..).take(self.len()).collect()
    }

    /// Mean and standard deviation of each channel over some images.
    ///
    /// # Panics
    /// When there is no such image.
    pub fn channel_stats(&self, indices: &[u32]) -> ChannelStats {
        let plane = self.shape.plane();
        let mut sums = vec![(0_u64, 0_u64); self.shape.channels as usize];
        for &index in indices {
            for (channel, (sum, squares)) in self.image(index).chunks_exact(plane).zip(&mut sums) {
                // Below 2^24 pixels of at most 255^2.
                let add = |(sum, squares): (u64, u64), &pixel: &u8| {
                    let pixel = u64::from(pixel);
                    (sum + pixel, squares + pixel * pixel)
                };
                (*sum, *squares) = channel.iter().fold((*sum, *squares), add);
            }
        }
        let count = (indices.len() * plane) as u64;
        ChannelStats::of(&sums, count)
    }
}

/// Mean and standard deviation of each channel, of pixels from 0 to 1.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ChannelStats {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel.
    pub std: Vec<f32>,
}

impl ChannelStats {
    /// From sums of pixels and of their squares, which are exact, so that the order of images has no influence.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        reason = "rounded once, the same on every machine"
    )]
    fn of(sums: &[(u64, u64)], count: u64) -> Self {
        let count = u128::from(count.max(1));
        let mean = |&(sum, _): &(u64, u64)| (sum as f64 / (count as f64 * 255.0)) as f32;
        let std = |&(sum, squares): &(u64, u64)| {
            let variance = count * u128::from(squares) - u128::from(sum) * u128::from(sum);
            ((variance as f64).sqrt() / (count as f64 * 255.0)) as f32
        };
        Self { mean: sums.iter().map(mean).collect(), std: sums.iter().map(std).collect() }
    }
}

/// The training images of a data set, divided into training and validation; indices in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Training images.
    pub train: Vec<u32>,
    /// Validation images, which are held out of training.
    pub validation: Vec<u32>,
}

/// One of the two splits that a data set comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitKind {
    /// To train on.
    Train,
    /// To test on.
    Test,
}

impl SplitKind {
    /// Its name in messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "training",
            Self::Test => "test",
        }
    }
}

/// SHA-256 of all images and labels.
fn fingerprint(classes: usize, splits: [&Split; 2], stop: &AtomicBool) -> io::Result<Checksum> {
    let mut hash = Sha256::new();
    let number = |number: usize| (number as u64).to_le_bytes();
    hash.update(FINGERPRINT_VERSION);
    hash.update(number(classes));
    for split in splits {
        let ImageShape { channels, height, width } = split.shape;
        for size in [channels, height, width] {
            hash.update(u64::from(size).to_le_bytes());
        }
        hash.update(number(split.len()));
        for images in split.images.chunks(CHUNK) {
            check(stop)?;
            hash.update(images);
        }
        let labels: Vec<u8> = split.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
        hash.update(&labels);
    }
    Ok(Checksum(hash.finalize().into()))
}

/// A data set in memory.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Its name with its options, without a path: `fashion-mnist`.
    pub name: String,
    /// The names of its classes; labels are their indices.
    pub classes: Vec<String>,
    /// The training images, including the validation images.
    pub train: Split,
    /// The test images, to be used only at the end.
    pub test: Split,
    fingerprint: Checksum,
    inputs: InputFiles,
    class_lists: Vec<PathBuf>,
}

impl Dataset {
    /// A data set of two splits.
    ///
    /// # Errors
    /// When their shapes differ, a label is out of range, a class has no training images, or it was stopped.
    pub(crate) fn new(
        name: &str,
        classes: Vec<String>,
        train: Split,
        test: Split,
        stop: &AtomicBool,
    ) -> Result<Self, DataError> {
        let fingerprint = fingerprint(classes.len(), [&train, &test], stop);
        let fingerprint = fingerprint.map_err(|_| DataError::Stopped)?;
        let inputs = InputFiles::default();
        let class_lists = Vec::new();
        let data =
            Self { name: name.to_owned(), classes, train, test, fingerprint, inputs, class_lists };
        let problem = data.problem();
        problem.map_or(Ok(data), |problem| Err(DataError::Set { name: name.to_owned(), problem }))
    }

    /// Sets the files that it was read from.
    pub(crate) fn read_from(self, inputs: InputFiles) -> Self {
        Self { inputs, ..self }
    }

    /// Sets the folders whose subfolders are its classes.
    pub(crate) fn with_class_lists(self, class_lists: Vec<PathBuf>) -> Self {
        Self { class_lists, ..self }
    }

    fn problem(&self) -> Option<Problem> {
        let (train, test) = (self.train.shape, self.test.shape);
        if train != test {
            return Some(Problem::Shapes { train: train.to_string(), test: test.to_string() });
        }
        let classes = self.classes.len();
        for split in [&self.train, &self.test] {
            let mut labels = split.labels.iter().enumerate();
            if let Some((image, &label)) = labels.find(|(_, label)| usize::from(**label) >= classes)
            {
                return Some(Problem::Label { image, label, classes });
            }
        }
        let empty = self.train.class_counts(classes).iter().position(|&count| count == 0)?;
        let class = format!("`{}`", self.classes[empty]);
        Some(Problem::EmptyClass { class, split: SplitKind::Train.name() })
    }

    /// The shape of every image.
    pub fn shape(&self) -> ImageShape {
        self.train.shape
    }

    /// Bytes of memory of all images.
    pub fn bytes(&self) -> u64 {
        (self.train.images.len() + self.test.images.len()) as u64
    }

    /// A split.
    pub fn split(&self, kind: SplitKind) -> &Split {
        match kind {
            SplitKind::Train => &self.train,
            SplitKind::Test => &self.test,
        }
    }

    /// SHA-256 of all images and labels. It does not depend on the format or the compression of the files.
    pub fn fingerprint(&self) -> Checksum {
        self.fingerprint
    }

    /// The files that it was read from, which no output may replace; none if it was generated.
    pub fn inputs(&self) -> &InputFiles {
        &self.inputs
    }

    /// The folder whose subfolders are its classes, if `folder` is a class or inside one, or would be once it is created.
    pub fn classes_around(&self, folder: &Path) -> Option<&Path> {
        let mut lists = self.class_lists.iter().map(PathBuf::as_path);
        lists.find(|list| is_in_class(folder, list))
    }

    /// Holds out `count` training images for validation, a random sample stratified by class; 0 for none.
    ///
    /// # Errors
    /// When a class would be left without training or validation images.
    pub fn hold_out(&self, count: usize, seed: u64) -> Result<Partition, DataError> {
        if count == 0 {
            return Ok(Partition { train: self.train.indices(), validation: Vec::new() });
        }
        let images = self.train.len();
        let counts = self.train.class_counts(self.classes.len());
        let shares = shares(&counts, count);
        if shares.iter().zip(&counts).any(|(&share, &count)| share == 0 || share >= count) {
            let problem = Problem::HoldOut { wanted: count, images };
            return Err(DataError::Set { name: self.name.clone(), problem });
        }
        let mut is_held_out = vec![false; images];
        let mut of_classes: Vec<Vec<u32>> = vec![Vec::new(); self.classes.len()];
        for (index, &label) in (0..).zip(&self.train.labels) {
            of_classes[usize::from(label)].push(index);
        }
        for ((class, &share), mut members) in (0_u64..).zip(&shares).zip(of_classes) {
            Stream::new(seed, Purpose::HoldOut, class, 0).shuffle(&mut members);
            members[..share].iter().for_each(|&index| is_held_out[index as usize] = true);
        }
        let (validation, train) =
            self.train.indices().into_iter().partition(|&index| is_held_out[index as usize]);
        Ok(Partition { train, validation })
    }
}

/// Distributes `total` over classes in proportion to their counts, rounded by the largest remainders; all 0 if there are
/// not enough.
fn shares(counts: &[usize], total: usize) -> Vec<usize> {
    let images: usize = counts.iter().sum();
    if total >= images {
        return vec![0; counts.len()];
    }
    let exact = |count: usize| count as u128 * total as u128;
    let whole = |count: usize| usize::try_from(exact(count) / images as u128).unwrap_or(count);
    let mut shares: Vec<usize> = counts.iter().map(|&count| whole(count)).collect();
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(exact(counts[class]) % images as u128));
    let missing = total - shares.iter().sum::<usize>();
    order.iter().take(missing).for_each(|&class| shares[class] += 1);
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::NEVER;

    /// Looking at each image for each class would take minutes.
    #[test]
    fn images_of_many_classes_are_held_out_in_no_time() {
        let classes = 60_000_usize;
        let split = |images: usize| {
            let labels: Vec<u16> = (0..images).map(|image| (image % classes) as u16).collect();
            let shape = ImageShape { channels: 1, height: 1, width: 1 };
            Split::new(shape, vec![0; images], labels).unwrap()
        };
        let names = (0..classes).map(|class| class.to_string()).collect();
        let data = Dataset::new("n", names, split(3 * classes), split(classes), &NEVER).unwrap();
        let partition = data.hold_out(classes, 1).unwrap();
        assert_eq!((partition.train.len(), partition.validation.len()), (2 * classes, classes));
        let counts = data.train.labels_of(&partition.validation);
        let unique: std::collections::BTreeSet<u32> = counts.into_iter().collect();
        assert_eq!(unique.len(), classes);
    }
}
