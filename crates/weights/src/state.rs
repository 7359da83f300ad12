//! Weights from and to safetensors files, and which tensor belongs where.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry};

use inceptive_ir::{Graph, NodeId, Op, Path, Role};
use safetensors::SafeTensorError;
use serde::{Deserialize, Serialize};

use crate::{
    foreign,
    header::{FormatError, Source, StoredFile, StoredTensor},
    mismatch::{Mismatch, describe_slot, describe_tensor},
    names::Naming,
    tensors::SafetensorsFile,
    weights::{Missing, Slot, Weights, slots},
    words::{natural, words},
};

/// How tensors are to find their places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MatchBy {
    /// By their names, ours or those of a program that is known; where names are of a program that is not, by kind and
    /// shape, if that leaves no choice.
    #[default]
    Names,
    /// Where names are of a program that is not known, layers of equal kind and shape in the natural order of their
    /// names, which is a guess.
    Order,
}

/// How tensors found their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// Every name is ours.
    Names,
    /// Every name is one that another program gives to the tensors of this network.
    Known(Naming),
    /// Names are of a program that is not known, and every layer has another kind or shape.
    Shapes,
    /// Names are of a program that is not known: layers of equal kind and shape were taken in the natural order of
    /// their names.
    Order,
}

/// Why a file's tensors cannot be a network's weights.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// Tensors and places do not fit.
    #[error("{0}")]
    Mismatch(Mismatch),
    /// By the names of another program, tensors and places do not fit.
    #[error("by the tensor names of {source_of_names}, {mismatch}")]
    KnownMismatch {
        /// The program.
        source_of_names: &'static str,
        /// What does not fit.
        mismatch: Mismatch,
    },
    /// Names are of another program, and shapes do not say which tensor belongs where.
    #[error(
        "the tensors have another program's names (such as `{example}`), and {layers} layers share their shape \
         with another layer, so the mapping is ambiguous; rename the tensors to the layer names of \
         `inceptive show`, or match them in the natural order of their names with --match order and verify the outputs"
    )]
    Ambiguous {
        /// A name of the file.
        example: String,
        /// How many layers another one could be taken for.
        layers: usize,
    },
}

/// A layer's tensors in a file.
struct Layer<'a> {
    name: &'a str,
    tensors: BTreeMap<Role, (&'a str, StoredTensor<'a>)>,
}

/// What layers are matched by: their tensors' roles and shapes.
type Signature = Vec<(Role, Vec<usize>)>;

impl Weights {
    /// Reads the weights of `graph` from a safetensors file: by name, if the names are ours, those of the PyTorch
    /// module that we write, or those of a program that has this network ([`Naming`]); otherwise, for files of other
    /// programs in PyTorch's layout, by shape, and by order if `match_by` allows it. Counters, and auxiliary heads that the graph does not have, are ignored.
    ///
    /// # Errors
    /// When it is not a safetensors file or has a key twice, when a tensor is missing, unused or has the wrong shape or type, and when the
    /// order of names would have to be guessed.
    pub fn from_safetensors(
        source: &dyn Source,
        graph: &Graph,
        match_by: MatchBy,
    ) -> Result<(Self, Matching), LoadError> {
        let file = StoredFile::open(source)?;
        let read = Self::of_file(&file, graph, match_by);
        file.checked(())?;
        read
    }

