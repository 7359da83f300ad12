//! Networks set against each other.

use std::{fs, ops::ControlFlow};

use egui::{Key, Modifiers, Pos2, Rect, Role, vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use inceptive_app::{CloudPlan, SpacePoints, cloud};
use inceptive_dsl::{Disk, load, load_space};
use inceptive_results::{TrainingRun, example::training_run};
use inceptive_store::Store;

use crate::common::{Window, has_sliders, is_designed, is_idle};

const FILES: [&str; 6] = [
    "alexnet.yaml",
    "blocks/residual.yaml",
    "googlenet.yaml",
    "mobilenet-v2.yaml",
    "resnet50.yaml",
    "vgg16.yaml",
];

fn tradeoff() -> Window {
    let mut window = Window::on(&FILES);
    window.press(Modifiers::COMMAND, Key::Num4);
    window
}

/// Names of the points on the front.
fn front(window: &Window) -> Vec<String> {
    let points = window.harness.query_all_by_label_contains(" in the plot, Pareto-optimal");
    let mut names: Vec<String> = points
        .filter_map(|node| {
            let label = node.accesskit_node().label()?;
            Some(label.split(' ').next()?.to_owned())
        })
        .collect();
    names.sort();
    names
}

/// Names of all points.
fn points(window: &Window) -> usize {
    window.harness.query_all_by_label_contains(" in the plot").count()
}

/// Drags from one place to another.
fn drag(window: &mut Window, from: Pos2, to: Pos2) {
    window.harness.hover_at(from);
    window.harness.run();
    window.harness.drag_at(from);
    window.harness.run();
    for part in [0.3, 0.7, 1.0] {
        window.harness.hover_at(from + part * (to - from));
        window.harness.run();
    }
    window.harness.drop_at(to);
    window.harness.run();
}

#[test]
fn the_front_follows_the_axes() {
    let mut window = tradeoff();
    assert_eq!(points(&window), 5);
    assert_eq!(front(&window), ["mobilenet-v2", "resnet50"]);
    window.choose("y axis", "parameters");
    assert_eq!(front(&window), ["mobilenet-v2"]);
    // Nothing was measured here.
    window.choose("x axis", "measured latency (ms)");
    assert_eq!(points(&window), 0);
    assert!(window.has("not measured: 5"));
}

#[test]
fn the_filter_leaves_out_and_a_click_selects() {
    let mut window = tradeoff();
    window.button("vgg16 in the plot").click();
    window.harness.run();
    assert_eq!(window.selected(), ["vgg16"]);
    window.get("Filter networks").focus();
    window.harness.run();
    window.get("Filter networks").type_text("res");
    window.harness.run();
    assert_eq!(points(&window), 1);
    assert_eq!(front(&window), ["resnet50"]);
}

#[test]
fn a_brush_greys_and_a_box_selects_what_is_left() {
    let mut window = tradeoff();
    // The upper half of the parameters, by powers of ten: AlexNet, VGG and ResNet.
    let axis = window.get("Filter parameters").rect();
    drag(&mut window, axis.center_top(), axis.center());
    assert_eq!(front(&window), ["alexnet", "resnet50"]);
    let plot = window.get("Trade-off plot").rect().shrink(2.0);
    drag(&mut window, plot.left_top(), plot.right_bottom());
    let mut selected = window.selected();
    selected.sort();
    assert_eq!(selected, ["alexnet", "resnet50", "vgg16"]);
    window.click("Clear filters");
    assert_eq!(front(&window), ["mobilenet-v2", "resnet50"]);
}

const BASE: &str = "name: Small\ninput: {channels: 3, size: 8}\nclasses: 2\nbody:\n  - conv stem: {kernel: 3, width: 8}\n  \
                    - conv rest: {kernel: 3, width: 8}\ntail: gap\n";
const SPACE: &str = "space: Widths\nbase: small.yaml\nvary:\n  stem: {from: 4, to: 64, step: 4, default: 8}\n  rest: \
                     {from: 4, to: 64, step: 4, default: 8}\nwith: {set: {stem: {width: $stem}, rest: {width: $rest}}}\n";

/// A window with the networks of a space of 256 as a cloud.
fn clouded() -> Window {
    let folder = tempfile::tempdir().unwrap();
    let architectures = folder.path().join("architectures");
    fs::create_dir_all(&architectures).unwrap();
    fs::write(architectures.join("small.yaml"), BASE).unwrap();
    fs::write(architectures.join("widths.yaml"), SPACE).unwrap();
    let mut window = Window::at(folder);
    window.click("widths");
    window.press(Modifiers::COMMAND, Key::Num4);
    window.click("Draw the space");
    window.wait("the space is counted", |model| model.cloud.is_some());
    window
}

#[test]
fn a_space_is_counted_as_a_report_counts_it() {
    let window = clouded();
    let space = load_space(&Disk, &window.file("widths.yaml")).unwrap();
    let plan = CloudPlan { most: 2000, seed: 0 };
    let mut counts = cloud(&space, plan, &|_, _| ControlFlow::Continue(()));
    let points = SpacePoints::take(&mut counts);
    let shown = window.model().cloud.as_ref().unwrap();
    assert_eq!((&shown.counts, &shown.points), (&counts, &points));
    assert!(window.says("256 networks of Widths"));
}

/// How many networks of the space the legend says are in the ranges.
fn in_the_ranges(window: &Window) -> Option<usize> {
    let label = window.harness.query_by_label_contains(" match the filters")?;
    let text = label.accesskit_node().value()?;
    text.split(", ").nth(1)?.split(' ').next()?.parse().ok()
}

#[test]
fn a_brush_holds_for_the_networks_of_a_space_too() {
    let mut window = clouded();
    assert_eq!(in_the_ranges(&window), None);
    let axis = window.get("Filter parameters").rect();
    drag(&mut window, axis.center_top(), axis.center());
    let count = in_the_ranges(&window).unwrap();
    assert!((20..236).contains(&count), "{count}");
    window.click("Clear filters");
    assert_eq!(in_the_ranges(&window), None);
}

/// The part of the plot between the axes.
fn field(window: &Window) -> Rect {
    let plot = window.get("Trade-off plot").rect();
    Rect::from_min_max(plot.min + vec2(68.0, 6.0), plot.max - vec2(12.0, 42.0))
}

#[test]
fn a_click_on_a_network_of_a_space_adds_it_to_the_shortlist() {
    let mut window = clouded();
    window.choose("y axis", "parameters");
    // The smallest network is at the lower left, with the room of an axis around it.
    let field = field(&window);
    let room = 0.07 / 1.14;
    let at = field.left_bottom() + vec2(room, -room) * field.size();
    window.harness.hover_at(at);
    window.harness.run();
    window.harness.drag_at(at);
    window.harness.run();
    window.harness.drop_at(at);
    window.harness.run();
    assert!(window.has("Shortlist (1)") && window.model().shown_design().is_none());
    window.click("Open widths 1");
    window.wait("it is counted", is_designed);
    let settings = ["stem=4", "rest=4"].map(|text| text.parse().unwrap());
    let wanted = load(&Disk, &window.file("widths.yaml"), &settings).unwrap().architecture;
    let found = &window.model().shown_design().unwrap().architecture;
    assert_eq!(found.graph.fingerprint(), wanted.graph.fingerprint());
    assert!(window.says("2 changes to"));
}

#[test]
fn a_box_makes_a_shortlist_that_is_saved_as_files() {
    let mut window = clouded();
    window.choose("x axis", "stem");
    window.choose("y axis", "rest");
    window.click("Fit space");
    // The variables are numbers from 4 to 64: the box is around the three smallest of one, and the smallest of the other.
    let field = field(&window);
    let place = |x: f32, y: f32| {
        let share = |value: f32| (0.07 + (value - 4.0) / 60.0) / 1.14;
        field.left_bottom() + vec2(share(x), -share(y)) * field.size()
    };
    drag(&mut window, place(2.0, 2.0), place(13.0, 6.0));
    assert!(window.has("Shortlist (3)"));
    window.click("Save as files…");
    window.harness.run();
    assert!(
        window.get("File 1").rect().width() > 150.0 && window.get("Name 1").rect().width() > 150.0
    );
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.has("File 1"));
    // A network of the list is a file already.
    window.click("Table");
    window.click("Mark small");
    window.click("Save as files…");
    window.harness.run();
    assert!(window.says("1 network is a file already."));
    window.click("Save 3 files");
    window.wait("they are on the list", |model| model.entries.len() == 5);
    for stem in [4, 8, 12] {
        let file = window.file(&format!("small-{stem}-4.yaml"));
        let settings = [format!("stem={stem}"), "rest=4".to_owned()];
        let settings = settings.map(|text| text.parse().unwrap());
        let wanted = load(&Disk, &window.file("widths.yaml"), &settings).unwrap().architecture;
        let found = load(&Disk, &file, &[]).unwrap().architecture;
        assert_eq!(found.graph.fingerprint(), wanted.graph.fingerprint(), "{stem}");
    }
    assert!(window.says("wrote small-4-4.yaml"));
}

