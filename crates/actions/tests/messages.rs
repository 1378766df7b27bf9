//! Messages against bytes that real clients and their generated code made.

#![allow(clippy::unwrap_used)]

use prost::Message;
use snowbank_actions::messages::v1;
use snowbank_actions::messages::{
    CreateCacheEntryRequest, CreateCacheEntryResponse, FinalizeCacheEntryUploadRequest,
    FinalizeCacheEntryUploadResponse, GetCacheEntryDownloadUrlRequest, GetCacheEntryDownloadUrlResponse,
};
use snowbank_actions::twirp::{Encoding, MessageError, Wire};

fn lookup() -> GetCacheEntryDownloadUrlRequest {
    GetCacheEntryDownloadUrlRequest {
        key: "k1".into(),
        restore_keys: vec!["k".into(), "a".into()],
        version: "v".into(),
    }
}

fn finalize() -> FinalizeCacheEntryUploadRequest {
    FinalizeCacheEntryUploadRequest { key: "k1".into(), size_bytes: 1294, version: "v".into() }
}

fn same<M: Message + Default + PartialEq + std::fmt::Debug>(message: &M, vector: &str) {
    assert_eq!(hex::encode(message.encode_to_vec()), vector);
    assert_eq!(&M::decode(hex::decode(vector).unwrap().as_slice()).unwrap(), message);
}

/// Made by the generated code of the npm client.
#[test]
fn protobuf_vectors() {
    same(&CreateCacheEntryRequest { key: "k1".into(), version: "v".into() }, "12026b311a0176");
    same(&finalize(), "12026b31188e0a220176");
    same(&lookup(), "12026b311a016b1a0161220176");
    let found = GetCacheEntryDownloadUrlResponse {
        ok: true,
        signed_download_url: "u".into(),
        matched_key: "k1".into(),
    };
    same(&found, "08011201751a026b31");
}

/// Field 1 is `metadata { repository_id: 7, scope: [{ scope: "s", permission: 3 }] }`.
#[test]
fn metadata_is_passed_over() {
    let vector = "0a0908071205".to_owned() + "0a01731003" + "12026b311a0176";
    let request: CreateCacheEntryRequest = Encoding::Protobuf.decode(&hex::decode(vector).unwrap()).unwrap();
    assert_eq!(request.key, "k1");
    let json = br#"{"metadata":{"repositoryId":"7","scope":[{"scope":"s","permission":"3"}]},"key":"k1"}"#;
    let request: CreateCacheEntryRequest = Encoding::Json.decode(json).unwrap();
    assert_eq!(request.key, "k1");
}

#[test]
fn numbers_come_as_numbers_and_as_text() {
    for size in ["1294", "\"1294\"", "1294.0", "1.294e3"] {
        for name in ["size_bytes", "sizeBytes"] {
            let json = format!(r#"{{"key":"k1","{name}":{size},"version":"v"}}"#);
            let request: FinalizeCacheEntryUploadRequest = Encoding::Json.decode(json.as_bytes()).unwrap();
            assert_eq!(request, finalize(), "{json}");
        }
    }
    for size in ["1.5", "1e300", "\"\"", "\"x\"", "true", "[]", "9223372036854775808"] {
        let json = format!(r#"{{"size_bytes":{size}}}"#);
        let decoded = Encoding::Json.decode::<FinalizeCacheEntryUploadRequest>(json.as_bytes());
        assert!(matches!(decoded, Err(MessageError::Json(_))), "{json}");
    }
}

#[test]
fn lookups_come_in_every_form() {
    for json in [
        r#"{"key":"k1","restore_keys":["k","a"],"version":"v"}"#,
        r#"{"version":"v","restoreKeys":["k","a"],"key":"k1","new":{"deep":[1,null]}}"#,
    ] {
        let request: GetCacheEntryDownloadUrlRequest = Encoding::Json.decode(json.as_bytes()).unwrap();
        assert_eq!(request, lookup(), "{json}");
    }
    for json in [r#"{"key":"k1","restore_keys":null}"#, r#" {"key":"k1"} "#, r#"{"key":"k1","version":null}"#]
    {
        let request: GetCacheEntryDownloadUrlRequest = Encoding::Json.decode(json.as_bytes()).unwrap();
        assert!(request.restore_keys.is_empty() && request.version.is_empty(), "{json}");
    }
}

#[test]
fn what_is_no_message_is_refused() {
    for json in ["", "null", "[]", r#"["k1"]"#, "{", r#"{"key":1}"#, r#"{"key":"a"}x"#, r#"{"key":"\ud800"}"#]
    {
        let decoded = Encoding::Json.decode::<CreateCacheEntryRequest>(json.as_bytes());
        assert!(matches!(decoded, Err(MessageError::Json(_))), "{json}");
    }
    for vector in ["12", "1202", "12ff", "1801", "07", "1201ff"] {
        let bytes = hex::decode(vector).unwrap();
        let decoded = Encoding::Protobuf.decode::<CreateCacheEntryRequest>(&bytes);
        assert!(matches!(decoded, Err(MessageError::Protobuf(_))), "{vector}");
    }
    let decoded = Encoding::Json.decode::<CreateCacheEntryRequest>(&vec![b' '; 1 << 20]);
    assert!(matches!(decoded, Err(MessageError::TooLarge(_))));
}

fn json<M: Wire>(message: &M) -> String {
    String::from_utf8(Encoding::Json.encode(message)).unwrap()
}

#[test]
fn answers_are_in_the_form_that_every_client_reads() {
    assert_eq!(json(&GetCacheEntryDownloadUrlResponse::default()), r#"{"ok":false}"#);
    let created = CreateCacheEntryResponse {
        ok: true,
        signed_upload_url: "http://h/a/b?c".into(),
        message: String::new(),
    };
    assert_eq!(json(&created), r#"{"ok":true,"signed_upload_url":"http://h/a/b?c"}"#);
    let finalized = FinalizeCacheEntryUploadResponse { ok: true, entry_id: 7, message: String::new() };
    assert_eq!(json(&finalized), r#"{"ok":true,"entry_id":"7"}"#);
}

#[test]
fn requests_are_written_as_the_npm_client_writes_them() {
    assert_eq!(json(&finalize()), r#"{"key":"k1","size_bytes":"1294","version":"v"}"#);
    let request = GetCacheEntryDownloadUrlRequest { restore_keys: Vec::new(), ..lookup() };
    assert_eq!(json(&request), r#"{"key":"k1","version":"v"}"#);
}

#[test]
fn the_older_protocol_reads_what_its_clients_send() {
    let npm = "{\n  \"key\": \"k\",\n  \"version\": \"v\",\n  \"cacheSize\": 1292\n}";
    let reserve: v1::Reserve = serde_json::from_str(npm).unwrap();
    assert_eq!(reserve, v1::Reserve { key: "k".into(), version: "v".into(), cache_size: Some(1292) });
    let buildkit: v1::Reserve = serde_json::from_str(r#"{"key":"k","version":"v"}"#).unwrap();
    assert_eq!(buildkit.cache_size, None);
    assert_eq!(serde_json::from_str::<v1::Commit>(r#"{"size":5}"#).unwrap().size, 5);
    assert_eq!(serde_json::to_string(&v1::Reserved { cache_id: 3 }).unwrap(), r#"{"cacheId":3}"#);
}