    fn of_file(
        file: &StoredFile<'_>,
        graph: &Graph,
        match_by: MatchBy,
    ) -> Result<(Self, Matching), LoadError> {
        let all = file.tensors();
        let slots = slots(graph);
        let known: HashSet<Vec<String>> =
            slots.iter().map(|slot| words(&slot.to_string())).collect();
        // Layers of the network itself may be called like auxiliary heads of other programs.
        let is_used = |name: &str| {
            !is_auxiliary(name) || !graph.auxiliary().is_empty() || known.contains(&words(name))
        };
        let tensors: Vec<(&str, StoredTensor<'_>)> = all
            .iter()
            .map(|(name, tensor)| (name.as_str(), *tensor))
            .filter(|(name, _)| !name.ends_with("num_batches_tracked"))
            .filter(|(name, _)| is_used(name))
            .collect();
        let by_name = tensors.iter().filter(|(name, _)| known.contains(&words(name))).count();
        if by_name * 2 > slots.len() {
            let placed = place_by_name(graph, &slots, tensors);
            let weights = placed.and_then(|placed| fill(&slots, &placed));
            return Ok((weights.map_err(LoadError::Mismatch)?, Matching::Names));
        }
        if let Some(found) = foreign::find(&slots, &tensors)
            && (match_by == MatchBy::Names || found.is_complete(&slots))
        {
            let naming = found.table.naming;
            let weights = foreign::fill(graph, &slots, &found, &tensors).map_err(|mismatch| {
                LoadError::KnownMismatch { source_of_names: naming.source, mismatch }
            })?;
            return Ok((weights, Matching::Known(naming)));
        }
        let example = tensors.iter().map(|(name, _)| *name).min().unwrap_or_default().to_owned();
        let layers = count_ambiguous(&slots);
        let placed = place_by_order(graph, &slots, tensors).map_err(LoadError::Mismatch)?;
        if layers > 0 && match_by == MatchBy::Names {
            return Err(LoadError::Ambiguous { example, layers });
        }
        let weights = fill(&slots, &placed).map_err(LoadError::Mismatch)?;
        Ok((weights, if layers > 0 { Matching::Order } else { Matching::Shapes }))
    }

    /// Reads the weights of `graph` from a safetensors file with these names of its tensors, such as the keys of a PyTorch
    /// module that we wrote. They differ from our names by more than separators where several of ours become the same
    /// name in Python.
    ///
    /// # Errors
    /// When it is not a safetensors file or has a key twice, and when a tensor is missing or has the wrong shape or type.
    pub fn from_safetensors_by_keys(
        source: &dyn Source,
        graph: &Graph,
        keys: &[((Path, Role), String)],
    ) -> Result<Self, LoadError> {
        let file = StoredFile::open(source)?;
        let keys: HashMap<(&Path, Role), &str> =
            keys.iter().map(|((path, role), key)| ((path, *role), key.as_str())).collect();
        let slots = slots(graph);
        let mut mismatch = Mismatch::default();
        let mut placed = Vec::with_capacity(slots.len());
        for slot in &slots {
            let key = keys.get(&(&slot.path, slot.role)).copied().unwrap_or_default();
            match file.tensor(key) {
                Some(tensor) => placed.push((key, tensor)),
                None => mismatch.missing.push(describe_slot(slot)),
            }
        }
        if mismatch != Mismatch::default() {
            return Err(LoadError::Mismatch(mismatch));
        }
        let filled = fill(&slots, &placed);
        file.checked(())?;
        filled.map_err(LoadError::Mismatch)
    }

    /// The weights of `graph` as the bytes of a safetensors file, under our names.
    ///
    /// # Errors
    /// When values are missing or the format cannot hold them.
    pub fn to_safetensors(&self, graph: &Graph) -> Result<Vec<u8>, SaveError> {
        let file = self.safetensors_file(graph)?;
        let mut bytes = Vec::with_capacity(file.bytes());
        file.write(&mut bytes).map_err(SafeTensorError::from)?;
        Ok(bytes)
    }

    /// The weights of `graph` as a safetensors file, under our names.
    ///
    /// # Errors
    /// When values are missing or the format cannot hold them.
    pub fn safetensors_file(&self, graph: &Graph) -> Result<SafetensorsFile<'_>, SaveError> {
        let slots = slots(graph);
        let names: Vec<String> = slots.iter().map(Slot::to_string).collect();
        let mut tensors = Vec::with_capacity(slots.len());
        for (slot, name) in slots.iter().zip(&names) {
            tensors.push((name.as_str(), slot.shape.as_slice(), self.get(&slot.path, slot.role)?));
        }
        Ok(SafetensorsFile::new(&tensors, None)?)
    }
}

