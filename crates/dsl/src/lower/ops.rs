//! Built-in steps.

use inceptive_ir::{
    Activation, BatchNorm, Conv, Form, GraphError, Linear, Lrn, Op, Pool, PoolKind, ShapeError,
    Size,
};

use super::{Cursor, Lowering, Names, Outputs, Site};
use crate::{
    args::{
        AdaptiveArgs, AvgPoolArgs, BatchNormArgs, Builtin, ConvArgs, DepthwiseArgs, DropoutArgs,
        JoinArgs, LinearArgs, LrnArgs, MaxPoolArgs, ParallelArgs, PlainArgs, RepeatArgs,
        ShuffleArgs,
    },
    document::fields,
    expr::{Binary, Symbol},
    field::{Act, Extent, Fields, Flag, Norm, Pad, Width},
    scope::{Input, Reader, Scope},
    step::Step,
    yaml::Map,
};

/// A convolution before its input is known.
struct NewConv {
    kernel: Size,
    stride: Size,
    dilation: Size,
    pad: Pad,
    out_channels: u32,
    groups: u32,
    outputs: Outputs,
}

/// The normalisation and activation after a convolution or linear layer.
struct After {
    bias: bool,
    norm: Norm,
    activation: Option<Activation>,
}

impl After {
    fn new(bias: Option<Flag>, norm: Option<Norm>, act: Act) -> Self {
        let norm = norm.unwrap_or(Norm::None);
        let bias = bias.map_or(norm == Norm::None, |bias| bias.0);
        Self { bias, norm, activation: act.activation() }
    }
}

fn size(extent: Option<Extent>) -> Size {
    extent.map_or(Size::square(1), |extent| extent.0)
}

pub(super) fn form(functional: Option<Flag>) -> Form {
    match functional {
        Some(Flag(true)) => Form::Functional,
        Some(Flag(false)) | None => Form::Module,
    }
}

