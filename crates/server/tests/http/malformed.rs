//! Requests that nobody should send: each gets an answer that its client can read.

use crate::support::{Answer, Server, TWIRP, VERSION};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/protobuf";

async fn post(server: &Server, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1
        content-type: {content_type}
        Authorization: Bearer {{token}}
        Host: {{host}}
        Content-Length: {}",
        body.len()
    );
    server.replay(&head, body).await
}

async fn refused(server: &Server, method: &str, body: &str) -> (u16, String) {
    let answer = server.twirp(method, body).await;
    (answer.status, answer.twirp_error())
}

#[tokio::test]
async fn messages_that_cannot_be_read() {
    let server = Server::start().await;
    for method in ["CreateCacheEntry", "FinalizeCacheEntryUpload", "GetCacheEntryDownloadURL"] {
        for body in [&b"{"[..], b"", b"null", b"[]", b"{\"key\":7}", b"\xff\xfe", b"{\"key\":\"k\"} x"] {
            let answer = post(&server, &format!("{TWIRP}/{method}"), JSON, body).await;
            assert_eq!(
                (answer.status, answer.twirp_error().as_str()),
                (400, "malformed"),
                "{method} {body:?}"
            );
        }
        for body in [
            &b"\x12"[..],
            b"\x12\xff",
            b"\x12\x01\xff",
            b"\x07",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        ] {
            let answer = post(&server, &format!("{TWIRP}/{method}"), PROTOBUF, body).await;
            assert_eq!(
                (answer.status, answer.twirp_error().as_str()),
                (400, "malformed"),
                "{method} {body:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_message_without_an_end_is_not_read_to_it() {
    let server = Server::start().await;
    let body = vec![b' '; 1 << 20];
    let answer = post(&server, &format!("{TWIRP}/CreateCacheEntry"), JSON, &body).await;
    assert_eq!((answer.status, answer.twirp_error().as_str()), (400, "malformed"));
}

#[tokio::test]
async fn methods_that_there_are_not() {
    let server = Server::start().await;
    for content_type in [JSON, PROTOBUF] {
        for path in [
            format!("{TWIRP}/DeleteCacheEntry"),
            format!("{TWIRP}/"),
            TWIRP.to_owned(),
            "/twirp/github.actions.results.api.v1.ArtifactService/CreateArtifact".to_owned(),
            "/twirp/".to_owned(),
            "/twirp".to_owned(),
        ] {
            let answer = post(&server, &path, content_type, b"{}").await;
            assert_eq!((answer.status, answer.twirp_error().as_str()), (404, "bad_route"), "{path}");
        }
    }
    let wrong_type = post(&server, &format!("{TWIRP}/CreateCacheEntry"), "text/html", b"{}").await;
    assert_eq!((wrong_type.status, wrong_type.twirp_error().as_str()), (404, "bad_route"));
    let get = server.bare("GET", &format!("{TWIRP}/CreateCacheEntry"), &[], b"").await;
    assert_eq!((get.status, get.twirp_error().as_str()), (404, "bad_route"));
}

#[tokio::test]
async fn keys_that_cannot_be() {
    let server = Server::start().await;
    let long = "k".repeat(513);
    for key in ["", "a,b", long.as_str(), "a\\u0000b"] {
        let body = format!(r#"{{"key":"{key}","version":"{VERSION}","size_bytes":"1"}}"#);
        for method in ["CreateCacheEntry", "FinalizeCacheEntryUpload", "GetCacheEntryDownloadURL"] {
            assert_eq!(
                refused(&server, method, &body).await,
                (400, "invalid_argument".into()),
                "{method} {key}"
            );
        }
    }
    let body = format!(r#"{{"key":"{}","version":"{VERSION}"}}"#, "k".repeat(512));
    assert_eq!(server.twirp("CreateCacheEntry", &body).await.status, 200, "512 are allowed");
}

#[tokio::test]
async fn eleven_keys_are_one_too_many() {
    let server = Server::start().await;
    let keys = |count: usize| {
        let keys: Vec<String> = (0..count).map(|number| format!("\"r{number}\"")).collect();
        format!(r#"{{"key":"k","restore_keys":[{}],"version":"{VERSION}"}}"#, keys.join(","))
    };
    assert_eq!(
        refused(&server, "GetCacheEntryDownloadURL", &keys(10)).await,
        (400, "invalid_argument".into())
    );
    assert_eq!(server.twirp("GetCacheEntryDownloadURL", &keys(9)).await.status, 200);
}

#[tokio::test]
async fn versions_and_sizes_that_cannot_be() {
    let server = Server::start().await;
    let long = "v".repeat(513);
    for version in ["", long.as_str()] {
        let body = format!(r#"{{"key":"k","version":"{version}"}}"#);
        assert_eq!(refused(&server, "CreateCacheEntry", &body).await, (400, "invalid_argument".into()));
    }
    let body = format!(r#"{{"key":"k","version":"{VERSION}","size_bytes":"-1"}}"#);
    assert_eq!(refused(&server, "FinalizeCacheEntryUpload", &body).await, (400, "invalid_argument".into()));
}

#[tokio::test]
async fn block_lists_and_ids_that_cannot_be() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    for list in ["", "<BlockList>", "<Other/>", "<BlockList><Latest>!</Latest></BlockList>", "{}"] {
        let answer = server.bare("PUT", &format!("{target}&comp=blocklist"), &[], list.as_bytes()).await;
        assert_eq!(answer.status, 400, "{list}");
        answer.xml_error();
    }
    for query in ["comp=block", "comp=block&blockid=", "comp=block&blockid=%21", "comp=metadata", "comp="] {
        let answer = server.bare("PUT", &format!("{target}&{query}"), &[], b"x").await;
        assert_eq!(answer.status, 400, "{query}");
        answer.xml_error();
    }
    assert!(server.objects().is_empty(), "nothing was kept");
}

#[tokio::test]
async fn paths_that_there_are_not() {
    let server = Server::start().await;
    for path in ["/nothing", "/api", "/_apis/other"] {
        let answer = server.bare("GET", path, &[], b"").await;
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.body.len() < 100 && answer.header("x-request-id").is_some());
    }
    let health = server.bare("GET", "/healthz", &[], b"").await;
    assert_eq!((health.status, health.text().as_str()), (200, "ok\n"));
}
