//! The file of a network: input, defaults, blocks, body and tail.

use inceptive_ir::{Op, Shape};

use super::{
    blocks::Blocks,
    cells,
    layers::Layers,
    list::{List, Place},
    page::{Page, Value},
    runs::runs,
    shared::Sharing,
    tree::Item,
    writer::Writer,
};

/// The file of a network.
pub(super) fn page(layers: &Layers<'_>, items: Vec<Item>, name: &str) -> Page {
    let input = layers.graph.node(layers.graph.input()).shape;
    let (body, tail) = split_tail(layers, items);
    let classes = tail.iter().rev().find_map(|item| match item {
        Item::Layer(layer) => match layers.op(*layer) {
            Op::Linear(linear) => Some((*layer, linear.out_features)),
            _ => None,
        },
        Item::Join(_) | Item::Cell(_) | Item::Segment(_) => None,
    });
    let sharing = Sharing::new(layers, [&*body, &*tail]);
    let writer = Writer::new(layers, classes.map(|(layer, _)| layer), sharing);
    let mut entries = vec![
        ("name".to_owned(), Value::Text(name.to_owned())),
        ("input".to_owned(), input_of(input)),
    ];
    if let Some((_, classes)) = classes {
        entries.push(("classes".to_owned(), Value::plain(classes.to_string())));
    }
    let defaults = writer.defaults();
    if !defaults.is_empty() {
        entries.push(("defaults".to_owned(), Value::Map(defaults)));
    }
    let parts = runs(&writer, cells::cut(&writer, body));
    let blocks = Blocks::new(&writer, &parts);
    if !blocks.all.is_empty() {
        let all = blocks.all.iter().map(|block| (block.name.clone(), block.value.clone()));
        entries.push(("blocks".to_owned(), Value::Map(all.collect())));
    }
    let steps = List::new(&writer, &blocks, Place::Outermost).parts(&parts);
    entries.push(("body".to_owned(), Value::List(steps)));
    let tail = List::new(&writer, &blocks, Place::Tail).items(&tail);
    entries.push(("tail".to_owned(), Value::List(tail)));
    if layers.outputs.len() > 1 {
        let paths = writer.paths.borrow();
        let outputs = layers.outputs.iter().filter_map(|output| paths.get(output));
        let outputs = outputs.map(|path| Value::Text(path.clone())).collect();
        entries.push(("outputs".to_owned(), Value::List(outputs)));
    }
    Page(entries)
}

fn input_of(shape: Shape) -> Value {
    let size = shape.size();
    let mut entries = vec![("channels".to_owned(), Value::plain(shape.channels().to_string()))];
    let text = match size.height == size.width {
        true => size.height.to_string(),
        false => format!("[{}, {}]", size.height, size.width),
    };
    entries.push(("size".to_owned(), Value::plain(text)));
    Value::Map(entries)
}

/// The classifier at the end: everything behind the last map, if a linear layer is among it.
fn split_tail(layers: &Layers<'_>, mut items: Vec<Item>) -> (Vec<Item>, Vec<Item>) {
    let is_of_tail = |item: &Item| match item {
        Item::Layer(layer) => matches!(
            layers.op(*layer),
            Op::Softmax
                | Op::Linear(_)
                | Op::Dropout { .. }
                | Op::Flatten
                | Op::GlobalPool(_)
                | Op::AdaptiveAvgPool { .. }
        ),
        Item::Join(_) | Item::Cell(_) | Item::Segment(_) => false,
    };
    let start = items.iter().rposition(|item| !is_of_tail(item)).map_or(0, |last| last + 1);
    let is_linear = |item: &Item| match item {
        Item::Layer(layer) => matches!(layers.op(*layer), Op::Linear(_)),
        Item::Join(_) | Item::Cell(_) | Item::Segment(_) => false,
    };
    // The body is not empty.
    match start > 0 && items[start..].iter().any(is_linear) {
        true => {
            let tail = items.split_off(start);
            (items, tail)
        }
        false => (items, Vec::new()),
    }
}
