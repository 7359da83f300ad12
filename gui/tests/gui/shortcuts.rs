//! Keys that work everywhere.

use egui::{Event, Key, Modifiers, Role, vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use inceptive_cost::Convention;
use inceptive_gui::{
    Pane,
    actions::{Action, Need, Scope, Spec, TABLE, latest_action, spec},
};

use crate::{
    common::{Window, copies, is_idle},
    run::steady,
};

#[test]
fn the_sheet_of_shortcuts_fits_into_a_low_window_and_closes_with_escape() {
    let mut window = Window::on(&["alexnet.yaml"]);
    window.press(Modifiers::NONE, Key::F1);
    for height in [800.0, 360.0] {
        window.harness.set_size(vec2(1280.0, height));
        window.harness.run();
        window.harness.run();
        let sheet = window.harness.get_by_role_and_label(Role::Window, "Shortcuts").rect();
        assert!(sheet.top() >= 0.0 && sheet.bottom() <= height, "{sheet:?} of {height}");
        assert!((sheet.center().y - height / 2.0).abs() < 2.0, "{sheet:?} is not in the middle");
    }
    window.press(Modifiers::NONE, Key::Escape);
    assert!(!window.has("Shortcuts"));
}

/// A key that is pressed and released, and letters, all in one frame.
fn at_once(window: &mut Window, modifiers: Modifiers, key: Key, letters: &str) {
    let input = window.harness.input_mut();
    for pressed in [true, false] {
        input.events.push(Event::Key {
            key,
            pressed,
            modifiers,
            repeat: false,
            physical_key: None,
        });
    }
    input.events.extend(letters.chars().map(|letter| Event::Text(letter.to_string())));
    window.harness.step();
    window.harness.run();
}

#[test]
fn letters_typed_with_a_shortcut_in_the_same_frame_are_not_lost() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    at_once(&mut window, Modifiers::COMMAND, Key::P, "googlen");
    let value = |window: &Window, field: &str| window.get(field).value().unwrap_or_default();
    assert_eq!(value(&window, "Search files"), "googlen");
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(window.selected(), ["googlenet"]);
    window.press(Modifiers::COMMAND, Key::Num1);
    window.wait("it is drawn", is_idle);
    // The first one is what the key itself types.
    at_once(&mut window, Modifiers::NONE, Key::Slash, "/3a/3x3");
    assert_eq!(value(&window, "Search nodes"), "3a/3x3");
    // Ctrl 2 gives the keyboard to the text, and Ctrl F takes it from there.
    at_once(&mut window, Modifiers::COMMAND, Key::Num2, "# typed ");
    window.wait("it is read", is_idle);
    let draft = window.model().current().unwrap().draft.clone().unwrap();
    assert!(draft.starts_with("# typed "), "{draft}");
    at_once(&mut window, Modifiers::COMMAND, Key::F, "inception 3a");
    assert_eq!(value(&window, "Find"), "inception 3a");
    at_once(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::P, "dark");
    assert_eq!(value(&window, "Search actions"), "dark");
}

/// Opens the palette and does the action of a name.
fn choose(window: &mut Window, spec: &Spec) {
    window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    let name = match spec.scope {
        Scope::Tab(pane) => format!("{}: {}", pane.title(), spec.name),
        _ => spec.name.to_owned(),
    };
    window.get("Search actions").type_text(&name);
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
}

#[test]
fn every_action_is_done_from_the_palette() {
    let folder = copies(&["alexnet.yaml", "googlenet.yaml"]);
    let mut window = Window::measuring(folder, &steady());
    window.press(Modifiers::COMMAND, Key::A);
    window.press(Modifiers::COMMAND, Key::Num1);
    window.wait("it is drawn", is_idle);
    let of = |action| *self::spec(action).unwrap();
    let cancel = of(Action::Cancel);
    let (duplicate, all) = (of(Action::Duplicate), of(Action::SelectAll));
    let mut left_out = vec![];
    for spec in TABLE.iter().filter(|spec| spec.action != Action::Palette) {
        escape(&mut window);
        match spec.need {
            Need::Design | Need::Changes => choose(&mut window, &duplicate),
            Need::TwoNetworks => choose(&mut window, &all),
            _ => {}
        }
        window.wait("it is there", is_idle);
        let can = spec.need.missing(window.model()).is_none();
        choose(&mut window, spec);
        if can {
            assert_eq!(latest_action(&window.harness.ctx), Some(spec.action), "{}", spec.name);
        } else {
            assert!(window.has("Search actions"), "{} was done", spec.name);
            left_out.push(spec.action);
        }
        if matches!(spec.action, Action::StartRun | Action::StartTraining) {
            window.harness.run();
            choose(&mut window, &cancel);
        }
        window.wait("it is over", is_idle);
    }
    let expected = [
        Action::Cancel,
        Action::ForgetJobs,
        Action::Dismiss,
        // There is no space.
        Action::FitSpace,
        Action::DrawSpace,
        Action::StartExploring,
        Action::OpenPoint,
        Action::SavePoint,
        Action::ClearBox,
    ];
    assert_eq!(left_out, expected);
}

