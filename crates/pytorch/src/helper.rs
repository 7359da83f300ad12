//! Classes of layers that PyTorch lacks, which are included in the generated file.

use inceptive_ir::{
    BatchNorm, BlockOrder, NormOver, Op, Padding, Pool, PoolKind, Rearrange, Shape,
};

use super::step::{Step, is_padded_by_torch, is_symmetric};

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
    /// A transposed convolution that is cut differently on opposite sides.
    ConvTranspose,
    /// The root of the sum of squares over padded windows.
    L2Pool,
    /// Group normalisation that learns one of scale and shift.
    GroupNorm,
    /// Instance normalisation that learns one of scale and shift.
    InstanceNorm,
    /// Layer normalisation over the channels of each pixel.
    LayerNorm,
    /// Learned factors.
    Scale,
    /// Constant factors.
    Rescale,
    /// Stochastic depth.
    DropPath,
    /// A part of a tensor.
    Slice,
    /// Blocks of pixels as channels, in TensorFlow's order.
    SpaceToDepth,
    /// Channels as blocks of pixels, in TensorFlow's order.
    DepthToSpace,
    /// The maximum over channels.
    ChannelMax,
    /// The mean over channels.
    ChannelMean,
}

impl Helper {
    /// In the order in which they are written.
    pub const ALL: [Self; 19] = [
        Self::Conv,
        Self::MaxPool,
        Self::AvgPool,
        Self::BatchNorm2d,
        Self::BatchNorm1d,
        Self::EvenLrn,
        Self::ConvTranspose,
        Self::L2Pool,
        Self::GroupNorm,
        Self::InstanceNorm,
        Self::LayerNorm,
        Self::Scale,
        Self::Rescale,
        Self::DropPath,
        Self::Slice,
        Self::SpaceToDepth,
        Self::DepthToSpace,
        Self::ChannelMax,
        Self::ChannelMean,
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
            Self::ConvTranspose => "CutConvTranspose2d",
            Self::L2Pool => "PaddedL2Pool2d",
            Self::GroupNorm => "PartialGroupNorm",
            Self::InstanceNorm => "PartialInstanceNorm2d",
            Self::LayerNorm => "ChannelNorm",
            Self::Scale => "Scale",
            Self::Rescale => "Rescale",
            Self::DropPath => "DropPath",
            Self::Slice => "Slice",
            Self::SpaceToDepth => "SpaceToDepth",
            Self::DepthToSpace => "DepthToSpace",
            Self::ChannelMax => "ChannelMax",
            Self::ChannelMean => "ChannelMean",
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
            Self::ConvTranspose => CUT_CONV_TRANSPOSE.to_owned(),
            Self::L2Pool => PADDED_L2_POOL.to_owned(),
            Self::GroupNorm => PARTIAL_GROUP_NORM.to_owned(),
            Self::InstanceNorm => PARTIAL_INSTANCE_NORM.to_owned(),
            Self::LayerNorm => CHANNEL_NORM.to_owned(),
            Self::Scale => SCALE.to_owned(),
            Self::Rescale => RESCALE.to_owned(),
            Self::DropPath => DROP_PATH.to_owned(),
            Self::Slice => SLICE.to_owned(),
            Self::SpaceToDepth => SPACE_TO_DEPTH.to_owned(),
            Self::DepthToSpace => DEPTH_TO_SPACE.to_owned(),
            Self::ChannelMax => CHANNEL_MAX.to_owned(),
            Self::ChannelMean => CHANNEL_MEAN.to_owned(),
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
            Op::Pool(pool @ Pool { kind, padding, .. }) => {
                let is_symmetric = is_padded_by_torch(pool);
                match kind {
                    PoolKind::L2 if *padding != Padding::NONE => Some(Self::L2Pool),
                    PoolKind::Max if !is_symmetric => Some(Self::MaxPool),
                    PoolKind::Average if !is_symmetric => Some(Self::AvgPool),
                    PoolKind::Max | PoolKind::Average | PoolKind::L2 => None,
                }
            }
            Op::ConvTranspose(conv) if !is_symmetric(conv.padding) => Some(Self::ConvTranspose),
            Op::Norm(norm) => match norm.over {
                NormOver::Groups(_) => (norm.scale != norm.center).then_some(Self::GroupNorm),
                NormOver::Instance => (norm.scale != norm.center).then_some(Self::InstanceNorm),
                NormOver::Channels => {
                    let is_plain =
                        norm.scale == norm.center && matches!(step.input, Shape::Vector { .. });
                    (!is_plain).then_some(Self::LayerNorm)
                }
            },
            Op::Scale(_) => Some(Self::Scale),
            Op::Rescale(_) => Some(Self::Rescale),
            Op::DropPath { .. } => Some(Self::DropPath),
            Op::ChannelMax => Some(Self::ChannelMax),
            Op::ChannelMean => Some(Self::ChannelMean),
            Op::Rearrange(Rearrange::Slice { .. }) => Some(Self::Slice),
            Op::Rearrange(Rearrange::SpaceToDepth { order: BlockOrder::PixelsFirst, .. }) => {
                Some(Self::SpaceToDepth)
            }
            Op::Rearrange(Rearrange::DepthToSpace { order: BlockOrder::PixelsFirst, .. }) => {
                Some(Self::DepthToSpace)
            }
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
        self.register_parameter("bias" if scale else "weight", None)
"#;

const EVEN_LRN: &str = r#"class EvenLocalResponseNorm(nn.LocalResponseNorm):
    """Windows of even sizes extend further up the channels; in PyTorch, further down."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flip(1)).flip(1)
"#;

const CUT_CONV_TRANSPOSE: &str = r#"class CutConvTranspose2d(nn.ConvTranspose2d):
    """A transposed convolution that is cut on each side by itself: left, right, top, bottom."""

    def __init__(self, *arguments, sides: tuple[int, int, int, int], **options) -> None:
        super().__init__(*arguments, **options)
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        left, right, top, bottom = self.sides
        x = super().forward(x)
        return x[:, :, top : x.shape[2] - bottom, left : x.shape[3] - right]
"#;

const PADDED_L2_POOL: &str = r#"class PaddedL2Pool2d(nn.LPPool2d):
    """The root of the sum of squares in windows over a map with zeros around it."""

    def __init__(
        self, *arguments, padding=0, sides: tuple[int, int, int, int] | None = None, **options
    ) -> None:
        super().__init__(*arguments, **options)
        rows, columns = padding if isinstance(padding, tuple) else (padding, padding)
        self.sides = sides or (columns, columns, rows, rows)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.pad(x, self.sides))
"#;

const PARTIAL_GROUP_NORM: &str = r#"class PartialGroupNorm(nn.GroupNorm):
    """Group normalisation that learns a scale and no shift, or a shift and no scale."""

    def __init__(
        self,
        groups: int,
        channels: int,
        *,
        eps: float = 1e-5,
        scale: bool = True,
        center: bool = True,
    ) -> None:
        super().__init__(groups, channels, eps=eps)
        self.register_parameter("weight" if center else "bias", None)
"#;

const PARTIAL_INSTANCE_NORM: &str = r#"class PartialInstanceNorm2d(nn.InstanceNorm2d):
    """Instance normalisation that learns a scale and no shift, or a shift and no scale."""

    def __init__(
        self, channels: int, *, eps: float = 1e-5, scale: bool = True, center: bool = True
    ) -> None:
        super().__init__(channels, eps=eps, affine=True)
        self.register_parameter("weight" if center else "bias", None)
"#;

const CHANNEL_NORM: &str = r#"class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, or over the features of a vector."""

    def __init__(
        self, channels: int, *, eps: float = 1e-5, scale: bool = True, center: bool = True
    ) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if center else None

    def forward(self, x: Tensor) -> Tensor:
        x = x.movedim(1, -1)
        x = F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)
        return x.movedim(-1, 1)
"#;

const SCALE: &str = r#"class Scale(nn.Module):
    """A learned factor and a learned shift of each channel."""

