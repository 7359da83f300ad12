//! Normalisations.

use inceptive_ir::{BatchNorm, Lrn, Op, Role};

use crate::{
    export::absent_name,
    import::{
        attribute::{flag, float, int, unsigned},
        constant::{Constant, Origin},
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

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
        let source = self.source(node, 0)?;
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
        self.push(node, op, vec![source], tensors)
    }

    /// Whether a tensor is what our files have in place of one that is not there: of its name, and with no effect.
    fn is_absent(
        &self,
        node: &NodeProto,
        tensors: &[(Role, Constant)],
        role: Role,
        absent: f32,
    ) -> bool {
        let name = absent_name(&node.name, role);
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
