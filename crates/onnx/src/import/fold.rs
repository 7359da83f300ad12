//! Operators whose inputs are all constants: what exporters compute shapes, indices and weights with.

use std::ops::Range;

use super::{
    attribute::{find, int},
    constant::{Constant, Element},
    error::{UnsupportedOp, unread},
    importer::{Importer, Value},
    operator::axis,
};
use crate::proto::NodeProto;

/// Maximum number of dimensions of a constant that is computed with.
const MAX_RANK: usize = 8;

/// The values of a constant.
enum Numbers {
    Ints(Vec<i64>),
    Floats(Vec<f32>),
}

impl Importer {
    /// The constant that a node computes from constants; none if an input is no constant, or if the operator is not one
    /// of those that are computed.
    pub(super) fn folded(&mut self, node: &NodeProto) -> Result<Option<Constant>, UnsupportedOp> {
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in node.input.iter().filter(|name| !name.is_empty()) {
            match self.values.get(name) {
                Some(Value::Constant(constant)) => inputs.push(constant.clone()),
                _ => return Ok(None),
            }
        }
        let op = node.op_type.as_str();
        let computed = match (op, &inputs[..]) {
            ("Add" | "Sub" | "Mul" | "Div" | "Pow" | "Min" | "Max" | "Mod", [a, b]) => {
                self.binary(op, a, b)?
            }
            ("Equal" | "Greater" | "Less", [a, b]) => self.compared(op, a, b)?,
            ("Neg" | "Sqrt" | "Abs" | "Floor" | "Ceil" | "Exp" | "Reciprocal", [a]) => {
                self.each(op, a)?
            }
            ("Where", [condition, a, b]) => self.chosen(condition, a, b)?,
            ("Concat", [_, ..]) => self.concatenated(node, &inputs)?,
            ("Transpose", [a]) => self.transposed_constant(node, a)?,
            ("Slice", [a, ..]) => {
                let ranges = self.ranges(node, &a.dims)?;
                let picks: Vec<Vec<usize>> =
                    ranges.into_iter().map(|range| range.positions()).collect();
                self.picked(a, &picks)?
            }
            ("Gather", [a, indices]) => self.gathered(node, a, indices)?,
            ("Range", [start, limit, step]) => self.range(start, limit, step)?,
            ("ReduceProd", [a, ..]) => {
                let values = ints(a)?;
                let product = values.iter().try_fold(1_i64, |all, &value| all.checked_mul(value));
                Constant::integers(vec![], vec![product.ok_or_else(too_large)?], a.element())
            }
            (
                "ReduceL2" | "ReduceMax" | "ReduceMean" | "ReduceSum" | "ReduceSumSquare",
                [a, ..],
            ) if a.element() == Element::Float => self.reduced_constant(node, a)?,
            ("Size", [a]) => {
                Constant::integers(vec![], vec![i64::try_from(a.len())?], Element::Int64)
            }
            _ => return Ok(None),
        };
        computed
            .map(Some)
            .ok_or_else(|| UnsupportedOp::because("of constants that do not fit each other"))
    }

    fn binary(
        &mut self,
        op: &str,
        a: &Constant,
        b: &Constant,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        if let Some((x, y)) = a.splatted().zip(b.splatted())
            && (a.dims == b.dims || b.len() == 1)
            && a.element() == Element::Float
        {
            return Ok(float(op, x, y).map(|value| a.filled(value)));
        }
        let Some(broadcast) = Broadcast::new(&a.dims, &b.dims) else { return Ok(None) };
        self.computations.charge(broadcast.len, &[a, b])?;
        let dims = broadcast.dims.clone();
        match (numbers(a)?, numbers(b)?) {
            (Numbers::Ints(a_values), Numbers::Ints(b_values)) => {
                // Of integers of 32 bits, it would wrap around.
                let fits = |value: &i64| i32::try_from(*value).is_ok();
                let pairs = broadcast.pairs(&a_values, &b_values);
                let values = pairs.map(|(a, b)| whole(op, a, b).filter(fits));
                let refusal = || UnsupportedOp::because("of integers, beyond 32 bits or by zero");
                let values = values.collect::<Option<Vec<i64>>>().ok_or_else(refusal)?;
                Ok(Constant::integers(dims, values, a.element()))
            }
            (Numbers::Floats(a), Numbers::Floats(b)) => {
                let values = broadcast.pairs(&a, &b).map(|(a, b)| float(op, a, b));
                Ok(values
                    .collect::<Option<Vec<f32>>>()
                    .and_then(|values| Constant::tensor(dims, values)))
            }
            _ => Ok(None),
        }
    }

