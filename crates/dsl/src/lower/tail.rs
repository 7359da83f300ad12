//! The classifier at the end of a network.

use inceptive_ir::{Activation, Form, Linear, Op, Path, PoolKind, Span};

use super::{Cursor, Lowering, Names, Outputs, ops::form};
use crate::{
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    document::{FcTailKeys, GapTailKeys, TailKey},
    expr::Symbol,
    field::{Field, Fields, Maybe, Width, unknown_keys},
    scope::{Reader, Scope},
    yaml::{Map, Node, Value},
};

/// Widths of the hidden layers of an `fc` tail, as in AlexNet and VGG.
pub(crate) const FC_WIDTHS: [u32; 2] = [4096, 4096];

impl Lowering<'_> {
    pub(crate) fn tail(
        &mut self,
        tail: &TailKey,
        classes: Option<Maybe<u32>>,
        scope: &Scope<'_>,
        from: Cursor,
    ) -> Cursor {
        let reader = Reader { scope, sink: self.sink };
        let path = Path::new("tail");
        let none = Map::default();
        let (word, span, args) = match &tail.0.value {
            Value::List(_) => return self.scope(&tail.0, scope, Names::of(path, from)),
            Value::Text(word) => (&**word, tail.0.span, &none),
            Value::Map(map) if map.0.len() == 1 => {
                let entry = &map.0[0];
                let args = match &entry.value.value {
                    Value::Null => &none,
                    Value::Map(args) => &**args,
                    _ => {
                        reader.wrong_type::<()>(&entry.value, "a map of arguments");
                        return self.hide(&path, from);
                    }
                };
                (&*entry.key, entry.key_span, args)
            }
            _ => {
                reader.wrong_type::<()>(
                    &tail.0,
                    "`gap`, `fc`, either with arguments, or a list of steps",
                );
                return self.hide(&path, from);
            }
        };
        let fields = Fields { reader, what: word, span, maps: vec![args], resolved: &[] };
        let classes =
            || classes.or_else(|| missing_classes(span, &reader)).and_then(|known| known.0);
        match word {
            "gap" => match (GapTailKeys::read(&fields), classes()) {
                (Some(keys), Some(classes)) => self.gap_tail(&keys, classes, span, from),
                _ => self.hide(&path, from),
            },
            "fc" => match (FcTailKeys::read(&fields), classes()) {
                (Some(keys), Some(classes)) => {
                    self.fc_tail(&keys, classes, span, from, &path, &reader)
                }
                _ => self.hide(&path, from),
            },
            other => {
                let message = format!("`{other}` is not a tail");
                let unknown = Diagnostic::new(Code::UnknownWord, message).at(span, "not known");
                self.sink.push(unknown.help(suggestion(other, "tails", ["gap", "fc"])));
                self.hide(&path, from)
            }
        }
    }

    fn gap_tail(&mut self, keys: &GapTailKeys, classes: u32, span: Span, from: Cursor) -> Cursor {
        let pooling = form(keys.functional);
        let mut at = self.tail_node(Op::GlobalPool(PoolKind::Average), "pool", pooling, span, from);
        at = self.tail_node(Op::Flatten, "flatten", Form::Module, span, at);
        if let Some(p) = keys.dropout {
            at = self.tail_node(Op::Dropout { p: p.as_f32() }, "dropout", Form::Module, span, at);
        }
        let bias = keys.bias.is_none_or(|bias| bias.0);
        at = self.classifier(classes, bias, span, at);
        self.tail_softmax(keys.softmax.is_some_and(|flag| flag.0), span, at)
    }

    fn fc_tail(
        &mut self,
        keys: &FcTailKeys,
        classes: u32,
        span: Span,
        from: Cursor,
        path: &Path,
        reader: &Reader<'_>,
    ) -> Cursor {
        let widths: Vec<Node> = match &keys.widths {
            None => FC_WIDTHS.map(|width| Node { span, value: Value::Number(width.into()) }).into(),
            Some(widths) => widths.0.list().unwrap_or_default().to_vec(),
        };
        let widths = widths.iter().zip(1..).map(|(own, number)| self.fc_width(own, number, reader));
        // All are read before a missing one is reported, so that every error is reported.
        let widths: Vec<Option<Width>> = widths.collect();
        let Some(widths) = widths.into_iter().collect::<Option<Vec<Width>>>() else {
            return self.hide(path, from);
        };
        let p = keys.dropout.map_or(0.5, |p| p.as_f32());
        let mut at = self.tail_node(Op::Flatten, "flatten", Form::Module, span, from);
        for (number, width) in (1..).zip(widths) {
            let name = format!("fc{number}");
            let linear = Op::Linear(Linear { out_features: width.value, bias: true });
            at = self.tail_layer(linear, &name, span, at, width.symbol);
            let relu = Op::Activation(Activation::Relu);
            at = self.tail_node(relu, &format!("{name}/relu"), Form::Module, span, at);
            if p > 0.0 {
                let dropout = Op::Dropout { p };
                at = self.tail_node(dropout, &format!("{name}/dropout"), Form::Module, span, at);
            }
        }
        at = self.classifier(classes, true, span, at);
        self.tail_softmax(keys.softmax.is_some_and(|flag| flag.0), span, at)
    }

    /// The width of a hidden layer: the setting of `tail/fc1`, else its own.
    fn fc_width(&self, own: &Node, number: usize, reader: &Reader<'_>) -> Option<Width> {
        let path = fc_path(number);
        let mut set = None;
        for replaced in self.overrides.get(&path).into_iter().flatten() {
            replaced.used.set(true);
            unknown_keys(&replaced.args, "a hidden layer", &["width"], reader);
            set = set.or(replaced.args.get("width"));
        }
        let width = set.unwrap_or(own);
        self.note(path, None, "width", Some(width));
        Width::read(width, reader)
    }

    fn classifier(&mut self, classes: u32, bias: bool, span: Span, from: Cursor) -> Cursor {
        let linear = Op::Linear(Linear { out_features: classes, bias });
        self.tail_node(linear, "classifier", Form::Module, span, from)
    }

    fn tail_softmax(&mut self, wanted: bool, span: Span, from: Cursor) -> Cursor {
        if wanted { self.tail_node(Op::Softmax, "softmax", Form::Module, span, from) } else { from }
    }

    fn tail_node(&mut self, op: Op, name: &str, form: Form, span: Span, from: Cursor) -> Cursor {
        let path = Path::new("tail").join(name);
        let at = self.add(op, &[from], path.clone(), span, form);
        self.places.insert(path, at);
        at
    }

    fn tail_layer(
        &mut self,
        op: Op,
        name: &str,
        span: Span,
        from: Cursor,
        channels: Option<Symbol>,
    ) -> Cursor {
        let path = Path::new("tail").join(name);
        let outputs = Outputs { channels, ..Outputs::default() };
        let at = self.add_layer(op, &[from], path.clone(), span, Form::Module, outputs);
        self.places.insert(path, at);
        at
    }
}

/// The place of a hidden layer of an `fc` tail, counted from 1.
pub(crate) fn fc_path(number: usize) -> Path {
    Path::new("tail").join(&format!("fc{number}"))
}

fn missing_classes<T>(span: Span, reader: &Reader<'_>) -> Option<T> {
    let message = "the tail needs the number of `classes`";
    let missing = Diagnostic::new(Code::MissingKey, message).at(span, "used here");
    reader.report(missing.help("add `classes: 1000` to the file"))
}
