//! Pins of a binary cache, at `/api/v1/nix/<cache>/pins`.

use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use snowbank_catalog::rooms::Pin;
use snowbank_nix::store_path::StorePath;

use super::failure::Failure;
use crate::http::site::Site;
use crate::http::timestamp::rfc3339;
use crate::service::Service;

/// What a name shall keep.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPin {
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
    Path(cache): Path<String>,
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
    Path((cache, name)): Path<(String, String)>,
    Json(pin): Json<NewPin>,
) -> Result<StatusCode, Failure> {
    let view = site.cache(&service, &cache).await?;
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
    Path((cache, name)): Path<(String, String)>,
) -> Result<StatusCode, Failure> {
    site.cache(&service, &cache).await?.unpin(&name).await?;
    Ok(StatusCode::NO_CONTENT)
}
