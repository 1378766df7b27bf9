//! Who may do what, as the clients are told.

use crate::support::{Server, TWIRP, VERSION};

fn create() -> String {
    format!(r#"{{"key":"k","version":"{VERSION}"}}"#)
}

#[tokio::test]
async fn without_a_valid_token_nothing_is_answered() {
    let server = Server::start().await;
    for token in ["", "nonsense", "a.b.c", &format!("{}x", server.token())] {
        let answer = server.twirp_as(token, "CreateCacheEntry", &create()).await;
        assert_eq!((answer.status, answer.twirp_error().as_str()), (401, "unauthenticated"), "{token}");
    }
    let bare = server.bare("GET", "/_apis/artifactcache/cache?keys=k&version=v", &[], b"").await;
    assert_eq!(bare.status, 401);
    assert!(bare.json()["message"].is_string());
}

/// The npm client shows the text only in this form; 4.1 and 6.3 both do.
#[tokio::test]
async fn the_npm_client_is_told_that_its_token_only_reads() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    let token = server.token_for("acme/app", &["refs/heads/main:r"]);
    let answer = server.twirp_as(&token, "CreateCacheEntry", &create()).await;
    assert_eq!((answer.status, &answer.json()["ok"]), (200, &serde_json::json!(false)));
    assert!(answer.json()["message"].as_str().unwrap().starts_with("cache write denied:"));
    let finalize = server.twirp_as(&token, "FinalizeCacheEntryUpload", &create()).await;
    assert_eq!((finalize.status, finalize.twirp_error().as_str()), (403, "permission_denied"));
    assert_eq!(server.twirp_as(&token, "GetCacheEntryDownloadURL", &create()).await.json()["ok"], true);
}

#[tokio::test]
async fn a_token_that_only_writes_cannot_restore() {
    let server = Server::start().await;
    let token = server.token_for("acme/app", &["refs/heads/main:w"]);
    let answer = server.twirp_as(&token, "GetCacheEntryDownloadURL", &create()).await;
    assert_eq!((answer.status, answer.twirp_error().as_str()), (403, "permission_denied"));
    assert!(answer.json()["msg"].as_str().unwrap().contains("cache read denied:"));
}

#[tokio::test]
async fn the_older_protocol_has_the_same_words() {
    let server = Server::start().await;
    let call = |grant: &'static str, head: String, body: String| {
        let token = server.token_for("acme/app", &[grant]);
        let server = &server;
        async move {
            let head = format!(
                "{head}\nAuthorization: Bearer {{token}}\nHost: {{host}}\nContent-Length: {}",
                body.len()
            );
            let answer = server.replay_as(&token, &head, body.as_bytes()).await;
            (answer.status, answer.json()["message"].as_str().unwrap().to_owned())
        }
    };
    let (status, message) =
        call("refs/heads/main:r", "POST /_apis/artifactcache/caches HTTP/1.1".into(), create()).await;
    assert!(status == 403 && message.starts_with("cache write denied:"), "{status} {message}");
    let find = "GET /_apis/artifactcache/cache?keys=k&version=v HTTP/1.1".to_owned();
    let (status, message) = call("refs/heads/main:w", find, String::new()).await;
    assert!(status == 403 && message.contains("cache read denied:"), "{status} {message}");
}

#[tokio::test]
async fn scopes_and_repositories_are_kept_apart() {
    let server = Server::start().await;
    server.save("k", b"content").await;
    for (repository, grants, seen) in [
        ("acme/app", &["refs/heads/dev:rw", "refs/heads/main:r"][..], true),
        ("ACME/App", &["refs/heads/main:r"], true),
        ("acme/app", &["refs/heads/dev:rw"], false),
        ("acme/other", &["refs/heads/main:rw"], false),
        ("other/app", &["refs/heads/main:rw"], false),
    ] {
        let token = server.token_for(repository, grants);
        let answer = server.twirp_as(&token, "GetCacheEntryDownloadURL", &create()).await;
        assert_eq!(answer.json()["ok"], seen, "{repository} {grants:?}");
    }
}

#[tokio::test]
async fn trust_is_for_loopback_hosts_only() {
    let server = Server::with(|settings| settings.auth.trust_loopback = true).await;
    let body = create();
    let call = async |host: &str| {
        let head = format!(
            "POST {TWIRP}/GetCacheEntryDownloadURL HTTP/1.1
            content-type: application/json
            Host: {host}
            Content-Length: {}",
            body.len()
        );
        server.replay(&head, body.as_bytes()).await.status
    };
    assert_eq!(call("localhost").await, 200);
    assert_eq!(call("127.0.0.1:1").await, 200);
    assert_eq!(call("rebound.example.org").await, 401);
}
