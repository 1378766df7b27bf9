//! Whatever a browser sends to the dashboard, the answer is a page without a script, never a fault of the server, and no other
//! cookie than the one that signing in gave begins a session.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use snowbank_cas::bucket::{Bucket, Place};
use snowbank_cas::budget::Budget;
use snowbank_server::http::router;
use snowbank_server::service::{Rights, Service};
use snowbank_server::settings::{CacheSettings, Settings};
use tokio::runtime::Runtime;
use tower::ServiceExt;

#[derive(Arbitrary, Debug)]
enum Page<'a> {
    Overview,
    Going,
    Repository,
    GoingOf,
    Events,
    EventsOf,
    Images,
    ImagesOf,
    Series(&'a str),
    Cache,
    SignIn,
    Delete,
    Enter,
    Other(&'a str),
}

#[derive(Arbitrary, Debug)]
struct Sent<'a> {
    page: Page<'a>,
    query: &'a str,
    /// In the place of the session's.
    cookie: Option<&'a str>,
    origin: Option<&'a str>,
    body: &'a [u8],
}

struct Server {
    service: Service,
    cookie: String,
    _folder: tempfile::TempDir,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static SERVER: LazyLock<Server> = LazyLock::new(|| RUNTIME.block_on(start()));

async fn start() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = Arc::new(snowbank_catalog::SqliteCatalog::in_memory().await.expect("a catalog"));
    let place = Place::Directory(folder.path().to_owned());
    let bucket = Bucket::open(place, folder.path(), Budget::new(64 << 20)).await.expect("a bucket");
    let mut settings = Settings::default();
    settings.caches.insert("team".to_owned(), CacheSettings::default());
    let service = Service::open(settings, catalog, bucket).await.expect("a service");
    let token = service.mint(&Rights::Admin, Duration::from_secs(100_000)).expect("a token");
    let enter = Request::post("/sign-in").header("sec-fetch-site", "same-origin");
    let enter = enter.body(Body::from(format!("token={token}"))).expect("a request");
    let answer = router(service.clone()).oneshot(enter).await.expect("an answer");
    let cookie = answer.headers()["set-cookie"].to_str().expect("text");
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    Server { service, cookie, _folder: folder }
}

async fn run(server: &Server, sent: &Sent<'_>) {
    let query = sent.query;
    let (method, target) = match sent.page {
        Page::Overview => ("GET", format!("/?{query}")),
        Page::Going => ("GET", format!("/next?{query}")),
        Page::Repository => ("GET", format!("/r/acme/app?{query}")),
        Page::GoingOf => ("GET", format!("/r/acme/app/next?{query}")),
        Page::Events => ("GET", format!("/events?{query}")),
        Page::EventsOf => ("GET", format!("/r/acme/app/events?{query}")),
        Page::Images => ("GET", format!("/images?{query}")),
        Page::ImagesOf => ("GET", format!("/r/acme/app/images?{query}")),
        Page::Series(series) => ("GET", format!("/r/acme/app/s/{series}?{query}")),
        Page::Cache => ("GET", format!("/c/team?{query}")),
        Page::SignIn => ("GET", format!("/sign-in?{query}")),
        Page::Delete => ("POST", format!("/r/acme/app/delete?{query}")),
        // Wrong tokens wait, so only what is refused before that.
        Page::Enter if sent.origin.is_some() => ("POST", format!("/sign-in?{query}")),
        Page::Enter => return,
        Page::Other(path) => ("GET", format!("/r/{path}?{query}")),
    };
    let request = Request::builder().method(method).uri(target).header("accept", "text/html");
    let request = match sent.origin {
        Some(origin) => request.header("origin", origin),
        None => request.header("sec-fetch-site", "same-origin"),
    };
    let request = request.header("cookie", sent.cookie.unwrap_or(&server.cookie));
    let Ok(request) = request.body(Body::from(sent.body.to_vec())) else { return };
    let answer = router(server.service.clone()).oneshot(request).await.expect("an answer");
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, 16 << 20).await.expect("a body that does not break off");
    let body = String::from_utf8_lossy(&body);
    assert!(parts.status.as_u16() < 500, "{}: {body}", parts.status);
    assert!(!body.contains("<script"), "{body}");
    if method == "POST" && sent.origin.is_some() {
        assert_eq!(parts.status, StatusCode::FORBIDDEN, "{body}");
    }
    if sent.cookie.is_some_and(|cookie| !cookie.contains(&server.cookie)) {
        assert!(!body.contains("Administrator"), "{body}");
    }
}

fuzz_target!(|sent: Sent<'_>| {
    RUNTIME.block_on(run(&SERVER, &sent));
});
