//! The inputs of a report, as the command line names them.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use inceptive_dsl::Setting;

use crate::{error::InputError, measured::Request, network::is_onnx};

/// A file or folder that a word names. The name of an ONNX file may be followed by what is set of this file alone:
/// `model.onnx?input.size=640x480&cut=true`.
///
/// # Errors
/// When a setting is not `key=value` or set twice, or there are two files that the word may mean.
pub fn named_input(word: &OsStr) -> Result<Request, InputError> {
    let whole = || Request { file: PathBuf::from(word), settings: vec![] };
    // A file may have question marks in its name.
    let text = word.to_str().unwrap_or_default();
    let splits: Vec<(&str, &str)> = text
        .match_indices('?')
        .map(|(at, sign)| (&text[..at], &text[at + sign.len()..]))
        .filter(|(file, _)| is_onnx(Path::new(file)))
        .collect();
    let existing = splits.iter().rfind(|(file, _)| Path::new(file).exists());
    if Path::new(word).exists() {
        return match existing {
            Some((file, _)) => Err(InputError::Ambiguous(PathBuf::from(file))),
            None => Ok(whole()),
        };
    }
    let Some((file, query)) = existing.or(splits.first()) else { return Ok(whole()) };
    let mut settings: Vec<Setting> = vec![];
    for pair in query.split('&') {
        let setting: Setting = pair.parse()?;
        if settings.iter().any(|known| known.key == setting.key) {
            return Err(InputError::Twice(setting.key));
        }
        settings.push(setting);
    }
    Ok(Request { file: PathBuf::from(file), settings })
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
        let twice = named_input(OsStr::new("a.onnx?cut=true&input.size=8&cut=true"));
        assert_eq!(twice, Err(InputError::Twice("cut".to_owned())));
    }

    #[test]
    fn files_may_have_question_marks_in_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let set = || vec!["cut=true".parse().unwrap()];
        let named = |name: &str| named_input(path(name).as_os_str());
        let request = |file: &str, settings| Ok(Request { file: path(file), settings });
        std::fs::write(path("odd?.onnx"), "").unwrap();
        std::fs::write(path("a.onnx?cut=true"), "").unwrap();
        assert_eq!(named("odd?.onnx"), request("odd?.onnx", vec![]));
        assert_eq!(named("odd?.onnx?cut=true"), request("odd?.onnx", set()));
        assert_eq!(named("none?.onnx?cut=true"), request("none?.onnx", set()));
        assert_eq!(named("a.onnx?cut=true"), request("a.onnx?cut=true", vec![]));
        // Neither file can be put in the place of the other.
        std::fs::write(path("a.onnx"), "").unwrap();
        assert_eq!(named("a.onnx?cut=true"), Err(InputError::Ambiguous(path("a.onnx"))));
        assert_eq!(named("a.onnx?cut=false").unwrap().file, path("a.onnx"));
    }
}
