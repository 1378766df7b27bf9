//! Downloads: whole, in ranges, under conditions, and HEAD.

use crate::support::{Server, noise};

#[tokio::test]
async fn every_download_says_what_it_is() {
    let server = Server::start().await;
    server.save("k", &noise(1000)).await;
    let target = server.found("k").await;
    let got = server.bare("GET", &target, &[], b"").await;
    assert_eq!((got.status, got.body), (200, noise(1000)));
    let head = server.bare("HEAD", &format!("{target}&timeout=30"), &[], b"").await;
    assert_eq!((head.status, head.body.len()), (200, 0));
    let again = server.bare("GET", &target, &[], b"").await;
    for name in ["etag", "content-length", "content-type", "accept-ranges", "x-ms-blob-type"] {
        assert!(head.header(name).is_some(), "{name}");
        assert_eq!(head.header(name), again.header(name), "{name}");
    }
    assert_eq!(head.header("content-length"), Some("1000"));
    let etag = head.header("etag").unwrap();
    assert!(etag.starts_with('"') && etag.ends_with('"'), "strong: {etag}");
}

/// As Azure's SDK does it for hosts of Azure: HEAD, then ranges at once, each under the tag.
#[tokio::test]
async fn parallel_ranges_make_the_whole() {
    let server = Server::start().await;
    let archive = noise(10_500);
    server.save("k", &archive).await;
    let target = server.found("k").await;
    let etag = server.bare("HEAD", &target, &[], b"").await.header("etag").unwrap().to_owned();
    let fetch = |start: usize| {
        let (server, target, etag) = (&server, &target, &etag);
        async move {
            let range = format!("bytes={start}-{}", start + 999);
            let answer = server.bare("GET", target, &[("x-ms-range", &range), ("if-match", etag)], b"").await;
            assert_eq!((answer.status, answer.header("etag")), (206, Some(etag.as_str())));
            answer.body
        }
    };
    let parts = futures::future::join_all((0..archive.len()).step_by(1000).map(fetch)).await;
    assert_eq!(parts.concat(), archive);
}

#[tokio::test]
async fn ranges_of_every_form() {
    let server = Server::start().await;
    let archive = noise(1000);
    server.save("k", &archive).await;
    let target = server.found("k").await;
    for (range, start, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=990-", 990, 1000),
        ("bytes=-10", 990, 1000),
        ("bytes=900-5000", 900, 1000),
        ("bytes=-5000", 0, 1000),
    ] {
        let answer = server.bare("GET", &target, &[("range", range)], b"").await;
        assert_eq!((answer.status, answer.body.as_slice()), (206, &archive[start..end]), "{range}");
        assert_eq!(answer.header("content-range").unwrap(), format!("bytes {start}-{}/1000", end - 1));
    }
    for range in ["bytes=0-1,5-6", "bytes=5-4", "lines=1-2", "nonsense"] {
        let answer = server.bare("GET", &target, &[("range", range)], b"").await;
        assert_eq!((answer.status, answer.body.len()), (200, 1000), "{range}");
    }
    for range in ["bytes=1000-", "bytes=1000-1001", "bytes=-0"] {
        let answer = server.bare("GET", &target, &[("range", range)], b"").await;
        assert_eq!((answer.status, answer.header("content-range")), (416, Some("bytes */1000")), "{range}");
    }
}

#[tokio::test]
async fn conditions_are_kept() {
    let server = Server::start().await;
    server.save("k", &noise(1000)).await;
    let target = server.found("k").await;
    let etag = server.bare("HEAD", &target, &[], b"").await.header("etag").unwrap().to_owned();
    let status = async |headers: &[(&str, &str)]| server.bare("GET", &target, headers, b"").await.status;
    assert_eq!(status(&[("if-match", &etag)]).await, 200);
    assert_eq!(status(&[("if-match", "\"other\"")]).await, 412);
    assert_eq!(status(&[("if-none-match", &etag)]).await, 304);
    assert_eq!(status(&[("if-none-match", "\"other\"")]).await, 200);
    assert_eq!(status(&[("if-range", &etag), ("range", "bytes=0-0")]).await, 206);
    assert_eq!(status(&[("if-range", "\"other\""), ("range", "bytes=0-0")]).await, 200);
}

/// The npm client takes the body of a 404 for the archive, so what is gone is never a 404 under a good URL.
#[tokio::test]
async fn what_is_lost_is_a_fault_and_not_a_404() {
    let server = Server::start().await;
    server.save("k", &noise(1000)).await;
    let target = server.found("k").await;
    for object in server.objects() {
        std::fs::remove_file(object).unwrap();
    }
    let answer = server.bare("GET", &target, &[], b"").await;
    assert!(answer.status >= 500, "{answer:?}");
    answer.xml_error();
    assert_eq!(server.lookup("k").await.json()["ok"], false, "it is a miss from now on");
}
