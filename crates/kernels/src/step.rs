//! The steps of programs.

pub use crate::{
    chain::Chain,
    channels::{ChannelPool, ChannelPoolBack},
    conv::{Conv, ConvData, ConvWeights, Pack, SumParts, Unpack, Winograd},
    gradient::{
        Collect, DepthwiseData, DepthwiseWeights, Dropout, FlattenBack, FunctionBack, GatherBack,
        LrnBack, MaxBack, PoolBack, ProductBack, SoftmaxBack, Spread, SumImages, Total,
    },
    layout::{Flatten, Gather, Load, Store},
    loss::{CrossEntropy, Loss, OUTCOMES},
    normalise::{
        BatchStatistics, COEFFICIENTS, FACTORS, GradientSums, MOMENTS, Moments, NormTensors,
        Normalise, NormaliseBack, NormaliseGradient, Normalised, SUMS,
    },
    pointwise::{Affine, Joined, Lrn, LrnFactors, Softmax, Term},
    resample::{Part, Resample, Taps},
    scale::{ChannelScale, Factor},
    standardise::{Over, Standardise, StandardiseBack},
    update::{Learned, Rule, Squares, Update},
    window::{Depthwise, Pool, PoolKind},
};
use crate::{memory::View, run::Run};

macro_rules! steps {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// A step of a program.
        #[derive(Debug)]
        pub enum Step {
            $($(#[$doc])* $name($name),)*
        }

        impl Step {
            pub(crate) fn as_run(&self) -> &dyn Run {
                match self {
                    $(Self::$name(step) => step,)*
                }
            }
        }

        $(impl From<$name> for Step {
            fn from(step: $name) -> Self {
                Self::$name(step)
            }
        })*
    };
}

steps!(
    /// Copies the network's input to a buffer.
    Load,
    /// Copies the network's output from a buffer.
    Store,
    /// A convolution or a fully connected layer.
    Conv,
    /// Several steps for some images at a time.
    Chain,
    /// The gradient of a convolution's input.
    ConvData,
    /// The gradient of a convolution's weights.
    ConvWeights,
    /// Weights in the order in which they are read.
    Pack,
    /// The gradient of weights in the order of their tensor.
    Unpack,
    /// The sum of the parts of a gradient.
    SumParts,
    /// A convolution of 3x3 by Winograd's method.
    Winograd,
    /// A depthwise convolution.
    Depthwise,
    /// The maximum or the mean of windows.
    Pool,
    /// A scale and a shift of each channel, and an activation function.
    Affine,
    /// A sum or a product.
    Joined,
    /// Softmax.
    Softmax,
    /// Local response normalisation.
    Lrn,
    /// Maps to a vector.
    Flatten,
    /// Channels in another order.
    Gather,
    /// Sums over each map, for the statistics of a batch.
    Moments,
    /// The statistics of a batch.
    BatchStatistics,
    /// Normalisation with the statistics of the batch.
    Normalise,
    /// Sums over each map, for the gradient of a normalisation.
    GradientSums,
    /// The gradients of a normalisation's scale and shift.
    NormaliseGradient,
    /// The gradient of a normalisation's input.
    NormaliseBack,
    /// The gradient of an activation function's argument.
    FunctionBack,
    /// Dropout, and its gradient.
    Dropout,
    /// The gradient of a factor, or a sum over each map.
    ProductBack,
    /// A sum over images.
    SumImages,
    /// The gradient of a map of a maximum.
    MaxBack,
    /// The sum of numbers of a vector.
    Total,
    /// Positions of maps moved, left out, or mixed.
    Resample,
    /// A factor and a shift of each channel.
    ChannelScale,
    /// Normalisation with the statistics of each image.
    Standardise,
    /// The gradient of normalisation with the statistics of each image.
    StandardiseBack,
    /// The maximum or the mean over the channels of each pixel.
    ChannelPool,
    /// The gradient of the input of a pool over channels.
    ChannelPoolBack,
    /// The gradient of a pool's input.
    PoolBack,
    /// The gradient of a map that became a vector.
    FlattenBack,
    /// The gradient of channels in another order.
    GatherBack,
    /// The gradient of a softmax's argument.
    SoftmaxBack,
    /// The gradient of local response normalisation.
    LrnBack,
    /// Numbers of channels, converted to lanes of a map.
    Spread,
    /// Gradients of lanes, converted to channels.
    Collect,
    /// The gradient of the input of a depthwise convolution.
    DepthwiseData,
    /// The gradient of the weights of a depthwise convolution.
    DepthwiseWeights,
    /// The loss and its gradient.
    CrossEntropy,
    /// The sum of squares of the gradients.
    Squares,
    /// The optimizer.
    Update,
);

impl Step {
    /// The operator, for tables.
    pub fn name(&self) -> &'static str {
        self.as_run().name()
    }

    /// What it reads.
    pub fn reads(&self) -> Vec<View> {
        self.as_run().reads()
    }

    /// What it writes.
    pub fn writes(&self) -> Vec<View> {
        self.as_run().writes()
    }

    /// Number of images, if it can process them one at a time.
    pub fn images(&self) -> Option<usize> {
        self.as_run().images()
    }

    /// Numbers of memory that a thread needs for itself.
    pub fn scratch_len(&self) -> usize {
        self.as_run().scratch()
    }

    /// Number of its tasks.
    pub fn tasks(&self) -> usize {
        self.as_run().tasks()
    }
}
