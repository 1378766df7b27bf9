//! Uploads whatever the dialect: what is answered, and how long a reservation waits.

use std::time::Duration;

use snowbank_server::settings::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Server, TWIRP, VERSION, noise};

const BLOB: [(&str, &str); 1] = [("x-ms-blob-type", "BlockBlob")];
const APPEND: [(&str, &str); 1] = [("x-ms-blob-type", "AppendBlob")];

/// buildkit's client crashes without the request's id; others read the rest.
#[tokio::test]
async fn every_put_has_the_headers_that_clients_read() {
    let server = Server::start().await;
    let (blob, append) = (server.reserve("blob").await, server.reserve("append").await);
    let list = b"<BlockList><Latest>QQ==</Latest></BlockList>";
    for (target, query, headers, body, status) in [
        (&blob, "", &BLOB[..], &b"content"[..], 201),
        (&blob, "", &[], b"content", 201),
        (&blob, "&comp=block&blockid=QQ==", &[], b"block", 201),
        (&blob, "&comp=blocklist", &[], list, 201),
        (&append, "", &APPEND, b"", 201),
        (&append, "&comp=appendblock", &APPEND, b"piece", 201),
        (&append, "&comp=seal", &APPEND, b"", 200),
    ] {
        let put = server.bare("PUT", &format!("{target}{query}"), headers, body).await;
        assert_eq!((put.status, put.body.len()), (status, 0), "{query}: {put:?}");
        for name in ["x-ms-request-id", "etag", "last-modified", "x-ms-version", "date"] {
            assert!(put.header(name).is_some_and(|value| !value.is_empty()), "{query} {name}: {put:?}");
        }
    }
    assert_eq!(server.finalize("blob", 5).await.status, 200);
    assert_eq!(server.restore("blob").await, b"block");
    assert_eq!(server.finalize("append", 5).await.status, 200);
    assert_eq!(server.restore("append").await, b"piece");
}

#[tokio::test]
async fn blocks_that_no_list_names_are_no_upload() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    assert_eq!(server.bare("PUT", &format!("{target}&comp=block&blockid=QQ=="), &[], b"a").await.status, 201);
    let answer = server.finalize("k", 1).await;
    assert_eq!((answer.status, answer.twirp_error().as_str()), (412, "failed_precondition"));
    assert!(answer.json()["msg"].as_str().unwrap().contains("no block list"));
}

async fn create(server: &Server, key: &str) -> u16 {
    server.twirp("CreateCacheEntry", &format!(r#"{{"key":"{key}","version":"{VERSION}"}}"#)).await.status
}

#[tokio::test]
async fn a_reservation_lasts_while_bytes_arrive_and_ends_when_none_do() {
    let server = Server::with(|settings| settings.times.upload_idle = Span(Duration::from_secs(1))).await;
    let target = server.reserve("k").await;
    let content = noise(200_000);
    let head =
        format!("PUT {target}&comp=block&blockid=QQ== HTTP/1.1\nHost: {{host}}\nContent-Length: 200000");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&server.request("", &head)).await.unwrap();
    // Three times as long as the reservation would last by itself.
    for part in content.chunks(10_000) {
        stream.write_all(part).await.unwrap();
        assert_eq!(create(&server, "k").await, 409, "its slot is taken");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(Answer::read(&mut stream, "PUT").await.status, 201);
    let again = loop {
        match create(&server, "k").await {
            409 => tokio::time::sleep(Duration::from_millis(100)).await,
            status => break status,
        }
    };
    assert_eq!(again, 200, "nothing came for a while, so another may have it");
    let late = server.bare("PUT", &target, &BLOB, b"late").await;
    assert_eq!((late.status, late.xml_error().as_str()), (404, "BlobNotFound"));
    assert_eq!(server.finalize("k", 200_000).await.status, 412, "what came before belongs to nobody");
}

/// curl and others send a large body only when they are told to.
#[tokio::test]
async fn who_asks_before_sending_is_told_to_go_on_or_refused() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    let ask = |target: &str| {
        let head = format!("PUT {target} HTTP/1.1\nHost: {{host}}\nContent-Length: 7\nExpect: 100-continue");
        server.request("", &head)
    };
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&ask(&target)).await.unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"content").await.unwrap();
    assert_eq!(Answer::read(&mut stream, "PUT").await.status, 201);

    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&ask("/blobs/upload/1?se=1&sig=a")).await.unwrap();
    let refused = Answer::read(&mut stream, "PUT").await;
    assert_eq!((refused.status, refused.xml_error().as_str()), (403, "AuthenticationFailed"));
}

#[tokio::test]
async fn a_message_that_comes_drop_by_drop_is_given_up() {
    let server = Server::with(|settings| settings.times.body_idle = Span(Duration::from_millis(400))).await;
    for (path, content_type) in [
        (format!("{TWIRP}/CreateCacheEntry"), "application/json"),
        (format!("{TWIRP}/CreateCacheEntry"), "application/protobuf"),
        ("/_apis/artifactcache/caches".to_owned(), "application/json"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1
            content-type: {content_type}
            Authorization: Bearer {{token}}
            Host: {{host}}
            Content-Length: 20000"
        );
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&server.request(&server.token(), &head)).await.unwrap();
        let (mut read, mut write) = stream.split();
        let drops = async {
            while write.write_all(b" ").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            std::future::pending::<()>().await;
        };
        let mut answer = Vec::new();
        tokio::select! {
            () = drops => {}
            _ = read.read_to_end(&mut answer) => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{path} is still listened to"),
        }
        let answer = Answer::parse(&answer, "POST");
        assert_eq!(answer.status, 408, "{path}");
        assert!(!answer.json()["message"].as_str().unwrap().is_empty(), "in JSON");
    }
}
