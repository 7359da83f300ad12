//! The expression language: arithmetic, comparison and logic over named values.
//!
//! ```text
//! or      := and ("or" and)*
//! and     := not ("and" not)*
//! not     := "not" not | compare
//! compare := sum (("==" | "!=" | "<" | "<=" | ">" | ">=") sum)?
//! sum     := product (("+" | "-") product)*
//! product := unary (("*" | "/" | "//" | "%") unary)*
//! unary   := "-" unary | atom
//! atom    := number [K | M | G | T] | "$" name ("." name)* | word | 'text' | function "(" or ("," or)* ")" | "(" or ")"
//! ```

use std::sync::Arc;

use crate::yaml::{Node, Value as Yaml, shown};

/// How deep an expression may be nested.
const MAX_DEPTH: usize = 32;

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expr {
    Number(f64),
    /// A word or a quoted text.
    Word(Arc<str>),
    /// `$name.field.field`.
    Variable(Vec<Arc<str>>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    Call(Function, Vec<Expr>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Min,
    Max,
    Floor,
    Ceil,
    Round,
    RoundTo,
}

impl Function {
    const ALL: [(&'static str, Self); 6] = [
        ("min", Self::Min),
        ("max", Self::Max),
        ("floor", Self::Floor),
        ("ceil", Self::Ceil),
        ("round", Self::Round),
        ("round_to", Self::RoundTo),
    ];
}

/// The value of an expression.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Val {
    pub(crate) kind: ValKind,
    /// Whether it follows from the channels of the input or from the number of classes, which
    /// `width_multiplier` must not multiply (again).
    pub(crate) from_input: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ValKind {
    Number(f64),
    Bool(bool),
    Text(Arc<str>),
    /// A list, a map or nothing.
    Node(Node),
}

impl Val {
    pub(crate) fn number(number: f64) -> Self {
        Self { kind: ValKind::Number(number), from_input: false }
    }

    pub(crate) fn from_node(node: &Node) -> Self {
        let kind = match &node.value {
            Yaml::Number(number) => ValKind::Number(*number),
            Yaml::Bool(flag) => ValKind::Bool(*flag),
            Yaml::Text(text) => ValKind::Text(Arc::clone(text)),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => ValKind::Node(node.clone()),
        };
        Self { kind, from_input: false }
    }

    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            ValKind::Number(number) => shown(*number),
            ValKind::Bool(flag) => flag.to_string(),
            ValKind::Text(text) => format!("`{text}`"),
            ValKind::Node(node) => node.kind().to_owned(),
        }
    }
}

/// Why an expression cannot be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum EvalError {
    /// The value cannot be known because of an error that is reported elsewhere.
    Unknown,
    /// No variable of this name is in scope.
    NoVariable(String),
    /// The operation is not defined.
    Undefined(String),
}

/// Named values for expressions.
pub(crate) trait Lookup {
    fn lookup(&self, name: &str) -> Result<Val, EvalError>;
}

