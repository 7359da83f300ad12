//! [OpenVINO](https://docs.openvino.ai), through its C library.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, atomic::AtomicBool},
};

use inceptive_onnx::LrnForm;
use openvino::{
    Core, DeviceType, ElementType, InferRequest, PropertyKey, RwPropertyKey, Shape, Tensor,
};

use inceptive_results::Precision;

use crate::engine::{
    Description, Engine, EngineError, Model, NodeTimings, PrecisionRequest, ProgressFn, Session,
    Setup,
};
use crate::need::Copies;

use super::{
    deep::{self, DeepSession},
    library::{self, Wanted},
};

const NAME: &str = "openvino";

const WANTED: Wanted = Wanted {
    variable: "OPENVINO_LIB_PATH",
    package: "openvino",
    folder: "libs",
    stem: "libopenvino_c",
    title: "OpenVINO",
    functions: &FUNCTIONS,
};

/// The functions that are called.
const FUNCTIONS: [&str; 23] = [
    "ov_get_openvino_version",
    "ov_version_free",
    "ov_core_create",
    "ov_core_get_available_devices",
    "ov_available_devices_free",
    "ov_core_get_property",
    "ov_core_set_property",
    "ov_core_read_model_from_memory_buffer",
    "ov_core_compile_model",
    "ov_core_free",
    "ov_model_free",
    "ov_compiled_model_get_property",
    "ov_compiled_model_create_infer_request",
    "ov_compiled_model_free",
    "ov_infer_request_set_input_tensor",
    "ov_infer_request_infer",
    "ov_infer_request_get_output_tensor",
    "ov_infer_request_free",
    "ov_shape_create",
    "ov_shape_free",
    "ov_tensor_create",
    "ov_tensor_data",
    "ov_tensor_free",
];

/// It rewrites and frees graphs by walks that call themselves.
const DEEP: deep::Engine = deep::Engine { name: NAME, bytes_per_node: 4096, longest_row: 2_000 };

/// Its compiler's time grows faster than the square of the number of nodes, and it cannot be stopped.
const MAX_NODES: usize = 3_000;

/// The engine, found or not.
#[derive(Clone, Debug)]
pub struct OpenVino {
    library: Option<PathBuf>,
}

/// A library can only be loaded once into a program.
static LOADED: OnceLock<Result<PathBuf, String>> = OnceLock::new();

impl OpenVino {
    /// The engine, with the library at `library` if the user named one.
    pub fn new(library: Option<PathBuf>) -> Self {
        Self { library }
    }

    fn core(&self) -> Result<(Core, &'static Path), EngineError> {
        let loaded = LOADED.get_or_init(|| {
            let path = WANTED.find(self.library.as_deref())?;
            library::load(&path, || {
                openvino_sys::library::load_from(path.clone())?;
                // Panics where the library does not know its own version.
                openvino::version();
                Ok(())
            })?;
            Ok(path)
        });
        let missing = |how: &String| EngineError::Missing { engine: NAME, how: how.clone() };
        let path = loaded.as_ref().map_err(missing)?;
        Ok((Core::new().map_err(failed)?, path))
    }
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
            isa: None,
            flushes_subnormals: None,
            mode: None,
        })
    }

    fn copies(&self) -> Copies {
        Copies::new(2, 4)
    }

    fn compile(
        &self,
        model: &Model,
        setup: &Setup,
        _: &AtomicBool,
    ) -> Result<Box<dyn Session>, EngineError> {
        let (core, _) = self.core()?;
        let nodes = model.onnx_nodes().all;
        if nodes > MAX_NODES {
            return Err(EngineError::TooManyNodes { engine: NAME, nodes, limit: MAX_NODES });
        }
        let prepare = || OpenVinoSession::new(core, model, setup);
        Ok(Box::new(DeepSession::new(DEEP.stack(model)?, prepare)?))
    }

    fn node_times(
        &self,
        _: &Model,
        _: &Setup,
        _: Arc<[f32]>,
        _: usize,
        _: &AtomicBool,
        _: &mut ProgressFn<'_>,
    ) -> Result<NodeTimings, EngineError> {
        Err(EngineError::Lacks { engine: NAME, what: "per-node times are".to_owned() })
    }
}

struct OpenVinoSession {
    request: InferRequest,
    shape: [usize; 4],
    precision: Precision,
    /// Closed after the request.
    _core: Core,
}

impl OpenVinoSession {
    fn new(mut core: Core, model: &Model, setup: &Setup) -> Result<Self, EngineError> {
        let device = device(&setup.device);
        let threads = setup.threads.to_string();
        let mut set = |key, value: &str| core.set_property(&device, &key, value).map_err(failed);
        set(RwPropertyKey::HintPerformanceMode, "LATENCY")?;
        set(RwPropertyKey::InferenceNumThreads, &threads)?;
        let hint = match setup.precision {
            PrecisionRequest::EngineDefault => None,
            PrecisionRequest::Fp32 => Some("f32"),
            PrecisionRequest::Fp16 => Some("f16"),
            PrecisionRequest::Bf16 => Some("bf16"),
            PrecisionRequest::Tf32 => {
                return Err(EngineError::Lacks {
                    engine: NAME,
                    what: "precision tf32 is".to_owned(),
                });
            }
        };
        if let Some(hint) = hint {
            set(RwPropertyKey::HintInferencePrecision, hint)?;
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
        Ok(Self { request, shape, precision, _core: core })
    }
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

    fn run(&mut self, _: &AtomicBool) -> Result<(), EngineError> {
        self.request.infer().map_err(failed)
    }

    fn output(&mut self) -> Result<Vec<f32>, EngineError> {
        self.request.infer().map_err(failed)?;
        let output = self.request.get_output_tensor().map_err(failed)?;
        Ok(output.get_data::<f32>().map_err(failed)?.to_vec())
    }
}
