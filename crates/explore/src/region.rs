//! Parts of a space.

use inceptive_dsl::Space;

/// The points of a space that have some values in common: a value for some variables, any for the others.
#[derive(Clone, Debug)]
pub(crate) struct Region {
    /// For each variable, the position of its value, if it is fixed.
    fixed: Vec<Option<usize>>,
}

impl Region {
    /// All points of a space.
    pub(crate) fn all(space: &Space) -> Self {
        Self { fixed: vec![None; space.variables.len()] }
    }

    /// How many points it has.
    pub(crate) fn len(&self, space: &Space) -> usize {
        let counts = self.fixed.iter().zip(&space.variables);
        let counts = counts.map(|(fixed, variable)| match fixed {
            Some(_) => 1,
            None => variable.values.len(),
        });
        counts.fold(1, usize::saturating_mul)
    }

    /// A point of it by its number, the last variable changing fastest.
    pub(crate) fn point(&self, space: &Space, mut at: usize, point: &mut Vec<usize>) {
        point.clear();
        point.resize(self.fixed.len(), 0);
        let all = point.iter_mut().zip(&self.fixed).zip(&space.variables);
        for ((value, fixed), variable) in all.rev() {
            *value = match fixed {
                Some(fixed) => *fixed,
                None => {
                    let count = variable.values.len();
                    let value = at % count;
                    at /= count;
                    value
                }
            };
        }
    }

    /// The parts of it that differ from its first point in a variable of these, and what is left: the points that have
    /// all of these values of the first one.
    pub(crate) fn split(self, space: &Space, variables: &[usize]) -> (Vec<Self>, Self) {
        let (mut parts, mut own) = (vec![], self);
        for &variable in variables {
            if own.fixed[variable].is_some() {
                continue;
            }
            for value in 1..space.variables[variable].values.len() {
                let mut part = own.clone();
                part.fixed[variable] = Some(value);
                parts.push(part);
            }
            own.fixed[variable] = Some(0);
        }
        (parts, own)
    }
}

/// The number of a point in its space, the last variable changing fastest.
pub(crate) fn place(space: &Space, point: &[usize]) -> u64 {
    let all = point.iter().zip(&space.variables);
    all.fold(0, |place, (&value, variable)| {
        place.wrapping_mul(variable.values.len() as u64).wrapping_add(value as u64)
    })
}
