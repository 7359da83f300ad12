//! Normalisations.

use inceptive_ir::{BatchNorm, Lrn, Norm, NormOver, Op, Role};

use crate::{
    export::absent_name,
    import::{
        attribute::{flag, float, int, unsigned},
        constant::{Constant, Origin},
        error::UnsupportedOp,
        importer::{Grouped, Importer, Value},
        layout::Layout,
    },
    proto::NodeProto,
};

use super::join::axis;

/// The first version of the operator set in which an attribute says whether a normalisation trains.
const TRAINING_BY_ATTRIBUTE: i64 = 14;

impl Importer {
    pub(super) fn batch_norm(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        self.refuse_training(node)?;
        // From sets 7 to 13, more results are those of training.
        let trains = self.opset < TRAINING_BY_ATTRIBUTE
            && node.output.iter().skip(1).any(|name| !name.is_empty());
        if trains || flag(node, "training_mode", false)? {
            return Err(UnsupportedOp::because("in training mode"));
        }
        let (source, layout) = match self.input(node, 0)? {
            Value::View(source, layout)
                if layout.channels(self.drafts[source].shape) == Some(1) =>
            {
                (source, layout)
            }
            _ => {
                let source = self.source(node, 0)?;
                (source, self.layout(source))
            }
        };
        let roles = [Role::Weight, Role::Bias, Role::Mean, Role::Variance];
        let tensor = |(position, role)| Ok((role, self.constant_input(node, position)?));
        let tensors = (1..).zip(roles).map(tensor).collect::<Result<Vec<_>, UnsupportedOp>>()?;
        let channels = self.drafts[source].shape.channels();
        if tensors.iter().any(|(_, tensor)| tensor.dims != [channels as usize]) {
            return Err(UnsupportedOp::because("statistics that do not fit the channels"));
        }
        let [scale, center] = [(Role::Weight, 1.0), (Role::Bias, 0.0)]
            .map(|(role, absent)| !self.is_absent(node, &tensors, role, absent));
        let is_there = |role| match role {
            Role::Weight => scale,
            Role::Bias => center,
            Role::Mean | Role::Variance => true,
        };
        let tensors = tensors.into_iter().filter(|(role, _)| is_there(*role)).collect();
        let eps = float(node, "epsilon").unwrap_or(1e-5);
        let op = Op::BatchNorm(BatchNorm { eps, scale, center });
        self.elementwise_with(node, op, source, layout, tensors)
    }

    /// A factor and a shift of a normalisation, but those that our files have in place of absent ones.
    fn affine_tensors(
        &self,
        node: &NodeProto,
        count: usize,
    ) -> Result<Vec<(Role, Constant)>, UnsupportedOp> {
        let mut tensors = Vec::new();
        for (position, role) in [(1, Role::Weight), (2, Role::Bias)] {
            let Some(tensor) = self.optional_constant(node, position)? else { continue };
            if tensor.len() != count {
                return Err(UnsupportedOp::because("whose factors do not fit the channels"));
            }
            tensors.push((role, tensor.flat()));
        }
        let is_there = |(role, _): &(Role, Constant)| {
            let absent = if *role == Role::Weight { 1.0 } else { 0.0 };
            let base = self.path(node, "", None);
            !self.is_absent_of(&base, &tensors, *role, absent)
        };
        Ok(tensors.iter().filter(|tensor| is_there(tensor)).cloned().collect())
    }

    /// A normalisation with its factors and shifts.
    fn normalised(
        &mut self,
        node: &NodeProto,
        over: NormOver,
        (source, layout): (usize, Layout),
        tensors: Vec<(Role, Constant)>,
    ) -> Result<Value, UnsupportedOp> {
        let has = |role| tensors.iter().any(|(own, _)| *own == role);
        let (scale, center) = (has(Role::Weight), has(Role::Bias));
        let eps = float(node, "epsilon").unwrap_or(1e-5);
        let op = Op::Norm(Norm { over, eps, scale, center });
        self.elementwise_with(node, op, source, layout, tensors)
    }

    pub(super) fn instance_norm(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if let Value::View(source, layout) = self.input(node, 0)? {
            return self.grouped(node, source, layout);
        }
        let source = self.source(node, 0)?;
        let channels = self.drafts[source].shape.channels() as usize;
        let tensors = self.affine_tensors(node, channels)?;
        let layout = self.layout(source);
        self.normalised(node, NormOver::Instance, (source, layout), tensors)
    }

