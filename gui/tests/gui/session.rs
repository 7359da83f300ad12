//! What comes back in the next run.

use std::{collections::HashMap, fs};

use eframe::App as _;
use egui::{Key, Modifiers, Role, Theme};
use egui_kittest::{Harness, kittest::Queryable};
use inceptive_gui::{App, Options, jobs::MeasurementBackend, model::Model};
use tempfile::TempDir;

use crate::common::{Window, copies, has_sliders, is_designed, is_idle};

const NAME: &str = "alexnet.yaml";

/// What a run leaves behind.
#[derive(Default)]
struct Memory(HashMap<String, String>);

impl eframe::Storage for Memory {
    fn get_string(&self, key: &str) -> Option<String> {
        self.0.get(key).cloned()
    }

    fn set_string(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }

    fn remove_string(&mut self, key: &str) {
        self.0.remove(key);
    }

    fn flush(&mut self) {}
}

/// Ends a run as closing the window does.
fn end(mut window: Window) -> (TempDir, Memory) {
    let mut memory = Memory::default();
    window.harness.state_mut().save(&mut memory);
    window.harness.state_mut().on_exit(None);
    (window.folder, memory)
}

/// The next run, on `architectures/` or another folder.
fn again((folder, memory): (TempDir, Memory), open: &str) -> Window {
    let options = Options {
        path: Some(folder.path().join(open)),
        store: folder.path().join("inceptive.db"),
        drafts: Some(folder.path().join("drafts")),
        ..Options::default()
    };
    let memory: &'static Memory = Box::leak(Box::new(memory));
    let builder = Harness::builder().with_size([1280.0, 800.0]).with_max_steps(50);
    let harness = builder.build_eframe(|cc| {
        cc.storage = Some(memory);
        App::new(cc, options)
    });
    let mut window = Window { harness, folder };
    window.wait("every file is read", |model| {
        model.is_listed && model.jobs.active().next().is_none()
    });
    window
}

fn text(window: &Window) -> String {
    fs::read_to_string(window.file(NAME)).unwrap()
}

/// A window with an edit that is not saved; and the edited text.
fn edited() -> (Window, String) {
    let mut window = Window::on(&[NAME]);
    window.press(Modifiers::COMMAND, Key::Num2);
    let mine = text(&window).replace("name: AlexNet", "name: Mine");
    window.harness.get_by_role(Role::MultilineTextInput).set_text_value_accesskit(&mine);
    window.harness.run();
    window.wait("it is read", |model| has_name(model, "Mine"));
    (window, mine)
}

fn has_name(model: &Model, name: &str) -> bool {
    model.current().is_some_and(|entry| entry.name() == name)
}

fn draft(model: &Model) -> Option<&str> {
    model.entries.values().find_map(|entry| entry.draft.as_deref())
}

#[test]
fn a_text_that_was_not_saved_comes_back() {
    let (window, mine) = edited();
    let before = text(&window);
    let mut window = again(end(window), "architectures");
    assert_eq!(draft(window.model()), Some(mine.as_str()));
    assert!(has_name(window.model(), "Mine") && window.has("alexnet.yaml •"));
    assert!(window.says("Restored unsaved changes") && !window.says("changed on disk"));
    assert_eq!(text(&window), before);
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is saved", |model| draft(model).is_none());
    assert_eq!(text(&window), mine);
    assert!(!window.says("Restored unsaved changes"));
}

#[test]
fn a_crash_loses_no_text_and_windows_that_are_open_keep_theirs() {
    let (mut window, mine) = edited();
    let drafts = window.folder.path().join("drafts");
    let kept = || {
        let files = fs::read_dir(&drafts).unwrap().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|it| it == "json")).count()
    };
    window.wait("it is kept", |_| kept() == 1);
    let folder = copies(&[NAME]);
    let options = Options {
        path: Some(folder.path().join("architectures")),
        store: folder.path().join("inceptive.db"),
        drafts: Some(drafts.clone()),
        ..Options::default()
    };
    let other = Window::opened(folder, options, &MeasurementBackend::default(), Theme::Dark);
    assert_eq!(draft(other.model()), None, "it belongs to the window that is open");
    drop(other);
    // It ends without a chance to say anything.
    let Window { harness, folder } = window;
    drop(harness);
    let window = again((folder, Memory::default()), "architectures");
    assert_eq!(draft(window.model()), Some(mine.as_str()));
}

#[test]
fn a_file_that_changed_meanwhile_is_not_overwritten_without_asking() {
    let (window, mine) = edited();
    let theirs = text(&window).replace("name: AlexNet", "name: Theirs");
    let left = end(window);
    fs::write(left.0.path().join("architectures").join(NAME), &theirs).unwrap();
    let mut window = again(left, "architectures");
    assert_eq!(draft(window.model()), Some(mine.as_str()));
    assert!(window.says("The file changed on disk"));
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("the question is asked", |model| {
        model.current().is_some_and(|entry| entry.save_problem.is_some())
    });
    assert_eq!(text(&window), theirs);
    window.click("Overwrite");
    window.wait("it is saved", |model| draft(model).is_none());
    assert_eq!(text(&window), mine);
}

#[test]
fn a_text_that_is_on_the_disk_by_now_is_no_draft() {
    let (window, mine) = edited();
    let left = end(window);
    fs::write(left.0.path().join("architectures").join(NAME), &mine).unwrap();
    let window = again(left, "architectures");
    assert_eq!(draft(window.model()), None);
    assert!(has_name(window.model(), "Mine") && !window.says("Restored"));
}

