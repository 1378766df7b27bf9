//! What is known of layers of images, at `/api/v1/nix/<cache>/layers` and `/layers/known`: messages of
//! `snowbank_binary_cache::bulk`.

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::IntoResponse;
use prost::Message;
use snowbank_binary_cache::bulk::{Layers, LayersWanted, MAX_LAYERS, PROTOBUF, ToldLayer, WireLayer};

use super::failure::Failure;
use super::message::message;
use super::named::Named;
use crate::http::site::Site;
use crate::service::Service;

/// Bytes of the largest question.
const MAX_QUESTION: usize = MAX_LAYERS * 32 + 16;

/// Bytes of the largest list of layers: each takes some 130.
const MAX_LIST: usize = MAX_LAYERS * 192;

/// `POST /nix/<cache>/layers/known`.
pub(super) async fn known(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, Failure> {
    let view = site.cache(&service, &cache).await?;
    let (LayersWanted { keys }, _room) = message(&service, &headers, body, MAX_QUESTION).await?;
    let (keys, rest) = keys.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(Failure::bad_request("the key of a layer has 32 bytes"));
    }
    few(keys.len())?;
    let layers = view.known_layers(keys).await?;
    let answer = Layers { layers: layers.iter().map(WireLayer::from).collect() };
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF))], answer.encode_to_vec()))
}

/// `POST /nix/<cache>/layers`. Who may not push is not listened to.
pub(super) async fn note(
    State(service): State<Service>,
    site: Site,
    Named(cache): Named<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Failure> {
    let view = site.cache(&service, &cache).await?;
    view.may_push()?;
    let (Layers { layers }, _room) = message(&service, &headers, body, MAX_LIST).await?;
    few(layers.len())?;
    let layers: Result<Vec<ToldLayer>, _> = layers.into_iter().map(ToldLayer::try_from).collect();
    view.note_layers(&layers.map_err(|error| Failure::bad_request(error.to_string()))?).await?;
    Ok(StatusCode::CREATED)
}

fn few(count: usize) -> Result<(), Failure> {
    let more = || Failure::bad_request(format!("there may be {MAX_LAYERS} layers in a message, not {count}"));
    (count <= MAX_LAYERS).then_some(()).ok_or_else(more)
}
