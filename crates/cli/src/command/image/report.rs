//! Telling a server of ours what a push came to, for its dashboard. The push is done by then, so nothing that goes wrong
//! here is more than a line for whoever debugs.

use std::time::Duration;

use reqwest::{Client, StatusCode, Url};
use serde_json::{Value, json};
use snowbank_oci::push::{Outcome, Report};

use crate::args::image as args;
use crate::command::client::{Remote, nix_conf, site};

/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a push came to.
pub(super) struct Told<'a> {
    /// Where to, such as `ghcr.io/acme/app`.
    pub(super) destination: &'a str,
    pub(super) tag: &'a str,
    pub(super) digest: &'a str,
    /// One for each architecture.
    pub(super) reports: &'a [Report],
    pub(super) took: Duration,
}

/// Who is told, and by which token.
struct Listener {
    url: Url,
    token: String,
    /// The binary cache that the token is for; none for a job's token.
    cache: Option<String>,
}

/// Tells whom the arguments or the job's environment name, if anybody.
pub(super) async fn tell(args: &args::From, told: &Told<'_>) {
    let Some(Listener { url, token, cache }) = listener(args) else { return };
    let Ok(client) = Client::builder().timeout(PATIENCE).build() else { return };
    let answer = client.post(url).bearer_auth(token).json(&report(told, cache.as_deref())).send().await;
    match answer.map(|answer| answer.status()) {
        // It is not ours, or older.
        Ok(StatusCode::NOT_FOUND) => {}
        Ok(status) if status.is_success() => {}
        Ok(status) => tracing::debug!(%status, "the server does not want to be told of the push"),
        Err(error) => {
            let error = error.without_url();
            tracing::debug!(%error, "the server could not be told of the push");
        }
    }
}

fn listener(args: &args::From) -> Option<Listener> {
    let job = Remote::server(args.remote.as_deref()).and_then(|(url, token)| {
        let url = format!("{}/api/v1/image-pushes", url.trim_end_matches('/')).parse().ok()?;
        Some(Listener { url, token, cache: None })
    });
    job.or_else(|| {
        let url = args.records.as_deref().or(args.from.as_deref())?;
        let (site, token) = site(url, "--from", args.trust.token_file.as_deref(), &nix_conf().ok()?).ok()?;
        let cache = site.place().cache().path_segments()?.next_back()?.to_owned();
        Some(Listener { url: beside(&site.place().call("")), token: token?, cache: Some(cache) })
    })
}

/// The call's URL, of that of a binary cache in the API, `.../api/v1/nix/NAME`.
fn beside(cache: &Url) -> Url {
    let mut url = cache.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().pop().pop().push("image-pushes");
    }
    url
}

fn report(told: &Told<'_>, cache: Option<&str>) -> Value {
    let Told { destination, tag, digest, reports, took } = told;
    let sum = |wanted: &[Outcome]| {
        let sums = reports.iter().flat_map(|report| wanted.iter().map(|outcome| report.sum(*outcome)));
        sums.fold((0, 0), |(count, size), (more, bytes)| (count + more, size + bytes))
    };
    let (reused, there) = sum(&[Outcome::Exists, Outcome::Mounted]);
    let (sent, bytes) = sum(&[Outcome::Uploaded]);
    json!({
        "cache": cache,
        "destination": destination,
        "tag": tag,
        "digest": digest,
        "layers_reused": reused,
        "layers_sent": sent,
        "bytes_sent": bytes,
        "bytes_total": there + bytes,
        "duration_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_call_lies_beside_the_caches() {
        let url = |text: &str| beside(&text.parse().unwrap()).to_string();
        assert_eq!(url("http://h:1/api/v1/nix/team"), "http://h:1/api/v1/image-pushes");
        assert_eq!(url("https://h/under/api/v1/nix/team/"), "https://h/under/api/v1/image-pushes");
    }
}
