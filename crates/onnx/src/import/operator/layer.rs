//! Convolutions and linear layers.

use inceptive_ir::{Conv, ConvTranspose, Linear, Op, Padding, Role, Shape, Size};

use crate::{
    import::{
        attribute::{find, flag, float, int, size, unsigned, whole},
        constant::{Constant, Element},
        error::UnsupportedOp,
        importer::{Importer, Value},
        layout::{Axis, Layout},
    },
    proto::NodeProto,
};

use super::{
    affine::per_channel,
    padding::{added, explicit_padding, grown, padding, reach},
};

impl Importer {
    pub(super) fn conv(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let kernel = self.constant_input(node, 1)?;
        let bias = self.optional_constant(node, 2)?;
        if bias.as_ref().is_some_and(|bias| bias.element() != Element::Float) {
            return Err(UnsupportedOp::because("with a bias of integers"));
        }
        self.convolution(node, kernel, bias)
    }

    pub(super) fn convolution(
        &mut self,
        node: &NodeProto,
        kernel: Constant,
        bias: Option<Constant>,
    ) -> Result<Value, UnsupportedOp> {
        let (source, before) = match self.input(node, 0)? {
            Value::Padded(source, padding) => (source, padding),
            _ => (self.source(node, 0)?, Padding::NONE),
        };
        let [out, per_group, height, width] = kernel.dims[..] else {
            return Err(UnsupportedOp::because(&format!(
                "kernel of {} dimensions, not 4",
                kernel.dims.len()
            )));
        };
        let groups = unsigned(int(node, "group").unwrap_or(1))?;
        let bias = bias.filter(|bias| !bias.is_zero_splat());
        let bias = bias.map(|bias| per_channel(&bias, 1, 0, out)).transpose()?;
        let kernel_size = Size::new(whole(height)?, whole(width)?);
        if find(node, "kernel_shape").is_some() && size(node, "kernel_shape")? != kernel_size {
            return Err(UnsupportedOp::because("kernel_shape that differs from its weight's"));
        }
        let (stride, dilation) = (size(node, "strides")?, size(node, "dilations")?);
        let from = self.drafts[source].shape;
        if u64::from(from.channels()) != per_group as u64 * u64::from(groups) {
            return Err(UnsupportedOp::because("kernel that does not fit the channels"));
        }
        let dilated = Size::new(
            reach(kernel_size.height, dilation.height)?,
            reach(kernel_size.width, dilation.width)?,
        );
        let padded = grown(from.size(), before)?;
        let padding = added(padding(node, padded, dilated, stride)?, before)?;
        let op = Op::Conv(Conv {
            kernel: kernel_size,
            out_channels: whole(out)?,
            stride,
            padding,
            dilation,
            groups,
            bias: bias.is_some(),
        });
        let tensors =
            std::iter::once((Role::Weight, kernel)).chain(bias.map(|bias| (Role::Bias, bias)));
        self.push(node, op, vec![source], tensors.collect())
    }

