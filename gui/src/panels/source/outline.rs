//! The names that a text declares: its keys, parameters, blocks and steps. Half-typed text has them too.

/// A parameter of a file or block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parameter {
    pub name: String,
    /// Its default as it is written; `None` if a value is required.
    pub default: Option<String>,
}

/// A block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Block {
    pub name: String,
    pub description: String,
    pub parameters: Vec<Parameter>,
}

/// A step that was given a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub name: String,
    /// Its operator or block.
    pub word: String,
    /// The block that it is a step of; `None` outside of blocks.
    pub block: Option<String>,
}

/// What a text declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// Keys at the top.
    pub keys: Vec<String>,
    pub parameters: Vec<Parameter>,
    pub blocks: Vec<Block>,
    pub steps: Vec<Step>,
}

/// Lines that the parameters of a block may take.
const MOST_LINES: usize = 100;

impl Outline {
    /// Reads a text by lines.
    pub fn of(text: &str) -> Self {
        let mut outline = Self::default();
        // The column of the names of blocks.
        let mut column = None;
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some((word, name)) = named_step(line) {
                let is_in_block = outline.keys.last().is_some_and(|key| key == "blocks");
                let block = outline.blocks.last().filter(|_| is_in_block);
                let block = block.map(|block| block.name.clone());
                outline.steps.push(Step { name: name.to_owned(), word: word.to_owned(), block });
            }
            let Some((indent, key, value)) = key_of(line) else { continue };
            let section = outline.keys.last().map(String::as_str);
            match (indent, section) {
                (0, _) => {
                    outline.keys.push(key.to_owned());
                    column = None;
                    if key == "params" {
                        outline.parameters = parameters(indent, value, lines.clone());
                    }
                }
                (_, Some("blocks")) if indent == *column.get_or_insert(indent) => {
                    outline.blocks.push(Block { name: key.to_owned(), ..Block::default() });
                }
                (_, Some("blocks")) => match (outline.blocks.last_mut(), key) {
                    (Some(block), "params") if block.parameters.is_empty() => {
                        block.parameters = parameters(indent, value, lines.clone());
                    }
                    (Some(block), "description") if block.description.is_empty() => {
                        block.description = value.trim_matches(['"', '\'']).to_owned();
                    }
                    _ => {}
                },
                _ => {}
            }
        }
        outline
    }
}

/// Operator and name of a step with a name that begins a line.
fn named_step(line: &str) -> Option<(&str, &str)> {
    let content = uncommented(line).trim_start().strip_prefix("- ")?;
    let key = content.split_once(':').map_or(content, |(key, _)| key);
    let (word, name) = key.trim().split_once(char::is_whitespace)?;
    let is_name = |name: &str| !name.contains(|c: char| c.is_whitespace() || "{[\"'".contains(c));
    Some((word, name.trim())).filter(|(word, name)| is_name(word) && is_name(name))
}

/// Indentation, key and value of a line.
fn key_of(line: &str) -> Option<(usize, &str, &str)> {
    let content = line.trim_start_matches(' ');
    if content.starts_with(['#', '-', '{', '[', '"']) {
        return None;
    }
    let (key, value) = content.split_once(':')?;
    (value.is_empty() || value.starts_with(' '))
        .then(|| (line.len() - content.len(), key, value.trim()))
}

/// Parameters in brackets, or in the lines that follow.
fn parameters<'t>(
    indent: usize,
    value: &str,
    rest: impl Iterator<Item = &'t str>,
) -> Vec<Parameter> {
    let value = uncommented(value);
    if !value.starts_with(['{', '[']) {
        let inner = rest.take(MOST_LINES).map(uncommented).filter(|line| !line.trim().is_empty());
        let inner = inner.take_while(|line| line.len() - line.trim_start().len() > indent);
        return inner.filter_map(|line| parameter(line.trim().trim_start_matches("- "))).collect();
    }
    let mut all = value.to_owned();
    for line in rest.take(MOST_LINES) {
        if all.contains(['}', ']']) && balance(&all) <= 0 {
            break;
        }
        all.push_str(uncommented(line));
    }
    pieces(&all).into_iter().filter_map(parameter).collect()
}

fn parameter(text: &str) -> Option<Parameter> {
    let (name, default) =
        text.split_once(':').map_or((text, ""), |(name, rest)| (name, rest.trim()));
    let name = name.trim();
    let default = Some(default).filter(|text| !matches!(*text, "" | "null" | "~"));
    (!name.is_empty())
        .then(|| Parameter { name: name.to_owned(), default: default.map(str::to_owned) })
}

/// A line without its comment.
fn uncommented(line: &str) -> &str {
    line.find(" #").map_or(line, |at| &line[..at]).trim_end()
}

fn balance(text: &str) -> i32 {
    let change = |c| match c {
        '{' | '[' => 1,
        '}' | ']' => -1,
        _ => 0,
    };
    text.chars().map(change).sum()
}

/// What is between the commas of the outermost brackets.
fn pieces(text: &str) -> Vec<&str> {
    let (mut depth, mut start) = (0, 0);
    let mut pieces = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '{' | '[' => {
                depth += 1;
                start = if depth == 1 { at + 1 } else { start };
            }
            ',' if depth == 1 => {
                pieces.push(text[start..at].trim());
                start = at + 1;
            }
            '}' | ']' => {
                depth -= 1;
                if depth == 0 {
                    pieces.push(text[start..at].trim());
                    break;
                }
            }
            _ => {}
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_blocks_are_declared_in_many_ways() {
        let text = "\
name: Net
params: {width: 8, depths: [1, 2]}   # why
blocks:
  # first
  one:
    description: A block
    params: {w, stride: 1,
      act: null}
    steps:
      - conv: {kernel: 3, width: $w}
  two:
    params:
      w: 2 * $width
      n:
    branches: {}
  three:
    params: [a, b]
body:
  - one: {w: 1}
";
        let outline = Outline::of(text);
        assert_eq!(outline.keys, ["name", "params", "blocks", "body"]);
        let shown = |parameters: &[Parameter]| {
            let one =
                |it: &Parameter| format!("{}={}", it.name, it.default.as_deref().unwrap_or("?"));
            parameters.iter().map(one).collect::<Vec<String>>().join(" ")
        };
        assert_eq!(shown(&outline.parameters), "width=8 depths=[1, 2]");
        let blocks = outline.blocks.iter();
        let blocks: Vec<(&str, String)> =
            blocks.map(|block| (block.name.as_str(), shown(&block.parameters))).collect();
        assert_eq!(
            blocks,
            [
                ("one", "w=? stride=1 act=?".to_owned()),
                ("two", "w=2 * $width n=?".to_owned()),
                ("three", "a=? b=?".to_owned())
            ]
        );
        assert_eq!(outline.blocks[0].description, "A block");
    }

    #[test]
    fn half_typed_text_is_read_as_far_as_it_goes() {
        for text in
            ["", ":", "blocks:\n  a:\n    params: {", "params: [a, ", "blocks:\n  x", "params: }"]
        {
            Outline::of(text);
        }
    }
}
