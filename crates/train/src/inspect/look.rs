//! Feature maps, and results of images.

use std::sync::atomic::AtomicBool;

use inceptive_data::Views;
use inceptive_engine::Session;
use inceptive_ir::{Activation, Graph, NodeId, Op};
use inceptive_weights::Weights;

use super::{branches::up_to, rank::Covariance};
use crate::{
    error::TrainError,
    evaluate::{EVALUATION_BATCH, Images, session},
    machine::Machine,
    score::ImageResult,
};

/// Approximate number of positions of each feature map that are sampled for the effective rank.
const PLACES: usize = 64;

/// Runs a network to compute feature maps and results.
pub(super) struct Runner<'a> {
    pub graph: &'a Graph,
    pub weights: &'a Weights,
    pub machine: Machine,
    pub stop: &'a AtomicBool,
}

/// The state of a feature map.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MapState {
    /// Channels that are 0 at all positions of all images; `None` if it is not the output of a ReLU.
    pub dead: Option<Vec<usize>>,
    /// `None` for a single channel.
    pub effective_rank: Option<f64>,
}

impl Runner<'_> {
    fn session(
        &self,
        graph: &Graph,
        weights: &Weights,
        batch: usize,
    ) -> Result<Session, TrainError> {
        session(graph, weights, batch, self.machine, self.stop)
    }

    /// The result of each image.
    pub fn results(
        &self,
        graph: &Graph,
        weights: &Weights,
        images: Images<'_>,
    ) -> Result<Vec<ImageResult>, TrainError> {
        let batch = images.batch(EVALUATION_BATCH);
        let mut session = self.session(graph, weights, batch)?;
        let views = Views::One.of(images.split.shape());
        let run = |pixels: &[f32], _| session.run(pixels, self.stop).map(<[f32]>::to_vec);
        let answers = images.answers(&views, batch, graph, run)?;
        Ok(images.results(&answers))
    }

    /// Computes the output of a node for all images, and describes it.
    pub fn map(&self, node: NodeId, images: Images<'_>) -> Result<MapState, TrainError> {
        let graph = up_to(self.graph, node)?;
        let batch = images.batch(EVALUATION_BATCH);
        let mut session = self.session(&graph, self.weights, batch)?;
        let (op, shape) = (&self.graph.node(node).op, self.graph.node(node).shape);
        let channels = shape.channels() as usize;
        let plane = usize::try_from(shape.size().area()).unwrap_or(usize::MAX).max(1);
        let of_image = images.split.shape().pixels();
        let mut pixels = vec![0.0; batch * of_image];
        let mut covariance = Covariance::new(channels);
        let mut sample = vec![0.0; channels];
        let mut is_active = vec![false; channels];
        for chunk in images.indices.chunks(batch) {
            let place = &mut pixels[..chunk.len() * of_image];
            images.augmenter.fill_plain(images.split, chunk, place);
            let maps = session.run(&pixels, self.stop)?;
            for map in maps.chunks_exact(channels * plane).take(chunk.len()) {
                for (is_active, channel) in is_active.iter_mut().zip(map.chunks_exact(plane)) {
                    *is_active |= channel.iter().any(|value| *value != 0.0);
                }
                for place in (0..plane).step_by(plane.div_ceil(PLACES)) {
                    for (value, channel) in sample.iter_mut().zip(map.chunks_exact(plane)) {
                        *value = f64::from(channel[place]);
                    }
                    covariance.add(&sample);
                }
            }
        }
        let is_relu = matches!(op, Op::Activation(Activation::Relu | Activation::Relu6));
        let dead = (0..channels).filter(|channel| !is_active[*channel]).collect();
        Ok(MapState {
            dead: is_relu.then_some(dead),
            effective_rank: (channels > 1).then(|| covariance.effective_rank()),
        })
    }
}
