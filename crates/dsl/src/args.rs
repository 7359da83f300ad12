//! The built-in steps and their keys.

use inceptive_ir::Activation;

use crate::field::{
    Act, Branches, Condition, Count, Extent, Flag, Index, InputNames, Join, Maybe, Norm, Pad, Real,
    Scales, Steps, Width, record,
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

/// A built-in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Builtin {
    Conv,
    Depthwise,
    Linear,
    MaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalMaxPool,
    AdaptiveAvgPool,
    BatchNorm,
    Lrn,
    Activation(Activation),
    Flatten,
    Softmax,
    Dropout,
    Shuffle,
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
    pub(crate) const ALL: [(&'static str, Self); 30] = [
        ("conv", Self::Conv),
        ("depthwise", Self::Depthwise),
        ("linear", Self::Linear),
        ("maxpool", Self::MaxPool),
        ("avgpool", Self::AvgPool),
        ("gap", Self::GlobalAvgPool),
        ("gmp", Self::GlobalMaxPool),
        ("adaptive_avgpool", Self::AdaptiveAvgPool),
        ("bn", Self::BatchNorm),
        ("lrn", Self::Lrn),
        ("relu", Self::Activation(Activation::Relu)),
        ("relu6", Self::Activation(Activation::Relu6)),
        ("sigmoid", Self::Activation(Activation::Sigmoid)),
        ("silu", Self::Activation(Activation::Silu)),
        ("hard_sigmoid", Self::Activation(Activation::HardSigmoid)),
        ("hard_swish", Self::Activation(Activation::HardSwish)),
        ("flatten", Self::Flatten),
        ("softmax", Self::Softmax),
        ("dropout", Self::Dropout),
        ("shuffle", Self::Shuffle),
        ("parallel", Self::Parallel),
        ("concat", Self::Join(Join::Concat)),
        ("add", Self::Join(Join::Add)),
        ("multiply", Self::Join(Join::Multiply)),
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
            Self::GlobalAvgPool | Self::GlobalMaxPool | Self::Activation(_) | Self::Softmax => {
                PlainArgs::KEYS
            }
            Self::Join(_) => JoinArgs::KEYS,
            Self::Flatten | Self::Group | Self::Identity | Self::None => &[],
            Self::Dropout => DropoutArgs::KEYS,
            Self::Shuffle => ShuffleArgs::KEYS,
            Self::Parallel => ParallelArgs::KEYS,
            Self::Repeat => RepeatArgs::KEYS,
            Self::If => IfArgs::KEYS,
        }
    }
}
