//! Operators that ONNX spells as several nodes, or with constants.

use inceptive_ir::{
    Axis, BlockOrder, Interpolation, Node, NodeId, Norm, NormOver, Op, PadMode, Padding, Rearrange,
    Rescale, Resize, Role, Scale, Shape, Size,
};
use inceptive_weights::Missing;

use super::{
    HELPER, Writer, absent_name,
    attributes::{attribute, float, int, ints},
};
use crate::proto::{AttributeProto, AttributeType};

/// The first operator set with `LayerNormalization`.
const LAYER_NORM: u8 = 17;
/// The first with `Mish`, and with axes of reductions as inputs.
const MISH: u8 = 18;
/// The first with `Gelu`.
const GELU: u8 = 20;

impl Writer<'_, '_> {
    /// The name of a helper of a node.
    fn helper(path: &str, step: &str) -> String {
        format!("{path}{HELPER}{step}")
    }

    /// Dimensions of numbers of channels that are broadcast over maps or vectors.
    fn broadcast(shape: Shape, numbers: usize) -> Vec<usize> {
        match shape {
            Shape::Map { .. } => vec![numbers, 1, 1],
            Shape::Vector { .. } => vec![numbers],
        }
    }

    /// A learned tensor of a node with other dimensions than its own.
    fn learned(&mut self, node: &Node, role: Role, dims: &[usize]) -> Result<String, Missing> {
        let values = self.weights.of(node, role)?;
        let name = format!("{}.{role}", node.tensor_path(role));
        Ok(self.tensor(name, dims, values))
    }

    /// A learned tensor of a normalisation, or a constant in its place.
    fn learned_or(&mut self, node: &Node, role: Role, is_learned: bool) -> Result<String, Missing> {
        let channels = node.shape.channels() as usize;
        if is_learned {
            return self.learned(node, role, &[channels]);
        }
        let neutral = if role == Role::Weight { 1.0 } else { 0.0 };
        let name = absent_name(node.path.as_str(), role);
        Ok(self.constant(name, &[channels], &vec![neutral; channels]))
    }

    pub(super) fn norm(&mut self, id: NodeId, norm: &Norm, input: &str) -> Result<(), Missing> {
        let node = self.graph.node(id);
        match norm.over {
            NormOver::Instance => {
                let scale = self.learned_or(node, Role::Weight, norm.scale)?;
                let shift = self.learned_or(node, Role::Bias, norm.center)?;
                let inputs = vec![input.to_owned(), scale, shift];
                let attributes = vec![float("epsilon", norm.eps)];
                self.push("InstanceNormalization", node.path.as_str(), inputs, attributes);
                Ok(())
            }
            NormOver::Groups(groups) => self.group_norm(node, norm, groups, input),
            NormOver::Channels => self.layer_norm(node, norm, input),
        }
    }

    /// As PyTorch writes it: groups as channels of an instance normalisation, then factors and shifts.
    fn group_norm(
        &mut self,
        node: &Node,
        norm: &Norm,
        groups: u32,
        input: &str,
    ) -> Result<(), Missing> {
        let path = node.path.as_str();
        let name = |step: &str| Self::helper(path, step);
        let groups_len = groups as usize;
        let split = self.integers(format!("{path}.split"), &[0, i64::from(groups), -1]);
        self.push("Reshape", &name("split"), vec![input.to_owned(), split], vec![]);
        let ones = self.constant(format!("{path}.ones"), &[groups_len], &vec![1.0; groups_len]);
        let zeros = self.constant(format!("{path}.zeros"), &[groups_len], &vec![0.0; groups_len]);
        let inputs = vec![name("split"), ones, zeros];
        let attributes = vec![float("epsilon", norm.eps)];
        self.push("InstanceNormalization", &name("norm"), inputs, attributes);
        let mut dims = vec![0, i64::from(node.shape.channels())];
        if let Shape::Map { size, .. } = node.shape {
            dims.extend([i64::from(size.height), i64::from(size.width)]);
        }
        let join = self.integers(format!("{path}.join"), &dims);
        let steps = usize::from(norm.scale) + usize::from(norm.center);
        let joined = if steps == 0 { path.to_owned() } else { name("join") };
        self.push("Reshape", &joined, vec![name("norm"), join], vec![]);
        self.affine(node, norm.scale, norm.center, joined)
    }

