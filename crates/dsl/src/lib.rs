//! The YAML language for convolutional networks and spaces of them.
//!
//! YAML text becomes a checked [`Architecture`] with an [`inceptive_ir::Graph`], or a list of
//! [`Diagnostic`]s that say where something is wrong and what to write instead. The language is described
//! in `docs/language.md`. This crate reads files through [`Files`] and writes none; it counts nothing.
//!
//! ```
//! use std::path::Path;
//! use inceptive_dsl::{Memory, load};
//!
//! let yaml = "
//! name: Tiny
//! input: {channels: 3, size: 32}
//! classes: 10
//! params: {width: 16}
//! body:
//!   - conv stem: {kernel: 3, width: $width, stride: 2}
//! tail: gap
//! ";
//! let files = Memory::default().with("tiny.yaml", yaml);
//! let wider = load(&files, Path::new("tiny.yaml"), &["width=24".parse()?])?;
//! let graph = wider.architecture.graph;
//! let stem = graph.find(&inceptive_ir::Path::new("stem")).unwrap();
//! assert_eq!(graph.node(stem).shape.to_string(), "24x16x16");
//!
//! // What is wrong comes with its place and what to write instead.
//! let files = files.with("typo.yaml", yaml.replace("kernel", "kernl"));
//! let failure = load(&files, Path::new("typo.yaml"), &[]).unwrap_err();
//! assert!(failure.to_string().contains("did you mean `kernel`?"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod architecture;
mod args;
mod by_schema;
mod code;
mod constraint;
mod describe;
mod diagnostic;
mod document;
mod expr;
mod failure;
mod field;
mod filter;
mod foreign;
mod library;
mod load;
mod lower;
mod merge;
mod path;
mod record;
mod schema;
mod scope;
mod settable;
mod setting;
mod sketch;
mod source;
mod space;
mod static_check;
mod step;
mod trace;
mod variant;
mod width_rule;
mod write;
mod yaml;

use std::{path::Path, sync::Arc};

pub use architecture::{Architecture, UnfitHead};
pub use by_schema::{SchemaFile, load_by_schema, schema_of};
pub use code::{Code, UnknownCode};
pub use constraint::{Constraint, Margin};
pub use describe::{DescribeError, Described, describe};
pub use diagnostic::{Diagnostic, Style};
pub use expr::{Formulas, LANES, Lanes, Symbol};
pub use failure::Failure;
pub use filter::{ColumnName, ColumnType, Filter, Table};
pub use library::{Block, Library};
pub use load::Kind;
pub use record::{StepPlace, Values};
pub use schema::json_schema;
pub use settable::{Settable, SettableKind, Settables, TailChoice, settables};
pub use setting::{MalformedSetting, Setting};
pub use sketch::{Fit, OpenNetwork, Outcome, Sketch};
pub use source::{Disk, Files, Memory, Position, Source, Sources};
pub use space::{Choice, Space, Variable, read_objectives};
pub use trace::{Trace, trace};
pub use variant::{Variant, VariantOf, variant, variant_of};
pub use width_rule::WidthRule;

use architecture::{Draft, finish};
use diagnostic::DiagnosticSink;
use load::{Document, Loader};
use scope::{Reader, Scope};
use setting::set;
use yaml::Entry;

/// A network with the files that it was read from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The network.
    pub architecture: Architecture,
    /// The files; spans of the graph's nodes refer to them.
    pub sources: Sources,
}

impl Loaded {
    /// Checks that every auxiliary head fits, so that the network can be trained.
    ///
    /// # Errors
    /// The heads that do not fit, with their places.
    pub fn expect_heads(&self) -> Result<(), Failure> {
        let heads = self.architecture.unfit_heads.iter();
        let diagnostics: Vec<Diagnostic> =
            heads.flat_map(|head| head.diagnostics.clone()).take(diagnostic::MOST).collect();
        match diagnostics.is_empty() {
            true => Ok(()),
            false => Err(Failure::new(diagnostics, self.sources.clone())),
        }
    }
}

/// The checked content of a file.
#[derive(Clone, Debug)]
pub enum Checked {
    /// A network.
    Architecture(Box<Loaded>),
    /// A space; the values of every variable were tried with the others at their defaults, some of them
    /// where there are very many.
    Space(Box<Space>),
    /// A library of blocks.
    Library(Library),
}