/// Parses `text`.
///
/// # Errors
/// The byte of the error, and what was expected there.
pub(crate) fn parse(text: &str) -> Result<Expr, (usize, String)> {
    let mut parser = ExprParser { text, tokens: tokens(text)?, next: 0, depth: 0 };
    let expr = parser.binary(0)?;
    match parser.peek() {
        None => Ok(expr),
        Some(token) => {
            Err((parser.at(), format!("expected an operator, found `{}`", token.show())))
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Variable(Vec<Arc<str>>),
    Word(Arc<str>),
    Quoted(Arc<str>),
    Symbol(&'static str),
}

impl Token {
    fn show(&self) -> String {
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

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, (usize, String)> {
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

/// A number with an optional suffix K, M, G or T (powers of 1000).
fn number(text: &str) -> Result<f64, String> {
    let (digits, factor) = match text.char_indices().next_back() {
        Some((at, 'K' | 'k')) => (&text[..at], 1e3),
        Some((at, 'M')) => (&text[..at], 1e6),
        Some((at, 'G')) => (&text[..at], 1e9),
        Some((at, 'T')) => (&text[..at], 1e12),
        _ => (text, 1.0),
    };
    let number =
        digits.replace('_', "").parse::<f64>().map_err(|_| format!("`{text}` is not a number"))?;
    Ok(number * factor)
}

struct ExprParser<'a> {
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    next: usize,
    depth: usize,
}

type Parsed = Result<Expr, (usize, String)>;

impl ExprParser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next).map(|(_, token)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).map_or(self.text.len(), |(at, _)| *at)
    }

    fn is_next(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Symbol(s)) if *s == symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), (usize, String)> {
        if self.is_next(symbol) {
            return Ok(());
        }
        let found =
            self.peek().map_or_else(|| "the end".to_owned(), |token| format!("`{}`", token.show()));
        Err((self.at(), format!("expected `{symbol}`, found {found}")))
    }

    /// The binary operator that comes next, with its precedence.
    fn operator(&self) -> Option<(Binary, u8)> {
        Some(match self.peek()? {
            Token::Word(word) if &**word == "or" => (Binary::Or, 1),
            Token::Word(word) if &**word == "and" => (Binary::And, 2),
            Token::Symbol(symbol) => match *symbol {
                "==" => (Binary::Equal, 4),
                "!=" => (Binary::Unequal, 4),
                "<" => (Binary::Less, 4),
                "<=" => (Binary::LessEqual, 4),
                ">" => (Binary::Greater, 4),
                ">=" => (Binary::GreaterEqual, 4),
                "+" => (Binary::Add, 5),
                "-" => (Binary::Subtract, 5),
                "*" => (Binary::Multiply, 6),
                "/" => (Binary::Divide, 6),
                "//" => (Binary::FloorDivide, 6),
                "%" => (Binary::Remainder, 6),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn nested<T>(
        &mut self,
        parse: impl FnOnce(&mut Self) -> Result<T, (usize, String)>,
    ) -> Result<T, (usize, String)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err((
                self.at(),
                format!("the expression is nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }

    fn binary(&mut self, least: u8) -> Parsed {
        let mut left = self.nested(Self::unary)?;
        let mut length = 0;
        while let Some((operator, precedence)) = self.operator().filter(|(_, p)| *p > least) {
            self.next += 1;
            length += 1;
            if length > MAX_DEPTH {
                return Err((self.at(), format!("more than {MAX_DEPTH} operators in a row")));
            }
            let right = self.nested(|parser| parser.binary(precedence))?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        if matches!(self.peek(), Some(Token::Word(word)) if &**word == "not") {
            self.next += 1;
            // Binds looser than comparisons.
            return Ok(Expr::Not(Box::new(self.nested(|parser| parser.binary(3))?)));
        }
        if self.is_next("-") {
            return Ok(Expr::Negate(Box::new(self.nested(Self::unary)?)));
        }
        self.atom()
    }

    fn atom(&mut self) -> Parsed {
        let at = self.at();
        let Some(token) = self.peek().cloned() else {
            return Err((at, "expected a value, found the end".to_owned()));
        };
        self.next += 1;
        match token {
            Token::Number(number) => Ok(Expr::Number(number)),
            Token::Variable(path) => Ok(Expr::Variable(path)),
            Token::Quoted(text) => Ok(Expr::Word(text)),
            Token::Word(word) if self.is_next("(") => self.call(at, &word),
            Token::Word(word) => Ok(Expr::Word(word)),
            Token::Symbol("(") => {
                let inner = self.nested(|parser| parser.binary(0))?;
                self.expect(")").map(|()| inner)
            }
            Token::Symbol(symbol) => Err((at, format!("expected a value, found `{symbol}`"))),
        }
    }

    fn call(&mut self, at: usize, word: &str) -> Parsed {
        let Some((_, function)) = Function::ALL.iter().find(|(name, _)| *name == word) else {
            let known: Vec<&str> = Function::ALL.iter().map(|(name, _)| *name).collect();
            return Err((
                at,
                format!("`{word}` is not a function; there are {}", known.join(", ")),
            ));
        };
        let mut arguments = vec![self.nested(|parser| parser.binary(0))?];
        while self.is_next(",") {
            arguments.push(self.nested(|parser| parser.binary(0))?);
        }
        self.expect(")")?;
        let fits = match function {
            Function::Min | Function::Max => true,
            Function::Floor | Function::Ceil | Function::Round => arguments.len() == 1,
            Function::RoundTo => arguments.len() == 2,
        };
        if fits {
            Ok(Expr::Call(*function, arguments))
        } else {
            Err((at, format!("`{word}` has the wrong number of arguments")))
        }
    }
}

impl Expr {
    /// Calls `visit` with the name of every variable, fields left out.
    pub(crate) fn variables(&self, visit: &mut impl FnMut(&str)) {
        match self {
            Self::Number(_) | Self::Word(_) => {}
            Self::Variable(path) => visit(&path[0]),
            Self::Not(inner) | Self::Negate(inner) => inner.variables(visit),
            Self::Binary(_, left, right) => {
                left.variables(visit);
                right.variables(visit);
            }
            Self::Call(_, arguments) => arguments.iter().for_each(|a| a.variables(visit)),
        }
    }

    /// The expression with every bare word read as the variable of that name.
    pub(crate) fn words_as_variables(self) -> Self {
        let boxed = |inner: Box<Self>| Box::new(inner.words_as_variables());
        match self {
            Self::Number(_) | Self::Variable(_) => self,
            Self::Word(word) => Self::Variable(vec![word]),
            Self::Not(inner) => Self::Not(boxed(inner)),
            Self::Negate(inner) => Self::Negate(boxed(inner)),
            Self::Binary(operator, left, right) => {
                Self::Binary(operator, boxed(left), boxed(right))
            }
            Self::Call(function, arguments) => {
                Self::Call(function, arguments.into_iter().map(Self::words_as_variables).collect())
            }
        }
    }

    /// The value in a scope.
    pub(crate) fn eval(&self, scope: &dyn Lookup) -> Result<Val, EvalError> {
        match self {
            Self::Number(number) => Ok(Val::number(*number)),
            Self::Word(word) => {
                Ok(Val { kind: ValKind::Text(Arc::clone(word)), from_input: false })
            }
            Self::Variable(path) => variable(path, scope),
            Self::Not(inner) => {
                let value = inner.eval(scope)?;
                let flag = truth(&value)?;
                Ok(Val { kind: ValKind::Bool(!flag), ..value })
            }
            Self::Negate(inner) => {
                let value = inner.eval(scope)?;
                let number = numeric(&value)?;
                Ok(Val { kind: ValKind::Number(-number), ..value })
            }
            Self::Binary(operator, left, right) => {
                binary(*operator, &left.eval(scope)?, || right.eval(scope))
            }
            Self::Call(function, arguments) => {
                let values: Result<Vec<Val>, EvalError> =
                    arguments.iter().map(|argument| argument.eval(scope)).collect();
                call(*function, &values?)
            }
        }
    }
}

fn variable(path: &[Arc<str>], scope: &dyn Lookup) -> Result<Val, EvalError> {
    let mut value = scope.lookup(&path[0])?;
    for field in &path[1..] {
        let inner = match &value.kind {
            ValKind::Node(node) => node.map().and_then(|map| map.get(field)),
            ValKind::Number(_) | ValKind::Bool(_) | ValKind::Text(_) => None,
        };
        let Some(inner) = inner else {
            let message = format!("`${}` has no field `{field}`", path[0]);
            return Err(EvalError::Undefined(message));
        };
        value = Val { from_input: value.from_input, ..Val::from_node(inner) };
    }
    Ok(value)
}

fn numeric(value: &Val) -> Result<f64, EvalError> {
    match value.kind {
        ValKind::Number(number) => Ok(number),
        ValKind::Bool(_) | ValKind::Text(_) | ValKind::Node(_) => {
            Err(EvalError::Undefined(format!("{} is not a number", value.describe())))
        }
    }
}

fn truth(value: &Val) -> Result<bool, EvalError> {
    match value.kind {
        ValKind::Bool(flag) => Ok(flag),
        ValKind::Number(_) | ValKind::Text(_) | ValKind::Node(_) => {
            Err(EvalError::Undefined(format!("{} is not true or false", value.describe())))
        }
    }
}

fn binary(
    operator: Binary,
    left: &Val,
    right: impl FnOnce() -> Result<Val, EvalError>,
) -> Result<Val, EvalError> {
    if matches!((operator, truth(left)), (Binary::Or, Ok(true)) | (Binary::And, Ok(false))) {
        return Ok(left.clone());
    }
    let right = right()?;
    let from_input = left.from_input || right.from_input;
    let kind = match operator {
        Binary::Or | Binary::And => {
            truth(left)?;
            ValKind::Bool(truth(&right)?)
        }
        Binary::Equal => ValKind::Bool(equal(left, &right)?),
        Binary::Unequal => ValKind::Bool(!equal(left, &right)?),
        Binary::Less => ValKind::Bool(numeric(left)? < numeric(&right)?),
        Binary::LessEqual => ValKind::Bool(numeric(left)? <= numeric(&right)?),
        Binary::Greater => ValKind::Bool(numeric(left)? > numeric(&right)?),
        Binary::GreaterEqual => ValKind::Bool(numeric(left)? >= numeric(&right)?),
        Binary::Add => ValKind::Number(numeric(left)? + numeric(&right)?),
        Binary::Subtract => ValKind::Number(numeric(left)? - numeric(&right)?),
        Binary::Multiply => ValKind::Number(numeric(left)? * numeric(&right)?),
        Binary::Divide => ValKind::Number(numeric(left)? / divisor(&right)?),
        Binary::FloorDivide => ValKind::Number((numeric(left)? / divisor(&right)?).floor()),
        Binary::Remainder => ValKind::Number(numeric(left)?.rem_euclid(divisor(&right)?)),
    };
    Ok(Val { kind, from_input })
}

fn divisor(value: &Val) -> Result<f64, EvalError> {
    match numeric(value)? {
        0.0 => Err(EvalError::Undefined("division by zero".to_owned())),
        number => Ok(number),
    }
}

fn equal(left: &Val, right: &Val) -> Result<bool, EvalError> {
    match (&left.kind, &right.kind) {
        (ValKind::Number(a), ValKind::Number(b)) => Ok(a == b),
        (ValKind::Text(a), ValKind::Text(b)) => Ok(a == b),
        (ValKind::Bool(a), ValKind::Bool(b)) => Ok(a == b),
        (ValKind::Node(_), _) | (_, ValKind::Node(_)) => Ok(false),
        _ => {
            let message =
                format!("{} cannot be compared with {}", left.describe(), right.describe());
            Err(EvalError::Undefined(message))
        }
    }
}

fn call(function: Function, arguments: &[Val]) -> Result<Val, EvalError> {
    let from_input = arguments.iter().any(|argument| argument.from_input);
    let numbers: Result<Vec<f64>, EvalError> = arguments.iter().map(numeric).collect();
    let numbers = numbers?;
    let number = match function {
        Function::Min => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        Function::Max => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Function::Floor => numbers[0].floor(),
        Function::Ceil => numbers[0].ceil(),
        Function::Round => numbers[0].round(),
        Function::RoundTo => {
            let multiple = divisor(&arguments[1])?;
            (numbers[0] / multiple).round() * multiple
        }
    };
    Ok(Val { kind: ValKind::Number(number), from_input })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Names;

    impl Lookup for Names {
        fn lookup(&self, name: &str) -> Result<Val, EvalError> {
            match name {
                "in" => Ok(Val { from_input: true, ..Val::number(256.0) }),
                "tail" => Ok(Val { kind: ValKind::Text("fc".into()), from_input: false }),
                _ => Err(EvalError::NoVariable(name.to_owned())),
            }
        }
    }

    fn check(text: &str, expected: &str) {
        let shown = match parse(text) {
            Err((at, message)) => format!("{at}: {message}"),
            Ok(expr) => match expr.eval(&Names) {
                Ok(value) => value.describe(),
                Err(error) => format!("{error:?}"),
            },
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn arithmetic_binds_as_usual() {
        check("1 + 2 * 3", "7");
        check("(1 + 2) * 3", "9");
        check("2 - 3 - 4", "-5");
        check("-2 * 3", "-6");
        check("7 // 2 + 7 % 2 + 7 / 2", "7.5");
        check("$in * 0.25", "64");
        check("round_to($in * 0.3, 8)", "80");
        check("max(8, $in // 64, min(1, 2))", "8");
        check("1.6G", "1600000000");
        check("8M + 1K", "8001000");
    }

    #[test]
    fn logic_and_words() {
        check("$tail == fc", "true");
        check("not $tail == 'gap' and 1 < 2", "true");
        check("1 > 2 or 2 >= 2", "true");
        check("1 > 2 and 1 / 0 == 1", "false");
        check("$tail == 3", "Undefined(\"`fc` cannot be compared with 3\")");
    }

    #[test]
    fn mistakes_are_described() {
        check("1 +", "3: expected a value, found the end");
        check("(1", "2: expected `)`, found the end");
        check("1 2", "2: expected an operator, found `2`");
        check(
            "sqrt(2)",
            "0: `sqrt` is not a function; there are min, max, floor, ceil, round, round_to",
        );
        check("$", "0: expected a name after `$`");
        check("1 # 2", "2: `#` is not allowed in an expression");
        check("1 / ($in - 256)", "Undefined(\"division by zero\")");
        check("$width", "NoVariable(\"width\")");
        check("$in.x", "Undefined(\"`$in` has no field `x`\")");
        check("3x", "0: `3x` is not a number");
    }

    #[test]
    fn depth_is_bounded() {
        assert!(parse(&"(".repeat(100_000)).is_err());
        assert!(parse(&"-".repeat(100_000)).is_err());
        assert!(parse(&"not ".repeat(100_000)).is_err());
        assert!(parse(&"1+".repeat(100_000)).is_err());
    }

    #[test]
    fn what_comes_from_the_input_is_marked() {
        let marked = |text: &str| parse(text).unwrap().eval(&Names).unwrap().from_input;
        assert!(marked("$in // 4"));
        assert!(marked("max(8, $in)"));
        assert!(!marked("4 * 16"));
    }
}
