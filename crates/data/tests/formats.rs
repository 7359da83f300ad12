//! Every format, right and wrong: any bytes give a data set or an error that names file and place.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use inceptive_data::{
    CifarKind, DataError, DataName, Dataset, Places, load, read_cifar, read_idx_images,
    read_idx_labels, read_npz,
};
use proptest::prelude::*;

/// Reads a data set whose path is under a folder, written as `{}` in its name.
fn read(name: &str, folder: &Path) -> Result<Dataset, DataError> {
    read_until(name, folder, &AtomicBool::new(false))
}

fn read_until(name: &str, folder: &Path, stop: &AtomicBool) -> Result<Dataset, DataError> {
    let name: DataName = name.replace("{}", &folder.display().to_string()).parse().unwrap();
    load(&name, &Places::only(folder), u64::MAX, stop)
}

/// The message of an error, with `{}` for the folder.
fn message(name: &str, folder: &Path) -> String {
    let error = read(name, folder).unwrap_err().to_string();
    error.replace(&folder.display().to_string(), "{}")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx_images(count: u32, height: u32, width: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = [0x803, count, height, width].map(u32::to_be_bytes).concat();
    bytes.extend((0..count * height * width).map(|index| (index * 7 % 251) as u8));
    bytes
}

fn idx_labels(labels: &[u8]) -> Vec<u8> {
    let mut bytes = [0x801, labels.len() as u32].map(u32::to_be_bytes).concat();
    bytes.extend_from_slice(labels);
    bytes
}

/// A folder with the four files of MNIST: 20 and 10 images of 3 x 4.
fn mnist() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let labels: Vec<u8> = (0..20).map(|index| index % 10).collect();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("train-images-idx3-ubyte", &idx_images(20, 3, 4));
    write("train-labels-idx1-ubyte.gz", &gzip(&idx_labels(&labels)));
    write("t10k-images-idx3-ubyte.gz", &gzip(&idx_images(10, 3, 4)));
    write("t10k-labels-idx1-ubyte", &idx_labels(&labels[..10]));
    folder
}

#[test]
fn idx_is_read_compressed_or_not() {
    let folder = mnist();
    let data = read("mnist={}", folder.path()).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (20, 10));
    assert_eq!(data.shape().to_string(), "1x3x4");
    assert_eq!(data.train.image(1)[..3], [84, 91, 98]);
    assert_eq!(data.train.labels()[13], 3);
    assert_eq!(data.classes[3], "3");
    let unpacked = data.fingerprint();
    let path = folder.path().join("train-images-idx3-ubyte");
    fs::write(folder.path().join("train-images.idx3-ubyte.gz"), gzip(&fs::read(&path).unwrap()))
        .unwrap();
    fs::remove_file(path).unwrap();
    let other = read("idx={}", folder.path()).unwrap();
    assert_eq!((other.classes.len(), other.fingerprint()), (10, unpacked));
    assert_eq!(
        unpacked.to_string(),
        "db27503f6016ff019d983b40b740581d91b7edbeef54cf2dfb9255d36cce8c9f"
    );
}

/// Of both splits together, with their labels.
#[test]
fn data_that_does_not_fit_into_memory_is_refused() {
    let check = |name: &str, folder: &Path, needed: u64| {
        let name: DataName = name.replace("{}", &folder.display().to_string()).parse().unwrap();
        let read = |bytes| load(&name, &Places::only(folder), bytes, &AtomicBool::new(false));
        assert!(read(needed).is_ok(), "{name}");
        let error = read(needed - 1).unwrap_err().to_string();
        assert!(error.contains("MiB of memory"), "{error}");
    };
    let folder = mnist();
    check("mnist={}", folder.path(), 30 * (3 * 4 + 3));
    check("shapes:size=16,train=30,test=20", folder.path(), 50 * 16 * 16);
    let images = tempfile::tempdir().unwrap();
    for class in ["train/a", "train/b", "test/a", "test/b"] {
        let place = images.path().join(class);
        fs::create_dir_all(&place).unwrap();
        fs::write(place.join("1.pgm"), b"P5 1 1 255\n\0").unwrap();
    }
    check("folder:size=8,channels=3={}", images.path(), 4 * 3 * 8 * 8);
}

