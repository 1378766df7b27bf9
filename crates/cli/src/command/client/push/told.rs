//! What a push came to, for people and programs.

use std::time::Duration;

use serde_json::{Value, json};
use snowbank_actions::client::{ClientError, Traffic};
use snowbank_client::push::{PushError, Pushed};
use snowbank_client::save::Amount;
use snowbank_client::site::SitePlace;

use crate::command::client::progress::Progress;
use crate::command::{bytes, counted};
use crate::error::{CliError, Result};

/// Paths that are named when something is left.
const NAMED: usize = 20;

/// The last line.
pub(super) fn line(pushed: &Pushed, took: Duration, progress: &Progress) {
    for (path, why) in pushed.left.iter().take(NAMED) {
        progress.warn(&format!("{path} was not pushed: {why}"));
    }
    let upstream = match pushed.upstream.count {
        0 => String::new(),
        count => format!(", {} left to upstream caches", counted(count, "path")),
    };
    progress.say(format!(
        "pushed {} ({}) in {:.1} s: {} sent in {}; {} were there{upstream}",
        counted(pushed.published.count, "path"),
        bytes(pushed.published.bytes),
        took.as_secs_f64(),
        bytes(pushed.sent.bytes),
        counted(pushed.sent.count, "pack"),
        pushed.there.count,
    ));
}

/// The same for programs.
pub(super) fn json(pushed: &Pushed, traffic: Traffic, took: Duration) -> Value {
    let paths = |amount: Amount| json!({"paths": amount.count, "bytes": amount.bytes});
    json!({
        "pushed": paths(pushed.published),
        "there": paths(pushed.there),
        "upstream": paths(pushed.upstream),
        "read": paths(pushed.read),
        "new_bytes": pushed.fresh,
        "sent": {"packs": pushed.sent.count, "bytes": pushed.sent.bytes},
        "seconds": took.as_secs_f64(),
        "left": pushed.left.iter().map(|(path, why)| json!({"path": path.to_string(), "why": why})).collect::<Vec<_>>(),
        "traffic": {"requests": traffic.requests, "sent": traffic.sent, "received": traffic.received},
    })
}

/// Whether all is there that was wanted.
pub(super) fn complete(pushed: &Pushed) -> Result<()> {
    if pushed.left.is_empty() {
        return Ok(());
    }
    let left = counted(pushed.left.len() as u64, "path");
    Err(CliError::failed(format!("{left} could not be pushed"))
        .hint("`nix-store --verify --check-contents` finds out what is wrong with them"))
}

/// A push that came to nothing.
pub(in crate::command::client) fn failure(cache: &SitePlace, error: PushError) -> CliError {
    let hint = match &error {
        PushError::Client(error) if error.is_outage() => {
            "is its server running? what was sent so far waits there: the same command goes on from it"
        }
        PushError::Client(ClientError::Denied { .. } | ClientError::Missing { .. }) => {
            "a token comes from `snowbank token create --cache NAME:push`, in --token-file, SNOWBANK_TOKEN or Nix's netrc file"
        }
        PushError::Client(ClientError::Rejected { message, .. }) if message.contains("upstreams have") => {
            "--keep-upstream pushes also what upstream caches have, if the cache does not know of these"
        }
        _ => "",
    };
    let failed = CliError::failed(format!("nothing was pushed to {cache}")).because(error);
    if hint.is_empty() { failed } else { failed.hint(hint) }
}