/// Why weights cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// A tensor has no values.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// The format cannot hold them.
    #[error(transparent)]
    Format(#[from] SafeTensorError),
}

/// Whether a tensor belongs to an auxiliary head, by the names that the classics use.
fn is_auxiliary(name: &str) -> bool {
    name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("aux"))
}

/// Tensors in the order of the slots.
type Placed<'a> = Vec<(&'a str, StoredTensor<'a>)>;

fn place_by_name<'a>(
    graph: &Graph,
    slots: &[Slot],
    tensors: Vec<(&'a str, StoredTensor<'a>)>,
) -> Result<Placed<'a>, Mismatch> {
    let mut mismatch = Mismatch::default();
    let names: HashSet<String> = slots.iter().map(Slot::to_string).collect();
    // Our own names, which may have the same words as others of ours.
    let mut exact: HashMap<&str, (&str, StoredTensor<'_>)> = HashMap::new();
    let mut by_name: HashMap<Vec<String>, (&str, StoredTensor<'_>)> = HashMap::new();
    for (name, tensor) in tensors {
        if names.contains(name) {
            exact.insert(name, (name, tensor));
        } else if let Some((other, _)) = by_name.insert(words(name), (name, tensor)) {
            mismatch.extra.push(format!("{other}, which could be {name}"));
        }
    }
    let mut placed = Vec::with_capacity(slots.len());
    for slot in slots {
        let name = slot.to_string();
        match exact.remove(name.as_str()).or_else(|| by_name.remove(&words(&name))) {
            Some(tensor) => placed.push(tensor),
            None => mismatch.missing.push(describe_slot(slot)),
        }
    }
    check_copies(graph, slots, &placed, &mut by_name, &mut mismatch);
    mismatch.extra.extend(by_name.values().map(|(name, tensor)| describe_tensor(name, tensor)));
    mismatch.extra.sort();
    if mismatch == Mismatch::default() { Ok(placed) } else { Err(mismatch) }
}

/// Takes out the copies that other programs write of a tensor which several layers share, under each layer's name.
/// They have to be equal.
fn check_copies<'a>(
    graph: &Graph,
    slots: &[Slot],
    placed: &Placed<'a>,
    rest: &mut HashMap<Vec<String>, (&'a str, StoredTensor<'a>)>,
    mismatch: &mut Mismatch,
) {
    let of_slots = slots.iter().zip(placed).filter(|_| slots.len() == placed.len());
    let kept: HashMap<String, &StoredTensor<'_>> =
        of_slots.map(|(slot, (_, tensor))| (slot.to_string(), tensor)).collect();
    for (_, node) in graph.nodes() {
        for (role, path) in node.shared.iter() {
            let Some(kept) = kept.get(&format!("{path}.{role}")) else { continue };
            let Some((name, copy)) = rest.remove(&words(&format!("{}.{role}", node.path))) else {
                continue;
            };
            if !copy.is_equal(**kept) {
                mismatch.differing.push(format!(
                    "{}, but the network shares it with {path}.{role}, which has different values",
                    describe_tensor(name, &copy)
                ));
            }
        }
    }
}

/// How many layers have tensors of the same roles and shapes as another.
fn count_ambiguous(slots: &[Slot]) -> usize {
    let mut layers: HashMap<Signature, usize> = HashMap::new();
    for layer in slots.chunk_by(|a, b| a.path == b.path) {
        *layers.entry(signature(layer)).or_default() += 1;
    }
    layers.into_values().filter(|&count| count > 1).sum()
}

/// What a layer is matched by.
fn signature(layer: &[Slot]) -> Signature {
    layer.iter().map(|slot| (slot.role, slot.shape.clone())).collect()
}

