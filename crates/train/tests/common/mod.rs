//! A small network and small images, for tests.

use std::{path::Path, sync::atomic::AtomicBool};

use inceptive_data::{Dataset, Places, load as load_data};
use inceptive_dsl::{Memory, load};
use inceptive_engine::Isa;
use inceptive_ir::Graph;
use inceptive_train::Machine;

/// A network for the images of [`data`].
pub const NETWORK: &str = "
name: Tiny
input: {channels: 1, size: 16}
classes: 10
defaults: {conv: {norm: bn}}
body:
  - conv a: {kernel: 3, width: 16}
  - maxpool pool: {kernel: 2, stride: 2}
  - conv b: {kernel: 3, width: 24}
  - dropout: {p: 0.1}
tail: gap
";

/// Stops nothing.
pub static GO_ON: AtomicBool = AtomicBool::new(false);

pub fn graph(network: &str) -> Graph {
    let files = Memory::default().with("network.yaml", network);
    load(&files, Path::new("network.yaml"), &[]).unwrap().architecture.graph
}

/// Generated images of ten classes, 1x16x16.
pub fn data(train: u32, test: u32) -> Dataset {
    let name = format!("shapes:size=16,train={train},test={test}");
    load_data(&name.parse().unwrap(), &Places::from_env(), u64::MAX, &GO_ON).unwrap()
}

pub fn machine(threads: usize) -> Machine {
    Machine { threads, isa: Isa::best(), most_bytes: u64::MAX }
}