impl Lowering<'_> {
    pub(super) fn builtin(&mut self, builtin: Builtin, step: &Step<'_>, site: Site<'_>) -> Cursor {
        let unknown = site.cursor.unknown();
        match builtin {
            Builtin::Conv => self.conv(step, &site),
            Builtin::Depthwise => self.depthwise(step, &site),
            Builtin::Linear => self.linear(step, &site),
            Builtin::Parallel => match self.read(builtin, step, &site, ParallelArgs::read) {
                Some(args) => self.parallel(&args, &site),
                None => self.hide(&site.path, site.cursor),
            },
            Builtin::Repeat => match self.read(builtin, step, &site, RepeatArgs::read) {
                Some(args) => self.repeat(&args, &site),
                None => self.hide(&site.path, site.cursor),
            },
            Builtin::Group => match step.args {
                Some(steps) => {
                    let names = Names::inside(site.names, site.path.clone(), site.cursor);
                    self.scope(steps, site.scope, names)
                }
                None => site.cursor,
            },
            Builtin::Join(join) => match self.read(builtin, step, &site, JoinArgs::read) {
                Some(args) => self.join_step(join, &args, &site),
                None => unknown,
            },
            // What may be chosen in its place takes arguments.
            Builtin::Identity if step.is_chosen() => {
                self.use_settings(&site.path);
                site.cursor
            }
            Builtin::Identity => match self.read(builtin, step, &site, |_| Some(())) {
                Some(()) => site.cursor,
                None => unknown,
            },
            // `if` has no scope of its own, `none` no input: both are handled before.
            Builtin::If | Builtin::None => site.cursor,
            _ => match self.plain(builtin, step, &site) {
                Some((op, form)) => self.add(op, &[site.cursor], site.path, site.span, form),
                None => unknown,
            },
        }
    }

    /// The arguments of a step with the defaults of its operator.
    fn read<T>(
        &self,
        builtin: Builtin,
        step: &Step<'_>,
        site: &Site<'_>,
        read: impl FnOnce(&Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let name = Builtin::ALL.iter().find(|(_, known)| *known == builtin).map(|(name, _)| *name);
        let defaults = name.and_then(|name| self.defaults_of(name));
        let fields = self.arguments(step, site, defaults, builtin.keys())?;
        if matches!(builtin, Builtin::Conv | Builtin::Linear) {
            let width = fields.maps.iter().find_map(|map: &&Map| map.get("width"));
            self.note(site.path.clone(), None, "width", width);
        }
        read(&fields)
    }

    /// A step that is one node.
    fn plain(&self, builtin: Builtin, step: &Step<'_>, site: &Site<'_>) -> Option<(Op, Form)> {
        let input = self.graph.node(site.cursor.node).shape.size();
        let functional = || {
            let args = self.read(builtin, step, site, PlainArgs::read)?;
            Some(form(args.functional))
        };
        Some(match builtin {
            Builtin::MaxPool => {
                let args = self.read(builtin, step, site, MaxPoolArgs::read)?;
                (Op::Pool(max_pool(&args, input)), form(args.functional))
            }
            Builtin::AvgPool => {
                let args = self.read(builtin, step, site, AvgPoolArgs::read)?;
                (Op::Pool(avg_pool(&args, input)), form(args.functional))
            }
            Builtin::AdaptiveAvgPool => {
                let args = self.read(builtin, step, site, AdaptiveArgs::read)?;
                (Op::AdaptiveAvgPool { output: args.size.0 }, form(args.functional))
            }
            Builtin::BatchNorm => {
                let args = self.read(builtin, step, site, BatchNormArgs::read)?;
                (Op::BatchNorm(batch_norm(&args)), Form::Module)
            }
            Builtin::Lrn => {
                let args = self.read(builtin, step, site, LrnArgs::read)?;
                (Op::Lrn(lrn(&args)), Form::Module)
            }
            Builtin::Dropout => {
                let args = self.read(builtin, step, site, DropoutArgs::read)?;
                (Op::Dropout { p: args.p.map_or(0.5, |p| p.as_f32()) }, Form::Module)
            }
            Builtin::Shuffle => {
                let args = self.read(builtin, step, site, ShuffleArgs::read)?;
                (Op::ChannelShuffle { groups: args.groups.value }, Form::Module)
            }
            Builtin::GlobalAvgPool => (Op::GlobalPool(PoolKind::Average), functional()?),
            Builtin::GlobalMaxPool => (Op::GlobalPool(PoolKind::Max), functional()?),
            Builtin::Activation(activation) => (Op::Activation(activation), functional()?),
            Builtin::Softmax => (Op::Softmax, functional()?),
            Builtin::Flatten => {
                self.read(builtin, step, site, |_| Some(()))?;
                (Op::Flatten, Form::Module)
            }
            Builtin::Conv
            | Builtin::Depthwise
            | Builtin::Linear
            | Builtin::Parallel
            | Builtin::Repeat
            | Builtin::If
            | Builtin::Join(_)
            | Builtin::Identity
            | Builtin::None
            | Builtin::Group => return None,
        })
    }

    fn conv(&mut self, step: &Step<'_>, site: &Site<'_>) -> Cursor {
        let args = self.read(Builtin::Conv, step, site, ConvArgs::read);
        let Some(args) = args else { return site.cursor.unknown() };
        let (out_channels, channels) = self.scaled(args.width);
        let conv = NewConv {
            kernel: args.kernel.0,
            stride: size(args.stride),
            dilation: size(args.dilation),
            pad: args.pad.unwrap_or(Pad::Half),
            out_channels,
            groups: args.groups.map_or(1, |groups| groups.value),
            outputs: Outputs { channels, is_depthwise: false },
        };
        let after = After::new(args.bias, args.norm, args.act.unwrap_or(Act::Relu));
        self.convolve(&conv, &after, site)
    }

    /// A width with the file's multiplier, unless the multiplier is in it already.
    fn scaled(&self, width: Width) -> (u32, Option<Symbol>) {
        if width.from_input {
            return (width.value, width.symbol);
        }
        let symbol = self.tape().and_then(|tape| {
            self.multiplier.or(width.symbol)?;
            let constant = |number: f64| tape.constant(number);
            let multiplier = self.multiplier.unwrap_or_else(|| constant(self.width.multiplier));
            let width = width.symbol.unwrap_or_else(|| constant(width.value.into()));
            Some(tape.width(multiplier, self.width.divisor, width))
        });
        (self.width.apply(width.value), symbol)
    }

    fn depthwise(&mut self, step: &Step<'_>, site: &Site<'_>) -> Cursor {
        let own = self.defaults_of("depthwise").cloned().unwrap_or_default();
        let shared = ["bias", "norm", "act"];
        let conv = self.defaults_of("conv");
        let fallback = conv
            .into_iter()
            .flat_map(|map| &map.0)
            .filter(|entry| shared.contains(&&*entry.key) && own.get(&entry.key).is_none());
        let defaults = Map(own.0.iter().chain(fallback).cloned().collect());
        let fields = self.arguments(step, site, Some(&defaults), DepthwiseArgs::KEYS);
        let args = fields.and_then(|fields| DepthwiseArgs::read(&fields));
        let Some(args) = args.filter(|_| site.cursor.known) else { return site.cursor.unknown() };
        let channels = self.graph.node(site.cursor.node).shape.channels();
        let multiplier = args.multiplier.map_or(1, |multiplier| multiplier.value);
        let symbol = self.channels.get(site.cursor.node);
        let outputs = Outputs {
            channels: self.tape().zip(symbol).map(|(tape, channels)| {
                tape.binary(Binary::Multiply, channels, tape.constant(multiplier.into()))
            }),
            is_depthwise: true,
        };
        let Some(out_channels) = channels.checked_mul(multiplier) else {
            let (op, what, limit) = ("depthwise", "features", u32::MAX.into());
            let error = ShapeError::TooLarge { op, what, limit };
            let error = GraphError::Shape { path: site.path.clone(), error };
            self.report_graph_error(&error, &[site.cursor.node], site.span);
            return site.cursor.unknown();
        };
        let conv = NewConv {
            kernel: args.kernel.0,
            stride: size(args.stride),
            dilation: size(args.dilation),
            pad: args.pad.unwrap_or(Pad::Half),
            out_channels,
            groups: channels,
            outputs,
        };
        let after = After::new(args.bias, args.norm, args.act.unwrap_or(Act::Relu));
        self.convolve(&conv, &after, site)
    }

    fn convolve(&mut self, conv: &NewConv, after: &After, site: &Site<'_>) -> Cursor {
        let input = self.graph.node(site.cursor.node).shape.size();
        let op = Op::Conv(Conv {
            kernel: conv.kernel,
            out_channels: conv.out_channels,
            stride: conv.stride,
            padding: conv.pad.resolve(conv.kernel, conv.stride, conv.dilation, input),
            dilation: conv.dilation,
            groups: conv.groups,
            bias: after.bias,
        });
        let (path, form) = (site.path.clone(), Form::Module);
        let output = self.add_layer(op, &[site.cursor], path, site.span, form, conv.outputs);
        self.follow(after, site, output)
    }

    fn linear(&mut self, step: &Step<'_>, site: &Site<'_>) -> Cursor {
        let args = self.read(Builtin::Linear, step, site, LinearArgs::read);
        let Some(args) = args else { return site.cursor.unknown() };
        let after = After::new(args.bias, args.norm, args.act.unwrap_or(Act::None));
        let op = Op::Linear(Linear { out_features: args.width.value, bias: after.bias });
        let (path, form) = (site.path.clone(), Form::Module);
        let outputs = Outputs { channels: args.width.symbol, is_depthwise: false };
        let output = self.add_layer(op, &[site.cursor], path, site.span, form, outputs);
        self.follow(&after, site, output)
    }

    /// Normalisation and nonlinearity after a layer.
    fn follow(&mut self, after: &After, site: &Site<'_>, output: Cursor) -> Cursor {
        let mut output = output;
        if after.norm == Norm::BatchNorm {
            let defaults = self.defaults_of("bn");
            let maps = defaults.into_iter().collect();
            let reader = Reader { scope: site.scope, sink: self.sink };
            let fields = Fields { reader, what: "bn", span: site.span, maps, resolved: &[] };
            let Some(args) = BatchNormArgs::read(&fields) else { return output.unknown() };
            let op = Op::BatchNorm(batch_norm(&args));
            output = self.add(op, &[output], site.path.join("bn"), site.span, Form::Module);
        }
        match after.activation {
            Some(activation) => {
                let form = self.form_of(activation.name(), site.scope);
                let path = site.path.join(activation.name());
                self.add(Op::Activation(activation), &[output], path, site.span, form)
            }
            None => output,
        }
    }

    /// Whether the reference implementation calls a module or a function for an operator, according to the defaults.
    pub(super) fn form_of(&self, op: &str, scope: &Scope<'_>) -> Form {
        let reader = Reader { scope, sink: self.sink };
        let node = self.defaults.entry(op).map(|entry| &entry.value);
        let keys = node.and_then(|node| fields(node, op, reader));
        form(keys.and_then(|keys| PlainArgs::read(&keys)).and_then(|args| args.functional))
    }

    /// The input of a step at a cursor.
    pub(super) fn input(&self, cursor: Cursor) -> Input {
        match cursor.known {
            true => {
                Input::Known(self.graph.node(cursor.node).shape, self.channels.get(cursor.node))
            }
            false => Input::Unknown,
        }
    }
}

