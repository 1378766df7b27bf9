//! Base URLs with a path. Clients glue the protocol's path on in four ways, with a slash, without, or with two, and
//! some runners are set up with a path before it. What comes before is passed over: who a caller is, its token says.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use snowbank_actions::messages::v1;
use snowbank_actions::twirp::SERVICE;

use super::content_type::PLAIN;
use super::site::Site;
use super::{artifactcache, twirp};
use crate::service::Service;
use crate::web;

/// Where in a path a cache protocol begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At `twirp/...`.
    Twirp(usize),
    /// At `_apis/artifactcache/...`.
    ArtifactCache(usize),
}

/// Finds the protocol in a path, wherever it begins.
pub(super) fn place(path: &str) -> Option<Place> {
    let twirp = path.find(SERVICE.trim_start_matches('/')).map(Place::Twirp);
    twirp.or_else(|| path.find(v1::PREFIX).map(Place::ArtifactCache))
}

/// Serves a path that no route names.
pub(super) async fn call(state: State<Service>, site: Site, request: Request) -> Response {
    match place(request.uri().path()) {
        Some(Place::Twirp(_)) => twirp::call(state, site, request).await,
        Some(Place::ArtifactCache(_)) => artifactcache::call(state, site, request).await,
        None if request.uri().path().starts_with("/twirp") => twirp::call(state, site, request).await,
        None if web::is_for_people(request.method(), request.headers()) => web::nothing_here(),
        None => (StatusCode::NOT_FOUND, [(CONTENT_TYPE, PLAIN)], "there is nothing here\n").into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_protocol_is_found_behind_any_prefix() {
        for path in
            ["/_apis/artifactcache/cache", "/x_apis/artifactcache/cache", "/a/b/_apis/artifactcache/cache"]
        {
            let Some(Place::ArtifactCache(at)) = place(path) else { panic!("{path}") };
            assert_eq!(&path[at..], "_apis/artifactcache/cache");
        }
    }

    #[test]
    fn twirp_is_found_behind_any_prefix() {
        for prefix in ["/", "/x", "//", "/a/b/"] {
            let path = format!("{prefix}{}/CreateCacheEntry", &SERVICE[1..]);
            assert_eq!(place(&path), Some(Place::Twirp(prefix.len())));
        }
    }

    #[test]
    fn other_paths_are_of_neither_protocol() {
        for path in ["/", "/_apis/artifactcaches/x", "/twirp/other.Service/Method", "/apis/artifactcache/"] {
            assert_eq!(place(path), None, "{path}");
        }
    }
}