    /// Factors and shifts of the last value of a node, whose result is named like the node.
    fn affine(
        &mut self,
        node: &Node,
        scale: bool,
        center: bool,
        mut value: String,
    ) -> Result<(), Missing> {
        let path = node.path.as_str();
        let steps = [("Mul", Role::Weight, scale), ("Add", Role::Bias, center)];
        let last = steps.iter().rposition(|(.., is_there)| *is_there);
        for (position, (op, role, is_there)) in steps.into_iter().enumerate() {
            if !is_there {
                continue;
            }
            let slots = node.op.tensors(&[node.shape]);
            let numbers = slots.iter().find(|(own, _)| *own == role).map_or(1, |(_, dims)| dims[0]);
            let factor = self.learned(node, role, &Self::broadcast(node.shape, numbers))?;
            let name = match last == Some(position) {
                true => path.to_owned(),
                false => Self::helper(path, "scaled"),
            };
            self.push(op, &name, vec![value, factor], vec![]);
            value = name;
        }
        Ok(())
    }

    fn layer_norm(&mut self, node: &Node, norm: &Norm, input: &str) -> Result<(), Missing> {
        let path = node.path.as_str();
        let name = |step: &str| Self::helper(path, step);
        if self.options.opset.0 < LAYER_NORM {
            return self.layer_norm_spelled_out(node, norm, input);
        }
        let scale = self.learned_or(node, Role::Weight, norm.scale)?;
        let shift = self.learned_or(node, Role::Bias, norm.center)?;
        let attributes = vec![int("axis", -1), float("epsilon", norm.eps)];
        match node.shape {
            Shape::Vector { .. } => {
                let inputs = vec![input.to_owned(), scale, shift];
                self.push("LayerNormalization", path, inputs, attributes);
            }
            Shape::Map { .. } => {
                let (last, first) = (vec![0, 2, 3, 1], vec![0, 3, 1, 2]);
                let inputs = vec![input.to_owned()];
                self.push("Transpose", &name("last"), inputs, vec![ints("perm", last)]);
                let inputs = vec![name("last"), scale, shift];
                self.push("LayerNormalization", &name("norm"), inputs, attributes);
                self.push("Transpose", path, vec![name("norm")], vec![ints("perm", first)]);
            }
        }
        Ok(())
    }

    /// `(x - mean) / sqrt(variance + eps)` over channels.
    fn layer_norm_spelled_out(
        &mut self,
        node: &Node,
        norm: &Norm,
        input: &str,
    ) -> Result<(), Missing> {
        let path = node.path.as_str();
        let name = |step: &str| Self::helper(path, step);
        let over = || vec![ints("axes", vec![1]), int("keepdims", 1)];
        let eps = self.constant(format!("{path}.eps"), &[], &[norm.eps]);
        self.push("ReduceMean", &name("mean"), vec![input.to_owned()], over());
        self.push("Sub", &name("centered"), vec![input.to_owned(), name("mean")], vec![]);
        self.push("Mul", &name("square"), vec![name("centered"); 2], vec![]);
        self.push("ReduceMean", &name("variance"), vec![name("square")], over());
        self.push("Add", &name("shifted"), vec![name("variance"), eps], vec![]);
        self.push("Sqrt", &name("deviation"), vec![name("shifted")], vec![]);
        let is_last = !norm.scale && !norm.center;
        let value = if is_last { path.to_owned() } else { name("norm") };
        self.push("Div", &value, vec![name("centered"), name("deviation")], vec![]);
        self.affine(node, norm.scale, norm.center, value)
    }

    /// A reduction over the channels of each pixel.
    pub(super) fn over_channels(&mut self, op: &str, path: &str, mut inputs: Vec<String>) {
        let mut attributes = vec![int("keepdims", 1)];
        if self.options.opset.0 >= MISH {
            inputs.push(self.integers(format!("{path}.axes"), &[1]));
        } else {
            attributes.push(ints("axes", vec![1]));
        }
        self.push(op, path, inputs, attributes);
    }

    pub(super) fn prelu(&mut self, id: NodeId, mut inputs: Vec<String>) -> Result<(), Missing> {
        let node = self.graph.node(id);
        let shared = matches!(node.op, Op::Prelu { shared: true });
        let slopes = if shared { 1 } else { node.shape.channels() as usize };
        let dims = Self::broadcast(node.shape, slopes);
        inputs.push(self.learned(node, Role::Weight, &dims)?);
        self.push("PRelu", node.path.as_str(), inputs, vec![]);
        Ok(())
    }

    pub(super) fn scale(&mut self, id: NodeId, input: &str) -> Result<(), Missing> {
        let node = self.graph.node(id);
        let Op::Scale(Scale { scale, center, .. }) = node.op else { return Ok(()) };
        if !scale && !center {
            self.push("Identity", node.path.as_str(), vec![input.to_owned()], vec![]);
            return Ok(());
        }
        self.affine(node, scale, center, input.to_owned())
    }

