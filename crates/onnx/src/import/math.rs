//! Arithmetic that exporters spell operators out with: GELU as `Erf` and products, normalisations as means, differences and
//! roots.
//!
//! A node that no operator of ours stands for becomes a [`Math`] value. As soon as what it computes of a result is one of our
//! activations, it becomes that; which one is found by evaluating both at many points.

use inceptive_ir::{Activation, Norm, NormOver, Op, Pool, PoolKind, Rescale};

use super::{
    attribute::float,
    error::{Node, UnsupportedOp},
    importer::{Importer, Value},
    layout::Layout,
};
use crate::proto::NodeProto;

/// What a node computes from its operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Add,
    Sub,
    Mul,
    Div,
    Max,
    Min,
    Pow,
    Erf,
    Exp,
    Log,
    Sqrt,
    Reciprocal,
    Abs,
    Sign,
    /// 1 where the first operand is larger than the second, else 0.
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    /// The second operand where the first is not 0, else the third.
    Where,
    Activation(Activation),
    /// The mean over channels.
    Mean,
}

/// What a function reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operand {
    Draft(usize),
    Math(usize),
    Number(f32),
}

/// Arithmetic that is no operator of its own.
#[derive(Clone, Debug)]
pub(super) struct Math {
    pub(super) function: Function,
    pub(super) operands: Vec<Operand>,
    /// The order of the values.
    layout: Layout,
    /// A result that it is computed from.
    source: usize,
    /// The node of the file.
    node: Node,
    /// The result that it is if it is no part of something else: a mean over channels, or what is left without it.
    pub(super) result: Option<usize>,
}

impl Math {
    /// A result that it is computed from.
    pub(super) const fn source(&self) -> usize {
        self.source
    }

    /// Sizes of its dimensions.
    pub(super) fn sizes(&self) -> Vec<i64> {
        self.layout.sizes()
    }
}

/// Where functions are compared: around zero, where hard functions bend, and far out.
const POINTS: [f64; 32] = [
    1.0, -0.5, 0.5, 3.01, -3.01, 8.0, -8.0, 1.5, -1.5, 2.0, -2.0, 2.99, -2.99, 3.0, -3.0, 4.0,
    -4.0, 6.01, -6.01, 0.0, -5.0, -6.0, -10.0, 0.1, -0.1, 1e-3, -1e-3, 50.0, -50.0, 1000.0,
    -1000.0, -1.0,
];

/// How far two functions may be apart, relative to the value or to one.
const TOLERANCE: f64 = 2e-5;

/// Maximum number of values that are computed for one point.
const MAX_STEPS: usize = 256;

/// Maximum number of operations of a function that is recognised.
const MAX_OPERATIONS: usize = 32;

impl Importer {
    /// The operand at a position: a single number, arithmetic, or the result of a node.
    pub(super) fn math_operand(
        &mut self,
        node: &NodeProto,
        position: usize,
    ) -> Result<(Operand, Option<Layout>), UnsupportedOp> {
        match self.input(node, position)? {
            Value::Constant(constant) => {
                let number = constant.to_scalar();
                let refusal = || UnsupportedOp::because("with a constant that is not one number");
                number.map(|number| (Operand::Number(number), None)).ok_or_else(refusal)
            }
            Value::Math(math) => Ok((Operand::Math(math), Some(self.maths[math].layout.clone()))),
            _ => {
                let (source, layout) = self.operand(node, position)?;
                Ok((Operand::Draft(source), Some(layout)))
            }
        }
    }

    /// Whether a node reads arithmetic.
    pub(super) fn reads_math(&self, node: &NodeProto) -> bool {
        node.input.iter().any(|name| matches!(self.values.get(name), Some(Value::Math(_))))
    }

