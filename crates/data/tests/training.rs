//! What training does with a data set: names, splits, order, augmentation. Everything is the same for a seed, on every
//! machine.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::atomic::AtomicBool;

use inceptive_data::{
    Augment, Augmenter, ChannelStats, Checksum, DataName, Dataset, Flip, ImageShape, Padding,
    Places, Split, View, Views, epoch_order, load,
};
use proptest::prelude::*;

fn generate(name: &str) -> Dataset {
    let nowhere = tempfile::tempdir().unwrap();
    load(&name.parse().unwrap(), &Places::only(nowhere.path()), u64::MAX, &AtomicBool::new(false))
        .unwrap()
}

/// The bytes never change: results on them stay comparable.
#[test]
fn shapes_are_the_same_bytes_everywhere() {
    let names = [
        "shapes:train=1000,test=100",
        "shapes:size=32,channels=3,train=100,test=10,seed=7",
        "shapes:size=17,train=10,test=10,seed=18446744073709551615",
    ];
    let found = names.map(|name| generate(name).fingerprint().to_string());
    let expected = [
        "688127516d677d43f0108656aebb8d0b08750a6d11bdf88e7a39e3d1e3fe0c78",
        "8c50d3173b3631f638afeeb22c9f68670c1c1c027b30fe5a979b30fba6cc859a",
        "dc481d6c6cabe6288d0fe1af96d2a863d1dcfa50bda419d05d954becbbdec456",
    ];
    assert_eq!(found, expected);
}

#[test]
fn shapes_have_all_classes_and_no_image_twice() {
    let data = generate("shapes:train=500,test=100");
    assert_eq!(data.train.class_counts(10), [50; 10]);
    assert_eq!(data.test.class_counts(10), [10; 10]);
    assert_eq!(data.classes[7], "checked triangle");
    let splits = [&data.train, &data.test];
    let mut images: Vec<&[u8]> =
        splits.iter().flat_map(|split| split.images().chunks(28 * 28)).collect();
    images.sort_unstable();
    images.dedup();
    assert_eq!(images.len(), 600);
    // More images start with the same ones.
    let more = generate("shapes:train=700,test=100");
    assert!(more.train.images().starts_with(data.train.images()));
    assert_ne!(generate("shapes:train=500,test=100,seed=2").fingerprint(), data.fingerprint());
}

#[test]
fn names_are_parsed_and_written() {
    let check = |text: &str, expected: &str| {
        let name: DataName = text.parse().unwrap();
        assert_eq!(name.to_string(), expected);
        assert_eq!(expected.parse::<DataName>().unwrap(), name);
    };
    check("fashion-mnist", "fashion-mnist");
    check("cifar10=/data/a=b:c", "cifar10=/data/a=b:c");
    check("mnist=", "mnist");
    check("npz=C:\\data\\mnist.npz", "npz=C:\\data\\mnist.npz");
    check("folder=photos", "folder:size=32,channels=3=photos");
    check("folder:size=64=a=b,c", "folder:size=64,channels=3=a=b,c");
    check("shapes", "shapes:size=28,channels=1,train=6000,test=2000,seed=1");
    check("shapes:seed=3,size=32", "shapes:size=32,channels=1,train=6000,test=2000,seed=3");
}

#[test]
fn wrong_names_are_errors_with_a_suggestion() {
    let check = |text: &str, expected: &str| {
        assert_eq!(text.parse::<DataName>().unwrap_err().to_string(), expected);
    };
    check(
        "fashion_mnist",
        "unknown data set `fashion_mnist`, did you mean `fashion-mnist`?; `inceptive data list` shows all",
    );
    check(
        "CIFAR-10=/data",
        "unknown data set `CIFAR-10`, did you mean `cifar10`?; `inceptive data list` shows all",
    );
    check("imagenet", "unknown data set `imagenet`; `inceptive data list` shows all");
    check("", "unknown data set ``; `inceptive data list` shows all");
    check("folder", "`folder` needs a path: `folder=PATH`");
    check("npz=", "`npz` needs a path: `npz=PATH`");
    check("shapes=/data", "`shapes` is generated and takes no path");
    check("mnist:size=3", "`mnist` has no option `size`; it takes no options");
    check(
        "shapes:trian=5",
        "`shapes` has no option `trian`, did you mean `train`?; its options are size, channels, train, test, seed",
    );
    check("shapes:size=16,size=17", "the option `size` is given twice");
    check("folder:size=8,channels=1,size=8=x", "the option `size` is given twice");
    check("shapes:size=", "`size=`: a whole number from 16 to 512 is expected");
    check("shapes:size=8", "`size=8`: a whole number from 16 to 512 is expected");
    check("shapes:channels=2", "`channels=2`: 1 (grey) or 3 (colour) is expected");
    check("shapes:seed=-1", "`seed=-1`: a whole number from 0 to 18446744073709551615 is expected");
    check("shapes:train=9", "train=9 is too small for 10 classes");
    check(
        "shapes:size=512,train=4000000",
        "the size of all images in bytes is 1049100288000, above the limit of 8589934592",
    );
}

