//! What a change of a variable does to accuracy and costs.

use inceptive_results::statistics::{Estimate, resampled};
use nalgebra::{DMatrix, DVector};

use crate::{axes::Axis, importance::spread};

/// Networks that effects are estimated from at most; of more, this many are taken at equal distances.
const MOST: usize = 1000;

/// What a variable does to a quantity, while the others stay as they are.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Of numbers: by how much it changes from the lowest to the highest of the values that occur, by a straight line.
    Range {
        /// The position of the lowest value.
        from: usize,
        /// The position of the highest value.
        to: usize,
        /// The change.
        change: Estimate,
    },
    /// Of others: by how much it is above the mean over the values that occur, for each of these by its position.
    Values(Vec<(usize, Estimate)>),
}

/// The effect of each variable on a quantity of networks, by the positions of their values, in a linear model without
/// interactions (least squares); intervals come from resampling the networks. A variable with one value has none. `None` when
/// there are not at least two networks for each number that is estimated.
pub fn effects(
    axes: &[Axis],
    points: &[Vec<usize>],
    quantity: &[f64],
    seed: u64,
) -> Option<Vec<Option<Effect>>> {
    let all = spread(points.len().min(quantity.len()), MOST);
    let columns: Vec<Columns> = axes
        .iter()
        .enumerate()
        .map(|(variable, axis)| Columns::new(axis, all.iter().map(|&at| points[at][variable])))
        .collect();
    let width = 1 + columns.iter().map(Columns::len).sum::<usize>();
    if width == 1 || all.len() < 2 * width {
        return None;
    }
    let rows: Vec<Vec<f64>> = all
        .iter()
        .map(|&at| {
            let mut row = vec![1.0];
            for (columns, &value) in columns.iter().zip(&points[at]) {
                columns.extend(&mut row, value);
            }
            row
        })
        .collect();
    let values: Vec<f64> = all.iter().map(|&at| quantity[at]).collect();
    let places: Vec<usize> = (0..rows.len()).collect();
    let model = fit(&rows, &values, &places)?;
    // The model of each resample is the same for all effects.
    let mut of_samples: Vec<DVector<f64>> = vec![];
    resampled(0.0, rows.len(), seed, |sample| {
        of_samples.push(fit(&rows, &values, sample).unwrap_or_else(|| model.clone()));
        0.0
    });
    let estimate = |of: &dyn Fn(&DVector<f64>) -> f64| {
        let mut models = of_samples.iter();
        resampled(of(&model), rows.len(), seed, |_| models.next().map_or(f64::NAN, of))
    };
    let mut first = 1;
    let mut effects = vec![];
    for columns in &columns {
        let start = first;
        first += columns.len();
        effects.push(match columns {
            Columns::Constant => None,
            Columns::Number { range: [(from, _), (to, _)], .. } => Some(Effect::Range {
                from: *from,
                to: *to,
                change: estimate(&|model| model[start]),
            }),
            Columns::Kinds(values) => {
                let of = |place: usize| {
                    estimate(&|model: &DVector<f64>| {
                        columns.above_mean(&model.as_slice()[start..], place)
                    })
                };
                Some(Effect::Values(
                    values.iter().enumerate().map(|(place, &value)| (value, of(place))).collect(),
                ))
            }
        });
    }
    Some(effects)
}

/// How a variable enters the model.
enum Columns {
    /// Not at all: it has one value.
    Constant,
    /// As a number from 0 to 1.
    Number {
        numbers: Vec<f64>,
        /// The lowest and the highest value, with their positions.
        range: [(usize, f64); 2],
    },
    /// By a column for each value that occurs but the first.
    Kinds(Vec<usize>),
}

