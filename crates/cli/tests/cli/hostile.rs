//! Folders of strangers: what lies in them does not run, and no output goes where nobody meant it to go.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use inceptive_ir::text::is_harmful;
use serde_json::Value;

use crate::inceptive;

/// A network of a few operations.
const NETWORK: &str = "name: N\ninput: {channels: 3, size: 8}\nclasses: 4\nbody: [conv a: {kernel: 3, width: 8}]\ntail: gap\n";

/// A result that timm's program wrote.
const TIMM: &str = "model,infer_img_size,infer_samples_per_sec,infer_step_time,infer_batch_size,param_count\na,224,1,1000,1,1\n";

/// The file that code of a stranger would make.
const MARKER: &str = "ran";

/// A stranger's folder.
struct Stranger(tempfile::TempDir);

impl Stranger {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("nets")).unwrap();
        fs::write(folder.path().join("nets/n.yaml"), NETWORK).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    /// A program that leaves the marker and then fails.
    fn program(&self, name: &str) -> PathBuf {
        let path =
            self.write(name, format!("#!/bin/sh\ntouch '{}'\nexit 1\n", self.marker().display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn marker(&self) -> PathBuf {
        self.path(MARKER)
    }

    fn has_run(&self) -> bool {
        self.marker().exists()
    }

    /// Runs git in a folder as anybody would.
    fn git(&self, folder: &str, arguments: &[&str]) -> Output {
        let who = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"];
        let mut command = Command::new("git");
        command.args(who).args(arguments).current_dir(self.path(folder)).output().unwrap()
    }

    /// A repository of all files.
    fn commit(&self) {
        for arguments in [&["init", "-q"][..], &["add", "-A"], &["commit", "-q", "-m", "first"]] {
            let done = self.git(".", arguments);
            assert!(done.status.success(), "{done:?}");
        }
    }

    fn inceptive(&self, folder: &str, arguments: &str) -> Output {
        inceptive(arguments).current_dir(self.path(folder)).output().unwrap()
    }

    /// Runs a command that has to be refused with these words.
    fn refused(&self, arguments: &str, words: &str) {
        let output = self.inceptive(".", arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{arguments}: {error}");
        assert!(error.contains(words), "{arguments}: {error}");
    }

    fn accepted(&self, arguments: &str) -> String {
        let output = self.inceptive(".", arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Takes an object out of a repository, which its configuration says can be had from a remote by a program.
fn promise(stranger: &Stranger, folder: &str, git_folder: &str) {
    let id = stranger.git(folder, &["rev-parse", "HEAD:nets/n.yaml"]).stdout;
    let id = String::from_utf8(id).unwrap();
    let (start, rest) = id.trim().split_at(2);
    fs::remove_file(stranger.path(git_folder).join("objects").join(start).join(rest)).unwrap();
    let uploadpack = stranger.program("upload");
    for (key, value) in [
        ("core.repositoryformatversion", "1"),
        ("extensions.partialClone", "origin"),
        ("remote.origin.url", "."),
        ("remote.origin.promisor", "true"),
        ("remote.origin.uploadpack", uploadpack.to_str().unwrap()),
        ("protocol.file.allow", "always"),
    ] {
        let done = stranger.git(folder, &["config", key, value]);
        assert!(done.status.success(), "{key}: {done:?}");
    }
}

/// The data of a report may be a link to a private file.
#[test]
fn a_link_in_place_of_a_reports_data_is_not_quoted() {
    let (stranger, other) = (Stranger::new(), tempfile::tempdir().unwrap());
    let private = other.path().join("private.json");
    fs::write(&private, "\"hunter2\"").unwrap();
    fs::create_dir(stranger.path("old")).unwrap();
    symlink(&private, stranger.path("old/data.json")).unwrap();
    let output = stranger.inceptive(".", "report --diff old nets");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("it is a link to a file") && !error.contains("hunter2"), "{error}");
}

#[test]
fn git_fetches_nothing_that_a_repository_promises() {
    let stranger = Stranger::new();
    stranger.commit();
    promise(&stranger, ".", ".git");
    for diff in ["HEAD:nets nets", "HEAD:nets/n.yaml nets", "nets HEAD:nets"] {
        let output = stranger.inceptive(".", &format!("report --diff {diff}"));
        assert_eq!(output.status.code(), Some(1));
        assert!(!stranger.has_run(), "{diff}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains("its content is not in this clone"), "{diff}: {error}");
        assert!(error.contains("git show ") && error.contains(":./nets/n.yaml"), "{diff}: {error}");
    }
    // What it is that does not happen.
    stranger.git(".", &["cat-file", "blob", "HEAD:nets/n.yaml"]);
    assert!(stranger.has_run(), "git itself fetches it");
}

#[test]
fn a_bare_repository_inside_of_another_one_is_not_read() {
    let stranger = Stranger::new();
    stranger.commit();
    let done = stranger.git(".", &["clone", "-q", "--bare", "--no-hardlinks", ".", "inner"]);
    assert!(done.status.success(), "{done:?}");
    let pack = stranger.git("inner", &["count-objects", "-v"]);
    assert!(String::from_utf8_lossy(&pack.stdout).contains("in-pack: 0"), "objects are loose");
    promise(&stranger, "inner", "inner");
    fs::create_dir(stranger.path("inner/nets")).unwrap();
    fs::write(stranger.path("inner/nets/n.yaml"), NETWORK).unwrap();
    let output = stranger.inceptive("inner", "report --diff HEAD:nets nets");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("git does not know the revision `HEAD`"), "{error}");
    assert!(!stranger.has_run());
    stranger.git("inner", &["cat-file", "blob", "HEAD:nets/n.yaml"]);
    assert!(stranger.has_run(), "git itself reads it");
}

/// A configuration that includes a pipe, to which nobody writes, makes git wait for ever.
#[test]
fn git_that_does_not_answer_is_given_up() {
    let stranger = Stranger::new();
    stranger.commit();
    let pipe = stranger.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let config = stranger.path(".git/config");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{text}[include]\n\tpath = {}\n", pipe.display())).unwrap();
    let output = stranger.inceptive(".", "report --diff HEAD:nets nets");
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("it did not answer within 10 s"), "{error}");
}

#[test]
fn git_runs_no_program_that_a_repository_names() {
    let stranger = Stranger::new();
    stranger.write(".gitattributes", "*.yaml diff=evil filter=evil\n");
    stranger.commit();
    let program = stranger.program("program");
    let program = program.to_str().unwrap();
    for name in
        ["post-index-change", "reference-transaction", "post-checkout", "fsmonitor-watchman"]
    {
        stranger.program(&format!(".git/hooks/{name}"));
    }
    for key in [
        "core.fsmonitor",
        "core.pager",
        "core.editor",
        "core.sshCommand",
        "core.gitProxy",
        "core.askPass",
        "core.alternateRefsCommand",
        "credential.helper",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.smudge",
        "filter.evil.clean",
        "filter.evil.process",
        "pager.cat-file",
        "pager.ls-tree",
        "pager.rev-parse",
        "gpg.program",
        "uploadpack.packObjectsHook",
    ] {
        stranger.git(".", &["config", key, program]);
    }
    let text = stranger.accepted("report --diff HEAD:nets nets");
    assert!(text.contains("1 of 1 network is the same"), "{text}");
    assert!(!stranger.has_run());
    stranger.git(".", &["status"]);
    assert!(stranger.has_run(), "git itself runs what is named");
}

#[test]
fn a_large_blob_is_refused_in_time() {
    let stranger = Stranger::new();
    stranger.write("nets/n.yaml", vec![b' '; 64 << 20]);
    stranger.commit();
    stranger.refused("report --diff HEAD:nets nets", "n.yaml");
}

#[test]
fn programs_of_the_working_folder_do_not_run() {
    let stranger = Stranger::new();
    stranger.commit();
    for name in ["git", "python3", "python", "bin/git", "bin/python3", "venv/bin/python"] {
        stranger.program(name);
    }
    let path = std::env::var("PATH").unwrap();
    let path = format!(".::bin:{path}");
    for arguments in ["report --diff HEAD:nets nets", "engines", "engines --json"] {
        let mut command = inceptive(arguments);
        let command = command.current_dir(stranger.path(".")).env("PATH", &path);
        command.env("VIRTUAL_ENV", "venv").assert().success();
        assert!(!stranger.has_run(), "{arguments}");
    }
}

#[test]
fn libraries_of_the_working_folder_are_not_loaded() {
    let stranger = Stranger::new();
    let names = ["onnxruntime/capi/libonnxruntime.so.99.9", "openvino/libs/libopenvino_c.so.99.9"];
    for name in names {
        stranger.write(name, "");
    }
    stranger.program("sitecustomize.py");
    stranger.write("site.py", format!("open({:?}, 'w')\n", stranger.marker()));
    let check = |command: &mut assert_cmd::Command| {
        let output = command.current_dir(stranger.path(".")).assert().success();
        let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
        assert!(!text.contains("99.9"), "{text}");
        assert!(!stranger.has_run());
        text
    };
    check(inceptive("engines --json").env("PYTHONPATH", "."));
    check(inceptive("engines --json").env("PYTHONPATH", "").env("PYTHONUSERBASE", "."));
    // A variable that names a library does so whatever the working folder is.
    let mut command = inceptive("engines --json");
    let text = check(
        command
            .env("ORT_DYLIB_PATH", "libonnxruntime.so")
            .env("OPENVINO_LIB_PATH", "./libopenvino_c.so"),
    );
    assert_eq!(text.matches("name the library by its absolute path").count(), 2, "{text}");
}

#[test]
fn what_is_no_library_is_an_error() {
    let stranger = Stranger::new();
    let functions = "\0OrtGetApiBase\0ov_get_openvino_version\0";
    stranger.write("text.so", "a text");
    stranger.write("named.so", functions);
    fs::create_dir(stranger.path("folder.so")).unwrap();
    for name in ["text.so", "named.so", "folder.so", "missing.so", "/dev/zero"] {
        for engine in ["onnxruntime", "openvino"] {
            let text = stranger.accepted(&format!("engines --json --{engine} {name}"));
            let engines: Vec<Value> = serde_json::from_str(&text).unwrap();
            let found = engines.iter().find(|it| it["name"] == engine).unwrap();
            assert_eq!(found["found"], false, "{name}: {found}");
            let message = found["message"].as_str().unwrap();
            assert!(message.contains(name), "{message}");
            let command = format!("bench nets/n.yaml --engine {engine} --{engine} {name}");
            stranger.refused(&command, name);
        }
    }
}

#[test]
fn nothing_is_written_through_links() {
    let stranger = Stranger::new();
    let secret = stranger.write("home/.profile", "mine");
    let home = stranger.path("home");
    fs::create_dir_all(stranger.path("reports/latest")).unwrap();
    symlink(&secret, stranger.path("reports/latest/data.csv")).unwrap();
    symlink(stranger.path("home/new"), stranger.path("reports/latest/breakdown-macs.svg")).unwrap();
    symlink(&home, stranger.path("reports/linked")).unwrap();
    symlink(&home, stranger.path("outside")).unwrap();
    symlink(&secret, stranger.path("out.onnx")).unwrap();
    symlink("home/new", stranger.path("new.svg")).unwrap();
    symlink("home/new", stranger.path("inceptive.db")).unwrap();
    stranger.write("t.csv", TIMM);
    for arguments in [
        "report nets",
        "report nets --out reports/linked",
        "report nets --out outside/report",
        "report nets --out ./outside",
        "export nets/n.yaml -o out.onnx",
        "export nets/n.yaml --format pytorch -o outside/n.py",
        "show nets/n.yaml --format svg -o new.svg",
        "run nets/n.yaml -o out.onnx",
        "bench nets/n.yaml --budget 5ms --store outside/r.db",
        "bench nets/n.yaml --budget 5ms",
        "results import t.csv",
    ] {
        stranger.refused(arguments, "is a link to");
    }
    let absolute = stranger.path("reports/linked");
    stranger.refused(&format!("report nets --out {}", absolute.display()), "is a link to");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "mine");
    assert_eq!(fs::read_dir(&home).unwrap().count(), 1);
    assert_eq!(
        fs::read_dir(stranger.path("reports/latest")).unwrap().count(),
        2,
        "nothing is left"
    );
    // A report in the place of no link, and what the system calls links.
    stranger.accepted("report nets --out reports/fine");
    assert!(stranger.accepted("show nets/n.yaml --format svg -o /dev/stdout").starts_with("<svg"));
}

/// A report is published. A link in an untrusted folder must not put a file of the user into it.
#[test]
fn reports_show_nothing_of_files_behind_links() {
    let (stranger, user) = (Stranger::new(), tempfile::tempdir().unwrap());
    let secret = user.path().join("credentials.yaml");
    fs::write(&secret, "SECRET_TOKEN=abc123: hunter2\n").unwrap();
    symlink(&secret, stranger.path("nets/env.yaml")).unwrap();
    symlink(user.path(), stranger.path("folder")).unwrap();
    // Also where the working folder is the user's, with private files and the stranger's folder in it.
    let home = Stranger::new();
    home.write(".netrc.yaml", "SECRET_TOKEN=abc123: hunter2\n");
    home.write("repo/nets/a.yaml", "name: A\nextends: ../../.netrc.yaml\n");
    home.write("repo/nets/b.yaml", "name: B\nuse: ../../.netrc.yaml\n");
    symlink(home.path(".netrc.yaml"), home.path("repo/nets/c.yaml")).unwrap();
    symlink(home.path("private"), home.path("repo/linked")).unwrap();
    home.write("private/d.yaml", "SECRET_TOKEN=abc123: hunter2\n");
    fs::create_dir(stranger.path("recipes")).unwrap();
    symlink(&secret, stranger.path("recipes/quick.yaml")).unwrap();
    let absolute = stranger.path("nets");
    let linked = home.path("repo/linked");
    for (stranger, files, shown) in [
        (&stranger, "nets".to_owned(), "nets/env.yaml"),
        (&stranger, "nets/n.yaml nets/env.yaml".to_owned(), "nets/env.yaml"),
        (&stranger, "nets folder".to_owned(), "folder/credentials.yaml"),
        (&stranger, absolute.display().to_string(), "nets/env.yaml"),
        (&home, "repo/nets".to_owned(), "repo/nets/a.yaml"),
        (&home, "repo/nets".to_owned(), "repo/nets/b.yaml"),
        (&home, "repo/nets/c.yaml nets".to_owned(), "repo/nets/c.yaml"),
        (&home, "repo/linked nets".to_owned(), "repo/linked/d.yaml"),
        (&home, format!("nets {}", linked.display()), "linked/d.yaml"),
    ] {
        let output = stranger.inceptive(".", &format!("report {files} --out out"));
        let mut told = [output.stdout, output.stderr].concat();
        for file in fs::read_dir(stranger.path("out")).into_iter().flatten() {
            told.extend(fs::read(file.unwrap().path()).unwrap());
        }
        let told = String::from_utf8_lossy(&told);
        assert!(told.contains("outside of the named folder") && told.contains(shown), "{told}");
        assert!(!told.contains("SECRET") && !told.contains("hunter2"), "{told}");
        let _ = fs::remove_dir_all(stranger.path("out"));
    }
    let data = "--data shapes:size=16,channels=3,train=100,test=20";
    let output = stranger.inceptive(".", &format!("train nets/n.yaml {data}"));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("leads through a link") && !told.contains("SECRET"), "{told}");
    // Links within the folder are followed as ever.
    fs::write(stranger.path("nets/wrong.yaml"), "nam: N\n").unwrap();
    symlink(stranger.path("nets/wrong.yaml"), stranger.path("nets/w.yaml")).unwrap();
    let output = stranger.inceptive(".", "report nets/n.yaml nets/w.yaml --out out");
    assert!(String::from_utf8(output.stderr).unwrap().contains("did you mean `name`"));
}

#[test]
fn no_output_replaces_what_was_read() {
    let stranger = Stranger::new();
    stranger.write("lib.yaml", "blocks:\n  b:\n    steps: [conv: {kernel: 1, width: 4}]\n");
    stranger.write(
        "base.yaml",
        "name: B\nuse: lib.yaml\ninput: {channels: 3, size: 8}\nclasses: 4\nbody: [b one: {}, conv two: {kernel: 3, width: 8}]\ntail: gap\n",
    );
    stranger.write("n.yaml", "name: N\nextends: base.yaml\nset: {two: {width: 6}}\n");
    stranger.write(
        "s.yaml",
        "space: S\nbase: base.yaml\nvary:\n  width: {values: [1, 2]}\nwith: {width_multiplier: $width}\n",
    );
    stranger.accepted("export n.yaml -o n.onnx");
    stranger.accepted("import n.onnx --save-weights w.safetensors");
    stranger.accepted("run n.yaml -o in.safetensors");
    stranger.write("t.csv", TIMM);
    fs::create_dir(stranger.path("out")).unwrap();
    for store in ["r.db", "out/data.json"] {
        stranger.accepted(&format!("results import t.csv --store {store}"));
    }
    let files = [
        "n.yaml",
        "base.yaml",
        "lib.yaml",
        "s.yaml",
        "n.onnx",
        "w.safetensors",
        "in.safetensors",
        "r.db",
        "out/data.json",
    ];
    let read = || files.map(|name| fs::read(stranger.path(name)).unwrap());
    let before = read();
    for output in ["n.yaml", "base.yaml", "lib.yaml", "./out/../base.yaml"] {
        for command in [
            "show n.yaml -o",
            "show n.yaml --format yaml -o",
            "export n.yaml -o",
            "export n.yaml --format pytorch -o",
            "run n.yaml -o",
        ] {
            stranger.refused(&format!("{command} {output}"), "it is an input of this command");
        }
    }
    for arguments in [
        "show s.yaml --set width=2 -o base.yaml",
        "show s.yaml --set width=2 -o s.yaml",
        "show s.yaml --set width=2 -o lib.yaml",
        "export n.onnx -o n.onnx",
        "show n.onnx -o n.onnx",
        "export n.yaml --weights w.safetensors -o w.safetensors",
        "run n.yaml --weights w.safetensors -o w.safetensors",
        "run n.yaml --input in.safetensors -o in.safetensors",
        "import n.onnx --save-weights n.onnx",
        "results export csv --store r.db -o r.db",
        "results export csv --store r.db -o r.db-wal",
        "results export timm --store r.db -o ./r.db-shm",
        "report n.yaml --store out/data.json --out out",
        "report n.yaml out/data.json --out out",
    ] {
        stranger.refused(arguments, "it is an input of this command");
    }
    assert!(read() == before, "all are as they were");
    stranger.accepted("show n.yaml -o other.txt");
    stranger.accepted("report n.yaml --store r.db --out out/report");
}

/// Pixels or labels in the format of MNIST.
fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let magic = 0x800 + sizes.len() as u32;
    let head = [&[magic], sizes].concat().into_iter().flat_map(u32::to_be_bytes);
    head.chain(values.iter().copied()).collect()
}

/// The images that a network is inspected on, its weights, and the file that it extends, stay as they are.
#[test]
fn no_drawing_replaces_what_was_inspected() {
    let stranger = Stranger::new();
    stranger.write("base.yaml", NETWORK.replace("channels: 3", "channels: 1").replace("4", "2"));
    stranger.write("n.yaml", "name: N\nextends: base.yaml\n");
    stranger.accepted("export n.yaml -o n.onnx");
    stranger.accepted("import n.onnx --save-weights w.safetensors");
    let labels: Vec<u8> = (0..20).map(|image| image % 2).collect();
    let pixels: Vec<u8> = (0..20 * 64).map(|pixel| (pixel % 251) as u8).collect();
    for part in ["train", "t10k"] {
        stranger.write(&format!("idx/{part}-images-idx3-ubyte"), idx(&[20, 8, 8], &pixels));
        stranger.write(&format!("idx/{part}-labels-idx1-ubyte"), idx(&[20], &labels));
    }
    for (image, pixels) in pixels.chunks(64).enumerate() {
        let file = format!("images/{}/{image}.pgm", image % 2);
        stranger.write(&file, [b"P5 8 8 255\n", pixels].concat());
    }
    let own = [
        "n.yaml",
        "base.yaml",
        "w.safetensors",
        "idx/train-images-idx3-ubyte",
        "idx/t10k-labels-idx1-ubyte",
        "images/0/4.pgm",
    ];
    let read = || own.map(|name| fs::read(stranger.path(name)).unwrap());
    let before = read();
    let inspect = "inspect n.yaml --weights w.safetensors --split test --threads 1 --data";
    for output in &own[..5] {
        let arguments = format!("{inspect} idx=idx --svg {output}");
        stranger.refused(&arguments, "it is an input of this command");
    }
    for output in ["images/0/4.pgm", "images/1/new.svg"] {
        let arguments = format!("{inspect} folder:size=8,channels=1=images --svg {output}");
        stranger.refused(&arguments, "are inputs of this command");
    }
    assert!(read() == before, "all are as they were");
    assert!(!stranger.path("images/1/new.svg").exists());
    stranger.accepted(&format!("{inspect} idx=idx --svg idx/drawing.svg"));
}

/// What a network with a mistake refers to was read too, as far as it could be.
#[test]
fn no_report_replaces_what_a_network_with_a_mistake_refers_to() {
    let library = "blocks:\n  b: {params: {w: 4}, steps: [conv: {kernel: 1, width: $w}]}\n";
    let base =
        "name: B\ninput: {channels: 3, size: 8}\nclasses: 4\nbody: [relu one: {}]\ntail: gap\n";
    let using = "name: P\nuse: [out/data.json]\ninput: {channels: 3, size: 8}\nclasses: 4\nbody: [nosuch: {}]\ntail: gap\n";
    let extending = "name: P\nextends: out/data.json\nset: {nosuch: {width: 1}}\n";
    let space = "space: S\nbase: out/data.json\nvary: {a: {values: [1]}}\nwith: {nosuch: $a}\n";
    for (bad, referred) in [
        (using, library.as_bytes()),
        (using, b"\xff is no text"),
        (extending, base.as_bytes()),
        (space, base.as_bytes()),
    ] {
        let stranger = Stranger::new();
        fs::create_dir(stranger.path("out")).unwrap();
        let part = stranger.write("out/data.json", referred);
        stranger.write("bad.yaml", bad);
        stranger.write("good.yaml", NETWORK);
        let report = "report bad.yaml good.yaml --out out --store none.db";
        stranger.refused(report, "it is an input of this command");
        assert_eq!(fs::read(part).unwrap(), referred, "{bad}");
    }
}

#[test]
fn a_pipe_is_no_output() {
    let stranger = Stranger::new();
    stranger.write("n.yaml", NETWORK);
    let pipe = stranger.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    stranger.refused("show n.yaml -o pipe", "it is a pipe, not a regular file");
    for open in ["/dev/null", "/dev/stdout"] {
        stranger.accepted(&format!("show n.yaml -o {open}"));
    }
}

#[test]
fn weights_beside_a_model_are_not_replaced() {
    let stranger = Stranger::new();
    // Its weights are in `absent.bin`.
    let model = "crates/onnx/tests/fixtures/googlenet-traced.onnx";
    stranger.write("model.onnx", fs::read(crate::root().join(model)).unwrap());
    for arguments in
        ["show model.onnx -o absent.bin", "export model.onnx --format pytorch -o absent.bin"]
    {
        stranger.refused(arguments, "it is an input of this command");
    }
}

/// Whatever else is in a folder, no report replaces what no report wrote.
#[test]
fn a_report_replaces_only_reports() {
    let stranger = Stranger::new();
    for (file, text) in [("a/data.json", "{\"title\": 1}"), ("b/index.html", "<p>mine</p>")] {
        stranger.write(file, text);
        let folder = file.split_once('/').unwrap().0;
        stranger.refused(&format!("report nets --out {folder}"), "no report wrote it");
        assert_eq!(fs::read_to_string(stranger.path(file)).unwrap(), text);
    }
    // A note of another author, or one about other files, allows nothing.
    for note in ["", "My novel.\n", &unfinished("data.json\n")] {
        stranger.write("e/UNFINISHED.txt", note);
        stranger.write("e/data.csv", "kept");
        stranger.refused("report nets --out e", "no report wrote it");
        assert_eq!(fs::read_to_string(stranger.path("e/UNFINISHED.txt")).unwrap(), note);
        assert_eq!(fs::read_to_string(stranger.path("e/data.csv")).unwrap(), "kept");
    }
    stranger.write("c/notes.txt", "kept");
    stranger.accepted("report nets --out c");
    stranger.accepted("report nets --out c");
    assert_eq!(fs::read_to_string(stranger.path("c/notes.txt")).unwrap(), "kept");
    // A store by another name is no store, whatever is asked of it.
    stranger.write("d/data.csv", "kept");
    stranger.refused("report d/data.csv?engine=x nets --out d", "can have a filter");
    assert_eq!(fs::read_to_string(stranger.path("d/data.csv")).unwrap(), "kept");
}

/// The note of a run that ended while it replaced files.
fn unfinished(files: &str) -> String {
    "This report mixes files of two runs: the program ended while replacing them.\nWrite the report again.\n\
     Files of the two runs:\n"
        .to_owned()
        + files
}

#[test]
fn an_interrupted_report_is_no_report() {
    let stranger = Stranger::new();
    stranger.accepted("report nets --out old");
    stranger.accepted("report --diff old nets");
    // Another file of that name means nothing, and stays.
    stranger.write("old/UNFINISHED.txt", "My novel.");
    stranger.accepted("report --diff old nets");
    stranger.refused("report nets --out old", "UNFINISHED.txt`: it exists, and no report wrote it");
    assert_eq!(fs::read_to_string(stranger.path("old/UNFINISHED.txt")).unwrap(), "My novel.");
    stranger.write("old/UNFINISHED.txt", unfinished("index.html\nlatency.svg\n"));
    stranger.write("old/latency.svg", "");
    stranger.refused("report --diff old nets", "mixes files of two runs");
    stranger.write("old/roofline.svg", "");
    let page = fs::read_to_string(stranger.path("old/report.md")).unwrap();
    stranger.write("old/report.md", page + "![a](roofline.svg)\n");
    stranger.write("old/mine.svg", "");
    stranger.accepted("report nets --out old");
    assert!(!stranger.path("old/UNFINISHED.txt").exists());
    assert!(!stranger.path("old/roofline.svg").exists(), "a figure of the last report");
    assert!(!stranger.path("old/latency.svg").exists(), "a figure of the interrupted report");
    assert!(stranger.path("old/mine.svg").exists());
    stranger.accepted("report --diff old nets");
    // The first report of a folder was interrupted: it has no numbers yet.
    stranger.write("first/index.html", "");
    stranger.write("first/UNFINISHED.txt", unfinished("index.html\ndata.json\n"));
    stranger.accepted("report nets --out first");
    assert!(!stranger.path("first/UNFINISHED.txt").exists());
}

/// A run that was suspended while it moves its files holds the folder.
#[test]
fn waiting_for_another_report_is_said_and_can_be_interrupted() {
    let stranger = Stranger::new();
    stranger.accepted("report nets --out r");
    let other = fs::File::open(stranger.path("r")).unwrap();
    other.lock().unwrap();
    for arguments in
        ["report nets --out r", "report nets --out r --bench --engine rten --budget 1ms"]
    {
        let mut command = Command::new(env!("CARGO_BIN_EXE_inceptive"));
        command.args(arguments.split_whitespace()).current_dir(stranger.path("."));
        let mut waiting = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line == "another run is writing `r`; waiting for it"));
        let pid = waiting.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert!(!waiting.wait().unwrap().success());
        if arguments.contains("--bench") {
            let said = "stopped while another run is writing this folder";
            assert!(lines.any(|line| line.ends_with(said)));
        }
    }
    drop(other);
    stranger.accepted("report nets --out r");
}

