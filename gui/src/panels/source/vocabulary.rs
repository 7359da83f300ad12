//! The words that may be written at a place, from the schema of the language and from what the files declare.

use std::sync::LazyLock;

use inceptive_dsl::json_schema;
use serde_json::{Map, Value};

use super::{
    outline::{Block, Outline},
    spot::{Part, Spot},
};

/// The schema of the language.
static SCHEMA: LazyLock<Value> = LazyLock::new(json_schema);

/// How deep definitions may be nested.
const DEEPEST: usize = 16;

/// Names that every step can use in expressions.
const INPUT: [(&str, &str); 3] = [
    ("$in", "channels of the step's input"),
    ("$in_height", "height of the step's input"),
    ("$in_width", "width of the step's input"),
];

/// A word that may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub name: String,
    pub about: String,
    /// Whether a colon and a value follow.
    pub is_key: bool,
}

/// The outlines of a file and of the files that it uses, the file itself first.
#[derive(Clone, Copy)]
pub(super) struct Vocabulary<'a> {
    pub own: &'a Outline,
    pub others: &'a [Outline],
}

impl<'a> Vocabulary<'a> {
    fn outlines(self) -> impl Iterator<Item = &'a Outline> {
        std::iter::once(self.own).chain(self.others)
    }

    /// A block by its name.
    pub fn block(self, name: &str) -> Option<&'a Block> {
        self.outlines().flat_map(|outline| &outline.blocks).find(|block| block.name == name)
    }

    /// The block that is called around a place.
    fn called(self, path: &[Part]) -> Option<&'a Block> {
        let Some((Part::Key(step), before)) = path.split_last() else { return None };
        let is_step = self.schemas(before).into_iter().any(is_step);
        self.block(first_word(step)).filter(|_| is_step)
    }

    /// The block whose definition is around a place.
    fn defined(self, path: &[Part]) -> Option<&'a Block> {
        match path {
            [Part::Key(blocks), Part::Key(name), ..] if blocks == "blocks" => self.block(name),
            _ => None,
        }
    }

    /// The schemas of the value at a path.
    fn schemas(self, path: &[Part]) -> Vec<&'static Value> {
        let has = |keys: &[&str]| self.own.keys.iter().any(|key| keys.contains(&key.as_str()));
        let root = if has(&["space", "base", "vary"]) {
            "Space"
        } else if has(&["blocks"]) && !has(&["body", "extends", "name", "input", "tail"]) {
            "Library"
        } else {
            "Architecture"
        };
        let mut schemas = definition(root);
        for (depth, part) in path.iter().enumerate() {
            // The changes of a space are keys of its base.
            let is_change = root == "Space" && depth == 0 && *part == Part::Key("with".to_owned());
            schemas = match is_change {
                true => definition("Architecture"),
                false => schemas.into_iter().flat_map(|schema| inside(schema, part)).collect(),
            };
        }
        schemas
    }

    /// Everything that may be written at a place.
    pub fn choices(self, spot: &Spot, word: &str) -> Vec<Choice> {
        if word.starts_with('$') {
            return self.variables(&spot.path);
        }
        if !spot.is_first {
            return vec![];
        }
        if self.is_read(&spot.path) {
            return self.results(&spot.path);
        }
        if let Some(block) = self.called(&spot.path).filter(|_| spot.is_key) {
            let about = |default: Option<&String>| match default {
                Some(default) => format!("default {default}"),
                None => "required".to_owned(),
            };
            let parameters = block.parameters.iter();
            let choices = parameters.map(|it| choice(&it.name, about(it.default.as_ref()), true));
            return choices.chain([choice("from", about_from(), true)]).collect();
        }
        let schemas = self.schemas(&spot.path);
        let mut choices: Vec<Choice> = Vec::new();
        for schema in &schemas {
            if !spot.is_key {
                choices.extend(values(schema));
                continue;
            }
            let is_step = is_step(schema);
            for (name, schema) in properties(schema).into_iter().flatten() {
                choices.push(choice(name, description(schema), !is_step));
            }
            if is_step {
                let blocks = self.outlines().flat_map(|outline| &outline.blocks);
                let blocks = blocks.map(|block| choice(&block.name, about_block(block), false));
                choices.extend(blocks);
            }
        }
        let mut known = std::collections::HashSet::new();
        choices.retain(|choice| known.insert(choice.name.clone()));
        choices
    }

    /// Whether what a step reads is written at a place.
    fn is_read(self, path: &[Part]) -> bool {
        let path = path.strip_suffix(&[Part::Item]).unwrap_or(path);
        match path {
            [before @ .., Part::Key(_), Part::Key(from)] if from == "from" => {
                self.schemas(before).into_iter().any(is_step)
            }
            _ => false,
        }
    }

    /// What a step can read: the input of its list, and steps of the same block or file.
    fn results(self, path: &[Part]) -> Vec<Choice> {
        let block = self.defined(path).map(|block| block.name.as_str());
        let input = choice("in", "the input of the list".to_owned(), false);
        let steps = self.own.steps.iter().filter(|step| step.block.as_deref() == block);
        let steps = steps.map(|step| choice(&step.name, format!("the step {}", step.word), false));
        let mut known = std::collections::HashSet::new();
        let all = std::iter::once(input).chain(steps);
        all.filter(|choice| known.insert(choice.name.clone())).collect()
    }

    fn variables(self, path: &[Part]) -> Vec<Choice> {
        let mut choices = Vec::new();
        let mut declare = |parameters: &[super::outline::Parameter], of: &str| {
            for it in parameters {
                let default = it.default.as_ref().map(|default| format!(", default {default}"));
                let about = format!("parameter of {of}{}", default.unwrap_or_default());
                choices.push(choice(&format!("${}", it.name), about, false));
            }
        };
        if let Some(block) = self.defined(path) {
            declare(&block.parameters, &format!("the block {}", block.name));
        }
        self.outlines().for_each(|outline| declare(&outline.parameters, "the file"));
        choices.extend(INPUT.map(|(name, about)| choice(name, about.to_owned(), false)));
        choices.push(choice("$classes", "number of classes".to_owned(), false));
        let repeats = |part: &Part| matches!(part, Part::Key(key) if first_word(key) == "repeat");
        if path.iter().any(repeats) {
            choices.push(choice("$i", "repetition, from 0".to_owned(), false));
        }
        choices
    }

    /// What a word at a place means.
    pub fn about(self, spot: &Spot, word: &str) -> Option<String> {
        let choices = self.choices(spot, word);
        let found = choices.into_iter().find(|choice| choice.name == word)?;
        Some(found.about).filter(|about| !about.is_empty())
    }

    /// The block that a word at a place names.
    pub fn block_at(self, spot: &Spot, word: &str) -> Option<&'a Block> {
        let steps = spot.is_key && spot.is_first;
        let is_step = steps && self.schemas(&spot.path).into_iter().any(is_step);
        let is_name = steps && spot.path == [Part::Key("blocks".to_owned())];
        self.block(word).filter(|_| is_step || is_name)
    }
}

