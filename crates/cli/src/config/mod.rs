//! Configuration: defaults, then a TOML file, then the environment, then flags; each later one wins.

mod environment;
mod layer;
mod show;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use snowbank_server::settings::{Settings, Span, Times};
use toml::{Table, Value};

use crate::args::{Serve, State};
use crate::error::{CliError, Result};
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
    let text = std::fs::read_to_string(path).map_err(|error| failed().because(error))?;
    // Parsed into the settings once by itself, so that the error names the line.
    toml::from_str::<Settings>(&text).map_err(|error| failed().because(Told(error.to_string())))?;
    text.parse().map_err(|error: toml::de::Error| failed().because(error))
}

/// What no single value shows to be wrong.
fn check(settings: &Settings) -> Result<()> {
    let wrong = |what: String| Err(CliError::usage("the configuration is not valid").because(Told(what)));
    if let Err(error) = settings.chunks.params() {
        return wrong(format!("chunks: {error}"));
    }
    if !(1..=19).contains(&settings.chunks.level) {
        return wrong(format!("chunks.level is {}, and zstd's levels are 1 to 19", settings.chunks.level));
    }
    if !(1 << 20..=256 << 20).contains(&settings.chunks.pack.0) {
        return wrong(format!("chunks.pack is {}, and packs have 1MiB to 256MiB", settings.chunks.pack));
    }
    if settings.buffers.0 < 32 << 20 {
        return wrong(format!("buffers is {}, and less than 32MiB does not work", settings.buffers));
    }
    if settings.jobs.repack_below > 95 {
        return wrong(format!(
            "jobs.repack_below is {}, and more than 95 would pack for ever",
            settings.jobs.repack_below
        ));
    }
    check_times(settings)?;
    for name in settings.repositories.keys() {
        if name.split('/').filter(|part| !part.is_empty()).count() != 2 {
            return wrong(format!("repositories.\"{name}\" is not a repository: it is written owner/name"));
        }
    }
    Ok(())
}

/// A span that ends before it begins would have the server run in circles, and one of aeons has no date at its end.
fn check_times(settings: &Settings) -> Result<()> {
    const AEON: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let Times { upload_idle, upload_url, download_url, body_idle, lease, grace, upkeep, shutdown } =
        &settings.times;
    let retention = settings.repositories.values().filter_map(|own| own.retention.as_ref());
    let longs = [
        ("times.upload_url", upload_url),
        ("times.download_url", download_url),
        ("times.grace", grace),
        ("times.shutdown", shutdown),
        ("limits.retention", &settings.limits.retention),
    ];
    let nonzero = [
        ("times.upload_idle", upload_idle),
        ("times.body_idle", body_idle),
        ("times.lease", lease),
        ("times.upkeep", upkeep),
    ];
    let wrong = |name: &str, span: &Span, what: &str| {
        let what = format!("{name} is {span}, and {what}");
        Err(CliError::usage("the configuration is not valid").because(Told(what)))
    };
    for (name, span) in nonzero {
        if span.0.is_zero() {
            return wrong(name, span, "it has to be longer");
        }
    }
    let longs = longs.into_iter().chain(nonzero).chain(retention.map(|span| ("retention", span)));
    for (name, span) in longs {
        if span.0 > AEON {
            return wrong(name, span, "a hundred years are the most");
        }
    }
    Ok(())
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
        ] {
            assert!(with(file, &[], Vec::new()).is_err(), "{file}");
        }
    }
}
