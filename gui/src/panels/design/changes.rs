//! The settings that differ from the file.

use std::collections::BTreeMap;

use inceptive_dsl::Setting;

/// Settings by their keys, as YAML.
#[derive(Clone, Debug, Default)]
pub struct Changes(BTreeMap<String, String>);

impl Changes {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Goes back to the file.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The setting of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// The number that is set for a key, else that of the file.
    pub fn number(&self, key: &str, own: f64) -> f64 {
        self.get(key).and_then(|text| text.parse().ok()).unwrap_or(own)
    }

    /// Sets a key; none takes what the file has.
    pub fn set(&mut self, key: &str, value: Option<String>) {
        match value {
            Some(value) => self.0.insert(key.to_owned(), value),
            None => self.0.remove(key),
        };
    }

    /// Removes the settings of keys with this prefix.
    pub fn forget(&mut self, start: &str) {
        self.0.retain(|key, _| !key.starts_with(start));
    }

    /// Sets a number, unless it is that of the file.
    pub fn set_number(&mut self, key: &str, value: f64, own: f64) {
        // Steps of sliders are not exact; nobody sets more than six decimals.
        let value = (value * 1e6).round() / 1e6;
        let is_own = (value - own).abs() < 1e-9;
        self.set(key, (!is_own).then(|| value.to_string()));
    }

    /// All of them.
    pub fn settings(&self) -> Vec<Setting> {
        let all = self.0.iter();
        all.map(|(key, value)| Setting { key: key.clone(), value: value.clone() }).collect()
    }
}
