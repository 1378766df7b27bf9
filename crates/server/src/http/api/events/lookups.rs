//! Lookups, and why they missed.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use snowbank_catalog::rooms::{Lookup, Matched, Outcome};

use super::reason::reason;
use super::{Asked, protocol};
use crate::http::api::failure::Failure;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::Service;

/// `GET /lookups?repository=O/N&key=PREFIX&outcome=hit|partial|miss&before=N&limit=N`. The same question within a second
/// is one lookup of several `times`. A hit on a snapshot's pack is not among them: its snapshot's lookup is.
pub(in crate::http::api) async fn lookups(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(&service, &site, query).await?;
    let wanted = match asked.parameter("outcome").as_deref() {
        None => None,
        Some("hit") => Some(Outcome::Hit),
        Some("partial") => Some(Outcome::Partial),
        Some("miss") => Some(Outcome::Miss),
        Some(_) => return Err(Failure::bad_request("`outcome` is hit, partial or miss")),
    };
    let found = service.events_of_lookups(asked.onlooker, &asked.query, wanted).await?;
    Ok(Json(asked.page("lookups", found.into_iter().map(|lookup| (lookup.id, row(lookup))))))
}

fn row(lookup: Lookup) -> Value {
    let Lookup { id, repository, moment, times, question, outcome, matched, reason: why } = lookup;
    let found = |Matched { entry, key, scope }| json!({ "id": entry.0, "key": key, "ref": scope });
    json!({
        "id": id,
        "repository": repository,
        "at": rfc3339(moment),
        "times": times,
        "protocol": protocol(question.protocol),
        "key": question.keys.first(),
        "restore_keys": question.keys.get(1..).unwrap_or_default(),
        "version": question.version,
        "read_refs": question.read,
        "write_ref": question.write,
        "outcome": match outcome {
            Outcome::Hit => "hit",
            Outcome::Partial => "partial",
            Outcome::Miss => "miss",
        },
        "matched": matched.map(found),
        "reason": why.map(|why| reason(why, &question)),
    })
}
