//! The network: a directed acyclic graph of operators.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use petgraph::{
    Direction,
    graph::{DiGraph, NodeIndex},
    visit::EdgeRef,
};

use crate::{
    infer::ShapeError,
    op::Op,
    path::Path,
    shape::Shape,
    tensor::{Role, Shared, Tensor},
};

/// A node of one [`Graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(NodeIndex);

impl NodeId {
    /// Position in execution order, from 0; for arrays that run parallel to the nodes.
    pub fn index(self) -> usize {
        self.0.index()
    }
}

/// A range of bytes of one of the files that a network was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Span {
    /// Which file; its meaning belongs to whoever read the files.
    pub source: u32,
    /// First byte.
    pub start: u32,
    /// Byte after the last one.
    pub end: u32,
}

/// Which part of the network a node belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The network that is deployed.
    Main,
    /// An auxiliary head, by its position in [`Graph::auxiliary`]; exists in training only.
    Auxiliary(usize),
}

/// How the reference implementation calls an operator. Changes no count of ours: some tools count
/// modules and functions differently, and their conventions can only be shown with this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// As a module object (`torch.nn.ReLU`).
    #[default]
    Module,
    /// As a plain function (`torch.nn.functional.relu`).
    Functional,
}

/// An operator at its place in the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its operator.
    pub op: Op,
    /// Its stable name, unique in the graph.
    pub path: Path,
    /// Shape of its result.
    pub shape: Shape,
    /// Main network or auxiliary head.
    pub part: Part,
    /// Where it was written.
    pub span: Option<Span>,
    /// How the reference implementation calls it.
    pub form: Form,
    /// Its tensors that other nodes have too.
    pub shared: Shared,
}

impl Node {
    /// The path that a tensor of it is kept under: its own, unless it shares the tensor.
    pub fn tensor_path(&self, role: Role) -> &Path {
        self.shared.path(role).unwrap_or(&self.path)
    }
}

/// A node to add to a graph, before its shape is inferred.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNode {
    /// Its operator.
    pub op: Op,
    /// Its stable name.
    pub path: Path,
    /// Main network or auxiliary head.
    pub part: Part,
    /// Where it was written.
    pub span: Option<Span>,
    /// How the reference implementation calls it.
    pub form: Form,
    /// Its tensors that other nodes have too.
    pub shared: Shared,
}

impl NewNode {
    /// A node of the main network that no file mentions.
    pub fn new(op: Op, path: Path) -> Self {
        let (part, form, shared) = (Part::Main, Form::Module, Shared::default());
        Self { op, path, part, span: None, form, shared }
    }
}

impl From<&Node> for NewNode {
    fn from(node: &Node) -> Self {
        let Node { op, path, shape: _, part, span, form, shared } = node.clone();
        Self { op, path, part, span, form, shared }
    }
}

/// An auxiliary head: a classifier on an inner layer that helps training (Szegedy et al. 2014, section 5).
#[derive(Clone, Debug, PartialEq)]
pub struct AuxiliaryHead {
    /// Its name, the first segment of its nodes' paths.
    pub name: String,
    /// The node that outputs its logits.
    pub output: NodeId,
    /// Weight of its loss in the training loss.
    pub weight: f32,
}

/// The position of an input among a node's inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Slot(u32);

/// A network. Acyclic by construction: a node can only read nodes that were added before it, so the
/// order of the nodes is an execution order, and every node has its shape.
#[derive(Clone, Debug)]
pub struct Graph {
    dag: DiGraph<Node, Slot>,
    by_path: HashMap<Path, NodeId>,
    output: NodeId,
    /// Outputs beside the first one.
    more_outputs: Vec<NodeId>,
    auxiliary: Vec<AuxiliaryHead>,
    work: u128,
    /// Dimensions of every tensor that is shared, by the path that it is kept under.
    shared: HashMap<(Path, Role), Vec<usize>>,
}

/// A state of a graph that it can go back to, see [`Graph::checkpoint`].
#[derive(Clone, Copy, Debug)]
pub struct Checkpoint {
    nodes: usize,
    heads: usize,
    outputs: usize,
    output: NodeId,
    work: u128,
}

