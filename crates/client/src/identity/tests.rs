//! Forges and servers, some of them not as they should be.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::RawQuery;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use tokio::net::TcpListener;

use super::*;

async fn listening(router: Router) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn server(status: StatusCode, answer: &'static str) -> String {
    let exchange =
        post(move |body: String| async move { (status, answer.replace("ASKED", &body.replace('"', ""))) });
    listening(Router::new().route("/below/api/v1/oidc/token", exchange)).await + "/below/"
}

async fn prove(source: IdentitySource, server: &str) -> Result<Proof, IdentityError> {
    source.prove(server, "https://a b", "test").await
}

fn given() -> IdentitySource {
    IdentitySource::Given("hidden".to_owned())
}

/// The error with all that is behind it.
fn told(error: &IdentityError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_token_is_given_for_the_identity() {
    let server = server(StatusCode::OK, r#"{"token": "ours", "expires_in": 900}"#).await;
    let proof = prove(given(), &server).await.unwrap();
    assert_eq!(proof, Proof { token: "ours".into(), valid: Duration::from_secs(900) });
    assert!(!format!("{proof:?} {:?}", given()).contains("hidden") && !format!("{proof:?}").contains("ours"));
}

#[tokio::test]
async fn github_is_asked_for_the_audience_and_again_while_it_is_down() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&asked);
    let github = get(move |RawQuery(query): RawQuery, headers: HeaderMap| async move {
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            return (StatusCode::BAD_GATEWAY, String::new());
        }
        assert_eq!(query.as_deref(), Some("api-version=2.0&audience=https%3A%2F%2Fa+b"));
        assert_eq!(headers["authorization"], "Bearer asking");
        (StatusCode::OK, r#"{"count": 4, "value": "hidden"}"#.to_owned())
    });
    let url = listening(Router::new().route("/token", github)).await + "/token?api-version=2.0";
    let server = server(StatusCode::OK, r#"{"token": "ours"}"#).await;
    let github = IdentitySource::Github { url, token: "asking".to_owned() };
    assert_eq!(prove(github, &server).await.unwrap().token, "ours");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_refusal_is_told_without_what_was_refused() {
    let server = server(StatusCode::FORBIDDEN, r#"{"message": "no rule for hidden"}"#).await;
    let error = prove(given(), &server).await.unwrap_err();
    assert!(matches!(error, IdentityError::Refused(ClientError::Denied { .. })), "{error:?}");
    assert!(told(&error).ends_with("no rule for ***"), "{}", told(&error));
}

#[tokio::test]
async fn answers_that_are_none_are_refused() {
    let long: &'static str = format!(r#"{{"token": "{}"}}"#, "a".repeat(64 << 10)).leak();
    for answer in ["", "<html>", r#"{"value": "x"}"#, r#"{"token": ""}"#, r#"{"token": "a\nb"}"#, long] {
        let error = prove(given(), &server(StatusCode::OK, answer).await).await.unwrap_err();
        assert!(matches!(error, IdentityError::Refused(ClientError::Garbage { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn an_identity_is_shown_to_no_other_machine_unencrypted() {
    assert!(matches!(prove(given(), "http://192.0.2.1").await, Err(IdentityError::Open)));
    for wrong in ["", "host", "ftp://host", "https://me:hidden@host"] {
        let error = prove(given(), wrong).await.unwrap_err();
        assert!(matches!(error, IdentityError::Server(_)) && !told(&error).contains("hidden"), "{error:?}");
    }
    let github = IdentitySource::Github { url: "file:///x".to_owned(), token: String::new() };
    assert!(matches!(prove(github, "https://host").await, Err(IdentityError::Forge)));
}