    def __init__(
        self, channels: int, *, scale: bool = True, center: bool = False, maps: bool = True
    ) -> None:
        super().__init__()
        self.shape = (-1, 1, 1) if maps else (-1,)
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if center else None

    def forward(self, x: Tensor) -> Tensor:
        if self.weight is not None:
            x = x * self.weight.view(self.shape)
        return x if self.bias is None else x + self.bias.view(self.shape)
"#;

const RESCALE: &str = r#"class Rescale(nn.Module):
    """Constant factors, then constant shifts."""

    def __init__(
        self, *, scale: tuple = (1.0,), shift: tuple = (0.0,), maps: bool = True
    ) -> None:
        super().__init__()
        shape = (-1, 1, 1) if maps else (-1,)
        self.register_buffer("scale", torch.tensor(scale).view(shape), persistent=False)
        self.register_buffer("shift", torch.tensor(shift).view(shape), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.scale + self.shift
"#;

const DROP_PATH: &str = r#"class DropPath(nn.Module):
    """Stochastic depth: sets whole images to zero in training."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = torch.rand((x.shape[0],) + (1,) * (x.dim() - 1), device=x.device) >= self.p
        return x * kept / (1 - self.p)
"#;

const SLICE: &str = r#"class Slice(nn.Module):
    """Positions of one dimension."""

    def __init__(self, dim: int, start: int, count: int, step: int = 1) -> None:
        super().__init__()
        self.slices = (slice(None),) * dim + (slice(start, start + (count - 1) * step + 1, step),)

    def forward(self, x: Tensor) -> Tensor:
        return x[self.slices]
"#;

const SPACE_TO_DEPTH: &str = r#"class SpaceToDepth(nn.Module):
    """Blocks of pixels as channels, those of a pixel together."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        x = x.view(n, c, h // self.block, self.block, w // self.block, self.block)
        x = x.permute(0, 3, 5, 1, 2, 4)
        return x.reshape(n, c * self.block**2, h // self.block, w // self.block)
"#;

const DEPTH_TO_SPACE: &str = r#"class DepthToSpace(nn.Module):
    """Channels as blocks of pixels, those of a pixel together."""

    def __init__(self, block: int) -> None:
        super().__init__()
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        x = x.view(n, self.block, self.block, c // self.block**2, h, w)
        x = x.permute(0, 3, 4, 1, 5, 2)
        return x.reshape(n, c // self.block**2, h * self.block, w * self.block)
"#;

const CHANNEL_MAX: &str = r#"class ChannelMax(nn.Module):
    """The maximum over the channels of each pixel, as one channel."""

    def forward(self, x: Tensor) -> Tensor:
        return x.max(1, keepdim=True).values
"#;

const CHANNEL_MEAN: &str = r#"class ChannelMean(nn.Module):
    """The mean over the channels of each pixel, as one channel."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1, keepdim=True)
"#;
