//! A plan as people read it.

use std::fmt;

use crate::plan::{Label, Plan};

impl fmt::Display for Plan {
    /// A line for each step: its phase, its kernel, and the nodes that it computes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.options();
        writeln!(
            f,
            "batch {}, {} threads, {}: weights {} bytes, feature maps {} bytes, scratch {} bytes",
            options.batch,
            options.threads,
            options.isa,
            self.weight_bytes(),
            self.activation_bytes(),
            self.scratch_bytes()
        )?;
        for (phase, labels) in self.labels().iter().enumerate() {
            for label in labels {
                writeln!(f, "{phase:>4}  {:28}  {}", label.kernel, label.nodes())?;
            }
        }
        Ok(())
    }
}

impl Label {
    /// The nodes, joined.
    pub fn nodes(&self) -> String {
        let names: Vec<&str> = self.nodes.iter().map(inceptive_ir::Path::as_str).collect();
        names.join(" + ")
    }
}