#[test]
fn a_variable_can_be_brushed_and_coloured_by() {
    let mut window = clouded();
    let axis = window.get("Filter stem").rect();
    drag(&mut window, axis.center_top(), axis.center());
    let count = in_the_ranges(&window).unwrap();
    assert!((96..160).contains(&count), "{count}");
    window.choose("colour", "stem");
    assert!(window.says("stem"));
}

/// Replaces the text of the filter.
fn filter(window: &mut Window, text: &str) {
    window.fill("Filter networks", text);
}

#[test]
fn a_condition_filters_networks_of_the_list() {
    let mut window = tradeoff();
    filter(&mut window, "macs < 2G and published_top1 > 65");
    assert_eq!((points(&window), front(&window)), (2, vec!["mobilenet-v2".to_owned()]));
    filter(&mut window, "trained_top1 > 90 or name contains res");
    assert_eq!(points(&window), 1);
    assert!(window.has("5 networks have no trained_top1"));
    let top = window.get("Filter parameters").rect().top();
    filter(&mut window, "mac < 2G");
    // Nothing moves, and the keyboard stays in the field.
    assert_eq!(window.get("Filter parameters").rect().top(), top);
    window.press(Modifiers::NONE, Key::Enter);
    assert!(window.get("Filter networks").accesskit_node().is_focused());
    assert!(window.has("there is no column `mac`; did you mean `macs`?"));
    assert_eq!(points(&window), 5);
}

