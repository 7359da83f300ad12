//! New, renamed, copied, deleted and exported files.

use std::fs;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use inceptive_gui::model::{Model, State};

use crate::common::{Window, is_idle};

const BASE: &str = "name: Base\ninput: {channels: 3, size: 32}\nclasses: 10\nbody:\n  - conv stem: {kernel: 3, width: 16}\ntail: gap\n";
const SMALL: &str = "name: Small\nextends: base.yaml\nclasses: 2\n";

/// A window on a network and a variant of it; the network is selected.
fn base_and_variant() -> Window {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("architectures");
    fs::create_dir_all(&inside).unwrap();
    fs::write(inside.join("base.yaml"), BASE).unwrap();
    fs::write(inside.join("small.yaml"), SMALL).unwrap();
    Window::at(folder)
}

/// Takes an entry of the menu of files.
fn choose(window: &mut Window, entries: &[&str]) {
    window.click("File");
    for entry in entries {
        window.button(entry).click();
        window.harness.run();
    }
}

fn settled(window: &mut Window) {
    window.wait("it is settled", is_idle);
}

/// Replaces what stands in the field of a question.
fn type_name(window: &mut Window, name: &str) {
    window.fill("File name", name);
}

fn is_good(model: &Model) -> bool {
    model.current().is_some_and(|entry| matches!(entry.state, State::Good(_))) && is_idle(model)
}

/// Edits the text of the current file.
fn edit(window: &mut Window, text: &str) {
    window.press(Modifiers::COMMAND, Key::Num2);
    let editor = window.harness.get_by_role(egui::Role::MultilineTextInput);
    editor.set_text_value_accesskit(text);
    window.harness.run();
    window.wait("the text is read", |model| {
        let good = model.current().and_then(|entry| entry.good.as_ref());
        good.is_some_and(|good| good.text.as_deref() == Some(text)) && is_idle(model)
    });
}

#[test]
fn new_networks_begin_with_a_template_and_are_not_written_at_once() {
    let mut window = base_and_variant();
    for (template, name) in [("Network", "mine"), ("Module", "part"), ("Space", "widths")] {
        window.click("base");
        window.press(Modifiers::COMMAND, Key::N);
        window.button(template).click();
        window.harness.run();
        type_name(&mut window, "base");
        assert!(window.says("base.yaml exists already."));
        type_name(&mut window, "../base");
        assert!(window.says("is not a file name"));
        type_name(&mut window, name);
        window.press(Modifiers::NONE, Key::Enter);
        window.wait("it is read", is_good);
        assert_eq!(window.selected(), [name]);
        assert!(window.says("valid, not saved") && window.has_button("Save"), "{name}");
        let file = window.file(&format!("{name}.yaml"));
        assert!(!file.exists());
        window.press(Modifiers::COMMAND, Key::S);
        window.wait("it is written", |_| file.is_file());
    }
    let space = window.model().current().unwrap().space().unwrap();
    assert_eq!((&*space.title, space.size()), ("widths", 7));
}

#[test]
fn a_new_variant_extends_the_selected_network() {
    let mut window = base_and_variant();
    window.click("New…");
    window.button("Variant").click();
    window.harness.run();
    assert!(window.says("A file that extends Base"));
    type_name(&mut window, "wider");
    window.click("Create");
    window.wait("it is read", is_good);
    assert_eq!(window.selected(), ["wider"]);
    let entry = window.model().current().unwrap();
    assert_eq!((&*entry.name(), entry.is_new()), ("wider", true));
    assert!(entry.shown_text().unwrap().contains("extends: base.yaml"));
}

#[test]
fn a_new_recipe_is_written_at_once_and_offered_in_train() {
    let mut window = base_and_variant();
    window.press(Modifiers::COMMAND, Key::Num7);
    window.wait("recipes are known", |model| model.training_choices.is_some() && is_idle(model));
    window.press(Modifiers::COMMAND, Key::N);
    window.button("Recipe").click();
    window.harness.run();
    type_name(&mut window, "mine");
    window.press(Modifiers::NONE, Key::Enter);
    let file = window.folder.path().join("recipes/mine.yaml");
    window.wait("it is offered", |model| {
        let choices = model.training_choices.as_ref().unwrap();
        choices.recipes.iter().any(|recipe| recipe.name == file.display().to_string())
    });
    assert!(window.says("recipes/mine.yaml"));
    assert!(fs::read_to_string(file).unwrap().starts_with("name: \"mine\"\nepochs: "));
}

