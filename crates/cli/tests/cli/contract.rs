//! What other programs rely on: keys, exit codes, one document on standard output.

use serde_json::Value;

use crate::{inceptive, json, stdout};

/// The keys of the design, in `cost --json`.
const KEYS: [&str; 13] = [
    "name",
    "file",
    "fingerprint",
    "input",
    "params",
    "buffers",
    "macs",
    "flops",
    "weight_bytes",
    "activation_bytes",
    "peak_activation_bytes",
    "nodes",
    "layers",
];

#[test]
fn cost_has_its_keys() {
    let networks = json("cost --json architectures/googlenet.yaml architectures/vgg16.yaml");
    let networks = networks.as_array().unwrap();
    assert_eq!(networks.len(), 2);
    for network in networks {
        for key in KEYS {
            assert!(!network[key].is_null(), "{key}");
        }
    }
    let googlenet = &networks[0];
    assert_eq!(googlenet["name"], "GoogLeNet");
    assert_eq!(googlenet["file"], "architectures/googlenet.yaml");
    assert_eq!(googlenet["input"], serde_json::json!([3, 224, 224]));
    assert_eq!(googlenet["params"], 6_998_552);
    assert_eq!(googlenet["macs"], 1_582_671_872_u64);
}

#[test]
fn layers_add_up() {
    let network = &json("cost --json --batch 4 architectures/googlenet-bn.yaml")[0];
    let layers = network["layers"].as_array().unwrap();
    assert_eq!(network["nodes"], layers.len());
    let sum = |key: &str| layers.iter().map(|layer| layer[key].as_u64().unwrap()).sum::<u64>();
    for key in ["params", "buffers", "macs", "flops", "acts", "activation_bytes", "moved_bytes"] {
        assert_eq!(network[key], sum(key), "{key}");
    }
    assert_eq!(network["macs"], 4 * 1_498_376_192_u64);
    assert_eq!(network["params"], 6_624_904);
    let conv = layers.iter().find(|layer| layer["path"] == "3a/3x3/conv").unwrap();
    assert_eq!(conv["attributes"]["kernel"], serde_json::json!([3, 3]));
    assert_eq!(conv["inputs"], serde_json::json!(["3a/3x3/reduce/relu"]));
    assert_eq!(conv["file"], "architectures/googlenet.yaml");
    assert!(conv["line"].as_u64().unwrap() > 1);
}

#[test]
fn parts_are_in_the_document() {
    let network = &json("cost --json --by module --depth 2 architectures/googlenet.yaml")[0];
    let modules = network["modules"].as_array().unwrap();
    let branch = modules.iter().find(|module| module["path"] == "3a/3x3").unwrap();
    assert_eq!(branch["macs"], 101_154_816);
    let share = branch["share_of_parent"]["macs"].as_f64().unwrap();
    assert!((share - 101_154_816.0 / 128_049_152.0).abs() < 1e-12);
    let network = &json("cost --json --by op architectures/googlenet.yaml")[0];
    assert_eq!(network["ops"][1]["op"], "conv");
    let network = &json("cost --json --convention thop architectures/googlenet-bn.yaml")[0];
    assert_eq!(network["convention"]["total"], 1_511_332_032);
    let network =
        &json("cost --json --reconcile fvcore,ptflops architectures/googlenet-bn.yaml")[0];
    let both = &network["reconciliation"];
    assert_eq!(both["difference"], 1_513_907_448_i64 - 1_504_878_688);
    let sum: i64 =
        both["reasons"].as_array().unwrap().iter().map(|r| r["difference"].as_i64().unwrap()).sum();
    assert_eq!(both["difference"], sum);
}

#[test]
fn training_counts_the_heads() {
    let of = |mode: &str| {
        let path = "architectures/googlenet-bn.yaml";
        json(&format!("cost --json --mode {mode} {path}"))[0]["params"].as_u64().unwrap()
    };
    assert_eq!(of("inference"), 6_624_904);
    assert_eq!(of("training"), 13_004_888);
}

