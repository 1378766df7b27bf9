//! A token of ours for a job's identity token.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::json;

use super::failure::Failure;
use crate::http::body::{self, ReadError};
use crate::http::site::Site;
use crate::service::{Kind, Service, ServiceError};

/// Bytes of a body at the most: the longest token, and what JSON is around it.
const MAX_BODY: usize = 32 << 10;

#[derive(Deserialize)]
struct Asked {
    token: String,
}

/// `POST /oidc/token` with `{"token": "<identity token>"}`, or with the identity token as a bearer's and no body. The
/// answer is `{"token", "expires_in"}`, the latter in seconds.
pub(super) async fn exchange(
    State(service): State<Service>,
    site: Site,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let body = body::read(body, MAX_BODY, service.settings().times.body_idle.0).await.map_err(unread)?;
    let asked: Option<Asked> =
        match body.is_empty() {
            true => None,
            false => Some(serde_json::from_slice(&body).map_err(|_| {
                Failure::bad_request(r#"the body is not written {"token": "<identity token>"}"#)
            })?),
        };
    let identity = asked.as_ref().map(|asked| asked.token.as_str()).or(site.token());
    let (token, valid) = service.exchange(identity.unwrap_or_default()).await?;
    let answer = json!({ "token": token, "expires_in": valid.as_secs() });
    Ok(([(CACHE_CONTROL, "no-store")], Json(answer)))
}

fn unread(error: ReadError) -> ServiceError {
    match error {
        ReadError::TooLarge { .. } => {
            ServiceError::new(Kind::Unauthenticated, "the token is longer than any token is")
        }
        ReadError::Body(error) => ServiceError::caused(Kind::BodyCut, "the body broke off", error),
    }
}
