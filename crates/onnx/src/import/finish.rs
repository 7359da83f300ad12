//! The last step: drafts of nodes become a graph, with the outputs of the file, or with those before what is not supported.

use std::{
    collections::{BTreeSet, HashMap, HashSet, hash_map::Entry},
    sync::Arc,
};

use inceptive_ir::{Graph, NewNode, NodeParts, Op, Parts, Path, Role, Shared, passes};

use super::{
    Imported, ReadOutput,
    constant::{Constant, Origin},
    error::{ImportError, short},
    image::Image,
    importer::{Draft, Importer, Value, sizes_text},
    name::Names,
    origin::ModelInfo,
};
use crate::proto::{GraphProto, ModelProto, NodeProto};

/// Operators of sequences, and of what is done with a network's results.
const TAILS: [&str; 25] = [
    "ArgMax",
    "ArgMin",
    "Attention",
    "DynamicQuantizeLSTM",
    "Einsum",
    "GRU",
    "GatherElements",
    "GatherND",
    "GridSample",
    "If",
    "LSTM",
    "LogSoftmax",
    "Loop",
    "LpNormalization",
    "MultiHeadAttention",
    "NonMaxSuppression",
    "NonZero",
    "RNN",
    "ReduceL2",
    "Scan",
    "ScatterND",
    "Softmax",
    "Tile",
    "TopK",
    "Where",
];

/// Operators that only sequences are computed with.
const SEQUENCES: [&str; 8] = [
    "Attention",
    "DynamicQuantizeLSTM",
    "GRU",
    "LSTM",
    "Loop",
    "MultiHeadAttention",
    "RNN",
    "Scan",
];

/// Maximum number of positions whose mean a detector takes.
const MAX_POSITIONS: usize = 1 << 10;

/// An output on its way.
struct Output {
    name: String,
    draft: usize,
}

impl Importer {
    /// Whether a value is the weights of a layer: a constant other than the numbers 0, 1, 2 and so on.
    fn is_weights(&self, name: &str) -> bool {
        let Some(Value::Constant(weights)) = self.values.get(name) else {
            return self.unknown_constants.contains(name);
        };
        let is_position = |(value, at): (f32, u16)| value == f32::from(at);
        let are_positions = weights.len() <= MAX_POSITIONS
            && weights.floats().is_some_and(|values| values.into_iter().zip(0..).all(is_position));
        !are_positions
    }

    /// Notes a layer that cannot be read because of what is before it.
    fn layer_behind(&mut self, node: &NodeProto, is_of_sequence: bool) {
        // Detectors take means of distributions by convolutions and products with the numbers 0 to 15.
        let are_weights = |at: usize| node.input.get(at).is_some_and(|name| self.is_weights(name));
        let of_weights = are_weights(1);
        let of_matrix = !is_of_sequence && (of_weights || are_weights(0));
        match node.op_type.as_str() {
            "Conv" if !of_weights => self.layers_behind.products += 1,
            "Conv" | "ConvInteger" | "ConvTranspose" | "FusedConv" | "QLinearConv" => {
                self.layers_behind.convolutions += 1;
            }
            "FusedGemm" | "FusedMatMul" | "Gemm" | "MatMul" | "MatMulInteger" | "QGemm"
            | "QLinearMatMul" => {
                self.layers_behind.products += 1;
                self.layers_behind.linear += usize::from(of_matrix);
            }
            _ => {}
        }
    }

    /// Notes what a node that is not read reads: there the network may be cut. A node that only follows another such node is
    /// not what stops the reading.
    pub(super) fn cut_before(&mut self, node: &NodeProto) {
        let (mut reads_results, mut follows) = (false, false);
        let mut is_of_sequence = SEQUENCES.contains(&node.op_type.as_str());
        let mut is_tail = TAILS.contains(&node.op_type.as_str());
        for (position, name) in node.input.iter().enumerate() {
            if !super::operator::reads_values(node, position) {
                continue;
            }
            let value = self.values.get(name);
            is_of_sequence |= self.sequences.contains(name);
            follows |=
                matches!(value, Some(Value::Unknown)) && !self.unknown_constants.contains(name);
            let draft = match value {
                Some(Value::Math(math)) => Some(self.maths[*math].source()),
                Some(value) => value.draft(),
                None => None,
            };
            if let Some(Value::View(_, layout)) = value
                && !matches!(layout.rank(), 2 | 4)
            {
                is_tail = true;
                is_of_sequence = true;
            }
            reads_results |= draft.is_some();
            if let Some(draft) = draft.filter(|&draft| draft != 0) {
                self.cuts.entry(draft).or_insert_with(|| name.clone());
            }
        }
        if is_of_sequence {
            self.sequences.extend(node.output.iter().cloned());
        }
        self.layer_behind(node, is_of_sequence);
        self.layers_behind.others += usize::from(!follows && !is_tail && reads_results);
        // What reads constants only matters where a result is computed with it.
        if !follows && !reads_results {
            self.unknown_constants.extend(node.output.iter().cloned());
        }
    }