#[test]
fn validation_images_are_held_out_of_each_class() {
    let data = generate("shapes:train=205,test=10");
    let parts = data.hold_out(43, 1).unwrap();
    assert_eq!((parts.train.len(), parts.validation.len()), (162, 43));
    let mut all = [&parts.train[..], &parts.validation].concat();
    all.sort_unstable();
    assert_eq!(all, data.train.indices());
    let mut counts = [0; 10];
    parts
        .validation
        .iter()
        .for_each(|&i| counts[usize::from(data.train.labels()[i as usize])] += 1);
    assert!(counts.iter().all(|count| [4, 5].contains(count)), "{counts:?}");
    assert_eq!(data.hold_out(43, 1).unwrap(), parts);
    assert_ne!(data.hold_out(43, 2).unwrap(), parts);
    assert_eq!(data.hold_out(0, 1).unwrap().train.len(), 205);
    for count in [9, 205, 1000] {
        let error = data.hold_out(count, 1).unwrap_err().to_string();
        assert!(error.contains(&format!("{count} of 205 images cannot be held out")), "{error}");
    }
}

#[test]
fn statistics_are_those_of_the_pixels() {
    let shape = ImageShape { channels: 2, height: 1, width: 2 };
    let split = Split::new(shape, vec![0, 255, 51, 51, 255, 0, 102, 102], vec![0, 1]).unwrap();
    let stats = split.channel_stats(&[0, 1]);
    assert_eq!(stats, ChannelStats { mean: vec![0.5, 0.3], std: vec![0.5, 0.1] });
    assert_eq!(split.channel_stats(&[1, 0]), stats);
    assert_eq!(
        split.channel_stats(&[1]),
        ChannelStats { mean: vec![0.5, 0.4], std: vec![0.5, 0.0] }
    );
    assert!(Split::new(shape, vec![0; 5], vec![0]).is_err());
    assert!(Split::new(shape, vec![], vec![]).is_err());
}

#[test]
fn the_order_depends_on_seed_and_epoch() {
    let images: Vec<u32> = (0..1000).collect();
    let order = epoch_order(&images, 1, 0);
    assert_eq!(order, epoch_order(&images, 1, 0));
    assert_ne!(order, epoch_order(&images, 1, 1));
    assert_ne!(order, epoch_order(&images, 2, 0));
    assert_ne!(order, images);
    let mut sorted = order;
    sorted.sort_unstable();
    assert_eq!(sorted, images);
    assert_eq!(epoch_order(&[7], 1, 1), [7]);
    assert_eq!(epoch_order(&[], 1, 1), [0; 0]);
}

/// Numbers that are not changed by normalisation, but for the last rounding.
fn plain_stats(channels: usize) -> ChannelStats {
    ChannelStats { mean: vec![0.0; channels], std: vec![1.0 / 255.0; channels] }
}

/// The image 1, 2, 3 / 4, 5, 6 / 7, 8, 9, augmented, for many images of the same content.
fn augmented(augment: &Augment, epoch: u32) -> Vec<[i32; 9]> {
    const COUNT: u32 = 400;
    let shape = ImageShape { channels: 1, height: 3, width: 3 };
    let pixels: Vec<u8> = (0..COUNT).flat_map(|_| 1..=9).collect();
    let split = Split::new(shape, pixels, vec![0; COUNT as usize]).unwrap();
    let augmenter = Augmenter::new(augment, shape, &plain_stats(1), 5).unwrap();
    let mut batch = vec![0.0; COUNT as usize * 9];
    augmenter.fill(&split, &split.indices(), epoch, &mut batch);
    batch.chunks(9).map(|image| std::array::from_fn(|i| image[i].round() as i32)).collect()
}

const IMAGE: [i32; 9] = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const MIRRORED: [i32; 9] = [3, 2, 1, 6, 5, 4, 9, 8, 7];

#[test]
fn nothing_is_changed_by_default() {
    assert!(augmented(&Augment::default(), 0).iter().all(|image| *image == IMAGE));
}

