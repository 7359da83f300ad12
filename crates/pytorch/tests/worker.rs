//! The process in which PyTorch runs networks: a made-up one, and the real one where PyTorch is installed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::HashSet,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use inceptive_dsl::{Disk, load};
use inceptive_ir::Graph;
use inceptive_pytorch::{
    Module, to_module,
    worker::{Done, Load, Loaded, Part, Ran, Request, Worker, WorkerError},
};

static GO_ON: AtomicBool = AtomicBool::new(false);

fn fake() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fake_worker.py")
}

fn started() -> Worker {
    Worker::start(Some(&fake()), &GO_ON).unwrap()
}

/// A program that runs in the place of Python.
fn program(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("python");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn loaded(worker: &mut Worker, class: &str) -> Result<u32, WorkerError> {
    let id = worker.new_id();
    let load = Load {
        id,
        source_bytes: 4,
        class,
        tensors: &["a.weight"],
        device: "cuda",
        mode: "eager",
        precision: "fp16",
        channels_last: true,
        threads: 2,
        input: [3, 1, 2, 2],
    };
    let payload = [Part::Text("text"), Part::Floats(&[1.0, 2.0])];
    let (Loaded { memory_bytes }, _) = worker.call(Request::Load(&load), &payload, &GO_ON)?;
    assert_eq!(memory_bytes, Some(48), "source and weights arrived");
    Ok(id)
}

#[test]
fn requests_are_answered() {
    let mut worker = started();
    let devices = &worker.about().devices;
    assert_eq!((devices[0].name.as_str(), devices[0].hardware.as_deref()), ("cpu", None));
    assert_eq!(devices[1].hardware.as_deref(), Some("Fake GPU"));
    let id = loaded(&mut worker, "Network").unwrap();
    let (Ran { seconds, clock_mhz, is_finite }, _) =
        worker.call(Request::Run { id, runs: 4 }, &[], &GO_ON).unwrap();
    assert_eq!(seconds, [0.002, 0.002, 0.002_04, 0.002]);
    assert_eq!((clock_mhz, is_finite), (Some(1500.0), true));
    let (Done {}, output) = worker.call(Request::Output { id }, &[], &GO_ON).unwrap();
    assert_eq!(output, [1.0; 3]);
    worker.call::<Done>(Request::Drop { id }, &[], &GO_ON).unwrap();
}

#[test]
fn a_refusal_leaves_the_process_and_a_death_is_told() {
    let mut worker = started();
    let large = loaded(&mut worker, "Large").unwrap_err();
    assert!(matches!(large, WorkerError::OutOfMemory(_)), "{large}");
    assert!(!worker.has_ended());
    let id = loaded(&mut worker, "Network").unwrap();
    let dead = loaded(&mut worker, "Dies").unwrap_err().to_string();
    assert!(dead.contains("exit status: 3") && dead.contains("wrong in the driver"), "{dead}");
    assert!(worker.has_ended());
    let again = worker.call::<Ran>(Request::Run { id, runs: 1 }, &[], &GO_ON).unwrap_err();
    assert!(matches!(again, WorkerError::Ended { .. }), "{again}");
}

/// After such an error, a GPU refuses everything that the process asks for.
#[test]
fn a_process_whose_device_failed_is_not_used_again() {
    let mut worker = started();
    let illegal = loaded(&mut worker, "Illegal").unwrap_err();
    assert!(illegal.to_string().contains("illegal memory access"), "{illegal}");
    assert!(matches!(illegal, WorkerError::Failed(_)) && worker.has_ended());
}

#[test]
fn a_request_that_hangs_can_be_stopped() {
    let mut worker = started();
    let id = loaded(&mut worker, "Hangs").unwrap();
    let (stop, start) = (AtomicBool::new(false), Instant::now());
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(100));
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
        let stopped = worker.call::<Ran>(Request::Run { id, runs: 1 }, &[], &stop).unwrap_err();
        assert!(matches!(stopped, WorkerError::Stopped), "{stopped}");
    });
    assert!(worker.has_ended() && start.elapsed() < Duration::from_secs(20));
}