/// Reads the network that a file describes, or the point of a space that `settings` name.
///
/// # Errors
/// All diagnostics, when the file or a setting is wrong.
pub fn load(files: &dyn Files, path: &Path, settings: &[Setting]) -> Result<Loaded, Failure> {
    let sink = DiagnosticSink::default();
    let mut loader = Loader::new(files, &sink);
    let loaded = load_with(&mut loader, path, settings, &sink);
    let sources = loader.sources;
    match loaded {
        Some((architecture, _)) if sink.is_empty() => Ok(Loaded { architecture, sources }),
        _ => Err(Failure::new(sink.take(), sources)),
    }
}

/// The network that [`load`] reads, as the text of one file that needs no other: with everything that it
/// extends and uses, at the point of a space, and with the settings.
///
/// # Errors
/// All diagnostics, when the file or a setting is wrong.
pub fn resolve(files: &dyn Files, path: &Path, settings: &[Setting]) -> Result<String, Failure> {
    let sink = DiagnosticSink::default();
    let mut loader = Loader::new(files, &sink);
    let loaded = load_with(&mut loader, path, settings, &sink);
    let sources = loader.sources;
    let text = match loaded {
        Some((_, draft)) if sink.is_empty() => write::to_yaml(&draft),
        _ => return Err(Failure::new(sink.take(), sources)),
    };
    text.map_err(|error| {
        let message = format!("the network cannot be written: {error}");
        Failure { diagnostics: vec![Diagnostic::new(Code::WrongType, message)], sources }
    })
}

/// The kind of a file; none when it cannot be read.
pub fn kind(files: &dyn Files, path: &Path) -> Option<Kind> {
    let sink = DiagnosticSink::default();
    let document = Loader::new(files, &sink).open(path)?;
    Some(Kind::of(&document.map))
}

/// Checks a network, a space or a library.
///
/// # Errors
/// All diagnostics, when the file is wrong. A recipe is wrong here: [`load_by_schema`] reads it.
pub fn check(files: &dyn Files, path: &Path) -> Result<Checked, Failure> {
    let sink = DiagnosticSink::default();
    let mut loader = Loader::new(files, &sink);
    let checked = check_with(&mut loader, path, &sink);
    let sources = loader.sources;
    match checked {
        Some(Checked::Architecture(mut loaded)) if sink.is_empty() => {
            loaded.sources = sources;
            Ok(Checked::Architecture(loaded))
        }
        Some(checked) if sink.is_empty() => Ok(checked),
        _ => Err(Failure::new(sink.take(), sources)),
    }
}

/// Reads a space.
///
/// # Errors
/// All diagnostics, when the file is wrong or describes something else.
pub fn load_space(files: &dyn Files, path: &Path) -> Result<Space, Failure> {
    let sink = DiagnosticSink::default();
    let mut loader = Loader::new(files, &sink);
    let space = loader.open(path).and_then(|document| {
        expect_space(&document, &sink)?;
        Space::read(&document, &mut loader, &sink)
    });
    match space {
        Some(space) if sink.is_empty() => Ok(space),
        _ => Err(Failure::new(sink.take(), loader.sources)),
    }
}

fn expect_space(document: &Document, sink: &DiagnosticSink) -> Option<()> {
    let found = Kind::of(&document.map);
    if found == Kind::Space {
        return Some(());
    }
    let message = format!("the file is {}, not a space", found.describe());
    sink.push(Diagnostic::new(Code::WrongKind, message).at(document.span, "here"));
    None
}

fn check_with(loader: &mut Loader<'_>, path: &Path, sink: &DiagnosticSink) -> Option<Checked> {
    let document = loader.open(path)?;
    match Kind::of(&document.map) {
        Kind::Architecture => {
            let draft = Draft {
                map: loader.resolve(&document)?,
                span: document.span,
                overrides: Vec::new(),
            };
            let architecture = finish(&draft, path, Vec::new(), document.extends(), sink)?;
            let loaded = Loaded { architecture, sources: Sources::default() };
            Some(Checked::Architecture(Box::new(loaded)))
        }
        Kind::Space => {
            let space = Space::read(&document, loader, sink)?;
            let bytes = loader.sources.iter().map(|source| source.text.len()).sum();
            check_points(&space, bytes, sink)?;
            Some(Checked::Space(Box::new(space)))
        }
        Kind::Library => {
            let keys = loader.library(&document)?;
            static_check::architecture(&document.map, [Arc::from("classes")].into_iter(), sink);
            library::describe(&keys, sink).map(Checked::Library)
        }
        Kind::Recipe => no_network(&document, path, sink),
    }
}

