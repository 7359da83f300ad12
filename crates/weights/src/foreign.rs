//! Weights under the names, and in the layouts, of other programs.

use std::collections::HashMap;

use inceptive_ir::{Graph, NodeId, Op, Role, Shape};

use crate::{
    header::StoredTensor,
    mismatch::{Mismatch, describe_slot, describe_tensor},
    names::{Found, Keras, tables},
    weights::{Slot, Weights},
};

/// The table whose names most of a file's tensors have, if they fill most places.
pub fn find<'a>(slots: &[Slot], tensors: &[(&'a str, StoredTensor<'a>)]) -> Option<Found<'a>> {
    let mut names: Vec<&str> = tensors.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let found = tables().map(|table| table.find(slots, &names));
    let most = found.max_by_key(|found| (found.is_complete(slots), found.count()))?;
    (most.count() * 2 > slots.len()).then_some(most)
}

/// The weights of a network from tensors whose places were found.
pub fn fill(
    graph: &Graph,
    slots: &[Slot],
    found: &Found<'_>,
    tensors: &[(&str, StoredTensor<'_>)],
) -> Result<Weights, Mismatch> {
    let by_name: HashMap<&str, &StoredTensor<'_>> =
        tensors.iter().map(|(name, tensor)| (*name, tensor)).collect();
    let flattened = flattened(graph);
    let mut weights = Weights::default();
    let mut mismatch = Mismatch::default();
    let extra = found.extra.iter().filter_map(|name| Some((name, by_name.get(name)?)));
    mismatch.extra.extend(extra.map(|(name, tensor)| describe_tensor(name, tensor)));
    for (at, (slot, name)) in slots.iter().zip(&found.names).enumerate() {
        let Some((name, tensor)) = name.and_then(|name| Some((name, *by_name.get(name)?))) else {
            match found.table.may_lack(at, slots) {
                true => weights.set(slot.path.clone(), slot.role, vec![1.0; slot.len()]),
                false => mismatch.missing.push(describe_slot(slot)),
            }
            continue;
        };
        let read = match &found.table.keras {
            Some(_) => of_keras(slot, tensor, flattened.get(slot.path.as_str()).copied()),
            None => of_pytorch(slot, tensor),
        };
        match read {
            Some(values) => weights.set(slot.path.clone(), slot.role, values),
            None => mismatch.differing.push(format!(
                "{}, but {} is needed",
                describe_tensor(name, tensor),
                describe_slot(slot)
            )),
        }
    }
    if mismatch != Mismatch::default() {
        return Err(mismatch);
    }
    if let Some(keras) = &found.table.keras {
        same_eps(graph, keras, &mut weights);
    }
    Ok(weights)
}

/// A tensor of PyTorch. What is a linear layer here may be a convolution there whose kernel covers the whole map.
fn of_pytorch(slot: &Slot, tensor: &StoredTensor<'_>) -> Option<Vec<f32>> {
    let shape = tensor.shape();
    let is_same = shape == slot.shape
        || (shape.len() == 4
            && slot.shape.len() == 2
            && shape[0] == slot.shape[0]
            && shape[1..].iter().product::<usize>() == slot.shape[1]);
    if is_same { tensor.values() } else { None }
}

/// A tensor of Keras: kernels have their dimensions in the order height, width, input, output, and matrices in the order input,
/// output. `flattened` is the map whose values the rows of a matrix stand for: in Keras, its channels come last.
fn of_keras(slot: &Slot, tensor: &StoredTensor<'_>, flattened: Option<Shape>) -> Option<Vec<f32>> {
    let (ours, theirs) = (&*slot.shape, tensor.shape());
    let read = || tensor.values();
    match (theirs, ours) {
        (&[n], &[own]) if n == own => read(),
        // A depthwise kernel has its output channels of each input channel last.
        (&[h, w, channels, multiplier], &[out, 1, own_h, own_w])
            if (h, w, channels * multiplier) == (own_h, own_w, out) =>
        {
            Some(transposed(&read()?, h * w, out))
        }
        (&[h, w, inputs, outputs], &[out, own_in, own_h, own_w])
            if (h, w, inputs, outputs) == (own_h, own_w, own_in, out) =>
        {
            let swapped = transposed(&read()?, h * w * inputs, outputs);
            let kernels = swapped.chunks(h * w * inputs);
            Some(kernels.flat_map(|kernel| transposed(kernel, h * w, inputs)).collect())
        }
        (&[inputs, outputs] | &[1, 1, inputs, outputs], &[out, own_in])
            if (inputs, outputs) == (own_in, out) =>
        {
            let swapped = transposed(&read()?, inputs, outputs);
            Some(match flattened {
                Some(Shape::Map { channels, size }) if size.area() > 1 => {
                    let channels = channels as usize;
                    let rows = swapped.chunks(inputs);
                    rows.flat_map(|row| transposed(row, inputs / channels, channels)).collect()
                }
                _ => swapped,
            })
        }
        _ => None,
    }
}

/// A matrix of `rows` x `columns`, transposed.
fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    let at = |index: usize| values[index % rows * columns + index / rows];
    (0..values.len()).map(at).collect()
}

/// For each linear layer that reads a flattened map, this map.
fn flattened(graph: &Graph) -> HashMap<&str, Shape> {
    let map_of = |id: NodeId| {
        let mut at = id;
        loop {
            let &before = graph.inputs(at).first()?;
            match graph.node(before).op {
                Op::Flatten => return graph.input_shapes(before).first().copied(),
                Op::Dropout { .. } | Op::DropPath { .. } | Op::Activation(_) => at = before,
                _ => return None,
            }
        }
    };
    let linear = graph.nodes().filter(|(_, node)| matches!(node.op, Op::Linear(_)));
    linear.filter_map(|(id, node)| Some((node.path.as_str(), map_of(id)?))).collect()
}

/// Changes variances so that our normalisations, which add a number of their own to them, have the sums of Keras.
fn same_eps(graph: &Graph, keras: &Keras, weights: &mut Weights) {
    for (_, node) in graph.nodes() {
        let Op::BatchNorm(norm) = node.op else { continue };
        let path = node.tensor_path(Role::Variance).clone();
        let Ok(variance) = weights.get(&path, Role::Variance) else { continue };
        if norm.eps == keras.eps {
            continue;
        }
        #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
        let moved =
            |&value: &f32| (f64::from(value) + f64::from(keras.eps) - f64::from(norm.eps)) as f32;
        let variance = variance.iter().map(moved).collect();
        weights.set(path, Role::Variance, variance);
    }
}
