//! The tensors that nodes keep, and which of them several nodes have in common.

use std::fmt;

use crate::{
    layers::{Norm, Scale},
    op::{Linear, Op},
    path::Path,
    shape::Shape,
};

/// The role of a tensor in a layer.
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

    /// Whether it is learned; the others are statistics, called buffers.
    pub const fn is_learned(self) -> bool {
        match self {
            Self::Weight | Self::Bias => true,
            Self::Mean | Self::Variance => false,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A tensor of an operator: its role, and its dimensions, outermost first.
pub type Tensor = (Role, Vec<usize>);

impl Op {
    /// The tensors that it keeps when it reads inputs of these shapes, sorted by role: `[out, in / groups,
    /// height, width]` and `[out]` of a convolution, `[in, out / groups, height, width]` and `[out]` of a transposed one,
    /// `[out, in]` and `[out]` of a linear layer, `[channels]` of a normalisation, and `[channels]` or `[1]` of learned
    /// slopes and factors.
    pub fn tensors(&self, inputs: &[Shape]) -> Vec<Tensor> {
        let channels = inputs.first().map_or(0, |shape| shape.channels() as usize);
        match self {
            Self::Conv(conv) => {
                let out = conv.out_channels as usize;
                let size = conv.kernel;
                let in_group = channels / (conv.groups as usize).max(1);
                let kernel = vec![out, in_group, size.height as usize, size.width as usize];
                with_bias(kernel, conv.bias)
            }
            Self::Linear(Linear { out_features, bias }) => {
                with_bias(vec![*out_features as usize, channels], *bias)
            }
            Self::BatchNorm(norm) => {
                let learned = [(Role::Weight, norm.scale), (Role::Bias, norm.center)];
                let learned = learned.into_iter().filter(|(_, is_there)| *is_there);
                let roles = learned.map(|(role, _)| role).chain([Role::Mean, Role::Variance]);
                roles.map(|role| (role, vec![channels])).collect()
            }
            Self::ConvTranspose(conv) => {
                let out = conv.out_channels as usize;
                let of_group = out / (conv.groups as usize).max(1);
                let size = conv.kernel;
                let kernel = vec![channels, of_group, size.height as usize, size.width as usize];
                let bias = conv.bias.then(|| (Role::Bias, vec![out]));
                std::iter::once((Role::Weight, kernel)).chain(bias).collect()
            }
            Self::Norm(Norm { scale, center, .. }) => learned(*scale, *center, channels),
            Self::Prelu { shared } => learned(true, false, if *shared { 1 } else { channels }),
            Self::Scale(Scale { scale, center, shared }) => {
                learned(*scale, *center, if *shared { 1 } else { channels })
            }
            Self::Input(_)
            | Self::Lrn(_)
            | Self::Activation(_)
            | Self::Pool(_)
            | Self::GlobalPool(_)
            | Self::ChannelMax
            | Self::ChannelMean
            | Self::AdaptiveAvgPool { .. }
            | Self::Concat
            | Self::Add { .. }
            | Self::Multiply
            | Self::Flatten
            | Self::Dropout { .. }
            | Self::Softmax
            | Self::ChannelShuffle { .. }
            | Self::Maximum
            | Self::DropPath { .. }
            | Self::Rescale(_)
            | Self::Resize(_)
            | Self::Rearrange(_) => vec![],
        }
    }
}

/// A factor and a shift of each of `len` channels, where they are learned.
fn learned(scale: bool, center: bool, len: usize) -> Vec<Tensor> {
    let roles = [(Role::Weight, scale), (Role::Bias, center)];
    roles.into_iter().filter(|(_, is_there)| *is_there).map(|(role, _)| (role, vec![len])).collect()
}

/// A layer's weight, and a bias for each of its outputs if it has one.
fn with_bias(weight: Vec<usize>, has_bias: bool) -> Vec<Tensor> {
    let bias = has_bias.then(|| (Role::Bias, vec![weight[0]]));
    std::iter::once((Role::Weight, weight)).chain(bias).collect()
}

/// The tensors of a node that are stored under another node's path, because both use the same ones: a layer that is
/// applied twice, or two layers with the same kernel and separate biases.
///
/// The other node may have been removed: a tensor keeps its name as long as a node uses it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shared(Vec<(Role, Path)>);

impl Shared {
    /// Tensors with the paths that they are kept under.
    pub fn new(tensors: impl IntoIterator<Item = (Role, Path)>) -> Self {
        let mut tensors: Vec<(Role, Path)> = tensors.into_iter().collect();
        tensors.sort_unstable();
        tensors.dedup_by_key(|(role, _)| *role);
        Self(tensors)
    }

    /// Whether every tensor is the node's own.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The path that a tensor is kept under; `None` if it is the node's own.
    pub fn path(&self, role: Role) -> Option<&Path> {
        self.0.iter().find(|(known, _)| *known == role).map(|(_, path)| path)
    }

    /// The tensors that are kept elsewhere, with where.
    pub fn iter(&self) -> impl Iterator<Item = (Role, &Path)> {
        self.0.iter().map(|(role, path)| (*role, path))
    }
}

/// The names, as `features/a.weight`.
impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (role, path)) in self.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            write!(f, "{comma}{path}.{role}")?;
        }
        Ok(())
    }
}