/// Convolutions and linear layers first, then normalisations, of which the one belongs to a layer whose name
/// is closest: exporters sort `branch1.bn` and `branch3.bn`, of equal shape, in another order than ours.
fn place_by_order<'a>(
    graph: &Graph,
    slots: &[Slot],
    tensors: Vec<(&'a str, StoredTensor<'a>)>,
) -> Result<Placed<'a>, Mismatch> {
    let mut mismatch = Mismatch::default();
    let mut candidates = by_signature(tensors, &mut mismatch);
    let guides = guides(graph);
    let ours: Vec<&[Slot]> = slots.chunk_by(|a, b| a.path == b.path).collect();
    let (norms, layers): (Vec<&[Slot]>, Vec<&[Slot]>) =
        ours.iter().partition(|slots| slots.iter().any(|slot| slot.role == Role::Mean));
    let mut placed: HashMap<&Path, Layer<'a>> = HashMap::new();
    for ours in layers.into_iter().chain(norms) {
        let path = &ours[0].path;
        let guide = guides.get(path).and_then(|guide| placed.get(guide)).map(|guide| guide.name);
        let fitting = candidates.get_mut(&signature(ours));
        match fitting.and_then(|fitting| fitting.take(guide)) {
            Some(layer) => {
                placed.insert(path, layer);
            }
            None => mismatch.missing.extend(ours.iter().map(describe_slot)),
        }
    }
    for layer in candidates.into_values().flat_map(Candidates::rest) {
        let tensors = layer.tensors.values();
        mismatch.extra.extend(tensors.map(|(name, tensor)| describe_tensor(name, tensor)));
    }
    mismatch.extra.sort();
    if mismatch != Mismatch::default() {
        return Err(mismatch);
    }
    let in_order = ours.into_iter().filter_map(|ours| placed.remove(&ours[0].path));
    Ok(in_order.flat_map(|layer| layer.tensors.into_values()).collect())
}

/// Layers of a file that can be matched with the same layers of a network.
struct Candidates<'a> {
    /// In the natural order of their names; `None` once they are taken.
    layers: Vec<Option<Layer<'a>>>,
    /// For the beginning of a name and the next word, the beginning that both make.
    longer: HashMap<(usize, &'a str), usize>,
    /// For each beginning of names, positions of the layers that have it. The first one is that without words.
    of_beginning: Vec<BTreeSet<usize>>,
}

impl<'a> Candidates<'a> {
    fn new(layers: Vec<Layer<'a>>) -> Self {
        let mut longer = HashMap::new();
        let mut of_beginning = vec![(0..layers.len()).collect::<BTreeSet<usize>>()];
        for (position, layer) in layers.iter().enumerate() {
            let mut beginning = 0;
            for word in layer.name.split('.') {
                beginning = match longer.entry((beginning, word)) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => {
                        of_beginning.push(BTreeSet::new());
                        *new.insert(of_beginning.len() - 1)
                    }
                };
                of_beginning[beginning].insert(position);
            }
        }
        Self { layers: layers.into_iter().map(Some).collect(), longer, of_beginning }
    }

    /// The beginnings of a name, the longest last.
    fn beginnings(&self, name: &str) -> Vec<usize> {
        let mut all = vec![0];
        for word in name.split('.') {
            match self.longer.get(&(all[all.len() - 1], word)) {
                Some(&beginning) => all.push(beginning),
                None => break,
            }
        }
        all
    }

    /// Takes the first of the layers that have the most words at the beginning of their names in common with a name.
    fn take(&mut self, close_to: Option<&str>) -> Option<Layer<'a>> {
        let beginnings = close_to.map_or_else(|| vec![0], |name| self.beginnings(name));
        let first = |beginning: &usize| self.of_beginning[*beginning].first().copied();
        let position = beginnings.iter().rev().find_map(first)?;
        let layer = self.layers[position].take()?;
        for beginning in self.beginnings(layer.name) {
            self.of_beginning[beginning].remove(&position);
        }
        Some(layer)
    }

    /// The layers that were not taken.
    fn rest(self) -> impl Iterator<Item = Layer<'a>> {
        self.layers.into_iter().flatten()
    }
}

