//! `docs/reference` is what the program says of itself: its help, the keys of its files, its diagnostics, and the keys of
//! its JSON documents. `INSTA_UPDATE=always cargo test -p inceptive reference` renews the pages.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
};

use serde_json::Value;

use crate::{documents::keys, json, pages::ReaderFolder, root, stdout, subcommands};

/// Compares a page with what the program says now, or renews it.
fn check(page: &str, text: &str) {
    let path = root().join("docs/reference").join(page);
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, text).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let renew = "INSTA_UPDATE=always cargo test -p inceptive reference";
    assert!(committed == text, "docs/reference/{page} is out of date: run {renew}");
}

/// Adds the help of a command and of its subcommands.
fn add_help(command: &str, page: &mut String) {
    let help = stdout(&format!("{command} --help"));
    let title = format!("inceptive {command}");
    page.push_str(&format!("\n## {}\n\n```text\n{}\n```\n", title.trim(), help.trim()));
    subcommands(command).iter().for_each(|inner| add_help(inner, page));
}

#[test]
fn commands() {
    let mut page = "# Commands\n\nThe help of every command.\n".to_owned();
    add_help("", &mut page);
    assert!(page.matches("\n## ").count() > 25, "{page}");
    check("commands.md", &page);
}

#[test]
fn diagnostics() {
    let mut page =
        "# Diagnostics\n\n`inceptive explain CODE` prints an explanation too.\n".to_owned();
    for line in stdout("explain").lines() {
        let (code, _) = line.split_once(' ').unwrap();
        let text = stdout(&format!("explain {code}"));
        let (title, explanation) = text.split_once('\n').unwrap();
        page.push_str(&format!("\n## {title}\n\n{}\n", explanation.trim()));
    }
    assert!(page.contains("\n## E101: "), "{page}");
    check("diagnostics.md", &page);
}

/// What a schema says of values: the definition that it refers to, or itself.
fn resolved<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The alternatives of a schema.
fn alternatives(schema: &Value) -> Vec<&Value> {
    let several = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array());
    several.map_or_else(|| vec![schema], |several| several.iter().flat_map(alternatives).collect())
}

/// Its description, or that of its first alternative with one.
fn description(schema: &Value, root: &Value) -> String {
    let schema = resolved(schema, root);
    if let Some(text) = schema["description"].as_str() {
        return text.to_owned();
    }
    let several = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array());
    let mut inner = several.into_iter().flatten().map(|inner| description(inner, root));
    inner.find(|text| !text.is_empty()).unwrap_or_default()
}

/// The kinds of values that a schema allows, in words.
fn values(schema: &Value) -> String {
    let mut words: Vec<String> = vec![];
    let mut add = |word: String| {
        if !words.contains(&word) {
            words.push(word);
        }
    };
    for each in alternatives(schema) {
        if let Some(name) = each["$ref"].as_str() {
            let name = name.rsplit('/').next().unwrap();
            add(format!("[{}](#{})", title(name), title(name).to_lowercase().replace(' ', "-")));
        }
        for word in each["enum"].as_array().into_iter().flatten().chain(each.get("const")) {
            add(format!("`{}`", word.as_str().unwrap()));
        }
        if each.get("enum").is_some() || each.get("const").is_some() {
            continue;
        }
        let one = each["type"].as_str().into_iter();
        for kind in
            one.chain(each["type"].as_array().into_iter().flatten().filter_map(Value::as_str))
        {
            match kind {
                "null" => {}
                "string" if each["pattern"].is_string() => add("expression".to_owned()),
                "string" => add("text".to_owned()),
                "integer" => add("whole number".to_owned()),
                "boolean" => add("`true`, `false`".to_owned()),
                "array" => add("list".to_owned()),
                "object" => add("map".to_owned()),
                other => add(other.to_owned()),
            }
        }
    }
    words.join(", ")
}

/// The heading of a definition: its name in words.
fn title(name: &str) -> String {
    match name {
        "InputKeys" => "Input",
        "PublishedKeys" => "Published accuracy",
        "BlockKeys" => "Block",
        "AuxiliaryKeys" => "Auxiliary head",
        "VariableKeys" => "Variable",
        "GapTailKeys" => "Tail gap",
        "FcTailKeys" => "Tail fc",
        "Library" => "Library of blocks",
        "Step" => "Steps",
        other => other,
    }
    .to_owned()
}

