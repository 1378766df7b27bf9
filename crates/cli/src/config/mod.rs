//! Configuration: defaults, then a TOML file, then the environment, then flags; each later one wins.

mod check;
mod environment;
mod layer;
mod show;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use snowbank_server::settings::Settings;
use toml::{Table, Value};

use crate::args::{Serve, State};
use crate::error::{CliError, Result};
use check::check;
use layer::{flatten, insert};

pub(crate) use show::{show_json, show_text};

/// Settings, and for each where its value came from.
#[derive(Debug)]
pub(crate) struct Configuration {
    /// The result.
    pub settings: Settings,
    /// By dotted key, the origin of every value that is not a default.
    pub origins: BTreeMap<String, String>,
}

/// Reads the configuration as the flags of `state` and the environment say.
pub(crate) fn read(state: &State, flags: Vec<(&'static str, Value)>) -> Result<Configuration> {
    let variables: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    merge(state, &variables, flags)
}

/// The flags of `serve` as settings.
pub(crate) fn serve_flags(serve: &Serve) -> Vec<(&'static str, Value)> {
    let mut flags = Vec::new();
    if let Some(listen) = &serve.listen {
        flags.push(("listen", Value::from(listen.clone())));
    }
    if serve.trust_loopback {
        flags.push(("auth.trust_loopback", Value::from(true)));
    }
    if serve.pause_recoding {
        flags.push(("jobs.recode", Value::from(false)));
    }
    flags
}

fn merge(
    state: &State,
    variables: &BTreeMap<String, String>,
    flags: Vec<(&'static str, Value)>,
) -> Result<Configuration> {
    let mut merged = Table::new();
    let mut origins = BTreeMap::new();
    let mut put = |merged: &mut Table, key: &str, value: Value, origin: &str| {
        insert(merged, key, value);
        origins.insert(key.to_owned(), origin.to_owned());
    };
    let named = state.config.clone().or_else(|| variables.get("SNOWBANK_CONFIG").map(PathBuf::from));
    if let Some(path) = named {
        for (key, value) in flatten(&read_file(&path)?) {
            put(&mut merged, &key, value, &format!("file {}", path.display()));
        }
    }
    for (key, value, name) in environment::settings(variables)? {
        put(&mut merged, &key, value, &format!("environment {name}"));
    }
    let shared = [("data", &state.data), ("database", &state.database), ("storage", &state.storage)];
    let shared = shared.into_iter().filter_map(|(key, value)| Some((key, Value::from(value.clone()?))));
    for (key, value) in shared.chain(flags) {
        put(
            &mut merged,
            key,
            value,
            &format!("flag --{}", key.rsplit('.').next().unwrap_or(key).replace('_', "-")),
        );
    }
    let settings: Settings = serde_path_to_error::deserialize(Value::Table(merged)).map_err(|error| {
        let key = error.path().to_string();
        let of = origins.get(&key).map_or_else(String::new, |origin| format!(" ({origin})"));
        CliError::usage(format!("the setting {key}{of} is not valid"))
            .because(Told(error.inner().message().to_owned()))
    })?;
    check(&settings)?;
    Ok(Configuration { settings, origins })
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Told(String);

fn read_file(path: &Path) -> Result<Table> {
    let failed = || CliError::usage(format!("could not read the configuration file {}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| {
        failed().because(error).hint(
            "--config and SNOWBANK_CONFIG name it; without one the defaults hold, which `snowbank config show` prints",
        )
    })?;
    // Parsed into the settings once by itself, so that the error names the line.
    toml::from_str::<Settings>(&text).map_err(|error| failed().because(Told(error.to_string())))?;
    text.parse().map_err(|error: toml::de::Error| failed().because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(
        file: &str,
        variables: &[(&str, &str)],
        flags: Vec<(&'static str, Value)>,
    ) -> Result<Configuration> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snowbank.toml");
        std::fs::write(&path, file).unwrap();
        let state = State { config: Some(path), ..State::default() };
        let variables = variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        merge(&state, &variables, flags)
    }

    #[test]
    fn flags_beat_the_environment_and_that_beats_the_file() {
        let file = "listen = 'file:1'\ndata = 'file'\nmax_disk = '5GB'\n";
        let variables = [("SNOWBANK_LISTEN", "env:1"), ("SNOWBANK_DATA", "env")];
        let done = with(file, &variables, vec![("listen", Value::from("flag:1"))]).unwrap();
        assert_eq!(done.settings.listen, "flag:1");
        assert_eq!(done.settings.data, "env");
        assert_eq!(done.settings.max_disk.unwrap().0, 5_000_000_000);
        assert_eq!(done.origins["listen"], "flag --listen");
        assert_eq!(done.origins["data"], "environment SNOWBANK_DATA");
        assert!(done.origins["max_disk"].starts_with("file "));
    }

    #[test]
    fn a_value_that_is_none_is_named_with_its_origin() {
        let error = with("", &[("SNOWBANK_LIMITS_SIZE", "a lot")], Vec::new()).unwrap_err();
        assert_eq!(error.message, "the setting limits.size (environment SNOWBANK_LIMITS_SIZE) is not valid");
    }

    #[test]
    fn unknown_keys_are_errors_that_name_the_key() {
        let error = with("[limits]\nsise = '5GB'\n", &[], Vec::new()).unwrap_err();
        assert!(error.causes[0].contains("sise"), "{error:?}");
        let error = with("", &[("SNOWBANK_LIMITS_SISE", "5GB")], Vec::new()).unwrap_err();
        assert!(error.message.contains("SNOWBANK_LIMITS_SISE"), "{error:?}");
    }

    #[test]
    fn repositories_keep_their_dots_and_slashes() {
        let done = with("[repositories.\"acme/app.js\"]\nsize = '1GB'\n", &[], Vec::new()).unwrap();
        assert_eq!(done.settings.limits_of("acme/app.js").size.0, 1_000_000_000);
    }

    #[test]
    fn caches_and_issuers_come_from_the_file() {
        let rule = "{ claims = { repository = 'acme/*' }, caches = ['team-*'], rights = ['push'] }";
        let file = format!(
            "[caches.\"team-1.x\"]\npublic = true\n\
             [[oidc]]\nissuer = 'https://i.example'\naudience = 'snow'\nrules = [{rule}]\n"
        );
        let settings = with(&file, &[], Vec::new()).unwrap().settings;
        assert!(settings.caches["team-1.x"].public);
        assert_eq!(settings.cache_owner("team-1.x"), Some("team-1.x"));
        assert_eq!(settings.oidc[0].rules[0].claims["repository"], "acme/*");
        assert!(with("", &[("SNOWBANK_OIDC", "x")], Vec::new()).is_err());
    }

    #[test]
    fn lists_and_numbers_come_from_the_environment() {
        let variables = [
            ("SNOWBANK_AUTH_GITHUB_ALLOW", "17, acme/*"),
            ("SNOWBANK_LIMITS_UPLOADS_PER_MINUTE", "200"),
            ("SNOWBANK_AUTH_TRUST_LOOPBACK", "true"),
        ];
        let settings = with("", &variables, Vec::new()).unwrap().settings;
        assert_eq!(settings.auth.github.allow, ["17", "acme/*"]);
        assert_eq!(settings.limits.uploads_per_minute, 200);
        assert!(settings.auth.trust_loopback);
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        for file in [
            "[chunks]\nmin = '1MiB'",
            "[chunks]\nlevel = 40",
            "buffers = '1MiB'",
            "[repositories.app]\n",
            "[times]\nlease = '0s'",
            "[times]\nupkeep = '0s'",
            "[times]\ndownload_url = '500000000000y'",
            "[repositories.\"acme/app\"]\nretention = '101y'",
            "[times]\noidc_token = '16m'",
            "[telemetry]\nendpoint = 'collector:4318'",
            "[metrics]\nport = 1",
            "[times]\noidc_token = '0s'",
            "[caches.Team]\n",
            "[caches.team]\nretention = '101y'",
            "[caches.team]\nupstreams = [{ url = 'https://c.example', keys = ['nonsense'] }]",
            "[[oidc]]\nissuer = 'http://i.example'\naudience = 'snow'",
            "[[oidc]]\nissuer = 'https://i.example'\naudience = 'a'\n[[oidc]]\nissuer = 'https://i.example/'\naudience = 'b'",
        ] {
            assert!(with(file, &[], Vec::new()).is_err(), "{file}");
        }
    }
}