#[test]
fn crops_are_moved_images_with_a_border() {
    let distinct = |padding| {
        let mut images = augmented(&Augment { crop: 1, padding, ..Augment::default() }, 0);
        images.sort_unstable();
        images.dedup();
        images
    };
    let zero = distinct(Padding::Zero);
    assert_eq!(zero.len(), 9);
    for image in [
        IMAGE,
        [0, 0, 0, 0, 1, 2, 0, 4, 5],
        [5, 6, 0, 8, 9, 0, 0, 0, 0],
        [0, 1, 2, 0, 4, 5, 0, 7, 8],
    ] {
        assert!(zero.contains(&image), "{image:?}");
    }
    let reflected = distinct(Padding::Reflect);
    assert_eq!(reflected.len(), 9);
    for image in [IMAGE, [5, 4, 5, 2, 1, 2, 5, 4, 5], [5, 6, 5, 8, 9, 8, 5, 6, 5]] {
        assert!(reflected.contains(&image), "{image:?}");
    }
}

#[test]
fn flips_are_random_or_alternate() {
    let flipped = |flip, epoch| -> Vec<bool> {
        let images = augmented(&Augment { flip, ..Augment::default() }, epoch);
        assert!(images.iter().all(|image| [IMAGE, MIRRORED].contains(image)));
        images.iter().map(|image| *image == MIRRORED).collect()
    };
    let share = |flipped: &[bool]| flipped.iter().filter(|&&is| is).count();
    let [first, second, third] = [0, 1, 2].map(|epoch| flipped(Flip::Alternating, epoch));
    assert!((150..250).contains(&share(&first)), "{}", share(&first));
    assert!(first.iter().zip(&second).all(|(a, b)| a != b));
    assert_eq!(first, third);
    let [first, second] = [0, 1].map(|epoch| flipped(Flip::Random, epoch));
    assert!((150..250).contains(&share(&first)), "{}", share(&first));
    let equal = first.iter().zip(&second).filter(|(a, b)| a == b).count();
    assert!((150..250).contains(&equal), "{equal}");
}

#[test]
fn a_cutout_is_a_square_of_the_mean() {
    let images = augmented(&Augment { cutout: 2, ..Augment::default() }, 0);
    let zeros = |image: &[i32; 9]| image.iter().filter(|&&value| value == 0).count();
    assert!(images.iter().all(|image| [1, 2, 4].contains(&zeros(image))));
    assert!(images.contains(&[0, 0, 3, 0, 0, 6, 7, 8, 9]));
}

#[test]
fn too_much_is_refused() {
    let shape = ImageShape { channels: 1, height: 8, width: 4 };
    let error = |augment: Augment, channels| {
        Augmenter::new(&augment, shape, &plain_stats(channels), 1).unwrap_err().to_string()
    };
    let crop = |crop, padding| Augment { crop, padding, ..Augment::default() };
    assert!(Augmenter::new(&crop(4, Padding::Zero), shape, &plain_stats(1), 1).is_ok());
    assert_eq!(
        error(crop(5, Padding::Zero), 1),
        "crop: 5 is too large; 4 is the maximum for images of this size"
    );
    assert_eq!(
        error(crop(4, Padding::Reflect), 1),
        "crop: 4 is too large; 3 is the maximum for images of this size"
    );
    assert_eq!(
        error(Augment::default(), 3),
        "the statistics have 3 channels, but the images have 1"
    );
}