/// A table of the keys of a map.
fn key_table(schema: &Value, root: &Value) -> String {
    let mut table = "| key | values | meaning |\n|---|---|---|\n".to_owned();
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (key, property) in schema["properties"].as_object().unwrap() {
        let note = if required.contains(&key.as_str().into()) { ", required" } else { "" };
        let meaning = description(property, root).replace('\n', " ").replace('|', "\\|");
        table.push_str(&format!("| `{key}`{note} | {} | {meaning} |\n", values(property)));
    }
    table
}

/// The maps among the alternatives of a schema.
fn maps(schema: &Value) -> Vec<&Value> {
    alternatives(schema).into_iter().filter(|each| each["properties"].is_object()).collect()
}

#[test]
fn language() {
    let schema = json("schema");
    let mut page = "# Keys of the language\n\nEvery key of a YAML file, from the JSON Schema that `inceptive schema` prints. \
                    [The language](../language.md) explains them with examples. *Expression* stands for a text with \
                    parameters, such as `$c1 * 2`.\n"
        .to_owned();
    let definitions = schema["$defs"].as_object().unwrap();
    for (name, definition) in
        definitions.iter().filter(|(name, _)| !["Step", "Defaults"].contains(&name.as_str()))
    {
        page.push_str(&format!("\n## {}\n\n{}\n\n", title(name), description(definition, &schema)));
        page.push_str(&key_table(definition, &schema));
    }
    page.push_str(&format!("\n## Steps\n\n{}\n", description(&definitions["Step"], &schema)));
    let steps = maps(&definitions["Step"])[0]["properties"].as_object().unwrap();
    assert!(steps.len() > 50, "{}", steps.len());
    for (name, step) in steps {
        page.push_str(&format!("\n### {name}\n\n"));
        match maps(step)[..] {
            [map, ..] => page.push_str(&key_table(map, &schema)),
            [] => page.push_str(&format!(
                "{} A value: {}.\n",
                description(step, &schema),
                values(step)
            )),
        }
    }
    page.push_str("\n## Defaults\n\n");
    let defaults = definitions["Defaults"]["properties"].as_object().unwrap();
    let names: Vec<String> = defaults.keys().map(|name| format!("[`{name}`](#{name})")).collect();
    page.push_str(&format!("Steps that can have defaults: {}.\n", names.join(", ")));
    check("language.md", &page);
}

#[test]
fn recipes() {
    let schema = json("schema --recipe");
    let mut page = "# Keys of recipes\n\nEvery key of a recipe, from the JSON Schema that `inceptive schema --recipe` prints. \
                    [Recipes](../recipes.md) explains them. A recipe that extends another one needs only a `name`.\n\n"
        .to_owned();
    page.push_str(&key_table(&schema, &schema));
    for (key, property) in schema["properties"].as_object().unwrap() {
        for map in maps(property) {
            let inner = map["properties"].as_object().unwrap();
            // Alternatives with arguments are maps with one key, their name.
            match inner.iter().next() {
                Some((name, arguments)) if inner.len() == 1 && map["required"].is_array() => {
                    let about = description(map, &schema).replace('\n', " ");
                    page.push_str(&format!("\n## {key}: {name}\n\n{about}\n\n"));
                    for arguments in maps(arguments) {
                        page.push_str(&key_table(arguments, &schema));
                    }
                }
                _ => page.push_str(&format!("\n## {key}\n\n{}", key_table(map, &schema))),
            }
        }
    }
    check("recipes.md", &page);
}

/// A section of the page on JSON.
struct Document {
    title: &'static str,
    about: &'static str,
    /// What prints such a document in a folder of its own.
    command: &'static str,
    /// Keys whose values have keys of their own that depend on the network or the machine.
    closed: &'static [&'static str],
}

