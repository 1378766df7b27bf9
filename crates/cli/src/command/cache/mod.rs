//! `snowbank cache`: of a running server, or of a repository on GitHub.

mod github;
mod server;

use crate::args::cache::Cache;
use crate::error::Result;
use crate::printer::Printer;

pub(crate) async fn run(args: Cache, printer: &Printer) -> Result<()> {
    match args {
        Cache::List { filter, limit, all, older_than, github, remote } if github.github => {
            let limit = if all { u64::MAX } else { limit };
            let wanted = github::Wanted { filter: &filter, older_than: older_than.as_deref(), id: None, all };
            github::list(&github, &wanted, limit, remote.json, printer).await
        }
        Cache::List { filter, limit, remote, .. } => server::list(&filter, limit, &remote, printer).await,
        Cache::Delete { id, filter, all, older_than, yes, github, remote } if github.github => {
            let wanted = github::Wanted { filter: &filter, older_than: older_than.as_deref(), id, all };
            github::delete(&github, &wanted, yes, remote.json, printer).await
        }
        Cache::Delete { id, filter, remote, .. } => server::delete(id, &filter, &remote, printer).await,
        Cache::Usage { repo, github, remote } if github.github => {
            github::usage(repo.as_deref(), remote.json, printer).await
        }
        Cache::Usage { remote, .. } => server::usage(&remote, printer).await,
    }
}
