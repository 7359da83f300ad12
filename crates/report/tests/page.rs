//! The pages of a report, read as a browser reads them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::HashSet,
    fs,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Instant,
};

use inceptive_cost::{Cost, Mode};
use inceptive_dsl::{Disk, load};
use inceptive_files::InputFiles;
use inceptive_ir::passes;
use inceptive_report::{
    Analysis, Cloud, Explored, NetworkCost, NetworkEntry, Networks, Report, Snapshot, SpaceSample,
    Variant, changes, write,
};
use inceptive_results::{
    Counts, Direction, Measurement, Metric, NetworkInfo, Objective, Published, example,
    statistics::Estimate,
};
use inceptive_store::Stored;
use scraper::{ElementRef, Html, Selector};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../architectures")
}

fn candidate(file: &str, top1: Option<f64>) -> NetworkEntry {
    let architecture = load(&Disk, &folder().join(file), &[]).unwrap().architecture;
    let deployed = passes::inference(&architecture.graph).unwrap();
    let subject = NetworkInfo::new(&architecture.name, file, vec![], &deployed);
    NetworkEntry {
        name: architecture.name.clone(),
        fingerprint: architecture.graph.fingerprint().to_string(),
        network: Some(NetworkCost {
            cost: Cost::new(&architecture.graph, Mode::Inference),
            graph: architecture.graph.clone(),
        }),
        description: architecture.description.clone(),
        notes: architecture.notes.clone(),
        cite: architecture.cite.clone(),
        published: top1.map(|top1| accuracy(top1, subject.input[1])).into_iter().collect(),
        variant: None,
        measured: vec![],
        predicted: vec![],
        profiles: vec![],
        imported: vec![],
        trained: vec![],
        subject,
    }
}

fn accuracy(top1: f64, resolution: u32) -> Published {
    Published {
        dataset: "imagenet-1k".to_owned(),
        top1: Some(top1),
        top5: None,
        crops: 1,
        models: 1,
        resolution: Some(resolution),
        source: "a table".to_owned(),
        note: None,
    }
}

