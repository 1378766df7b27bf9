//! What a request is, as far as metrics and logs tell requests apart: never its raw path.

use axum::http::Method;
use snowbank_actions::messages::v1;
use snowbank_actions::twirp::SERVICE;

use super::prefixed::{Place, place};
use crate::service::{Call, Protocol};

/// A protocol and what is asked for in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// How it talks.
    pub protocol: Protocol,
    /// What for.
    pub call: Call,
}

impl Route {
    /// Of a request's line. Whatever is not known is `other`.
    pub(super) fn of(method: &Method, path: &str) -> Self {
        let (protocol, call) = match place(path) {
            Some(Place::Twirp(at)) => (Protocol::V2, v2(&path[at..])),
            Some(Place::ArtifactCache(at)) => (Protocol::V1, v1(method, &path[at..])),
            None => named(method, path),
        };
        Self { protocol, call }
    }
}

fn named(method: &Method, path: &str) -> (Protocol, Call) {
    let path = path.trim_start_matches('/');
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    match (first, rest) {
        ("blobs", rest) if rest.starts_with("upload/") => (Protocol::Blobs, Call::Upload),
        ("blobs", rest) if rest.starts_with("download/") => (Protocol::Blobs, Call::Download),
        ("blobs", _) => (Protocol::Blobs, Call::Other),
        ("nix", rest) => (Protocol::Nix, nix(method, rest)),
        ("repos", rest) => (Protocol::Rest, rest_of_github(method, rest)),
        ("api", rest) if rest.starts_with("v3/") => (Protocol::Rest, rest_of_github(method, rest)),
        ("api", rest) => (Protocol::Api, api(rest)),
        ("twirp", _) => (Protocol::V2, Call::Other),
        ("healthz" | "readyz", "") => (Protocol::Server, Call::Health),
        ("metrics", "") => (Protocol::Server, Call::Metrics),
        _ => (Protocol::Server, Call::Other),
    }
}

fn v2(path: &str) -> Call {
    match path.strip_prefix(SERVICE.trim_start_matches('/')).unwrap_or_default() {
        "/GetCacheEntryDownloadURL" => Call::Lookup,
        "/CreateCacheEntry" => Call::Reserve,
        "/FinalizeCacheEntryUpload" => Call::Finalize,
        _ => Call::Other,
    }
}

fn v1(method: &Method, path: &str) -> Call {
    match (method.as_str(), path.strip_prefix(v1::PREFIX).unwrap_or_default()) {
        ("GET", "cache") => Call::Lookup,
        ("GET", "caches") => Call::List,
        ("POST", "caches") => Call::Reserve,
        ("PATCH", rest) if rest.starts_with("caches/") => Call::Upload,
        ("POST", rest) if rest.starts_with("caches/") => Call::Finalize,
        _ => Call::Other,
    }
}

fn nix(method: &Method, rest: &str) -> Call {
    let Some((_, file)) = rest.split_once('/') else { return Call::Other };
    match *method {
        Method::PUT => Call::Push,
        Method::GET | Method::HEAD if file.ends_with(".narinfo") => Call::Info,
        Method::GET | Method::HEAD if file.starts_with("nar/") => Call::Nar,
        Method::GET | Method::HEAD => Call::File,
        _ => Call::Other,
    }
}

fn rest_of_github(method: &Method, rest: &str) -> Call {
    match *method {
        Method::GET if rest.ends_with("/actions/caches") => Call::List,
        Method::DELETE => Call::Delete,
        Method::GET => Call::Manage,
        _ => Call::Other,
    }
}

fn api(rest: &str) -> Call {
    let rest = rest.strip_prefix("v1/").unwrap_or_default();
    let in_cache = rest.strip_prefix("nix/").and_then(|rest| rest.split_once('/'));
    match in_cache.map(|(_, call)| call) {
        Some("closure" | "rows") => Call::Pull,
        Some("missing" | "nars" | "paths" | "layers") => Call::Push,
        Some(call) if call.starts_with("packs/") => Call::Push,
        _ if rest.is_empty() => Call::Other,
        _ => Call::Manage,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(method: &str, path: &str) -> (&'static str, &'static str) {
        let Route { protocol, call } = Route::of(&method.parse().unwrap(), path);
        (protocol.word(), call.word())
    }

    #[test]
    fn calls_are_told_apart() {
        for (method, path, expected) in [
            (
                "POST",
                "/x/twirp/github.actions.results.api.v1.CacheService/CreateCacheEntry",
                ("v2", "reserve"),
            ),
            ("POST", "/twirp/github.actions.results.api.v1.CacheService/Nothing", ("v2", "other")),
            ("GET", "/token/_apis/artifactcache/cache", ("v1", "lookup")),
            ("PATCH", "/_apis/artifactcache/caches/7", ("v1", "upload")),
            ("PUT", "/blobs/upload/7", ("blobs", "upload")),
            ("GET", "/blobs/download/7", ("blobs", "download")),
            ("GET", "/nix/team/nix-cache-info", ("nix", "file")),
            ("HEAD", "/nix/team/00bgd045z0d4icpbc2yyz4gx48ak44la.narinfo", ("nix", "info")),
            ("GET", "/nix/team/nar/abc.nar.zst", ("nix", "nar")),
            ("PUT", "/nix/team/nar/abc.nar.zst", ("nix", "push")),
            ("POST", "/api/v1/nix/team/closure", ("api", "pull")),
            ("PUT", "/api/v1/nix/team/packs/ab", ("api", "push")),
            ("POST", "/api/v1/evict", ("api", "manage")),
            ("GET", "/repos/acme/app/actions/caches", ("rest", "list")),
            ("DELETE", "/api/v3/repos/acme/app/actions/caches/7", ("rest", "delete")),
            ("GET", "/healthz", ("server", "health")),
            ("GET", "/metrics", ("server", "metrics")),
            ("GET", "/wp-login.php", ("server", "other")),
        ] {
            assert_eq!(of(method, path), expected, "{method} {path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_something(method in "[A-Z]{1,8}", path in "/.{0,60}") {
            of(&method, &path);
        }
    }
}
