//! A signed URL means the same bytes for as long as it holds, although the entry takes another form meanwhile.

use std::time::Duration;

use snowbank_server::service::Worker;
use snowbank_server::settings::Span;
use tokio_util::sync::CancellationToken;

use crate::support::{Server, noise};

/// As Azure's SDK and the npm client's own downloader fetch.
const STEP: usize = 4 << 20;
const AT_ONCE: usize = 8;

/// A tar of files that cannot be compressed, and the tar under zstd, as it is uploaded.
fn archive() -> (Vec<u8>, Vec<u8>) {
    let mut builder = tar::Builder::new(Vec::new());
    for (number, content) in noise(40 << 20).chunks(1_700_000).enumerate() {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o444);
        builder.append_data(&mut header, format!("nix/store/{number}"), content).unwrap();
    }
    let tar = builder.into_inner().unwrap();
    let zst = zstd::encode_all(&tar[..], 3).unwrap();
    (tar, zst)
}

async fn etag(server: &Server, target: &str) -> (String, usize) {
    let head = server.bare("HEAD", &format!("{target}&timeout=30"), &[], b"").await;
    assert_eq!(head.status, 200, "{head:?}");
    (head.header("etag").unwrap().to_owned(), head.header("content-length").unwrap().parse().unwrap())
}

/// HEAD, then ranges, eight at once, each under the tag that HEAD told.
async fn fetch(server: &Server, target: &str, range_header: &str) -> (String, Vec<u8>) {
    let (etag, length) = etag(server, target).await;
    let starts: Vec<usize> = (0..length).step_by(STEP).collect();
    let mut whole = Vec::with_capacity(length);
    for starts in starts.chunks(AT_ONCE) {
        let part = |start: usize| {
            let etag = &etag;
            async move {
                let range = format!("bytes={start}-{}", (start + STEP).min(length) - 1);
                let headers = [(range_header, range.as_str()), ("if-match", etag)];
                let answer = server.bare("GET", target, &headers, b"").await;
                assert_eq!((answer.status, answer.header("etag")), (206, Some(etag.as_str())), "{range}");
                answer.body
            }
        };
        whole.extend(futures::future::join_all(starts.iter().copied().map(part)).await.concat());
    }
    (etag, whole)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_ranges_never_mix_two_forms() {
    let server = Server::start().await;
    let (tar, zst) = archive();
    server.save("k", &zst).await;
    let old = server.found("k").await;
    let raw = fetch(&server, &old, "x-ms-range").await;
    assert!(raw.1 == zst);

    let stop = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(server.service.clone()).run(stop.clone()));
    let mut rounds = 0;
    let new = loop {
        for header in ["x-ms-range", "range"] {
            let now = fetch(&server, &old, header).await;
            assert!(now == raw, "round {rounds}: the URL means something else than before");
        }
        rounds += 1;
        // A collection does not take what the URL holds.
        server.service.collect().await.unwrap();
        let fresh = server.found("k").await;
        if etag(&server, &fresh).await.0 != raw.0 {
            break fresh;
        }
    };
    let recoded = fetch(&server, &new, "x-ms-range").await;
    assert!(zstd::decode_all(&recoded.1[..]).unwrap() == tar, "after {rounds} rounds");
    assert!(fetch(&server, &new, "range").await == recoded);
    assert!(fetch(&server, &old, "range").await == raw, "the old URL still holds");
    let mixed = server.bare("GET", &new, &[("x-ms-range", "bytes=0-99"), ("if-match", &raw.0)], b"").await;
    assert_eq!(mixed.status, 412, "who asks for the old form does not get the new one");
    stop.cancel();
    worker.await.unwrap();
}

#[tokio::test]
async fn what_a_url_held_goes_when_it_has_expired() {
    let server = Server::with(|settings| settings.times.download_url = Span(Duration::from_secs(1))).await;
    server.save("k", b"content").await;
    let target = server.found("k").await;
    let stop = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(server.service.clone()).run(stop.clone()));
    let expired = loop {
        let answer = server.bare("GET", &target, &[], b"").await;
        if answer.status != 200 {
            break answer;
        }
        assert_eq!(answer.body, b"content");
    };
    assert_eq!((expired.status, expired.xml_error().as_str()), (403, "AuthenticationFailed"));
    assert!(expired.text().contains("expired"), "{}", expired.text());
    while server.objects().iter().any(|object| object.contains("uploads")) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.restore("k").await, b"content");
    stop.cancel();
    worker.await.unwrap();
}
