//! A changed network as a file that extends the one that it was made of.

use std::path::{Component, Path, PathBuf};

use serde_yaml::{Mapping, Value as Yaml};

use crate::{
    code::Code,
    diagnostic::{Diagnostic, DiagnosticSink},
    document::{SETTABLE, without},
    failure::Failure,
    load::{Document, Kind, Loader},
    lower::block::declared,
    settable::resolved,
    setting::{Setting, top_level},
    source::Files,
    space::Space,
    write::{mapping, yaml},
    yaml::{Entry, Map, Node, Value},
};

/// The text of a new file and where it has to lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The folder of the file that it extends.
    pub folder: PathBuf,
    /// The file that it extends, in that folder.
    pub extends: String,
    /// Its text.
    pub yaml: String,
}

/// How [`variant`] made a file of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantOf {
    /// The file that it extends.
    pub base: PathBuf,
    /// The name of the network.
    pub name: String,
    /// The settings.
    pub settings: Vec<Setting>,
}

/// The network in the same folder and the settings of which [`variant`] makes a file; `None` if it writes another text.
pub fn variant_of(files: &dyn Files, path: &Path) -> Option<VariantOf> {
    let sink = DiagnosticSink::default();
    let mut loader = Loader::new(files, &sink);
    let document = loader.open(path)?;
    let text = loader.sources.get(0)?.text.clone();
    let (name, extends) = (document.map.get("name")?.text()?, document.map.get("extends")?.text()?);
    let mut parts = Path::new(extends).components();
    if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
        return None;
    }
    let (base, name) = (path.with_file_name(extends), name.to_owned());
    let settings = settings_of(&document.map)?;
    let again = variant(files, &base, &settings, &name).ok()?;
    (again.yaml == *text).then_some(VariantOf { base, name, settings })
}

/// The settings that are written in a file that extends another one.
fn settings_of(map: &Map) -> Option<Vec<Setting>> {
    let mut settings = Vec::new();
    let mut add = |key: String, node: &Node| settings.push(Setting { key, value: in_line(node) });
    for entry in &map.0 {
        let (key, inner) = (&*entry.key, entry.value.map());
        match (key, inner) {
            ("name" | "extends", _) => {}
            ("params", Some(params)) => {
                params.0.iter().for_each(|param| add(param.key.to_string(), &param.value));
            }
            ("set", Some(steps)) => {
                for step in &steps.0 {
                    let args = &step.value.map()?.0;
                    args.iter()
                        .for_each(|arg| add(format!("{}.{}", step.key, arg.key), &arg.value));
                }
            }
            (_, Some(inner)) if !SETTABLE.contains(&key) => {
                inner.0.iter().for_each(|it| add(format!("{key}.{}", it.key), &it.value));
            }
            _ => add(key.to_owned(), &entry.value),
        }
    }
    Some(settings)
}

/// A value as YAML in one line.
fn in_line(node: &Node) -> String {
    let join = |parts: Vec<String>| parts.join(", ");
    match &node.value {
        Value::Map(map) => {
            let entry = |entry: &Entry| format!("{}: {}", entry.key, in_line(&entry.value));
            format!("{{{}}}", join(map.0.iter().map(entry).collect()))
        }
        Value::List(items) => format!("[{}]", join(items.iter().map(in_line).collect())),
        Value::Text(text) if !is_plain(text) => {
            format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
        }
        // A scalar fits into a line.
        _ => serde_yaml::to_string(&yaml(node)).unwrap_or_default().trim_end().to_owned(),
    }
}

/// Whether a text means the same without quotes wherever it stands.
fn is_plain(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '$');
    text.chars().all(is_part) && text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// The network of a file with settings, or the point of a space that they name, as the text of a file that extends
/// it, or the base of the space.
///
/// # Errors
/// All diagnostics, when the file or a setting cannot be read. Whether the values fit is not checked.
pub fn variant(
    files: &dyn Files,
    path: &Path,
    settings: &[Setting],
    name: &str,
) -> Result<Variant, Failure> {
    let sink = DiagnosticSink::default();
    let mut loader = Loader::new(files, &sink);
    let written = loader.open(path).and_then(|document| {
        let entries = settings.iter().map(|setting| loader.setting(&setting.key, &setting.value));
        let entries: Vec<Entry> = entries.collect::<Option<_>>()?;
        write(&document, &entries, name, &mut loader, &sink)
    });
    match written {
        Some(variant) if sink.is_empty() => Ok(variant),
        _ => Err(Failure::new(sink.take(), loader.sources)),
    }
}

