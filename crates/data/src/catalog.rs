//! The data sets that are known by name: where they come from, and the checksums of their files.
//!
//! Sizes and SHA-256 are those that TensorFlow Datasets publishes (`tensorflow_datasets/url_checksums`).

use crate::{cifar::CifarKind, dataset::ImageShape};

/// A published data set.
#[derive(Debug)]
pub struct KnownSet {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// The names of its classes.
    pub classes: &'static [&'static str],
    /// The shape of its images.
    pub shape: ImageShape,
    /// Number of training images.
    pub train: usize,
    /// Number of test images.
    pub test: usize,
    /// Its licence, or what is known about it.
    pub licence: &'static str,
    /// Its page.
    pub page: &'static str,
    /// The address of the folder of its files.
    pub address: &'static str,
    /// Its files.
    pub files: &'static [KnownFile],
    /// The fingerprint of the published content, if it is known.
    pub fingerprint: Option<&'static str>,
    /// The Debian package with its files.
    pub debian_package: Option<&'static str>,
    pub(crate) format: Format,
}

/// A file of a published data set.
#[derive(Debug)]
pub struct KnownFile {
    /// Its name.
    pub name: &'static str,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: &'static str,
}

/// How the files of a published data set are read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Format {
    Idx,
    Cifar(CifarKind),
}

impl KnownSet {
    /// Bytes to download.
    pub fn download_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The published data set with a name.
pub fn known(name: &str) -> Option<&'static KnownSet> {
    CATALOG.iter().find(|set| set.name == name)
}

const GREY_28: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
const COLOUR_32: ImageShape = ImageShape { channels: 3, height: 32, width: 32 };

const fn file(name: &'static str, bytes: u64, sha256: &'static str) -> KnownFile {
    KnownFile { name, bytes, sha256 }
}

/// All published data sets that are known.
pub static CATALOG: [KnownSet; 4] = [
    KnownSet {
        name: "fashion-mnist",
        title: "Fashion-MNIST",
        classes: &FASHION,
        shape: GREY_28,
        train: 60_000,
        test: 10_000,
        licence: "MIT",
        page: "https://github.com/zalandoresearch/fashion-mnist",
        address: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        files: &[
            file(
                "train-images-idx3-ubyte.gz",
                26_421_880,
                "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            ),
            file(
                "train-labels-idx1-ubyte.gz",
                29_515,
                "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            ),
            file(
                "t10k-images-idx3-ubyte.gz",
                4_422_102,
                "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            ),
            file(
                "t10k-labels-idx1-ubyte.gz",
                5_148,
                "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            ),
        ],
        fingerprint: Some("9792a65c14c92a7ea6e9b33adf3bbe32231f1a9e32594aee68027c2a18be9fdc"),
        debian_package: Some("dataset-fashion-mnist"),
        format: Format::Idx,
    },
    KnownSet {
        name: "mnist",
        title: "MNIST",
        classes: &DIGITS,
        shape: GREY_28,
        train: 60_000,
        test: 10_000,
        licence: "CC BY-SA 3.0",
        page: "http://yann.lecun.com/exdb/mnist/",
        // The page of its authors no longer has the files; these are the same bytes.
        address: "https://storage.googleapis.com/cvdf-datasets/mnist/",
        files: &[
            file(
                "train-images-idx3-ubyte.gz",
                9_912_422,
                "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            ),
            file(
                "train-labels-idx1-ubyte.gz",
                28_881,
                "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            ),
            file(
                "t10k-images-idx3-ubyte.gz",
                1_648_877,
                "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            ),
            file(
                "t10k-labels-idx1-ubyte.gz",
                4_542,
                "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            ),
        ],
        fingerprint: None,
        debian_package: None,
        format: Format::Idx,
    },
    KnownSet {
        name: "cifar10",
        title: "CIFAR-10",
        classes: &CIFAR_10,
        shape: COLOUR_32,
        train: 50_000,
        test: 10_000,
        licence: "none stated; cite Krizhevsky 2009",
        page: "https://www.cs.toronto.edu/~kriz/cifar.html",
        address: "https://www.cs.toronto.edu/~kriz/",
        files: &[file(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        )],
        fingerprint: None,
        debian_package: None,
        format: Format::Cifar(CifarKind::Cifar10),
    },
    KnownSet {
        name: "cifar100",
        title: "CIFAR-100",
        classes: &CIFAR_100,
        shape: COLOUR_32,
        train: 50_000,
        test: 10_000,
        licence: "none stated; cite Krizhevsky 2009",
        page: "https://www.cs.toronto.edu/~kriz/cifar.html",
        address: "https://www.cs.toronto.edu/~kriz/",
        files: &[file(
            "cifar-100-binary.tar.gz",
            168_513_733,
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
        )],
        fingerprint: None,
        debian_package: None,
        format: Format::Cifar(CifarKind::Cifar100),
    },
];

const FASHION: [&str; 10] = [
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
];

const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const CIFAR_10: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

const CIFAR_100: [&str; 100] = [
    "apple",
    "aquarium fish",
    "baby",
    "bear",
    "beaver",
    "bed",
    "bee",
    "beetle",
    "bicycle",
    "bottle",
    "bowl",
    "boy",
    "bridge",
    "bus",
    "butterfly",
    "camel",
    "can",
    "castle",
    "caterpillar",
    "cattle",
    "chair",
    "chimpanzee",
    "clock",
    "cloud",
    "cockroach",
    "couch",
    "crab",
    "crocodile",
    "cup",
    "dinosaur",
    "dolphin",
    "elephant",
    "flatfish",
    "forest",
    "fox",
    "girl",
    "hamster",
    "house",
    "kangaroo",
    "keyboard",
    "lamp",
    "lawn mower",
    "leopard",
    "lion",
    "lizard",
    "lobster",
    "man",
    "maple tree",
    "motorcycle",
    "mountain",
    "mouse",
    "mushroom",
    "oak tree",
    "orange",
    "orchid",
    "otter",
    "palm tree",
    "pear",
    "pickup truck",
    "pine tree",
    "plain",
    "plate",
    "poppy",
    "porcupine",
    "possum",
    "rabbit",
    "raccoon",
    "ray",
    "road",
    "rocket",
    "rose",
    "sea",
    "seal",
    "shark",
    "shrew",
    "skunk",
    "skyscraper",
    "snail",
    "snake",
    "spider",
    "squirrel",
    "streetcar",
    "sunflower",
    "sweet pepper",
    "table",
    "tank",
    "telephone",
    "television",
    "tiger",
    "tractor",
    "train",
    "trout",
    "tulip",
    "turtle",
    "wardrobe",
    "whale",
    "willow tree",
    "wolf",
    "woman",
    "worm",
];
