//! Reads ONNX files as graphs.
//!
//! Nodes are read in the order of the file. Constant expressions are evaluated; groups of ONNX operators that stand for
//! one of ours become that one (`Mul` by a `Sigmoid` is SiLU, two `Reshape`s around a `Transpose` are a channel
//! shuffle); every other operator becomes one node. Unsupported operators are collected, and reported together.

mod attribute;
mod beside;
mod census;
mod computation;
mod constant;
mod error;
mod importer;
mod name;
mod operator;
mod origin;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry},
    fmt, io,
    ops::Range,
    sync::Arc,
};

use inceptive_ir::{Graph, NewNode, NodeParts, Op, Parts, Path, Role, Shape, Shared, passes};
use prost::{Message, bytes::Bytes};

use crate::proto::{GraphProto, ModelProto, NodeProto, OperatorSetIdProto, ValueInfoProto};
use inceptive_weights::Weights;

pub use beside::files_beside;
pub use constant::Constant;
pub use error::{ImportError, ValuesError};
pub use origin::{ModelInfo, OriginalNode, OriginalValue};

use computation::Computations;
use constant::{External, Origin};
use error::{UnsupportedOp, short};
use importer::{Draft, Importer, Value};
use name::Names;
use operator::is_standard;

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
    /// The name of the output that the network computes.
    pub output: String,
    /// The names of the file's other outputs, which the network does not have.
    pub left_out: Vec<String>,
    /// Names of tensors that the network has more than once, because its layers use them in several roles or shapes.
    pub counted_again: BTreeSet<Arc<str>>,
    /// What the file says about itself and its nodes.
    pub info: ModelInfo,
    tensors: Vec<(Path, Role, Constant)>,
    beside: BTreeSet<String>,
}

impl Imported {
    /// Names of files in the model's folder that hold values of its tensors, also of those that the network does not
    /// have.
    pub fn files_beside(&self) -> impl Iterator<Item = &str> {
        self.beside.iter().map(String::as_str)
    }

    /// The weights. `read` returns a part of a file beside the model, for external weights; fewer bytes if the file
    /// ends early.
    ///
    /// # Errors
    /// When such a file cannot be read or is too short.
    pub fn weights(
        &self,
        mut read: impl FnMut(&str, Range<u64>) -> io::Result<Vec<u8>>,
    ) -> Result<Weights, ValuesError> {
        let mut weights = Weights::default();
        for (path, role, tensor) in &self.tensors {
            let values = match tensor.external() {
                None => tensor.floats(),
                Some(External { location, range, .. }) => {
                    let error = |error| ValuesError::Read { location: location.clone(), error };
                    tensor.floats_from(&read(location, range.clone()).map_err(error)?)
                }
            };
            let location = || tensor.external().map_or("the file", |external| &external.location);
            let too_short =
                || ValuesError::TooShort { location: location().to_owned(), path: path.clone() };
            weights.set(path.clone(), *role, values.ok_or_else(too_short)?);
        }
        Ok(weights)
    }
}

