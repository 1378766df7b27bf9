//! buildkit through go-actions-cache: Twirp in JSON with numbers, the primary key among the restore keys, Azure's Go
//! SDK with blocks of 1 MiB one after the other.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::support::{Answer, Server, TWIRP, noise};

/// One for all of its keys.
const VERSION: &str = "693bb7016429d80366022f036f84856888c9f13e00145f5f6f4dce303a38d6f2";
const KEY: &str = "buildkit-blob-1-sha256:8f0a1c1e2d5f8d1c0f7a7fd5b9a0d6a54a4d2bb3f2c3a1f4c7e3b2a190807060";

async fn call(server: &Server, method: &str, body: &str) -> Answer {
    let head = format!(
        "POST {TWIRP}/{method} HTTP/1.1
        Host: {{host}}
        User-Agent: Go-http-client/1.1
        Content-Length: {}
        Authorization: Bearer {{token}}
        Content-Type: application/json
        Accept-Encoding: gzip",
        body.len()
    );
    server.replay(&head, body.as_bytes()).await
}

/// A UUID, the index big-endian in four bytes, and zeros up to 64; percent-encoded in the query.
fn block_id(index: u32) -> String {
    let mut id = [0; 64];
    id[..16].copy_from_slice(&[0xfb, 0xef, 0xbe, 0xff, 0xff, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    id[16..20].copy_from_slice(&index.to_be_bytes());
    BASE64_STANDARD.encode(id)
}

fn encoded(id: &str) -> String {
    id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

async fn put(server: &Server, target: &str, headers: &str, body: &[u8]) -> Answer {
    let head = format!(
        "PUT {target} HTTP/1.1
        Host: {{host}}
        User-Agent: azsdk-go-azblob/v0.4.1 (go1.22; linux)
        Content-Length: {}
        {headers}
        X-Ms-Version: 2020-10-02
        Accept: application/xml",
        body.len()
    );
    let answer = server.replay(&head, body).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert!(answer.header("x-ms-request-id").is_some(), "the client would crash without");
    answer
}

/// Go writes the parameters of a query in the order of their names.
fn with(target: &str, parameters: &[(&str, &str)]) -> String {
    let (path, query) = target.split_once('?').unwrap();
    let mut pairs: Vec<(&str, &str)> = query.split('&').map(|pair| pair.split_once('=').unwrap()).collect();
    pairs.extend_from_slice(parameters);
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!("{path}?{}", pairs.join("&"))
}

#[tokio::test]
async fn a_layer_in_blocks() {
    let server = Server::start().await;
    let layer = noise((2 << 20) + 12345);
    let created =
        call(&server, "CreateCacheEntry", &format!(r#"{{"key":"{KEY}","version":"{VERSION}"}}"#)).await;
    assert_eq!(created.status, 200, "{created:?}");
    let target = server.target(created.json()["signed_upload_url"].as_str().unwrap());
    let ids: Vec<String> = (0..3).map(block_id).collect();
    for (id, block) in ids.iter().zip(layer.chunks(1 << 20)) {
        let target = with(&target, &[("blockid", &encoded(id)), ("comp", "block")]);
        put(&server, &target, "Content-Type: application/octet-stream", block).await;
    }
    let list: String = ids.iter().map(|id| format!("<Latest>{id}</Latest>")).collect();
    let list = format!("<BlockList>{list}</BlockList>");
    put(&server, &with(&target, &[("comp", "blocklist")]), "Content-Type: application/xml", list.as_bytes())
        .await;
    let finalize = format!(r#"{{"key":"{KEY}","size_bytes":{},"version":"{VERSION}"}}"#, layer.len());
    let finalized = call(&server, "FinalizeCacheEntryUpload", &finalize).await.json();
    assert_eq!(finalized["ok"], true);
    assert!(finalized["entry_id"].is_string(), "it is read into a string: {finalized}");
    let lookup = format!(r#"{{"key":"{KEY}","restore_keys":["{KEY}"],"version":"{VERSION}"}}"#);
    let found = call(&server, "GetCacheEntryDownloadURL", &lookup).await.json();
    assert_eq!(found["matched_key"], KEY);
    let target = server.target(found["signed_download_url"].as_str().unwrap());
    let got = server.bare("GET", &target, &[("x-ms-range", "bytes=0-")], b"").await;
    assert_eq!((got.status, got.body == layer), (206, true));
    let got = server.bare("GET", &target, &[("x-ms-range", "bytes=1048570-")], b"").await;
    assert_eq!(
        got.header("content-range"),
        Some(format!("bytes 1048570-{}/{}", layer.len() - 1, layer.len()).as_str())
    );
    assert!(got.body == layer[1_048_570..]);
}

#[tokio::test]
async fn the_newest_index_wins_and_the_next_number_is_free() {
    let server = Server::start().await;
    for number in 1..=3 {
        let key = format!("index-main-1-0a1b2c3d#{number}");
        let created =
            call(&server, "CreateCacheEntry", &format!(r#"{{"key":"{key}","version":"{VERSION}"}}"#)).await;
        let target = server.target(created.json()["signed_upload_url"].as_str().unwrap());
        put(&server, &target, "X-Ms-Blob-Type: BlockBlob", key.as_bytes()).await;
        let finalize = format!(r#"{{"key":"{key}","size_bytes":{},"version":"{VERSION}"}}"#, key.len());
        assert_eq!(call(&server, "FinalizeCacheEntryUpload", &finalize).await.status, 200);
    }
    let prefix = "index-main-1-0a1b2c3d#";
    let lookup = format!(r#"{{"key":"{prefix}","restore_keys":["{prefix}"],"version":"{VERSION}"}}"#);
    let found = call(&server, "GetCacheEntryDownloadURL", &lookup).await.json();
    assert_eq!(found["matched_key"], "index-main-1-0a1b2c3d#3");
    let again = format!(r#"{{"key":"{prefix}3","version":"{VERSION}"}}"#);
    let conflict = call(&server, "CreateCacheEntry", &again).await;
    assert_eq!((conflict.status, conflict.twirp_error().as_str()), (409, "already_exists"));
}

/// Only the status and the message reach its user.
#[tokio::test]
async fn a_token_that_only_reads_is_told_so() {
    let server = Server::start().await;
    let token = server.token_for("acme/app", &["refs/heads/main:r"]);
    let body = format!(r#"{{"key":"{KEY}","version":"{VERSION}"}}"#);
    let head = format!(
        "POST {TWIRP}/CreateCacheEntry HTTP/1.1
        Host: {{host}}
        User-Agent: Go-http-client/1.1
        Content-Length: {}
        Authorization: Bearer {{token}}
        Content-Type: application/json",
        body.len()
    );
    let denied = server.replay_as(&token, &head, body.as_bytes()).await;
    assert_eq!((denied.status, denied.twirp_error().as_str()), (403, "permission_denied"));
    assert!(denied.json()["message"].as_str().unwrap().starts_with("cache write denied:"));
}
