//! Files of any kind, checked and counted, as a browser of networks shows them.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{
    Architecture, Checked, Disk, Files, Library, Loaded, Setting, Sources, Space, check,
};
use inceptive_files::disk;
use inceptive_ir::{GraphError, passes};
use inceptive_onnx::ModelInfo;
use inceptive_results::NetworkNames;

use crate::network::{ReadError, described, is_onnx, read_onnx};

/// Folders inside each other that are looked into.
const DEEPEST: usize = 8;

/// Files that are listed at most.
const MOST_FILES: usize = 20_000;

/// The content of a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// A network.
    Network(Arc<Inspected>),
    /// A space of networks.
    Space(Arc<Space>),
    /// A library of blocks.
    Library(Arc<Library>),
}

/// A network with everything that is known without running it.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// The network.
    pub architecture: Architecture,
    /// The files that it was read from; spans of its nodes refer to them. Empty for ONNX.
    pub sources: Sources,
    /// Its counts at batch 1 in inference.
    pub cost: Cost,
    /// Parameters in training, with auxiliary heads; `None` if a head does not fit.
    pub training_params: Option<u64>,
    /// Fingerprint of the inference graph; results in a store are found by it.
    pub fingerprint: String,
    /// Fingerprint of the training graph, once it was asked for.
    training_fingerprint: OnceLock<String>,
    /// What an ONNX file says about itself; `None` for YAML.
    pub onnx: Option<Arc<OnnxFile>>,
}

/// An ONNX file, as it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct OnnxFile {
    /// What it says about itself and its nodes.
    pub info: ModelInfo,
    /// When its files were written, and their sizes: other weights make another network.
    written: Vec<Option<(SystemTime, u64)>>,
}

impl Inspected {
    /// Counts a network.
    ///
    /// # Errors
    /// When the inference graph cannot be derived from the network.
    pub fn new(loaded: Loaded) -> Result<Self, GraphError> {
        let Loaded { architecture, sources } = loaded;
        let cost = Cost::new(&architecture.graph, Mode::Inference);
        let fingerprint = passes::inference(&architecture.graph)?.fingerprint().to_string();
        let training_params = match (&*architecture.unfit_heads, architecture.graph.auxiliary()) {
            ([], []) => Some(cost.total.params),
            ([], _) => Some(Cost::new(&architecture.graph, Mode::Training).total.params),
            _ => None,
        };
        Ok(Self {
            architecture,
            sources,
            cost,
            training_params,
            fingerprint,
            training_fingerprint: OnceLock::new(),
            onnx: None,
        })
    }

    /// What imported results may call it. `stem` is the name of its file without the extension.
    pub fn names(&self, stem: &str) -> NetworkNames {
        let graph = || self.architecture.graph.fingerprint().to_string();
        NetworkNames {
            stem: Some(stem.to_owned()),
            title: self.architecture.name.clone(),
            fingerprint: self.fingerprint.clone(),
            training_fingerprint: self.training_fingerprint.get_or_init(graph).clone(),
        }
    }

    /// What was set of the ONNX file; nothing for YAML.
    pub fn onnx_settings(&self) -> Vec<Setting> {
        let point = self.architecture.point.iter().filter(|_| self.onnx.is_some());
        point.map(|(key, value)| Setting { key: key.clone(), value: value.clone() }).collect()
    }

    /// Whether another reading gave the same network from the same text.
    pub fn is_same(&self, other: &Self) -> bool {
        let same_text = self
            .sources
            .iter()
            .map(|source| (&source.path, &source.text))
            .eq(other.sources.iter().map(|source| (&source.path, &source.text)));
        same_text
            && self.fingerprint == other.fingerprint
            && self.cost == other.cost
            && self.onnx == other.onnx
    }
}

/// Reads a file of any kind. YAML is read through `files`, ONNX from the disk with the settings.
///
/// # Errors
/// The errors in the file or the settings.
pub fn inspect(
    files: &dyn Files,
    path: &Path,
    onnx_settings: &[Setting],
) -> Result<Content, ReadError> {
    if is_onnx(path) {
        return Ok(Content::Network(Arc::new(inspect_onnx(path, onnx_settings)?)));
    }
    let network = |loaded| Ok(Content::Network(Arc::new(Inspected::new(loaded)?)));
    match check(files, path).map_err(ReadError::Yaml)? {
        Checked::Architecture(loaded) => network(*loaded),
        Checked::Space(space) => Ok(Content::Space(Arc::from(space))),
        Checked::Library(library) => Ok(Content::Library(Arc::new(library))),
    }
}

