//! Measuring from the window, with an engine that computes nothing on a machine whose time passes when told to.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool},
    thread::sleep,
    time::Duration,
};

use egui::{Key, Modifiers, OutputCommand, Role};
use egui_kittest::kittest::Queryable;
use inceptive_bench::{
    Description, Engine, EngineError, FakeHost, Isa, Model as Runnable, NodeTimings,
    PrecisionRequest, ProgressFn, Session, Setup,
    engines::{PyTorchMode, mock::Mock},
};
use inceptive_gui::{
    jobs::{MeasurementBackend, Tools},
    model::{Model, Status},
};
use inceptive_results::{
    Measurement, NetworkInfo, NodeProfile, Precision, Profile, ProfileRecord, Roofline, Runtime,
};
use inceptive_store::{Filter, Store};

use crate::common::{Window, copies, has_sliders, is_designed};

const NETWORK: &str = "module-reduced.yaml";

/// An engine that nobody has.
struct Absent;

impl Absent {
    fn missing<T>() -> Result<T, EngineError> {
        Err(EngineError::Missing { engine: "absent", how: "ask for it".to_owned() })
    }
}

impl Engine for Absent {
    fn name(&self) -> &'static str {
        "absent"
    }

    fn describe(&self) -> Result<Description, EngineError> {
        Self::missing()
    }

    fn compile(
        &self,
        _: &Runnable,
        _: &Setup,
        _: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        Self::missing()
    }

    fn node_times(
        &self,
        _: &Runnable,
        _: &Setup,
        _: Arc<[f32]>,
        _: usize,
        _: &AtomicBool,
        _: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        Self::missing()
    }
}

/// An engine whose timed runs take a while.
struct Slow(Mock);

impl Engine for Slow {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn describe(&self) -> Result<Description, EngineError> {
        self.0.describe()
    }

    fn compile(
        &self,
        model: &Runnable,
        setup: &Setup,
        stop: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        self.0.compile(model, setup, stop)
    }

    fn node_times(
        &self,
        model: &Runnable,
        setup: &Setup,
        input: Arc<[f32]>,
        runs: usize,
        stop: &AtomicBool,
        listen: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        self.0.node_times(model, setup, input, runs, stop, &mut |share| {
            sleep(Duration::from_millis(5));
            listen(share)
        })
    }
}

/// An engine with the choices of PyTorch, which notes what it is asked for.
struct Chooser {
    mock: Mock,
    asked: Arc<Mutex<Vec<Setup>>>,
}

impl Engine for Chooser {
    fn name(&self) -> &'static str {
        "pytorch"
    }

    fn describe(&self) -> Result<Description, EngineError> {
        Ok(Description {
            devices: ["cpu", "cuda"].map(str::to_owned).to_vec(),
            precisions: vec![Precision::Fp32, Precision::Fp16],
            mode: Some("eager".to_owned()),
            ..self.mock.describe()?
        })
    }

    fn compile(
        &self,
        model: &Runnable,
        setup: &Setup,
        stop: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        self.asked.lock().unwrap().push(setup.clone());
        self.mock.compile(model, setup, stop)
    }

    fn node_times(
        &self,
        _: &Runnable,
        _: &Setup,
        _: Arc<[f32]>,
        _: usize,
        _: &AtomicBool,
        _: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        Absent::missing()
    }
}

/// Measures with an engine whose runs take what `pace` says.
pub fn machinery(
    fails_at: Option<usize>,
    pace: impl Fn(&Runnable, usize) -> Duration + Clone + Send + Sync + 'static,
) -> MeasurementBackend {
    with_engine(move |host| Box::new(Mock { fails_at, ..Mock::new(host, pace.clone()) }))
}

/// Measures with an engine on a machine whose time passes when told to.
fn with_engine(
    make: impl Fn(&FakeHost) -> Box<dyn Engine> + Send + Sync + 'static,
) -> MeasurementBackend {
    MeasurementBackend::new(move |_| {
        let host = FakeHost::default();
        Tools {
            engines: vec![make(&host), Box::new(Absent)],
            host: Box::new(host),
            machine: inceptive_results::example::machine(),
            roofline: |threads, _| Roofline { threads, peak_gflops: 400.0, bandwidth_gbps: 20.0 },
            available_bytes: 1 << 34,
        }
    })
}

