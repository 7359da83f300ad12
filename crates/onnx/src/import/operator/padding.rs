//! Padding, of its own or of a window.

use inceptive_ir::{Op, PadMode, Padding, Rearrange, Size};

use crate::{
    import::{
        attribute::{find, float, unsigned},
        error::UnsupportedOp,
        importer::{Importer, Value},
        layout::Axis,
    },
    proto::NodeProto,
};

use super::join::axis;

impl Importer {
    pub(super) fn pad(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let (source, layout) = self.operand(node, 0)?;
        let mode = find(node, "mode").map_or(&b"constant"[..], |mode| &mode.s);
        // An attribute in the oldest operator sets; a value that is not known may be any number.
        let value = match self.optional_constant(node, 2)? {
            Some(value) => value.to_scalar(),
            None => Some(float(node, "value").unwrap_or(0.0)),
        };
        let rank = layout.rank();
        let axes: Vec<usize> = match self.ints(node, "axes", 3)? {
            None => (0..rank).collect(),
            Some(axes) => axes.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?,
        };
        let pads = match find(node, "pads").or_else(|| find(node, "paddings")) {
            Some(pads) => pads.ints.clone(),
            None => self.ints(node, "pads", 1)?.unwrap_or_default(),
        };
        if pads.len() != 2 * axes.len() {
            return Err(UnsupportedOp::because("with pads that do not fit the dimensions"));
        }
        let shape = self.drafts[source].shape;
        let mut sides = [0_i64; 4];
        for (position, at) in axes.iter().copied().enumerate() {
            let (before, after) = (pads[position], pads[position + axes.len()]);
            if (before, after) == (0, 0) {
                continue;
            }
            let size = shape.size();
            let (first, last) = match layout.axis(at, shape) {
                Some(Axis::Height) => (0, 2),
                Some(Axis::Width) => (1, 3),
                // An axis of one position, where it is in the file's own order.
                None if layout == self.layout(source) && at == 2 && size.height == 1 => (0, 2),
                None if layout == self.layout(source) && at == 3 && size.width == 1 => (1, 3),
                _ => {
                    return Err(UnsupportedOp::because(
                        "of dimensions other than height and width",
                    ));
                }
            };
            (sides[first], sides[last]) = (before, after);
        }
        if sides == [0; 4] {
            return Ok(self.viewed(source, layout));
        }
        if sides.iter().any(|&side| side < 0) {
            return Err(UnsupportedOp::because("with negative pads, which cut the map"));
        }
        let [top, left, bottom, right] = sides.map(unsigned);
        let (top, left, bottom, right) = (top?, left?, bottom?, right?);
        let padding = Padding { top, left, bottom, right };
        let mode = match mode {
            b"constant" | b"" => {
                let unknown = || UnsupportedOp::because("with a value that is not known");
                PadMode::Constant(value.ok_or_else(unknown)?)
            }
            b"reflect" => PadMode::Reflect,
            b"edge" => PadMode::Edge,
            other => {
                let other = String::from_utf8_lossy(other);
                return Err(UnsupportedOp::because(&format!("with mode {other}")));
            }
        };
        if mode == PadMode::Constant(0.0) && !self.is_ours && layout == self.layout(source) {
            return Ok(Value::Padded(source, padding));
        }
        let op = Op::Rearrange(Rearrange::Pad { padding, mode });
        let Value::Node(padded) = self.push(node, op, vec![source], vec![])? else {
            return Err(UnsupportedOp::because("of something that is no result"));
        };
        if layout == self.layout(source) {
            return Ok(Value::Node(padded));
        }
        let resized = layout.resized(shape, self.drafts[padded].shape);
        let refusal = || UnsupportedOp::because("of part of an axis");
        Ok(self.viewed(padded, resized.ok_or_else(refusal)?))
    }
}

/// Padding of a window: explicit, or derived from `auto_pad`.
pub(super) fn padding(
    node: &NodeProto,
    from: Size,
    kernel: Size,
    stride: Size,
) -> Result<Padding, UnsupportedOp> {
    let auto = find(node, "auto_pad").map_or(&b"NOTSET"[..], |auto| &auto.s);
    let upper = match auto {
        b"NOTSET" | b"" => return explicit_padding(node),
        b"VALID" => return Ok(Padding::NONE),
        b"SAME_UPPER" => true,
        b"SAME_LOWER" => false,
        _ => return Err(UnsupportedOp::because("with an unknown auto_pad")),
    };
    let missing = |from: u32, kernel: u32, stride: u32| {
        let windows = from.div_ceil(stride);
        let room = u64::from(windows - 1) * u64::from(stride) + u64::from(kernel);
        // What the definition asks for is negative then. Where it is one element, no window reads that one. Where it is
        // more, programs differ: some drop it at both sides, which moves the windows, some only at the end.
        match u64::from(from).saturating_sub(room) {
            0 | 1 => Ok(room.saturating_sub(u64::from(from))),
            _ => Err(UnsupportedOp::because(
                "with an auto_pad whose padding is negative, as its stride exceeds its kernel; write it as pads",
            )),
        }
    };
    let halves = |missing: u64| -> Result<(u32, u32), UnsupportedOp> {
        let (small, large) = (u32::try_from(missing / 2)?, u32::try_from(missing.div_ceil(2))?);
        Ok(if upper { (small, large) } else { (large, small) })
    };
    let (top, bottom) = halves(missing(from.height, kernel.height, stride.height)?)?;
    let (left, right) = halves(missing(from.width, kernel.width, stride.width)?)?;
    Ok(Padding { top, left, bottom, right })
}

pub(super) fn explicit_padding(node: &NodeProto) -> Result<Padding, UnsupportedOp> {
    match find(node, "pads").map(|pads| pads.ints.as_slice()) {
        None => Ok(Padding::NONE),
        Some(&[top, left, bottom, right]) => Ok(Padding {
            top: unsigned(top)?,
            left: unsigned(left)?,
            bottom: unsigned(bottom)?,
            right: unsigned(right)?,
        }),
        Some(_) => Err(UnsupportedOp::because("over a number of dimensions other than two")),
    }
}

pub(super) fn added(a: Padding, b: Padding) -> Result<Padding, UnsupportedOp> {
    let sum = |a: u32, b: u32| {
        a.checked_add(b).ok_or_else(|| UnsupportedOp::because("with too much padding"))
    };
    Ok(Padding {
        top: sum(a.top, b.top)?,
        left: sum(a.left, b.left)?,
        bottom: sum(a.bottom, b.bottom)?,
        right: sum(a.right, b.right)?,
    })
}

/// The size of a map with padding around it.
pub(super) fn grown(size: Size, by: Padding) -> Result<Size, UnsupportedOp> {
    let sum = |size: u32, by: u64| u32::try_from(u64::from(size).saturating_add(by));
    let (height, width) = (sum(size.height, by.rows()), sum(size.width, by.columns()));
    Ok(Size::new(height?, width?))
}

/// The extent of a dilated kernel.
pub(super) fn reach(kernel: u32, dilation: u32) -> Result<u32, UnsupportedOp> {
    let reach = u64::from(kernel.saturating_sub(1)) * u64::from(dilation) + 1;
    Ok(u32::try_from(reach)?)
}
