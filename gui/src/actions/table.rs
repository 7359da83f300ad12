//! The actions with their keys.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::{Action, Need, Scope, Spec};
use crate::pane::Pane;

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

const fn row(
    scope: Scope,
    action: Action,
    keys: &'static [KeyboardShortcut],
    name: &'static str,
    need: Need,
) -> Spec {
    Spec { action, scope, name, keys, need, moves: false }
}

const fn moving(spec: Spec) -> Spec {
    Spec { moves: true, ..spec }
}

/// Every action, by place.
pub const TABLE: &[Spec] = &{
    use Action as A;
    use Need as N;
    const ALL: Scope = Scope::Everywhere;
    const FILES: Scope = Scope::Files;
    const GRAPH: Scope = Scope::Tab(Pane::Graph);
    const SOURCE: Scope = Scope::Tab(Pane::Source);
    const DESIGN: Scope = Scope::Tab(Pane::Design);
    const TRADEOFF: Scope = Scope::Tab(Pane::Tradeoff);
    const COMPARE: Scope = Scope::Tab(Pane::Compare);
    const RUN: Scope = Scope::Tab(Pane::Run);
    const TRAIN: Scope = Scope::Tab(Pane::Train);
    const EXPLORE: Scope = Scope::Tab(Pane::Explore);
    [
        moving(row(ALL, A::Palette, &[ctrl_shift(Key::P)], "All actions", N::Nothing)),
        row(ALL, A::Show(Pane::Graph), &[ctrl(Key::Num1)], "Show Graph", N::Nothing),
        moving(row(ALL, A::Show(Pane::Source), &[ctrl(Key::Num2)], "Show Source", N::Nothing)),
        row(ALL, A::Show(Pane::Design), &[ctrl(Key::Num3)], "Show Design", N::Nothing),
        row(ALL, A::Show(Pane::Tradeoff), &[ctrl(Key::Num4)], "Show Trade-off", N::Nothing),
        row(ALL, A::Show(Pane::Compare), &[ctrl(Key::Num5)], "Show Compare", N::Nothing),
        row(ALL, A::Show(Pane::Run), &[ctrl(Key::Num6)], "Show Run", N::Nothing),
        row(ALL, A::Show(Pane::Train), &[ctrl(Key::Num7)], "Show Train", N::Nothing),
        row(ALL, A::Show(Pane::Explore), &[ctrl(Key::Num8)], "Show Explore", N::Nothing),
        moving(row(ALL, A::Open, &[ctrl(Key::O)], "Open a folder or file", N::Nothing)),
        row(ALL, A::Save, &[ctrl(Key::S)], "Save the current file", N::Changes),
        row(ALL, A::Reload, &[plain(Key::F5)], "Reload the folder", N::Nothing),
        row(
            ALL,
            A::ZoomIn,
            &[ctrl(Key::Plus), ctrl(Key::Equals)],
            "Larger window content",
            N::Nothing,
        ),
        row(ALL, A::ZoomOut, &[ctrl(Key::Minus)], "Smaller window content", N::Nothing),
        row(ALL, A::ZoomReset, &[ctrl(Key::Num0)], "Window content at 100%", N::Nothing),
        row(ALL, A::Theme, &[], "Next theme: light, dark, system", N::Nothing),
        row(ALL, A::Convention, &[], "Next counting convention of compute", N::Nothing),
        row(ALL, A::Cancel, &[], "Cancel the running job", N::Running),
        row(ALL, A::ForgetJobs, &[], "Remove finished jobs from the queue", N::Finished),
        row(ALL, A::Dismiss, &[], "Dismiss all messages", N::Message),
        row(
            ALL,
            A::Shortcuts,
            &[plain(Key::F1), plain(Key::Questionmark)],
            "Shortcuts",
            N::Nothing,
        ),
        row(ALL, A::Quit, &[ctrl(Key::Q)], "Close the window", N::Nothing),
        moving(row(FILES, A::SearchFiles, &[ctrl(Key::P)], "Search files", N::Nothing)),
        row(FILES, A::SelectAll, &[ctrl(Key::A)], "Select all files", N::Files),
        row(FILES, A::SortByName, &[], "Sort by name", N::Files),
        row(FILES, A::SortByParams, &[], "Sort by params", N::Files),
        row(FILES, A::SortByMacs, &[], "Sort by MACs", N::Files),
        row(FILES, A::SortByNewest, &[], "Sort by date, newest first", N::Files),
        moving(row(FILES, A::NewFile, &[ctrl(Key::N)], "New file", N::Nothing)),
        row(FILES, A::ChooseFolder, &[], "Choose a folder to open", N::Nothing),
        row(FILES, A::ChooseFile, &[], "Choose a file to open", N::Nothing),
        moving(row(FILES, A::RenameFile, &[plain(Key::F2)], "Rename", N::File)),
        row(FILES, A::CopyFiles, &[], "Duplicate the selected files", N::File),
        row(FILES, A::DeleteFiles, &[plain(Key::Delete)], "Move to the trash", N::File),
        moving(row(FILES, A::ExportOnnx, &[], "Export as ONNX", N::Network)),
        moving(row(FILES, A::ExportPytorch, &[], "Export as PyTorch", N::Network)),
        moving(row(FILES, A::ExportYaml, &[], "Export as YAML", N::Network)),
        row(FILES, A::CopyPath, &[], "Copy the path", N::File),
        moving(row(FILES, A::Import, &[], "Import own results", N::Nothing)),
        row(GRAPH, A::Fit, &[plain(Key::F)], "Fit to window", N::Network),
        row(GRAPH, A::Larger, &[plain(Key::Plus), plain(Key::Equals)], "Zoom in", N::Network),
        row(GRAPH, A::Smaller, &[plain(Key::Minus)], "Zoom out", N::Network),
        row(GRAPH, A::ActualSize, &[plain(Key::Num0), plain(Key::Num1)], "Actual size", N::Network),
        row(GRAPH, A::Toggle, &[plain(Key::Enter)], "Expand or collapse the selection", N::Network),
        row(GRAPH, A::ExpandAll, &[plain(Key::O)], "Expand every module", N::Network),
        row(GRAPH, A::CollapseAll, &[plain(Key::C)], "Collapse every module", N::Network),
        row(GRAPH, A::Repeats, &[plain(Key::R)], "Show repeated modules once or each", N::Network),
        moving(row(GRAPH, A::SearchNodes, &[plain(Key::Slash)], "Search nodes", N::Network)),
        row(GRAPH, A::Deselect, &[plain(Key::Escape)], "Clear the selection", N::Network),
        row(GRAPH, A::Down, &[], "Layout: top to bottom", N::Network),
        row(GRAPH, A::Right, &[], "Layout: left to right", N::Network),
        row(GRAPH, A::Columns, &[], "Layout: columns", N::Network),
        row(GRAPH, A::Details, &[], "Show or hide details", N::Network),
        row(GRAPH, A::ExportSvg, &[], "Export everything as SVG", N::Network),
        row(GRAPH, A::ExportPng, &[], "Export the visible area as PNG", N::Network),
        row(SOURCE, A::Undo, &[ctrl(Key::Z)], "Undo", N::Text),
        row(SOURCE, A::Redo, &[ctrl_shift(Key::Z), ctrl(Key::Y)], "Redo", N::Text),
        moving(row(SOURCE, A::Find, &[ctrl(Key::F)], "Find", N::Text)),
        moving(row(SOURCE, A::Replace, &[ctrl(Key::H)], "Replace", N::Text)),
        row(SOURCE, A::FindNext, &[plain(Key::F3)], "Next match", N::Text),
        row(SOURCE, A::FindPrevious, &[shift(Key::F3)], "Previous match", N::Text),
        row(SOURCE, A::Complete, &[ctrl(Key::Space)], "Complete the word", N::Text),
        row(SOURCE, A::Beside, &[ctrl(Key::Backslash)], "Text and graph side by side", N::Nothing),
        row(SOURCE, A::Revert, &[], "Discard unsaved changes of the text", N::Changes),
        row(DESIGN, A::UndoStep, &[ctrl(Key::Z)], "Undo", N::Design),
        row(DESIGN, A::RedoStep, &[ctrl_shift(Key::Z), ctrl(Key::Y)], "Redo", N::Design),
        row(DESIGN, A::Reset, &[], "Reset all settings", N::Design),
        row(DESIGN, A::Duplicate, &[], "New design with the same settings", N::Network),
        row(DESIGN, A::Discard, &[], "Discard the design", N::Design),
        moving(row(DESIGN, A::SaveSpace, &[], "Save as a space", N::Network)),
        row(TRADEOFF, A::Plot, &[], "Plot", N::AnyNetwork),
        row(TRADEOFF, A::Table, &[], "Table", N::AnyNetwork),
        row(TRADEOFF, A::PlotAndTable, &[], "Plot and table", N::AnyNetwork),
        row(TRADEOFF, A::FitPoints, &[], "Fit all points", N::AnyNetwork),
        row(TRADEOFF, A::ClearFilters, &[], "Clear filters", N::AnyNetwork),
        row(TRADEOFF, A::Both, &[], "Points and lines", N::AnyNetwork),
        row(TRADEOFF, A::Scatter, &[], "Points only", N::AnyNetwork),
        row(TRADEOFF, A::Parallel, &[], "Lines only", N::AnyNetwork),
        row(TRADEOFF, A::FitSpace, &[], "Zoom to the networks of the space", N::Drawn),
        row(TRADEOFF, A::DrawSpace, &[], "Draw the space", N::Space),
        row(TRADEOFF, A::XAxis, &[], "Choose the x axis", N::AnyNetwork),
        row(TRADEOFF, A::YAxis, &[], "Choose the y axis", N::AnyNetwork),
        row(TRADEOFF, A::PointSize, &[], "Choose the size of points", N::AnyNetwork),
        row(TRADEOFF, A::PointColour, &[], "Choose the colour of points", N::AnyNetwork),
        row(TRADEOFF, A::ExportTable, &[], "Export the table as CSV", N::AnyNetwork),
        row(COMPARE, A::Overview, &[], "Overview", N::TwoNetworks),
        row(COMPARE, A::Nodes, &[], "Nodes", N::TwoNetworks),
        row(COMPARE, A::Text, &[], "Text", N::TwoNetworks),
        row(COMPARE, A::Graphs, &[], "Graphs", N::TwoNetworks),
        row(RUN, A::StartRun, &[ctrl(Key::Enter)], "Start", N::AnyNetwork),
        row(RUN, A::Bench, &[], "Measure latency", N::Nothing),
        row(RUN, A::Profile, &[], "Measure the time of each node", N::Nothing),
        row(RUN, A::Report, &[], "Write a report", N::Nothing),
        row(RUN, A::Latencies, &[], "Show latencies", N::Nothing),
        row(RUN, A::Profiles, &[], "Show profiles", N::Nothing),
        row(TRAIN, A::StartTraining, &[ctrl(Key::Enter)], "Start", N::AnyNetwork),
        row(TRAIN, A::Curves, &[], "Show curves", N::Nothing),
        row(TRAIN, A::Outcome, &[], "Show the result of a run", N::Nothing),
        row(EXPLORE, A::StartExploring, &[ctrl(Key::Enter)], "Count or search", N::AnySpace),
        row(EXPLORE, A::Costs, &[], "Show the costs of all networks", N::Nothing),
        row(EXPLORE, A::Search, &[], "Show searches", N::Nothing),
        row(EXPLORE, A::CompareSpaces, &[], "Compare two spaces", N::Nothing),
        row(EXPLORE, A::OpenPoint, &[], "Open the chosen network in Design", N::AnySpace),
        moving(row(EXPLORE, A::SavePoint, &[], "Save the chosen network as YAML", N::AnySpace)),
        row(EXPLORE, A::ClearBox, &[plain(Key::Escape)], "Clear the box of the plot", N::AnySpace),
    ]
};
