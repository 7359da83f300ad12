//! Constants that are computed while a file is read.

use std::collections::HashMap;

use super::{
    constant::{Constant, Origin},
    error::UnsupportedOp,
};

/// Values of computed constants that any file may have, in bytes.
const FLOOR_BYTES: u64 = 64 << 20;

/// Bytes of computed constants for each byte of the file. A normalisation takes in a factor and an addition, each of
/// which is a new tensor or two, and a matrix is transposed: a file whose nodes all read tensors of their own needs
/// no more.
const BYTES_PER_BYTE: u64 = 4;

/// Bytes of the numbers that a quantised byte stands for.
const BYTES_OF_QUANTISED: u64 = 4;

/// How a constant is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Computation {
    Sum,
    Product,
    Transpose,
    Negative,
    Inverse,
}

impl Computation {
    fn of(self, a: f32, b: f32) -> f32 {
        match self {
            Self::Sum => a + b,
            Self::Product => a * b,
            Self::Transpose => a,
            Self::Negative => -a,
            Self::Inverse => a.recip(),
        }
    }
}

/// Results of fewer values are not counted.
const FEW: usize = 64;

/// What a constant is computed from: one or two tensors, and the dimensions of the first.
type Key = (Computation, Origin, Option<Origin>, Vec<usize>);

/// The computed constants of a file. Equal computations give one constant, so that layers whose tensors are computed
/// from the same ones share them, and its values are in memory once.
#[derive(Debug)]
pub(super) struct Computations {
    known: HashMap<Key, Constant>,
    bytes: u64,
    limit: u64,
}

impl Computations {
    /// Nothing yet, for a file of this size, of which some bytes are quantised numbers.
    pub(super) fn new(file_bytes: usize, quantised: u64) -> Self {
        let numbers =
            quantised.saturating_mul(BYTES_OF_QUANTISED - 1).saturating_add(file_bytes as u64);
        let limit = numbers.saturating_mul(BYTES_PER_BYTE).saturating_add(FLOOR_BYTES);
        Self { known: HashMap::new(), bytes: 0, limit }
    }

    /// The limit on bytes, if the file exceeds it.
    pub(super) fn exceeded(&self) -> Option<u64> {
        (self.bytes > self.limit).then_some(self.limit)
    }

    /// The sums or products of the values of two constants of equal length.
    pub(super) fn combined(
        &mut self,
        how: Computation,
        own: &Constant,
        with: &Constant,
    ) -> Result<Constant, UnsupportedOp> {
        self.computed(how, own, Some(with), || {
            if let Some((a, b)) = own.splatted().zip(with.splatted()) {
                return Ok(own.filled(how.of(a, b)));
            }
            let absent =
                || UnsupportedOp::because("of a normalisation whose values are in another file");
            let (own, with) = own.floats().zip(with.floats()).ok_or_else(absent)?;
            let changed: Vec<f32> =
                own.into_iter().zip(with).map(|(own, with)| how.of(own, with)).collect();
            Ok(Constant::vector(&changed))
        })
    }

    /// A matrix with rows and columns swapped.
    pub(super) fn transposed(&mut self, matrix: &Constant) -> Result<Constant, UnsupportedOp> {
        self.computed(Computation::Transpose, matrix, None, || matrix.transposed())
    }

    /// A constant with the sign of every number turned.
    pub(super) fn negated(&mut self, constant: &Constant) -> Result<Constant, UnsupportedOp> {
        self.each(Computation::Negative, constant)
    }

    /// One over every number of a constant.
    pub(super) fn inverted(&mut self, constant: &Constant) -> Result<Constant, UnsupportedOp> {
        self.each(Computation::Inverse, constant)
    }

    fn each(&mut self, how: Computation, own: &Constant) -> Result<Constant, UnsupportedOp> {
        self.computed(how, own, None, || {
            if let Some(value) = own.splatted() {
                return Ok(own.filled(how.of(value, value)));
            }
            let absent =
                || UnsupportedOp::because("with a constant whose values are in another file");
            let values = own.floats().ok_or_else(absent)?;
            let values = values.into_iter().map(|value| how.of(value, value)).collect();
            Constant::tensor(own.dims.clone(), values).ok_or_else(absent)
        })
    }

    /// A matrix whose columns are those of another, each at its position.
    pub(super) fn columns(
        &mut self,
        matrix: &Constant,
        positions: &[usize],
    ) -> Result<Constant, UnsupportedOp> {
        let refusal = || UnsupportedOp::because("with a weight whose values are in another file");
        let &[rows, columns] = matrix.dims.as_slice() else { return Err(refusal()) };
        if columns != positions.len() {
            return Err(UnsupportedOp::because("weight that does not fit the values"));
        }
        if matrix.splatted().is_some() || positions.iter().enumerate().all(|(at, &to)| at == to) {
            return Ok(matrix.clone());
        }
        self.charge(matrix.len())?;
        let values = matrix.floats().ok_or_else(refusal)?;
        let mut moved = vec![0.0; values.len()];
        for row in 0..rows {
            for (at, &to) in positions.iter().enumerate() {
                moved[row * columns + to] = values[row * columns + at];
            }
        }
        Constant::tensor(matrix.dims.clone(), moved).ok_or_else(refusal)
    }

    /// Counts the values of a constant that is about to be computed.
    pub(super) fn charge(&mut self, values: usize) -> Result<(), UnsupportedOp> {
        if values > FEW {
            self.bytes = self.bytes.saturating_add(values as u64 * size_of::<f32>() as u64);
        }
        match self.exceeded() {
            None => Ok(()),
            Some(_) => Err(UnsupportedOp::because("of constants that are too large together")),
        }
    }

    fn computed(
        &mut self,
        how: Computation,
        own: &Constant,
        with: Option<&Constant>,
        compute: impl FnOnce() -> Result<Constant, UnsupportedOp>,
    ) -> Result<Constant, UnsupportedOp> {
        // Constants without an origin are not known to be the same.
        let with_origin = with.and_then(Constant::origin);
        let key = own.origin().filter(|_| with.is_some() == with_origin.is_some());
        let key =
            key.map(|own_origin| (how, own_origin.clone(), with_origin.cloned(), own.dims.clone()));
        if let Some(known) = key.as_ref().and_then(|key| self.known.get(key)) {
            return Ok(known.clone());
        }
        let is_small =
            own.splatted().is_some() && with.is_none_or(|with| with.splatted().is_some());
        self.charge(if is_small { 0 } else { own.len() })?;
        let computed = compute()?;
        let Some(key) = key else { return Ok(computed) };
        let origin = match &key {
            // A matrix and its transpose are not one tensor here.
            (Computation::Transpose, Origin::File(name), ..) => Origin::Transposed(name.clone()),
            _ => Origin::Computed(self.known.len()),
        };
        let computed = computed.with_origin(origin);
        self.known.insert(key, computed.clone());
        Ok(computed)
    }
}