    fn compared(
        &mut self,
        op: &str,
        a: &Constant,
        b: &Constant,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let Some(broadcast) = Broadcast::new(&a.dims, &b.dims) else { return Ok(None) };
        self.computations.charge(broadcast.len, &[a, b])?;
        let (a, b) = (ints(a)?, ints(b)?);
        let holds = |(a, b): (i64, i64)| match op {
            "Equal" => a == b,
            "Greater" => a > b,
            _ => a < b,
        };
        let values = broadcast.pairs(&a, &b).map(|pair| i64::from(holds(pair))).collect();
        Ok(Constant::integers(broadcast.dims.clone(), values, Element::Bool))
    }

    fn chosen(
        &mut self,
        condition: &Constant,
        a: &Constant,
        b: &Constant,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let (yes, a_values, b_values) = (ints(condition)?, ints(a)?, ints(b)?);
        let Some(choices) = Broadcast::new(&a.dims, &b.dims) else { return Ok(None) };
        let Some(all) = Broadcast::new(&condition.dims, &choices.dims) else { return Ok(None) };
        self.computations.charge(all.len, &[])?;
        if all.dims != choices.dims {
            return Ok(None);
        }
        let pairs: Vec<(i64, i64)> = choices.pairs(&a_values, &b_values).collect();
        let values = all.pairs(&yes, &pairs).map(|(yes, (a, b))| if yes == 0 { b } else { a });
        Ok(Constant::integers(all.dims.clone(), values.collect(), a.element()))
    }

    fn each(&mut self, op: &str, a: &Constant) -> Result<Option<Constant>, UnsupportedOp> {
        self.computations.charge(a.len(), &[a])?;
        match numbers(a)? {
            Numbers::Ints(values) => {
                let value = |value: i64| match op {
                    "Neg" => value.checked_neg(),
                    "Abs" => value.checked_abs(),
                    _ => None,
                };
                let values: Option<Vec<i64>> = values.into_iter().map(value).collect();
                Ok(values
                    .and_then(|values| Constant::integers(a.dims.clone(), values, a.element())))
            }
            Numbers::Floats(values) => {
                let value = |value: f32| match op {
                    "Neg" => -value,
                    "Abs" => value.abs(),
                    "Sqrt" => value.sqrt(),
                    "Floor" => value.floor(),
                    "Ceil" => value.ceil(),
                    "Exp" => value.exp(),
                    _ => value.recip(),
                };
                Ok(Constant::tensor(a.dims.clone(), values.into_iter().map(value).collect()))
            }
        }
    }

    fn concatenated(
        &mut self,
        node: &NodeProto,
        parts: &[Constant],
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let first = &parts[0];
        let at = axis(int(node, "axis").unwrap_or(0), first.dims.len())?;
        let outer: usize = first.dims[..at].iter().product();
        let without =
            |dims: &[usize]| [&dims[..at], dims.get(at + 1..).unwrap_or_default()].concat();
        if parts.iter().any(|part| {
            part.dims.len() != first.dims.len() || without(&part.dims) != without(&first.dims)
        }) {
            return Ok(None);
        }
        let mut dims = first.dims.clone();
        dims[at] = parts.iter().map(|part| part.dims[at]).sum();
        self.computations.charge(dims.iter().product(), &parts.iter().collect::<Vec<_>>())?;
        let values: Vec<Numbers> = parts.iter().map(numbers).collect::<Result<_, _>>()?;
        let is_whole = values.iter().all(|values| matches!(values, Numbers::Ints(_)));
        let (mut whole, mut real) = (Vec::new(), Vec::new());
        for row in 0..outer {
            for (part, values) in parts.iter().zip(&values) {
                let width = part.len().checked_div(outer).unwrap_or(0);
                let range = row * width..(row + 1) * width;
                match values {
                    Numbers::Ints(values) => whole.extend_from_slice(&values[range]),
                    Numbers::Floats(values) => real.extend_from_slice(&values[range]),
                }
            }
        }
        Ok(match is_whole {
            true => Constant::integers(dims, whole, first.element()),
            false => Constant::tensor(dims, real),
        })
    }

