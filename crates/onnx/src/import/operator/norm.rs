//! Normalisations.

use inceptive_ir::{BatchNorm, Lrn, Op, Role};

use crate::{
    import::{
        attribute::{flag, float, int, unsigned},
        error::UnsupportedOp,
        importer::{Importer, Value},
    },
    proto::NodeProto,
};

impl Importer {
    pub(super) fn batch_norm(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        if flag(node, "training_mode", false)? {
            return Err(UnsupportedOp::because("in training mode"));
        }
        let source = self.source(node, 0)?;
        let roles = [Role::Weight, Role::Bias, Role::Mean, Role::Variance];
        let tensor = |(position, role)| Ok((role, self.constant_input(node, position)?));
        let tensors = (1..).zip(roles).map(tensor).collect::<Result<Vec<_>, UnsupportedOp>>()?;
        let channels = self.drafts[source].shape.channels();
        if tensors.iter().any(|(_, tensor)| tensor.len() as u64 != u64::from(channels)) {
            return Err(UnsupportedOp::because("statistics that do not fit the channels"));
        }
        let eps = float(node, "epsilon").unwrap_or(1e-5);
        let op = Op::BatchNorm(BatchNorm { eps, scale: true, center: true });
        self.push(node, op, vec![source], tensors)
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