/// As everywhere on a command line, the last one counts.
#[test]
fn the_last_of_equal_settings_wins() {
    let width = |settings: &str| {
        let network = &json(&format!("cost --json architectures/googlenet.yaml {settings}"))[0];
        let layers = network["layers"].as_array().unwrap();
        layers.iter().find(|layer| layer["path"] == "4a/3x3/conv").unwrap()["output"][0].clone()
    };
    assert_eq!(width("--set 4a.c3=256 --set 4a.c3=300"), 300);
    assert_eq!(width("--set width_multiplier=0.5 --set width_multiplier=1"), 208);
    let listed = &json("cost --json architectures/googlenet.yaml --set tail=[gap]")[0];
    assert_eq!(listed["point"]["tail"], "[gap]");
}

#[test]
fn settings_make_a_point() {
    let network = &json(
        "cost --json architectures/spaces/googlenet-widths.yaml --set width=0.75 --set tail=fc",
    )[0];
    assert_eq!(network["point"]["width"], "0.75");
    assert_eq!(network["point"]["tail"], "fc");
    assert_eq!(network["constraints"][0]["holds"], true);
    let plain = &json("cost --json architectures/googlenet.yaml --set input.size=192")[0];
    assert_eq!(plain["input"], serde_json::json!([3, 192, 192]));
}

/// The whole document of a diff: what changed, and nothing else.
#[test]
fn a_diff_is_a_document() {
    let path = "architectures/googlenet.yaml";
    let diff = json(&format!("diff --json {path} {path} --set-b 4a.c3=256"));
    assert_eq!(diff["same_structure"], false);
    let node = |path: &str| -> Value {
        let nodes = diff["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["path"] == path).cloned().unwrap_or(Value::Null)
    };
    let conv = node("4a/3x3/conv");
    assert_eq!(conv["change"], "changed");
    assert_eq!(
        (&conv["a"]["attributes"]["width"], &conv["b"]["attributes"]["width"]),
        (&208.into(), &256.into())
    );
    assert_eq!(node("4b/1x1/conv")["b"]["output"], serde_json::json!([160, 14, 14]));
    assert_eq!(node("4a/1x1/conv"), Value::Null);
    assert_eq!(diff["a"]["params"], 6_998_552);
    let same = json(&format!("diff --json {path} {path}"));
    assert_eq!(same["nodes"], serde_json::json!([]));
    assert_eq!(same["same_structure"], true);
}

/// What exists in training only is told of in inference too.
#[test]
fn heads_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let network = |name: &str, head: &str| {
        let yaml = format!(
            "name: {name}\ninput: {{channels: 3, size: 8}}\nbody: [conv a: {{kernel: 1, width: 4}}]\ntail: []\nauxiliary: [{{name: aux, after: a, {head}}}]\n"
        );
        let file = folder.path().join(format!("{name}.yaml"));
        std::fs::write(&file, yaml).unwrap();
        file.to_string_lossy().into_owned()
    };
    let base = network("base", "weight: 0.3, steps: [gap pool]");
    let weight = network("weight", "weight: 0.9, steps: [gap pool]");
    let pool = network("pool", "weight: 0.3, steps: [gmp pool]");
    for changed in [&weight, &pool] {
        let text = stdout(&format!("diff {base} {changed}"));
        assert!(text.contains("They differ only in auxiliary heads"), "{text}");
    }
    let text = stdout(&format!("diff --mode training {base} {weight}"));
    assert!(text.contains("0.3 -> 0.9"), "{text}");
    let text = stdout(&format!("diff --mode training {base} {pool}"));
    assert!(text.contains("gap -> gmp"), "{text}");
    let diff = json(&format!("diff --json --mode training {base} {weight}"));
    let head = &diff["heads"][0];
    assert_eq!((&head["name"], &head["change"]), (&"aux".into(), &"changed".into()));
    assert_eq!((&head["a"]["weight"], &head["b"]["weight"]), (&0.3.into(), &0.9.into()));
    assert_eq!(head["a"]["reads"], serde_json::json!(["a/relu"]));
    assert_eq!(head["b"]["nodes"][0]["path"], "aux/pool");
    assert_eq!(json(&format!("diff --json {base} {base}"))["heads"], serde_json::json!([]));
}