/// A window with the run tab in front.
fn running(machinery: &MeasurementBackend) -> Window {
    let mut window = Window::measuring(copies(&[NETWORK, "blocks/inception.yaml"]), machinery);
    window.click("module-reduced");
    window.press(Modifiers::COMMAND, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some());
    window
}

/// Measures with an engine whose runs take two milliseconds.
pub fn steady() -> MeasurementBackend {
    machinery(None, |_, _| Duration::from_millis(2))
}

pub fn status(model: &Model, at: usize) -> Option<&Status> {
    model.jobs.long().nth(at).map(|state| &state.status)
}

pub fn is_over(model: &Model) -> bool {
    model.jobs.long().next().is_some() && model.jobs.active().next().is_none()
}

#[test]
fn a_bench_goes_from_a_click_to_a_row() {
    let mut window = running(&steady());
    assert!(window.has("mock 1 on cpu") && window.has("absent was not found: ask for it"));
    window.click("Start");
    window
        .wait("there is a result", |model| is_over(model) && model.results.measurements.len() == 1);
    assert_eq!(status(window.model(), 0), Some(&Status::Done));
    for text in ["Inception module with reductions", "2.00 ms", "2.00 … 2.00 ms", "271.4", "fp32"]
    {
        assert!(window.has(text), "{text}");
    }
    window.get("Filter results").focus();
    window.harness.run();
    window.get("Filter results").type_text("resnet");
    window.harness.run();
    assert!(!window.has("2.00 ms") && window.has("No matches"));
    window.click("Clear finished");
    assert!(window.says("No jobs yet"));
}

#[test]
fn results_are_grouped_labelled_hidden_and_compared() {
    let files = ["alexnet.yaml", "googlenet.yaml", "blocks/inception.yaml"];
    let pace = |model: &Runnable, _| match model.name == "GoogLeNet" {
        true => Duration::from_millis(4),
        false => Duration::from_millis(2),
    };
    let mut window = Window::measuring(copies(&files), &machinery(None, pace));
    window.click("googlenet");
    window.get("alexnet").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some());
    window.click("Start");
    window
        .wait("there are results", |model| is_over(model) && model.results.measurements.len() == 2);
    // The first selected network is the base.
    assert!(window.has("base") && window.says("x faster"));
    let today = inceptive_results::date::utc_day(inceptive_results::date::unix_ms());
    assert!(window.says(&today));

    window.click("Hide a result of AlexNet");
    assert!(!window.says("x faster") && window.model().results.measurements.len() == 2);
    window.click("Show hidden (1)");
    assert!(window.says("x faster"));
    // Closed by a click on its name.
    window.harness.get_by_role_and_label(Role::Link, "AlexNet").click();
    window.harness.run();
    assert!(!window.says("x faster"));
}

#[test]
fn results_of_a_design_have_its_name_and_a_report_says_that_it_saves_it() {
    let mut window = running(&steady());
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    window.harness.get_by_role_and_label(Role::Slider, "module.r3").set_value_accesskit(96.0);
    window.harness.run();
    window.wait("it is counted again", is_designed);
    let name = window.model().current().unwrap().name();
    assert_ne!(name, "Inception module with reductions");
    window.press(Modifiers::COMMAND, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some());
    window.click("Start");
    window
        .wait("there is a result", |model| is_over(model) && model.results.measurements.len() == 1);
    let subject = &window.model().results.measurements[0].result.subject;
    assert_eq!(subject.name, "Inception module with reductions");
    assert!(window.harness.query_by_role_and_label(Role::Link, &name).is_some(), "{name}");
    window.click("Report");
    assert!(window.has("saves first") && window.says("-design-1.yaml"));
}

