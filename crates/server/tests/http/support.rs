//! A server of its own for each test, and a client that sends exactly what it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use snowbank_actions::scope::{Grant, Scopes};
use snowbank_cas::bucket::{Bucket, Place};
use snowbank_cas::budget::Budget;
use snowbank_catalog::Catalog;
use snowbank_server::http::serve;
use snowbank_server::service::{Rights, Service};
use snowbank_server::settings::Settings;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::described;

/// The path before a method of the newer protocol.
pub(crate) const TWIRP: &str = "/twirp/github.actions.results.api.v1.CacheService";
/// A version as the npm client makes them.
pub(crate) const VERSION: &str = "3ad75f27293d65a135214b8c82b296080f911dc107e52f1e7ec871a2eda46e69";

/// A running server. It stops when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) service: Service,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<std::io::Result<()>>,
    pub(crate) folder: TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// A server under settings of its own.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        // As the program does on its start; only the first of a process counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        change(&mut settings);
        let catalog = format!("sqlite:{}", folder.path().join("catalog.db").display());
        let catalog = snowbank_catalog::open(&catalog).await.unwrap();
        let place = Place::Directory(folder.path().join("bucket"));
        let bucket = Bucket::open(place, &folder.path().join("spool"), Budget::new(64 << 20)).await.unwrap();
        let service = Service::open(settings, Arc::clone(&catalog), bucket).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, service.clone(), stop.clone()));
        Self { address, service, catalog, stop, task, folder }
    }

    /// A token of `acme/app` that may read and write its main branch.
    pub(crate) fn token(&self) -> String {
        self.token_for("acme/app", &["refs/heads/main:rw"])
    }

    pub(crate) fn token_for(&self, repository: &str, grants: &[&str]) -> String {
        let grants: Vec<Grant> = grants.iter().map(|grant| grant.parse().unwrap()).collect();
        let rights = Rights::Job { repository: repository.to_owned(), scopes: Scopes::from_grants(&grants) };
        self.service.mint(&rights, Duration::from_secs(600)).unwrap()
    }

    pub(crate) fn admin(&self) -> String {
        self.service.mint(&Rights::Admin, Duration::from_secs(600)).unwrap()
    }

    /// A token to manage caches, by grants written as on the command line.
    pub(crate) fn manager(&self, grants: &[&str]) -> String {
        let grants = grants.iter().map(|grant| grant.parse().unwrap()).collect();
        self.service.mint(&Rights::Manage(grants), Duration::from_secs(600)).unwrap()
    }

    /// Sends a request as a client wrote it: `head` is its first line and its headers, a line each, with `{host}`,
    /// `{length}` and `{token}` to be filled in. `Connection: close` is added. A call of our own API is held against its
    /// document.
    pub(crate) async fn replay(&self, head: &str, body: &[u8]) -> Answer {
        self.replay_as(&self.token(), head, body).await
    }

    pub(crate) async fn replay_as(&self, token: &str, head: &str, body: &[u8]) -> Answer {
        let mut words = head.split_whitespace();
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(&self.request(token, head)).await.unwrap();
        // A server that has already answered may have closed its end.
        let _ = stream.write_all(body).await;
        let answer = Answer::read(&mut stream, method).await;
        described::check(method, target, body, &answer);
        answer
    }

    /// The bytes of a request's head.
    pub(crate) fn request(&self, token: &str, head: &str) -> Vec<u8> {
        let host = self.address.to_string();
        let lines: Vec<&str> = head.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let head = lines.join("\r\n").replace("{host}", &host).replace("{token}", token);
        format!("{head}\r\nConnection: close\r\n\r\n").into_bytes()
    }

    /// A Twirp call in JSON with the headers of the npm client.
    pub(crate) async fn twirp(&self, method: &str, body: &str) -> Answer {
        self.twirp_as(&self.token(), method, body).await
    }

    pub(crate) async fn twirp_as(&self, token: &str, method: &str, body: &str) -> Answer {
        let head = format!(
            "POST {TWIRP}/{method} HTTP/1.1
            content-type: application/json
            user-agent: @actions/cache-6.3.0
            Authorization: Bearer {{token}}
            Host: {{host}}
            Content-Length: {}",
            body.len()
        );
        self.replay_as(token, &head, body.as_bytes()).await
    }

    /// A call of our own API.
    pub(crate) async fn call_api(&self, token: &str, method: &str, path: &str, body: &[u8]) -> Answer {
        let head = format!(
            "{method} /api/v1/{path} HTTP/1.1
            Authorization: Bearer {{token}}
            Host: {{host}}
            Content-Length: {}",
            body.len()
        );
        self.replay_as(token, &head, body).await
    }

    /// What our own API answers to a question.
    pub(crate) async fn api(&self, token: &str, path: &str) -> Value {
        let answer = self.call_api(token, "GET", path, b"").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// A request without a token: to a signed URL, or to nowhere.
    pub(crate) async fn bare(
        &self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {target} HTTP/1.1\nHost: {{host}}\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\n"));
        }
        if !body.is_empty() || matches!(method, "PUT" | "POST" | "PATCH") {
            head.push_str(&format!("Content-Length: {}\n", body.len()));
        }
        self.replay(&head, body).await
    }

    /// Reserves and returns path and query of the upload URL.
    pub(crate) async fn reserve(&self, key: &str) -> String {
        let body = serde_json::json!({ "key": key, "version": VERSION }).to_string();
        let answer = self.twirp("CreateCacheEntry", &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        self.target(answer.json()["signed_upload_url"].as_str().unwrap())
    }

    pub(crate) async fn finalize(&self, key: &str, size: usize) -> Answer {
        let body =
            serde_json::json!({ "key": key, "version": VERSION, "size_bytes": size.to_string() }).to_string();
        self.twirp("FinalizeCacheEntryUpload", &body).await
    }

    pub(crate) async fn lookup(&self, key: &str) -> Answer {
        let body = serde_json::json!({ "key": key, "version": VERSION }).to_string();
        self.twirp("GetCacheEntryDownloadURL", &body).await
    }

    /// Saves in one piece.
    pub(crate) async fn save(&self, key: &str, content: &[u8]) {
        let target = self.reserve(key).await;
        assert_eq!(self.bare("PUT", &target, &[("x-ms-blob-type", "BlockBlob")], content).await.status, 201);
        assert_eq!(self.finalize(key, content.len()).await.status, 200);
    }

    /// Path and query of the download URL of an entry that is there.
    pub(crate) async fn found(&self, key: &str) -> String {
        let answer = self.lookup(key).await.json();
        assert_eq!(answer["ok"], true, "{key}: {answer}");
        self.target(answer["signed_download_url"].as_str().unwrap())
    }

    /// The content of an entry that is there.
    pub(crate) async fn restore(&self, key: &str) -> Vec<u8> {
        let target = self.found(key).await;
        let answer = self.bare("GET", &target, &[], b"").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Path and query of a URL of this server.
    pub(crate) fn target(&self, url: &str) -> String {
        let base = format!("http://{}", self.address);
        url.strip_prefix(&base).unwrap_or_else(|| panic!("{url} is not under {base}")).to_owned()
    }

    /// Waits until no object is left, for at most four seconds, and gives back what still is.
    pub(crate) async fn left_behind(&self) -> Vec<String> {
        for _ in 0..200 {
            if self.objects().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.objects()
    }

    /// Names of all files that hold content.
    pub(crate) fn objects(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().join("bucket")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else {
                    found.push(entry.path().display().to_string());
                }
            }
        }
        found
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads one answer up to the end of the connection and checks that it is whole.
    pub(crate) async fn read(stream: &mut TcpStream, method: &str) -> Self {
        let mut bytes = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await;
        read.expect("an answer in time")
            .or_else(|error| if bytes.is_empty() { Err(error) } else { Ok(0) })
            .unwrap();
        Self::parse(&bytes, method)
    }

    pub(crate) fn parse(bytes: &[u8], method: &str) -> Self {
        let end = bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .unwrap_or_else(|| panic!("no answer but {bytes:?}"));
        let head = std::str::from_utf8(&bytes[..end]).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let header = |line: &str| {
            line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned())).unwrap()
        };
        let answer = Self { status, headers: lines.map(header).collect(), body: bytes[end + 4..].to_vec() };
        if method != "HEAD"
            && let Some(length) = answer.header("content-length")
        {
            assert_eq!(length, answer.body.len().to_string(), "the body has the length that was announced");
        }
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    /// A Twirp error: its code, after all that clients look for was found in it.
    pub(crate) fn twirp_error(&self) -> String {
        let body = self.json();
        assert!(self.status >= 400, "{self:?}");
        assert_eq!(body["msg"], body["message"]);
        assert!(!body["msg"].as_str().unwrap().is_empty());
        body["code"].as_str().unwrap().to_owned()
    }

    /// An error of Azure's kind: its code.
    pub(crate) fn xml_error(&self) -> String {
        assert_eq!(self.header("content-type"), Some("application/xml"), "{self:?}");
        assert!(self.header("x-ms-request-id").is_some());
        let text = self.text();
        let code = text.split_once("<Code>").unwrap().1.split_once("</Code>").unwrap().0;
        assert_eq!(self.header("x-ms-error-code"), Some(code));
        assert!(text.contains("<Message>"));
        code.to_owned()
    }
}

/// Bytes that look random and are the same each time.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Sends no more of a request that is not complete, and waits until the server has noticed: before that it may not even
/// have begun to keep what came.
pub(crate) async fn cut_off(mut stream: TcpStream) {
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    // Whether it answers such a request or only hangs up is all the same.
    let _ = stream.read_to_end(&mut answer).await;
}