fn write(
    document: &Document,
    entries: &[Entry],
    name: &str,
    loader: &mut Loader<'_>,
    sink: &DiagnosticSink,
) -> Option<Variant> {
    let (base, with, params) = match Kind::of(&document.map) {
        Kind::Space => {
            let space = Space::read(document, loader, sink)?;
            let names = space.variables.iter().map(|variable| variable.name.clone()).collect();
            let with = without(&space.with, &["name"]);
            let chosen = chosen(&space, entries)?;
            (space.base_file, with, (names, chosen))
        }
        _ => {
            let map = resolved(document, loader, sink)?;
            let params = map.get("params").map(declared).unwrap_or_default();
            let names: Vec<String> = params.iter().map(|param| param.key.to_string()).collect();
            (document.path.clone(), Map::default(), (names, Mapping::new()))
        }
    };
    let (names, mut values) = params;
    let is_space = !values.is_empty();
    let mut own = mapping(&with);
    let mut set = take_map(&mut own, "set");
    for entry in entries {
        let is_param = names.iter().any(|name| **name == *entry.key);
        if is_param {
            if !is_space {
                values.insert(Yaml::from(&*entry.key), yaml(&entry.value));
            }
        } else if let Some(change) = top_level(entry) {
            put(&mut own, mapping(&change));
        } else if let Some((step, key)) = entry.key.rsplit_once('.') {
            let mut args = take_map(&mut set, step);
            args.insert(Yaml::from(key), yaml(&entry.value));
            set.insert(Yaml::from(step), Yaml::Mapping(args));
        }
    }
    // Values that others may refer to come first.
    let mut own_params = take_map(&mut own, "params");
    own_params.iter_mut().for_each(|(key, value)| without_itself(key, value, &values));
    put(&mut values, own_params);
    let extends = base.file_name()?.to_string_lossy().into_owned();
    let mut text = Mapping::new();
    text.insert("name".into(), name.into());
    text.insert("extends".into(), Yaml::from(&*extends));
    for (key, map) in [("params", values), ("", own), ("set", set)] {
        match key {
            "" => put(&mut text, map),
            _ if map.is_empty() => {}
            _ => drop(text.insert(key.into(), Yaml::Mapping(map))),
        }
    }
    let folder = base.parent().unwrap_or(Path::new("")).to_owned();
    match serde_yaml::to_string(&text) {
        Ok(yaml) => Some(Variant { folder, extends, yaml }),
        Err(error) => {
            let message = format!("the network cannot be written: {error}");
            sink.push(Diagnostic::new(Code::WrongType, message));
            None
        }
    }
}

/// The value of every variable: the one that was set, else the default.
fn chosen(space: &Space, entries: &[Entry]) -> Option<Mapping> {
    let mut values = Mapping::new();
    for variable in &space.variables {
        let set = entries.iter().find(|entry| *entry.key == *variable.name);
        let place = match set {
            Some(entry) => {
                let reader = crate::scope::Reader {
                    scope: &crate::Scope::EMPTY,
                    sink: &DiagnosticSink::default(),
                };
                variable.find(&entry.value, &reader)?
            }
            None => variable.default,
        };
        values.insert(Yaml::from(&*variable.name), yaml(variable.values[place].node()));
    }
    Some(values)
}

/// A parameter of the base that is passed on from the variable of the same name (`w: $w`), with the value of the variable: in a
/// network there is only the parameter.
fn without_itself(key: &Yaml, value: &mut Yaml, variables: &Mapping) {
    let (Some(name), Some(own)) = (key.as_str(), variables.get(key)) else { return };
    if value.as_str() == Some(&format!("${name}")) {
        *value = own.clone();
    }
}

/// Takes a map out of a map; an empty one if there is none.
fn take_map(map: &mut Mapping, key: &str) -> Mapping {
    match map.remove(key) {
        Some(Yaml::Mapping(inner)) => inner,
        _ => Mapping::new(),
    }
}