#[test]
fn wrong_idx_files_are_errors_with_their_place() {
    let check = |file: &str, bytes: &[u8], expected: &str| {
        let folder = mnist();
        fs::write(folder.path().join(file), bytes).unwrap();
        assert_eq!(
            message("fashion-mnist={}", folder.path()),
            format!("`{{}}/{file}`, {expected}")
        );
    };
    let images = "train-images-idx3-ubyte";
    check(images, b"PNG", "byte 3: the file ends after 3 of 16 bytes");
    check(images, b"", "byte 0: the file ends after 0 of 16 bytes");
    check(
        images,
        &idx_labels(&[1, 2]),
        "byte 0: it starts with 0x00000801; an IDX file of images starts with 0x00000803",
    );
    let whole = idx_images(20, 3, 4);
    check(images, &whole[..99], "byte 99: the file ends after 99 of 256 bytes");
    let long = [&whole[..], &[0]].concat();
    check(images, &long, "byte 256: the file is longer than the 256 bytes that its header states");
    check(images, &idx_images(0, 3, 4), "byte 4: it has no images");
    let huge = [0x803, u32::MAX, 28, 28].map(u32::to_be_bytes).concat();
    check(
        images,
        &huge,
        "byte 4: the size of all images in bytes is 3367254359280, above the limit of 8589934592",
    );
    let wide = [0x803, 1, 28, u32::MAX].map(u32::to_be_bytes).concat();
    check(images, &wide, "byte 12: the width is 4294967295, above the limit of 4096");
    let packed = "train-labels-idx1-ubyte.gz";
    check(
        packed,
        &gzip(&idx_labels(&[0, 11])),
        "byte 9: image 1 has label 11, but there are 10 classes, numbered from 0",
    );
    let bytes = gzip(&idx_labels(&[1; 20]));
    check(
        packed,
        &gzip(&idx_labels(&[1; 20])[..20]),
        "byte 20: the file ends after 20 of 28 bytes",
    );
    let error = {
        let folder = mnist();
        fs::write(folder.path().join(packed), &bytes[..bytes.len() - 9]).unwrap();
        message("mnist={}", folder.path())
    };
    assert!(error.starts_with("`{}/train-labels-idx1-ubyte.gz`, byte "), "{error}");
}

/// Far more time than stopping takes, even on a busy machine.
const SOON: Duration = Duration::from_secs(3);

/// Stops reading after a moment; without that, it would take far longer.
#[test]
fn reading_stops_soon() {
    // Half a gibibyte of pixels, in many members of a small file.
    let folder = mnist();
    let mut bytes = gzip(&[0x803, 512, 1024, 1024].map(u32::to_be_bytes).concat());
    bytes.extend(gzip(&vec![0; 4 << 20]).repeat(128));
    fs::remove_file(folder.path().join("train-images-idx3-ubyte")).unwrap();
    fs::write(folder.path().join("train-images-idx3-ubyte.gz"), bytes).unwrap();
    fs::write(folder.path().join("train-labels-idx1-ubyte.gz"), gzip(&idx_labels(&[1; 512])))
        .unwrap();
    for name in ["idx={}", "shapes:size=512,train=2000,test=10"] {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let reading = scope.spawn(|| read_until(name, folder.path(), &stop));
            thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::Relaxed);
            let start = Instant::now();
            assert!(matches!(reading.join().unwrap(), Err(DataError::Stopped)), "{name}");
            assert!(start.elapsed() < SOON, "{name}: {:?}", start.elapsed());
        });
    }
}

/// A file that says it is huge takes no memory for that.
#[test]
fn a_bomb_is_refused_after_what_its_header_says() {
    let folder = mnist();
    let zeros = vec![0; 50 << 20];
    let bytes = [&idx_images(20, 3, 4)[..], &zeros].concat();
    fs::remove_file(folder.path().join("train-images-idx3-ubyte")).unwrap();
    fs::write(folder.path().join("train-images-idx3-ubyte.gz"), gzip(&bytes)).unwrap();
    assert!(message("mnist={}", folder.path()).contains("longer than the 256 bytes"));
}

#[test]
fn images_and_labels_have_to_fit_together() {
    let folder = mnist();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("train-labels-idx1-ubyte.gz", &idx_labels(&[0; 19]));
    assert!(message("mnist={}", folder.path()).ends_with("there are 20 images but 19 labels"));
    write("train-labels-idx1-ubyte.gz", &idx_labels(&[0; 20]));
    assert_eq!(
        message("mnist={}", folder.path()),
        "data set `mnist`: class `1` has no training images"
    );
    let shapes = "data set `idx`: training images are 1x4x3, but test images are 1x3x4 (channels x height x width)";
    write("train-images-idx3-ubyte", &idx_images(20, 4, 3));
    assert_eq!(message("idx={}", folder.path()), shapes);
    fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte")).unwrap();
    assert_eq!(message("mnist={}", folder.path()), "`{}`: `t10k-labels-idx1-ubyte.gz` is missing");
}

