//! Why a lookup missed: each reason is caused, and then told.

use std::time::Duration;

use serde_json::{Value, json};
use snowbank_server::settings::{ByteSize, Span};

use crate::support::{Server, VERSION};

/// Looks up as this token's job, finds nothing, and returns why that was.
async fn reason(server: &Server, token: &str, body: Value) -> Value {
    let answer = server.twirp_as(token, "GetCacheEntryDownloadURL", &body.to_string()).await.json();
    assert_eq!(answer["ok"], false, "{answer}");
    let misses = server.api(&server.admin(), "lookups?repository=acme/app&outcome=miss&limit=1").await;
    let miss = &misses["lookups"][0];
    assert_eq!((&miss["key"], &miss["outcome"]), (&body["key"], &json!("miss")), "{miss}");
    assert!(miss["reason"]["message"].as_str().is_some_and(|message| !message.is_empty()), "{miss}");
    miss["reason"].clone()
}

async fn missed(server: &Server, key: &str) -> Value {
    reason(server, &server.token(), json!({ "key": key, "version": VERSION })).await
}

async fn evict(server: &Server) {
    server.service.evict().await.unwrap();
}

#[tokio::test]
async fn no_such_key() {
    let server = Server::start().await;
    assert_eq!(missed(&server, "linux-2").await["nearest"], json!([]));
    server.save("linux-1", b"content").await;
    let why = missed(&server, "linux-2").await;
    assert_eq!((&why["kind"], &why["nearest"]), (&json!("no_such_key"), &json!(["linux-1"])));
}

#[tokio::test]
async fn in_a_scope_that_the_job_cannot_see() {
    let server = Server::start().await;
    server.save("k-1", b"content").await;
    let token = server.token_for("acme/app", &["refs/heads/dev:rw"]);
    let why = reason(&server, &token, json!({ "key": "k-1", "version": VERSION })).await;
    assert_eq!(
        (&why["kind"], &why["ref"], &why["key"]),
        (&json!("other_scope"), &json!("refs/heads/main"), &json!("k-1"))
    );
}

#[tokio::test]
async fn in_another_version() {
    let server = Server::start().await;
    server.save("k-1", b"content").await;
    let body = json!({ "key": "k-2", "restore_keys": ["k-"], "version": "other" });
    let why = reason(&server, &server.token(), body).await;
    assert_eq!((&why["kind"], &why["version"]), (&json!("other_version"), &json!(VERSION)));
    assert_eq!((&why["asked_version"], &why["key"]), (&json!("other"), &json!("k-1")));
}

#[tokio::test]
async fn evicted_by_the_repositorys_limit() {
    let server = Server::with(|settings| settings.limits.size = ByteSize(10)).await;
    server.save("a", b"1234567").await;
    server.save("b", b"1234567").await;
    evict(&server).await;
    let why = missed(&server, "a").await;
    assert_eq!(
        (&why["kind"], &why["why"], &why["by"]),
        (&json!("evicted"), &json!("repository_limit"), &Value::Null)
    );
    assert!(why["at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn evicted_for_space() {
    let server = Server::with(|settings| settings.max_disk = Some(ByteSize(10))).await;
    server.save("a", b"1234567").await;
    server.save("b", b"1234567").await;
    evict(&server).await;
    assert_eq!(missed(&server, "a").await["why"], "disk_bound");
}

#[tokio::test]
async fn expired_by_retention() {
    let server = Server::with(|settings| settings.limits.retention = Span(Duration::ZERO)).await;
    server.save("k", b"content").await;
    evict(&server).await;
    assert_eq!(missed(&server, "k").await["kind"], "expired");
}

#[tokio::test]
async fn deleted_by_somebody() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    let head = "DELETE /repos/acme/app/actions/caches?key=k HTTP/1.1
        Authorization: Bearer {token}
        Host: {host}
        Content-Length: 0";
    assert_eq!(server.replay(head, b"").await.status, 200);
    let why = missed(&server, "k").await;
    assert_eq!(
        (&why["kind"], &why["why"], &why["by"]),
        (&json!("evicted"), &json!("deleted"), &json!("job:acme/app"))
    );
}

#[tokio::test]
async fn never_finished() {
    let server = Server::with(|settings| settings.times.upload_idle = Span(Duration::from_millis(200))).await;
    server.reserve("k").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    for swept in [false, true] {
        if swept {
            server.service.collect().await.unwrap();
            let ended = server.api(&server.admin(), "unfinished").await;
            assert_eq!(
                (&ended["unfinished"][0]["key"], &ended["unfinished"][0]["how"]),
                (&json!("k"), &json!("expired"))
            );
        }
        let why = missed(&server, "k").await;
        assert_eq!(why["kind"], "unfinished", "swept: {swept}");
        assert!(why["begun"].as_str().unwrap() < why["ended"].as_str().unwrap());
    }
}

#[tokio::test]
async fn being_saved() {
    let server = Server::start().await;
    server.reserve("k-1").await;
    let why =
        reason(&server, &server.token(), json!({ "key": "k-2", "restore_keys": ["k-"], "version": VERSION }))
            .await;
    assert_eq!((&why["kind"], &why["key"]), (&json!("being_saved"), &json!("k-1")));
}

#[tokio::test]
async fn damaged() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    for object in server.objects() {
        std::fs::remove_file(object).unwrap();
    }
    assert_eq!(missed(&server, "k").await["kind"], "damaged");
    let gone = server.api(&server.admin(), "removals").await;
    assert_eq!(gone["removals"][0]["reason"], "damaged");
}

#[tokio::test]
async fn the_older_protocol_is_told_too() {
    let server = Server::start().await;
    let head = "GET /_apis/artifactcache/cache?keys=k&version=v HTTP/1.1
        Authorization: Bearer {token}
        Host: {host}";
    assert_eq!(server.replay(head, b"").await.status, 204);
    let lookups = server.api(&server.token(), "lookups").await;
    let miss = &lookups["lookups"][0];
    assert_eq!((&miss["protocol"], &miss["reason"]["kind"]), (&json!("v1"), &json!("no_such_key")));
}