    /// A normalisation of groups of channels, which are the second dimension.
    fn grouped(
        &mut self,
        node: &NodeProto,
        source: usize,
        layout: Layout,
    ) -> Result<Value, UnsupportedOp> {
        let refusal = || UnsupportedOp::because("of something other than groups of channels");
        let shape = self.drafts[source].shape;
        let sizes = layout.sizes();
        let &[_, groups, rest] = &sizes[..] else { return Err(refusal()) };
        if self.layout(source).reshaped(&[sizes[0], groups, rest]) != Some(layout.clone()) {
            return Err(refusal());
        }
        let groups = unsigned(groups)?;
        if groups == 0 || !shape.channels().is_multiple_of(groups) {
            return Err(refusal());
        }
        let number = |position, absent: f32| -> Result<Vec<f32>, UnsupportedOp> {
            match self.optional_constant(node, position)? {
                None => Ok(vec![absent; groups as usize]),
                Some(values) if values.len() == groups as usize => {
                    values.floats().ok_or_else(refusal)
                }
                Some(_) => Err(refusal()),
            }
        };
        let (factors, shifts) = (number(1, 1.0)?, number(2, 0.0)?);
        let eps = float(node, "epsilon").unwrap_or(1e-5);
        Ok(Value::Grouped(Box::new(Grouped { source, groups, eps, factors, shifts })))
    }

    /// The map of a normalisation of groups.
    pub(super) fn regrouped(
        &mut self,
        node: &NodeProto,
        grouped: Grouped,
        dims: &[i64],
    ) -> Result<Value, UnsupportedOp> {
        let Grouped { source, groups, eps, factors, shifts } = grouped;
        let layout = self.layout(source);
        let target = layout.resolved(dims, false).filter(|sizes| *sizes == layout.sizes());
        if target.is_none() {
            return Err(UnsupportedOp::because("of normalised groups to another shape"));
        }
        let channels = self.drafts[source].shape.channels() as usize;
        let each = |numbers: &[f32]| -> Vec<f32> {
            let per_group = channels / numbers.len().max(1);
            numbers.iter().flat_map(|&number| std::iter::repeat_n(number, per_group)).collect()
        };
        let mut tensors = Vec::new();
        if factors.iter().any(|&factor| factor != 1.0) || shifts.iter().any(|&shift| shift != 0.0) {
            tensors.push((Role::Weight, Constant::vector(&each(&factors))));
            tensors.push((Role::Bias, Constant::vector(&each(&shifts))));
        }
        let is_affine = !tensors.is_empty();
        let over = NormOver::Groups(groups);
        let op = Op::Norm(Norm { over, eps, scale: is_affine, center: is_affine });
        self.push(node, op, vec![source], tensors)
    }

    pub(super) fn layer_norm(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if node.output.iter().skip(1).any(|name| self.reads.contains_key(name)) {
            return Err(UnsupportedOp::because("whose mean or deviation is used"));
        }
        let (source, layout) = self.operand(node, 0)?;
        let shape = self.drafts[source].shape;
        let at = axis(int(node, "axis").unwrap_or(-1), layout.rank())?;
        // A single channel has no dimension of its own; a mean over one position is the same over any dimension.
        let is_single = shape.channels() == 1 && layout.sizes()[at] == 1;
        let is_over_channels = layout.channels(shape) == Some(at) || is_single;
        if !is_over_channels || at + 1 != layout.rank() {
            return Err(UnsupportedOp::because("over other dimensions than the channels"));
        }
        let tensors = self.affine_tensors(node, shape.channels() as usize)?;
        self.normalised(node, NormOver::Channels, (source, layout), tensors)
    }

    pub(super) fn group_norm(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let source = self.source(node, 0)?;
        let channels = self.drafts[source].shape.channels() as usize;
        let groups = unsigned(int(node, "num_groups").unwrap_or(0))?;
        let tensors = self.affine_tensors(node, channels).map_err(|_| {
            UnsupportedOp::because(
                "whose factors are not one for each channel, as before operator set 21",
            )
        })?;
        let layout = self.layout(source);
        self.normalised(node, NormOver::Groups(groups), (source, layout), tensors)
    }

    /// Whether a tensor is what our files have in place of one that is not there: of its name, and with no effect.
    fn is_absent(
        &self,
        node: &NodeProto,
        tensors: &[(Role, Constant)],
        role: Role,
        absent: f32,
    ) -> bool {
        self.is_absent_of(&node.name, tensors, role, absent)
    }

    /// The same for the normalisation with a path.
    fn is_absent_of(
        &self,
        path: &str,
        tensors: &[(Role, Constant)],
        role: Role,
        absent: f32,
    ) -> bool {
        let name = absent_name(path, role);
        let tensor = tensors.iter().find(|(own, _)| *own == role).map(|(_, tensor)| tensor);
        let is_named = |tensor: &Constant| {
            let own = tensor.origin().and_then(Origin::name);
            own.is_some_and(|own| **own == *name)
        };
        let values = tensor.filter(|it| self.is_ours && is_named(it)).and_then(Constant::floats);
        values.is_some_and(|values| values.iter().all(|&value| value == absent))
    }

    pub(super) fn lrn(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let op = Op::Lrn(Lrn {
            size: unsigned(int(node, "size").unwrap_or(0))?,
            alpha: float(node, "alpha").unwrap_or(1e-4),
            beta: float(node, "beta").unwrap_or(0.75),
            k: float(node, "bias").unwrap_or(1.0),
        });
        self.unary(node, op)
    }
}
