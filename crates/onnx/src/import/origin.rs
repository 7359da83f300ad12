//! What a file says about itself and its nodes, in its author's words.

use std::{collections::HashMap, sync::Arc};

use inceptive_ir::{Path, Role};

use super::importer::Draft;
use crate::proto::{
    AttributeProto, AttributeType, GraphProto, ModelProto, NodeProto, StringStringEntryProto,
    TensorProto, TensorTypeProto, ValueInfoProto,
};

/// Maximum number of values of an attribute that are written out.
const MOST_VALUES: usize = 64;

/// Maximum number of characters of a text that is kept.
const MOST_CHARACTERS: usize = 10_000;

/// Maximum number of dimensions of a shape, and of characters of a dimension's name.
const MOST_DIMENSIONS: usize = 16;
const LONGEST_DIMENSION: usize = 40;

/// What an ONNX file says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelInfo {
    /// The version of the file format.
    pub ir_version: i64,
    /// The program that wrote the file, with its version.
    pub producer: String,
    /// The author's domain, as `org.example`.
    pub domain: String,
    /// The version of the model; 0 if there is none.
    pub model_version: i64,
    /// The description of the model.
    pub description: String,
    /// Sets of operators with their versions.
    pub opsets: Vec<(String, i64)>,
    /// Properties of the model, by key.
    pub metadata: Vec<(String, String)>,
    /// The name of the graph.
    pub graph: String,
    /// The description of the graph.
    pub graph_description: String,
    /// Properties of the graph, by key.
    pub graph_metadata: Vec<(String, String)>,
    /// The inputs of the graph.
    pub inputs: Vec<OriginalValue>,
    /// The outputs of the graph.
    pub outputs: Vec<OriginalValue>,
    /// Several nodes of the network share one of the file, as the parts of a split do.
    nodes: HashMap<Path, Vec<Arc<OriginalNode>>>,
    tensors: HashMap<(Path, Role), OriginalValue>,
}

/// A value of the file: an input, an output, a tensor or what a node computes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginalValue {
    /// What the operator calls it, as `W`; empty where it has no name of its own.
    pub role: String,
    /// Its name in the file; empty for a computed constant.
    pub name: String,
    /// Its type and shape, as `float32[64,3,7,7]`; empty if the file does not say.
    pub kind: String,
    /// Whether its values are in the file.
    pub is_constant: bool,
}

/// A node as the file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginalNode {
    /// Its name; may be empty.
    pub name: String,
    /// Its operator, after the domain if it is not ONNX's own.
    pub operator: String,
    /// Its description.
    pub description: String,
    /// Its attributes, by name.
    pub attributes: Vec<(String, String)>,
    /// What it reads.
    pub inputs: Vec<OriginalValue>,
    /// What it computes.
    pub outputs: Vec<OriginalValue>,
    /// Its properties, by key.
    pub metadata: Vec<(String, String)>,
}

impl ModelInfo {
    /// The nodes of the file that became a node of the network, in their order.
    pub fn nodes(&self, path: &Path) -> impl Iterator<Item = &OriginalNode> {
        self.nodes.get(path).into_iter().flatten().map(Arc::as_ref)
    }

    /// The tensor of the file that a layer keeps under a path; `None` for other layers.
    pub fn tensor(&self, path: &Path, role: Role) -> Option<&OriginalValue> {
        self.tensors.get(&(path.clone(), role))
    }

    /// Reads it, given the drafts of the network's nodes, and the nodes of the file that drafts point to.
    pub(super) fn new(
        model: &ModelProto,
        file: &GraphProto,
        live: &[&NodeProto],
        drafts: &[Draft],
    ) -> Self {
        let kinds = Kinds::new(file);
        let mut nodes = HashMap::with_capacity(drafts.len());
        let mut tensors = HashMap::new();
        let mut known: HashMap<usize, Arc<OriginalNode>> = HashMap::new();
        for draft in drafts {
            let path = Path::new(&draft.path);
            let mut places = draft.origins.clone();
            places.sort_unstable();
            let own = places.into_iter().filter_map(|at| Some((at, *live.get(at)?)));
            let own = own.map(|(at, node)| {
                Arc::clone(known.entry(at).or_insert_with(|| kinds.node(node).into()))
            });
            nodes.insert(path.clone(), own.collect());
            for (role, tensor) in &draft.tensors {
                let name = tensor.origin().and_then(|origin| origin.name());
                let name = name.map_or("", |name| name.as_ref());
                tensors.insert((path.clone(), *role), kinds.value(name, ""));
            }
        }
        let values = |values: &[ValueInfoProto]| -> Vec<OriginalValue> {
            values.iter().map(|value| kinds.value(&value.name, "")).collect()
        };
        let producer = [&model.producer_name, &model.producer_version].map(|text| kept(text));
        Self {
            ir_version: model.ir_version,
            producer: producer.join(" ").trim().to_owned(),
            domain: kept(&model.domain),
            model_version: model.model_version,
            description: kept(&model.doc_string),
            opsets: model.opset_import.iter().map(|set| (kept(&set.domain), set.version)).collect(),
            metadata: pairs(&model.metadata_props),
            graph: kept(&file.name),
            graph_description: kept(&file.doc_string),
            graph_metadata: pairs(&file.metadata_props),
            inputs: values(&file.input),
            outputs: values(&file.output),
            nodes,
            tensors,
        }
    }
}

/// Types and shapes of a file's values by name.
struct Kinds<'a> {
    tensors: HashMap<&'a str, &'a TensorProto>,
    values: HashMap<&'a str, &'a TensorTypeProto>,
}

