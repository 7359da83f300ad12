//! Counts of every shipped network and every default of a space, so that no change of them goes unseen.

use std::fmt::Write;

use crate::{architectures, json, yaml_files};

#[test]
fn every_network() {
    let others = ["architectures/small", "architectures/spaces"].map(yaml_files);
    let files = [architectures(), others.concat()].concat();
    assert!(files.len() >= 41, "{files:?}");
    let counted = json(&format!("cost --json {}", files.join(" ")));
    let counted = counted.as_array().unwrap();
    assert_eq!(counted.len(), files.len());
    let mut table = String::new();
    for (file, network) in files.iter().zip(counted) {
        writeln!(table, "{file}").unwrap();
        for key in [
            "params",
            "buffers",
            "macs",
            "flops",
            "acts",
            "activation_bytes",
            "peak_activation_bytes",
            "moved_bytes",
            "nodes",
            "fingerprint",
        ] {
            writeln!(table, "  {key} {}", network[key]).unwrap();
        }
        let field = &network["receptive_field"];
        writeln!(table, "  receptive_field {} stride {}", field["size"], field["stride"]).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_file_checks() {
    let folders = ["", "/blocks", "/spaces", "/small"].map(|inner| format!("architectures{inner}"));
    let files: Vec<String> =
        folders.iter().map(String::as_str).chain(["recipes"]).flat_map(yaml_files).collect();
    let text = crate::stdout(&format!("check {}", files.join(" ")));
    assert_eq!(text.lines().count(), files.len());
}

/// What the design names is there.
#[test]
fn every_named_network_is_there() {
    let named = "googlenet googlenet-naive googlenet-fc googlenet-bn bn-inception inception-v2 inception-v3 \
        inception-v4 inception-resnet-v1 inception-resnet-v2 xception nin alexnet vgg16 vgg19 resnet18 \
        resnet34 resnet50 resnet101 resnet152 squeezenet1_1 mobilenet-v1 mobilenet-v2 densenet121 \
        module-naive module-reduced nasnet-a-mobile darts-v2 nas-bench-201 randwire-small";
    let mut named: Vec<String> =
        named.split_whitespace().map(|name| format!("architectures/{name}.yaml")).collect();
    named.sort();
    assert_eq!(architectures(), named);
}

/// The table of the document has the counts of the files.
#[test]
fn the_small_networks_are_documented() {
    let files = yaml_files("architectures/small");
    let counted = json(&format!("cost --json {}", files.join(" ")));
    let document = std::fs::read_to_string(crate::root().join("docs/small-networks.md")).unwrap();
    for (file, network) in files.iter().zip(counted.as_array().unwrap()) {
        let name = std::path::Path::new(file).file_name().unwrap().to_str().unwrap();
        let thousands = |key: &str| (network[key].as_f64().unwrap() / 1e3).round();
        let macs = thousands("macs") / 1e3;
        let start = format!("| [`{name}`](../{file}) | {}k | {macs:.1}M |", thousands("params"));
        assert!(document.contains(&start), "docs/small-networks.md lacks: {start}");
        let params = network["params"].as_u64().unwrap();
        assert!((50_000..2_000_000).contains(&params), "{file}: {params}");
    }
}

/// Networks of one kernel size have the compute of the one with parallel branches, whatever their width.
#[test]
fn networks_of_one_kernel_size_have_equal_compute() {
    for width in ["0.5", "1", "2"] {
        let macs = |name: &str| {
            let file = format!("architectures/small/{name}.yaml");
            json(&format!("cost --json {file} --set width={width}"))[0]["macs"].as_f64().unwrap()
        };
        let expected = macs("bn");
        for name in ["single-1x1", "single-3x3", "single-5x5"] {
            let share = macs(name) / expected;
            assert!((0.97..1.03).contains(&share), "{name}, width {width}: {share}");
        }
    }
}