    pub(super) fn conv_transpose(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        let kernel = self.constant_input(node, 1)?;
        let [channels, per_group, height, width] = kernel.dims[..] else {
            let rank = kernel.dims.len();
            return Err(UnsupportedOp::because(&format!("kernel of {rank} dimensions, not 4")));
        };
        let groups = unsigned(int(node, "group").unwrap_or(1))?;
        let out_channels = whole(per_group)?.checked_mul(groups).unwrap_or(0);
        let bias = self.optional_constant(node, 2)?.filter(|bias| !bias.is_zero_splat());
        let bias = bias.map(|bias| per_channel(&bias, 1, 0, out_channels as usize)).transpose()?;
        let kernel_size = Size::new(whole(height)?, whole(width)?);
        if find(node, "kernel_shape").is_some() && size(node, "kernel_shape")? != kernel_size {
            return Err(UnsupportedOp::because("kernel_shape that differs from its weight's"));
        }
        let (stride, dilation) = (size(node, "strides")?, size(node, "dilations")?);
        let from = self.drafts[source].shape;
        if from.channels() as usize != channels {
            return Err(UnsupportedOp::because("kernel that does not fit the channels"));
        }
        let output_padding = match find(node, "output_padding").map(|it| it.ints.as_slice()) {
            None | Some([]) => Size::new(0, 0),
            Some(&[height, width]) => Size::new(unsigned(height)?, unsigned(width)?),
            Some(_) => {
                return Err(UnsupportedOp::because("over a number of dimensions other than two"));
            }
        };
        let window = Size::new(
            reach(kernel_size.height, dilation.height)?,
            reach(kernel_size.width, dilation.width)?,
        );
        let padding = cut(node, from.size(), window, stride, output_padding)?;
        let op = Op::ConvTranspose(ConvTranspose {
            kernel: kernel_size,
            out_channels,
            stride,
            padding,
            output_padding,
            dilation,
            groups,
            bias: bias.is_some(),
        });
        let tensors =
            std::iter::once((Role::Weight, kernel)).chain(bias.map(|bias| (Role::Bias, bias)));
        self.push(node, op, vec![source], tensors.collect())
    }

    pub(super) fn gemm(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let is_plain = !flag(node, "transA", false)?
            && float(node, "alpha").unwrap_or(1.0) == 1.0
            && float(node, "beta").unwrap_or(1.0) == 1.0;
        if !is_plain {
            return Err(UnsupportedOp::because("with a factor or a transposed left side"));
        }
        let weight = self.constant_input(node, 1)?;
        let bias = self.optional_constant(node, 2)?.filter(|bias| !bias.is_zero_splat());
        self.linear(node, &weight, flag(node, "transB", false)?, bias)
    }

    pub(super) fn matmul(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        match (self.input(node, 0)?, self.input(node, 1)?) {
            (Value::Constant(rows), Value::Node(source)) => self.average_rows(&rows, source),
            (Value::Rows(source, rows), Value::Constant(columns)) => {
                self.average_columns(node, source, rows, &columns)
            }
            (_, Value::Constant(weight)) => self.linear(node, &weight, false, None),
            _ => Err(UnsupportedOp::because("of two computed values")),
        }
    }

    /// A linear layer with a matrix `[out, in]` if it is transposed in the product, else `[in, out]`.
    pub(super) fn linear(
        &mut self,
        node: &NodeProto,
        weight: &Constant,
        transposed: bool,
        bias: Option<Constant>,
    ) -> Result<Value, UnsupportedOp> {
        let &[rows, columns] = weight.dims.as_slice() else {
            return Err(UnsupportedOp::because("weight that is not a matrix"));
        };
        let (out, inputs) = if transposed { (rows, columns) } else { (columns, rows) };
        let bias = bias
            .map(|bias| match bias.dims.len() {
                1 => per_channel(&bias, 1, 0, out),
                _ => per_channel(&bias, 2, 1, out),
            })
            .transpose()?;
        let (source, layout) = self.operand(node, 0)?;
        let found = layout.sizes().last().copied().unwrap_or_default();
        if i64::try_from(inputs) != Ok(found) {
            return Err(UnsupportedOp::because(&format!(
                "matrix for {inputs} features, not {found}"
            )));
        }
        let mut weight = match transposed {
            true => weight.clone(),
            false => self.computations.transposed(weight)?,
        };
        let shape = self.drafts[source].shape;
        if let (Shape::Map { .. }, Some(at)) = (shape, layout.channels(shape))
            && at + 1 == layout.rank()
            && layout.rank() > 2
        {
            return self.pointwise(node, (source, layout), weight, bias);
        }
        if layout.rank() != 2 {
            return Err(UnsupportedOp::because(&format!(
                "of {} dimensions, whose last is not the channels",
                layout.rank()
            )));
        }
        let source = match (shape, layout.positions(shape)) {
            (Shape::Vector { .. }, _) if layout == self.layout(source) => source,
            (Shape::Map { .. }, Some(positions)) => {
                weight = self.computations.columns(&weight, &positions)?;
                let path = self.path(node, Op::Flatten.name(), None);
                self.draft(path, Op::Flatten, vec![source], vec![])?
            }
            _ => self.source(node, 0)?,
        };
        let Shape::Vector { .. } = self.drafts[source].shape else {
            return Err(UnsupportedOp::because("of a feature map"));
        };
        let op = Op::Linear(Linear { out_features: whole(out)?, bias: bias.is_some() });
        let tensors =
            std::iter::once((Role::Weight, weight)).chain(bias.map(|bias| (Role::Bias, bias)));
        self.push(node, op, vec![source], tensors.collect())
    }

