//! The names that other programs give to the tensors of networks that are shipped.
//!
//! A table says what each of a program's names is called here. It applies only if every tensor of a file has one place,
//! and every place one tensor; shapes are checked as well.

mod keras;
mod pattern;
mod pytorch;

use std::collections::{HashMap, HashSet};

use inceptive_ir::Role;

use self::pattern::{Map, translate};
use crate::weights::Slot;

/// A program that gives its own names to the tensors of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Naming {
    /// The program, or several that use the same names, as messages name it.
    pub source: &'static str,
    /// Where the program computes something else with these weights than our network does.
    pub differs: Option<&'static str>,
}

const fn named(source: &'static str) -> Naming {
    Naming { source, differs: None }
}

/// A program's names for one kind of network.
pub struct Table {
    /// Whose names they are.
    pub naming: Naming,
    /// Words of patterns that stand for other words here.
    maps: &'static [Map],
    /// Their layers and ours. The first that leads to a layer of the network counts.
    layers: &'static [(&'static str, &'static str)],
    /// What they append to the name of a convolution and of its normalisation, which have one name in `pairs`.
    ends: [&'static str; 2],
    /// Their names without these ends, and our convolutions.
    pairs: &'static [(&'static str, &'static str)],
    /// How Keras stores them.
    pub keras: Option<Keras>,
}

/// What is peculiar to a network in Keras.
pub struct Keras {
    /// Added to variances; our network may add another number.
    pub eps: f32,
    /// Layers that the network must have for its automatic names, which are numbered in the order of creation, to stand
    /// for convolutions and normalisations in our order.
    in_order: &'static [&'static str],
}

/// The names of PyTorch's collections, then those of Keras.
pub fn tables() -> impl Iterator<Item = &'static Table> {
    pytorch::TABLES.iter().chain(keras::TABLES)
}

/// A tensor's layer and role by its name, in the notation of PyTorch or Keras.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TheirName {
    layer: String,
    role: Role,
}

impl TheirName {
    /// Of PyTorch: `layer1.0.conv1.weight`.
    fn of_pytorch(name: &str) -> Option<Self> {
        let (layer, word) = name.rsplit_once('.')?;
        let roles = [Role::Weight, Role::Bias, Role::Mean, Role::Variance];
        let role = roles.into_iter().find(|role| role.name() == word)?;
        Some(Self { layer: layer.to_owned(), role })
    }

    /// Of Keras: `block1_conv1/kernel`. The two kernels of a separable convolution are two layers.
    fn of_keras(name: &str) -> Option<Self> {
        let name = name.strip_suffix(":0").unwrap_or(name);
        let (path, word) = name.rsplit_once(['/', '.'])?;
        let layer = path.rsplit_once('/').map_or(path, |(_, layer)| layer);
        let (role, part) = match word {
            "kernel" | "gamma" => (Role::Weight, ""),
            "depthwise_kernel" => (Role::Weight, "/depthwise"),
            "pointwise_kernel" => (Role::Weight, "/pointwise"),
            "bias" | "beta" => (Role::Bias, ""),
            "moving_mean" => (Role::Mean, ""),
            "moving_variance" => (Role::Variance, ""),
            _ => return None,
        };
        Some(Self { layer: format!("{layer}{part}"), role })
    }
}

/// Which tensor of a file is at which place.
pub struct Found<'a> {
    /// The table that says so.
    pub table: &'static Table,
    /// For each place the name in the file; `None` if the file has none.
    pub names: Vec<Option<&'a str>>,
    /// Names without a place of their own.
    pub extra: Vec<&'a str>,
}

impl Found<'_> {
    /// How many places have a tensor.
    pub fn count(&self) -> usize {
        self.names.iter().flatten().count()
    }

    /// Whether each tensor has one place and each place one tensor.
    pub fn is_complete(&self, slots: &[Slot]) -> bool {
        let is_there =
            |(at, name): (usize, &Option<&str>)| name.is_some() || self.table.may_lack(at, slots);
        self.extra.is_empty() && self.names.iter().enumerate().all(is_there)
    }
}

