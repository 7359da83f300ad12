//! How networks are written, and why they cannot be.

use inceptive_ir::Path;
use inceptive_weights::Missing;

/// Protocol buffers hold no more.
pub(super) const MAX_BYTES: u64 = 1 << 31;

/// The first dimension of every value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Batch {
    /// Always this many images.
    Fixed(u32),
    /// Any number of images.
    Dynamic,
}

/// A version of the ONNX operator set that files can be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opset(pub(super) u8);

impl Opset {
    /// The oldest; the first with `HardSwish`, and with `BatchNormalization` as it is used here.
    pub const OLDEST: u8 = 14;
    /// The newest.
    pub const NEWEST: u8 = 24;
    /// What every engine in use reads.
    pub const DEFAULT: Self = Self(17);

    /// The version `version`, if files can be written in it.
    pub fn new(version: u8) -> Option<Self> {
        (Self::OLDEST..=Self::NEWEST).contains(&version).then_some(Self(version))
    }

    /// The file format that came with it, after the table in ONNX's `Versioning.md`.
    pub(super) const fn ir_version(self) -> i64 {
        match self.0 {
            ..=14 => 7,
            15..=18 => 8,
            19..=20 => 9,
            21..=22 => 10,
            23 => 11,
            24.. => 12,
        }
    }
}

/// Options of the export.
#[derive(Clone, Debug)]
pub struct Options {
    /// The graph's name.
    pub name: String,
    /// The operator set.
    pub opset: Opset,
    /// The batch dimension.
    pub batch: Batch,
    /// How local response normalisation is written.
    pub lrn: LrnForm,
    /// The type of the weights in the file.
    pub weights: WeightType,
}

/// The type of the weights in a file. Networks compute in single precision with any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeightType {
    /// Single precision.
    #[default]
    Float32,
    /// Half precision; means and variances of normalisations stay in single precision.
    Float16,
    /// Double precision, with the numbers that single precision has; means and variances stay in single precision.
    Float64,
}

/// How local response normalisation is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LrnForm {
    /// As the operator that it is.
    #[default]
    Operator,
    /// As arithmetic and pooling, for engines that do not have the operator.
    Arithmetic,
}

/// Why a network cannot be written.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ExportError {
    /// A tensor has no values.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The file would be larger than protocol buffers can be.
    #[error("the file would have {bytes} bytes, but an ONNX file must be smaller than {MAX_BYTES}")]
    TooLarge {
        /// How large it would be.
        bytes: u64,
    },
    /// A tensor has weights that half precision does not have.
    #[error("`{0}` has weights beyond 65504, the largest number of float16: write them as float32")]
    BeyondHalf(String),
    /// A head or dropout is there that exists in training only.
    #[error("`{0}` exists only in training; export the inference graph")]
    TrainingOnly(Path),
}
