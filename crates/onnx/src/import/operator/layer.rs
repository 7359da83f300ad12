//! Convolutions and linear layers.

use inceptive_ir::{Conv, Linear, Op, Padding, Role, Shape, Size};

use crate::{
    import::{
        attribute::{find, flag, float, int, size, unsigned, whole},
        constant::Constant,
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

use super::{
    join::per_channel,
    padding::{added, grown, padding, reach},
};

impl Importer {
    pub(super) fn conv(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let (source, before) = match self.input(node, 0)? {
            Value::Padded(source, padding) => (source, padding),
            _ => (self.source(node, 0)?, Padding::NONE),
        };
        let kernel = self.constant_input(node, 1)?;
        let [out, per_group, height, width] = kernel.dims[..] else {
            return Err(UnsupportedOp::because(&format!(
                "kernel of {} dimensions, not 4",
                kernel.dims.len()
            )));
        };
        let groups = unsigned(int(node, "group").unwrap_or(1))?;
        let bias = self.optional_constant(node, 2)?.filter(|bias| !bias.is_zero_splat());
        let bias = bias.map(|bias| per_channel(&bias, 1, out)).transpose()?;
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
    fn linear(
        &mut self,
        node: &NodeProto,
        weight: &Constant,
        transposed: bool,
        bias: Option<Constant>,
    ) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        let Shape::Vector { features } = self.drafts[source].shape else {
            return Err(UnsupportedOp::because("of a feature map"));
        };
        let &[rows, columns] = weight.dims.as_slice() else {
            return Err(UnsupportedOp::because("weight that is not a matrix"));
        };
        let (out, inputs) = if transposed { (rows, columns) } else { (columns, rows) };
        if inputs as u64 != u64::from(features) {
            return Err(UnsupportedOp::because(&format!(
                "matrix for {inputs} features, not {features}"
            )));
        }
        let weight =
            if transposed { weight.clone() } else { self.computations.transposed(weight)? };
        let op = Op::Linear(Linear { out_features: whole(out)?, bias: bias.is_some() });
        let bias = bias.map(|bias| per_channel(&bias, 2, out)).transpose()?;
        let tensors =
            std::iter::once((Role::Weight, weight)).chain(bias.map(|bias| (Role::Bias, bias)));
        self.push(node, op, vec![source], tensors.collect())
    }
}
