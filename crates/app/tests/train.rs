//! Training tasks: side by side, stopped, resumed, refused, and never repeated.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use inceptive_app::{
    NEVER, PlannedRun, Request, RunState, SideBySide, Task, TaskContext, TaskEvent, TaskOutcome,
    TrainPlan, TrainerName, TrainingEvent,
};
use inceptive_bench::System;
use inceptive_results::{TrainingOutcome, TrainingRun};
use inceptive_store::{Filter, Store};

const RECIPE: &str = "name: tiny
epochs: 3
batch: 20
learning_rate: 0.05
average: 0.9
augment: {crop: 1, flip: random}
";

fn network(name: &str, width: u32) -> String {
    format!(
        "name: {name}
input: {{channels: 1, size: 16}}
classes: 10
defaults: {{conv: {{norm: bn}}}}
body:
  - conv a: {{kernel: 3, width: {width}}}
  - maxpool pool: {{kernel: 2, stride: 2}}
  - dropout: {{p: 0.1}}
tail: gap
"
    )
}

/// A folder with two networks, a recipe and a store.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, width) in [("one", 8), ("two", 16)] {
            fs::write(folder.path().join(format!("{name}.yaml")), network(name, width)).unwrap();
        }
        fs::write(folder.path().join("tiny.yaml"), RECIPE).unwrap();
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn plan(&self) -> TrainPlan {
        let request = |name| Request { file: self.path(name), settings: vec![] };
        TrainPlan {
            requests: vec![request("one.yaml"), request("two.yaml")],
            data: "shapes:size=16,train=200,test=50".to_owned(),
            recipe: self.path("tiny.yaml").display().to_string(),
            recipe_settings: vec![],
            seeds: vec![0, 1],
            threads: 2,
            side_by_side: Some(2),
            isa: None,
            trainer: TrainerName::Native,
            device: "cpu".to_owned(),
            python: None,
            folder: self.path("trained"),
            report: None,
            again: false,
            until: None,
        }
    }

    /// Runs a plan; `listen` may set the flag that stops it.
    fn run(
        &self,
        plan: &TrainPlan,
        listen: impl FnMut(&TaskEvent, &AtomicBool),
    ) -> (TaskOutcome, Vec<TaskEvent>) {
        self.run_with(plan, 1 << 32, &NEVER, listen)
    }

    /// The same with this much memory, and a flag that lets it wait.
    fn run_with(
        &self,
        plan: &TrainPlan,
        available_bytes: u64,
        wait: &AtomicBool,
        mut listen: impl FnMut(&TaskEvent, &AtomicBool),
    ) -> (TaskOutcome, Vec<TaskEvent>) {
        let mut store = Store::open(&self.path("results.db")).unwrap();
        let (machine, stop) = (inceptive_bench::this_machine(), AtomicBool::new(false));
        let context = TaskContext {
            engines: &[],
            host: &System::new(),
            machine: &machine,
            roofline: &inceptive_bench::measure_roofline,
            available_bytes,
            stop: &stop,
            wait,
        };
        let mut events = vec![];
        let outcome = Task::Train(plan.clone()).run(&context, &mut store, &mut |event| {
            listen(&event, &stop);
            events.push(event);
        });
        (outcome, events)
    }

    fn stored(&self) -> Vec<TrainingRun> {
        let store = Store::open(&self.path("results.db")).unwrap();
        let rows = store.records::<TrainingRun>(&Filter::default()).unwrap();
        rows.readable.into_iter().map(|stored| stored.result).collect()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("trained")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn messages(events: &[TaskEvent]) -> Vec<String> {
    let message = |event: &TaskEvent| match event {
        TaskEvent::Failed(failure) => Some(failure.message.clone()),
        _ => None,
    };
    events.iter().filter_map(message).collect()
}

fn planned(events: &[TaskEvent]) -> &[PlannedRun] {
    let runs = events.iter().find_map(|event| match event {
        TaskEvent::Training(TrainingEvent::Runs(runs)) => Some(runs),
        _ => None,
    });
    runs.unwrap()
}

/// What has to be equal in equal runs.
#[derive(Debug, PartialEq)]
struct Results {
    name: String,
    seed: u64,
    losses: Vec<(f64, Option<f64>)>,
    test_loss: Option<f64>,
}

fn results(run: &TrainingRun) -> Results {
    Results {
        name: run.subject.name.clone(),
        seed: run.seed,
        losses: run.history.iter().map(|epoch| (epoch.loss, epoch.val_loss)).collect(),
        test_loss: run.test_loss,
    }
}

#[test]
fn networks_and_seeds_are_trained_once() {
    let bench = Bench::new();
    let (outcome, events) = bench.run(&bench.plan(), |_, _| {});
    assert!(!outcome.failed, "{:?}", messages(&events));
    assert_eq!(outcome.kept, 4);
    let order = |runs: &[TrainingRun]| -> Vec<(String, u64)> {
        runs.iter().map(|run| (run.subject.name.clone(), run.seed)).collect()
    };
    let expected = [("one", 0), ("two", 0), ("one", 1), ("two", 1)];
    assert_eq!(order(&outcome.training_runs), expected.map(|(n, s)| (n.to_owned(), s)));
    for run in &outcome.training_runs {
        assert_eq!((run.history.len(), run.epochs, run.dataset.test_images), (3, 3, 50));
        assert_eq!(run.confusion.iter().sum::<u64>(), 50);
        assert!(Path::new(run.checkpoint.as_ref().unwrap()).is_file());
        assert!(run.seconds > 0.0 && run.images_per_s > 0.0);
    }
    assert!(planned(&events).iter().all(|run| run.state == RunState::Waiting));
    assert!(bench.names().iter().all(|name| name.ends_with(".safetensors")), "{:?}", bench.names());

    let mut more = bench.plan();
    more.seeds = vec![0, 1, 2];
    let (again, events) = bench.run(&more, |_, _| {});
    assert_eq!((again.kept, again.training_runs.len()), (2, 6));
    let known = planned(&events).iter().filter(|run| run.state == RunState::Known).count();
    assert_eq!(known, 4);
    assert_eq!(bench.stored().len(), 6);

    let mut repeated = bench.plan();
    (repeated.again, repeated.side_by_side, repeated.threads) = (true, Some(1), 1);
    let (repeated, _) = bench.run(&repeated, |_, _| {});
    assert_eq!(repeated.kept, 4);
    let of =
        |outcome: &TaskOutcome| -> Vec<_> { outcome.training_runs.iter().map(results).collect() };
    assert_eq!(of(&repeated), of(&outcome), "not on the number of threads");
}

#[test]
fn a_stopped_training_goes_on_to_the_same_bits() {
    let (whole, stopped) = (Bench::new(), Bench::new());
    whole.run(&whole.plan(), |_, _| {});
    let mut ended = vec![];
    // Stops after the first epoch of each call.
    for _ in 0..20 {
        let (outcome, events) = stopped.run(&stopped.plan(), |event, stop| {
            if let TaskEvent::Training(TrainingEvent::Epoch { .. }) = event {
                stop.store(true, Ordering::Relaxed);
            }
        });
        let went_on = events.iter().any(|event| {
            matches!(event, TaskEvent::Training(TrainingEvent::Started { history, .. }) if !history.is_empty())
        });
        ended.push(went_on);
        if outcome.training_runs.len() == 4 {
            break;
        }
    }
    assert!(ended.iter().any(|went_on| *went_on), "it always started anew");
    let sorted = |bench: &Bench| {
        let mut found: Vec<_> = bench.stored().iter().map(results).collect();
        found.sort_by_key(|found| (found.name.clone(), found.seed));
        found
    };
    assert_eq!(sorted(&stopped), sorted(&whole));
    assert_eq!(stopped.names(), whole.names());
    for name in whole.names() {
        let read = |bench: &Bench| fs::read(bench.path("trained").join(&name)).unwrap();
        assert!(read(&stopped) == read(&whole), "{name}");
    }
}

#[test]
fn a_run_that_diverges_does_not_end_the_others() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    plan.recipe_settings = vec!["learning_rate=1e3".parse().unwrap(), "epochs=2".parse().unwrap()];
    let wild = network("wild", 8).replace("{norm: bn}", "{norm: none}");
    fs::write(bench.path("two.yaml"), wild).unwrap();
    let (outcome, events) = bench.run(&plan, |_, _| {});
    assert_eq!(messages(&events), [""; 0]);
    let diverged: Vec<&TrainingRun> =
        outcome.training_runs.iter().filter(|run| !run.is_finished()).collect();
    assert!(!diverged.is_empty());
    for run in diverged {
        let TrainingOutcome::Diverged { epoch, step, what } = &run.outcome else { panic!() };
        assert!(*epoch >= 1 && *step >= 1, "{what}");
        assert!(what.contains("learning rate"), "{what}");
    }
    assert_eq!(outcome.training_runs.len(), 4);
    // The same would happen again.
    let (again, _) = bench.run(&plan, |_, _| {});
    assert_eq!((again.kept, again.training_runs.len()), (0, 4));
}