fn inspect_onnx(path: &Path, settings: &[Setting]) -> Result<Inspected, ReadError> {
    let imported = read_onnx(path, settings)?;
    let loaded = described(path, &imported, settings);
    let written = loaded.sources.paths().map(|path| {
        let data = disk::metadata(path).ok()?;
        Some((data.modified().ok()?, data.len()))
    });
    let onnx = OnnxFile { written: written.collect(), info: imported.info };
    Ok(Inspected { onnx: Some(Arc::new(onnx)), ..Inspected::new(loaded)? })
}

/// The disk, but for files whose texts are still in an editor.
#[derive(Clone, Debug)]
pub struct OverlayFiles {
    /// The files and their texts in the editor.
    pub texts: Vec<(PathBuf, Arc<str>)>,
}

impl OverlayFiles {
    /// The disk, but for one file.
    pub fn one(path: PathBuf, text: Arc<str>) -> Self {
        Self { texts: vec![(path, text)] }
    }

    fn text(&self, path: &Path) -> Option<&str> {
        let found = self.texts.iter().find(|(known, _)| known == path);
        found.map(|(_, text)| &**text)
    }
}

impl Files for OverlayFiles {
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        let Some(text) = self.text(path) else { return Disk.read(path, limit) };
        let end = usize::try_from(limit).map_or(text.len(), |limit| limit.min(text.len()));
        Ok(text.as_bytes()[..end].to_vec())
    }

    fn canonical(&self, path: &Path) -> io::Result<PathBuf> {
        match Disk.canonical(path) {
            // Where it would be, in a folder that may be there under other names.
            Err(_) if self.text(path).is_some() => {
                let path = disk::absolute(path)?;
                match (path.parent().map(|folder| Disk.canonical(folder)), path.file_name()) {
                    (Some(Ok(folder)), Some(name)) => Ok(folder.join(name)),
                    _ => Ok(path),
                }
            }
            found => found,
        }
    }

    fn working_folder(&self) -> Option<PathBuf> {
        Disk.working_folder()
    }
}

/// The YAML and ONNX files in a folder and those inside it, sorted. Hidden ones are left out, and links to folders
/// are not followed.
///
/// # Errors
/// When the folder itself cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    files.sort();
    Ok(files)
}

/// The files of [`list`] that are in the folder itself.
///
/// # Errors
/// When the folder cannot be read.
pub fn networks_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in disk::read_dir(folder)? {
        let path = entry?.path();
        if is_listed(&path) && !disk::is_dir(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in disk::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if files.len() >= MOST_FILES || is_hidden(&path) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            if depth < DEEPEST {
                // An unreadable folder is skipped; the others are listed.
                let _ = collect(&path, depth + 1, files);
            }
        } else if is_listed(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file of a folder is one of its networks, spaces and blocks, by its name: on the disk and in a repository,
/// in reports and in the dashboard.
pub fn is_listed(path: &Path) -> bool {
    is_network(path) && !is_hidden(path)
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether a file may hold a network, a space or blocks, by its name.
pub fn is_network(path: &Path) -> bool {
    let is_yaml = |extension: &std::ffi::OsStr| {
        extension.eq_ignore_ascii_case("yaml") || extension.eq_ignore_ascii_case("yml")
    };
    is_onnx(path) || path.extension().is_some_and(is_yaml)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const TINY: &str = "name: Tiny\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv stem: {kernel: 3, width: 4}\ntail: gap\n";

    #[test]
    fn text_in_an_editor_is_read_instead_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.yaml");
        fs::write(&path, TINY).unwrap();
        let params = |files: &dyn Files| match inspect(files, &path, &[]).unwrap() {
            Content::Network(network) => network.cost.total.params,
            other => panic!("{other:?}"),
        };
        let edited = OverlayFiles::one(path.clone(), TINY.replace("width: 4", "width: 8").into());
        assert!(params(&edited) > params(&Disk));
        let broken = OverlayFiles::one(path.clone(), TINY.replace("kernel", "kernl").into());
        assert!(inspect(&broken, &path, &[]).unwrap_err().to_string().contains("did you mean"));
    }

    #[test]
    fn folders_are_listed_without_what_is_hidden() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("spaces/.hidden")).unwrap();
        for name in
            ["b.yaml", "a.onnx", "spaces/s.yml", "notes.md", ".x.yaml", "spaces/.hidden/y.yaml"]
        {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let listed = list(folder.path()).unwrap();
        let names: Vec<_> = listed
            .iter()
            .map(|path| path.strip_prefix(folder.path()).unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["a.onnx", "b.yaml", "spaces/s.yml"]);
        let inside = networks_in(&folder.path().join("spaces")).unwrap();
        assert_eq!(inside, [folder.path().join("spaces/s.yml")]);
        let outside = networks_in(folder.path()).unwrap();
        assert_eq!(outside, [folder.path().join("a.onnx"), folder.path().join("b.yaml")]);
        assert!(list(&folder.path().join("missing")).is_err());
    }
}
