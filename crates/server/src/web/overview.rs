//! `/`: every repository and binary cache.

use std::cmp::Ordering;
use std::collections::HashMap;

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use snowbank_catalog::ids::{RepoId, Timestamp};
use snowbank_catalog::rooms::NewSample;

use super::charts;
use super::failure::Failure;
use super::guest::Member;
use super::is_for_people;
use super::layout::{Place, page as framed};
use super::parts::{Column, bytes, count, heads, meter, pager, plain_heads, rate, when};
use super::query::{PAGE, Params, Sort};
use crate::http::content_type::PLAIN;
use crate::service::{Answers, ByDay, CacheLine, Disk, Onlooker, Overview, RepositoryLine, Service};

/// What programs get that ask for the server's root.
const FOR_PROGRAMS: &str =
    "Snowbank, a cache for Nix in CI. Open this address in a browser for the dashboard.\n";

const COLUMNS: [Column; 5] = [
    Column { label: "Repository", sort: Some(("name", false)), number: false },
    Column { label: "Size", sort: Some(("size", true)), number: true },
    Column { label: "Entries", sort: Some(("entries", true)), number: true },
    Column { label: "Hit rate", sort: None, number: true },
    Column { label: "Last used", sort: Some(("used", true)), number: true },
];

/// `GET /?q=TEXT&sort=S&dir=D&page=N`.
pub(super) async fn page(
    State(service): State<Service>,
    method: Method,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    member: Result<Member, Failure>,
) -> Result<Response, Failure> {
    if !is_for_people(&method, &headers) {
        return Ok(([(CONTENT_TYPE, PLAIN)], FOR_PROGRAMS).into_response());
    }
    let Member(guest) = member?;
    let params = Params::read(&query.unwrap_or_default(), &["q", "sort", "dir", "page"]);
    let overview = service.overview(guest.identity()).await?;
    let now = service.now().await?;
    let columns: Vec<_> = COLUMNS.iter().filter_map(|column| column.sort).collect();
    let sort = Sort::read(&params, &columns);
    let found = sorted(&overview.repositories, params.get("q"), sort);
    let first = (params.page() - 1).saturating_mul(PAGE);
    let lines: Vec<_> = found.iter().skip(first).take(PAGE).copied().collect();
    let answers = service.answers(&lines.iter().map(|line| line.id).collect::<Vec<_>>()).await?;
    let stored = match overview.disk {
        Some(_) => service.stored(Onlooker::Everything).await?,
        None => Vec::new(),
    };
    let list = List { all: overview.repositories.len(), found: found.len(), lines, answers, sort };
    let place = Place { title: "Overview", above: &[], identity: guest.identity() };
    let content = html! {
        (totals(&overview))
        (repositories(&list, &params, now))
        (caches(&overview.caches))
        @if !stored.is_empty() { (disk_past(&stored)) }
    };
    Ok(framed(&place, &content).into_response())
}

fn totals(overview: &Overview) -> Markup {
    let entries = overview.repositories.iter().map(|line| line.entries).sum();
    let held = overview.repositories.iter().map(|line| line.bytes).fold(0, u64::saturating_add);
    html! {
        dl.totals {
            div { dt { "Repositories" } dd { (count(overview.repositories.len() as u64)) } }
            div { dt { "Entries" } dd { (count(entries)) } }
            div { dt { "Saved in all" } dd { (bytes(held)) } }
            @if let Some(disk) = &overview.disk { (disk_total(disk)) }
        }
    }
}

fn disk_total(disk: &Disk) -> Markup {
    let used = disk.uploads.saturating_add(disk.packs);
    html! {
        div.wide { dt { "On disk" } dd { (meter(used, disk.limit)) } }
        @if disk.recoding > 0 {
            div { dt { "To be recoded" } dd { (count(disk.recoding)) } }
        }
    }
}

fn disk_past(stored: &ByDay<Option<NewSample>>) -> Markup {
    html! {
        @if stored.iter().any(|(_, sample)| sample.is_some()) {
            section aria-labelledby="disk" {
                h2 #disk { "The disk in the last 30 days" }
                (charts::stored(stored, "Bytes on disk at the end of each day"))
            }
        }
    }
}

/// A page of the repositories.
struct List<'a> {
    /// How many there are.
    all: usize,
    /// How many of them are meant.
    found: usize,
    /// Those of this page.
    lines: Vec<&'a RepositoryLine>,
    /// What their lookups found.
    answers: HashMap<RepoId, Answers>,
    sort: Sort,
}

