//! Patterns of names.
//!
//! `layer{s}.{b}.conv1` matches `layer2.0.conv1`. In what it is translated to, `{s}` stands for the same word, `{s+1}` for
//! the number after it, and `{s}` for another word if there is a map `s`.

/// Words of one program and ours.
pub type Map = (&'static str, &'static [(&'static str, &'static str)]);

/// More characters than this are no word of a name.
const LONGEST_WORD: usize = 24;

/// What a name is called here, if it has the form of `theirs`.
pub fn translate(maps: &[Map], theirs: &str, ours: &str, name: &str) -> Option<String> {
    let mut words = Vec::new();
    let is_match = matches(maps, theirs, name, &mut words);
    if is_match { fill(ours, &words) } else { None }
}

/// Whether a name has a form; the words at its holes, by the names of these.
fn matches<'a>(
    maps: &[Map],
    pattern: &'a str,
    name: &'a str,
    words: &mut Vec<(&'a str, &'a str)>,
) -> bool {
    let Some((text, (hole, after))) =
        pattern.split_once('{').and_then(|(text, rest)| Some((text, rest.split_once('}')?)))
    else {
        return pattern == name;
    };
    let Some(rest) = name.strip_prefix(text) else { return false };
    let mut is_match = |word: &'a str, ours: &'a str| {
        words.push((hole, ours));
        let is_match = matches(maps, after, &rest[word.len()..], words);
        if !is_match {
            words.pop();
        }
        is_match
    };
    if let Some((_, map)) = maps.iter().find(|(name, _)| *name == hole) {
        return map.iter().any(|(theirs, ours)| {
            rest.starts_with(theirs) && is_match(&rest[..theirs.len()], ours)
        });
    }
    let ends = rest.char_indices().take_while(|&(_, c)| c != '.').take(LONGEST_WORD);
    for (at, c) in ends {
        let word = &rest[..at + c.len_utf8()];
        if is_match(word, word) {
            return true;
        }
    }
    false
}

/// A text with words at its holes.
fn fill(pattern: &str, words: &[(&str, &str)]) -> Option<String> {
    let mut filled = String::new();
    let mut rest = pattern;
    while let Some((text, (hole, after))) =
        rest.split_once('{').and_then(|(text, rest)| Some((text, rest.split_once('}')?)))
    {
        let name = hole.trim_end_matches(|c: char| c.is_ascii_digit() || c == '+' || c == '-');
        let (_, word) = words.iter().find(|(own, _)| *own == name)?;
        filled += text;
        match hole[name.len()..].parse::<i32>() {
            Ok(more) => filled += &word.parse::<i32>().ok()?.checked_add(more)?.to_string(),
            Err(_) => filled += word,
        }
        rest = after;
    }
    Some(filled + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_translated() {
        let maps: [Map; 1] = [("op", &[("1_left", "2a"), ("1", "no")])];
        for (theirs, ours, name, expected) in [
            ("conv1", "a/conv1", "conv1", Some("a/conv1")),
            ("conv1", "a/conv1", "conv10", None),
            ("layer{s}.{b}.bn", "c{s+1}_x/{b+1}/bn", "layer2.10.bn", Some("c3_x/11/bn")),
            ("layer{s}.bn", "c{s-3}", "layer2.bn", Some("c-1")),
            ("layer{s}.bn", "c{s+1}", "layerx.bn", None),
            ("layer{s}.bn", "c{s+1}", "layer2147483647.bn", None),
            ("Conv2d_{n}_{k}", "{n}", "Conv2d_1a_3x3", Some("1a")),
            ("x.{op}.y", "{op}/z", "x.1_left.y", Some("2a/z")),
            ("x.{op}.y", "{op}/z", "x.2_left.y", None),
            ("x{n}", "{n}", "x", None),
            ("x{n}", "{n}", "xé.y", None),
            ("x{n}.y", "{n}", "xé.y", Some("é")),
        ] {
            let found = translate(&maps, theirs, ours, name);
            assert_eq!(found.as_deref(), expected, "{theirs}, {name}");
        }
    }
}
