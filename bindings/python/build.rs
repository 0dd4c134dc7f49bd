//! Link arguments for an extension module: macOS resolves the interpreter's symbols when the module is loaded.

fn main() {
    pyo3_build_config::add_extension_module_link_args();
}
