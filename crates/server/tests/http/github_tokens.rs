//! GitHub's own runtime tokens, with an issuer that the test runs: who is let in, and what forgers try.

use std::time::Duration;

use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, get_current_timestamp};
use serde_json::{Value, json};

use crate::issuer::{FORGED, GENUINE, Issuer, KID, sign};
use crate::support::{Server, TWIRP, VERSION};

fn body(key: &str) -> String {
    json!({ "key": key, "version": VERSION }).to_string()
}

/// Saves as the bearer of this token.
async fn save(server: &Server, token: &str, key: &str, content: &[u8]) {
    let answer = server.twirp_as(token, "CreateCacheEntry", &body(key)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let target = server.target(answer.json()["signed_upload_url"].as_str().unwrap());
    let put = server.bare("PUT", &target, &[("x-ms-blob-type", "BlockBlob")], content).await;
    assert_eq!(put.status, 201, "{put:?}");
    let size = json!({ "key": key, "version": VERSION, "size_bytes": content.len().to_string() });
    let answer = server.twirp_as(token, "FinalizeCacheEntryUpload", &size.to_string()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// What the bearer of this token gets under a key.
async fn restore(server: &Server, token: &str, key: &str) -> Option<Vec<u8>> {
    let answer = server.twirp_as(token, "GetCacheEntryDownloadURL", &body(key)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let url = answer["signed_download_url"].as_str().filter(|url| !url.is_empty())?;
    Some(server.bare("GET", &server.target(url), &[], b"").await.body)
}

/// Status, code and text of the answer to this token.
async fn refusal(server: &Server, token: &str) -> (u16, String, String) {
    let answer = server.twirp_as(token, "GetCacheEntryDownloadURL", &body("k")).await;
    assert!(answer.status >= 400, "{answer:?}");
    (answer.status, answer.twirp_error(), answer.json()["msg"].as_str().unwrap().to_owned())
}

async fn status(server: &Server, token: &str) -> u16 {
    server.twirp_as(token, "GetCacheEntryDownloadURL", &body("k")).await.status
}

/// Asserts that this token proves nothing, and that it is refused for this reason.
async fn assert_refused(server: &Server, token: &str, reason: &str) {
    let refused = refusal(server, token).await;
    assert_eq!(refused, (401, "unauthenticated".to_owned(), reason.to_owned()));
}

#[tokio::test]
async fn a_repository_on_the_list_saves_and_restores() {
    let issuer = Issuer::start().await;
    let nameless = issuer.token(&[("repository", Value::Null)]);
    let named = issuer.token(&[]);
    let without_number = issuer.token(&[("repository_id", Value::Null)]);
    for (allowed, token, repository) in [
        ("17", &nameless, "id/17"),
        ("17", &named, "acme/app"),
        ("17=acme/tool", &nameless, "acme/tool"),
        ("17=acme/tool", &named, "acme/tool"),
        ("Acme/App", &named, "acme/app"),
        ("acme/app", &without_number, "acme/app"),
        ("acme/*", &named, "acme/app"),
    ] {
        let server = issuer.server(&["4711", allowed, "other/*"]).await;
        save(&server, token, "k", b"content").await;
        assert_eq!(restore(&server, token, "k").await.unwrap(), b"content", "{allowed}");
        let same = server.token_for(repository, &["refs/heads/main:r"]);
        assert_eq!(restore(&server, &same, "k").await.unwrap(), b"content", "{allowed} is {repository}");
    }
}

#[tokio::test]
async fn a_genuine_token_of_a_repository_that_is_not_on_the_list_stays_out() {
    let issuer = Issuer::start().await;
    for list in [&[][..], &["171", "1", "acme", "acme/*app", "acme/app2", "app", "*", "acm/*"]] {
        let server = issuer.server(list).await;
        let (status, code, message) = refusal(&server, &issuer.token(&[])).await;
        assert_eq!((status, code.as_str()), (403, "permission_denied"));
        assert!(message.contains("auth.github.allow"), "{message}");
    }
    let server = issuer.server(&["17", "acme/app"]).await;
    let nobody = issuer.token(&[("repository", Value::Null), ("repository_id", Value::Null)]);
    assert_eq!(refusal(&server, &nobody).await.0, 403);
}

#[tokio::test]
async fn a_token_counts_only_in_its_time() {
    let issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    let now = get_current_timestamp();
    let expired = issuer.token(&[("exp", json!(now - 120))]);
    assert_refused(&server, &expired, "the token has expired").await;
    let early = issuer.token(&[("nbf", json!(now + 120))]);
    assert_refused(&server, &early, "the token is not valid yet").await;
}

#[tokio::test]
async fn every_claim_that_counts_must_be_there() {
    let issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    for (claim, value) in [
        ("exp", Value::Null),
        ("nbf", Value::Null),
        ("ac", Value::Null),
        ("exp", json!("tomorrow")),
        ("exp", json!(-1)),
        ("ac", json!([])),
        ("repository_id", json!(17)),
    ] {
        let token = issuer.token(&[(claim, value.clone())]);
        assert_refused(&server, &token, "the token is not valid").await;
    }
    assert_refused(&server, &issuer.token(&[("ac", json!("x"))]), "the token's scopes cannot be read").await;
}

#[tokio::test]
async fn another_issuer_is_unknown_whoever_signed() {
    let issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    for iss in [
        "https://token.actions.githubusercontent.com".to_owned(),
        format!("{}/", issuer.url()),
        format!("{}.example.org", issuer.url()),
    ] {
        let token = issuer.token(&[("iss", json!(iss))]);
        assert_refused(&server, &token, "the token is of an issuer unknown to this server").await;
    }
    let ours = issuer.token(&[("iss", json!("snowbank")), ("admin", json!(true)), ("iat", json!(0))]);
    assert_refused(&server, &ours, "the token's algorithm is not accepted").await;
    assert_refused(&server, &issuer.token(&[("iss", Value::Null)]), "the token is not a JSON web token")
        .await;
    assert_eq!(issuer.asked(), 0, "none of them was worth a question");
}

#[tokio::test]
async fn a_forged_signature_is_noticed() {
    let issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    let claims = issuer.claims();
    let same_name = sign(&FORGED.signing(), Algorithm::RS256, KID, &claims);
    assert_refused(&server, &same_name, "the token's signature is wrong").await;

    let good = issuer.token(&[]);
    let parts: Vec<&str> = good.split('.').collect();
    let wider = issuer.claims_with(&[("repository", json!("acme/other"))]).to_string();
    let changed = format!("{}.{}.{}", parts[0], BASE64_URL_SAFE_NO_PAD.encode(wider), parts[2]);
    assert_refused(&server, &changed, "the token's signature is wrong").await;
    assert_refused(&server, &format!("{}.{}.", parts[0], parts[1]), "the token's signature is wrong").await;
    assert_eq!(status(&server, &good).await, 200);
}

/// A verifier that lets the token choose takes the public key for the secret of an HMAC.
#[tokio::test]
async fn the_token_does_not_choose_the_algorithm() {
    let issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    let claims = issuer.claims();
    let modulus = GENUINE.modulus();
    let pem = GENUINE.public_pem();
    let published = serde_json::to_vec(&GENUINE.published(KID)).unwrap();
    let secrets = [
        EncodingKey::from_secret(&pem),
        EncodingKey::from_secret(pem.trim_ascii_end()),
        EncodingKey::from_secret(modulus.as_bytes()),
        EncodingKey::from_secret(&BASE64_URL_SAFE_NO_PAD.decode(&modulus).unwrap()),
        EncodingKey::from_secret(&published),
        EncodingKey::from_secret(b""),
    ];
    for secret in &secrets {
        for algorithm in [Algorithm::HS256, Algorithm::HS512] {
            let token = sign(secret, algorithm, KID, &claims);
            assert_refused(&server, &token, "the token's algorithm is not accepted").await;
        }
    }
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let token = sign(&GENUINE.signing(), algorithm, KID, &claims);
        assert_refused(&server, &token, "the token's algorithm is not accepted").await;
    }
    let claims = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    for none in ["none", "None", "NONE", ""] {
        let header = json!({ "alg": none, "typ": "JWT", "kid": KID }).to_string();
        let token = format!("{}.{claims}.", BASE64_URL_SAFE_NO_PAD.encode(header));
        assert_refused(&server, &token, "the token is not valid").await;
    }
}

#[tokio::test]
async fn a_secret_in_the_key_set_is_no_key() {
    let issuer = Issuer::start().await;
    let secret = json!({ "kty": "oct", "alg": "HS256", "kid": "secret", "k": "c2VjcmV0" });
    let new_kind = json!({ "kty": "AKP", "alg": "ML-DSA-65", "kid": "new", "pub": "AAAA" });
    let set = json!({ "keys": [new_kind, secret, GENUINE.published(KID)] });
    issuer.answer(StatusCode::OK, set.to_string());
    let server = issuer.server(&["17"]).await;
    let token = sign(&EncodingKey::from_secret(b"secret"), Algorithm::HS256, "secret", &issuer.claims());
    assert_refused(&server, &token, "the token's key is of a kind not accepted").await;
    assert_eq!(status(&server, &issuer.token(&[])).await, 200, "the other keys of the set are read");
}

/// Moves the clock that counts how long ago something was; not the one that dates tokens.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn keys_that_nobody_knows_do_not_make_us_ask_again_and_again() {
    let issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    let stranger = |kid: String| sign(&GENUINE.signing(), Algorithm::RS256, &kid, &issuer.claims());
    let strangers: Vec<String> = (0..12).map(|n| stranger(format!("stranger-{n}"))).collect();
    let refused = strangers.iter().map(|token| refusal(&server, token));
    for (status, _, message) in futures::future::join_all(refused).await {
        assert_eq!(status, 401);
        assert_eq!(message, "the token is signed with a key that its issuer does not publish");
    }
    assert_eq!(issuer.asked(), 1, "all at once are one question");
    assert_eq!(status(&server, &issuer.token(&[])).await, 200);
    pass(Duration::from_secs(29)).await;
    assert_eq!(status(&server, &strangers[0]).await, 401);
    assert_eq!(issuer.asked(), 1);
    pass(Duration::from_secs(2)).await;
    assert_eq!(status(&server, &strangers[0]).await, 401);
    assert_eq!(status(&server, &strangers[1]).await, 401);
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn keys_come_and_go() {
    let issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    let old = issuer.token(&[]);
    let new = sign(&FORGED.signing(), Algorithm::RS256, "key-2", &issuer.claims());
    assert_eq!((status(&server, &old).await, status(&server, &new).await), (200, 401));

    issuer.publish(&[GENUINE.published(KID), FORGED.published("key-2")]);
    pass(Duration::from_secs(31)).await;
    assert_eq!((status(&server, &new).await, status(&server, &old).await), (200, 200));

    issuer.publish(&[FORGED.published("key-2")]);
    pass(Duration::from_secs(3601)).await;
    assert_eq!((status(&server, &old).await, status(&server, &new).await), (401, 200));
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn without_its_issuer_a_token_is_worth_another_try() {
    let mut issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    let token = issuer.token(&[]);
    issuer.go_down().await;
    let (status_, code, message) = refusal(&server, &token).await;
    assert_eq!((status_, code.as_str()), (503, "unavailable"));
    assert_eq!(message, "the issuer's keys could not be fetched");
    assert_eq!(status(&server, &server.token()).await, 200, "our own tokens need nobody");

    issuer.come_back().await;
    let too_large = json!({ "keys": [], "padding": "x".repeat(2 << 20) }).to_string();
    for (answer, body) in [
        (StatusCode::INTERNAL_SERVER_ERROR, "sorry".to_owned()),
        (StatusCode::OK, "<html>".to_owned()),
        (StatusCode::FOUND, String::new()),
        (StatusCode::OK, too_large),
    ] {
        issuer.answer(answer, body);
        pass(Duration::from_secs(2)).await;
        assert_eq!(status(&server, &token).await, 503, "{answer}");
    }
    assert_eq!(issuer.asked(), 4);
    issuer.publish(&[GENUINE.published(KID)]);
    pass(Duration::from_secs(2)).await;
    assert_eq!(status(&server, &token).await, 200);
    issuer.go_down().await;
    assert_eq!(status(&server, &token).await, 200, "a key that is known needs no issuer");
}

#[tokio::test]
async fn who_has_a_known_key_does_not_wait_for_a_silent_issuer() {
    let mut issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    let good = issuer.token(&[]);
    let stranger = sign(&GENUINE.signing(), Algorithm::RS256, "stranger", &issuer.claims());
    assert_eq!(status(&server, &good).await, 200);
    issuer.go_silent().await;
    pass(Duration::from_secs(31)).await;
    let mut waiting = Box::pin(status(&server, &stranger));
    for _ in 0..3 {
        tokio::select! {
            biased;
            status = &mut waiting => panic!("{status} without an answer of the issuer"),
            status = status(&server, &good) => assert_eq!(status, 200),
        }
    }
}

#[tokio::test]
async fn the_permissions_of_a_token_are_kept() {
    let issuer = Issuer::start().await;
    let server = issuer.server(&["17"]).await;
    save(&server, &issuer.token(&[]), "k", b"content").await;

    let grants = |ac: &str| issuer.token(&[("ac", json!(ac))]);
    let reader = grants(
        r#"[{"Scope":"refs/pull/1/merge","Permission":1},{"Scope":"refs/heads/main","Permission":1}]"#,
    );
    assert_eq!(restore(&server, &reader, "k").await.unwrap(), b"content");
    let answer = server.twirp_as(&reader, "CreateCacheEntry", &body("new")).await;
    assert_eq!((answer.status, &answer.json()["ok"]), (200, &json!(false)));
    assert!(answer.json()["message"].as_str().unwrap().starts_with("cache write denied:"));

    let sibling = grants(r#"[{"Scope":"refs/heads/dev","Permission":3}]"#);
    assert_eq!(restore(&server, &sibling, "k").await, None);
    let foreign = issuer.token(&[("repository_id", json!("18")), ("repository", json!("acme/other"))]);
    assert_eq!(refusal(&server, &foreign).await.0, 403);
    let nothing = refusal(&server, &grants("[]")).await;
    assert_eq!(nothing.0, 403);
    assert!(nothing.2.contains("cache read denied:"), "{nothing:?}");
}

/// Trust opens no way around the issuer, and the issuer's tokens need no trust.
#[tokio::test]
async fn trust_and_the_issuer_go_side_by_side() {
    let issuer = Issuer::start().await;
    let server = issuer.server_with(&["17"], |settings| settings.auth.trust_loopback = true).await;
    let call = async |host: &str, token: &str| {
        let text = body("k");
        let head = format!(
            "POST {TWIRP}/GetCacheEntryDownloadURL HTTP/1.1
            content-type: application/json
            Authorization: Bearer {{token}}
            Host: {host}
            Content-Length: {}",
            text.len()
        );
        server.replay_as(token, &head, text.as_bytes()).await.status
    };
    let good = issuer.token(&[]);
    let forged = sign(&FORGED.signing(), Algorithm::RS256, KID, &issuer.claims());
    let strange = issuer.token(&[("iss", json!("https://elsewhere.example"))]);
    for (host, expected) in [("localhost:8484", [200, 401, 200]), ("rebound.example.org", [200, 401, 401])] {
        let got = [call(host, &good).await, call(host, &forged).await, call(host, &strange).await];
        assert_eq!(got, expected, "good, forged and strange under {host}");
    }
    save(&server, &good, "k", b"content").await;
    assert_eq!(restore(&server, &strange, "k").await, None, "who is trusted is another tenant");
}
