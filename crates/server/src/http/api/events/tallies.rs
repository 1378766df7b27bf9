//! Counts by day, and samples of what is stored.

use axum::Json;
use axum::extract::{RawQuery, State};
use serde_json::{Value, json};
use snowbank_catalog::rooms::{Counts, Day, NewSample, Sample};

use super::{Asked, protocol};
use crate::http::api::caches::number;
use crate::http::api::failure::Failure;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::Service;

/// Days that are told of, if the caller does not say.
const DAYS: u64 = 30;

/// `GET /usage/days?repository=O/N&days=N&limit=N`: counts by day, repository and protocol, the latest first. `blobs` is
/// what both protocols share: bytes that were sent, and those that needed no storing.
pub(in crate::http::api) async fn days(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(&service, &site, query).await?;
    let days = number(&asked.text, "days")?.unwrap_or(DAYS);
    let found = service.days(asked.onlooker, days, asked.query.limit).await?;
    Ok(Json(json!({ "days": found.into_iter().map(day).collect::<Vec<_>>() })))
}

fn day(Day { day, repository, protocol: by, counts }: Day) -> Value {
    let Counts { hits, partial_hits, misses, saves, bytes_in, bytes_out, bytes_deduplicated } = counts;
    json!({
        "day": rfc3339(day).split_once('T').map(|(day, _)| day),
        "repository": repository,
        "protocol": protocol(by),
        "hits": hits,
        "partial_hits": partial_hits,
        "misses": misses,
        "saves": saves,
        "bytes_in": bytes_in,
        "bytes_out": bytes_out,
        "bytes_deduplicated": bytes_deduplicated,
    })
}

/// `GET /samples?repository=O/N&limit=N`: what was stored, by the hour for the whole server and by the day for a
/// repository, the latest first.
pub(in crate::http::api) async fn samples(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let asked = Asked::read(&service, &site, query).await?;
    let found = service.samples(asked.onlooker, asked.query.limit).await?;
    let row = |Sample { moment, sample }| {
        let NewSample { disk, bound, bytes, entries, .. } = sample;
        json!({
            "at": rfc3339(moment), "disk_bytes": disk, "limit_bytes": bound, "caches_bytes": bytes,
            "caches_count": entries,
        })
    };
    Ok(Json(json!({ "samples": found.into_iter().map(row).collect::<Vec<_>>() })))
}