    /// A node as arithmetic, and as an operator if that is what it completes.
    pub(super) fn math(
        &mut self,
        node: &NodeProto,
        function: Function,
    ) -> Result<Value, UnsupportedOp> {
        let mut operands = Vec::with_capacity(node.input.len());
        let mut layout: Option<Layout> = None;
        for position in 0..node.input.len() {
            if !Self::has_input(node, position) {
                continue;
            }
            let (operand, own) = self.math_operand(node, position)?;
            operands.push(operand);
            layout = match (layout, own) {
                (Some(known), Some(own)) => {
                    let refusal = || UnsupportedOp::because("of values in different orders");
                    Some(known.joined(&own).ok_or_else(refusal)?)
                }
                (known, own) => known.or(own),
            };
        }
        let Some(layout) = layout else {
            return Err(UnsupportedOp::because("of constants only"));
        };
        if let [a, b] = operands[..]
            && function == Function::Mul
            && a == b
        {
            operands = vec![a, Operand::Number(2.0)];
            return self.keep_math(node, Function::Pow, operands, layout);
        }
        self.keep_math(node, function, operands, layout)
    }

    pub(super) fn keep_math(
        &mut self,
        node: &NodeProto,
        function: Function,
        operands: Vec<Operand>,
        layout: Layout,
    ) -> Result<Value, UnsupportedOp> {
        let own = Node::new(node);
        let source = operands.iter().find_map(|operand| match *operand {
            Operand::Draft(draft) => Some(draft),
            Operand::Math(math) => Some(self.maths[math].source),
            Operand::Number(_) => None,
        });
        let source = source.ok_or_else(|| UnsupportedOp::because("of constants only"))?;
        let result = None;
        let kept = Math { function, operands, layout: layout.clone(), source, node: own, result };
        self.maths.push(kept);
        let math = self.maths.len() - 1;
        if let Some((source, eps)) = self.layer_norm_of(math) {
            let op = Op::Norm(Norm { over: NormOver::Channels, eps, scale: false, center: false });
            return self.elementwise_with(node, op, source, layout, vec![]);
        }
        if let Some(pooled) = self.root_of_squares(math) {
            return Ok(self.viewed(pooled, layout));
        }
        match self.recognised(Operand::Math(math)) {
            Some((source, activation)) => {
                self.elementwise_with(node, Op::Activation(activation), source, layout, vec![])
            }
            None => Ok(Value::Math(math)),
        }
    }

    /// One of two values, by a third. Only where that is an activation: what chooses else, such as a detector's decoding, is
    /// not read.
    pub(super) fn chosen_by_value(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        match self.math(node, Function::Where)? {
            Value::Math(_) => Err(UnsupportedOp::because("of computed values")),
            value => Ok(value),
        }
    }

    /// The result that arithmetic is if it is no part of something else, and its order.
    pub(super) fn math_result(&self, math: usize) -> Option<(usize, Layout)> {
        let Math { result, layout, .. } = self.maths.get(math)?;
        Some(((*result)?, layout.clone()))
    }

    /// Whether an axis of arithmetic is that of the channels.
    pub(super) fn is_channel_axis(&self, math: usize, axis: i64) -> bool {
        let layout = &self.maths[math].layout;
        let at = usize::try_from(if axis < 0 {
            axis.saturating_add(i64::try_from(layout.rank()).unwrap_or(0))
        } else {
            axis
        });
        let source = self.maths[math].source;
        let shape = self.drafts[source].shape;
        let is_single = shape.channels() == 1 && *layout == self.layout(source);
        at.is_ok_and(|at| layout.channels(shape) == Some(at) || is_single && at == 1)
    }

    /// Why arithmetic cannot be read by what reads it.
    pub(super) fn unfinished(&self, math: usize) -> UnsupportedOp {
        let reason = "a part of no activation that is known here";
        match self.maths.get(math) {
            Some(Math { node, .. }) => UnsupportedOp::of(node.clone(), reason),
            None => UnsupportedOp::because("of arithmetic that is not known here"),
        }
    }

