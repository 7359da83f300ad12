//! A graph as an ONNX file.

mod attributes;
mod file;
mod operators;
mod options;
mod sizes;

use std::collections::{HashMap, HashSet};

use inceptive_ir::{
    Activation, Graph, Lrn, Node, NodeId, Op, PadMode, Padding, Path, Pool, PoolKind, Role, Shape,
    Size, text,
};
use inceptive_weights::{Weights, node_slots};

use crate::proto::{
    AttributeProto, DataType, DimensionProto, GraphProto, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorShapeProto, TensorTypeProto, TypeProto,
    ValueInfoProto,
};

pub use file::OnnxFile;
pub use options::{Batch, ExportError, LrnForm, Opset, Options, WeightType};
pub use sizes::{constant_bytes, expect_size, intermediate_bytes};

use attributes::{float, int, ints, pads, size};
use file::{Initializer, Values};
use options::MAX_BYTES;
use sizes::{expect_halves, is_plain};

/// Name of the batch dimension where it is dynamic.
const BATCH: &str = "batch";

/// Name of the input of every exported network, `[batch, channels, height, width]`.
pub const INPUT: &str = "input";

/// Separates a node's path from a suffix, in the names of additional nodes that ONNX needs. Not allowed in paths.
pub const HELPER: char = '$';

/// An inference graph as the bytes of an ONNX file, see [`onnx_file`].
///
/// # Errors
/// As there.
pub fn to_onnx(
    graph: &Graph,
    weights: &Weights,
    options: &Options,
) -> Result<Vec<u8>, ExportError> {
    onnx_file(graph, weights, options).map(|file| file.to_vec())
}

/// An inference graph as an ONNX file. A node's name is its path, and so is the name of its result; an
/// operator that ONNX spells as several nodes names the last one so, and the others after it with
/// [`HELPER`].
///
/// # Errors
/// When values are missing, the graph has nodes for training, or the file would be too large.
pub fn onnx_file<'a>(
    graph: &Graph,
    weights: &'a Weights,
    options: &Options,
) -> Result<OnnxFile<'a>, ExportError> {
    expect_size(graph)?;
    if options.weights == WeightType::Float16 {
        expect_halves(graph, weights)?;
    }
    let paths = graph.nodes().map(|(_, node)| node.path.as_str()).collect();
    let (written, dims) = (HashSet::new(), HashMap::new());
    let (constants, out) = (Vec::new(), GraphProto::default());
    let mut writer = Writer { graph, weights, paths, options, written, dims, constants, out };
    for id in graph.ids() {
        writer.node(id)?;
    }
    writer.out.output = writer.outputs();
    let results: HashSet<&str> = writer.out.output.iter().map(|it| it.name.as_str()).collect();
    writer.out.value_info.retain(|value| !results.contains(value.name.as_str()));
    writer.out.name = text::one_line(&options.name).into_owned();
    let metadata = |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
    let model = ModelProto {
        ir_version: options.opset.ir_version(),
        producer_name: crate::PRODUCER.to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        graph: Some(writer.out),
        opset_import: vec![OperatorSetIdProto {
            domain: String::new(),
            version: i64::from(options.opset.0),
        }],
        metadata_props: vec![metadata("fingerprint", graph.fingerprint().to_string())],
        ..ModelProto::default()
    };
    let file = OnnxFile::new(model, writer.constants);
    match file.bytes() as u64 {
        bytes if bytes >= MAX_BYTES => Err(ExportError::TooLarge { bytes }),
        _ => Ok(file),
    }
}

/// A graph on its way to ONNX.
struct Writer<'a, 'w> {
    graph: &'a Graph,
    weights: &'w Weights,
    paths: HashSet<&'a str>,
    options: &'a Options,
    /// Names of the constants that are written.
    written: HashSet<String>,
    /// Dimensions of the weights that are written, by name.
    dims: HashMap<String, Vec<usize>>,
    constants: Vec<Initializer<'w>>,
    out: GraphProto,
}

