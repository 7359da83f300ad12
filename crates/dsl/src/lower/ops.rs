//! Built-in steps.

use inceptive_ir::{
    Activation, Axis, BlockOrder, Conv, ConvTranspose, Form, GraphError, Interpolation, Linear,
    Lrn, NormOver, Op, PadMode, Padding, Pool, PoolKind, Rearrange, Rescale, Resize, ResizeTo,
    ShapeError, Size,
};

use super::{
    Cursor, Lowering, Names, Outputs, Site,
    learned::{batch_norm, group_norm, norm, prelu},
};
use crate::{
    args::{
        AdaptiveArgs, AvgPoolArgs, BatchNormArgs, BlockArgs, Builtin, ClipArgs, ConvArgs,
        ConvTransposeArgs, DepthwiseArgs, DropoutArgs, EluArgs, GroupNormArgs, JoinArgs,
        L2PoolArgs, LeakyReluArgs, LinearArgs, LrnArgs, MaxPoolArgs, PadArgs, ParallelArgs,
        PlainArgs, PreluArgs, RepeatArgs, RescaleArgs, ResizeArgs, ShuffleArgs, SliceArgs,
    },
    code::Code,
    diagnostic::Diagnostic,
    document::fields,
    expr::{Binary, Symbol},
    field::{Act, Along, Extent, Fields, Filling, Flag, Limit, Mode, Norm, Order, Pad, Width},
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
    act: Act,
}

