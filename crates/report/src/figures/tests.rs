//! Figures of real and of hostile candidates.

use std::{path::Path, time::Instant};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, load};
use inceptive_ir::passes;
use inceptive_results::{
    Counts, Grade, Machine, Measurement, Metric, NetworkInfo, Precision, Profile, ProfileRecord,
    Roofline, Runtime, TrainingOutcome, example::training_run, statistics::summarize,
};
use inceptive_store::Stored;

use super::{all, checks::check};
use crate::{
    candidate::{NetworkCost, NetworkEntry},
    cloud::{Cloud, SpaceSample},
    explored::Explored,
    report::{Analysis, Report},
};
use inceptive_draw::chart::{Figure, named, thinned};

const HOSTILE: [&str; 10] = [
    "",
    "<script>alert('x')</script>",
    "\"quotes\" & 'apostrophes' </text></svg>",
    "\u{202e}turned around\u{200f} \u{2066}isolated",
    "盗梦空间网络模块盗梦空间网络模块盗梦空间网络模块",
    "شبكة عصبية التفافية",
    "🧠🚀👩‍👩‍👧‍👦🧠🚀👩‍👩‍👧‍👦🧠🚀",
    "line\nbreak\tand \u{0}control\u{1b}[31m",
    "   ",
    "e\u{301}\u{301}\u{301}\u{301}\u{301}",
];

fn networks() -> Vec<NetworkEntry> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    files.sort();
    let measured = (1..).zip(files).map(|(id, file)| measured(network(&file), id));
    measured.collect()
}

fn network(file: &Path) -> NetworkEntry {
    let architecture = load(&Disk, file, &[]).unwrap().architecture;
    let graph = passes::inference(&architecture.graph).unwrap();
    let subject = NetworkInfo::new(&architecture.name, &file.to_string_lossy(), vec![], &graph);
    NetworkEntry {
        name: architecture.name,
        fingerprint: subject.fingerprint.clone(),
        subject,
        network: Some(NetworkCost { cost: Cost::new(&graph, Mode::Inference), graph }),
        description: None,
        notes: vec![],
        cite: vec![],
        published: architecture.published,
        variant: None,
        measured: vec![],
        predicted: vec![],
        profiles: vec![],
        imported: vec![],
        trained: vec![],
    }
}

/// With made-up latencies on nine ways to run, and a profile of the first.
fn measured(mut candidate: NetworkEntry, id: u32) -> NetworkEntry {
    let machine = Machine {
        cpu: "AMD <EPYC> & \"more\"".to_owned(),
        ..inceptive_results::example::machine()
    };
    let roofline = Roofline { threads: 2, peak_gflops: 250.0, bandwidth_gbps: 34.0 };
    for way in 0..9_u32 {
        let runtime = Runtime {
            engine: "engine".to_owned(),
            engine_version: "1.2.3-long+version".to_owned(),
            device: "cpu".to_owned(),
            precision: Precision::Fp32,
            batch: 1 + way / 3,
            threads: 1 + way % 3,
            isa: None,
            mode: None,
            accelerator: None,
        };
        #[expect(clippy::cast_precision_loss, reason = "made up")]
        let ms = candidate.subject.macs as f64 / 5e7 + f64::from(1 + id % 7 + way);
        let turns = vec![vec![ms, 1.01 * ms, 1.3 * ms]; 6];
        let measurement = Measurement {
            subject: candidate.subject.clone(),
            runtime: runtime.clone(),
            machine: machine.clone(),
            roofline,
            version: "1".to_owned(),
            finished_unix_ms: 0,
            budget_s: 1.0,
            seed: 0,
            load_ms: 1.0,
            memory_bytes: None,
            warm_up_runs: 3,
            others_cores: None,
            stolen_cores: None,
            clock_mhz: None,
            accelerator: None,
            subnormals: inceptive_results::Subnormals::default(),
            flushes_subnormals: None,
            latency_ms: summarize(&turns, 0),
            turns_ms: turns,
            grade: if id.is_multiple_of(3) { Grade::C } else { Grade::A },
            findings: vec![],
            held: None,
        };
        candidate.measured.push(Stored { id: i64::from(id), result: measurement });
        if way == 0 {
            let profile = profile(&candidate);
            let record = ProfileRecord::new(
                candidate.subject.clone(),
                runtime,
                roofline,
                &machine,
                0,
                profile,
            );
            candidate.profiles.push(Stored { id: i64::from(id), result: record });
        }
    }
    candidate
}

