//! `snowbank token`.

use std::time::Duration;

use snowbank_actions::scope::{Grant, GrantError, Scopes};
use snowbank_server::service::Rights;
use snowbank_server::settings::Span;

use crate::args::{Token, TokenCreate};
use crate::config;
use crate::error::{CliError, Result};
use crate::open::{Role, open};
use crate::printer::Printer;

pub(crate) async fn run(args: Token, printer: &Printer) -> Result<()> {
    let Token::Create(args) = args;
    let rights = rights(&args)?;
    let valid: Span =
        args.expires.parse().map_err(|error| CliError::usage("--expires is not valid").because(error))?;
    if valid.0 < Duration::from_secs(1) {
        return Err(CliError::usage("--expires is shorter than a second"));
    }
    let settings = config::read(&args.state, Vec::new())?.settings;
    let opened = open(settings, Role::Beside).await?;
    printer.data(opened.service.mint(&rights, valid.0)?);
    Ok(())
}

fn rights(args: &TokenCreate) -> Result<Rights> {
    if args.admin {
        return Ok(Rights::Admin);
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