/// Another tool's count is in every breakdown, and the parts add up to its total.
#[test]
fn parts_of_other_tools_add_up() {
    for (by, parts) in [("module --depth 2", "modules"), ("op", "ops"), ("layer", "layers")] {
        let arguments =
            format!("--batch 3 --by {by} --convention thop architectures/googlenet-bn.yaml");
        let network = &json(&format!("cost --json {arguments}"))[0];
        let counts = network[parts].as_array().unwrap().iter();
        let sum: u64 = counts.map(|part| part["thop"].as_u64().unwrap()).sum();
        assert_eq!(network["convention"]["total"], sum, "{by}");
        let text = stdout(&format!("cost {arguments}"));
        assert_eq!(text.matches(" thop ").count(), 2, "{text}");
    }
}

#[test]
fn a_wrong_file_leaves_a_document() {
    for (command, expected) in
        [("cost --json", "[]\n"), ("diff --json architectures/nin.yaml", "null\n")]
    {
        inceptive(&format!("{command} missing.yaml")).assert().code(1).stdout(expected);
    }
}

#[test]
fn exit_codes_tell_input_from_usage() {
    inceptive("cost architectures/googlenet.yaml").assert().code(0);
    inceptive("cost architectures/no-such-file.yaml").assert().code(1);
    inceptive("cost").assert().code(2);
    inceptive("cost --batch 0 architectures/googlenet.yaml").assert().code(2);
    inceptive("cost --convention calculator architectures/googlenet.yaml").assert().code(2);
    inceptive("cost --reconcile fvcore architectures/googlenet.yaml").assert().code(2);
    inceptive("cost --mode training --convention thop architectures/googlenet.yaml")
        .assert()
        .code(2);
    inceptive("cost --set width architectures/googlenet.yaml").assert().code(2);
    inceptive("explain E999").assert().code(2);
    inceptive("frobnicate").assert().code(2);
}

#[test]
fn what_is_right_is_still_counted() {
    let assert = inceptive("cost --json architectures/nin.yaml missing.yaml").assert().code(1);
    let networks: Value = serde_json::from_slice(&assert.get_output().stdout).unwrap();
    assert_eq!(networks.as_array().unwrap().len(), 1);
    let errors = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(errors.contains("missing.yaml"), "{errors}");
}

#[test]
fn a_batch_too_large_is_refused() {
    let assert = inceptive("cost --batch 4000000000 architectures/vgg19.yaml").assert().code(1);
    let errors = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(errors.contains("2^53"), "{errors}");
}

/// The documentation's own example: a head that does not fit is left out with a note, and refused in training.
#[test]
fn a_head_that_does_not_fit_stops_training_only() {
    let run = |arguments: &str, code: i32| {
        let output = inceptive(arguments).assert().code(code).get_output().clone();
        [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    let export = format!("export -o {}", folder.path().join("network").display());
    let network = "architectures/inception-v3.yaml --set input.size=192";
    let note = "note: `Inception v3`: the auxiliary head `aux` does not fit and is left out: ";
    let headless = json(&format!("cost --json {network} --set auxiliary=[]"));
    for command in ["cost --json", "show", "check", &export] {
        let [_, errors] = run(&format!("{command} {network}"), 0);
        assert!(errors.starts_with(note), "{command}: {errors}");
    }
    let counts = json(&format!("cost --json {network}"));
    for key in ["params", "macs", "flops", "peak_activation_bytes", "nodes"] {
        assert_eq!(counts[0][key], headless[0][key], "{key}");
    }
    assert_eq!(counts[0]["unfit_heads"][0]["name"], "aux");
    let whole = json("cost --json architectures/inception-v3.yaml");
    assert_eq!(whole[0].get("unfit_heads"), None);

    let diff = format!("diff --mode training architectures/googlenet.yaml {network}");
    for command in [
        &format!("cost --mode training {network}"),
        &format!("{export} --format pytorch {network}"),
        &diff,
    ] {
        let [_, errors] = run(command, 1);
        assert!(errors.contains("error[E501]"), "{command}: {errors}");
        assert!(errors.contains("architectures/inception-v3.yaml:106:"), "{command}: {errors}");
    }
}