/// Text that is harmful where it is shown: an escape sequence, a C1 control, marks that turn the direction, a
/// separator of lines.
const HARMFUL: &str = r#""=1+1\e[31m\x9B\u202Eevil\u2067\u200F\u061C\u2028""#;

fn assert_harmless(what: &str, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let found = text.chars().find(|&c| is_harmful(c) && c != '\n' && c != '\t');
    assert_eq!(found, None, "{what}: {text}");
}

#[test]
fn what_a_stranger_wrote_is_harmless_in_every_output() {
    let stranger = Stranger::new();
    let network = NETWORK.replace(
        "name: N",
        &format!("name: {HARMFUL}\ndescription: {HARMFUL}\nnotes: [{HARMFUL}]\ncite: [{HARMFUL}]"),
    );
    let file = "n\u{202e}\u{1b}.yaml";
    stranger.write(file, &network);
    stranger.write("n.yaml", &network);
    stranger.write("wrong.yaml", format!("name: {HARMFUL}\n{HARMFUL}: 1\nbody: [{HARMFUL}]\n"));
    let mut all = vec![];
    for command in [
        "check",
        "cost",
        "cost --json",
        "cost --by layer",
        "show",
        "show --format dot",
        "show --format mermaid",
        "show --format svg",
        "show --format yaml",
        "bench --store r.db --budget 100ms --json",
        "bench --store r.db --budget 100ms",
        "profile --runs 3 --json",
        "profile --runs 3",
        "run",
        "report --store r.db --out out",
        "report --store r.db --out out --json",
    ] {
        for file in [file, "n.yaml", "wrong.yaml"] {
            let output =
                inceptive(command).arg(file).current_dir(stranger.path(".")).output().unwrap();
            assert_harmless(&format!("{command} {file}"), &output.stdout);
            assert_harmless(&format!("{command} {file}, errors"), &output.stderr);
            if command.contains("--json") && output.status.success() {
                let json: Value = serde_json::from_slice(&output.stdout).unwrap();
                all.push(json.to_string());
            }
        }
    }
    assert!(all.iter().any(|json| json.contains("\u{202e}evil\u{2067}")), "JSON keeps its values");
    for arguments in [
        "diff n.yaml nets/n.yaml",
        "diff n.yaml nets/n.yaml --json",
        "report --diff n.yaml nets --json",
        "report --diff n.yaml nets",
        "results list --store r.db",
        "results list --store r.db --json",
        "results show 1 --store r.db",
        "results export csv --store r.db",
        "results export json --store r.db",
        "results export timm --store r.db",
        "export n.yaml -o n.onnx",
        "import n.onnx",
        "export n.yaml --format pytorch -o n.py",
    ] {
        let output = stranger.inceptive(".", arguments);
        assert_harmless(arguments, &output.stdout);
        assert_harmless(arguments, &output.stderr);
    }
    assert_harmless("n.py", &fs::read(stranger.path("n.py")).unwrap());
    let onnx = fs::read(stranger.path("n.onnx")).unwrap();
    assert!(!contains(&onnx, "\u{202e}".as_bytes()) && !contains(&onnx, b"\x1b[31m"));
    for entry in fs::read_dir(stranger.path("out")).unwrap() {
        let path = entry.unwrap().path();
        assert_harmless(&path.display().to_string(), &fs::read(&path).unwrap());
    }
    for table in [
        fs::read_to_string(stranger.path("out/data.csv")).unwrap(),
        stranger.accepted("results export csv --store r.db"),
    ] {
        let mut reader = csv::Reader::from_reader(table.as_bytes());
        let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        assert!(!records.is_empty());
        for cell in records.iter().flatten() {
            assert!(!cell.starts_with(['=', '+', '@']), "{cell}");
        }
        assert!(table.contains("'=1+1"), "{table}");
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|found| found == part)
}

#[test]
fn parts_of_killed_runs_are_swept() {
    let stranger = Stranger::new();
    let part = stranger.write(".inceptive-old.part", "half");
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(600);
    fs::File::options().write(true).open(&part).unwrap().set_modified(old).unwrap();
    stranger.accepted("show nets/n.yaml -o out.txt");
    assert!(!Path::new(&part).exists());
}
