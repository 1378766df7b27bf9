//! Whatever a request says, its answer is one that its client can read, and never a fault of the server.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use snowbank_actions::scope::Scopes;
use snowbank_cas::bucket::{Bucket, Place};
use snowbank_cas::budget::Budget;
use snowbank_server::http::router;
use snowbank_server::service::{Rights, Service};
use snowbank_server::settings::{CacheSettings, Settings};
use tokio::runtime::Runtime;
use tower::ServiceExt;

#[derive(Arbitrary, Debug)]
enum Path<'a> {
    Create,
    Finalize,
    Lookup,
    Find,
    Caches,
    Range(u8),
    Administration(&'a str),
    /// Of GitHub's REST API, below one of the places that it has.
    Rest(u8, &'a str),
    Bulk(u8),
    Cache(&'a str),
    Upload,
    Other(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Field {
    ContentType,
    ContentRange,
    BlobType,
    Range,
    MsRange,
    IfMatch,
    Host,
    UserAgent,
}

#[derive(Arbitrary, Debug)]
struct Sent<'a> {
    method: u8,
    path: Path<'a>,
    query: &'a str,
    fields: Vec<(Field, &'a str)>,
    token: Option<&'a str>,
    body: &'a [u8],
}

struct Server {
    service: Service,
    job: String,
    admin: String,
    manager: String,
    cache: String,
    /// Path and query of a URL that takes an upload.
    upload: String,
    _folder: tempfile::TempDir,
}

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));
static SERVER: LazyLock<Server> = LazyLock::new(|| RUNTIME.block_on(start()));

async fn start() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let catalog = std::sync::Arc::new(snowbank_catalog::SqliteCatalog::in_memory().await.expect("a catalog"));
    // Not in memory: what is kept there keeps its share of the budget.
    let place = Place::Directory(folder.path().to_owned());
    let bucket = Bucket::open(place, folder.path(), Budget::new(64 << 20)).await.expect("a bucket");
    let mut settings = Settings::default();
    settings.caches.insert("team".to_owned(), CacheSettings::default());
    let service = Service::open(settings, catalog, bucket).await.expect("a service");
    let rights =
        Rights::Job { repository: "acme/app".to_owned(), scopes: Scopes::read_write("refs/heads/main") };
    let day = Duration::from_secs(100_000);
    let job = service.mint(&rights, day).expect("a token");
    let admin = service.mint(&Rights::Admin, day).expect("a token");
    let rights = Rights::Manage(vec!["acme/*:admin".parse().expect("a grant")]);
    let manager = service.mint(&rights, day).expect("a token");
    let rights = Rights::Caches(vec!["team:push".parse().expect("a grant")]);
    let cache = service.mint(&rights, day).expect("a token");
    let body = Body::from(r#"{"key":"k","version":"v"}"#);
    let create = Request::post(format!("{}/CreateCacheEntry", snowbank_actions::twirp::SERVICE))
        .header("authorization", format!("Bearer {job}"))
        .body(body)
        .expect("a request");
    let answer = router(service.clone()).oneshot(create).await.expect("an answer");
    let body = to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    let answer: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
    let upload = answer["signed_upload_url"].as_str().expect("a URL").to_owned();
    Server { service, job, admin, manager, cache, upload, _folder: folder }
}

impl Sent<'_> {
    fn request(&self, server: &Server) -> Option<Request<Body>> {
        let twirp = |method| format!("{}/{method}?{}", snowbank_actions::twirp::SERVICE, self.query);
        let (method, target, token) = match &self.path {
            Path::Create => (Method::POST, twirp("CreateCacheEntry"), &server.job),
            Path::Finalize => (Method::POST, twirp("FinalizeCacheEntryUpload"), &server.job),
            Path::Lookup => (Method::POST, twirp("GetCacheEntryDownloadURL"), &server.job),
            Path::Find => (Method::GET, format!("/_apis/artifactcache/cache?{}", self.query), &server.job),
            Path::Caches => {
                (Method::POST, format!("/_apis/artifactcache/caches?{}", self.query), &server.job)
            }
            Path::Range(id) => {
                (Method::PATCH, format!("/_apis/artifactcache/caches/{}?{}", id % 3, self.query), &server.job)
            }
            Path::Administration(path) => {
                (Method::GET, format!("/api/v1/{path}?{}", self.query), &server.admin)
            }
            Path::Rest(place, path) => {
                let (whose, token) = match place % 4 {
                    0 => ("repos/acme/app", &server.job),
                    1 => ("repos/acme/app", &server.manager),
                    2 => ("orgs/acme", &server.manager),
                    _ => ("enterprises/all", &server.admin),
                };
                let call = match place / 4 % 5 {
                    0 => "caches",
                    1 => "cache/usage-by-repository",
                    2 => "cache/storage-limit",
                    3 => "cache/usage-policy",
                    _ => *path,
                };
                (Method::GET, format!("/api/v3/{whose}/actions/{call}?{}", self.query), token)
            }
            Path::Bulk(call) => {
                let (method, call) = match call % 4 {
                    0 => (Method::POST, "missing".to_owned()),
                    1 => (Method::PUT, format!("packs/{}", snowbank_cas::id::ObjectHash::of(self.body))),
                    2 => (Method::POST, "nars".to_owned()),
                    _ => (Method::POST, "paths".to_owned()),
                };
                (method, format!("/api/v1/nix/team/{call}?{}", self.query), &server.cache)
            }
            Path::Cache(file) => (Method::PUT, format!("/nix/team/{file}?{}", self.query), &server.cache),
            Path::Upload => (Method::PUT, format!("{}&{}", server.upload, self.query), &server.job),
            Path::Other(path) => (Method::GET, format!("/{path}?{}", self.query), &server.job),
        };
        let other = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD];
        let method = other.get(usize::from(self.method)).cloned().unwrap_or(method);
        let mut request = Request::builder().method(method).uri(target);
        for (field, value) in &self.fields {
            let name = match field {
                Field::ContentType => "content-type",
                Field::ContentRange => "content-range",
                Field::BlobType => "x-ms-blob-type",
                Field::Range => "range",
                Field::MsRange => "x-ms-range",
                Field::IfMatch => "if-match",
                Field::Host => "host",
                Field::UserAgent => "user-agent",
            };
            request = request.header(name, *value);
        }
        let token = self.token.unwrap_or(token);
        request.header("authorization", format!("Bearer {token}")).body(Body::from(self.body.to_vec())).ok()
    }
}

