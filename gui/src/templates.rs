//! The texts that new files begin with.

use std::{collections::BTreeMap, fmt::Write as _, iter};

use inceptive_dsl::Setting;
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

/// A setting that varies in a space.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Varied {
    /// The setting: `4a.c3`.
    pub key: String,
    /// The ends of its range, and the distance of its values.
    pub from: f64,
    pub to: f64,
    pub step: f64,
    /// The value of the network that the space is made of.
    pub now: f64,
}

impl Varied {
    /// The value of the range that is nearest to that of the network.
    fn default(&self) -> f64 {
        let last = ((self.to - self.from) / self.step + 1e-9).floor();
        let nearest = ((self.now - self.from) / self.step).round().clamp(0.0, last.max(0.0));
        rounded(self.from + nearest * self.step)
    }

    /// The name of its variable: letters, digits and underscores.
    fn variable(&self) -> String {
        let short = match self.key.as_str() {
            "width_multiplier" => "width",
            "input.size" => "size",
            key => key,
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        let name: String = short.chars().map(plain).collect();
        if name.starts_with(|c: char| c.is_ascii_digit()) { format!("m{name}") } else { name }
    }
}

/// Sums of steps are not exact; nobody writes more than six decimals.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// A space of a network in a file of the same folder: settings that vary, and others that every network of it has.
pub(crate) fn space_of(title: &str, base: &str, varied: &[Varied], fixed: &[Setting]) -> String {
    let mut vary = String::new();
    let mut set: Vec<(String, String)> = vec![];
    let mut names: Vec<String> = vec![];
    for it in varied {
        let own = it.variable();
        // Keys that differ in other characters only.
        let numbered = (2..).map(|number: u32| format!("{own}_{number}"));
        let mut free = iter::once(own.clone()).chain(numbered).filter(|it| !names.contains(it));
        let name = free.next().unwrap_or(own);
        let [from, to, step] = [it.from, it.to, it.step].map(rounded);
        let default = it.default();
        let _ = writeln!(
            vary,
            "  {name}: {{from: {from}, to: {to}, step: {step}, default: {default}}}   # {}",
            it.key
        );
        set.push((it.key.clone(), format!("${name}")));
        names.push(name);
    }
    set.extend(fixed.iter().map(|Setting { key, value }| (key.clone(), value.clone())));
    format!(
        "space: {}\nbase: {}\n\nvary:\n{vary}\nwith:\n{}\n# constraints: [\"macs <= 2G\"]\n\
         objectives: [minimize macs, minimize params]\n",
        quoted(title),
        quoted(base),
        with(&set)
    )
}

/// Settings as keys of a network: those of steps in `set`, parameters in `params`.
fn with(settings: &[(String, String)]) -> String {
    let (mut text, mut params) = (String::new(), String::new());
    let mut steps: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, value) in settings {
        match key.rsplit_once('.') {
            _ if matches!(key.as_str(), "width_multiplier" | "tail" | "classes") => {
                let _ = writeln!(text, "  {key}: {value}");
            }
            Some(("input", name)) => {
                let _ = writeln!(text, "  input: {{{name}: {value}}}");
            }
            Some((step, name)) => {
                steps.entry(step).or_default().push(format!("{}: {value}", quoted(name)));
            }
            None => {
                let _ = writeln!(params, "    {}: {value}", quoted(key));
            }
        }
    }
    if !params.is_empty() {
        let _ = write!(text, "  params:\n{params}");
    }
    if !steps.is_empty() {
        text.push_str("  set:\n");
    }
    for (step, all) in steps {
        let _ = writeln!(text, "    {}: {{{}}}", quoted(step), all.join(", "));
    }
    text
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
    fn what_sliders_set_becomes_the_variables_of_a_space() {
        let base = network("Base").replace("width: 64, stride", "width: $growth, stride");
        let base = format!("{base}params: {{growth: 8}}\n");
        let varied = |key: &str, from: f64, to: f64, step: f64, now: f64| Varied {
            key: key.to_owned(),
            from,
            to,
            step,
            now,
        };
        let all = [
            varied("width_multiplier", 0.5, 1.5, 0.1, 1.0),
            varied("input.size", 192.0, 256.0, 32.0, 224.0),
            varied("2a.c1", 32.0, 96.0, 16.0, 70.0),
            varied("2a/c1", 32.0, 96.0, 16.0, 70.0),
            varied("3a.c3", 64.0, 64.0, 1.0, 64.0),
            varied("growth", 4.0, 16.0, 4.0, 8.0),
        ];
        // Another key of the same letters gets a number; a step of this name there is none.
        let names = space_of(NAME, "base.yaml", &all[2..4], &[]);
        assert!(names.contains("m2a_c1: {from") && names.contains("m2a_c1_2: {from"), "{names}");
        let used: Vec<Varied> = all.iter().filter(|it| it.key != "2a/c1").cloned().collect();
        let fixed: Vec<Setting> = ["3a.c5=48", "tail={fc: {widths: [64]}}"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let text = space_of(NAME, "base.yaml", &used, &fixed);
        let Checked::Space(space) = checked(&text, &base) else { panic!("{text}") };
        assert_eq!(space.size(), 11 * 3 * 5 * 4, "{text}");
        let labels = |at: usize| &space.variables[at].values[space.variables[at].default].label;
        assert_eq!([labels(0), labels(1), labels(2)], ["1", "224", "64"]);
        let first = space.network(&space.defaults()).unwrap();
        assert_eq!(first.name, NAME);
    }

    #[test]
    fn a_copy_has_another_name() {
        let copy = renamed(&network("Base"), NAME);
        let Checked::Architecture(loaded) = checked(&copy, "") else { panic!("{copy}") };
        assert_eq!(loaded.architecture.name, NAME);
        assert_eq!(copy.lines().count(), network("Base").lines().count());
    }
}