#[test]
#[cfg(unix)]
fn devices_and_pipes_are_refused() {
    let folder = mnist();
    let path = folder.path().join("train-images-idx3-ubyte");
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert!(message("mnist={}", folder.path()).contains("it is a device, not a regular file"));
    assert!(message("npz=/dev/zero", folder.path()).contains("it is a device"));
    assert!(message("cifar10=/dev/zero", folder.path()).contains("it is a device"));
}

/// A record of CIFAR-10 or CIFAR-100.
fn record(head: &[u8]) -> Vec<u8> {
    let pixels = (0..3072_u32).map(|index| (index % 256) as u8 ^ head[head.len() - 1]);
    head.iter().copied().chain(pixels).collect()
}

fn cifar10_batch() -> Vec<u8> {
    (0..10).flat_map(|label| record(&[label])).collect()
}

/// An archive as the published one, with other names of batches.
fn tar_gz(files: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder
            .append_data(&mut header, format!("cifar-10-batches-bin/{name}"), &bytes[..])
            .unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

/// The files of CIFAR-10, in the order of the published archive.
fn cifar10_files() -> Vec<(&'static str, Vec<u8>)> {
    let names = [
        "data_batch_1.bin",
        "batches.meta.txt",
        "data_batch_3.bin",
        "data_batch_4.bin",
        "test_batch.bin",
        "readme.html",
        "data_batch_5.bin",
        "data_batch_2.bin",
    ];
    names.iter().map(|name| (*name, cifar10_batch())).collect()
}

#[test]
fn cifar_is_read_from_archives_and_folders() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("cifar-10-binary.tar.gz");
    fs::write(&archive, tar_gz(&cifar10_files())).unwrap();
    let packed = read("cifar10={}", folder.path()).unwrap();
    assert_eq!((packed.train.len(), packed.test.len()), (50, 10));
    assert_eq!(packed.shape().to_string(), "3x32x32");
    assert_eq!((packed.train.labels()[12], &*packed.classes[2]), (2, "bird"));
    assert_eq!(packed.train.image(12)[..3], [2, 3, 0]);
    let unpacked = folder.path().join("cifar-10-batches-bin");
    fs::create_dir(&unpacked).unwrap();
    for (name, bytes) in cifar10_files() {
        fs::write(unpacked.join(name), bytes).unwrap();
    }
    assert_eq!(read("cifar10={}", folder.path()).unwrap().fingerprint(), packed.fingerprint());
    fs::remove_file(archive).unwrap();
    assert_eq!(read("cifar10={}", &unpacked).unwrap().fingerprint(), packed.fingerprint());
    fs::write(
        folder.path().join("train.bin"),
        (0..100).flat_map(|l| record(&[l / 5, l])).collect::<Vec<_>>(),
    )
    .unwrap();
    fs::write(folder.path().join("test.bin"), record(&[3, 99])).unwrap();
    let data = read("cifar100={}", folder.path()).unwrap();
    assert_eq!((data.train.labels()[77], &*data.classes[99]), (77, "worm"));
}

#[test]
fn wrong_cifar_files_are_errors_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let check = |files: &[(&str, Vec<u8>)], expected: &str| {
        fs::write(folder.path().join("cifar-10-binary.tar.gz"), tar_gz(files)).unwrap();
        let expected = format!("`{{}}/cifar-10-binary.tar.gz{expected}");
        assert_eq!(message("cifar10={}", folder.path()), expected);
    };
    let changed = |index: usize, bytes: Vec<u8>| {
        let mut files = cifar10_files();
        files[index].1 = bytes;
        files
    };
    check(&cifar10_files()[..7], "`: `data_batch_2.bin` is missing");
    for again in ["test_batch.bin", "other/test_batch.bin"] {
        let files = [cifar10_files(), vec![(again, cifar10_batch())]].concat();
        check(&files, "`: the archive has two files with the name `test_batch.bin`");
    }
    check(
        &changed(2, [cifar10_batch(), record(&[10])].concat()),
        "/cifar-10-batches-bin/data_batch_3.bin`, byte 30730: image 10 has label 10, but there are 10 classes, numbered from 0",
    );
    check(
        &changed(0, cifar10_batch()[..30729].to_vec()),
        "/cifar-10-batches-bin/data_batch_1.bin`, byte 27657: its size of 30729 bytes is not a multiple of the record size, 3073 bytes",
    );
    let bytes = tar_gz(&cifar10_files());
    fs::write(folder.path().join("cifar-10-binary.tar.gz"), &bytes[..bytes.len() / 2]).unwrap();
    let cut = message("cifar10={}", folder.path());
    assert!(cut.contains("the archive cannot be read"), "{cut}");
    fs::write(folder.path().join("cifar-10-binary.tar.gz"), b"no archive").unwrap();
    let other = message("cifar10={}", folder.path());
    assert!(other.contains("the archive cannot be read"), "{other}");
    assert!(message("cifar100={}", folder.path()).contains("is missing"));
    let path = Path::new("records");
    assert!(read_cifar(CifarKind::Cifar100, path, &record(&[0, 100])).is_err());
    assert_eq!(read_cifar(CifarKind::Cifar100, path, &record(&[200, 99])).unwrap().labels(), [99]);
    assert!(
        read_cifar(CifarKind::Cifar10, path, b"").unwrap_err().to_string().contains("no images")
    );
}