/// Builds the space's networks along each variable through the default point. Large ranges are sampled at
/// their ends and evenly between, and large networks at fewer points.
fn check_points(space: &Space, bytes: usize, sink: &DiagnosticSink) -> Option<()> {
    const MOST: usize = 16;
    /// Maximum number of steps of all networks together, plus an equivalent for text that is only read.
    const MOST_WORK: usize = 400_000;
    const BYTES_A_STEP: usize = 16;
    let mut work = 0;
    for (number, variable) in space.variables.iter().enumerate() {
        let last = variable.values.len() - 1;
        let count = variable.values.len().min(MOST);
        for index in 0..count {
            let mut choices = space.defaults();
            choices[number] = if count == 1 { 0 } else { index * last / (count - 1) };
            let (map, point) = space.at(&choices);
            let draft = Draft { map, span: space.span(), overrides: Vec::new() };
            let names: Vec<String> =
                point.iter().map(|(name, value)| format!("{name}={value}")).collect();
            let Some(built) = architecture::build(&draft, sink) else {
                sink.explain_all(&format!("for the values {}", names.join(" ")));
                return None;
            };
            work += built.steps as usize + bytes / BYTES_A_STEP;
            if work > MOST_WORK {
                return Some(());
            }
        }
    }
    Some(())
}

fn load_with(
    loader: &mut Loader<'_>,
    path: &Path,
    settings: &[Setting],
    sink: &DiagnosticSink,
) -> Option<(Architecture, Draft)> {
    let document = loader.open(path)?;
    let entries: Vec<Entry> = settings
        .iter()
        .filter_map(|setting| loader.setting(&setting.key, &setting.value))
        .collect();
    match Kind::of(&document.map) {
        Kind::Architecture => {
            let map = loader.resolve(&document)?;
            let changed = set(map, &entries, &[], &document, &loader.sources, sink);
            let extends = document.extends();
            let architecture = finish(&changed.draft, path, changed.point, extends, sink)?;
            Some((architecture, changed.draft))
        }
        Kind::Space => {
            let space = Space::read(&document, loader, sink)?;
            load_point(&space, &entries, path, &document, &loader.sources, sink)
        }
        Kind::Library | Kind::Recipe => no_network(&document, path, sink),
    }
}

fn no_network<T>(document: &Document, path: &Path, sink: &DiagnosticSink) -> Option<T> {
    let found = Kind::of(&document.map).describe();
    let message = format!("`{}` is {found}, not a network", path.display());
    let wrong = Diagnostic::new(Code::WrongKind, message).at(document.span, "here");
    sink.push(wrong.help("name an architecture or a space"));
    None
}

fn load_point(
    space: &Space,
    entries: &[Entry],
    path: &Path,
    document: &Document,
    sources: &Sources,
    sink: &DiagnosticSink,
) -> Option<(Architecture, Draft)> {
    let reader = Reader { scope: &Scope::EMPTY, sink };
    let mut choices = space.defaults();
    let mut others = Vec::new();
    for entry in entries {
        match space.variables.iter().position(|variable| variable.name == *entry.key) {
            Some(number) => {
                if let Some(choice) = space.variables[number].find(&entry.value, &reader) {
                    choices[number] = choice;
                }
            }
            None => others.push(entry.clone()),
        }
    }
    let (map, mut point) = space.at(&choices);
    let names: Vec<&str> = space.variables.iter().map(|variable| &*variable.name).collect();
    let changed = set(map, &others, &names, document, sources, sink);
    point.extend(changed.point);
    let mut architecture = finish(&changed.draft, path, point, None, sink)?;
    architecture.constraints.clone_from(&space.constraints);
    Some((architecture, changed.draft))
}
