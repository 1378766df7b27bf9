//! The keys that are there, whether the next lookup hits, and the limits.

use std::io::Read;
use std::time::SystemTime;

use snowbank_actions::client::ClientError;
use snowbank_actions::client::rest::{CacheEntry, Filter};
use snowbank_actions::limits::REPOSITORY_BYTES;
use snowbank_client::doctor::keys::{Answer, Question, Removal, answer, listed, lookup};
use snowbank_client::doctor::version::{of_entries, versions};
use snowbank_client::doctor::{Finding, Level, limits};
use snowbank_client::series::Versions;
use snowbank_client::text::chain;

use super::api::Api;
use super::sample;
use super::service::Service;
use crate::args::doctor::Doctor;
use crate::command::client::{place_at, system};
use crate::command::github::variable;

/// Entries that are looked at: a hundred are a request.
const MOST: usize = 1000;

/// Bytes of a job's event that are read; a larger one is taken for none.
const MAX_EVENT: u64 = 4 << 20;

pub(super) async fn look(args: &Doctor, service: Option<&Service>, found: &mut Vec<Finding>) {
    // A folder has no API.
    let folder = args.remote.as_ref().is_some_and(|remote| !remote.contains("://"));
    if args.offline || (folder && args.server.is_none()) {
        return;
    }
    let entries = match Api::of(args, service) {
        Ok(api) => of_api(args, service, &api, found).await,
        Err(finding) => {
            found.push(finding);
            None
        }
    };
    if let Some(service) = service {
        let size = entries.as_deref().and_then(|entries| {
            match answer(entries, &question(args, Some(service), entries)?) {
                Answer::Hit(entry) | Answer::Partial(entry) => Some(entry.size),
                _ => None,
            }
        });
        found.push(sample::look(args, service, size).await);
    }
}

async fn of_api(
    args: &Doctor,
    service: Option<&Service>,
    api: &Api,
    found: &mut Vec<Finding>,
) -> Option<Vec<CacheEntry>> {
    let now = SystemTime::now();
    let entries = match listed_entries(args, api).await {
        Ok(entries) => entries,
        Err(error) => {
            found.push(refused(&error));
            return None;
        }
    };
    let removed = api.removals().await;
    match question(args, service, &entries) {
        Some(question) => of_key(args, api, &entries, &question, &removed, found).await,
        None => found.push(listed(&entries, now)),
    }
    usage(api, found).await;
    found.extend(limits::evicted(&removed, now));
    Some(entries)
}

/// The entries that were saved last and, where there are more, those that begin with what is asked for.
async fn listed_entries(args: &Doctor, api: &Api) -> Result<Vec<CacheEntry>, ClientError> {
    let list = api.rest.list(&api.repository, &Filter::default(), MOST).await?;
    let mut entries = list.entries;
    if !list.complete {
        for key in args.key.iter().chain(&args.restore_keys) {
            let filter = Filter { key_prefix: Some(key.clone()), scope: None };
            for entry in api.rest.list(&api.repository, &filter, MOST).await?.entries {
                if !entries.iter().any(|known| known.id == entry.id) {
                    entries.push(entry);
                }
            }
        }
    }
    Ok(entries)
}

async fn of_key(
    args: &Doctor,
    api: &Api,
    entries: &[CacheEntry],
    question: &Question,
    removed: &[Removal],
    found: &mut Vec<Finding>,
) {
    found.push(lookup(entries, question, removed, SystemTime::now()));
    if !matches!(answer(entries, question), Answer::Hit(_))
        && let Some((why, at)) = api.last_miss(&question.key).await
    {
        let seen = format!("{at}: {why}");
        found.push(Finding::new(
            Level::Note,
            "key-last-miss",
            "why the last lookup missed, as the server noted it",
            seen,
        ));
    }
    if !args.paths.is_empty() {
        let keys: Vec<_> = std::iter::once(&question.key).chain(&question.restore_keys).cloned().collect();
        found.push(of_entries(entries, &keys, &args.paths));
    }
}

/// What a job will look up, where a key is named: with paths `actions/cache`, else `snowbank`, unless nothing that is there
/// was saved by it.
fn question(args: &Doctor, service: Option<&Service>, entries: &[CacheEntry]) -> Option<Question> {
    let key = args.key.clone()?;
    let ours = Versions::new(&system(), place_at(args.store.as_deref()).dir()).index;
    let begins = |entry: &&CacheEntry| {
        std::iter::once(&key).chain(&args.restore_keys).any(|key| entry.key.starts_with(key))
    };
    let mut like = entries.iter().filter(begins).peekable();
    let series = args.paths.is_empty() && (like.peek().is_none() || like.any(|entry| entry.version == ours));
    let versions = match args.paths.as_slice() {
        [] if series => vec![ours],
        [] => Vec::new(),
        paths => versions(paths).map(|(_, version)| version).into(),
    };
    let scopes = service.and_then(|service| service.says.scopes.clone());
    let read = scopes.map_or_else(refs, |scopes| scopes.read);
    Some(Question { key, series, restore_keys: args.restore_keys.clone(), versions, read })
}

/// The refs that a job reads whose token is not known, from the least to be told: none where its event does not say
/// which branch is the default one, since every job reads that.
fn refs() -> Vec<String> {
    let Some(default) = default_branch() else { return Vec::new() };
    let base = variable("GITHUB_BASE_REF").map(|base| format!("refs/heads/{base}"));
    let mut read = Vec::new();
    for scope in variable("GITHUB_REF").into_iter().chain(base).chain([format!("refs/heads/{default}")]) {
        if !read.contains(&scope) {
            read.push(scope);
        }
    }
    read
}

/// The default branch, as the file of the job's event tells it.
fn default_branch() -> Option<String> {
    let mut text = Vec::new();
    let file = std::fs::File::open(variable("GITHUB_EVENT_PATH")?).ok()?;
    file.take(MAX_EVENT).read_to_end(&mut text).ok()?;
    let event: serde_json::Value = serde_json::from_slice(&text).ok()?;
    Some(event["repository"]["default_branch"].as_str()?.to_owned())
}

async fn usage(api: &Api, found: &mut Vec<Finding>) {
    let usage = match api.rest.usage(&api.repository).await {
        Ok(usage) => usage,
        Err(error) => return found.push(refused(&error)),
    };
    let limit = api.rest.limit(&api.repository).await.ok().flatten().unwrap_or(REPOSITORY_BYTES);
    found.push(limits::usage(usage, limit));
}

fn refused(error: &ClientError) -> Finding {
    let found = Finding::new(
        Level::Warning,
        "api-refused",
        "the API does not tell which keys there are",
        chain(error),
    );
    match error {
        ClientError::Denied { .. } => found.hint("the token needs the permission `actions: read`; on a Snowbank server a job's token does, or one made with `token create --manage OWNER/NAME:read`"),
        ClientError::Missing { .. } => found.hint("is the repository's name right, and may the token see it?"),
        _ => found.hint("is the address right? --server or GITHUB_API_URL names it"),
    }
}
