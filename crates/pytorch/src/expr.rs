//! Python's expressions, and where their lines break.

/// Longest line.
const WIDTH: usize = 100;

/// Columns of one level.
const INDENT: usize = 4;

/// More operands than this get brackets of their own, since Python's compiler nests with every operator.
const LONGEST_INFIX: usize = 32;

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A name or a literal.
    Atom(String),
    /// A call.
    Call {
        /// What is called.
        function: String,
        /// Its arguments.
        arguments: Vec<Argument>,
    },
    /// A list.
    List(Vec<Self>),
    /// Operands with an operator between them.
    Infix(&'static str, Vec<Self>),
}

/// An argument of a call, by position or by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its name.
    pub name: Option<String>,
    /// Its value.
    pub value: Expr,
}

impl Argument {
    /// An argument by position.
    pub const fn positional(value: Expr) -> Self {
        Self { name: None, value }
    }

    /// An argument by name.
    pub fn named(name: impl Into<String>, value: Expr) -> Self {
        Self { name: Some(name.into()), value }
    }

    fn prefix(&self) -> String {
        self.name.as_ref().map(|name| format!("{name}=")).unwrap_or_default()
    }
}

impl Expr {
    /// A name or a literal.
    pub fn atom(text: impl Into<String>) -> Self {
        Self::Atom(text.into())
    }

    /// A call.
    pub fn call(function: impl Into<String>, arguments: Vec<Argument>) -> Self {
        Self::Call { function: function.into(), arguments }
    }

    /// A call with arguments by position.
    pub fn apply(function: impl Into<String>, arguments: Vec<Self>) -> Self {
        Self::call(function, arguments.into_iter().map(Argument::positional).collect())
    }

    /// Operands with an operator between them, in groups where they are many.
    pub fn infix(operator: &'static str, mut operands: Vec<Self>) -> Self {
        while operands.len() > LONGEST_INFIX {
            let groups = operands.chunks(LONGEST_INFIX);
            operands = groups.map(|group| Self::infix(operator, group.to_vec())).collect();
        }
        match operands.pop() {
            Some(only) if operands.is_empty() => only,
            last => {
                operands.extend(last);
                Self::Infix(operator, operands)
            }
        }
    }

    /// The text on one line.
    pub fn flat(&self) -> String {
        let joined = |parts: Vec<String>, by: &str| parts.join(by);
        match self {
            Self::Atom(text) => text.clone(),
            Self::Call { function, arguments } => {
                let flat = |argument: &Argument| argument.prefix() + &argument.value.flat();
                format!("{function}({})", joined(arguments.iter().map(flat).collect(), ", "))
            }
            Self::List(items) => {
                format!("[{}]", joined(items.iter().map(Self::flat).collect(), ", "))
            }
            Self::Infix(operator, operands) => {
                let flat = |operand: &Self| operand.operand(operator);
                joined(operands.iter().map(flat).collect(), &format!(" {operator} "))
            }
        }
    }

    /// The text as an operand, in brackets unless it binds tighter.
    fn operand(&self, around: &str) -> String {
        match self {
            Self::Infix(own, _) if !(*own == "*" && around == "+") => format!("({})", self.flat()),
            _ => self.flat(),
        }
    }

    /// The text after `used` columns of a line that is indented by `indent`, with `after` columns to come.
    fn layout(&self, indent: usize, used: usize, after: usize) -> String {
        let flat = self.flat();
        if used + flat.chars().count() + after <= WIDTH {
            return flat;
        }
        let inner = indent + INDENT;
        let broken = |open: &str, lines: Vec<String>, close: &str| {
            let lines: String = lines.iter().map(|line| format!("{:inner$}{line}\n", "")).collect();
            format!("{open}\n{lines}{:indent$}{close}", "")
        };
        match self {
            Self::Call { function, arguments } if !arguments.is_empty() => {
                let comma = if arguments.len() > 1 { "," } else { "" };
                let line = |argument: &Argument| {
                    let prefix = argument.prefix();
                    let used = inner + prefix.chars().count();
                    prefix + &argument.value.layout(inner, used, comma.len()) + comma
                };
                broken(&format!("{function}("), arguments.iter().map(line).collect(), ")")
            }
            Self::List(items) if !items.is_empty() => {
                let line = |item: &Self| format!("{},", item.layout(inner, inner, 1));
                broken("[", items.iter().map(line).collect(), "]")
            }
            Self::Infix(operator, operands) => {
                let line = |(position, operand): (usize, &Self)| {
                    let lead = if position == 0 { String::new() } else { format!("{operator} ") };
                    lead + &operand.operand(operator)
                };
                broken("(", operands.iter().enumerate().map(line).collect(), ")")
            }
            Self::Call { .. } | Self::List(_) | Self::Atom(_) => flat,
        }
    }

    /// A line, or several where it is long: `before`, the expression, `after`.
    pub fn line(&self, level: usize, before: &str, after: &str) -> String {
        let indent = level * INDENT;
        let used = indent + before.chars().count();
        let text = self.layout(indent, used, after.chars().count());
        format!("{:indent$}{before}{text}{after}\n", "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_broken_at_brackets() {
        let long = |name: &str| Expr::atom(name.repeat(40));
        let call = Expr::call(
            "f",
            vec![
                Argument::positional(Expr::List(vec![long("a"), long("b"), long("c")])),
                Argument::named("x", Expr::infix("+", vec![Expr::atom("1"), Expr::atom("2")])),
            ],
        );
        let lines: Vec<String> = call.line(1, "y = ", "").lines().map(str::to_owned).collect();
        let (a, b, c) = ("a".repeat(40), "b".repeat(40), "c".repeat(40));
        assert_eq!(
            lines,
            [
                "    y = f(".to_owned(),
                "        [".to_owned(),
                format!("            {a},"),
                format!("            {b},"),
                format!("            {c},"),
                "        ],".to_owned(),
                "        x=1 + 2,".to_owned(),
                "    )".to_owned(),
            ]
        );
        let many = Expr::infix("+", vec![Expr::atom("a"); 2000]);
        assert!(many.flat().starts_with("((a + a"));
    }
}
