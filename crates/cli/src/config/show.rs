//! Printing the configuration.

use toml::{Table, Value};

use super::Configuration;
use super::layer::flatten;

/// Settings that nobody may read over a shoulder.
const SECRETS: [&str; 3] = ["auth.forgejo.secret", "s3.secret_key", "s3.access_key"];

/// One line a setting: key, value, origin.
pub(crate) fn show_text(configuration: &Configuration) -> Vec<String> {
    let rows = rows(configuration);
    let width = rows.iter().map(|(key, value, _)| key.len() + value.to_string().len()).max().unwrap_or(0);
    let line = |(key, value, origin): &(String, Value, String)| {
        let set = format!("{key} = {value}");
        format!("{set:<0$}  # {origin}", width + 3)
    };
    rows.iter().map(line).collect()
}

/// The same as a JSON object.
pub(crate) fn show_json(configuration: &Configuration) -> serde_json::Value {
    let row = |(key, value, origin): (String, Value, String)| {
        (key, serde_json::json!({ "value": value, "origin": origin }))
    };
    serde_json::Value::Object(rows(configuration).into_iter().map(row).collect())
}

fn rows(configuration: &Configuration) -> Vec<(String, Value, String)> {
    let table = Table::try_from(&configuration.settings).unwrap_or_default();
    let mut flat = flatten(&table);
    if configuration.settings.max_disk.is_none() {
        flat.push(("max_disk".to_owned(), Value::from("none")));
    }
    flat.sort_by(|(a, _), (b, _)| a.cmp(b));
    let row = |(key, value): (String, Value)| {
        let origin = configuration.origins.get(&key).cloned().unwrap_or_else(|| "default".to_owned());
        (key.clone(), hidden(&key, value), origin)
    };
    flat.into_iter().map(row).collect()
}

fn hidden(key: &str, value: Value) -> Value {
    let text = match &value {
        Value::Table(table) => {
            let inner = table.iter().map(|(name, value)| (name.clone(), hidden(key, value.clone())));
            return Value::Table(inner.collect());
        }
        Value::Array(values) => {
            return Value::Array(values.iter().map(|value| hidden(key, value.clone())).collect());
        }
        Value::String(text) => text,
        _ => return value,
    };
    if SECRETS.contains(&key) && !text.is_empty() {
        return Value::from("(hidden)");
    }
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() => match url.set_password(Some("hidden")) {
            Ok(()) => Value::from(url.to_string()),
            Err(()) => Value::from("(hidden)"),
        },
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use snowbank_server::settings::{CacheSettings, CacheUpstream, Settings};

    use super::*;

    #[test]
    fn secrets_are_hidden() {
        let mut settings = Settings::default();
        settings.s3.secret_key = "open sesame".into();
        settings.database = "postgres://me:open-sesame@db/snowbank".into();
        let upstream = CacheUpstream { url: "https://me:open-sesame@cache/".into(), keys: Vec::new() };
        let cache = CacheSettings { upstreams: vec![upstream], ..CacheSettings::default() };
        settings.caches.insert("team".into(), cache);
        let shown = show_text(&Configuration { settings, origins: BTreeMap::new() }).join("\n");
        assert!(!shown.contains("sesame"), "{shown}");
        assert!(shown.contains("postgres://me:hidden@db/snowbank"), "{shown}");
    }
}
