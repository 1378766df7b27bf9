//! Our own API.

use std::time::Duration;

use snowbank_server::settings::{ByteSize, Settings, Span};

use crate::support::{Answer, Server};

async fn call(server: &Server, token: &str, method: &str, path: &str) -> Answer {
    let head = format!(
        "{method} /api/v1/{path} HTTP/1.1
        Authorization: Bearer {{token}}
        Host: {{host}}
        Content-Length: 0"
    );
    server.replay_as(token, &head, b"").await
}

#[tokio::test]
async fn only_administrators_may() {
    let server = Server::start().await;
    for (method, path) in [
        ("GET", "caches"),
        ("DELETE", "caches?key=k"),
        ("DELETE", "caches/1"),
        ("GET", "usage"),
        ("POST", "evict"),
        ("GET", "gc"),
        ("POST", "gc"),
    ] {
        assert_eq!(call(&server, "", method, path).await.status, 401, "{method} {path}");
        assert_eq!(call(&server, &server.token(), method, path).await.status, 403, "{method} {path}");
    }
    let create = server.twirp_as(&server.admin(), "CreateCacheEntry", r#"{"key":"k","version":"v"}"#).await;
    assert_eq!(create.status, 403, "an administrator has no repository to save for");
}

#[tokio::test]
async fn caches_are_listed_and_deleted() {
    let server = Server::start().await;
    let admin = server.admin();
    for key in ["a-1", "a-2", "b-1"] {
        server.save(key, key.as_bytes()).await;
    }
    let all = call(&server, &admin, "GET", "caches").await.json();
    assert_eq!(all["total_count"], 3);
    let some = call(&server, &admin, "GET", "caches?repo=acme/app&key_prefix=a-&limit=1").await.json();
    assert_eq!((some["total_count"].as_u64(), some["caches"].as_array().unwrap().len()), (Some(2), 1));
    let row = &some["caches"][0];
    assert_eq!(
        (row["repository"].as_str(), row["ref"].as_str()),
        (Some("acme/app"), Some("refs/heads/main"))
    );
    assert_eq!(row["size_in_bytes"], 3);
    assert!(row["last_accessed_at"].as_str().unwrap().ends_with('Z'));
    let id = row["id"].as_i64().unwrap();
    assert_eq!(call(&server, &admin, "DELETE", &format!("caches/{id}")).await.json()["deleted"], 1);
    assert_eq!(call(&server, &admin, "DELETE", &format!("caches/{id}")).await.status, 404);
    assert_eq!(call(&server, &admin, "DELETE", "caches?key_prefix=a-").await.json()["deleted"], 1);
    assert_eq!(call(&server, &admin, "DELETE", "caches").await.status, 400, "not everything at once");
    assert_eq!(call(&server, &admin, "GET", "caches?repo=acme/none").await.json()["total_count"], 0);
    assert_eq!(server.restore("b-1").await, b"b-1");
}

#[tokio::test]
async fn usage_and_upkeep_report() {
    let server = Server::start().await;
    let admin = server.admin();
    server.save("k", b"content").await;
    let usage = call(&server, &admin, "GET", "usage").await.json();
    assert_eq!(usage["repositories"][0]["repository"], "acme/app");
    assert_eq!(usage["repositories"][0]["bytes"], 7);
    assert_eq!(usage["repositories"][0]["limit"], 10_000_000_000_u64);
    assert_eq!(usage["disk"]["uploads_bytes"], 7);
    assert_eq!(call(&server, &admin, "POST", "evict").await.json()["evicted_idle"], 0);
    assert_eq!(call(&server, &admin, "GET", "gc").await.json()["unreachable_packs"], 0);
    assert_eq!(call(&server, &admin, "POST", "gc").await.json()["orphans"], 0);
    assert_eq!(server.restore("k").await, b"content");
}

/// What upkeep would evict, what it evicts, and what it would evict after that: idle, over a limit, for space.
async fn evictions(server: &Server) -> [[u64; 3]; 3] {
    let admin = server.admin();
    let counts = |answer: &Answer, verb: &str| {
        ["idle", "over_limit", "for_space"]
            .map(|why| answer.json()[format!("{verb}_{why}")].as_u64().unwrap())
    };
    let plan = call(server, &admin, "GET", "gc").await;
    let done = call(server, &admin, "POST", "evict").await;
    let rest = call(server, &admin, "GET", "gc").await;
    [counts(&plan, "evict"), counts(&done, "evicted"), counts(&rest, "evict")]
}

#[tokio::test]
async fn what_the_plan_says_is_what_is_evicted() {
    let bounded = |change: fn(&mut Settings)| {
        Server::with(move |settings| {
            settings.max_disk = Some(ByteSize(25));
            change(settings);
        })
    };
    let server = bounded(|settings| settings.limits.size = ByteSize(35)).await;
    for key in ["a", "b", "c", "d"] {
        server.save(key, b"0123456789").await;
    }
    assert_eq!(evictions(&server).await, [[0, 1, 1], [0, 1, 1], [0, 0, 0]]);
    assert_eq!(server.restore("c").await, b"0123456789");
    assert_eq!(server.restore("d").await, b"0123456789");

    let server = bounded(|settings| settings.limits.retention = Span(Duration::ZERO)).await;
    for key in ["a", "b", "c"] {
        server.save(key, b"0123456789").await;
    }
    assert_eq!(evictions(&server).await, [[3, 0, 0], [3, 0, 0], [0, 0, 0]], "what goes anyhow makes room");
}

#[tokio::test]
async fn bad_calls_get_a_message() {
    let server = Server::start().await;
    let admin = server.admin();
    for (method, path, status) in [
        ("GET", "caches?limit=x", 400),
        ("DELETE", "caches/x", 400),
        ("GET", "nothing", 404),
        ("GET", "", 404),
        ("PUT", "caches", 404),
    ] {
        let answer = call(&server, &admin, method, path).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.json()["message"].is_string());
    }
}
