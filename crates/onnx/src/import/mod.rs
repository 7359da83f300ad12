//! Reads ONNX files as graphs.
//!
//! Nodes are read in the order of the file. Constant expressions are evaluated; groups of ONNX operators that stand for
//! one of ours become that one (`Mul` by a `Sigmoid` is SiLU, two `Reshape`s around a `Transpose` are a channel
//! shuffle); every other operator becomes one node. Unsupported operators are collected, and reported together.

mod as_map;
mod attribute;
mod beside;
mod census;
mod computation;
mod constant;
mod error;
mod finish;
mod fold;
mod format;
mod function;
mod image;
mod importer;
mod integers;
mod layout;
mod math;
mod name;
mod operator;
mod order;
mod origin;
mod outline;
mod reduce;
mod source;
mod values;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use inceptive_ir::{Graph, Op, Path, Role};
use prost::{Message, bytes::Bytes};

use crate::proto::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto};
use inceptive_weights::Weights;

pub use beside::files_beside;
pub use constant::Constant;
pub use error::{ImportError, Refusals, ValuesError};
pub use image::{InputSize, OpenSides};
pub use origin::{ModelInfo, OriginalNode, OriginalValue};
pub use source::Source;

use computation::{Computations, Recipe};
use error::{Node, UnsupportedOp, short};
use format::other_format;
use image::{Dims, Image};
use importer::{Draft, Importer, LayersBehind, Value, Waiting};
use integers::Integers;
use operator::is_standard;
use outline::{OutlineError, outline};
use source::Stored;

/// What is asked of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// The size of the input, where the file leaves it open.
    pub size: Option<InputSize>,
    /// Whether a file that cannot be read as a whole is read up to what is not supported, wherever that is.
    pub cut: bool,
}

/// An output of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOutput {
    /// The name of the value in the file.
    pub name: String,
    /// The node that computes it.
    pub path: Path,
}

/// A network that was read from an ONNX file.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The graph's name in the file; may be empty.
    pub name: String,
    /// The program that wrote the file.
    pub producer: String,
    /// The version of the operator set that it uses.
    pub opset: i64,
    /// The network.
    pub graph: Graph,
    /// The network's outputs, the first one first.
    pub outputs: Vec<ReadOutput>,
    /// What is otherwise here than in the file, in sentences.
    pub remarks: Vec<String>,
    /// Names of tensors that the network has more than once, because its layers use them in several roles or shapes.
    pub counted_again: BTreeSet<Arc<str>>,
    /// What the file says about itself and its nodes.
    pub info: ModelInfo,
    tensors: Vec<(Path, Role, Constant)>,
    stored: Arc<Stored>,
    beside: BTreeSet<String>,
}

impl Imported {
    /// Names of files in the model's folder that hold values of its tensors, also of those that the network does not
    /// have.
    pub fn files_beside(&self) -> impl Iterator<Item = &str> {
        self.beside.iter().map(String::as_str)
    }

    /// The weights, from the model and from the files beside it.
    ///
    /// # Errors
    /// When one of these files cannot be read, or is too short.
    pub fn weights(&self) -> Result<Weights, ValuesError> {
        let mut weights = Weights::default();
        for (path, role, tensor) in &self.tensors {
            let values = tensor.floats();
            if let Some(unread) = self.stored.error() {
                return Err(ValuesError::new(unread, path));
            }
            let too_short =
                || ValuesError::TooShort { location: "the file".to_owned(), path: path.clone() };
            weights.set(path.clone(), *role, values.ok_or_else(too_short)?);
        }
        Ok(weights)
    }
}

/// Reads a network from the bytes of an ONNX file. The first input that is not an initializer is the image; nodes that lead
/// to no output are left out.
///
/// # Errors
/// When it is not an ONNX file, or has operators that are not supported.
pub fn from_onnx(bytes: impl Into<Bytes>) -> Result<Imported, ImportError> {
    from_onnx_with(bytes, ReadOptions::default())
}