/// What the argument `from` of every step is.
fn about_from() -> String {
    let steps = definition("Step");
    let identity = Part::Key("identity".to_owned());
    let arguments = steps.into_iter().flat_map(|schema| inside(schema, &identity));
    let from = arguments.filter_map(|schema| properties(schema)?.get("from")).next();
    from.map_or_else(String::new, description)
}

fn choice(name: &str, about: String, is_key: bool) -> Choice {
    Choice { name: name.to_owned(), about, is_key }
}

/// A block in a line.
pub(super) fn about_block(block: &Block) -> String {
    let names = block.parameters.iter().map(|it| match &it.default {
        Some(default) => format!("{}: {default}", it.name),
        None => it.name.clone(),
    });
    let names = names.collect::<Vec<String>>().join(", ");
    match block.description.as_str() {
        "" | ">-" | "|" => format!("block ({names})"),
        text => format!("block ({names}): {text}"),
    }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or("")
}

/// Whether a schema is that of steps, which begin with their operator.
fn is_step(schema: &Value) -> bool {
    schema.get("patternProperties").is_some()
}

fn properties(schema: &'static Value) -> Option<&'static Map<String, Value>> {
    schema.get("properties")?.as_object()
}

fn definition(name: &str) -> Vec<&'static Value> {
    SCHEMA["$defs"].get(name).map(|schema| alternatives(schema, 0)).unwrap_or_default()
}