    pub(super) fn rescale(&mut self, node: &Node, rescale: &Rescale, input: &str) {
        let path = node.path.as_str();
        let steps = [("Mul", "scale", &rescale.scale), ("Add", "shift", &rescale.shift)];
        let Some(last) = steps.iter().rposition(|(.., numbers)| !numbers.is_empty()) else {
            return self.push("Identity", path, vec![input.to_owned()], vec![]);
        };
        let mut value = input.to_owned();
        for (position, (op, what, numbers)) in steps.into_iter().enumerate() {
            if numbers.is_empty() {
                continue;
            }
            let dims = Self::broadcast(node.shape, numbers.len());
            let constant = self.constant(format!("{path}.{what}"), &dims, numbers);
            let name = if position == last { path.to_owned() } else { Self::helper(path, what) };
            self.push(op, &name, vec![value, constant], vec![]);
            value = name;
        }
    }

    /// Whole factors as `Resize`. Engines disagree about the nearest row where a factor is broken, so rows and columns are
    /// gathered then.
    pub(super) fn resize(&mut self, id: NodeId, resize: &Resize, input: &str) {
        let (from, to) = (self.graph.input_shapes(id)[0].size(), self.graph.node(id).shape.size());
        let path = self.graph.node(id).path.clone();
        let path = path.as_str();
        let is_whole = to.height.is_multiple_of(from.height) && to.width.is_multiple_of(from.width);
        if resize.mode == Interpolation::Nearest && !is_whole {
            let nearest = |from: u32, to: u32| -> Vec<i64> {
                let at = |index: u32| i64::from(index) * i64::from(from) / i64::from(to);
                (0..to).map(at).collect()
            };
            let rows = self.integers(format!("{path}.rows"), &nearest(from.height, to.height));
            let columns = self.integers(format!("{path}.columns"), &nearest(from.width, to.width));
            let by_row = Self::helper(path, "rows");
            let inputs = vec![input.to_owned(), rows];
            self.push("Gather", &by_row, inputs, vec![int("axis", 2)]);
            self.push("Gather", path, vec![by_row, columns], vec![int("axis", 3)]);
            return;
        }
        let (mode, place) = match resize.mode {
            Interpolation::Nearest => ("nearest", "asymmetric"),
            Interpolation::Bilinear => ("linear", "pytorch_half_pixel"),
            Interpolation::BilinearCorners => ("linear", "align_corners"),
        };
        let scales = self.constant(
            format!("{path}.scales"),
            &[4],
            &[1.0, 1.0, factor(from.height, to.height), factor(from.width, to.width)],
        );
        let mut attributes =
            vec![text("mode", mode), text("coordinate_transformation_mode", place)];
        if resize.mode == Interpolation::Nearest {
            attributes.push(text("nearest_mode", "floor"));
        }
        let inputs = vec![input.to_owned(), String::new(), scales];
        self.push("Resize", path, inputs, attributes);
    }

    pub(super) fn rearrange(&mut self, id: NodeId, rearrange: &Rearrange, mut inputs: Vec<String>) {
        let node = self.graph.node(id);
        let path = node.path.as_str();
        match *rearrange {
            Rearrange::Slice { axis, start, count, step } => {
                let axis = match axis {
                    Axis::Channels => 1,
                    Axis::Height => 2,
                    Axis::Width => 3,
                };
                let end = i64::from(start) + i64::from(count - 1) * i64::from(step) + 1;
                let numbers = [
                    ("starts", i64::from(start)),
                    ("ends", end),
                    ("axes", axis),
                    ("steps", i64::from(step)),
                ];
                for (what, number) in numbers {
                    inputs.push(self.integers(format!("{path}.{what}"), &[number]));
                }
                self.push("Slice", path, inputs, vec![]);
            }
            Rearrange::Pad { padding, mode } => {
                self.pad(path, padding, mode, inputs);
            }
            Rearrange::SpaceToDepth { block, order: BlockOrder::PixelsFirst } => {
                self.push("SpaceToDepth", path, inputs, vec![int("blocksize", block.into())]);
            }
            Rearrange::SpaceToDepth { block, order: BlockOrder::ChannelsFirst } => {
                self.space_to_depth(id, block, inputs);
            }
            Rearrange::DepthToSpace { block, order } => {
                let mode = match order {
                    BlockOrder::ChannelsFirst => "CRD",
                    BlockOrder::PixelsFirst => "DCR",
                };
                let attributes = vec![int("blocksize", block.into()), text("mode", mode)];
                self.push("DepthToSpace", path, inputs, attributes);
            }
        }
    }