async fn run(server: &Server, sent: &Sent<'_>) {
    let Some(request) = sent.request(server) else { return };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let answer = router(server.service.clone()).oneshot(request).await.expect("an answer");
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, 16 << 20).await.expect("a body that does not break off");
    let faults = [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::SERVICE_UNAVAILABLE];
    assert!(!faults.contains(&parts.status), "{method} {path}: {} {body:?}", parts.status);
    if parts.status.as_u16() < 400 || method == Method::HEAD || body.is_empty() {
        return;
    }
    let json = || {
        let json = serde_json::from_slice::<serde_json::Value>(&body);
        json.unwrap_or_else(|_| panic!("{method} {path}: {} is not JSON: {body:?}", parts.status))
    };
    if path.starts_with("/twirp/") {
        let error = json();
        assert!(error["code"].is_string() && error["msg"].is_string(), "{error}");
    } else if path.starts_with("/_apis/artifactcache/")
        || path.starts_with("/api/v1/")
        || path.starts_with("/api/v3/")
    {
        assert!(json()["message"].is_string());
    } else if path.starts_with("/blobs/") {
        assert!(body.starts_with(b"<?xml"), "{body:?}");
    }
}

fuzz_target!(|sent: Sent<'_>| {
    RUNTIME.block_on(run(&SERVER, &sent));
});