/// Networks with accuracies, a variant, a space and a warning.
fn report() -> Report {
    let mut naive = candidate("googlenet-naive.yaml", None);
    let yaml = "body:\n  - naive 3a: {c1: 64}  # <wide>".to_owned();
    naive.variant = Some(Variant { base: "googlenet.yaml".to_owned(), yaml });
    let point = |macs: u64| SpaceSample {
        values: vec!["1".to_owned()],
        counts: Counts::default()
            .with(Metric::Params, macs / 200)
            .with(Metric::Macs, macs)
            .with(Metric::Acts, macs / 100)
            .with(Metric::PeakActivationBytes, macs / 50),
        is_inside: macs < 2_000_000,
    };
    Report {
        title: "Two & a half networks".to_owned(),
        candidates: vec![
            candidate("googlenet.yaml", Some(68.7)),
            candidate("squeezenet1_1.yaml", Some(58.2)),
            naive,
        ],
        clouds: vec![Cloud {
            title: "Widths".to_owned(),
            file: "spaces/widths.yaml".to_owned(),
            description: None,
            notes: vec!["A note".to_owned()],
            variables: vec![("width".to_owned(), vec!["1".to_owned()])],
            constraints: vec!["macs < 2M".to_owned()],
            objectives: vec![
                Objective { metric: Metric::Macs, direction: Direction::Minimize },
                Objective { metric: Metric::Top1, direction: Direction::Maximize },
            ],
            size: 1 << 100,
            seed: Some(7),
            failed: 1,
            points: (1..=9).map(|at| point(at * 1_000_000)).collect(),
        }],
        explorations: vec![],
        networks: Networks::default(),
        warnings: vec!["`x.yaml` cannot be read".to_owned()],
        command: "inceptive report a.yaml --title 'a & b'".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

fn patient() -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// The files of a report by name.
fn written(report: &Report) -> Vec<(String, String)> {
    let target = tempfile::tempdir().unwrap();
    let findings = Analysis::new(&report.candidates);
    let files =
        write(report, &findings, target.path(), &InputFiles::default(), &mut patient).unwrap();
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn file(report: &Report, name: &str) -> String {
    let files = written(report);
    files.into_iter().find(|(known, _)| known == name).unwrap().1
}

fn all<'a>(html: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

/// What has to hold for every page.
fn check(text: &str) -> Html {
    let html = Html::parse_document(text);
    assert_eq!(html.errors, Vec::<String>::new());
    let mut ids = HashSet::new();
    for element in all(&html, "[id]") {
        let id = element.attr("id").unwrap();
        assert!(ids.insert(id), "the id `{id}` is there twice");
    }
    for link in all(&html, "a[href^='#']") {
        let target = &link.attr("href").unwrap()[1..];
        assert!(ids.contains(target), "nothing has the id `{target}`");
    }
    for element in all(&html, "*") {
        for (name, value) in element.value().attrs() {
            let loads = matches!(name, "src" | "srcset" | "poster" | "data")
                || (matches!(name, "href" | "xlink:href") && element.value().name() != "a");
            assert!(
                !loads || value.starts_with("data:") || value.starts_with('#'),
                "{name}={value}"
            );
            assert!(!name.starts_with("on"), "{name}={value}");
        }
    }
    for style in all(&html, "style") {
        let style = style.inner_html();
        assert!(!style.contains("url(") && !style.contains("@import"), "a style loads something");
    }
    for picture in all(&html, "img") {
        assert!(picture.attr("alt").is_some_and(|alt| !alt.is_empty()));
    }
    for picture in all(&html, "svg") {
        assert_eq!(picture.attr("role"), Some("img"));
        assert!(picture.attr("aria-label").is_some_and(|label| !label.is_empty()));
    }
    for header in all(&html, "th") {
        assert!(matches!(header.attr("scope"), Some("col" | "row")), "{}", header.html());
    }
    let select = |selector: &str| Selector::parse(selector).unwrap();
    for table in all(&html, "table") {
        let width = table.select(&select("thead th")).count();
        assert!(width > 0, "a table without header: {}", table.html());
        for row in table.select(&select("tbody tr")) {
            assert_eq!(row.child_elements().count(), width, "{}", row.html());
            assert_eq!(row.select(&select("th[scope=row]")).count(), 1, "{}", row.html());
        }
    }
    html
}

#[test]
fn the_page_is_sound() {
    let text = file(&report(), "index.html");
    let html = check(&text);
    let title = all(&html, "h1")[0].text().collect::<String>();
    assert_eq!(title, "Two & a half networks");
    let sections: Vec<_> =
        all(&html, "main > section").iter().filter_map(|it| it.attr("id")).collect();
    assert_eq!(
        sections,
        ["summary", "picks", "accuracy", "networks", "breakdown", "variants", "spaces", "method"]
    );
    assert_eq!(all(&html, "#networks-table tbody tr").len(), 3);
    assert_eq!(all(&html, "details.network svg").len(), 3);
    for words in [
        "For a budget of",
        "1267650600228229401496703205376 networks",
        "macs &lt; 2M",
        "11.1% of the counted",
        "# &lt;wide&gt;",
        "`x.yaml` cannot be read",
        "--title 'a &amp; b'",
    ] {
        let page = html.html();
        assert!(page.contains(words), "`{words}` is not there");
    }
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(written(&report()), written(&report()));
    assert_eq!(written(&trained_report("data")), written(&trained_report("data")));
}

/// Three networks: two trained with three seeds whose intervals overlap, and one with one seed that is much worse.
fn trained_report(label: &str) -> Report {
    let mut report = report();
    let accuracies: [&[f64]; 3] = [&[80.0, 80.1, 80.2], &[80.1, 80.2, 80.3], &[40.0]];
    for (candidate, seeds) in report.candidates.iter_mut().zip(accuracies) {
        for (seed, top1) in (0..).zip(seeds) {
            let mut run = example::training_run(seed, *top1);
            run.subject = candidate.subject.clone();
            run.training_fingerprint.clone_from(&candidate.fingerprint);
            run.dataset.label = label.to_owned();
            run.recipe.name = label.to_owned();
            run.recipe.content = serde_json::json!({ label: label });
            candidate.trained.push(Stored { id: 1, result: run });
        }
    }
    report
}

#[test]
fn trained_accuracies_have_a_section_of_their_own() {
    let report = trained_report("my data");
    let html = check(&file(&report, "index.html"));
    let sections: Vec<_> =
        all(&html, "main > section").iter().filter_map(|it| it.attr("id")).collect();
    assert_eq!(sections[2..5], ["accuracy", "training", "networks"]);
    let rows: Vec<String> = all(&html, "#training-table-1 tbody tr")
        .iter()
        .map(|row| row.text().collect::<Vec<_>>().join("|"))
        .collect();
    assert_eq!(rows.len(), 3, "{rows:?}");
    for (row, expected) in rows.iter().zip([
        ["SqueezeNet 1.1|1|80.20|79.95–80.45|seeds|80.10–80.30|indistinguishable|", "|3"],
        ["GoogLeNet|2|80.10|79.85–80.35|seeds|80.00–80.20|indistinguishable|", "|3"],
        ["GoogLeNet with naive modules|3|40.00|37.01–43.07|images|–|distinct|", "|1"],
    ]) {
        assert!(row.starts_with(expected[0]) && row.ends_with(expected[1]), "{row}");
    }
    let section = &all(&html, "#training")[0];
    let text = section.text().collect::<String>();
    assert!(text.contains("my data = my data") && !text.contains("published,"), "{text}");
    assert_eq!(section.select(&Selector::parse("figure").unwrap()).count(), 3, "no latency");
    let markdown = file(&report, "report.md");
    assert!(markdown.contains("## Trained on my data, recipe my data"), "{markdown}");
    assert!(markdown.contains("indistinguishable from GoogLeNet |"), "{markdown}");
    let data: serde_json::Value = serde_json::from_str(&file(&report, "data.json")).unwrap();
    let group = &data["training"][0];
    assert_eq!(group["networks"][0]["name"], "SqueezeNet 1.1");
    assert_eq!(group["indistinguishable"][0].as_array().unwrap().len(), 2);
    let runs = data["candidates"][0]["training"].as_array().unwrap();
    assert_eq!((runs.len(), &runs[0]["test_top1"]), (3, &80.0.into()));
    // Published accuracies, their fronts and recommendations are what they were.
    let mut before = data.clone();
    for candidate in before["candidates"].as_array_mut().unwrap() {
        candidate["training"] = serde_json::json!([]);
    }
    before["training"] = serde_json::json!([]);
    let untrained = report_without_training();
    before["summary"] = untrained["summary"].clone();
    assert_eq!(before, untrained);
}

fn report_without_training() -> serde_json::Value {
    serde_json::from_str(&file(&report(), "data.json")).unwrap()
}

#[test]
fn hostile_data_and_recipes_are_text() {
    for label in [
        "<script>window.hacked = 1</script>",
        "\"><img src=x onerror=alert(1)>",
        "| a | b |\n# c ![x](http://evil) <b> \u{202e}",
        &"long ".repeat(20_000),
    ] {
        let report = trained_report(label);
        let text = file(&report, "index.html");
        let html = check(&text);
        assert_eq!(all(&html, "script").len(), 2, "only ours");
        assert!(all(&html, "img").is_empty());
        assert!(!text.contains('\u{202e}') && text.len() < 1_000_000, "{}", text.len());
        let markdown = file(&report, "report.md");
        let unescaped = markdown.replace("\\<", "").replace("<!-- -->", "");
        assert!(!unescaped.contains('<') && !unescaped.contains("![x"), "{unescaped}");
    }
}

#[test]
fn an_empty_report_is_a_page_too() {
    check(&file(&Report::default(), "index.html"));
}

/// A report on a search, whose texts are replaced.
fn searched(text: Option<&str>) -> Report {
    let mut exploration = example::search();
    if let Some(text) = text {
        let owned = || text.to_owned();
        exploration.space.title = owned();
        exploration.space.variables = vec![owned(), "width".to_owned()];
        exploration.request.conditions = vec![owned()];
        exploration.request.dataset = owned();
        exploration.request.recipe = owned();
        exploration.machine.cpu = owned();
        exploration.networks.iter_mut().for_each(|network| network.values[0] = owned());
    }
    Report { explorations: vec![Explored::new(exploration)], ..report() }
}

#[test]
fn searches_have_a_section_of_their_own() {
    let report = searched(None);
    let html = check(&file(&report, "index.html"));
    let rows = all(&html, "#exploration-1-networks tbody tr");
    assert_eq!(rows.len(), 6, "those with all epochs");
    let first: Vec<String> =
        rows[0].children().filter_map(ElementRef::wrap).map(|it| it.text().collect()).collect();
    assert!(
        first[0].starts_with('1') && first.iter().any(|cell| cell.trim() == "inception"),
        "{first:?}"
    );
    let section: String = all(&html, "#explorations").iter().flat_map(|it| it.text()).collect();
    for expected in [
        "3 networks are on the front",
        "Recommended: network 5 (kind=plain, width=12) is the knee of the front",
        "no two variables can be told to depend on each other",
        "of networks 13 to 24, 9 were proposed by the surrogate, 3 chosen by cost and values",
        "1 of them belongs there with a probability below 90%",
        "width, from 8 to 36",
        "Rank correlation of predicted and known accuracies, cross-validated on 24 networks",
        "24 up to epoch 1, 12 up to epoch 2, 6 up to epoch 4; 4 finalists with 2 seeds",
    ] {
        assert!(section.contains(expected), "{expected}: {section}");
    }
    assert_eq!(all(&html, "#explorations svg[role=img]").len(), 5);
    let markdown = file(&report, "report.md");
    assert!(markdown.contains("## Exploration: Kinds and widths"), "{markdown}");
    let numbers: serde_json::Value = serde_json::from_str(&file(&report, "data.json")).unwrap();
    assert_eq!(numbers["explorations"][0]["networks"].as_array().unwrap().len(), 24);
}

#[test]
fn hostile_searches_are_text() {
    for text in
        ["<script>window.hacked = 1</script>", "![x](y) <b>|", &"w".repeat(5000), "\u{202e}\u{0}"]
    {
        let report = searched(Some(text));
        let page = file(&report, "index.html");
        let html = check(&page);
        assert_eq!(all(&html, "script").len(), 2, "only ours");
        assert!(!page.contains(['\u{202e}', '\u{0}']));
        let markdown = file(&report, "report.md");
        let unescaped = markdown.replace("\\<", "").replace("\\!\\[", "").replace("<!-- -->", "");
        let shown: Vec<&str> = unescaped.lines().filter(|line| !line.starts_with("    ")).collect();
        assert!(!shown.join("").contains("<script") && !unescaped.contains("![x"), "{markdown}");
    }
}

#[test]
fn hostile_names_are_text() {
    let names = [
        "<script>window.hacked = 1</script>".to_owned(),
        "\"><img src=x onerror=alert(1)>".to_owned(),
        "' onmouseover='alert(1)".to_owned(),
        "</style></script></svg><iframe src=//evil>".to_owned(),
        "{{ title }} {% include \"page.css\" %}".to_owned(),
        "\u{202e}gnp.exe\u{200f}".to_owned(),
        "شبكة <b>".to_owned(),
        "网络\u{0}\u{1b}[31m".to_owned(),
        "long ".repeat(2_000),
        "| a | b |\n# c ![x](http://evil) <b>".to_owned(),
    ];
    let mut report = report();
    let base = candidate("squeezenet1_1.yaml", Some(58.2));
    report.candidates = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let mut candidate = base.clone();
            candidate.name.clone_from(name);
            candidate.subject.name.clone_from(name);
            candidate.subject.file.clone_from(name);
            candidate.subject.point = vec![name.clone()];
            candidate.subject.macs += 1_000_000_000 * at as u64;
            candidate.description = Some(name.clone());
            candidate.notes = vec![name.clone()];
            candidate.cite = vec![name.clone()];
            candidate.published = vec![Published {
                source: name.clone(),
                note: Some(name.clone()),
                ..accuracy(60.0 + at as f64, 224)
            }];
            candidate
        })
        .collect();
    report.candidates[1].variant = Some(Variant { base: names[0].clone(), yaml: names[3].clone() });
    report.candidates[0].subject.point.clear();
    report.title.clone_from(&names[3]);
    report.clouds[0].title.clone_from(&names[1]);
    report.clouds[0].variables[0] = (names[2].clone(), names.to_vec());
    report.clouds[0].constraints = names.to_vec();
    report.warnings = names.to_vec();
    report.command.clone_from(&names[0]);
    let text = file(&report, "index.html");
    let html = check(&text);
    assert_eq!(all(&html, "script").len(), 2, "only ours");
    for tag in ["img", "iframe", "object", "embed", "b:not(.prose b)"] {
        assert!(all(&html, tag).is_empty(), "{tag}");
    }
    assert!(!text.contains(['\u{202e}', '\u{0}', '\u{1b}']));
    let named: String =
        all(&html, "#networks-table tbody th").iter().flat_map(|it| it.text()).collect();
    assert!(named.contains("<script>window.hacked = 1</script>"), "{named}");
    for element in all(&html, "[title]") {
        assert!(element.attr("title").unwrap().chars().count() <= 260);
    }
    let markdown = file(&report, "report.md");
    // What is indented by four is code.
    let shown: Vec<&str> = markdown.lines().filter(|line| !line.starts_with("    ")).collect();
    let unescaped = shown.join("\n").replace("\\<", "").replace("\\!\\[", "");
    let unescaped = unescaped.replace("<!-- -->", "");
    assert!(!unescaped.contains('<') && !unescaped.contains("![x"), "{unescaped}");
    assert!(markdown.len() < 400_000, "{}", markdown.len());
}

/// A network measured by this number of engines.
fn measured(engines: u32) -> NetworkEntry {
    let mut network = candidate("squeezenet1_1.yaml", None);
    let one =
        example::measurement(network.subject.clone(), example::runtime(), vec![vec![1.0; 3]; 3]);
    let by_engine = |at: u32| {
        let mut result: Measurement = one.clone();
        result.runtime.engine = format!("engine {at}");
        Stored { id: i64::from(at) + 1, result }
    };
    network.measured = (0..engines).map(by_engine).collect();
    network
}

/// Nine networks on two engines; the second one is faster on the third network than on the second, by more than the
/// intervals, and takes as long for the last two as the first one, but in the other order.
#[test]
fn the_order_of_networks_is_compared_between_engines() {
    let mut report = report();
    let first = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 8.1];
    let second = [1.0, 3.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.1, 8.0];
    let network = |at: usize| {
        let mut network = measured(2);
        network.name = format!("network {at}");
        for (stored, ms) in network.measured.iter_mut().zip([first[at], second[at]]) {
            let latency = &mut stored.result.latency_ms;
            latency.median = Estimate { value: ms, low: ms - 0.2, high: ms + 0.2 };
        }
        network
    };
    report.candidates = (0..first.len()).map(network).collect();
    let expected = "Rank correlation of latencies between engines: engine 0 and engine 1 0.967 \
        (2 of 36 pairs swapped, 1 of them beyond the intervals).";
    assert!(file(&report, "report.md").contains(expected));
    report.candidates.truncate(7);
    assert!(!file(&report, "report.md").contains("between engines"));
}

