//! The expression language: arithmetic, comparison and logic over named values.
//!
//! ```text
//! or      := and ("or" and)*
//! and     := not ("and" not)*
//! not     := "not" not | compare
//! compare := sum (("==" | "!=" | "<" | "<=" | ">" | ">=" | "contains") sum)?
//! sum     := product (("+" | "-") product)*
//! product := unary (("*" | "/" | "//" | "%") unary)*
//! unary   := "-" unary | atom
//! atom    := number [K | M | G | T | KiB | MiB | GiB] | "$" name ("." name)* | word | 'text' | function "(" or ("," or)* ")" | "(" or ")"
//! ```

mod eval;
mod parse;
mod tape;
mod token;
mod tree;
mod value;

pub(crate) use parse::parse;
pub(crate) use tape::{Check, MAX_COUNT, MAX_VARIABLES, Notes, Requirement, Tape, is_multiplier};
pub use tape::{Formulas, LANES, Lanes, Symbol};
pub(crate) use token::mentions;
pub(crate) use tree::{Binary, Expr, Function, contains};
pub(crate) use value::{EvalError, Lookup, Val, ValKind};

#[cfg(test)]
mod tests {
    use super::*;

    struct Names;

    impl Lookup for Names {
        fn lookup(&self, name: &str) -> Result<Val, EvalError> {
            match name {
                "in" => Ok(Val { from_input: true, ..Val::number(256.0) }),
                "tail" => Ok(Val::new(ValKind::Text("fc".into()))),
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
        check("1.5MiB + 1KiB", "1573888");
    }

    #[test]
    fn logic_and_words() {
        check("$tail == fc", "true");
        check("not $tail == 'gap' and 1 < 2", "true");
        check("1 > 2 or 2 >= 2", "true");
        check("1 > 2 and 1 / 0 == 1", "false");
        check("'Inception v3' contains inception and not $tail contains x", "true");
        check("$in contains 2", "Undefined(\"256 is not a text\")");
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
