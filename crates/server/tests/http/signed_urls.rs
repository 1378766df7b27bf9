//! Signed URLs hold for one thing, one direction and some time.

use std::time::Duration;

use snowbank_server::settings::Span;

use crate::support::Server;

#[tokio::test]
async fn a_changed_url_is_refused() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    let target = server.found("k").await;
    let (path, query) = target.split_once('?').unwrap();
    let (se, sig) = query.split_once('&').unwrap();
    let flipped = if sig.ends_with('0') { '1' } else { '0' };
    for bad in [
        path.to_owned(),
        format!("{path}?{se}"),
        format!("{path}?{sig}"),
        format!("{path}?{se}0&{sig}"),
        format!("{path}?{se}&{}{flipped}", &sig[..sig.len() - 1]),
        format!("{path}?{se}&sig="),
        format!("{path}?{se}&sig=zz"),
        format!("{path}0?{query}"),
    ] {
        let answer = server.bare("GET", &bad, &[], b"").await;
        assert_eq!((answer.status, answer.xml_error().as_str()), (403, "AuthenticationFailed"), "{bad}");
    }
}

#[tokio::test]
async fn a_url_holds_for_one_blob_and_one_direction() {
    let server = Server::start().await;
    server.save("a", b"content of a").await;
    server.save("b", b"content of b").await;
    let (a, b) = (server.found("a").await, server.found("b").await);
    let other = format!("{}?{}", b.split_once('?').unwrap().0, a.split_once('?').unwrap().1);
    assert_eq!(server.bare("GET", &other, &[], b"").await.status, 403);
    let upload = server.reserve("c").await;
    let read = upload.replace("/upload/", "/download/");
    assert_eq!(server.bare("GET", &read, &[], b"").await.status, 403);
    let write = a.replace("/download/", "/upload/");
    assert_eq!(server.bare("PUT", &write, &[], b"x").await.status, 403);
    assert_eq!(server.bare("PUT", &a, &[], b"x").await.xml_error(), "UnsupportedHttpVerb");
    assert_eq!(server.bare("GET", &upload, &[], b"").await.xml_error(), "UnsupportedHttpVerb");
}

#[tokio::test]
async fn a_url_that_has_expired_says_so() {
    // Expiries are in whole seconds: one that has none to live expires with the next second.
    let server = Server::with(|settings| {
        settings.times.download_url = Span(Duration::ZERO);
        settings.times.upload_url = Span(Duration::ZERO);
    })
    .await;
    let upload = server.reserve("k").await;
    let expires: u64 = upload.split_once("se=").unwrap().1.split_once('&').unwrap().0.parse().unwrap();
    let until = std::time::UNIX_EPOCH + Duration::from_secs(expires + 1);
    tokio::time::sleep(until.duration_since(std::time::SystemTime::now()).unwrap_or_default()).await;
    let answer = server.bare("PUT", &upload, &[], b"content").await;
    assert_eq!((answer.status, answer.xml_error().as_str()), (403, "AuthenticationFailed"));
    assert!(answer.text().contains("expired"), "{}", answer.text());
    assert!(server.objects().is_empty());
}

#[tokio::test]
async fn nothing_else_lives_under_blobs() {
    let server = Server::start().await;
    for target in ["/blobs", "/blobs/", "/blobs/upload/", "/blobs/other/1?se=1&sig=a", "/blobs/upload/1/2"] {
        let answer = server.bare("PUT", target, &[], b"").await;
        assert_eq!((answer.status, answer.xml_error().is_empty()), (404, false), "{target}");
    }
    assert_eq!(server.bare("GET", "/blobs/download/x?se=1&sig=a", &[], b"").await.status, 404);
}