    /// A result that may complete an activation that is spelled out, such as `x * min(max(x + 3, 0), 6) / 6`.
    pub(super) fn completed(
        &mut self,
        node: &NodeProto,
        value: Value,
    ) -> Result<Value, UnsupportedOp> {
        let (draft, layout) = match value {
            Value::Node(draft) => (draft, self.layout(draft)),
            Value::View(draft, layout) => (draft, layout),
            other => return Ok(other),
        };
        // Our files say what they mean: only helpers of a node are parts of it.
        let path = self.path(node, "", None);
        let is_part = |&input: &usize| self.drafts[input].path == path;
        let may_be = !self.is_ours || self.drafts[draft].inputs.iter().any(is_part);
        let found = if may_be { self.recognised(Operand::Draft(draft)) } else { None };
        match found {
            Some((source, activation)) => {
                self.elementwise_with(node, Op::Activation(activation), source, layout, vec![])
            }
            None => Ok(self.viewed(draft, layout)),
        }
    }

    /// The activation that a result times a number is.
    pub(super) fn scaled_activation(
        &mut self,
        source: usize,
        number: f32,
    ) -> Option<(usize, Activation)> {
        let bends = |activation| matches!(activation, Activation::Relu6 | Activation::Clip { .. });
        match self.drafts[source].op {
            Op::Multiply => {}
            Op::Activation(activation) if bends(activation) => {}
            _ => return None,
        }
        let operands = vec![Operand::Draft(source), Operand::Number(number)];
        let (function, layout, result) = (Function::Mul, self.layout(source), None);
        let node = Node { op: String::new(), name: String::new() };
        self.maths.push(Math { function, operands, layout, source, node, result });
        let found = self.recognised(Operand::Math(self.maths.len() - 1));
        self.maths.pop();
        found
    }

    /// The activation that an operand is of a result.
    fn recognised(&self, root: Operand) -> Option<(usize, Activation)> {
        let mut candidates = Vec::new();
        self.collect(root, &mut candidates, &mut 0)?;
        let others = candidates.into_iter().filter(|&draft| Operand::Draft(draft) != root);
        others.into_iter().find_map(|draft| {
            let value = |x: f64| self.evaluate(root, draft, x, &mut { MAX_STEPS });
            activation_of(value).map(|activation| (draft, activation))
        })
    }

    /// The result that arithmetic is the square of.
    pub(super) fn squared(&self, operand: Operand) -> Option<usize> {
        match self.math_of(operand, Function::Pow)? {
            &[Operand::Draft(source), Operand::Number(2.0)] => Some(source),
            _ => None,
        }
    }

    /// The L2 pooling that arithmetic with its own squares amounts to.
    fn root_of_squares(&self, math: usize) -> Option<usize> {
        let root = Operand::Math(math);
        let mut candidates = Vec::new();
        self.collect(root, &mut candidates, &mut 0)?;
        let [pooled] = candidates[..] else { return None };
        let Op::Pool(Pool { kind: PoolKind::L2, .. }) = self.drafts[pooled].op else {
            return None;
        };
        // A norm is not negative.
        let is_same = |x: &f64| {
            let value = self.evaluate(root, pooled, x.abs(), &mut { MAX_STEPS }).flatten();
            value.is_some_and(|value| (value - x.abs()).abs() <= TOLERANCE * x.abs().max(1.0))
        };
        POINTS.iter().all(is_same).then_some(pooled)
    }

    /// The results that an operand is computed from; `None` if it is too much.
    fn collect(&self, operand: Operand, found: &mut Vec<usize>, count: &mut usize) -> Option<()> {
        *count += 1;
        if *count > MAX_OPERATIONS {
            return None;
        }
        match operand {
            Operand::Number(_) => Some(()),
            Operand::Math(math) => self.maths[math]
                .operands
                .iter()
                .try_for_each(|&operand| self.collect(operand, found, count)),
            Operand::Draft(draft) => {
                if found.contains(&draft) {
                    return Some(());
                }
                found.push(draft);
                match self.elementwise_operands(draft) {
                    Some(inputs) => inputs
                        .iter()
                        .try_for_each(|&input| self.collect(Operand::Draft(input), found, count)),
                    None => Some(()),
                }
            }
        }
    }

