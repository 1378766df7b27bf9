//! The older protocol as the npm client, act and go-actions-cache speak it.

use tokio::io::AsyncWriteExt;

use crate::support::{Answer, Server, VERSION, cut_off, noise};

const ACCEPT: &str = "accept: application/json;api-version=6.0-preview.1";

async fn api(server: &Server, method: &str, path: &str, body: &str) -> Answer {
    let head = format!(
        "{method} /_apis/artifactcache/{path} HTTP/1.1
        {ACCEPT}
        user-agent: actions/cache
        Authorization: Bearer {{token}}
        Host: {{host}}
        content-type: application/json
        Content-Length: {}",
        body.len()
    );
    server.replay(&head, body.as_bytes()).await
}

/// `Content-Range` and a chunked body without a length, as the npm client sends them.
async fn patch(server: &Server, id: i64, range: &str, bytes: &[u8]) -> Answer {
    let head = format!(
        "PATCH /_apis/artifactcache/caches/{id} HTTP/1.1
        {ACCEPT}
        user-agent: actions/cache
        Authorization: Bearer {{token}}
        content-type: application/octet-stream
        content-range: {range}
        Host: {{host}}
        Transfer-Encoding: chunked"
    );
    let mut body = Vec::new();
    for part in bytes.chunks(1000) {
        body.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        body.extend_from_slice(part);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    server.replay(&head, &body).await
}

async fn reserve(server: &Server, key: &str) -> i64 {
    let body =
        format!("{{\n  \"key\": \"{key}\",\n  \"version\": \"{VERSION}\",\n  \"cacheSize\": 10000\n}}");
    let answer = api(server, "POST", "caches", &body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let id = answer.json()["cacheId"].as_i64().unwrap();
    assert!(id != 0);
    id
}

async fn commit(server: &Server, id: i64, size: usize) -> Answer {
    api(server, "POST", &format!("caches/{id}"), &format!("{{\"size\": {size}}}")).await
}

#[tokio::test]
async fn a_save_in_ranges_that_come_in_any_order() {
    let server = Server::start().await;
    let archive = noise(10_000);
    let miss = api(&server, "GET", &format!("cache?keys=k1&version={VERSION}"), "").await;
    assert_eq!((miss.status, miss.body.len()), (204, 0));
    let id = reserve(&server, "k1").await;
    for (first, last) in [(0, 3999), (8000, 9999), (4000, 7999)] {
        let answer = patch(&server, id, &format!("bytes {first}-{last}/*"), &archive[first..=last]).await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }
    assert_eq!(commit(&server, id, 10_000).await.status, 204);
    let hit = api(&server, "GET", &format!("cache?keys=nope%2Ca%2Ck&version={VERSION}"), "").await;
    assert_eq!(hit.status, 200, "{hit:?}");
    let hit = hit.json();
    assert_eq!((hit["cacheKey"].as_str(), hit["scope"].as_str()), (Some("k1"), Some("refs/heads/main")));
    assert_eq!(hit["cacheVersion"], VERSION);
    assert!(hit["creationTime"].as_str().unwrap().ends_with('Z'));
    let target = server.target(hit["archiveLocation"].as_str().unwrap());
    assert_eq!(server.bare("GET", &target, &[], b"").await.body, archive, "fetched without a token");
}

#[tokio::test]
async fn a_range_that_is_sent_again_counts_once() {
    let server = Server::start().await;
    let id = reserve(&server, "k").await;
    for content in [b"wrong", b"right"] {
        assert_eq!(patch(&server, id, "bytes 0-4/*", content).await.status, 204);
    }
    assert_eq!(commit(&server, id, 5).await.status, 204);
    assert_eq!(server.restore("k").await, b"right");
}

#[tokio::test]
async fn ranges_that_overlap_or_leave_gaps_are_refused() {
    let server = Server::start().await;
    for (key, second, bytes) in [("gap", "bytes 6-7/*", 8), ("overlap", "bytes 3-4/*", 5)] {
        let id = reserve(&server, key).await;
        assert_eq!(patch(&server, id, "bytes 0-3/*", b"abcd").await.status, 204);
        assert_eq!(patch(&server, id, second, b"ef").await.status, 204);
        let refused = commit(&server, id, bytes).await;
        assert_eq!(refused.status, 400, "{key}: {refused:?}");
        let message = refused.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(key), "{message}");
        assert_eq!(server.lookup(key).await.json()["ok"], false);
    }
}

#[tokio::test]
async fn a_range_must_be_what_it_says() {
    let server = Server::start().await;
    let id = reserve(&server, "k").await;
    for range in ["bytes 0-9/*", "bytes 0-1/*", "bytes 4-0/*", "bytes */4", "nonsense"] {
        let refused = patch(&server, id, range, b"abcd").await;
        assert_eq!(refused.status, 400, "{range}: {refused:?}");
        assert!(refused.json()["message"].is_string());
    }
    assert_eq!(commit(&server, id, 4).await.status, 400, "nothing was kept");
    assert!(server.objects().is_empty());
}

#[tokio::test]
async fn a_conflict_says_so_in_both_ways_that_clients_know() {
    let server = Server::start().await;
    reserve(&server, "k").await;
    let body = format!(r#"{{"key":"k","version":"{VERSION}"}}"#);
    let conflict = api(&server, "POST", "caches", &body).await;
    assert_eq!(conflict.status, 409);
    let body = conflict.json();
    assert!(body["message"].as_str().unwrap().contains("Cache already exists"));
    assert!(body["typeKey"].as_str().unwrap().contains("AlreadyExists"));
}

#[tokio::test]
async fn an_archive_over_the_limit_is_refused_at_once() {
    let server = Server::start().await;
    let body = format!(r#"{{"key":"k","version":"{VERSION}","cacheSize":10000000001}}"#);
    let refused = api(&server, "POST", "caches", &body).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["message"].as_str().unwrap().contains("10000000001"));
}

#[tokio::test]
async fn what_can_be_seen_is_listed() {
    let server = Server::start().await;
    server.save("a-1", b"1").await;
    server.save("a-2", b"2").await;
    server.save("b-1", b"3").await;
    let list = api(&server, "GET", "caches?key=a-", "").await;
    assert_eq!(list.status, 200);
    let list = list.json();
    assert_eq!(list["totalCount"], 2);
    let mut keys: Vec<&str> = list["artifactCaches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["cacheKey"].as_str().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["a-1", "a-2"]);
}

/// npm glues the path to its base without a slash; act and old servers have a token before it.
#[tokio::test]
async fn whatever_stands_before_the_path_is_passed_over() {
    let server = Server::start().await;
    for prefix in ["/x", "/token/", "//", "/a/b/"] {
        let head = format!(
            "GET {prefix}_apis/artifactcache/cache?keys=k&version=v HTTP/1.1
            {ACCEPT}
            Authorization: Bearer {{token}}
            Host: {{host}}"
        );
        assert_eq!(server.replay(&head, b"").await.status, 204, "{prefix}");
    }
}

#[tokio::test]
async fn bad_calls_get_a_message() {
    let server = Server::start().await;
    for (method, path, body, status) in [
        ("GET", "cache?version=v", "", 400),
        ("GET", "cache?keys=k", "", 400),
        ("GET", "cache?keys=a,b,c,d,e,f,g,h,i,j,k&version=v", "", 400),
        ("POST", "caches", "{", 400),
        ("POST", "caches", r#"{"key":"a,b","version":"v"}"#, 400),
        ("POST", "caches/7", r#"{"size":-1}"#, 400),
        ("POST", "caches/7", r#"{"size":1}"#, 404),
        ("DELETE", "caches/7", "", 404),
        ("GET", "artifacts/7", "", 404),
    ] {
        let answer = api(&server, method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        assert!(answer.json()["message"].is_string(), "{method} {path}");
    }
}

#[tokio::test]
async fn an_upload_belongs_to_its_repository_and_scope() {
    let server = Server::start().await;
    let id = reserve(&server, "k").await;
    for token in [
        server.token_for("acme/other", &["refs/heads/main:rw"]),
        server.token_for("acme/app", &["refs/heads/dev:rw"]),
    ] {
        let head = format!(
            "PATCH /_apis/artifactcache/caches/{id} HTTP/1.1
            Authorization: Bearer {{token}}
            content-range: bytes 0-0/*
            Host: {{host}}
            Content-Length: 1"
        );
        assert_eq!(server.replay_as(&token, &head, b"x").await.status, 404);
    }
}

#[tokio::test]
async fn a_commit_comes_once_and_nothing_after_it() {
    let server = Server::start().await;
    let id = reserve(&server, "k").await;
    assert_eq!(patch(&server, id, "bytes 0-4/*", b"right").await.status, 204);
    for size in [4, 6] {
        let refused = commit(&server, id, size).await;
        assert_eq!(refused.status, 400, "{refused:?}");
        let message = refused.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("holds 5 bytes"), "{message}");
    }
    assert_eq!(commit(&server, id, 5).await.status, 204);
    let again = commit(&server, id, 5).await;
    assert_eq!((again.status, again.json()["message"].is_string()), (404, true));
    let late = patch(&server, id, "bytes 0-4/*", b"wrong").await;
    assert_eq!((late.status, late.json()["message"].is_string()), (404, true));
    assert_eq!(server.restore("k").await, b"right");
}

#[tokio::test]
async fn a_range_that_is_cut_off_leaves_nothing() {
    let server = Server::start().await;
    let id = reserve(&server, "k").await;
    for framing in ["Content-Length: 2000000", "Transfer-Encoding: chunked"] {
        let head = format!(
            "PATCH /_apis/artifactcache/caches/{id} HTTP/1.1
            Authorization: Bearer {{token}}
            content-range: bytes 0-1999999/*
            Host: {{host}}
            {framing}"
        );
        let mut stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&server.request(&server.token(), &head)).await.unwrap();
        stream.write_all(b"f4240\r\n").await.unwrap();
        stream.write_all(&noise(1_000_000)).await.unwrap();
        cut_off(stream).await;
    }
    assert_eq!(server.left_behind().await, [""; 0]);
    assert_eq!(commit(&server, id, 5).await.status, 400, "nothing was kept");
    assert_eq!(server.objects(), [""; 0]);
}

#[tokio::test]
async fn a_rate_that_is_exceeded_says_when_to_come_again() {
    let server = Server::with(|settings| settings.limits.uploads_per_minute = 1).await;
    reserve(&server, "a").await;
    let body = format!(r#"{{"key":"b","version":"{VERSION}"}}"#);
    let refused = api(&server, "POST", "caches", &body).await;
    assert_eq!((refused.status, refused.json()["message"].is_string()), (429, true));
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
}
