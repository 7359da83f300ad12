//! The inputs of a report, as the command line names them.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use inceptive_dsl::{MalformedSetting, Setting};

use crate::{measured::Request, network::is_onnx};

/// A file or folder that a word names. The name of an ONNX file may be followed by what is set of this file alone:
/// `model.onnx?input.size=640x480&cut=true`.
///
/// # Errors
/// When a setting is not `key=value`.
pub fn named_input(word: &OsStr) -> Result<Request, MalformedSetting> {
    let whole = || Request { file: PathBuf::from(word), settings: vec![] };
    // A file may have a question mark in its name.
    let Some((file, query)) = word.to_str().and_then(|text| text.split_once('?')) else {
        return Ok(whole());
    };
    if !is_onnx(Path::new(file)) || Path::new(word).exists() {
        return Ok(whole());
    }
    let settings: Result<Vec<Setting>, _> = query.split('&').map(str::parse).collect();
    Ok(Request { file: PathBuf::from(file), settings: settings? })
}

/// The word that names a file with its settings.
pub fn input_name(request: &Request) -> OsString {
    let mut name = request.file.clone().into_os_string();
    for (at, Setting { key, value }) in request.settings.iter().enumerate() {
        let sign = if at == 0 { '?' } else { '&' };
        name.push(format!("{sign}{key}={value}"));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_onnx_file_may_be_followed_by_its_settings() {
        let set = |key: &str, value: &str| Setting { key: key.to_owned(), value: value.to_owned() };
        for (name, file, settings) in [
            ("nets/a.onnx", "nets/a.onnx", vec![]),
            ("a.onnx?input.size=3x640x480", "a.onnx", vec![set("input.size", "3x640x480")]),
            (
                "a.onnx?input.size=8&cut=true",
                "a.onnx",
                vec![set("input.size", "8"), set("cut", "true")],
            ),
            ("odd?.yaml", "odd?.yaml", vec![]),
        ] {
            let found = named_input(OsStr::new(name)).unwrap();
            assert_eq!(found, Request { file: PathBuf::from(file), settings });
            assert_eq!(input_name(&found), name);
        }
        for wrong in ["a.onnx?", "a.onnx?cut", "a.onnx?cut=true&"] {
            assert!(named_input(OsStr::new(wrong)).is_err(), "{wrong}");
        }
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a.onnx?cut=true");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(named_input(odd.as_os_str()).unwrap().file, odd);
    }
}
