//! Data sets of small images in memory: read from files, generated, downloaded, split and augmented.
//!
//! [`DataName`] parses the name of a data set, [`load()`] reads it into a [`Dataset`], [`Dataset::hold_out`] holds out
//! validation images, [`epoch_order`] shuffles, and an [`Augmenter`] augments and normalises images:
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//!
//! use inceptive_data::{Augment, Augmenter, DataName, Places, epoch_order, load};
//!
//! let name: DataName = "shapes:size=16,train=200,test=50".parse()?;
//! let data = load(&name, &Places::from_env(), 1 << 30, &AtomicBool::new(false))?;
//! let split = data.hold_out(20, 1)?;
//! let stats = data.train.channel_stats(&split.train);
//! let augmenter = Augmenter::new(&Augment::default(), data.shape(), &stats, 1)?;
//! let mut batch = vec![0.0; 10 * data.shape().pixels()];
//! for epoch in 0..2 {
//!     for images in epoch_order(&split.train, 1, epoch).chunks_exact(10) {
//!         augmenter.fill(&data.train, images, epoch, &mut batch);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It does not know networks, trains nothing, and prints nothing. Random choices depend only on the seed, the image and the
//! epoch, never on threads or on the order of calls.

#![forbid(unsafe_code)]

mod augment;
mod catalog;
mod cifar;
mod class;
mod dataset;
mod decode;
mod download;
mod error;
mod folder;
mod idx;
mod input;
mod load;
mod memory;
mod name;
mod npz;
mod order;
mod places;
mod random;
mod resize;
mod shapes;
mod stop;
mod views;

pub use augment::{Augment, AugmentError, Augmenter, Flip, Padding};
pub use catalog::{CATALOG, KnownFile, KnownSet, known};
pub use cifar::{CifarKind, read_cifar};
pub use dataset::{
    ChannelStats, Checksum, Dataset, ImageShape, MAX_DATA_BYTES, MAX_SIDE, Partition, Split,
    SplitKind,
};
pub use download::{DownloadError, Downloader, FileState, Plan, PlannedFile, Progress};
pub use error::{DataError, FileError, NameError, Problem};
pub use folder::FolderOptions;
pub use idx::{read_idx_images, read_idx_labels};
pub use load::load;
pub use name::DataName;
pub use npz::read_npz;
pub use order::epoch_order;
pub use places::{FileReport, Places};
pub use shapes::Shapes;
pub use views::{UnknownViews, View, Views};
