//! The built-in steps and their keys.

use inceptive_ir::Activation;

use crate::field::{
    Act, Added, Along, Branches, Condition, Count, Extent, Factors, Filling, Flag, Index,
    InputNames, Join, Limit, Maybe, Mode, Norm, Order, Pad, Real, Scales, Share, Steps, Width,
    record,
};

record! {
    /// A convolution, with its normalisation and activation function.
    pub(crate) struct ConvArgs {
        required {
            /// Height and width of the kernel.
            "kernel" kernel: Extent,
            /// Output channels.
            "width" width: Width,
        }
        optional {
            /// Step of the window; default 1.
            "stride" stride: Extent,
            /// Zero padding; default `half`.
            "pad" pad: Pad,
            /// Distance between kernel taps; default 1.
            "dilation" dilation: Extent,
            /// Groups of channels that are convolved separately; default 1.
            "groups" groups: Count,
            /// Whether a bias is learned; default true without normalisation, else false.
            "bias" bias: Flag,
            /// Normalisation; default `none`.
            "norm" norm: Norm,
            /// Activation function; default `relu`.
            "act" act: Act,
            /// Path of an earlier layer of the same size, whose tensors it uses too; or a map of tensors to paths.
            "share" share: Share,
        }
    }
}

record! {
    /// A depthwise convolution: every channel is convolved separately.
    pub(crate) struct DepthwiseArgs {
        required {
            /// Height and width of the kernel.
            "kernel" kernel: Extent,
        }
        optional {
            /// Step of the window; default 1.
            "stride" stride: Extent,
            /// Zero padding; default `half`.
            "pad" pad: Pad,
            /// Distance between kernel taps; default 1.
            "dilation" dilation: Extent,
            /// Output channels for each input channel; default 1.
            "multiplier" multiplier: Count,
            /// Whether a bias is learned; default true without normalisation, else false.
            "bias" bias: Flag,
            /// Normalisation; default as for `conv`, else `none`.
            "norm" norm: Norm,
            /// Activation function; default as for `conv`, else `relu`.
            "act" act: Act,
            /// Path of an earlier layer of the same size, whose tensors it uses too; or a map of tensors to paths.
            "share" share: Share,
        }
    }
}

record! {
    /// A fully connected layer.
    pub(crate) struct LinearArgs {
        required {
            /// Output features.
            "width" width: Width,
        }
        optional {
            /// Whether a bias is learned; default true without normalisation, else false.
            "bias" bias: Flag,
            /// Normalisation; default `none`.
            "norm" norm: Norm,
            /// Activation function; default `none`.
            "act" act: Act,
            /// Path of an earlier layer of the same size, whose tensors it uses too; or a map of tensors to paths.
            "share" share: Share,
        }
    }
}

