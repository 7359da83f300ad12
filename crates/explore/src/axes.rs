//! The variables of a space as coordinates.

use inceptive_dsl::Space;

/// A variable of a space.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// How many values it has.
    pub values: usize,
    /// Its values, if all of them are numbers.
    pub numbers: Option<Vec<f64>>,
}

impl Axis {
    /// A variable with the values that are written like this; they are numbers if all of them can be read as such.
    pub fn new<'l>(labels: impl IntoIterator<Item = &'l str>) -> Self {
        let numbers: Vec<Option<f64>> = labels
            .into_iter()
            .map(|label| label.parse().ok().filter(|it: &f64| it.is_finite()))
            .collect();
        Self { values: numbers.len(), numbers: numbers.into_iter().collect() }
    }

    /// A number in steps, from 0.
    pub(crate) fn levels(count: u32) -> Self {
        Self { values: count as usize, numbers: Some((0..count).map(f64::from).collect()) }
    }

    /// How much two values differ: of numbers their distance in the order of the values, 1 between the first and the last;
    /// of others 1.
    #[expect(clippy::cast_precision_loss, reason = "few values")]
    pub fn distance(&self, one: usize, other: usize) -> f64 {
        match self.numbers.is_some() && self.values > 1 {
            true => one.abs_diff(other) as f64 / (self.values - 1) as f64,
            false => f64::from(u8::from(one != other)),
        }
    }
}

/// The variables of a space.
pub fn axes(space: &Space) -> Vec<Axis> {
    let axis = |variable: &inceptive_dsl::Variable| {
        Axis::new(variable.values.iter().map(|value| value.label.as_str()))
    };
    space.variables.iter().map(axis).collect()
}

/// How much two points differ: the sum over their variables.
pub(crate) fn distance(axes: &[Axis], one: &[usize], other: &[usize]) -> f64 {
    axes.iter()
        .zip(one.iter().zip(other))
        .map(|(axis, (&one, &other))| axis.distance(one, other))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_near_their_neighbours() {
        let width = Axis::new(["0.5", "0.75", "1"]);
        assert_eq!(width.numbers, Some(vec![0.5, 0.75, 1.0]));
        assert_eq!([width.distance(0, 1), width.distance(2, 0)], [0.5, 1.0]);
        let kind = Axis::new(["conv", "pool", "1"]);
        assert_eq!(kind.numbers, None);
        assert_eq!([kind.distance(0, 2), kind.distance(1, 1)], [1.0, 0.0]);
        assert_eq!(Axis::new(["3"]).distance(0, 0), 0.0);
        assert_eq!(distance(&[width, kind], &[0, 0], &[1, 1]), 1.5);
    }
}
