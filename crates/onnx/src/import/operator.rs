//! Each operator of ONNX in our terms.

use inceptive_ir::{
    Activation, BatchNorm, Conv, Linear, Lrn, Op, Padding, Pool, PoolKind, Role, Shape, Size,
};

use crate::export::{HELPER, averages};
use crate::proto::{AttributeProto, NodeProto};

use super::{Constant, Draft, Importer, UnsupportedOp, Value};

/// The batch of files that leave it open, in arithmetic on shapes. Nothing depends on it.
const ANY_BATCH: i64 = 1;

/// The first version of the operator set in which softmax works along one axis.
const SOFTMAX_BY_AXIS: i64 = 13;

/// The supported operators.
const KNOWN: [&str; 38] = [
    "Constant",
    "Identity",
    "Cast",
    "CastLike",
    "ConstantOfShape",
    "Shape",
    "Expand",
    "Unsqueeze",
    "Concat",
    "Gather",
    "Conv",
    "Gemm",
    "MatMul",
    "BatchNormalization",
    "LRN",
    "Relu",
    "Sigmoid",
    "HardSigmoid",
    "HardSwish",
    "Clip",
    "MaxPool",
    "AveragePool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "ReduceMean",
    "ReduceMax",
    "Pad",
    "Add",
    "Sum",
    "Mul",
    "Sub",
    "Div",
    "Flatten",
    "Reshape",
    "Squeeze",
    "Transpose",
    "Dropout",
    "Softmax",
];

/// Whether a node's operator is read at all.
pub(super) fn is_known(node: &NodeProto) -> bool {
    super::is_standard(&node.domain) && KNOWN.contains(&node.op_type.as_str())
}

impl Importer {
    /// The value that a node computes.
    pub(super) fn operator(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if !is_known(node) {
            return Err(UnsupportedOp::UNKNOWN);
        }
        if let Some(ints) = self.arithmetic(node) {
            return Ok(Value::Constant(Constant::ints(&ints)));
        }
        match node.op_type.as_str() {
            "Constant" => constant(node).map(Value::Constant),
            "Identity" | "Cast" | "CastLike" => self.input(node, 0),
            "ConstantOfShape" => self.constant_of_shape(node),
            "Shape" => self.shape_of(node),
            "Expand" => self.expand(node),
            "Unsqueeze" => self.reshaped_constant(node),
            "Concat" => self.concat(node),
            "Gather" => self.gather(node),
            "Conv" => self.conv(node),
            "Gemm" => self.gemm(node),
            "MatMul" => self.matmul(node),
            "BatchNormalization" => self.batch_norm(node),
            "LRN" => self.lrn(node),
            "Relu" => self.activation(node, Activation::Relu),
            "Sigmoid" => self.activation(node, Activation::Sigmoid),
            "HardSigmoid" => self.hard_sigmoid(node),
            "HardSwish" => self.activation(node, Activation::HardSwish),
            "Clip" => self.clip(node),
            "MaxPool" => self.pool(node, PoolKind::Max),
            "AveragePool" => self.pool(node, PoolKind::Average),
            "GlobalAveragePool" => self.unary(node, Op::GlobalPool(PoolKind::Average)),
            "GlobalMaxPool" => self.unary(node, Op::GlobalPool(PoolKind::Max)),
            "ReduceMean" => self.reduce(node, PoolKind::Average),
            "ReduceMax" => self.reduce(node, PoolKind::Max),
            "Pad" => self.pad(node),
            "Add" | "Sum" => self.add(node),
            "Mul" => self.mul(node),
            "Flatten" => self.flatten(node),
            "Reshape" => self.reshape(node),
            "Squeeze" => self.squeeze(node),
            "Transpose" => self.transpose(node),
            "Dropout" => self.dropout(node),
            "Softmax" => self.softmax(node),
            _ => Err(UnsupportedOp::UNKNOWN),
        }
    }

