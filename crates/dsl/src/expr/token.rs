//! The tokens of an expression.

use std::sync::Arc;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(f64),
    Variable(Vec<Arc<str>>),
    Word(Arc<str>),
    Quoted(Arc<str>),
    Symbol(&'static str),
}

impl Token {
    /// The token as it is shown in messages.
    pub(super) fn show(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Variable(path) => format!("${}", path.join(".")),
            Self::Word(word) | Self::Quoted(word) => word.to_string(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
        }
    }
}

const SYMBOLS: [&str; 16] =
    ["==", "!=", "<=", ">=", "//", "<", ">", "+", "-", "*", "/", "%", "(", ")", ",", "."];

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The names after every `$` of a text that need not be an expression, with the places of the `$`.
pub(crate) fn mentions(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.match_indices('$').map(|(at, _)| {
        let rest = &text[at + 1..];
        (at, &rest[..rest.find(|c| !is_name(c)).unwrap_or(rest.len())])
    })
}

/// The tokens of a text, each with the byte where it starts.
pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, (usize, String)> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        if c.is_whitespace() {
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let (token, length) = token(rest, c).map_err(|message| (at, message))?;
        tokens.push((at, token));
        rest = &rest[length..];
    }
    Ok(tokens)
}

fn token(rest: &str, c: char) -> Result<(Token, usize), String> {
    let span = |pred: fn(char) -> bool, from: usize| {
        rest[from..].find(|c| !pred(c)).map_or(rest.len(), |end| from + end)
    };
    if c.is_ascii_digit() {
        let end = span(|c| c.is_alphanumeric() || c == '.' || c == '_', 0);
        return number(&rest[..end]).map(|number| (Token::Number(number), end));
    }
    if c == '$' {
        let end = span(|c| is_name(c) || c == '.', 1);
        let path: Vec<Arc<str>> = rest[1..end].split('.').map(Arc::from).collect();
        if path.iter().any(|part| part.is_empty()) {
            return Err("expected a name after `$`".to_owned());
        }
        return Ok((Token::Variable(path), end));
    }
    if c == '\'' || c == '"' {
        let end = rest[1..].find(c).ok_or_else(|| format!("expected a closing {c}"))?;
        return Ok((Token::Quoted(Arc::from(&rest[1..=end])), end + 2));
    }
    if is_name(c) {
        let end = span(is_name, 0);
        return Ok((Token::Word(Arc::from(&rest[..end])), end));
    }
    match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
        Some(symbol) => Ok((Token::Symbol(symbol), symbol.len())),
        None => Err(format!("`{c}` is not allowed in an expression")),
    }
}

/// A number with an optional suffix: K, M, G or T for powers of 1000, KiB, MiB or GiB for powers of 1024.
fn number(text: &str) -> Result<f64, String> {
    let binary = [("KiB", 1024.0), ("MiB", 1_048_576.0), ("GiB", 1_073_741_824.0)];
    let binary = binary.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
    let (digits, factor) = binary.unwrap_or_else(|| match text.char_indices().next_back() {
        Some((at, 'K' | 'k')) => (&text[..at], 1e3),
        Some((at, 'M')) => (&text[..at], 1e6),
        Some((at, 'G')) => (&text[..at], 1e9),
        Some((at, 'T')) => (&text[..at], 1e12),
        _ => (text, 1.0),
    });
    let number =
        digits.replace('_', "").parse::<f64>().map_err(|_| format!("`{text}` is not a number"))?;
    Ok(number * factor)
}
