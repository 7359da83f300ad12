//! [OpenVINO](https://docs.openvino.ai), through its C library.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use inceptive_onnx::LrnForm;
use openvino::{
    Core, DeviceType, ElementType, InferRequest, PropertyKey, RwPropertyKey, Shape, Tensor,
};

use crate::engine::{
    Description, Engine, EngineError, Listen, Model, NodeTimings, Precision, PrecisionWish,
    Session, Setup,
};

use super::library::Wanted;

const NAME: &str = "openvino";

const WANTED: Wanted = Wanted {
    variable: "OPENVINO_LIB_PATH",
    package: "openvino",
    folder: "libs",
    stem: "libopenvino_c",
};

/// The engine, found or not.
#[derive(Clone, Debug)]
pub struct OpenVino {
    library: Option<PathBuf>,
}

/// A library can only be loaded once into a program.
static LOADED: OnceLock<Result<PathBuf, String>> = OnceLock::new();

/// The function that the binding calls first, to see whether the version is one that it knows.
const FIRST_FUNCTION: &[u8] = b"ov_get_openvino_version";

impl OpenVino {
    /// The engine, with its library where the user says.
    pub fn new(library: Option<PathBuf>) -> Self {
        Self { library }
    }

    fn core(&self) -> Result<(Core, &'static Path), EngineError> {
        let loaded = LOADED.get_or_init(|| {
            let path = WANTED.find(self.library.as_deref())?;
            check(&path)?;
            openvino_sys::library::load_from(path.clone())?;
            Ok(path)
        });
        let missing = |how: &String| EngineError::Missing { engine: NAME, how: how.clone() };
        let path = loaded.as_ref().map_err(missing)?;
        Ok((Core::new().map_err(failed)?, path))
    }
}

/// The largest library that is looked into.
const MAX_LIBRARY_BYTES: u64 = inceptive_files::GIB;

/// Whether a library is OpenVINO's. The binding loads any library and panics at a function that is not there, so
/// the name is looked for in the file: a library holds the names of all functions that it gives.
fn check(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let bytes = inceptive_files::read(path, MAX_LIBRARY_BYTES)
        .map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let is_openvino = bytes.windows(FIRST_FUNCTION.len()).any(|bytes| bytes == FIRST_FUNCTION);
    if is_openvino { Ok(()) } else { Err(format!("`{shown}` is no OpenVINO")) }
}

fn failed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Failed { engine: NAME, message: error.to_string() }
}

/// The engine's name of a device of ours.
fn device(name: &str) -> DeviceType<'static> {
    match name {
        "cpu" => DeviceType::CPU,
        "gpu" => DeviceType::GPU,
        "npu" => DeviceType::NPU,
        other => DeviceType::Other(other.to_uppercase().into()),
    }
}

impl Engine for OpenVino {
    fn name(&self) -> &'static str {
        NAME
    }

    fn describe(&self) -> Result<Description, EngineError> {
        let (core, path) = self.core()?;
        let found = core.available_devices().map_err(failed)?;
        let mut devices: Vec<String> =
            found.iter().map(|device| device.as_ref().to_lowercase()).collect();
        devices.sort_by_key(|device| device != "cpu");
        let able = core.get_property(&DeviceType::CPU, &PropertyKey::DeviceCapabilities);
        let able = able.unwrap_or_default();
        let known =
            [("FP32", Precision::Fp32), ("FP16", Precision::Fp16), ("BF16", Precision::Bf16)];
        Ok(Description {
            version: openvino::version().build_number,
            library: Some(path.to_owned()),
            devices,
            precisions: known
                .into_iter()
                .filter(|(name, _)| able.split_whitespace().any(|word| word == *name))
                .map(|(_, precision)| precision)
                .collect(),
            has_node_times: false,
        })
    }

    fn compile(&self, model: &Model, setup: &Setup) -> Result<Box<dyn Session>, EngineError> {
        let (mut core, _) = self.core()?;
        let device = device(&setup.device);
        let threads = setup.threads.to_string();
        let mut set = |key, value: &str| core.set_property(&device, &key, value).map_err(failed);
        set(RwPropertyKey::HintPerformanceMode, "LATENCY")?;
        set(RwPropertyKey::InferenceNumThreads, &threads)?;
        if setup.precision == PrecisionWish::Fp32 {
            set(RwPropertyKey::HintInferencePrecision, "f32")?;
        }
        let onnx = model.to_onnx(setup.batch, LrnForm::Operator)?;
        let network = core.read_model_from_buffer(&onnx, None).map_err(failed)?;
        drop(onnx);
        let mut compiled = core.compile_model(&network, device).map_err(failed)?;
        let hint = PropertyKey::Rw(RwPropertyKey::HintInferencePrecision);
        let precision = match &*compiled.get_property(&hint).map_err(failed)? {
            "bf16" => Precision::Bf16,
            "f16" => Precision::Fp16,
            _ => Precision::Fp32,
        };
        let request = compiled.create_infer_request().map_err(failed)?;
        let shape = model.input_shape(setup.batch);
        Ok(Box::new(OpenVinoSession { request, shape, precision, _core: core }))
    }

    fn node_times(
        &self,
        _: &Model,
        _: &Setup,
        _: Arc<[f32]>,
        _: usize,
        _: &mut Listen<'_>,
    ) -> Result<NodeTimings, EngineError> {
        Err(EngineError::Lacks {
            engine: NAME,
            what: "times of nodes in its Rust interface".to_owned(),
        })
    }
}

struct OpenVinoSession {
    request: InferRequest,
    shape: [usize; 4],
    precision: Precision,
    /// Closed after the request.
    _core: Core,
}

impl Session for OpenVinoSession {
    fn precision(&self) -> Precision {
        self.precision
    }

    fn set_input(&mut self, input: Arc<[f32]>) -> Result<(), EngineError> {
        let shape = self.shape.map(|dim| i64::try_from(dim).unwrap_or(i64::MAX));
        let shape = Shape::new(&shape).map_err(failed)?;
        let mut tensor = Tensor::new(ElementType::F32, &shape).map_err(failed)?;
        tensor.get_data_mut().map_err(failed)?.copy_from_slice(&input);
        self.request.set_input_tensor(&tensor).map_err(failed)
    }

    fn run(&mut self) -> Result<(), EngineError> {
        self.request.infer().map_err(failed)
    }

    fn output(&mut self) -> Result<Vec<f32>, EngineError> {
        self.run()?;
        let output = self.request.get_output_tensor().map_err(failed)?;
        Ok(output.get_data::<f32>().map_err(failed)?.to_vec())
    }
}