#[test]
fn a_file_is_renamed_with_its_draft() {
    let mut window = base_and_variant();
    edit(&mut window, &BASE.replace("16", "24"));
    window.click("base");
    window.press(Modifiers::NONE, Key::F2);
    assert!(window.says("Files that are made of it become invalid: small.yaml"));
    type_name(&mut window, "small");
    assert!(window.says("small.yaml exists already."));
    window.press(Modifiers::NONE, Key::Enter);
    assert!(window.has("File name"), "it is asked on");
    type_name(&mut window, "first");
    window.press(Modifiers::NONE, Key::Enter);
    let (old, new) = (window.file("base.yaml"), window.file("first.yaml"));
    window.wait("it is renamed", |model| model.entries.contains_key(&*new) && is_idle(model));
    assert_eq!(window.selected(), ["first"]);
    assert!(!old.exists() && !window.model().entries.contains_key(&*old));
    assert_eq!(fs::read_to_string(&new).unwrap(), BASE);
    let draft = window.model().current().unwrap().draft.clone();
    assert!(draft.is_some_and(|draft| draft.contains("width: 24")));
}

#[test]
fn a_deleted_file_goes_to_the_trash_and_what_is_lost_is_said() {
    let mut window = base_and_variant();
    edit(&mut window, &BASE.replace("16", "24"));
    choose(&mut window, &["Delete…"]);
    assert!(window.says("Will be moved to the trash: base.yaml"));
    assert!(window.says("Unsaved changes will be lost: base.yaml"));
    assert!(window.says("Files that are made of it become invalid: small.yaml"));
    window.click("Cancel");
    assert!(window.file("base.yaml").exists());

    window.click("base");
    window.press(Modifiers::NONE, Key::Delete);
    window.click("Delete");
    let file = window.file("base.yaml");
    window.wait("it is gone", |model| !model.entries.contains_key(&*file) && is_idle(model));
    assert!(!file.exists());
    let trash = window.folder.path().join("trash/base.yaml");
    assert_eq!(fs::read_to_string(trash).unwrap(), BASE);
    assert!(window.says("moved base.yaml to the trash"));
    assert_eq!(window.selected(), ["small"]);
}

#[test]
fn a_copy_is_not_written_and_can_be_taken_off_the_list() {
    let mut window = base_and_variant();
    window.get("small").click_secondary();
    window.harness.run();
    window.button("Duplicate").click();
    window.harness.run();
    window.wait("it is read", is_good);
    assert_eq!(window.selected(), ["small-copy-1"]);
    let entry = window.model().current().unwrap();
    assert_eq!((&*entry.name(), entry.is_new()), ("Small (copy 1)", true));
    let file = window.file("small-copy-1.yaml");
    assert!(!file.exists());
    choose(&mut window, &["Delete…"]);
    assert!(window.says("Never saved, will be lost for good: small-copy-1.yaml"));
    window.click("Delete");
    settled(&mut window);
    assert!(!window.model().entries.contains_key(&*file));
    assert!(!window.folder.path().join("trash").exists());
}