fn npy(descr: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
}

fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (index, (name, bytes)) in arrays.iter().enumerate() {
        let method = match index % 2 {
            0 => zip::CompressionMethod::Stored,
            _ => zip::CompressionMethod::Deflated,
        };
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Two training images of 2 x 2 in colour, and one test image; labels as Keras has them for CIFAR-10.
fn arrays() -> [(&'static str, Vec<u8>); 4] {
    let pixels: Vec<u8> = (0..24).collect();
    [
        ("x_test.npy", npy("|u1", "(1, 2, 2, 3)", &pixels[..12])),
        ("x_train.npy", npy("|u1", "(2, 2, 2, 3)", &pixels)),
        (
            "y_train.npy",
            npy("<i8", "(2, 1)", &[[1_i64, 0].map(i64::to_le_bytes).concat()].concat()),
        ),
        ("y_test.npy", npy("|u1", "(1,)", &[1])),
    ]
}

/// The files of a data set, and only those, are its inputs.
#[test]
fn a_data_set_names_its_files() {
    let check = |name: &str, folder: &Path, inputs: &[&str], others: &[&str]| {
        let data = read(name, folder).unwrap();
        let is_input = |file: &&str| data.inputs().check(&folder.join(file)).is_err();
        assert!(inputs.iter().all(is_input), "{name}: {inputs:?}");
        assert!(!others.iter().any(is_input), "{name}: {others:?}");
    };
    let idx = mnist();
    let read_files = ["train-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"];
    for name in ["idx={}", "mnist={}"] {
        check(name, idx.path(), &read_files, &["train-images-idx3-ubyte.gz", "out.svg"]);
    }
    let folder = images(&["train/a/1.ppm", "train/b/1.ppm", "elsewhere/2.ppm"]);
    #[cfg(unix)]
    std::os::unix::fs::symlink("../../elsewhere/2.ppm", folder.path().join("train/a/2.ppm"))
        .unwrap();
    let linked: &[&str] = if cfg!(unix) { &["elsewhere/2.ppm"] } else { &[] };
    check("folder={}", folder.path(), linked, &["out.svg", "elsewhere/out.svg"]);
    check("folder={}", folder.path(), &["train/a/1.ppm", "train/b/new.svg"], &["train/out.svg"]);
    fs::write(folder.path().join("a.npz"), npz(&arrays())).unwrap();
    check("npz={}/a.npz", folder.path(), &["a.npz"], &["b.npz"]);
    let archive = "cifar-10-binary.tar.gz";
    fs::write(folder.path().join(archive), tar_gz(&cifar10_files())).unwrap();
    check("cifar10={}", folder.path(), &[archive], &["data_batch_1.bin"]);
    for (name, bytes) in cifar10_files() {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    check("cifar10={}", folder.path(), &["data_batch_1.bin", "test_batch.bin"], &[archive]);
    check("shapes:train=10,test=10", folder.path(), &[], &["data_batch_1.bin"]);
}

/// No format is read to its end after a stop.
#[test]
fn every_format_stops() {
    let idx = mnist();
    let stopped = |name: &str, folder: &Path| {
        let found = read_until(name, folder, &AtomicBool::new(true));
        assert!(matches!(found, Err(DataError::Stopped)), "{name}");
    };
    stopped("idx={}", idx.path());
    let folder = images(&["train/a/1.ppm", "train/b/1.ppm"]);
    stopped("folder={}", folder.path());
    fs::write(folder.path().join("a.npz"), npz(&arrays())).unwrap();
    stopped("npz={}/a.npz", folder.path());
    let archive = folder.path().join("cifar-10-binary.tar.gz");
    fs::write(archive, tar_gz(&cifar10_files())).unwrap();
    stopped("cifar10={}", folder.path());
    stopped("shapes:train=10,test=10", folder.path());
}

#[test]
fn npz_is_read() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.npz"), npz(&arrays())).unwrap();
    let data = read("npz={}/a.npz", folder.path()).unwrap();
    assert_eq!((data.shape().to_string(), data.classes.len()), ("3x2x2".to_owned(), 2));
    assert_eq!(data.train.image(1), [12, 15, 18, 21, 13, 16, 19, 22, 14, 17, 20, 23]);
    assert_eq!((data.train.labels(), data.test.labels()), (&[1, 0][..], &[1][..]));
}

#[test]
fn wrong_npz_files_are_errors_with_their_place() {
    let check = |index: usize, bytes: Vec<u8>, expected: &str| {
        let mut arrays = arrays();
        arrays[index].1 = bytes;
        let error = read_npz(Path::new("a.npz"), &npz(&arrays)).unwrap_err().to_string();
        assert_eq!(error, format!("`a.npz/{}`, {expected}", arrays[index].0));
    };
    let pixels: Vec<u8> = vec![0; 24];
    check(
        1,
        npy("<f4", "(2, 2, 2, 3)", &pixels),
        "byte 10: images have the type `<f4`; bytes (uint8, `|u1`) are expected",
    );
    check(
        1,
        npy("|u1", "(2, 12)", &pixels),
        "byte 10: images have the shape [2, 12]; (N, height, width) or (N, height, width, 1 or 3) is expected",
    );
    check(
        1,
        npy("|u1", "(2, 2, 2, 3)", &pixels[..23]),
        "byte 99: the file ends after 99 of 100 bytes",
    );
    check(
        1,
        npy("|u1", "(9999999999999, 2, 2, 3)", &pixels),
        "byte 10: the number of images is 9999999999999, above the limit of 4294967295",
    );
    check(
        2,
        npy("<f8", "(2,)", &pixels),
        "byte 10: labels have the type `<f8`; integers are expected",
    );
    check(
        2,
        npy("<i4", "(2,)", &[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF]),
        "byte 72: image 1 has label -1; labels are whole numbers from 0 to 65535",
    );
    check(
        2,
        npy("<i4", "(2,)", &[0, 0, 0, 0, 0x40, 0x42, 0x0F, 0]),
        "byte 72: image 1 has label 1000000; labels are whole numbers from 0 to 65535",
    );
    check(
        2,
        npy("<u8", "(2,)", &[0_u64, 1 << 63].map(u64::to_le_bytes).concat()),
        "byte 76: image 1 has label 9223372036854775808; labels are whole numbers from 0 to 65535",
    );
    for (shape, side) in [("(2, 9999999999, 2, 3)", "height"), ("(2, 2, 9999999999)", "width")] {
        let expected = format!("byte 10: the {side} is 9999999999, above the limit of 4096");
        check(1, npy("|u1", shape, &pixels), &expected);
    }
    check(
        2,
        b"PK\x03\x04 not an array".to_vec(),
        "byte 0: it starts with 0x504b0304; a NumPy array starts with 0x934e554d",
    );
    // A writer refuses two members with one name, so one is renamed afterwards.
    let mut members = arrays().to_vec();
    members.push(("y_tesu.npy", npy("|u1", "(1,)", &[0])));
    let mut twice = npz(&members);
    for at in 0..twice.len() {
        if twice[at..].starts_with(b"y_tesu") {
            twice[at + 5] = b't';
        }
    }
    let twice = read_npz(Path::new("a.npz"), &twice).unwrap_err().to_string();
    assert_eq!(twice, "`a.npz`: the archive has two files with the name `y_test.npy`");
    let missing = read_npz(Path::new("a.npz"), &npz(&arrays()[..3])).unwrap_err();
    assert_eq!(missing.to_string(), "`a.npz`: `y_test.npy` is missing");
    let other = read_npz(Path::new("a.npz"), b"not an archive").unwrap_err().to_string();
    assert!(other.starts_with("`a.npz`: the archive cannot be read: "), "{other}");
}

/// Headers are compared before any image is read: the images that these state are not there.
#[test]
fn numbers_of_images_and_labels_are_compared_first() {
    for (index, shape, expected) in [
        (1, "(4000000, 28, 28)", "there are 4000000 images but 2 labels"),
        (0, "(4000000, 28, 28)", "there are 4000000 images but 1 labels"),
        (3, "(4000000,)", "there are 1 images but 4000000 labels"),
    ] {
        let mut arrays = arrays();
        arrays[index].1 = npy("|u1", shape, &[]);
        let error = read_npz(Path::new("a.npz"), &npz(&arrays)).unwrap_err().to_string();
        assert_eq!(error, format!("`a.npz`: {expected}"));
    }
    let folder = mnist();
    let header = [0x803_u32, 4_000_000, 28, 28].map(u32::to_be_bytes).concat();
    fs::write(folder.path().join("t10k-images-idx3-ubyte.gz"), gzip(&header)).unwrap();
    let error = message("mnist={}", folder.path());
    assert_eq!(error, "`{}/t10k-images-idx3-ubyte.gz`: there are 4000000 images but 10 labels");
}

/// A folder with an image for each name; every class has its own colour.
fn images(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (index, name) in names.iter().enumerate() {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let colour = image::Rgb([index as u8 * 10, 100, 200]);
        image::RgbImage::from_pixel(40, 20, colour).save(path).unwrap();
    }
    folder
}

#[test]
fn folders_of_images_are_read() {
    let names = [
        "train/cat/1.png",
        "train/dog/a.jpg",
        "train/dog/b.bmp",
        "test/cat/2.ppm",
        "test/dog/3.PNG",
    ];
    let folder = images(&names);
    fs::write(folder.path().join("train/dog/.hidden.png"), b"x").unwrap();
    fs::write(folder.path().join("train/dog/notes.txt"), b"x").unwrap();
    let data = read("folder:size=8={}", folder.path()).unwrap();
    assert_eq!(data.name, "folder:size=8,channels=3");
    assert_eq!(data.classes, ["cat", "dog"]);
    assert_eq!((data.train.labels(), data.test.labels()), (&[0, 1, 1][..], &[0, 1][..]));
    assert_eq!(data.train.image(2)[..64], [20; 64]);
    assert_eq!(data.train.image(2)[128..], [200; 64]);
    let grey = read("folder:size=8,channels=1={}", folder.path()).unwrap();
    assert_eq!(grey.shape().to_string(), "1x8x8");
}

/// A picture of 23 x 17 in which neighbouring pixels and channels differ.
fn picture() -> image::RgbaImage {
    image::RgbaImage::from_fn(23, 17, |x, y| {
        image::Rgba([(x * 11) as u8, (y * 15) as u8, (x * y) as u8, (x + y * 5) as u8])
    })
}

/// Reads one file as a folder's only image, in two classes.
fn read_image(name: &str, bytes: &[u8], options: &str) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().unwrap();
    for class in ["train/a", "train/b", "test/a", "test/b"] {
        fs::create_dir_all(folder.path().join(class)).unwrap();
        fs::write(folder.path().join(class).join(name), bytes).unwrap();
    }
    let data = read(&format!("folder:{options}={{}}"), folder.path());
    data.map(|data| data.train.image(0).to_vec()).map_err(|error| error.to_string())
}

/// What other decoders and another resize make of the same file; one apart at most.
fn check_image(name: &str, bytes: &[u8]) {
    let format = image::ImageFormat::from_path(name).unwrap();
    let image = image::load_from_memory_with_format(bytes, format).unwrap();
    for size in [17, 5, 40] {
        let square = image.crop_imm(3, 0, 17, 17);
        let square = square.resize_exact(size, size, image::imageops::FilterType::Triangle);
        let colour = square.to_rgb8();
        let planes = (0..3).flat_map(|channel| colour.pixels().map(move |pixel| pixel.0[channel]));
        let found = read_image(name, bytes, &format!("size={size}")).unwrap();
        let grey = read_image(name, bytes, &format!("size={size},channels=1")).unwrap();
        let expected: Vec<u8> = planes.collect();
        let is_near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 1;
        assert!(found.iter().zip(&expected).all(is_near), "{name} at {size}");
        assert!(grey.iter().zip(square.to_luma8().iter()).all(is_near), "grey {name} at {size}");
        assert_eq!((found.len(), grey.len()), (expected.len(), expected.len() / 3));
    }
}

fn encoded(image: &image::DynamicImage, format: image::ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A PNG file with a palette of four colours, two bits a pixel.
fn palette_png() -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, 23, 17);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Two);
    encoder.set_palette(&[0, 10, 20, 200, 100, 50, 7, 77, 177, 255, 250, 245][..]);
    let rows: Vec<u8> = (0..6 * 17).map(|index| (index * 37) as u8).collect();
    encoder.write_header().unwrap().write_image_data(&rows).unwrap();
    bytes
}