/// Why a graph could not be built.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum GraphError {
    /// An operator does not accept its inputs.
    #[error("`{path}`: {error}")]
    Shape {
        /// The node.
        path: Path,
        /// The error.
        #[source]
        error: ShapeError,
    },
    /// Two nodes have the same path.
    #[error("two nodes are named `{path}`")]
    DuplicatePath {
        /// The path.
        path: Path,
    },
    /// An input names a node that does not exist.
    #[error("`{path}` reads node {input}, which does not exist")]
    UnknownInput {
        /// The node that reads.
        path: Path,
        /// The index that it reads.
        input: usize,
    },
    /// An output names a node that does not exist.
    #[error("node {output} is an output but does not exist")]
    UnknownOutput {
        /// The index that is named.
        output: usize,
    },
    /// Nodes read each other in a circle.
    #[error("`{path}` depends on itself")]
    Cycle {
        /// A node on the circle.
        path: Path,
    },
    /// A main node reads a node of an auxiliary head, or a head reads another.
    #[error("`{path}` reads `{input}`, which belongs to an auxiliary head")]
    ReadsAuxiliary {
        /// The node that reads.
        path: Path,
        /// Its input.
        input: Path,
    },
    /// A node's result is used by nothing.
    #[error("the output of `{path}` is never used")]
    Unused {
        /// The node.
        path: Path,
    },
    /// There is not exactly one input node, at the start.
    #[error("a network has exactly one input, found {found}")]
    Inputs {
        /// How many were found.
        found: usize,
    },
    /// A node shares a tensor that it does not have, or that has other dimensions.
    #[error("`{path}` cannot share the tensor `{tensor}`: it needs {needed}, found {found}")]
    SharedTensor {
        /// The node.
        path: Path,
        /// The tensor's name.
        tensor: String,
        /// Dimensions that the node needs.
        needed: String,
        /// Dimensions of the tensor.
        found: String,
    },
    /// A path has more segments than the program handles.
    #[error("a node's path has more than {limit} segments: `{start}/...`")]
    TooDeep {
        /// Its first segments.
        start: Path,
        /// The limit.
        limit: usize,
    },
    /// There are more nodes than the program handles.
    #[error("the network has more than {limit} nodes")]
    TooManyNodes {
        /// The limit.
        limit: usize,
    },
}

impl Graph {
    /// Maximum number of nodes a graph holds.
    pub const MAX_NODES: usize = 100_000;

    /// Maximum work of a graph: the sum over nodes of output elements times the values read for each,
    /// plus the elements of its inputs. Parameters, bytes moved, activations, MACs and FLOPs are all
    /// bounded by a small multiple of it, so every count fits a `u64` and, being below 2^53, is exact in
    /// every JSON reader.
    pub const MAX_WORK: u64 = 1 << 48;

    /// A graph that consists of its input, with the path `input`.
    ///
    /// # Errors
    /// When the shape is empty or too large.
    pub fn new(input: Shape, span: Option<Span>) -> Result<Self, GraphError> {
        let mut graph = Self {
            dag: DiGraph::new(),
            by_path: HashMap::new(),
            output: NodeId(NodeIndex::new(0)),
            more_outputs: Vec::new(),
            auxiliary: Vec::new(),
            work: 0,
            shared: HashMap::new(),
        };
        let node = NewNode { span, ..NewNode::new(Op::Input(input), Path::new("input")) };
        graph.add(node, &[])?;
        Ok(graph)
    }