/// Reads a network as [`from_onnx`] does, with what is asked of it.
///
/// # Errors
/// As there.
pub fn from_onnx_with(
    bytes: impl Into<Bytes>,
    options: ReadOptions,
) -> Result<Imported, ImportError> {
    read_onnx(Arc::new(bytes.into()), options)
}

/// Reads a network as [`from_onnx_with`] does, from a source whose large tensors are read when their values are asked
/// for. The network keeps the source for them.
///
/// # Errors
/// As there, and when the source cannot be read.
pub fn read_onnx(source: Arc<dyn Source>, options: ReadOptions) -> Result<Imported, ImportError> {
    let bytes = source.bytes();
    if bytes == 0 {
        return Err(ImportError::NoBytes);
    }
    let start = source.read(0..bytes.min(FIRST_BYTES)).map_err(ImportError::Read)?;
    if let Some(other) = other_format(&start) {
        return Err(ImportError::Format(other));
    }
    let outline = outline(source.as_ref()).map_err(|error| match error {
        OutlineError::Broken => NO_MODEL,
        OutlineError::CutOff => ImportError::CutOff,
        OutlineError::Read(error) => ImportError::Read(error),
    })?;
    census::check(&outline)?;
    let beside = beside::named_files(&outline);
    let mut model = ModelProto::decode(Bytes::from(outline)).map_err(|_| NO_MODEL)?;
    let size = usize::try_from(bytes).unwrap_or(usize::MAX);
    let stored = Arc::new(Stored::new(source));
    let mut file = model.graph.take().ok_or(ImportError::Empty)?;
    function::inline(&mut file, &std::mem::take(&mut model.functions), size)?;
    let is_ours = model.producer_name == crate::PRODUCER;
    let opset = opset(&model.opset_import)?;
    check_names(&file)?;
    order::sort(&mut file)?;
    let live = live_nodes(&file)?;
    let asked = Asked { opset, is_ours, size, options };
    let (mut importer, image) = Importer::new(&file, &live, asked, Arc::clone(&stored))?;
    for (place, node) in live.iter().enumerate() {
        importer.node(place, node);
    }
    let imported = importer.finish(model, &file, &live, image, beside);
    // What could not be read may have been taken for something else that is wrong.
    match stored.error() {
        Some(unread) => Err(unread.into()),
        None => imported,
    }
}

/// What a file is whose bytes are no protocol buffer.
const NO_MODEL: ImportError = ImportError::Format(
    "something else; export the network as ONNX, or, if the file is YAML, end its name in `.yaml`",
);

/// How many bytes say what a file is.
const FIRST_BYTES: u64 = 4096;

/// What is known of a file before its nodes are read.
#[derive(Clone, Copy)]
struct Asked {
    opset: i64,
    is_ours: bool,
    /// Bytes of the file.
    size: usize,
    options: ReadOptions,
}

/// The version of the standard operator set.
fn opset(imported: &[OperatorSetIdProto]) -> Result<i64, ImportError> {
    let standard = imported.iter().filter(|set| is_standard(&set.domain));
    let mut versions = standard.map(|set| set.version);
    let first = versions.next().unwrap_or(1);
    match versions.find(|&other| other != first) {
        None => Ok(first),
        Some(second) => Err(ImportError::Opsets { first, second }),
    }
}

const A_RESULT: &str = "the result of a node";

/// Checks that no two values have the same name (ONNX, section Names Within a Graph). An input may have an initializer,
/// its default.
fn check_names(file: &GraphProto) -> Result<(), ImportError> {
    let initializers = file.initializer.iter().map(|tensor| (&tensor.name, "an initializer"));
    let outputs = file.node.iter().flat_map(|node| &node.output).map(|name| (name, A_RESULT));
    let mut known: HashMap<&str, &'static str> = HashMap::new();
    for (name, what) in initializers.chain(outputs).filter(|(name, _)| !name.is_empty()) {
        if let Some(first) = known.insert(name, what) {
            return Err(ImportError::SameName { name: name.clone(), first, second: what });
        }
    }
    let is_computed = |name: &str| known.get(name) == Some(&A_RESULT);
    match file.input.iter().find(|input| is_computed(&input.name)) {
        None => Ok(()),
        Some(ValueInfoProto { name, .. }) => {
            Err(ImportError::SameName { name: name.clone(), first: "an input", second: A_RESULT })
        }
    }
}