    /// The input of a node at a position.
    fn input(&self, node: &NodeProto, position: usize) -> Result<Value, UnsupportedOp> {
        let name = node.input.get(position).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| UnsupportedOp::because("an input is missing"))?;
        let value = self.values.get(name).cloned();
        value.ok_or_else(|| {
            UnsupportedOp::because(&format!("reads `{name}`, which no node computes"))
        })
    }

    /// A constant that a node reads; `None` if it is left out.
    fn optional_constant(
        &self,
        node: &NodeProto,
        position: usize,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        match node.input.get(position) {
            Some(name) if !name.is_empty() => self.constant_input(node, position).map(Some),
            _ => Ok(None),
        }
    }

    fn constant_input(&self, node: &NodeProto, position: usize) -> Result<Constant, UnsupportedOp> {
        match self.input(node, position)? {
            Value::Constant(constant) => Ok(constant),
            _ => Err(UnsupportedOp::because("a weight, shape or axis computed from the input")),
        }
    }

    /// Integers from an attribute, as in older operator sets, or from an input.
    fn ints(
        &self,
        node: &NodeProto,
        key: &str,
        position: usize,
    ) -> Result<Option<Vec<i64>>, UnsupportedOp> {
        if let Some(attribute) = find(node, key) {
            return Ok(Some(attribute.ints.clone()));
        }
        let constant = self.optional_constant(node, position)?;
        let ints = |constant: Constant| {
            constant.to_ints().ok_or_else(|| UnsupportedOp::because(&format!("non-integer {key}")))
        };
        constant.map(ints).transpose()
    }

    /// The node whose result is read at a position, as it is.
    fn source(&self, node: &NodeProto, position: usize) -> Result<usize, UnsupportedOp> {
        match self.input(node, position)? {
            Value::Node(draft) => Ok(draft),
            Value::Constant(_) => {
                Err(UnsupportedOp::because("a constant where a computed value is expected"))
            }
            Value::Scaled(..) => {
                Err(UnsupportedOp::because("multiplication by a constant, except in a sum"))
            }
            Value::Padded(..) => {
                Err(UnsupportedOp::because("padding, except before a convolution or average"))
            }
            Value::Split(..) | Value::Swapped(..) => {
                Err(UnsupportedOp::because("reshape to five dimensions"))
            }
            Value::Rows(..) | Value::Unknown => {
                Err(UnsupportedOp::because("a product with a matrix of rows"))
            }
        }
    }

    /// Adds a node.
    fn push(
        &mut self,
        node: &NodeProto,
        op: Op,
        inputs: Vec<usize>,
        tensors: Vec<(Role, Constant)>,
    ) -> Result<Value, UnsupportedOp> {
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.drafts[input].shape).collect();
        if !op.arity().admits(shapes.len()) {
            return Err(UnsupportedOp::because(&format!(
                "takes {} inputs, has {}",
                op.arity(),
                shapes.len()
            )));
        }
        let shape = op.infer(&shapes)?;
        let path = if self.is_ours {
            self.names.unique(&node.name, op.name())
        } else {
            let weight =
                (!tensors.is_empty()).then(|| node.input.get(1).map_or("", String::as_str));
            self.names.path(node, op.name(), weight)
        };
        self.drafts.push(Draft { op, path, inputs, shape, tensors });
        Ok(Value::Node(self.drafts.len() - 1))
    }

    fn unary(&mut self, node: &NodeProto, op: Op) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        self.push(node, op, vec![source], vec![])
    }

    fn activation(
        &mut self,
        node: &NodeProto,
        activation: Activation,
    ) -> Result<Value, UnsupportedOp> {
        self.unary(node, Op::Activation(activation))
    }

    /// Arithmetic on shapes.
    fn arithmetic(&self, node: &NodeProto) -> Option<Vec<i64>> {
        let compute: fn(i64, i64) -> Option<i64> = match node.op_type.as_str() {
            "Add" => i64::checked_add,
            "Sub" => i64::checked_sub,
            "Mul" => i64::checked_mul,
            "Div" => i64::checked_div,
            _ => return None,
        };
        let ints = |position: usize| match self.input(node, position) {
            Ok(Value::Constant(constant)) => constant.to_ints(),
            _ => None,
        };
        let (a, b) = (ints(0)?, ints(1)?);
        let at = |list: &[i64], at: usize| list.get(if list.len() == 1 { 0 } else { at }).copied();
        (0..a.len().max(b.len()))
            .map(|position| compute(at(&a, position)?, at(&b, position)?))
            .collect()
    }

    fn constant_of_shape(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims = self.constant_input(node, 0)?.to_ints();
        let value = match find(node, "value").and_then(|value| value.t.as_ref()) {
            Some(tensor) => Constant::read(tensor)?.to_scalar(),
            None => Some(0.0),
        };
        let known = dims.zip(value);
        let (dims, value) =
            known.ok_or_else(|| UnsupportedOp::because("a shape that is not a vector of sizes"))?;
        Ok(Value::Constant(Constant::splat(value, &dims)?))
    }

    fn shape_of(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims: Vec<i64> = match self.input(node, 0)? {
            Value::Constant(constant) => {
                constant.dims.iter().filter_map(|&dim| dim.try_into().ok()).collect()
            }
            _ => dimensions(self.drafts[self.source(node, 0)?].shape),
        };
        let rank = i64::try_from(dims.len())?;
        let at = |key, default| -> Result<usize, UnsupportedOp> {
            let position = int(node, key).unwrap_or(default);
            let position = if position < 0 { position + rank } else { position };
            Ok(usize::try_from(position.clamp(0, rank))?)
        };
        let (start, end) = (at("start", 0)?, at("end", rank)?);
        Ok(Value::Constant(Constant::ints(dims.get(start..end).unwrap_or_default())))
    }

    fn expand(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let constant = self.constant_input(node, 0)?;
        let dims = self.constant_input(node, 1)?.to_ints();
        let own = || constant.dims.iter().map(|&dim| i64::try_from(dim).unwrap_or(0));
        if dims
            .as_ref()
            .is_some_and(|dims| dims.iter().all(|&dim| dim == 1) || own().eq(dims.iter().copied()))
        {
            return Ok(Value::Constant(constant));
        }
        let known = constant.to_scalar().zip(dims);
        let (value, dims) =
            known.ok_or_else(|| UnsupportedOp::because("more than a single number"))?;
        Ok(Value::Constant(Constant::splat(value, &dims)?))
    }

    /// Adding or removing dimensions of size 1 does not affect the readers of a constant.
    fn reshaped_constant(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let constant = self
            .constant_input(node, 0)
            .map_err(|_| UnsupportedOp::because("of a computed value"))?;
        Ok(Value::Constant(constant))
    }

    fn concat(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let values: Vec<Value> =
            (0..node.input.len()).map(|at| self.input(node, at)).collect::<Result<_, _>>()?;
        let constants: Option<Vec<i64>> = values
            .iter()
            .map(|value| match value {
                Value::Constant(constant) => constant.to_ints(),
                _ => None,
            })
            .collect::<Option<Vec<_>>>()
            .map(|parts| parts.concat());
        if let Some(ints) = constants {
            return Ok(Value::Constant(Constant::ints(&ints)));
        }
        let sources: Vec<usize> =
            (0..node.input.len()).map(|at| self.source(node, at)).collect::<Result<_, _>>()?;
        let rank = i64::try_from(dimensions(self.drafts[sources[0]].shape).len()).unwrap_or(4);
        let axis = int(node, "axis").unwrap_or(1);
        if axis != 1 && axis != 1 - rank {
            return Err(UnsupportedOp::because("along an axis other than the channels"));
        }
        match sources[..] {
            [only] => Ok(Value::Node(only)),
            _ => self.push(node, Op::Concat, sources, vec![]),
        }
    }

    fn gather(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let refusal = || UnsupportedOp::because("of something other than a shape");
        let data = self.constant_input(node, 0)?.to_ints().ok_or_else(refusal)?;
        let indices = self.constant_input(node, 1)?.to_ints().ok_or_else(refusal)?;
        let len = i64::try_from(data.len()).map_err(|_| refusal())?;
        let at = |index: i64| {
            let index = if index < 0 { index + len } else { index };
            usize::try_from(index).ok().and_then(|index| data.get(index)).copied()
        };
        let gathered: Option<Vec<i64>> = indices.into_iter().map(at).collect();
        gathered.map(|ints| Value::Constant(Constant::ints(&ints))).ok_or_else(refusal)
    }

    fn conv(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
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
        let padding = added(padding(node, from.size(), dilated, stride)?, before)?;
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

    fn gemm(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let is_plain = int(node, "transA").unwrap_or(0) == 0
            && float(node, "alpha").unwrap_or(1.0) == 1.0
            && float(node, "beta").unwrap_or(1.0) == 1.0;
        if !is_plain {
            return Err(UnsupportedOp::because("with a factor or a transposed left side"));
        }
        let weight = self.constant_input(node, 1)?;
        let bias = self.optional_constant(node, 2)?.filter(|bias| !bias.is_zero_splat());
        self.linear(node, &weight, int(node, "transB").unwrap_or(0) == 1, bias)
    }

    fn matmul(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
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
        let weight = if transposed { weight.clone() } else { weight.transposed()? };
        let op = Op::Linear(Linear { out_features: whole(out)?, bias: bias.is_some() });
        let bias = bias.map(|bias| per_channel(&bias, out)).transpose()?;
        let tensors =
            std::iter::once((Role::Weight, weight)).chain(bias.map(|bias| (Role::Bias, bias)));
        self.push(node, op, vec![source], tensors.collect())
    }

    /// The first of the two products that adaptive pooling is written as.
    fn average_rows(&self, matrix: &Constant, source: usize) -> Result<Value, UnsupportedOp> {
        let from = self.drafts[source].shape.size().height;
        let rows = matrix.dims.first().and_then(|&rows| u32::try_from(rows).ok()).unwrap_or(0);
        let is_average = rows > 0
            && matrix.len() as u64 == u64::from(rows) * u64::from(from)
            && matrix.floats().is_some_and(|values| values == averages(from, rows));
        if is_average {
            Ok(Value::Rows(source, rows))
        } else {
            Err(UnsupportedOp::because("from the left"))
        }
    }

    fn average_columns(
        &mut self,
        node: &NodeProto,
        source: usize,
        rows: u32,
        matrix: &Constant,
    ) -> Result<Value, UnsupportedOp> {
        let from = self.drafts[source].shape.size().width;
        let columns =
            matrix.dims.last().and_then(|&columns| u32::try_from(columns).ok()).unwrap_or(0);
        let is_average = columns > 0
            && matrix.len() as u64 == u64::from(columns) * u64::from(from)
            && matrix
                .transposed()?
                .floats()
                .is_some_and(|values| values == averages(from, columns));
        if !is_average {
            return Err(UnsupportedOp::because("of averages over rows"));
        }
        let op = Op::AdaptiveAvgPool { output: Size::new(rows, columns) };
        self.push(node, op, vec![source], vec![])
    }

    fn batch_norm(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if int(node, "training_mode").unwrap_or(0) != 0 {
            return Err(UnsupportedOp::because("in training mode"));
        }
        let source = self.source(node, 0)?;
        let roles = [Role::Weight, Role::Bias, Role::Mean, Role::Variance];
        let tensor = |(position, role)| Ok((role, self.constant_input(node, position)?));
        let tensors = (1..).zip(roles).map(tensor).collect::<Result<Vec<_>, UnsupportedOp>>()?;
        let channels = self.drafts[source].shape.channels();
        if tensors.iter().any(|(_, tensor)| tensor.len() as u64 != u64::from(channels)) {
            return Err(UnsupportedOp::because("statistics that do not fit the channels"));
        }
        let eps = float(node, "epsilon").unwrap_or(1e-5);
        let op = Op::BatchNorm(BatchNorm { eps, scale: true, center: true });
        self.push(node, op, vec![source], tensors)
    }

    fn lrn(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let op = Op::Lrn(Lrn {
            size: unsigned(int(node, "size").unwrap_or(0))?,
            alpha: float(node, "alpha").unwrap_or(1e-4),
            beta: float(node, "beta").unwrap_or(0.75),
            k: float(node, "bias").unwrap_or(1.0),
        });
        self.unary(node, op)
    }

    fn hard_sigmoid(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let (alpha, beta) =
            (float(node, "alpha").unwrap_or(0.2), float(node, "beta").unwrap_or(0.5));
        if (alpha - 1.0 / 6.0).abs() > 1e-6 || beta != 0.5 {
            return Err(UnsupportedOp::because(&format!(
                "clamp({alpha} x + {beta}), not (x / 6 + 0.5)"
            )));
        }
        self.activation(node, Activation::HardSigmoid)
    }

    fn clip(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let limit = |key, position| -> Result<Option<f32>, UnsupportedOp> {
            match float(node, key) {
                Some(limit) => Ok(Some(limit)),
                None => {
                    Ok(self.optional_constant(node, position)?.and_then(|limit| limit.to_scalar()))
                }
            }
        };
        let (low, high) = (limit("min", 1)?, limit("max", 2)?);
        match (low, high) {
            (Some(0.0), Some(6.0)) => self.activation(node, Activation::Relu6),
            (Some(0.0), None) => self.activation(node, Activation::Relu),
            (Some(0.0), Some(high)) if high >= f32::MAX => self.activation(node, Activation::Relu),
            _ => Err(UnsupportedOp::because("to a range other than 0 to 6")),
        }
    }

    fn pool(&mut self, node: &NodeProto, kind: PoolKind) -> Result<Value, UnsupportedOp> {
        let (source, before) = match (kind, self.input(node, 0)?) {
            (PoolKind::Average, Value::Padded(source, padding)) => (source, padding),
            _ => (self.source(node, 0)?, Padding::NONE),
        };
        if size(node, "dilations")? != Size::square(1) {
            return Err(UnsupportedOp::because("with dilation"));
        }
        if node.output.get(1).is_some_and(|indices| self.reads.contains_key(indices)) {
            return Err(UnsupportedOp::because("whose indices are used"));
        }
        let (kernel, stride) = (size(node, "kernel_shape")?, size(node, "strides")?);
        let from = self.drafts[source].shape.size();
        if self.is_ours && find(node, "pads").is_none() {
            let output = Size::new(from.height / stride.height, from.width / stride.width);
            return self.push(node, Op::AdaptiveAvgPool { output }, vec![source], vec![]);
        }
        let own = padding(node, from, kernel, stride)?;
        let counts = kind == PoolKind::Average && int(node, "count_include_pad").unwrap_or(0) != 0;
        if before != Padding::NONE && own != Padding::NONE && !counts {
            return Err(UnsupportedOp::because("with padding of two kinds"));
        }
        let padding = added(own, before)?;
        let ceil = int(node, "ceil_mode").unwrap_or(0) != 0;
        let count_include_pad = counts && padding != Padding::NONE || before != Padding::NONE;
        let pool = Pool { kind, kernel, stride, padding, ceil, count_include_pad };
        let op = Op::Pool(rounded_up(pool, from));
        self.push(node, op, vec![source], vec![])
    }

    /// A reduction over height and width is global pooling; without those dimensions, flattened too.
    fn reduce(&mut self, node: &NodeProto, kind: PoolKind) -> Result<Value, UnsupportedOp> {
        let axes = self.ints(node, "axes", 1)?.unwrap_or_default();
        let mut axes: Vec<i64> =
            axes.into_iter().map(|axis| if axis < 0 { axis + 4 } else { axis }).collect();
        axes.sort_unstable();
        if axes != [2, 3] {
            return Err(UnsupportedOp::because("over axes other than height and width"));
        }
        let pooled = self.unary(node, Op::GlobalPool(kind))?;
        match pooled {
            Value::Node(source) if int(node, "keepdims").unwrap_or(1) == 0 => {
                self.push(node, Op::Flatten, vec![source], vec![])
            }
            _ => Ok(pooled),
        }
    }

    fn pad(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        let mode = find(node, "mode").map_or(&b"constant"[..], |mode| &mode.s);
        let value =
            self.optional_constant(node, 2)?.and_then(|value| value.to_scalar()).unwrap_or(0.0);
        let pads = self.ints(node, "pads", 1)?.unwrap_or_default();
        let [0, 0, top, left, 0, 0, bottom, right] = pads[..] else {
            return Err(UnsupportedOp::because("of dimensions other than height and width"));
        };
        if mode != b"constant" || value != 0.0 {
            return Err(UnsupportedOp::because("with values other than zero"));
        }
        let padding = Padding {
            top: unsigned(top)?,
            left: unsigned(left)?,
            bottom: unsigned(bottom)?,
            right: unsigned(right)?,
        };
        Ok(Value::Padded(source, padding))
    }

    fn add(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let mut sources = Vec::with_capacity(node.input.len());
        let mut scales = Vec::with_capacity(node.input.len());
        for position in 0..node.input.len() {
            match self.input(node, position)? {
                Value::Scaled(source, scale) => {
                    sources.push(source);
                    scales.push(scale);
                }
                Value::Constant(constant) if node.input.len() == 2 => {
                    return self.add_constant(self.source(node, 1 - position)?, &constant);
                }
                _ => {
                    sources.push(self.source(node, position)?);
                    scales.push(1.0);
                }
            }
        }
        match sources[..] {
            [only] => Ok(Value::Node(only)),
            _ => {
                self.push(node, Op::Add { scales }, sources, vec![])?;
                self.absorb_partial_sum(node);
                Ok(Value::Node(self.drafts.len() - 1))
            }
        }
    }

    /// Our files write a sum of three and more as a chain of nodes, all but the last of which are helpers; each is taken
    /// into the next one again.
    fn absorb_partial_sum(&mut self, node: &NodeProto) {
        let helper_of =
            node.name.rsplit_once(HELPER).filter(|(_, number)| number.parse::<u32>().is_ok());
        let base = helper_of.map_or(node.name.as_str(), |(base, _)| base);
        let last = self.drafts.len() - 1;
        let before =
            self.partial_sum.take().filter(|(of, helper)| of == base && helper + 1 == last);
        let before = before.filter(|(_, helper)| {
            let [first, others @ ..] = &*self.drafts[last].inputs else { return false };
            let is_read_once = node.input.first().and_then(|name| self.reads.get(name)) == Some(&1);
            first == helper && !others.contains(helper) && is_read_once
        });
        let sum = match (before, self.drafts.pop()) {
            (Some((_, helper)), Some(whole)) => {
                let draft = &mut self.drafts[helper];
                draft.path = whole.path;
                draft.inputs.extend(&whole.inputs[1..]);
                if let (Op::Add { scales }, Op::Add { scales: more }) = (&mut draft.op, &whole.op) {
                    scales.extend(&more[1..]);
                }
                helper
            }
            (None, Some(whole)) => {
                self.drafts.push(whole);
                last
            }
            (_, None) => return,
        };
        if self.is_ours && helper_of.is_some() {
            self.partial_sum = Some((base.to_owned(), sum));
        }
    }

    /// A number for each channel, added to a layer without a bias or to a normalisation.
    fn add_constant(&mut self, source: usize, constant: &Constant) -> Result<Value, UnsupportedOp> {
        let channels = self.drafts[source].shape.channels() as usize;
        let bias = per_channel(constant, channels)?;
        let draft = &mut self.drafts[source];
        match &mut draft.op {
            Op::Conv(Conv { bias: has_bias, .. }) | Op::Linear(Linear { bias: has_bias, .. })
                if !*has_bias =>
            {
                *has_bias = true;
                draft.tensors.push((Role::Bias, bias));
            }
            Op::BatchNorm(_) => combine(draft, Role::Bias, &bias, |beta, added| beta + added)?,
            _ => {
                return Err(UnsupportedOp::because(
                    "of a constant to something other than a layer",
                ));
            }
        }
        Ok(Value::Node(source))
    }

    fn mul(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        for (at, other) in [(0, 1), (1, 0)] {
            if let Value::Constant(constant) = self.input(node, at)? {
                let source = self.source(node, other)?;
                return self.mul_constant(source, &constant);
            }
        }
        let (a, b) = (self.source(node, 0)?, self.source(node, 1)?);
        if let Some(gated) = self.gated(node, a, b).or_else(|| self.gated(node, b, a)) {
            return Ok(gated);
        }
        self.push(node, Op::Multiply, vec![a, b], vec![])
    }

    /// `x * sigmoid(x)`, when nothing else reads the sigmoid.
    fn gated(&mut self, node: &NodeProto, value: usize, gate: usize) -> Option<Value> {
        let draft = self.drafts.get(gate)?;
        let activation = match draft.op {
            Op::Activation(Activation::Sigmoid) => Activation::Silu,
            Op::Activation(Activation::HardSigmoid) => Activation::HardSwish,
            _ => return None,
        };
        let is_own = draft.inputs == [value]
            && node.input.iter().any(|name| {
                self.reads.get(name) == Some(&1)
                    && matches!(self.values.get(name), Some(Value::Node(source)) if *source == gate)
            });
        if !is_own {
            return None;
        }
        let path = if self.is_ours {
            self.names.unique(&node.name, activation.name())
        } else {
            let mut segments: Vec<&str> = draft.path.split('/').collect();
            segments.pop();
            segments.push(activation.name());
            self.names.unique(&segments.join("/"), activation.name())
        };
        let draft = &mut self.drafts[gate];
        draft.op = Op::Activation(activation);
        draft.path = path;
        Some(Value::Node(gate))
    }

    /// A number for each channel, multiplied into a normalisation; a single number waits for a sum.
    fn mul_constant(&mut self, source: usize, constant: &Constant) -> Result<Value, UnsupportedOp> {
        if let Some(scale) = constant.to_scalar() {
            return Ok(Value::Scaled(source, scale));
        }
        let channels = self.drafts[source].shape.channels() as usize;
        let factor = per_channel(constant, channels)?;
        let draft = &mut self.drafts[source];
        if !matches!(draft.op, Op::BatchNorm(_)) {
            return Err(UnsupportedOp::because(
                "by a number for each channel, outside of a normalisation",
            ));
        }
        combine(draft, Role::Weight, &factor, |gamma, factor| gamma * factor)?;
        combine(draft, Role::Bias, &factor, |beta, factor| beta * factor)?;
        Ok(Value::Node(source))
    }

    fn flatten(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if int(node, "axis").unwrap_or(1) != 1 {
            return Err(UnsupportedOp::because("along an axis other than the batch"));
        }
        self.flattened(node)
    }

    fn flattened(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        match self.drafts[source].shape {
            Shape::Vector { .. } => Ok(Value::Node(source)),
            Shape::Map { .. } => self.push(node, Op::Flatten, vec![source], vec![]),
        }
    }

    fn reshape(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let dims = self.ints(node, "shape", 1)?.unwrap_or_default();
        let value = self.input(node, 0)?;
        if let Value::Constant(constant) = value {
            let dims = resolve(&dims, &[constant.len() as u64]);
            let dims =
                dims.and_then(|dims| dims.iter().map(|&dim| usize::try_from(dim).ok()).collect());
            let reshaped = dims.and_then(|dims| constant.reshaped(dims));
            return reshaped
                .map(Value::Constant)
                .ok_or_else(|| UnsupportedOp::because("of a constant to another size"));
        }
        let other = || {
            UnsupportedOp::because(
                "to something other than a vector, its own shape or groups of channels",
            )
        };
        if let Value::Swapped(source, groups) = value {
            let same = self.is_shape_of(source, &dims);
            let op = Op::ChannelShuffle { groups };
            return if same { self.push(node, op, vec![source], vec![]) } else { Err(other()) };
        }
        let source = self.source(node, 0)?;
        let shape = self.drafts[source].shape;
        if self.is_shape_of(source, &dims) {
            return Ok(Value::Node(source));
        }
        match (dims.len(), shape) {
            (2, Shape::Map { .. }) => {
                let features = i64::try_from(shape.elements()).unwrap_or(0);
                if dims[1] == features || dims[1] == -1 {
                    self.flattened(node)
                } else {
                    Err(other())
                }
            }
            (5, Shape::Map { channels, size }) => {
                let [_, groups, per_group, height, width] = dims[..] else { return Err(other()) };
                let is_map = height == i64::from(size.height) && width == i64::from(size.width);
                let groups = unsigned(groups)?;
                let whole = groups > 0
                    && u64::from(groups) * unsigned(per_group)? as u64 == u64::from(channels);
                if is_map && whole { Ok(Value::Split(source, groups)) } else { Err(other()) }
            }
            _ => Err(other()),
        }
    }

    /// Whether dimensions, batch included, are those that a node's result has already.
    fn is_shape_of(&self, source: usize, dims: &[i64]) -> bool {
        let own = dimensions(self.drafts[source].shape);
        own.len() == dims.len()
            && own.iter().zip(dims).skip(1).all(|(own, dim)| dim == own || *dim == 0 || *dim == -1)
            && dims.iter().filter(|&&dim| dim == -1).count() <= 1
    }

    fn squeeze(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if let Value::Constant(constant) = self.input(node, 0)? {
            return Ok(Value::Constant(constant));
        }
        let source = self.source(node, 0)?;
        let mut axes = self.ints(node, "axes", 1)?.unwrap_or_default();
        axes.iter_mut().for_each(|axis| *axis += if *axis < 0 { 4 } else { 0 });
        axes.sort_unstable();
        match self.drafts[source].shape {
            Shape::Map { size, .. } if axes == [2, 3] && size == Size::square(1) => {
                self.flattened(node)
            }
            _ => Err(UnsupportedOp::because("of axes other than height and width")),
        }
    }

    fn transpose(&self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let order = find(node, "perm").map(|order| order.ints.as_slice());
        match (self.input(node, 0)?, order) {
            (Value::Split(source, groups), Some([0, 2, 1, 3, 4])) => {
                Ok(Value::Swapped(source, groups))
            }
            _ => Err(UnsupportedOp::because("outside of a channel shuffle")),
        }
    }

    fn dropout(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let ratio = match float(node, "ratio") {
            Some(ratio) => Some(ratio),
            None => self.optional_constant(node, 1)?.and_then(|ratio| ratio.to_scalar()),
        };
        self.unary(node, Op::Dropout { p: ratio.unwrap_or(0.5) })
    }

    fn softmax(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        let shape = self.drafts[source].shape;
        let last = i64::try_from(dimensions(shape).len()).unwrap_or(2) - 1;
        let default = if self.opset < SOFTMAX_BY_AXIS { 1 } else { -1 };
        let axis = int(node, "axis").unwrap_or(default);
        let axis = if axis < 0 { axis + last + 1 } else { axis };
        let flattens = self.opset < SOFTMAX_BY_AXIS && shape.size() != Size::square(1);
        if axis != 1 || flattens {
            return Err(UnsupportedOp::because("along an axis other than the channels"));
        }
        self.unary(node, Op::Softmax)
    }
}