#[test]
fn what_does_not_speak_the_protocol_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let start = |text: &str| {
        let program = program(folder.path(), text);
        Worker::start(Some(&program), &GO_ON).err().unwrap().to_string()
    };
    let silent = start("#!/bin/sh\necho no torch >&2\nexit 1\n");
    assert!(silent.contains("exit status: 1") && silent.ends_with(": no torch"), "{silent}");
    let words = start("#!/bin/sh\necho hello, I am not a worker at all\n");
    assert!(words.contains("unexpected message"), "{words}");
    let frame = |header: &str| {
        let octal = format!("\\0{:o}", header.len());
        format!(
            "#!/bin/sh\nprintf '%b' '{octal}\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000'\nprintf '%s' '{header}'\ncat >&2\n"
        )
    };
    let other = start(&frame(r#"{"protocol":0,"python":"3","torch":"1","devices":[]}"#));
    assert!(other.contains("version 0"), "{other}");
    let missing = start(&frame(
        r#"{"error":"missing","message":"No module named 'x'"}"#.replace('\'', "").as_str(),
    ));
    assert!(missing.contains("pip install torch"), "{missing}");
    let absent = Worker::start(Some(Path::new("/absent/python")), &GO_ON).err().unwrap();
    assert!(absent.to_string().contains("there is no file"), "{absent}");
}

/// The real process; `None` where PyTorch is not installed, unless `INCEPTIVE_TEST_ENGINES` asks for it.
fn real() -> Option<Worker> {
    match Worker::start(None, &GO_ON) {
        Ok(worker) => Some(worker),
        Err(WorkerError::Missing(how)) => {
            let wanted = env::var("INCEPTIVE_TEST_ENGINES").unwrap_or_default();
            assert!(!wanted.split_whitespace().any(|name| name == "pytorch"), "{how}");
            println!("skipped: PyTorch is not installed");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn graph(file: &Path) -> Graph {
    load(&Disk, file, &[]).unwrap().architecture.graph
}

/// Writes a key per line, and checks that these are all of PyTorch's.
#[test]
fn keys_are_those_of_the_state_dict() {
    let Some(mut worker) = real() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    for name in ["small/bn.yaml", "small/residual.yaml", "googlenet-bn.yaml", "densenet121.yaml"] {
        let graph = graph(&folder.join(name));
        let Module { text, class, keys } = to_module(&graph, name);
        let distinct: HashSet<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
        assert_eq!(distinct.len(), keys.len(), "{name}");
        // The class checks its own keys when it is made.
        let list: Vec<String> = keys.iter().map(|(_, key)| format!("{key:?}")).collect();
        let check = format!(
            "\n\nclass Checked({class}):\n    def __init__(self) -> None:\n        super().__init__()\n        \
             own = {{key for key in self.state_dict() if \"num_batches\" not in key}}\n        \
             assert own == {{{}}}, own\n",
            list.join(", ")
        );
        let text = text + &check;
        let size = graph.node(graph.input()).shape.size();
        let id = worker.new_id();
        let load = Load {
            id,
            source_bytes: text.len(),
            class: "Checked",
            tensors: &[],
            device: "cpu",
            mode: "eager",
            precision: "fp32",
            channels_last: false,
            threads: 1,
            input: [
                1,
                graph.node(graph.input()).shape.channels() as usize,
                size.height as usize,
                size.width as usize,
            ],
        };
        let loaded = worker.call::<Loaded>(Request::Load(&load), &[Part::Text(&text)], &GO_ON);
        loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
        worker.call::<Done>(Request::Drop { id }, &[], &GO_ON).unwrap();
    }
}

/// Prints of a network do not reach the messages.
#[test]
fn prints_do_not_disturb() {
    let Some(mut worker) = real() else { return };
    let text = "import torch\n\n\nclass Loud(torch.nn.Module):\n    def forward(self, x):\n        \
                print('loud', flush=True)\n        return x.flatten(1)\n";
    let id = worker.new_id();
    let load = Load {
        id,
        source_bytes: text.len(),
        class: "Loud",
        tensors: &[],
        device: "cpu",
        mode: "eager",
        precision: "fp32",
        channels_last: false,
        threads: 1,
        input: [2, 1, 1, 2],
    };
    worker.call::<Loaded>(Request::Load(&load), &[Part::Text(text)], &GO_ON).unwrap();
    let input = [1.0, 2.0, 3.0, 4.0];
    let payload = [Part::Floats(&input)];
    worker.call::<Done>(Request::Input { id }, &payload, &GO_ON).unwrap();
    let (Ran { seconds, .. }, _) = worker.call(Request::Run { id, runs: 3 }, &[], &GO_ON).unwrap();
    assert!(seconds.len() == 3 && seconds.iter().all(|&time| time > 0.0));
    let (Done {}, output) = worker.call(Request::Output { id }, &[], &GO_ON).unwrap();
    assert_eq!(output, input);
    let unknown = worker.call::<Done>(Request::Output { id: id + 1 }, &[], &GO_ON).unwrap_err();
    assert!(matches!(unknown, WorkerError::Failed(_)), "{unknown}");
}
