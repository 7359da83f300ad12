//! How fast images are augmented and generated on one core.

use std::{hint::black_box, sync::atomic::AtomicBool};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use inceptive_data::{Augment, Augmenter, DataName, Flip, Padding, Places, epoch_order, load};

/// Images of a batch.
const BATCH: usize = 128;

fn augment(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("augment");
    for name in
        ["shapes:size=28,train=1280,test=10", "shapes:size=32,channels=3,train=1280,test=10"]
    {
        let Ok(data) = load(
            &name.parse::<DataName>().unwrap_or_else(|e| unreachable!("{e}")),
            &Places::from_env(),
            u64::MAX,
            &AtomicBool::new(false),
        ) else {
            unreachable!("it is generated");
        };
        let images = data.train.indices();
        let stats = data.train.channel_stats(&images);
        let augment =
            Augment { crop: 2, padding: Padding::Reflect, flip: Flip::Alternating, cutout: 0 };
        let Ok(augmenter) = Augmenter::new(&augment, data.shape(), &stats, 1) else {
            unreachable!("the settings are right");
        };
        let mut batch = vec![0.0; BATCH * data.shape().pixels()];
        group.throughput(Throughput::Elements(BATCH as u64));
        let order = epoch_order(&images, 1, 0);
        let mut batches = order.chunks_exact(BATCH).cycle();
        group.bench_function(data.shape().to_string(), |bencher| {
            bencher.iter(|| {
                let images = batches.next().unwrap_or_default();
                augmenter.fill(&data.train, images, 0, black_box(&mut batch));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, augment);
criterion_main!(benches);