#[test]
fn every_batch_and_thread_count_is_measured() {
    let mut window = running(&steady());
    for (field, text) in [("Batches", "1, 8"), ("Threads", "1 2")] {
        window.fill(field, text);
    }
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("there are results", |model| model.results.measurements.len() == 4);
    window.get("Batches").focus();
    window.harness.run();
    window.get("Batches").type_text(" x");
    window.harness.run();
    assert!(window.says("batch: `x` is not a whole number"));
}

#[test]
fn the_instruction_set_can_be_chosen() {
    let asked = Arc::new(Mutex::new(vec![]));
    let told = Arc::clone(&asked);
    let plain = with_engine(|host| {
        let pace = |_: &Runnable, _| Duration::from_millis(2);
        Box::new(Mock { isa: Some("any".to_owned()), ..Mock::new(host, pace) })
    });
    let mut window = running(&MeasurementBackend::new(move |choice| {
        told.lock().unwrap().push(choice.isa);
        plain.tools(choice)
    }));
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("there is a result", |model| model.results.measurements.len() == 1);
    window.harness.get_by_role_and_label(Role::ComboBox, "instruction set").click();
    window.harness.run();
    window.button("portable").click();
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("there are results", |model| model.results.measurements.len() == 2);
    // The first one asked which engines there are.
    assert_eq!(*asked.lock().unwrap(), [None, None, Some(Isa::Portable)]);
}

#[test]
fn the_choices_of_pytorch_can_be_made() {
    let (asked, modes) = (Arc::new(Mutex::new(vec![])), Arc::new(Mutex::new(vec![])));
    let (told, chosen) = (Arc::clone(&asked), Arc::clone(&modes));
    let plain = with_engine(move |host| {
        let mock = Mock::new(host, |_: &Runnable, _| Duration::from_millis(2));
        Box::new(Chooser { mock, asked: Arc::clone(&told) })
    });
    let mut window = running(&MeasurementBackend::new(move |choice| {
        chosen.lock().unwrap().push((choice.mode, choice.channels_last));
        plain.tools(choice)
    }));
    window.choose("mode", "graphs");
    window.click("channels last");
    window.choose("precision", "fp16");
    window.choose("device", "cuda");
    window.press(Modifiers::COMMAND, Key::Enter);
    window.wait("there is a result", |model| !model.results.measurements.is_empty());
    let asked = asked.lock().unwrap();
    assert!(
        asked
            .iter()
            .all(|setup| { setup.device == "cuda" && setup.precision == PrecisionRequest::Fp16 }),
        "{asked:?}"
    );
    assert_eq!(modes.lock().unwrap().last(), Some(&(PyTorchMode::Graphs, true)));
}

#[test]
fn what_waits_and_what_runs_can_be_cancelled() {
    let slow = machinery(None, |_, _| {
        sleep(Duration::from_millis(2));
        Duration::from_millis(1)
    });
    let mut window = running(&slow);
    window.click("Start");
    window.click("Profile");
    window.click("Start");
    window.wait("one runs", |model| {
        matches!(status(model, 0), Some(Status::Running(progress)) if !progress.activity.is_empty())
    });
    assert_eq!(status(window.model(), 1), Some(&Status::Waiting));
    window.click("Cancel profile module-reduced");
    window.wait("it is off", |model| status(model, 1) == Some(&Status::Stopped));
    assert!(matches!(status(window.model(), 0), Some(Status::Running(_))));
    window.click("Cancel bench module-reduced");
    window.wait("all are off", is_over);
    assert_eq!(status(window.model(), 0), Some(&Status::Stopped));
    assert!(window.model().results.profiles.is_empty());
}

#[test]
fn what_an_engine_says_is_shown() {
    let mut window = running(&machinery(Some(12), |_, _| Duration::from_millis(2)));
    window.click("Start");
    window.wait("it failed", is_over);
    assert!(window.says("mock failed: told to"));
    assert!(window.has("nothing was measured"));
}