fn max_pool(args: &MaxPoolArgs, input: Size) -> Pool {
    let pad = args.pad.unwrap_or(Pad::Half);
    let stride = args.stride.unwrap_or(args.kernel).0;
    Pool {
        kind: PoolKind::Max,
        kernel: args.kernel.0,
        stride,
        padding: pad.resolve(args.kernel.0, stride, Size::square(1), input),
        ceil: args.ceil.is_some_and(|ceil| ceil.0),
        count_include_pad: false,
    }
}

fn avg_pool(args: &AvgPoolArgs, input: Size) -> Pool {
    let pad = args.pad.unwrap_or(Pad::Half);
    let stride = args.stride.unwrap_or(args.kernel).0;
    Pool {
        kind: PoolKind::Average,
        kernel: args.kernel.0,
        stride,
        padding: pad.resolve(args.kernel.0, stride, Size::square(1), input),
        ceil: args.ceil.is_some_and(|ceil| ceil.0),
        count_include_pad: args.count_include_pad.is_none_or(|include| include.0),
    }
}

fn batch_norm(args: &BatchNormArgs) -> BatchNorm {
    BatchNorm {
        eps: args.eps.map_or(1e-5, |eps| eps.as_f32()),
        scale: args.scale.is_none_or(|scale| scale.0),
        center: args.center.is_none_or(|center| center.0),
    }
}

fn lrn(args: &LrnArgs) -> Lrn {
    Lrn {
        size: args.size.map_or(5, |size| size.value),
        alpha: args.alpha.map_or(1e-4, |alpha| alpha.as_f32()),
        beta: args.beta.map_or(0.75, |beta| beta.as_f32()),
        k: args.k.map_or(1.0, |k| k.as_f32()),
    }
}