#[test]
fn images_of_every_kind_are_read() {
    use image::{DynamicImage, ImageFormat};
    let image = DynamicImage::from(picture());
    let kinds = [
        DynamicImage::from(image.to_luma8()),
        image.to_luma_alpha8().into(),
        image.to_rgb8().into(),
        image.to_luma16().into(),
        image.to_rgb16().into(),
        image.to_rgba16().into(),
        image.clone(),
    ];
    for image in &kinds {
        check_image("a.png", &encoded(image, ImageFormat::Png));
    }
    check_image("a.png", &palette_png());
    for image in [&kinds[0], &kinds[2]] {
        check_image("a.jpg", &encoded(image, ImageFormat::Jpeg));
    }
    for image in [&kinds[0], &kinds[2], &kinds[6]] {
        check_image("a.bmp", &encoded(image, ImageFormat::Bmp));
    }
    use image::codecs::pnm::{PnmEncoder, PnmSubtype, SampleEncoding};
    for encoding in [SampleEncoding::Ascii, SampleEncoding::Binary] {
        let write = |image: &DynamicImage, kind: PnmSubtype| {
            let mut bytes = Vec::new();
            let encoder = PnmEncoder::new(&mut bytes).with_subtype(kind);
            image.write_with_encoder(encoder).unwrap();
            bytes
        };
        check_image("a.pgm", &write(&kinds[0], PnmSubtype::Graymap(encoding)));
        check_image("a.ppm", &write(&kinds[2], PnmSubtype::Pixmap(encoding)));
    }
    for image in [&kinds[0], &kinds[1], &kinds[2], &kinds[6]] {
        check_image("a.pnm", &encoded(image, ImageFormat::Pnm));
    }
}