/// A file's layers by what they can be matched with.
fn by_signature<'a>(
    tensors: Vec<(&'a str, StoredTensor<'a>)>,
    mismatch: &mut Mismatch,
) -> BTreeMap<Signature, Candidates<'a>> {
    let mut layers: HashMap<&str, Layer<'a>> = HashMap::new();
    for (name, tensor) in tensors {
        let (layer, role) = name.rsplit_once('.').unwrap_or(("", name));
        let roles = [Role::Weight, Role::Bias, Role::Mean, Role::Variance];
        let Some(role) = roles.into_iter().find(|known| known.name() == role) else {
            mismatch.extra.push(describe_tensor(name, &tensor));
            continue;
        };
        let empty = || Layer { name: layer, tensors: BTreeMap::new() };
        layers.entry(layer).or_insert_with(empty).tensors.insert(role, (name, tensor));
    }
    let mut layers: Vec<Layer<'a>> = layers.into_values().collect();
    layers.sort_by_cached_key(|layer| natural(layer.name));
    let mut by_signature: BTreeMap<Signature, Vec<Layer<'a>>> = BTreeMap::new();
    for layer in layers {
        let shapes =
            layer.tensors.iter().map(|(&role, (_, tensor))| (role, tensor.shape().to_vec()));
        by_signature.entry(shapes.collect()).or_default().push(layer);
    }
    by_signature.into_iter().map(|(shapes, layers)| (shapes, Candidates::new(layers))).collect()
}

/// For each normalisation the layer that it belongs to: the one before it, else one after it.
fn guides(graph: &Graph) -> HashMap<&Path, &Path> {
    let is_layer = |id: &NodeId| matches!(graph.node(*id).op, Op::Conv(_) | Op::Linear(_));
    let norms = graph.nodes().filter(|(_, node)| matches!(node.op, Op::BatchNorm(_)));
    let guide = |id| {
        let after = graph.consumers(id).into_iter().flat_map(|reader| {
            // Through the activation of a pre-activation block.
            std::iter::once(reader).chain(graph.consumers(reader))
        });
        graph.inputs(id).into_iter().chain(after).find(is_layer)
    };
    norms.filter_map(|(id, node)| Some((&node.path, &graph.node(guide(id)?).path))).collect()
}

/// The values of tensors that found their places.
fn fill(slots: &[Slot], placed: &Placed<'_>) -> Result<Weights, Mismatch> {
    let mut weights = Weights::default();
    let mut mismatch = Mismatch::default();
    for (slot, (name, tensor)) in slots.iter().zip(placed) {
        let values = (tensor.shape() == slot.shape).then(|| tensor.values()).flatten();
        match values {
            Some(values) => weights.set(slot.path.clone(), slot.role, values),
            None => mismatch.differing.push(format!(
                "{}, but {} is needed",
                describe_tensor(name, tensor),
                describe_slot(slot)
            )),
        }
    }
    if mismatch == Mismatch::default() { Ok(weights) } else { Err(mismatch) }
}

#[cfg(test)]
mod tests {
    use inceptive_ir::{BatchNorm, Conv, NewNode, Padding, Shape, Size};

    use super::*;
    use crate::tensors::{Named, tensors_to_safetensors};

    fn add(graph: &mut Graph, op: Op, path: &str) {
        let last = graph.output();
        graph.add(NewNode::new(op, Path::new(path)), &[last]).unwrap();
    }

    fn conv() -> Op {
        Op::Conv(Conv {
            kernel: Size::square(1),
            out_channels: 1,
            stride: Size::square(1),
            padding: Padding::default(),
            dilation: Size::square(1),
            groups: 1,
            bias: false,
        })
    }

    #[test]
    fn our_own_names_come_first() {
        let mut graph = Graph::new(Shape::map(1, 2, 2), None).unwrap();
        for path in ["Auxin", "a/b", "a-b", "A/B"] {
            add(&mut graph, conv(), path);
        }
        let weights = Weights::seeded(&graph, 1);
        let bytes = weights.to_safetensors(&graph).unwrap();
        let (read, matching) = Weights::from_safetensors(&bytes, &graph, MatchBy::Names).unwrap();
        assert_eq!((&read, matching), (&weights, Matching::Names));
    }