#[test]
fn what_cannot_be_trained_is_said_and_the_others_are_trained() {
    let bench = Bench::new();
    let larger = network("two", 8).replace("size: 16", "size: 20");
    fs::write(bench.path("two.yaml"), larger).unwrap();
    let mut plan = bench.plan();
    plan.seeds = vec![0];
    let (outcome, events) = bench.run(&plan, |_, _| {});
    let told = messages(&events);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("use `--set input.size=16`"), "{told:?}");
    assert!(outcome.failed);
    assert_eq!(outcome.training_runs.len(), 1);

    let told = |change: fn(&mut TrainPlan)| {
        let mut plan = bench.plan();
        change(&mut plan);
        let (outcome, events) = bench.run(&plan, |_, _| {});
        assert!(outcome.failed);
        messages(&events).join("\n")
    };
    let recipe = told(|plan| plan.recipe = "quik".to_owned());
    assert!(recipe.contains("unknown recipe `quik`; use quick, standard, full"), "{recipe}");
    let data = told(|plan| plan.data = "fashion-mnits".to_owned());
    assert!(data.contains("did you mean `fashion-mnist`?"), "{data}");
    let missing = told(|plan| plan.data = "idx=/nowhere".to_owned());
    assert!(missing.contains("/nowhere"), "{missing}");
    let isa = told(|plan| plan.isa = Some("avx1024".to_owned()));
    assert!(isa.contains("avx1024"), "{isa}");
    let file = told(|plan| plan.recipe = "none.yaml".to_owned());
    assert!(file.contains("none.yaml"), "{file}");
}