impl After {
    fn new(bias: Option<Flag>, norm: Option<Norm>, act: Act) -> Self {
        let norm = norm.unwrap_or(Norm::None);
        let bias = bias.map_or(norm == Norm::None, |bias| bias.0);
        Self { bias, norm, act }
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
            Builtin::ConvTranspose => self.conv_transpose(step, &site),
            Builtin::BatchNorm
            | Builtin::GroupNorm
            | Builtin::InstanceNorm
            | Builtin::LayerNorm
            | Builtin::Scale
            | Builtin::Prelu => self.learned(builtin, step, site),
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
    pub(super) fn read<T>(
        &self,
        builtin: Builtin,
        step: &Step<'_>,
        site: &Site<'_>,
        read: impl FnOnce(&Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let name = Builtin::ALL.iter().find(|(_, known)| *known == builtin).map(|(name, _)| *name);
        let defaults = name.and_then(|name| self.defaults_of(name));
        let fields = self.arguments(step, site, defaults, builtin.keys())?;
        if matches!(builtin, Builtin::Conv | Builtin::ConvTranspose | Builtin::Linear) {
            let width = fields.maps.iter().find_map(|map: &&Map| map.get("width"));
            self.note(site.path.clone(), None, "width", width);
        }
        let args = read(&fields)?;
        // What is inside of others is looked at all the same.
        let is_around_others = matches!(builtin, Builtin::Parallel | Builtin::Repeat);
        // The shape may follow from the key that was meant.
        (is_around_others || !fields.has_unknown(builtin.keys())).then_some(args)
    }

    /// A step that is one node.
    fn plain(&self, builtin: Builtin, step: &Step<'_>, site: &Site<'_>) -> Option<(Op, Form)> {
        let input = self.graph.node(site.cursor.node).shape.size();
        let functional = || {
            let args = self.read(builtin, step, site, PlainArgs::read)?;
            Some(form(args.functional))
        };
        macro_rules! read {
            ($args:ident) => {
                self.read(builtin, step, site, $args::read)?
            };
        }
        let module = |op: Op| (op, Form::Module);
        Some(match builtin {
            Builtin::MaxPool => {
                let args = read!(MaxPoolArgs);
                (Op::Pool(max_pool(&args, input)), form(args.functional))
            }
            Builtin::AvgPool => {
                let args = read!(AvgPoolArgs);
                (Op::Pool(avg_pool(&args, input)), form(args.functional))
            }
            Builtin::L2Pool => module(Op::Pool(l2_pool(&read!(L2PoolArgs), input))),
            Builtin::AdaptiveAvgPool => {
                let args = read!(AdaptiveArgs);
                (Op::AdaptiveAvgPool { output: args.size.0 }, form(args.functional))
            }
            Builtin::Lrn => module(Op::Lrn(lrn(&read!(LrnArgs)))),
            Builtin::Rescale => {
                let RescaleArgs { scale, shift } = read!(RescaleArgs);
                let numbers = |factors: Option<crate::field::Factors>| factors.map(|it| it.0);
                let (scale, shift) = (numbers(scale), numbers(shift));
                let (scale, shift) = (scale.unwrap_or_default(), shift.unwrap_or_default());
                module(Op::Rescale(Rescale { scale, shift }))
            }
            Builtin::Dropout => {
                let args = read!(DropoutArgs);
                module(Op::Dropout { p: args.p.map_or(0.5, |p| p.as_f32()) })
            }
            Builtin::DropPath => {
                let args = read!(DropoutArgs);
                module(Op::DropPath { p: args.p.map_or(0.5, |p| p.as_f32()) })
            }
            Builtin::Shuffle => {
                module(Op::ChannelShuffle { groups: read!(ShuffleArgs).groups.value })
            }
            Builtin::GlobalAvgPool => (Op::GlobalPool(PoolKind::Average), functional()?),
            Builtin::GlobalMaxPool => (Op::GlobalPool(PoolKind::Max), functional()?),
            Builtin::Activation(Activation::LeakyRelu { .. }) => {
                let args = read!(LeakyReluArgs);
                (Op::Activation(leaky_relu(&args)), form(args.functional))
            }
            Builtin::Activation(Activation::Elu { .. }) => {
                let args = read!(EluArgs);
                (Op::Activation(elu(&args)), form(args.functional))
            }
            Builtin::Activation(Activation::Clip { .. }) => {
                let args = read!(ClipArgs);
                (Op::Activation(clip(&args)), form(args.functional))
            }
            Builtin::Activation(activation) => (Op::Activation(activation), functional()?),
            Builtin::Softmax => (Op::Softmax, functional()?),
            Builtin::Flatten | Builtin::ChannelMax | Builtin::ChannelMean => {
                self.read(builtin, step, site, |_| Some(()))?;
                module(match builtin {
                    Builtin::ChannelMax => Op::ChannelMax,
                    Builtin::ChannelMean => Op::ChannelMean,
                    _ => Op::Flatten,
                })
            }
            Builtin::Resize => {
                let args = read!(ResizeArgs);
                (Op::Resize(self.resize(&args, step, site)?), form(args.functional))
            }
            Builtin::SpaceToDepth => {
                let (block, order) = block(&read!(BlockArgs));
                module(Op::Rearrange(Rearrange::SpaceToDepth { block, order }))
            }
            Builtin::DepthToSpace => {
                let (block, order) = block(&read!(BlockArgs));
                module(Op::Rearrange(Rearrange::DepthToSpace { block, order }))
            }
            Builtin::Slice => module(Op::Rearrange(slice(&read!(SliceArgs)))),
            Builtin::Pad => module(Op::Rearrange(self.pad(&read!(PadArgs), step, site)?)),
            Builtin::Conv
            | Builtin::Depthwise
            | Builtin::ConvTranspose
            | Builtin::Linear
            | Builtin::BatchNorm
            | Builtin::GroupNorm
            | Builtin::InstanceNorm
            | Builtin::LayerNorm
            | Builtin::Scale
            | Builtin::Prelu
            | Builtin::Parallel
            | Builtin::Repeat
            | Builtin::If
            | Builtin::Join(_)
            | Builtin::Identity
            | Builtin::None
            | Builtin::Group => return None,
        })
    }

    /// A change of size, by a factor or to a size.
    fn resize(&self, args: &ResizeArgs, step: &Step<'_>, site: &Site<'_>) -> Option<Resize> {
        let to = match (args.factor, args.size) {
            (Some(factor), None) => ResizeTo::Factor(factor.0),
            (None, Some(size)) => ResizeTo::Size(size.0),
            (Some(_), Some(_)) | (None, None) => {
                let reader = Reader { scope: site.scope, sink: self.sink };
                let message = "`resize` needs either `factor` or `size`";
                let either = Diagnostic::new(Code::MissingKey, message);
                return reader.report(either.at(step.span, "one of the two"));
            }
        };
        let mode = match args.mode.unwrap_or(Mode::Nearest) {
            Mode::Nearest => Interpolation::Nearest,
            Mode::Bilinear => Interpolation::Bilinear,
            Mode::BilinearCorners => Interpolation::BilinearCorners,
        };
        Some(Resize { to, mode })
    }

    /// More rows and columns.
    fn pad(&self, args: &PadArgs, step: &Step<'_>, site: &Site<'_>) -> Option<Rearrange> {
        let point = Size::square(1);
        let mode = match (args.mode.unwrap_or(Filling::Zeros), args.value) {
            (Filling::Zeros, value) => PadMode::Constant(value.map_or(0.0, |value| value.as_f32())),
            (Filling::Reflect, None) => PadMode::Reflect,
            (Filling::Edge, None) => PadMode::Edge,
            (Filling::MinusInfinity, None) => PadMode::Constant(f32::NEG_INFINITY),
            (_, Some(_)) => {
                let reader = Reader { scope: site.scope, sink: self.sink };
                let message = "`value` is what `mode: zeros` has in place of zeros";
                let wrong = Diagnostic::new(Code::UnknownKey, message);
                return reader.report(wrong.at(step.span, "has another `mode`"));
            }
        };
        Some(Rearrange::Pad { padding: args.size.resolve(point, point, point, point), mode })
    }

    fn conv_transpose(&mut self, step: &Step<'_>, site: &Site<'_>) -> Cursor {
        let args = self.read(Builtin::ConvTranspose, step, site, ConvTransposeArgs::read);
        let Some(args) = args else { return site.cursor.unknown() };
        let Some(shared) = self.shared(args.share.as_ref(), site) else {
            return site.cursor.unknown();
        };
        let (out_channels, channels) = self.scaled(args.width);
        let (kernel, stride, dilation) = (args.kernel.0, size(args.stride), size(args.dilation));
        let pad = args.pad.unwrap_or(Pad::Half);
        let (padding, more) = transposed_padding(pad, kernel, stride, dilation);
        let output_padding = args.output_pad.map_or(more, |more| more.0);
        let after = After::new(args.bias, args.norm, args.act.unwrap_or(Act::Relu));
        let op = Op::ConvTranspose(ConvTranspose {
            kernel,
            out_channels,
            stride,
            padding,
            output_padding,
            dilation,
            groups: args.groups.map_or(1, |groups| groups.value),
            bias: after.bias,
        });
        let outputs = Outputs { channels, is_depthwise: false, shared };
        let path = site.path.clone();
        let output = self.add_layer(op, &[site.cursor], path, site.span, Form::Module, outputs);
        self.follow(&after, site, output)
    }

    fn conv(&mut self, step: &Step<'_>, site: &Site<'_>) -> Cursor {
        let args = self.read(Builtin::Conv, step, site, ConvArgs::read);
        let Some(args) = args else { return site.cursor.unknown() };
        let Some(shared) = self.shared(args.share.as_ref(), site) else {
            return site.cursor.unknown();
        };
        let (out_channels, channels) = self.scaled(args.width);
        let conv = NewConv {
            kernel: args.kernel.0,
            stride: size(args.stride),
            dilation: size(args.dilation),
            pad: args.pad.unwrap_or(Pad::Half),
            out_channels,
            groups: args.groups.map_or(1, |groups| groups.value),
            outputs: Outputs { channels, is_depthwise: false, shared },
        };
        let after = After::new(args.bias, args.norm, args.act.unwrap_or(Act::Relu));
        self.convolve(conv, &after, site)
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
        let common = ["bias", "norm", "act"];
        let conv = self.defaults_of("conv");
        let fallback = conv
            .into_iter()
            .flat_map(|map| &map.0)
            .filter(|entry| common.contains(&&*entry.key) && own.get(&entry.key).is_none());
        let defaults = Map(own.0.iter().chain(fallback).cloned().collect());
        let fields = self.arguments(step, site, Some(&defaults), DepthwiseArgs::KEYS);
        let args = fields.and_then(|fields| {
            let args = DepthwiseArgs::read(&fields)?;
            (!fields.has_unknown(DepthwiseArgs::KEYS)).then_some(args)
        });
        let Some(args) = args.filter(|_| site.cursor.known) else { return site.cursor.unknown() };
        let Some(shared) = self.shared(args.share.as_ref(), site) else {
            return site.cursor.unknown();
        };
        let channels = self.graph.node(site.cursor.node).shape.channels();
        let multiplier = args.multiplier.map_or(1, |multiplier| multiplier.value);
        let symbol = self.channels.get(site.cursor.node);
        let outputs = Outputs {
            channels: self.tape().zip(symbol).map(|(tape, channels)| {
                tape.binary(Binary::Multiply, channels, tape.constant(multiplier.into()))
            }),
            is_depthwise: true,
            shared,
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
        self.convolve(conv, &after, site)
    }

    fn convolve(&mut self, conv: NewConv, after: &After, site: &Site<'_>) -> Cursor {
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
        let Some(shared) = self.shared(args.share.as_ref(), site) else {
            return site.cursor.unknown();
        };
        let after = After::new(args.bias, args.norm, args.act.unwrap_or(Act::None));
        let op = Op::Linear(Linear { out_features: args.width.value, bias: after.bias });
        let (path, form) = (site.path.clone(), Form::Module);
        let outputs = Outputs { channels: args.width.symbol, is_depthwise: false, shared };
        let output = self.add_layer(op, &[site.cursor], path, site.span, form, outputs);
        self.follow(&after, site, output)
    }

    /// Normalisation and nonlinearity after a layer. Their numbers are those of the file's defaults for the steps of these
    /// names.
    fn follow(&mut self, after: &After, site: &Site<'_>, output: Cursor) -> Cursor {
        let mut output = output;
        if after.norm != Norm::None {
            let (name, op) = match after.norm {
                Norm::Group => {
                    let args = self.by_default("group_norm", site, GroupNormArgs::read);
                    ("group_norm", args.map(|args| Op::Norm(group_norm(&args))))
                }
                Norm::Instance => {
                    let args = self.by_default("instance_norm", site, BatchNormArgs::read);
                    ("instance_norm", args.map(|args| Op::Norm(norm(NormOver::Instance, &args))))
                }
                Norm::Layer => {
                    let args = self.by_default("layer_norm", site, BatchNormArgs::read);
                    ("layer_norm", args.map(|args| Op::Norm(norm(NormOver::Channels, &args))))
                }
                Norm::Batch | Norm::None => {
                    let args = self.by_default("bn", site, BatchNormArgs::read);
                    ("bn", args.map(|args| Op::BatchNorm(batch_norm(&args))))
                }
            };
            let Some(op) = op else { return output.unknown() };
            output = self.add(op, &[output], site.path.join(name), site.span, Form::Module);
        }
        let Some(op) = self.activation(after.act, site) else { return output.unknown() };
        match op {
            Some(op) => {
                let form = self.form_of(op.name(), site.scope);
                let path = site.path.join(op.name());
                self.add(op, &[output], path, site.span, form)
            }
            None => output,
        }
    }

    /// The arguments of a step that a file gives no others than its defaults.
    fn by_default<T>(
        &self,
        what: &str,
        site: &Site<'_>,
        read: impl FnOnce(&Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let maps: Vec<&Map> = self.defaults_of(what).into_iter().collect();
        let reader = Reader { scope: site.scope, sink: self.sink };
        if let Some(share) = maps.iter().find_map(|map| map.entry("share")) {
            let message = format!("`share` in the defaults of `{what}`");
            let wrong = Diagnostic::new(Code::UnknownKey, message);
            return reader.report(wrong.at(share.key_span, "only a step can share tensors"));
        }
        read(&Fields { reader, what, span: site.span, maps, resolved: &[] })
    }

    /// The operator of an activation after a layer: outer none means that the defaults are wrong, which was reported.
    #[expect(clippy::option_option, reason = "wrong, absent and given are three cases")]
    fn activation(&self, act: Act, site: &Site<'_>) -> Option<Option<Op>> {
        let activation = match act {
            Act::None => return Some(None),
            Act::Prelu => {
                let args = self.by_default("prelu", site, PreluArgs::read)?;
                return Some(Some(prelu(&args)));
            }
            Act::Relu => Activation::Relu,
            Act::Relu6 => Activation::Relu6,
            Act::Sigmoid => Activation::Sigmoid,
            Act::Silu => Activation::Silu,
            Act::HardSigmoid => Activation::HardSigmoid,
            Act::HardSwish => Activation::HardSwish,
            Act::LeakyRelu => {
                leaky_relu(&self.by_default("leaky_relu", site, LeakyReluArgs::read)?)
            }
            Act::Elu => elu(&self.by_default("elu", site, EluArgs::read)?),
            Act::Selu => Activation::Selu,
            Act::Gelu => Activation::Gelu,
            Act::GeluTanh => Activation::GeluTanh,
            Act::Mish => Activation::Mish,
            Act::Softplus => Activation::Softplus,
            Act::Tanh => Activation::Tanh,
            Act::Clip => clip(&self.by_default("clip", site, ClipArgs::read)?),
        };
        Some(Some(Op::Activation(activation)))
    }

    /// Whether the reference implementation calls a module or a function for an operator, according to the defaults.
    pub(super) fn form_of(&self, op: &str, scope: &Scope<'_>) -> Form {
        let reader = Reader { scope, sink: self.sink };
        let node = self.defaults.entry(op).map(|entry| &entry.value);
        let keys = node.and_then(|node| fields(node, op, reader));
        form(keys.and_then(|keys| keys.optional("functional")).flatten())
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
    let dilation = size(args.dilation);
    Pool {
        kind: PoolKind::Max,
        kernel: args.kernel.0,
        stride,
        dilation,
        padding: pad.resolve(args.kernel.0, stride, dilation, input),
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
        dilation: Size::square(1),
        padding: pad.resolve(args.kernel.0, stride, Size::square(1), input),
        ceil: args.ceil.is_some_and(|ceil| ceil.0),
        count_include_pad: args.count_include_pad.is_none_or(|include| include.0),
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

fn l2_pool(args: &L2PoolArgs, input: Size) -> Pool {
    let pad = args.pad.unwrap_or(Pad::By(Padding::NONE));
    let stride = args.stride.unwrap_or(args.kernel).0;
    Pool {
        kind: PoolKind::L2,
        kernel: args.kernel.0,
        stride,
        dilation: Size::square(1),
        padding: pad.resolve(args.kernel.0, stride, Size::square(1), input),
        ceil: false,
        count_include_pad: false,
    }
}

/// What is cut from a transposed convolution's output, and what is added to it.
fn transposed_padding(pad: Pad, kernel: Size, stride: Size, dilation: Size) -> (Padding, Size) {
    match pad {
        Pad::By(padding) => (padding, Size::square(0)),
        // The same for every size of the input.
        Pad::Half => (pad.resolve(kernel, stride, dilation, Size::square(1)), Size::square(0)),
        // The output is the input times the stride.
        Pad::Same => {
            let along = |kernel: u32, stride: u32, dilation: u32| {
                let window = kernel.saturating_sub(1).saturating_mul(dilation).saturating_add(1);
                let cut = window.saturating_sub(stride);
                (cut / 2, cut - cut / 2, stride.saturating_sub(window))
            };
            let (top, bottom, rows) = along(kernel.height, stride.height, dilation.height);
            let (left, right, columns) = along(kernel.width, stride.width, dilation.width);
            (Padding { top, left, bottom, right }, Size::new(rows, columns))
        }
    }
}

fn leaky_relu(args: &LeakyReluArgs) -> Activation {
    Activation::LeakyRelu { slope: args.slope.map_or(0.01, |slope| slope.as_f32()) }
}

fn elu(args: &EluArgs) -> Activation {
    Activation::Elu { alpha: args.alpha.map_or(1.0, |alpha| alpha.as_f32()) }
}

fn clip(args: &ClipArgs) -> Activation {
    let limit = |limit: Option<Limit>, usual: f32, none: f32| match limit {
        None => usual,
        Some(Limit(limit)) => limit.map_or(none, |limit| limit.as_f32()),
    };
    Activation::Clip {
        low: limit(args.low, -1.0, f32::NEG_INFINITY),
        high: limit(args.high, 1.0, f32::INFINITY),
    }
}

fn block(args: &BlockArgs) -> (u32, BlockOrder) {
    let order = match args.order.unwrap_or(Order::ChannelsFirst) {
        Order::ChannelsFirst => BlockOrder::ChannelsFirst,
        Order::PixelsFirst => BlockOrder::PixelsFirst,
    };
    (args.block.value, order)
}

fn slice(args: &SliceArgs) -> Rearrange {
    Rearrange::Slice {
        axis: match args.axis.unwrap_or(Along::Channels) {
            Along::Channels => Axis::Channels,
            Along::Height => Axis::Height,
            Along::Width => Axis::Width,
        },
        start: args.start.map_or(0, |start| start.0),
        count: args.count.value,
        step: args.step.map_or(1, |step| step.value),
    }
}
