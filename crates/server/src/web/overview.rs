//! `/`: every repository and binary cache.

use std::collections::HashMap;

use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use snowbank_catalog::ids::{RepoId, Timestamp};
use snowbank_catalog::rooms::{NewSample, RepositorySort, UsageInAll};

use super::charts;
use super::failure::Failure;
use super::guest::Member;
use super::is_for_people;
use super::layout::{Place, page as framed};
use super::parts::{Column, bytes, count, heads, meter, pager, plain_heads, rate, when};
use super::query::{PAGE, Params, Sort};
use crate::http::content_type::PLAIN;
use crate::service::{
    Answers, ByDay, CacheLine, Disk, Onlooker, Overview, OverviewQuery, RepositoryLine, Service,
};

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
    let columns: Vec<_> = COLUMNS.iter().filter_map(|column| column.sort).collect();
    let sort = Sort::read(&params, &columns);
    let overview = service.overview(guest.identity(), &wanted(&params, sort)).await?;
    let now = service.now().await?;
    let shown: Vec<RepoId> = overview.repositories.iter().map(|line| line.id).collect();
    let answers = service.answers(&shown).await?;
    let stored = match overview.disk {
        Some(_) => service.stored(Onlooker::Everything).await?,
        None => Vec::new(),
    };
    let place = Place { title: "Overview", above: &[], identity: guest.identity() };
    let content = html! {
        (totals(&overview))
        (repositories(&overview, &answers, (&params, sort), now))
        (caches(&overview.caches))
        @if !stored.is_empty() { (disk_past(&stored)) }
    };
    Ok(framed(&place, &content).into_response())
}

fn wanted(params: &Params, sort: Sort) -> OverviewQuery {
    OverviewQuery {
        text: params.get("q").map(str::to_owned),
        sort: match sort.name {
            "size" => RepositorySort::Bytes,
            "entries" => RepositorySort::Entries,
            "used" => RepositorySort::Used,
            _ => RepositorySort::Name,
        },
        descending: sort.descending,
        offset: (params.page() - 1).saturating_mul(PAGE) as u64,
        limit: PAGE as u64,
    }
}

fn totals(overview: &Overview) -> Markup {
    let UsageInAll { repositories, holdings } = overview.all;
    html! {
        dl.totals {
            div { dt { "Repositories" } dd { (count(repositories)) } }
            div { dt { "Entries" } dd { (count(holdings.entries)) } }
            div { dt { "Saved in all" } dd { (bytes(holdings.bytes)) } }
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

fn repositories(
    overview: &Overview,
    answers: &HashMap<RepoId, Answers>,
    (params, sort): (&Params, Sort),
    now: Timestamp,
) -> Markup {
    html! {
        section aria-labelledby="repositories" {
            div.head {
                h2 #repositories { "Repositories" }
                @if overview.all.repositories > 1 { (search(params)) }
            }
            @if overview.found == 0 {
                p.empty {
                    @if overview.all.repositories == 0 { "Nothing was saved yet. A job's first save makes its repository." }
                    @else { "No repository has this in its name." }
                }
            } @else {
                div.box {
                    table.cards role="table" {
                        caption.hidden { "Repositories with what they hold; hit rates are those of the last 30 days" }
                        (heads(&COLUMNS, params, Some(sort)))
                        tbody role="rowgroup" {
                            @for line in &overview.repositories {
                                (repository(line, &answers.get(&line.id).copied().unwrap_or_default(), now))
                            }
                        }
                    }
                }
                (pager(params, usize::try_from(overview.found).unwrap_or(usize::MAX)))
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
