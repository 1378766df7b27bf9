//! Our own API: administration, by an admin token, and what is to be known about tokens.

mod caches;
mod events;
mod exchange;
mod failure;
mod layers;
mod message;
mod named;
mod nix;
mod pins;
mod pull;
mod push;
mod rights;
mod upkeep;

use axum::Router;
use axum::routing::{delete, get, post, put};

use crate::service::Service;

pub(super) use failure::no_such_call;

/// The paths under `/api/v1`.
pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/caches", get(caches::list).delete(caches::delete_matching))
        .route("/caches/{id}", delete(caches::delete_one))
        .route("/lookups", get(events::lookups))
        .route("/removals", get(events::removals))
        .route("/unfinished", get(events::unfinished))
        .route("/saves", get(events::saves))
        .route("/image-pushes", get(events::image_pushes).post(events::note_image_push))
        .route("/usage/days", get(events::days))
        .route("/samples", get(events::samples))
        .route("/oidc/token", post(exchange::exchange))
        .route("/rights", get(rights::rights))
        .route("/usage", get(caches::usage))
        .route("/nix/{cache}", get(nix::about))
        .route("/nix/{cache}/closure", post(pull::closure))
        .route("/nix/{cache}/rows", post(pull::rows))
        .route("/nix/{cache}/pins", get(pins::list))
        .route("/nix/{cache}/pins/{name}", put(pins::put).delete(pins::delete))
        .route("/nix/{cache}/missing", post(push::missing))
        .route("/nix/{cache}/packs/{hash}", put(push::pack))
        .route("/nix/{cache}/nars", post(push::nars))
        .route("/nix/{cache}/paths", post(push::paths))
        .route("/nix/{cache}/layers", post(layers::note))
        .route("/nix/{cache}/layers/known", post(layers::known))
        .route("/evict", post(upkeep::evict))
        .route("/gc", get(upkeep::plan).post(upkeep::collect))
        .fallback(no_such_call)
        .method_not_allowed_fallback(no_such_call)
}
