//! Keys that work everywhere.

use egui::{Key, Modifiers, Role, vec2};
use egui_kittest::kittest::Queryable;

use crate::common::Window;

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
