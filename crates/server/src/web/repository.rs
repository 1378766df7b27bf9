//! `/r/OWNER/NAME`: a repository's entries, to look at and to choose some for deletion.

use axum::extract::{Path, RawQuery, State};
use axum::response::Html;
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use snowbank_catalog::ids::{EntryId, Timestamp};
use snowbank_catalog::rooms::Entry;

use super::charts;
use super::failure::Failure;
use super::guest::Member;
use super::layout::{Place, page as framed, to_overview};
use super::parts::{Column, bytes, count, counted, heads, key, meter, pager, rate, span, when};
use super::query::{PAGE, Params, Sort};
use crate::service::{Fates, Line, Order, Series, Service, Shelf, ShelfQuery, UsageRow};

/// Generations of a series that its line shows.
const SHOWN: usize = 20;

const COLUMNS: [Column; 8] = [
    Column { label: "Key", sort: Some(("key", false)), number: false },
    Column { label: "Ref", sort: Some(("ref", false)), number: false },
    Column { label: "Version", sort: None, number: false },
    Column { label: "Size", sort: Some(("size", true)), number: true },
    Column { label: "Added", sort: None, number: true },
    Column { label: "Restores", sort: None, number: true },
    Column { label: "Last used", sort: Some(("used", true)), number: true },
    Column { label: "Saved", sort: Some(("created", true)), number: true },
];

/// `GET /r/OWNER/NAME?key=PREFIX&ref=REF&sort=S&dir=D&page=N`.
pub(super) async fn page(
    State(service): State<Service>,
    Path((owner, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    Member(guest): Member,
) -> Result<Html<String>, Failure> {
    let visitor = guest.visitor(&service, &owner, &name).await?;
    let usage = service.repository_usage(&visitor).await?;
    let names = ["key", "ref", "sort", "dir", "page", "deleted"];
    let params = Params::read(&query.unwrap_or_default(), &names);
    let (deleted, params) = (params.get("deleted").map(str::to_owned), params.without("deleted"));
    let sort = sort(&params);
    let shelf = service.shelf(&visitor, &wanted(&params, sort)).await?;
    let fates = service.fates(&shelf.page).await?;
    let past = service.past(&visitor).await?;
    let now = service.now().await?;
    let retention = service.limits_of(&usage.repository).await?.retention.0;
    let place = Place { title: &usage.repository, above: &[to_overview()], identity: guest.identity() };
    let content = html! {
        @if let Some(number) = deleted.and_then(|number| number.parse().ok()) {
            p.done role="status" { (counted(number, "entry was", "entries were")) " deleted." }
        }
        dl.totals {
            div.wide { dt { "Size" } dd { (meter(usage.bytes, Some(usage.limit))) } }
            div { dt { "Entries" } dd { (count(usage.entries)) } }
            div { dt { "Hit rate, 30 days" } dd { (rate(&past.all())) } }
            div { dt { "Last used" } dd { @match past.used { Some(used) => (when(used, now)), None => "never" } } }
            div { dt { "Kept when unused" } dd { (span(retention)) } }
        }
        nav.more aria-label="More of this repository" {
            a href={ "/r/" (usage.repository) "/events" } { "What happened" }
            a href={ "/r/" (usage.repository) "/images" } { "Image pushes" }
            a href={ "/r/" (usage.repository) "/next" } { "What goes next, and when" }
        }
        div.charts {
            (charts::answers(&past.answers))
            (charts::stored(&past.stored, "Stored by day"))
        }
        (list(&usage, (&shelf, &fates), &params, sort, now))
    };
    Ok(framed(&place, &content))
}

fn sort(params: &Params) -> Sort {
    // The latest used come first.
    let others = COLUMNS.iter().filter_map(|column| column.sort).filter(|(name, _)| *name != "used");
    Sort::read(params, &[("used", true)].into_iter().chain(others).collect::<Vec<_>>())
}

fn wanted(params: &Params, sort: Sort) -> ShelfQuery {
    ShelfQuery {
        key_prefix: params.get("key").map(str::to_owned),
        scope: params.get("ref").map(str::to_owned),
        order: match sort.name {
            "key" => Order::Key,
            "ref" => Order::Scope,
            "size" => Order::Size,
            "created" => Order::Created,
            _ => Order::Accessed,
        },
        descending: sort.descending,
        offset: (params.page() - 1).saturating_mul(PAGE),
        limit: PAGE,
    }
}

fn list(
    usage: &UsageRow,
    (shelf, fates): (&Shelf, &Fates),
    params: &Params,
    sort: Sort,
    now: Timestamp,
) -> Markup {
    html! {
        section aria-labelledby="entries" {
            div.head {
                h2 #entries { "Entries" }
                (search(usage, params))
            }
            @if shelf.read < shelf.entries {
                p.muted {
                    (count(shelf.entries)) " entries are meant, and the first " (count(shelf.read))
                    " of them in this order are shown. A longer beginning of the key, or a ref, finds the others."
                }
            }
            @if shelf.page.is_empty() {
                p.empty {
                    @if params.get("key").is_some() || params.get("ref").is_some() { "No entry is like this." }
                    @else { "There is no entry that you may see." }
                }
            } @else {
                form method="post" action={ "/r/" (usage.repository) "/delete" } {
                    input type="hidden" name="back" value=(params.without("page"));
                    div.box {
                        table.cards.chosen role="table" {
                            caption.hidden { "Entries of " (usage.repository) }
                            (heads(&COLUMNS, params, Some(sort)))
                            tbody role="rowgroup" { @for line in &shelf.page { (row(&usage.repository, line, fates, now)) } }
                        }
                    }
                    div.under {
                        button.danger type="submit" { "Delete what is ticked…" }
                        (pager(params, shelf.lines))
                    }
                }
            }
        }
    }
}

fn search(usage: &UsageRow, params: &Params) -> Markup {
    html! {
        form.search method="get" action={ "/r/" (usage.repository) } role="search" {
            label for="key" { "Key begins with" }
            input #key type="search" name="key" value=[params.get("key")];
            label for="ref" { "Ref" }
            input #ref type="search" name="ref" value=[params.get("ref")] placeholder="refs/heads/main";
            @for (name, value) in params.without("key").without("ref").without("page").pairs() {
                input type="hidden" name=(name) value=(value);
            }
            button type="submit" { "Search" }
        }
    }
}

fn row(repository: &str, line: &Line, fates: &Fates, now: Timestamp) -> Markup {
    let fate = fates.of(line);
    let versions = match line {
        Line::Entry(entry) => Some(&entry.slot.version),
        Line::Series(series) => series.generations.first().map(|(_, entry)| &entry.slot.version),
        Line::Packs { .. } => None,
    };
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                label.tick {
                    input type="checkbox" name="id" value=(ids(line.own()));
                    span.hidden { "Choose " }
                    @match line {
                        Line::Packs { .. } => span.key { "Packs of no snapshot in this list" },
                        Line::Entry(_) | Line::Series(_) => (key(line.key())),
                    }
                }
                (folded(repository, line, now))
            }
            td role="cell" data-label="Ref" { span.ref { (line.scope().unwrap_or("several")) } }
            td role="cell" data-label="Version" {
                @if let Some(version) = versions { code title=(version) { (shortened(version)) } } @else { "–" }
            }
            td.num role="cell" data-label="Size" { (bytes(line.size())) }
            td.num role="cell" data-label="Added" {
                @match fate.and_then(|fate| fate.added) { Some(added) => (bytes(added)), None => "–" }
            }
            td.num role="cell" data-label="Restores" {
                @match fate.and_then(|fate| fate.restores) { Some(restores) => (count(restores)), None => "–" }
            }
            td.num role="cell" data-label="Last used" { (when(line.accessed(), now)) }
            td.num role="cell" data-label="Saved" { (when(line.created(), now)) }
        }
    }
}

