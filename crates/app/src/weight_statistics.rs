//! Statistics of a network's weights.

use std::{collections::HashMap, path::Path as FilePath, sync::atomic::AtomicBool};

use inceptive_dsl::Setting;
use inceptive_ir::{Path, Role};
use inceptive_weights::slots;

use crate::{
    memory::Purpose,
    network::{ReadError, Runnable, WeightSource, read_runnable},
};

/// How many of its values a tensor is shown with.
const SHOWN: usize = 64;

/// Statistics of every tensor of a network, by the layer that keeps it and its role.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WeightStatistics(HashMap<(Path, Role), TensorStatistics>);

impl WeightStatistics {
    /// The statistics of a tensor; `None` for one that the network does not have.
    pub fn of(&self, path: &Path, role: Role) -> Option<&TensorStatistics> {
        self.0.get(&(path.clone(), role))
    }
}

/// Statistics of a tensor. Minimum, maximum, mean and standard deviation are over its finite values.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorStatistics {
    /// Number of values.
    pub count: usize,
    /// The least value; infinity if none is finite.
    pub min: f32,
    /// The largest value; minus infinity if none is finite.
    pub max: f32,
    /// The mean; NaN if no value is finite.
    pub mean: f64,
    /// The standard deviation of the values; NaN if none is finite.
    pub deviation: f64,
    /// Number of zeros.
    pub zeros: usize,
    /// Number of NaN.
    pub nan: usize,
    /// Number of infinite values.
    pub infinite: usize,
    /// The first values, row-major.
    pub first: Vec<f32>,
}

impl TensorStatistics {
    /// Computes them.
    pub fn new(values: &[f32]) -> Self {
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let count = |holds: &dyn Fn(f32) -> bool| values.iter().filter(|&&x| holds(x)).count();
        let total = finite().count() as f64;
        let mean = finite().map(f64::from).sum::<f64>() / total;
        let squares: f64 = finite().map(|value| (f64::from(value) - mean).powi(2)).sum();
        Self {
            count: values.len(),
            min: finite().fold(f32::INFINITY, f32::min),
            max: finite().fold(f32::NEG_INFINITY, f32::max),
            mean,
            deviation: (squares / total).sqrt(),
            zeros: count(&|value| value == 0.0),
            nan: count(&f32::is_nan),
            infinite: count(&f32::is_infinite),
            first: values.iter().take(SHOWN).copied().collect(),
        }
    }
}

/// Computes the statistics of the weights of a network: those of an ONNX file, or of a file of weights.
///
/// # Errors
/// The errors in the network or its weights; and soon after `stop` is set.
pub fn weight_statistics(
    path: &FilePath,
    settings: &[Setting],
    from: &WeightSource,
    stop: &AtomicBool,
) -> Result<WeightStatistics, ReadError> {
    let Runnable { graph, weights, .. } =
        read_runnable(path, settings, from, Purpose::Export, stop)?;
    let mut statistics = HashMap::new();
    for slot in slots(&graph) {
        if stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(ReadError::Stopped);
        }
        if let Ok(values) = weights.get(&slot.path, slot.role) {
            statistics.insert((slot.path, slot.role), TensorStatistics::new(values));
        }
    }
    Ok(WeightStatistics(statistics))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_over_finite_values() {
        let values = [1.0, -3.0, 0.0, 0.0, f32::NAN, f32::INFINITY, 2.0];
        let found = TensorStatistics::new(&values);
        assert_eq!((found.count, found.zeros, found.nan, found.infinite), (7, 2, 1, 1));
        assert_eq!((found.min, found.max, found.mean), (-3.0, 2.0, 0.0));
        // The squares of 1, 3 and 2 are 14 in sum.
        assert!((found.deviation - (14.0_f64 / 5.0).sqrt()).abs() < 1e-12);
        assert_eq!(found.first.len(), 7);
        let none = TensorStatistics::new(&[f32::NAN]);
        assert!(none.mean.is_nan() && none.deviation.is_nan() && none.min == f32::INFINITY);
    }
}