    fn transposed_constant(
        &mut self,
        node: &NodeProto,
        a: &Constant,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let rank = a.dims.len();
        let order: Vec<usize> = match find(node, "perm") {
            None => (0..rank).rev().collect(),
            Some(perm) => perm.ints.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?,
        };
        let mut sorted = order.clone();
        sorted.sort_unstable();
        if sorted != (0..rank).collect::<Vec<_>>() || rank > MAX_RANK {
            return Ok(None);
        }
        // A few integers may be a shape or positions, which are computed with; others are read as numbers.
        if a.to_ints().is_none() {
            return match order == [1, 0] {
                true => self.computations.transposed(a).map(Some),
                false => self.computations.permuted(a, &order),
            };
        }
        let dims: Vec<usize> = order.iter().map(|&at| a.dims[at]).collect();
        self.computations.charge(a.len(), &[a])?;
        let own = strides(&a.dims);
        let steps: Vec<usize> = order.iter().map(|&at| own[at]).collect();
        let positions = positions(&dims, &steps, 0);
        take(a, dims, &positions)
    }

    /// The values at some positions of a dimension. Those that are one after the other stay where they are.
    pub(super) fn part(
        &mut self,
        a: &Constant,
        at: usize,
        positions: Range<usize>,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        if a.dims[..at].iter().all(|&dim| dim == 1)
            && let Some(part) = a.part(at, positions.clone())
        {
            return Ok(Some(part));
        }
        let mut picks: Vec<Vec<usize>> = a.dims.iter().map(|&dim| (0..dim).collect()).collect();
        picks[at] = positions.collect();
        self.picked(a, &picks)
    }

    /// The values at positions of each dimension.
    fn picked(
        &mut self,
        a: &Constant,
        picks: &[Vec<usize>],
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let dims: Vec<usize> = picks.iter().map(Vec::len).collect();
        self.computations.charge(dims.iter().product(), &[a])?;
        let own = strides(&a.dims);
        let mut places = vec![0_usize];
        for (pick, stride) in picks.iter().zip(own) {
            places = places
                .iter()
                .flat_map(|place| pick.iter().map(move |at| place + at * stride))
                .collect();
        }
        take(a, dims, &places)
    }

    fn gathered(
        &mut self,
        node: &NodeProto,
        a: &Constant,
        indices: &Constant,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let at = axis(int(node, "axis").unwrap_or(0), a.dims.len())?;
        let length = i64::try_from(a.dims[at])?;
        let index = |index: i64| {
            let index = if index < 0 { index.saturating_add(length) } else { index };
            usize::try_from(index).ok().filter(|&index| index < a.dims[at])
        };
        let chosen: Option<Vec<usize>> = ints(indices)?.into_iter().map(index).collect();
        let refusal = || UnsupportedOp::because("of a position that there is not");
        let mut picks: Vec<Vec<usize>> = a.dims.iter().map(|&dim| (0..dim).collect()).collect();
        picks[at] = chosen.ok_or_else(refusal)?;
        let taken = self.picked(a, &picks)?;
        let dims = [&a.dims[..at], &indices.dims, &a.dims[at + 1..]].concat();
        Ok(taken.and_then(|taken| taken.reshaped(dims)))
    }

    fn range(
        &mut self,
        start: &Constant,
        limit: &Constant,
        step: &Constant,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        if start.element() == Element::Float {
            return self.range_of_floats(start, limit, step);
        }
        let number = |constant: &Constant| ints(constant).map(|ints| ints.first().copied());
        let (Some(start), Some(limit), Some(by)) = (number(start)?, number(limit)?, number(step)?)
        else {
            return Ok(None);
        };
        let count = limit.checked_sub(start).and_then(|whole| match by {
            0 => None,
            by => Some(
                (i128::from(whole) + i128::from(by) - i128::from(by.signum())) / i128::from(by),
            ),
        });
        let count = usize::try_from(count.unwrap_or(0).max(0)).map_err(|_| too_large())?;
        self.computations.charge(count, &[])?;
        let values = (0..count).map(|at| start + by * i64::try_from(at).unwrap_or(0)).collect();
        Ok(Constant::integers(vec![count], values, step.element()))
    }