#[test]
fn the_menu_of_a_row_shows_its_file_in_a_tab_and_copies_its_path() {
    let mut window = base_and_variant();
    window.get("small").click_secondary();
    window.harness.run();
    window.button("Show in").click();
    window.harness.run();
    window.harness.get_all_by_role_and_label(egui::Role::Button, "Source").last().unwrap().click();
    window.harness.run();
    assert_eq!(window.selected(), ["small"]);
    assert!(window.has_button("Save"), "Source is in front");
    window.get("small").click_secondary();
    window.harness.run();
    window.button("Copy path").click();
    window.harness.step();
    let copied =
        window.harness.output().platform_output.commands.iter().find_map(|command| match command {
            egui::OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
    assert_eq!(copied, Some(window.file("small.yaml").display().to_string()));
}

#[test]
fn files_are_sorted_by_what_they_cost() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml", "spaces/module-kinds.yaml"]);
    let listed = |window: &Window| -> Vec<String> {
        let rows = window.harness.get_all_by_role(egui::Role::ListBoxOption);
        rows.map(|row| egui_kittest::kittest::NodeT::accesskit_node(&row).label().unwrap())
            .collect()
    };
    assert_eq!(listed(&window), ["alexnet", "googlenet", "module-kinds"]);
    window.click("Sort: name");
    window.button("params").click();
    window.harness.run();
    assert_eq!(listed(&window), ["googlenet", "alexnet", "module-kinds"]);
    window.click("Sort: params");
    window.button("MACs").click();
    window.harness.run();
    assert_eq!(listed(&window), ["alexnet", "googlenet", "module-kinds"]);
    fs::write(window.file("googlenet.yaml"), BASE).unwrap();
    window.click("Sort: MACs");
    window.button("newest").click();
    window.wait("it is read again", |model| {
        model.networks().any(|(entry, _)| entry.name() == "Base") && is_idle(model)
    });
    assert_eq!(listed(&window)[0], "googlenet");
}

#[test]
fn networks_are_exported_as_they_are_in_the_window() {
    let mut window = base_and_variant();
    window.click("small");
    edit(&mut window, &SMALL.replace('2', "5"));
    for (format, end) in [("ONNX…", "onnx"), ("PyTorch…", "py"), ("YAML…", "yaml")] {
        choose(&mut window, &["Export as", format]);
        let path = window.folder.path().join("out").with_extension(end);
        window.fill("Path", &path.display().to_string());
        window.press(Modifiers::NONE, Key::Enter);
        window.wait("it is written", |model| path.is_file() && is_idle(model));
    }
    let read = |end: &str| fs::read(window.folder.path().join("out").with_extension(end)).unwrap();
    let text = |end: &str| String::from_utf8(read(end)).unwrap();
    assert!(text("py").contains("torch") && text("yaml").contains("classes: 5"));
    assert!(!text("yaml").contains("extends"));
    fs::write(window.file("out.onnx"), read("onnx")).unwrap();
    let file = window.file("out.onnx");
    window.wait("it is read", |model| {
        let network = model.entries.get(&*file).and_then(|entry| entry.network.as_ref());
        let graph = network.map(|network| &network.architecture.graph);
        graph.is_some_and(|graph| graph.node(graph.output()).shape.channels() == 5)
    });
}

#[test]
fn weights_are_exported_in_the_precision_that_is_chosen() {
    let mut window = base_and_variant();
    for name in ["float32", "float16", "float64"] {
        choose(&mut window, &["Export as", "ONNX…"]);
        let path = window.file(&format!("as-{name}.onnx"));
        window.fill("Path", &path.display().to_string());
        window.click(name);
        window.press(Modifiers::NONE, Key::Enter);
        let file = path.clone();
        window.wait("it is read", |model| {
            let entry = model.entries.get(&*file);
            is_idle(model) && entry.is_some_and(|entry| entry.network.is_some())
        });
    }
    let read = |name: &str| fs::read(window.file(&format!("as-{name}.onnx"))).unwrap();
    let network = |name: &str| {
        let file = window.file(&format!("as-{name}.onnx"));
        window.model().entries[&*file].network.clone().unwrap()
    };
    let [whole, half, double] = ["float32", "float16", "float64"].map(network);
    assert_eq!(whole.fingerprint, half.fingerprint);
    assert_eq!(whole.fingerprint, double.fingerprint);
    // Two bytes of each weight are saved; operators that make float32 of them take some.
    let saved = read("float32").len() as i64 - read("float16").len() as i64;
    let params = i64::try_from(whole.cost.total.params).unwrap();
    assert!(saved > params, "{saved} bytes of {params} weights");
    assert!(read("float64").len() as i64 - read("float32").len() as i64 > 3 * params);
    // Other formats have no such choice.
    choose(&mut window, &["Export as", "PyTorch…"]);
    assert!(window.has("Path") && !window.has("float16"));
}

#[test]
fn an_export_replaces_nothing_that_was_read() {
    let mut window = base_and_variant();
    choose(&mut window, &["Export as", "YAML…"]);
    window.fill("Path", &window.file("small.yaml").display().to_string());
    assert!(window.says("The file exists and will be replaced."));
    window.click("Replace");
    settled(&mut window);
    assert_eq!(fs::read_to_string(window.file("small.yaml")).unwrap(), SMALL);
}

#[test]
fn a_wrong_path_leaves_the_folder_open_and_recent_folders_are_offered() {
    let mut window = base_and_variant();
    let other = window.folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("else.yaml"), BASE).unwrap();
    window.press(Modifiers::COMMAND, Key::O);
    let type_path = |window: &mut Window, path: &str| {
        window.fill("Path to open", path);
        window.press(Modifiers::NONE, Key::Enter);
    };
    type_path(&mut window, "/nowhere/at/all");
    assert!(window.says("There is no /nowhere/at/all.") && window.has("base"));
    type_path(&mut window, &other.display().to_string());
    window.wait("it is open", |model| model.folder == other && is_good(model));
    window.click("Open");
    let before = window.folder.path().join("architectures");
    window.click(&before.display().to_string());
    window.wait("it is open again", |model| model.folder == before && is_good(model));
    assert!(window.has("base"));
}

#[test]
fn where_the_system_has_no_dialog_the_path_is_typed() {
    let mut window = base_and_variant();
    assert!(!window.has("Path to open"));
    window.click("Open");
    window.button("Folder…").click();
    let start = std::time::Instant::now();
    while !window.has("Path to open") {
        assert!(start.elapsed().as_secs() < 60, "waited in vain for the field");
        window.harness.run();
    }
}