#[test]
fn bitmaps_and_deep_maps_are_read() {
    let read = |bytes: &[u8]| read_image("a.pnm", bytes, "size=2,channels=1");
    assert_eq!(read(b"P1 # a comment\n2 2\n0110").unwrap(), [255, 0, 0, 255]);
    assert_eq!(read(b"P4\n2 2\n\x40\x80").unwrap(), [255, 0, 0, 255]);
    assert_eq!(read(b"P2 2 2 10 0 5\n10 2").unwrap(), [0, 128, 255, 51]);
    assert_eq!(read(b"P5 2 2 65535 \0\0\xff\xff\x80\0\0\x80").unwrap(), [0, 255, 128, 0]);
}

#[test]
fn photographs_are_turned_upright() {
    use image::ImageEncoder;
    let (corner, rest) = (image::Luma([250]), image::Luma([10]));
    let image = image::GrayImage::from_fn(16, 16, |x, y| match (x / 8, y / 8) {
        (0, 0) => corner,
        _ => rest,
    });
    // In which quarter the upper left one ends up.
    for (orientation, quarter) in [(1, 0), (2, 1), (3, 3), (4, 2), (5, 0), (6, 1), (7, 3), (8, 2)] {
        for is_little in [false, true] {
            let short = |value: u16| match is_little {
                true => value.to_le_bytes(),
                false => value.to_be_bytes(),
            };
            let long = |value: u16| match is_little {
                true => [short(value), [0; 2]].concat(),
                false => [[0; 2], short(value)].concat(),
            };
            let mark: &[u8] = if is_little { b"II" } else { b"MM" };
            let exif = [
                mark,
                &short(42),
                &long(8),
                &short(1),
                &short(0x112),
                &short(3),
                &long(1),
                &short(orientation),
                &[0; 6],
            ];
            let mut bytes = Vec::new();
            let mut encoder = image::codecs::jpeg::JpegEncoder::new(&mut bytes);
            encoder.set_exif_metadata(exif.concat()).unwrap();
            encoder.encode_image(&image).unwrap();
            let found = read_image("a.jpg", &bytes, "size=2,channels=1").unwrap();
            let brightest = (0..4).max_by_key(|&index| found[index]);
            assert_eq!(brightest, Some(quarter), "orientation {orientation}");
        }
    }
}