record! {
    /// The largest value in a sliding window.
    pub(crate) struct MaxPoolArgs {
        required {
            /// Height and width of the window.
            "kernel" kernel: Extent,
        }
        optional {
            /// Step of the window; default `kernel`.
            "stride" stride: Extent,
            /// Padding; default `half`.
            "pad" pad: Pad,
            /// Distance between the positions of a window; default 1.
            "dilation" dilation: Extent,
            /// Round the number of windows up, as Caffe does; default false.
            "ceil" ceil: Flag,
            /// Whether the reference implementation calls a function, not a module; affects only other tools' counts.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// The mean of a sliding window.
    pub(crate) struct AvgPoolArgs {
        required {
            /// Height and width of the window.
            "kernel" kernel: Extent,
        }
        optional {
            /// Step of the window; default `kernel`.
            "stride" stride: Extent,
            /// Padding; default `half`.
            "pad" pad: Pad,
            /// Round the number of windows up, as Caffe does; default false.
            "ceil" ceil: Flag,
            /// Whether zeros of the padding count in the mean; default true.
            "count_include_pad" count_include_pad: Flag,
            /// Whether the reference implementation calls a function, not a module; affects only other tools' counts.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// A step without arguments.
    pub(crate) struct PlainArgs {
        required {
        }
        optional {
            /// Whether the reference implementation calls a function, not a module; affects only other tools' counts.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// Average over a grid of windows.
    pub(crate) struct AdaptiveArgs {
        required {
            /// Height and width of the output.
            "size" size: Extent,
        }
        optional {
            /// Whether the reference implementation calls a function, not a module; affects only other tools' counts.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// Batch normalisation.
    pub(crate) struct BatchNormArgs {
        required {
        }
        optional {
            /// Epsilon, added to the variance; default 1e-5.
            "eps" eps: Real,
            /// Whether gamma is learned; default true.
            "scale" scale: Flag,
            /// Whether beta is learned; default true.
            "center" center: Flag,
            /// Path of an earlier layer of the same size, whose tensors it uses too; or a map of tensors to paths.
            "share" share: Share,
        }
    }
}

record! {
    /// Local response normalisation across channels.
    pub(crate) struct LrnArgs {
        required {
        }
        optional {
            /// Neighbouring channels in the sum; default 5.
            "size" size: Count,
            /// Scale, divided by `size`; default 1e-4.
            "alpha" alpha: Real,
            /// Exponent; default 0.75.
            "beta" beta: Real,
            /// Offset; default 1.
            "k" k: Real,
        }
    }
}

record! {
    /// Dropout.
    pub(crate) struct DropoutArgs {
        required {
        }
        optional {
            /// Probability that a value is dropped; default 0.5.
            "p" p: Real,
        }
    }
}

record! {
    /// Channel shuffle.
    pub(crate) struct ShuffleArgs {
        required {
            /// Number of groups.
            "groups" groups: Count,
        }
        optional {
        }
    }
}

record! {
    /// Parallel branches that are joined.
    pub(crate) struct ParallelArgs {
        required {
            /// The branches.
            "branches" branches: Branches,
        }
        optional {
            /// How the branches are joined; default `concat`.
            "join" join: Maybe<Join>,
            /// Factors of the branches, for `join: add` only.
            "scale" scale: Maybe<Scales>,
            /// Steps after the join.
            "then" then: Maybe<Steps>,
        }
    }
}

record! {
    /// The results of steps, joined.
    pub(crate) struct JoinArgs {
        required {
        }
        optional {
            /// Factors of the inputs, for `add` only.
            "scale" scale: Maybe<Scales>,
        }
    }
}

record! {
    /// Steps that are repeated.
    pub(crate) struct RepeatArgs {
        required {
            /// Number of repetitions.
            "count" count: Maybe<Index>,
            /// The steps; `$i` counts from 0.
            "steps" steps: Maybe<Steps>,
        }
        optional {
            /// Names of what a repetition reads: the result of the repetition before it, of the one before that, and so on.
            "inputs" inputs: InputNames,
        }
    }
}

record! {
    /// Steps that depend on a condition.
    pub(crate) struct IfArgs {
        required {
            /// The condition.
            "cond" cond: Maybe<Condition>,
        }
        optional {
            /// Steps if the condition is true.
            "then" then: Maybe<Steps>,
            /// Steps if the condition is false.
            "else" otherwise: Maybe<Steps>,
        }
    }
}

record! {
    /// A transposed convolution, which makes a map larger.
    pub(crate) struct ConvTransposeArgs {
        required {
            /// Height and width of the kernel.
            "kernel" kernel: Extent,
            /// Output channels.
            "width" width: Width,
        }
        optional {
            /// Distance in the output between neighbours of the input; default 1.
            "stride" stride: Extent,
            /// Rows and columns that are cut from the output; default `half`; `same` gives the input times the stride.
            "pad" pad: Pad,
            /// Rows and columns added at the bottom and at the right; default 0, or what `pad: same` needs.
            "output_pad" output_pad: Added,
            /// Distance between kernel taps; default 1.
            "dilation" dilation: Extent,
            /// Groups of channels that are convolved separately; default 1.
            "groups" groups: Count,
            /// Whether a bias is learned; default true without normalisation, else false.
            "bias" bias: Flag,
            /// Normalisation; default `none`.
            "norm" norm: Norm,
            /// Activation function; default `relu`.
            "act" act: Act,
            /// Path of an earlier layer of the same size, whose tensors it uses too; or a map of tensors to paths.
            "share" share: Share,
        }
    }
}

record! {
    /// The square root of the sum of squares in a sliding window.
    pub(crate) struct L2PoolArgs {
        required {
            /// Height and width of the window.
            "kernel" kernel: Extent,
        }
        optional {
            /// Step of the window; default `kernel`.
            "stride" stride: Extent,
            /// Padding; default `valid`.
            "pad" pad: Pad,
        }
    }
}

record! {
    /// ReLU with a slope below zero.
    pub(crate) struct LeakyReluArgs {
        required {
        }
        optional {
            /// The slope below zero; default 0.01.
            "slope" slope: Real,
            /// Whether the reference implementation calls a function, not a module; affects only other tools' counts.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// ELU.
    pub(crate) struct EluArgs {
        required {
        }
        optional {
            /// The limit below zero, negated; default 1.
            "alpha" alpha: Real,
            /// Whether the reference implementation calls a function, not a module; affects only other tools' counts.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// Cuts values to a range.
    pub(crate) struct ClipArgs {
        required {
        }
        optional {
            /// The least result, or `none`; default -1.
            "low" low: Limit,
            /// The largest result, or `none`; default 1.
            "high" high: Limit,
            /// Whether the reference implementation calls a function, not a module; affects only other tools' counts.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// ReLU with a learned slope below zero.
    pub(crate) struct PreluArgs {
        required {
        }
        optional {
            /// Whether all channels have the same slope; default false.
            "shared" shared: Flag,
            /// Path of an earlier layer of the same size, whose tensors it uses too; or a map of tensors to paths.
            "share" share: Share,
        }
    }
}

record! {
    /// Group normalisation.
    pub(crate) struct GroupNormArgs {
        required {
        }
        optional {
            /// Number of groups; default 32.
            "groups" groups: Count,
            /// Epsilon, added to the variance; default 1e-5.
            "eps" eps: Real,
            /// Whether factors are learned; default true.
            "scale" scale: Flag,
            /// Whether shifts are learned; default true.
            "center" center: Flag,
            /// Path of an earlier layer of the same size, whose tensors it uses too; or a map of tensors to paths.
            "share" share: Share,
        }
    }
}

record! {
    /// Learned factors, such as layer scale.
    pub(crate) struct ScaleArgs {
        required {
        }
        optional {
            /// Whether factors are learned; default true.
            "scale" scale: Flag,
            /// Whether shifts are learned; default false.
            "center" center: Flag,
            /// Whether all channels have the same; default false.
            "shared" shared: Flag,
            /// Path of an earlier layer of the same size, whose tensors it uses too; or a map of tensors to paths.
            "share" share: Share,
        }
    }
}

record! {
    /// Constant factors and shifts.
    pub(crate) struct RescaleArgs {
        required {
        }
        optional {
            /// What values are multiplied by; default 1.
            "scale" scale: Factors,
            /// What is added then; default 0.
            "shift" shift: Factors,
        }
    }
}

record! {
    /// A map of another height and width.
    pub(crate) struct ResizeArgs {
        required {
        }
        optional {
            /// How many times as high and wide.
            "factor" factor: Extent,
            /// Height and width of the output, instead of a factor.
            "size" size: Extent,
            /// How values are made; default `nearest`.
            "mode" mode: Mode,
            /// Whether the reference implementation calls a function, not a module; affects only other tools' counts.
            "functional" functional: Flag,
        }
    }
}

record! {
    /// Blocks of pixels become channels, or the reverse.
    pub(crate) struct BlockArgs {
        required {
            /// Side of a block.
            "block" block: Count,
        }
        optional {
            /// Order of the channels; default `channels_first`, as PyTorch has it; TensorFlow has `pixels_first`.
            "order" order: Order,
        }
    }
}

record! {
    /// A part of a map.
    pub(crate) struct SliceArgs {
        required {
            /// Number of channels, rows or columns.
            "count" count: Count,
        }
        optional {
            /// The axis; default `channels`.
            "axis" axis: Along,
            /// The first one, counted from 0; default 0.
            "start" start: Index,
            /// Takes every so many; default 1.
            "step" step: Count,
        }
    }
}

record! {
    /// More rows and columns around a map.
    pub(crate) struct PadArgs {
        required {
            /// How many: a number, rows and columns, or `[top, left, bottom, right]`.
            "size" size: Pad,
        }
        optional {
            /// What is in them; default `zeros`.
            "mode" mode: Filling,
            /// A number in place of the zeros; default 0.
            "value" value: Real,
        }
    }
}

/// A built-in step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Builtin {
    Conv,
    Depthwise,
    Linear,
    MaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalMaxPool,
    ChannelMax,
    ChannelMean,
    AdaptiveAvgPool,
    BatchNorm,
    Lrn,
    Activation(Activation),
    Flatten,
    Softmax,
    Dropout,
    Shuffle,
    ConvTranspose,
    L2Pool,
    Prelu,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Scale,
    Rescale,
    Resize,
    SpaceToDepth,
    DepthToSpace,
    Slice,
    Pad,
    DropPath,
    Parallel,
    Join(Join),
    Repeat,
    If,
    Group,
    /// Passes its input on.
    Identity,
    /// Leaves nothing to read.
    None,
}

/// Keys of every step that has a map of arguments.
pub(crate) const STEP_KEYS: [&str; 1] = ["from"];

impl Builtin {
    /// Every built-in step by its name.
    pub(crate) const ALL: [(&'static str, Self); 57] = [
        ("conv", Self::Conv),
        ("depthwise", Self::Depthwise),
        ("conv_transpose", Self::ConvTranspose),
        ("linear", Self::Linear),
        ("maxpool", Self::MaxPool),
        ("avgpool", Self::AvgPool),
        ("l2pool", Self::L2Pool),
        ("gap", Self::GlobalAvgPool),
        ("gmp", Self::GlobalMaxPool),
        ("channel_max", Self::ChannelMax),
        ("channel_mean", Self::ChannelMean),
        ("adaptive_avgpool", Self::AdaptiveAvgPool),
        ("bn", Self::BatchNorm),
        ("group_norm", Self::GroupNorm),
        ("instance_norm", Self::InstanceNorm),
        ("layer_norm", Self::LayerNorm),
        ("lrn", Self::Lrn),
        ("scale", Self::Scale),
        ("rescale", Self::Rescale),
        ("relu", Self::Activation(Activation::ALL[0])),
        ("relu6", Self::Activation(Activation::ALL[1])),
        ("sigmoid", Self::Activation(Activation::ALL[2])),
        ("silu", Self::Activation(Activation::ALL[3])),
        ("hard_sigmoid", Self::Activation(Activation::ALL[4])),
        ("hard_swish", Self::Activation(Activation::ALL[5])),
        ("leaky_relu", Self::Activation(Activation::ALL[6])),
        ("elu", Self::Activation(Activation::ALL[7])),
        ("selu", Self::Activation(Activation::ALL[8])),
        ("gelu", Self::Activation(Activation::ALL[9])),
        ("gelu_tanh", Self::Activation(Activation::ALL[10])),
        ("mish", Self::Activation(Activation::ALL[11])),
        ("softplus", Self::Activation(Activation::ALL[12])),
        ("tanh", Self::Activation(Activation::ALL[13])),
        ("clip", Self::Activation(Activation::ALL[14])),
        ("prelu", Self::Prelu),
        ("flatten", Self::Flatten),
        ("softmax", Self::Softmax),
        ("dropout", Self::Dropout),
        ("drop_path", Self::DropPath),
        ("shuffle", Self::Shuffle),
        ("resize", Self::Resize),
        ("space_to_depth", Self::SpaceToDepth),
        ("depth_to_space", Self::DepthToSpace),
        ("slice", Self::Slice),
        ("pad", Self::Pad),
        ("parallel", Self::Parallel),
        ("concat", Self::Join(Join::Concat)),
        ("add", Self::Join(Join::Add)),
        ("multiply", Self::Join(Join::Multiply)),
        ("mean", Self::Join(Join::Mean)),
        ("max", Self::Join(Join::Maximum)),
        ("repeat", Self::Repeat),
        ("if", Self::If),
        ("group", Self::Group),
        ("identity", Self::Identity),
        ("skip", Self::Identity),
        ("none", Self::None),
    ];

    pub(crate) fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, builtin)| *builtin)
    }

    /// The keys of its arguments but [`STEP_KEYS`]; empty for `group`, whose argument is a list.
    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Conv => ConvArgs::KEYS,
            Self::Depthwise => DepthwiseArgs::KEYS,
            Self::Linear => LinearArgs::KEYS,
            Self::MaxPool => MaxPoolArgs::KEYS,
            Self::AvgPool => AvgPoolArgs::KEYS,
            Self::AdaptiveAvgPool => AdaptiveArgs::KEYS,
            Self::BatchNorm => BatchNormArgs::KEYS,
            Self::Lrn => LrnArgs::KEYS,
            Self::Activation(Activation::LeakyRelu { .. }) => LeakyReluArgs::KEYS,
            Self::Activation(Activation::Elu { .. }) => EluArgs::KEYS,
            Self::Activation(Activation::Clip { .. }) => ClipArgs::KEYS,
            Self::GlobalAvgPool | Self::GlobalMaxPool | Self::Activation(_) | Self::Softmax => {
                PlainArgs::KEYS
            }
            Self::Join(_) => JoinArgs::KEYS,
            Self::Flatten
            | Self::ChannelMax
            | Self::ChannelMean
            | Self::Group
            | Self::Identity
            | Self::None => &[],
            Self::Dropout | Self::DropPath => DropoutArgs::KEYS,
            Self::ConvTranspose => ConvTransposeArgs::KEYS,
            Self::L2Pool => L2PoolArgs::KEYS,
            Self::Prelu => PreluArgs::KEYS,
            Self::GroupNorm => GroupNormArgs::KEYS,
            Self::InstanceNorm | Self::LayerNorm => BatchNormArgs::KEYS,
            Self::Scale => ScaleArgs::KEYS,
            Self::Rescale => RescaleArgs::KEYS,
            Self::Resize => ResizeArgs::KEYS,
            Self::SpaceToDepth | Self::DepthToSpace => BlockArgs::KEYS,
            Self::Slice => SliceArgs::KEYS,
            Self::Pad => PadArgs::KEYS,
            Self::Shuffle => ShuffleArgs::KEYS,
            Self::Parallel => ParallelArgs::KEYS,
            Self::Repeat => RepeatArgs::KEYS,
            Self::If => IfArgs::KEYS,
        }
    }
}