#[test]
fn a_condition_filters_networks_of_a_space_by_its_variables() {
    let mut window = clouded();
    filter(&mut window, "stem <= 8 and rest >= 60");
    assert_eq!(in_the_ranges(&window), Some(4));
    assert!(window.has("1 network has no stem; 1 network has no rest"));
    window.click("Table");
    assert!(window.has("4 of 257 networks"));
    assert!(window.has("widths 15") && window.has("widths 32"));
}

/// The names in the table, from top to bottom.
fn listed(window: &Window) -> Vec<String> {
    let marks = window.harness.query_all_by_label_contains("Mark ");
    let mut marks: Vec<(f32, String)> = marks
        .filter_map(|node| {
            let label = node.accesskit_node().label()?;
            Some((node.rect().top(), label.strip_prefix("Mark ")?.to_owned()))
        })
        .collect();
    marks.sort_by(|a, b| a.0.total_cmp(&b.0));
    marks.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn the_table_is_sorted_filtered_pinned_compared_and_exported() {
    let mut window = tradeoff();
    window.click("Table");
    assert_eq!(listed(&window).len(), 5);
    window.click("MACs");
    assert_eq!(listed(&window), ["vgg16", "resnet50", "googlenet", "alexnet", "mobilenet-v2"]);
    window.click("MACs");
    assert_eq!(listed(&window)[0], "mobilenet-v2");
    window.click("Pin vgg16");
    assert_eq!(listed(&window)[..2], ["vgg16", "mobilenet-v2"]);
    filter(&mut window, "macs > 1G");
    assert_eq!(listed(&window), ["vgg16", "googlenet", "resnet50"]);
    assert!(window.has("3 of 5 networks"));

    window.click("Export CSV…");
    let path = window.folder.path().join("points.csv");
    window.fill("Path", &path.display().to_string());
    window.click("Export");
    window.wait("it is written", |_| path.exists());
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].starts_with("name,params,macs,flops,acts,peak_activation_bytes,published_top1")
    );
    assert!(lines.len() == 4 && lines[2].starts_with("googlenet,"), "{text}");

    window.click("Mark vgg16");
    window.click("Mark resnet50");
    window.click("Compare 2");
    assert_eq!(window.selected(), ["vgg16", "resnet50"]);
}

