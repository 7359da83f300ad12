//! Any bytes as the files of a data set: the answer is images with labels in range, or an error. The first byte chooses the
//! format.
//!
//! `cargo +nightly fuzz run data`

#![no_main]

use std::path::Path;

use inceptive_data::{
    CifarKind, Split, read_cifar, read_idx_images, read_idx_labels, read_npz,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((&format, bytes)) = bytes.split_first() else { return };
    let path = Path::new("file");
    let error = match format % 5 {
        0 => read_idx_images(path, bytes)
            .map(|(shape, pixels)| assert_eq!(pixels.len() % shape.pixels(), 0)),
        1 => read_idx_labels(path, bytes).map(|labels| assert!(labels.len() < bytes.len())),
        2 => read_cifar(CifarKind::Cifar10, path, bytes).map(|split| check(&split, 10)),
        3 => read_cifar(CifarKind::Cifar100, path, bytes).map(|split| check(&split, 100)),
        _ => read_npz(path, bytes).map(|(train, test, classes)| {
            check(&train, classes);
            check(&test, classes);
        }),
    };
    if let Err(error) = error {
        assert!(!error.to_string().is_empty());
    }
});

fn check(split: &Split, classes: usize) {
    assert!(split.labels().iter().all(|&label| usize::from(label) < classes));
    let stats = split.channel_stats(&split.indices());
    assert!(stats.mean.iter().chain(&stats.std).all(|value| (0.0..=1.0).contains(value)));
}
