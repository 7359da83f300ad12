//! Several views of an image for evaluation; the predicted probabilities are averaged over them.
//!
//! In the literature, crops are cut out of images that are larger than the network's input. Here, an image is as large as
//! the input, so it is padded or enlarged first, such that a crop covers the same fraction as in the literature.

use std::{fmt, str::FromStr};

use crate::dataset::ImageShape;

/// The views of each image whose probabilities are averaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Views {
    /// The image.
    #[default]
    One,
    /// The image, and the image mirrored.
    Two,
    /// Crops at the corners and the centre of the image with reflection padding of 1/14 of its sides, and their mirror
    /// images: a crop has 7/8 of the padded sides, as 224 of 256 (Krizhevsky et al. 2012).
    Ten,
    /// The image enlarged to 8/7, 9/7, 10/7 and 11/7 of its sides, as 256, 288, 320 and 352 are of 224; of each, the left,
    /// middle and right square; of each square, crops at the corners and the centre, and the square resized to the crop
    /// size; of each crop, its mirror image (Szegedy et al. 2014, arXiv:1409.4842, section 7). Images are not cropped to
    /// squares here, so the three squares are the same: 42 views are distinct, and weighted by how often they occur.
    Article,
}

/// The sides of a crop in the literature, in units of 32 pixels.
const CROP: u32 = 7;
/// The sides that images are enlarged to, in the same unit.
const SCALES: [u32; 4] = [8, 9, 10, 11];
/// Squares of an enlarged image.
const SQUARES: u32 = 3;

impl Views {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::One, Self::Two, Self::Ten, Self::Article];

    /// How many there are.
    pub const fn count(self) -> u32 {
        match self {
            Self::One => 1,
            Self::Two => 2,
            Self::Ten => 10,
            Self::Article => 144,
        }
    }

    /// The views of images of a shape; identical views are merged into one with a larger weight. The weights add up to
    /// [`Views::count`].
    pub fn of(self, shape: ImageShape) -> Vec<View> {
        let ImageShape { height, width, .. } = shape;
        let frames: Vec<(Frame, u32)> = match self {
            Self::One => return vec![View { frame: Frame::Whole, is_mirrored: false, weight: 1 }],
            Self::Two => vec![(Frame::Whole, 1)],
            Self::Ten => {
                let [top, left] = [height, width].map(padding);
                let moved = [(-top, -left), (-top, left), (top, -left), (top, left), (0, 0)];
                moved.map(|(top, left)| (Frame::Moved { top, left }, 1)).into()
            }
            Self::Article => {
                let whole = (Frame::Whole, SCALES.len() as u32 * SQUARES);
                let enlarged = SCALES.into_iter().flat_map(|scale| enlarged(shape, scale));
                enlarged.map(|frame| (frame, SQUARES)).chain([whole]).collect()
            }
        };
        let both =
            |(frame, weight)| [false, true].map(|is_mirrored| View { frame, is_mirrored, weight });
        frames.into_iter().flat_map(both).collect()
    }
}

/// Pixels that are added at each side: 1/14, and less than the side, as reflection padding requires.
fn padding(side: u32) -> i32 {
    let padding = (side + CROP) / (2 * CROP);
    padding.max(1).min(side.saturating_sub(1)).cast_signed()
}

/// Crops at the corners and the centre of an enlarged image.
fn enlarged(shape: ImageShape, scale: u32) -> [Frame; 5] {
    let [height, width] = [shape.height, shape.width].map(|side| (side * scale + CROP / 2) / CROP);
    let (bottom, right) = (height - shape.height, width - shape.width);
    let corners = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom / 2, right / 2)];
    corners.map(|(top, left)| Frame::Enlarged { height, width, top, left })
}

/// A view of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    pub(crate) frame: Frame,
    /// Whether left and right are swapped.
    pub(crate) is_mirrored: bool,
    weight: u32,
}

impl View {
    /// The number of views that it counts as.
    pub fn weight(self) -> u32 {
        self.weight
    }
}

/// The crop of a view, which is as large as the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The image as it is.
    Whole,
    /// A crop of the padded image, shifted by this many pixels down and right.
    Moved { top: i32, left: i32 },
    /// A crop of the image enlarged to these sides, from this position.
    Enlarged { height: u32, width: u32, top: u32, left: u32 },
}

impl fmt::Display for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.count().fmt(f)
    }
}

/// An unsupported number of views.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 1, 2, 10 or 144")]
pub struct UnknownViews;

impl FromStr for Views {
    type Err = UnknownViews;

    fn from_str(text: &str) -> Result<Self, UnknownViews> {
        Self::ALL.into_iter().find(|views| views.to_string() == text).ok_or(UnknownViews)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_to_the_number_of_views() {
        for (height, width) in [(28, 28), (32, 24), (224, 224), (2, 2), (1, 1)] {
            let shape = ImageShape { channels: 1, height, width };
            for views in Views::ALL {
                let all = views.of(shape);
                let total: u32 = all.iter().map(|view| view.weight()).sum();
                assert_eq!(total, views.count(), "{views} of {shape}");
                assert_eq!(views.to_string().parse(), Ok(views));
            }
        }
        assert_eq!(Views::Article.of(ImageShape { channels: 3, height: 32, width: 32 }).len(), 42);
        assert_eq!("3".parse::<Views>(), Err(UnknownViews));
    }

    #[test]
    fn crops_have_the_shares_of_the_literature() {
        assert_eq!([28, 32, 224, 2, 1].map(padding), [2, 2, 16, 1, 0]);
        let shape = ImageShape { channels: 1, height: 224, width: 28 };
        let sides = |frame| match frame {
            Frame::Enlarged { height, width, top, left } => (height, width, top, left),
            Frame::Whole | Frame::Moved { .. } => panic!("not enlarged"),
        };
        assert_eq!(
            SCALES.map(|scale| sides(enlarged(shape, scale)[0])).map(|it| (it.0, it.1)),
            [(256, 32), (288, 36), (320, 40), (352, 44)]
        );
        assert_eq!(
            enlarged(shape, 8).map(sides).map(|it| (it.2, it.3)),
            [(0, 0), (0, 4), (32, 0), (32, 4), (16, 2)]
        );
    }
}
