//! `snowbank cache`: of all repositories of a running server by its own API, or of one repository by GitHub's, there or
//! on GitHub.

mod confirm;
mod repository;
mod server;

use crate::args::cache::{Cache, Delete, Github as GithubArguments, List, Remote, Usage};
use crate::command::github::{Github, variable};
use crate::error::{CliError, Result};
use crate::printer::Printer;

pub(crate) async fn run(args: Cache, printer: &Printer) -> Result<()> {
    match args {
        Cache::List(args) => list(&args, printer).await,
        Cache::Delete(args) => delete(&args, printer).await,
        Cache::Usage(args) => usage(&args, printer).await,
    }
}

async fn list(args: &List, printer: &Printer) -> Result<()> {
    if let Some(github) = place(&args.github, &args.remote, args.filter.repo.as_deref()).await? {
        return repository::list(args, &github, printer).await;
    }
    let List { all, older_than, sort, order, .. } = args;
    let others = [
        ("--all", *all),
        ("--older-than", older_than.is_some()),
        ("--sort", sort.is_some()),
        ("--order", order.is_some()),
    ];
    of_one_repository(&others)?;
    server::list(&args.filter, args.limit, &args.remote, printer).await
}

async fn delete(args: &Delete, printer: &Printer) -> Result<()> {
    if let Some(github) = place(&args.github, &args.remote, args.filter.repo.as_deref()).await? {
        return repository::delete(args, &github, printer).await;
    }
    of_one_repository(&[
        ("--all", args.all),
        ("--older-than", args.older_than.is_some()),
        ("--dry-run", args.dry_run),
    ])?;
    server::delete(args, printer).await
}

async fn usage(args: &Usage, printer: &Printer) -> Result<()> {
    match place(&args.github, &args.remote, args.repo.as_deref()).await? {
        Some(github) => repository::usage(&github, args.remote.json, printer).await,
        None => server::usage(&args.remote, printer).await,
    }
}

/// The repository that is meant, and the API of its server; none for all repositories of a Snowbank server.
async fn place(
    github: &GithubArguments,
    remote: &Remote,
    repository: Option<&str>,
) -> Result<Option<Github>> {
    if github.github || (remote.server.is_none() && !remote.is_state() && in_job(repository)) {
        return Github::open(repository).map(Some);
    }
    let Some(repository) = repository else { return Ok(None) };
    let server::Access { server, token, service, .. } = server::access(remote).await?;
    Github::on_server(&server, token, service, repository).map(Some)
}

/// Whether a GitHub job around us has all that asking GitHub takes.
fn in_job(repository: Option<&str>) -> bool {
    let has = |name: &str| variable(name).is_some();
    variable("GITHUB_ACTIONS").as_deref() == Some("true")
        && (has("GH_TOKEN") || has("GITHUB_TOKEN"))
        && (repository.is_some() || has("GITHUB_REPOSITORY"))
}

/// What is not said of all repositories at once.
fn of_one_repository(others: &[(&str, bool)]) -> Result<()> {
    match others.iter().find(|(_, said)| *said) {
        None => Ok(()),
        Some((argument, _)) => Err(CliError::usage(format!("{argument} is for one repository"))
            .hint("name it with --repo OWNER/NAME, or ask GitHub with --github")),
    }
}
