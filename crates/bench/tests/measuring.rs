//! The measuring protocol on an engine that computes nothing and a clock that only moves when told to.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    cell::Cell,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use inceptive_bench::{
    BenchCase, Description, Engine, Event, FakeHost, Model, Observer, PrecisionRequest, Protocol,
    Run, RunContext, Setup, engines::mock::Mock, measure, profile, random_input,
};
use inceptive_ir::{Activation, Graph, NewNode, Op, Path, Shape};
use inceptive_results::BestRoofline;
use inceptive_results::{
    Grade, Measurement, NetworkInfo, Profile, Roofline, Subnormals, Verdict, compare,
};
use inceptive_weights::Weights;

fn model(name: &str) -> Model {
    let mut graph = Graph::new(Shape::map(3, 4, 4), None).unwrap();
    let relu = NewNode::new(Op::Activation(Activation::Relu), Path::new("relu"));
    graph.add(relu, &[graph.input()]).unwrap();
    Model::new(name, &graph, Weights::default()).unwrap()
}

fn setup() -> Setup {
    Setup { batch: 1, threads: 1, precision: PrecisionRequest::Fp32, device: "cpu".to_owned() }
}

fn ms(milliseconds: f64) -> Duration {
    Duration::from_secs_f64(milliseconds / 1e3)
}

/// Remembers everything.
#[derive(Default)]
struct Notes {
    finished: Vec<(usize, Run)>,
    failed: Vec<usize>,
    abandoned: Vec<usize>,
    events: Cell<usize>,
    stop_after: Option<usize>,
    stop: Arc<AtomicBool>,
}

impl Observer for Notes {
    fn event(&mut self, at: usize, event: Event) {
        self.events.set(self.events.get() + 1);
        match event {
            Event::Finished(run) => self.finished.push((at, *run)),
            Event::Failed(_) => self.failed.push(at),
            Event::Abandoned => self.abandoned.push(at),
            Event::Loading | Event::WarmingUp | Event::Measuring(_) => {}
        }
    }

    fn wants_stop(&self) -> bool {
        self.stop_after.is_some_and(|after| self.events.get() >= after)
    }

    fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

/// Measures models with one engine.
fn measured(engine: &Mock, models: &[Model], protocol: &Protocol, mut notes: Notes) -> Notes {
    let candidates: Vec<BenchCase<'_>> =
        models.iter().map(|model| BenchCase { engine, model, setup: setup() }).collect();
    measure(&candidates, protocol, &engine.host, &mut notes);
    notes
}

fn protocol(milliseconds: u64) -> Protocol {
    Protocol { budget: Duration::from_millis(milliseconds), ..Protocol::default() }
}

/// A result as it is kept.
fn result(engine: &Mock, model: &Model, run: &Run, protocol: &Protocol) -> Measurement {
    let subject = NetworkInfo::new(&model.name, "file.yaml", vec![], &model.graph);
    let description: Description = engine.describe().unwrap();
    let runtime =
        inceptive_bench::runtime(engine.name(), &description, &setup(), run.precision, None);
    let roofline = Roofline { threads: 1, peak_gflops: 100.0, bandwidth_gbps: 10.0 };
    let machine = inceptive_bench::this_machine();
    let setting = RunContext { machine: &machine, protocol, flushes_subnormals: Some(true) };
    inceptive_bench::measurement(subject, runtime, roofline, &setting, run)
}

/// A run that ends early has no time, and everything before it counts.
#[test]
fn a_run_that_is_stopped_leaves_no_sample() {
    let protocol = protocol(3000);
    for (stopped_at, is_enough) in [(0, false), (2, false), (20, false), (40, true)] {
        let (host, stop) = (FakeHost::default(), Arc::new(AtomicBool::new(false)));
        let flag = Arc::clone(&stop);
        let engine = Mock::new(&host, move |_, run| {
            flag.store(run == stopped_at, Ordering::Relaxed);
            if run == stopped_at { ms(1.0) } else { ms(50.0) }
        });
        let models = [model("first"), model("second")];
        let notes = measured(&engine, &models, &protocol, Notes { stop, ..Notes::default() });
        assert!(notes.failed.is_empty());
        let (finished, abandoned) =
            if is_enough { (vec![0, 1], vec![]) } else { (vec![], vec![0, 1]) };
        assert_eq!(notes.abandoned, abandoned, "stopped in run {stopped_at}");
        assert_eq!(notes.finished.iter().map(|(at, _)| *at).collect::<Vec<_>>(), finished);
        for (_, run) in notes.finished {
            assert!(run.cut_short);
            assert!(run.turns.iter().flatten().all(|&time| time == ms(50.0)), "{:?}", run.turns);
        }
    }
}

#[test]
fn candidates_take_turns_and_spend_their_budgets() {
    let host = FakeHost::default();
    let engine =
        Mock::new(&host, |model, _| if model.name == "slow" { ms(20.0) } else { ms(10.0) });
    let notes =
        measured(&engine, &[model("slow"), model("fast")], &protocol(3000), Notes::default());

    assert_eq!(notes.finished.len(), 2);
    for (at, run) in &notes.finished {
        let pace = if *at == 0 { ms(20.0) } else { ms(10.0) };
        assert!(run.turns.iter().flatten().all(|&time| time == pace));
        assert!(run.settled && !run.cut_short);
        let runs: usize = run.turns.iter().map(Vec::len).sum();
        let spent = pace * u32::try_from(runs).unwrap();
        assert!(spent > ms(2000.0) && spent <= ms(3100.0), "{spent:?}");
        assert!(run.turns.len() > 15, "{} turns", run.turns.len());
    }
    // After loading and warming up, neither has two turns while the other has none.
    let log = engine.log.borrow();
    let both = &log[log.len() / 3..2 * log.len() / 3];
    let longest = both.chunk_by(|a, b| a == b).map(<[String]>::len).max().unwrap();
    assert!(longest <= 24, "{longest} runs in a row");
    // A round is 6 runs of the slow one and 11 of the fast one, and the order turns from round to round.
    let stretches = both.chunk_by(|a, b| a == b).count();
    assert!(stretches >= both.len() / 17, "{stretches} stretches in {} runs", both.len());
}

#[test]
fn warm_up_lasts_until_times_settle() {
    let host = FakeHost::default();
    // Each run of the first twenty is a tenth faster than the one before.
    let pace = |_: &Model, run: usize| ms(10.0 * 0.9_f64.powi(i32::try_from(run.min(20)).unwrap()));
    let engine = Mock::new(&host, pace);
    let notes = measured(&engine, &[model("m")], &protocol(2000), Notes::default());
    let run = &notes.finished[0].1;
    assert!(run.settled && run.warm_up_runs > 20, "{}", run.warm_up_runs);
    let slowest = run.turns.iter().flatten().max().unwrap();
    assert!(*slowest < ms(1.3), "{slowest:?}");
}

#[test]
fn unsettled_drifting_and_disturbed_runs_are_found_out() {
    let host = FakeHost::default();
    let growing = |_: &Model, run: usize| ms(10.0 + run as f64 / 4.0);
    let engine = Mock::new(&host, growing);
    host.interference.set(0.8);
    let limits = protocol(4000);
    let notes = measured(&engine, &[model("m")], &limits, Notes::default());
    let result = result(&engine, &model("m"), &notes.finished[0].1, &limits);
    assert_eq!(result.grade, Grade::D);
    let all: String = result.findings.iter().map(|finding| finding.to_string()).collect();
    assert!(all.contains("slower"), "{all}");
    assert!(all.contains("other programs kept 0.8 cores busy"), "{all}");
}

#[test]
fn a_steady_machine_gets_the_best_grade() {
    let host = FakeHost::default();
    let engine = Mock::new(&host, |_, run| ms(10.0 + 0.01 * (run % 7) as f64));
    let limits = protocol(2000);
    let notes = measured(&engine, &[model("m")], &limits, Notes::default());
    let result = result(&engine, &model("m"), &notes.finished[0].1, &limits);
    assert_eq!((result.grade, result.findings.len()), (Grade::A, 0), "{:?}", result.findings);
    assert!((result.latency_ms.median.value - 10.03).abs() < 0.011);
}

/// A public model has 60% of such weights, and takes 44 ms as shipped and 8.4 without them.
#[test]
fn subnormal_weights_are_graded() {
    let host = FakeHost::default();
    let engine = Mock::new(&host, |_, run| ms(10.0 + 0.01 * (run % 7) as f64));
    let limits = protocol(2000);
    let notes = measured(&engine, &[model("m")], &limits, Notes::default());
    let run = &notes.finished[0].1;
    for (count, grade, remarks) in [(0, Grade::A, 0), (5, Grade::B, 1), (600, Grade::C, 1)] {
        let subnormals = Subnormals { count, total: 1_000, not_finite: 0 };
        let run = Run { subnormals, ..run.clone() };
        let result = result(&engine, &model("m"), &run, &limits);
        assert_eq!((result.grade, result.findings.len()), (grade, remarks), "{count}");
        assert_eq!(result.subnormals, subnormals);
        let named =
            |finding: &inceptive_results::Finding| finding.to_string().contains("subnormal");
        assert!(result.findings.iter().all(named));
    }
}

#[test]
fn a_models_subnormal_weights_reach_its_result() {
    let mut graph = Graph::new(Shape::vector(4), None).unwrap();
    let linear = Op::Linear(inceptive_ir::Linear { out_features: 2, bias: true });
    graph.add(NewNode::new(linear, Path::new("fc")), &[graph.input()]).unwrap();
    let mut weights = Weights::default();
    weights.set(Path::new("fc"), inceptive_weights::Role::Weight, vec![1e-40; 8]);
    weights.set(Path::new("fc"), inceptive_weights::Role::Bias, vec![1.0; 2]);
    let model = Model::new("m", &graph, weights).unwrap();
    let engine = Mock::new(&FakeHost::default(), |_, _| ms(10.0));
    let notes = measured(&engine, &[model], &protocol(2000), Notes::default());
    assert_eq!(notes.finished[0].1.subnormals, Subnormals { count: 8, total: 10, not_finite: 0 });
}

/// The peak of one machine moved from 101 to 181 GFLOP/s between two runs, and with it every share of it.
#[test]
fn results_are_held_against_the_best_that_their_machine_ever_showed() {
    let host = FakeHost::default();
    let engine = Mock::new(&host, |_, run| ms(10.0 + 0.01 * (run % 7) as f64));
    let limits = protocol(2000);
    let notes = measured(&engine, &[model("m")], &limits, Notes::default());
    let measured = result(&engine, &model("m"), &notes.finished[0].1, &limits);
    let best = |peak_gflops| {
        let roofline = Roofline { threads: 1, peak_gflops, bandwidth_gbps: 5.0 };
        BestRoofline::measured(roofline, 1_772_409_600_000)
    };
    let mut held = measured.clone();
    for (peak, grade, count) in [
        (50.0, Grade::A, 0),
        (100.0, Grade::A, 0),
        (110.0, Grade::A, 0),
        (125.0, Grade::B, 1),
        (181.0, Grade::C, 1),
        (100.0, Grade::A, 0),
    ] {
        // Now and another time, whatever it was held against before.
        held.hold_against(best(peak));
        assert_eq!((held.grade, held.findings.len()), (grade, count), "{peak}");
        let share = measured.gflops().value / peak.max(100.0);
        assert!((held.share_of_peak().unwrap() - share).abs() < 1e-12, "{peak}");
        assert_eq!(held.roofline, measured.roofline, "what was measured stays");
        assert_eq!(held.alone(), measured);
    }
    assert_eq!(held, measured);
    held.hold_against(best(181.0));
    assert_eq!(
        held.findings[0].to_string(),
        "the machine's peak was 100 GFLOP/s, 45% below the 181 of 2026-03-02; stop other programs or let the CPU \
         cool down, and measure again"
    );
    let best = held.best_roofline();
    assert_eq!((best.roofline.bandwidth_gbps, best.peak_unix_ms), (10.0, 1_772_409_600_000));
    assert_eq!(best.bandwidth_unix_ms, measured.finished_unix_ms);
    // It is no part of the result.
    let json = serde_json::to_value(held.alone()).unwrap();
    assert_eq!(json, serde_json::to_value(&measured).unwrap());
    assert!(json.get("held").is_none());
}

#[test]
fn the_clock_is_watched_where_it_can_be_read() {
    let host = FakeHost::default();
    host.clock.set(Some(3000.0));
    let clock = host.clock.clone();
    let engine = Mock::new(&host, move |_, _| {
        clock.set(clock.get().map(|mhz| mhz * 0.999));
        ms(10.0)
    });
    let limits = protocol(2000);
    let notes = measured(&engine, &[model("m")], &limits, Notes::default());
    let result = result(&engine, &model("m"), &notes.finished[0].1, &limits);
    assert!(result.findings.iter().any(|finding| finding.to_string().contains("governor")));
}

#[test]
fn what_is_measured_enough_survives_a_stop() {
    let host = FakeHost::default();
    let engine = Mock::new(&host, |_, _| ms(1.0));
    let stopped = Notes { stop_after: Some(12), ..Notes::default() };
    let notes = measured(&engine, &[model("a"), model("b")], &protocol(3000), stopped);
    assert_eq!(notes.finished.len(), 2);
    assert!(notes.finished.iter().all(|(_, run)| run.cut_short));

    let stopped = Notes { stop_after: Some(4), ..Notes::default() };
    let notes = measured(&engine, &[model("a"), model("b")], &protocol(3000), stopped);
    assert_eq!((notes.finished.len(), notes.abandoned.as_slice()), (0, &[0, 1][..]));
}

#[test]
fn one_failure_leaves_the_others_alone() {
    let host = FakeHost::default();
    let steady = Mock::new(&host, |_, _| ms(1.0));
    let broken = Mock { fails_at: Some(30), ..steady.clone() };
    let (a, b) = (model("a"), model("b"));
    let candidates = [
        BenchCase { engine: &broken, model: &a, setup: setup() },
        BenchCase { engine: &steady, model: &b, setup: setup() },
    ];
    let mut notes = Notes::default();
    measure(&candidates, &protocol(300), &host, &mut notes);
    assert_eq!(notes.failed, [0]);
    assert_eq!(notes.finished.len(), 1);
}

#[test]
fn the_number_of_runs_is_a_budget_too() {
    let host = FakeHost::default();
    let engine = Mock::new(&host, |_, _| ms(1.0));
    let limits = Protocol { max_runs: 25, ..protocol(3000) };
    let notes = measured(&engine, &[model("m")], &limits, Notes::default());
    assert_eq!(notes.finished[0].1.turns.iter().map(Vec::len).sum::<usize>(), 25);
}

#[test]
fn verdicts_need_an_interval_that_supports_them() {
    let limits = protocol(3000);
    let pair = |ratio: f64| {
        let host = FakeHost::default();
        // Both drift by a factor of two over the measurement, and each has noise of its own.
        let engine = Mock::new(&host, move |model, run| {
            let noise = 1.0 + 0.02 * ((run * 7919) % 13) as f64 / 13.0;
            let own = if model.name == "a" { ratio } else { 1.0 };
            ms(10.0 * own * noise * (1.0 + run as f64 / 250.0))
        });
        let notes = measured(&engine, &[model("a"), model("b")], &limits, Notes::default());
        let find = |at| {
            let run = &notes.finished.iter().find(|(found, _)| *found == at).unwrap().1;
            result(&engine, &model("m"), run, &limits)
        };
        compare(&find(0), &find(1)).verdict
    };
    assert_eq!(pair(1.0), Verdict::Indistinguishable);
    assert_eq!(pair(0.5), Verdict::FirstIsFaster);
    assert_eq!(pair(2.0), Verdict::SecondIsFaster);
}

#[test]
fn a_few_turns_name_no_winner() {
    let verdict = |max_runs: usize| {
        let host = FakeHost::default();
        let engine = Mock::new(&host, |model, _| ms(if model.name == "a" { 1.0 } else { 50.0 }));
        let limits = Protocol { max_runs, ..protocol(300) };
        let notes = measured(&engine, &[model("a"), model("b")], &limits, Notes::default());
        let [a, b] = [0, 1].map(|at| {
            let run = &notes.finished.iter().find(|(found, _)| *found == at).unwrap().1;
            result(&engine, &model("m"), run, &limits)
        });
        (compare(&a, &b).verdict, compare(&a, &b).pairs, b.grade)
    };
    assert_eq!(verdict(1), (Verdict::TooFewTurns, 1, Grade::D));
    // The slow one has as many turns as a verdict needs, whatever the budget.
    assert_eq!(verdict(10_000).0, Verdict::FirstIsFaster);
}

/// The profile of so many runs, stopped after some of them.
fn profiled(runs: usize, until: usize) -> Option<Profile> {
    let engine = Mock::new(&FakeHost::default(), |_, _| ms(1.0));
    let model = model("m");
    let mut asked = 0;
    let mut listen = |_| {
        asked += 1;
        if asked > until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let input = random_input(&model, 1, 0);
    profile(&engine, &model, &setup(), input, runs, &AtomicBool::new(false), &mut listen).unwrap()
}

#[test]
fn a_profile_that_is_stopped_is_kept_if_it_says_something() {
    let runs = |wanted, until| profiled(wanted, until).map(|profile| profile.runs);
    assert_eq!(runs(20, 20), Some(20));
    assert_eq!(runs(20, 5), Some(5));
    assert_eq!(runs(20, 4), None);
    assert_eq!(runs(2, 2), Some(2));
    assert_eq!(runs(2, 0), None);
}

#[test]
fn a_profile_joins_times_and_work() {
    let profile = profiled(3, 3).unwrap();
    assert_eq!((profile.nodes.len(), profile.runs), (1, 3));
    let relu = &profile.nodes[0];
    assert_eq!((relu.name.as_str(), relu.ops.as_str(), relu.flops), ("relu", "relu", 48));
    assert_eq!((relu.share, relu.time_ms), (1.0, 1.0));
    assert_eq!(relu.moved_bytes, 2 * 48 * 4);
}