/// What a line stands for, where that is more than an entry.
fn folded(repository: &str, line: &Line, now: Timestamp) -> Markup {
    match line {
        Line::Entry(_) => html! {},
        Line::Series(series) => generations(repository, series, now),
        Line::Packs { packs } => html! {
            p.note { (counted(packs.len() as u64, "pack", "packs")) " that no newest generation here names" }
        },
    }
}

fn generations(repository: &str, series: &Series, now: Timestamp) -> Markup {
    let shared = series.packs.iter().filter(|pack| pack.shared).count() as u64;
    let packs = series.packs.iter().map(|pack| pack.entry.size).fold(0, u64::saturating_add);
    html! {
        details.note {
            summary {
                "Snapshot, " (counted(series.generations.len() as u64, "generation", "generations"))
                @if !series.packs.is_empty() { ", " (counted(series.packs.len() as u64, "pack", "packs")) }
            }
            ul {
                li {
                    a href={ "/r/" (repository) "/s/" (utf8_percent_encode(&series.key, NON_ALPHANUMERIC)) } {
                        "What each save cost, and how it was used"
                    }
                }
                @for (number, entry) in series.generations.iter().take(SHOWN) {
                    li { "#" (number) " · " (bytes(entry.size)) " · saved " (when(entry.created, now)) }
                }
                @if series.generations.len() > SHOWN {
                    li { "and " (counted((series.generations.len() - SHOWN) as u64, "older one", "older ones")) }
                }
                @if !series.packs.is_empty() {
                    li {
                        "The newest needs " (counted(series.packs.len() as u64, "pack", "packs")) ", "
                        (bytes(packs))
                        @if shared > 0 { "; " (count(shared)) " of them may be needed by others, and stay" }
                    }
                }
            }
        }
    }
}

/// Numbers of entries, as a form sends those of a line.
fn ids<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    let ids: Vec<String> = entries.map(|Entry { id: EntryId(id), .. }| id.to_string()).collect();
    ids.join(",")
}

/// The beginning of a version, which is a hash, by whole letters.
fn shortened(version: &str) -> String {
    version.chars().take(8).collect()
}