    /// What an elementwise node with single numbers reads; `None` for other nodes.
    fn elementwise_operands(&self, draft: usize) -> Option<&[usize]> {
        let draft = &self.drafts[draft];
        let is_elementwise = match &draft.op {
            Op::Activation(_) | Op::Multiply | Op::Maximum => true,
            Op::Add { .. } => draft.inputs.len() == 2,
            Op::Rescale(Rescale { scale, shift }) => scale.len() <= 1 && shift.len() <= 1,
            _ => false,
        };
        let same = |&input: &usize| self.drafts[input].shape == draft.shape;
        (is_elementwise && draft.inputs.len() <= 2 && draft.inputs.iter().all(same))
            .then_some(&draft.inputs)
    }

    /// An operand where a result has a value. The inner `None` is a value that is not finite, the outer one an operand that
    /// is no function of the result.
    fn evaluate(
        &self,
        operand: Operand,
        of: usize,
        x: f64,
        fuel: &mut usize,
    ) -> Option<Option<f64>> {
        *fuel = fuel.checked_sub(1)?;
        let value = match operand {
            Operand::Number(number) => f64::from(number),
            Operand::Draft(draft) if draft == of => x,
            Operand::Draft(draft) => {
                let inputs = self.elementwise_operands(draft)?;
                let values: Vec<Option<f64>> = inputs
                    .iter()
                    .map(|&input| self.evaluate(Operand::Draft(input), of, x, fuel))
                    .collect::<Option<_>>()?;
                let Some(values) = values.into_iter().collect::<Option<Vec<f64>>>() else {
                    return Some(None);
                };
                match (&self.drafts[draft].op, &values[..]) {
                    (Op::Activation(activation), &[x]) => apply(*activation, x),
                    (Op::Multiply, &[a, b]) => a * b,
                    (Op::Maximum, &[a, b]) => a.max(b),
                    (Op::Add { scales }, &[a, b]) => {
                        let [first, second] = scales[..] else { return None };
                        a * f64::from(first) + b * f64::from(second)
                    }
                    (Op::Rescale(Rescale { scale, shift }), &[x]) => {
                        let number = |list: &[f32], absent| {
                            list.first().map_or(absent, |&number| f64::from(number))
                        };
                        x * number(scale, 1.0) + number(shift, 0.0)
                    }
                    _ => return None,
                }
            }
            Operand::Math(math) => {
                let Math { function, operands, .. } = &self.maths[math];
                let values: Vec<Option<f64>> = operands
                    .iter()
                    .map(|&operand| self.evaluate(operand, of, x, fuel))
                    .collect::<Option<_>>()?;
                let Some(values) = values.into_iter().collect::<Option<Vec<f64>>>() else {
                    return Some(None);
                };
                function_of(*function, &values)?
            }
        };
        Some(Some(value).filter(|value| value.is_finite()))
    }

    /// `(x - mean(x)) / sqrt(mean((x - mean(x))^2) + eps)` over channels, as the result and epsilon.
    fn layer_norm_of(&self, math: usize) -> Option<(usize, f32)> {
        let [centered, deviation] = self.math_of(Operand::Math(math), Function::Div)?[..] else {
            return None;
        };
        let source = self.centered(centered)?;
        let variance = match self.math_of(deviation, Function::Sqrt) {
            Some(&[variance]) => variance,
            _ => match self.math_of(deviation, Function::Pow)? {
                &[variance, Operand::Number(0.5)] => variance,
                _ => return None,
            },
        };
        let (variance, eps) = match self.math_of(variance, Function::Add)? {
            &[variance, Operand::Number(eps)] | &[Operand::Number(eps), variance] => {
                (variance, eps)
            }
            _ => return None,
        };
        let &[square] = self.math_of(variance, Function::Mean)? else { return None };
        let base = match self.math_of(square, Function::Pow)? {
            &[base, Operand::Number(2.0)] => base,
            _ => return None,
        };
        (self.centered(base)? == source).then_some((source, eps))
    }