#[test]
fn a_panic_becomes_a_message_and_the_next_job_runs() {
    let mut window = running(&machinery(None, |_, run| {
        assert!(run < 5, "the engine fell over");
        Duration::from_millis(2)
    }));
    window.click("Start");
    window.wait("it failed", is_over);
    assert!(window.says("internal error: the engine fell over"));
    window.click("Profile");
    window.click("Start");
    window.wait("the next one ran", |model| model.results.profiles.len() == 1);
}

#[test]
fn a_store_of_a_newer_version_is_told_and_left_alone() {
    let folder = copies(&[NETWORK, "blocks/inception.yaml"]);
    let file = folder.path().join("inceptive.db");
    drop(Store::open(&file).unwrap());
    let mut bytes = fs::read(&file).unwrap();
    // The schema's version (SQLite file format, 1.3).
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
    fs::write(&file, &bytes).unwrap();

    let mut window = Window::measuring(folder, &steady());
    window.click("module-reduced");
    window.press(Modifiers::COMMAND, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some());
    assert!(window.says("was written by a newer version of this program"));
    window.click("Start");
    window.wait("it failed", is_over);
    assert!(
        matches!(status(window.model(), 0), Some(Status::Failed(text)) if text.contains("newer"))
    );
    assert_eq!(fs::read(&file).unwrap(), bytes);

    let other = window.folder.path().join("other.db");
    keep_in(&mut window, &other);
    window.click("Start");
    window.wait("another store does", |model| model.results.measurements.len() == 1);
    assert!(other.is_file() && !window.says("newer version of this program. "));
}

/// Keeps results in another store.
fn keep_in(window: &mut Window, store: &Path) {
    window.fill("Store", store.to_str().unwrap());
    window.press(Modifiers::NONE, Key::Enter);
}

#[test]
fn a_store_that_cannot_be_made_is_said_before_measuring() {
    let mut window = running(&steady());
    let no_folder = window.file(NETWORK).join("results.db");
    keep_in(&mut window, &no_folder);
    window.wait("it is looked at", |model| model.results.problem.is_some());
    assert!(window.says("cannot read") && window.says("Choose another store above"));
    for work in ["Bench", "Profile"] {
        window.click(work);
        window.click("Start");
        window.wait("it failed", is_over);
        let failed = |state: &inceptive_gui::model::JobState| matches!(&state.status, Status::Failed(text) if text.contains("results.db"));
        assert!(window.model().jobs.long().all(failed), "{work}");
    }
    assert_eq!(window.model().jobs.long().count(), 2);
}

#[test]
#[cfg(unix)]
fn a_read_only_store_is_shown() {
    use std::os::unix::fs::PermissionsExt;

    let mut window = running(&steady());
    let folder = window.folder.path().join("locked");
    fs::create_dir(&folder).unwrap();
    let store = folder.join("results.db");
    keep_in(&mut window, &store);
    window.click("Start");
    window
        .wait("there is a result", |model| is_over(model) && model.results.measurements.len() == 1);
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    set(&store, 0o444);
    set(&folder, 0o555);
    let is_root = fs::write(folder.join("probe"), "").is_ok();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("it is read again", |model| {
        model.jobs.active().next().is_none() && model.results.measurements.len() == 1
    });
    assert_eq!(window.model().results.problem, None);
    window.click("Start");
    window.wait("it is over", is_over);
    let last = status(window.model(), 1).cloned();
    set(&folder, 0o755);
    // Root writes anywhere.
    assert!(
        is_root || matches!(last, Some(Status::Failed(text)) if text.contains("cannot be written"))
    );
}

#[test]
fn a_store_that_is_deleted_while_something_is_measured_is_made_again() {
    let folder = copies(&[NETWORK, "blocks/inception.yaml"]);
    let store = folder.path().join("inceptive.db");
    let deleted = store.clone();
    let deleting = machinery(None, move |_, run| {
        if run == 5 {
            fs::remove_file(&deleted).unwrap();
        }
        Duration::from_millis(2)
    });
    let mut window = Window::measuring(folder, &deleting);
    window.click("module-reduced");
    window.press(Modifiers::COMMAND, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some());
    window.click("Start");
    window
        .wait("there is a result", |model| is_over(model) && model.results.measurements.len() == 1);
    let kept =
        Store::open_to_read(&store).unwrap().records::<Measurement>(&Filter::default()).unwrap();
    assert_eq!(kept.readable.len(), 1);
}

