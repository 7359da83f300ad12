//! The texts that new files begin with.

use inceptive_train::recipe::shipped_text;

/// A block that the networks use, with the branches of Szegedy et al. 2014, Figure 2(b).
const BLOCKS: &str = "\
# A module concatenates its branches: c1 + c3 + c5 + pool channels.
blocks:
  inception:
    params: {c1, r3, c3, r5, c5, pool}
    branches:
      1x1: [conv: {kernel: 1, width: $c1}]
      3x3: [conv reduce: {kernel: 1, width: $r3}, conv: {kernel: 3, width: $c3}]
      5x5: [conv reduce: {kernel: 1, width: $r5}, conv: {kernel: 5, width: $c5}]
      pool: [maxpool: {kernel: 3, stride: 1, pad: half}, conv project: {kernel: 1, width: $pool}]
";

/// A text as YAML.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A network of one module.
pub(crate) fn module(name: &str) -> String {
    format!(
        "name: {}\ninput: {{channels: 192, size: 28}}\n\n{BLOCKS}
body:
  - inception module: {{c1: 64, r3: 96, c3: 128, r5: 16, c5: 32, pool: 32}}

tail: []
",
        quoted(name)
    )
}

/// A network with a stem, two stages of modules and a classifier.
pub(crate) fn network(name: &str) -> String {
    format!(
        "name: {}\ninput: {{channels: 3, size: 224}}\nclasses: 1000\n\n{BLOCKS}
body:
  - conv stem: {{kernel: 7, width: 64, stride: 4}}
  - inception 2a: {{c1: 64, r3: 96, c3: 128, r5: 16, c5: 32, pool: 32}}
  - maxpool pool2: {{kernel: 3, stride: 2}}
  - inception 3a: {{c1: 128, r3: 128, c3: 192, r5: 32, c5: 96, pool: 64}}

tail: gap
",
        quoted(name)
    )
}

/// A space of networks that differ in width from one in a file of the same folder.
pub(crate) fn space(title: &str, base: &str) -> String {
    format!(
        "space: {}\nbase: {}

vary:
  width: {{from: 0.5, to: 2, step: 0.25, default: 1}}   # times the width of every convolution

with:
  width_multiplier: $width

# constraints: [\"macs <= 2G\"]
objectives: [minimize macs, minimize params]
",
        quoted(title),
        quoted(base)
    )
}

/// A recipe with the values of the shortest one that comes with the program.
pub(crate) fn recipe(name: &str) -> String {
    let shipped = shipped_text("quick").unwrap_or_default();
    let values = shipped.find("epochs:").map_or("", |from| &shipped[from..]);
    format!("name: {}\n{values}", quoted(name))
}

/// A copy of a text, with another name if it has one.
pub(crate) fn renamed(text: &str, name: &str) -> String {
    let line = |line: &str| {
        let key = ["name: ", "space: "].into_iter().find(|key| line.starts_with(key));
        // A name of several lines stays as it is.
        match key.filter(|key| !line[key.len()..].starts_with(['>', '|'])) {
            Some(key) => format!("{key}{}\n", quoted(name)),
            None => line.to_owned(),
        }
    };
    text.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use inceptive_dsl::{Checked, Memory, check};
    use inceptive_train::Recipe;

    use super::*;

    const NAME: &str = "Mine: \"wide\" # 1";

    fn checked(text: &str, base: &str) -> Checked {
        let files =
            Memory::default().with("new.yaml", text.as_bytes()).with("base.yaml", base.as_bytes());
        check(&files, Path::new("new.yaml")).unwrap_or_else(|failure| panic!("{failure}"))
    }

    #[test]
    fn every_template_is_valid_and_has_the_name() {
        for text in [module(NAME), network(NAME)] {
            let Checked::Architecture(loaded) = checked(&text, "") else { panic!("{text}") };
            assert_eq!(loaded.architecture.name, NAME);
        }
        let Checked::Space(space) = checked(&space(NAME, "base.yaml"), &network("Base")) else {
            panic!("no space")
        };
        assert_eq!((&*space.title, space.size()), (NAME, 7));
        let recipe_file = Memory::default().with("new.yaml", recipe(NAME).as_bytes());
        let read = Recipe::load(&recipe_file, Path::new("new.yaml"), &[]);
        let (read, _) = read.unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!((&*read.name, read.epochs), (NAME, 4));
    }

    #[test]
    fn a_copy_has_another_name() {
        let copy = renamed(&network("Base"), NAME);
        let Checked::Architecture(loaded) = checked(&copy, "") else { panic!("{copy}") };
        assert_eq!(loaded.architecture.name, NAME);
        assert_eq!(copy.lines().count(), network("Base").lines().count());
    }
}
