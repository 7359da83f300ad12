//! The classifier at the end of a network.

use inceptive_ir::{Activation, Form, Linear, Op, Path, PoolKind, Span};

use super::{Cursor, Lowering, ops::form};
use crate::{
    code::Code,
    diagnostic::{Diagnostic, suggestion},
    document::{FcTailKeys, GapTailKeys, TailKey},
    field::{Count, Field, Fields, Maybe},
    scope::{Reader, Scope},
    yaml::{Map, Node, Value},
};

/// Widths of the hidden layers of an `fc` tail, as in AlexNet and VGG.
const FC_WIDTHS: [u32; 2] = [4096, 4096];

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
            Value::List(_) => return self.scope(&tail.0, scope, &path, from),
            Value::Text(word) => (&**word, tail.0.span, &none),
            Value::Map(map) if map.0.len() == 1 => {
                let entry = &map.0[0];
                let args = match &entry.value.value {
                    Value::Null => &none,
                    Value::Map(args) => &**args,
                    _ => {
                        reader.wrong_type::<()>(&entry.value, "a map of arguments");
                        return from.unknown();
                    }
                };
                (&*entry.key, entry.key_span, args)
            }
            _ => {
                reader.wrong_type::<()>(
                    &tail.0,
                    "`gap`, `fc`, either with arguments, or a list of steps",
                );
                return from.unknown();
            }
        };
        let fields = Fields { reader, what: word, span, maps: vec![args], resolved: &[] };
        let classes =
            || classes.or_else(|| missing_classes(span, &reader)).and_then(|known| known.0);
        match word {
            "gap" => match (GapTailKeys::read(&fields), classes()) {
                (Some(keys), Some(classes)) => self.gap_tail(&keys, classes, span, from),
                _ => from.unknown(),
            },
            "fc" => match (FcTailKeys::read(&fields), classes()) {
                (Some(keys), Some(classes)) => self.fc_tail(&keys, classes, span, from, &reader),
                _ => from.unknown(),
            },
            other => {
                let message = format!("`{other}` is not a tail");
                let unknown = Diagnostic::new(Code::UnknownWord, message).at(span, "not known");
                self.sink.push(unknown.help(suggestion(other, "tails", ["gap", "fc"])));
                from.unknown()
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
        reader: &Reader<'_>,
    ) -> Cursor {
        let widths = match &keys.widths {
            None => Some(FC_WIDTHS.to_vec()),
            Some(widths) => widths_of(&widths.0, reader),
        };
        let Some(widths) = widths else { return from.unknown() };
        let p = keys.dropout.map_or(0.5, |p| p.as_f32());
        let mut at = self.tail_node(Op::Flatten, "flatten", Form::Module, span, from);
        for (number, out_features) in (1..).zip(widths) {
            let name = format!("fc{number}");
            let linear = Op::Linear(Linear { out_features, bias: true });
            at = self.tail_node(linear, &name, Form::Module, span, at);
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
}

fn widths_of(node: &Node, reader: &Reader<'_>) -> Option<Vec<u32>> {
    let items = node.list().unwrap_or_default();
    items.iter().map(|item| Count::read(item, reader).map(|count| count.value)).collect()
}

fn missing_classes<T>(span: Span, reader: &Reader<'_>) -> Option<T> {
    let message = "the tail needs the number of `classes`";
    let missing = Diagnostic::new(Code::MissingKey, message).at(span, "used here");
    reader.report(missing.help("add `classes: 1000` to the file"))
}
