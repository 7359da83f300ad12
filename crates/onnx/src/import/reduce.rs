//! Sums, means and norms of constants, which weights are normalised with; and means over channels.

use inceptive_ir::{Op, Shape};

use super::{
    attribute::{find, flag},
    constant::Constant,
    error::{UnsupportedOp, unread},
    importer::{Importer, Value},
    math::{Function, Operand},
    operator::axis,
};
use crate::proto::NodeProto;

impl Importer {
    /// A constant without some of its dimensions, or with one value along each of them.
    pub(super) fn reduced_constant(
        &mut self,
        node: &NodeProto,
        a: &Constant,
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let rank = a.dims.len();
        let given = match find(node, "axes") {
            Some(axes) => Some(axes.ints.clone()),
            None => self.optional_constant(node, 1)?.and_then(|axes| axes.to_ints()),
        };
        let all = || (0..rank).collect();
        let axes: Vec<usize> = match given.filter(|axes| !axes.is_empty()) {
            None => all(),
            Some(axes) => axes.iter().map(|&at| axis(at, rank)).collect::<Result<_, _>>()?,
        };
        let keeps = flag(node, "keepdims", true)?;
        self.computations.charge(a.len(), &[a])?;
        let values = a.floats().ok_or_else(unread)?;
        let kept: Vec<usize> = a
            .dims
            .iter()
            .enumerate()
            .map(|(at, &dim)| if axes.contains(&at) { 1 } else { dim })
            .collect();
        let count: usize = kept.iter().product();
        if count == 0 || values.is_empty() {
            return Ok(None);
        }
        let start = if node.op_type == "ReduceMax" { f64::NEG_INFINITY } else { 0.0 };
        let mut results = vec![start; count];
        for (position, value) in values.iter().map(|&value| f64::from(value)).enumerate() {
            let result = &mut results[place(position, &a.dims, &kept)];
            match node.op_type.as_str() {
                "ReduceMax" => *result = result.max(value),
                "ReduceL2" | "ReduceSumSquare" => *result += value * value,
                _ => *result += value,
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of values")]
        let each = (values.len() / count) as f64;
        #[expect(clippy::cast_possible_truncation, reason = "weights are single precision")]
        let finished = |result: f64| match node.op_type.as_str() {
            "ReduceMean" => (result / each) as f32,
            "ReduceL2" => result.sqrt() as f32,
            _ => result as f32,
        };
        let dims = match keeps {
            true => kept,
            false => (0..rank).filter(|at| !axes.contains(at)).map(|at| a.dims[at]).collect(),
        };
        Ok(Constant::tensor(dims, results.into_iter().map(finished).collect()))
    }

    /// The mean over channels, which are the dimension `at`, of arithmetic or of a result. That of a map is a result too;
    /// where the mean turns out to be part of a normalisation that is spelled out, nothing reads it.
    pub(super) fn channel_mean(
        &mut self,
        node: &NodeProto,
        at: usize,
    ) -> Result<Value, UnsupportedOp> {
        let (operand, layout) = self.math_operand(node, 0)?;
        let layout = layout.ok_or_else(|| UnsupportedOp::because("of a constant"))?;
        let mean = self.keep_math(node, Function::Mean, vec![operand], layout.reduced(at))?;
        if let (&Value::Math(math), Operand::Draft(source)) = (&mean, operand)
            && matches!(self.drafts[source].shape, Shape::Map { .. })
            && let Value::Node(result) = self.push(node, Op::ChannelMean, vec![source], vec![])?
        {
            self.maths[math].result = Some(result);
        }
        Ok(mean)
    }

    /// A difference of arithmetic. That of a result and its mean over channels is a result too; where it turns out to be part
    /// of a normalisation, nothing reads it.
    pub(super) fn subtract_math(&mut self, node: &NodeProto) -> Result<Value, UnsupportedOp> {
        let difference = self.math(node, Function::Sub)?;
        let Value::Math(math) = difference else { return Ok(difference) };
        let results: Option<Vec<usize>> =
            self.maths[math].operands.iter().map(|&operand| self.result_of(operand)).collect();
        if let Some(results) = results
            && let Ok(Value::Node(result)) =
                self.push(node, Op::Add { scales: vec![1.0, -1.0] }, results, vec![])
        {
            self.maths[math].result = Some(result);
        }
        Ok(difference)
    }

    /// The result that an operand is.
    fn result_of(&self, operand: Operand) -> Option<usize> {
        match operand {
            Operand::Draft(draft) => Some(draft),
            Operand::Math(math) => self.maths[math].result,
            Operand::Number(_) => None,
        }
    }

    /// Makes a mean over channels, or what it was taken off, the result that it is, unless this node may make it a part of a
    /// normalisation.
    pub(super) fn settle_mean(&mut self, node: &NodeProto, name: &str) {
        let Some(&Value::Math(math)) = self.values.get(name) else { return };
        let is_difference = self.maths[math].function == Function::Sub;
        let may_be_part = match node.op_type.as_str() {
            "Cast" | "CastLike" | "Identity" => true,
            "Sub" => !is_difference,
            "Pow" => is_difference,
            "Mul" if node.input.iter().all(|input| input == name) => is_difference,
            // By a root, which is no result.
            "Mul" | "Div" => is_difference && node.input.iter().any(|input| self.is_open(input)),
            _ => false,
        };
        if !may_be_part {
            self.settle_math(name, math);
        }
    }

    /// Whether a value is arithmetic that is no result.
    fn is_open(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(&Value::Math(math)) => self.math_result(math).is_none(),
            _ => false,
        }
    }

    /// Makes arithmetic the result that it is, if it is one.
    pub(super) fn settle_math(&mut self, name: &str, math: usize) {
        let Some((draft, layout)) = self.math_result(math) else { return };
        let waiting = self.waiting.remove(name).unwrap_or_default();
        self.drafts[draft].origins.extend(waiting.origins);
        self.drafts[draft].is_read_again |= self.reads.get(name).is_some_and(|&reads| reads > 1);
        let value = self.viewed(draft, layout);
        self.values.insert(name.to_owned(), value);
    }
}

/// Where a value goes, among as many results as the kept dimensions have.
fn place(position: usize, dims: &[usize], kept: &[usize]) -> usize {
    let (mut rest, mut place, mut step) = (position, 0, 1);
    for (&dim, &kept) in dims.iter().zip(kept).rev() {
        if kept > 1 {
            place += rest % dim * step;
        }
        step *= kept;
        rest /= dim;
    }
    place
}
