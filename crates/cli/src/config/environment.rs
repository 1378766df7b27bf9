//! Settings from the environment: `SNOWBANK_` and the dotted key in capitals, dots as underscores.

use std::collections::BTreeMap;

use snowbank_server::settings::Settings;
use toml::{Table, Value};

use super::layer::{NAMED, flatten};
use crate::error::{CliError, Result};

const PREFIX: &str = "SNOWBANK_";
/// Variables that are no settings of a server.
const OTHERS: [&str; 9] = [
    "SNOWBANK_CACHE",
    "SNOWBANK_CONFIG",
    "SNOWBANK_ID_TOKEN",
    "SNOWBANK_LOG",
    "SNOWBANK_LOG_FORMAT",
    "SNOWBANK_REMOTE",
    "SNOWBANK_SERVER",
    "SNOWBANK_STORE",
    "SNOWBANK_TOKEN",
];
/// Settings that have no default, and so do not show in the defaults.
const WITHOUT_DEFAULT: [&str; 1] = ["max_disk"];

/// A list of tables, which no variable can hold.
const IN_FILES: &str = "oidc";

/// The settings that the variables name: key, value, and the variable's name.
pub(crate) fn settings(variables: &BTreeMap<String, String>) -> Result<Vec<(String, Value, String)>> {
    let known = known();
    let mut found = Vec::new();
    for (name, text) in variables.range(PREFIX.to_owned()..) {
        let Some(key) = name.strip_prefix(PREFIX) else { break };
        if OTHERS.contains(&name.as_str()) {
            continue;
        }
        let Some((key, default)) = known.iter().find(|(known, _)| variable(known) == key) else {
            return Err(CliError::usage(format!("the environment variable {name} is no setting"))
                .hint("`snowbank config show` lists every setting; `limits.size` is SNOWBANK_LIMITS_SIZE"));
        };
        found.push((key.clone(), value(default, name, text)?, name.clone()));
    }
    Ok(found)
}

fn known() -> Vec<(String, Value)> {
    let defaults = Table::try_from(Settings::default()).unwrap_or_default();
    let mut known = flatten(&defaults);
    known.retain(|(key, _)| key != IN_FILES && !NAMED.contains(&key.as_str()));
    known.extend(WITHOUT_DEFAULT.map(|key| (key.to_owned(), Value::from(""))));
    known
}

fn variable(key: &str) -> String {
    key.to_ascii_uppercase().replace('.', "_")
}

/// The text as a value of the same kind as the default.
fn value(default: &Value, name: &str, text: &str) -> Result<Value> {
    let wrong =
        |kind| CliError::usage(format!("the environment variable {name} is `{text}`, and should be {kind}"));
    Ok(match default {
        Value::Boolean(_) => Value::from(text.parse::<bool>().map_err(|_| wrong("true or false"))?),
        Value::Integer(_) => Value::from(text.parse::<i64>().map_err(|_| wrong("a number"))?),
        Value::Array(_) => {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Value::Array(parts.map(Value::from).collect())
        }
        _ => Value::from(text),
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn every_setting_and_variable_is_on_the_page_of_the_configuration() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
        let page = std::fs::read_to_string(file).unwrap();
        let keys = known().into_iter().map(|(key, _)| key);
        let missing: Vec<_> = keys
            .chain(OTHERS.map(str::to_owned))
            .filter(|key| !page.contains(&format!("`{key}`")) && !page.contains(&format!("`{key}=")))
            .collect();
        assert!(missing.is_empty(), "docs/configuration.md says nothing of {missing:?}");
    }

    /// Whoever sets one for a command must still be able to start a server.
    #[test]
    fn what_arguments_read_is_taken_for_no_setting() {
        let mut commands = vec![crate::args::Args::command()];
        while let Some(command) = commands.pop() {
            let names = command.get_arguments().filter_map(|argument| argument.get_env()?.to_str());
            for name in names.filter(|name| name.starts_with(PREFIX)) {
                assert!(OTHERS.contains(&name), "{name}");
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