    fn range_of_floats(
        &mut self,
        start: &Constant,
        limit: &Constant,
        step: &Constant,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let numbers = [start, limit, step].map(Constant::to_scalar);
        let [Some(start), Some(limit), Some(by)] = numbers else { return Ok(None) };
        let count = ((f64::from(limit) - f64::from(start)) / f64::from(by)).ceil().max(0.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a count below 2^24"
        )]
        let count = if count < 16_777_216.0 { count as u32 } else { return Err(too_large()) };
        self.computations.charge(count as usize, &[])?;
        #[expect(clippy::cast_precision_loss, reason = "a count below 2^24")]
        let values: Vec<f32> = (0..count).map(|at| start + by * at as f32).collect();
        Ok(Constant::tensor(vec![values.len()], values))
    }

    /// What a slice takes of each dimension.
    pub(super) fn ranges(
        &self,
        node: &NodeProto,
        sizes: &[usize],
    ) -> Result<Vec<Steps>, UnsupportedOp> {
        let starts = self.ints(node, "starts", 1)?.unwrap_or_default();
        let ends = self.ints(node, "ends", 2)?.unwrap_or_default();
        let axes = self.ints(node, "axes", 3)?;
        let steps = self.optional_constant(node, 4)?.and_then(|steps| steps.to_ints());
        let count = starts.len();
        let axes = axes.unwrap_or_else(|| (0..).take(count).collect());
        let steps = steps.unwrap_or_else(|| vec![1; count]);
        if ends.len() != count || axes.len() != count || steps.len() != count || count > MAX_RANK {
            return Err(UnsupportedOp::because("with lists of different lengths"));
        }
        let mut is_given = vec![false; sizes.len()];
        let mut ranges: Vec<Steps> =
            sizes.iter().map(|&size| Steps { start: 0, count: size, step: 1 }).collect();
        for ((&start, &end), (&of, &step)) in starts.iter().zip(&ends).zip(axes.iter().zip(&steps))
        {
            let at = axis(of, sizes.len())?;
            if std::mem::replace(&mut is_given[at], true) {
                return Err(UnsupportedOp::because("along an axis that is given twice"));
            }
            ranges[at] = Steps::new(start, end, step, sizes[at])?;
        }
        Ok(ranges)
    }
}

/// Positions of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) start: usize,
    pub(super) count: usize,
    pub(super) step: i64,
}

impl Steps {
    /// What a slice means on an axis of a size (ONNX, Slice).
    fn new(start: i64, end: i64, step: i64, size: usize) -> Result<Self, UnsupportedOp> {
        let length = i64::try_from(size)?;
        let from_front = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
        let (start, end) = (from_front(start), from_front(end));
        let (start, end) = match step {
            0 => return Err(UnsupportedOp::because("in steps of zero")),
            1.. => (start.clamp(0, length), end.clamp(0, length)),
            _ => (start.clamp(0, (length - 1).max(0)), end.clamp(-1, length - 1)),
        };
        let room = if step > 0 { end - start } else { start - end };
        let count = match room {
            ..=0 => 0,
            room => (room - 1) / step.saturating_abs() + 1,
        };
        Ok(Self { start: usize::try_from(start)?, count: usize::try_from(count)?, step })
    }

    /// Whether it takes everything in its order.
    pub(super) fn is_all(&self, size: usize) -> bool {
        (self.start, self.count) == (0, size) && (self.step == 1 || size <= 1)
    }

    pub(super) fn positions(&self) -> Vec<usize> {
        let (start, step) = (i64::try_from(self.start).unwrap_or(0), self.step);
        let at =
            |at: usize| start.saturating_add(step.saturating_mul(i64::try_from(at).unwrap_or(0)));
        (0..self.count).filter_map(|index| usize::try_from(at(index)).ok()).collect()
    }
}

fn too_large() -> UnsupportedOp {
    UnsupportedOp::because("of numbers that are too large")
}

