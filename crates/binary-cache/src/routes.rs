//! What is served where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use axum::routing::get;
use snowbank_nix::nar_info::NarInfo;

use crate::send::{Named, send};
use crate::{BinaryCache, Content, File, answer};

/// What a NAR is served as.
const NAR: &str = "application/x-nix-nar";

/// The files of a cache. `GET` and `HEAD`; whatever is not there is 404, with which every client goes on without.
pub fn routes<C: BinaryCache>(cache: Arc<C>) -> Router {
    Router::new().fallback_service(get(serve::<C>).with_state(cache))
}

async fn serve<C: BinaryCache>(State(cache): State<Arc<C>>, request: Request) -> Response {
    let path = request.uri().path();
    match File::parse(path.strip_prefix('/').unwrap_or(path)) {
        Some(file) => respond(&*cache, &file, request.method(), request.headers()).await,
        None => answer::missing(),
    }
}

/// Answers a `GET` or `HEAD` for a file.
pub async fn respond<C: BinaryCache>(
    cache: &C,
    file: &File,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    let outcome = match file {
        File::About => return answer::about(&cache.about()),
        File::Info(hash_part) => {
            let told = |info: NarInfo| answer::info(&info, &cache.about().dir);
            cache.info(hash_part).await.map(|info| info.map(told))
        }
        File::Listing(hash_part) => cache.listing(hash_part).await.map(|json| json.map(answer::listing)),
        File::Nar(name) => match cache.nar(name).await {
            Ok(Some(nar)) => return send_nar(nar, &name.to_string(), method, headers).await,
            outcome => outcome.map(|_| None),
        },
        File::Plain(plain) => match cache.plain(plain).await {
            Ok(Some(nar)) => return send_nar(nar, &plain.to_string(), method, headers).await,
            outcome => outcome.map(|_| None),
        },
        File::Kept(kept) => match cache.kept(kept).await {
            Ok(Some(content)) => {
                let named = Named { content_type: kept.kind.content_type(), stands_for: None };
                return send(content, &named, method, headers).await;
            }
            outcome => outcome.map(|_| None),
        },
        File::Pushed(_) => Ok(None),
    };
    match outcome {
        Ok(Some(response)) => response,
        Ok(None) => answer::missing(),
        Err(error) => answer::failed(&error),
    }
}

async fn send_nar<C: Content>(nar: C, name: &str, method: &Method, headers: &HeaderMap) -> Response {
    send(nar, &Named { content_type: NAR, stands_for: Some(name) }, method, headers).await
}
