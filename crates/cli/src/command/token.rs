//! `snowbank token`.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use snowbank_actions::scope::{Grant, GrantError, Scopes};
use snowbank_catalog::ids::Timestamp;
use snowbank_catalog::rooms::{ListedToken, TokenState};
use snowbank_server::service::{CacheGrant, CacheGrantError, ManageGrant, ManageGrantError, Rights};
use snowbank_server::settings::Span;

use crate::args::State;
use crate::args::token::{Create, Token};
use crate::command::exchange;
use crate::config;
use crate::error::{CliError, Result};
use crate::open::{Opened, Role, open};
use crate::printer::Printer;

/// More patterns in one token than this would make it longer than a header may be.
const MOST_GRANTS: usize = 64;
/// Letters of an id that are shown to people: enough to tell a list of tokens apart.
const SHOWN: usize = 12;

pub(crate) async fn run(args: Token, printer: &Printer) -> Result<()> {
    match args {
        Token::Create(args) => create(&args, printer).await,
        Token::Exchange { server, audience } => exchange::run(&server, audience.as_deref(), printer).await,
        Token::List { state, json } => list(&state, json, printer).await,
        Token::Revoke { ids, state } => revoke(&ids, &state, printer).await,
    }
}

async fn create(args: &Create, printer: &Printer) -> Result<()> {
    let rights = rights(args)?;
    let valid: Span =
        args.expires.parse().map_err(|error| CliError::usage("--expires is not valid").because(error))?;
    if valid.0 < Duration::from_secs(1) {
        return Err(CliError::usage("--expires is shorter than a second"));
    }
    let opened = beside(&args.state).await?;
    warn(&rights, &opened, printer).await?;
    printer.data(opened.service.create_token(&rights, &args.note, valid.0).await?);
    Ok(())
}

/// What lets nobody in as it is written, though it may one day.
async fn warn(rights: &Rights, opened: &Opened, printer: &Printer) -> Result<()> {
    match rights {
        Rights::Caches(grants) => {
            for pattern in opened.service.unmatched(grants).await? {
                printer.talk(format!("warning: no cache is known here that matches `{pattern}`"));
                printer.talk("hint: the server's settings name its caches: --config FILE has them looked at");
            }
        }
        Rights::Job { scopes, .. } => {
            let odd = scopes.read.iter().chain(&scopes.write).filter(|scope| !scope.starts_with("refs/"));
            for scope in odd.collect::<BTreeSet<_>>() {
                printer.talk(format!(
                    "warning: `{scope}` is no whole git ref, and jobs save and look under those"
                ));
                printer.talk(format!("hint: for a branch write --scope refs/heads/{scope}:rw"));
            }
        }
        _ => {}
    }
    Ok(())
}

async fn list(state: &State, json: bool, printer: &Printer) -> Result<()> {
    let tokens = beside(state).await?.service.tokens().await?;
    if json {
        let rows: Vec<_> = tokens.iter().map(row).collect();
        printer.data(format!("{:#}", serde_json::Value::from(rows)));
        return Ok(());
    }
    for token in &tokens {
        let ListedToken { id, note, rights, created, expires, state } = token;
        let revoked = if *state == TokenState::Revoked { "  revoked" } else { "" };
        let id = id.get(..SHOWN).unwrap_or(id);
        printer.data(format!(
            "{id}  {}  until {}{revoked}  {rights}  {note}",
            time(*created),
            time(*expires)
        ));
    }
    Ok(())
}

fn row(token: &ListedToken) -> serde_json::Value {
    serde_json::json!({
        "id": token.id,
        "note": token.note,
        "rights": token.rights,
        "created_at": time(token.created),
        "expires_at": time(token.expires),
        "revoked": token.state == TokenState::Revoked,
    })
}

fn time(moment: Timestamp) -> String {
    let since = Duration::from_millis(moment.0.try_into().unwrap_or_default());
    let moment = UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(moment).to_string()
}

async fn revoke(ids: &[String], state: &State, printer: &Printer) -> Result<()> {
    let revoked = beside(state).await?.service.revoke_tokens(ids).await.map_err(|error| {
        CliError::from(error).hint("`snowbank token list` shows the tokens and their ids")
    })?;
    for id in revoked {
        printer.data(format!("revoked {id}"));
    }
    Ok(())
}

async fn beside(state: &State) -> Result<Opened> {
    open(config::read(state, Vec::new())?.settings, Role::Beside).await
}

fn rights(args: &Create) -> Result<Rights> {
    if args.admin {
        return Ok(Rights::Admin);
    }
    if !args.cache.is_empty() {
        return caches(&args.cache);
    }
    if !args.manage.is_empty() {
        return manage(&args.manage);
    }
    let repository = args.repo.clone().unwrap_or_default();
    if repository.split('/').filter(|part| !part.is_empty()).count() != 2
        || repository.matches('/').count() != 1
    {
        return Err(CliError::usage(format!("`{repository}` is no repository"))
            .hint("it is written OWNER/NAME, as in --repo acme/app"));
    }
    let grants: Vec<Grant> = args
        .scope
        .iter()
        .map(|text| text.parse())
        .collect::<std::result::Result<_, _>>()
        .map_err(|error: GrantError| CliError::usage("--scope is not valid").because(error))?;
    Ok(Rights::Job { repository, scopes: Scopes::from_grants(&grants) })
}

fn caches(texts: &[String]) -> Result<Rights> {
    few(texts)?;
    let grants = texts.iter().map(|text| text.parse()).collect::<std::result::Result<Vec<CacheGrant>, _>>();
    let invalid = |error: CacheGrantError| CliError::usage("--cache is not valid").because(error);
    Ok(Rights::Caches(grants.map_err(invalid)?))
}

fn manage(texts: &[String]) -> Result<Rights> {
    few(texts)?;
    let grants = texts.iter().map(|text| text.parse()).collect::<std::result::Result<Vec<ManageGrant>, _>>();
    let invalid = |error: ManageGrantError| CliError::usage("--manage is not valid").because(error);
    Ok(Rights::Manage(grants.map_err(invalid)?))
}

fn few(texts: &[String]) -> Result<()> {
    if texts.len() > MOST_GRANTS {
        return Err(CliError::usage(format!("{MOST_GRANTS} patterns are the most for one token")));
    }
    Ok(())
}
