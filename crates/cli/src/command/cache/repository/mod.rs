//! The caches of one repository by GitHub's REST API, on GitHub or on a Snowbank server.

mod delete;
mod known;
mod list;
mod wanted;

use serde_json::json;
use snowbank_actions::client::ClientError;
use snowbank_actions::client::rest::{Filter, Listed};

use crate::command::bytes;
use crate::command::github::Github;
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(super) use delete::delete;
pub(super) use list::list;
pub(super) use wanted::numbers_and_keys;

/// Entries of a repository that are looked at: a hundred are a request.
const MOST: usize = 10_000;

/// What a repository uses; the shape of the JSON is that of a server's.
pub(super) async fn usage(github: &Github, as_json: bool, printer: &Printer) -> Result<()> {
    let (usage, limit) = github.usage().await.map_err(|error| refused(github, error))?;
    let name = github.repository.to_string();
    if as_json {
        let row =
            json!({ "repository": name, "entries": usage.entries, "bytes": usage.bytes, "limit": limit });
        printer.data(format!("{:#}", json!({ "repositories": [row] })));
    } else {
        let (used, limit) = (bytes(usage.bytes), bytes(limit));
        printer.data(format!("{name:<40} {:>6} caches {used:>10} of {limit:>10}", usage.entries));
    }
    Ok(())
}

/// All entries of the repository: which packs are whose shows in all of them only.
async fn entries(github: &Github, printer: &Printer) -> Result<Listed> {
    let listed = github.rest.list(&github.repository, &Filter::default(), MOST).await;
    let listed = listed.map_err(|error| refused(github, error))?;
    if !listed.complete {
        printer.talk(format!("only the {MOST} caches that were saved last are looked at"));
    }
    Ok(listed)
}

/// A call that did not work, with what to do about it.
fn refused(github: &Github, error: ClientError) -> CliError {
    let failed =
        CliError::failed(format!("the API at {} did not do it for {}", github.url, github.repository));
    let hint = match &error {
        ClientError::Denied { .. } => Some(
            "the token needs GitHub's permission `actions: read`, to delete `actions: write`; on a Snowbank server it is made with `token create --manage`",
        ),
        ClientError::Missing { .. } => Some(
            "is the repository's name right, and may the token see it? --server or GITHUB_API_URL names another server",
        ),
        _ => None,
    };
    let failed = failed.because(error);
    match hint {
        Some(hint) => failed.hint(hint),
        None => failed,
    }
}
