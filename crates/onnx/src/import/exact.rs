//! Files that once were read as something else than they say.

use super::tests::{graph, node};
use super::*;
use crate::proto::{AttributeProto, AttributeType, OperatorSetIdProto};
use inceptive_ir::{PoolKind, Size};

fn int(name: &str, i: i64) -> AttributeProto {
    let r#type = AttributeType::Int.into();
    AttributeProto { name: name.to_owned(), i, r#type, ..AttributeProto::default() }
}

fn pair(name: &str, value: i64) -> AttributeProto {
    ints(name, &[value, value])
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    let r#type = AttributeType::Ints.into();
    AttributeProto {
        name: name.to_owned(),
        ints: ints.to_vec(),
        r#type,
        ..AttributeProto::default()
    }
}

fn string(name: &str, s: &'static str) -> AttributeProto {
    let (r#type, s) = (AttributeType::String.into(), Bytes::from(s));
    AttributeProto { name: name.to_owned(), s, r#type, ..AttributeProto::default() }
}

fn with(mut node: NodeProto, attributes: &[AttributeProto]) -> NodeProto {
    node.attribute = attributes.to_vec();
    node
}

fn model(graph: GraphProto, producer: &str, opsets: &[(&str, i64)]) -> ModelProto {
    let set = |&(domain, version): &(&str, i64)| OperatorSetIdProto {
        domain: domain.to_owned(),
        version,
    };
    ModelProto {
        graph: Some(graph),
        producer_name: producer.to_owned(),
        opset_import: opsets.iter().map(set).collect(),
        ..ModelProto::default()
    }
}

fn read(model: &ModelProto) -> Result<Imported, ImportError> {
    from_onnx(model.encode_to_vec())
}

/// Any program can write our name into a file.
#[test]
fn a_forged_producer_changes_no_meaning() {
    let read = |op: &str, attributes: &[AttributeProto]| {
        let network = graph(vec![with(node(op, &["x"], "y"), attributes)], vec![]);
        let graph = read(&model(network, crate::PRODUCER, &[("", 17)])).unwrap().graph;
        graph.node(graph.output()).op.clone()
    };
    let window = |kernel, stride| [pair("kernel_shape", kernel), pair("strides", stride)];
    let grid = window(2, 2);
    assert_eq!(read("AveragePool", &grid), Op::AdaptiveAvgPool { output: Size::square(4) });
    for (op, attributes) in [
        ("MaxPool", &grid[..]),
        ("AveragePool", &window(3, 2)),
        ("AveragePool", &window(3, 3)),
        ("AveragePool", &[&grid[..], &[int("ceil_mode", 1)]].concat()),
        ("AveragePool", &[&window(3, 3)[..], &[string("auto_pad", "SAME_UPPER")]].concat()),
    ] {
        let read = read(op, attributes);
        let Op::Pool(pool) = &read else { panic!("{op} {read:?}") };
        assert_eq!(pool.kind == PoolKind::Max, op == "MaxPool");
        assert_eq!(pool.kernel, Size::square(u32::try_from(attributes[0].ints[0]).unwrap()));
    }
}