impl<'w> Writer<'_, 'w> {
    fn node(&mut self, id: NodeId) -> Result<(), ExportError> {
        let node = self.graph.node(id);
        let path = node.path.as_str();
        let inputs: Vec<String> = self
            .graph
            .inputs(id)
            .into_iter()
            .map(|id| self.graph.node(id).path.to_string())
            .collect();
        if !matches!(node.op, Op::Input(_)) {
            let value = self.value(&node.path, node.shape);
            self.out.value_info.push(value);
        }
        match &node.op {
            Op::Input(shape) => {
                let value = self.value(&node.path, *shape);
                self.out.input.push(value);
            }
            Op::Conv(conv) => {
                let attributes = vec![
                    ints("kernel_shape", size(conv.kernel)),
                    ints("strides", size(conv.stride)),
                    ints("pads", pads(conv.padding)),
                    ints("dilations", size(conv.dilation)),
                    int("group", i64::from(conv.groups)),
                ];
                self.layer("Conv", id, inputs, attributes)?;
            }
            Op::Linear(_) => self.layer("Gemm", id, inputs, vec![int("transB", 1)])?,
            Op::BatchNorm(norm) => self.batch_norm(id, inputs, norm.eps)?,
            Op::Lrn(lrn) => match self.options.lrn {
                LrnForm::Operator => {
                    let attributes = vec![
                        float("alpha", lrn.alpha),
                        float("beta", lrn.beta),
                        float("bias", lrn.k),
                        int("size", i64::from(lrn.size)),
                    ];
                    self.push("LRN", path, inputs, attributes);
                }
                LrnForm::Arithmetic => self.lrn(node, *lrn, &inputs[0]),
            },
            Op::Activation(activation) => self.activation(*activation, path, inputs),
            Op::Pool(pool) => self.pool(*pool, id, path, inputs),
            Op::GlobalPool(PoolKind::Average) => {
                self.push("GlobalAveragePool", path, inputs, vec![])
            }
            Op::GlobalPool(PoolKind::Max) => self.push("GlobalMaxPool", path, inputs, vec![]),
            Op::GlobalPool(PoolKind::L2) => {
                self.push("GlobalLpPool", path, inputs, vec![int("p", 2)]);
            }
            Op::ChannelMax => self.over_channels("ReduceMax", path, inputs),
            Op::ChannelMean => self.over_channels("ReduceMean", path, inputs),
            Op::AdaptiveAvgPool { output } => self.adaptive(id, *output, path, &inputs),
            Op::Concat => self.push("Concat", path, inputs, vec![int("axis", 1)]),
            Op::Add { scales } => {
                let scaled = self.scaled(path, inputs, scales);
                self.chain("Add", path, scaled);
            }
            Op::Multiply => self.chain("Mul", path, inputs),
            Op::Flatten => self.push("Flatten", path, inputs, vec![int("axis", 1)]),
            Op::Maximum => self.push("Max", path, inputs, vec![]),
            Op::ConvTranspose(conv) => {
                let attributes = vec![
                    ints("kernel_shape", size(conv.kernel)),
                    ints("strides", size(conv.stride)),
                    ints("pads", pads(conv.padding)),
                    ints("output_padding", size(conv.output_padding)),
                    ints("dilations", size(conv.dilation)),
                    int("group", i64::from(conv.groups)),
                ];
                self.layer("ConvTranspose", id, inputs, attributes)?;
            }
            Op::Norm(norm) => self.norm(id, norm, &inputs[0])?,
            Op::Prelu { .. } => self.prelu(id, inputs)?,
            Op::Scale(_) => self.scale(id, &inputs[0])?,
            Op::Rescale(rescale) => self.rescale(node, rescale, &inputs[0]),
            Op::Resize(resize) => self.resize(id, resize, &inputs[0]),
            Op::Rearrange(rearrange) => self.rearrange(id, rearrange, inputs),
            Op::Dropout { .. } | Op::DropPath { .. } => {
                return Err(ExportError::TrainingOnly(node.path.clone()));
            }
            Op::Softmax => self.push("Softmax", path, inputs, vec![int("axis", 1)]),
            Op::ChannelShuffle { groups } => self.shuffle(node, *groups, inputs),
        }
        if node.part != inceptive_ir::Part::Main {
            return Err(ExportError::TrainingOnly(node.path.clone()));
        }
        Ok(())
    }

    /// The results. An input cannot be one: not every reader takes a graph without nodes.
    fn outputs(&mut self) -> Vec<ValueInfoProto> {
        let graph = self.graph;
        graph.outputs().map(|id| self.output(id)).collect()
    }

    fn output(&mut self, id: NodeId) -> ValueInfoProto {
        let node = self.graph.node(id);
        if !matches!(node.op, Op::Input(_)) {
            return self.value(&node.path, node.shape);
        }
        let name = format!("{}{HELPER}output", node.path);
        self.push("Identity", &name, vec![node.path.to_string()], vec![]);
        self.value(&Path::new(&name), node.shape)
    }

    /// Adds a node that is named like its result.
    fn push(&mut self, op: &str, name: &str, input: Vec<String>, attribute: Vec<AttributeProto>) {
        self.out.node.push(NodeProto {
            input,
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: op.to_owned(),
            attribute,
            ..NodeProto::default()
        });
    }

    /// Adds a constant and returns its name.
    fn constant(&mut self, name: String, dims: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.initializer(name, dims, DataType::Float, Values::Bytes(bytes))
    }

    /// Adds a tensor of the weights and returns the name of its values in single precision. Operators that share one may
    /// need it with other dimensions.
    fn tensor(&mut self, name: String, dims: &[usize], values: &'w [f32]) -> String {
        let written = self.values(name, dims, values);
        let known = self.dims.entry(written.clone()).or_insert_with(|| dims.to_vec());
        if *known == *dims {
            return written;
        }
        let sizes: Vec<String> = dims.iter().map(usize::to_string).collect();
        let other = format!("{written}{HELPER}{}", sizes.join("x"));
        if self.written.insert(other.clone()) {
            #[expect(clippy::cast_possible_wrap, reason = "dimensions are below 2^48")]
            let dims: Vec<i64> = dims.iter().map(|&dim| dim as i64).collect();
            let shape = self.integers(format!("{other}{HELPER}shape"), &dims);
            self.push("Reshape", &other, vec![written, shape], vec![]);
        }
        other
    }

    /// Adds a tensor in the precision of the file and returns the name of its values in single precision.
    fn values(&mut self, name: String, dims: &[usize], values: &'w [f32]) -> String {
        let (kind, values) = match self.options.weights {
            WeightType::Float32 => return self.statistics(name, dims, values),
            WeightType::Float16 => (DataType::Float16, Values::Halves(values)),
            WeightType::Float64 => (DataType::Double, Values::Doubles(values)),
        };
        let kept = self.initializer(name, dims, kind, values);
        let single = format!("{kept}{HELPER}float");
        if self.written.insert(single.clone()) {
            let to = int("to", i64::from(i32::from(DataType::Float)));
            self.push("Cast", &single, vec![kept], vec![to]);
        }
        single
    }

    /// Adds a tensor in single precision and returns its name.
    fn statistics(&mut self, name: String, dims: &[usize], values: &'w [f32]) -> String {
        self.initializer(name, dims, DataType::Float, Values::Floats(values))
    }

    /// Adds a constant vector of integers and returns its name.
    fn integers(&mut self, name: String, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.initializer(name, &[values.len()], DataType::Int64, Values::Bytes(bytes))
    }

    fn initializer(
        &mut self,
        mut name: String,
        dims: &[usize],
        kind: DataType,
        values: Values<'w>,
    ) -> String {
        if self.paths.contains(name.as_str()) {
            name.push(HELPER);
        }
        // A tensor that several nodes share is written once.
        if !self.written.insert(name.clone()) {
            return name;
        }
        #[expect(clippy::cast_possible_wrap, reason = "dimensions are below 2^48")]
        let dims = dims.iter().map(|&dim| dim as i64).collect();
        self.constants.push(Initializer { name: name.clone(), dims, kind, values });
        name
    }

    /// A convolution or linear layer with its weights.
    fn layer(
        &mut self,
        op: &str,
        id: NodeId,
        mut inputs: Vec<String>,
        attributes: Vec<AttributeProto>,
    ) -> Result<(), ExportError> {
        for slot in node_slots(self.graph, id) {
            let values = self.weights.get(&slot.path, slot.role)?;
            inputs.push(self.tensor(slot.to_string(), &slot.shape, values));
        }
        let path = self.graph.node(id).path.clone();
        self.push(op, path.as_str(), inputs, attributes);
        Ok(())
    }

    fn batch_norm(
        &mut self,
        id: NodeId,
        mut inputs: Vec<String>,
        eps: f32,
    ) -> Result<(), ExportError> {
        let node = self.graph.node(id);
        let learned = node_slots(self.graph, id);
        let channels = node.shape.channels() as usize;
        for (role, absent) in
            [(Role::Weight, 1.0), (Role::Bias, 0.0), (Role::Mean, 0.0), (Role::Variance, 1.0)]
        {
            inputs.push(if learned.iter().any(|slot| slot.role == role) {
                let values = self.weights.of(node, role)?;
                let name = format!("{}.{role}", node.tensor_path(role));
                match role {
                    Role::Mean | Role::Variance => self.statistics(name, &[channels], values),
                    Role::Weight | Role::Bias => self.tensor(name, &[channels], values),
                }
            } else {
                let name = absent_name(node.path.as_str(), role);
                self.constant(name, &[channels], &vec![absent; channels])
            });
        }
        self.push("BatchNormalization", node.path.as_str(), inputs, vec![float("epsilon", eps)]);
        Ok(())
    }

    /// `x * (k + alpha * mean(x^2)) ^ -beta`, where the mean is over neighbouring channels and counts those
    /// outside as zeros: average pooling down the channels, once height and width are one dimension.
    fn lrn(&mut self, node: &Node, lrn: Lrn, input: &str) {
        let path = node.path.as_str();
        let name = |step: &str| format!("{path}{HELPER}{step}");
        let (channels, size) = (i64::from(node.shape.channels()), node.shape.size());
        let (before, after) = (i64::from((lrn.size - 1) / 2), i64::from(lrn.size / 2));
        let shapes = [
            ("flat", [0, 1, channels, i64::from(size.height) * i64::from(size.width)]),
            ("map", [0, channels, i64::from(size.height), i64::from(size.width)]),
        ];
        let [flat, map] =
            shapes.map(|(step, shape)| self.integers(format!("{path}.{step}"), &shape));
        let numbers = [("alpha", lrn.alpha), ("k", lrn.k), ("beta", -lrn.beta)];
        let [alpha, k, beta] =
            numbers.map(|(step, value)| self.constant(format!("{path}.{step}"), &[], &[value]));
        let window = vec![
            ints("kernel_shape", vec![i64::from(lrn.size), 1]),
            ints("strides", vec![1, 1]),
            ints("pads", vec![before, 0, after, 0]),
            int("count_include_pad", 1),
        ];
        self.push("Mul", &name("square"), vec![input.to_owned(); 2], vec![]);
        self.push("Reshape", &name("flat"), vec![name("square"), flat], vec![]);
        self.push("AveragePool", &name("mean"), vec![name("flat")], window);
        self.push("Reshape", &name("map"), vec![name("mean"), map], vec![]);
        self.push("Mul", &name("scaled"), vec![name("map"), alpha], vec![]);
        self.push("Add", &name("sum"), vec![name("scaled"), k], vec![]);
        self.push("Pow", &name("factor"), vec![name("sum"), beta], vec![]);
        self.push("Mul", path, vec![input.to_owned(), name("factor")], vec![]);
    }

    fn activation(&mut self, activation: Activation, path: &str, mut inputs: Vec<String>) {
        match activation {
            Activation::Relu => self.push("Relu", path, inputs, vec![]),
            Activation::Relu6 => {
                inputs.push(self.constant(format!("{path}.min"), &[], &[0.0]));
                inputs.push(self.constant(format!("{path}.max"), &[], &[6.0]));
                self.push("Clip", path, inputs, vec![]);
            }
            Activation::Sigmoid => self.push("Sigmoid", path, inputs, vec![]),
            Activation::Silu => {
                let gate = format!("{path}$sigmoid");
                self.push("Sigmoid", &gate, inputs.clone(), vec![]);
                inputs.push(gate);
                self.push("Mul", path, inputs, vec![]);
            }
            Activation::HardSigmoid => self.push("HardSigmoid", path, inputs, hard_sigmoid()),
            Activation::HardSwish => self.push("HardSwish", path, inputs, vec![]),
            Activation::LeakyRelu { slope } => {
                self.push("LeakyRelu", path, inputs, vec![float("alpha", slope)]);
            }
            Activation::Elu { alpha } => {
                self.push("Elu", path, inputs, vec![float("alpha", alpha)]);
            }
            Activation::Selu => self.push("Selu", path, inputs, vec![]),
            Activation::Tanh => self.push("Tanh", path, inputs, vec![]),
            Activation::Softplus => self.push("Softplus", path, inputs, vec![]),
            Activation::Clip { low, high } => {
                inputs.push(self.constant(format!("{path}.min"), &[], &[low]));
                inputs.push(self.constant(format!("{path}.max"), &[], &[high]));
                self.push("Clip", path, inputs, vec![]);
            }
            Activation::Gelu => self.gelu(path, &inputs[0], false),
            Activation::GeluTanh => self.gelu(path, &inputs[0], true),
            Activation::Mish => self.mish(path, inputs),
        }
    }

    /// Rounding up is written as the padding that it amounts to: engines disagree on a last window that would
    /// start in the padding. Padded places never enter a maximum, nor an average over real values only.
    fn pool(&mut self, pool: Pool, id: NodeId, path: &str, mut inputs: Vec<String>) {
        let (from, to) = (self.graph.input_shapes(id)[0].size(), self.graph.node(id).shape.size());
        let Pool { kind, kernel, stride, dilation, padding, ceil: _, count_include_pad } = pool;
        let grown = pool.whole_padding(from, to);
        let counts_padding = count_include_pad && padding != Padding::NONE;
        let (mut padding, ceil) =
            if counts_padding { (padding, grown != padding) } else { (grown, false) };
        // ONNX Runtime compares padding with the kernel as it is before it is dilated.
        let is_wide = padding.top.max(padding.bottom) >= kernel.height
            || padding.left.max(padding.right) >= kernel.width;
        if kind == PoolKind::Max && padding != Padding::NONE && is_wide {
            let mode = PadMode::Constant(f32::NEG_INFINITY);
            let padded = format!("{path}{HELPER}padded");
            self.pad(&padded, padding, mode, inputs);
            inputs = vec![padded];
            padding = Padding::NONE;
        }
        let mut attributes = vec![
            ints("kernel_shape", size(kernel)),
            ints("strides", size(stride)),
            ints("pads", pads(padding)),
        ];
        if ceil {
            attributes.push(int("ceil_mode", 1));
        }
        if dilation != Size::square(1) {
            attributes.push(ints("dilations", size(dilation)));
        }
        let op = match kind {
            PoolKind::Max => "MaxPool",
            PoolKind::L2 => {
                attributes.push(int("p", 2));
                "LpPool"
            }
            PoolKind::Average => {
                attributes.push(int("count_include_pad", i64::from(counts_padding)));
                "AveragePool"
            }
        };
        self.push(op, path, inputs, attributes);
    }

    /// ONNX has no adaptive pooling. Where the grid divides the map it is plain pooling, told apart by having no
    /// `pads`; else windows overlap,
    /// and the averages over rows and columns are two products with constant matrices.
    fn adaptive(&mut self, id: NodeId, output: Size, path: &str, inputs: &[String]) {
        let from = self.graph.input_shapes(id)[0].size();
        if is_plain(from, output) {
            let kernel = Size::new(from.height / output.height, from.width / output.width);
            let attributes =
                vec![ints("kernel_shape", size(kernel)), ints("strides", size(kernel))];
            return self.push("AveragePool", path, inputs.to_vec(), attributes);
        }
        let rows = averages(from.height, output.height);
        let columns = averages_across(from.width, output.width);
        let row_dims = [output.height as usize, from.height as usize];
        let column_dims = [from.width as usize, output.width as usize];
        let rows = self.constant(format!("{path}.rows"), &row_dims, &rows);
        let columns = self.constant(format!("{path}.columns"), &column_dims, &columns);
        let by_row = format!("{path}$rows");
        self.push("MatMul", &by_row, vec![rows, inputs[0].clone()], vec![]);
        self.push("MatMul", path, vec![by_row, columns], vec![]);
    }

    /// The inputs of a sum, those with a factor multiplied by it.
    fn scaled(&mut self, path: &str, inputs: Vec<String>, scales: &[f32]) -> Vec<String> {
        let mut scaled = Vec::with_capacity(inputs.len());
        for (position, (input, &scale)) in inputs.into_iter().zip(scales).enumerate() {
            if scale == 1.0 {
                scaled.push(input);
                continue;
            }
            let name = format!("{path}$scale{position}");
            let factor = self.constant(format!("{path}.scale{position}"), &[], &[scale]);
            self.push("Mul", &name, vec![input, factor], vec![]);
            scaled.push(name);
        }
        scaled
    }

    /// A sum or product of any number of inputs, two at a time.
    fn chain(&mut self, op: &str, path: &str, inputs: Vec<String>) {
        let last = inputs.len() - 1;
        let mut inputs = inputs.into_iter();
        let Some(mut left) = inputs.next() else { return };
        for (position, right) in (1..).zip(inputs) {
            let name =
                if position == last { path.to_owned() } else { format!("{path}${position}") };
            self.push(op, &name, vec![left, right], vec![]);
            left = name;
        }
    }

    fn shuffle(&mut self, node: &Node, groups: u32, mut inputs: Vec<String>) {
        let path = node.path.as_str();
        let (channels, size) = (i64::from(node.shape.channels()), node.shape.size());
        let (height, width, groups) =
            (i64::from(size.height), i64::from(size.width), i64::from(groups));
        // 0 keeps the batch as it is.
        let split = [0, groups, channels / groups, height, width];
        inputs.push(self.integers(format!("{path}.split"), &split));
        self.push("Reshape", &format!("{path}$split"), inputs, vec![]);
        let split = vec![format!("{path}$split")];
        self.push(
            "Transpose",
            &format!("{path}$swap"),
            split,
            vec![ints("perm", vec![0, 2, 1, 3, 4])],
        );
        let joined = self.integers(format!("{path}.join"), &[0, channels, height, width]);
        self.push("Reshape", path, vec![format!("{path}$swap"), joined], vec![]);
    }

    /// Name and type of a value.
    fn value(&self, path: &Path, shape: Shape) -> ValueInfoProto {
        let number =
            |value: u32| DimensionProto { dim_value: Some(i64::from(value)), dim_param: None };
        let batch = match self.options.batch {
            Batch::Fixed(batch) => number(batch),
            Batch::Dynamic => DimensionProto { dim_value: None, dim_param: Some(BATCH.to_owned()) },
        };
        let mut dim = vec![batch, number(shape.channels())];
        if let Shape::Map { size, .. } = shape {
            dim.extend([number(size.height), number(size.width)]);
        }
        let shape = Some(TensorShapeProto { dim });
        let tensor_type = Some(TensorTypeProto { elem_type: DataType::Float.into(), shape });
        ValueInfoProto { name: path.to_string(), r#type: Some(TypeProto { tensor_type }) }
    }
}