/// The value of a `Constant` node.
fn constant(node: &NodeProto) -> Result<Constant, UnsupportedOp> {
    let attribute = node.attribute.first().ok_or(UnsupportedOp::UNKNOWN)?;
    match (attribute.name.as_str(), &attribute.t) {
        ("value", Some(tensor)) => Constant::read(tensor),
        ("value_float", _) => Ok(Constant::scalar(attribute.f)),
        ("value_int", _) => Ok(Constant::ints(&[attribute.i])),
        ("value_ints", _) => Ok(Constant::ints(&attribute.ints)),
        (other, _) => Err(UnsupportedOp::because(&format!("given as {other}"))),
    }
}

/// Changes a normalisation's tensor channel by channel.
fn combine(
    draft: &mut Draft,
    role: Role,
    with: &Constant,
    change: impl Fn(f32, f32) -> f32,
) -> Result<(), UnsupportedOp> {
    let absent = || UnsupportedOp::because("of a normalisation whose values are in another file");
    let tensor = draft.tensors.iter_mut().find(|(own, _)| *own == role).ok_or_else(absent)?;
    let (own, with) = tensor.1.floats().zip(with.floats()).ok_or_else(absent)?;
    let changed: Vec<f32> =
        own.into_iter().zip(with).map(|(own, with)| change(own, with)).collect();
    tensor.1 = Constant::vector(&changed);
    Ok(())
}

