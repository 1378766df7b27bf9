//! Pulling many paths at once, at `/api/v1/nix/<cache>/closure` and `/rows`: messages of `snowbank_binary_cache::bulk`.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures::stream;
use prost::Message;
use snowbank_binary_cache::bulk::{ClosureWanted, MAX_HAVE, MAX_PATHS, MAX_PIECES, PROTOBUF, Planned};

use super::failure::Failure;
use super::message::message;
use super::named::Named;
use crate::http::content_type::BYTES;
use crate::http::site::Site;
use crate::service::{ClosureAnswer, ClosureQuestion, Service, ServiceError};

/// Bytes of the largest question: 34 for a root or a path that is there.
const MAX_QUESTION: usize = (MAX_HAVE + MAX_PATHS) * 36;

/// Bytes of the largest list of pieces: a hash and two numbers each.
const MAX_LIST: usize = MAX_PIECES * 64;

/// `POST /nix/<cache>/closure`.
pub(super) async fn closure(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let view = site.cache(&service, &cache).await?;
    let (question, _room): (ClosureWanted, _) = message(&service, &headers, body, MAX_QUESTION).await?;
    let answer = view.closure(ClosureQuestion::read(question)?);
    let from = (answer, site, service);
    let messages =
        stream::try_unfold(from, |(mut answer, site, service): (ClosureAnswer, _, _)| async move {
            let Some(batch) = answer.next().await? else { return Ok::<_, ServiceError>(None) };
            looked_up(&service, &site, &batch);
            Ok(Some((encoded(&batch), (answer, site, service))))
        });
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], Body::from_stream(messages)))
}

/// Each path is looked up here as where Nix asks for one after the other.
fn looked_up(service: &Service, site: &Site, batch: &[Planned]) {
    let found = batch.iter().filter(|planned| planned.info.is_some()).count();
    let missed: usize = batch.iter().map(|planned| planned.elsewhere.len() + planned.absent.len()).sum();
    site.paths_looked_up(service, found as u64, missed as u64);
}

/// `POST /nix/<cache>/rows`.
pub(super) async fn rows(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let view = site.cache(&service, &cache).await?;
    let (rows, _room) = message(&service, &headers, body, MAX_LIST).await?;
    let (size, bytes) = view.rows(&rows).await?;
    let headers =
        [(CONTENT_TYPE, HeaderValue::from_static(BYTES)), (CONTENT_LENGTH, HeaderValue::from(size))];
    Ok((headers, Body::from_stream(bytes)))
}

/// Each behind its length.
fn encoded(batch: &[Planned]) -> Bytes {
    batch.iter().flat_map(Message::encode_length_delimited_to_vec).collect()
}
