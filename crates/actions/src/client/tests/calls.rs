//! Lookups, reservations, finalizing.

use std::time::Duration;

use tokio::net::TcpListener;

use super::script::{Script, TOKEN, answer, json};
use crate::client::{CacheClient, ClientError, Options, Patience, Reserved, Token};

#[tokio::test]
async fn a_lookup_says_who_asks_for_what() {
    let body =
        r#"{"ok":true,"signed_download_url":"http://blob.test/c/1?sig=hidden-sig","matched_key":"Key-1"}"#;
    let script = Script::of(&[&json("200 OK", body)]).await;
    let client = script.client();
    let found = client.lookup("key-2", &["key-".to_owned()], "v").await.unwrap().unwrap();
    assert_eq!((found.key.as_str(), found.url.to_string().as_str()), ("Key-1", "http://blob.test/c/1"));
    let asked = script.asked().remove(0);
    let path =
        "POST /base/twirp/github.actions.results.api.v1.CacheService/GetCacheEntryDownloadURL HTTP/1.1";
    assert!(asked.starts_with(path), "{asked}");
    assert!(asked.contains("authorization: Bearer s3cret-token\r\n"), "{asked}");
    assert!(asked.ends_with(r#"{"key":"key-2","restore_keys":["key-"],"version":"v"}"#), "{asked}");
    let traffic = client.traffic();
    assert_eq!((traffic.requests, traffic.received), (1, body.len() as u64));
}

#[tokio::test]
async fn a_miss_is_none() {
    let script = Script::of(&[&json("200 OK", r#"{"ok":false}"#)]).await;
    assert!(script.client().lookup("k", &[], "v").await.unwrap().is_none());
}

#[tokio::test]
async fn a_conflict_is_taken() {
    let by_status = json("409 Conflict", r#"{"code":"already_exists","msg":"x"}"#);
    let by_text = json("200 OK", r#"{"ok":false,"message":"cache entry already exists"}"#);
    let script = Script::of(&[&by_status, &by_text]).await;
    for _ in 0..2 {
        assert!(matches!(script.client().reserve("k", "v").await.unwrap(), Reserved::Taken));
    }
}

#[tokio::test]
async fn a_token_that_may_only_read_is_denied_in_every_form() {
    let text = "cache write denied: token has no writable scopes";
    let message = json("200 OK", &format!(r#"{{"ok":false,"message":"{text}"}}"#));
    let error = json("403 Forbidden", &format!(r#"{{"code":"permission_denied","msg":"{text}"}}"#));
    let script = Script::of(&[&message, &error]).await;
    for _ in 0..2 {
        let Reserved::Denied(said) = script.client().reserve("k", "v").await.unwrap() else {
            panic!("not denied")
        };
        assert_eq!(said, text);
    }
}

#[tokio::test]
async fn a_token_that_is_not_believed_is_an_error() {
    let refusal =
        json("401 Unauthorized", r#"{"code":"unauthenticated","msg":"the token s3cret-token is old"}"#);
    let script = Script::of(&[&refusal, &refusal]).await;
    let error = script.client().lookup("k", &[], "v").await.unwrap_err();
    assert!(matches!(error, ClientError::Denied { .. }) && !error.is_outage(), "{error:?}");
    assert!(error.to_string().ends_with("(401 Unauthorized): the token *** is old"), "{error}");
    assert!(matches!(script.client().reserve("k", "v").await, Err(ClientError::Denied { .. })));
}

#[tokio::test]
async fn a_wait_that_the_server_asks_for_is_granted() {
    let busy = answer("429 Too Many Requests", "Retry-After: 0\r\n", "");
    let script = Script::of(&[&busy, &json("200 OK", "{}")]).await;
    assert!(script.client().lookup("k", &[], "v").await.unwrap().is_none());
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn a_wait_beyond_the_patience_is_told() {
    let script = Script::of(&[&answer("429 Too Many Requests", "Retry-After: 3600\r\n", "")]).await;
    let error = script.client().lookup("k", &[], "v").await.unwrap_err();
    let ClientError::Limited { retry_after, .. } = error else { panic!("{error:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(3600)));
}

#[tokio::test]
async fn a_failing_server_is_asked_again() {
    let script = Script::of(&[&answer("500 Oops", "", "no"), &json("200 OK", "{}")]).await;
    assert!(script.client().lookup("k", &[], "v").await.unwrap().is_none());
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_an_outage() {
    let failing = answer("503 Busy", "", "no\x1b[31m");
    let script = Script::of(&[&failing, &failing]).await;
    let error = script.client().lookup("k", &[], "v").await.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    assert!(error.to_string().ends_with("answered 503 Service Unavailable: no [31m"), "{error}");
}

#[tokio::test]
async fn answers_that_cannot_be_right_are_garbage() {
    let long = format!(r#"{{"ok":false,"x":"{}"}}"#, "x".repeat(65 << 10));
    let other = r#"{"ok":true,"signed_download_url":"http://blob.test/c/1?sig=s","matched_key":"other"}"#;
    let no_url = r#"{"ok":true,"signed_download_url":"file:///x?sig=hidden-sig","matched_key":"k"}"#;
    for body in ["<html>login", "{\"ok\":\"false\"}", other, no_url, &long] {
        let script = Script::of(&[&answer("200 OK", "", body)]).await;
        let error = script.client().lookup("k", &[], "v").await.unwrap_err();
        assert!(matches!(error, ClientError::Garbage { .. }), "{body:.40}: {error:?}");
        assert!(!format!("{error}{error:?}").contains("hidden-sig"), "{error:?}");
    }
}

#[tokio::test]
async fn a_hanging_server_is_given_up() {
    let script = Script::of(&["", ""]).await;
    let error = script.client().lookup("k", &[], "v").await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error:?}");
}

#[tokio::test]
async fn no_attempt_begins_behind_the_deadline() {
    let script = Script::of(&["", ""]).await;
    let patience = Patience { total: Duration::from_millis(500), attempts: 99, ..Patience::default() };
    assert!(script.patient(patience).lookup("k", &[], "v").await.unwrap_err().is_outage());
    assert_eq!(script.asked().len(), 1);
}

#[tokio::test]
async fn an_absent_server_is_an_outage() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let patience = Patience { attempts: 1, ..Patience::default() };
    let options = Options { url, token: Token::new(TOKEN), user_agent: "test".to_owned(), patience };
    let error = CacheClient::new(options).unwrap().lookup("k", &[], "v").await.unwrap_err();
    assert!(error.is_outage(), "{error:?}");
    assert!(!format!("{error:?}").contains("twirp"), "{error:?}");
}

#[tokio::test]
async fn a_redirect_does_not_carry_the_token_elsewhere() {
    let elsewhere = Script::of(&[&json("200 OK", "{}")]).await;
    let redirect = answer("307 T", &format!("Location: {}/there\r\n", elsewhere.url), "");
    let script = Script::of(&[&redirect]).await;
    assert!(script.client().lookup("k", &[], "v").await.unwrap().is_none());
    assert!(script.asked()[0].contains(TOKEN));
    let carried = elsewhere.asked().remove(0);
    assert!(!carried.contains(TOKEN) && !carried.contains("referer"), "{carried}");
}

#[tokio::test]
async fn a_finalize_gives_the_entrys_number() {
    let script = Script::of(&[
        &json("200 OK", r#"{"ok":true,"entry_id":"17"}"#),
        &json("200 OK", r#"{"ok":true}"#),
        &json("200 OK", r#"{"ok":false,"message":"too late"}"#),
    ])
    .await;
    let client = script.client();
    assert_eq!(client.finalize("k", "v", 1294).await.unwrap(), 17);
    assert!(script.asked()[0].ends_with(r#"{"key":"k","size_bytes":"1294","version":"v"}"#));
    assert!(matches!(client.finalize("k", "v", 1).await, Err(ClientError::Garbage { .. })));
    let error = client.finalize("k", "v", 1).await.unwrap_err();
    assert!(error.to_string().ends_with("answered 200 OK: too late"), "{error}");
}

#[test]
fn a_client_needs_a_url_and_a_token_and_shows_neither() {
    let options = |url: &str, token: &str| Options {
        url: url.to_owned(),
        token: Token::new(token),
        user_agent: "test".to_owned(),
        patience: Patience::default(),
    };
    for (url, token) in [("", TOKEN), ("ftp://x", TOKEN), ("http://x", ""), ("http://x", "s3cret\r\nx: y")] {
        let error = CacheClient::new(options(url, token)).unwrap_err();
        assert!(matches!(error, ClientError::Usage(_)), "{error:?}");
        assert!(!format!("{error}{error:?}").contains("s3cret"), "{error:?}");
    }
    let client = CacheClient::new(options("http://x/a?b=s3cret", TOKEN)).unwrap();
    assert!(!format!("{client:?}{:?}", options("http://x", TOKEN)).contains("s3cret"), "{client:?}");
}
