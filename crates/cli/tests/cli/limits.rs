//! What is promised about memory, on the program itself: networks are read and written within 1.3 times their weights, and
//! whatever a hostile file holds, it is done or refused within 200 MB and a second. The promise of a second is for an optimised program on an idle machine; the tests allow ten.

use std::{fmt::Write, fs, path::Path, time::Duration};

use assert_cmd::Command;

/// Kilobytes of memory that the program may have beside its own code.
const MEMORY_KB: u32 = 200_000;

/// Enough for an unoptimised program on a busy machine, and far too little for what grows with the square.
const TIME: Duration = Duration::from_secs(if cfg!(debug_assertions) { 300 } else { 10 });

/// Runs the program in a folder, with limits; what it says is not kept.
fn run(folder: &Path, arguments: &str, code: i32) {
    run_within(folder, arguments, code, MEMORY_KB);
}

/// The same, with a limit on memory in kilobytes.
fn run_within(folder: &Path, arguments: &str, code: i32, memory_kb: u32) {
    let script = format!("ulimit -d {memory_kb} && exec \"$0\" \"$@\" > /dev/null");
    let assert = Command::new("sh")
        .current_dir(folder)
        .args(["-c", &script, env!("CARGO_BIN_EXE_inceptive")])
        .args(arguments.split_whitespace())
        .timeout(TIME)
        .assert();
    let output = assert.get_output();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments}: {errors:.2000}");
    assert_eq!(code == 1, errors.contains("error[E"), "{arguments}: {errors:.2000}");
}

fn network(keys: &str) -> String {
    format!("name: x\ninput: {{channels: 3, size: 8}}\ntail: []\n{keys}\n")
}

fn library(name: &str, blocks: usize) -> String {
    (0..blocks).fold("blocks:\n".to_owned(), |mut text, number| {
        writeln!(text, "  {name}b{number}: {{steps: [relu]}}").unwrap();
        text
    })
}

#[test]
fn the_largest_networks_are_counted_and_shown() {
    let folder = tempfile::tempdir().unwrap();
    let repeat = "body: [repeat: {count: 33000, steps: [conv: {kernel: 1, width: 4, norm: bn}]}]";
    fs::write(folder.path().join("convs.yaml"), network(repeat)).unwrap();
    let relus = format!("body:\n{}", "- relu\n".repeat(90_000));
    fs::write(folder.path().join("relus.yaml"), network(&relus)).unwrap();
    // What grew with the square: heads on a long network, and branches with a layer each.
    let list = |count: usize, item: &dyn Fn(usize) -> String| -> String {
        (0..count).map(item).collect::<Vec<String>>().join(", ")
    };
    let heads = list(8_000, &|n| format!("{{name: q{n}, after: a, steps: [gap]}}"));
    let trunk = "[relu a, repeat: {count: 30000, steps: [relu]}]";
    let heads = format!("body: {trunk}\nauxiliary: [{heads}]");
    fs::write(folder.path().join("heads.yaml"), network(&heads)).unwrap();
    let branch = |n| format!("b{n}: [conv: {{kernel: 1, width: 2, norm: bn}}]");
    let branches = format!("body: [parallel: {{branches: {{{}}}}}]", list(8_000, &branch));
    fs::write(folder.path().join("branches.yaml"), network(&branches)).unwrap();
    for arguments in [
        "check convs.yaml relus.yaml",
        "cost --json convs.yaml",
        "cost --by layer --convention thop relus.yaml",
        "show convs.yaml",
        "show --depth 2 convs.yaml",
        "diff --json convs.yaml relus.yaml",
        "cost --mode training --json heads.yaml",
        "show heads.yaml",
        "diff --mode training heads.yaml convs.yaml",
        "cost --json branches.yaml",
        "show branches.yaml",
        "diff branches.yaml convs.yaml",
    ] {
        run(folder.path(), arguments, 0);
    }
}

/// What the program takes beside the weights: its threads, and what is read and written at once.
const BESIDE_KB: u32 = 40_000;