#[test]
fn both_plots_are_there_in_a_small_window() {
    let mut window = tradeoff();
    for size in [vec2(1280.0, 800.0), vec2(800.0, 500.0), vec2(640.0, 400.0)] {
        window.harness.set_size(size);
        window.harness.run();
        for plot in ["Trade-off plot", "Parallel coordinates"] {
            let rect = window.get(plot).rect();
            assert!(rect.width() > 40.0 && rect.height() > 40.0, "{plot} {size}: {rect}");
        }
    }
    // The shortlist takes room of both.
    for size in [vec2(800.0, 500.0), vec2(640.0, 400.0)] {
        window.harness.set_size(size);
        window.harness.run();
        window.click("Table");
        window.click("Mark vgg16");
        window.click("Plot");
        assert!(window.has("Shortlist (1)"));
        let rect = window.get("Trade-off plot").rect();
        assert!(rect.width() > 70.0, "{size}: {rect}");
        window.click("Clear");
    }
}

#[test]
fn a_small_window_shows_lists_when_they_are_asked_for() {
    let mut window = tradeoff();
    let has_lists = |window: &Window| {
        window.harness.query_by_role_and_label(Role::ComboBox, "x axis").is_some()
    };
    assert!(has_lists(&window) && !window.has_button("Axes"));
    window.harness.set_size(vec2(800.0, 500.0));
    window.harness.run();
    assert!(!has_lists(&window));
    let height = |window: &Window| window.get("Trade-off plot").rect().height();
    let without = height(&window);
    window.click("Axes");
    assert!(has_lists(&window) && height(&window) < without - 20.0);
    window.click("Axes");
    assert!(!has_lists(&window));
    window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    window.get("Search actions").type_text("y axis: activations");
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    assert!(!has_lists(&window), "the choice is taken from the palette");
    window.click("Table");
    assert!(!window.has_button("Axes"));
}

#[test]
fn what_is_not_known_of_a_space_is_said() {
    let mut window = clouded();
    assert!(window.has("not available for the space: published top-1 accuracy (%)"));
    window.choose("y axis", "activations");
    assert!(!window.says("not available for the space"));
    // The lowest choice is that of the status bar.
    let choices = window.harness.query_all_by_role(Role::ComboBox);
    choices.max_by(|a, b| a.rect().top().total_cmp(&b.rect().top())).unwrap().click();
    window.harness.run();
    window.button("MACs (thop)").click();
    window.harness.run();
    assert!(window.has("not available for the space: MACs (thop)"));
}

#[test]
fn a_design_is_only_a_point_while_its_file_is_current() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    window.click("googlenet");
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    let slider = window.harness.get_by_role_and_label(Role::Slider, "3a.c3");
    slider.set_value_accesskit(256.0);
    window.wait("it is counted again", is_designed);
    window.press(Modifiers::COMMAND, Key::Num4);
    assert!(window.has("design"));
    window.harness.get_by_label_contains("alexnet in the plot").click();
    window.harness.run();
    assert!(!window.has("design"));
    window.click("googlenet-design-1");
    assert!(window.has("design"));
}

/// A run of a network of the window with a seed.
fn run(window: &Window, file: &str, recipe: char, seed: u64, top1: f64) -> TrainingRun {
    let entry = window.model().entries.get(window.file(file).as_path()).unwrap();
    let mut run = training_run(seed, top1);
    run.subject.fingerprint.clone_from(&entry.network.as_ref().unwrap().fingerprint);
    run.training_fingerprint = format!("trained as {file}");
    run.recipe.fingerprint = recipe.to_string().repeat(64);
    run
}