/// The nodes that an output depends on, in the order of the file.
fn live_nodes(file: &GraphProto) -> Result<Vec<&NodeProto>, ImportError> {
    if file.output.is_empty() {
        return Err(ImportError::NoOutput(file.name.clone()));
    }
    let mut wanted: HashSet<&str> = file.output.iter().map(|output| output.name.as_str()).collect();
    let mut live = Vec::new();
    for node in file.node.iter().rev() {
        if node.output.iter().any(|output| !output.is_empty() && wanted.contains(output.as_str())) {
            wanted.extend(node.input.iter().map(String::as_str));
            live.push(node);
        }
    }
    live.reverse();
    Ok(live)
}

impl Importer {
    fn new(
        file: &GraphProto,
        live: &[&NodeProto],
        asked: Asked,
        stored: Arc<Stored>,
    ) -> Result<(Self, Image), ImportError> {
        let Asked { opset, is_ours, size, options } = asked;
        let mut reads: HashMap<String, usize> = HashMap::new();
        for node in live {
            for (position, name) in node.input.iter().enumerate() {
                let reads_values = operator::reads_values(node, position);
                *reads.entry(name.clone()).or_default() += usize::from(reads_values);
            }
        }
        for output in &file.output {
            *reads.entry(output.name.clone()).or_default() += 1;
        }
        let initializers = file.initializer.iter().map(|tensor| tensor.name.clone()).collect();
        let mut importer = Self {
            drafts: Vec::new(),
            values: HashMap::new(),
            maths: Vec::new(),
            waiting: HashMap::new(),
            makers: HashMap::new(),
            reads,
            partial_sum: None,
            computations: Computations::new(
                size,
                integers::quantised_bytes(file),
                Arc::clone(&stored),
            ),
            refusals: Refusals::default(),
            cuts: BTreeMap::new(),
            layers_behind: LayersBehind::default(),
            sequences: HashSet::new(),
            unknown_constants: HashSet::new(),
            cut: options.cut,
            quantised: 0,
            halved: 0,
            integers: Integers::new(file, live),
            unscaled: HashSet::new(),
            initializers,
            stored,
            opset,
            batch: 1,
            input: String::new(),
            first_output: file.output.first().map(|output| output.name.clone()).unwrap_or_default(),
            is_ours,
            keeps_order: is_ours,
        };
        for tensor in &file.initializer {
            let value = match Constant::read(tensor, &importer.stored) {
                Ok(constant) => Value::Constant(constant.named(&tensor.name)),
                Err(refusal) => {
                    if importer.reads.contains_key(&tensor.name) {
                        importer.refusals.add("initializer", &tensor.name, &refusal);
                    }
                    Value::Unknown
                }
            };
            importer.values.insert(tensor.name.clone(), value);
        }
        let is_read = |input: &&ValueInfoProto| {
            importer.reads.contains_key(&input.name) && !importer.values.contains_key(&input.name)
        };
        let mut images = file.input.iter().filter(is_read);
        let first = images.next();
        let first = first.ok_or_else(|| ImportError::Input("the graph has no input".to_owned()))?;
        if let Some(second) = images.next() {
            return Err(ImportError::Inputs {
                first: described_input(first),
                second: described_input(second),
                more: images.count(),
            });
        }
        let image = Image::new(first, file, live, options.size)?;
        importer.batch = image.batch;
        importer.input = first.name.clone();
        importer.keeps_order |= image::is_worked_on_last(&first.name, live);
        let (op, path, shape) = (Op::Input(image.shape), "input".to_owned(), image.shape);
        let (inputs, tensors, origins) = (Vec::new(), Vec::new(), Vec::new());
        let is_read_again = true;
        importer.drafts.push(Draft { op, path, inputs, shape, tensors, is_read_again, origins });
        let value = importer.viewed(0, image.layout.clone());
        importer.values.insert(first.name.clone(), value);
        Ok((importer, image))
    }