/// Networks that differ only in the names of their layers have other initial weights.
#[test]
fn names_of_layers_tell_networks_apart() {
    let bench = Bench::new();
    let other = network("one", 8).replace("conv a", "conv b");
    fs::write(bench.path("two.yaml"), other).unwrap();
    let mut plan = bench.plan();
    plan.seeds = vec![0];
    plan.recipe_settings = vec!["epochs=1".parse().unwrap()];
    let mut first = plan.clone();
    first.requests.truncate(1);
    bench.run(&first, |_, _| {});
    let weights = bench.names();
    let (outcome, events) = bench.run(&plan, |_, _| {});
    assert_eq!((outcome.kept, outcome.failed), (1, false), "{:?}", messages(&events));
    let [one, two] = outcome.training_runs.as_slice() else { panic!() };
    assert_eq!(one.training_fingerprint, two.training_fingerprint);
    assert_ne!(one.checkpoint, two.checkpoint);
    assert_ne!(one.test_loss, two.test_loss);
    assert!(two.subject.file.ends_with("two.yaml"), "{}", two.subject.file);

    // Another instruction set has files of its own.
    let before = fs::read(bench.path("trained").join(&weights[0])).unwrap();
    (first.again, first.isa) = (true, Some("portable".to_owned()));
    let (outcome, _) = bench.run(&first, |_, _| {});
    assert_eq!(outcome.kept, 1);
    let names = bench.names();
    assert_eq!(names.iter().filter(|name| name.contains("portable")).count(), 1, "{names:?}");
    assert!(fs::read(bench.path("trained").join(&weights[0])).unwrap() == before);
}

#[test]
fn equal_networks_are_trained_once_and_all_shown() {
    let bench = Bench::new();
    fs::write(bench.path("two.yaml"), network("one", 8)).unwrap();
    let mut plan = bench.plan();
    plan.recipe_settings = vec!["epochs=1".parse().unwrap()];
    plan.requests.push(plan.requests[0].clone());
    for kept in [2, 0] {
        let (outcome, events) = bench.run(&plan, |_, _| {});
        assert_eq!((outcome.kept, outcome.failed), (kept, false), "{:?}", messages(&events));
        let files: Vec<&str> = outcome
            .training_runs
            .iter()
            .map(|run| run.subject.file.rsplit('/').next().unwrap())
            .collect();
        let of_seed = ["one.yaml", "two.yaml", "one.yaml"];
        assert_eq!(files, [of_seed, of_seed].concat());
        assert!(outcome.training_runs[1].checkpoint.is_some());
        assert_eq!(outcome.training_runs[0].checkpoint, outcome.training_runs[1].checkpoint);
    }
}

