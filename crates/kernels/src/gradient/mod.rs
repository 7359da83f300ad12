//! Gradients of all operators but convolutions and normalisations.

mod depthwise;
mod function;
mod moved;
mod pool;
mod product;
mod response;

pub use depthwise::{Collect, DepthwiseData, DepthwiseWeights, Spread};
pub use function::{Dropout, FunctionBack};
pub use moved::{FlattenBack, GatherBack};
pub use pool::PoolBack;
pub use product::{MaxBack, ProductBack, SumImages, Total};
pub use response::{LrnBack, SoftmaxBack};
