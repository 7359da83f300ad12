//! Messages between this program and its worker: the lengths of a header and a payload, the header in JSON, and the payload,
//! which is numbers of four bytes, little-endian.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

/// The version of the messages; the first message of a worker names it.
pub(super) const VERSION: u32 = 1;

/// Maximum bytes of a header from the worker: the times of a thousand runs, or an error.
const MAX_HEADER_BYTES: u32 = 16 << 20;

/// Numbers that are converted at a time.
const CHUNK: usize = 1 << 14;

/// A request to a worker.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Request<'a> {
    /// Load a network to run it. Its payload is the source of its module and its weights.
    Load(&'a Load<'a>),
    /// Replace the images that the network reads.
    Input {
        /// The network.
        id: u32,
    },
    /// Run it and return the time of each run.
    Run {
        /// The network.
        id: u32,
        /// Number of runs.
        runs: usize,
    },
    /// Run it once and return its output.
    Output {
        /// The network.
        id: u32,
    },
    /// Load a network to train it. Its payload is the source of its module and its weights.
    Train(&'a Train<'a>),
    /// Take a step. Its payload is the images and their labels.
    Step {
        /// The network.
        id: u32,
        /// The learning rate.
        rate: f32,
        /// The weight decay.
        decay: f32,
        /// The decay of the average of weights.
        average: f32,
        /// Determines dropout.
        seed: u64,
    },
    /// Compute the output of the averaged network for the images of the payload.
    Predict {
        /// The network.
        id: u32,
    },
    /// Return numbers of a network that is trained.
    Read {
        /// The network.
        id: u32,
        /// Which numbers.
        what: Numbers,
    },
    /// Replace numbers of a network that is trained by those of the payload.
    Write {
        /// The network.
        id: u32,
        /// Which numbers.
        what: Numbers,
        /// The number of steps that led to them.
        steps: u64,
    },
    /// Forget a network.
    Drop {
        /// The network.
        id: u32,
    },
}

/// Numbers of a network that is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// Weights and running statistics.
    Weights,
    /// The same, with averages in place of what is learned.
    Averages,
    /// The optimizer's state.
    State,
}

/// A network to run.
#[derive(Clone, Debug, Serialize)]
pub struct Load<'a> {
    /// Its number, chosen by the sender.
    pub id: u32,
    /// Bytes of its source in the payload.
    pub source_bytes: usize,
    /// The class of its module.
    pub class: &'a str,
    /// The keys of its weights in the payload, in order.
    pub tensors: &'a [&'a str],
    /// The device.
    pub device: &'a str,
    /// How it is run: `eager`, `compile` or `graphs`.
    pub mode: &'a str,
    /// The precision: `fp32`, `tf32`, `fp16` or `bf16`.
    pub precision: &'a str,
    /// Whether feature maps lie in memory pixel by pixel.
    pub channels_last: bool,
    /// Threads of the processor.
    pub threads: u32,
    /// The shape of a batch of images.
    pub input: [usize; 4],
}

/// A network to train.
#[derive(Clone, Debug, Serialize)]
pub struct Train<'a> {
    /// Its number, chosen by the sender.
    pub id: u32,
    /// Bytes of its source in the payload.
    pub source_bytes: usize,
    /// The class of its module.
    pub class: &'a str,
    /// The keys of its weights in the payload, in order.
    pub tensors: &'a [&'a str],
    /// The keys of what is learned, in the order of the optimizer's state.
    pub learned: &'a [&'a str],
    /// The keys of those that weight decay applies to.
    pub decays: &'a [&'a str],
    /// Factors of the losses of auxiliary heads.
    pub heads: &'a [f32],
    /// The device.
    pub device: &'a str,
    /// Threads of the processor.
    pub threads: usize,
    /// Images of a step.
    pub batch: usize,
    /// Channels, height and width of an image.
    pub input: [usize; 3],
    /// The optimizer.
    pub optimizer: Optimizer,
    /// The share of each target that is distributed equally over all classes.
    pub label_smoothing: f64,
    /// Maximum norm of all gradients together.
    pub clip: Option<f64>,
    /// The weight of the current batch when running statistics are updated.
    pub norm_momentum: f64,
    /// Whether an average of the weights is kept.
    pub averages: bool,
}

/// An optimizer, as PyTorch has it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// The factor of the previous update.
        momentum: f64,
        /// Whether to use Nesterov momentum.
        nesterov: bool,
    },
    /// Adam with decoupled weight decay.
    AdamW {
        /// The decay of the mean of gradients.
        beta1: f64,
        /// The decay of the mean of squared gradients.
        beta2: f64,
        /// Added to the square root of the mean of squared gradients.
        eps: f64,
    },
}

/// The reply to [`Request::Load`].
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Loaded {
    /// Memory of the device that loading and the first run took at most, in bytes.
    pub memory_bytes: Option<u64>,
}

/// The reply to [`Request::Run`].
#[derive(Clone, Debug, Deserialize)]
pub struct Ran {
    /// The time of each run in seconds, by the clock of the device.
    pub seconds: Vec<f64>,
    /// The clock of the device meanwhile, in MHz.
    pub clock_mhz: Option<f64>,
    /// Whether the output of the last run has only finite numbers.
    pub is_finite: bool,
}

