//! The user's own results.

use std::fs;

use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable;
use inceptive_gui::model::Model;

use crate::common::{Window, has_sliders, is_designed, is_idle};

#[test]
fn own_results_are_imported_from_a_table_and_shown_as_such() {
    let mut window = Window::on(&["googlenet.yaml", "nin.yaml"]);
    let table = window.file("own.csv");
    fs::write(
        &table,
        "network,top1,latency_ms,dataset\ngooglenet,91.25,4.5,my images\nother,50,,\n",
    )
    .unwrap();
    window.click("googlenet");
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", has_sliders);
    window.click("Import…");
    window.fill("Path of the table", &table.display().to_string());
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("the results are read", is_idle);
    let said = "own.csv: 2 rows imported; 1 row names no network of the list: other";
    assert!(window.says(said));
    window.click("Dismiss");
    assert!(!window.says("rows imported") && window.model().messages.is_empty());
    assert!(window.has("91.25%") && window.has("imported, my images, own.csv"));
    assert!(window.has("4.50 ms") && window.has("imported, own.csv"));
    // They are columns, and conditions may name them.
    window.press(Modifiers::COMMAND, Key::Num4);
    window.click("Table");
    window.wait("the table is there", is_idle);
    assert!(window.says("imported top-1 (%)") && window.says("imported latency (ms)"));
    window.get("Filter networks").focus();
    window.harness.run();
    window.get("Filter networks").type_text("imported_top1 > 90");
    window.harness.run();
    window.wait("it is filtered", is_idle);
    assert!(window.says("1 of 2"));
}

#[test]
fn a_table_that_is_wrong_adds_nothing_and_says_why() {
    let mut window = Window::on(&["nin.yaml"]);
    let table = window.file("own.csv");
    fs::write(&table, "network,top1\nnin,190\n").unwrap();
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", has_sliders);
    window.click("Import…");
    window.fill("Path of the table", &table.display().to_string());
    window.click("Import");
    window.wait("it is read", is_idle);
    assert!(window.says("line 2: top1 is 190, not a percentage from 0 to 100"));
    assert!(window.model().results.imported.is_empty());
    // The question is still there, so that the table can be corrected; nothing is said twice.
    assert!(window.has("Path of the table") && window.model().messages.is_empty());
    fs::write(&table, "network,top1\nnin,19\n").unwrap();
    window.click("Import");
    window.wait("it is read", is_idle);
    assert!(!window.has("Path of the table") && window.has("19.00%"));
}

/// Imports a table with these rows.
fn import(window: &mut Window, rows: &str) {
    let table = window.file("own.csv");
    fs::write(&table, format!("network,top1\n{rows}\n")).unwrap();
    window.click("Import…");
    window.fill("Path of the table", &table.display().to_string());
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("the results are read", is_idle);
}

/// Moves the slider of a value.
fn slide(window: &mut Window, key: &str, value: f64) {
    window.harness.get_by_role_and_label(Role::Slider, key).set_value_accesskit(value);
    window.wait("it is counted again", is_designed);
}

#[test]
fn results_follow_their_network_and_are_not_of_another_that_takes_its_name() {
    let mut window = Window::on(&["googlenet.yaml"]);
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", has_sliders);
    slide(&mut window, "4a.c3", 256.0);
    import(&mut window, "googlenet-design-1,91.25");
    assert!(window.has("91.25%"));
    for (field, text) in [("Name of the design", "Wide"), ("File of the design", "wide")] {
        window.fill(field, text);
        window.press(Modifiers::NONE, Key::Enter);
        window.wait("it is renamed", is_designed);
    }
    assert_eq!(window.selected(), ["wide"]);
    assert!(window.has("91.25%"));
    // Its name is free by now, and the next design takes it.
    window.click("googlenet");
    let is_original = |model: &Model| model.shown_design().is_none() && has_sliders(model);
    window.wait("its sliders are there", is_original);
    slide(&mut window, "4a.c3", 100.0);
    assert_eq!(window.selected(), ["googlenet-design-1"]);
    assert!(!window.has("91.25%"));
    // A change of its widths makes another network; going back makes it the same again.
    window.click("wide");
    window.wait("it is shown", is_designed);
    slide(&mut window, "4a.c3", 255.0);
    assert!(!window.has("91.25%"));
    slide(&mut window, "4a.c3", 256.0);
    assert!(window.has("91.25%"));
}

/// A click is of what was pressed: what is pressed while a message goes keeps its identity.
#[test]
fn nothing_gets_another_identity_when_a_message_comes_or_goes() {
    let mut window = Window::on(&["googlenet.yaml"]);
    let identity = |window: &Window| format!("{:?}", window.get("googlenet"));
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", has_sliders);
    let before = identity(&window);
    import(&mut window, "googlenet,91.25");
    assert_eq!(window.model().messages.len(), 1, "what was imported");
    assert_eq!(identity(&window), before);
    window.wait("the message goes", |model| model.messages.is_empty());
    assert_eq!(identity(&window), before);
}