/// A schema with those that it refers to or is one of.
fn alternatives(schema: &'static Value, depth: usize) -> Vec<&'static Value> {
    if depth > DEEPEST {
        return vec![];
    }
    let mut all = vec![schema];
    let referred = schema.get("$ref").and_then(Value::as_str);
    let referred = referred.and_then(|path| SCHEMA.pointer(path.trim_start_matches('#')));
    let any = schema.get("anyOf").and_then(Value::as_array);
    for inner in referred.into_iter().chain(any.into_iter().flatten()) {
        all.extend(alternatives(inner, depth + 1));
    }
    all
}

/// The schemas of a part of a value.
fn inside(schema: &'static Value, part: &Part) -> Vec<&'static Value> {
    let inner = match part {
        Part::Item => schema.get("items"),
        Part::Key(key) => {
            let name = if is_step(schema) { first_word(key) } else { key };
            let known = properties(schema).and_then(|properties| properties.get(name));
            known.or_else(|| schema.get("additionalProperties").filter(|it| it.is_object()))
        }
    };
    inner.map(|inner| alternatives(inner, 0)).unwrap_or_default()
}

/// The description of a schema, or of the first alternative that has one.
fn description(schema: &'static Value) -> String {
    let mut all = alternatives(schema, 0).into_iter();
    let found = all.find_map(|schema| schema.get("description")?.as_str());
    found.unwrap_or("").to_owned()
}

/// The words that a value may be.
fn values(schema: &'static Value) -> Vec<Choice> {
    let words = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let words = words.filter_map(Value::as_str).map(|word| choice(word, String::new(), false));
    let is_flag = schema.get("type").and_then(Value::as_str) == Some("boolean");
    let flags = ["true", "false"].into_iter().filter(|_| is_flag);
    words.chain(flags.map(|word| choice(word, String::new(), false))).collect()
}

#[cfg(test)]
mod tests {
    use super::{super::lines::Lines, super::spot::spot, *};

    /// What may be written at `|`.
    fn choices(text: &str) -> Vec<String> {
        let byte = text.find('|').unwrap();
        let text = text.replace('|', "");
        let mut lines = Lines::default();
        lines.update(&text);
        let (own, others) = (Outline::of(&text), [Outline::of("blocks:\n  far: {}\n")]);
        let spot = spot(&lines, byte).unwrap();
        let word = &text[spot.word.clone()];
        let vocabulary = Vocabulary { own: &own, others: &others };
        vocabulary.choices(&spot, word).into_iter().map(|choice| choice.name).collect()
    }

    #[track_caller]
    fn check(text: &str, some: &[&str], none: &[&str]) {
        let all = choices(text);
        for name in some {
            assert!(all.iter().any(|known| known == name), "{name} is not in {all:?}");
        }
        for name in none {
            assert!(!all.iter().any(|known| known == name), "{name} is in {all:?}");
        }
    }

    #[test]
    fn keys_depend_on_what_they_are_in() {
        check("name: A\n|", &["input", "body", "extends", "width_multiplier"], &["kernel", "vary"]);
        check("space: A\n|", &["vary", "constraints"], &["body"]);
        check("space: A\nwith:\n  |", &["tail", "params"], &["vary"]);
        check("name: A\ninput: {|", &["channels", "size"], &["kernel"]);
        check("name: A\nbody:\n  - conv x: {|", &["kernel", "act"], &["conv", "branches"]);
        check(
            "name: A\nbody:\n  - parallel:\n      branches:\n        a:\n          - conv:\n              k|",
            &["kernel"],
            &["name"],
        );
        check("name: A\ntail: {gap: {|", &["dropout", "softmax"], &["kernel"]);
    }

    #[test]
    fn steps_are_operators_and_blocks() {
        let text = "name: A\nblocks:\n  own:\n    params: {w, s: 1}\n    steps: [conv: {width: $|}]\nbody:\n  - |";
        let steps = text.replacen("$|", "$w", 1);
        check(&steps, &["conv", "maxpool", "own", "far"], &["kernel"]);
        check(&steps.replace("- |", "- own a: {|"), &["w", "s"], &["kernel", "conv"]);
        check(&steps.replace("- |", "- conv |"), &[], &["conv"]);
        let variables = text.replace("- |", "- own");
        check(&variables, &["$w", "$s", "$in", "$classes"], &["$i", "conv"]);
    }

    #[test]
    fn what_a_step_reads_is_a_step() {
        let text = "name: A\nblocks:\n  own:\n    steps:\n      - conv left: {kernel: 1, width: 4}\n      - relu right: {from: [in, |]}\nbody:\n  \
                    - conv stem: {kernel: 3, width: 4}\n  - own a\n  - add: {from: #}\n";
        check(&text.replace('#', ""), &["in", "left", "right"], &["stem", "a", "conv"]);
        check(&text.replace('|', "").replace('#', "|"), &["in", "stem", "a"], &["left", "conv"]);
        check("name: A\nblocks:\n  own: {}\nbody:\n  - own a: {|", &["from"], &["conv"]);
        check("space: A\nvary:\n  a: {from: |", &[], &["in"]);
    }

    #[test]
    fn values_are_words_of_the_schema() {
        check("name: A\nbody:\n  - conv: {act: |", &["relu", "silu", "none"], &["true"]);
        check("name: A\nbody:\n  - conv: {bias: |", &["true", "false"], &["relu"]);
        check("name: A\ntail: |", &["gap", "fc"], &["conv"]);
    }
}