#[test]
fn a_profile_is_a_table_and_points_under_a_roof() {
    let mut window = running(&steady());
    window.click("Profile");
    window.click("Start");
    window.wait("there is a profile", |model| is_over(model) && !model.results.profiles.is_empty());
    window.click("Profiles (1)");
    assert!(window.has("Roofline with 13 points"), "convolutions, activations and a pooling");
    assert!(window.has("module/3x3/conv") && window.says("memory bound"));
    window.click("modules");
    assert!(window.has("Roofline with 1 point") && window.has("module"));
    window.click("nodes");
    let height = |window: &Window, name| window.get(name).rect().top();
    let is_above =
        |window: &Window| height(window, "module/3x3/conv") < height(window, "module/1x1/conv");
    assert!(!is_above(&window), "in the order of execution");
    window.click("GFLOP/s");
    assert!(is_above(&window), "what is faster first");
    window.click("module/3x3/conv");
    window.wait("it is laid out", |model| {
        model.last_scene(inceptive_gui::jobs::Place::Graph).is_some()
    });
    assert!(!window.has("Profiles (1)"), "the graph is in front");
    window.harness.get_by_value("Colour: operator").click();
    window.harness.run();
    window.click("measured time");
    let threads = window.model().results.profiles[0].result.runtime.threads;
    let way = format!("mock fp32, batch 1, threads {threads}");
    assert!(window.says(&format!("legend: measured time, {way}")) && window.has(&way));
}

#[test]
fn times_of_modules_are_compared_in_one_way_only() {
    let networks = [NETWORK, "module-naive.yaml", "blocks/inception.yaml"];
    let mut window = Window::measuring(copies(&networks), &steady());
    let machine = inceptive_results::example::machine();
    let profile = |window: &Window, file: &str, batch: u32| {
        let entry = window.model().entries.get(window.file(file).as_path()).unwrap();
        let graph = &entry.network.as_ref().unwrap().architecture.graph;
        let subject = NetworkInfo::new(file, file, vec![], graph);
        let runtime = Runtime {
            engine: "mock".to_owned(),
            engine_version: "1".to_owned(),
            device: "cpu".to_owned(),
            precision: Precision::Fp32,
            batch,
            threads: 2,
            isa: None,
            mode: None,
            accelerator: None,
        };
        let part = |name: &str| NodeProfile {
            name: name.to_owned(),
            ops: "conv".to_owned(),
            time_ms: f64::from(batch) * 3.0,
            share: 1.0,
            flops: 1,
            moved_bytes: 1,
        };
        let profile = Profile {
            precision: Precision::Fp32,
            nodes: vec![part("module/1x1/conv")],
            total_ms: 1.0,
            runs: 9,
        };
        let roof = Roofline { threads: 2, peak_gflops: 400.0, bandwidth_gbps: 20.0 };
        ProfileRecord::new(subject, runtime, roof, &machine, 0, profile)
    };
    let records = [(NETWORK, 1), ("module-naive.yaml", 1), ("module-naive.yaml", 8)]
        .map(|(file, batch)| profile(&window, file, batch));
    let mut store = Store::open(&window.folder.path().join("inceptive.db")).unwrap();
    records.iter().for_each(|record| {
        store.append(record).unwrap();
    });
    window.press(Modifiers::NONE, Key::F5);
    window.wait("they are read", |model| {
        assert_eq!(model.results.problem, None);
        model.results.profiles.len() == 3
    });
    window.click("module-naive");
    window.get("module-reduced").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::Num5);
    window.click("latency");
    // The latest profile of the first is of another batch.
    assert!(window.says("module: 3.00 ms, 3.00 ms"));
    window.harness.get_by_value("mock fp32, batch 1, threads 2").click();
    window.harness.run();
    window.click("mock fp32, batch 8, threads 2 (1 of 2)");
    assert!(window.says("module: 24.0 ms, –"));
    assert!(window.says("No profile of module-reduced in this configuration yet"));

    // What is added later is found, and of a way that looks the same is said what differs.
    store.append(&profile(&window, NETWORK, 8)).unwrap();
    let mut newer = profile(&window, NETWORK, 8);
    newer.runtime.engine_version = "2".to_owned();
    store.append(&newer).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("they are read", |model| model.results.profiles.len() == 5);
    assert!(window.says("module: 24.0 ms, 24.0 ms"));
    window.harness.get_by_value("mock fp32, batch 8, threads 2, version 1").click();
    window.harness.run();
    window.click("mock fp32, batch 8, threads 2, version 2 (1 of 2)");
    assert!(window.says("module: –, 24.0 ms"));
}

