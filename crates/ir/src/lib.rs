//! The graph of a convolutional network.
//!
//! A [`Graph`] is a petgraph DAG of [`Op`]s with batch-free [`Shape`]s. Nodes carry a stable [`Path`]
//! and the place in the YAML that they come from. This crate does no IO and knows no other crate of
//! ours; it never counts cost and never reads YAML.

mod activation;
mod fingerprint;
mod graph;
mod infer;
mod layers;
mod module;
mod op;
mod parts;
pub mod passes;
mod path;
mod shape;
mod tensor;
pub mod text;

pub use activation::Activation;
pub use fingerprint::Fingerprint;
pub use graph::{
    AuxiliaryHead, Checkpoint, Form, Graph, GraphError, NewNode, Node, NodeId, Part, Span,
};
pub use infer::ShapeError;
pub use layers::{
    Axis, BlockOrder, ConvTranspose, Interpolation, Norm, NormOver, PadMode, Rearrange, Rescale,
    Resize, ResizeTo, Scale,
};
pub use module::{Collapsed, Group, Module};
pub use op::{Arity, AttributeValue, BatchNorm, Conv, Linear, Lrn, Op, Pool, PoolKind};
pub use parts::{HeadParts, NodeParts, Parts};
pub use path::{Path, is_invisible};
pub use shape::{Padding, Shape, Size};
pub use tensor::{Role, Shared, Tensor};
