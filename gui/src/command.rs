//! Commands of screens.
//!
//! A screen gets the model to read and a queue for its commands. The app carries the commands out after everything is
//! drawn, so no screen sees a model that another one changed in the same frame, and no command overwrites another.

use std::{path::PathBuf, sync::Arc};

use inceptive_cost::Convention;
use inceptive_ir::Path as NodePath;

use crate::{
    changes::Changes,
    choose::Wanted,
    file::{FileOrder, FilePath},
    jobs::{Job, JobId, Picture},
    onnx_settings::OnnxSettings,
    pane::Pane,
};

/// Something to do after the frame is drawn.
#[derive(Debug)]
pub enum Command {
    /// Opens a folder, or the folder of a file with the file selected.
    Open(PathBuf),
    /// Shows the system's dialog to open a folder or a file.
    Choose(Wanted),
    /// Opens folders, and puts files on the list that are elsewhere.
    Add(Vec<PathBuf>),
    /// Reads the folder and the store again.
    Reload,
    /// Makes these files the selection; the last one is current.
    Select(Vec<FilePath>),
    /// Brings a tab to the front.
    Show(Pane),
    /// Brings the place in the text to the front: a line, from 1, of a file.
    ShowLine(FilePath, usize),
    /// Makes a design of a network of a space, and shows it: variables and their values.
    ShowPoint(FilePath, Vec<(String, String)>),
    /// Makes designs of networks of spaces, and adds them to the selection.
    AddPoints(Vec<(FilePath, Vec<(String, String)>)>),
    /// Brings a node or module of the current network to the front in its graph.
    ShowNode(NodePath),
    /// Lights up nodes in the graph of a file: those of the step at the cursor in its text.
    Light(FilePath, Vec<NodePath>),
    /// Marks the step of the node that is selected in the graph of a file in its text.
    Mark(FilePath, Option<NodePath>),
    /// Puts the text beside the graph, or back among the other tabs.
    ToggleBeside,
    /// Takes a text instead of that on the disk; none goes back to the disk.
    Edit(FilePath, Option<String>),
    /// Gives a design these settings. A file that is none is left as it is: a new design is made of it.
    Design {
        /// The file.
        file: FilePath,
        /// All settings.
        changes: Changes,
        /// The movement of the pointer that this is part of; targets do not stop what is part of none.
        gesture: Option<u64>,
    },
    /// Keeps designs of a network or a space within these targets.
    Target(FilePath, String),
    /// Sliders of widths stop at multiples of this.
    Snap(f64),
    /// Goes to a step of a design.
    GoTo(FilePath, usize),
    /// Makes a new design like this one, or of this file.
    Duplicate(FilePath),
    /// Puts a text on the list that is not written yet, and shows it.
    New(FilePath, Arc<str>),
    /// Makes a new design of a file, and shows its text.
    Vary {
        /// The file.
        of: FilePath,
        /// The name of the network.
        name: String,
        /// The name of its file.
        file_name: String,
    },
    /// Makes a copy of a file or of a design, which is not written yet.
    Copy(FilePath),
    /// Moves files to the trash; those that were never saved are taken off the list.
    Delete(Vec<FilePath>),
    /// Sorts the list of files.
    Order(FileOrder),
    /// Names the network of a design, and its file unless that is written.
    Rename {
        /// The file.
        file: FilePath,
        /// The name of the network.
        name: String,
        /// The name of the file.
        file_name: String,
    },
    /// Forgets what is not saved of a file; one that was never saved is taken off the list.
    Discard(FilePath),
    /// Saves drafts of these files, and starts a job when all are written.
    SaveThen(Vec<FilePath>, Job),
    /// Reads an ONNX file with these settings.
    SetOnnx(FilePath, OnnxSettings),
    /// Writes the draft of a file to the disk; overwrites changes of another program only if `overwrite` is set.
    Save {
        /// The file.
        file: FilePath,
        /// Whether changes of another program may be overwritten.
        overwrite: bool,
    },
    /// Writes the visible content of a part of the window as a PNG file.
    Screenshot(PathBuf, egui::Rect),
    /// Writes a picture to a file that was not read.
    Picture(PathBuf, Picture),
    /// Counts compute in another convention.
    Count(Convention),
    /// Chooses what an axis, the size or the colour of points shows: the names of list and choice.
    Plot(String),
    /// Starts a job.
    Start(Job),
    /// Asks for a table of the user's own results.
    AskToImport,
    /// Adds the rows of a table to the store.
    Import {
        /// The table.
        table: PathBuf,
        /// Whether the dialog that asked for it shows what went wrong.
        has_dialog: bool,
    },
    /// Opens another store of results, and shows its content.
    KeepIn(PathBuf),
    /// Stops a job; finished results are kept.
    Stop(JobId),
    /// Takes finished jobs off the list.
    ForgetJobs,
    /// Says why something cannot be done.
    Say(String),
    /// Takes a message off the screen.
    Dismiss(usize),
    /// Shows or hides the sheet of shortcuts.
    ToggleShortcuts,
}

/// Commands in the order in which they were pushed.
#[derive(Debug, Default)]
pub struct Commands(Vec<Command>);

impl Commands {
    /// Asks for something.
    pub fn push(&mut self, command: Command) {
        self.0.push(command);
    }

    /// Asks for each of these.
    pub fn push_all(&mut self, commands: impl IntoIterator<Item = Command>) {
        self.0.extend(commands);
    }

    /// Everything that was asked for; nothing is left.
    pub fn take(&mut self) -> Vec<Command> {
        std::mem::take(&mut self.0)
    }
}
