//! The tensors of a network as vectors in the memory of its program.

use std::collections::HashMap;

use inceptive_ir::{Node, Op, Path, Role};
use inceptive_kernels::{
    LANES,
    conv::Reading,
    memory::View,
    step::{Learned, Rule},
};

use super::maps::Maps;
use crate::resample::turned;

/// A tensor as a vector.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub(super) path: Path,
    pub(super) role: Role,
    pub(super) len: usize,
    pub(super) values: View,
    /// Its gradient, after the first write to it.
    gradient: Option<View>,
    /// The optimizer's state.
    pub(super) states: Vec<View>,
    /// An average of its numbers.
    pub(super) average: Option<View>,
    /// Whether weight decay applies, as for kernels and matrices.
    decays: bool,
    /// The order of its numbers, if it is not the tensor's own.
    reading: Option<Reading>,
    /// Of the kernels of a transposed convolution: where each number of the convolution that it amounts to is in the tensor.
    turned: Option<Vec<usize>>,
}

/// The tensors of a network.
#[derive(Clone, Debug, Default)]
pub(super) struct Tensors {
    all: Vec<Tensor>,
    by_path: HashMap<(Path, Role), usize>,
}

impl Tensors {
    /// In the order in which they were first used.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Tensor> {
        self.all.iter()
    }

    /// Those that are learned, with whether weight decay applies.
    pub(super) fn learned_tensors(&self) -> impl Iterator<Item = (&Path, Role, bool)> {
        let learned = self.all.iter().filter(|tensor| !tensor.states.is_empty());
        learned.map(|tensor| (&tensor.path, tensor.role, tensor.decays))
    }

    fn index(&mut self, node: &Node, role: Role, len: usize, maps: &mut Maps) -> usize {
        let key = (node.tensor_path(role).clone(), role);
        if let Some(&index) = self.by_path.get(&key) {
            return index;
        }
        let index = self.all.len();
        let is_layer = matches!(node.op, Op::Conv(_) | Op::ConvTranspose(_) | Op::Linear(_));
        let decays = role == Role::Weight && is_layer;
        let values = maps.kept(len.div_ceil(LANES));
        let (path, role) = key.clone();
        let states = Vec::new();
        let (gradient, reading, average) = (None, None, None);
        self.all.push(Tensor {
            path,
            role,
            len,
            values,
            gradient,
            states,
            average,
            decays,
            reading,
            turned: turned_of(node, role, len),
        });
        self.by_path.insert(key, index);
        index
    }

    /// The vector of a tensor of a node.
    pub(super) fn values(&mut self, node: &Node, role: Role, len: usize, maps: &mut Maps) -> View {
        let index = self.index(node, role, len, maps);
        self.all[index].values
    }

    /// The vector of a layer's weights in the order in which its convolution reads them; only for a tensor that no other
    /// layer has.
    pub(super) fn packed(
        &mut self,
        node: &Node,
        len: usize,
        reading: Reading,
        maps: &mut Maps,
    ) -> View {
        let values = maps.kept(reading.len().div_ceil(LANES));
        let (path, role) = (node.tensor_path(Role::Weight).clone(), Role::Weight);
        self.by_path.insert((path.clone(), role), self.all.len());
        self.all.push(Tensor {
            path,
            role,
            len,
            values,
            gradient: None,
            states: Vec::new(),
            average: None,
            decays: true,
            reading: Some(reading),
            turned: turned_of(node, Role::Weight, len),
        });
        values
    }

    /// The vector of the gradient of packed weights: `gradient`, which is written in this order.
    pub(super) fn set_gradient(&mut self, node: &Node, gradient: View) {
        let key = (node.tensor_path(Role::Weight).clone(), Role::Weight);
        if let Some(&index) = self.by_path.get(&key) {
            self.all[index].gradient = Some(gradient);
        }
    }

    /// The vector of its gradient, and whether to add to it because it was written before.
    pub(super) fn gradient(
        &mut self,
        node: &Node,
        role: Role,
        len: usize,
        maps: &mut Maps,
    ) -> (View, bool) {
        let index = self.index(node, role, len, maps);
        let tensor = &mut self.all[index];
        if let Some(gradient) = tensor.gradient {
            return (gradient, true);
        }
        // Kept, so that it can be read after a step.
        let gradient = maps.kept(len.div_ceil(LANES));
        tensor.gradient = Some(gradient);
        (gradient, false)
    }

    /// The tensors that have a gradient, with memory for the optimizer.
    pub(super) fn learned(&mut self, rule: Rule, averages: bool, maps: &mut Maps) -> Vec<Learned> {
        let mut learned = Vec::new();
        for tensor in &mut self.all {
            let Some(gradient) = tensor.gradient else { continue };
            let blocks = tensor.values.blocks;
            tensor.states = (0..rule.states()).map(|_| maps.kept(blocks)).collect();
            tensor.average = averages.then(|| maps.kept(blocks));
            learned.push(Learned {
                values: tensor.values,
                gradient,
                states: tensor.states.clone(),
                decays: tensor.decays,
                average: tensor.average,
            });
        }
        learned
    }
}

impl Tensor {
    /// The vector of its gradient.
    pub(super) fn gradient(&self) -> Option<View> {
        self.gradient
    }

    /// The tensor's numbers, from those of a vector of it.
    pub(super) fn read(&self, vector: &[f32]) -> Vec<f32> {
        let numbers = match &self.reading {
            None => vector[..self.len].to_vec(),
            Some(reading) => {
                let mut tensor = vec![0.0; self.len];
                reading.unpack(vector, &mut tensor);
                tensor
            }
        };
        let Some(turned) = &self.turned else { return numbers };
        let mut tensor = vec![0.0; self.len];
        turned.iter().zip(numbers).for_each(|(&at, number)| tensor[at] = number);
        tensor
    }

    /// Writes the tensor's numbers to a vector of it.
    pub(super) fn write(&self, tensor: &[f32], vector: &mut [f32]) {
        let turned: Vec<f32>;
        let tensor = match &self.turned {
            Some(order) => {
                turned = order.iter().map(|&at| tensor[at]).collect();
                &turned
            }
            None => tensor,
        };
        match &self.reading {
            None => vector[..self.len].copy_from_slice(tensor),
            Some(reading) => reading.pack(tensor, vector),
        }
    }
}

/// See [`Tensor::turned`].
fn turned_of(node: &Node, role: Role, len: usize) -> Option<Vec<usize>> {
    match (&node.op, role) {
        (Op::ConvTranspose(conv), Role::Weight) => {
            let of_input = conv.kernel.area() as usize * (conv.out_channels / conv.groups) as usize;
            Some(turned(conv, len / of_input.max(1)))
        }
        _ => None,
    }
}