/// A constant with one value for each channel, as a vector.
fn per_channel(constant: &Constant, channels: usize) -> Result<Constant, UnsupportedOp> {
    let refusal =
        || UnsupportedOp::because("with a constant that is not one number for each channel");
    constant.reshaped(vec![channels]).ok_or_else(refusal)
}

/// Our exports write rounding up as padding below and to the right; this turns it back into rounding up if the windows
/// are the same. Padding never affects a maximum, nor an average over real values only.
fn rounded_up(pool: Pool, from: Size) -> Pool {
    let Padding { top, left, bottom, right } = pool.padding;
    let padding = Padding::symmetric(Size::new(top, left));
    let candidate = Pool { padding, ceil: true, ..pool };
    let windows = |from: u32, pads: [u32; 2], kernel: u32, stride: u32| {
        let room = u64::from(from) + u64::from(pads[0]) + u64::from(pads[1]);
        room.checked_sub(u64::from(kernel)).map(|room| room / u64::from(stride) + 1)
    };
    let rows = windows(from.height, [top, bottom], pool.kernel.height, pool.stride.height);
    let columns = windows(from.width, [left, right], pool.kernel.width, pool.stride.width);
    let shape = Op::Pool(candidate).infer(&[Shape::map(1, from.height, from.width)]).ok();
    let gives_same = shape.is_some_and(|shape| {
        let size = shape.size();
        (Some(u64::from(size.height)), Some(u64::from(size.width))) == (rows, columns)
    });
    let is_grown = bottom > top || right > left;
    if is_grown && !pool.ceil && !pool.count_include_pad && gives_same { candidate } else { pool }
}

