//! What went, what never came, and what was saved.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use snowbank_catalog::rooms::{Ending, Removal, Save, Unfinished};

use super::reason::removal;
use super::{Asked, with_slot};
use crate::http::api::failure::Failure;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::Service;

/// `GET /removals?repository=O/N&key=PREFIX&before=N&limit=N`: entries that went, and why.
pub(in crate::http::api) async fn removals(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(&service, &site, query).await?;
    let found = service.events_of_removals(asked.onlooker, &asked.query).await?;
    let row = |Removal { id, repository, entry, slot, size, created, accessed, removed, reason, by }| {
        let fields = json!({
            "id": id, "repository": repository, "cache": entry.0, "size_in_bytes": size,
            "created_at": rfc3339(created), "last_accessed_at": rfc3339(accessed), "removed_at": rfc3339(removed),
            "reason": removal(reason), "by": by,
        });
        (id, with_slot(fields, slot))
    };
    Ok(Json(asked.page("removals", found.into_iter().map(row))))
}

/// `GET /unfinished?repository=O/N&key=PREFIX&before=N&limit=N`: uploads that ended without an entry.
pub(in crate::http::api) async fn unfinished(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(&service, &site, query).await?;
    let found = service.events_of_unfinished(asked.onlooker, &asked.query).await?;
    let row = |Unfinished { id, repository, slot, begun, ended, how }| {
        let how = match how {
            Ending::Expired => "expired",
            Ending::Abandoned => "abandoned",
        };
        let fields = json!({
            "id": id, "repository": repository, "begun_at": rfc3339(begun), "ended_at": rfc3339(ended), "how": how,
        });
        (id, with_slot(fields, slot))
    };
    Ok(Json(asked.page("unfinished", found.into_iter().map(row))))
}

/// `GET /saves?repository=O/N&key=PREFIX&parts=true&before=N&limit=N`: saves, with what was new of each and how it was
/// used. A snapshot's row says what its packs come to that it was the first to name; they have rows of their own only
/// where `parts` says so. Bytes that were not stored before are null until all of it is recoded.
pub(in crate::http::api) async fn saves(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(&service, &site, query).await?;
    let parts = match asked.parameter("parts").as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(_) => return Err(Failure::bad_request("`parts` is true or false")),
    };
    let found = service.events_of_saves(asked.onlooker, &asked.query, parts).await?;
    Ok(Json(asked.page("saves", found.into_iter().map(|save| (save.id, row(save))))))
}

fn row(save: Save) -> Value {
    let begun = save.parts.begun.map_or(save.begun, |first| first.min(save.begun));
    let whole = save.added.filter(|_| save.parts.pending == 0).map(|added| added + save.parts.added);
    let fields = json!({
        "id": save.id,
        "repository": save.repository,
        "cache": save.entry.0,
        "part_of": save.part_of.map(|snapshot| snapshot.0),
        "packs": save.parts.count,
        "bytes_uploaded": save.size + save.parts.size,
        "bytes_new": whole,
        "begun_at": rfc3339(begun),
        "finished_at": rfc3339(save.finished),
        "took_ms": save.finished.0.saturating_sub(begun.0).max(0),
        "restores": save.restores,
        "timed_restores": save.timed,
        "mean_restore_ms": save.restore_millis.checked_div(save.timed),
    });
    with_slot(fields, save.slot)
}
