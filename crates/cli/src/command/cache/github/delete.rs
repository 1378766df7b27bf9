//! Deleting.

use std::collections::HashSet;
use std::io::{BufRead, IsTerminal};

use serde_json::json;
use snowbank_actions::client::rest::CacheEntry;
use snowbank_client::tidy::{Freed, Kinds, freed};

use super::known::{Known, known};
use super::wanted::{Choice, Wanted};
use super::{entries, refused};
use crate::args::cache::Github as Arguments;
use crate::command::github::Github;
use crate::command::{bytes, counted};
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// `cache delete --github`.
pub(in crate::command::cache) async fn delete(
    arguments: &Arguments,
    wanted: &Wanted<'_>,
    yes: bool,
    as_json: bool,
    printer: &Printer,
) -> Result<()> {
    let choice = Choice::new(wanted)?;
    if choice.is_empty() {
        return Err(CliError::usage("say which caches to delete")
            .hint("by id, with --key, --key-prefix, --ref or --older-than, or with --all"));
    }
    let github = Github::open(wanted.filter.repo.as_deref())?;
    let listed = entries(&github, printer).await?;
    let kinds = Kinds::default();
    let meant = |entry: &&CacheEntry| choice.takes(entry) && (choice.takes_packs() || !kinds.is_pack(entry));
    let mut going: Vec<&CacheEntry> = listed.entries.iter().filter(meant).collect();
    if going.is_empty() && wanted.id.is_some() {
        return Err(CliError::failed(format!("there is no such cache in {}", github.repository)));
    }
    let mut left = 0;
    if going.iter().any(|entry| kinds.is_index(entry)) {
        let Known { knowledge, why } = known(arguments, &github, &kinds, &listed.entries).await?;
        let ids: HashSet<u64> = going.iter().map(|entry| entry.id).collect();
        let Freed { packs, doubtful, unknown } = freed(&listed.entries, &kinds, &knowledge, &ids);
        // Of what was not listed, anything may be.
        let certain = if listed.complete { packs } else { Vec::new() };
        let kept = unknown > 0 || !doubtful.is_empty();
        left = doubtful.len();
        going.extend(certain);
        if kept && !wanted.all {
            let of = if unknown > 0 { "packs of what is deleted" } else { "packs" };
            printer.talk(format!("{of} that may be needed are left: {}", why.unwrap_or_default()));
        }
    }
    let total = bytes(going.iter().map(|entry| entry.size).sum());
    let what = format!("{} ({total}) of {}", counted(going.len() as u64, "cache"), github.repository);
    if !yes && !going.is_empty() && !confirmed(&what, printer)? {
        printer.talk("nothing is deleted");
        return Ok(());
    }
    let (mut deleted, mut freed_bytes) = (0_u64, 0);
    for entry in going {
        let there = github.rest.delete(&github.repository, entry.id).await;
        let there = there.map_err(|error| {
            refused(&github, error).hint(format!("{} went before it", counted(deleted, "cache")))
        })?;
        if there {
            deleted += 1;
            freed_bytes += entry.size;
        }
    }
    if as_json {
        let result = json!({ "deleted": deleted, "freed_bytes": freed_bytes, "doubtful_packs": left });
        printer.data(result.to_string());
    } else {
        printer.data(format!("deleted {}, {} freed", counted(deleted, "cache"), bytes(freed_bytes)));
    }
    Ok(())
}

/// Asks, where somebody can answer.
fn confirmed(what: &str, printer: &Printer) -> Result<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(true);
    }
    printer.talk(format!("delete {what}? [y/N]"));
    let mut answer = String::new();
    let read = std::io::stdin().lock().read_line(&mut answer);
    read.map_err(|error| CliError::failed("the answer could not be read").because(error))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