    /// Reads one node; an unsupported node is recorded, and nodes that depend on it are skipped. `place` is its place
    /// among those that are read.
    fn node(&mut self, place: usize, node: &NodeProto) {
        let is_unknown = |input: &String| matches!(self.values.get(input), Some(Value::Unknown));
        let depends_on_unknown = node.input.iter().any(is_unknown);
        let recipe = self.recipe(node);
        let read = if depends_on_unknown {
            if !operator::is_known(node) {
                self.refuse_operator(node, &UnsupportedOp::UNKNOWN);
            }
            None
        } else {
            self.operator_once(node, recipe.as_ref())
                .map_err(|refusal| self.refuse_operator(node, &refusal))
                .ok()
        };
        let values = read.unwrap_or_else(|| {
            self.cut_before(node);
            vec![Value::Unknown; node.output.len()]
        });
        for (position, (output, value)) in node.output.iter().zip(values).enumerate() {
            let value = self.with_name(value, node, (position, output), recipe.as_ref());
            self.keep_origin(place, node, output, &value);
            self.keep_maker(node, output, &value);
            let is_read_again = self.reads.get(output).is_some_and(|&reads| reads > 1);
            if let Some(draft) = value.draft().filter(|_| is_read_again) {
                self.drafts[draft].is_read_again = true;
            }
            self.values.insert(output.clone(), value);
        }
    }

    /// How a node computes constants, if it reads nothing else.
    fn recipe(&self, node: &NodeProto) -> Option<Recipe> {
        let constant = |name: &String| match self.values.get(name) {
            Some(Value::Constant(constant)) => Some(Some(constant)),
            _ => name.is_empty().then_some(None),
        };
        let inputs: Vec<Option<&Constant>> =
            node.input.iter().map(constant).collect::<Option<_>>()?;
        Recipe::of_node(node, inputs.into_iter())
    }

    /// The values that a node computes. The only constant of a node is computed once, however many nodes compute it.
    fn operator_once(
        &mut self,
        node: &NodeProto,
        recipe: Option<&Recipe>,
    ) -> Result<Vec<Value>, UnsupportedOp> {
        let known = recipe.filter(|_| node.output.len() == 1);
        match known.and_then(|recipe| self.computations.made(recipe, 0)) {
            Some(known) => Ok(vec![Value::Constant(known)]),
            None => self.operator(node),
        }
    }

    /// A new constant computed by a node gets the node's name, or that of the first node that computes the same of the same
    /// tensors. Copies by `Identity` count as new, because PyTorch's exporter writes equal weights of different layers that
    /// way. Changes of only type or dimensions do not.
    fn with_name(
        &mut self,
        value: Value,
        node: &NodeProto,
        (position, output): (usize, &str),
        recipe: Option<&Recipe>,
    ) -> Value {
        let is_copy = node.op_type == "Identity";
        let constant = match value {
            Value::Constant(constant) if is_copy || constant.origin().is_none() => constant,
            other => return other,
        };
        let Some(recipe) = recipe else { return Value::Constant(constant.named(output)) };
        let known = self.computations.made(recipe, position);
        Value::Constant(known.unwrap_or_else(|| {
            let constant = constant.named(output);
            self.computations.keep_made(recipe, position, &constant);
            constant
        }))
    }

    /// Records which node a node of the file became, or a part of which one. Nodes whose result is taken in by a later
    /// one, such as a padding before a convolution, wait for it.
    fn keep_origin(&mut self, place: usize, node: &NodeProto, output: &str, value: &Value) {
        let waiting = &mut self.waiting;
        let mut origins: Vec<usize> = Vec::new();
        for mut own in node.input.iter().filter_map(|name| waiting.remove(name)) {
            // The longest list stays where it is, so that chains take no longer than other nodes.
            if own.origins.len() > origins.len() {
                std::mem::swap(&mut origins, &mut own.origins);
            }
            origins.append(&mut own.origins);
        }
        origins.push(place);
        match value {
            Value::Node(draft) => {
                self.keep_layer(place, node, *draft);
                self.drafts[*draft].origins.append(&mut origins);
            }
            Value::Constant(_) | Value::Unknown => {}
            Value::View(..)
            | Value::Scaled(..)
            | Value::Padded(..)
            | Value::Expanded(..)
            | Value::Rows(..)
            | Value::NearestRows(..)
            | Value::Grouped(_)
            | Value::Math(_) => {
                let op = match value {
                    Value::Scaled(..) => "rescale",
                    Value::Padded(..) => "pad",
                    Value::Expanded(..) => "resize",
                    _ => "reshape",
                };
                let path = self.path(node, op, None);
                self.waiting.insert(output.to_owned(), Waiting { origins, path });
            }
        }
    }

