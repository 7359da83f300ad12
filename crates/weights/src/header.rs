//! Opening of safetensors files.

use std::{collections::HashSet, fmt};

use safetensors::{SafeTensorError, SafeTensors};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Why a file's tensors cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// It is none.
    #[error("not a safetensors file: {0}")]
    Format(#[from] SafeTensorError),
    /// Its header says two things about one name, and programs differ in which one they believe.
    #[error("the header of the safetensors file has the key `{0}` twice; write the file again")]
    SameKey(String),
}

/// Opens a file; no key of its header may be there twice.
pub fn open(bytes: &[u8]) -> Result<SafeTensors<'_>, FormatError> {
    match repeated(bytes) {
        Some(key) => Err(FormatError::SameKey(key)),
        None => Ok(SafeTensors::deserialize(bytes)?),
    }
}

/// A key that the header has twice; `None` also if there is no header.
fn repeated(bytes: &[u8]) -> Option<String> {
    let (length, rest) = bytes.split_first_chunk()?;
    let header = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    serde_json::from_slice::<Repeated>(header).ok()?.0
}

/// The first key of a JSON object that it has twice.
struct Repeated(Option<String>);

impl<'de> Deserialize<'de> for Repeated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Keys)
    }
}

struct Keys;

impl<'de> Visitor<'de> for Keys {
    type Value = Repeated;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Repeated, A::Error> {
        let (mut keys, mut repeated) = (HashSet::new(), None);
        while let Some((key, _)) = map.next_entry::<String, IgnoredAny>()? {
            if repeated.is_none() {
                repeated = keys.replace(key);
            }
        }
        Ok(Repeated(repeated))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str) -> Vec<u8> {
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), &[0; 4]].concat()
    }

    #[test]
    fn a_key_may_be_there_once() {
        let entry = |name: &str| {
            format!(r#""{name}": {{"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#)
        };
        let a = entry("a");
        let metadata = r#""__metadata__": {"a": "1"}"#;
        assert_eq!(open(&file(&format!("{{{metadata}, {a}}}"))).unwrap().names(), ["a"]);
        for (header, key) in [
            (format!("{{{a}, {a}}}"), "a"),
            // The same name in another writing.
            (format!("{{{a}, {}}}", entry("\\u0061")), "a"),
            (format!("{{{metadata}, {a}, {metadata}}}"), "__metadata__"),
        ] {
            let error = open(&file(&header)).unwrap_err();
            assert!(matches!(&error, FormatError::SameKey(found) if found == key), "{error}");
        }
        for broken in [&b""[..], &[0xFF; 64], &file("{"), &file("[]"), &file(&format!("{{{a}"))] {
            assert!(matches!(open(broken), Err(FormatError::Format(_))), "{broken:?}");
        }
    }
}
