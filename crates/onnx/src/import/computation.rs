//! Constants that are computed while a file is read.

use std::{collections::HashMap, sync::Arc};

use super::{
    constant::{Constant, Element, Origin},
    error::{UnsupportedOp, unread},
    source::Stored,
};
use crate::proto::{AttributeProto, NodeProto};
use prost::Message;

/// Values of computed constants that any file may have, in bytes.
const FLOOR_BYTES: u64 = 64 << 20;

/// Bytes of computed constants for each byte of the file. A normalisation takes in a factor and an addition, each of
/// which is a new tensor or two: a file whose nodes all read tensors of their own needs
/// no more.
const BYTES_PER_BYTE: u64 = 4;

/// Maximum number of bytes in files beside the model that add to the limit: as many as a model may have.
const MAX_BESIDE: u64 = 2 << 30;

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

/// How a constant is computed by an operator of the file, or by a part of one: which, with which attributes, and of which
/// tensors, each in the dimensions and the type that it has there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Recipe {
    how: String,
    attributes: Vec<u8>,
    of: Vec<Option<(Origin, Vec<usize>, Element)>>,
}

/// Operators whose results are not weights of their inputs: a copy is a tensor of its own, because PyTorch's exporter
/// writes equal weights of different layers as copies, and others read an input for its shape, or repeat one number.
const OWN: [&str; 6] = ["ConstantOfShape", "Expand", "Identity", "Range", "Shape", "Size"];

/// Operators that give the same for their inputs in any order.
const COMMUTATIVE: [&str; 4] = ["Add", "Max", "Min", "Mul"];

impl Recipe {
    /// What is computed of these tensors; `None` if one of them is not known to be the same as another. One that is left out
    /// may be so in equal computations.
    pub(super) fn new(how: &str, numbers: &[usize], of: &[Option<&Constant>]) -> Option<Self> {
        let attributes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Self::of(how.to_owned(), attributes, of.iter().copied())
    }

    /// How a node computes constants of constants.
    pub(super) fn of_node<'a>(
        node: &NodeProto,
        inputs: impl Iterator<Item = Option<&'a Constant>>,
    ) -> Option<Self> {
        if OWN.contains(&node.op_type.as_str()) {
            return None;
        }
        let mut attributes: Vec<&AttributeProto> = node.attribute.iter().collect();
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        let attributes = attributes.iter().flat_map(|it| it.encode_length_delimited_to_vec());
        Self::of(node.op_type.clone(), attributes.collect(), inputs)
    }

    fn of<'a>(
        how: String,
        attributes: Vec<u8>,
        of: impl Iterator<Item = Option<&'a Constant>>,
    ) -> Option<Self> {
        let tensor = |constant: Option<&Constant>| match constant {
            None => Some(None),
            Some(own) => Some(Some((own.origin()?.clone(), own.dims.clone(), own.element()))),
        };
        let mut of: Vec<_> = of.map(tensor).collect::<Option<_>>()?;
        if COMMUTATIVE.contains(&&*how) {
            of.sort();
        }
        of.iter().any(Option::is_some).then_some(Self { how, attributes, of })
    }
}

/// The computed constants of a file. Equal computations give one constant, so that layers whose tensors are computed
/// from the same ones share them, and its values are in memory once.
#[derive(Debug)]
pub(super) struct Computations {
    known: HashMap<Key, Constant>,
    /// Results of nodes by how they are computed and by their positions among the results of the node.
    made: HashMap<(Recipe, usize), Constant>,
    bytes: u64,
    /// The limit without what files beside the model add to it.
    limit: u64,
    stored: Arc<Stored>,
}

impl Computations {
    /// Nothing yet, for a file of this size, of which some bytes are quantised numbers.
    pub(super) fn new(file_bytes: usize, quantised: u64, stored: Arc<Stored>) -> Self {
        let numbers =
            quantised.saturating_mul(BYTES_OF_QUANTISED - 1).saturating_add(file_bytes as u64);
        let limit = numbers.saturating_mul(BYTES_PER_BYTE).saturating_add(FLOOR_BYTES);
        Self { known: HashMap::new(), made: HashMap::new(), bytes: 0, limit, stored }
    }

