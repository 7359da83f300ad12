//! A file on its way to a graph.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use inceptive_ir::{
    Interpolation, Op, PadMode, Padding, Rearrange, Rescale, Resize, ResizeTo, Role, Shape,
};

use super::{
    attribute::find,
    computation::Computations,
    constant::Constant,
    error::{Node, Refusals, UnsupportedOp},
    integers::Integers,
    layout::{Form, Layout},
    math::Math,
    name,
    source::Stored,
};
use crate::{export::HELPER, proto::NodeProto};

/// The value of a name in the file.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A known tensor.
    Constant(Constant),
    /// The result of a node.
    Node(usize),
    /// The result of a node in another order, or with other dimensions.
    View(usize, Layout),
    /// The result of a node, multiplied by a number that a sum will take in.
    Scaled(usize, f32),
    /// The result of a node with zeros around it, for a window to take in.
    Padded(usize, Padding),
    /// The result of a node as if it were repeated to fill a map of this shape.
    Expanded(usize, Shape),
    /// Averages over this number of windows of rows, the first half of an adaptive pooling.
    Rows(usize, u32),
    /// So many rows, each the nearest of the result's, the first half of a change of size.
    NearestRows(usize, u32),
    /// The result of a node, normalised in groups whose numbers are still apart from those of the channels.
    Grouped(Box<Grouped>),
    /// Arithmetic that may be part of an operator.
    Math(usize),
    /// The result of something that is not supported.
    Unknown,
}

/// A normalisation of groups of channels, on the way back to a map.
#[derive(Clone, Debug)]
pub(super) struct Grouped {
    pub(super) source: usize,
    pub(super) groups: u32,
    pub(super) eps: f32,
    /// A factor and a shift of each group.
    pub(super) factors: Vec<f32>,
    pub(super) shifts: Vec<f32>,
}

impl Value {
    /// The node whose result it is or is made of.
    pub(super) const fn draft(&self) -> Option<usize> {
        match self {
            Self::Node(draft)
            | Self::View(draft, _)
            | Self::Scaled(draft, _)
            | Self::Padded(draft, _)
            | Self::Expanded(draft, _)
            | Self::Rows(draft, _)
            | Self::NearestRows(draft, _) => Some(*draft),
            Self::Grouped(grouped) => Some(grouped.source),
            Self::Constant(_) | Self::Math(_) | Self::Unknown => None,
        }
    }
}

/// A node to be.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) op: Op,
    /// The path that it is to have; another may have the same.
    pub(super) path: String,
    pub(super) inputs: Vec<usize>,
    pub(super) shape: Shape,
    pub(super) tensors: Vec<(Role, Constant)>,
    /// Whether its result is read more than once, under any of its names. Only a result that is read once may be
    /// changed into that of its reader.
    pub(super) is_read_again: bool,
    /// The nodes of the file that it is made of, by their places among those that are read.
    pub(super) origins: Vec<usize>,
}

/// Nodes of the file whose result a later one takes in.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    pub(super) origins: Vec<usize>,
    /// The path of a node that is made of them alone.
    pub(super) path: String,
}

/// Layers that depend on something that is not supported.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LayersBehind {
    /// Convolutions.
    pub(super) convolutions: usize,
    /// Products with matrices.
    pub(super) products: usize,
    /// Those of them that are linear layers, and do not read a sequence.
    pub(super) linear: usize,
    /// Nodes that are not supported and neither read sequences, or three dimensions, nor work on a network's results.
    pub(super) others: usize,
}

/// A file on its way to a graph.
pub(super) struct Importer {
    pub(super) drafts: Vec<Draft>,
    pub(super) values: HashMap<String, Value>,
    pub(super) maths: Vec<Math>,
    /// The nodes of the file that wait under the name of their result until a later one takes them in.
    pub(super) waiting: HashMap<String, Waiting>,
    /// The nodes that put results into another order, or gave them other dimensions, by the names of the results.
    pub(super) makers: HashMap<String, Node>,
    /// How often the values of each name are read; 0 if only its shape or type is.
    pub(super) reads: HashMap<String, usize>,
    /// The sum that was read last if it is a helper in one of our files: of which node, and where it is.
    pub(super) partial_sum: Option<(String, usize)>,
    pub(super) computations: Computations,
    pub(super) refusals: Refusals,
    /// The results that something reads which is not supported, with one of their names.
    pub(super) cuts: BTreeMap<usize, String>,
    /// What there is behind what is not supported.
    pub(super) layers_behind: LayersBehind,
    /// Values that are not known and follow from a sequence, or from values of three or five dimensions.
    pub(super) sequences: HashSet<String>,
    /// Values that are not known and do not depend on the input.
    pub(super) unknown_constants: HashSet<String>,
    /// Whether to cut wherever something is not supported.
    pub(super) cut: bool,
    /// Values of integers or bits that a quantised file has in place of numbers; they are read as if they had not been rounded.
    pub(super) quantised: usize,
    /// Values that the file rounds to half precision.
    pub(super) halved: usize,
    /// What is known of these integers.
    pub(super) integers: Integers,
    /// Layers of integers whose scale is not known yet.
    pub(super) unscaled: HashSet<usize>,
    /// The initializers of the file, by name. Other constants are those of nodes.
    pub(super) initializers: BTreeSet<String>,
    /// The bytes of the model, for the values of large tensors.
    pub(super) stored: Arc<Stored>,
    pub(super) opset: i64,
    /// The batch size; 1 in files that leave it open.
    pub(super) batch: u64,
    /// The name of the input.
    pub(super) input: String,
    /// The name of the first output.
    pub(super) first_output: String,
    pub(super) is_ours: bool,
    /// Whether what reads the input in another order works on the order that the file has before.
    pub(super) keeps_order: bool,
}

