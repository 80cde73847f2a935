//! From layers to settings: every key is tried alone, so that one fault does not hide the next.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::{Table, Value};

use crate::error::{Origin, SettingsError};
use crate::layer::{Key, Layer, Raw};
use crate::settings::Settings;
use crate::sources::Sources;

impl Settings {
    /// Reads all layers. Either every value is good, or every fault is named.
    pub fn load(sources: &Sources) -> Result<Self, Vec<SettingsError>> {
        let mut layers = sources.chosen_file().map(Layer::from_file).unwrap_or_default();
        layers.overlay(Layer::from_environment(&sources.environment));
        layers.overlay(Layer::from_overrides(&sources.overrides));
        let Layer { values, mut faults } = layers;

        let mut merged = Table::new();
        let mut origins = BTreeMap::new();
        for (key, (raw, origin)) in values {
            match read_alone(&key, &raw) {
                Ok(value) => {
                    put(&mut merged, &key, value.clone());
                    origins.insert(dotted(&key), (value, origin));
                }
                Err(reason) => {
                    let value = show(&dotted(&key), &raw.readings()[0]);
                    faults.push(SettingsError { key: dotted(&key), value, reason, origin });
                }
            }
        }
        let settings = Self::deserialize(merged).unwrap_or_else(|_| {
            debug_assert!(false, "keys that are good alone are good together");
            Self::default()
        });
        faults.extend(settings.check().into_iter().map(|fault| located(fault, &origins)));
        if faults.is_empty() { Ok(settings) } else { Err(faults) }
    }
}

/// A fault that only shows once all is read: a range, or two keys that do not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub key: &'static str,
    pub reason: String,
}

/// Reads one key over the defaults; the reading that fits is returned.
fn read_alone(key: &Key, raw: &Raw) -> Result<Value, String> {
    let mut reasons = Vec::new();
    for value in raw.readings() {
        let mut table = Table::new();
        put(&mut table, key, value.clone());
        match Settings::deserialize(table) {
            Ok(_) => return Ok(value),
            Err(error) => reasons.push(error.message().to_owned()),
        }
    }
    // A reading of the right shape knows more about the fault than one of the wrong type.
    reasons.sort_by_key(|reason| reason.starts_with("invalid type"));
    Err(explain(key, reasons.swap_remove(0)))
}

/// serde names the field it does not know and all that it knows; say which the writer may have meant.
fn explain(key: &Key, reason: String) -> String {
    if !reason.starts_with("unknown field") {
        return reason;
    }
    let known = known_keys();
    let wanted = dotted(key);
    let nearest = known.iter().min_by_key(|known| distance(known, &wanted));
    match nearest.filter(|known| distance(known, &wanted) <= 4) {
        Some(nearest) => format!("there is no such key; did you mean {nearest}?"),
        None => "there is no such key".into(),
    }
}

/// Every `section.key`, read from the reference: commented-out keys count, for they are the optional ones.
fn known_keys() -> Vec<String> {
    let mut section = "";
    let mut keys = Vec::new();
    for line in crate::REFERENCE.lines() {
        let line = line.strip_prefix('#').unwrap_or(line);
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name;
        } else if let Some((key, _)) = line.split_once(" = ")
            && key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        {
            keys.push(format!("{section}.{key}"));
        }
    }
    keys
}

/// Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

fn located(unfit: Unfit, origins: &BTreeMap<String, (Value, Origin)>) -> SettingsError {
    let (value, origin) = match origins.get(unfit.key) {
        Some((value, origin)) => (show(unfit.key, value), origin.clone()),
        None => (String::new(), Origin::Default),
    };
    SettingsError { key: unfit.key.into(), value, reason: unfit.reason, origin }
}

fn show(key: &str, value: &Value) -> String {
    match key {
        "admin.password" | "database.url" => "********".into(),
        _ => value.to_string(),
    }
}

fn put(table: &mut Table, (section, key): &Key, value: Value) {
    let section = table.entry(section.clone()).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = section {
        section.insert(key.clone(), value);
    }
}

