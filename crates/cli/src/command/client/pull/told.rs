//! What a pull came to, for people and programs.

use std::time::Duration;

use serde_json::{Value, json};
use snowbank_actions::client::{ClientError, Traffic};
use snowbank_client::pull::{PullError, Report};
use snowbank_client::restore::{Paths, Stopped};
use snowbank_client::site::SitePlace;

use crate::command::client::progress::Progress;
use crate::command::client::writing::lacks_a_signature;
use crate::command::{bytes, counted};
use crate::error::{CliError, Result};

/// The last line.
pub(super) fn line(report: &Report, took: Duration, progress: &Progress) {
    let Report { restore, downloaded, local } = report;
    let upstream = match restore.upstream.count {
        0 => String::new(),
        count => format!(
            "; {} by the NAR ({}), {} received",
            counted(count, "path"),
            bytes(restore.upstream.bytes),
            bytes(restore.received)
        ),
    };
    progress.say(format!(
        "pulled {} ({}) in {:.1} s: {} downloaded, {} found in local files{upstream}; {} were there",
        counted(restore.restored.count, "path"),
        bytes(restore.restored.bytes),
        took.as_secs_f64(),
        bytes(*downloaded),
        bytes(*local),
        restore.found.count + restore.others.count,
    ));
}

/// The same for programs.
pub(super) fn json(report: &Report, traffic: Traffic, took: Duration) -> Value {
    let Report { restore, downloaded, local } = report;
    let paths = |paths: Paths| json!({"paths": paths.count, "bytes": paths.bytes});
    let missed = restore.missed.iter();
    let missed: Vec<Value> =
        missed.map(|(path, why)| json!({"path": path.to_string(), "why": why.to_string()})).collect();
    json!({
        "pulled": paths(restore.restored),
        "upstream": paths(restore.upstream),
        "found": paths(restore.found),
        "made_by_others": paths(restore.others),
        "downloaded": downloaded,
        "local": local,
        "received_from_upstream": restore.received,
        "seconds": took.as_secs_f64(),
        "missed": missed,
        "traffic": {"requests": traffic.requests, "sent": traffic.sent, "received": traffic.received},
    })
}

/// Whether all is there that was wanted.
pub(super) fn complete(report: &Report) -> Result<()> {
    let missed = &report.restore.missed;
    if missed.is_empty() {
        return Ok(());
    }
    let mut failed =
        CliError::failed(format!("{} could not be pulled", counted(missed.len() as u64, "path")));
    if let Some((path, why)) =
        missed.iter().find(|(_, why)| why.through.is_none()).or_else(|| missed.iter().next())
    {
        failed.causes.push(format!("{path}: {why}"));
    }
    if missed.values().any(lacks_a_signature) {
        failed = failed.hint(
            "the Nix daemon does not trust this user: add the cache's key to its `trusted-public-keys`, or the user to `trusted-users`",
        );
    }
    Err(match &report.restore.stopped {
        Some(Stopped::Room { .. }) => failed.hint("make room, or allow less with --min-free"),
        _ => failed.hint("what is complete is kept: the same command goes on from there"),
    })
}

/// A pull that came to nothing.
pub(super) fn failure(cache: &SitePlace, error: PullError) -> CliError {
    let hint = match &error {
        PullError::Client(error) if error.is_outage() => "is its server running?",
        PullError::Client(ClientError::Denied { .. } | ClientError::Missing { .. }) => {
            "a token comes from `snowbank token create --cache NAME:pull`, in --token-file, SNOWBANK_TOKEN or Nix's netrc file"
        }
        PullError::Unsigned(_) => "--no-check-sigs believes the cache whatever it says",
        PullError::Incomplete(_) | PullError::Upstream { .. } => {
            "name the caches that have it by --upstream and --upstream-key"
        }
        _ => "",
    };
    let failed = CliError::failed(format!("nothing was pulled from {cache}")).because(error);
    if hint.is_empty() { failed } else { failed.hint(hint) }
}