#[test]
fn recipes_say_what_they_change_only() {
    let augment: Augment =
        serde_json::from_str(r#"{"crop": 2, "padding": "reflect", "flip": "alternating"}"#)
            .unwrap();
    let expected =
        Augment { crop: 2, padding: Padding::Reflect, flip: Flip::Alternating, cutout: 0 };
    assert_eq!(augment, expected);
    assert!(serde_json::from_str::<Augment>(r#"{"rotate": 2}"#).is_err());
    let text = serde_json::to_string(&augment).unwrap();
    assert_eq!(serde_json::from_str::<Augment>(&text).unwrap(), augment);
}

/// All settings at once, on the bits of every number.
#[test]
fn augmented_images_are_the_same_everywhere() {
    let data = generate("shapes:size=16,channels=3,train=50,test=10");
    let stats = data.train.channel_stats(&data.train.indices());
    let augment =
        Augment { crop: 2, padding: Padding::Reflect, flip: Flip::Alternating, cutout: 5 };
    let augmenter = Augmenter::new(&augment, data.shape(), &stats, 3).unwrap();
    let pixels = data.shape().pixels();
    let mut batch = vec![0.0; 50 * pixels];
    augmenter.fill(&data.train, &data.train.indices(), 4, &mut batch);
    let bytes: Vec<u8> = batch.iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(
        Checksum::of(&bytes).to_string(),
        "7a246dbb4659737732bfd9c9ee95174acdd5a8a1a2499e4e19dc1580d9ee99e3"
    );
    // An image does not depend on the batch that it is in.
    let mut one = vec![0.0; pixels];
    augmenter.fill(&data.train, &[17], 4, &mut one);
    assert_eq!(one, batch[17 * pixels..][..pixels]);
    let mut plain = vec![0.0; 50 * pixels];
    augmenter.fill_plain(&data.train, &data.train.indices(), &mut plain);
    let plane = data.shape().plane();
    let red: Vec<f32> =
        plain.chunks(pixels).flat_map(|image| image[..plane].iter().copied()).collect();
    let mean = red.iter().sum::<f32>() / red.len() as f32;
    let square = red.iter().map(|value| value * value).sum::<f32>() / red.len() as f32;
    assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-4, "{mean} {square}");
}

/// The same as `Augmenter`, pixel by pixel.
fn is_cut_from(old: &[u8], new: &[f32], side: usize, crop: i32) -> bool {
    let at = |row: i32, column: i32| {
        let inside = |at: i32| (0..side as i32).contains(&at);
        let is_inside = inside(row) && inside(column);
        if is_inside { f32::from(old[row as usize * side + column as usize]) } else { 0.0 }
    };
    let all = -crop..=crop;
    let mut shifts = all.clone().flat_map(|top| all.clone().map(move |left| (top, left)));
    shifts.any(|(top, left)| {
        [false, true].iter().any(|&is_flipped| {
            (0..side * side).all(|index| {
                let (row, column) = (index / side, index % side);
                let from = if is_flipped { side - 1 - column } else { column };
                (new[index] - at(row as i32 + top, from as i32 + left)).abs() < 1e-3
            })
        })
    })
}

proptest! {
    #[test]
    fn augmented_images_are_cut_from_the_padded_image(
        pixels in prop::collection::vec(any::<u8>(), 36),
        crop in 0_u32..=6,
        seed in any::<u64>(),
        epoch in any::<u32>(),
    ) {
        let shape = ImageShape { channels: 1, height: 6, width: 6 };
        let split = Split::new(shape, pixels.clone(), vec![0]).unwrap();
        let augment = Augment { crop, flip: Flip::Random, ..Augment::default() };
        let augmenter = Augmenter::new(&augment, shape, &plain_stats(1), seed).unwrap();
        let mut new = [0.0; 36];
        augmenter.fill(&split, &[0], epoch, &mut new);
        prop_assert!(is_cut_from(&pixels, &new, 6, crop.cast_signed()), "{new:?}");
    }
}

/// The views of the image 1, 2, 3 / 4, 5, 6 / 7, 8, 9.
fn views(views: Views) -> Vec<(u32, [f32; 9])> {
    let shape = ImageShape { channels: 1, height: 3, width: 3 };
    let split = Split::new(shape, (1..=9).collect(), vec![0]).unwrap();
    let augmenter = Augmenter::new(&Augment::default(), shape, &plain_stats(1), 1).unwrap();
    let fill = |view: View| {
        let mut batch = [0.0; 9];
        augmenter.fill_view(&split, &[0], view, &mut batch);
        (view.weight(), batch)
    };
    views.of(shape).into_iter().map(fill).collect()
}

#[test]
fn views_are_mirrored_moved_and_enlarged() {
    let rounded = |(weight, view): &(u32, [f32; 9])| (*weight, view.map(|x| x.round() as i32));
    let two: Vec<(u32, [i32; 9])> = views(Views::Two).iter().map(rounded).collect();
    assert_eq!(two, [(1, IMAGE), (1, MIRRORED)]);
    let ten: Vec<(u32, [i32; 9])> = views(Views::Ten).iter().map(rounded).collect();
    // Up and left by a pixel: beyond the border is the second row and column.
    assert_eq!(ten[0], (1, [5, 4, 5, 2, 1, 2, 5, 4, 5]));
    assert_eq!(ten[6], (1, [5, 6, 5, 8, 9, 8, 5, 6, 5]));
    assert_eq!(ten[8..], two[..]);

    let all = views(Views::Article);
    assert_eq!(all.len(), 42);
    assert_eq!(rounded(&all[40]), (12, IMAGE));
    // To 3 x 8/7, rounded to 3 pixels: the image itself; to 3 x 11/7, rounded to 5: bilinear between the centres.
    assert_eq!(rounded(&all[0]), (3, IMAGE));
    let at = |place: f32| (place * 0.6 - 0.2).clamp(0.0, 2.0);
    for (view, (top, left)) in [(30, (0.0, 0.0)), (38, (1.0, 1.0))] {
        let (weight, seen) = &all[view];
        assert_eq!(*weight, 3);
        for (place, value) in seen.iter().enumerate() {
            let (row, column) = ((place / 3) as f32, (place % 3) as f32);
            let expected = 1.0 + 3.0 * at(top + row) + at(left + column);
            assert!((value - expected).abs() < 1e-4, "view {view}: {seen:?}");
        }
    }
}
