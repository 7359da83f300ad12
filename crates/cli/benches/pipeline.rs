//! How long it takes from YAML to numbers.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark")]

use std::{hint::black_box, path::Path};

use criterion::{Criterion, criterion_group, criterion_main};
use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, load};

const ARCHITECTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../architectures");

fn pipeline(c: &mut Criterion) {
    for name in ["googlenet", "densenet121", "inception-resnet-v2"] {
        let file = Path::new(ARCHITECTURES).join(name).with_extension("yaml");
        let load = || load(&Disk, &file, &[]).expect("shipped files are correct");
        let graph = load().architecture.graph;
        let mut group = c.benchmark_group(name);
        group.bench_function("parse and lower", |b| b.iter(load));
        group.bench_function("fingerprint", |b| b.iter(|| black_box(&graph).fingerprint()));
        group.bench_function("cost", |b| {
            b.iter(|| Cost::new(black_box(&graph), Mode::Inference));
        });
        group.finish();
    }
}

criterion_group!(benches, pipeline);
criterion_main!(benches);
