//! Where a form was: one of another site must change nothing here. The session's cookie does not come with it
//! (`SameSite=Strict`), but who is on a loopback address may need no cookie, and pages of other ports of one host are of
//! the same site.
//!
//! A browser says by `Sec-Fetch-Site` (W3C Fetch Metadata) whether a request comes from a page of the same origin, or by
//! `Origin` from which. One that says neither is not believed.

use axum::extract::{FromRequestParts, Request};
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::failure::Failure;
use crate::http::site::Site;

const FETCH_SITE: &str = "sec-fetch-site";

/// Lets pass what changes nothing, and what was sent by a page of this server.
pub(super) async fn check(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let site = Site::from_request_parts(&mut parts, &()).await.unwrap_or_else(|never| match never {});
    if is_ours(&parts.headers, site.host()) {
        return next.run(Request::from_parts(parts, body)).await;
    }
    let message = "This form was not sent by a page of this server, so nothing was done. Open the page again, and \
                   send it from there.";
    Failure::new(StatusCode::FORBIDDEN, message).into_response()
}

fn is_ours(headers: &HeaderMap, host: Option<&str>) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(FETCH_SITE) {
        return site == "same-origin";
    }
    // A proxy may have taken TLS away, so the scheme is not compared.
    let origin = text(ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    origin.is_some_and(|(_, authority)| host.is_some_and(|host| authority.eq_ignore_ascii_case(host)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(headers: &[(&'static str, &str)]) -> bool {
        let pairs = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        is_ours(&pairs.collect(), Some("cache.example:8484"))
    }

    #[test]
    fn a_form_is_ours_when_the_browser_says_so() {
        assert!(ours(&[("sec-fetch-site", "same-origin"), ("origin", "https://cache.example:8484")]));
        for site in ["same-site", "cross-site", "none", ""] {
            assert!(!ours(&[("sec-fetch-site", site), ("origin", "http://cache.example:8484")]), "{site}");
        }
    }

    #[test]
    fn an_older_browser_names_the_origin() {
        assert!(ours(&[("origin", "http://cache.example:8484")]));
        for origin in ["http://cache.example", "http://cache.example:1", "null", "", "http://evil.example"] {
            assert!(!ours(&[("origin", origin)]), "{origin}");
        }
        assert!(!ours(&[]));
        assert!(!is_ours(&HeaderMap::from_iter([(ORIGIN, "http://a".parse().unwrap())]), None));
    }
}
