//! Sums, means and norms of constants, which weights are normalised with.

use super::{
    attribute::{find, flag},
    constant::Constant,
    error::UnsupportedOp,
    importer::Importer,
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
        self.computations.charge(a.len())?;
        let refusal = || UnsupportedOp::because("of constants whose values are in another file");
        let values = a.floats().ok_or_else(refusal)?;
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