fn profile(candidate: &NetworkEntry) -> Profile {
    let network = candidate.network.as_ref().unwrap();
    let part = |node: &inceptive_cost::NodeCost| inceptive_results::NodeProfile {
        name: network.graph.node(node.id).path.to_string(),
        ops: "conv".to_owned(),
        time_ms: 0.25,
        share: 0.1,
        flops: node.flops,
        moved_bytes: node.moved_bytes,
    };
    let nodes = network.cost.nodes.iter().map(part).collect();
    Profile { precision: Precision::Fp32, nodes, total_ms: 1.0, runs: 3 }
}

/// With runs of two seeds on each of two data sets, the second of which diverged for some.
fn trained(mut candidates: Vec<NetworkEntry>, label: &str) -> Vec<NetworkEntry> {
    for (at, candidate) in (0_u32..).zip(&mut candidates) {
        for (number, seed) in [(0_u8, 0), (0, 1), (1, 0), (1, 1)] {
            let mut run = training_run(seed, 60.0 + f64::from(at * 7 % 30) + seed as f64);
            run.subject = candidate.subject.clone();
            run.training_fingerprint.clone_from(&candidate.fingerprint);
            run.dataset.label = format!("{label} {number}");
            run.dataset.fingerprint = number.to_string().repeat(64);
            run.recipe.name = label.to_owned();
            if (number, seed) == (1, 1) && at % 3 == 0 {
                run.outcome =
                    TrainingOutcome::Diverged { epoch: 2, step: 9, what: label.to_owned() };
                (run.test_loss, run.test_top1, run.test_top5) = (None, None, None);
            }
            let id = i64::from(at) + 1;
            candidate.trained.push(Stored { id, result: run });
        }
    }
    candidates
}

fn cloud(count: u32, title: &str) -> Cloud {
    let point = |at: u32| SpaceSample {
        values: vec![(at % 97).to_string(), title.to_owned()],
        counts: Counts::default()
            .with(
                Metric::Params,
                1_000_000 + u64::from(at.wrapping_mul(2_654_435_761) % 60_000_000),
            )
            .with(Metric::Macs, 200_000_000 + u64::from(at) * 300_000),
        is_inside: at.is_multiple_of(3),
    };
    Cloud {
        title: title.to_owned(),
        file: "space.yaml".to_owned(),
        description: None,
        notes: vec![],
        variables: vec![("width".to_owned(), vec![]), (title.to_owned(), vec![])],
        constraints: vec![format!("macs < {title}")],
        objectives: vec![],
        size: u128::MAX,
        seed: Some(u64::MAX),
        failed: 12,
        points: (0..count).map(point).collect(),
    }
}

fn draw(candidates: Vec<NetworkEntry>, clouds: Vec<Cloud>) -> Vec<Figure> {
    let findings = Analysis::new(&candidates);
    let report = Report { candidates, clouds, ..Report::default() };
    let figures = all(&report, &findings);
    let again = all(&report, &findings);
    let same = figures.iter().zip(&again).all(|(a, b)| a.svg == b.svg);
    assert!(same, "the same report gives the same bytes");
    figures
}

/// Figures of a search, whose names are replaced.
fn searched(name: Option<&str>) -> Vec<Figure> {
    let mut exploration = inceptive_results::example::search();
    if let Some(name) = name {
        exploration.space.title = name.to_owned();
        exploration.space.variables[0] = name.to_owned();
        exploration.request.dataset = name.to_owned();
        exploration.networks.iter_mut().for_each(|network| network.values[0] = name.to_owned());
    }
    let explorations = vec![Explored::new(exploration)];
    all(&Report { explorations, ..Report::default() }, &Analysis::new(&[]))
}