    /// The result whose mean was taken off it.
    fn centered(&self, operand: Operand) -> Option<usize> {
        let &[Operand::Draft(source), mean] = self.math_of(operand, Function::Sub)? else {
            return None;
        };
        let &[of] = self.math_of(mean, Function::Mean)? else { return None };
        (of == Operand::Draft(source)).then_some(source)
    }

    fn math_of(&self, operand: Operand, wanted: Function) -> Option<&[Operand]> {
        let Operand::Math(math) = operand else { return None };
        let Math { function, operands, .. } = &self.maths[math];
        (*function == wanted).then_some(operands)
    }
}

/// The function of a node that is no operator of ours, or only together with others.
pub(super) fn function(node: &NodeProto) -> Option<Function> {
    Some(match node.op_type.as_str() {
        "Add" | "Sum" => Function::Add,
        "Sub" => Function::Sub,
        "Mul" => Function::Mul,
        "Div" => Function::Div,
        "Max" => Function::Max,
        "Min" => Function::Min,
        "Pow" => Function::Pow,
        "Erf" => Function::Erf,
        "Exp" => Function::Exp,
        "Log" => Function::Log,
        "Sqrt" => Function::Sqrt,
        "Reciprocal" => Function::Reciprocal,
        "Abs" => Function::Abs,
        "Sign" => Function::Sign,
        "Greater" => Function::Greater,
        "GreaterOrEqual" => Function::GreaterOrEqual,
        "Less" => Function::Less,
        "LessOrEqual" => Function::LessOrEqual,
        "Where" => Function::Where,
        "Relu" => Function::Activation(Activation::Relu),
        "Sigmoid" => Function::Activation(Activation::Sigmoid),
        "Tanh" => Function::Activation(Activation::Tanh),
        "Softplus" => Function::Activation(Activation::Softplus),
        "HardSigmoid" if is_sixth(node) => Function::Activation(Activation::HardSigmoid),
        _ => return None,
    })
}

/// Whether a hard sigmoid is the one of MobileNetV3.
pub(super) fn is_sixth(node: &NodeProto) -> bool {
    let (alpha, beta) = (float(node, "alpha").unwrap_or(0.2), float(node, "beta").unwrap_or(0.5));
    (alpha - 1.0 / 6.0).abs() <= 1e-6 && beta == 0.5
}

fn function_of(function: Function, values: &[f64]) -> Option<f64> {
    Some(match (function, values) {
        (Function::Add, values) => values.iter().sum(),
        (Function::Max, values) => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        (Function::Min, values) => values.iter().copied().fold(f64::INFINITY, f64::min),
        (Function::Sub, &[a, b]) => a - b,
        (Function::Mul, &[a, b]) => a * b,
        (Function::Div, &[a, b]) => a / b,
        (Function::Pow, &[a, b]) => a.powf(b),
        (Function::Erf, &[x]) => erf(x),
        (Function::Exp, &[x]) => x.exp(),
        (Function::Log, &[x]) => x.ln(),
        (Function::Sqrt, &[x]) => x.sqrt(),
        (Function::Reciprocal, &[x]) => x.recip(),
        (Function::Abs, &[x]) => x.abs(),
        (Function::Sign, &[x]) => f64::from(u8::from(x > 0.0)) - f64::from(u8::from(x < 0.0)),
        (Function::Greater, &[a, b]) => f64::from(u8::from(a > b)),
        (Function::GreaterOrEqual, &[a, b]) => f64::from(u8::from(a >= b)),
        (Function::Less, &[a, b]) => f64::from(u8::from(a < b)),
        (Function::LessOrEqual, &[a, b]) => f64::from(u8::from(a <= b)),
        (Function::Where, &[condition, a, b]) => {
            if condition == 0.0 {
                b
            } else {
                a
            }
        }
        (Function::Activation(activation), &[x]) => apply(activation, x),
        _ => return None,
    })
}