impl<'a> Kinds<'a> {
    fn new(file: &'a GraphProto) -> Self {
        let tensors = file.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
        let values = file.input.iter().chain(&file.output).chain(&file.value_info);
        let values = values.filter_map(|value| {
            Some((value.name.as_str(), value.r#type.as_ref()?.tensor_type.as_ref()?))
        });
        Self { tensors: tensors.collect(), values: values.collect() }
    }

    fn value(&self, name: &str, role: &str) -> OriginalValue {
        let tensor = self.tensors.get(name);
        let kind = tensor.map(|tensor| tensor_kind(tensor));
        let kind = kind.or_else(|| self.values.get(name).map(|kind| value_kind(kind)));
        OriginalValue {
            role: role.to_owned(),
            name: kept(name),
            kind: kind.unwrap_or_default(),
            is_constant: tensor.is_some(),
        }
    }

    fn node(&self, node: &NodeProto) -> OriginalNode {
        let roles = roles(&node.op_type);
        let inputs = node.input.iter().enumerate().filter(|(_, name)| !name.is_empty());
        let inputs =
            inputs.map(|(at, name)| self.value(name, roles.get(at).copied().unwrap_or_default()));
        let outputs = node.output.iter().filter(|name| !name.is_empty());
        let operator = match node.domain.as_str() {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}.{}", node.op_type),
        };
        OriginalNode {
            name: kept(&node.name),
            operator: kept(&operator),
            description: kept(&node.doc_string),
            attributes: node.attribute.iter().map(attribute).collect(),
            inputs: inputs.collect(),
            outputs: outputs.map(|name| self.value(name, "")).collect(),
            metadata: pairs(&node.metadata_props),
        }
    }
}

/// What an operator calls its inputs (ONNX, Operators), where that says more than their order.
fn roles(op_type: &str) -> &'static [&'static str] {
    match op_type {
        "Conv" => &["X", "W", "B"],
        "Gemm" => &["A", "B", "C"],
        "BatchNormalization" => &["X", "scale", "B", "input_mean", "input_var"],
        "Clip" => &["input", "min", "max"],
        "Dropout" => &["data", "ratio", "training_mode"],
        "Pad" => &["data", "pads", "constant_value", "axes"],
        "Reshape" => &["data", "shape"],
        "Squeeze" | "Unsqueeze" | "ReduceMean" | "ReduceMax" => &["data", "axes"],
        "Gather" => &["data", "indices"],
        "Expand" => &["input", "shape"],
        _ => &[],
    }
}

fn attribute(attribute: &AttributeProto) -> (String, String) {
    let kind = AttributeType::try_from(attribute.r#type).unwrap_or(AttributeType::Undefined);
    let text = |bytes: &[u8]| kept(&String::from_utf8_lossy(bytes));
    let value = match kind {
        AttributeType::Float => attribute.f.to_string(),
        AttributeType::Int => attribute.i.to_string(),
        AttributeType::String => text(&attribute.s),
        AttributeType::Floats => list(&attribute.floats, f32::to_string),
        AttributeType::Ints => list(&attribute.ints, i64::to_string),
        AttributeType::Strings => list(&attribute.strings, |bytes| text(bytes)),
        AttributeType::Tensor => attribute.t.as_ref().map_or_else(String::new, tensor_kind),
        // Files of old exporters do not say the type.
        AttributeType::Undefined => match () {
            () if !attribute.ints.is_empty() => list(&attribute.ints, i64::to_string),
            () if !attribute.floats.is_empty() => list(&attribute.floats, f32::to_string),
            () if !attribute.s.is_empty() => text(&attribute.s),
            () if attribute.f != 0.0 => attribute.f.to_string(),
            () => attribute.i.to_string(),
        },
    };
    (kept(&attribute.name), value)
}

fn list<T>(values: &[T], text: impl Fn(&T) -> String) -> String {
    let mut parts: Vec<String> = values.iter().take(MOST_VALUES).map(text).collect();
    if values.len() > MOST_VALUES {
        parts.push(format!("and {} more", values.len() - MOST_VALUES));
    }
    parts.join(", ")
}

fn tensor_kind(tensor: &TensorProto) -> String {
    typed(tensor.data_type, tensor.dims.iter().map(i64::to_string))
}

fn value_kind(kind: &TensorTypeProto) -> String {
    let dims = kind.shape.iter().flat_map(|shape| &shape.dim).map(|dim| {
        let named = || {
            let name = dim.dim_param.as_deref().filter(|name| !name.is_empty())?;
            Some(name.chars().take(LONGEST_DIMENSION).collect())
        };
        dim.dim_value.map(|size| size.to_string()).or_else(named).unwrap_or_else(|| "?".to_owned())
    });
    typed(kind.elem_type, dims)
}

/// `float32[64,3,7,7]`, or `float32` for a single number.
fn typed(data_type: i32, dims: impl Iterator<Item = String>) -> String {
    let element = element_name(data_type);
    let dims: Vec<String> = dims.take(MOST_DIMENSIONS).collect();
    if dims.is_empty() { element } else { format!("{element}[{}]", dims.join(",")) }
}

/// The name of an element type (`TensorProto.DataType`).
pub(super) fn element_name(data_type: i32) -> String {
    const NAMES: [&str; 17] = [
        "undefined",
        "float32",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "float64",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
    ];
    let name = usize::try_from(data_type).ok().and_then(|at| NAMES.get(at));
    name.map_or_else(|| format!("element type {data_type}"), |name| (*name).to_owned())
}

fn pairs(entries: &[StringStringEntryProto]) -> Vec<(String, String)> {
    entries.iter().map(|entry| (kept(&entry.key), kept(&entry.value))).collect()
}

/// A text, cut if it is very long.
fn kept(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => {
            format!("{}… ({} characters in all)", &text[..end], text.chars().count())
        }
    }
}
