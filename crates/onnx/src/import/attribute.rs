//! Attributes of nodes.

use inceptive_ir::Size;

use super::error::UnsupportedOp;
use crate::proto::{AttributeProto, NodeProto};

pub(super) fn find<'a>(node: &'a NodeProto, key: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == key)
}

pub(super) fn int(node: &NodeProto, key: &str) -> Option<i64> {
    find(node, key).map(|attribute| attribute.i)
}

/// An attribute that is on or off. Programs differ in what other numbers mean.
pub(super) fn flag(node: &NodeProto, key: &str, default: bool) -> Result<bool, UnsupportedOp> {
    match int(node, key) {
        None => Ok(default),
        Some(0) => Ok(false),
        Some(1) => Ok(true),
        Some(other) => {
            Err(UnsupportedOp::because(&format!("with {key} {other}, which is neither 0 nor 1")))
        }
    }
}

pub(super) fn float(node: &NodeProto, key: &str) -> Option<f32> {
    find(node, key).map(|attribute| attribute.f)
}

pub(super) fn unsigned(value: i64) -> Result<u32, UnsupportedOp> {
    u32::try_from(value).map_err(|_| UnsupportedOp::because(&format!("{value} is out of range")))
}

pub(super) fn whole(value: usize) -> Result<u32, UnsupportedOp> {
    Ok(u32::try_from(value)?)
}

/// A pair of sizes, 1x1 where it is left out.
pub(super) fn size(node: &NodeProto, key: &str) -> Result<Size, UnsupportedOp> {
    let positive = |value: i64| match unsigned(value)? {
        0 => Err(UnsupportedOp::because(&format!("{key} of zero"))),
        value => Ok(value),
    };
    match find(node, key).map(|size| size.ints.as_slice()) {
        None => Ok(Size::square(1)),
        Some(&[height, width]) => Ok(Size::new(positive(height)?, positive(width)?)),
        Some(_) => Err(UnsupportedOp::because("over a number of dimensions other than two")),
    }
}
