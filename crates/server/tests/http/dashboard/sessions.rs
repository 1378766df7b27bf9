//! Signing in, and what a session is good for.

use std::time::Duration;

use snowbank_server::service::{CacheGrant, Rights};
use snowbank_server::settings::CacheSettings;

use super::stock::keep;
use super::{FORM, OPENS, OURS, open, send, shown, signed_in};
use crate::support::Server;

const DAY: Duration = Duration::from_secs(86_400);

#[tokio::test]
async fn an_administrator_signs_in_and_out() {
    let server = Server::start().await;
    keep(&*server.catalog, "acme/app", "refs/heads/main", "k", 5).await;
    let cookie = signed_in(&server, &server.admin()).await;
    assert!(shown(&server, &cookie, "/").await.contains(r#"<a href="/r/acme/app">"#));
    let answer = send(&server, &cookie, "/sign-out", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"), "{answer:?}");
}

#[tokio::test]
async fn the_cookie_is_sealed_and_kept_from_scripts_and_other_sites() {
    for (url, secure) in [("", false), ("https://cache.example", true)] {
        let server = Server::with(|settings| settings.public_url = url.to_owned()).await;
        let token = server.admin();
        let answer = send(&server, "", "/sign-in", &[("token", &token)]).await;
        let cookie = answer.header("set-cookie").unwrap();
        for attribute in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=43200"] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
        assert_eq!(cookie.starts_with("__Host-"), secure, "{cookie}");
        assert!(token.split('.').all(|part| !cookie.contains(part)), "{cookie}");
    }
}

#[tokio::test]
async fn a_wrong_token_begins_no_session() {
    let server = Server::start().await;
    let mut other = server.admin();
    other.replace_range(other.len() - 5.., "AAAAA");
    for token in ["", "nonsense", "a.b.c", &other, &"x".repeat(20_000)] {
        let answer = send(&server, "", "/sign-in", &[("token", token)]).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (401, None), "{answer:?}");
        assert!(answer.text().contains("You were not signed in"));
        assert!(token.is_empty() || !answer.text().contains(token));
    }
}

/// Whoever is on a loopback address is believed without a token, and with any: that must make no session.
#[tokio::test]
async fn a_wrong_token_is_wrong_where_everybody_is_believed() {
    let server = Server::with(|settings| settings.auth.trust_loopback = true).await;
    assert_eq!(send(&server, "", "/sign-in", &[("token", "nonsense")]).await.status, 401);
}

#[tokio::test]
async fn a_session_ends_when_its_token_is_revoked() {
    let server = Server::start().await;
    let token = server.service.create_token(&Rights::Admin, "for a test", DAY).await.unwrap();
    let cookie = signed_in(&server, &token).await;
    assert_eq!(open(&server, &cookie, "/").await.status, 200);
    let id = server.service.tokens().await.unwrap()[0].id.clone();
    server.service.revoke_tokens(&[id]).await.unwrap();
    let answer = open(&server, &cookie, "/").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_to_the_door_and_back() {
    let server = Server::start().await;
    let answer = open(&server, "", "/r/acme/app?key=a%20b").await;
    let door = "/sign-in?to=%2Fr%2Facme%2Fapp%3Fkey%3Da%2520b";
    assert_eq!((answer.status, answer.header("location")), (303, Some(door)));
    assert!(shown(&server, "", door).await.contains(r#"name="to" value="/r/acme/app?key=a%20b""#));
    let sent = async |to: &str| {
        let answer = send(&server, "", "/sign-in", &[("token", &server.admin()), ("to", to)]).await;
        answer.header("location").unwrap().to_owned()
    };
    assert_eq!(sent("/r/acme/app?key=a%20b").await, "/r/acme/app?key=a%20b");
    for elsewhere in ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"] {
        assert_eq!(sent(elsewhere).await, "/", "{elsewhere}");
    }
}

#[tokio::test]
async fn a_job_sees_its_own_repository_and_its_own_refs() {
    let server = Server::start().await;
    for (repository, scope) in
        [("acme/app", "refs/heads/main"), ("acme/app", "refs/heads/other"), ("acme/lib", "m")]
    {
        keep(&*server.catalog, repository, scope, &format!("key-of-{}", scope.replace('/', "-")), 5).await;
    }
    let cookie = signed_in(&server, &server.token()).await;
    let page = shown(&server, &cookie, "/").await;
    assert!(page.contains("/r/acme/app") && !page.contains("acme/lib"), "{page}");
    let page = shown(&server, &cookie, "/r/acme/app").await;
    assert!(page.contains("key-of-refs-heads-main") && !page.contains("key-of-refs-heads-other"), "{page}");
    let page = shown(&server, &cookie, "/r/acme/app/next").await;
    assert!(page.contains("key-of-refs-heads-main") && !page.contains("key-of-refs-heads-other"), "{page}");
    for hidden in ["/r/acme/lib", "/r/acme/lib/next", "/r/acme/nothing", "/next"] {
        let answer = open(&server, &cookie, hidden).await;
        assert_eq!(answer.status, 404, "{hidden}");
        assert!(answer.text().contains("<h1>Not found</h1>"), "{hidden}");
    }
}

#[tokio::test]
async fn a_token_for_binary_caches_sees_those() {
    let server = Server::with(|settings| {
        for name in ["team-a", "other"] {
            settings.caches.insert(name.to_owned(), CacheSettings::default());
        }
        settings.caches.insert("open".to_owned(), CacheSettings { public: true, ..CacheSettings::default() });
    })
    .await;
    keep(&*server.catalog, "acme/app", "refs/heads/main", "k", 5).await;
    let grants: Vec<CacheGrant> = vec!["team-*:pull".parse().unwrap()];
    let token = server.service.mint(&Rights::Caches(grants), DAY).unwrap();
    let cookie = signed_in(&server, &token).await;
    let page = shown(&server, &cookie, "/").await;
    assert!(page.contains("/c/team-a") && page.contains("/c/open"), "{page}");
    assert!(!page.contains("/c/other") && !page.contains("acme/app"), "{page}");
    assert!(shown(&server, &cookie, "/c/team-a").await.contains("team-a-1:"));
    assert_eq!(open(&server, &cookie, "/c/other").await.status, 404);
    assert_eq!(open(&server, &cookie, "/r/acme/app").await.status, 404);

    assert!(shown(&server, "", "/c/open").await.contains("open-1:"));
    assert_eq!(open(&server, "", "/c/team-a").await.header("location"), Some("/sign-in?to=%2Fc%2Fteam-a"));
    assert_eq!(open(&server, "", "/c/nothing").await.header("location"), Some("/sign-in?to=%2Fc%2Fnothing"));
}

/// A page of somebody's browser can reach a loopback address under its own name.
#[tokio::test]
async fn on_this_machine_nobody_signs_in_but_under_its_own_name() {
    let server = Server::with(|settings| settings.auth.trust_loopback = true).await;
    keep(&*server.catalog, "local/local", "refs/heads/main", "k", 5).await;
    keep(&*server.catalog, "acme/app", "refs/heads/main", "k", 5).await;
    let page = shown(&server, "", "/").await;
    assert!(page.contains("/r/local/local") && !page.contains("acme/app"), "{page}");
    let foreign = "GET / HTTP/1.1\nHost: evil.example\nAccept: text/html";
    assert_eq!(server.replay(foreign, b"").await.header("location"), Some("/sign-in"));
    let body = b"id=1&sure=yes";
    let head = format!(
        "POST /r/local/local/delete HTTP/1.1\nHost: evil.example\n{}: {}\n{}: {}\nContent-Length: {}",
        FORM.0,
        FORM.1,
        OURS.0,
        OURS.1,
        body.len()
    );
    assert_eq!(server.replay(&head, body).await.status, 401);
}

#[tokio::test]
async fn a_program_gets_a_line_of_text() {
    let server = Server::start().await;
    let answer = server.bare("GET", "/", &[("Accept", "*/*")], b"").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let answer = server.bare("GET", "/nowhere", &[("Accept", "*/*")], b"").await;
    assert_eq!((answer.status, answer.text().as_str()), (404, "there is nothing here\n"));
    let answer = server.bare("GET", "/nowhere", &[OPENS], b"").await;
    assert!(answer.status == 404 && answer.text().contains("<h1>Not found</h1>"), "{answer:?}");
}
