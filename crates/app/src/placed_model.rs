//! ONNX models with the files beside them that hold values of their tensors.

use std::{
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::{Component, Path, PathBuf},
};

use inceptive_files::{Refusal, disk};
use inceptive_onnx::{Bytes, Source};

/// Maximum number of bytes of another file that are read at once.
const MAX_PART_BYTES: u64 = 1 << 26;

/// A model in a file or in memory, and where it is.
#[derive(Debug)]
pub struct PlacedModel<S> {
    model: S,
    path: PathBuf,
}

impl<S> PlacedModel<S> {
    /// A model at a path.
    pub fn new(model: S, path: &Path) -> Self {
        Self { model, path: path.to_owned() }
    }
}

impl<S: Source> Source for PlacedModel<S> {
    fn bytes(&self) -> u64 {
        self.model.bytes()
    }

    fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        self.model.read(range)
    }

    fn read_beside(&self, location: &str, range: Range<u64>) -> io::Result<Bytes> {
        read_beside(&self.path, location, range).map(Bytes::from)
    }
}

/// Reads a part of an external weights file. The file must be in the model's own folder: an untrusted model must not
/// read other files. Links that stay in the folder are followed, also if the model itself is a link.
fn read_beside(model: &Path, location: &str, range: Range<u64>) -> io::Result<Vec<u8>> {
    let refused = |message| Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    let location = Path::new(location);
    if !location.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
        return refused(OUTSIDE);
    }
    let folder = model.parent().unwrap_or(Path::new(""));
    let path = disk::canonicalize(folder.join(location))?;
    let model = disk::canonicalize(model)?;
    let folders = [Some(disk::canonicalize(Path::new(".").join(folder))?), parent(&model)];
    if !folders.into_iter().flatten().any(|folder| path.starts_with(folder)) {
        return refused(OUTSIDE);
    }
    // The file may hold weights of many networks; a range is of one tensor.
    let mut file = inceptive_files::open(&path, u64::MAX)?;
    let length = range.end.saturating_sub(range.start);
    if length > MAX_PART_BYTES {
        return Err(Refusal::TooLarge { limit: MAX_PART_BYTES }.into());
    }
    file.seek(SeekFrom::Start(range.start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

const OUTSIDE: &str = "weights must be in the folder of the model";

fn parent(path: &Path) -> Option<PathBuf> {
    path.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    #[cfg(unix)]
    fn weights_are_read_from_the_models_folder_only() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let [inner, outer] = ["inner", "outer"].map(|name| folder.path().join(name));
        for path in [&inner, &outer] {
            fs::create_dir(path).unwrap();
            fs::write(path.join("weights"), b"0123456789").unwrap();
        }
        let model = inner.join("m.onnx");
        fs::write(&model, b"").unwrap();
        symlink(inner.join("weights"), inner.join("link")).unwrap();
        symlink(outer.join("weights"), inner.join("away")).unwrap();
        symlink("/dev/zero", inner.join("zero")).unwrap();
        let read = |location: &str, range| read_beside(&model, location, range);
        assert_eq!(read("weights", 2..5).unwrap(), b"234");
        assert_eq!(read("./link", 8..50).unwrap(), b"89");
        for location in ["away", "zero", "../outer/weights", "/dev/zero"] {
            let error = read(location, 0..4).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied, "{location}");
        }
        assert_eq!(Refusal::of(&read(".", 0..4).unwrap_err()), Some(Refusal::Folder));
        let pipe = std::process::Command::new("mkfifo").arg(inner.join("pipe")).status().unwrap();
        assert!(pipe.success());
        let refusal = Refusal::of(&read("pipe", 0..4).unwrap_err());
        assert_eq!(refusal, Some(Refusal::NotRegular("a pipe")));
        // The weights of a model that is a link are beside the link's target.
        fs::write(outer.join("m.onnx"), b"").unwrap();
        symlink(outer.join("m.onnx"), inner.join("linked.onnx")).unwrap();
        assert_eq!(read_beside(&inner.join("linked.onnx"), "away", 0..1).unwrap(), b"0");
    }
}