    pub(super) fn finish(
        mut self,
        model: ModelProto,
        file: &GraphProto,
        live: &[&NodeProto],
        image: Image,
        beside: BTreeSet<String>,
    ) -> Result<Imported, ImportError> {
        if let Some(limit) = self.computations.exceeded() {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return Err(ImportError::TooMuch { what: "bytes of computed constants", limit });
        }
        let mut remarks = image.remarks.clone();
        remarks.extend(self.remark_on_input(&image.layout));
        let mut outputs = self.outputs(file, &mut remarks)?;
        self.refusals.can_be_cut = !self.cuts.is_empty();
        if let Some(open) = image.guessed {
            let (name, refusals) = (self.input, self.refusals);
            return Err(ImportError::OpenSize { name, open, refusals });
        }
        if !self.refusals.is_empty() {
            self.name_cuts(file);
            self.cut_outputs(&mut outputs, &mut remarks)?;
        }
        remarks.extend(self.remarks_on_integers());
        remarks.extend(self.remark_on_halves());
        self.graph(model, file, live, outputs, remarks, beside)
    }

    /// The outputs of the file that can be read.
    fn outputs(
        &mut self,
        file: &GraphProto,
        remarks: &mut Vec<String>,
    ) -> Result<Vec<Output>, ImportError> {
        let mut outputs: Vec<Output> = Vec::new();
        for (position, output) in file.output.iter().enumerate() {
            let name = output.name.clone();
            if let Some(&Value::Math(math)) = self.values.get(&name) {
                self.settle_math(&name, math);
            }
            let draft = match self.values.get(&name).cloned() {
                Some(Value::Unknown) => continue,
                Some(Value::Constant(_)) | None if position > 0 => {
                    remarks.push(format!(
                        "the output `{}` does not depend on the input, and is left out",
                        short(&name)
                    ));
                    continue;
                }
                Some(Value::Constant(_)) | None => return Err(ImportError::Result(name)),
                Some(Value::View(draft, layout)) => {
                    let shown = self.formed(String::new(), draft, layout.clone());
                    if let Ok(Value::Node(draft)) = shown {
                        draft
                    } else {
                        remarks.push(format!(
                            "the output `{}` is {} in the file; here it is the map before the change of its dimensions, {}",
                            short(&name),
                            sizes_text(&layout.sizes()),
                            self.drafts[draft].shape
                        ));
                        draft
                    }
                }
                Some(value) => match self.settled(&name, value.clone()) {
                    Ok(draft) => draft,
                    Err(refusal) => {
                        self.refusals.add("output", &name, &refusal);
                        let draft = match value {
                            Value::Math(math) => Some(self.maths[math].source()),
                            other => other.draft(),
                        };
                        if let Some(draft) = draft.filter(|&draft| draft != 0) {
                            self.cuts.entry(draft).or_insert_with(|| name.clone());
                        }
                        continue;
                    }
                },
            };
            outputs.push(Output { name, draft });
        }
        Ok(outputs)
    }

    /// Gives each result that is an output because of what is not supported behind it the name that it has in the file,
    /// instead of that of what is computed from it.
    fn name_cuts(&mut self, file: &GraphProto) {
        let mut names = HashMap::new();
        for output in file.node.iter().flat_map(|node| &node.output) {
            if let Some(Value::Node(draft)) = self.values.get(output) {
                names.entry(*draft).or_insert(output);
            }
        }
        for (draft, name) in &mut self.cuts {
            let is_its = matches!(self.values.get(name), Some(Value::Node(own)) if own == draft);
            if let Some(&own) = names.get(draft).filter(|_| !is_its) {
                name.clone_from(own);
            }
        }
    }

