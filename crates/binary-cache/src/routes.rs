//! What is served where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;

use crate::{BinaryCache, NarName, answer, nar};

/// What ends the name of a path's info.
const INFO: &str = ".narinfo";

/// The files of a cache. `GET` and `HEAD`; whatever is not there is 404, with which every client goes on without.
pub fn routes<C: BinaryCache>(cache: Arc<C>) -> Router {
    Router::new()
        .route("/nix-cache-info", get(about::<C>))
        .route("/{name}", get(info::<C>))
        .route("/nar/{name}", get(file::<C>))
        .with_state(cache)
}

async fn about<C: BinaryCache>(State(cache): State<Arc<C>>) -> Response {
    answer::about(&cache.about())
}

async fn info<C: BinaryCache>(State(cache): State<Arc<C>>, Path(name): Path<String>) -> Response {
    let Some(hash_part) = name.strip_suffix(INFO) else { return answer::missing() };
    match cache.info(hash_part).await {
        Ok(Some(info)) => answer::info(&info, &cache.about().dir),
        Ok(None) => answer::missing(),
        Err(error) => answer::failed(&error),
    }
}

async fn file<C: BinaryCache>(
    State(cache): State<Arc<C>>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    let Some(name) = NarName::parse(&name) else { return answer::missing() };
    match cache.nar(&name).await {
        Ok(Some(nar)) => nar::send(nar, &name, request.method(), request.headers()).await,
        Ok(None) => answer::missing(),
        Err(error) => answer::failed(&error),
    }
}
