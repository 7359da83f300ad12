//! ONNX files that leave something open.

use std::fs;

use egui::{Key, Modifiers};
use inceptive_gui::model::{Model, Status};
use inceptive_ir::Shape;

use crate::{
    common::{Window, bundled, copies, is_idle},
    run::{is_over, status, steady},
};

/// What the fixture computes for an image: three channels to 8 at half the sides, to 16, to 10 classes.
const fn macs(height: u64, width: u64) -> u64 {
    27 * 8 * (height / 2) * (width / 2) + 72 * 16 * (height / 2) * (width / 2) + 16 * 10
}

/// A window on one fixture, and a network with which it can be compared.
pub fn on(name: &str) -> Window {
    let folder = copies(&["module-reduced.yaml", "blocks/inception.yaml"]);
    let file = bundled("../crates/onnx/tests/fixtures").join(name);
    fs::copy(file, folder.path().join("architectures").join(name)).unwrap();
    let mut window = Window::measuring(folder, &steady());
    window.click(name.trim_end_matches(".onnx"));
    window.press(Modifiers::COMMAND, Key::Num1);
    window
}

/// Types a size and takes it with Enter.
fn size(window: &mut Window, text: &str) {
    window.fill("Input size", text);
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is read", is_idle);
}

fn found(model: &Model) -> Option<(Shape, u64)> {
    let network = model.network()?;
    let graph = &network.architecture.graph;
    Some((graph.node(graph.input()).shape, network.cost.total.macs))
}

/// The error says what the fields are for, and names no option of the command line.
fn no_options(window: &Window) -> bool {
    !window.says("--") && !window.says("input.size")
}

#[test]
fn a_size_can_be_typed_wherever_it_is_missing() {
    let mut window = on("open-size.onnx");
    let missing = "has no fixed height and width: name the size, such as 224x224";
    for (key, tab) in
        [(Key::Num1, "Graph"), (Key::Num2, "Source"), (Key::Num5, "Compare"), (Key::Num6, "Run")]
    {
        window.press(Modifiers::COMMAND, key);
        window.wait("it is drawn", is_idle);
        assert!(window.says(missing) && window.has("Input size"), "{tab}");
        assert!(no_options(&window), "{tab}");
    }
    window.press(Modifiers::COMMAND, Key::Num1);
    assert!(!window.has("Read up to what is not supported"));
    size(&mut window, "32");
    assert_eq!(found(window.model()), Some((Shape::map(3, 32, 32), macs(32, 32))));
    assert!(!window.says(missing));
    // The details offer another one.
    window.fill("Input size", " 3x16x24 ");
    window.click("Read");
    window.wait("it is read", is_idle);
    assert_eq!(found(window.model()), Some((Shape::map(3, 16, 24), macs(16, 24))));
    // What is no size is said, and the last one stays in view.
    size(&mut window, "wide");
    assert!(
        window.says(
            "`wide` is no size of an input; write 224, 640x480 (height x width) or 3x640x480"
        )
    );
    assert!(window.says("showing the last valid version"));
    size(&mut window, "4x16x24");
    assert!(window.model().current().unwrap().is_wrong(), "the file has three channels");
    size(&mut window, "16x24");
    assert!(!window.model().current().unwrap().is_wrong());
    window.press(Modifiers::COMMAND, Key::Num2);
    assert!(window.says("An ONNX file has no text") && window.has("Input size"));
    // An empty field is the size of the file again.
    window.fill("Input size", "");
    window.press(Modifiers::NONE, Key::Backspace);
    window.click("Read");
    window.wait("it is read", is_idle);
    assert!(window.says(missing));
}

#[test]
fn a_file_is_read_up_to_what_is_not_supported() {
    let mut window = on("open-size-unsupported.onnx");
    // Both are offered at once.
    window.click("Read up to what is not supported");
    window.wait("it is read", is_idle);
    assert!(window.says("has no fixed height and width") && window.model().network().is_none());
    size(&mut window, "32");
    assert_eq!(found(window.model()), Some((Shape::map(3, 32, 32), 27 * 8 * 16 * 16)));
    assert!(window.says("the network is cut where these operators are not supported: 1 x Sin"));
    window.click("Read up to what is not supported");
    window.wait("it is read", is_idle);
    assert!(window.says("the part before them can be read") && no_options(&window));
    assert!(window.says("showing the last valid version"));
    window.click("Read up to what is not supported");
    window.wait("it is read", is_idle);
    assert!(!window.model().current().unwrap().is_wrong());
}

#[test]
fn a_network_of_a_typed_size_is_measured_compared_and_reported_on() {
    let mut window = on("open-size.onnx");
    size(&mut window, "32x48");
    window.press(Modifiers::COMMAND, Key::Num6);
    window.wait("engines are known", |model| model.engines.is_some());
    window.click("Start");
    window
        .wait("there is a result", |model| is_over(model) && model.results.measurements.len() == 1);
    let subject = &window.model().results.measurements[0].result.subject;
    assert_eq!(subject.point, ["input.size=32x48"]);
    assert_eq!(subject.fingerprint, window.model().network().unwrap().fingerprint);
    window.click("Profile");
    window.click("Start");
    window.wait("there is a profile", |model| is_over(model) && model.results.profiles.len() == 1);
    window.click("Report");
    let folder = window.folder.path().join("report");
    window.fill("Folder of the report", folder.to_str().unwrap());
    window.get("module-reduced").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    window.click("Start");
    window.wait("it is written", is_over);
    assert_eq!(status(window.model(), 2), Some(&Status::Done));
    let page = fs::read_to_string(folder.join("report.md")).unwrap();
    assert!(page.contains("open-size.onnx?input.size=32x48"), "{page}");
    let data = fs::read_to_string(folder.join("data.json")).unwrap();
    assert!(data.contains(&macs(32, 48).to_string()));
    window.press(Modifiers::COMMAND, Key::Num5);
    window.wait("it is drawn", is_idle);
    assert!(window.says("open-size") && !window.says("has errors"));
}

#[test]
fn a_network_of_a_typed_size_is_exported_with_its_weights() {
    let mut window = on("open-size.onnx");
    size(&mut window, "32x48");
    let (shape, fingerprint) = {
        let network = window.model().network().unwrap();
        (found(window.model()), network.fingerprint.clone())
    };
    for (format, end) in [("ONNX…", "onnx"), ("YAML…", "yaml")] {
        window.click("File");
        window.click("Export as");
        window.click(format);
        let path = window.file(&format!("copy.{end}"));
        window.fill("Path", &path.display().to_string());
        window.press(Modifiers::NONE, Key::Enter);
        let file = path.clone();
        window.wait("it is read", |model| {
            let entry = model.entries.get(&*file);
            is_idle(model) && entry.is_some_and(|entry| entry.network.is_some())
        });
        let copy = window.model().entries[&*path].network.clone().unwrap();
        let graph = &copy.architecture.graph;
        let copied = (graph.node(graph.input()).shape, copy.cost.total.macs);
        assert_eq!((Some(copied), &copy.fingerprint), (shape, &fingerprint), "{format}");
    }
    // Statistics of the weights are read with the size.
    window.button("stem").click();
    window.wait("statistics are there", is_idle);
    assert!(window.says("8x3x3x3"));
}
