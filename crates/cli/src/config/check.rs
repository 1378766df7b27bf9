//! What no single value of the settings shows to be wrong.

use std::collections::BTreeSet;
use std::time::Duration;

use snowbank_nix::signature::PublicKey;
use snowbank_server::settings::{MAX_OIDC_TOKEN, Settings, Span, Times};

use super::Told;
use crate::error::{CliError, Result};

/// Checks settings that came from a file, the environment and flags.
pub(super) fn check(settings: &Settings) -> Result<()> {
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
    check_telemetry(settings)?;
    for name in settings.repositories.keys() {
        if name.split('/').filter(|part| !part.is_empty()).count() != 2 {
            return wrong(format!("repositories.\"{name}\" is not a repository: it is written owner/name"));
        }
    }
    check_caches(settings)?;
    check_issuers(settings)
}

fn check_caches(settings: &Settings) -> Result<()> {
    for (name, cache) in &settings.caches {
        let wrong = || CliError::usage(format!("the setting caches.{} is not valid", name.escape_debug()));
        cache.check(name).map_err(|error| wrong().because(error))?;
        for key in cache.upstreams.iter().flat_map(|upstream| &upstream.keys) {
            if let Err(error) = key.parse::<PublicKey>() {
                let what = format!("`{}` is no public key", key.escape_debug());
                return Err(wrong()
                    .because(Told(what))
                    .because(error)
                    .hint("it is written NAME:BASE64, as in Nix's trusted-public-keys"));
            }
        }
    }
    Ok(())
}

fn check_issuers(settings: &Settings) -> Result<()> {
    let wrong = || CliError::usage("the setting oidc is not valid");
    let mut seen = BTreeSet::new();
    for oidc in &settings.oidc {
        oidc.check().map_err(|error| wrong().because(error))?;
        if !seen.insert(oidc.issuer()) {
            let what = format!("the issuer {} is there twice", oidc.issuer());
            return Err(wrong().because(Told(what)).hint("put all of its rules into one [[oidc]]"));
        }
    }
    Ok(())
}

fn check_telemetry(settings: &Settings) -> Result<()> {
    let endpoint = &settings.telemetry.endpoint;
    let is_http = |url: url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
    if endpoint.is_empty() || endpoint.parse().is_ok_and(is_http) {
        return Ok(());
    }
    // It may hold a password, so it is not repeated.
    Err(CliError::usage("the setting telemetry.endpoint is not valid")
        .because(Told("it is no URL of http or https".to_owned()))
        .hint("it is the base URL of a collector that takes OTLP over HTTP, as in http://127.0.0.1:4318"))
}

/// A span that ends before it begins would have the server run in circles, and one of aeons has no date at its end.
fn check_times(settings: &Settings) -> Result<()> {
    const AEON: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
    let Times {
        upload_idle,
        upload_url,
        download_url,
        body_idle,
        lease,
        grace,
        oidc_token,
        push,
        upkeep,
        events,
        shutdown,
    } = &settings.times;
    let of_repositories = settings.repositories.values().filter_map(|own| own.retention.as_ref());
    let of_caches = settings.caches.values().filter_map(|own| own.retention.as_ref());
    let retention = of_repositories.chain(of_caches);
    let longs = [
        ("times.upload_url", upload_url),
        ("times.download_url", download_url),
        ("times.grace", grace),
        ("times.events", events),
        ("times.shutdown", shutdown),
        ("limits.retention", &settings.limits.retention),
    ];
    let nonzero = [
        ("times.upload_idle", upload_idle),
        ("times.body_idle", body_idle),
        ("times.lease", lease),
        ("times.oidc_token", oidc_token),
        ("times.push", push),
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
    if oidc_token.0 > MAX_OIDC_TOKEN {
        return wrong(
            "times.oidc_token",
            oidc_token,
            "15 minutes are the most: such a token cannot be revoked",
        );
    }
    let longs = longs.into_iter().chain(nonzero).chain(retention.map(|span| ("retention", span)));
    for (name, span) in longs {
        if span.0 > AEON {
            return wrong(name, span, "a hundred years are the most");
        }
    }
    Ok(())
}
