//! Tokens to a parsed expression.

use super::{
    token::{Token, tokens},
    tree::{Binary, Expr, Function},
};

/// How deep an expression may be nested.
const MAX_DEPTH: usize = 32;

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
            Token::Word(word) if &**word == "contains" => (Binary::Contains, 4),
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
