//! Caches that do not answer, or not well.

use futures::future::join_all;
use snowbank_binary_cache::upstream::UpstreamError;
use tokio::net::TcpListener;
use url::Url;

use crate::{
    server::{Act, Server, answer, status},
    support::{Sample, fetch, impatient, said, upstreams},
};

/// Where nobody listens.
async fn nowhere() -> Url {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap()
}

#[tokio::test]
async fn what_fails_for_a_moment_is_asked_for_again() {
    let sample = Sample::of(1000);
    let script = sample.script(|_, before| match before {
        0 => Some(status("503 Service Unavailable")),
        1 => Some(Act::Send(answer("429 Too Many Requests", "retry-after: 0\r\n", b""))),
        2 => Some(Act::Send(b"HTTP/1.1".to_vec())),
        _ => None,
    });
    let server = Server::start(script).await;
    let (result, got) = sample.fetch(&[&server.url]).await;
    result.unwrap();
    assert_eq!(got, sample.nar);
    assert_eq!(server.asked().len(), 3 * 4);
}

#[tokio::test]
async fn a_silent_cache_is_noticed_once() {
    let sample = Sample::of(1000);
    let server = Server::start(|_, _| Act::Hang(Vec::new())).await;
    let good = Server::start(sample.script(|_, _| None)).await;
    let both = impatient(vec![sample.upstream(&server.url), sample.upstream(&good.url)]);
    for (result, got) in join_all((0..100).map(|_| fetch(&both, &sample.info))).await {
        result.unwrap();
        assert_eq!(got, sample.nar);
    }
    fetch(&both, &sample.info).await.0.unwrap();
    // One of those who waited asked, as often as it is worth.
    assert!((1..=3).contains(&server.asked().len()), "{:?}", server.asked());
}

#[tokio::test]
async fn a_cache_that_goes_silent_later_is_noticed_too() {
    let sample = Sample::of(1000);
    let script = sample.script(|asked, before| {
        (asked.target.ends_with("narinfo") && before > 0).then(|| Act::Hang(Vec::new()))
    });
    let server = Server::start(script).await;
    let upstreams = impatient(vec![sample.upstream(&server.url)]);
    fetch(&upstreams, &sample.info).await.0.unwrap();
    let error = fetch(&upstreams, &sample.info).await.0.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    let asked = server.asked().len();
    let error = fetch(&upstreams, &sample.info).await.0.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    assert_eq!(server.asked().len(), asked);
}

#[tokio::test]
async fn an_absent_cache_is_an_outage_whatever_the_others_say() {
    let sample = Sample::of(1000);
    let other = Server::start(|asked, _| match asked.target.as_str() {
        "/nix-cache-info" => crate::server::ok(b""),
        _ => status("404 Not Found"),
    })
    .await;
    let error = sample.fetch(&[&nowhere().await, &other.url]).await.0.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    let said = said(&error);
    assert!(said.contains("cannot fetch nix-cache-info from the upstream cache 127.0.0.1:"), "{said}");
    assert!(said.contains("Connection refused"), "{said}");
}

#[tokio::test]
async fn one_broken_path_does_not_end_a_cache() {
    let broken = Sample::of(1000);
    let script =
        broken.script(|asked, _| asked.target.ends_with("nar").then(|| status("500 Internal Server Error")));
    let server = Server::start(script).await;
    let upstreams = upstreams(vec![broken.upstream(&server.url)]);
    for _ in 0..4 {
        let error = fetch(&upstreams, &broken.info).await.0.unwrap_err();
        assert!(error.is_outage(), "{error:?}");
    }
    assert_eq!(server.count("/nar/sample.nar"), 4 * 5);
}

#[tokio::test]
async fn a_trickle_is_silence() {
    let sample = Sample::of(1000);
    // A head that promises a body, and a byte of it.
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nx".to_vec();
    let script =
        sample.script(move |asked, _| asked.target.ends_with("nar").then(|| Act::Hang(head.clone())));
    let server = Server::start(script).await;
    let error = fetch(&impatient(vec![sample.upstream(&server.url)]), &sample.info).await.0.unwrap_err();
    assert!(error.is_outage() && said(&error).contains("next to nothing"), "{}", said(&error));
}

#[tokio::test]
async fn a_cache_that_wants_a_login_is_no_outage() {
    let sample = Sample::of(1000);
    let server = Server::start(|_, _| status("401 Unauthorized")).await;
    let mut url = server.url.clone();
    url.set_username("me").unwrap();
    url.set_password(Some("secret")).unwrap();
    let error = sample.fetch(&[&url]).await.0.unwrap_err();
    assert!(!error.is_outage(), "{error:?}");
    assert!(said(&error).ends_with("it answered 401 Unauthorized"), "{}", said(&error));
    assert!(!format!("{error:?} {}", said(&error)).contains("secret"));
    assert!(matches!(error, UpstreamError::Failed { .. }));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn a_fetch_that_is_dropped_ends() {
    let sample = Sample::of(1_000_000);
    let half = sample.nar[..500_000].to_vec();
    let script = sample.script(move |asked, _| {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
        asked.target.ends_with("nar").then(|| Act::Hang([head, half.as_slice()].concat()))
    });
    let server = Server::start(script).await;
    let upstreams = upstreams(vec![sample.upstream(&server.url)]);
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let fetching = tokio::spawn(async move {
        let sink = move |bytes: &[u8]| sender.send(bytes.len()).map_err(std::io::Error::other);
        upstreams.fetch(&sample.info, sink).await
    });
    receiver.recv().await.unwrap();
    fetching.abort();
    // The sink goes with the thread.
    while receiver.recv().await.is_some() {}
}

#[tokio::test]
async fn a_cache_that_breaks_off_everything_is_given_up() {
    let sample = Sample::of(1000);
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\nStorePath:".to_vec();
    let script =
        sample.script(move |asked, _| asked.target.ends_with("narinfo").then(|| Act::Send(half.clone())));
    let server = Server::start(script).await;
    let upstreams = upstreams(vec![sample.upstream(&server.url)]);
    for _ in 0..10 {
        assert!(fetch(&upstreams, &sample.info).await.0.unwrap_err().is_outage());
    }
    assert_eq!(server.count(&sample.narinfo_target()), 3 * 5);
}
