//! Image pushes, as those who push tell of them.

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use snowbank_catalog::rooms::{ImagePush, NewImagePush};

use super::Asked;
use crate::http::api::failure::Failure;
use crate::http::api::message::bounded;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::Service;

/// Bytes of a report at the most.
const MAX_REPORT: usize = 16 << 10;

/// What a client tells of a push.
#[derive(Debug, Deserialize)]
struct Report {
    /// The binary cache by whose token it is told; not needed for a job's token.
    cache: Option<String>,
    destination: String,
    tag: String,
    digest: String,
    layers_reused: u64,
    layers_sent: u64,
    bytes_sent: u64,
    bytes_total: u64,
    duration_ms: u64,
}

/// `POST /image-pushes`: notes what a push came to. By a job's token for its repository, else by a token that may push
/// to the binary cache that is named.
pub(in crate::http::api) async fn note_image_push(
    State(service): State<Service>,
    site: Site,
    body: Body,
) -> Result<StatusCode, Failure> {
    let bytes = bounded(&service, body, MAX_REPORT).await?;
    let report: Report = serde_json::from_slice(&bytes)
        .map_err(|error| Failure::bad_request(format!("the body is no report of a push: {error}")))?;
    let pusher = site.image_pusher(&service, report.cache.as_deref()).await?;
    let push = NewImagePush {
        destination: report.destination,
        tag: report.tag,
        digest: report.digest,
        layers_reused: report.layers_reused,
        layers_sent: report.layers_sent,
        bytes_sent: report.bytes_sent,
        bytes_total: report.bytes_total,
        millis: report.duration_ms,
    };
    service.note_image_push(&pusher, &push).await?;
    Ok(StatusCode::CREATED)
}

/// `GET /image-pushes?repository=O/N&before=N&limit=N`.
pub(in crate::http::api) async fn image_pushes(
    State(service): State<Service>,
    site: Site,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Failure> {
    let mut asked = Asked::read(&service, &site, query).await?;
    asked.query.key_prefix = None;
    let found = service.events_of_image_pushes(asked.onlooker, &asked.query).await?;
    Ok(Json(asked.page("image_pushes", found.into_iter().map(|push| (push.id, row(push))))))
}

fn row(ImagePush { id, repository, cache, moment, push }: ImagePush) -> Value {
    json!({
        "id": id,
        "repository": repository,
        "cache": cache,
        "at": rfc3339(moment),
        "destination": push.destination,
        "tag": push.tag,
        "digest": push.digest,
        "layers_reused": push.layers_reused,
        "layers_sent": push.layers_sent,
        "bytes_sent": push.bytes_sent,
        "bytes_total": push.bytes_total,
        "duration_ms": push.millis,
    })
}