    /// Records which node put a result into the order that it has, for the case that nothing can read it.
    fn keep_maker(&mut self, node: &NodeProto, output: &str, value: &Value) {
        if let Value::View(..) = value {
            let known = node.input.iter().find_map(|input| self.makers.get(input));
            let maker = match known.filter(|_| !operator::changes_dimensions(node)) {
                Some(maker) => maker.clone(),
                None => Node::new(node),
            };
            self.makers.insert(output.to_owned(), maker);
        }
    }

    fn refuse_operator(&mut self, node: &NodeProto, refusal: &UnsupportedOp) {
        let Node { op, name } = Node::new(node);
        self.refusals.add(&op, &name, refusal);
    }
}

/// The name of an input and its dimensions, as "`image`, 1 x 3 x 224 x 224".
fn described_input(input: &ValueInfoProto) -> String {
    let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let name = short(&input.name);
    match tensor.and_then(|tensor| tensor.shape.as_ref()) {
        None => format!("`{name}`"),
        Some(shape) if shape.dim.is_empty() => format!("`{name}`, one number"),
        Some(shape) => {
            let size = |value: i64| u32::try_from(value).ok();
            let dims: Vec<Option<u32>> =
                shape.dim.iter().map(|dim| dim.dim_value.and_then(size)).collect();
            format!("`{name}`, {}", Dims(&dims))
        }
    }
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod constructs;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod placed;
#[cfg(test)]
mod rounded;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::{
        AttributeProto, DimensionProto, TensorProto, TensorShapeProto, TensorTypeProto, TypeProto,
    };

    /// An input or a result, `1 x 3 x 8 x 8`.
    fn value(name: &str) -> ValueInfoProto {
        let dim = |dim| DimensionProto { dim_value: Some(dim), dim_param: None };
        let shape = TensorShapeProto { dim: [1, 3, 8, 8].map(dim).to_vec() };
        let tensor_type = Some(TensorTypeProto { elem_type: 1, shape: Some(shape) });
        ValueInfoProto { name: name.to_owned(), r#type: Some(TypeProto { tensor_type }) }
    }

    pub fn node(op: &str, inputs: &[&str], output: &str) -> NodeProto {
        NodeProto {
            op_type: op.to_owned(),
            input: inputs.iter().map(|&name| name.to_owned()).collect(),
            output: vec![output.to_owned()],
            ..NodeProto::default()
        }
    }

    fn ints(name: &str, values: &[i64]) -> TensorProto {
        TensorProto {
            name: name.to_owned(),
            dims: vec![i64::try_from(values.len()).unwrap()],
            data_type: crate::proto::DataType::Int64 as i32,
            int64_data: values.to_vec(),
            ..TensorProto::default()
        }
    }

    /// A graph from `x` to `y`.
    pub fn graph(node: Vec<NodeProto>, initializer: Vec<TensorProto>) -> GraphProto {
        let (input, output) = (vec![value("x")], vec![value("y")]);
        GraphProto { node, initializer, input, output, ..GraphProto::default() }
    }

    pub fn read(graph: GraphProto) -> Result<Imported, ImportError> {
        let opset_import = vec![OperatorSetIdProto { domain: String::new(), version: 17 }];
        let model = ModelProto { graph: Some(graph), opset_import, ..ModelProto::default() };
        from_onnx(model.encode_to_vec())
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let relu = |input, output| node("Relu", &[input], output);
        let cycle = vec![node("Add", &["x", "b"], "a"), relu("a", "b"), relu("b", "y")];
        let error = read(graph(cycle, vec![])).unwrap_err().to_string();
        let is_named = ["Add reads `b`", "Relu reads `a`"].iter().any(|what| error.contains(what));
        assert!(error.contains("cyclic") && is_named, "{error}");

        let mut integers = graph(vec![relu("x", "y")], vec![]);
        integers.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = 3;
        let error = read(integers).unwrap_err().to_string();
        assert!(error.contains("element type int8"), "{error}");

        let mut conv = node("Conv", &["x", "kernel"], "y");
        conv.attribute = vec![AttributeProto {
            name: "kernel_shape".to_owned(),
            ints: vec![5, 5],
            ..AttributeProto::default()
        }];
        let kernel = node("ConstantOfShape", &["shape"], "kernel");
        let network = graph(vec![kernel, conv], vec![ints("shape", &[8, 3, 3, 3])]);
        let error = read(network).unwrap_err().to_string();
        assert!(error.contains("kernel_shape that differs from its weight's"), "{error}");
    }

    fn attribute(name: &str, ints: &[i64], s: &'static str) -> AttributeProto {
        let (name, ints, s) = (name.to_owned(), ints.to_vec(), s.as_bytes().into());
        AttributeProto { name, ints, s, ..AttributeProto::default() }
    }

    /// On the 8 x 8 input, windows of one element and stride 5 end two before the last element, so that the padding would
    /// be negative at both sides.
    #[test]
    fn automatic_padding_that_is_negative_is_refused_where_programs_differ() {
        for auto in ["SAME_UPPER", "SAME_LOWER"] {
            let network = |stride, op| {
                let mut node = node(op, &["x", "kernel"], "y");
                node.attribute = vec![
                    attribute("auto_pad", &[], auto),
                    attribute("strides", &[1, stride], ""),
                    attribute("kernel_shape", &[1, 1], ""),
                    AttributeProto { i: 1, ..attribute("ceil_mode", &[], "") },
                ];
                let kernel = self::node("ConstantOfShape", &["shape"], "kernel");
                if op != "Conv" {
                    node.input.truncate(1);
                    return read(graph(vec![node], vec![]));
                }
                read(graph(vec![kernel, node], vec![ints("shape", &[4, 3, 1, 1])]))
            };
            for op in ["AveragePool", "MaxPool", "Conv"] {
                for (stride, width) in [(1, 8), (2, 4), (5, 2), (7, 2), (8, 1)] {
                    let expected = i64::from(width - 1) * stride + 1 >= 7;
                    match network(stride, op) {
                        Ok(imported) if expected => {
                            let graph = imported.graph;
                            assert_eq!(graph.node(graph.output()).shape.size().width, width);
                        }
                        Err(error) if !expected => {
                            let error = error.to_string();
                            assert!(error.contains("whose padding is negative"), "{error}");
                        }
                        other => panic!("{op} {auto} {stride}: {other:?}"),
                    }
                }
            }
        }
    }

    #[test]
    fn an_attribute_may_be_there_once() {
        let mut pool = node("MaxPool", &["x"], "y");
        let kernel = |size| attribute("kernel_shape", &[size, size], "");
        pool.attribute = vec![kernel(2), kernel(3)];
        let error = read(graph(vec![pool.clone()], vec![])).unwrap_err().to_string();
        assert!(error.contains("MaxPool") && error.contains("`kernel_shape` twice"), "{error}");
        pool.attribute.truncate(1);
        read(graph(vec![pool], vec![])).unwrap();
    }

    #[test]
    fn constants_of_one_number_are_as_large_as_a_file_at_most() {
        let network = |channels| {
            let kernel = node("ConstantOfShape", &["shape"], "kernel");
            let conv = node("Conv", &["x", "kernel"], "y");
            read(graph(vec![kernel, conv], vec![ints("shape", &[channels, 3, 3, 3])]))
        };
        assert_eq!(network(8).unwrap().graph.len(), 2);
        let error = network(1 << 28).unwrap_err().to_string();
        assert!(error.contains("a constant with more than 536870912 values"), "{error}");
    }
}
