//! Networks of one dimension. Their maps, `channels x length`, are maps of height 1 here, in a layout without the height.

use inceptive_ir::Shape;

use crate::{
    import::{
        error::UnsupportedOp,
        importer::{Importer, Value},
        layout::Layout,
    },
    proto::NodeProto,
};

/// Operators that work on the dimensions of a map, with the place of a kernel; others work in any layout.
const LIFTED: [(&str, Option<usize>); 10] = [
    ("AveragePool", None),
    ("BatchNormalization", None),
    ("Conv", Some(1)),
    ("ConvTranspose", Some(1)),
    ("GlobalAveragePool", None),
    ("GlobalLpPool", None),
    ("GlobalMaxPool", None),
    ("InstanceNormalization", None),
    ("LpPool", None),
    ("MaxPool", None),
];

/// Attributes with a number for each dimension of a map, and that of the height.
const PER_DIMENSION: [(&str, i64); 5] = [
    ("dilations", 1),
    ("kernel_shape", 1),
    ("output_padding", 0),
    ("output_shape", 1),
    ("strides", 1),
];

impl Importer {
    /// The layout of a map of height 1 that is a row in the file.
    pub(super) fn row_layout(&self, shape: Shape) -> Option<Layout> {
        match shape {
            Shape::Map { size, .. } if size.height == 1 => Layout::of(shape, self.batch).without(2),
            _ => None,
        }
    }

    /// The result of an operator on a row; `None` for other operators, and where no row is read.
    pub(super) fn on_row(&mut self, node: &NodeProto) -> Result<Option<Value>, UnsupportedOp> {
        let lifted = LIFTED.iter().find(|(op, _)| *op == node.op_type);
        let Some((&(_, kernel), name)) = lifted.zip(node.input.first()) else { return Ok(None) };
        let Some(Value::View(source, layout)) = self.values.get(name) else { return Ok(None) };
        let source = *source;
        if self.row_layout(self.drafts[source].shape).as_ref() != Some(layout) {
            return Ok(None);
        }
        let mut changed = vec![(name.clone(), Value::Node(source))];
        if let Some(Value::Constant(kernel)) =
            kernel.and_then(|at| node.input.get(at)).and_then(|name| self.values.get(name))
        {
            let refusal = || {
                let rank = kernel.dims.len();
                UnsupportedOp::because(&format!("kernel of {rank} dimensions, not 3"))
            };
            let &[out, per_group, length] = kernel.dims.as_slice() else { return Err(refusal()) };
            let flat = kernel.reshaped(vec![out, per_group, 1, length]).ok_or_else(refusal)?;
            changed.push((node.input[1].clone(), Value::Constant(flat)));
        }
        let before: Vec<(String, Option<Value>)> = changed
            .into_iter()
            .map(|(name, value)| (name.clone(), self.values.insert(name, value)))
            .collect();
        let result = self.result(&with_height(node));
        for (name, value) in before {
            value.and_then(|value| self.values.insert(name, value));
        }
        match result? {
            Value::Node(draft) => {
                let layout = self.row_layout(self.drafts[draft].shape);
                let refusal = || UnsupportedOp::because("of a row that gets a height");
                Ok(Some(self.viewed(draft, layout.ok_or_else(refusal)?)))
            }
            _ => Err(UnsupportedOp::because("of a row")),
        }
    }
}

/// The operator of one dimension as one of two.
fn with_height(node: &NodeProto) -> NodeProto {
    let mut node = node.clone();
    for attribute in &mut node.attribute {
        let ints = &mut attribute.ints;
        let known = PER_DIMENSION.iter().find(|(key, _)| *key == attribute.name);
        match (known, &ints[..]) {
            (Some(&(_, height)), &[length]) => *ints = vec![height, length],
            (None, &[before, after]) if attribute.name == "pads" => {
                *ints = vec![0, before, 0, after];
            }
            _ => {}
        }
    }
    node
}