    /// A map with more rows and columns around it.
    pub(super) fn pad(
        &mut self,
        path: &str,
        padding: Padding,
        mode: PadMode,
        mut inputs: Vec<String>,
    ) {
        let sides = [padding.top, padding.left, padding.bottom, padding.right];
        let [top, left, bottom, right] = sides.map(i64::from);
        let pads = [0, 0, top, left, 0, 0, bottom, right];
        inputs.push(self.integers(format!("{path}.pads"), &pads));
        if let PadMode::Constant(value) = mode {
            inputs.push(self.constant(format!("{path}.value"), &[], &[value]));
        }
        self.push("Pad", path, inputs, vec![text("mode", mode.name())]);
    }

    fn space_to_depth(&mut self, id: NodeId, block: u32, mut inputs: Vec<String>) {
        let node = self.graph.node(id);
        let path = node.path.as_str();
        let name = |step: &str| Self::helper(path, step);
        let from = self.graph.input_shapes(id)[0];
        let Size { height, width } = node.shape.size();
        let (height, width, block) = (i64::from(height), i64::from(width), i64::from(block));
        let split = [0, i64::from(from.channels()), height, block, width, block];
        inputs.push(self.integers(format!("{path}.split"), &split));
        self.push("Reshape", &name("split"), inputs, vec![]);
        let order = vec![ints("perm", vec![0, 1, 3, 5, 2, 4])];
        self.push("Transpose", &name("swap"), vec![name("split")], order);
        let dims = [0, i64::from(node.shape.channels()), height, width];
        let join = self.integers(format!("{path}.join"), &dims);
        self.push("Reshape", path, vec![name("swap"), join], vec![]);
    }

    /// `x / 2 * (1 + erf(x / sqrt(2)))`, or with the hyperbolic tangent of a cubic polynomial.
    pub(super) fn gelu(&mut self, path: &str, input: &str, by_tanh: bool) {
        let name = |step: &str| Self::helper(path, step);
        if self.options.opset.0 >= GELU {
            let attributes = match by_tanh {
                true => vec![text("approximate", "tanh")],
                false => vec![],
            };
            return self.push("Gelu", path, vec![input.to_owned()], attributes);
        }
        let one = self.constant(format!("{path}.one"), &[], &[1.0]);
        let half = self.constant(format!("{path}.half"), &[], &[0.5]);
        let part = if by_tanh {
            let cubic = self.constant(format!("{path}.cubic"), &[], &[0.044_715]);
            let linear = self.constant(format!("{path}.linear"), &[], &[0.797_884_6]);
            self.push("Mul", &name("square"), vec![input.to_owned(); 2], vec![]);
            self.push("Mul", &name("cubic"), vec![name("square"), cubic], vec![]);
            self.push("Add", &name("factor"), vec![name("cubic"), one.clone()], vec![]);
            self.push("Mul", &name("polynomial"), vec![input.to_owned(), name("factor")], vec![]);
            self.push("Mul", &name("scaled"), vec![name("polynomial"), linear], vec![]);
            self.push("Tanh", &name("tanh"), vec![name("scaled")], vec![]);
            name("tanh")
        } else {
            let root = self.constant(format!("{path}.root"), &[], &[std::f32::consts::SQRT_2]);
            self.push("Div", &name("scaled"), vec![input.to_owned(), root], vec![]);
            self.push("Erf", &name("erf"), vec![name("scaled")], vec![]);
            name("erf")
        };
        self.push("Add", &name("shifted"), vec![part, one], vec![]);
        self.push("Mul", &name("product"), vec![input.to_owned(), name("shifted")], vec![]);
        self.push("Mul", path, vec![name("product"), half], vec![]);
    }

    pub(super) fn mish(&mut self, path: &str, mut inputs: Vec<String>) {
        let name = |step: &str| Self::helper(path, step);
        if self.options.opset.0 >= MISH {
            return self.push("Mish", path, inputs, vec![]);
        }
        self.push("Softplus", &name("softplus"), inputs.clone(), vec![]);
        self.push("Tanh", &name("tanh"), vec![name("softplus")], vec![]);
        inputs.push(name("tanh"));
        self.push("Mul", path, inputs, vec![]);
    }
}

/// The factor between two lengths, such that the first times the factor, rounded down, is the second in single and in double
/// precision.
fn factor(from: u32, to: u32) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "ONNX has single precision here")]
    let factor = (f64::from(to) / f64::from(from)) as f32;
    let reaches = |factor: f32| f64::from(from) * f64::from(factor) >= f64::from(to);
    if reaches(factor) { factor } else { factor.next_up() }
}

fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { s: s.as_bytes().to_vec().into(), ..attribute(name, AttributeType::String) }
}
