//! What people take for ONNX files.

/// What a file is that is no ONNX file, if its first bytes say so.
pub(super) fn other_format(bytes: &[u8]) -> Option<&'static str> {
    let starts = |with: &[u8]| bytes.starts_with(with);
    if starts(b"version https://git-lfs") {
        return Some("a pointer of Git LFS: get the file itself with `git lfs pull`");
    }
    if starts(&[0x1f, 0x8b]) {
        return Some("compressed with gzip: decompress it first");
    }
    if starts(b"PK\x03\x04") {
        return Some("a ZIP archive, such as a checkpoint of PyTorch: export the network as ONNX");
    }
    if starts(b"\x89HDF") {
        return Some("an HDF5 file, such as a network of Keras: export the network as ONNX");
    }
    if bytes.get(4..8) == Some(b"TFL3") {
        return Some("a TensorFlow Lite file: export the network as ONNX");
    }
    if bytes.get(4..8) == Some(b"ORTM") {
        return Some(
            "a file in the format of ONNX Runtime (.ort): use the ONNX file that it was made from",
        );
    }
    let is_text = std::str::from_utf8(bytes)
        .is_ok_and(|text| text.chars().all(|c| !c.is_control() || c.is_whitespace()));
    if is_text && starts(b"<") {
        return Some("a page of HTML or XML: download the file again");
    }
    is_text.then_some(
        "text; export the network as ONNX, or, if the file is YAML, end its name in `.yaml`",
    )
}
