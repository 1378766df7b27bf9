//! The client against servers that answer as a script says: what no real server can be made to do.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use snowbank_actions::client::{
    CacheClient, ClientError, Content, Options, Patience, Reason, Reserved, Token,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does with a request.
#[derive(Clone, Debug)]
enum Act {
    /// Sends these bytes and closes the connection.
    Say(String),
    /// Sends nothing.
    Hang,
}

/// A server that does one act a connection, the last one again and again; and what it was sent.
struct Script {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Script {
    async fn of(acts: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (acts, seen): (Vec<_>, _) = (acts.into_iter().collect(), Arc::clone(&requests));
        tokio::spawn(async move {
            let mut at = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let act = acts[at.min(acts.len() - 1)].clone();
                at += 1;
                tokio::spawn(serve(stream, act, Arc::clone(&seen)));
            }
        });
        Self { url, requests }
    }

    fn client(&self) -> CacheClient {
        client(&self.url)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, act: Act, seen: Arc<Mutex<Vec<String>>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 65536];
    loop {
        let read = stream.read(&mut buffer).await.unwrap_or(0);
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if read == 0 || body.len() >= length.unwrap_or(0) {
            break;
        }
    }
    seen.lock().unwrap().push(String::from_utf8_lossy(&request).into_owned());
    match act {
        Act::Say(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Act::Hang => std::future::pending().await,
    }
}

fn client(url: &str) -> CacheClient {
    let patience = Patience {
        connect: Duration::from_secs(2),
        stall: Duration::from_millis(300),
        attempts: 3,
        pause: Duration::from_millis(1),
        longest_pause: Duration::from_secs(2),
        total: Duration::from_secs(3),
    };
    let (url, token) = (url.to_owned(), Token::new("very-secret"));
    CacheClient::new(Options { url, token, user_agent: "snowbank/test".into(), patience }).unwrap()
}

fn answer(status: &str, headers: &str, body: &str) -> Act {
    Act::Say(format!(
        "HTTP/1.1 {status}\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ))
}

fn json(body: &str) -> Act {
    answer("200 OK", "content-type: application/json\r\n", body)
}

/// A script that first gives a download URL of its own, and the client that got it.
async fn blob(
    acts: impl IntoIterator<Item = Act>,
) -> (Script, CacheClient, snowbank_actions::client::DownloadUrl) {
    let blobs = Script::of(acts).await;
    let found =
        format!(r#"{{"ok":true,"signed_download_url":"{}/c/b?sig=signature","matched_key":"k"}}"#, blobs.url);
    let service = Script::of([json(&found)]).await;
    let client = service.client();
    let url = client.lookup("k", &[], "v").await.unwrap().unwrap().url;
    (blobs, client, url)
}

async fn look_up(acts: impl IntoIterator<Item = Act>) -> Result<bool, ClientError> {
    Script::of(acts).await.client().lookup("k", &[], "v").await.map(|found| found.is_some())
}

#[tokio::test]
async fn a_question_is_what_the_npm_client_would_ask() {
    let service = Script::of([json(r#"{"ok":false}"#)]).await;
    assert!(service.client().lookup("k", &["r".to_owned()], "v").await.unwrap().is_none());
    let request = &service.requests()[0];
    assert!(
        request.starts_with(
            "POST /twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL HTTP/1.1\r\n"
        ),
        "{request}"
    );
    assert!(request.contains("authorization: Bearer very-secret\r\n"), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.ends_with(r#"{"key":"k","restore_keys":["r"],"version":"v"}"#), "{request}");
}

#[tokio::test]
async fn what_may_pass_is_tried_again() {
    let good = json(r#"{"ok":false}"#);
    let bad = || answer("500 Internal Server Error", "", "{}");
    assert!(!look_up([bad(), answer("200 OK", "", "<html>"), good.clone()]).await.unwrap());
    let error = look_up([bad()]).await.unwrap_err();
    assert!(error.is_outage() && matches!(error.reason, Reason::Outage { status: 500, .. }), "{error:?}");
    let waited = answer("429 Too Many Requests", "retry-after: 1\r\n", "{}");
    assert!(!look_up([waited, good]).await.unwrap());
}

#[tokio::test]
async fn a_pause_that_is_too_long_is_not_waited_for() {
    let error = look_up([answer("429 Too Many Requests", "retry-after: 3600\r\n", "{}")]).await.unwrap_err();
    assert!(matches!(error.reason, Reason::Limited(Some(wait)) if wait.as_secs() == 3600), "{error:?}");
}

#[tokio::test]
async fn a_server_that_hangs_or_is_not_there_is_an_outage_in_time() {
    assert!(look_up([Act::Hang]).await.unwrap_err().is_outage());
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let error = client(&format!("http://127.0.0.1:{port}")).lookup("k", &[], "v").await.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
}

#[tokio::test]
async fn a_refusal_is_final_and_shows_no_token() {
    let body = r#"{"code":"unauthenticated","msg":"no \u001b[31m valid token"}"#;
    let service = Script::of([answer("401 Unauthorized", "", body)]).await;
    let client = service.client();
    let error = client.lookup("k", &[], "v").await.unwrap_err();
    assert!(matches!(&error.reason, Reason::Denied(text) if text == "no [31m valid token"), "{error:?}");
    assert_eq!(service.requests().len(), 1);
    assert!(!format!("{error:?} {error} {client:?}").contains("very-secret"));
}

#[tokio::test]
async fn reservations_end_in_one_of_three_ways() {
    let reserve = async |act| Script::of([act]).await.client().reserve("k", "v").await;
    let conflict = answer("409 Conflict", "", r#"{"code":"already_exists","msg":"already exists"}"#);
    assert!(matches!(reserve(conflict).await.unwrap(), Reserved::Taken));
    let silent = json(r#"{"ok":false}"#);
    assert!(matches!(reserve(silent).await.unwrap(), Reserved::Taken));
    for denied in [
        json(r#"{"ok":false,"message":"cache write denied: token has no writable scopes"}"#),
        answer("403 Forbidden", "", r#"{"code":"permission_denied","msg":"cache write denied: read only"}"#),
    ] {
        assert!(
            matches!(reserve(denied).await.unwrap(), Reserved::Denied(why) if why.starts_with("cache write denied"))
        );
    }
    let quota = json(r#"{"ok":false,"message":"insufficient usage"}"#);
    assert!(matches!(reserve(quota).await.unwrap_err().reason, Reason::Refused(_)));
    let bad = json(r#"{"ok":true,"signed_upload_url":"file:///etc/passwd"}"#);
    assert!(matches!(reserve(bad).await.unwrap_err().reason, Reason::Garbage(_)));
}

#[tokio::test]
async fn a_read_goes_on_where_it_broke() {
    let broken = Act::Say(
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 2-7/10\r\ncontent-length: 6\r\n\r\ncde".into(),
    );
    let rest = answer("206 Partial Content", "content-range: bytes 5-7/10\r\n", "fgh");
    let (blobs, client, url) = blob([broken, rest]).await;
    let part = client.read(&url, 2..8).await.unwrap();
    assert_eq!((&part.bytes[..], part.total), (&b"cdefgh"[..], 10));
    let requests = blobs.requests();
    assert!(
        requests[0].contains("range: bytes=2-7\r\n") && requests[1].contains("range: bytes=5-7\r\n"),
        "{requests:?}"
    );
    assert!(requests.iter().all(|request| !request.contains("very-secret")), "{requests:?}");
}

#[tokio::test]
async fn a_read_is_cut_at_the_blob_s_end() {
    let (_blobs, client, url) =
        blob([answer("206 Partial Content", "content-range: bytes 0-2/3\r\n", "abc")]).await;
    let part = client.read(&url, 0..100).await.unwrap();
    assert_eq!((&part.bytes[..], part.total), (&b"abc"[..], 3));
}

#[tokio::test]
async fn a_whole_blob_is_taken_only_where_it_was_asked_for() {
    let (_blobs, client, url) = blob([answer("200 OK", "", "abc")]).await;
    assert_eq!(&client.read(&url, 0..100).await.unwrap().bytes[..], b"abc");
    for range in [1..3, 0..2] {
        let error = client.read(&url, range).await.unwrap_err();
        assert!(matches!(error.reason, Reason::Garbage(_)), "{error:?}");
    }
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_is_refused() {
    for act in [
        answer("206 Partial Content", "content-range: bytes 1-3/10\r\n", "abc"),
        answer("206 Partial Content", "", "abc"),
        answer("206 Partial Content", "content-range: bytes 0-2/10\r\ncontent-encoding: gzip\r\n", "abc"),
        answer("206 Partial Content", "content-range: bytes 0-1/10\r\n", "ab"),
        answer("206 Partial Content", "content-range: bytes 0-4/10\r\n", "abcde"),
        answer("416 Range Not Satisfiable", "", ""),
    ] {
        let (_blobs, client, url) = blob([act.clone()]).await;
        let error = client.read(&url, 0..3).await.unwrap_err();
        assert!(!error.is_outage() && !error.is_gone(), "{act:?} {error:?}");
    }
}

#[tokio::test]
async fn a_blob_that_is_gone_is_told_from_an_outage() {
    for status in ["404 Not Found", "403 Forbidden", "410 Gone"] {
        let (blobs, client, url) = blob([answer(status, "", "<Error/>")]).await;
        let error = client.read(&url, 0..3).await.unwrap_err();
        assert!(error.is_gone() && !error.is_outage(), "{error:?}");
        assert_eq!(blobs.requests().len(), 1);
        assert!(!format!("{error:?} {error} {url:?}").contains("signature"));
    }
}

#[tokio::test]
async fn an_upload_that_fails_is_sent_again_from_its_beginning() {
    let blobs = Script::of([answer("503 Busy", "", ""), answer("201 Created", "", "")]).await;
    let reserved = format!(r#"{{"ok":true,"signed_upload_url":"{}/c/b?sig=s"}}"#, blobs.url);
    let client = Script::of([json(&reserved)]).await.client();
    let Reserved::New(url) = client.reserve("k", "v").await.unwrap() else { panic!("it is new") };
    client.upload(&url, Content::Bytes(Bytes::from_static(b"content"))).await.unwrap();
    let requests = blobs.requests();
    assert_eq!(requests.len(), 2);
    assert!(
        requests
            .iter()
            .all(|request| request.contains("x-ms-blob-type: BlockBlob") && request.ends_with("content")),
        "{requests:?}"
    );
    assert_eq!(client.traffic().sent, 25 + 14);
}

#[tokio::test]
async fn an_upload_that_nobody_takes_ends() {
    let blobs = Script::of([Act::Hang]).await;
    let reserved = format!(r#"{{"ok":true,"signed_upload_url":"{}/c/b?sig=s"}}"#, blobs.url);
    let client = Script::of([json(&reserved)]).await.client();
    let Reserved::New(url) = client.reserve("k", "v").await.unwrap() else { panic!("it is new") };
    let error = client.upload(&url, Content::Bytes(Bytes::from_static(b"content"))).await.unwrap_err();
    assert!(matches!(error.reason, Reason::Stalled(_)) && error.is_outage(), "{error:?}");
}