    /// Adds a node that reads `inputs`, in that order, and infers its shape. The node becomes the
    /// network's output if it belongs to the main part; see [`Graph::set_output`].
    ///
    /// # Errors
    /// When the path is taken, the operator does not accept its inputs or the graph becomes too large; the
    /// graph is then unchanged.
    pub fn add(&mut self, node: NewNode, inputs: &[NodeId]) -> Result<NodeId, GraphError> {
        if self.dag.node_count() >= Self::MAX_NODES {
            return Err(GraphError::TooManyNodes { limit: Self::MAX_NODES });
        }
        let shapes: Vec<Shape> = inputs.iter().map(|&input| self.node(input).shape).collect();
        let NewNode { op, path, part, span, form, shared } = node;
        if path.as_str().matches('/').nth(Path::MAX_DEPTH - 1).is_some() {
            return Err(GraphError::TooDeep { start: path.truncated(4), limit: Path::MAX_DEPTH });
        }
        let (shape, work) = match self.admit(&op, &shapes) {
            Ok(admitted) => admitted,
            Err(error) => return Err(GraphError::Shape { path, error }),
        };
        let shares = !shared.is_empty() || self.has_shared_tensors();
        let tensors = if shares { op.tensors(&shapes) } else { Vec::new() };
        self.admit_tensors(&path, &shared, &tensors)?;
        let id = NodeId(NodeIndex::new(self.len()));
        match self.by_path.entry(path.clone()) {
            Entry::Occupied(_) => return Err(GraphError::DuplicatePath { path }),
            Entry::Vacant(free) => free.insert(id),
        };
        self.work = work;
        self.keep_shared(&shared, tensors);
        self.dag.add_node(Node { op, path, shape, part, span, form, shared });
        for (slot, input) in (0..).zip(inputs) {
            self.dag.add_edge(input.0, id.0, Slot(slot));
        }
        if part == Part::Main {
            self.output = id;
        }
        Ok(id)
    }

    /// The shape of a node to add, and the graph's work with it.
    fn admit(&self, op: &Op, inputs: &[Shape]) -> Result<(Shape, u128), ShapeError> {
        let shape = op.infer(inputs)?;
        let work = op
            .work(inputs, shape)
            .and_then(|work| work.checked_add(self.work))
            .filter(|&work| work <= u128::from(Self::MAX_WORK))
            .ok_or(ShapeError::TooLarge {
                op: op.name(),
                what: "the network's total of multiply-accumulates and values",
                limit: Self::MAX_WORK,
            })?;
        Ok((shape, work))
    }

    /// Checks that tensors which nodes share have the dimensions that every one of them needs.
    fn admit_tensors(
        &self,
        path: &Path,
        shared: &Shared,
        tensors: &[Tensor],
    ) -> Result<(), GraphError> {
        let refused = |kept: &Path, role: Role, needed: String, found: String| {
            let tensor = format!("{kept}.{role}");
            Err(GraphError::SharedTensor { path: path.clone(), tensor, needed, found })
        };
        for (role, dims) in tensors {
            let kept = shared.path(*role).unwrap_or(path);
            match self.dimensions_of(kept, *role) {
                Some(found) if found != *dims => {
                    return refused(kept, *role, format!("{dims:?}"), format!("{found:?}"));
                }
                // This node defines a tensor that no node has yet.
                _ => {}
            }
        }
        match shared.iter().find(|(role, _)| tensors.iter().all(|(known, _)| known != role)) {
            None => Ok(()),
            Some((role, kept)) => refused(kept, role, format!("no {role}"), "one".to_owned()),
        }
    }

    /// Dimensions of a tensor, by the path that it is kept under.
    fn dimensions_of(&self, kept: &Path, role: Role) -> Option<Vec<usize>> {
        let owned = || {
            let id = self.find(kept).filter(|&id| self.node(id).shared.path(role).is_none())?;
            let tensors = self.node(id).op.tensors(&self.input_shapes(id));
            tensors.into_iter().find(|(known, _)| *known == role).map(|(_, dims)| dims)
        };
        self.shared.get(&(kept.clone(), role)).cloned().or_else(owned)
    }

    /// Remembers the dimensions of shared tensors.
    fn keep_shared(&mut self, shared: &Shared, tensors: Vec<Tensor>) {
        for (role, dims) in tensors {
            if let Some(kept) = shared.path(role) {
                self.shared.entry((kept.clone(), role)).or_insert(dims);
            }
        }
    }

    /// Whether a node has a tensor that another node has too.
    pub fn shares_tensors(&self, id: NodeId) -> bool {
        let node = self.node(id);
        let is_shared = |role| self.shared.contains_key(&(node.path.clone(), role));
        !node.shared.is_empty()
            || [Role::Weight, Role::Bias, Role::Mean, Role::Variance].into_iter().any(is_shared)
    }

    /// Whether any two nodes have a tensor in common.
    pub fn has_shared_tensors(&self) -> bool {
        !self.shared.is_empty()
    }