/// Dimensions of a value, the batch first.
fn dimensions(shape: Shape) -> Vec<i64> {
    let channels = i64::from(shape.channels());
    match shape {
        Shape::Vector { .. } => vec![ANY_BATCH, channels],
        Shape::Map { size, .. } => {
            vec![ANY_BATCH, channels, i64::from(size.height), i64::from(size.width)]
        }
    }
}

/// Target dimensions with at most one -1 filled in, for a tensor with this number of elements.
fn resolve(dims: &[i64], elements: &[u64]) -> Option<Vec<u64>> {
    let total: u64 = elements.iter().product();
    let known: u64 = dims
        .iter()
        .filter(|&&dim| dim != -1)
        .try_fold(1_u64, |product, &dim| product.checked_mul(u64::try_from(dim).ok()?))?;
    let fill =
        |dim: i64| if dim == -1 { total.checked_div(known) } else { u64::try_from(dim).ok() };
    dims.iter().map(|&dim| fill(dim)).collect()
}

/// Padding of a window: explicit, or derived from `auto_pad`.
fn padding(
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
        (u64::from(windows - 1) * u64::from(stride) + u64::from(kernel))
            .saturating_sub(u64::from(from))
    };
    let halves = |missing: u64| -> Result<(u32, u32), UnsupportedOp> {
        let (small, large) = (u32::try_from(missing / 2)?, u32::try_from(missing.div_ceil(2))?);
        Ok(if upper { (small, large) } else { (large, small) })
    };
    let (top, bottom) = halves(missing(from.height, kernel.height, stride.height))?;
    let (left, right) = halves(missing(from.width, kernel.width, stride.width))?;
    Ok(Padding { top, left, bottom, right })
}