impl Table {
    /// Places the tensors of these names.
    pub fn find<'a>(&'static self, slots: &[Slot], names: &[&'a str]) -> Found<'a> {
        let place_of: HashMap<(&str, Role), usize> = slots
            .iter()
            .enumerate()
            .map(|(at, slot)| ((slot.path.as_str(), slot.role), at))
            .collect();
        let mut found = Found { table: self, names: vec![None; slots.len()], extra: vec![] };
        let mut numbered = Vec::new();
        for &name in names {
            let parsed = match self.keras {
                Some(_) => TheirName::of_keras(name),
                None => TheirName::of_pytorch(name),
            };
            let place = parsed.as_ref().and_then(|their| {
                self.ours(&their.layer)
                    .find_map(|path| place_of.get(&(&*path, their.role)).copied())
            });
            match (place, parsed) {
                (Some(at), _) if found.names[at].is_none() => found.names[at] = Some(name),
                (None, Some(their)) => numbered.push((name, their)),
                _ => found.extra.push(name),
            }
        }
        self.place_numbered(slots, numbered, &mut found);
        found
    }

    /// What a layer may be called here, the likeliest first.
    fn ours<'a>(&'static self, layer: &'a str) -> impl Iterator<Item = String> + 'a {
        let whole = self.layers.iter();
        let whole =
            whole.filter_map(move |(theirs, ours)| translate(self.maps, theirs, ours, layer));
        let pairs = self.ends.iter().zip(["", "/bn"]).filter_map(move |(end, ours)| {
            // Without pairs, there are no ends.
            let stem = layer.strip_suffix(*end).filter(|_| !end.is_empty())?;
            Some((stem, ours))
        });
        let pairs = pairs.flat_map(move |(stem, end)| {
            let of_stem = move |(theirs, ours): &(&str, &str)| {
                Some(translate(self.maps, theirs, ours, stem)? + end)
            };
            self.pairs.iter().filter_map(of_stem)
        });
        whole.chain(pairs)
    }

    /// Places layers that have a kind and a number for a name, in the order of their numbers.
    fn place_numbered<'a>(
        &self,
        slots: &[Slot],
        numbered: Vec<(&'a str, TheirName)>,
        found: &mut Found<'a>,
    ) {
        let paths: HashSet<&str> = slots.iter().map(|slot| slot.path.as_str()).collect();
        let is_in_order = self.keras.as_ref().is_some_and(|keras| {
            !keras.in_order.is_empty() && keras.in_order.iter().all(|path| paths.contains(path))
        });
        let mut rest = Vec::new();
        let mut kinds: [Vec<(u32, &str, Role)>; 2] = Default::default();
        for (name, their) in numbered {
            let kind = AUTOMATIC.iter().position(|kind| number(&their.layer, kind).is_some());
            match kind.filter(|_| is_in_order) {
                Some(at) => {
                    let number = number(&their.layer, AUTOMATIC[at]).unwrap_or_default();
                    kinds[at].push((number, name, their.role));
                }
                None => rest.push(name),
            }
        }
        for (tensors, is_norm) in kinds.iter_mut().zip([false, true]) {
            tensors.sort_by_key(|(number, ..)| *number);
            let is_free = |layer: &&[usize]| layer.iter().all(|&at| found.names[at].is_none());
            let layers = layers(slots);
            let layers = layers.iter().map(Vec::as_slice);
            let free: Vec<&[usize]> = layers
                .filter(|layer| is_norm == layer.iter().any(|&at| slots[at].role == Role::Mean))
                .filter(is_free)
                .collect();
            let theirs: Vec<_> = tensors.chunk_by(|a, b| a.0 == b.0).collect();
            for (at, tensors) in theirs.iter().enumerate() {
                for (_, name, role) in *tensors {
                    let layer = free.get(at).filter(|_| theirs.len() == free.len());
                    let place =
                        layer.and_then(|layer| layer.iter().find(|&&at| slots[at].role == *role));
                    match place {
                        Some(&at) if found.names[at].is_none() => found.names[at] = Some(name),
                        _ => rest.push(name),
                    }
                }
            }
        }
        found.extra.extend(rest);
    }

    /// Whether a place may stay empty: Keras's normalisations often have no factor, which is 1 then.
    pub fn may_lack(&self, at: usize, slots: &[Slot]) -> bool {
        let slot = &slots[at];
        let mut of_layer = slots[at..].iter().take_while(|other| other.path == slot.path);
        self.keras.is_some()
            && slot.role == Role::Weight
            && slot.shape.len() == 1
            && of_layer.any(|other| other.role == Role::Mean)
    }
}

/// Keras's names of layers that were given none.
const AUTOMATIC: [&str; 2] = ["conv2d", "batch_normalization"];

/// The number of an automatic name: `conv2d` is the first, `conv2d_1` the next.
fn number(layer: &str, kind: &str) -> Option<u32> {
    match layer.strip_prefix(kind)? {
        "" => Some(0),
        rest => rest.strip_prefix('_')?.parse().ok(),
    }
}

/// The positions of each layer's tensors.
fn layers(slots: &[Slot]) -> Vec<Vec<usize>> {
    let positions: Vec<usize> = (0..slots.len()).collect();
    let same = |a: &usize, b: &usize| slots[*a].path == slots[*b].path;
    positions.chunk_by(same).map(<[usize]>::to_vec).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use inceptive_dsl::{Disk, load};
    use inceptive_ir::{Graph, passes};
    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::{LoadError, MatchBy, Matching, Weights, slots, tensors_to_safetensors};

    fn network(name: &str) -> Graph {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
        let loaded = load(&Disk, &root.join(format!("{name}.yaml")), &[]).unwrap();
        passes::inference(&loaded.architecture.graph).unwrap()
    }

    /// The tensors that a file has, by layer.
    fn names(entry: &Value) -> Vec<String> {
        let is_keras = entry["source"].as_str().unwrap().starts_with("keras");
        let mark = if is_keras { '/' } else { '.' };
        let mut names = Vec::new();
        for (layer, short) in entry["tensors"].as_object().unwrap() {
            let short = short.as_str().unwrap();
            let words: Vec<&str> = match (short, is_keras) {
                (norm, true) if norm.starts_with("norm without factor ") => {
                    vec!["beta", "moving_mean", "moving_variance"]
                }
                (norm, true) if norm.starts_with("norm ") => {
                    vec!["gamma", "beta", "moving_mean", "moving_variance"]
                }
                (norm, false) if norm.starts_with("norm ") => {
                    vec!["weight", "bias", "running_mean", "running_var"]
                }
                (words, _) => {
                    words.split(", ").map(|word| word.split_once(' ').unwrap().0).collect()
                }
            };
            names.extend(words.iter().map(|word| format!("{layer}{mark}{word}")));
        }
        names
    }

    /// That these places are right was checked by outputs: `scripts/weight_names.py`.
    #[test]
    fn every_tensor_of_other_programs_has_its_place() {
        let entries: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/weight_names.json")).unwrap();
        let mut text = String::new();
        for entry in &entries {
            let (file, source) =
                (entry["file"].as_str().unwrap(), entry["source"].as_str().unwrap());
            let slots = slots(&network(file));
            let names = names(entry);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let most = tables().map(|table| table.find(&slots, &names)).max_by_key(Found::count);
            let found = most.unwrap();
            assert!(found.is_complete(&slots), "{file}, {source}: {:?}", found.extra);
            let mut digest = Sha256::new();
            for (slot, name) in slots.iter().zip(&found.names) {
                digest.update(format!("{slot}={}\n", name.unwrap_or("1")));
            }
            let digest: String =
                digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
            let (count, by) = (found.count(), found.table.naming.source);
            text += &format!("{file}, {source}: {count} tensors by {by}, {digest}\n");
        }
        insta::assert_snapshot!(text);
    }

    #[test]
    fn what_does_not_fit_is_said_by_name() {
        let graph = network("resnet18");
        let entries: Vec<Value> =
            serde_json::from_str(include_str!("../../tests/weight_names.json")).unwrap();
        let entry = entries.iter().find(|entry| entry["source"] == "torchvision/resnet18").unwrap();
        let slots = slots(&graph);
        let names = names(entry);
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let table = tables().find(|table| table.find(&slots, &names).is_complete(&slots)).unwrap();
        let found = table.find(&slots, &names);
        let values: Vec<Vec<f32>> = slots.iter().map(|slot| vec![0.5; slot.len()]).collect();
        let of_ten = (vec![10, 512], vec![0.5; 5120]);
        let tensors: Vec<(&str, &[usize], &[f32])> = slots
            .iter()
            .zip(&found.names)
            .zip(&values)
            .map(|((slot, name), values)| match name.unwrap() {
                "fc.weight" => ("fc.weight", &*of_ten.0, &*of_ten.1),
                "layer1.0.conv1.weight" => ("layer1.0.conv9.weight", &*slot.shape, &**values),
                name => (name, &*slot.shape, &**values),
            })
            .collect();
        let bytes = tensors_to_safetensors(&tensors).unwrap();
        let error = Weights::from_safetensors(&bytes, &graph, MatchBy::Names).unwrap_err();
        assert!(matches!(error, LoadError::KnownMismatch { .. }), "{error:?}");
        insta::assert_snapshot!(error);

        let tensors: Vec<(&str, &[usize], &[f32])> = slots
            .iter()
            .zip(&found.names)
            .zip(&values)
            .map(|((slot, name), values)| (name.unwrap(), &*slot.shape, &**values))
            .collect();
        let bytes = tensors_to_safetensors(&tensors).unwrap();
        let (_, matching) = Weights::from_safetensors(&bytes, &graph, MatchBy::Names).unwrap();
        assert_eq!(matching, Matching::Known(named("torchvision and timm")));
    }
}
