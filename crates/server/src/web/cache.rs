//! `/c/NAME`: a binary cache.

use axum::extract::{Path, State};
use axum::response::Html;
use maud::{Markup, html};
use snowbank_catalog::ids::Timestamp;

use super::failure::Failure;
use super::guest::Guest;
use super::layout::{Place, page as framed, to_overview};
use super::parts::{bytes, count, meter, plain_heads, span, when};
use crate::service::{CacheAbout, CachePath, CacheView, Kind, Service};

/// What is public needs nobody to sign in.
pub(super) async fn page(
    State(service): State<Service>,
    Path(name): Path<String>,
    guest: Guest,
) -> Result<Html<String>, Failure> {
    let view = match guest.cache(&service, &name).await {
        Ok(view) => view,
        Err(error) if error.kind() == Kind::Unauthenticated => {
            return Err(Failure::sign_in_first(&format!("/c/{name}")));
        }
        Err(error) => return Err(error.into()),
    };
    let about = view.about().await?;
    let now = service.now().await?;
    let place = Place { title: view.name(), above: &[to_overview()], identity: guest.identity() };
    Ok(framed(&place, &html! { (facts(&view, &about)) (newest(&about, now)) }))
}

fn facts(view: &CacheView, about: &CacheAbout) -> Markup {
    html! {
        dl.totals {
            div { dt { "Paths" } dd { (count(about.paths)) } }
            div.wide { dt { "Stored" } dd { (meter(about.bytes, about.limit)) } }
            div {
                dt { "Kept when unused" }
                dd { @match about.retention { Some(kept) => (span(kept)), None => "for ever" } }
            }
            @if about.pins > 0 { div { dt { "Pins" } dd { (count(about.pins as u64)) } } }
        }
        section aria-labelledby="use" {
            h2 #use { "Using it" }
            dl.facts {
                div { dt { "Public key" } dd { @for key in view.public_keys() { code.block { (key) } } } }
                div {
                    dt { "Open to" }
                    dd { @if view.is_public() { "everybody" } @else { "who has a token" } }
                }
                div { dt { "Priority" } dd { (view.priority()) } }
                @if !about.upstreams.is_empty() {
                    div {
                        dt { "Upstream caches" }
                        dd {
                            @for url in &about.upstreams { code.block { (url) } }
                            @if about.pull_through { p.muted { "What is missing here is fetched from there and kept." } }
                        }
                    }
                }
            }
        }
    }
}

fn newest(about: &CacheAbout, now: Timestamp) -> Markup {
    html! {
        section aria-labelledby="newest" {
            h2 #newest { "Newest paths" }
            @if about.newest.is_empty() {
                p.empty { "Nothing was pushed here yet." }
            } @else {
                div.box {
                    table.cards role="table" {
                        caption.hidden { "The paths that were published last" }
                        (plain_heads(&[
                            ("Path", false), ("Size", true), ("Stored", true), ("Last used", true), ("Published", true),
                        ]))
                        tbody role="rowgroup" { @for path in &about.newest { (row(path, now)) } }
                    }
                }
            }
        }
    }
}

fn row(CachePath { path, view, size, stored, created, used }: &CachePath, now: Timestamp) -> Markup {
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                span.key title=(path.base_name()) { (path.name()) }
                p.note {
                    code { (path.hash_part()) }
                    @if let Some(view) = view { " · for " span.ref { (view) } " only" }
                }
            }
            td.num role="cell" data-label="Size" { (bytes(*size)) }
            td.num role="cell" data-label="Stored" {
                @match stored { Some(stored) => (bytes(*stored)), None => "not fetched yet" }
            }
            td.num role="cell" data-label="Last used" { (when(*used, now)) }
            td.num role="cell" data-label="Published" { (when(*created, now)) }
        }
    }
}
