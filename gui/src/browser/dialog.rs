//! The file dialog of the browser. The content of the file is kept in the open folder.

use std::path::{Path, PathBuf};

use inceptive_files::disk;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{File, HtmlInputElement};

use super::{Choice, Wanted};

/// What the dialog lists.
const ENDINGS: &str = ".yaml,.yml,.onnx";

/// Shows a dialog for one file, and tells where its content is.
pub(super) fn show(
    _: Option<String>,
    _: Wanted,
    folder: PathBuf,
    tell: impl FnOnce(Choice) + 'static,
) {
    let Some(input) = input() else { return tell(Choice::Unavailable) };
    let shown = input.clone();
    let chosen = Closure::once_into_js(move || {
        spawn_local(async move {
            let path = match shown.files().and_then(|files| files.get(0)) {
                Some(file) => keep(&file, &folder).await.ok(),
                None => None,
            };
            tell(path.map_or(Choice::Cancelled, Choice::Path));
        });
    });
    let chosen = chosen.unchecked_ref();
    input.set_onchange(Some(chosen));
    input.set_oncancel(Some(chosen));
    input.click();
}

fn input() -> Option<HtmlInputElement> {
    let document = web_sys::window()?.document()?;
    let input: HtmlInputElement = document.create_element("input").ok()?.dyn_into().ok()?;
    input.set_type("file");
    input.set_accept(ENDINGS);
    Some(input)
}

/// Keeps the content of a file in a folder.
async fn keep(file: &File, folder: &Path) -> Result<PathBuf, JsValue> {
    let buffer = JsFuture::from(file.array_buffer()).await?;
    let path = folder.join(file.name());
    let bytes = js_sys::Uint8Array::new(&buffer).to_vec();
    disk::write(&path, bytes).map_err(|error| JsValue::from(error.to_string()))?;
    Ok(path)
}
