//! Reading files and what they refer to.

use std::{
    io,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use inceptive_ir::Span;

use crate::{
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink, nearest},
    document::{LibraryKeys, without},
    field::{Field, Text},
    merge::{inherited, merge, merge_all},
    path::normal,
    scope::{Reader, Scope},
    source::{COMMAND_LINE, Files, Sources},
    yaml::{self, Entry, Map, Node, Value},
};

/// Bytes that a file may have.
const MAX_BYTES: u64 = 1 << 20;
/// Files that may be read for one network.
const MAX_FILES: usize = 64;
/// How deep `extends` may go.
const MAX_EXTENDS: usize = 16;
/// Bytes that the files of one network may have together.
const MAX_TOTAL_BYTES: usize = 4 << 20;
/// Values that the files of one network may have together, aliases expanded.
const MAX_TOTAL_VALUES: usize = 200_000;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A network.
    Architecture,
    /// A space of networks.
    Space,
    /// Blocks for other files.
    Library,
    /// How networks are trained.
    Recipe,
}

/// Keys that only networks have.
const NETWORK_KEYS: [&str; 7] = ["body", "input", "tail", "params", "use", "set", "classes"];

/// Keys that only recipes have.
const RECIPE_KEYS: [&str; 13] = [
    "epochs",
    "batch",
    "optimizer",
    "learning_rate",
    "weight_decay",
    "schedule",
    "warmup",
    "label_smoothing",
    "clip",
    "average",
    "augment",
    "validation",
    "norm_momentum",
];

impl Kind {
    pub(crate) const fn describe(self) -> &'static str {
        match self {
            Self::Architecture => "an architecture",
            Self::Space => "a space",
            Self::Library => "a library of blocks",
            Self::Recipe => "a recipe",
        }
    }

    /// The kind of file that has these keys.
    pub(crate) fn of(map: &Map) -> Self {
        let has = |keys: &[&str]| keys.iter().any(|key| map.get(key).is_some());
        if has(&["space", "base", "vary"]) {
            Self::Space
        } else if has(&RECIPE_KEYS) && !has(&NETWORK_KEYS) && !has(&["blocks"]) {
            Self::Recipe
        } else if has(&["body", "extends", "input", "tail", "name"]) || !has(&["blocks"]) {
            Self::Architecture
        } else {
            Self::Library
        }
    }

    /// Whether only a network has these keys.
    pub(crate) fn is_surely_architecture(map: &Map) -> bool {
        NETWORK_KEYS.iter().any(|key| map.get(key).is_some())
    }
}

/// A file's content and where it lies.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    pub(crate) map: Arc<Map>,
    pub(crate) span: Span,
    /// As it is shown to people; what the file refers to is relative to it.
    pub(crate) path: PathBuf,
    /// Links resolved.
    canonical: PathBuf,
}

impl Document {
    /// The file that this one extends, as it is shown to people.
    pub(crate) fn extends(&self) -> Option<PathBuf> {
        let target = self.map.get("extends")?.text()?;
        Some(normal(&self.path.parent().unwrap_or(Path::new("")).join(target)))
    }
}

/// Reads files for one network.
pub(crate) struct Loader<'a> {
    files: &'a dyn Files,
    pub(crate) sources: Sources,
    sink: &'a DiagnosticSink,
    /// Bytes, values and number of the files so far.
    bytes: usize,
    values: usize,
    count: usize,
    /// Whether they have reached a limit, so that no more are read.
    is_full: bool,
    /// The files whose `extends`, `use` or `base` is being followed.
    open: Vec<PathBuf>,
}

impl<'a> Loader<'a> {
    pub(crate) fn new(files: &'a dyn Files, sink: &'a DiagnosticSink) -> Self {
        Self {
            files,
            sources: Sources::default(),
            sink,
            bytes: 0,
            values: 0,
            count: 0,
            is_full: false,
            open: Vec::new(),
        }
    }

    fn report<T>(&self, diagnostic: Diagnostic) -> Option<T> {
        self.sink.push(diagnostic);
        None
    }