/// Records of older versions do not have the fingerprint with paths: the file decides.
#[test]
fn records_of_older_versions_are_known_by_their_file() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    (plan.seeds, plan.recipe_settings) = (vec![0], vec!["epochs=1".parse().unwrap()]);
    plan.requests.truncate(1);
    bench.run(&plan, |_, _| {});
    let mut old = bench.stored().remove(0);
    old.fingerprint_with_paths = None;
    fs::remove_file(bench.path("results.db")).unwrap();
    Store::open(&bench.path("results.db")).unwrap().append(&old).unwrap();
    assert_eq!(bench.stored(), [old]);
    assert_eq!(bench.run(&plan, |_, _| {}).0.kept, 0);
    fs::rename(bench.path("one.yaml"), bench.path("moved.yaml")).unwrap();
    plan.requests[0].file = bench.path("moved.yaml");
    assert_eq!(bench.run(&plan, |_, _| {}).0.kept, 1);
}

#[test]
fn lost_weights_are_told() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    (plan.seeds, plan.recipe_settings) = (vec![0], vec!["epochs=1".parse().unwrap()]);
    plan.requests.truncate(1);
    bench.run(&plan, |_, _| {});
    let weights = bench.path("trained").join(bench.names().remove(0));
    fs::remove_file(&weights).unwrap();
    let (outcome, events) = bench.run(&plan, |_, _| {});
    assert_eq!((outcome.kept, outcome.failed), (0, false));
    assert_eq!(outcome.training_runs[0].checkpoint, None);
    let notes = events.iter().filter_map(|event| match event {
        TaskEvent::Loaded { notes, .. } => Some(notes),
        _ => None,
    });
    let told: Vec<&str> = notes.flatten().map(|note| note.text.as_str()).collect();
    assert!(told.iter().any(|it| it.contains("--again") && it.contains("seed 0")), "{told:?}");
    plan.again = true;
    assert_eq!(bench.run(&plan, |_, _| {}).0.kept, 1);
    assert!(weights.is_file());
}

/// Another program has the files of a run.
#[test]
fn two_programs_do_not_train_the_same() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    (plan.seeds, plan.side_by_side) = (vec![0], Some(1));
    // The names of the files come from a first training.
    bench.run(&plan, |_, _| {});
    let weights = bench.names();
    let lock = bench.path("trained").join(weights[0].replace(".safetensors", ".lock"));
    let file = fs::File::create(&lock).unwrap();
    file.lock().unwrap();
    plan.again = true;
    let (outcome, events) = bench.run(&plan, |_, _| {});
    let told = messages(&events);
    assert!(told.len() == 1 && told[0].contains("another program is training it"), "{told:?}");
    assert_eq!(outcome.training_runs.len(), 1, "the other one is trained");
}

/// Where checkpoints cannot be written, results are saved all the same.
#[test]
#[cfg(unix)]
fn results_are_saved_without_checkpoints() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    plan.seeds = vec![0];
    plan.requests.truncate(1);
    bench.run(&plan, |_, _| {});
    let name = bench.names().remove(0).replace(".safetensors", "");
    for ending in ["safetensors", "checkpoint"] {
        let path = bench.path("trained").join(format!("{name}.{ending}"));
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink(bench.path("elsewhere"), path).unwrap();
    }
    plan.again = true;
    let (outcome, events) = bench.run(&plan, |_, _| {});
    assert_eq!((outcome.kept, outcome.failed), (1, true));
    assert_eq!(outcome.training_runs[0].checkpoint, None);
    assert!(messages(&events).iter().all(|message| message.contains("link")), "{events:?}");
    assert!(!bench.path("elsewhere").exists());
}

