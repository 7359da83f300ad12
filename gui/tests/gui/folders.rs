//! Folders in every state.

use std::{fs, path::PathBuf, sync::Arc};

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use inceptive_gui::model::State;

use crate::common::{Window, has_sliders, is_designed};

#[test]
fn a_folder_of_broken_files_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("architectures");
    fs::create_dir_all(&inside).unwrap();
    for (name, text) in [
        ("empty.yaml", &b""[..]),
        ("list.yaml", b"- 1\n- 2\n"),
        ("open.yaml", b"name: {a: [\n"),
        ("bytes.yaml", b"\xff\xfe\x00"),
        ("not.onnx", b"no model"),
    ] {
        fs::write(inside.join(name), text).unwrap();
    }
    let mut window = Window::at(folder);
    window.wait("all are read", |model| {
        model.entries.len() == 5
            && model.entries.values().all(|entry| matches!(entry.state, State::Wrong(_)))
    });
    assert!(window.has("5 files, 5 with errors"));
    for name in ["empty", "list", "open", "bytes", "not"] {
        window.click(name);
        for digit in [Key::Num1, Key::Num2] {
            window.press(Modifiers::COMMAND, digit);
        }
    }
    assert!(window.says("not.onnx`: "), "the reason is there, not only the file");
}

#[test]
fn an_empty_folder_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("architectures")).unwrap();
    let window = Window::at(folder);
    assert!(window.harness.query_by_label_contains("No .yaml, .yml or .onnx files here").is_some());
}

#[test]
fn a_folder_that_vanishes_and_comes_back() {
    let mut window = Window::on(&["alexnet.yaml"]);
    let folder = window.folder.path().join("architectures");
    let text = fs::read_to_string(window.file("alexnet.yaml")).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    window.press(Modifiers::NONE, Key::F5);
    window.wait("the loss is seen", |model| model.folder_problem.is_some());
    assert!(window.has("There is no such folder."));
    fs::create_dir_all(&folder).unwrap();
    fs::write(window.file("alexnet.yaml"), text).unwrap();
    window.click("Try again");
    window.wait("it is back", |model| {
        model.folder_problem.is_none()
            && model.current().is_some_and(|entry| matches!(entry.state, State::Good(_)))
    });
}

#[test]
fn a_file_that_is_deleted_while_it_is_edited_can_be_written_again() {
    let mut window = Window::on(&["alexnet.yaml"]);
    window.press(Modifiers::COMMAND, Key::Num2);
    let text = fs::read_to_string(window.file("alexnet.yaml")).unwrap() + "# more\n";
    let editor = window.harness.get_by_role(egui::Role::MultilineTextInput);
    editor.set_text_value_accesskit(&text);
    window.harness.run();
    fs::remove_file(window.file("alexnet.yaml")).unwrap();
    window.wait("the loss is seen", |model| {
        model.current().is_some_and(|entry| matches!(entry.state, State::Gone))
    });
    assert!(window.harness.query_by_label_contains("file deleted").is_some());
    window.press(Modifiers::COMMAND, Key::S);
    let file = window.file("alexnet.yaml");
    window.wait("it is written", |_| file.is_file());
    assert_eq!(fs::read_to_string(file).unwrap(), text);
}

#[test]
fn another_folder_is_opened_by_its_path() {
    let mut window = Window::on(&["alexnet.yaml", "spaces/module-kinds.yaml"]);
    window.press(Modifiers::COMMAND, Key::O);
    window.press(Modifiers::COMMAND, Key::A);
    let path = window.folder.path().join("architectures/spaces").display().to_string();
    window.get("Path to open").type_text(&path);
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is listed", |model| model.is_listed && model.entries.len() == 1);
    assert_eq!(window.selected(), ["module-kinds"]);
}

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        fs::read(&self.0).map_err(|error| error.to_string())
    }
}

fn drop_on(window: &mut Window, paths: &[PathBuf]) {
    for path in paths {
        window.harness.input_mut().dropped_files.push(Arc::new(Dropped(path.clone())));
    }
    window.harness.run();
}

#[test]
fn dropped_files_are_added_and_dropped_folders_opened() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = elsewhere.path().join("other.yaml");
    let text = fs::read_to_string(window.file("alexnet.yaml")).unwrap();
    fs::write(&other, text.replace("name: AlexNet", "name: Other")).unwrap();
    let notes = elsewhere.path().join("notes.txt");
    fs::write(&notes, "").unwrap();

    let googlenet = window.file("googlenet.yaml");
    drop_on(&mut window, &[googlenet, other, notes]);
    window.wait("all are read", |model| {
        model.entries.len() == 3 && model.jobs.active().next().is_none()
    });
    assert_eq!(window.selected(), ["googlenet", "other"]);
    assert!(window.model().current().is_some_and(|entry| entry.name() == "Other"));
    assert!(
        window
            .harness
            .query_by_label_contains("is not a .yaml, .yml, .onnx or .csv file")
            .is_some()
    );

    drop_on(&mut window, &[elsewhere.path().to_owned()]);
    window.wait("the folder is open", |model| {
        model.folder == elsewhere.path() && model.is_listed && model.entries.len() == 1
    });
}

#[test]
#[cfg(unix)]
fn a_read_only_folder_keeps_the_text_in_the_window() {
    use std::os::unix::fs::PermissionsExt;

    let mut window = Window::on(&["alexnet.yaml"]);
    window.press(Modifiers::COMMAND, Key::Num2);
    let file = window.file("alexnet.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let set = |mode| {
        let folder = file.parent().unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(mode)).unwrap();
    };
    let editor = window.harness.get_by_role(egui::Role::MultilineTextInput);
    editor.set_text_value_accesskit(&format!("{text}# more\n"));
    window.harness.run();
    set(0o555);
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("the reason is there", |model| {
        model.current().is_some_and(|entry| entry.save_problem.is_some())
    });
    assert!(window.says("the folder is read-only") && window.says("Nothing is lost"));
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    set(0o755);
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is saved", |model| model.current().is_some_and(|entry| entry.draft.is_none()));
    assert!(fs::read_to_string(&file).unwrap().ends_with("# more\n"));
}

#[test]
fn a_design_that_cannot_be_written_stays_and_says_why() {
    let mut window = Window::on(&["alexnet.yaml"]);
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    let slider = window.harness.get_by_role_and_label(egui::Role::Slider, "input.size");
    slider.set_value_accesskit(192.0);
    window.harness.run();
    window.wait("it is counted again", is_designed);
    let files = |window: &Window| fs::read_dir(window.file("")).unwrap().count();
    let before = files(&window);
    // Longer than the name of a file may be, for root too.
    window.fill("File of the design", &"x".repeat(300));
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is counted", is_designed);
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it failed", |model| {
        model.current().is_some_and(|entry| entry.save_problem.is_some())
    });
    assert!(window.says("cannot write") || window.says("Cannot save"));
    assert!(window.model().shown_design().is_some(), "what is set stays");
    assert_eq!(files(&window), before);
}
