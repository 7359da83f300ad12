//! Counts of every shipped network and every default of a space, so that no change of them goes unseen.

use std::fmt::Write;

use crate::{architectures, json, yaml_files};

#[test]
fn every_network() {
    let files = [architectures(), yaml_files("architectures/spaces")].concat();
    assert!(files.len() >= 29, "{files:?}");
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
    let folders = ["architectures", "architectures/blocks", "architectures/spaces"];
    let files: Vec<String> = folders.into_iter().flat_map(yaml_files).collect();
    let text = crate::stdout(&format!("check {}", files.join(" ")));
    assert_eq!(text.lines().count(), files.len());
}

/// What the design names is there.
#[test]
fn every_named_network_is_there() {
    let named = "googlenet googlenet-naive googlenet-fc googlenet-bn bn-inception inception-v2 inception-v3 \
        inception-v4 inception-resnet-v1 inception-resnet-v2 xception nin alexnet vgg16 vgg19 resnet18 \
        resnet34 resnet50 resnet101 resnet152 squeezenet1_1 mobilenet-v1 mobilenet-v2 densenet121 \
        module-naive module-reduced";
    let mut named: Vec<String> =
        named.split_whitespace().map(|name| format!("architectures/{name}.yaml")).collect();
    named.sort();
    assert_eq!(architectures(), named);
}
