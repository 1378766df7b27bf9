//! `/r/OWNER/NAME/images` and `/images`: image pushes, as those who pushed told of them.

use axum::extract::{Path, RawQuery, State};
use axum::response::Html;
use maud::{Markup, html};
use snowbank_catalog::ids::Timestamp;
use snowbank_catalog::rooms::ImagePush;

use super::failure::Failure;
use super::guest::Member;
use super::layout::{Place, page as framed, to_overview, to_repository};
use super::parts::{bytes, count, older, plain_heads, took, when};
use super::query::{PAGE, Params};
use crate::service::{EventQuery, Onlooker, Service};

/// Of one repository.
pub(super) async fn of_repository(
    State(service): State<Service>,
    Path((owner, name)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    Member(guest): Member,
) -> Result<Html<String>, Failure> {
    let visitor = guest.visitor(&service, &owner, &name).await?;
    let content = content(&service, visitor.onlooker(), query).await?;
    let repository = visitor.name().to_owned();
    let above = [to_overview(), to_repository(&repository)];
    Ok(framed(&Place { title: "Image pushes", above: &above, identity: guest.identity() }, &content))
}

/// Of the whole server, for an administrator.
pub(super) async fn of_server(
    State(service): State<Service>,
    RawQuery(query): RawQuery,
    Member(guest): Member,
) -> Result<Html<String>, Failure> {
    guest.administers()?;
    let content = content(&service, Onlooker::Everything, query).await?;
    let above = [to_overview()];
    Ok(framed(&Place { title: "Image pushes", above: &above, identity: guest.identity() }, &content))
}

async fn content(service: &Service, onlooker: Onlooker, query: Option<String>) -> Result<Markup, Failure> {
    let params = Params::read(&query.unwrap_or_default(), &["before"]);
    let asked = EventQuery { key_prefix: None, before: params.before(), limit: PAGE as u64 };
    let pushes = service.events_of_image_pushes(onlooker, &asked).await?;
    let next = pushes.last().map(|push| push.id).filter(|_| pushes.len() == PAGE);
    let now = service.now().await?;
    Ok(html! {
        @if pushes.is_empty() {
            p.empty { "No push of an image is remembered." }
        } @else {
            (table(&pushes, onlooker == Onlooker::Everything, now))
        }
        (older(&params, next))
    })
}

fn table(pushes: &[ImagePush], of_all: bool, now: Timestamp) -> Markup {
    let columns = [
        ("Image", false),
        ("Digest", false),
        ("Layers reused", true),
        ("Layers sent", true),
        ("Sent", true),
        ("Took", true),
        ("Pushed", true),
    ];
    html! {
        div.box {
            table.cards role="table" {
                caption.hidden { "Pushes of images, the latest first" }
                (plain_heads(&columns))
                tbody role="rowgroup" {
                    @for ImagePush { repository, cache, moment, push, .. } in pushes {
                        tr role="row" {
                            th scope="row" role="rowheader" {
                                span.key { (push.destination) ":" (push.tag) }
                                @if of_all { (owner(repository.as_deref(), cache.as_deref())) }
                            }
                            td role="cell" data-label="Digest" { code title=(push.digest) { (shortened(&push.digest)) } }
                            td.num role="cell" data-label="Layers reused" { (count(push.layers_reused)) }
                            td.num role="cell" data-label="Layers sent" { (count(push.layers_sent)) }
                            td.num role="cell" data-label="Sent" {
                                span { (bytes(push.bytes_sent)) " " span.muted { "of " (bytes(push.bytes_total)) } }
                            }
                            td.num role="cell" data-label="Took" { (took(push.millis)) }
                            td.num role="cell" data-label="Pushed" { (when(*moment, now)) }
                        }
                    }
                }
            }
        }
    }
}

/// Who told of it.
fn owner(repository: Option<&str>, cache: Option<&str>) -> Markup {
    html! {
        @if let Some(name) = repository { p.note { a href={ "/r/" (name) } { (name) } } }
        @if let Some(name) = cache { p.note { "cache " a href={ "/c/" (name) } { (name) } } }
    }
}

/// The beginning of a digest, by whole letters.
fn shortened(digest: &str) -> String {
    digest.trim_start_matches("sha256:").chars().take(12).collect()
}
