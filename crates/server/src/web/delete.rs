//! `POST /r/OWNER/NAME/delete`: shows what would be deleted, and deletes it when that page says so.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use snowbank_catalog::ids::{EntryId, Timestamp};
use snowbank_catalog::rooms::Entry;

use super::failure::Failure;
use super::form::Form;
use super::guest::Member;
use super::layout::{Place, page as framed, to_overview};
use super::parts::{bytes, counted, key, plain_heads, when};
use super::query::Params;
use super::sign_in::led;
use crate::service::{Identity, Service};

/// Entries that the question names.
const NAMED: usize = 100;

/// With `id`, numbers of entries separated by commas, as often as there are lines; with `sure` it deletes.
pub(super) async fn delete(
    State(service): State<Service>,
    Path((owner, name)): Path<(String, String)>,
    Member(guest): Member,
    body: Body,
) -> Result<Response, Failure> {
    let visitor = guest.visitor(&service, &owner, &name).await?;
    let form = Form::read(&service, body).await?;
    let ids = ids(&form)?;
    // Leads back to the list as it was.
    let back = form.get("back").unwrap_or_default().trim_start_matches('?');
    let back = Params::read(back, &["key", "ref", "sort", "dir"]);
    let home = format!("/r/{owner}/{name}");
    if ids.is_empty() {
        let message = "No entry was ticked. Go back, and tick those that shall go.";
        return Err(Failure::new(StatusCode::BAD_REQUEST, message));
    }
    if form.get("sure").is_some() {
        let deleted = service.delete_repository_caches(&visitor, &ids).await?;
        let back = back.with("deleted", deleted.to_string());
        return Ok(led(&format!("{home}{back}"), None));
    }
    let entries = service.deletable(&visitor, &ids).await?;
    if entries.is_empty() {
        return Err(Failure::not_found("These entries are gone already."));
    }
    let now = service.now().await?;
    Ok(question(&home, &format!("{owner}/{name}"), guest.identity(), &back, &entries, now))
}

fn ids(form: &Form) -> Result<Vec<EntryId>, Failure> {
    let numbers = form.all("id").flat_map(|ids| ids.split(','));
    let ids = numbers.map(|number| number.parse().map(EntryId)).collect::<Result<Vec<_>, _>>();
    let mut ids = ids.map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "An entry's id is a number."))?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

fn question(
    home: &str,
    repository: &str,
    identity: Option<&Identity>,
    back: &Params,
    entries: &[Entry],
    now: Timestamp,
) -> Response {
    let size = entries.iter().map(|entry| entry.size).fold(0, u64::saturating_add);
    let ids: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
    let above = [to_overview(), (home.to_owned(), repository.to_owned())];
    let place = Place { title: "Delete these entries?", above: &above, identity };
    let content = html! {
        p.lead {
            (counted(entries.len() as u64, "entry", "entries")) " of " (bytes(size)) " in all. Jobs will not find \
             them any more; there is no way back."
        }
        form.actions method="post" action={ (home) "/delete" } {
            input type="hidden" name="id" value=(ids.join(","));
            input type="hidden" name="back" value=(back);
            button.danger type="submit" name="sure" value="yes" { "Delete" }
            a.button href={ (home) (back) } { "Keep them" }
        }
        (named(entries, now))
    };
    framed(&place, &content).into_response()
}

fn named(entries: &[Entry], now: Timestamp) -> Markup {
    html! {
        div.box {
            table.cards role="table" {
                caption.hidden { "Entries that would be deleted" }
                (plain_heads(&[("Key", false), ("Ref", false), ("Size", true), ("Last used", true)]))
                tbody role="rowgroup" {
                    @for entry in entries.iter().take(NAMED) {
                        tr role="row" {
                            th scope="row" role="rowheader" { (key(&entry.slot.key)) }
                            td role="cell" data-label="Ref" { span.ref { (entry.slot.scope) } }
                            td.num role="cell" data-label="Size" { (bytes(entry.size)) }
                            td.num role="cell" data-label="Last used" { (when(entry.accessed, now)) }
                        }
                    }
                }
            }
        }
        @if entries.len() > NAMED { p.muted { "and " (entries.len() - NAMED) " more" } }
    }
}
