//! The stable codes of diagnostics and what `inceptive explain` says about each.

use std::{fmt, str::FromStr};

macro_rules! codes {
    ($($name:ident $id:literal $title:literal: $text:literal;)*) => {
        /// What is wrong, as a stable identifier that never changes its meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $name,)*
        }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The identifier, `E101`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// A short title.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What the error means and how to repair it.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

codes! {
    Unreadable "E001" "a file cannot be read":
"The file does not exist, is a folder or another special file, or may not be read. Paths in `extends`,
`use` and `base` are relative to the file that they stand in.";
    NotUtf8 "E002" "a file is not UTF-8 text":
"Architecture files are UTF-8. The message says at which byte the text stops being UTF-8: perhaps the
file is a picture or an archive, or was saved in another encoding.";
    FileTooLarge "E003" "a file is too large":
"A file may be at most 1 MiB, and a text in it 4 KiB. The largest architecture that comes with Inceptive
is 8 KiB; use `repeat` and `blocks` instead of listing layers one by one.";
    EmptyFile "E004" "a file holds no data":
"The file is empty or has only comments. The smallest architecture is

    name: tiny
    input: {channels: 3, size: 32}
    classes: 10
    body:
      - conv: {kernel: 3, width: 16}
    tail: gap";
    YamlSyntax "E005" "the text is not valid YAML":
"The YAML parser stopped at the place shown. Frequent causes are a missing space after a colon, a tab in
the indentation, a bracket that is not closed, and a value that starts with a special character such
as `@` or `%` without quotes.";
    TooDeep "E006" "values are nested too deeply":
"Lists and maps may be nested at most 64 levels deep. Blocks (`blocks:`) reduce the nesting.";
    TooManyValues "E007" "a file has too many values":
"A file may hold at most 100,000 values after its aliases (`*name`) are expanded. A few lines of nested aliases
can stand for billions of values; such files are refused. A block may have 256
parameters, a space 256 variables, and a file 512 parameters.";
    DuplicateKey "E008" "a key is given twice":
"A map may have each key only once. Remove one of the two, or rename it.";
    UnsupportedYaml "E009" "an unsupported YAML feature":
"Tags (`!name`), several documents in one file and keys that are lists or maps are not supported in
architecture files.";
    UnknownKey "E101" "an unknown key":
"The key is unknown here; the help names the nearest known one and the keys that are allowed.";
    WrongType "E102" "a value has the wrong type":
"The value is, for example, a number instead of a text, or a map instead of a list. The message says what is expected.";
    MissingKey "E103" "a required key is missing":
"The map needs this key; it has no default.";
    UnknownStep "E104" "an unknown step or block":
"A step is `<operator> [<name>]: {arguments}`. The operator is built in (`conv`, `maxpool`, ...), or a
block from `blocks:` or from a file under `use:`. The help names the nearest one.";
    InvalidName "E105" "a name has characters that are not allowed":
"Names of steps, branches, blocks and parameters may use any script, but no spaces, invisible
characters such as direction marks and joiners, or any of `/ $ =`, and at most 100 characters. Names become
paths such as `4a/3x3/reduce`. A network's own `name` may be any text that is not empty.";
    DuplicateName "E106" "the same name twice":
"A variable of a space may list each value only once, and `with` can set a parameter with the name of a
variable only to that variable. Steps in one scope need different names, because measurements, weights
and comparisons are matched by path. In the outermost scope, `input`, `tail` and the names of auxiliary
heads are reserved; among branches, the name of their join is reserved. Steps without a name are
numbered automatically.";
    MalformedStep "E107" "a malformed step":
"A step is a map with one key, `- conv: {kernel: 3, width: 64}`, with an optional name,
`- conv reduce: {kernel: 1, width: 64}`, or a word alone, `- relu`. The usual cause of this error is
a missing `- ` before the second of two steps.";
    OutOfRange "E108" "a number is out of its range":
"The number is negative, zero, too large or not finite, which is not allowed here.";
    UnknownWord "E109" "a word that is not one of the choices":
"The value is one of a few words; the help lists them.";
    WrongKind "E110" "a file of another kind is needed":
"An architecture has `body:` or `extends:`, a space has `base:` and `vary:`, a library of blocks has
`blocks:` alone, a recipe for training has `epochs:`. `extends` and `base` need an architecture, or a recipe in
a recipe; `use` needs a library of blocks, and only architectures and spaces can be counted and shown.";
    ExpressionSyntax "E201" "an expression cannot be read":
"Expressions use numbers, `$names`, `+ - * / // %`, comparisons, `and or not`, parentheses and the
functions `min max floor ceil round round_to(x, multiple)`.";
    UnknownVariable "E202" "an unknown variable":
"`$name` refers to a parameter of the block, to an entry of the file's `params`, or to one of `$in`,
`$in_height`, `$in_width`, `$classes` and, in a `repeat`, `$i`. The help names the nearest one.";
    Evaluation "E203" "an expression cannot be evaluated":
"The cause is a division by zero, arithmetic on text, a comparison of a number with text, or a field that
the value does not have.";
    NotWhole "E204" "a whole number is needed":
"The expression gives a fraction, and Inceptive never rounds silently. Round with `floor(...)`,
`ceil(...)`, `round(...)`, `round_to(..., 8)` or the whole-number division `//`.";
    UnusedParameter "E302" "a parameter is never used":
"A parameter of a block, of the file or of a space is never used, so setting it would have no effect.
Use it or remove it.";
    TooManyCalls "E303" "blocks are nested too deeply":
"Blocks may use other blocks at most 32 levels deep; a block that uses itself never ends.";
    ReservedName "E304" "a reserved name":
"A block cannot have the name of a built-in step, because uses of it would be ambiguous, and a parameter of a block
cannot be called `from`, which every step has.";
    PathEscape "E401" "a path leaves the folder":
"`extends`, `use` and `base` take relative paths to files in the current folder or beside the file itself
(or in the enclosing folder named `architectures`, or in the folder that contains one named `blocks` or
`spaces`), so that an untrusted file cannot read other folders.";
    ExtendsCycle "E402" "files refer to each other in a cycle":
"Following `extends`, `use` or `base` leads back to the same file.";
    TooManyFiles "E403" "a network is read from too many files":
"Following `extends`, `use` and `base`, a network may be read from at most 64 files. They may refer
to each other at most 16 levels deep, and have at most 4 MiB and 200,000 values together, after their
aliases are expanded.";
    ShapeMismatch "E501" "a layer does not fit its input":
"The operator does not accept this input. Causes are a window larger than the padded map, channels that the
groups do not divide, a linear layer on a map that was not flattened. The message shows the shape and the
second label the line that it comes from.";
    JoinMismatch "E502" "branches do not fit together":
"`concat` needs equal height and width, `add` equal shapes, `multiply` equal shapes or channels x 1 x 1.
Both shapes are shown with the lines that they come from. Frequent causes are a stride in one branch
only, or a shortcut that needs a 1x1 projection.";
    NetworkTooLarge "E503" "the network is too large":
"A network may have 100,000 nodes and 2^48 multiply-accumulates and values in total, so that every count is
exact; the blocks of one file may expand to 200,000 steps and branches, and its expressions to 4 MiB of text.";
    EmptyNetwork "E504" "the network has no layers":
"`body` and `tail` have no steps, so the network would return its input.";
    UnknownPlace "E505" "a step that does not exist":
"`after` of an auxiliary head and the keys of `set` are paths of steps, such as `4a` or `4a/3x3/reduce`.
`inceptive show FILE` lists them. `from` names steps that come before it, in the same list of steps or in one around
it, not outside of the block; `in` is the input of the list.";
    UnreadStep "E506" "a result that nothing reads":
"A step reads the one before it, or what its `from` names, and the last step of a list is its result. The result of this
step is neither. Name it in the `from` of a later step, join it with `concat` or `add`, or remove the step.";
    WrongInputs "E507" "a step reads another number of inputs":
"Built-in steps and blocks read one input. Only `concat`, `add` and `multiply` join several, and only a block or a
`repeat` that names its `inputs` reads as many as it names.";
    AbsentOutput "E508" "`none` leaves nothing to compute":
"`none` leaves out what reads it, joins leave out such inputs, and if nothing else is left to join, the result of the join is
left out too. On every way to this output there is a `none`.";
    UnknownSetting "E601" "an unknown setting":
"`--set KEY=VALUE` sets a parameter of the architecture, a variable of the space, a top-level value such
as `classes`, `input.size`, `tail` or `width_multiplier`, or an argument of a step such as `4a.c3`; of a recipe,
it sets any key, such as `epochs` or `schedule.one_cycle.peak`.";
    OutsideDomain "E602" "a value that the space does not have":
"The variable takes only the values that the space lists under `vary`.";
    InvalidConstraint "E603" "a constraint or objective cannot be read":
"A constraint compares counts, `params < 8M` or `macs <= 1.03 * 271351808`; an objective is `minimize macs`
or `maximize top1`. Counts are params, buffers, macs, flops, acts, weight_bytes, activation_bytes, moved_bytes,
peak_activation_bytes and nodes; suffixes are K, M, G and T.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

/// The text is not the identifier of a diagnostic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown diagnostic `{0}`; `inceptive explain` lists them")]
pub struct UnknownCode(String);

impl FromStr for Code {
    type Err = UnknownCode;

    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        let found = Self::ALL.iter().find(|code| code.id().eq_ignore_ascii_case(text));
        found.copied().ok_or_else(|| UnknownCode(text.to_owned()))
    }
}
