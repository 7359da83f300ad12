//! The inputs of a report, as the command line names them.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use inceptive_app::{Request, StoreQuery, is_onnx, named_input};
use inceptive_store::Filter;

/// Files and stores.
pub struct Inputs {
    /// Networks, spaces and folders, with settings.
    pub files: Vec<Request>,
    /// Stores, with filters.
    pub stores: Vec<StoreQuery>,
}

impl Inputs {
    /// Distinguishes stores from files: a store's name ends in `.db`. It may be followed by `?key=value&key=value`, as that of
    /// an ONNX file.
    pub fn parse(words: &[OsString]) -> anyhow::Result<Self> {
        let mut inputs = Self { files: vec![], stores: vec![] };
        for word in words {
            // A word that is not UTF-8 can only be a file.
            match word.to_str().map(store).transpose()?.flatten() {
                Some(store) => inputs.stores.push(store),
                None => {
                    let file = named_input(word);
                    let file = file.with_context(|| format!("`{}`", word.display()))?;
                    inputs.files.push(file);
                }
            }
        }
        Ok(inputs)
    }
}

fn store(text: &str) -> anyhow::Result<Option<StoreQuery>> {
    // A file may have a question mark in its name.
    let is_store = |path: &str| Path::new(path).extension().is_some_and(|it| it == "db");
    let (path, query) = match text.split_once('?') {
        Some((path, query)) if !Path::new(text).exists() => (path, query),
        // Neither can be put in the place of the other.
        Some((path, _)) if is_store(path) && Path::new(path).exists() => {
            bail!(
                "`{text}`: there is a file with this whole name, and also `{path}`, whose filter may be meant; rename one of them"
            );
        }
        _ => (text, ""),
    };
    if !is_store(path) {
        if !query.is_empty() && Path::new(path).exists() && !is_onnx(Path::new(path)) {
            bail!(
                "`{text}`: only the name of a store, which ends in `.db`, can have a filter, and that of an ONNX file settings"
            );
        }
        return Ok(None);
    }
    let mut filter = Filter::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let field = match key {
            "model" => &mut filter.model,
            "engine" => &mut filter.engine,
            "machine" => &mut filter.machine,
            "fingerprint" => &mut filter.fingerprint,
            _ => {
                bail!("`{text}`: unknown filter; use model=, engine=, machine= or fingerprint=")
            }
        };
        if field.replace(value.to_owned()).is_some() {
            bail!("`{text}`: the filter {key}= is given twice");
        }
    }
    Ok(Some(StoreQuery { path: PathBuf::from(path), filter, with_others: true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_told_from_files() {
        let texts = ["a.yaml", "b.onnx?cut=true", "x.db", "y.db?engine=rten&model=google"]
            .map(OsString::from);
        let inputs = Inputs::parse(&texts).unwrap();
        assert_eq!(inputs.files.len(), 2);
        assert_eq!(inputs.files[1].file, Path::new("b.onnx"));
        assert_eq!(inputs.files[1].settings, ["cut=true".parse().unwrap()]);
        assert!(Inputs::parse(&["b.onnx?cut".into()]).is_err());
        assert_eq!(inputs.stores[0].filter, Filter::default());
        assert_eq!(inputs.stores[1].filter.engine.as_deref(), Some("rten"));
        assert_eq!(inputs.stores[1].filter.model.as_deref(), Some("google"));
        assert!(Inputs::parse(&["y.db?colour=red".into()]).is_err());
        assert!(Inputs::parse(&["y.db?engine=rten&engine=native".into()]).is_err());
    }

    #[test]
    fn a_file_does_not_take_the_place_of_a_filter() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("y.db?engine=rten");
        std::fs::write(&odd, "").unwrap();
        assert_eq!(Inputs::parse(&[odd.clone().into()]).unwrap().files[0].file, odd);
        std::fs::write(folder.path().join("y.db"), "").unwrap();
        assert!(Inputs::parse(&[odd.into()]).is_err());
    }
}