/// To look through all measurements for each configuration would take a minute or more.
#[test]
fn thousands_of_configurations_of_one_network_are_no_problem() {
    let mut report = report();
    report.candidates = vec![measured(8_000)];
    let start = Instant::now();
    let files = written(&report);
    let took = start.elapsed();
    let page = &files.iter().find(|(name, _)| name == "index.html").unwrap().1;
    let html = check(page);
    assert_eq!(all(&html, "#latency-table tbody tr").len(), 600);
    let data = &files.iter().find(|(name, _)| name == "data.json").unwrap().1;
    let old = Snapshot::from_json(data).unwrap();
    let start = Instant::now();
    let new = Snapshot::of(&report.candidates);
    assert_eq!(new.networks[0].latencies_ms.len(), 8_000);
    assert_eq!(changes(&old, &new).networks[0].metrics, []);
    assert!((took + start.elapsed()).as_secs() < 20, "{took:?}, {:?}", start.elapsed());
}

/// The width of an interval relative to a value near zero is not a number to show.
#[test]
fn nothing_infinite_is_shown() {
    let mut report = report();
    report.candidates = vec![measured(1)];
    let least = f64::from_bits(1);
    report.candidates[0].measured[0].result.latency_ms.median =
        Estimate { value: least, low: least, high: 1.0 };
    for (name, text) in written(&report) {
        let is_bad = |word: &str| ["inf", "inf%", "±inf%", "-inf"].contains(&word);
        let mut words = text.split(|c: char| c.is_whitespace() || "<>\"',:()|".contains(c));
        assert_eq!(words.find(|word| is_bad(word)), None, "{name}");
    }
}