/// The reply to [`Request::Step`].
#[derive(Clone, Debug, Deserialize)]
pub struct Stepped {
    /// The mean losses of the network and of each auxiliary head; `None` for NaN.
    pub losses: Vec<Option<f64>>,
    /// Number of images for which the right class has the largest logit.
    pub top1: usize,
    /// Number of images for which the logit of the right class is among the five largest.
    pub top5: usize,
}

/// A reply without content.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Done {}

/// What the first message of a worker says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct About {
    pub(super) protocol: u32,
    /// The version of Python.
    pub python: String,
    /// The version of PyTorch.
    pub torch: String,
    /// The devices; the first is the processor.
    pub devices: Vec<Device>,
}

/// A device of PyTorch.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Device {
    /// Its name for PyTorch, such as `cuda`.
    pub name: String,
    /// The name of the hardware, such as `NVIDIA H200`.
    pub hardware: Option<String>,
    /// The version of its driver.
    pub driver: Option<String>,
    /// What PyTorch computes with on it, such as `CUDA 13.0`.
    pub platform: Option<String>,
    /// Bytes of its memory.
    pub memory_bytes: Option<u64>,
    /// The instruction set, of the processor.
    pub isa: Option<String>,
}

/// A part of a payload.
#[derive(Clone, Copy, Debug)]
pub enum Part<'a> {
    /// Text.
    Text(&'a str),
    /// Numbers.
    Floats(&'a [f32]),
    /// Labels.
    Labels(&'a [u32]),
}

impl Part<'_> {
    fn bytes(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Floats(numbers) => 4 * numbers.len() as u64,
            Self::Labels(labels) => 4 * labels.len() as u64,
        }
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Text(text) => out.write_all(text.as_bytes()),
            Self::Floats(numbers) => write_words(numbers, out, |number| number.to_le_bytes()),
            Self::Labels(labels) => write_words(labels, out, |label| label.to_le_bytes()),
        }
    }
}

fn write_words<T: Copy>(
    words: &[T],
    out: &mut impl Write,
    bytes: impl Fn(T) -> [u8; 4],
) -> io::Result<()> {
    let mut buffer = vec![0; 4 * CHUNK.min(words.len())];
    for chunk in words.chunks(CHUNK) {
        for (place, word) in buffer.chunks_exact_mut(4).zip(chunk) {
            place.copy_from_slice(&bytes(*word));
        }
        out.write_all(&buffer[..4 * chunk.len()])?;
    }
    Ok(())
}

/// Writes a message.
pub(super) fn write(
    request: Request<'_>,
    payload: &[Part<'_>],
    out: &mut impl Write,
) -> io::Result<()> {
    let header = serde_json::to_vec(&request)?;
    let length = u32::try_from(header.len()).map_err(io::Error::other)?;
    let bytes: u64 = payload.iter().map(Part::bytes).sum();
    out.write_all(&length.to_le_bytes())?;
    out.write_all(&bytes.to_le_bytes())?;
    out.write_all(&header)?;
    payload.iter().try_for_each(|part| part.write(out))?;
    out.flush()
}

/// A message from the worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) header: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

/// Reads a message; `None` if the worker has ended.
pub(super) fn read(from: &mut impl Read) -> io::Result<Option<Message>> {
    let (mut header, mut payload) = ([0; 4], [0; 8]);
    match from.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    from.read_exact(&mut payload)?;
    let (length, bytes) = (u32::from_le_bytes(header), u64::from_le_bytes(payload));
    if length > MAX_HEADER_BYTES {
        return Err(io::Error::other(format!("a header of {length} bytes")));
    }
    let exactly = |count: u64, from: &mut dyn Read| {
        let mut content = Vec::new();
        from.take(count).read_to_end(&mut content)?;
        match content.len() as u64 == count {
            true => Ok(content),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    };
    let header = exactly(u64::from(length), from)?;
    let payload: Result<Vec<u8>, io::Error> = exactly(bytes, from);
    Ok(Some(Message { header, payload: payload? }))
}

/// The numbers of a payload.
pub(super) fn floats(payload: &[u8]) -> Vec<f32> {
    let numbers = payload.chunks_exact(4);
    numbers.map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_lengths_first() {
        let mut written = Vec::new();
        let parts = [Part::Text("ab"), Part::Floats(&[1.5, -0.0]), Part::Labels(&[7])];
        write(Request::Predict { id: 3 }, &parts, &mut written).unwrap();
        let header = br#"{"op":"predict","id":3}"#;
        assert_eq!(written[..12], [23, 0, 0, 0, 14, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&written[12..12 + header.len()], header);
        let Message { header: read_header, payload } = read(&mut &written[..]).unwrap().unwrap();
        assert_eq!((read_header.as_slice(), &payload[..2]), (&header[..], &b"ab"[..]));
        assert_eq!(floats(&payload[2..10]), [1.5, -0.0]);
        assert_eq!(read(&mut &written[..0]).unwrap(), None);
        for end in [3, 11, 12, 30, written.len() - 1] {
            let cut = read(&mut &written[..end]);
            assert!(cut.is_err() || end < 4, "{end}");
        }
        let mut long = vec![0xff; 4];
        long.extend([0; 8]);
        assert!(read(&mut &long[..]).unwrap_err().to_string().contains("header"));
    }

    #[test]
    fn many_numbers_are_written_in_chunks() {
        let numbers: Vec<f32> = (0..3 * CHUNK as u32 + 5).map(|number| number as f32).collect();
        let mut written = Vec::new();
        Part::Floats(&numbers).write(&mut written).unwrap();
        assert_eq!(floats(&written), numbers);
    }
}
