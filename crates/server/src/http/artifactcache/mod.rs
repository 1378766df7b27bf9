//! The older protocol, `_apis/artifactcache`, in JSON.

mod failure;
mod find;
mod save;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use snowbank_actions::messages::v1;
use snowbank_catalog::ids::UploadId;

use self::failure::Failure;
use super::blobs;
use super::calls::Call;
use super::site::Site;
use crate::service::Service;

/// Answers a call. Whatever is wrong with it, the answer is `{message}`.
pub(super) async fn call(State(service): State<Service>, site: Site, request: Request) -> Response {
    answer(&service, &site, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(service: &Service, site: &Site, request: Request) -> Result<Response, Failure> {
    let vouched = !service.settings().auth.forgejo.secret.is_empty();
    if vouched && request.method() == Method::GET && is_artifact(request.uri().path()) {
        return Ok(blobs::download(service, request).await);
    }
    let call = wanted(request.method(), request.uri().path()).ok_or_else(|| {
        Failure::new(
            StatusCode::NOT_FOUND,
            format!("there is no call {} {}", request.method(), request.uri().path()),
        )
    })?;
    let caller = site.caller(service).await?;
    match call {
        Wanted::Find => find::find(service, site, &caller, request.uri().query().unwrap_or_default()).await,
        Wanted::List => find::list(service, &caller, request.uri().query().unwrap_or_default()).await,
        Wanted::Reserve => save::reserve(service, &caller, request).await,
        // Boxed, as it is by far the largest of these futures.
        Wanted::Upload(id) => Box::pin(save::upload(service, &caller, id, request)).await,
        Wanted::Commit(id) => save::commit(service, &caller, id, request).await,
    }
}

/// Whether it is a signed URL as a Forgejo runner's proxy passes it on.
fn is_artifact(path: &str) -> bool {
    path.split_once(v1::PREFIX).is_some_and(|(_, rest)| rest.starts_with(ARTIFACTS))
}

/// Where a Forgejo runner's proxy has downloads.
const ARTIFACTS: &str = "artifacts/";

/// Where uploads are.
const UPLOADS: &str = "caches/";

/// What is wanted of an upload, where one is named.
type Of = fn(UploadId) -> Wanted;

/// What there is below [`v1::PREFIX`].
const CALLS: [(&str, &str, Of); 5] = [
    ("GET", "cache", |_| Wanted::Find),
    ("GET", "caches", |_| Wanted::List),
    ("POST", "caches", |_| Wanted::Reserve),
    ("PATCH", "caches/{id}", Wanted::Upload),
    ("POST", "caches/{id}", Wanted::Commit),
];

/// The calls of the protocol.
pub(super) fn calls() -> impl Iterator<Item = Call> {
    let below = |method, path: &str| Call::new(method, format!("/{}{path}", v1::PREFIX));
    let calls = CALLS.iter().map(move |(method, path, _)| below(method, path));
    calls.chain([below("GET", &format!("{ARTIFACTS}{{id}}"))])
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Find,
    List,
    Reserve,
    Upload(UploadId),
    Commit(UploadId),
}

/// The call that a request is, whatever stands before the protocol's part of its path.
fn wanted(method: &Method, path: &str) -> Option<Wanted> {
    let (_, rest) = path.split_once(v1::PREFIX)?;
    let (name, id) = match rest.strip_prefix(UPLOADS) {
        Some(id) => ("caches/{id}", UploadId(id.parse().ok()?)),
        // Who names no upload is not asked for one.
        None => (rest, UploadId(0)),
    };
    let (.., wanted) = CALLS.iter().find(|(known, call, _)| method == known && *call == name)?;
    Some(wanted(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_whatever_stands_before() {
        for prefix in ["/", "/token/", "/x", "//"] {
            let path = |rest: &str| format!("{prefix}_apis/artifactcache/{rest}");
            assert_eq!(wanted(&Method::GET, &path("cache")), Some(Wanted::Find));
            assert_eq!(wanted(&Method::GET, &path("caches")), Some(Wanted::List));
            assert_eq!(wanted(&Method::POST, &path("caches")), Some(Wanted::Reserve));
            assert_eq!(wanted(&Method::PATCH, &path("caches/7")), Some(Wanted::Upload(UploadId(7))));
            assert_eq!(wanted(&Method::POST, &path("caches/7")), Some(Wanted::Commit(UploadId(7))));
        }
    }

    #[test]
    fn other_calls_are_unknown() {
        for rest in ["", "caches/", "caches/x", "caches/7/8", "caches/99999999999999999999", "clean"] {
            assert_eq!(wanted(&Method::POST, &format!("/_apis/artifactcache/{rest}")), None, "{rest}");
        }
        assert_eq!(wanted(&Method::PUT, "/_apis/artifactcache/caches/7"), None);
    }
}