#[test]
fn wrong_images_are_errors() {
    let check = |name: &str, bytes: &[u8], expected: &str| {
        let error = read_image(name, bytes, "size=4").unwrap_err();
        assert!(error.ends_with(expected), "{error}");
        assert!(error.contains(&format!("/train/a/{name}`: ")), "{error}");
    };
    check("a.png", b"GIF89a", "the image cannot be read: it is not a PNG, JPEG, BMP or PNM file");
    check("a.png", b"", "the image cannot be read: it is not a PNG, JPEG, BMP or PNM file");
    check("a.pgm", b"P5 4 4 255\nabc", "the image cannot be read: the file ends early");
    check("a.pgm", b"P2 2 2 255 1 x", "the image cannot be read: a number is expected at byte 13");
    check("a.pgm", b"P5 0 4 255\n", "the image cannot be read: it has no pixels");
    check("a.pgm", b"P5 4 4 70000\n", "its highest value is 70000, not 1 to 65535");
    check("a.pgm", b"P5 40000 4 255\n", "the width is 40000, above the limit of 32768");
    let number = "the number at byte 3 is above the limit of 4294967295";
    check("a.pgm", b"P5 9999999999 4 255\n", number);
    check("a.ppm", b"P7 WIDTH 2 HEIGHT 2 WIDTH 4 ENDHDR\n", "its header has WIDTH twice");
    let bytes = "the size of the image in bytes is 3221225472, above the limit of 536870912";
    check("a.ppm", b"P6 32768 32768 255\n", bytes);
    let mut bmp = encoded(&picture().into(), image::ImageFormat::Bmp);
    bmp[30] = 1;
    check(
        "a.bmp",
        &bmp,
        "it is a BMP file with 32 bits a pixel and compression 1; 1, 4, 8, 24 or 32 bits without compression are read",
    );
    let mut png = encoded(&image::GrayImage::new(3, 3).into(), image::ImageFormat::Png);
    png.truncate(40);
    assert!(read_image("a.png", &png, "size=4").is_err());
    assert!(read_image("a.jpg", b"\xff\xd8\xff\xe0", "size=4").is_err());
}