    /// Reads the file that a person named.
    pub(crate) fn open(&mut self, path: &Path) -> Option<Document> {
        self.read(path, None)
    }

    /// Reads a file; `from` is the place that refers to it.
    fn read(&mut self, path: &Path, from: Option<Span>) -> Option<Document> {
        let (shown, files) = (path.display(), self.files);
        let unreadable = |code, message: String| {
            let diagnostic = Diagnostic::new(code, message);
            match from {
                Some(span) => diagnostic.at(span, "named here"),
                None => diagnostic,
            }
        };
        let failed = |error: &io::Error| {
            let message = format!("cannot read `{shown}`: {}", plain(error));
            let diagnostic = unreadable(Code::Unreadable, message);
            match instead(path, error, files).filter(|_| from.is_none()) {
                Some(help) => diagnostic.help(help),
                None => diagnostic,
            }
        };
        let canonical = match self.files.canonical(path) {
            Ok(canonical) => canonical,
            Err(error) => return self.report(failed(&error)),
        };
        let bytes = match self.files.read(path, MAX_BYTES + 1) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.sources.add_unreadable(path.to_owned());
                return self.report(failed(&error));
            }
        };
        if bytes.len() as u64 > MAX_BYTES {
            self.sources.add_unreadable(path.to_owned());
            let message = format!("`{shown}` is larger than {} MiB", MAX_BYTES >> 20);
            return self.report(unreadable(Code::FileTooLarge, message));
        }
        let text = match std::str::from_utf8(&bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => {
                self.sources.add_unreadable(path.to_owned());
                let at = error.valid_up_to();
                let message =
                    format!("`{shown}` is not UTF-8 text: byte {at} is 0x{:02x}", bytes[at]);
                return self.report(unreadable(Code::NotUtf8, message));
            }
        };
        self.bytes += text.len();
        if self.bytes > MAX_TOTAL_BYTES {
            self.sources.add_unreadable(path.to_owned());
            let message =
                format!("with `{shown}`, the files have more than {} MiB", MAX_TOTAL_BYTES >> 20);
            self.is_full = true;
            return self.report(unreadable(Code::TooManyFiles, message));
        }
        let source = self.sources.add(path.to_owned(), text);
        self.count += 1;
        let (node, values) = yaml::parse(text, source, 0, self.sink)?;
        self.values += values;
        if self.values > MAX_TOTAL_VALUES {
            let message =
                format!("with `{shown}`, the files have more than {MAX_TOTAL_VALUES} values");
            self.is_full = true;
            return self.report(unreadable(Code::TooManyFiles, message));
        }
        let map = match node.value {
            Value::Map(map) => map,
            Value::Null => return self.report(yaml::no_data(Span { end: 0, start: 0, source })),
            _ => {
                let message = format!("the file holds {}, not a map of keys", node.kind());
                let wrong = Diagnostic::new(Code::WrongType, message).at(node.span, "here");
                return self.report(wrong.help("an architecture starts with `name: ...`"));
            }
        };
        Some(Document { map, span: node.span, path: path.to_owned(), canonical })
    }

    /// Reads a file that another one refers to, if it may.
    fn follow(&mut self, from: &Document, target: &Text) -> Option<Document> {
        if self.is_full {
            return None;
        }
        self.is_full = self.count >= MAX_FILES;
        if self.is_full || self.open.len() >= MAX_EXTENDS {
            let message = format!(
                "files refer to each other more than {MAX_EXTENDS} levels deep, or there are more than {MAX_FILES}"
            );
            return self.report(
                Diagnostic::new(Code::TooManyFiles, message).at(target.span, "named here"),
            );
        }
        let relative = Path::new(&target.text);
        let path = normal(&from.path.parent().unwrap_or(Path::new("")).join(relative));
        let escapes = || {
            Diagnostic::new(Code::PathEscape, format!("`{}` leaves the folder", target.text))
                .at(target.span, "not allowed")
                .help("name a file in the current folder, or beside this one, by a relative path")
        };
        if relative.is_absolute() || !relative_components(relative) {
            return self.report(escapes());
        }
        let root = self.root(&from.canonical);
        if let Ok(canonical) = self.files.canonical(&path) {
            if !canonical.starts_with(&root) {
                return self.report(escapes());
            }
            if self.open.contains(&canonical) || canonical == from.canonical {
                let message = format!("`{}` leads back to itself", target.text);
                return self.report(
                    Diagnostic::new(Code::ExtendsCycle, message).at(target.span, "the cycle"),
                );
            }
        } else if !normal(&from.canonical.parent().unwrap_or(Path::new("")).join(relative))
            .starts_with(&root)
        {
            // An untrusted file must not find out whether a file outside of the folder exists.
            return self.report(escapes());
        }
        self.read(&path, Some(target.span))
    }

    /// The folder that `file` may refer to files in.
    fn root(&self, file: &Path) -> PathBuf {
        let folder = file.parent().unwrap_or(Path::new("/"));
        // As they are laid out: a folder of networks with `blocks/` and `spaces/` in it.
        let is_part = folder.ends_with("blocks") || folder.ends_with("spaces");
        let around = folder.parent().filter(|_| is_part);
        let named = folder.ancestors().find(|folder| folder.ends_with("architectures")).or(around);
        let working = self.files.working_folder().filter(|working| file.starts_with(working));
        // Both hold the file, so one holds the other.
        match (named, working) {
            (Some(named), Some(working)) if working.starts_with(named) => named.to_owned(),
            (_, Some(working)) => working,
            (Some(named), None) => named.to_owned(),
            (None, None) => folder.to_owned(),
        }
    }

    /// Runs `work` while `document` counts as open, to find circles.
    fn inside<T>(&mut self, document: &Document, work: impl FnOnce(&mut Self) -> T) -> T {
        self.open.push(document.canonical.clone());
        let result = work(self);
        self.open.pop();
        result
    }

    /// The keys of an architecture with everything that it extends and uses.
    pub(crate) fn resolve(&mut self, document: &Document) -> Option<Map> {
        let own = &document.map;
        let extends = self.reference(own, "extends");
        let libraries = self.references(own, "use");
        self.inside(document, |loader| {
            // All are read before giving up, so that every file's errors are shown.
            let base = extends.and_then(|target| match target {
                Some(target) => loader.base(document, &target),
                None => Some(Map::default()),
            });
            let blocks: Vec<Option<Entry>> =
                libraries?.iter().map(|target| loader.blocks(document, target)).collect();
            let blocks: Vec<Entry> = blocks.into_iter().collect::<Option<_>>()?;
            Some(merge(&with_blocks(base?, &blocks), own))
        })
    }

    /// The keys of a file of a kind, laid over those of the file that it extends.
    pub(crate) fn resolve_by(
        &mut self,
        document: &Document,
        kind: Kind,
        lay: &dyn Fn(&Map, &Map) -> Map,
    ) -> Option<Map> {
        let extends = self.reference(&document.map, "extends")?;
        let own = without(&document.map, &["extends"]);
        let Some(target) = extends else { return Some(own) };
        self.inside(document, |loader| {
            let base = loader.follow(document, &target)?;
            loader.expect(&base, kind, target.span)?;
            let base = loader.resolve_by(&base, kind, lay)?;
            Some(lay(&inherited(&base), &own))
        })
    }

    /// The blocks of a library.
    fn blocks(&mut self, document: &Document, target: &Text) -> Option<Entry> {
        let library = self.follow(document, target)?;
        self.expect(&library, Kind::Library, target.span)?;
        self.library(&library)?;
        library.map.entry("blocks").cloned()
    }

    /// The keys of a library, checked.
    pub(crate) fn library(&self, library: &Document) -> Option<LibraryKeys> {
        let reader = Reader { scope: &Scope::EMPTY, sink: self.sink };
        let fields = crate::field::Fields {
            reader,
            what: "a library of blocks",
            span: library.span,
            maps: vec![&library.map],
            resolved: &[],
        };
        LibraryKeys::read(&fields)
    }

    /// The base of a space.
    pub(crate) fn base_of_space(&mut self, space: &Document, target: &Text) -> Option<Map> {
        self.inside(space, |loader| loader.base(space, target))
    }

    /// The architecture that an open file changes.
    fn base(&mut self, document: &Document, target: &Text) -> Option<Map> {
        let base = self.follow(document, target)?;
        self.expect(&base, Kind::Architecture, target.span)?;
        self.resolve(&base).map(|map| inherited(&map))
    }

    fn expect(&self, document: &Document, kind: Kind, from: Span) -> Option<()> {
        let found = Kind::of(&document.map);
        if found == kind {
            return Some(());
        }
        let (found, wanted) = (found.describe(), kind.describe());
        let message = format!("`{}` is {found}, not {wanted}", document.path.display());
        self.report(
            Diagnostic::new(Code::WrongKind, message).at(from, format!("expected {wanted}")),
        )
    }

    #[expect(clippy::option_option, reason = "wrong, absent and given are three cases")]
    fn reference(&self, map: &Map, key: &str) -> Option<Option<Text>> {
        match map.get(key) {
            None => Some(None),
            Some(node) => {
                Text::read(node, &Reader { scope: &Scope::EMPTY, sink: self.sink }).map(Some)
            }
        }
    }

    fn references(&self, map: &Map, key: &str) -> Option<Vec<Text>> {
        let Some(node) = map.get(key) else { return Some(Vec::new()) };
        let reader = Reader { scope: &Scope::EMPTY, sink: self.sink };
        let items = node.list().unwrap_or(std::slice::from_ref(node));
        items.iter().map(|item| Text::read(item, &reader)).collect()
    }

    /// A value from the command line, as if `key=value` stood in a file.
    pub(crate) fn setting(&mut self, key: &str, text: &str) -> Option<Entry> {
        let source = self.sources.add(PathBuf::from(COMMAND_LINE), &format!("{key}={text}"));
        let end = u32::try_from(key.len()).unwrap_or(u32::MAX);
        let key_span = Span { source, start: 0, end };
        let (value, _) = yaml::parse(text, source, end.saturating_add(1), self.sink)?;
        Some(Entry { key: Arc::from(key), key_span, value })
    }
}

