//! The document that a page opens with.

use std::path::{Path, PathBuf};

use inceptive_app::error_chain;
use inceptive_files::disk;
use inceptive_report::Networks;
use inceptive_store::Store;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Response, UrlSearchParams};

use super::text_of;

/// The store with the results of a report.
pub(super) const STORE: &str = "/results.db";

/// The folder of files that are in none.
const FOLDER: &str = "networks";

/// The parameter of the address with the address of a report.
const REPORT: &str = "report";

/// The report in whose folder the page is, if it is in one.
const AROUND: &str = "../networks.json";

/// The shipped networks.
const SHIPPED: &str = "networks.json";

/// What the page opens with.
pub(super) struct Opened {
    pub folder: PathBuf,
    /// The network that is shown first.
    pub network: Option<PathBuf>,
}

/// Fetches the document that the address of the page names, else that of the report around the page, else the shipped
/// networks; puts its files on the disk.
pub(super) async fn open() -> Result<Opened, String> {
    let document = match report_address()? {
        Some(address) => {
            let place = format!("{}/networks.json", address.trim_end_matches('/'));
            fetch(&place).await?.ok_or_else(|| {
                format!("There is no report with networks at {address}: {place} is missing.")
            })?
        }
        None => match fetch(AROUND).await? {
            Some(report) => report,
            None => fetch(SHIPPED)
                .await?
                .ok_or_else(|| format!("{SHIPPED} is missing beside this page."))?,
        },
    };
    let networks: Networks = serde_json::from_str(&document)
        .map_err(|error| format!("The networks cannot be read: {error}."))?;
    keep(networks)
}

/// Puts files and results on the disk.
fn keep(networks: Networks) -> Result<Opened, String> {
    let Networks { files, networks, records } = networks;
    let common = files.keys().map(|path| around(path)).reduce(|one, other| common(&one, &other));
    let common = common.ok_or("There are no networks in this report.")?;
    let (folder, root) = match common.as_os_str().is_empty() {
        true => (PathBuf::from(FOLDER), Path::new(FOLDER)),
        false => (common, Path::new("")),
    };
    for (path, text) in &files {
        let written = disk::write(root.join(path), text.as_bytes());
        written.map_err(|error| format!("{path}: {error}."))?;
    }
    if !records.is_empty() {
        let store = Store::temporary().and_then(|mut store| {
            store.append_loose(&records)?;
            store.to_file()
        });
        let bytes = store.map_err(|error| format!("{}.", error_chain(&error)))?;
        disk::write(STORE, bytes).map_err(|error| format!("{STORE}: {error}."))?;
    }
    Ok(Opened { folder, network: networks.first().map(|path| root.join(path)) })
}

/// The folder of a file.
fn around(path: &str) -> PathBuf {
    Path::new(path).parent().unwrap_or(Path::new("")).to_owned()
}

/// The folder that both folders are in.
fn common(one: &Path, other: &Path) -> PathBuf {
    let parts = one.components().zip(other.components());
    parts.take_while(|(one, other)| one == other).map(|(part, _)| part).collect()
}

/// The address of the report that the address of the page names.
fn report_address() -> Result<Option<String>, String> {
    let window = web_sys::window().ok_or("There is no window.")?;
    let query = window.location().search().map_err(|error| text_of(&error))?;
    let query = UrlSearchParams::new_with_str(&query).map_err(|error| text_of(&error))?;
    Ok(query.get(REPORT))
}

/// The text at an address; `None` if there is none.
async fn fetch(address: &str) -> Result<Option<String>, String> {
    let failed = |error: JsValue| format!("{address} cannot be fetched: {}.", text_of(&error));
    let window = web_sys::window().ok_or("There is no window.")?;
    let response = JsFuture::from(window.fetch_with_str(address)).await.map_err(failed)?;
    let response: Response = response.dyn_into().map_err(failed)?;
    if !response.ok() {
        return Ok(None);
    }
    let text = JsFuture::from(response.text().map_err(failed)?).await.map_err(failed)?;
    Ok(text.as_string())
}
