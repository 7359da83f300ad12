//! The native engine: plans how a network is computed by kernels, and runs it.
//!
//! [`Plan::new`] fuses what one kernel can do, lays feature maps out so that concatenation moves nothing, orders the steps
//! in phases and gives them memory; [`Session`] runs the plan.

mod fuse;
mod layout;
mod memory;
mod methods;
mod options;
mod place;
mod plan;
mod resample;
mod rounds;
mod session;
mod steps;
mod text;
mod train;
mod units;

pub use inceptive_kernels::{FLUSHES_SUBNORMALS, Isa, Rates, UnknownIsa, step::Rule};
pub use options::{Needs, Options, PlanError};
pub use plan::{Label, Plan};
pub use session::{RunError, Session, SessionError, StepTime};
pub use train::{
    Outcome, StartError, StateError, TrainError, TrainOptions, TrainPlan, TrainSession,
};
