//! Classes of layers that PyTorch lacks, which are included in the generated file.

use inceptive_ir::{BatchNorm, Op, Pool, PoolKind, Shape};

use super::step::{Step, is_symmetric};

/// A class that PyTorch does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Helper {
    /// A convolution whose padding differs between sides.
    Conv,
    /// Maximum pooling whose padding differs between sides.
    MaxPool,
    /// Average pooling whose padding differs between sides.
    AvgPool,
    /// Batch normalisation of maps that learns one of scale and shift.
    BatchNorm2d,
    /// The same of vectors.
    BatchNorm1d,
    /// Local response normalisation over an even number of channels.
    EvenLrn,
}

impl Helper {
    /// In the order in which they are written.
    pub const ALL: [Self; 6] = [
        Self::Conv,
        Self::MaxPool,
        Self::AvgPool,
        Self::BatchNorm2d,
        Self::BatchNorm1d,
        Self::EvenLrn,
    ];

    /// The class's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Conv => "PaddedConv2d",
            Self::MaxPool => "PaddedMaxPool2d",
            Self::AvgPool => "PaddedAvgPool2d",
            Self::BatchNorm2d => "PartialBatchNorm2d",
            Self::BatchNorm1d => "PartialBatchNorm1d",
            Self::EvenLrn => "EvenLocalResponseNorm",
        }
    }

    /// The class.
    pub fn class(self) -> String {
        match self {
            Self::Conv => PADDED_CONV.to_owned(),
            Self::MaxPool => PADDED_MAX_POOL.to_owned(),
            Self::AvgPool => PADDED_AVG_POOL.to_owned(),
            Self::BatchNorm2d => PARTIAL_BATCH_NORM.to_owned(),
            Self::BatchNorm1d => PARTIAL_BATCH_NORM.replace("2d", "1d"),
            Self::EvenLrn => EVEN_LRN.to_owned(),
        }
    }

    /// The classes that a step needs.
    pub fn of(step: &Step) -> Vec<Self> {
        let norm = |norm: &BatchNorm, shape: Shape| match shape {
            _ if norm.scale == norm.center => None,
            Shape::Map { .. } => Some(Self::BatchNorm2d),
            Shape::Vector { .. } => Some(Self::BatchNorm1d),
        };
        let own = match &step.op {
            Op::Conv(conv) if !is_symmetric(conv.padding) => Some(Self::Conv),
            Op::Pool(Pool { kind, padding, .. }) if !is_symmetric(*padding) => Some(match kind {
                PoolKind::Max => Self::MaxPool,
                PoolKind::Average => Self::AvgPool,
            }),
            Op::Lrn(lrn) if lrn.size % 2 == 0 => Some(Self::EvenLrn),
            Op::BatchNorm(own) => norm(own, step.input),
            _ => None,
        };
        let after = step.norm.and_then(|own| norm(&own, step.input));
        own.into_iter().chain(after).collect()
    }
}

const PADDED_CONV: &str = r#"class PaddedConv2d(nn.Conv2d):
    """A convolution with separate padding on each side: left, right, top, bottom."""

    def __init__(self, *arguments, sides: tuple[int, int, int, int], **options) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.sides))
"#;

const PADDED_MAX_POOL: &str = r#"class PaddedMaxPool2d(nn.MaxPool2d):
    """Maximum pooling with separate padding on each side: left, right, top, bottom."""

    def __init__(self, *arguments, sides: tuple[int, int, int, int], **options) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        left, _, top, _ = self.sides
        rows, columns = (x.shape[2] + top - 1, x.shape[3] + left - 1)
        x = super().forward(F.pad(x, self.sides, value=float("-inf")))
        # No window starts in the padding below or on the right.
        step = self.stride if isinstance(self.stride, tuple) else (self.stride, self.stride)
        return x[:, :, : rows // step[0] + 1, : columns // step[1] + 1]
"#;

const PADDED_AVG_POOL: &str = r#"class PaddedAvgPool2d(nn.AvgPool2d):
    """Average pooling with separate padding on each side: left, right, top, bottom."""

    def __init__(self, *arguments, sides: tuple[int, int, int, int], **options) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def average(self, x: Tensor) -> Tensor:
        left, _, top, _ = self.sides
        rows, columns = (x.shape[2] + top - 1, x.shape[3] + left - 1)
        x = super().forward(F.pad(x, self.sides))
        # No window starts in the padding below or on the right.
        step = self.stride if isinstance(self.stride, tuple) else (self.stride, self.stride)
        return x[:, :, : rows // step[0] + 1, : columns // step[1] + 1]

    def forward(self, x: Tensor) -> Tensor:
        if self.count_include_pad:
            return self.average(x)
        return self.average(x) / self.average(torch.ones_like(x[:1, :1]))
"#;

const PARTIAL_BATCH_NORM: &str = r#"class PartialBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that learns a scale and no shift, or a shift and no scale."""

    def __init__(self, channels: int, *, eps: float = 1e-5, scale: bool) -> None:
        super().__init__(channels, eps=eps)
        name, value = ("bias", torch.zeros) if scale else ("weight", torch.ones)
        delattr(self, name)
        self.register_buffer(name, value(channels), persistent=False)
"#;

const EVEN_LRN: &str = r#"class EvenLocalResponseNorm(nn.LocalResponseNorm):
    """Windows of even sizes extend further up the channels; in PyTorch, further down."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(1)).flip(1)
"#;
