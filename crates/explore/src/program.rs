//! A structure of a space, compiled.

use inceptive_dsl::{Fit, LANES, Lanes, Outcome, Sketch, Space};
use inceptive_results::Counts;

use crate::sums::{Results, Sums};

/// What is computed for the points that have the values of some variables in common.
#[derive(Debug)]
pub(crate) struct Program {
    sketch: Sketch,
    /// `None` where no point that is like the sketch's has a network.
    sums: Option<Sums>,
}

/// What a program says about a point.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one at a time, never kept")]
pub(crate) enum Found {
    Network(Counts),
    Refused,
    /// It has another structure.
    Other,
    /// It has to be built to be counted.
    Unknown,
}

/// Memory that is used again.
#[derive(Default)]
pub(crate) struct Scratch {
    variables: Vec<Lanes>,
    numbers: Vec<Lanes>,
    results: Results,
}

impl Scratch {
    fn load(&mut self, space: &Space, points: &[&[usize]]) {
        self.variables.resize(space.variables.len(), [0.0; LANES]);
        for (number, variable) in space.variables.iter().enumerate() {
            // The rest of the lanes repeat the last point.
            let mut value = f64::NAN;
            for lane in 0..LANES {
                if let Some(point) = points.get(lane) {
                    value = variable.values[point[number]].number().unwrap_or(f64::NAN);
                }
                self.variables[number][lane] = value;
            }
        }
    }
}

impl Program {
    /// `None` if a sketch stands for its own point alone.
    pub(crate) fn new(mut sketch: Sketch) -> Option<Self> {
        let sums = match &sketch.outcome {
            Outcome::Network(network) => Some(Sums::new(network)?),
            Outcome::Refused => None,
            Outcome::Alone => return None,
        };
        // The graph is not needed any more.
        sketch.outcome = Outcome::Refused;
        Some(Self { sketch, sums })
    }

    /// Counts at most [`LANES`] points, by the positions of their values; says what each is.
    pub(crate) fn run(
        &self,
        space: &Space,
        points: &[&[usize]],
        scratch: &mut Scratch,
        mut say: impl FnMut(usize, Found),
    ) {
        scratch.load(space, points);
        let Scratch { variables, numbers, results } = scratch;
        self.sketch.formulas.evaluate(variables, numbers);
        let fits = self.sketch.fits(numbers);
        if let Some(sums) = &self.sums {
            sums.count(numbers, results);
        }
        for (lane, fit) in fits.into_iter().enumerate().take(points.len()) {
            let found = match (fit, &self.sums) {
                (Fit::Same, Some(sums)) => {
                    sums.of_point(results, lane).map_or(Found::Unknown, Found::Network)
                }
                (Fit::Same, None) | (Fit::Refused, _) => Found::Refused,
                (Fit::Other, _) => Found::Other,
            };
            say(lane, found);
        }
    }
}
