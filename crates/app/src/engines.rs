//! Choosing engines by name.

use inceptive_bench::{Description, Engine, EngineError, engines};

/// An engine that is there.
pub struct AvailableEngine {
    /// The engine.
    pub engine: Box<dyn Engine>,
    /// What it is.
    pub description: Description,
}

/// The name that selects every engine that is found.
pub const ALL: &str = "all";

/// Why engines cannot be chosen.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// No engine has the name.
    #[error("unknown engine `{name}`; use {} or `{ALL}`", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The engines that there are.
        known: Vec<&'static str>,
    },
    /// The engine does not have the device on this machine.
    #[error("{engine} has no device `{device}` here; it has {}", devices.join(", "))]
    Device {
        /// The engine.
        engine: &'static str,
        /// The device that was asked for.
        device: String,
        /// The devices that it has.
        devices: Vec<String>,
    },
    /// The engine is not there.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// The engines with these names that are there and have a device. [`ALL`] leaves out those that are not.
///
/// # Errors
/// When one that was named is not known, not found, or does not have the device.
pub fn choose(
    options: &engines::EngineOptions,
    names: &[String],
    device: &str,
) -> Result<Vec<AvailableEngine>, ChoiceError> {
    choose_among(engines::all(options), names, device)
}

/// Those of `engines` with these names, as [`choose`] finds them.
///
/// # Errors
/// As [`choose`].
pub fn choose_among(
    mut engines: Vec<Box<dyn Engine>>,
    names: &[String],
    device: &str,
) -> Result<Vec<AvailableEngine>, ChoiceError> {
    let known: Vec<&'static str> = engines.iter().map(|engine| engine.name()).collect();
    let is_known = |name: &String| name == ALL || known.contains(&name.as_str());
    if let Some(unknown) = names.iter().find(|name| !is_known(name)) {
        return Err(ChoiceError::Unknown { name: unknown.clone(), known });
    }
    let wants_all = names.iter().any(|name| name == ALL);
    engines.retain(|engine| wants_all || names.iter().any(|name| name == engine.name()));
    let mut found = Vec::with_capacity(engines.len());
    for engine in engines {
        match engine.describe() {
            Ok(description) if description.devices.iter().any(|known| known == device) => {
                found.push(AvailableEngine { engine, description });
            }
            Ok(description) if !wants_all => {
                return Err(ChoiceError::Device {
                    engine: engine.name(),
                    device: device.to_owned(),
                    devices: description.devices,
                });
            }
            Err(error) if !wants_all => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(found)
}