#[test]
fn how_many_go_side_by_side_is_measured() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    plan.side_by_side = None;
    let (outcome, events) = bench.run(&plan, |_, _| {});
    assert_eq!(outcome.kept, 4);
    let SideBySide { runs, threads, images_per_s } = side_by_side(&events);
    let [together, apart] = images_per_s.unwrap();
    assert_eq!((runs, threads), if apart > together { (2, 1) } else { (1, 2) });
}

fn side_by_side(events: &[TaskEvent]) -> SideBySide {
    let chosen = events.iter().find_map(|event| match event {
        TaskEvent::Training(TrainingEvent::SideBySide(chosen)) => Some(*chosen),
        _ => None,
    });
    chosen.unwrap()
}

/// What keeps the first network from being trained is its own error.
#[test]
fn a_first_network_that_fails_does_not_keep_the_others_from_training() {
    let bench = Bench::new();
    let head =
        "auxiliary:\n  - {after: pool, weight: 0.3, steps: [flatten, linear fc: {width: 7}]}\n";
    fs::write(bench.path("one.yaml"), network("one", 8) + head).unwrap();
    let mut plan = bench.plan();
    plan.side_by_side = None;
    let (outcome, events) = bench.run(&plan, |_, _| {});
    assert_eq!((outcome.kept, outcome.training_runs.len(), outcome.failed), (2, 2, true));
    assert!(side_by_side(&events).images_per_s.is_some(), "measured with the second one");
    let told = messages(&events);
    assert!(
        told.len() == 2 && told.iter().all(|it| it.contains("`aux1` has 7 outputs")),
        "{told:?}"
    );
}

/// Memory for a run, but not for two: they are trained one after the other, with all of it.
#[test]
fn runs_share_the_memory() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    (plan.again, plan.side_by_side, plan.recipe_settings) =
        (true, Some(1), vec!["epochs=1".parse().unwrap()]);
    plan.requests.truncate(1);
    let mut one = plan.clone();
    one.seeds = vec![0];
    let fits = |bytes: u64| bench.run_with(&one, bytes, &NEVER, |_, _| {}).0.kept == 1;
    let (mut least, mut most) = (0, 1 << 30);
    while most - least > most / 64 {
        let middle = u64::midpoint(least, most);
        if fits(middle) { most = middle } else { least = middle }
    }
    plan.side_by_side = None;
    let (outcome, events) = bench.run_with(&plan, most + most / 4, &NEVER, |_, _| {});
    assert_eq!((outcome.kept, outcome.failed), (2, false), "{:?}", messages(&events));
    assert_eq!(side_by_side(&events).runs, 1);
    assert_eq!(side_by_side(&events).images_per_s, None);
    // Side by side was asked for, but each has half of the memory until the other one ends.
    plan.side_by_side = Some(2);
    let (outcome, events) = bench.run_with(&plan, most + most / 4, &NEVER, |_, _| {});
    assert!(outcome.kept < 2 && outcome.failed);
    assert!(messages(&events).iter().all(|it| it.contains("MiB")), "{:?}", messages(&events));
}

/// Nothing is computed between the report of a pause and that of its end.
#[test]
fn nothing_is_trained_in_a_pause() {
    let bench = Bench::new();
    let mut plan = bench.plan();
    plan.recipe_settings = vec!["epochs=20".parse().unwrap()];
    let wait = AtomicBool::new(false);
    let (mut pauses, mut is_paused, mut steps) = (0, false, 0);
    std::thread::scope(|scope| {
        bench.run_with(&plan, 1 << 32, &wait, |event, _| match event {
            TaskEvent::Training(TrainingEvent::Step { .. }) => {
                assert!(!is_paused, "a step in a pause");
                steps += 1;
                if steps % 5 == 1 && pauses < 3 {
                    wait.store(true, Ordering::SeqCst);
                }
            }
            TaskEvent::Training(TrainingEvent::Waiting(true)) => {
                (is_paused, pauses) = (true, pauses + 1);
                scope.spawn(|| {
                    std::thread::sleep(std::time::Duration::from_millis(150));
                    wait.store(false, Ordering::SeqCst);
                });
            }
            TaskEvent::Training(TrainingEvent::Waiting(false)) => is_paused = false,
            _ => {}
        });
    });
    assert!(pauses >= 2 && !is_paused, "{pauses} pauses");
    assert_eq!(bench.stored().len(), 4);
    let quick = bench.stored().iter().all(|run| run.seconds < 30.0);
    assert!(quick, "a pause is not training");
}
