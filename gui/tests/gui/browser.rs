//! The list of files.

use std::fs;

use egui::{Key, Modifiers};
use egui_kittest::kittest::NodeT;

use crate::common::{TINY, Window};

const FILES: [&str; 3] = ["alexnet.yaml", "googlenet.yaml", "spaces/module-kinds.yaml"];

#[test]
fn files_are_selected_one_or_many() {
    let mut window = Window::on(&FILES);
    assert_eq!(window.selected(), ["alexnet"]);
    let said = window.get("alexnet").accesskit_node().data().description().map(str::to_owned);
    assert_eq!(said.as_deref(), Some("61.1M params, 714M MACs"));
    window.click("googlenet");
    assert_eq!(window.selected(), ["googlenet"]);
    window.get("alexnet").click_modifiers(Modifiers::COMMAND);
    window.harness.run();
    assert_eq!(window.selected(), ["googlenet", "alexnet"]);
    window.click("alexnet");
    window.get("module-kinds").click_modifiers(Modifiers::SHIFT);
    window.harness.run();
    assert_eq!(window.selected(), ["alexnet", "googlenet", "module-kinds"]);
}

#[test]
fn the_search_narrows_the_list() {
    let mut window = Window::on(&FILES);
    window.get("Search files").focus();
    window.harness.run();
    window.get("Search files").type_text("goog");
    window.harness.run();
    assert!(window.has("googlenet") && !window.has("alexnet"));
}

#[test]
fn enter_takes_what_is_called_so() {
    let mut window = Window::on(&["googlenet-bn.yaml", "googlenet.yaml", "nin.yaml"]);
    window.click("nin");
    window.press(Modifiers::COMMAND, Key::Num2);
    for (text, found) in [("googlenet", "googlenet"), ("n", "nin"), ("oog", "googlenet-bn")] {
        window.press(Modifiers::COMMAND, Key::P);
        window.get("Search files").type_text(text);
        window.harness.run();
        window.press(Modifiers::NONE, Key::Enter);
        assert_eq!(window.selected(), [found]);
        assert!(window.has("nin"), "the whole list is there again");
        assert!(window.has_button("Save"), "the same tab is in front");
    }
}

#[test]
fn keys_go_through_the_list() {
    let mut window = Window::on(&FILES);
    window.press(Modifiers::NONE, Key::ArrowDown);
    assert_eq!(window.selected(), ["googlenet"]);
    window.press(Modifiers::SHIFT, Key::ArrowDown);
    assert_eq!(window.selected(), ["googlenet", "module-kinds"]);
    window.press(Modifiers::NONE, Key::Home);
    assert_eq!(window.selected(), ["alexnet"]);
    // Faster than frames are drawn.
    window.harness.key_press(Key::ArrowDown);
    window.harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowDown);
    window.harness.run();
    assert_eq!(window.selected(), ["googlenet", "module-kinds"]);
    window.press(Modifiers::COMMAND, Key::A);
    assert_eq!(window.selected().len(), 3);
    window.press(Modifiers::COMMAND, Key::P);
    window.get("Search files").type_text("alex");
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(window.selected(), ["alexnet"]);
}

#[test]
fn an_edit_elsewhere_is_seen_and_the_selection_kept() {
    let mut window = Window::on(&FILES);
    window.click("googlenet");
    let file = window.file("googlenet.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let params = |model: &inceptive_gui::model::Model| {
        model.network().map_or(0, |network| network.cost.total.params)
    };
    let before = params(window.model());
    fs::write(&file, text.replace("{kernel: 7, width: 64", "{kernel: 7, width: 32")).unwrap();
    window.wait("the change is seen", |model| params(model) != before);
    assert_eq!(window.selected(), ["googlenet"]);

    fs::write(&file, text.replace("kernel: 7", "kernl: 7")).unwrap();
    window
        .wait("the mistake is seen", |model| model.current().is_some_and(|entry| entry.is_wrong()));
    assert!(window.model().network().is_some(), "what was there before is still shown");

    fs::remove_file(&file).unwrap();
    window.wait("the loss is seen", |model| {
        model
            .current()
            .is_some_and(|entry| matches!(entry.state, inceptive_gui::model::State::Gone))
    });
    fs::write(&file, text).unwrap();
    window.wait("it is back", |model| params(model) == before);
}

#[test]
fn a_new_search_takes_the_place_of_the_last_one() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    window.press(Modifiers::COMMAND, Key::P);
    window.get("Search files").type_text("nothing like this");
    window.harness.run();
    window.press(Modifiers::COMMAND, Key::P);
    window.get("Search files").type_text("alex");
    window.harness.run();
    assert_eq!(window.get("Search files").value().as_deref(), Some("alex"));
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(window.selected(), ["alexnet"]);
}

#[test]
fn a_network_that_is_chosen_elsewhere_comes_into_view() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("architectures");
    fs::create_dir_all(&inside).unwrap();
    for at in 10..60 {
        // The last one is far from the others in the plot.
        let width = if at == 59 { 4000 } else { at };
        let text = TINY.replace("width: 4", &format!("width: {width}"));
        fs::write(inside.join(format!("net{at}.yaml")), text).unwrap();
    }
    let mut window = Window::at(folder);
    assert!(window.has("net10") && !window.has("net59"));
    window.press(Modifiers::COMMAND, Key::Num4);
    window.choose("y axis", "parameters");
    window.click("net59 in the plot");
    assert_eq!(window.selected(), ["net59"]);
    window.harness.run();
    assert!(window.has("net59") && !window.has("net10"));
    // What is clicked in the list stays where it is.
    let place = |window: &Window| window.get("net50").rect().top();
    let before = place(&window);
    window.click("net50");
    assert_eq!(place(&window), before);
}
