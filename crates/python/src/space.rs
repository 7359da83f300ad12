//! Design spaces.

use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use inceptive_app::{
    CloudPlan, CountRequest, SpacePoints, cloud, count_space, read_conditions, read_space,
};
use inceptive_dsl::read_objectives;
use inceptive_results::Metric;
use pyo3::{exceptions::PyValueError, prelude::*, types::PyByteArray};

use crate::{error::Problem, interrupt::interruptible, table::array};

/// A space of networks.
#[pyclass(frozen, module = "inceptive._inceptive")]
pub struct Space(inceptive_dsl::Space);

/// Networks of a space, by column.
#[derive(IntoPyObject)]
pub struct Networks<'py> {
    /// For each variable, the position of each network's value: 16-bit.
    choices: Vec<Bound<'py, PyByteArray>>,
    /// Counts by name: 64-bit.
    counts: Vec<(&'static str, Bound<'py, PyByteArray>)>,
    /// Whether each network satisfies the constraints: 8-bit.
    satisfies: Bound<'py, PyByteArray>,
    /// How many networks have the same objectives: 64-bit; empty where that is not known.
    equal: Bound<'py, PyByteArray>,
    /// Whether these are drawn from more.
    is_sample: bool,
}

impl<'py> Networks<'py> {
    fn new(
        py: Python<'py>,
        points: &SpacePoints,
        variables: usize,
        equal: &[u64],
        is_sample: bool,
    ) -> PyResult<Self> {
        let choices = (0..variables).map(|it| array(py, points.choices(it), u16::to_ne_bytes));
        let counts = Metric::costs().filter_map(|metric| {
            let counts = points.counts(metric)?;
            Some(array(py, counts, u64::to_ne_bytes).map(|counts| (metric.id(), counts)))
        });
        let satisfies: Vec<bool> = (0..points.len()).map(|it| points.is_inside(it)).collect();
        Ok(Self {
            choices: choices.collect::<PyResult<_>>()?,
            counts: counts.collect::<PyResult<_>>()?,
            satisfies: array(py, &satisfies, |it| [u8::from(it)])?,
            equal: array(py, equal, u64::to_ne_bytes)?,
            is_sample,
        })
    }
}

/// Breaks after a stop.
fn goes_on(stop: &AtomicBool) -> ControlFlow<()> {
    if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

#[pymethods]
impl Space {
    /// Reads a file.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        Ok(Self(py.detach(|| read_space(&path).map_err(Problem::from))?))
    }

    #[getter]
    fn title(&self) -> &str {
        &self.0.title
    }

    #[getter]
    fn path(&self) -> &Path {
        &self.0.file
    }

    #[getter]
    fn description(&self) -> Option<&str> {
        self.0.description.as_deref()
    }

    #[getter]
    fn notes(&self) -> Vec<String> {
        self.0.notes.clone()
    }

    #[getter]
    fn size(&self) -> u128 {
        self.0.size()
    }

    /// The name of each variable and its values, as text.
    #[getter]
    fn variables(&self) -> Vec<(String, Vec<String>)> {
        let labels = |variable: &inceptive_dsl::Variable| {
            variable.values.iter().map(|choice| choice.label.clone()).collect()
        };
        self.0.variables.iter().map(|it| (it.name.clone(), labels(it))).collect()
    }

    #[getter]
    fn constraints(&self) -> Vec<String> {
        self.0.constraints.iter().map(ToString::to_string).collect()
    }

    #[getter]
    fn objectives(&self) -> Vec<String> {
        self.0.objectives.iter().map(ToString::to_string).collect()
    }

    /// Counts networks: all, or as many as were asked for; those that satisfy the conditions are the result.
    fn points<'py>(
        &self,
        py: Python<'py>,
        conditions: Vec<String>,
        most: usize,
        seed: u64,
    ) -> PyResult<Networks<'py>> {
        let conditions = read_conditions(&conditions).map_err(|error| Problem::of(&error))?;
        let plan = CloudPlan { most, seed };
        let mut cloud = interruptible(py, |stop| cloud(&self.0, plan, &|_, _| goes_on(stop)))?;
        cloud.points.retain(|point| {
            let by_name = |name: &str| point.counts.by_name(name);
            conditions.iter().all(|it| it.holds(&by_name) != Some(false))
        });
        let points = SpacePoints::take(&mut cloud);
        Networks::new(py, &points, self.0.variables.len(), &[], cloud.seed.is_some())
    }

    /// The Pareto front of the counted objectives.
    fn front<'py>(
        &self,
        py: Python<'py>,
        conditions: Vec<String>,
        objectives: Option<&str>,
        seed: u64,
    ) -> PyResult<Networks<'py>> {
        let objectives = objectives.map(read_objectives).transpose();
        let request = CountRequest {
            conditions: read_conditions(&conditions).map_err(|error| Problem::of(&error))?,
            objectives: objectives.map_err(PyValueError::new_err)?.unwrap_or_default(),
            sample: 0,
            seed,
            threads: thread::available_parallelism().map_or(1, usize::from),
        };
        let counted =
            interruptible(py, |stop| count_space(&self.0, &request, &|_, _| goes_on(stop)))?;
        let front = &counted.survey.front;
        if front.is_empty() {
            return Err(nothing_left(&counted.reasons(&self.0)).into());
        }
        let points = SpacePoints::of_survey(
            self.0.variables.len(),
            front.iter().map(|point| &point.network),
        );
        let equal: Vec<u64> = front.iter().map(|point| point.equal).collect();
        Networks::new(py, &points, self.0.variables.len(), &equal, !counted.is_complete)
    }
}

/// No network satisfies all conditions.
fn nothing_left(reasons: &[String]) -> Problem {
    Problem::said(format!("no network satisfies all conditions:\n{}", reasons.join("\n")))
}
