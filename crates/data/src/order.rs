//! The order of images in an epoch.

use crate::random::{Purpose, Stream};

/// The images in the random order of an epoch, which depends only on the seed and the epoch. Its `chunks` are batches.
pub fn epoch_order(images: &[u32], seed: u64, epoch: u32) -> Vec<u32> {
    let mut order = images.to_vec();
    Stream::new(seed, Purpose::Order, epoch.into(), 0).shuffle(&mut order);
    order
}
