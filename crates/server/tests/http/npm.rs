//! `@actions/cache`: Twirp in JSON, Azure's JavaScript SDK for uploads, a plain GET for downloads. The requests are
//! those that were seen on the wire.

use crate::support::{Server, TWIRP, VERSION, noise};

const SDK: &str = "Accept: application/xml
    x-ms-version: 2026-04-06
    x-ms-client-request-id: 1b4e28ba-2fa1-11d2-883f-0016d3cca427
    User-Agent: azsdk-js-azure-storage-blob/12.29.1 core-rest-pipeline/1.22.0 Node/20.19.2
    Host: {host}";

async fn call(server: &Server, method: &str, body: &str) -> serde_json::Value {
    let answer = server.twirp(method, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

#[tokio::test]
async fn a_small_save_and_restore() {
    let server = Server::start().await;
    let archive = noise(1294);
    let created =
        call(&server, "CreateCacheEntry", &format!(r#"{{"key":"k1","version":"{VERSION}"}}"#)).await;
    assert_eq!(created["ok"], true);
    let target = server.target(created["signed_upload_url"].as_str().unwrap());
    let head = format!(
        "PUT {target} HTTP/1.1
        x-ms-blob-type: BlockBlob
        Content-Type: application/octet-stream
        Content-Length: 1294
        {SDK}"
    );
    let put = server.replay(&head, &archive).await;
    assert_eq!(put.status, 201, "{put:?}");
    for name in ["x-ms-request-id", "etag", "last-modified", "x-ms-version", "date"] {
        assert!(put.header(name).is_some(), "{name}: {put:?}");
    }
    assert!(put.body.is_empty());
    let finalize = format!(r#"{{"key":"k1","size_bytes":"1294","version":"{VERSION}"}}"#);
    let finalized = call(&server, "FinalizeCacheEntryUpload", &finalize).await;
    assert_eq!(finalized["ok"], true);
    assert!(finalized["entry_id"].as_str().unwrap().parse::<i64>().unwrap() > 0, "a number as text");
    let lookup = format!(r#"{{"key":"nope","restore_keys":["k"],"version":"{VERSION}"}}"#);
    let found = call(&server, "GetCacheEntryDownloadURL", &lookup).await;
    assert_eq!(found["matched_key"], "k1");
    let target = server.target(found["signed_download_url"].as_str().unwrap());
    let head = format!("GET {target} HTTP/1.1\nuser-agent: actions/cache\nHost: {{host}}");
    let got = server.replay(&head, b"").await;
    assert_eq!(got.status, 200);
    assert_eq!(got.header("content-length"), Some("1294"));
    assert_eq!(got.body, archive);
}

/// The client sends blocks of 64 MiB, eight at once; only the size is smaller here. The order is that of the list, and
/// not that of arrival or of the ids.
#[tokio::test]
async fn blocks_arrive_in_any_order_and_at_once() {
    let server = Server::start().await;
    let archive = noise(8 << 16);
    let target = server.reserve("blocks").await;
    // base64 of 48 bytes: a UUID and twelve digits.
    let id = |index: usize| {
        format!(
            "MWI0ZTI4YmEtMmZhMS0xMWQyLTg4M2YtMDAxNmQzY2NhNDI3MDAwMDAwMDAwMDA{}",
            b"stuvwxyz"[index] as char
        )
    };
    let put = |index: usize| {
        let part = archive[index << 16..(index + 1) << 16].to_vec();
        let head = format!(
            "PUT {target}&comp=block&blockid={} HTTP/1.1
            Content-Type: application/octet-stream
            Content-Length: {}
            {SDK}",
            id(index),
            part.len()
        );
        let server = &server;
        async move { server.replay(&head, &part).await.status }
    };
    let all = futures::future::join_all([3, 0, 7, 4, 2, 6, 1, 5].map(put)).await;
    assert_eq!(all, [201; 8]);
    let list: String = (0..8).map(|index| format!("<Latest>{}</Latest>", id(index))).collect();
    let list =
        format!(r#"<?xml version="1.0" encoding="utf-8" standalone="yes"?><BlockList>{list}</BlockList>"#);
    let head = format!(
        "PUT {target}&comp=blocklist HTTP/1.1
        content-type: application/xml; charset=utf-8
        Content-Length: {}
        {SDK}",
        list.len()
    );
    assert_eq!(server.replay(&head, list.as_bytes()).await.status, 201);
    assert_eq!(server.finalize("blocks", archive.len()).await.status, 200);
    assert_eq!(server.restore("blocks").await, archive);
}

#[tokio::test]
async fn a_conflict_is_409_and_a_miss_is_an_answer() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    let body = format!(r#"{{"key":"k","version":"{VERSION}"}}"#);
    let conflict = server.twirp("CreateCacheEntry", &body).await;
    assert_eq!((conflict.status, conflict.twirp_error().as_str()), (409, "already_exists"));
    assert!(conflict.json()["message"].as_str().unwrap().contains("already exists"));
    let miss = server.lookup("other").await;
    assert_eq!((miss.status, miss.text().as_str()), (200, r#"{"ok":false}"#));
}

#[tokio::test]
async fn a_reservation_under_way_is_a_conflict_too() {
    let server = Server::start().await;
    server.reserve("k").await;
    let body = format!(r#"{{"key":"k","version":"{VERSION}"}}"#);
    let conflict = server.twirp("CreateCacheEntry", &body).await;
    assert_eq!((conflict.status, conflict.twirp_error().as_str()), (409, "already_exists"));
    assert_eq!(server.lookup("k").await.json()["ok"], false, "nothing is visible before finalize");
}

#[tokio::test]
async fn keys_keep_their_case() {
    let server = Server::start().await;
    server.save("Linux-Äpfel/100%_#1", b"content").await;
    assert_eq!(server.lookup("Linux-Ä").await.json()["matched_key"], "Linux-Äpfel/100%_#1");
    assert_eq!(server.lookup("Linux-Äpfel/100_").await.json()["ok"], false, "% and _ are letters");
}

#[tokio::test]
async fn an_empty_archive_is_an_archive() {
    let server = Server::start().await;
    server.save("empty", b"").await;
    assert_eq!(server.restore("empty").await, b"");
}

#[tokio::test]
async fn both_spellings_of_a_message_are_read() {
    let server = Server::start().await;
    server.save("k1", b"content").await;
    let found = call(
        &server,
        "GetCacheEntryDownloadURL",
        &format!(
            r#"{{"key":"x","restoreKeys":["k"],"version":"{VERSION}","metadata":{{"repositoryId":"1"}}}}"#
        ),
    )
    .await;
    assert_eq!(found["matched_key"], "k1");
    let found = call(
        &server,
        "GetCacheEntryDownloadURL",
        &format!(r#"{{"key":"k1","restore_keys":null,"version":"{VERSION}"}}"#),
    )
    .await;
    assert_eq!(found["matched_key"], "k1");
}

/// Clients glue paths on in several ways; what stands before the service's path does not matter.
#[tokio::test]
async fn a_base_url_with_a_path_serves_too() {
    let server = Server::start().await;
    for prefix in ["/prefix", "/x", "/"] {
        let body = format!(r#"{{"key":"k","version":"{VERSION}"}}"#);
        let head = format!(
            "POST {prefix}{TWIRP}/GetCacheEntryDownloadURL HTTP/1.1
            content-type: application/json
            Authorization: Bearer {{token}}
            Host: {{host}}
            Content-Length: {}",
            body.len()
        );
        let answer = server.replay(&head, body.as_bytes()).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"ok":false}"#), "{prefix}");
    }
}
