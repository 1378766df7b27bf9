//! Which packs are whose, as far as it can be known here: by the cache service, as a job or as who has the server's state.

use snowbank_actions::client::Token;
use snowbank_actions::client::rest::CacheEntry;
use snowbank_actions::scope::{MAX_SCOPES, Scopes};
use snowbank_client::text::chain;
use snowbank_client::tidy::{Kinds, Knowledge, readable, within_bounds};

use crate::args::cache::Github as Arguments;
use crate::command::client::Remote;
use crate::command::counted;
use crate::command::github::{Github, variable};
use crate::error::Result;

/// What is known, and why no more.
pub(super) struct Known {
    pub(super) knowledge: Knowledge,
    pub(super) why: Option<String>,
}

/// Reads what indexes there are, the last saved first.
///
/// # Errors
/// When `--remote` cannot be right.
pub(super) async fn known(
    arguments: &Arguments,
    github: &Github,
    kinds: &Kinds,
    entries: &[CacheEntry],
) -> Result<Known> {
    let nothing = |why: String| Known { knowledge: Knowledge::default(), why: Some(why) };
    if !entries.iter().any(|entry| kinds.is_index(entry)) {
        return Ok(Known { knowledge: Knowledge::default(), why: None });
    }
    // The job around us knows its own repository alone.
    let job = variable("GITHUB_REPOSITORY");
    let own = job.is_some_and(|job| job.eq_ignore_ascii_case(&github.repository.to_string()));
    let service = match (&github.service, arguments.remote.as_deref()) {
        (Some(service), remote) if remote.is_none() || !has_token() => {
            let scopes = Scopes { write: None, read: scopes(entries, kinds) };
            Some(Remote::reader(&github.url, service, &github.repository.to_string(), scopes)?)
        }
        // A job's token for the server opens its cache service, too.
        (None, None) if github.is_ours && is_a_job_s() => Remote::of_job(Some(&github.url))?,
        (None, None) if !own => None,
        (_, remote) => Remote::of_job(remote)?,
    };
    let Some(client) = service else {
        return Ok(nothing(
            "only the cache service of a job tells which packs a snapshot names, and none is known here: --remote URL \
             names that of a server, with a job's token in SNOWBANK_TOKEN"
                .to_owned(),
        ));
    };
    let there = readable(entries, kinds, client.scopes().as_ref());
    let some = within_bounds(&there);
    match Knowledge::read(&client, &some).await {
        Ok(knowledge) => {
            let indexes = entries.iter().filter(|entry| kinds.is_index(entry));
            let unread = indexes.filter(|index| knowledge.of(index).is_none()).count();
            let why = (unread > 0).then(|| {
                let those = counted(unread as u64, "snapshot");
                format!(
                    "the packs of {those} are not known: this job cannot read the indexes, a token with more scopes could"
                )
            });
            Ok(Known { knowledge, why })
        }
        Err(error) => Ok(nothing(format!("which packs a snapshot names is not known: {}", chain(&error)))),
    }
}

/// Whether there is a token for a service that is named.
fn has_token() -> bool {
    ["SNOWBANK_TOKEN", "ACTIONS_RUNTIME_TOKEN"].into_iter().any(|name| variable(name).is_some())
}

/// Whether the token that is at hand lets a job in.
fn is_a_job_s() -> bool {
    variable("SNOWBANK_TOKEN").is_some_and(|token| Token::new(token).says().repository.is_some())
}

/// The scopes of indexes, as many as a token may name, those with the last saved ones first.
fn scopes(entries: &[CacheEntry], kinds: &Kinds) -> Vec<String> {
    let mut indexes: Vec<_> = entries.iter().filter(|entry| kinds.is_index(entry)).collect();
    indexes.sort_by_key(|index| std::cmp::Reverse(index.created));
    let mut scopes: Vec<String> = Vec::new();
    for index in indexes {
        if scopes.len() < MAX_SCOPES && !scopes.contains(&index.scope) {
            scopes.push(index.scope.clone());
        }
    }
    scopes
}
