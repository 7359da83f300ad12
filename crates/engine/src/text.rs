//! A plan as people read it.

use std::fmt;

use inceptive_kernels::memory::Buffer;

use crate::plan::{Label, Plan};

impl fmt::Display for Plan {
    /// How it runs, and what it needs; a line for each step with its phase, its kernel, the buffer that it writes and the nodes that it
    /// computes; and where the buffers lie.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = self.options();
        let buffers = self.program.buffers();
        let apart: usize = buffers.iter().map(bytes).sum();
        write!(f, "batch {}, threads {}, {}", options.batch, options.threads, options.isa)?;
        match self.images_at_once() {
            images if images == options.batch => writeln!(f)?,
            1 => writeln!(f, "; one image after the other")?,
            images => writeln!(f, "; {images} images at once")?,
        }
        writeln!(f, "weights       {:>12} bytes, packed", self.weight_bytes())?;
        writeln!(
            f,
            "feature maps  {:>12} bytes; {apart} if buffers did not share memory",
            self.activation_bytes()
        )?;
        writeln!(f, "scratch       {:>12} bytes, of all threads", self.scratch_bytes())?;
        writeln!(f, "\nphase  {:28}  buffer  {:>12}  nodes", "kernel", "weight bytes")?;
        for (phase, labels) in self.labels().iter().enumerate() {
            for label in labels {
                let buffer = label.buffer.map_or_else(String::new, |buffer| buffer.to_string());
                let weights = match label.weight_bytes {
                    0 => String::new(),
                    bytes => bytes.to_string(),
                };
                let line = format!(
                    "{phase:>5}  {:28}  {buffer:>6}  {weights:>12}  {}",
                    label.kernel,
                    label.nodes()
                );
                writeln!(f, "{}", line.trim_end())?;
            }
        }
        writeln!(
            f,
            "\nbuffer  {:>12}  {:>12}  images x channels x rows x columns",
            "bytes", "first byte"
        )?;
        for (index, buffer) in buffers.iter().enumerate() {
            let (bytes, first) = (bytes(buffer), size_of::<f32>() * buffer.offset);
            writeln!(f, "{index:>6}  {bytes:>12}  {first:>12}  {}", size(buffer))?;
        }
        Ok(())
    }
}

fn bytes(buffer: &Buffer) -> usize {
    size_of::<f32>() * buffer.len()
}

/// A buffer's maps, with whole blocks of channels and without the zeros around them.
fn size(buffer: &Buffer) -> String {
    let Buffer { images, blocks, height, width, border, pixel, .. } = buffer;
    let size = format!("{images} x {} x {height} x {width}", blocks * pixel);
    let sides = [border.top, border.left, border.bottom, border.right];
    match sides {
        [0, 0, 0, 0] => size,
        [top, left, bottom, right] => {
            format!("{size}; zeros: {top} above, {left} left, {bottom} below, {right} right")
        }
    }
}

impl Label {
    /// The nodes, joined.
    pub fn nodes(&self) -> String {
        let names: Vec<&str> = self.nodes.iter().map(inceptive_ir::Path::as_str).collect();
        names.join(" + ")
    }
}
