//! On macOS, a Python module is linked without Python's library only if the linker is told so.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