fn explicit_padding(node: &NodeProto) -> Result<Padding, UnsupportedOp> {
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

fn added(a: Padding, b: Padding) -> Result<Padding, UnsupportedOp> {
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

/// The extent of a dilated kernel.
fn reach(kernel: u32, dilation: u32) -> Result<u32, UnsupportedOp> {
    let reach = u64::from(kernel.saturating_sub(1)) * u64::from(dilation) + 1;
    Ok(u32::try_from(reach)?)
}

/// A pair of sizes, 1x1 where it is left out.
fn size(node: &NodeProto, key: &str) -> Result<Size, UnsupportedOp> {
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

fn find<'a>(node: &'a NodeProto, key: &str) -> Option<&'a AttributeProto> {
    node.attribute.iter().find(|attribute| attribute.name == key)
}

fn int(node: &NodeProto, key: &str) -> Option<i64> {
    find(node, key).map(|attribute| attribute.i)
}

fn float(node: &NodeProto, key: &str) -> Option<f32> {
    find(node, key).map(|attribute| attribute.f)
}

fn unsigned(value: i64) -> Result<u32, UnsupportedOp> {
    u32::try_from(value).map_err(|_| UnsupportedOp::because(&format!("{value} is out of range")))
}

fn whole(value: usize) -> Result<u32, UnsupportedOp> {
    Ok(u32::try_from(value)?)
}
