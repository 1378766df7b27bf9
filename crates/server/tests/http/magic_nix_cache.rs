//! magic-nix-cache: Twirp in protobuf through a library that compares content types as a whole, and append blobs.

use snowbank_actions::messages::{
    CreateCacheEntryRequest, CreateCacheEntryResponse, FinalizeCacheEntryUploadRequest,
    FinalizeCacheEntryUploadResponse, GetCacheEntryDownloadUrlRequest, GetCacheEntryDownloadUrlResponse,
};

use crate::opendal::{call, decoded};
use crate::support::{Server, noise};

const VERSION: &str = "9930b4f4e76b23bb318c5c147679db2cdbe6c2c30cccceb276aa94f44dbd49e7";
const NAME: &str = "1b9jydsiygi6jhlz2dxbrxi6b4m1rn4r8z0bh9k8kzh4kb9jp0ac.nar.zstd";
const HEADERS: [(&str, &str); 2] =
    [("content-type", "application/octet-stream"), ("x-ms-blob-type", "AppendBlob")];

async fn reserve(server: &Server, key: &str) -> String {
    let message = CreateCacheEntryRequest { key: key.into(), version: VERSION.into() };
    let created: CreateCacheEntryResponse = decoded(&call(server, "CreateCacheEntry", &message).await);
    server.target(&created.signed_upload_url)
}

async fn find(server: &Server, key: &str) -> GetCacheEntryDownloadUrlResponse {
    let message = GetCacheEntryDownloadUrlRequest {
        key: key.into(),
        restore_keys: vec![key.into()],
        version: VERSION.into(),
    };
    decoded(&call(server, "GetCacheEntryDownloadURL", &message).await)
}

#[tokio::test]
async fn a_nar_appended_in_pieces_and_found_without_its_suffix() {
    let server = Server::start().await;
    let (key, nar) = (format!("{NAME}-x7Qa"), noise(3000));
    let target = reserve(&server, &key).await;
    assert_eq!(server.bare("PUT", &target, &HEADERS, b"").await.status, 201);
    for piece in nar.chunks(1024) {
        let put = server.bare("PUT", &format!("{target}&comp=appendblock"), &HEADERS, piece).await;
        assert_eq!(put.status, 201, "{put:?}");
    }
    let sealed = server.bare("PUT", &format!("{target}&comp=seal"), &HEADERS, b"").await;
    assert_eq!(sealed.status, 200, "{sealed:?}");
    let message =
        FinalizeCacheEntryUploadRequest { key: key.clone(), size_bytes: 3000, version: VERSION.into() };
    let finalized: FinalizeCacheEntryUploadResponse =
        decoded(&call(&server, "FinalizeCacheEntryUpload", &message).await);
    assert!(finalized.ok);
    let found = find(&server, NAME).await;
    assert_eq!(found.matched_key, key);
    let target = server.target(&found.signed_download_url);
    assert_eq!(server.bare("GET", &target, &[], b"").await.body, nar, "Nix itself fetches it");
}

#[tokio::test]
async fn creating_an_append_blob_again_begins_anew() {
    let server = Server::start().await;
    let target = reserve(&server, NAME).await;
    for content in [&b"first"[..], b"second"] {
        assert_eq!(server.bare("PUT", &target, &HEADERS, b"").await.status, 201);
        assert_eq!(
            server.bare("PUT", &format!("{target}&comp=appendblock"), &HEADERS, content).await.status,
            201
        );
    }
    let message =
        FinalizeCacheEntryUploadRequest { key: NAME.into(), size_bytes: 6, version: VERSION.into() };
    assert_eq!(call(&server, "FinalizeCacheEntryUpload", &message).await.status, 200);
    let target = server.target(&find(&server, NAME).await.signed_download_url);
    assert_eq!(server.bare("GET", &target, &[], b"").await.body, b"second");
}

#[tokio::test]
async fn an_append_blob_is_created_empty() {
    let server = Server::start().await;
    let target = reserve(&server, NAME).await;
    let refused = server.bare("PUT", &target, &HEADERS, b"content").await;
    assert_eq!((refused.status, refused.xml_error().as_str()), (400, "InvalidHeaderValue"));
}

/// Its library reads an error only under exactly `application/json`; `json()` checks that.
#[tokio::test]
async fn errors_are_json_although_messages_are_protobuf() {
    let server = Server::start().await;
    reserve(&server, NAME).await;
    let again = CreateCacheEntryRequest { key: NAME.into(), version: VERSION.into() };
    assert_eq!(call(&server, "CreateCacheEntry", &again).await.twirp_error(), "already_exists");
    let comma = CreateCacheEntryRequest { key: "a,b".into(), version: VERSION.into() };
    assert_eq!(call(&server, "CreateCacheEntry", &comma).await.twirp_error(), "invalid_argument");
    assert_eq!(call(&server, "DeleteCacheEntry", &comma).await.twirp_error(), "bad_route");
}
