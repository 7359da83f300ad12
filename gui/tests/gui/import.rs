//! The user's own results.

use std::fs;

use egui::{Key, Modifiers};

use crate::common::{Window, has_sliders, is_idle};

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
    assert!(window.says("2 of 2 rows imported"));
    assert!(window.says("no network of the list is called other"));
    window.click("Dismiss all");
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
}
