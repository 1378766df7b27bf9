//! The caches of a running server, by our own API.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use snowbank_server::service::{Rights, Service};

use super::confirm::confirmed;
use super::repository::numbers_and_keys;
use crate::args::cache::{Delete, Filter, Remote};
use crate::command::ask::{Asked, server_url, token_in};
use crate::command::github::variable;
use crate::command::in_process::InProcess;
use crate::command::{bytes, counted};
use crate::config;
use crate::error::{CliError, Result};
use crate::open::{Role, open};
use crate::printer::Printer;

/// How long a token holds that a command mints for itself.
const MINTED: Duration = Duration::from_secs(300);

/// Where a server is, unless somebody says otherwise.
const DEFAULT: &str = "http://127.0.0.1:8484";

pub(super) async fn list(filter: &Filter, limit: u64, remote: &Remote, printer: &Printer) -> Result<()> {
    let mut query = query(filter);
    query.push(("limit", limit.to_string()));
    let answer = ask(remote, Method::GET, "caches", &query).await?;
    if remote.json {
        printer.data(format!("{answer:#}"));
        return Ok(());
    }
    let rows = answer["caches"].as_array().cloned().unwrap_or_default();
    for row in &rows {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        printer.data(format!(
            "{:>8}  {:>9}  {}  {}  {}  {}",
            row["id"].to_string(),
            bytes(row["size_in_bytes"].as_u64().unwrap_or(0)),
            seconds(&text("last_accessed_at")),
            text("repository"),
            text("ref"),
            text("key").escape_debug(),
        ));
    }
    let total = answer["total_count"].as_u64().unwrap_or(0);
    printer.talk(format!("{} of {total} caches", rows.len()));
    Ok(())
}

pub(super) async fn delete(args: &Delete, printer: &Printer) -> Result<()> {
    let (ids, keys) = numbers_and_keys(&args.which)?;
    let filter = query(&args.filter);
    if !ids.is_empty() && !filter.is_empty() {
        return Err(CliError::usage("an id is one cache of all repositories: leave --ref out"));
    }
    if args.which.is_empty() && filter.is_empty() {
        return Err(CliError::usage("say which caches to delete")
            .hint("by id or key, or with --repo, --key-prefix or --ref"));
    }
    let of_key = |key: &&str| [filter.clone(), vec![("key", (*key).to_owned())]].concat();
    let mut calls: Vec<(String, Vec<_>)> = ids.iter().map(|id| (format!("caches/{id}"), vec![])).collect();
    calls.extend(keys.iter().map(|key| ("caches".to_owned(), of_key(key))));
    if calls.is_empty() {
        calls.push(("caches".to_owned(), filter));
    }
    if !args.yes && !confirmed("these caches of all repositories", printer)? {
        return Ok(());
    }
    let mut deleted = 0;
    for (path, query) in calls {
        deleted += ask(&args.remote, Method::DELETE, &path, &query).await?["deleted"].as_u64().unwrap_or(1);
    }
    if args.remote.json {
        printer.data(serde_json::json!({ "deleted": deleted }).to_string());
    } else {
        printer.data(format!("deleted {}", counted(deleted, "cache")));
    }
    Ok(())
}

pub(super) async fn usage(remote: &Remote, printer: &Printer) -> Result<()> {
    let answer = ask(remote, Method::GET, "usage", &[]).await?;
    if remote.json {
        printer.data(format!("{answer:#}"));
        return Ok(());
    }
    for row in answer["repositories"].as_array().into_iter().flatten() {
        let count = |name: &str| row[name].as_u64().unwrap_or(0);
        printer.data(format!(
            "{:<40} {:>6} caches {:>10} of {:>10}",
            row["repository"].as_str().unwrap_or_default(),
            count("entries"),
            bytes(count("bytes")),
            bytes(count("limit")),
        ));
    }
    let disk = |name: &str| bytes(answer["disk"][name].as_u64().unwrap_or(0));
    let recoding = answer["recoding"].as_u64().unwrap_or(0);
    if recoding > 0 {
        printer.data(format!("to be recoded: {recoding} uploads"));
    }
    printer.data(format!(
        "on the disk: {} in packs, {} as uploaded",
        disk("packs_bytes"),
        disk("uploads_bytes")
    ));
    Ok(())
}

/// A moment as people read it.
fn seconds(time: &str) -> String {
    let moment = humantime::parse_rfc3339_weak(time);
    moment.map_or_else(|_| time.to_owned(), |moment| humantime::format_rfc3339_seconds(moment).to_string())
}

fn query(filter: &Filter) -> Vec<(&'static str, String)> {
    let all = [
        ("repo", &filter.repo),
        ("key_prefix", &filter.key_prefix),
        ("key", &filter.key),
        ("ref", &filter.scope),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
}

async fn ask(remote: &Remote, method: Method, path: &str, query: &[(&str, String)]) -> Result<Value> {
    let Access { server, who, token, .. } = access(remote).await?;
    let mut url = server_url(&server)?;
    url.set_path(&format!("/api/v1/{path}"));
    if !query.is_empty() {
        url.query_pairs_mut().extend_pairs(query);
    }
    let asked = Asked {
        who,
        unreached: "is it running? `--server URL` names another, and --data DIR a folder to look into without one",
        refused: "an admin token comes from `snowbank token create --admin`, run where the server's data is",
    };
    asked.ask(|client| client.request(method, url).bearer_auth(token)).await
}

/// Who is asked, by which token.
pub(super) struct Access {
    /// Its URL.
    pub(super) server: String,
    /// The same for people.
    who: String,
    pub(super) token: String,
    /// The server's state, where it is at hand.
    pub(super) service: Option<Service>,
}

/// With a token from a file, from the environment, or minted where the server's state is at hand. Where a state is named
/// and no server, nobody else is asked for it.
pub(super) async fn access(remote: &Remote) -> Result<Access> {
    if remote.is_state() {
        return of_state(remote).await;
    }
    let server = remote.server.clone().unwrap_or_else(|| DEFAULT.to_owned());
    let who = format!("the server at {server}");
    let given = |token| Ok(Access { server: server.clone(), who: who.clone(), token, service: None });
    if let Some(path) = &remote.token_file {
        return given(token_in(path)?);
    }
    if let Some(token) = variable("SNOWBANK_TOKEN") {
        return given(token);
    }
    let settings = config::read(&remote.state, Vec::new())?.settings;
    let opened = open(settings, Role::Beside).await.map_err(|_| {
        CliError::failed(format!("there is no token for {server}"))
            .hint("set SNOWBANK_TOKEN: `snowbank token create --admin` or `--manage OWNER/NAME:read` makes one where the server's data is")
            .hint("or name the server's folder with --data DIR, and another server with --server URL")
    })?;
    let token = opened.service.mint(&Rights::Admin, MINTED)?;
    Ok(Access { server, who, token, service: Some(opened.service) })
}

/// The state that is named answers by itself, whether a server runs on it or not.
async fn of_state(remote: &Remote) -> Result<Access> {
    let settings = config::read(&remote.state, Vec::new())?.settings;
    let who = format!("the server state in {}", settings.data);
    let service = open(settings, Role::Beside).await?.service;
    let token = service.mint(&Rights::Admin, MINTED)?;
    let server = InProcess::begin(&service).await?.url;
    Ok(Access { server, who, token, service: Some(service) })
}
