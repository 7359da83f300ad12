//! NASWOT (Mellor et al. 2021, *Neural Architecture Search without Training*).

use std::sync::{Arc, atomic::AtomicBool};

use inceptive_engine::{Rates, Rule, TrainOptions, TrainPlan, TrainSession};
use inceptive_ir::{Activation, Graph, NodeId, Op};
use inceptive_weights::Weights;
use nalgebra::DMatrix;
use rand::{SeedableRng, distr::Distribution};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::{ScoreError, go_on};
use crate::{
    error::TrainError,
    evaluate::{keeping, session},
    machine::Machine,
};

/// Images that are compared. The paper compares 128, which takes four times as long.
const IMAGES: usize = 32;

/// The logarithm of the determinant of a matrix that counts, for each two images, the outputs of ReLUs that are positive for
/// both or for neither (equation 2). The images are noise, and normalisations use the statistics of their batch.
pub(super) fn score(
    graph: &Graph,
    weights: Weights,
    seed: u64,
    machine: Machine,
    stop: &AtomicBool,
) -> Result<f64, ScoreError> {
    let images = noise(graph, seed, stop)?;
    let weights = with_batch_statistics(graph, weights, &images, machine, stop)?;
    let (graph, weights) = weights.fold_batch_norm(graph).map_err(TrainError::from)?;
    let relus: Vec<NodeId> = relus(&graph).collect();
    if relus.is_empty() {
        return Err(ScoreError::NoRelu);
    }
    let mut session = session(&keeping(&graph, &relus), &weights, IMAGES, machine, stop)?;
    session.run(&images, stop).map_err(TrainError::from)?;
    let mut alike = Alike::default();
    session.heads().for_each(|outputs| alike.add(&outputs));
    Ok(alike.log_determinant())
}

/// Less than all memory that is needed beside the weights, in bytes: that of the images, and of the outputs of ReLUs that are kept.
/// The engine checks the rest when it plans.
pub(super) fn needed_bytes(graph: &Graph) -> u64 {
    let values = |id: NodeId| graph.node(id).shape.elements();
    let all = relus(graph).map(values).fold(values(graph.input()), u64::saturating_add);
    all.saturating_mul((IMAGES * size_of::<f32>()) as u64)
}

/// The nodes whose outputs are compared.
fn relus(graph: &Graph) -> impl Iterator<Item = NodeId> {
    let is_relu = |op: &Op| matches!(op, Op::Activation(Activation::Relu | Activation::Relu6));
    graph.nodes().filter(move |(_, node)| is_relu(&node.op)).map(|(id, _)| id)
}

/// Images of standard normal numbers.
pub(super) fn noise(graph: &Graph, seed: u64, stop: &AtomicBool) -> Result<Vec<f32>, ScoreError> {
    let of_image = usize::try_from(graph.node(graph.input()).shape.elements()).unwrap_or(0);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut images = vec![0.0; IMAGES * of_image];
    for some in images.chunks_mut(1 << 16) {
        go_on(stop)?;
        some.fill_with(|| StandardNormal.sample(&mut rng));
    }
    Ok(images)
}

/// The weights with the statistics of a batch as running statistics: those of a training step that changes nothing else.
fn with_batch_statistics(
    graph: &Graph,
    weights: Weights,
    images: &[f32],
    machine: Machine,
    stop: &AtomicBool,
) -> Result<Weights, TrainError> {
    if !graph.nodes().any(|(_, node)| matches!(node.op, Op::BatchNorm(_))) {
        return Ok(weights);
    }
    let Machine { threads, isa, most_bytes } = machine;
    let options = TrainOptions {
        batch: IMAGES,
        threads,
        isa,
        most_bytes,
        smoothing: 0.0,
        rule: Rule::Sgd { momentum: 0.0, nesterov: false },
        clip: None,
        momentum: 1.0,
        averages: false,
    };
    let plan = Arc::new(TrainPlan::new(graph, options)?);
    let mut session = TrainSession::new(plan, &weights, stop)?;
    let rates = Rates { learning: 0.0, decay: 0.0, average: 0.0, steps: 0 };
    session.step(images, &[0; IMAGES], rates, 0, stop)?;
    Ok(session.weights())
}

/// For each two images, how many outputs of ReLUs are positive for both or for neither.
#[derive(Default)]
struct Alike {
    counts: [[u64; IMAGES]; IMAGES],
}

impl Alike {
    /// Adds the outputs of a ReLU, image by image.
    fn add(&mut self, outputs: &[f32]) {
        let of_image = outputs.len() / IMAGES;
        let codes: Vec<Vec<u64>> =
            outputs.chunks_exact(of_image.max(1)).take(IMAGES).map(code).collect();
        for (row, one) in self.counts.iter_mut().zip(&codes) {
            for (count, other) in row.iter_mut().zip(&codes) {
                let different: u32 = one.iter().zip(other).map(|(a, b)| (a ^ b).count_ones()).sum();
                *count += of_image as u64 - u64::from(different);
            }
        }
    }

    fn log_determinant(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts are below 2^53")]
        let matrix =
            DMatrix::from_fn(IMAGES, IMAGES, |row, column| self.counts[row][column] as f64);
        // It is positive definite unless the ReLUs do not tell images apart.
        matrix.cholesky().map_or(f64::NEG_INFINITY, |factor| factor.ln_determinant())
    }
}

/// One bit for each number: whether it is positive.
fn code(outputs: &[f32]) -> Vec<u64> {
    let word = |numbers: &[f32]| {
        numbers.iter().fold(0, |word, number| word << 1 | u64::from(*number > 0.0))
    };
    outputs.chunks(64).map(word).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_that_are_alike_are_counted() {
        // Image i has positive outputs at all places but i.
        let of_image = 100;
        let outputs: Vec<f32> = (0..IMAGES * of_image)
            .map(|at| if at % of_image == at / of_image { 0.0 } else { 0.5 })
            .collect();
        let mut alike = Alike::default();
        alike.add(&outputs);
        assert_eq!([alike.counts[3][3], alike.counts[3][4]], [100, 98]);
        // Of a matrix a + (b - a) I the determinant is known.
        let (off, diagonal) = (98.0_f64, 100.0_f64);
        let images = f64::from(u8::try_from(IMAGES).unwrap());
        let expected =
            (images - 1.0) * (diagonal - off).ln() + (diagonal + (images - 1.0) * off).ln();
        assert!((alike.log_determinant() - expected).abs() < 1e-9);
        let mut equal = Alike::default();
        equal.add(&vec![1.0; IMAGES * 7]);
        assert_eq!(equal.log_determinant(), f64::NEG_INFINITY);
    }
}