impl Columns {
    fn new(axis: &Axis, values: impl Iterator<Item = usize>) -> Self {
        let mut occurring: Vec<usize> = values.collect();
        occurring.sort_unstable();
        occurring.dedup();
        if occurring.len() < 2 {
            return Self::Constant;
        }
        let Some(numbers) = &axis.numbers else { return Self::Kinds(occurring) };
        occurring.sort_by(|&a, &b| numbers[a].total_cmp(&numbers[b]));
        let end = |place: usize| (occurring[place], numbers[occurring[place]]);
        let range = [end(0), end(occurring.len() - 1)];
        match range[0].1 < range[1].1 {
            true => Self::Number { numbers: numbers.clone(), range },
            false => Self::Constant,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Constant => 0,
            Self::Number { .. } => 1,
            Self::Kinds(values) => values.len() - 1,
        }
    }

    fn extend(&self, row: &mut Vec<f64>, value: usize) {
        match self {
            Self::Constant => {}
            Self::Number { numbers, range: [(_, low), (_, high)] } => {
                row.push((numbers[value] - low) / (high - low))
            }
            Self::Kinds(values) => {
                row.extend(values[1..].iter().map(|&of| f64::from(u8::from(of == value))))
            }
        }
    }

    /// By how much a value is above the mean of all.
    #[expect(clippy::cast_precision_loss, reason = "few values")]
    fn above_mean(&self, model: &[f64], place: usize) -> f64 {
        let own = &model[..self.len()];
        let of = |place: usize| place.checked_sub(1).map_or(0.0, |column| own[column]);
        of(place) - own.iter().sum::<f64>() / (own.len() + 1) as f64
    }
}

/// The coefficients of least squares; `None` where they are not determined.
fn fit(rows: &[Vec<f64>], values: &[f64], sample: &[usize]) -> Option<DVector<f64>> {
    let width = rows.first()?.len();
    let (mut squares, mut products) = (DMatrix::zeros(width, width), DVector::zeros(width));
    for &at in sample {
        let row = DVector::from_column_slice(&rows[at]);
        squares.ger(1.0, &row, &row, 1.0);
        products.axpy(values[at], &row, 1.0);
    }
    let factor = squares.cholesky()?;
    let is_determined = factor.l_dirty().diagonal().iter().all(|it| *it > 1e-6);
    is_determined.then(|| factor.solve(&products))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effects_of_a_linear_model_are_found() {
        let axes = [Axis::new(["a", "b", "c"]), Axis::new(["0.5", "1", "2"]), Axis::new(["7"])];
        let points: Vec<Vec<usize>> = (0..36).map(|at| vec![at % 3, at / 3 % 3, 0]).collect();
        let quantity: Vec<f64> = points
            .iter()
            .enumerate()
            .map(|(at, point)| {
                10.0 + [0.0, 3.0, 6.0][point[0]]
                    + 4.0 * [0.5, 1.0, 2.0][point[1]]
                    + f64::from(u8::from(at % 2 == 0)) * 0.01
            })
            .collect();
        let found = effects(&axes, &points, &quantity, 1).unwrap();
        let Some(Effect::Values(kinds)) = &found[0] else { panic!("{found:?}") };
        for (&(value, estimate), expected) in kinds.iter().zip([-3.0, 0.0, 3.0]) {
            assert!((estimate.value - expected).abs() < 0.02, "{value}: {estimate:?}");
            assert!(estimate.low <= estimate.value && estimate.value <= estimate.high);
        }
        let Some(Effect::Range { from: 0, to: 2, change }) = &found[1] else { panic!("{found:?}") };
        assert!((change.value - 6.0).abs() < 0.02, "{change:?}");
        assert_eq!(found[2], None, "it has one value");
    }

    #[test]
    fn too_few_networks_say_nothing() {
        let axes = [Axis::new(["a", "b", "c"])];
        let points = vec![vec![0], vec![1], vec![2], vec![0], vec![1]];
        assert_eq!(effects(&axes, &points, &[1.0, 2.0, 3.0, 1.0, 2.0], 1), None);
        let constant = vec![vec![1]; 20];
        assert_eq!(effects(&axes, &constant, &[1.0; 20], 1), None);
    }
}
