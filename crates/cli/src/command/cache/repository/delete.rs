//! Deleting.

use std::collections::HashSet;

use serde_json::json;
use snowbank_actions::client::ClientError;
use snowbank_actions::client::rest::{CacheEntry, Listed};
use snowbank_client::tidy::{Freed, Kinds, freed};

use super::known::{Known, known};
use super::wanted::{Choice, Wanted};
use super::{entries, refused};
use crate::args::cache::{Delete, Github as Arguments};
use crate::command::cache::confirm::confirmed;
use crate::command::github::Github;
use crate::command::{bytes, counted};
use crate::error::{CliError, Result};
use crate::printer::Printer;

/// `cache delete` of one repository.
pub(in crate::command::cache) async fn delete(
    args: &Delete,
    github: &Github,
    printer: &Printer,
) -> Result<()> {
    let choice = Choice::new(&Wanted::deleted(args))?;
    if choice.is_empty() {
        return Err(CliError::usage("say which caches to delete")
            .hint("by id or key, with --key-prefix, --ref or --older-than, or with --all"));
    }
    let listed = entries(github, printer).await?;
    let kinds = Kinds::default();
    let meant = |entry: &&CacheEntry| choice.takes(entry) && (choice.takes_packs() || !kinds.is_pack(entry));
    let chosen: Vec<&CacheEntry> = listed.entries.iter().filter(meant).collect();
    if chosen.is_empty() && choice.names_some() {
        return Err(CliError::failed(format!("there is no such cache in {}", github.repository)));
    }
    let packs = if !choice.is_all() && chosen.iter().any(|entry| kinds.is_index(entry)) {
        packs(&args.github, github, &kinds, &listed, &chosen, printer).await?
    } else {
        Freed::default()
    };
    let all = || chosen.iter().copied().chain(packs.packs.iter().copied());
    let (count, size) = (all().count() as u64, all().map(|entry| entry.size).sum());
    let what = format!("{} ({}) of {}", counted(count, "cache"), bytes(size), github.repository);
    if args.dry_run {
        tell_plan(all(), size, packs.doubtful.len(), args.remote.json, printer);
        printer.talk(format!("{what} would be deleted"));
        return Ok(());
    }
    if !args.yes && count > 0 && !confirmed(&what, printer)? {
        return Ok(());
    }
    let mut done = Done::default();
    for entry in &chosen {
        done.delete(github, entry).await.map_err(|error| {
            printer.talk(format!("{} went before it", counted(done.deleted, "cache")));
            refused(github, error)
        })?;
    }
    for pack in &packs.packs {
        match done.delete(github, pack).await {
            // They may be another ref's.
            Err(ClientError::Denied { .. }) => done.denied += 1,
            other => other.map_err(|error| refused(github, error))?,
        }
    }
    if done.denied > 0 {
        printer.talk(format!("{} left that this token may not delete", counted(done.denied, "pack")));
    }
    if args.remote.json {
        let left = packs.doubtful.len() as u64 + done.denied;
        let result = json!({ "deleted": done.deleted, "freed_bytes": done.bytes, "packs_left": left });
        printer.data(result.to_string());
    } else {
        printer.data(format!("deleted {}, {} freed", counted(done.deleted, "cache"), bytes(done.bytes)));
    }
    Ok(())
}

/// The packs that go with what was chosen; says which do not.
async fn packs<'a>(
    arguments: &Arguments,
    github: &Github,
    kinds: &Kinds,
    listed: &'a Listed,
    chosen: &[&CacheEntry],
    printer: &Printer,
) -> Result<Freed<'a>> {
    let Known { knowledge, why } = known(arguments, github, kinds, &listed.entries).await?;
    let ids: HashSet<u64> = chosen.iter().map(|entry| entry.id).collect();
    let mut freed = freed(&listed.entries, kinds, &knowledge, &ids);
    if !listed.complete {
        // What was not listed may name them all.
        freed.doubtful.append(&mut freed.packs);
    }
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    if freed.unknown > 0 {
        printer.talk(format!("the packs of what is deleted are left{why}"));
    } else if !freed.doubtful.is_empty() {
        let those = counted(freed.doubtful.len() as u64, "pack");
        printer.talk(format!("{those} left that another snapshot may name{why}"));
    }
    Ok(freed)
}

/// What was done so far.
#[derive(Default)]
struct Done {
    deleted: u64,
    bytes: u64,
    denied: u64,
}

impl Done {
    async fn delete(&mut self, github: &Github, entry: &CacheEntry) -> std::result::Result<(), ClientError> {
        if github.rest.delete(&github.repository, entry.id).await? {
            self.deleted += 1;
            self.bytes += entry.size;
        }
        Ok(())
    }
}

/// What would be deleted.
fn tell_plan<'a>(
    all: impl Iterator<Item = &'a CacheEntry>,
    size: u64,
    packs_left: usize,
    as_json: bool,
    printer: &Printer,
) {
    if as_json {
        let ids: Vec<u64> = all.map(|entry| entry.id).collect();
        let plan = json!({ "would_delete": ids, "would_free_bytes": size, "packs_left": packs_left });
        printer.data(plan.to_string());
        return;
    }
    for entry in all {
        let (scope, key) = (entry.scope.escape_debug(), entry.key.escape_debug());
        printer.data(format!("{:>8}  {:>9}  {scope}  {key}", entry.id, bytes(entry.size)));
    }
}
