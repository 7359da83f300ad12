//! How names are compared and sorted.

use inceptive_ir::is_invisible;

/// The words of a name, without separators and replaced characters: our `4a/3x3.weight` is `_4a._3x3.weight` in Python.
/// Invisible characters, which no name of ours has, stay: a name with one is that of something else.
pub fn words(name: &str) -> Vec<String> {
    let is_mark = |c: char| !c.is_alphanumeric() && !is_invisible(c);
    name.split(is_mark).filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
}

/// The key by which people sort: `layer10` after `layer9`.
pub fn natural(name: &str) -> Vec<(usize, String)> {
    let mut key = Vec::new();
    for part in name.split('.') {
        let mut rest = part;
        while !rest.is_empty() {
            let text = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let digits =
                rest[text..].find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len() - text);
            key.push((0, rest[..text].to_owned()));
            // Of two numbers, the one with more digits is larger, however many there are.
            let number = rest[text..text + digits].trim_start_matches('0');
            key.push((number.len(), number.to_owned()));
            rest = &rest[text + digits..];
        }
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_python_and_ours_read_the_same() {
        assert_eq!(
            words("_4a._3x3.reduce_bn.running_mean"),
            words("4a/3x3/reduce/bn.running_mean")
        );
        assert_eq!(words("_a_b_.茎.weight"), words("'a+b'/茎.weight"));
        assert_ne!(words("4a/3x3.weight"), words("4a/3x3.bias"));
    }

    #[test]
    fn numbers_in_names_sort_by_value() {
        let mut names = ["layer10.conv1", "layer9.conv2", "layer9.conv10", "bn1", "layer9.conv1"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(
            names,
            ["bn1", "layer9.conv1", "layer9.conv2", "layer9.conv10", "layer10.conv1"]
        );
        // However many digits they have.
        let mut names = ["f.100000000000000000010", "f.100000000000000000009", "f.007"];
        names.sort_by_key(|name| natural(name));
        assert_eq!(names, ["f.007", "f.100000000000000000009", "f.100000000000000000010"]);
    }
}
