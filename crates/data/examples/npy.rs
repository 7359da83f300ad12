//! Writes a data set as NumPy arrays, for other programs: `cargo run --example npy -- NAME FOLDER`.

use std::{env, error::Error, fs, path::Path, sync::atomic::AtomicBool};

use inceptive_data::{DataName, Places, Split, load};

fn main() -> Result<(), Box<dyn Error>> {
    let [name, folder] = &env::args().skip(1).collect::<Vec<_>>()[..] else {
        return Err("usage: npy NAME FOLDER".into());
    };
    let data =
        load(&name.parse::<DataName>()?, &Places::from_env(), u64::MAX, &AtomicBool::new(false))?;
    fs::create_dir_all(folder)?;
    for (split, kind) in [(&data.train, "train"), (&data.test, "test")] {
        write(Path::new(folder), split, kind)?;
    }
    println!("{} {}", data.name, data.fingerprint());
    Ok(())
}

/// Writes the images, N x channel x row x column, and their labels.
fn write(folder: &Path, split: &Split, kind: &str) -> Result<(), Box<dyn Error>> {
    let shape = split.shape();
    let sizes = [split.len(), shape.channels as usize, shape.height as usize, shape.width as usize];
    let labels: Vec<u8> = split.labels().iter().flat_map(|label| label.to_le_bytes()).collect();
    fs::write(folder.join(format!("x_{kind}.npy")), array("|u1", &sizes, split.images()))?;
    fs::write(folder.join(format!("y_{kind}.npy")), array("<u2", &sizes[..1], &labels))?;
    Ok(())
}

/// An array in NumPy's format of version 2.
fn array(descr: &str, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
    let sizes: String = shape.iter().map(|size| format!("{size},")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes})}}\n");
    let length = u32::try_from(header.len()).unwrap_or_default().to_le_bytes();
    [b"\x93NUMPY\x02\x00", &length[..], header.as_bytes(), bytes].concat()
}
