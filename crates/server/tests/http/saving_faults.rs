//! Saves that go wrong: nothing half-made becomes visible, and what is wrong is said.

use std::time::Duration;

use snowbank_server::settings::{ByteSize, Span};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{Answer, Server, VERSION, cut_off, noise};

#[tokio::test]
async fn a_finalize_of_another_size_is_refused() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    server.bare("PUT", &target, &[], b"content").await;
    for size in [0, 6, 8] {
        let answer = server.finalize("k", size).await;
        assert_eq!((answer.status, answer.twirp_error().as_str()), (412, "failed_precondition"), "{size}");
        assert_eq!(server.lookup("k").await.json()["ok"], false);
    }
}

#[tokio::test]
async fn a_finalize_may_be_put_right() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    server.bare("PUT", &target, &[], b"content").await;
    assert_eq!(server.finalize("k", 6).await.status, 412);
    assert_eq!(server.finalize("k", 7).await.status, 200);
    assert_eq!(server.restore("k").await, b"content");
}

#[tokio::test]
async fn a_finalize_comes_once() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    let again = server.finalize("k", 7).await;
    assert_eq!((again.status, again.twirp_error().as_str()), (409, "already_exists"));
    let unknown = server.finalize("never reserved", 7).await;
    assert_eq!((unknown.status, unknown.twirp_error().as_str()), (404, "not_found"));
    server.reserve("empty").await;
    let nothing = server.finalize("empty", 0).await;
    assert_eq!((nothing.status, nothing.twirp_error().as_str()), (412, "failed_precondition"));
}

#[tokio::test]
async fn a_list_may_name_only_blocks_that_were_sent() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    assert_eq!(server.bare("PUT", &format!("{target}&comp=block&blockid=QQ=="), &[], b"a").await.status, 201);
    let list = b"<BlockList><Latest>QQ==</Latest><Latest>Qg==</Latest></BlockList>";
    let answer = server.bare("PUT", &format!("{target}&comp=blocklist"), &[], list).await;
    assert_eq!(answer.status, 400);
    answer.xml_error();
    assert_eq!(server.finalize("k", 2).await.status, 412);
    let list = b"<BlockList><Latest>QQ==</Latest></BlockList>";
    assert_eq!(server.bare("PUT", &format!("{target}&comp=blocklist"), &[], list).await.status, 201);
    assert_eq!(server.finalize("k", 1).await.status, 200);
}

#[tokio::test]
async fn an_upload_ends_with_its_finalize() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    server.bare("PUT", &target, &[], b"content").await;
    assert_eq!(server.finalize("k", 7).await.status, 200);
    let before = server.objects();
    for query in ["", "&comp=block&blockid=QQ==", "&comp=blocklist", "&comp=appendblock", "&comp=seal"] {
        let body: &[u8] = if query == "&comp=blocklist" { b"<BlockList/>" } else { b"news" };
        let answer = server.bare("PUT", &format!("{target}{query}"), &[], body).await;
        assert_eq!((answer.status, answer.xml_error().as_str()), (404, "BlobNotFound"), "{query}");
    }
    assert_eq!(server.objects(), before, "nothing was kept");
    assert_eq!(server.restore("k").await, b"content");
}

#[tokio::test]
async fn a_body_that_is_cut_off_leaves_nothing() {
    let server = Server::start().await;
    let target = server.reserve("k").await;
    let content = noise(3 << 20);
    for query in ["", "&comp=block&blockid=QQ==", "&comp=appendblock"] {
        let head = format!("PUT {target}{query} HTTP/1.1\nHost: {{host}}\nContent-Length: {}", content.len());
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(&server.request("", &head)).await.unwrap();
        stream.write_all(&content[..2 << 20]).await.unwrap();
        cut_off(stream).await;
    }
    assert_eq!(server.left_behind().await, [""; 0]);
    assert_eq!(server.finalize("k", 2 << 20).await.status, 412, "nothing was committed");
}

/// There is never a silence of 400 ms, but never 1 KiB a second either.
#[tokio::test]
async fn a_client_that_sends_drop_by_drop_is_given_up() {
    let server = Server::with(|settings| settings.times.body_idle = Span(Duration::from_millis(400))).await;
    let target = server.reserve("k").await;
    let head = format!("PUT {target} HTTP/1.1\nHost: {{host}}\nContent-Length: 1000000");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(&server.request("", &head)).await.unwrap();
    let (mut read, mut write) = stream.split();
    let drops = async {
        while write.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = Vec::new();
    let given_up = async {
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut read, &mut answer).await;
    };
    tokio::select! {
        () = drops => {}
        () = given_up => {}
        () = tokio::time::sleep(Duration::from_secs(20)) => panic!("it is still listened to"),
    }
    let answer = Answer::parse(&answer, "PUT");
    assert_eq!((answer.status, answer.xml_error().as_str()), (408, "RequestTimeout"));
    assert!(server.objects().is_empty());
}

#[tokio::test]
async fn an_archive_over_the_repositorys_limit_is_refused() {
    let server = Server::with(|settings| settings.limits.size = ByteSize(10)).await;
    let target = server.reserve("k").await;
    server.bare("PUT", &target, &[], b"eleven bytes").await;
    let answer = server.finalize("k", 12).await;
    assert_eq!((answer.status, answer.twirp_error().as_str()), (412, "failed_precondition"));
}

#[tokio::test]
async fn uploads_a_minute_are_limited_where_that_is_set() {
    let server = Server::with(|settings| settings.limits.uploads_per_minute = 1).await;
    server.reserve("a").await;
    let body = format!(r#"{{"key":"b","version":"{VERSION}"}}"#);
    let answer = server.twirp("CreateCacheEntry", &body).await;
    assert_eq!((answer.status, answer.twirp_error().as_str()), (429, "resource_exhausted"));
    assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
}
