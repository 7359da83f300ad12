//! The numbers that a node brings along: what is learned, and what is gathered in training.

use crate::op::{BatchNorm, Conv, Linear, Op};

/// What a tensor of a layer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Kernel of a convolution, matrix of a linear layer, gamma of a normalisation.
    Weight,
    /// Bias of a layer, beta of a normalisation.
    Bias,
    /// Running mean of a normalisation; a buffer, not a parameter.
    Mean,
    /// Running variance of a normalisation; a buffer, not a parameter.
    Variance,
}

impl Role {
    /// The name in files, as in PyTorch's state dicts.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Weight => "weight",
            Self::Bias => "bias",
            Self::Mean => "running_mean",
            Self::Variance => "running_var",
        }
    }

    /// Whether it is learned; else it is a buffer.
    pub const fn is_learned(self) -> bool {
        matches!(self, Self::Weight | Self::Bias)
    }
}

impl Op {
    /// The tensors of an operator that reads so many channels, with their dimensions, outermost first: `[out, in /
    /// groups, height, width]` of a convolution, `[out, in]` of a linear layer, `[channels]` else. Counts of parameters
    /// and places for weights both follow from this list.
    pub fn tensors(&self, in_channels: u32) -> Vec<(Role, Vec<u32>)> {
        match self {
            Self::Conv(Conv { kernel, out_channels, groups, bias, .. }) => {
                let shape = vec![*out_channels, in_channels / groups, kernel.height, kernel.width];
                with_bias(shape, *bias)
            }
            Self::Linear(Linear { out_features, bias }) => {
                with_bias(vec![*out_features, in_channels], *bias)
            }
            Self::BatchNorm(BatchNorm { scale, center, eps: _ }) => {
                let roles = [
                    (Role::Weight, *scale),
                    (Role::Bias, *center),
                    (Role::Mean, true),
                    (Role::Variance, true),
                ];
                let there = roles.into_iter().filter(|(_, is_there)| *is_there);
                there.map(|(role, _)| (role, vec![in_channels])).collect()
            }
            Self::Input(_)
            | Self::Lrn(_)
            | Self::Activation(_)
            | Self::Pool(_)
            | Self::GlobalPool(_)
            | Self::AdaptiveAvgPool { .. }
            | Self::Concat
            | Self::Add { .. }
            | Self::Multiply
            | Self::Flatten
            | Self::Dropout { .. }
            | Self::Softmax
            | Self::ChannelShuffle { .. } => vec![],
        }
    }
}

/// A weight, and a bias for each of its outputs.
fn with_bias(shape: Vec<u32>, has_bias: bool) -> Vec<(Role, Vec<u32>)> {
    let bias = has_bias.then(|| (Role::Bias, vec![shape[0]]));
    std::iter::once((Role::Weight, shape)).chain(bias).collect()
}
