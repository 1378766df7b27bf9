//! What an image of store paths runs, from the arguments.

use std::collections::{BTreeMap, BTreeSet};

use snowbank_oci::config::{Healthcheck, ImageConfig, Timestamp};
use snowbank_oci::volumes::{Owner, Volumes};

use crate::args::image as args;
use crate::error::{CliError, Result};

/// What the image runs.
///
/// # Errors
/// When an argument cannot be right.
pub(super) fn config(args: &args::Config) -> Result<ImageConfig> {
    for text in &args.env {
        pair("--env", text)?;
    }
    let labels: BTreeMap<String, String> =
        args.label.iter().map(|text| pair("--label", text)).collect::<Result<_>>()?;
    Ok(ImageConfig {
        user: args.user.clone().unwrap_or_default(),
        exposed_ports: args.expose.iter().map(|text| port(text)).collect::<Result<BTreeSet<_>>>()?,
        env: args.env.clone(),
        entrypoint: words("--entrypoint", &args.entrypoint)?,
        cmd: words("--cmd", &args.command)?,
        volumes: args.volume.iter().cloned().collect(),
        working_dir: args.workdir.clone().unwrap_or_default(),
        labels,
        stop_signal: args.stop_signal.clone().unwrap_or_default(),
        healthcheck: args.healthcheck.as_deref().map(healthcheck).transpose()?,
        ..ImageConfig::default()
    })
}

/// The folders that outlive the container, where it is known whose they are.
///
/// # Errors
/// When one cannot be.
pub(super) fn volumes(args: &args::Config) -> Result<Option<Volumes>> {
    let owner = args.user.as_deref().and_then(Owner::of).filter(|_| !args.volume.is_empty());
    let made = owner.map(|owner| Volumes::new(args.volume.iter().map(String::as_str), owner));
    made.transpose().map_err(|error| CliError::usage("--volume is not valid").because(error))
}

/// The arguments that only an image of store paths has a use for: the first that was given.
pub(super) fn given(args: &args::Config, layers: &args::Layers) -> Option<&'static str> {
    let given = [
        ("--entrypoint", !args.entrypoint.is_empty()),
        ("--cmd", !args.command.is_empty()),
        ("--env", !args.env.is_empty()),
        ("--workdir", args.workdir.is_some()),
        ("--user", args.user.is_some()),
        ("--expose", !args.expose.is_empty()),
        ("--volume", !args.volume.is_empty()),
        ("--stop-signal", args.stop_signal.is_some()),
        ("--healthcheck", args.healthcheck.is_some()),
        ("--arch", args.arch.is_some()),
        ("--layer", !layers.named.is_empty()),
        ("--nix-database", layers.nix_database),
    ];
    given.iter().find(|(_, given)| *given).map(|(name, _)| *name)
}

/// When the image says that it was made: what is asked for, else SOURCE_DATE_EPOCH.
///
/// # Errors
/// When it is no time.
pub(super) fn created(args: &args::Config, epoch: Option<String>) -> Result<Option<Timestamp>> {
    if let Some(text) = &args.created {
        let time = text.parse().map_err(|error| CliError::usage("--created is not valid").because(error))?;
        return Ok(Some(time));
    }
    let Some(text) = epoch.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = text.parse().ok().and_then(Timestamp::of_epoch);
    time.map(Some).ok_or_else(|| CliError::usage("SOURCE_DATE_EPOCH is no count of seconds"))
}

/// This machine's processor in Go's words.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

/// One array of words, or a word each.
fn words(name: &str, given: &[String]) -> Result<Vec<String>> {
    match given {
        [one] if one.trim_start().starts_with('[') => serde_json::from_str(one)
            .map_err(|error| CliError::usage(format!("{name} is no JSON array of words")).because(error)),
        words => Ok(words.to_vec()),
    }
}

/// A JSON array of words, or a command for a shell.
fn healthcheck(command: &str) -> Result<Healthcheck> {
    let test = if command.trim_start().starts_with('[') {
        let words = words("--healthcheck", &[command.to_owned()])?;
        std::iter::once("CMD".to_owned()).chain(words).collect()
    } else {
        vec!["CMD-SHELL".to_owned(), command.to_owned()]
    };
    Ok(Healthcheck { test, ..Healthcheck::default() })
}

fn pair(name: &str, text: &str) -> Result<(String, String)> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => {
            Err(CliError::usage(format!("{name} {} is not valid: NAME=VALUE is wanted", text.escape_debug())))
        }
    }
}

/// With its protocol.
fn port(text: &str) -> Result<String> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number: Option<u16> = number.parse().ok().filter(|number| *number > 0);
    match (number, protocol) {
        (Some(number), "tcp" | "udp" | "sctp") => Ok(format!("{number}/{protocol}")),
        _ => Err(CliError::usage(format!("--expose {} is no port", text.escape_debug()))
            .hint("ports are written as 8188 or 53/udp")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_given_one_by_one_or_as_an_array() {
        let given =
            |given: &[&str]| words("--cmd", &given.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
        assert_eq!(given(&["a b", "-c"]).unwrap(), ["a b", "-c"]);
        assert_eq!(given(&[r#"["a b", "-c"]"#]).unwrap(), ["a b", "-c"]);
        assert!(given(&["[a"]).is_err());
    }

    #[test]
    fn health_is_asked_with_or_without_a_shell() {
        let test = |command: &str| healthcheck(command).unwrap().test;
        assert_eq!(test("curl -f x || exit 1"), ["CMD-SHELL", "curl -f x || exit 1"]);
        assert_eq!(test(r#"["/bin/snowbank", "health"]"#), ["CMD", "/bin/snowbank", "health"]);
        assert!(healthcheck("[ -e /ok ]").is_err());
    }

    #[test]
    fn volumes_are_made_for_a_user_of_a_known_number() {
        let given = |user: Option<&str>, volume: &[&str]| {
            volumes(&args::Config {
                user: user.map(str::to_owned),
                volume: volume.iter().map(|&folder| folder.to_owned()).collect(),
                ..args::Config::default()
            })
        };
        assert!(given(Some("1000"), &["/data"]).unwrap().is_some());
        assert!(given(Some("1000"), &[]).unwrap().is_none());
        assert!(given(Some("app"), &["/data"]).unwrap().is_none());
        assert!(given(None, &["/data"]).unwrap().is_none());
        assert!(given(Some("1000"), &["data"]).unwrap_err().causes[0].contains("\"data\""));
    }

    #[test]
    fn ports_have_a_protocol() {
        assert_eq!(port("80").unwrap(), "80/tcp");
        assert_eq!(port("53/udp").unwrap(), "53/udp");
        for bad in ["", "0", "65536", "80/http", "-1"] {
            assert!(port(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn times_come_from_the_argument_first() {
        let args =
            args::Config { created: Some("2026-01-02T03:04:05Z".to_owned()), ..args::Config::default() };
        let text = |time: Option<Timestamp>| time.map(|time| time.as_str().to_owned());
        assert_eq!(text(created(&args, Some("1".into())).unwrap()).unwrap(), "2026-01-02T03:04:05Z");
        let none = args::Config::default();
        assert_eq!(text(created(&none, Some("1".into())).unwrap()).unwrap(), "1970-01-01T00:00:01Z");
        assert_eq!(created(&none, None).unwrap(), None);
        assert!(created(&none, Some("now".into())).is_err());
    }
}