fn ids(figures: &[Figure]) -> Vec<&str> {
    figures.iter().map(|figure| figure.id.as_str()).collect()
}

#[test]
fn the_bundled_networks_have_every_figure() {
    let figures = draw(networks(), vec![cloud(2000, "widths")]);
    let expected = [
        "accuracy-macs",
        "accuracy-params",
        "accuracy-latency",
        "density",
        "breakdown-params",
        "breakdown-macs",
        "breakdown-memory",
        "breakdown-time",
        "roofline",
        "latency",
        "space-1",
        "modules",
    ];
    assert_eq!(ids(&figures), expected);
    for figure in &figures {
        let texts = check(figure);
        assert!(figure.svg.len() < 150_000, "{}: {} bytes", figure.id, figure.svg.len());
        if figure.id.starts_with("accuracy") {
            for name in ["GoogLeNet", "VGG-19", "Inception v4", "Xception", "published, optimal"] {
                assert!(texts.iter().any(|text| text == name), "{}: {name}", figure.id);
            }
        }
    }
}

#[test]
fn networks_that_were_trained_have_curves_and_fronts_of_their_own() {
    let figures = draw(trained(networks(), "data"), vec![]);
    let kinds = ["loss", "validation", "macs", "latency"];
    let expected: Vec<String> = [1, 2]
        .into_iter()
        .flat_map(|number| kinds.map(|kind| format!("training-{number}-{kind}")))
        .collect();
    let found: Vec<&Figure> =
        figures.iter().filter(|figure| figure.id.starts_with("training")).collect();
    assert_eq!(found.iter().map(|figure| figure.id.clone()).collect::<Vec<_>>(), expected);
    for figure in found {
        let texts = check(figure);
        assert!(super::is_id(&figure.id));
        assert!(figure.svg.len() < 150_000, "{}: {} bytes", figure.id, figure.svg.len());
        assert!(!figure.svg.contains("published,"), "{}", figure.id);
        if figure.id.ends_with("-macs") {
            assert!(texts.iter().any(|text| text == "trained, optimal"), "{texts:?}");
        }
    }
    let accuracy = figures.iter().find(|figure| figure.id == "accuracy-macs").unwrap();
    let untrained = draw(networks(), vec![]);
    assert_eq!(accuracy.svg, untrained[0].svg, "published accuracies are alone");
}

#[test]
fn spaces_with_trained_networks_are_compared() {
    let mut candidates = networks();
    candidates.truncate(10);
    for (at, candidate) in candidates.iter_mut().enumerate() {
        candidate.subject.file = if at < 5 { "wide.yaml" } else { "deep.yaml" }.to_owned();
        candidate.subject.point = vec![format!("width={at}")];
    }
    let candidates = trained(candidates, "data");
    let figures = draw(candidates.clone(), vec![]);
    let found: Vec<&Figure> =
        figures.iter().filter(|figure| figure.id.ends_with("-spaces")).collect();
    assert!(!found.is_empty(), "{:?}", ids(&figures));
    let texts = check(found[0]);
    assert!(super::is_id(&found[0].id));
    assert!(texts.iter().any(|text| text.starts_with("wide, ")), "{texts:?}");
    let mut of_one = candidates;
    of_one.iter_mut().for_each(|candidate| candidate.subject.file = "wide.yaml".to_owned());
    assert!(draw(of_one, vec![]).iter().all(|figure| !figure.id.ends_with("-spaces")));
}

#[test]
fn searches_have_their_figures() {
    let figures = searched(None);
    let kinds = ["found", "rungs", "importance", "slices", "interaction"];
    assert_eq!(ids(&figures), kinds.map(|kind| format!("exploration-1-{kind}")));
    for figure in &figures {
        check(figure);
        assert!(super::is_id(&figure.id));
    }
    let texts = check(&figures[0]);
    for number in ["5", "9", "17", "21"] {
        assert!(texts.iter().any(|text| text == number), "finalist {number}: {texts:?}");
    }
    let texts = check(&figures[2]);
    assert!(texts.iter().any(|text| text == "width"), "{texts:?}");
    for figure in &figures[3..] {
        let texts = check(figure);
        assert!(texts.iter().any(|text| text == "separable"), "{texts:?}");
    }
    // A plan has no results, so nothing is drawn.
    let mut plan = inceptive_results::example::search();
    for network in &mut plan.networks {
        network.rungs.clear();
        network.outcome = None;
    }
    let explorations = vec![Explored::new(plan)];
    let figures = all(&Report { explorations, ..Report::default() }, &Analysis::new(&[]));
    assert!(figures.is_empty(), "{:?}", ids(&figures));
}