/// A network of 100 MB, most of them in one layer, read and written in every way.
#[test]
fn weights_are_in_memory_once() {
    let folder = tempfile::tempdir().unwrap();
    let steps = "body: [conv: {kernel: 3, width: 64}, flatten, linear: {width: 6000}]";
    fs::write(folder.path().join("large.yaml"), network(steps)).unwrap();
    let once = |weights_kb: u32| weights_kb * 13 / 10 + BESIDE_KB;
    run_within(folder.path(), "export large.yaml -o large.onnx", 0, once(96_000));
    let bytes = fs::metadata(folder.path().join("large.onnx")).unwrap().len();
    assert!((98_000_000..99_000_000).contains(&bytes), "{bytes}");
    // Counting reads no weights.
    for arguments in ["cost large.onnx", "import large.onnx", "show large.onnx"] {
        run_within(folder.path(), arguments, 0, BESIDE_KB);
    }
    for arguments in [
        "export large.onnx -o again.onnx",
        "import large.onnx -o again.yaml --save-weights again.safetensors",
        "export large.onnx --format pytorch -o again.py",
    ] {
        run_within(folder.path(), arguments, 0, once(96_000));
    }
    let read = |name: &str| fs::read(folder.path().join(name)).unwrap();
    run(folder.path(), "check again.yaml", 0);
    let (first, again) = (read("large.onnx"), read("again.onnx"));
    assert_eq!(first.len(), again.len());
    for arguments in [
        "export again.yaml --weights again.safetensors -o from.onnx",
        "export large.onnx --weights again.safetensors -o other.onnx",
    ] {
        run_within(folder.path(), arguments, 0, once(96_000));
    }
    assert!(read("other.onnx") == again);
    let weights = read("again.safetensors");
    let end = 6000 * 4096 * 4;
    assert!(weights.len() > end && weights.len() < end + 100_000);
}

#[test]
fn the_worst_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let uses: Vec<String> = (0..16).map(|number| format!("l{number}.yaml")).collect();
    for (number, name) in uses.iter().enumerate() {
        write(name, &library(&format!("l{number}"), 19_000));
    }
    write("libraries.yaml", &network(&format!("use: [{}]\nbody: [relu]", uses.join(", "))));
    let bomb: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
    write("bomb.yaml", &format!("a0: &a0 x\n{bomb}"));
    write("deep.yaml", &"[".repeat(1 << 20));
    write("large.yaml", &" ".repeat(100_000_000));
    write("million.yaml", &network("body: [repeat: {count: 1000000, steps: [relu]}]"));
    let chain = (0..31).fold("blocks:\n".to_owned(), |mut text, number| {
        writeln!(text, "  b{number}: {{steps: [b{0}, b{0}]}}", number + 1).unwrap();
        text
    });
    write("doubling.yaml", &network(&format!("{chain}  b31: {{steps: [relu]}}\nbody: [b0]")));
    write("errors.yaml", &network(&format!("body:\n{}", "- relux\n".repeat(90_000))));
    let expression = format!("\"{}1\"", "max(1, ".repeat(30));
    let step = format!("conv: {{kernel: 1, width: {expression}}}");
    write(
        "expressions.yaml",
        &network(&format!("body: [repeat: {{count: 100000, steps: [{step}]}}]")),
    );
    for name in
        ["libraries", "bomb", "deep", "large", "million", "doubling", "errors", "expressions"]
    {
        run(folder.path(), &format!("check {name}.yaml"), 1);
    }
}

/// More networks than can be counted, by the number of variables that a space may have.
#[test]
fn the_largest_space_is_sampled() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..256).map(|number| format!("v{number}")).collect();
    let base = format!(
        "name: B\nparams: {{{}}}\ninput: {{channels: 3, size: 8}}\nbody: [{}]\ntail: []\n",
        names.iter().map(|name| format!("{name}: 1")).collect::<Vec<_>>().join(", "),
        names
            .iter()
            .map(|name| format!("conv {name}: {{kernel: 1, width: ${name}}}"))
            .collect::<Vec<_>>()
            .join(", "),
    );
    let vary = names.iter().map(|name| format!("{name}: {{values: [1, 2]}}"));
    let with = names.iter().map(|name| format!("{name}: ${name}"));
    let space = format!(
        "space: S\nbase: base.yaml\nvary: {{{}}}\nwith: {{params: {{{}}}}}\n",
        vary.collect::<Vec<_>>().join(", "),
        with.collect::<Vec<_>>().join(", "),
    );
    fs::write(folder.path().join("base.yaml"), base).unwrap();
    fs::write(folder.path().join("space.yaml"), space).unwrap();
    let inceptive = |arguments: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inceptive"));
        command.current_dir(folder.path()).args(arguments.split_whitespace());
        let assert = command.timeout(TIME).assert().success();
        String::from_utf8(assert.get_output().stdout.clone()).unwrap()
    };
    let checked = inceptive("check space.yaml");
    assert!(checked.contains("space of more than 3.4e38 networks"), "{checked:.300}");
    inceptive("report base.yaml space.yaml --samples 20 --out out");
    let page = fs::read_to_string(folder.path().join("out/index.html")).unwrap();
    assert!(page.contains("more than 3.4e38 networks; 20 were counted"));
}
