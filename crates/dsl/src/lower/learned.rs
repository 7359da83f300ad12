//! Steps that are one node with tensors of its own, and tensors that several layers have in common.

use inceptive_ir::{BatchNorm, Form, Node, NodeId, Norm, NormOver, Op, Path, Role, Scale, Shared};

use super::{Cursor, Lowering, Outputs, Site};
use crate::{
    args::{BatchNormArgs, Builtin, GroupNormArgs, PreluArgs, ScaleArgs},
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    field::{Share, Text, key_of},
    step::Step,
};

impl Lowering<'_> {
    /// A normalisation, learned factors, or ReLU with learned slopes.
    pub(super) fn learned(&mut self, builtin: Builtin, step: &Step<'_>, site: Site<'_>) -> Cursor {
        let unknown = site.cursor.unknown();
        let Some((op, share)) = self.learned_op(builtin, step, &site) else { return unknown };
        let Some(shared) = self.shared(share.as_ref(), &site) else { return unknown };
        let outputs = Outputs { shared, ..Outputs::default() };
        self.add_layer(op, &[site.cursor], site.path, site.span, Form::Module, outputs)
    }

    fn learned_op(
        &self,
        builtin: Builtin,
        step: &Step<'_>,
        site: &Site<'_>,
    ) -> Option<(Op, Option<Share>)> {
        macro_rules! read {
            ($args:ident) => {
                self.read(builtin, step, site, $args::read)?
            };
        }
        Some(match builtin {
            Builtin::BatchNorm => {
                let args = read!(BatchNormArgs);
                (Op::BatchNorm(batch_norm(&args)), args.share)
            }
            Builtin::GroupNorm => {
                let args = read!(GroupNormArgs);
                (Op::Norm(group_norm(&args)), args.share)
            }
            Builtin::InstanceNorm => {
                let args = read!(BatchNormArgs);
                (Op::Norm(norm(NormOver::Instance, &args)), args.share)
            }
            Builtin::LayerNorm => {
                let args = read!(BatchNormArgs);
                (Op::Norm(norm(NormOver::Channels, &args)), args.share)
            }
            Builtin::Scale => {
                let args = read!(ScaleArgs);
                (Op::Scale(scale(&args)), args.share)
            }
            Builtin::Prelu => {
                let args = read!(PreluArgs);
                (prelu(&args), args.share)
            }
            _ => return None,
        })
    }

    /// The tensors that a step uses of layers before it: none means that one of these is not there, which was reported.
    pub(super) fn shared(&self, share: Option<&Share>, site: &Site<'_>) -> Option<Shared> {
        let Some(share) = share.filter(|_| !self.is_rehearsal && site.cursor.known) else {
            return Some(Shared::default());
        };
        if let Some(tape) = self.tape() {
            tape.give_up();
        }
        let found: Vec<_> =
            share.0.iter().map(|(role, layer)| self.tensors_of(*role, layer, site)).collect();
        let found: Option<Vec<Vec<(Role, Path)>>> = found.into_iter().collect();
        found.map(|tensors| Shared::new(tensors.into_iter().flatten()))
    }

    /// The tensors of a layer, or the one with a role, and where they are kept.
    fn tensors_of(
        &self,
        role: Option<Role>,
        layer: &Text,
        site: &Site<'_>,
    ) -> Option<Vec<(Role, Path)>> {
        let wanted = |(id, node): (NodeId, &Node)| -> Vec<(Role, Path)> {
            let tensors = node.op.tensors(&self.graph.input_shapes(id)).into_iter();
            let roles = tensors.map(|(own, _)| own).filter(|own| role.is_none_or(|it| it == *own));
            roles.map(|own| (own, node.tensor_path(own).clone())).collect()
        };
        let beside = site.path.parent().map(|scope| scope.join(&layer.text));
        let places = beside.into_iter().chain([Path::new(&layer.text)]);
        let nodes = places.filter_map(|path| self.graph.find(&path));
        let mut found = nodes.map(|id| wanted((id, self.graph.node(id))));
        if let Some(tensors) = found.find(|tensors| !tensors.is_empty()) {
            return Some(tensors);
        }
        if self.is_hidden(&site.path) {
            return None;
        }
        let with = role.map_or_else(String::new, |role| format!(" with a {}", key_of(role)));
        let message = format!("there is no layer `{}`{with} before this one", layer.text);
        let unknown = Diagnostic::new(Code::UnknownStep, message);
        self.sink.push_with(unknown.at(layer.span, "no such layer"), || {
            let layers = self.graph.nodes().filter(|&node| !wanted(node).is_empty());
            let paths: Vec<&str> = layers.map(|(_, node)| node.path.as_str()).collect();
            suggestion(&layer.text, "layers", paths)
        });
        None
    }
}

pub(super) fn batch_norm(args: &BatchNormArgs) -> BatchNorm {
    BatchNorm {
        eps: args.eps.map_or(1e-5, |eps| eps.as_f32()),
        scale: args.scale.is_none_or(|scale| scale.0),
        center: args.center.is_none_or(|center| center.0),
    }
}

pub(super) fn group_norm(args: &GroupNormArgs) -> Norm {
    Norm {
        over: NormOver::Groups(args.groups.map_or(32, |groups| groups.value)),
        eps: args.eps.map_or(1e-5, |eps| eps.as_f32()),
        scale: args.scale.is_none_or(|scale| scale.0),
        center: args.center.is_none_or(|center| center.0),
    }
}

pub(super) fn norm(over: NormOver, args: &BatchNormArgs) -> Norm {
    let BatchNorm { eps, scale, center } = batch_norm(args);
    Norm { over, eps, scale, center }
}

pub(super) fn prelu(args: &PreluArgs) -> Op {
    Op::Prelu { shared: args.shared.is_some_and(|shared| shared.0) }
}

fn scale(args: &ScaleArgs) -> Scale {
    Scale {
        scale: args.scale.is_none_or(|scale| scale.0),
        center: args.center.is_some_and(|center| center.0),
        shared: args.shared.is_some_and(|shared| shared.0),
    }
}
