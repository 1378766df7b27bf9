//! Pins of a binary cache, at `/api/v1/nix/<cache>/pins`.

use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use snowbank_catalog::rooms::Pin;
use snowbank_nix::store_path::StorePath;

use super::failure::Failure;
use super::message::bounded;
use super::named::Named;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::Service;

/// Bytes of a body at the most.
const MAX_BODY: usize = 16 << 10;

/// What a name shall keep.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPin {
    /// A store path, or its last part.
    path: String,
    /// Seconds; for good without it.
    #[serde(default)]
    expires_in: Option<u64>,
}

/// `GET /nix/<cache>/pins`.
pub(super) async fn list(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
) -> Result<Json<Value>, Failure> {
    let view = site.cache(&service, &cache).await?;
    let row = |pin: Pin| {
        json!({
            "name": pin.name, "path": view.dir().display(&pin.path).to_string(),
            "created_at": rfc3339(pin.created), "expires_at": pin.expires.map(rfc3339),
        })
    };
    let pins: Vec<Value> = view.pins().await?.into_iter().map(row).collect();
    Ok(Json(json!({ "pins": pins })))
}

/// `PUT /nix/<cache>/pins/<name>`.
pub(super) async fn put(
    State(service): State<Service>,
    site: Site,
    Named((cache, name)): Named<(String, String)>,
    body: Body,
) -> Result<StatusCode, Failure> {
    let view = site.cache(&service, &cache).await?;
    view.may_pin()?;
    let body = bounded(&service, body, MAX_BODY).await?;
    let pin: NewPin = serde_json::from_slice(&body)
        .map_err(|error| Failure::bad_request(format!("the body is no pin: {error}")))?;
    let dir = view.dir();
    let base =
        pin.path.strip_prefix(dir.as_str()).map_or(pin.path.as_str(), |rest| rest.trim_start_matches('/'));
    let path: StorePath = base.parse().map_err(|error| {
        Failure::bad_request(format!("`{}` is no store path: {error}", pin.path.escape_debug()))
    })?;
    view.pin(&name, &path, pin.expires_in.map(Duration::from_secs)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /nix/<cache>/pins/<name>`.
pub(super) async fn delete(
    State(service): State<Service>,
    site: Site,
    Named((cache, name)): Named<(String, String)>,
) -> Result<StatusCode, Failure> {
    site.cache(&service, &cache).await?.unpin(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