/// The activation that has the values of a function at [`POINTS`]. The inner `None` of the function is a value that is not
/// finite.
fn activation_of(function: impl Fn(f64) -> Option<Option<f64>>) -> Option<Activation> {
    #[expect(clippy::cast_possible_truncation, reason = "slopes are single precision")]
    let slope = function(-1.0)?.map(|value| -value as f32).filter(|&slope| slope != 1.0);
    let leaky = slope.map(|slope| Activation::LeakyRelu { slope });
    let mut left: Vec<Activation> = [
        Activation::Gelu,
        Activation::GeluTanh,
        Activation::HardSwish,
        Activation::HardSigmoid,
        Activation::Silu,
        Activation::Mish,
        Activation::Softplus,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Relu,
        Activation::Elu { alpha: 1.0 },
        Activation::Selu,
    ]
    .into_iter()
    .chain(leaky)
    .collect();
    let mut finite = 0;
    for x in POINTS {
        let Some(value) = function(x)? else { continue };
        finite += 1;
        left.retain(|&activation| {
            let expected = apply(activation, x);
            (value - expected).abs() <= TOLERANCE * expected.abs().max(1.0)
        });
        if left.is_empty() {
            return None;
        }
    }
    left.first().copied().filter(|_| finite >= POINTS.len() * 3 / 4)
}

/// The value of an activation.
fn apply(activation: Activation, x: f64) -> f64 {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let softplus = |x: f64| x.max(0.0) + (-x.abs()).exp().ln_1p();
    let hard = |x: f64| (x + 3.0).clamp(0.0, 6.0) / 6.0;
    match activation {
        Activation::Relu => x.max(0.0),
        Activation::Relu6 => x.clamp(0.0, 6.0),
        Activation::Sigmoid => sigmoid(x),
        Activation::Silu => x * sigmoid(x),
        Activation::HardSigmoid => hard(x),
        Activation::HardSwish => x * hard(x),
        Activation::LeakyRelu { slope } => {
            if x > 0.0 {
                x
            } else {
                x * f64::from(slope)
            }
        }
        Activation::Elu { alpha } => {
            if x > 0.0 {
                x
            } else {
                f64::from(alpha) * x.exp_m1()
            }
        }
        Activation::Selu => {
            let (scale, alpha) = (Activation::SELU_SCALE, Activation::SELU_ALPHA);
            let inner = if x > 0.0 { x } else { f64::from(alpha) * x.exp_m1() };
            f64::from(scale) * inner
        }
        Activation::Gelu => x / 2.0 * (1.0 + erf(x / std::f64::consts::SQRT_2)),
        Activation::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x.powi(3));
            x / 2.0 * (1.0 + inner.tanh())
        }
        Activation::Mish => x * softplus(x).tanh(),
        Activation::Softplus => softplus(x),
        Activation::Tanh => x.tanh(),
        Activation::Clip { low, high } => x.max(low.into()).min(high.into()),
    }
}

/// The error function (Abramowitz and Stegun 1964, formula 7.1.26), to 1.5e-7.
fn erf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.327_591_1 * x.abs());
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let polynomial = series.iter().fold(0.0, |sum, factor| (sum + factor) * t);
    (1.0 - polynomial * (-x * x).exp()).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_told_apart() {
        for activation in Activation::ALL {
            let expected = match activation {
                // Clips are operators already.
                Activation::Relu6 | Activation::Clip { .. } => None,
                other => Some(other),
            };
            assert_eq!(activation_of(|x| Some(Some(apply(activation, x)))), expected);
        }
        assert!((erf(0.5) - 0.520_499_877_8).abs() < 1e-6 && erf(-9.0) == -1.0);
    }
}
