//! Sizes and shapes, always without the batch dimension.

use std::fmt;

/// A height and a width: a kernel, a stride, a dilation or an image size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
}

impl Size {
    /// `height` rows by `width` columns.
    pub const fn new(height: u32, width: u32) -> Self {
        Self { height, width }
    }

    /// `side` by `side`.
    pub const fn square(side: u32) -> Self {
        Self::new(side, side)
    }

    /// Number of positions, `height * width`.
    pub const fn area(self) -> u64 {
        self.height as u64 * self.width as u64
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.height, self.width)
    }
}

/// Rows and columns added around a feature map before a window slides over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Padding {
    /// Rows above.
    pub top: u32,
    /// Columns to the left.
    pub left: u32,
    /// Rows below.
    pub bottom: u32,
    /// Columns to the right.
    pub right: u32,
}

impl Padding {
    /// No padding.
    pub const NONE: Self = Self::symmetric(Size::square(0));

    /// The same number of rows above and below, and of columns left and right.
    pub const fn symmetric(by: Size) -> Self {
        Self { top: by.height, left: by.width, bottom: by.height, right: by.width }
    }

    /// Rows added in total.
    pub const fn rows(self) -> u64 {
        self.top as u64 + self.bottom as u64
    }

    /// Columns added in total.
    pub const fn columns(self) -> u64 {
        self.left as u64 + self.right as u64
    }
}

impl fmt::Display for Padding {
    /// `0` or `3` when all sides agree, `1x2` when opposite sides do, else `top,left,bottom,right`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { top, left, bottom, right } = *self;
        if top == bottom && left == right {
            if top == left { write!(f, "{top}") } else { write!(f, "{top}x{left}") }
        } else {
            write!(f, "{top},{left},{bottom},{right}")
        }
    }
}

/// The shape of a tensor without its batch dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// A feature map, channels x height x width.
    Map {
        /// Channels.
        channels: u32,
        /// Height and width.
        size: Size,
    },
    /// A vector of features, as a linear layer reads and writes it.
    Vector {
        /// Number of features.
        features: u32,
    },
}

impl Shape {
    /// A feature map of `channels` x `height` x `width`.
    pub const fn map(channels: u32, height: u32, width: u32) -> Self {
        Self::Map { channels, size: Size::new(height, width) }
    }

    /// A vector of `features`.
    pub const fn vector(features: u32) -> Self {
        Self::Vector { features }
    }

    /// Channels of a map, features of a vector.
    pub const fn channels(self) -> u32 {
        match self {
            Self::Map { channels, .. } => channels,
            Self::Vector { features } => features,
        }
    }

    /// Height and width; a vector counts as 1x1.
    pub const fn size(self) -> Size {
        match self {
            Self::Map { size, .. } => size,
            Self::Vector { .. } => Size::square(1),
        }
    }

    /// Number of values.
    pub const fn elements(self) -> u64 {
        // Maps beyond `Graph::MAX_WORK` are refused when a node is added, so this cannot overflow
        // in a graph; saturating keeps it total for shapes outside of one.
        (self.channels() as u64).saturating_mul(self.size().area())
    }
}

impl fmt::Display for Shape {
    /// `64x112x112` (channels x height x width) or `1000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map { channels, size } => write!(f, "{channels}x{size}"),
            Self::Vector { features } => write!(f, "{features}"),
        }
    }
}