    /// A zero-width space is no separator: the tensor is not that of another layer.
    #[test]
    fn an_invisible_character_makes_another_name() {
        let mut graph = Graph::new(Shape::map(1, 2, 2), None).unwrap();
        ["a", "A"].iter().for_each(|path| add(&mut graph, conv(), path));
        let shape: &[usize] = &[1, 1, 1, 1];
        let read = |name: &str| {
            let tensors: [Named<'_>; 2] = [("a.weight", shape, &[1.0]), (name, shape, &[2.0])];
            let bytes = tensors_to_safetensors(&tensors).unwrap();
            Weights::from_safetensors(&bytes, &graph, MatchBy::Names)
        };
        for other in ["a\u{200b}.weight", "b.weight"] {
            assert!(read(other).is_err(), "{other:?}");
        }
        assert!(read("A.weight").is_ok());
    }

    #[test]
    fn keys_say_which_tensor_is_whose() {
        let mut graph = Graph::new(Shape::map(1, 2, 2), None).unwrap();
        let paths = ["a_b", "a-b"];
        paths.iter().for_each(|path| add(&mut graph, conv(), path));
        let shape: &[usize] = &[1, 1, 1, 1];
        let tensors: [Named<'_>; 2] =
            [("a_b.weight", shape, &[1.0]), ("a_b_2.weight", shape, &[2.0])];
        let bytes = tensors_to_safetensors(&tensors).unwrap();
        let by_name = Weights::from_safetensors(&bytes, &graph, MatchBy::Names);
        assert!(by_name.is_err());
        let key = |at: usize| ((Path::new(paths[at]), Role::Weight), tensors[at].0.to_owned());
        let read = |keys: &[_]| Weights::from_safetensors_by_keys(&bytes, &graph, keys);
        let weights = read(&[key(0), key(1)]).unwrap();
        assert_eq!(weights.get(&Path::new("a-b"), Role::Weight).unwrap(), [2.0]);
        assert!(matches!(read(&[key(0)]), Err(LoadError::Mismatch(_))));
    }

    /// Comparing each name with each other one would take minutes.
    #[test]
    fn many_layers_are_matched_in_order_in_no_time() {
        let count = 15_000;
        let mut graph = Graph::new(Shape::map(1, 1, 1), None).unwrap();
        for at in 0..count {
            add(&mut graph, conv(), &format!("c{at}"));
            add(
                &mut graph,
                Op::BatchNorm(BatchNorm { eps: 1e-5, scale: true, center: true }),
                &format!("n{at}"),
            );
        }
        let roles = ["weight", "bias", "running_mean", "running_var"];
        let names: Vec<[String; 5]> = (0..count)
            .map(|at| {
                let norm = roles.map(|role| format!("f.{at}.norm.{role}"));
                let [a, b, c, d] = norm;
                [format!("f.{at}.conv.weight"), a, b, c, d]
            })
            .collect();
        let values: Vec<f32> = (0..count).map(|at| at as f32).collect();
        let mut tensors: Vec<Named<'_>> = Vec::new();
        for (names, value) in names.iter().zip(values.chunks(1)) {
            tensors.push((&names[0], &[1, 1, 1, 1], value));
            names[1..].iter().for_each(|name| tensors.push((name, &[1], value)));
        }
        let bytes = tensors_to_safetensors(&tensors).unwrap();
        let read = |match_by| Weights::from_safetensors(&bytes, &graph, match_by);
        assert!(matches!(read(MatchBy::Names), Err(LoadError::Ambiguous { .. })));
        let (weights, matching) = read(MatchBy::Order).unwrap();
        assert_eq!(matching, Matching::Order);
        for at in [0, 1, 9_999, count - 1] {
            for (path, role) in [("c", Role::Weight), ("n", Role::Mean)] {
                let found = weights.get(&Path::new(&format!("{path}{at}")), role).unwrap();
                assert_eq!(found, [at as f32]);
            }
        }
    }
}
