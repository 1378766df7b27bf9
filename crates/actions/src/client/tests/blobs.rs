//! Reads and uploads.

use std::sync::Arc;

use bytes::Bytes;

use super::script::{Script, answer};
use crate::client::{ClientError, Content, MAX_READ, Patience, Ranged, Traffic, UploadUrl};

#[tokio::test]
async fn a_cut_read_is_resumed_where_it_broke() {
    let first =
        "HTTP/1.1 206 P\r\nContent-Range: bytes 10-19/100\r\nContent-Length: 10\r\nETag: \"a\"\r\n\r\nabcd";
    let rest = answer("206 P", "Content-Range: bytes 14-19/100\r\nETag: \"a\"\r\n", "efghij");
    let script = Script::of(&[first, &rest]).await;
    let read = script.client().read(&script.blob(), 10..20).await.unwrap();
    assert_eq!(read, Ranged { bytes: Bytes::from_static(b"abcdefghij"), total: 100 });
    let asked = script.asked();
    assert!(asked[0].contains("\r\nrange: bytes=10-19\r\n"), "{}", asked[0]);
    assert!(asked[1].contains("\r\nx-ms-range: bytes=14-19\r\n"), "{}", asked[1]);
    assert!(!asked.concat().to_lowercase().contains("authorization"), "{asked:?}");
}

#[tokio::test]
async fn a_blob_that_was_replaced_meanwhile_is_read_anew() {
    let first = "HTTP/1.1 206 P\r\nContent-Range: bytes 0-3/4\r\nContent-Length: 4\r\nETag: \"a\"\r\n\r\nab";
    let other = answer("206 P", "Content-Range: bytes 2-3/4\r\nETag: \"b\"\r\n", "zz");
    let anew = answer("206 P", "Content-Range: bytes 0-3/4\r\nETag: \"b\"\r\n", "yyzz");
    let script = Script::of(&[first, &other, &anew]).await;
    let read = script.patient(Patience::default()).read(&script.blob(), 0..4).await.unwrap();
    assert_eq!(read.bytes, "yyzz");
}

#[tokio::test]
async fn a_range_ends_where_the_entry_does() {
    let script = Script::of(&[
        &answer("206 P", "Content-Range: bytes 8-9/10\r\n", "xy"),
        &answer("416 R", "Content-Range: bytes */10\r\n", ""),
        &answer("200 OK", "", "whole"),
    ])
    .await;
    let (client, blob) = (script.client(), script.blob());
    let tail = client.read(&blob, 8..100).await.unwrap();
    assert_eq!((tail.bytes.len(), tail.total), (2, 10));
    let behind = client.read(&blob, 10..100).await.unwrap();
    assert_eq!((behind.bytes.len(), behind.total), (0, 10));
    let whole = client.read(&blob, 0..100).await.unwrap();
    assert_eq!(whole, Ranged { bytes: Bytes::from_static(b"whole"), total: 5 });
}

#[tokio::test]
async fn a_read_takes_nothing_but_what_it_asked_for() {
    for wrong in [
        answer("206 P", "Content-Range: bytes 0-3/10\r\n", "abcd"),
        answer("206 P", "Content-Range: bytes 4-6/10\r\n", "abc"),
        answer("206 P", "", "abcd"),
        answer("206 P", "Content-Range: bytes 4-7/10\r\n", "abcdefgh"),
        answer("206 P", "Content-Range: bytes 4-7/10\r\nContent-Encoding: gzip\r\n", "abcd"),
        answer("200 OK", "", "abcdabcdab"),
        answer("416 R", "Content-Range: bytes */10\r\n", ""),
    ] {
        let script = Script::of(&[&wrong]).await;
        let error = script.client().read(&script.blob(), 4..8).await.unwrap_err();
        assert!(matches!(error, ClientError::Garbage { .. }), "{wrong}: {error:?}");
    }
}

#[tokio::test]
async fn a_whole_that_is_longer_than_the_range_is_not_taken() {
    let script = Script::of(&[&answer("200 OK", "", "abcdabcdab")]).await;
    let error = script.client().read(&script.blob(), 0..4).await.unwrap_err();
    assert!(matches!(error, ClientError::Garbage { .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_that_stays_short_is_an_error() {
    let short = "HTTP/1.1 206 P\r\nContent-Range: bytes 0-3/10\r\nConnection: close\r\n\r\nab";
    let again = "HTTP/1.1 206 P\r\nContent-Range: bytes 2-3/10\r\nConnection: close\r\n\r\n";
    let script = Script::of(&[short, again]).await;
    let error = script.client().read(&script.blob(), 0..4).await.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
}

#[tokio::test]
async fn an_expired_url_is_gone_and_its_signature_not_shown() {
    for status in ["403 F", "404 N", "410 G"] {
        let xml = "<Error><Message>sig=hidden-sig is no signature</Message></Error>";
        let script = Script::of(&[&answer(status, "", xml)]).await;
        let error = script.client().read(&script.blob(), 0..4).await.unwrap_err();
        assert!(matches!(error, ClientError::Gone { .. }), "{error:?}");
        assert!(!format!("{error}{error:?}").contains("hidden-sig"), "{error:?}");
    }
}

#[tokio::test]
async fn a_read_without_bounds_is_not_sent() {
    let script = Script::of(&[]).await;
    let client = script.client();
    for range in [0..0, 0..MAX_READ + 1] {
        assert!(matches!(client.read(&script.blob(), range).await, Err(ClientError::Usage(_))));
    }
    assert_eq!(client.traffic(), Traffic::default());
}

#[tokio::test]
async fn redirects_end() {
    let around = answer("302 F", "Location: http://HOST/c/1?sig=hidden-sig\r\n", "");
    let script = Script::of(&[around.as_str(); 8]).await;
    let error = script.client().read(&script.blob(), 0..4).await.unwrap_err();
    assert!(matches!(error, ClientError::Garbage { .. }), "{error:?}");
    assert_eq!(script.asked().len(), 4);
}

#[tokio::test]
async fn a_small_upload_is_one_request_tried_again() {
    let script = Script::of(&[&answer("503 B", "Retry-After: 0\r\n", ""), &answer("201 C", "", "")]).await;
    let to = UploadUrl::parse(&format!("{}/c/1?sig=hidden-sig", script.url)).unwrap();
    let client = script.client();
    client.upload(&to, Content::Bytes(Bytes::from_static(b"hello"))).await.unwrap();
    let asked = script.asked();
    assert!(asked[1].starts_with("PUT /c/1?sig=hidden-sig HTTP/1.1\r\n"), "{}", asked[1]);
    for header in ["x-ms-blob-type: BlockBlob", "content-length: 5", "x-ms-version: "] {
        assert!(asked[1].contains(header), "{}", asked[1]);
    }
    assert!(asked[1].ends_with("\r\n\r\nhello"), "{}", asked[1]);
    assert!(!asked.concat().to_lowercase().contains("authorization"), "{asked:?}");
    assert_eq!((client.traffic().requests, client.traffic().sent), (2, 10));
}

#[tokio::test]
async fn a_file_that_is_too_short_is_not_the_servers_fault() {
    let script = Script::of(&[""]).await;
    let to = UploadUrl::parse(&script.url).unwrap();
    let file = Arc::new(std::fs::File::open("/dev/null").unwrap());
    let error = script.client().upload(&to, Content::File { file, size: 10 }).await.unwrap_err();
    assert!(matches!(error, ClientError::File { .. }), "{error:?}");
}