/// The name of a constant in place of a tensor that a normalisation does not have. ONNX has no such normalisation; the
/// name tells the constant apart from a learned one.
pub(crate) fn absent_name(path: &str, role: Role) -> String {
    format!("{path}{HELPER}{role}")
}

/// `relu6(x + 3) / 6` in ONNX's terms, `clamp(alpha * x + beta, 0, 1)`.
fn hard_sigmoid() -> Vec<AttributeProto> {
    vec![float("alpha", 1.0 / 6.0), float("beta", 0.5)]
}

/// The matrix, `to` x `from` and row-major, that averages `from` values over `to` windows, window `i` from
/// `floor(i * from / to)` to `ceil((i + 1) * from / to)`.
pub(crate) fn averages(from: u32, to: u32) -> Vec<f32> {
    averaging(from, to, |window, value| window * from as usize + value)
}

/// The same, transposed.
pub(crate) fn averages_across(from: u32, to: u32) -> Vec<f32> {
    averaging(from, to, |window, value| value * to as usize + window)
}

/// The shares of values in windows, each at its place.
fn averaging(from: u32, to: u32, place: impl Fn(usize, usize) -> usize) -> Vec<f32> {
    let (from, to) = (from as usize, to as usize);
    let mut matrix = vec![0.0; from * to];
    for window in 0..to {
        let (start, end) = (window * from / to, ((window + 1) * from).div_ceil(to));
        #[expect(clippy::cast_precision_loss, reason = "a window is shorter than 2^24")]
        let share = 1.0 / (end - start) as f32;
        for value in start..end {
            matrix[place(window, value)] = share;
        }
    }
    matrix
}
