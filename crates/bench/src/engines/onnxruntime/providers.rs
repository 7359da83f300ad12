//! The devices of ONNX Runtime beside the processor: its execution providers.

use std::path::{Path, PathBuf};

use ort::{
    ep::{self, ExecutionProvider, ExecutionProviderDispatch},
    session::builder::SessionBuilder,
};

/// A device.
pub(super) struct Provider {
    /// Its name after `--device`.
    pub(super) device: &'static str,
    /// Whether the library was built with it.
    is_there: fn() -> bool,
    make: fn() -> ExecutionProviderDispatch,
    /// What has it.
    source: &'static str,
    /// Whether it needs the libraries of CUDA.
    needs_cuda: bool,
}

/// All devices that a library may have.
pub(super) const ALL: [Provider; 5] = [
    Provider {
        device: "cuda",
        is_there: there::<ep::CUDA>,
        make: || ep::CUDA::default().build(),
        source: "`python3 -m pip install onnxruntime-gpu[cuda,cudnn]`",
        needs_cuda: true,
    },
    Provider {
        device: "tensorrt",
        is_there: there::<ep::TensorRT>,
        make: || ep::TensorRT::default().build(),
        source: "`python3 -m pip install onnxruntime-gpu[cuda,cudnn] tensorrt-cu12`",
        needs_cuda: true,
    },
    Provider {
        device: "migraphx",
        is_there: there::<ep::MIGraphX>,
        make: || ep::MIGraphX::default().build(),
        source: "`python3 -m pip install onnxruntime-migraphx`",
        needs_cuda: false,
    },
    Provider {
        device: "coreml",
        is_there: there::<ep::CoreML>,
        make: || ep::CoreML::default().build(),
        source: "`python3 -m pip install onnxruntime` on macOS",
        needs_cuda: false,
    },
    Provider {
        device: "directml",
        is_there: there::<ep::DirectML>,
        make: || ep::DirectML::default().build(),
        source: "`python3 -m pip install onnxruntime-directml` on Windows",
        needs_cuda: false,
    },
];

fn there<P: ExecutionProvider>() -> bool {
    P::is_available().unwrap_or(false)
}

impl Provider {
    /// Those that the loaded library was built with.
    pub(super) fn there() -> impl Iterator<Item = &'static Self> {
        ALL.iter().filter(|provider| (provider.is_there)())
    }

    /// A builder of sessions that run on the device alone. A node that the device does not have is an error: nothing is
    /// left to the processor.
    ///
    /// # Errors
    /// When the device or one of its libraries is not there.
    pub(super) fn register(
        &self,
        builder: SessionBuilder,
        library: &Path,
    ) -> Result<SessionBuilder, String> {
        if !(self.is_there)() {
            return Err(format!(
                "`{}` was not built for device `{}`, which comes with {}",
                library.display(),
                self.device,
                self.source
            ));
        }
        if self.needs_cuda {
            preload(library);
        }
        let failed = |error: &dyn std::fmt::Display| {
            format!("device `{}` cannot be used: {error}", self.device)
        };
        let builder = builder
            .with_config_entry("session.disable_cpu_ep_fallback", "1")
            .map_err(|error| failed(&error))?;
        builder
            .with_execution_providers([(self.make)().error_on_failure()])
            .map_err(|error| failed(&error))
    }
}

/// Loads the libraries of CUDA that Python's packages `nvidia-*` hold: they are in folders where the loader of the system
/// does not look. Those that depend on others are loaded after them; what cannot be loaded is named by the error of the
/// device.
fn preload(library: &Path) {
    let mut waiting = cuda_libraries(library);
    loop {
        let before = waiting.len();
        waiting.retain(|file| ort::util::preload_dylib(file).is_err());
        if waiting.is_empty() || waiting.len() == before {
            return;
        }
    }
}

/// The libraries in `nvidia/*/lib`, beside the package that `library` is in.
fn cuda_libraries(library: &Path) -> Vec<PathBuf> {
    // onnxruntime/capi/libonnxruntime.so
    let Some(packages) = library.ancestors().nth(3) else { return vec![] };
    let listed = |folder: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    };
    let is_library = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("lib") && (name.contains(".so.") || name.ends_with(".so"))
    };
    let folders = listed(&packages.join("nvidia")).into_iter().map(|folder| folder.join("lib"));
    let mut found: Vec<PathBuf> =
        folders.flat_map(|folder| listed(&folder)).filter(is_library).collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn libraries_of_cuda_are_found_beside_the_package() {
        let folder = tempfile::tempdir().unwrap();
        let packages = folder.path();
        for name in ["nvidia/cudnn/lib", "nvidia/cublas/lib", "onnxruntime/capi", "nvidia/empty"] {
            fs::create_dir_all(packages.join(name)).unwrap();
        }
        for name in ["cudnn/lib/libcudnn.so.9", "cublas/lib/libcublas.so.12", "cudnn/lib/README"] {
            fs::write(packages.join("nvidia").join(name), "no library").unwrap();
        }
        let library = packages.join("onnxruntime/capi/libonnxruntime.so.1.27.0");
        let expected = ["nvidia/cublas/lib/libcublas.so.12", "nvidia/cudnn/lib/libcudnn.so.9"];
        assert_eq!(cuda_libraries(&library), expected.map(|name| packages.join(name)));
        // What is no library is left, and the search ends.
        preload(&library);
        assert!(cuda_libraries(Path::new("/libonnxruntime.so")).is_empty());
    }
}
