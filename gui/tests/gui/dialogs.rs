//! The file dialog of the system, with a portal of ours on a message bus of ours.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use futures_lite::future::block_on;
use inceptive_gui::{Options, jobs::MeasurementBackend};
use zbus::{
    Connection,
    conn::Builder,
    interface,
    message::Header,
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

use crate::common::{Window, copies, is_idle};

/// A message bus that ends with the test.
struct Bus {
    daemon: Child,
    address: String,
}

impl Bus {
    /// Starts it; `None` where its program is not installed.
    fn start() -> Option<Self> {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--print-address=1"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut daemon = command.spawn().ok()?;
        let mut address = String::new();
        BufReader::new(daemon.stdout.take()?).read_line(&mut address).ok()?;
        Some(Self { daemon, address: address.trim().to_owned() })
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// A portal whose user always chooses the same, or nothing.
struct Portal(Option<PathBuf>);

#[interface(name = "org.freedesktop.portal.FileChooser")]
impl Portal {
    async fn open_file(
        &self,
        _parent: &str,
        _title: &str,
        options: HashMap<String, OwnedValue>,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &Connection,
    ) -> OwnedObjectPath {
        let token = <&str>::try_from(&options["handle_token"]).unwrap();
        let sender = header.sender().unwrap().trim_start_matches(':').replace('.', "_");
        let handle = format!("/org/freedesktop/portal/desktop/request/{sender}/{token}");
        let uris = self.0.iter().map(|path| format!("file://{}", path.display()));
        let results = HashMap::from([("uris", Value::from(uris.collect::<Vec<String>>()))]);
        let answer = (u32::from(self.0.is_none()), results);
        let request = "org.freedesktop.portal.Request";
        let sent =
            connection.emit_signal(None::<&str>, &*handle, request, "Response", &answer).await;
        sent.unwrap();
        OwnedObjectPath::try_from(handle).unwrap()
    }
}

fn portal(bus: &Bus, chooses: Option<PathBuf>) -> Connection {
    let connection = async {
        let builder = Builder::address(&*bus.address)?.name("org.freedesktop.portal.Desktop")?;
        builder.serve_at("/org/freedesktop/portal/desktop", Portal(chooses))?.build().await
    };
    block_on(connection).unwrap()
}

fn window(bus: &Bus) -> Window {
    let folder = copies(&["alexnet.yaml", "spaces/module-kinds.yaml"]);
    let options = Options {
        path: Some(folder.path().join("architectures")),
        store: folder.path().join("inceptive.db"),
        bus: Some(bus.address.clone()),
        ..Options::default()
    };
    Window::opened(folder, options, &MeasurementBackend::default(), egui::Theme::Dark)
}

#[test]
fn the_dialog_opens_what_is_chosen() {
    let Some(bus) = Bus::start() else { return };
    let mut window = window(&bus);
    let folder = window.file("spaces");
    let portal = portal(&bus, Some(folder.clone()));
    window.click("Open");
    window.button("Folder…").click();
    window.wait("it is open", |model| model.folder == folder && model.is_listed && is_idle(model));
    assert_eq!(window.selected(), ["module-kinds"]);
    block_on(portal.graceful_shutdown());
}

#[test]
fn a_dialog_that_is_closed_changes_nothing_and_comes_again() {
    let Some(bus) = Bus::start() else { return };
    let mut window = window(&bus);
    let before = window.model().folder.clone();
    let closed = portal(&bus, None);
    window.click("Open");
    window.button("File…").click();
    for _ in 0..20 {
        std::thread::sleep(std::time::Duration::from_millis(10));
        window.harness.run();
    }
    assert_eq!(window.model().folder, before);
    assert!(!window.has("Path to open"), "there is a dialog");
    block_on(closed.graceful_shutdown());

    let file = window.file("spaces/module-kinds.yaml");
    let portal = portal(&bus, Some(file.clone()));
    window.click("Open");
    window.button("File…").click();
    window.wait("it is selected", |model| {
        model.selection.last().is_some_and(|last| **last == *file) && is_idle(model)
    });
    block_on(portal.graceful_shutdown());
}
