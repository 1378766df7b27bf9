//! Bodies, and the messages of our own client.

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use prost::Message;
use snowbank_cas::budget::Permit;

use super::failure::Failure;
use crate::http::body::{self, ReadError};
use crate::service::Service;

/// Reads a message of `most` bytes at most, and its room among the buffers of uploads, twice what was announced:
/// the bytes and what is made of them.
pub(super) async fn message<M: Message + Default>(
    service: &Service,
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<(M, Permit), Failure> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let room = service.room(2 * announced.unwrap_or(most as u64).min(most as u64)).await;
    let bytes = bounded(service, body, most).await?;
    let message = M::decode(&*bytes).map_err(|_| Failure::bad_request("the body is no such message"))?;
    Ok((message, room))
}

/// Reads a body of `most` bytes at most.
pub(super) async fn bounded(service: &Service, body: Body, most: usize) -> Result<Vec<u8>, Failure> {
    let bytes = body::read(body, most, service.settings().times.body_idle.0).await;
    bytes.map_err(|error| match error {
        ReadError::TooLarge { .. } => Failure::too_large(error.to_string()),
        ReadError::Body(_) => Failure::cut(error.to_string()),
    })
}
