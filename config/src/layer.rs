//! One layer: the values that one source names, each with the place it was written.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value;
use toml::de::DeTable;

use crate::error::{Origin, SettingsError};

/// `(section, key)`
pub(crate) type Key = (String, String);

/// A value as far as its source tells what it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    Toml(Value),
    /// Environment and command line know text only; the key's type says what it means.
    Text(String),
}

#[derive(Debug, Default)]
pub(crate) struct Layer {
    pub values: BTreeMap<Key, (Raw, Origin)>,
    pub faults: Vec<SettingsError>,
}

impl Raw {
    /// Every reading that the text allows, the likeliest first: as it stands, as TOML, as a comma list.
    pub fn readings(&self) -> Vec<Value> {
        match self {
            Self::Toml(value) => vec![value.clone()],
            Self::Text(text) => {
                let plain = Value::String(text.clone());
                let items = text.split(',').map(|item| Value::String(item.trim().into())).collect();
                [Some(plain), parse_value(text), Some(Value::Array(items))].into_iter().flatten().collect()
            }
        }
    }
}

impl Layer {
    /// The layer over this one wins.
    pub fn overlay(&mut self, upper: Layer) {
        self.values.extend(upper.values);
        self.faults.extend(upper.faults);
    }

    pub fn from_file(path: &Path) -> Self {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::from_toml(&text, path),
            Err(error) => Self::only_fault(fault_of_file(path, None, format!("cannot be read: {error}"))),
        }
    }

    pub fn from_toml(text: &str, path: &Path) -> Self {
        let line_of = |offset: usize| text.get(..offset).map(|before| before.matches('\n').count() + 1);
        let table: toml::Table = match toml::from_str(text) {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().and_then(|span| line_of(span.start));
                return Self::only_fault(fault_of_file(path, line, error.message().to_owned()));
            }
        };
        let lines = lines_of_keys(text, line_of);
        let origin = |section: &str, key: &str| Origin::File {
            path: path.to_owned(),
            line: lines.get(&(section.to_owned(), key.to_owned())).copied(),
        };
        let mut layer = Self::default();
        for (section, value) in table {
            let Value::Table(keys) = value else {
                let reason = format!("is no section; write [{section}] on a line of its own");
                let origin = origin(&section, "");
                layer.faults.push(SettingsError { key: section, value: value.to_string(), reason, origin });
                continue;
            };
            for (key, value) in keys {
                let origin = origin(&section, &key);
                layer.values.insert((section.clone(), key), (Raw::Toml(value), origin));
            }
        }
        layer
    }

    /// `PLENARY_SIP__MAX_BINDINGS=5` is `sip.max-bindings`.
    pub fn from_environment(variables: &[(String, String)]) -> Self {
        let values = variables.iter().filter_map(|(variable, text)| {
            let (section, key) = variable.strip_prefix("PLENARY_")?.split_once("__")?;
            let kebab = |part: &str| part.to_ascii_lowercase().replace('_', "-");
            let origin = Origin::Environment { variable: variable.clone() };
            Some(((kebab(section), kebab(key)), (Raw::Text(text.clone()), origin)))
        });
        Self { values: values.collect(), faults: Vec::new() }
    }

    pub fn from_overrides(overrides: &[String]) -> Self {
        let mut layer = Self::default();
        for text in overrides {
            let parts = text.split_once('=').and_then(|(path, value)| Some((path.trim().split_once('.')?, value)));
            match parts {
                Some(((section, key), value)) => {
                    let raw = (Raw::Text(value.trim().into()), Origin::CommandLine);
                    layer.values.insert((section.into(), key.into()), raw);
                }
                None => layer.faults.push(SettingsError {
                    key: String::new(),
                    value: text.split('=').next().unwrap_or_default().into(),
                    reason: "is not of the form section.key=value".into(),
                    origin: Origin::CommandLine,
                }),
            }
        }
        layer
    }

    fn only_fault(fault: SettingsError) -> Self {
        Self { values: BTreeMap::new(), faults: vec![fault] }
    }
}

fn fault_of_file(path: &Path, line: Option<usize>, reason: String) -> SettingsError {
    let origin = Origin::File { path: path.to_owned(), line };
    SettingsError { key: String::new(), value: String::new(), reason, origin }
}

fn parse_value(text: &str) -> Option<Value> {
    toml::from_str::<toml::Table>(&format!("value = {text}")).ok()?.remove("value")
}

/// The line of each key; a section stands under the empty key.
fn lines_of_keys(text: &str, line_of: impl Fn(usize) -> Option<usize>) -> BTreeMap<Key, usize> {
    let mut lines = BTreeMap::new();
    let Ok(table) = DeTable::parse(text) else { return lines };
    for (section, value) in table.get_ref() {
        let name = section.get_ref().to_string();
        lines.extend(line_of(section.span().start).map(|line| ((name.clone(), String::new()), line)));
        for (key, _) in value.get_ref().as_table().into_iter().flatten() {
            let path = (name.clone(), key.get_ref().to_string());
            lines.extend(line_of(key.span().start).map(|line| (path, line)));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_the_file_knows_its_line() {
        let layer = Layer::from_toml("# one\n[sip]\nudp = []\n\nmax-bindings = 3\n", Path::new("p.toml"));
        let (_, origin) = &layer.values[&("sip".to_owned(), "max-bindings".to_owned())];
        assert_eq!(origin.to_string(), "p.toml, line 5");
    }

    #[test]
    fn a_syntax_fault_knows_its_line() {
        let layer = Layer::from_toml("[sip]\nudp = [\n", Path::new("p.toml"));
        assert!(layer.faults[0].to_string().starts_with("p.toml, line "), "{}", layer.faults[0]);
    }

    #[test]
    fn variables_of_others_are_passed_over() {
        let variables = [("PLENARY_HOME", "x"), ("PATH", "y"), ("PLENARY_SIP__MAX_BINDINGS", "5")];
        let layer = Layer::from_environment(&variables.map(|(name, value)| (name.into(), value.into())));
        let keys: Vec<_> = layer.values.keys().collect();
        assert_eq!(keys, [&("sip".to_owned(), "max-bindings".to_owned())]);
    }

    #[test]
    fn text_is_read_as_it_stands_before_as_toml() {
        let raw = Raw::Text("5".into());
        assert_eq!(raw.readings()[..2], [Value::String("5".into()), Value::Integer(5)]);
    }
}
