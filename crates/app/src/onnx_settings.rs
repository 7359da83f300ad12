//! What can be set of an ONNX file.

use inceptive_dsl::Setting;
use inceptive_ir::Size;
use inceptive_onnx::{InputSize, ReadOptions};

/// The key of the size of the input.
pub const INPUT_SIZE: &str = "input.size";
/// The key that makes of a file the part before what is not supported.
pub const CUT: &str = "cut";

/// Why an ONNX file cannot be read with settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnnxSettingError {
    /// ONNX files do not have it.
    #[error(
        "`{0}` cannot be set in an ONNX file, only `input.size`, where the file leaves it open, and `cut`; setting other keys works on YAML files only, not on ONNX files"
    )]
    Key(String),
    /// It is no size of an input.
    #[error("`{0}` is no size of an input; write 224, 640x480 (height x width) or 3x640x480")]
    Size(String),
    /// It is neither true nor false.
    #[error("`{0}` is no value of `cut`; write true or false")]
    Cut(String),
}

/// What settings ask of an ONNX file.
pub(crate) fn read_options(settings: &[Setting]) -> Result<ReadOptions, OnnxSettingError> {
    let mut options = ReadOptions::default();
    for Setting { key, value } in settings {
        match (key.as_str(), value.as_str()) {
            (INPUT_SIZE, value) => {
                let size = input_size(value);
                let size = size.ok_or_else(|| OnnxSettingError::Size(value.to_owned()))?;
                options.size = Some(size);
            }
            (CUT, "true") => options.cut = true,
            (CUT, "false") => options.cut = false,
            (CUT, value) => return Err(OnnxSettingError::Cut(value.to_owned())),
            (key, _) => return Err(OnnxSettingError::Key(key.to_owned())),
        }
    }
    Ok(options)
}

/// `224`, `640x480` or `3x640x480`; or as a list of YAML, `[640, 480]`.
fn input_size(text: &str) -> Option<InputSize> {
    let parts = text.trim_matches(['[', ']']).split(['x', ',']);
    let sizes: Vec<u32> = parts
        .map(|part| part.trim().parse().ok().filter(|&size| size > 0))
        .collect::<Option<_>>()?;
    match sizes[..] {
        [side] => Some(InputSize { channels: None, size: Size::square(side) }),
        [height, width] => Some(InputSize { channels: None, size: Size::new(height, width) }),
        [channels, height, width] => {
            Some(InputSize { channels: Some(channels), size: Size::new(height, width) })
        }
        _ => None,
    }
}

/// What a person can set so that a file can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenSettings {
    /// A size of the input as it can be written, if that has to be set.
    pub size: Option<String>,
    /// Whether the part before what is not supported can be read.
    pub cut: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_value_is_not_called_a_wrong_key() {
        let error = |setting: &str| {
            let settings: [Setting; 1] = [setting.parse().unwrap()];
            read_options(&settings).unwrap_err().to_string()
        };
        assert_eq!(error("cut=maybe"), "`maybe` is no value of `cut`; write true or false");
        assert!(error("input.size=big").starts_with("`big` is no size of an input"));
        assert!(error("colour=red").starts_with("`colour` cannot be set in an ONNX file"));
    }
}