#[test]
fn without_test_images_a_fifth_is_set_aside() {
    let names: Vec<String> =
        (0..20).map(|index| format!("{}/{index}.png", ["a", "b"][index % 2])).collect();
    let folder = images(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let data = read("folder={}", folder.path()).unwrap();
    assert_eq!(data.train.class_counts(2), [8, 8]);
    assert_eq!(data.test.class_counts(2), [2, 2]);
    let again = read("folder={}", folder.path()).unwrap();
    assert_eq!(data.fingerprint(), again.fingerprint());
}

#[test]
fn wrong_folders_are_errors_with_their_file() {
    let folder = images(&["a/1.png", "b/1.png", "b/2.png"]);
    fs::write(folder.path().join("b/2.png"), b"\x89PNG\r\n\x1a\n broken").unwrap();
    let broken = message("folder={}", folder.path());
    assert!(broken.starts_with("`{}/b/2.png`: the image cannot be read: "), "{broken}");
    fs::create_dir(folder.path().join("c")).unwrap();
    assert_eq!(message("folder={}", folder.path()), "`{}/c`: class `c` has no training images");
    let folder = images(&["train/a/1.png", "test/b/1.png"]);
    assert_eq!(
        message("folder={}", folder.path()),
        "`{}`: `a` is a class of the training images but not of the test images"
    );
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(message("folder={}", empty.path()), "`{}`: it has no images");
    let missing = message("folder={}/none", empty.path());
    assert!(missing.starts_with("`{}/none`: "), "{missing}");
}

/// An image of one row must not be blown up to a square of its length.
#[test]
fn narrow_images_take_little_memory() {
    let folder = images(&["a/1.png", "a/2.png", "b/1.png", "b/2.png"]);
    image::GrayImage::new(30_000, 1).save(folder.path().join("a/1.png")).unwrap();
    assert!(read("folder:size=64={}", folder.path()).is_ok());
}

#[test]
fn a_data_set_that_is_nowhere_says_how_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        message("fashion-mnist", folder.path()),
        "data set `fashion-mnist` was not found in `{}/fashion-mnist`; `inceptive data get fashion-mnist` downloads it \
         (30 MiB), as does `apt-get install dataset-fashion-mnist`"
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check_all(&bytes);
    }

    #[test]
    fn changed_files_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        for mut bytes in [idx_images(4, 3, 3), idx_labels(&[1, 2, 3]), cifar10_batch(), npz(&arrays())] {
            for (place, byte) in &changes {
                let place = place.index(bytes.len());
                bytes[place] = *byte;
            }
            check_all(&bytes);
            check_all(&bytes[..cut.index(bytes.len())]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn changed_images_are_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        use image::{DynamicImage, ImageFormat};
        let image = DynamicImage::from(DynamicImage::from(picture()).to_rgb8());
        let formats = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Pnm];
        for mut bytes in formats.map(|format| encoded(&image, format)) {
            for (place, byte) in &changes {
                let place = place.index(bytes.len().min(80));
                bytes[place] = *byte;
            }
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Ok(pixels) = read_image("a.png", bytes, "size=4") {
                    prop_assert_eq!(pixels.len(), 48);
                }
            }
        }
    }
}

fn check_all(bytes: &[u8]) {
    let path = Path::new("file");
    if let Ok((shape, pixels)) = read_idx_images(path, bytes) {
        assert_eq!(pixels.len() % shape.pixels(), 0);
    }
    if let Ok(labels) = read_idx_labels(path, bytes) {
        assert!(labels.len() < bytes.len());
    }
    for kind in [CifarKind::Cifar10, CifarKind::Cifar100] {
        if let Ok(split) = read_cifar(kind, path, bytes) {
            assert!(split.labels().iter().all(|&label| usize::from(label) < kind.classes()));
        }
    }
    if let Ok((train, test, classes)) = read_npz(path, bytes) {
        assert!(
            train.labels().iter().chain(test.labels()).all(|&label| usize::from(label) < classes)
        );
    }
}
