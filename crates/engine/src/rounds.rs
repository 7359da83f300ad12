//! How many images of a batch are computed at once.

use crate::{
    methods::{numbers_of_maps, packed},
    options::Options,
    units::Unit,
};

/// Bytes of the maps of a layer that stay in the cache of a thread until the next layer reads them.
const MAPS_IN_CACHE: f64 = (1 << 20) as f64;

/// What reading a byte of weights takes, compared with a byte of a map. With 0.5, ResNet-50 and Inception v3 were computed in rounds
/// at batch 8, and took a fifth longer.
const OF_WEIGHTS: f64 = 2.5;

/// By how much fewer images at once have to be better, since threads wait for each other more often.
const GAIN: f64 = 0.95;

/// How many images of a batch are computed at once; the batch is a multiple of it. With few, the maps of each image stay in the
/// caches from layer to layer; with many, weights are read for more images.
pub(crate) fn images_at_once(units: &[Unit], options: Options) -> usize {
    let Options { batch, threads, .. } = options;
    let bytes = |numbers: u64| 4.0 * numbers as f64;
    let maps: Vec<f64> = units.iter().map(|unit| bytes(numbers_of_maps(unit, units, 1))).collect();
    let weights: f64 = units.iter().map(|unit| bytes(packed(unit, units, false))).sum();
    // Bytes that an image moves through the caches, if so many are computed at once.
    let moved = |images: usize| {
        let of_thread = (images as f64 / threads.max(1) as f64).max(1.0);
        let beyond = maps.iter().filter(|bytes| **bytes * of_thread > MAPS_IN_CACHE);
        let of_weights = if weights > MAPS_IN_CACHE { OF_WEIGHTS * weights } else { 0.0 };
        beyond.sum::<f64>() + of_weights / images as f64
    };
    let mut best = (batch, moved(batch) * GAIN);
    for images in (1..batch).rev() {
        if batch.is_multiple_of(images) && images.is_multiple_of(threads.max(1)) {
            let moved = moved(images);
            if moved < best.1 {
                best = (images, moved);
            }
        }
    }
    best.0
}