fn repositories(list: &List<'_>, params: &Params, now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="repositories" {
            div.head {
                h2 #repositories { "Repositories" }
                @if list.all > 1 { (search(params)) }
            }
            @if list.found == 0 {
                p.empty {
                    @if list.all == 0 { "Nothing was saved yet. A job's first save makes its repository." }
                    @else { "No repository has this in its name." }
                }
            } @else {
                div.box {
                    table.cards role="table" {
                        caption.hidden { "Repositories with what they hold; hit rates are those of the last 30 days" }
                        (heads(&COLUMNS, params, Some(list.sort)))
                        tbody role="rowgroup" {
                            @for line in &list.lines {
                                (repository(line, &list.answers.get(&line.id).copied().unwrap_or_default(), now))
                            }
                        }
                    }
                }
                (pager(params, list.found))
            }
        }
    }
}

fn search(params: &Params) -> Markup {
    html! {
        form.search method="get" action="/" role="search" {
            label.hidden for="q" { "Part of a repository's name" }
            input #q type="search" name="q" value=[params.get("q")] placeholder="Find a repository";
            @for (name, value) in params.without("q").without("page").pairs() {
                input type="hidden" name=(name) value=(value);
            }
            button type="submit" { "Search" }
        }
    }
}

fn repository(line: &RepositoryLine, answers: &Answers, now: Timestamp) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" { a href={ "/r/" (line.name) } { (line.name) } }
            td.num role="cell" data-label="Size" { (meter(line.bytes, Some(line.limit))) }
            td.num role="cell" data-label="Entries" { (count(line.entries)) }
            td.num role="cell" data-label="Hit rate" { (rate(answers)) }
            td.num role="cell" data-label="Last used" {
                @match line.used { Some(used) => (when(used, now)), None => "never" }
            }
        }
    }
}

fn caches(lines: &[CacheLine]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section aria-labelledby="caches" {
                h2 #caches { "Binary caches" }
                div.box {
                    table.cards role="table" {
                        caption.hidden { "Binary caches with what they hold" }
                        (plain_heads(&[("Cache", false), ("Stored", true), ("Paths", true), ("Open to", false)]))
                        tbody role="rowgroup" {
                            @for line in lines {
                                tr role="row" {
                                    th scope="row" role="rowheader" { a href={ "/c/" (line.name) } { (line.name) } }
                                    td.num role="cell" data-label="Stored" { (meter(line.bytes, line.limit)) }
                                    td.num role="cell" data-label="Paths" { (count(line.paths)) }
                                    td role="cell" data-label="Open to" {
                                        @if line.public { "everybody" } @else { "who has a token" }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The lines whose name has the text in it, in this order.
fn sorted<'a>(all: &'a [RepositoryLine], text: Option<&str>, sort: Sort) -> Vec<&'a RepositoryLine> {
    let text = text.map(str::to_ascii_lowercase).unwrap_or_default();
    let has = |line: &&RepositoryLine| line.name.to_ascii_lowercase().contains(&text);
    let mut found: Vec<&RepositoryLine> = all.iter().filter(has).collect();
    let compare = |a: &RepositoryLine, b: &RepositoryLine| match sort.name {
        "size" => a.bytes.cmp(&b.bytes),
        "entries" => a.entries.cmp(&b.entries),
        "used" => a.used.cmp(&b.used),
        _ => Ordering::Equal,
    };
    // They come by name, and those that are equal stay so.
    found.sort_by(|a, b| if sort.descending { compare(b, a) } else { compare(a, b) });
    if sort.name == "name" && sort.descending {
        found.reverse();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_found_and_sorted() {
        let line = |name: &str, bytes, used: Option<i64>| RepositoryLine {
            id: RepoId(1),
            name: name.to_owned(),
            entries: bytes,
            bytes,
            limit: 10,
            used: used.map(Timestamp),
        };
        let all = [line("Acme/app", 5, Some(1)), line("acme/lib", 7, None), line("beta/app", 5, Some(3))];
        let names = |text, name, descending| {
            let found = sorted(&all, text, Sort { name, descending });
            found.into_iter().map(|line| line.name.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(names(None, "name", true), ["beta/app", "acme/lib", "Acme/app"]);
        assert_eq!(names(None, "size", true), ["acme/lib", "Acme/app", "beta/app"]);
        assert_eq!(names(None, "used", true), ["beta/app", "Acme/app", "acme/lib"]);
        assert_eq!(names(Some("ACME"), "size", false), ["Acme/app", "acme/lib"]);
        assert!(names(Some("<script>"), "name", false).is_empty());
    }
}