    /// A product with every pixel's channels is a convolution of one pixel.
    fn pointwise(
        &mut self,
        node: &NodeProto,
        (source, layout): (usize, Layout),
        weight: Constant,
        bias: Option<Constant>,
    ) -> Result<Value, UnsupportedOp> {
        let out = weight.dims[0];
        let dims = [&weight.dims[..], &[1, 1]].concat();
        let refusal = || UnsupportedOp::because("weight that is not a matrix");
        let kernel = weight.reshaped(dims).ok_or_else(refusal)?;
        let one = Size::square(1);
        let op = Op::Conv(Conv {
            kernel: one,
            out_channels: whole(out)?,
            stride: one,
            padding: Padding::NONE,
            dilation: one,
            groups: 1,
            bias: bias.is_some(),
        });
        let tensors =
            std::iter::once((Role::Weight, kernel)).chain(bias.map(|bias| (Role::Bias, bias)));
        let at = layout.rank() - 1;
        let Value::Node(draft) = self.push(node, op, vec![source], tensors.collect())? else {
            return Err(refusal());
        };
        let channels = self.drafts[draft].shape.channels();
        let layout = layout.reduced(at).grown(at, Axis::Channels, channels.into());
        Ok(self.viewed(draft, layout.ok_or_else(refusal)?))
    }
}

/// What a transposed convolution cuts off: as the file says, or what is more than the size that it says.
fn cut(
    node: &NodeProto,
    from: Size,
    window: Size,
    stride: Size,
    more: Size,
) -> Result<Padding, UnsupportedOp> {
    let auto = find(node, "auto_pad").map_or(&b"NOTSET"[..], |auto| &auto.s);
    let wanted = match (find(node, "output_shape").map(|it| it.ints.as_slice()), auto) {
        (Some(&[.., height, width]), _) => Size::new(unsigned(height)?, unsigned(width)?),
        (_, b"SAME_UPPER" | b"SAME_LOWER") => {
            let times = |a: u32, b: u32| {
                a.checked_mul(b).ok_or_else(|| UnsupportedOp::because("that is too large"))
            };
            Size::new(times(from.height, stride.height)?, times(from.width, stride.width)?)
        }
        (_, b"VALID") => return Ok(Padding::NONE),
        _ => return explicit_padding(node),
    };
    let cut = |from: u32, window: u32, stride: u32, more: u32, wanted: u32| {
        let whole = u64::from(from.saturating_sub(1)) * u64::from(stride)
            + u64::from(window)
            + u64::from(more);
        let cut = whole.checked_sub(wanted.into());
        let refusal = || UnsupportedOp::because("to a size that its kernel does not reach");
        let cut = u32::try_from(cut.ok_or_else(refusal)?)?;
        let (small, large) = (cut / 2, cut.div_ceil(2));
        // ONNX since opset 11, and ONNX Runtime for older ones too: the odd one is cut at the end for SAME_UPPER, else at the start.
        Ok::<(u32, u32), UnsupportedOp>(if auto == b"SAME_UPPER" {
            (small, large)
        } else {
            (large, small)
        })
    };
    let (top, bottom) = cut(from.height, window.height, stride.height, more.height, wanted.height)?;
    let (left, right) = cut(from.width, window.width, stride.width, more.width, wanted.width)?;
    Ok(Padding { top, left, bottom, right })
}
