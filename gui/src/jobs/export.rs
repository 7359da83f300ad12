//! Writing networks as files for other programs.

use std::{path::PathBuf, sync::Arc};

use inceptive_app::{
    Exported, Inspected, OnnxOptions, WeightType, error_chain, export_onnx, export_pytorch,
};
use inceptive_files::InputFiles;

use super::{Output, Reporter};

/// What a network is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// An ONNX file with weights.
    Onnx,
    /// A PyTorch module, in Python.
    Pytorch,
    /// One YAML file that needs no other.
    Yaml,
}

impl ExportFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Onnx, Self::Pytorch, Self::Yaml];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Onnx => "ONNX",
            Self::Pytorch => "PyTorch",
            Self::Yaml => "YAML",
        }
    }

    /// How names of its files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Onnx => "onnx",
            Self::Pytorch => "py",
            Self::Yaml => "yaml",
        }
    }
}

/// A network to be written, not over anything that was read.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The network, as it is in the window.
    pub network: Arc<Inspected>,
    /// As what.
    pub format: ExportFormat,
    /// The type of the weights in an ONNX file.
    pub weight_type: WeightType,
    /// Where.
    pub path: PathBuf,
    /// All files that were read.
    pub inputs: InputFiles,
}

pub(super) fn export(request: ExportRequest, report: &Reporter) -> Result<Output, String> {
    let ExportRequest { network, format, weight_type, path, inputs } = request;
    let exported = match format {
        ExportFormat::Onnx => {
            let network = network.to_export(report.stop_flag());
            let network = network.map_err(|error| error_chain(&error))?;
            let options = OnnxOptions { weight_type, ..OnnxOptions::default() };
            export_onnx(network, None, options).map_err(|error| error_chain(&error))?
        }
        ExportFormat::Pytorch => {
            export_pytorch(&network.loaded()).map_err(|error| error_chain(&error))?
        }
        ExportFormat::Yaml => {
            Exported::text(network.resolved()?, InputFiles::of(network.sources.paths()))
        }
    };
    if report.is_stopped() {
        return Err("stopped".to_owned());
    }
    exported.write(&path, &inputs).map_err(|error| error_chain(&error))?;
    Ok(Output::Written(vec![path]))
}