#[test]
fn a_thousand_networks_are_a_small_page() {
    let networks = [candidate("googlenet.yaml", None), candidate("squeezenet1_1.yaml", None)];
    let mut report = report();
    report.candidates = (0..1_000_u32)
        .map(|at| {
            let mut candidate = networks[at as usize % 2].clone();
            candidate.name = format!("network {at}");
            candidate.subject.macs += u64::from(at) * 1_000_003;
            candidate.published = vec![accuracy(50.0 + f64::from(at * 7919 % 1_000) / 50.0, 224)];
            candidate
        })
        .collect();
    let findings = Analysis::new(&report.candidates);
    let target = tempfile::tempdir().unwrap();
    let start = Instant::now();
    write(&report, &findings, target.path(), &InputFiles::default(), &mut patient).unwrap();
    let took = start.elapsed();
    let text = fs::read_to_string(target.path().join("index.html")).unwrap();
    let html = check(&text);
    let rows = all(&html, "#networks-table tbody tr").len();
    assert!((200..=260).contains(&rows), "{rows}");
    assert_eq!(all(&html, "details.network").len(), 40);
    assert_eq!(all(&html, "#quartiles tbody tr").len(), 2);
    assert!(text.contains("more are only in"), "the others are somewhere");
    assert!(text.len() < 3_000_000, "{}", text.len());
    assert!(took.as_secs() < 10, "{took:?}");
}

#[test]
fn the_short_form_has_the_same_numbers() {
    let markdown = file(&report(), "report.md");
    for words in
        ["# Two \\& a half networks", "1,582,671,872", "68.7", "| budget |", "inceptive report"]
    {
        assert!(markdown.contains(words), "`{words}` is not in\n{markdown}");
    }
}
