//! Feature maps, and results of images.

use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{channel, sync_channel},
    },
    thread,
};

use inceptive_data::Views;
use inceptive_engine::Session;
use inceptive_ir::{Activation, Graph, NodeId, Op};
use inceptive_weights::Weights;

use super::{Progress, rank::Covariance};
use crate::{
    error::TrainError,
    evaluate::{EVALUATION_BATCH, Images, keeping, session},
    machine::Machine,
    score::ImageResult,
};

/// Maximum number of images per run that keeps feature maps: as in a training step, which needs at least as much memory.
const MAPS_BATCH: usize = super::gradients::STEP;

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
    /// Channels that are 0 at all positions of all images; `None` if it is not the output of a ReLU, or not finite.
    pub dead: Option<Vec<usize>>,
    /// `None` for a single channel, or if the map is not finite.
    pub effective_rank: Option<f64>,
}

/// Collects the state of a feature map, image by image.
struct Look {
    is_relu: bool,
    channels: usize,
    /// Positions of a channel.
    plane: usize,
    covariance: Covariance,
    is_active: Vec<bool>,
}

impl Look {
    fn new(graph: &Graph, node: NodeId) -> Self {
        let (op, shape) = (&graph.node(node).op, graph.node(node).shape);
        let channels = shape.channels() as usize;
        Self {
            is_relu: matches!(op, Op::Activation(Activation::Relu | Activation::Relu6)),
            channels,
            plane: usize::try_from(shape.size().area()).unwrap_or(usize::MAX).max(1),
            covariance: Covariance::new(channels),
            is_active: vec![false; channels],
        }
    }

    /// Adds the maps of some images; stops early once `stop` is set.
    fn add(&mut self, maps: &[f32], images: usize, stop: &AtomicBool) {
        let plane = self.plane;
        let mut sample = vec![0.0; self.channels];
        for map in maps.chunks_exact(self.channels * plane).take(images) {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            for (is_active, channel) in self.is_active.iter_mut().zip(map.chunks_exact(plane)) {
                *is_active |= channel.iter().any(|value| *value != 0.0);
            }
            for place in (0..plane).step_by(plane.div_ceil(PLACES)) {
                for (value, channel) in sample.iter_mut().zip(map.chunks_exact(plane)) {
                    *value = f64::from(channel[place]);
                }
                self.covariance.add(&sample);
            }
        }
    }

    /// `None` once `stop` is set.
    fn state(mut self, stop: &AtomicBool) -> Option<MapState> {
        let is_finite = self.covariance.is_finite();
        let dead = (0..self.channels).filter(|channel| !self.is_active[*channel]).collect();
        let has_rank = is_finite && self.channels > 1;
        let effective_rank = match has_rank {
            true => Some(self.covariance.effective_rank(stop)?),
            false => None,
        };
        Some(MapState { dead: (is_finite && self.is_relu).then_some(dead), effective_rank })
    }
}

/// Number of batches in which feature maps are computed.
pub(super) fn map_runs(images: Images<'_>) -> usize {
    images.indices.len().div_ceil(images.batch(MAPS_BATCH))
}

/// Number of batches in which the results of images are computed.
pub(super) fn result_runs(images: Images<'_>) -> usize {
    images.indices.len().div_ceil(images.batch(EVALUATION_BATCH))
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
        progress: &mut Progress<'_>,
    ) -> Result<Vec<ImageResult>, TrainError> {
        let batch = images.batch(EVALUATION_BATCH);
        let mut session = self.session(graph, weights, batch)?;
        let views = Views::One.of(images.split.shape());
        let run = |pixels: &[f32], _| {
            let outputs = session.run(pixels, self.stop)?.to_vec();
            progress.advance();
            Ok::<_, TrainError>(outputs)
        };
        images.evaluate(&views, batch, graph, run)
    }

    /// Computes the outputs of some nodes for all images, and describes them.
    pub fn maps(
        &self,
        nodes: &[NodeId],
        images: Images<'_>,
        progress: &mut Progress<'_>,
    ) -> Result<HashMap<NodeId, MapState>, TrainError> {
        let batch = images.batch(MAPS_BATCH);
        let mut session = self.session(&keeping(self.graph, nodes), self.weights, batch)?;
        let mut looks: Vec<Look> = nodes.iter().map(|&node| Look::new(self.graph, node)).collect();
        let of_image = images.split.shape().pixels();
        let mut pixels = vec![0.0; batch * of_image];
        for chunk in images.indices.chunks(batch) {
            let place = &mut pixels[..chunk.len() * of_image];
            images.augmenter.fill_plain(images.split, chunk, place);
            session.run(&pixels, self.stop)?;
            self.add(&mut looks, session.heads(), chunk.len())?;
            progress.advance();
        }
        self.states(nodes, looks, progress)
    }

    /// Checks that the covariances of the outputs of some nodes fit into memory.
    pub fn expect_memory(&self, nodes: &[NodeId]) -> Result<(), TrainError> {
        let channels = nodes.iter().map(|node| self.graph.node(*node).shape.channels() as usize);
        let needed = channels.map(Covariance::bytes).fold(0, u64::saturating_add);
        match needed <= self.machine.most_bytes {
            true => Ok(()),
            false => Err(TrainError::Covariances { needed, most: self.machine.most_bytes }),
        }
    }

    fn expect_no_stop(&self) -> Result<(), TrainError> {
        if self.stop.load(Ordering::Relaxed) { Err(TrainError::Stopped) } else { Ok(()) }
    }

    /// Adds the feature maps of some images on all threads; only few of the maps are copied at the same time.
    fn add(
        &self,
        looks: &mut [Look],
        maps: impl Iterator<Item = Vec<f32>>,
        images: usize,
    ) -> Result<(), TrainError> {
        let (sender, receiver) = sync_channel::<(&mut Look, Vec<f32>)>(0);
        let receiver = Mutex::new(receiver);
        let next = || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let work = || {
            while let Ok((look, maps)) = next() {
                look.add(&maps, images, self.stop);
            }
        };
        thread::scope(|scope| {
            (0..self.machine.threads.max(1)).for_each(|_| drop(scope.spawn(work)));
            for item in looks.iter_mut().zip(maps) {
                // The receiver outlives the sender.
                let _ = sender.send(item);
            }
            drop(sender);
        });
        self.expect_no_stop()
    }

    /// The states of feature maps, computed on all threads.
    fn states(
        &self,
        nodes: &[NodeId],
        looks: Vec<Look>,
        progress: &mut Progress<'_>,
    ) -> Result<HashMap<NodeId, MapState>, TrainError> {
        let waiting = Mutex::new(nodes.iter().copied().zip(looks));
        let (sender, found) = channel();
        let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let states = thread::scope(|scope| {
            for _ in 0..self.machine.threads.max(1) {
                let sender = sender.clone();
                scope.spawn(move || {
                    while let Some((node, look)) = next() {
                        let Some(state) = look.state(self.stop) else { return };
                        // The receiver waits for all of them.
                        let _ = sender.send((node, state));
                    }
                });
            }
            drop(sender);
            found.iter().inspect(|_| progress.advance()).collect()
        });
        self.expect_no_stop()?;
        Ok(states)
    }
}
