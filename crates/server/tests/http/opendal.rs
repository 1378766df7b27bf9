//! sccache through OpenDAL: Twirp in protobuf, signed URLs taken apart and put together again in another order,
//! blobs read back at once.

use prost::Message;
use snowbank_actions::messages::{
    CreateCacheEntryRequest, CreateCacheEntryResponse, FinalizeCacheEntryUploadRequest,
    FinalizeCacheEntryUploadResponse, GetCacheEntryDownloadUrlRequest, GetCacheEntryDownloadUrlResponse,
};

use crate::support::{Answer, Server, TWIRP, noise};

const KEY: &str = "sccache/a/b/c/abcdef0123456789";
const VERSION: &str = "sccache-v0.10.0";

pub(crate) async fn call(server: &Server, method: &str, message: &impl Message) -> Answer {
    let body = message.encode_to_vec();
    let head = format!(
        "POST {TWIRP}/{method} HTTP/1.1
        authorization: Bearer {{token}}
        content-type: application/protobuf
        content-length: {}
        accept: */*
        host: {{host}}",
        body.len()
    );
    server.replay(&head, &body).await
}

pub(crate) fn decoded<M: Message + Default>(answer: &Answer) -> M {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/protobuf"));
    M::decode(answer.body.as_slice()).unwrap()
}

async fn create(server: &Server) -> Answer {
    call(server, "CreateCacheEntry", &CreateCacheEntryRequest { key: KEY.into(), version: VERSION.into() })
        .await
}

async fn finalize(server: &Server, size: usize) -> Answer {
    let size_bytes = i64::try_from(size).unwrap();
    let message = FinalizeCacheEntryUploadRequest { key: KEY.into(), size_bytes, version: VERSION.into() };
    call(server, "FinalizeCacheEntryUpload", &message).await
}

async fn find(server: &Server) -> GetCacheEntryDownloadUrlResponse {
    let message =
        GetCacheEntryDownloadUrlRequest { key: KEY.into(), restore_keys: vec![], version: VERSION.into() };
    decoded(&call(server, "GetCacheEntryDownloadURL", &message).await)
}

/// The client's own parameters, then those of the URL in another order.
fn reordered(target: &str, own: &str) -> String {
    let (path, query) = target.split_once('?').expect("the client fails on a URL without a query");
    let mut pairs: Vec<&str> = query.split('&').collect();
    pairs.reverse();
    format!("{path}?{own}&{}", pairs.join("&"))
}

#[tokio::test]
async fn an_object_in_one_piece() {
    let server = Server::start().await;
    let object = noise(4321);
    assert!(!find(&server).await.ok);
    let created: CreateCacheEntryResponse = decoded(&create(&server).await);
    let target = server.target(&created.signed_upload_url);
    assert!(
        target.trim_start_matches('/').split_once('?').unwrap().0.split('/').count() >= 2,
        "container and blob"
    );
    let headers = [("x-ms-blob-type", "BlockBlob"), ("x-ms-version", "2022-11-02")];
    let put = server.bare("PUT", &reordered(&target, "a=b"), &headers, &object).await;
    assert_eq!(put.status, 201, "{put:?}");
    let finalized: FinalizeCacheEntryUploadResponse = decoded(&finalize(&server, object.len()).await);
    assert!(finalized.ok && finalized.entry_id > 0);
    let found = find(&server).await;
    assert_eq!(found.matched_key, KEY);
    let target = server.target(&found.signed_download_url);
    let stat = server.bare("GET", &target, &[("range", "bytes=0-0")], b"").await;
    assert_eq!((stat.status, stat.header("content-range")), (206, Some("bytes 0-0/4321")));
    let read = server.bare("GET", &target, &[("range", "bytes=100-199")], b"").await;
    assert_eq!(read.body, object[100..200]);
    assert_eq!(server.bare("GET", &target, &[], b"").await.body, object);
}

#[tokio::test]
async fn an_object_in_blocks_four_at_once() {
    let server = Server::start().await;
    let object = noise(4 * 1000);
    let created: CreateCacheEntryResponse = decoded(&create(&server).await);
    let target = server.target(&created.signed_upload_url);
    // Sixteen bytes of a UUID each, in no order.
    let ids = [
        "/////////////////////w==",
        "AAAAAAAAAAAAAAAAAAAAAA==",
        "+++++++++++++++++++++w==",
        "cXdlcnR6dWlvcGFzZGZnaA==",
    ];
    let put = |(id, part): (&'static str, &[u8])| {
        let id = id.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let (target, part) = (reordered(&target, &format!("comp=block&blockid={id}")), part.to_vec());
        let server = &server;
        async move { server.bare("PUT", &target, &[("x-ms-version", "2022-11-02")], &part).await.status }
    };
    let put = futures::future::join_all(ids.into_iter().zip(object.chunks(1000)).map(put)).await;
    assert_eq!(put, [201; 4]);
    let list: String = ids.iter().map(|id| format!("<Latest>{id}</Latest>")).collect();
    let list = format!("<BlockList>{list}</BlockList>");
    let listed = server.bare("PUT", &reordered(&target, "comp=blocklist"), &[], list.as_bytes()).await;
    assert_eq!(listed.status, 201, "{listed:?}");
    assert!(decoded::<FinalizeCacheEntryUploadResponse>(&finalize(&server, object.len()).await).ok);
    let target = server.target(&find(&server).await.signed_download_url);
    assert_eq!(server.bare("GET", &target, &[], b"").await.body, object);
}

/// A wrong status would make sccache read-only without a word; 409 it takes for "somebody was faster".
#[tokio::test]
async fn a_conflict_is_told_by_its_status() {
    let server = Server::start().await;
    create(&server).await;
    let conflict = create(&server).await;
    assert_eq!((conflict.status, conflict.twirp_error().as_str()), (409, "already_exists"));
}

#[tokio::test]
async fn an_empty_object_can_be_asked_for_its_size() {
    let server = Server::start().await;
    let created: CreateCacheEntryResponse = decoded(&create(&server).await);
    let target = server.target(&created.signed_upload_url);
    assert_eq!(server.bare("PUT", &target, &[("x-ms-blob-type", "BlockBlob")], b"").await.status, 201);
    assert!(decoded::<FinalizeCacheEntryUploadResponse>(&finalize(&server, 0).await).ok);
    let target = server.target(&find(&server).await.signed_download_url);
    let stat = server.bare("GET", &target, &[("range", "bytes=0-0")], b"").await;
    assert_eq!((stat.status, stat.header("content-range")), (416, Some("bytes */0")));
}