const DOCUMENTS: [Document; 9] = [
    Document {
        title: "cost",
        about: "An array with an object for each file. `modules` is there only with `--by module`.",
        command: "cost --json --by module architectures/googlenet-bn.yaml",
        closed: &["layers.attributes"],
    },
    Document {
        title: "diff",
        about: "One object. `a` and `b` have the keys of `cost`. Those of a head, module or node are null where the network does not have it.",
        command: "diff --json architectures/small/naive-bn.yaml architectures/small/bn.yaml",
        closed: &["a", "b", "heads.a", "heads.b", "modules.a", "modules.b", "nodes.a", "nodes.b"],
    },
    Document {
        title: "bench",
        about: "An array with an object for each measurement. With `--compare`, one object with the arrays `measurements` and `comparisons`.",
        command: "bench --json --budget 10ms architectures/module-reduced.yaml",
        closed: &["findings", "machine.governor", "clock_mhz"],
    },
    Document {
        title: "profile",
        about: "An array with an object for each engine.",
        command: "profile --json --runs 5 architectures/module-reduced.yaml",
        closed: &[],
    },
    Document {
        title: "explore --costs-only",
        about: "One object.",
        command: "explore --json --costs-only architectures/spaces/module-kinds.yaml",
        closed: &["extremes", "front.values", "conditions.nearest", "variance"],
    },
    Document {
        title: "data list",
        about: "An array with an object for each data set.",
        command: "data list --json",
        closed: &[],
    },
    Document {
        title: "data check",
        about: "One object.",
        command: "data check shapes:train=20,test=20 --json",
        closed: &[],
    },
    Document {
        title: "engines",
        about: "An array with an object for each engine. One that was not found has a `message` in place of its properties.",
        command: "engines --json --onnxruntime /nowhere",
        closed: &[],
    },
    Document {
        title: "report --diff",
        about: "One object.",
        command: "report --json --diff architectures/small/bn.yaml changed/bn.yaml --fail-if \"params > 1G\" --fail-if \"macs > -50%\"",
        closed: &[],
    },
];

/// The meanings of keys that a page gives, by section and key.
fn meanings(page: &str) -> BTreeMap<(String, String), String> {
    let mut section = "";
    let mut found = BTreeMap::new();
    for line in page.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        if let Some((key, meaning)) =
            line.strip_prefix("| `").and_then(|line| line.split_once("` | "))
        {
            let meaning = meaning.trim_end_matches('|').trim();
            found.insert((section.to_owned(), key.to_owned()), meaning.to_owned());
        }
    }
    found
}

/// Keys come from documents, their meanings from the page. A new key is added without a meaning, which has to be given.
#[test]
fn documents() {
    let folder = ReaderFolder::new();
    folder.write("changed/bn.yaml", "name: Small Inception with batch normalisation\nextends: ../architectures/small/bn.yaml\nparams: {width: 2}\n");
    let known =
        meanings(&fs::read_to_string(root().join("docs/reference/json.md")).unwrap_or_default());
    let mut page = "# JSON\n\nWhat commands print with `--json`. A dot stands for a key of a nested object, or of the objects in an \
                    array. Counts have the same names everywhere. The documents of `train`, `evaluate` and `inspect` are on \
                    the pages [training](../training.md#json) and [evaluating](../evaluating.md#json-of-evaluate).\n"
        .to_owned();
    let mut unexplained = vec![];
    for Document { title, about, command, closed } in DOCUMENTS {
        let output = folder.inceptive(command).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        let close = |key: String| {
            let inside = |closed: &&&str| {
                key.strip_prefix(**closed).is_some_and(|rest| rest.starts_with('.'))
            };
            closed.iter().find(inside).map_or_else(|| key.clone(), |closed| (*closed).to_owned())
        };
        let found: BTreeSet<String> = keys(&document).into_iter().map(close).collect();
        page.push_str(&format!("\n## {title}\n\n{about}\n\n| key | value |\n|---|---|\n"));
        for key in found {
            let meaning =
                known.get(&(title.to_owned(), key.clone())).filter(|meaning| !meaning.is_empty());
            if meaning.is_none() {
                unexplained.push(format!("{title}: {key}"));
            }
            page.push_str(&format!("| `{key}` | {} |\n", meaning.map_or("", String::as_str)));
        }
    }
    check("json.md", &page);
    assert!(
        unexplained.is_empty(),
        "docs/reference/json.md does not say what these are: {unexplained:#?}"
    );
}