/// An architecture with the blocks of libraries, of which later ones win.
fn with_blocks(mut map: Map, libraries: &[Entry]) -> Map {
    let Some(last) = libraries.last() else { return map };
    let place = map.0.iter().position(|entry| &*entry.key == "blocks");
    let own = place.map(|place| map.0.remove(place));
    let none = Map::default();
    let base = own.as_ref().and_then(|entry| entry.value.map()).unwrap_or(&none);
    let blocks = merge_all(base, libraries.iter().filter_map(|entry| entry.value.map()));
    let value = Node { value: Value::Map(Arc::new(blocks)), ..last.value };
    map.0.push(Entry { value, ..last.clone() });
    map
}

/// What to name instead of a path that is no file.
fn instead(path: &Path, error: &io::Error, files: &dyn Files) -> Option<String> {
    match error.kind() {
        io::ErrorKind::IsADirectory => {
            Some(format!("name the files in it: `{}`", path.join("*.yaml").display()))
        }
        io::ErrorKind::NotFound => {
            let name = path.file_name()?.to_str()?;
            let names = files.names_beside(path);
            let near = nearest(name, names.iter().map(String::as_str));
            let near: Vec<String> = near
                .into_iter()
                .map(|near| format!("`{}`", path.with_file_name(near).display()))
                .collect();
            (!near.is_empty()).then(|| format!("did you mean {}?", near.join(" or ")))
        }
        _ => None,
    }
}

/// What went wrong, without the number of the operating system's error.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn relative_components(path: &Path) -> bool {
    path.components().all(|component| {
        matches!(component, Component::Normal(_) | Component::CurDir | Component::ParentDir)
    })
}
