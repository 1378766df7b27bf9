//! Tables of settings as flat lists of dotted keys, and back.

use toml::{Table, Value};

/// Tables whose keys are names of repositories and caches: they may hold dots, so they stay whole.
pub(crate) const NAMED: [&str; 2] = ["repositories", "caches"];

/// Every value of the table by its dotted key. The settings of all repositories are one value, and
/// those of all caches.
pub(crate) fn flatten(table: &Table) -> Vec<(String, Value)> {
    let mut flat = Vec::new();
    collect(table, "", &mut flat);
    flat
}

fn collect(table: &Table, prefix: &str, flat: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) if !NAMED.contains(&key.as_str()) => collect(inner, &key, flat),
            value => flat.push((key, value.clone())),
        }
    }
}

/// Sets the value of a dotted key.
pub(crate) fn insert(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