    /// Declares which node is the network's output.
    pub fn set_output(&mut self, output: NodeId) {
        self.output = output;
    }

    /// Declares one more output, beside the first one.
    pub fn add_output(&mut self, output: NodeId) {
        self.more_outputs.push(output);
    }

    /// Declares an auxiliary head whose nodes were added as `Part::Auxiliary(n)` for the n-th call.
    pub fn add_auxiliary(&mut self, head: AuxiliaryHead) {
        self.auxiliary.push(head);
    }

    /// The graph as it is now, to go back to it.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            nodes: self.len(),
            heads: self.auxiliary.len(),
            outputs: self.more_outputs.len(),
            output: self.output,
            work: self.work,
        }
    }

    /// Takes out everything that was added since a checkpoint of this graph.
    pub fn go_back(&mut self, checkpoint: Checkpoint) {
        // From the last one, so that no node takes the place of another.
        while self.len() > checkpoint.nodes {
            if let Some(node) = self.dag.remove_node(NodeIndex::new(self.len() - 1)) {
                self.by_path.remove(&node.path);
            }
        }
        self.auxiliary.truncate(checkpoint.heads);
        self.more_outputs.truncate(checkpoint.outputs);
        self.output = checkpoint.output;
        self.work = checkpoint.work;
    }

    /// Number of nodes, the input included.
    pub fn len(&self) -> usize {
        self.dag.node_count()
    }

    /// Never true: a graph has its input.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nodes in execution order: every node after the ones it reads.
    pub fn ids(&self) -> impl ExactSizeIterator<Item = NodeId> + DoubleEndedIterator + use<> {
        (0..self.dag.node_count()).map(|index| NodeId(NodeIndex::new(index)))
    }

    /// The nodes with their ids, in execution order.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.ids().map(|id| (id, self.node(id)))
    }

    /// The node `id` of this graph.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.dag[id.0]
    }

    /// The node with this path.
    pub fn find(&self, path: &Path) -> Option<NodeId> {
        self.by_path.get(path).copied()
    }

    /// The inputs of a node, in order.
    pub fn inputs(&self, id: NodeId) -> Vec<NodeId> {
        let mut inputs: Vec<(Slot, NodeId)> = self
            .dag
            .edges_directed(id.0, Direction::Incoming)
            .map(|edge| (*edge.weight(), NodeId(edge.source())))
            .collect();
        inputs.sort_unstable();
        inputs.into_iter().map(|(_, input)| input).collect()
    }

    /// Shapes of the inputs of a node, in order.
    pub fn input_shapes(&self, id: NodeId) -> Vec<Shape> {
        self.inputs(id).into_iter().map(|input| self.node(input).shape).collect()
    }

    /// The nodes that read a node, in execution order; one that reads it twice is listed twice.
    pub fn consumers(&self, id: NodeId) -> Vec<NodeId> {
        let mut consumers: Vec<NodeId> =
            self.dag.neighbors_directed(id.0, Direction::Outgoing).map(NodeId).collect();
        consumers.sort_unstable();
        consumers
    }

    /// The node that reads a node, if it is the only one and reads it once. Takes no longer where there are many.
    pub fn only_consumer(&self, id: NodeId) -> Option<NodeId> {
        let mut consumers = self.dag.neighbors_directed(id.0, Direction::Outgoing);
        let only = consumers.next().map(NodeId);
        only.filter(|_| consumers.next().is_none())
    }

    /// The output nodes of the network and of its auxiliary heads.
    pub fn results(&self) -> HashSet<NodeId> {
        let heads = self.auxiliary.iter().map(|head| head.output);
        heads.chain(self.outputs()).collect()
    }

    /// The input node.
    pub fn input(&self) -> NodeId {
        NodeId(NodeIndex::new(0))
    }

    /// The node that is the network's output; the first one of several.
    pub fn output(&self) -> NodeId {
        self.output
    }

    /// All outputs of the network, the first one first.
    pub fn outputs(&self) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::once(self.output).chain(self.more_outputs.iter().copied())
    }

    /// The auxiliary heads.
    pub fn auxiliary(&self) -> &[AuxiliaryHead] {
        &self.auxiliary
    }
}
