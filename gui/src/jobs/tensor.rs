//! The values of a tensor, and writing them.

use std::{path::PathBuf, sync::Arc};

use inceptive_app::{TensorValues, error_chain, tensor_values};
use inceptive_files::{InputFiles, replace_file};
use inceptive_ir::{Path as NodePath, Role};

use super::{Output, Reporter, StatisticsRequest};

/// A tensor whose values are wanted.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorRequest {
    /// The weights that it is one of.
    pub weights: StatisticsRequest,
    /// The layer that keeps it.
    pub path: NodePath,
    /// What it is there.
    pub role: Role,
}

/// A tensor to be written, not over anything that was read.
#[derive(Clone, Debug)]
pub struct WriteTensorRequest {
    /// Where.
    pub path: PathBuf,
    /// The tensor.
    pub tensor: Arc<TensorValues>,
    /// All files that were read.
    pub inputs: InputFiles,
}

pub(super) fn read(request: TensorRequest, report: &Reporter) -> Output {
    let TensorRequest { weights, path, role } = &request;
    let found = weights.read_with(|file, settings, from| {
        tensor_values(file, settings, from, (path, *role), report.stop_flag())
    });
    let found = found.and_then(|found| found.ok_or_else(|| "There is no such tensor.".to_owned()));
    Output::Tensor(request, found.map(Arc::new))
}

pub(super) fn write(request: WriteTensorRequest) -> Result<Output, String> {
    let WriteTensorRequest { path, tensor, inputs } = request;
    replace_file(&path, &tensor.npy(), &inputs).map_err(|error| error_chain(&error))?;
    Ok(Output::Written(vec![path]))
}
