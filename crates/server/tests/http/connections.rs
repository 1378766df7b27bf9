//! Connections: kept alive, ended in good order.

use std::time::Duration;

use snowbank_server::settings::Span;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Server, VERSION, noise};

#[tokio::test]
async fn one_connection_carries_many_requests() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        assert_eq!(Answer::parse(&answer[..length], "GET").status, 200);
    }
}

#[tokio::test]
async fn a_connection_beyond_the_bound_waits_for_a_place() {
    let server = Server::with(|settings| settings.max_connections = 2).await;
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut answer = [0; 1024];
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        streams.push(stream);
    }
    let mut third = streams.pop().unwrap();
    for stream in &mut streams {
        assert!(stream.read(&mut answer).await.unwrap() > 0);
    }
    let waits = tokio::time::timeout(Duration::from_millis(300), third.read(&mut answer)).await;
    assert!(waits.is_err(), "the third was served beside two others");
    drop(streams);
    assert!(third.read(&mut answer).await.unwrap() > 0, "the third has its turn");
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_server_stops() {
    let mut server = Server::start().await;
    let target = server.reserve("k").await;
    let content = noise(1 << 20);
    let head = format!("PUT {target} HTTP/1.1\nHost: {{host}}\nContent-Length: {}", content.len());
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&server.request("", &head)).await.unwrap();
    stream.write_all(&content[..1000]).await.unwrap();
    // An answer to another request shows that the server has been busy since.
    assert_eq!(server.bare("GET", "/healthz", &[], b"").await.status, 200);
    server.stop.cancel();
    stream.write_all(&content[1000..]).await.unwrap();
    assert_eq!(Answer::read(&mut stream, "PUT").await.status, 201);
    let stopped = tokio::time::timeout(Duration::from_secs(10), &mut server.task).await;
    stopped.expect("the server stops").unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off_at_last() {
    let soon = Span(Duration::from_millis(200));
    let mut server = Server::with(|settings| settings.times.shutdown = soon).await;
    let target = server.reserve("k").await;
    let head = format!("PUT {target} HTTP/1.1\nHost: {{host}}\nContent-Length: 1000");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&server.request("", &head)).await.unwrap();
    assert_eq!(server.bare("GET", "/healthz", &[], b"").await.status, 200);
    server.stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(10), &mut server.task).await;
    stopped.expect("the server stops").unwrap().unwrap();
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "no answer was made up");
}

/// A block is sent whole before its client looks for an answer, and the answer must still be there.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_is_still_sending() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    let content = vec![7; 48 << 20];
    for (target, status) in [
        ("/blobs/upload/1?se=1&sig=a".to_owned(), 403),
        (format!("{target}&comp=metadata"), 400),
        ("/twirp/other.Service/Method".to_owned(), 404),
        ("/nothing".to_owned(), 404),
    ] {
        let head = format!("PUT {target} HTTP/1.1\nHost: {{host}}\nContent-Length: {}", content.len());
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&server.request("", &head)).await.unwrap();
        stream.write_all(&content).await.expect(&target);
        assert_eq!(Answer::read(&mut stream, "PUT").await.status, status, "{target}");
    }
}

#[tokio::test]
async fn urls_are_under_the_public_address_where_one_is_set() {
    let server =
        Server::with(|settings| settings.public_url = "https://cache.example.org/snow/".into()).await;
    let body = format!(r#"{{"key":"k","version":"{VERSION}"}}"#);
    let answer = server.twirp("CreateCacheEntry", &body).await.json();
    let url = answer["signed_upload_url"].as_str().unwrap();
    assert!(url.starts_with("https://cache.example.org/snow/blobs/upload/"), "{url}");
}
