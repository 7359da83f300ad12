//! Which layers use tensors of layers that are written before them.

use std::collections::{BTreeMap, HashMap};

use inceptive_ir::{Path, Role};

use super::{layers::Layers, tree::Item, writer::Writer};

/// What a layer uses of other layers.
pub(super) enum Shares {
    /// All tensors of a layer, which has no others.
    All(usize),
    /// Some tensors, each of a layer.
    Some(Vec<(Role, usize)>),
}

/// What the layers of a network use of others, by layer.
#[derive(Default)]
pub(super) struct Sharing(BTreeMap<usize, Shares>);

impl Sharing {
    /// Of the layers in these lists, which are written in this order. A tensor is that of the first layer that has it.
    pub(super) fn new<'i>(
        layers: &Layers<'_>,
        lists: impl IntoIterator<Item = &'i [Item]>,
    ) -> Self {
        let graph = layers.graph;
        if !graph.has_shared_tensors() {
            return Self::default();
        }
        let mut order = Vec::new();
        lists.into_iter().for_each(|items| Writer::layers_of(items, &mut order));
        let roles = |layer: usize| -> Vec<Role> {
            let tensors = layers.op(layer).tensors(&graph.input_shapes(layers.all[layer].main));
            tensors.into_iter().map(|(role, _)| role).collect()
        };
        let mut owners: HashMap<(&Path, Role), usize> = HashMap::new();
        let mut sharing = BTreeMap::new();
        for layer in order {
            let node = layers.node(layer);
            let own = roles(layer);
            let tensors = own.iter().map(|&role| {
                (role, *owners.entry((node.tensor_path(role), role)).or_insert(layer))
            });
            let used: Vec<(Role, usize)> = tensors.filter(|(_, owner)| *owner != layer).collect();
            let Some(&(_, owner)) = used.first() else { continue };
            let is_of_one = used.len() == own.len() && used.iter().all(|(_, of)| *of == owner);
            sharing.insert(
                layer,
                match is_of_one && roles(owner) == own {
                    true => Shares::All(owner),
                    false => Shares::Some(used),
                },
            );
        }
        Self(sharing)
    }

    pub(super) fn of(&self, layer: usize) -> Option<&Shares> {
        self.0.get(&layer)
    }

    /// The layers whose tensors others use too.
    pub(super) fn owners(&self) -> impl Iterator<Item = usize> {
        self.0.values().flat_map(|shares| match shares {
            Shares::All(owner) => vec![*owner],
            Shares::Some(tensors) => tensors.iter().map(|(_, owner)| *owner).collect(),
        })
    }
}