/// Puts entries into a map, maps into maps.
fn put(map: &mut Mapping, entries: Mapping) {
    for (key, value) in entries {
        match (map.get_mut(&key), value) {
            (Some(Yaml::Mapping(known)), Yaml::Mapping(inner)) if key != "tail" => {
                put(known, inner);
            }
            (_, value) => drop(map.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, load};

    const BASE: &str = "
name: Base
input: {channels: 3, size: 32}
classes: 10
params: {depth: 1}
body:
  - conv stem: {kernel: 3, width: 16}
  - repeat rest: {count: $depth, steps: [conv: {kernel: 3, width: 24}]}
tail: gap
";
    const SPACE: &str = "
space: Some
base: base.yaml
vary:
  width: {values: [1, 0.5]}
  tail: {values: {gap: gap, fc: {fc: {widths: [8]}}}}
with: {width_multiplier: $width, tail: $tail}
";

    fn check(path: &str, settings: &[&str]) -> String {
        let files = Memory::default().with("base.yaml", BASE).with("s.yaml", SPACE);
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        let wanted = load(&files, Path::new(path), &settings).unwrap().architecture.graph;
        let variant = variant(&files, Path::new(path), &settings, "New").unwrap();
        assert_eq!((variant.folder, &*variant.extends), (PathBuf::new(), "base.yaml"));
        let files = files.with("new.yaml", &*variant.yaml);
        if path == "base.yaml" {
            let mut found = variant_of(&files, Path::new("new.yaml")).unwrap();
            assert_eq!((found.base.as_path(), &*found.name), (Path::new(path), "New"));
            let mut settings = settings;
            for all in [&mut found.settings, &mut settings] {
                all.sort_by(|a, b| a.key.cmp(&b.key));
            }
            assert_eq!(found.settings, settings);
        }
        let found = load(&files, Path::new("new.yaml"), &[]).unwrap().architecture;
        assert_eq!(found.name, "New");
        assert_eq!(found.graph.fingerprint(), wanted.fingerprint(), "{}", variant.yaml);
        variant.yaml
    }

    #[test]
    fn a_changed_network_becomes_a_file() {
        let text = check(
            "base.yaml",
            &[
                "depth=2",
                "rest/2/conv.width=48",
                "input.size=64",
                "width_multiplier=0.5",
                "tail=fc",
            ],
        );
        let wanted = "name: New\nextends: base.yaml\nparams:\n  depth: 2\ninput:\n  size: 64\n\
                      width_multiplier: 0.5\ntail: fc\nset:\n  rest/2/conv:\n    width: 48\n";
        assert_eq!(text, wanted);
        check("base.yaml", &[]);
    }

    #[test]
    fn parameters_may_have_the_names_of_variables() {
        const SPACE: &str = "space: Deep\nbase: base.yaml\nvary:\n  depth: {values: [1, 2]}\nwith: {params: {depth: $depth}}\n";
        let files = Memory::default().with("base.yaml", BASE).with("s.yaml", SPACE);
        let settings: Vec<Setting> = vec!["depth=2".parse().unwrap()];
        let wanted = load(&files, Path::new("s.yaml"), &settings).unwrap().architecture.graph;
        let variant = variant(&files, Path::new("s.yaml"), &settings, "New").unwrap();
        let files = files.with("new.yaml", &*variant.yaml);
        let found = load(&files, Path::new("new.yaml"), &[]).unwrap().architecture;
        assert_eq!(found.graph.fingerprint(), wanted.fingerprint(), "{}", variant.yaml);
    }

    #[test]
    fn widths_of_a_tail_are_kept_with_it() {
        let tail = "tail={fc: {widths: [16, 8]}}";
        let text = check("base.yaml", &[tail, "tail/fc2.width=12"]);
        assert!(text.ends_with("set:\n  tail/fc2:\n    width: 12\n"), "{text}");
        check("s.yaml", &["tail=\"fc\"", "tail/fc1.width=6"]);
    }

    #[test]
    fn a_text_that_is_written_in_another_way_is_no_variant_of_settings() {
        let made = "name: New\nextends: base.yaml\nset:\n  stem:\n    width: 8\n";
        let is_made = |text: &str| {
            let files = Memory::default().with("base.yaml", BASE).with("new.yaml", text);
            variant_of(&files, Path::new("new.yaml")).is_some()
        };
        assert!(is_made(made));
        for text in [
            &format!("# Mine\n{made}"),
            &made.replace("base.yaml", "../base.yaml"),
            &made.replace("base.yaml", "gone.yaml"),
            &made.replace("\n  stem:\n    width: 8", " {stem: {width: 8}}"),
            &format!("{made}description: Mine\n"),
            &made.replace("extends: base.yaml\n", ""),
            BASE,
            "name: {",
            "",
        ] {
            assert!(!is_made(text), "{text}");
        }
    }

    #[test]
    fn a_point_of_a_space_becomes_a_file() {
        check("s.yaml", &[]);
        let text = check("s.yaml", &["width=0.5", "tail=\"fc\"", "stem.width=8"]);
        assert!(text.contains("width_multiplier: $width") && text.contains("stem:"), "{text}");
    }
}
