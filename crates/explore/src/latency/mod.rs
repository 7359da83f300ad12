//! Predicting latencies.

mod features;
mod fit;
mod judge;
mod kernels;
mod predict;
mod process;

pub use fit::fit_latency;
pub use judge::judge_latency;
pub use kernels::{Kernel, deployed, kernels};
pub use predict::{LatencyRefusal, predict_latency};
