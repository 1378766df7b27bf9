//! The cache service: which one, whether it answers, what it speaks, and whom it lets in.

use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::{Client, StatusCode};
use rustix::fs::{Access, access};
use snowbank_actions::client::{CacheClient, ClientError, Found, Says, Token};
use snowbank_client::doctor::service::{Forge, Told, not_v2, of_actions, unknown, unreached};
use snowbank_client::doctor::version::versions;
use snowbank_client::doctor::{Finding, Level, token};
use snowbank_client::series::Versions;
use snowbank_client::text::chain;
use url::Url;

use super::ask::{client, get};
use crate::args::doctor::Doctor;
use crate::command::client::{Remote, ServicePlace, is_githubs, place_at, system};
use crate::command::github::variable;
use crate::error::CliError;

/// Questions of which the quickest counts.
const TRIES: usize = 3;

/// What is looked up where nobody says what.
const PROBE: &str = "snowbank-doctor";

/// A service that answers as it should.
pub(super) struct Service {
    pub(super) url: String,
    pub(super) token: String,
    pub(super) client: CacheClient,
    pub(super) says: Says,
    /// Whether it is a Snowbank server, and so has its API.
    pub(super) is_ours: bool,
    pub(super) round_trip: Duration,
    /// What it found for the key that was asked for.
    pub(super) found: Option<Found>,
}

/// Looks at the service; none where there is none to go on with.
pub(super) async fn look(args: &Doctor, found: &mut Vec<Finding>) -> Option<Service> {
    let told = told();
    match Remote::place(args.remote.as_deref()) {
        Err(error) => found.push(not_told(args, error)),
        Ok(None) if args.server.is_some() && told.forge == Forge::None => {}
        Ok(None) => found.push(unknown(told)),
        Ok(Some(ServicePlace::Folder(folder))) => found.push(of_folder(&folder)),
        Ok(Some(ServicePlace::Url { url, .. })) if args.offline => {
            let seen = format!("{} is named, and --offline says not to ask it", host(&url));
            found.push(Finding::new(
                Level::Note,
                "service-not-asked",
                "the cache service was not asked",
                seen,
            ));
        }
        Ok(Some(ServicePlace::Url { url, token })) => {
            if args.remote.is_none() {
                found.extend(of_actions(told));
            }
            return asked(args, url, token, told.forge, found).await;
        }
    }
    None
}

fn told() -> Told {
    let has = |name: &str| variable(name).is_some();
    Told {
        forge: Forge::of(variable),
        results_url: has("ACTIONS_RESULTS_URL"),
        cache_url: has("ACTIONS_CACHE_URL"),
        token: has("ACTIONS_RUNTIME_TOKEN"),
        v2: has("ACTIONS_CACHE_SERVICE_V2"),
    }
}

fn not_told(args: &Doctor, error: CliError) -> Finding {
    let url = args.remote.as_deref().filter(|remote| remote.starts_with("http"));
    if let Some(url) = url
        && variable("SNOWBANK_TOKEN").or_else(|| variable("ACTIONS_RUNTIME_TOKEN")).is_none()
    {
        return token::missing(&host(url));
    }
    let found =
        Finding::new(Level::Problem, "service-unusable", "the cache service cannot be asked", error.line());
    error.hints.into_iter().fold(found, Finding::hint)
}

fn of_folder(folder: &Path) -> Finding {
    let at = folder.display();
    let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let nearest = whole.ancestors().find(|folder| folder.exists()).unwrap_or(folder);
    let writable = access(nearest, Access::WRITE_OK).is_ok();
    match (folder.is_dir(), writable) {
        (true, true) => {
            Finding::new(Level::Ok, "service-folder", "snapshots are in a folder", at.to_string())
        }
        (false, true) => Finding::new(
            Level::Note,
            "service-folder-new",
            "nothing was saved yet",
            format!("there is no {at}; the first save makes it"),
        ),
        (_, false) => Finding::new(
            Level::Problem,
            "service-folder-read-only",
            "the folder cannot be written to",
            format!("this user may not write to {}", nearest.display()),
        )
        .hint("name a folder of this user's with --remote DIR"),
    }
}

async fn asked(
    args: &Doctor,
    url: String,
    token: String,
    forge: Forge,
    found: &mut Vec<Finding>,
) -> Option<Service> {
    let host = host(&url);
    let http = Client::new();
    let client = match client(&url, &token) {
        Ok(client) => client,
        Err(why) => {
            found.push(unreached(&host, &why));
            return None;
        }
    };
    let base = url.trim_end_matches('/').to_owned();
    let mut quickest: Option<(Duration, bool)> = None;
    for _ in 0..TRIES {
        match get(&http, &format!("{base}/healthz"), None).await {
            Ok(answer) => {
                let ours = answer.status == StatusCode::OK && answer.body == b"ok\n";
                quickest =
                    Some(quickest.map_or((answer.took, ours), |(took, _)| (took.min(answer.took), ours)));
            }
            Err(why) => {
                found.push(unreached(&host, &why));
                return None;
            }
        }
    }
    let (round_trip, is_ours) = quickest?;
    let says = Token::new(token.as_str()).says();
    let (key, version) = question(args);
    let looked = client.lookup(&key, &args.restore_keys, &version).await;
    let entry = match looked {
        Ok(entry) => entry,
        Err(error) => {
            found.push(failed(error, &http, &base, &host, forge, &says).await);
            return None;
        }
    };
    let what = match is_ours {
        true => "a Snowbank server",
        false if is_githubs(&url) => "GitHub's own service",
        false => "a cache service",
    };
    let seen = format!("{host} is {what}, and speaks version 2 of the cache protocol");
    found.push(Finding::new(Level::Ok, "service", "the cache service answers", seen));
    let repository = args.repo.clone().or_else(|| variable("GITHUB_REPOSITORY"));
    found.extend(token::admitted(&says, repository.as_deref(), SystemTime::now()));
    Some(Service { url: base, token, client, says, is_ours, round_trip, found: entry })
}

/// What a job would ask: `actions/cache` where paths are named, else `snowbank`.
fn question(args: &Doctor) -> (String, String) {
    let ours = || Versions::new(&system(), place_at(args.store.as_deref()).dir()).index;
    match (&args.key, args.paths.is_empty()) {
        (None, _) => (PROBE.to_owned(), PROBE.to_owned()),
        (Some(key), true) => (format!("{key}#"), ours()),
        (Some(key), false) => {
            let [(_, zstd), _] = versions(&args.paths);
            (key.clone(), zstd)
        }
    }
}

async fn failed(
    error: ClientError,
    http: &Client,
    base: &str,
    host: &str,
    forge: Forge,
    says: &Says,
) -> Finding {
    let said = chain(&error);
    match error {
        ClientError::Denied { .. } => token::refused(says, &said, SystemTime::now()),
        error if error.is_outage() => unreached(host, &said),
        _ => {
            let url = format!("{base}/_apis/artifactcache/cache?keys={PROBE}&version={PROBE}");
            let older = get(http, &url, None).await;
            let speaks = older.is_ok_and(|answer| {
                answer.status.is_success()
                    || matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            });
            not_v2(forge, host, speaks, &said)
        }
    }
}

/// A URL without what may be secret in it.
pub(super) fn host(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "the service".to_owned() };
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