#[test]
fn axes_and_colours_are_chosen_from_the_palette() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    let shown = |window: &Window, list: &str| {
        window.harness.get_by_role_and_label(Role::ComboBox, list).value()
    };
    for (action, list) in [
        (Action::XAxis, "x axis"),
        (Action::YAxis, "y axis"),
        (Action::PointSize, "size"),
        (Action::PointColour, "colour"),
    ] {
        choose(&mut window, spec(action).unwrap());
        window.harness.run();
        window.button("nodes").click();
        window.harness.run();
        assert_eq!(shown(&window, list).as_deref(), Some("nodes"), "{list}");
    }
}

#[test]
fn a_list_is_searched_by_letters_and_closes_when_one_is_chosen() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    let shown = |window: &Window, list: &str| {
        window.harness.get_by_role_and_label(Role::ComboBox, list).value()
    };
    choose(&mut window, spec(Action::PointColour).unwrap());
    window.harness.run();
    assert!(window.has_button("nodes"));
    window.harness.event(Event::Text("nod".to_owned()));
    window.harness.run();
    window.press(Modifiers::NONE, Key::Enter);
    assert_eq!(shown(&window, "colour").as_deref(), Some("nodes"));
    assert!(!window.has_button("nodes"), "the list is closed");
}

#[test]
fn choices_of_lists_are_found_in_the_palette() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    let search = |window: &mut Window, text: &str| {
        window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
        window.get("Search actions").type_text(text);
        window.harness.run();
        window.press(Modifiers::NONE, Key::Enter);
    };
    search(&mut window, "colour nodes");
    let list = window.harness.get_by_role_and_label(Role::ComboBox, "colour").value();
    assert_eq!(list.as_deref(), Some("nodes"));
    search(&mut window, "count thop");
    assert_eq!(window.model().settings.convention(), Convention::Thop);
    // What cannot be done is passed over.
    assert!(window.model().messages.is_empty());
    window.press(Modifiers::COMMAND | Modifiers::SHIFT, Key::P);
    window.get("Search actions").type_text("s");
    window.harness.run();
    let before = latest_action(&window.harness.ctx);
    window.press(Modifiers::NONE, Key::Enter);
    assert_ne!(latest_action(&window.harness.ctx), before);
    assert!(!window.has("Search actions"));
}

#[test]
fn a_dialog_has_the_keyboard_to_itself() {
    let mut window = Window::measuring(copies(&["alexnet.yaml", "googlenet.yaml"]), &steady());
    window.click("alexnet");
    window.press(Modifiers::COMMAND, Key::Num1);
    choose(&mut window, spec(Action::DeleteFiles).unwrap());
    assert!(window.has("Delete alexnet.yaml?"));
    window.press(Modifiers::COMMAND, Key::Num2);
    window.press(Modifiers::COMMAND, Key::Backslash);
    assert_eq!(latest_action(&window.harness.ctx), Some(Action::DeleteFiles));
    // Enter presses its first button.
    window.press(Modifiers::NONE, Key::Enter);
    window.wait("it is gone", is_idle);
    assert!(!window.has("Delete alexnet.yaml?") && !window.has("alexnet"));
    assert!(window.folder.path().join("trash").read_dir().unwrap().next().is_some());
}

/// Leaves questions, lists and fields.
fn escape(window: &mut Window) {
    for _ in 0..3 {
        window.press(Modifiers::NONE, Key::Escape);
    }
}

#[test]
fn every_key_of_the_table_does_its_action() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    for spec in TABLE {
        for keys in spec.keys {
            escape(&mut window);
            match spec.scope {
                Scope::Tab(pane) => choose(&mut window, self::spec(Action::Show(pane)).unwrap()),
                Scope::Files => window.click("alexnet"),
                Scope::Everywhere => {}
            }
            if matches!(spec.action, Action::UndoStep | Action::RedoStep) {
                choose(&mut window, self::spec(Action::Duplicate).unwrap());
            }
            if spec.action == Action::Toggle {
                // Enter is the list's before something else is clicked.
                window.click("Fit");
            }
            if matches!(spec.action, Action::FindNext | Action::FindPrevious) {
                window.press(Modifiers::COMMAND, Key::F);
            }
            window.wait("it is drawn", is_idle);
            window.press(keys.modifiers, keys.logical_key);
            let done = latest_action(&window.harness.ctx);
            assert_eq!(done, Some(spec.action), "{} {}", spec.keys_text(), spec.name);
            window.wait("it is over", is_idle);
        }
    }
}

/// The control that has the keyboard.
fn focused(window: &Window) -> Option<String> {
    let is_focused = |node: &egui_kittest::Node<'_>| node.is_focused();
    let node = window.harness.root().children_recursive().find(is_focused)?;
    Some(format!("{:?} {:?}", node.accesskit_node().label(), node.rect()))
}

#[test]
fn tab_goes_through_the_controls_of_every_tab_and_comes_round() {
    let mut window = Window::on(&["alexnet.yaml", "googlenet.yaml"]);
    window.press(Modifiers::COMMAND, Key::A);
    for pane in Pane::ALL.into_iter().filter(|pane| *pane != Pane::Source) {
        choose(&mut window, spec(Action::Show(pane)).unwrap());
        window.wait("it is drawn", is_idle);
        escape(&mut window);
        window.press(Modifiers::NONE, Key::Tab);
        let first = focused(&window).unwrap();
        assert!(first.contains("Open"), "the list of files comes first: {first}");
        let comes_round = (0..400).any(|_| {
            window.press(Modifiers::NONE, Key::Tab);
            focused(&window).as_ref() == Some(&first)
        });
        assert!(comes_round, "{}", pane.title());
    }
}
