//! Reserving, uploading in ranges, committing.

use axum::extract::Request;
use axum::http::header::{CONTENT_RANGE, USER_AGENT};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use snowbank_actions::keys::{validate_key, validate_version};
use snowbank_actions::messages::v1::{Commit, Reserve, Reserved};
use snowbank_actions::ranges::Placed;
use snowbank_actions::twirp::MAX_MESSAGE_BYTES;
use snowbank_catalog::ids::UploadId;

use super::failure::Failure;
use super::find::json;
use crate::http::body;
use crate::service::{Caller, Service};

/// `POST caches`: 201 with the upload's number.
pub(super) async fn reserve(
    service: &Service,
    caller: &Caller,
    request: Request,
) -> Result<Response, Failure> {
    let user_agent = header(&request, USER_AGENT).unwrap_or_default().to_owned();
    let Reserve { key, version, cache_size } = message(service, request).await?;
    validate_key(&key)?;
    validate_version(&version)?;
    let limit = service.limits_of(&caller.repository.name).await?.size.0;
    // 400 is the one status whose message the npm client shows for a reservation.
    if cache_size.is_some_and(|size| u64::try_from(size).is_ok_and(|size| size > limit)) {
        let message = format!(
            "the cache has {} bytes, and the repository may hold {limit} in all",
            cache_size.unwrap_or(0)
        );
        return Err(Failure::new(StatusCode::BAD_REQUEST, message));
    }
    let grant = service.reserve(caller, &key, &version, &user_agent).await?;
    Ok(json(StatusCode::CREATED, &Reserved { cache_id: grant.upload.0 }))
}

/// `PATCH caches/<id>` with `Content-Range`: 204. Ranges come in any order, four at a time.
pub(super) async fn upload(
    service: &Service,
    caller: &Caller,
    upload: UploadId,
    request: Request,
) -> Result<Response, Failure> {
    let placed = Placed::parse(header(&request, CONTENT_RANGE).unwrap_or_default())?;
    let body = body::stream(request.into_body(), service.settings().times.body_idle.0);
    service.put_range(caller, upload, placed.start, placed.end - 1, body).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST caches/<id>`: 204, and the entry can be found.
pub(super) async fn commit(
    service: &Service,
    caller: &Caller,
    upload: UploadId,
    request: Request,
) -> Result<Response, Failure> {
    let Commit { size } = message(service, request).await?;
    let size =
        u64::try_from(size).map_err(|_| Failure::new(StatusCode::BAD_REQUEST, "the size is below zero"))?;
    service.commit_ranges(caller, upload, size).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn message<M: DeserializeOwned>(service: &Service, request: Request) -> Result<M, Failure> {
    let bytes =
        body::read(request.into_body(), MAX_MESSAGE_BYTES, service.settings().times.body_idle.0).await?;
    let malformed = |error| {
        Failure::new(StatusCode::BAD_REQUEST, format!("the body is not the JSON of this call: {error}"))
    };
    serde_json::from_slice(&bytes).map_err(malformed)
}

fn header(request: &Request, name: HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}
