//! Profiling a network on an engine.

use inceptive_exec::{
    Listen, Machine, Need, ProfileRecord, Roofline, Runtime, Setup, available_memory, profile,
    random_input,
};

use crate::{
    bench::{Network, Trouble},
    engines::Found,
    memory::{check_memory, with_batch},
};

/// How a network is profiled.
#[derive(Clone, Debug)]
pub struct ProfilePlan<'a> {
    /// How it runs.
    pub setup: Setup,
    /// Runs that medians are over.
    pub runs: usize,
    /// Seed of the input.
    pub seed: u64,
    /// The machine.
    pub machine: &'a Machine,
    /// What it can do at best.
    pub roofline: Roofline,
}

impl ProfilePlan<'_> {
    /// Says where a network's time goes on an engine. Stopped, it gives what was found out until then.
    ///
    /// # Errors
    /// When it does not fit into memory, the engine cannot run it or cannot say what nodes take, or it was stopped
    /// too early to say anything.
    pub fn run(
        &self,
        network: &Network,
        found: &Found,
        listen: &mut Listen<'_>,
    ) -> Result<ProfileRecord, Trouble> {
        let Network { model, subject, .. } = network;
        let engine = found.engine.as_ref();
        let need = Need::new(&model.graph, self.setup.batch);
        check_memory(|| with_batch(&subject.name, self.setup.batch), &need, available_memory())?;
        let input = random_input(model, self.setup.batch, self.seed);
        let label = || format!("{} on {}", subject.name, engine.name());
        let profiled = profile(engine, model, &self.setup, input, self.runs, listen)
            .map_err(|error| Trouble::Engine { label: label(), error })?
            .ok_or_else(|| Trouble::Abandoned { label: label() })?;
        let runtime =
            Runtime::new(engine.name(), &found.description, &self.setup, profiled.precision);
        let subject = subject.clone();
        Ok(ProfileRecord::new(subject, runtime, self.roofline, self.machine, self.seed, profiled))
    }
}
