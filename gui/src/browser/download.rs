//! Downloads of what is written.

use std::path::Path;

use inceptive_files::disk;
use js_sys::{Array, Uint8Array};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use web_sys::{Blob, HtmlAnchorElement, Url};

use super::text_of;

/// How long a download has to begin.
const KEPT_MS: i32 = 60_000;

/// The largest file that is downloaded.
const MAX_BYTES: u64 = inceptive_files::GIB;

/// Has the browser download the files that were written; returns what failed.
pub(super) fn download_written() -> Vec<String> {
    let download = |path: &Path| match download(path) {
        Ok(()) => None,
        Err(error) => Some(format!("{} was not downloaded: {error}", path.display())),
    };
    disk::take_written().iter().filter_map(|path| download(path)).collect()
}

fn download(path: &Path) -> Result<(), String> {
    let bytes = inceptive_files::read(path, MAX_BYTES).map_err(|error| error.to_string())?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    offer(&bytes, &name).map_err(|error| text_of(&error))
}

/// Has the browser download a file.
fn offer(bytes: &[u8], name: &str) -> Result<(), JsValue> {
    let parts = Array::of1(&Uint8Array::from(bytes));
    let address = Url::create_object_url_with_blob(&Blob::new_with_u8_array_sequence(&parts)?)?;
    let document = web_sys::window().and_then(|window| window.document());
    let document = document.ok_or("there is no document")?;
    let link: HtmlAnchorElement = document.create_element("a")?.dyn_into()?;
    link.set_href(&address);
    link.set_download(name);
    link.click();
    // The browser reads it soon, but not at once.
    let forget = Closure::once_into_js(move || {
        // An address that is forgotten already needs nothing more.
        let _ = Url::revoke_object_url(&address);
    });
    let window = web_sys::window().ok_or("there is no window")?;
    let forget = forget.unchecked_ref();
    window.set_timeout_with_callback_and_timeout_and_arguments_0(forget, KEPT_MS).map(drop)
}
