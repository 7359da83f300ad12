//! The graph.

use crate::common::Window;

#[test]
fn a_module_opens_into_its_branches() {
    let mut window = Window::on(&["googlenet.yaml"]);
    window.wait("it is laid out", |model| {
        model.last_scene(inceptive_gui::jobs::Place::Graph).is_some()
    });
    assert!(window.has("3a") && !window.has("3a/3x3"));
    window.click("3a");
    window.harness.key_press(egui::Key::Enter);
    window.harness.run();
    window.wait("it is laid out again", |model| model.jobs.active().next().is_none());
    assert!(window.has("3a/3x3"));
}