#[test]
fn a_draft_of_another_folder_or_of_a_file_that_is_gone_comes_back_too() {
    let (window, mine) = edited();
    let left = end(window);
    fs::create_dir(left.0.path().join("elsewhere")).unwrap();
    let window = again(left, "elsewhere");
    assert_eq!(draft(window.model()), Some(mine.as_str()));
    assert!(has_name(window.model(), "Mine"));
    fs::remove_file(window.file(NAME)).unwrap();
    let window = again(end(window), "elsewhere");
    assert!(window.says("file deleted; saving restores it"));
    assert_eq!(draft(window.model()), Some(mine.as_str()));
}

/// Closes the window as a user does.
fn close(window: &mut Window) {
    let root = egui::ViewportId::ROOT;
    let viewports = &mut window.harness.input_mut().viewports;
    viewports.entry(root).or_default().events.push(egui::ViewportEvent::Close);
    window.harness.step();
    window.harness.input_mut().viewports.entry(root).or_default().events.clear();
    window.harness.run();
}

#[test]
fn who_closes_the_window_says_whether_drafts_come_back() {
    for (button, comes_back) in
        [("Quit and restore next time", true), ("Quit without saving", false)]
    {
        let (mut window, _) = edited();
        close(&mut window);
        window.click(button);
        let window = again(end(window), "architectures");
        assert_eq!(draft(window.model()).is_some(), comes_back, "{button}");
    }
}

#[test]
fn the_selected_node_comes_back() {
    let mut window = Window::at(copies(&[NAME]));
    window.button("conv1").click();
    window.harness.run();
    let window = again(end(window), "architectures");
    let heading = window.harness.query_by_role_and_label(Role::Label, "conv1");
    assert!(heading.is_some(), "the details are about it");
}

/// A saved design with two steps and a target.
fn saved_design() -> Window {
    let mut window = Window::on(&["googlenet.yaml"]);
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("it is counted", has_sliders);
    window.fill("Targets", "macs <= 1.6G");
    for (key, value) in [("3a.c3", 96.0), ("4a.c3", 200.0)] {
        window.harness.get_by_role_and_label(Role::Slider, key).set_value_accesskit(value);
        window.wait("it is counted again", is_designed);
    }
    window.press(Modifiers::COMMAND, Key::S);
    window.wait("it is written", |model| is_designed(model) && draft(model).is_none());
    window
}

#[test]
fn a_saved_design_comes_back_with_its_base_its_steps_and_its_targets() {
    let (folder, memory) = end(saved_design());
    let mut window = again((folder, memory), "architectures");
    assert_eq!(window.selected(), ["googlenet-design-1"]);
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", |model| has_sliders(model) && is_designed(model));
    assert!(window.says("2 changes to googlenet.yaml") && window.says("macs <= 1.6G is satisfied"));
    assert_eq!(draft(window.model()), None, "nothing is to be saved");
    window.click("Undo");
    window.wait("it is counted", is_designed);
    assert!(window.says("1 change to googlenet.yaml"));
    let text = draft(window.model()).unwrap();
    assert!(text.contains("c3: 96") && !text.contains("c3: 200"), "{text}");
    // Once more, with a step that is not saved.
    let mut window = again(end(window), "architectures");
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", |model| has_sliders(model) && is_designed(model));
    window.click("Redo");
    window.wait("it is counted", is_designed);
    assert_eq!(draft(window.model()), None, "it is as it was saved");
}

#[test]
fn the_input_size_of_an_onnx_file_comes_back() {
    let mut window = crate::onnx::on("open-size-unsupported.onnx");
    window.fill("Input size", "3x32x24");
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is read", is_idle);
    window.click("Read up to what is not supported");
    window.wait("it is read", |model| model.network().is_some());
    let mut window = again(end(window), "architectures");
    let macs = |model: &Model| model.network().map(|network| network.cost.total.macs);
    assert_eq!(macs(window.model()), Some(27 * 8 * 16 * 12));
    // A file that is renamed keeps it.
    window.press(Modifiers::NONE, Key::F2);
    window.fill("File name", "other.onnx");
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is renamed", |model| is_idle(model) && model.network().is_some());
    assert_eq!(window.selected(), ["other"]);
    let window = again(end(window), "architectures");
    assert_eq!(macs(window.model()), Some(27 * 8 * 16 * 12));
}

#[test]
fn a_design_of_somebody_else_is_known_by_its_text() {
    let (folder, _) = end(saved_design());
    fs::remove_dir_all(folder.path().join("drafts")).unwrap();
    let written = folder.path().join("architectures/googlenet-design-1.yaml");
    let text = fs::read_to_string(&written).unwrap();
    let mine = folder.path().join("architectures/mine.yaml");
    fs::write(&mine, format!("# By hand\n{text}")).unwrap();
    let mut window = again((folder, Memory::default()), "architectures");
    window.click("googlenet-design-1");
    window.press(Modifiers::COMMAND, Key::Num3);
    window.wait("its sliders are there", |model| has_sliders(model) && is_designed(model));
    assert!(window.says("2 changes to googlenet.yaml"));
    // A text that sliders would write in another way is a network like any other.
    window.click("mine");
    window.wait("its sliders are there", has_sliders);
    assert!(window.model().shown_design().is_none());
    assert!(window.says("Move a slider to make a design"));
}

#[test]
fn quitting_without_saving_loses_no_saved_design() {
    let mut window = saved_design();
    window.harness.get_by_role_and_label(Role::Slider, "5b.c3").set_value_accesskit(300.0);
    window.wait("it is counted again", is_designed);
    close(&mut window);
    window.click("Quit without saving");
    let window = again(end(window), "architectures");
    assert_eq!(draft(window.model()), None);
    let entry = window.model().current().unwrap();
    let steps = entry.design.as_ref().map(|design| design.history.steps().len());
    assert_eq!(steps, Some(3), "as in the file, and two more");
}
