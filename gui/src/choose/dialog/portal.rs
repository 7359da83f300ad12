//! The file dialog of the desktop portal, after
//! <https://flatpak.github.io/xdg-desktop-portal/docs/doc-org.freedesktop.portal.FileChooser.html>.

use std::{
    collections::HashMap,
    ffi::OsString,
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
};

use futures_lite::StreamExt;
use zbus::{
    Proxy,
    conn::Builder,
    zvariant::{OwnedObjectPath, OwnedValue, Value},
};

use crate::choose::{Choice, Wanted};

const PORTAL: &str = "org.freedesktop.portal.Desktop";
const OBJECT: &str = "/org/freedesktop/portal/desktop";

/// Names the request, so that its answer is waited for before it is made.
const TOKEN: &str = "inceptive";

/// Shows a dialog and waits until it is closed.
pub(super) async fn choose(
    bus: Option<&str>,
    wanted: Wanted,
    folder: &Path,
) -> zbus::Result<Choice> {
    let builder = match bus {
        Some(address) => Builder::address(address)?,
        None => Builder::session()?,
    };
    let bus = builder.build().await?;
    let sender = bus.unique_name().map(|name| name.trim_start_matches(':').replace('.', "_"));
    let request = format!("{OBJECT}/request/{}/{TOKEN}", sender.unwrap_or_default());
    let request = Proxy::new(&bus, PORTAL, request, "org.freedesktop.portal.Request").await?;
    let mut answers = request.receive_signal("Response").await?;
    let chooser = Proxy::new(&bus, PORTAL, OBJECT, "org.freedesktop.portal.FileChooser").await?;
    let title = match wanted {
        Wanted::Folder => "Open a folder of networks",
        Wanted::File => "Open a network",
    };
    let arguments = ("", title, options(wanted, folder));
    let _: OwnedObjectPath = chooser.call("OpenFile", &arguments).await?;
    let Some(answer) = answers.next().await else { return Ok(Choice::Unavailable) };
    let (code, results): (u32, HashMap<String, OwnedValue>) = answer.body().deserialize()?;
    Ok(match code {
        0 => path(results).map_or(Choice::Cancelled, Choice::Path),
        1 => Choice::Cancelled,
        _ => Choice::Unavailable,
    })
}

fn options(wanted: Wanted, folder: &Path) -> HashMap<&'static str, Value<'static>> {
    /// Patterns, not types.
    const GLOB: u32 = 0;
    // A text that ends with a zero byte.
    let folder: Vec<u8> = folder.as_os_str().as_bytes().iter().copied().chain([0]).collect();
    let mut options = HashMap::from([
        ("handle_token", Value::from(TOKEN)),
        ("current_folder", Value::from(folder)),
        ("directory", Value::from(wanted == Wanted::Folder)),
    ]);
    if wanted == Wanted::File {
        let patterns: Vec<(u32, String)> =
            ["*.yaml", "*.yml", "*.onnx"].map(|pattern| (GLOB, pattern.to_owned())).into();
        options.insert("filters", Value::from(vec![("Networks".to_owned(), patterns)]));
    }
    options
}

/// The first of the chosen files.
fn path(mut results: HashMap<String, OwnedValue>) -> Option<PathBuf> {
    let uris = Vec::<String>::try_from(results.remove("uris")?).ok()?;
    let uri = uris.first()?.strip_prefix("file://")?;
    let bytes = urlencoding::decode_binary(uri.as_bytes()).into_owned();
    Some(PathBuf::from(OsString::from_vec(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_is_taken_by_its_path() {
        let results = |uris: Vec<&str>| {
            let uris: Vec<String> = uris.into_iter().map(str::to_owned).collect();
            let value = OwnedValue::try_from(Value::from(uris)).unwrap();
            HashMap::from([("uris".to_owned(), value)])
        };
        let found = path(results(vec!["file:///nets/my%20net%25.yaml", "file:///other"]));
        assert_eq!(found, Some(PathBuf::from("/nets/my net%.yaml")));
        assert_eq!(path(results(vec!["https://example.org/net.yaml"])), None);
        assert_eq!(path(results(vec![])), None);
        assert_eq!(path(HashMap::new()), None);
    }
}