fn dotted((section, key): &Key) -> String {
    format!("{section}.{key}")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::section::{Log, LogFormat};

    fn sources(environment: &[(&str, &str)], overrides: &[&str]) -> Sources {
        Sources {
            environment: environment.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
            overrides: overrides.iter().map(|text| (*text).into()).collect(),
            ..Sources::default()
        }
    }

    fn faults(sources: &Sources) -> Vec<String> {
        Settings::load(sources).expect_err("faulty").iter().map(ToString::to_string).collect()
    }

    struct File(PathBuf);

    impl File {
        fn with(name: &str, text: &str) -> Self {
            let path = std::env::temp_dir().join(format!("plenary-config-{}-{name}.toml", std::process::id()));
            std::fs::write(&path, text).expect("a writable temporary directory");
            Self(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn nothing_written_gives_the_defaults() {
        assert_eq!(Settings::load(&Sources::default()), Ok(Settings::default()));
    }

    #[test]
    fn the_reference_is_the_default_and_names_every_key() {
        let table: Table = toml::from_str(crate::REFERENCE).expect("the reference is TOML");
        assert_eq!(Settings::deserialize(table), Ok(Settings::default()));

        let refused = |key: &str| Settings::deserialize(toml::from_str::<Table>(key).expect("TOML")).unwrap_err();
        let known = known_keys();
        for section in
            ["server", "database", "sip", "http", "media", "conference", "security", "admin", "dialplan", "log"]
        {
            // serde lists what it would have taken: "unknown field `?`, expected one of `a`, `b`".
            let message = refused(&format!("[{section}]\n\"?\" = 1")).message().to_owned();
            for key in message.split('`').skip(3).step_by(2) {
                assert!(known.contains(&format!("{section}.{key}")), "reference.toml lacks {section}.{key}");
            }
        }
        for key in &known {
            let key: Vec<&str> = key.split('.').collect();
            let message = refused(&format!("[{}]\n{} = {{ no = {{}} }}", key[0], key[1])).message().to_owned();
            assert!(!message.starts_with("unknown field"), "reference.toml has {key:?}, which is no key");
        }
    }

    #[test]
    fn each_layer_wins_over_the_one_before() {
        let file = File::with("layers", "[server]\ndomain = \"file\"\n[log]\nformat = \"json\"\nlevel = \"warn\"\n");
        let mut sources = sources(&[("PLENARY_SERVER__DOMAIN", "env"), ("PLENARY_LOG__LEVEL", "debug")], &[]);
        sources.file = Some(file.0.clone());
        sources.overrides = vec!["server.domain=set".into()];
        let settings = Settings::load(&sources).expect("good");
        assert_eq!(settings.server.domain, "set");
        assert_eq!(settings.log, Log { level: "debug".into(), format: LogFormat::Json });
    }

    #[test]
    fn text_takes_the_type_of_its_key() {
        let settings = Settings::load(&sources(
            &[("PLENARY_ADMIN__PASSWORD", "12345678"), ("PLENARY_HTTP__TLS", "false")],
            &[
                "sip.udp=127.0.0.1:0,[::1]:5070",
                "sip.tcp=[]",
                "sip.t1=50ms",
                "media.ports=30000-30100",
                "media.threads=2",
            ],
        ))
        .expect("good");
        assert_eq!(settings.admin.password.expect("given").reveal(), "12345678");
        assert!(!settings.http.tls);
        assert_eq!(settings.sip.udp.len(), 2);
        assert!(settings.sip.tcp.is_empty());
        assert_eq!(settings.sip.t1, Duration::from_millis(50));
        assert_eq!(settings.media.ports, 30000..=30100);
    }

    #[test]
    fn all_faults_are_named_at_once_with_key_value_and_origin() {
        let file = File::with("faults", "stray = 1\n[sip]\nudp = [\"nonsense\"]\nmax-bindngs = 3\n");
        let mut sources = sources(
            &[("PLENARY_MEDIA__SPEAKERS", "0"), ("PLENARY_ADMIN__PASSWORD", "")],
            &["sip.t1=soon", "what", "nothing.like.it=1"],
        );
        sources.file = Some(file.0.clone());
        let faults = faults(&sources);
        for part in [
            "stray = 1 (",
            "sip.udp = [\"nonsense\"] (",
            "line 3): \"nonsense\" is no address with a port",
            "there is no such key; did you mean sip.max-bindings?",
            "media.speakers = 0 (environment PLENARY_MEDIA__SPEAKERS): ",
            "sip.t1 = \"soon\" (--set): ",
            "what (--set): is not of the form section.key=value",
            "nothing.like.it = \"1\" (--set): there is no such key",
            "admin.password = ******** (environment PLENARY_ADMIN__PASSWORD): ",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "no fault has {part:?}: {faults:#?}");
        }
        assert_eq!(faults.len(), 8, "{faults:#?}");
    }

    #[cfg(not(feature = "amr-wb"))]
    #[test]
    fn a_codec_that_is_not_built_in_is_named_as_such() {
        let faults = faults(&sources(&[], &["media.codecs=[\"amr-wb\",\"pcmu\"]"]));
        assert!(faults.len() == 1 && faults[0].contains("not built into this server"), "{faults:?}");
    }

    #[test]
    fn a_named_file_must_exist_and_a_searched_one_need_not() {
        let missing = PathBuf::from("/nonexistent/plenary.toml");
        let named = Sources { file: Some(missing.clone()), ..Sources::default() };
        assert!(faults(&named)[0].starts_with("/nonexistent/plenary.toml: cannot be read"));
        let searched = Sources { search: vec![missing], ..Sources::default() };
        assert!(Settings::load(&searched).is_ok());
    }
}