/// Reads a network from the bytes of an ONNX file. The first input that is not an initializer is the image, the first
/// output is the network's output; nodes that do not lead to it are left out.
///
/// # Errors
/// When it is not an ONNX file, or has operators that are not supported.
pub fn from_onnx(bytes: impl Into<Bytes>) -> Result<Imported, ImportError> {
    let bytes = bytes.into();
    if bytes.is_empty() {
        return Err(ImportError::NoBytes);
    }
    census::check(&bytes)?;
    let (size, beside) = (bytes.len(), files_beside(&bytes));
    let mut model = ModelProto::decode(bytes).map_err(|_| ImportError::Format)?;
    let file = model.graph.take().ok_or(ImportError::Empty)?;
    let is_ours = model.producer_name == crate::PRODUCER;
    let opset = opset(&model.opset_import)?;
    check_names(&file)?;
    check_order(&file)?;
    let live = live_nodes(&file)?;
    let mut importer = Importer::new(&file, &live, opset, is_ours, size)?;
    for (place, node) in live.iter().enumerate() {
        importer.node(place, node);
    }
    let info = ModelInfo::new(&model, &file, &live, &importer.drafts);
    importer.finish(&file, info, model.producer_name, beside)
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

/// Checks that no node reads its own output or that of a later node, as in a cycle. The specification requires nodes in
/// order (ONNX, section Graphs).
fn check_order(file: &GraphProto) -> Result<(), ImportError> {
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (place, node) in file.node.iter().enumerate() {
        places.extend(node.output.iter().map(|output| (output.as_str(), place)));
    }
    for (place, node) in file.node.iter().enumerate() {
        let is_early = |name: &&String| places.get(name.as_str()).is_some_and(|&at| at >= place);
        let mut inputs = node.input.iter().filter(|name| !name.is_empty());
        if let Some(input) = inputs.find(is_early) {
            return Err(ImportError::Order { op: node.op_type.clone(), input: input.clone() });
        }
    }
    Ok(())
}

/// The nodes that the first output depends on, in the order of the file.
fn live_nodes(file: &GraphProto) -> Result<Vec<&NodeProto>, ImportError> {
    let result = file.output.first().ok_or(ImportError::NoOutput)?;
    let mut wanted: HashSet<&str> = HashSet::from([result.name.as_str()]);
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
        opset: i64,
        is_ours: bool,
        file_bytes: usize,
    ) -> Result<Self, ImportError> {
        let mut reads: HashMap<String, usize> = HashMap::new();
        for node in live {
            for (position, name) in node.input.iter().enumerate() {
                let reads_values = operator::reads_values(node, position);
                *reads.entry(name.clone()).or_default() += usize::from(reads_values);
            }
        }
        // The network has no other output.
        for output in file.output.iter().take(1) {
            *reads.entry(output.name.clone()).or_default() += 1;
        }
        let mut importer = Self {
            drafts: Vec::new(),
            values: HashMap::new(),
            waiting: HashMap::new(),
            reads,
            names: Names::default(),
            partial_sum: None,
            computations: Computations::new(file_bytes),
            unsupported: BTreeMap::new(),
            opset,
            batch: 1,
            is_ours,
        };
        for tensor in &file.initializer {
            let value = match Constant::read(tensor) {
                Ok(constant) => Value::Constant(constant.named(&tensor.name)),
                Err(refusal) => {
                    if importer.reads.contains_key(&tensor.name) {
                        importer.refuse("initializer", &refusal);
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
        let image =
            images.next().ok_or_else(|| ImportError::Input("the graph has no input".to_owned()))?;
        if let Some(second) = images.next() {
            let (first, second) = (short(&image.name), short(&second.name));
            let message = format!(
                "the graph has several inputs (`{first}`, `{second}`); only one is supported"
            );
            return Err(ImportError::Input(message));
        }
        let (batch, shape) = image_shape(image)?;
        importer.batch = batch.unwrap_or(1);
        let path = importer.names.unique("input", "input");
        let (inputs, tensors, origins) = (Vec::new(), Vec::new(), Vec::new());
        let (op, is_read_again) = (Op::Input(shape), true);
        importer.drafts.push(Draft { op, path, inputs, shape, tensors, is_read_again, origins });
        importer.values.insert(image.name.clone(), Value::Node(0));
        Ok(importer)
    }

    /// Reads one node; an unsupported node is recorded, and nodes that depend on it are skipped. `place` is its place
    /// among those that are read.
    fn node(&mut self, place: usize, node: &NodeProto) {
        let depends_on_unknown =
            node.input.iter().any(|input| matches!(self.values.get(input), Some(Value::Unknown)));
        let value = if depends_on_unknown {
            if !operator::is_known(node) {
                self.refuse_operator(node, &UnsupportedOp::UNKNOWN);
            }
            Value::Unknown
        } else {
            self.operator(node).unwrap_or_else(|refusal| {
                self.refuse_operator(node, &refusal);
                Value::Unknown
            })
        };
        if let Some(output) = node.output.first() {
            let value = named(value, node, output);
            self.keep_origin(place, node, output, &value);
            let is_read_again = self.reads.get(output).is_some_and(|&reads| reads > 1);
            if let Some(draft) = value.draft().filter(|_| is_read_again) {
                self.drafts[draft].is_read_again = true;
            }
            self.values.insert(output.clone(), value);
        }
    }

    /// Records which node a node of the file became, or a part of which one. Nodes whose result is taken in by a later
    /// one, such as a padding before a convolution, wait for it.
    fn keep_origin(&mut self, place: usize, node: &NodeProto, output: &str, value: &Value) {
        let waiting = &mut self.waiting;
        let mut origins: Vec<usize> =
            node.input.iter().filter_map(|name| waiting.remove(name)).flatten().collect();
        origins.push(place);
        match value {
            Value::Node(draft) => self.drafts[*draft].origins.append(&mut origins),
            Value::Constant(_) | Value::Unknown => {}
            Value::Scaled(..)
            | Value::Padded(..)
            | Value::Split(..)
            | Value::Swapped(..)
            | Value::Rows(..) => {
                self.waiting.insert(output.to_owned(), origins);
            }
        }
    }

    fn refuse_operator(&mut self, node: &NodeProto, refusal: &UnsupportedOp) {
        let dot = if node.domain.is_empty() { "" } else { "." };
        self.refuse(&format!("{}{dot}{}", node.domain, node.op_type), refusal);
    }

    fn refuse(&mut self, what: &str, refusal: &UnsupportedOp) {
        let key = match &refusal.0 {
            None => what.to_owned(),
            Some(reason) => format!("{what}: {reason}"),
        };
        *self.unsupported.entry(key).or_default() += 1;
    }

    fn finish(
        self,
        file: &GraphProto,
        info: ModelInfo,
        producer: String,
        beside: BTreeSet<String>,
    ) -> Result<Imported, ImportError> {
        if let Some(limit) = self.computations.exceeded() {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(ImportError::TooMuch { what: "bytes of computed constants", limit });
        }
        let result = file.output.first().and_then(|output| self.values.get(&output.name));
        let mut unsupported = self.unsupported;
        let output = match result {
            Some(Value::Node(output)) => *output,
            Some(Value::Unknown) if !unsupported.is_empty() => 0,
            Some(Value::Constant(_)) | None => {
                let name = file.output.first().map(|output| output.name.clone());
                return Err(name.map_or(ImportError::NoOutput, ImportError::Result));
            }
            Some(_) => {
                unsupported.insert("a scaled, padded or permuted result".to_owned(), 1);
                0
            }
        };
        if !unsupported.is_empty() {
            return Err(ImportError::Unsupported(unsupported));
        }
        let mut nodes = Vec::with_capacity(self.drafts.len());
        let mut tensors = Vec::new();
        let mut owners = Owners::default();
        for draft in self.drafts {
            let path = Path::new(&draft.path);
            let mut shared = Vec::new();
            for (role, tensor) in draft.tensors {
                match owners.owner(&path, role, &tensor) {
                    Some(owner) => shared.push((role, owner)),
                    None => tensors.push((path.clone(), role, tensor)),
                }
            }
            let node = NewNode { shared: Shared::new(shared), ..NewNode::new(draft.op, path) };
            nodes.push(NodeParts { node, inputs: draft.inputs });
        }
        let graph = Graph::from_parts(Parts { nodes, output, auxiliary: vec![] })?;
        // Nodes merged while reading are removed; dropout stays, as in a YAML file.
        debug_assert!(passes::inference(&graph).is_ok());
        let mut outputs = file.output.iter().map(|output| output.name.clone());
        Ok(Imported {
            name: file.name.clone(),
            producer,
            opset: self.opset,
            graph,
            output: outputs.next().unwrap_or_default(),
            left_out: outputs.collect(),
            counted_again: owners.again,
            info,
            tensors,
            beside,
        })
    }
}

/// A new constant computed by a node gets the node's name. Copies by `Identity` count as new, because PyTorch's
/// exporter writes equal weights of different layers that way. Changes of only type or dimensions do not.
fn named(value: Value, node: &NodeProto, output: &str) -> Value {
    let is_copy = node.op_type == "Identity";
    match value {
        Value::Constant(constant) if is_copy || constant.origin().is_none() => {
            Value::Constant(constant.named(output))
        }
        other => other,
    }
}

/// Which layer has a tensor of the file first. Layers that use one tensor in the same role and shape share it.
#[derive(Default)]
struct Owners {
    first: HashMap<(Origin, Role, Vec<usize>), Path>,
    names: HashSet<Arc<str>>,
    /// Tensors that are used in several roles or shapes.
    again: BTreeSet<Arc<str>>,
}

impl Owners {
    /// The layer that has this tensor already; `None` if this one is the first.
    fn owner(&mut self, path: &Path, role: Role, tensor: &Constant) -> Option<Path> {
        let key = (tensor.origin()?.clone(), role, tensor.dims.clone());
        match self.first.entry(key) {
            Entry::Occupied(known) => Some(known.get().clone()),
            Entry::Vacant(free) => {
                free.insert(path.clone());
                let name = tensor.origin()?.name()?;
                if !self.names.insert(name.clone()) {
                    self.again.insert(name.clone());
                }
                None
            }
        }
    }
}

/// Element types of images: fp32, fp16, fp64 and bf16, and none where the file does not say.
const FLOATING_POINT: [i32; 5] = [0, 1, 10, 11, 16];

/// The batch size, if the file fixes it, and the shape of the image that a graph reads.
fn image_shape(input: &ValueInfoProto) -> Result<(Option<i64>, Shape), ImportError> {
    let tensor = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    if let Some(kind) = tensor.map(|tensor| tensor.elem_type)
        && !FLOATING_POINT.contains(&kind)
    {
        let message = format!(
            "the input `{}` has element type {kind}; it must be floating point",
            short(&input.name)
        );
        return Err(ImportError::Input(message));
    }
    let dims = tensor.and_then(|tensor| tensor.shape.as_ref());
    let dims: Vec<Option<u32>> = dims.map_or_else(Vec::new, |shape| {
        let size = |value: i64| u32::try_from(value).ok().filter(|&size| size > 0);
        shape.dim.iter().map(|dim| dim.dim_value.and_then(size)).collect()
    });
    match dims[..] {
        [batch, Some(channels), Some(height), Some(width)] => {
            Ok((batch.map(i64::from), Shape::map(channels, height, width)))
        }
        _ => {
            let shape = Dims(&dims);
            let message = format!(
                "the input `{}` is {shape}; it must be batch x channels x height x width with known channels, \
                 height and width",
                short(&input.name)
            );
            Err(ImportError::Input(message))
        }
    }
}

/// Dimensions as `? x 3 x 224 x 224`.
struct Dims<'a>(&'a [Option<u32>]);

impl fmt::Display for Dims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("of unknown shape");
        }
        if self.0.len() > 8 {
            return write!(f, "of {} dimensions", self.0.len());
        }
        let dims: Vec<String> = self
            .0
            .iter()
            .map(|dim| dim.map_or_else(|| "?".to_owned(), |dim| dim.to_string()))
            .collect();
        f.write_str(&dims.join(" x "))
    }
}

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod exact;

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
        assert!(error.contains("cyclic") && error.contains("Add reads `b`"), "{error}");

        let mut integers = graph(vec![relu("x", "y")], vec![]);
        integers.input[0].r#type.as_mut().unwrap().tensor_type.as_mut().unwrap().elem_type = 3;
        let error = read(integers).unwrap_err().to_string();
        assert!(error.contains("element type 3"), "{error}");

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