/// Starts a profile of so many runs, each of which takes 5 ms.
fn profiling(runs: f64) -> Window {
    let slow = with_engine(|host| Box::new(Slow(Mock::new(host, |_, _| Duration::from_millis(2)))));
    let mut window = running(&slow);
    window.click("Profile");
    window.harness.get_by_role(Role::SpinButton).set_value_accesskit(runs);
    window.harness.run();
    window.click("Start");
    window
}

fn share(model: &Model) -> f32 {
    match status(model, 0) {
        Some(Status::Running(progress)) => progress.share,
        _ => 0.0,
    }
}

#[test]
fn a_profile_says_how_far_it_is_and_keeps_what_is_done_when_it_is_cancelled() {
    let mut window = profiling(2_000.0);
    window.wait("it goes on", |model| share(model) > 0.009);
    assert!(share(window.model()) < 0.9);
    window.click("Cancel profile module-reduced");
    window.wait("it is off", |model| is_over(model) && model.results.profiles.len() == 1);
    assert_eq!(status(window.model(), 0), Some(&Status::Stopped));
    let runs = window.model().results.profiles[0].result.profile.runs;
    assert!((20..1_000).contains(&runs), "{runs}");
}

#[test]
fn a_report_stops_while_it_counts_a_space() {
    // Each network has another structure, so none is counted by formulas.
    let space = "space: Slow\nbase: googlenet.yaml\nvary:\n  a: {from: 0, to: 60}\n  b: {from: 0, to: 60}\n\
                 with: {tail: {gap: {dropout: $a / 100 + $b / 10000}}}\n";
    let folder = copies(&["googlenet.yaml"]);
    fs::write(folder.path().join("architectures/slow.yaml"), space).unwrap();
    let mut window = Window::measuring(folder, &steady());
    window.click("slow");
    window.press(Modifiers::COMMAND, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some());
    window.click("Report");
    // One that is not stopped must not write beside the program.
    let target = window.folder.path().join("a report");
    window.fill("Folder of the report", target.to_str().unwrap());
    window.click("Start");
    window.wait("it counts", |model| {
        matches!(status(model, 0), Some(Status::Running(progress)) if progress.activity.contains(" of 2000 networks"))
    });
    window.click("Cancel report on slow");
    window.wait("it is off", is_over);
    assert_eq!(status(window.model(), 0), Some(&Status::Stopped));
    assert!(!target.join("index.html").exists());
}

#[test]
fn a_report_ends_with_a_page_to_open() {
    let mut window = running(&steady());
    window.click("Report");
    let folder = window.folder.path().join("a report");
    window.fill("Folder of the report", folder.to_str().unwrap());
    window.click("Start");
    window.wait("it is written", is_over);
    assert!(folder.join("report.md").is_file());
    assert!(window.says("a report/index.html"));
    window.get("Open page").click();
    window.harness.step();
    let commands = &window.harness.output().platform_output.commands;
    let opened = commands.iter().find_map(|command| match command {
        OutputCommand::OpenUrl(open) => Some(open.url.clone()),
        _ => None,
    });
    assert!(
        opened
            .is_some_and(|url| url.starts_with("file://") && url.ends_with("a%20report/index.html"))
    );
}