#[test]
fn hostile_names_stay_text_within_the_frame() {
    let mut candidates = networks();
    let long = "x".repeat(10_000);
    let mut names: Vec<&str> = HOSTILE.to_vec();
    names.push(&long);
    for (at, candidate) in candidates.iter_mut().enumerate() {
        candidate.name = names[at % names.len()].to_owned();
    }
    for figure in names.iter().flat_map(|name| searched(Some(name))) {
        check(&figure);
        assert!(!figure.svg.contains("<script"), "{}", figure.id);
    }
    let clouds = names.iter().map(|title| cloud(50, title)).collect();
    let label = HOSTILE.join(" ").repeat(50);
    for figure in draw(trained(candidates, &label), clouds) {
        check(&figure);
        assert!(!figure.svg.contains("<script"), "{}", figure.id);
        assert!(figure.svg.len() < 300_000, "{}: {} bytes", figure.id, figure.svg.len());
    }
}

#[test]
fn a_thousand_candidates_are_quick_and_small() {
    let template = networks();
    let many = |at: usize| {
        let mut candidate = template[at % template.len()].clone();
        candidate.name = format!("candidate number {at}");
        candidate.subject.macs += 1_000_000 * at as u64;
        candidate.subject.params += 10_000 * at as u64;
        candidate
    };
    let candidates = trained((0..1000).map(many).collect(), "data");
    let findings = Analysis::new(&candidates);
    let clouds = vec![cloud(20_000, "wide")];
    let report = Report { candidates, clouds, ..Report::default() };
    let start = Instant::now();
    let figures = all(&report, &findings);
    let seconds = start.elapsed().as_secs_f64();
    assert!(seconds < 60.0, "without optimisation it took {seconds} s");
    for figure in &figures {
        check(figure);
        assert!(figure.svg.len() < 300_000, "{}: {} bytes", figure.id, figure.svg.len());
    }
    let space = figures.iter().find(|figure| figure.id == "space-1").unwrap();
    assert!(space.svg.len() < 150_000, "{} bytes", space.svg.len());
}

#[test]
fn what_is_not_known_is_not_drawn() {
    assert!(draw(vec![], vec![]).is_empty());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures");
    let alone = network(&folder.join("module-naive.yaml"));
    let figures = draw(vec![alone], vec![]);
    assert_eq!(ids(&figures), ["breakdown-params", "breakdown-macs", "breakdown-memory"]);
    for figure in &figures {
        check(figure);
    }
}

#[test]
fn numbers_that_are_none_do_not_break_a_figure() {
    let mut candidates: Vec<NetworkEntry> = networks().into_iter().take(4).collect();
    let median = |candidate: &mut NetworkEntry, value: f64| {
        for stored in &mut candidate.measured {
            let median = &mut stored.result.latency_ms.median;
            (median.value, median.low, median.high) = (value, f64::NAN, f64::INFINITY);
        }
    };
    median(&mut candidates[0], f64::NAN);
    median(&mut candidates[1], 0.0);
    median(&mut candidates[2], 5.0);
    for figure in draw(candidates, vec![cloud(1, "one")]) {
        check(&figure);
    }
}

#[test]
fn few_are_chosen_evenly_and_the_front_first() {
    assert_eq!(thinned(10, 4).collect::<Vec<_>>(), [0, 2, 5, 7]);
    assert_eq!(thinned(3, 4).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(thinned(0, 4).count(), 0);
    let points: Vec<usize> = (0..100).collect();
    let front = named(&points, |point| *point >= 98);
    assert_eq!(front, [&98, &99]);
}