    /// The outputs of the part before what is not supported, if it may be read alone.
    fn cut_outputs(
        &mut self,
        outputs: &mut Vec<Output>,
        remarks: &mut Vec<String>,
    ) -> Result<(), ImportError> {
        let behind = self.layers_behind;
        let has_layers = self.drafts.iter().any(|draft| matches!(draft.op, Op::Conv(_)));
        let is_end = behind.convolutions == 0 && behind.linear == 0 && behind.others == 0;
        if self.cuts.is_empty() || !(self.cut || is_end && has_layers) {
            return Err(ImportError::Unsupported(std::mem::take(&mut self.refusals)));
        }
        // Of two, one of which leads to the other, the last.
        let mut leads = vec![false; self.drafts.len()];
        let mut ends = Vec::new();
        for draft in (0..self.drafts.len()).rev() {
            let is_cut = self.cuts.contains_key(&draft);
            if is_cut && !leads[draft] {
                ends.push(draft);
            }
            if is_cut || leads[draft] {
                self.drafts[draft].inputs.iter().for_each(|&input| leads[input] = true);
            }
        }
        ends.reverse();
        let has_first = outputs.first().is_some_and(|first| first.name == self.first_output);
        let ends = ends.into_iter().map(|draft| {
            let name = self.cuts.get(&draft).cloned().unwrap_or_default();
            Output { name, draft }
        });
        let named: Vec<Output> =
            ends.filter(|end| outputs.iter().all(|output| output.draft != end.draft)).collect();
        let at = if has_first { outputs.len() } else { 0 };
        outputs.splice(at..at, named);
        let names: Vec<String> =
            outputs.iter().take(8).map(|output| format!("`{}`", short(&output.name))).collect();
        let which = names.join(", ");
        let more = if outputs.len() > names.len() { ", ..." } else { "" };
        let left_out = match (behind.convolutions, behind.products) {
            (0, 0) => String::new(),
            (0, products) => format!("; {products} products with matrices behind are left out"),
            (convolutions, products) => format!(
                "; {convolutions} convolutions and {products} products with matrices behind are left out"
            ),
        };
        remarks.push(format!(
            "the network is cut where these operators are not supported: {}; its outputs are {which}{more}{left_out}",
            self.refusals.in_a_sentence(),
        ));
        Ok(())
    }

    fn graph(
        mut self,
        model: ModelProto,
        file: &GraphProto,
        live: &[&NodeProto],
        outputs: Vec<Output>,
        mut remarks: Vec<String>,
        beside: BTreeSet<String>,
    ) -> Result<Imported, ImportError> {
        remarks.extend(equal_outputs(&outputs));
        let places = self.keep_live(&outputs);
        let info = ModelInfo::new(&model, file, live, &self.drafts);
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
        let place = |output: &Output| places.get(&output.draft).copied().unwrap_or_default();
        let all: Vec<usize> = outputs.iter().map(place).collect();
        let Some((&output, more)) = all.split_first() else {
            return Err(ImportError::NoOutput(file.name.clone()));
        };
        let mut seen = HashSet::from([output]);
        let more = more.iter().copied().filter(|&other| seen.insert(other)).collect();
        let paths: Vec<Path> = all.iter().map(|&at| nodes[at].node.path.clone()).collect();
        let graph =
            Graph::from_parts(Parts { nodes, output, more_outputs: more, auxiliary: vec![] })?;
        // Nodes merged while reading are removed; dropout stays, as in a YAML file.
        debug_assert!(passes::inference(&graph).is_ok());
        let outputs = outputs.into_iter().zip(paths);
        Ok(Imported {
            name: file.name.clone(),
            producer: model.producer_name,
            opset: self.opset,
            graph,
            outputs: outputs.map(|(Output { name, .. }, path)| ReadOutput { name, path }).collect(),
            remarks,
            counted_again: owners.again,
            info,
            tensors,
            stored: self.stored,
            beside,
        })
    }

    /// Drops the drafts that lead to no output, and gives every other one a path of its own. The new places of those that
    /// stay.
    fn keep_live(&mut self, outputs: &[Output]) -> HashMap<usize, usize> {
        let mut is_live = vec![false; self.drafts.len()];
        is_live[0] = true;
        outputs.iter().for_each(|output| is_live[output.draft] = true);
        for draft in (0..self.drafts.len()).rev() {
            if is_live[draft] {
                self.drafts[draft].inputs.iter().for_each(|&input| is_live[input] = true);
            }
        }
        let mut names = Names::default();
        let mut places = HashMap::new();
        let drafts = std::mem::take(&mut self.drafts);
        for (at, draft) in drafts.into_iter().enumerate().filter(|(at, _)| is_live[*at]) {
            let path = names.unique(&draft.path, draft.op.name());
            let place = |input: &usize| places.get(input).copied();
            let inputs: Vec<usize> = draft.inputs.iter().filter_map(place).collect();
            places.insert(at, self.drafts.len());
            self.drafts.push(Draft { path, inputs, ..draft });
        }
        places
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

impl Importer {
    /// That numbers are more exact here than in the file.
    fn remark_on_halves(&self) -> Option<String> {
        (self.halved > 0).then(|| {
            "the file rounds values to half precision in places; here they are not rounded, so outputs differ a little"
                .to_owned()
        })
    }
}

/// Which outputs of the file are the same result, such as one and its copy.
fn equal_outputs(outputs: &[Output]) -> Vec<String> {
    let mut first: HashMap<usize, &str> = HashMap::new();
    let mut remarks = Vec::new();
    for Output { name, draft } in outputs {
        match first.get(draft) {
            Some(known) => remarks.push(format!(
                "the output `{}` has the values of `{}`, and is one with it here",
                short(name),
                short(known)
            )),
            None => {
                first.insert(*draft, name);
            }
        }
    }
    remarks
}