impl Importer {
    /// The input of a node at a position.
    pub(super) fn input(&self, node: &NodeProto, position: usize) -> Result<Value, UnsupportedOp> {
        let name = node.input.get(position).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| UnsupportedOp::because("an input is missing"))?;
        let value = self.values.get(name).cloned();
        value.ok_or_else(|| {
            UnsupportedOp::because(&format!("reads `{name}`, which no node computes"))
        })
    }

    /// Whether a node has an input at a position.
    pub(super) fn has_input(node: &NodeProto, position: usize) -> bool {
        node.input.get(position).is_some_and(|name| !name.is_empty())
    }

    /// A constant that a node reads; `None` if it is left out.
    pub(super) fn optional_constant(
        &self,
        node: &NodeProto,
        position: usize,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        match Self::has_input(node, position) {
            true => self.constant_input(node, position).map(Some),
            false => Ok(None),
        }
    }

    pub(super) fn constant_input(
        &self,
        node: &NodeProto,
        position: usize,
    ) -> Result<Constant, UnsupportedOp> {
        match self.input(node, position)? {
            Value::Constant(constant) => Ok(constant),
            _ => {
                Err(UnsupportedOp::because("with a weight, shape or axis computed from the input"))
            }
        }
    }

    /// Integers from an attribute, as in older operator sets, or from an input.
    pub(super) fn ints(
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
            let refusal = || UnsupportedOp::because(&format!("with {key} that are no integers"));
            constant.to_ints().ok_or_else(refusal)
        };
        constant.map(ints).transpose()
    }

    /// The node whose result is read at a position, as it is. What waited for a reader that takes it in becomes a node of
    /// its own.
    pub(super) fn source(
        &mut self,
        node: &NodeProto,
        position: usize,
    ) -> Result<usize, UnsupportedOp> {
        let value = self.input(node, position)?;
        if let Value::Node(draft) = value {
            return Ok(draft);
        }
        let name = node.input.get(position).cloned().unwrap_or_default();
        let draft = self.settled(&name, value)?;
        self.waiting.remove(&name);
        self.values.insert(name, Value::Node(draft));
        Ok(draft)
    }

    /// The node that a value is, or becomes now.
    pub(super) fn settled(&mut self, name: &str, value: Value) -> Result<usize, UnsupportedOp> {
        let waiting = self.waiting.get(name).cloned().unwrap_or_default();
        let draft = match value {
            Value::Node(draft) => return Ok(draft),
            Value::Scaled(source, scale) => {
                let op = Op::Rescale(Rescale { scale: vec![scale], shift: vec![] });
                self.draft(waiting.path, op, vec![source], vec![])?
            }
            Value::Padded(source, padding) => {
                let mode = PadMode::Constant(0.0);
                let op = Op::Rearrange(Rearrange::Pad { padding, mode });
                self.draft(waiting.path, op, vec![source], vec![])?
            }
            Value::Expanded(source, shape) => {
                let (to, mode) = (ResizeTo::Size(shape.size()), Interpolation::Nearest);
                let op = Op::Resize(Resize { to, mode });
                self.draft(waiting.path, op, vec![source], vec![])?
            }
            Value::View(source, layout) => match self.formed(waiting.path, source, layout)? {
                Value::Node(draft) => draft,
                Value::View(_, layout) => {
                    let other = format!(
                        "another order than batch, channels, height and width, or other dimensions: {}",
                        sizes_text(&layout.sizes())
                    );
                    return Err(match self.makers.get(name) {
                        Some(maker) => UnsupportedOp::of(maker.clone(), &format!("to {other}")),
                        None => UnsupportedOp::because(&format!("of values in {other}")),
                    });
                }
                _ => return Err(UnsupportedOp::because("of values in another order")),
            },
            Value::Math(math) => return Err(self.unfinished(math)),
            Value::Constant(_) => {
                return Err(UnsupportedOp::because(
                    "a constant where a computed value is expected",
                ));
            }
            Value::Rows(..) => {
                return Err(UnsupportedOp::because("a product with a matrix of rows"));
            }
            Value::NearestRows(..) => {
                return Err(UnsupportedOp::because("rows that were gathered, without the columns"));
            }
            Value::Grouped(_) => {
                return Err(UnsupportedOp::because("a normalisation of groups that stays apart"));
            }
            Value::Unknown => return Err(UnsupportedOp::because("a value that is not known")),
        };
        self.drafts[draft].origins.extend(waiting.origins);
        Ok(draft)
    }

    /// The node that is read at a position, and the order in which its values are there.
    pub(super) fn operand(
        &mut self,
        node: &NodeProto,
        position: usize,
    ) -> Result<(usize, Layout), UnsupportedOp> {
        if let Value::View(source, layout) = self.input(node, position)? {
            return Ok((source, layout));
        }
        let source = self.source(node, position)?;
        Ok((source, self.layout(source)))
    }

    /// The order of a node's values in its own dimensions.
    pub(super) fn layout(&self, draft: usize) -> Layout {
        Layout::of(self.drafts[draft].shape, self.batch)
    }

    /// A result whose values are in an order.
    pub(super) fn viewed(&self, draft: usize, layout: Layout) -> Value {
        if layout == self.layout(draft) { Value::Node(draft) } else { Value::View(draft, layout) }
    }

    /// A result with other dimensions, as the operator that they amount to, if there is one.
    pub(super) fn formed(
        &mut self,
        path: String,
        source: usize,
        layout: Layout,
    ) -> Result<Value, UnsupportedOp> {
        match layout.form(self.drafts[source].shape, self.batch) {
            Form::Same => Ok(Value::Node(source)),
            Form::Op(op) => self.draft(path, op, vec![source], vec![]).map(Value::Node),
            Form::Map(shape) => Ok(match self.as_map(&path, source, shape)? {
                Some(map) => Value::Node(map),
                None => Value::View(source, layout),
            }),
            Form::Other => match !self.keeps_order && self.reordered_input(source, &layout) {
                true => Ok(Value::Node(source)),
                false => Ok(Value::View(source, layout)),
            },
        }
    }

    /// Adds a node.
    pub(super) fn push(
        &mut self,
        node: &NodeProto,
        op: Op,
        inputs: Vec<usize>,
        tensors: Vec<(Role, Constant)>,
    ) -> Result<Value, UnsupportedOp> {
        let weight = (!tensors.is_empty()).then(|| node.input.get(1).map_or("", String::as_str));
        let path = self.path(node, op.name(), weight);
        self.draft(path, op, inputs, tensors).map(Value::Node)
    }

    /// The path of a node that is made for one of the file.
    pub(super) fn path(&self, node: &NodeProto, op: &str, weight: Option<&str>) -> String {
        if !self.is_ours {
            return name::wanted(node, op, weight);
        }
        let whole = node.name.split_once(HELPER).map_or(node.name.as_str(), |(base, _)| base);
        name::limited(whole)
    }

    /// Adds a node with a path.
    pub(super) fn draft(
        &mut self,
        path: String,
        op: Op,
        inputs: Vec<usize>,
        tensors: Vec<(Role, Constant)>,
    ) -> Result<usize, UnsupportedOp> {
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.drafts[input].shape).collect();
        if !op.arity().admits(shapes.len()) {
            let (takes, has) = (op.arity(), shapes.len());
            return Err(UnsupportedOp::because(&format!("takes {takes} inputs, has {has}")));
        }
        let shape = op.infer(&shapes)?;
        let (is_read_again, origins) = (false, Vec::new());
        self.drafts.push(Draft { op, path, inputs, shape, tensors, is_read_again, origins });
        Ok(self.drafts.len() - 1)
    }

    /// An operator that treats every position alike, on values in any order.
    pub(super) fn elementwise(&mut self, node: &NodeProto, op: Op) -> Result<Value, UnsupportedOp> {
        let (source, layout) = self.operand(node, 0)?;
        self.elementwise_with(node, op, source, layout, vec![])
    }

    pub(super) fn elementwise_with(
        &mut self,
        node: &NodeProto,
        op: Op,
        source: usize,
        layout: Layout,
        tensors: Vec<(Role, Constant)>,
    ) -> Result<Value, UnsupportedOp> {
        match self.push(node, op, vec![source], tensors)? {
            Value::Node(draft) => Ok(self.viewed(draft, layout)),
            other => Ok(other),
        }
    }

    pub(super) fn unary(&mut self, node: &NodeProto, op: Op) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        self.push(node, op, vec![source], vec![])
    }
}

/// Sizes as `1 x 24 x 12`.
pub(super) fn sizes_text(sizes: &[i64]) -> String {
    let sizes: Vec<String> = sizes.iter().map(i64::to_string).collect();
    sizes.join(" x ")
}