#[test]
fn trained_accuracies_share_no_axis_with_published_ones() {
    let mut window = tradeoff();
    assert!(window.harness.query_by_role_and_label(Role::ComboBox, "accuracy").is_none());
    let runs = [
        run(&window, "alexnet.yaml", 'a', 0, 80.0),
        run(&window, "alexnet.yaml", 'a', 1, 82.0),
        run(&window, "vgg16.yaml", 'a', 0, 60.0),
        run(&window, "resnet50.yaml", 'b', 0, 70.0),
    ];
    Store::open(&window.folder.path().join("inceptive.db")).unwrap().append_all(&runs).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("they are read", |model| model.results.training_runs.len() == 4);
    assert_eq!(points(&window), 5, "published ones without a choice");
    assert!(window.has("accuracy: published"));

    // Recipes of the same name are told apart by what is in them.
    let on = "shapes:size=28, example aaaaaaaa";
    window.choose("accuracy", &format!("trained: {on}"));
    assert!(window.has("accuracy: trained") && window.has("not trained on this: 3"));
    assert_eq!(points(&window), 2);
    assert_eq!(front(&window), ["alexnet"], "fewer MACs and more accuracy than vgg16");
    let title = format!("trained top-1 accuracy (%): {on}");
    assert!(window.harness.query_by_value(&title).is_some());
    window.get("alexnet in the plot, Pareto-optimal").hover();
    window.harness.run();
    assert!(window.has(&format!("trained: {on}; interval over seeds 0, 1")));
    window.harness.remove_cursor();

    window.choose("accuracy", "trained: shapes:size=28, example bbbbbbbb");
    assert_eq!(front(&window), ["resnet50"]);
    window.choose("accuracy", "published");
    assert_eq!(points(&window), 5);
}

#[test]
fn training_runs_are_rows_of_the_table() {
    let mut window = tradeoff();
    let runs = [
        run(&window, "alexnet.yaml", 'a', 3, 80.0),
        run(&window, "alexnet.yaml", 'a', 4, 82.0),
        run(&window, "vgg16.yaml", 'b', 3, 60.0),
    ];
    Store::open(&window.folder.path().join("inceptive.db")).unwrap().append_all(&runs).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("they are read", |model| model.results.training_runs.len() == 3);
    window.click("Table");
    let networks = window.model().networks().count();
    assert!(
        window.has(&format!("{networks} of {networks} networks")) && !window.has("alexnet, seed 3")
    );
    window.click("training runs (3)");
    assert!(window.has("alexnet, seed 3") && window.has("vgg16, seed 3"));
    window.get("Filter networks").focus();
    window.harness.run();
    window.get("Filter networks").type_text("seed == 3 and trained_top1 > 70");
    window.harness.run();
    window.harness.run();
    assert!(window.has("alexnet, seed 3") && !window.has("vgg16, seed 3"));
    assert!(window.says(&format!("1 of {} rows", networks + 3)));
    // A run leads to its network.
    window.click("alexnet, seed 3");
    assert_eq!(window.selected(), ["alexnet"]);
    window.click("Pin alexnet, seed 3");
    assert!(window.has("alexnet, seed 3"));
}

#[test]
fn marked_networks_of_a_space_are_compared_as_designs() {
    let mut window = clouded();
    filter(&mut window, "stem <= 8 and rest >= 60");
    window.click("Table");
    for name in listed(&window).into_iter().take(2) {
        window.click(&format!("Mark {name}"));
    }
    window.click("Compare 2");
    window.wait("they are counted", is_idle);
    let selected = window.selected();
    assert_eq!(selected.len(), 2, "{selected:?}");
    assert!(selected.iter().all(|name| name.contains("-design-")), "{selected:?}");
    assert!(window.says("parameters") && window.has("Overview"));
}

#[test]
fn a_choice_stands_beside_its_name_in_a_window_of_any_width() {
    let mut window = tradeoff();
    for width in (640..1280).step_by(40) {
        window.harness.set_size(vec2(width as f32, 700.0));
        window.harness.run();
        for name in ["x axis", "y axis", "size", "colour"] {
            let place = |role| window.harness.get_by_role_and_label(role, name).rect();
            let [label, list] = [Role::Label, Role::ComboBox].map(place);
            let apart = (label.center().y - list.center().y).abs();
            assert!(apart < 4.0, "{name} at a width of {width}: {label:?} and {list:?}");
        }
    }
}

#[test]
fn the_legend_lists_a_front_where_there_is_one() {
    let mut window = tradeoff();
    assert!(window.has("Pareto front"));
    window.fill("Filter networks", "no such network");
    assert!(!window.has("Pareto front"));
    window.fill("Filter networks", " ");
    assert!(window.has("Pareto front"));
}

#[test]
fn the_title_of_an_axis_that_is_cut_is_shown_under_the_pointer() {
    let mut window = tradeoff();
    let title = "published top-1 per million parameters";
    let grip = window.get(&format!("Filter {title}")).rect();
    assert!(!window.has(title));
    window.harness.hover_at(grip.center_top() - vec2(0.0, 8.0));
    window.harness.run();
    assert!(window.has(title));
}