    /// The limit on bytes, if the file exceeds it.
    pub(super) fn exceeded(&self) -> Option<u64> {
        let beside = self.stored.bytes_beside().min(MAX_BESIDE).saturating_mul(BYTES_PER_BYTE);
        let limit = self.limit.saturating_add(beside);
        (self.bytes > limit).then_some(limit)
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
            let (own, with) = own.floats().zip(with.floats()).ok_or_else(unread)?;
            let changed: Vec<f32> =
                own.into_iter().zip(with).map(|(own, with)| how.of(own, with)).collect();
            Ok(Constant::vector(&changed))
        })
    }

    /// A matrix with rows and columns swapped.
    pub(super) fn transposed(&mut self, matrix: &Constant) -> Result<Constant, UnsupportedOp> {
        let refusal = || UnsupportedOp::because("with a weight that is not a matrix");
        if matrix.dims.len() != 2 {
            return Err(refusal());
        }
        let matrix = self.arrangeable(matrix, |matrix| matrix.permuted(&[1, 0]).is_some())?;
        self.computed(Computation::Transpose, &matrix, None, || {
            matrix.permuted(&[1, 0]).ok_or_else(refusal)
        })
    }

    /// A constant with its dimensions in another order, which has each of them once.
    pub(super) fn permuted(
        &mut self,
        constant: &Constant,
        order: &[usize],
    ) -> Result<Option<Constant>, UnsupportedOp> {
        let constant = self.arrangeable(constant, |own| own.permuted(order).is_some())?;
        Ok(constant.permuted(order))
    }

    /// A constant whose values can be put into another order when they are read: where that cannot be described, its
    /// values as they are now.
    fn arrangeable(
        &mut self,
        constant: &Constant,
        can: impl Fn(&Constant) -> bool,
    ) -> Result<Constant, UnsupportedOp> {
        if can(constant) {
            return Ok(constant.clone());
        }
        self.charge(constant.len(), &[constant])?;
        let values = constant.floats().ok_or_else(unread)?;
        let now = Constant::tensor(constant.dims.clone(), values).ok_or_else(unread)?;
        Ok(match constant.origin() {
            Some(origin) => now.with_origin(origin.clone()),
            None => now,
        })
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
            let values = own.floats().ok_or_else(unread)?;
            let values = values.into_iter().map(|value| how.of(value, value)).collect();
            Constant::tensor(own.dims.clone(), values).ok_or_else(unread)
        })
    }

    /// A matrix whose columns are those of another, each at its position.
    pub(super) fn columns(
        &mut self,
        matrix: &Constant,
        positions: &[usize],
    ) -> Result<Constant, UnsupportedOp> {
        let refusal = || UnsupportedOp::because("weight that does not fit the values");
        let &[_, columns] = matrix.dims.as_slice() else { return Err(refusal()) };
        if columns != positions.len() {
            return Err(refusal());
        }
        if matrix.splatted().is_some() || positions.iter().enumerate().all(|(at, &to)| at == to) {
            return Ok(matrix.clone());
        }
        let recipe = Recipe::new("columns", positions, &[Some(matrix)]);
        if let Some(known) = recipe.as_ref().and_then(|recipe| self.made(recipe, 0)) {
            return Ok(known);
        }
        let matrix = self.arrangeable(matrix, |matrix| matrix.moved(positions).is_some())?;
        let moved = matrix.moved(positions).ok_or_else(refusal)?;
        Ok(self.keep(recipe, moved))
    }

    /// The result at a position of what was computed in this way before.
    pub(super) fn made(&self, recipe: &Recipe, position: usize) -> Option<Constant> {
        self.made.get(&(recipe.clone(), position)).cloned()
    }

    /// Keeps a result of a node, which has a name by now.
    pub(super) fn keep_made(&mut self, recipe: &Recipe, position: usize, made: &Constant) {
        self.made.insert((recipe.clone(), position), made.clone());
    }

    /// A constant that was computed in this way, as a tensor of its own.
    pub(super) fn keep(&mut self, recipe: Option<Recipe>, made: Constant) -> Constant {
        let Some(recipe) = recipe else { return made };
        let made = made.with_origin(self.next());
        self.made.insert((recipe, 0), made.clone());
        made
    }

    /// What the next computed constant is.
    fn next(&self) -> Origin {
        Origin::Computed(self.known.len() + self.made.len())
    }

    /// Counts the values of a constant that is about to be computed from others. What files beside the model hold of them
    /// adds to what may be computed.
    pub(super) fn charge(&mut self, values: usize, of: &[&Constant]) -> Result<(), UnsupportedOp> {
        if values > FEW {
            self.bytes = self.bytes.saturating_add(values as u64 * size_of::<f32>() as u64);
            if !of.iter().all(|constant| constant.is_there()) {
                return Err(unread());
            }
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
        // What is only put into another order is not computed.
        let is_free = is_small || how == Computation::Transpose;
        let of: Vec<&Constant> = std::iter::once(own).chain(with).collect();
        self.charge(if is_free { 0 } else { own.len() }, &of)?;
        let computed = compute()?;
        let Some(key) = key else { return Ok(computed) };
        let origin = match &key {
            // A matrix and its transpose are not one tensor here.
            (Computation::Transpose, Origin::File(name), ..) => Origin::Transposed(name.clone()),
            (Computation::Transpose, Origin::Transposed(name), ..) => Origin::File(name.clone()),
            _ => self.next(),
        };
        let computed = computed.with_origin(origin);
        self.known.insert(key, computed.clone());
        Ok(computed)
    }
}
