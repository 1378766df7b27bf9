//! Listing.

use std::time::SystemTime;

use serde_json::{Value, json};
use snowbank_actions::client::rest::CacheEntry;
use snowbank_client::tidy::{Group, Kinds, Members, group};

use super::entries;
use super::known::{Known, known};
use super::wanted::{Choice, Wanted};
use crate::args::cache::{List, Order, Sort};
use crate::command::github::Github;
use crate::command::{bytes, counted};
use crate::error::Result;
use crate::printer::Printer;

/// `cache list` of one repository.
pub(in crate::command::cache) async fn list(args: &List, github: &Github, printer: &Printer) -> Result<()> {
    let choice = Choice::new(&Wanted::listed(args))?;
    let listed = entries(github, printer).await?;
    let kinds = Kinds::default();
    let Known { knowledge, why } = known(&args.github, github, &kinds, &listed.entries).await?;
    let mut groups = group(&listed.entries, &kinds, &knowledge);
    groups.retain_mut(|group| meant(group, &choice));
    sort(&mut groups, args.sort.unwrap_or(Sort::Accessed), args.order.unwrap_or(Order::Desc));
    let total = groups.len();
    if !args.all {
        groups.truncate(usize::try_from(args.limit).unwrap_or(usize::MAX));
    }
    if args.remote.json {
        let rows: Vec<_> = groups.iter().map(|group| row(github, group)).collect();
        printer.data(format!("{:#}", json!({ "total_count": total, "caches": rows, "unknown": why })));
        return Ok(());
    }
    groups.iter().for_each(|group| printer.data(line(github, group)));
    if let Some(why) = why {
        printer.talk(why);
    }
    let (shown, all) = (groups.len(), counted(total as u64, "cache"));
    printer.talk(format!("{shown} of {all}, {} in all", bytes(groups.iter().map(Group::size).sum())));
    Ok(())
}

fn sort(groups: &mut [Group<'_>], by: Sort, order: Order) {
    match by {
        Sort::Accessed => groups.sort_by_key(Group::accessed),
        Sort::Created => groups.sort_by_key(Group::created),
        Sort::Size => groups.sort_by_key(Group::size),
    }
    if order == Order::Desc {
        groups.reverse();
    }
}

/// Whether it is meant, by its own entry; of loose packs those are left that are.
fn meant(group: &mut Group<'_>, choice: &Choice<'_>) -> bool {
    match group {
        Group::Snapshot { index: entry, .. } | Group::Other(entry) => choice.takes(entry),
        Group::Packs { packs, .. } => {
            packs.retain(|pack| choice.takes(pack));
            !packs.is_empty()
        }
    }
}

fn line(github: &Github, group: &Group<'_>) -> String {
    let (id, scope, name) = match group {
        Group::Snapshot { index, packs } => {
            let key = index.key.escape_debug();
            (index.id.to_string(), index.scope.as_str(), format!("{key}  ({})", with(packs.as_ref())))
        }
        Group::Packs { scope, packs, doubtful } => {
            let count = counted(packs.len() as u64, "pack");
            let whose = if *doubtful { "it is not known whose" } else { "no snapshot names them" };
            ("-".to_owned(), *scope, format!("{count}  ({whose})"))
        }
        Group::Other(entry) => {
            (entry.id.to_string(), entry.scope.as_str(), entry.key.escape_debug().to_string())
        }
    };
    let (size, accessed) = (bytes(group.size()), humantime::format_rfc3339_seconds(group.accessed()));
    let scope = scope.escape_debug();
    format!("{id:>8}  {size:>9}  {accessed}  {}  {scope}  {name}", github.repository)
}

fn with(packs: Option<&Members<'_>>) -> String {
    let Some(Members { own, shared, gone }) = packs else { return "packs not known".to_owned() };
    let mut text = format!("with {}", counted(own.len() as u64, "pack"));
    if !shared.is_empty() {
        text += &format!(", {} shared with newer ones", shared.len());
    }
    if *gone > 0 {
        text += &format!(", {gone} gone");
    }
    text
}

/// The fields of a server's list, and what belongs together.
fn row(github: &Github, group: &Group<'_>) -> Value {
    let ids = |packs: &[&CacheEntry]| packs.iter().map(|pack| pack.id).collect::<Vec<_>>();
    let of = |entry: &CacheEntry, kind: &str| {
        json!({
            "kind": kind,
            "id": entry.id,
            "repository": github.repository.to_string(),
            "ref": entry.scope,
            "key": entry.key,
            "version": entry.version,
            "size_in_bytes": group.size(),
            "created_at": time(entry.created),
            "last_accessed_at": time(group.accessed()),
        })
    };
    match group {
        Group::Snapshot { index, packs } => {
            let mut row = of(index, "snapshot");
            row["packs"] = packs.as_ref().map_or(
                Value::Null,
                |packs| json!({ "own": ids(&packs.own), "shared": ids(&packs.shared), "gone": packs.gone }),
            );
            row
        }
        Group::Packs { scope, packs, doubtful } => json!({
            "kind": "packs",
            "repository": github.repository.to_string(),
            "ref": scope,
            "size_in_bytes": group.size(),
            "last_accessed_at": time(group.accessed()),
            "packs": { "own": ids(packs) },
            "doubtful": doubtful,
        }),
        Group::Other(entry) => of(entry, "other"),
    }
}

fn time(time: SystemTime) -> String {
    humantime::format_rfc3339_nanos(time).to_string()
}