fn ints(constant: &Constant) -> Result<Vec<i64>, UnsupportedOp> {
    let refusal = || UnsupportedOp::because("of constants that are no integers, or too many");
    constant.to_ints().ok_or_else(refusal)
}

fn numbers(constant: &Constant) -> Result<Numbers, UnsupportedOp> {
    if constant.element() != Element::Float {
        return ints(constant).map(Numbers::Ints);
    }
    constant.floats().map(Numbers::Floats).ok_or_else(unread)
}

fn whole(op: &str, a: i64, b: i64) -> Option<i64> {
    match op {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        "Div" => a.checked_div(b),
        "Mod" => a.checked_rem_euclid(b).filter(|_| b > 0),
        "Min" => Some(a.min(b)),
        "Max" => Some(a.max(b)),
        "Pow" => a.checked_pow(u32::try_from(b).ok()?),
        _ => None,
    }
}

fn float(op: &str, a: f32, b: f32) -> Option<f32> {
    match op {
        "Add" => Some(a + b),
        "Sub" => Some(a - b),
        "Mul" => Some(a * b),
        "Div" => Some(a / b),
        "Min" => Some(a.min(b)),
        "Max" => Some(a.max(b)),
        "Pow" => Some(a.powf(b)),
        _ => None,
    }
}

/// Two shapes that are brought into one.
struct Broadcast {
    dims: Vec<usize>,
    len: usize,
    steps: [Vec<usize>; 2],
}

impl Broadcast {
    fn new(a: &[usize], b: &[usize]) -> Option<Self> {
        let rank = a.len().max(b.len());
        if rank > MAX_RANK {
            return None;
        }
        let padded = |dims: &[usize]| [vec![1; rank - dims.len()], dims.to_vec()].concat();
        let (a, b) = (padded(a), padded(b));
        let dim = |(&a, &b): (&usize, &usize)| match (a, b) {
            _ if a == b => Some(a),
            (1, other) | (other, 1) => Some(other),
            _ => None,
        };
        let dims: Vec<usize> = a.iter().zip(&b).map(dim).collect::<Option<_>>()?;
        let len = dims.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim))?;
        let steps = [a, b].map(|own| {
            let strides = strides(&own);
            strides
                .iter()
                .zip(&own)
                .map(|(&step, &size)| if size == 1 { 0 } else { step })
                .collect()
        });
        Some(Self { dims, len, steps })
    }

    fn pairs<'a, A: Copy, B: Copy>(
        &'a self,
        a: &'a [A],
        b: &'a [B],
    ) -> impl Iterator<Item = (A, B)> + 'a {
        let [first, second] = &self.steps;
        let (first, second) = (positions(&self.dims, first, 0), positions(&self.dims, second, 0));
        first.into_iter().zip(second).filter_map(|(at, other)| Some((*a.get(at)?, *b.get(other)?)))
    }
}

/// How far apart neighbours along each dimension are.
fn strides(dims: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; dims.len()];
    for at in (1..dims.len()).rev() {
        strides[at - 1] = strides[at] * dims[at];
    }
    strides
}

/// Where the values of a tensor are, in order, given how far apart those along each dimension are.
fn positions(dims: &[usize], steps: &[usize], start: usize) -> Vec<usize> {
    let mut positions = vec![start];
    for (&size, &step) in dims.iter().zip(steps) {
        positions = positions
            .iter()
            .flat_map(|position| (0..size).map(move |at| position + at * step))
            .collect();
    }
    positions
}

/// The values of a constant at places.
fn take(
    a: &Constant,
    dims: Vec<usize>,
    places: &[usize],
) -> Result<Option<Constant>, UnsupportedOp> {
    Ok(match numbers(a)? {
        Numbers::Ints(values) => {
            let values: Option<Vec<i64>> =
                places.iter().map(|&at| values.get(at).copied()).collect();
            values.and_then(|values| Constant::integers(dims, values, a.element()))
        }
        Numbers::Floats(values) => {
            let values: Option<Vec<f32>> =
                places.iter().map(|&at| values.get(at).copied()).collect();
            values.and_then(|values| Constant::tensor(dims, values))
        }
    })
}
